"""Read corpora of every kind, and refuse bad ones with every fault."""

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow.parquet import write_table

from tagdesk.models.reading.article import MAX_BODY, MAX_TITLE
from tagdesk.training.corpora.corpus import Corpus, LabelledArticle, read_corpus
from tagdesk.training.corpora.never_train import never_train_ids
from tests.training.conftest import DATA, SHARED, WriteCorpus
from tests.training.corpora.files import refusal, write_csv

ROW: dict[str, Any] = {"id": "a-1", "title": "Fire", "body": "A fire broke out.", "topics": ["disaster"]}


def as_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path = path.with_suffix(".jsonl")
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def as_gzip(path: Path, rows: list[dict[str, Any]]) -> Path:
    path = path.with_suffix(".jsonl.gz")
    path.write_bytes(gzip.compress("\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()))
    return path


def as_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    return write_csv(path.with_suffix(".csv"), rows)


def as_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    path = path.with_suffix(".parquet")
    write_table(pa.Table.from_pylist(rows), path)
    return path


WRITERS: list[Callable[[Path, list[dict[str, Any]]], Path]] = [as_jsonl, as_gzip, as_csv, as_parquet]
everywhere = pytest.mark.parametrize("write", WRITERS)


def test_every_kind_of_file_is_read_alike(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    corpora = [read_corpus(write(tmp_path / "news", rows)) for write in WRITERS]
    expected = tuple(
        LabelledArticle(row["id"], row["title"], row["body"], (), tuple(row["topics"]), row["date"], row["language"])
        for row in rows
    )
    for corpus in corpora:
        assert corpus.name == "news"
        assert corpus.articles == expected
        assert corpus.account.never_train == 0


@everywhere
def test_labels_and_their_probability_are_read_alike(
    tmp_path: Path, write: Callable[[Path, list[dict[str, Any]]], Path]
) -> None:
    row: dict[str, Any] = {
        "id": "1",
        "title": "",
        "body": "line one\nline “two”, three",
        "labels": ["Law, order", "Sport"],
    }
    rows = [row | {"label_prob": 0.5}, row | {"id": "2", "label_prob": 1.0}]
    found = read_corpus(write(tmp_path / "news", rows)).articles
    assert [(one.labels, one.topics, one.label_prob) for one in found] == [
        (("Law, order", "Sport"), None, 0.5),
        (("Law, order", "Sport"), None, 1.0),
    ]
    assert found[0].body == row["body"]


@everywhere
def test_columns_that_are_not_known_are_ignored(
    tmp_path: Path, write: Callable[[Path, list[dict[str, Any]]], Path]
) -> None:
    found = read_corpus(write(tmp_path / "news", [ROW | {"story": "x", "partial": "y"}]))
    assert found.articles == read_corpus(as_jsonl(tmp_path / "plain", [ROW])).articles


@everywhere
def test_value_that_is_not_there_is_null_or_empty(
    tmp_path: Path, write: Callable[[Path, list[dict[str, Any]]], Path]
) -> None:
    """A null in each column that may be empty, and a value in another row."""
    full = ROW | {"date": "2020-02-29", "language": "en", "label_prob": 0.5, "labels": ["Fire"]}
    bare = ROW | {"id": "a-2", "title": None, "date": None, "language": None, "label_prob": None, "labels": None}
    _, found = read_corpus(write(tmp_path / "news", [full, bare])).articles
    assert found == LabelledArticle("a-2", "", ROW["body"], (), ("disaster",), None, None, 1.0)


@pytest.mark.parametrize("change", [{"topics": None}, {"topics": ""}, {"topics": "NULL"}])
def test_row_without_a_label_is_left_out_and_counted(write_corpus: WriteCorpus, change: dict[str, Any]) -> None:
    corpus = read_corpus(write_corpus([ROW, ROW | {"id": "b"} | change]))
    assert ([one.id for one in corpus.articles], corpus.account.unlabelled) == (["a-1"], 1)
    assert "rows left out: 1 without a label" in list(corpus.account.lines())


@pytest.mark.parametrize(
    "change", [{"body": None, "title": ""}, {"body": " \n", "title": " "}, {"body": "<p></p>", "title": ""}]
)
def test_row_without_a_text_is_left_out_and_counted(write_corpus: WriteCorpus, change: dict[str, Any]) -> None:
    corpus = read_corpus(write_corpus([ROW, ROW | {"id": "b"} | change]))
    assert (len(corpus.articles), corpus.account.without_text) == (1, 1)


def test_empty_cell_of_a_csv_is_no_list_of_no_topics(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text("id,body,topics,labels\n1,a,,Fire\n2,a,,\n")
    assert read_corpus(path).account.unlabelled == 1


def test_index_column_that_pandas_writes_is_ignored(tmp_path: Path) -> None:
    """`DataFrame.to_csv` writes a first column without a name."""
    path = tmp_path / "news.csv"
    path.write_text(",id,title,body,topics\n0,a-1,Fire,A fire broke out.,disaster\n1,a-2,Fire,A fire.,disaster\n")
    assert [one.id for one in read_corpus(path).articles] == ["a-1", "a-2"]


def test_csv_separates_topics_by_semicolon_bar_or_comma(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text('id,body,topics\n1,a,crime; sport\n2,a,crime|sport\n3,a,"crime,sport"\n4,a,crime;;crime\n')
    found = [one.topics for one in read_corpus(path).articles]
    assert found == [("crime", "sport")] * 3 + [("crime",)]


def test_article_may_have_a_title_only(write_corpus: WriteCorpus) -> None:
    """A flash has no body yet."""
    corpus = read_corpus(write_corpus([ROW, ROW | {"id": "2", "body": None}]))
    assert (corpus.articles[1].title, corpus.articles[1].body, corpus.account.bodiless) == ("Fire", "", 1)


def test_article_of_no_topic_is_read(write_corpus: WriteCorpus) -> None:
    assert read_corpus(write_corpus([ROW | {"topics": []}])).articles[0].topics == ()


@pytest.mark.parametrize("day", [date(2020, 2, 29), datetime(2020, 2, 29, 12, 30)])  # noqa: DTZ001
def test_parquet_date_is_a_day(tmp_path: Path, day: date) -> None:
    path = as_parquet(tmp_path / "news", [ROW | {"date": day}])
    assert read_corpus(path).articles[0].date == "2020-02-29"


@pytest.mark.parametrize("written", ["2020-02-29", "2020-02-29T10:00:00Z", "2020-02-29 10:00"])
def test_date_with_a_time_is_its_day(write_corpus: WriteCorpus, written: str) -> None:
    assert read_corpus(write_corpus([ROW | {"date": written}])).articles[0].date == "2020-02-29"


def test_number_is_an_id(write_corpus: WriteCorpus) -> None:
    assert read_corpus(write_corpus([ROW | {"id": 17}])).articles[0].id == "17"


def test_sha_and_source_of_a_corpus_are_kept(tmp_path: Path) -> None:
    path = as_gzip(tmp_path / "news", [ROW])
    (tmp_path / "news.source.json").write_text('{"date": "2026-11-01", "url": "https://example.org"}')
    corpus = read_corpus(path)
    assert corpus.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert corpus.source == {"date": "2026-11-01", "url": "https://example.org"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": ["x"]}, "id: must be text or a number, not list"),
        ({"id": True}, "id: must be text or a number, not bool"),
        ({"body": ["a"]}, "body: must be text"),
        ({"body": "x" * (MAX_BODY + 1)}, "body: 1,000,001 characters, at most 1,000,000"),
        ({"title": 5}, "title: must be text, not int"),
        ({"title": "x" * (MAX_TITLE + 1)}, "title: 10,001 characters, at most 10,000"),
        ({"language": {}}, "language: must be text, not dict"),
        ({"body": "a\ud83d"}, "body: has a lone surrogate"),
        ({"title": "a\ud83d"}, "title: has a lone surrogate"),
        ({"id": "a\ud83d"}, "id: has a lone surrogate"),
        ({"topics": True}, "topics: 'True' holds no labels"),
        ({"topics": [[3]]}, "topics: '[[3]]' holds no labels"),
        ({"labels": {"a": 1}}, "labels: \"{'a': 1}\" holds no labels"),
        ({"topics": ["disaster", "catastrophe"]}, "topics: unknown topic 'catastrophe'"),
        ({"label_prob": 1.5}, "label_prob: 1.5 is not a number from 0 to 1"),
        ({"label_prob": float("nan")}, "label_prob: nan is not a number from 0 to 1"),
        ({"label_prob": 10**400}, "label_prob: 1000"),
        ({"label_prob": "high"}, "label_prob: 'high' is not a number from 0 to 1"),
    ],
)
def test_bad_row_is_refused_with_file_line_field_and_reason(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = as_jsonl(tmp_path / "news", [ROW | {"id": "ok"}, ROW | change])
    sentence = refusal(path, topics=["disaster"])
    assert f"{path} has 1 bad row;" in sentence
    assert f"news.jsonl:2: {said}" in sentence


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "not JSON"), ("[]", "not a JSON object"), ('"id"', "not a JSON object"), ("[" * 100_000, "not JSON")],
)
def test_line_that_is_no_json_object_is_a_bad_row(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "news.jsonl"
    path.write_text(f"{json.dumps(ROW)}\n\n{line}\n")
    assert f"news.jsonl:3: {said}" in refusal(path)


@everywhere
def test_all_bad_rows_are_counted_and_the_first_twenty_shown(
    tmp_path: Path, write: Callable[[Path, list[dict[str, Any]]], Path]
) -> None:
    rows = [ROW | {"id": f"a-{i}", "title": "x" * (MAX_TITLE + 1) if i % 2 else "text"} for i in range(60)]
    lines = refusal(write(tmp_path / "news", rows)).splitlines()
    assert lines[0].endswith("has 30 bad rows; nothing was used:")
    assert len(lines) == 22
    assert all("title: 10,001 characters" in line for line in lines[1:21])
    assert lines[21].strip() == "… and 10 more"


def test_row_with_two_faults_is_one_bad_row_with_both(write_corpus: WriteCorpus) -> None:
    sentence = refusal(write_corpus([ROW | {"title": 5, "label_prob": 3}]))
    assert "has 1 bad row" in sentence
    assert "title: must be text" in sentence
    assert "label_prob: 3" in sentence


@everywhere
def test_rows_of_one_id_and_text_are_one_article(
    tmp_path: Path, write: Callable[[Path, list[dict[str, Any]]], Path]
) -> None:
    """As a join of articles and labels has a row for each label."""
    corpus = read_corpus(write(tmp_path / "news", [ROW, ROW | {"id": "b"}, ROW | {"topics": ["weather"]}]))
    assert [(one.id, one.topics) for one in corpus.articles] == [("a-1", ("disaster", "weather")), ("b", ("disaster",))]
    assert corpus.account.joined == 1


def test_of_revisions_the_newest_counts(write_corpus: WriteCorpus) -> None:
    """By its date, else the last row; a revision has the same id, and the title or the beginning of the other."""
    old = ROW | {"date": "2026-11-01", "body": "Smoke was seen."}
    new = ROW | {"date": "2026-11-02", "topics": ["weather"]}
    for rows in ([old, new], [new, old], [old | {"date": None}, new | {"date": None}]):
        corpus = read_corpus(write_corpus(rows))
        assert [(one.body, one.topics) for one in corpus.articles] == [(ROW["body"], ("weather",))]
        assert corpus.account.revised == 1
        assert "1 older revisions of an article (same id)" in " ".join(corpus.account.lines())


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("23/11/2026 9:05", "23/11/2026 10:05"),
        ("2026-11-23T10:30:00+02:00", "2026-11-23T09:05:00Z"),
        ("23 November 2026 10:05 a.m.", "23 November 2026 1:05 p.m."),
        ("1795424700", "1795424701"),
        ("46349.4", "46349.5"),
        ("Mon, 23 Nov 2026", "Mon, 23 Nov 2026 10:05:00 +0000"),
    ],
)
def test_of_revisions_of_one_day_the_later_counts(write_corpus: WriteCorpus, earlier: str, later: str) -> None:
    old, new = ROW | {"date": earlier, "body": "Smoke was seen."}, ROW | {"date": later}
    for rows in ([old, new], [new, old]):
        assert [article.body for article in read_corpus(write_corpus(rows)).articles] == [ROW["body"]]


def test_row_of_one_text_and_another_date_is_a_revision(write_corpus: WriteCorpus) -> None:
    rows = [ROW | {"date": "2026-11-02"}, ROW | {"date": "2026-11-01", "topics": ["weather"]}]
    assert [one.topics for one in read_corpus(write_corpus(rows)).articles] == [("disaster",)]


@pytest.mark.parametrize("identity", ["not available", 0, "-"])
def test_id_of_several_different_articles_is_no_id(write_corpus: WriteCorpus, identity: Any) -> None:
    """The texts make their ids, as where a file has none; that is said."""
    texts = [ROW | {"id": identity, "title": f"Story {i}", "body": f"Text {i}."} for i in range(4)]
    corpus = read_corpus(write_corpus([*texts, ROW, texts[0] | {"topics": ["weather"]}]))
    assert len({one.id for one in corpus.articles}) == 5
    assert corpus.account.no_ids == {str(identity): 5}
    assert corpus.articles[0].topics == ("disaster", "weather")
    assert f"{str(identity)!r} (5 articles)" in " ".join(corpus.account.lines())


@pytest.mark.parametrize("count", [4, 60])
def test_id_of_several_texts_with_nothing_but_the_title_in_common_is_none(
    write_corpus: WriteCorpus, count: int
) -> None:
    rows = [ROW | {"id": "0", "title": "Brief", "body": f"Text {i}."} for i in range(count)]
    assert len(read_corpus(write_corpus(rows)).articles) == count


def test_article_of_many_revisions_that_begin_alike_is_one(write_corpus: WriteCorpus) -> None:
    rows = [
        ROW | {"body": f"Smoke was seen over the harbour of the old town on Monday, the fire brigade says. {i} boats."}
        for i in range(9)
    ]
    assert [article.body[-8:] for article in read_corpus(write_corpus(rows)).articles] == ["8 boats."]


def test_row_without_an_id_gets_one(write_corpus: WriteCorpus) -> None:
    corpus = read_corpus(write_corpus([ROW, ROW | {"id": None, "title": "Other"}, ROW | {"id": " ", "title": "More"}]))
    assert len({one.id for one in corpus.articles} - {""}) == 3


@pytest.mark.parametrize("size", [10, -300, -6])
def test_truncated_gzip_is_refused_as_such(tmp_path: Path, size: int) -> None:
    path = as_gzip(tmp_path / "news", [ROW | {"id": str(i)} for i in range(2000)])
    path.write_bytes(path.read_bytes()[:size])
    sentence = refusal(path)
    assert f"cannot read {path}: the gzip is cut off or damaged" in sentence
    assert "fetch or copy it again" in sentence


def test_gzip_that_is_none_and_one_with_a_wrong_byte_are_refused(tmp_path: Path) -> None:
    path = as_gzip(tmp_path / "news", [ROW | {"id": str(i)} for i in range(2000)])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    for damaged in (bytes(data), b"plain text\n"):
        path.write_bytes(damaged)
        assert "the gzip is cut off or damaged" in refusal(path)


@pytest.mark.parametrize("name", ["news.gz", "news.docx", "news"])
def test_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    sentence = refusal(tmp_path / name)
    assert (
        "files of this kind are not read, but .jsonl, .ndjson, .json, .csv, .tsv, .txt, .xlsx, .parquet, .arrow"
        in sentence
    )


@pytest.mark.parametrize("name", ["none.jsonl", "none.jsonl.gz", "none.csv", "none.parquet"])
def test_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    sentence = refusal(tmp_path / name)
    assert name in sentence
    assert "No such file" in sentence


def test_empty_file_is_refused(tmp_path: Path) -> None:
    for name in ("news.jsonl", "news.csv"):
        (tmp_path / name).write_text("")
        assert refusal(tmp_path / name)


def test_csv_without_column_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text("a-1,Fire,A fire broke out.,disaster\n")
    assert 'Say which is which: --columns "body=… topics=…"' in refusal(path)


@everywhere
def test_missing_column_is_named(tmp_path: Path, write: Callable[[Path, list[dict[str, Any]]], Path]) -> None:
    rows = [{key: value for key, value in ROW.items() if key != "topics"}]
    assert "no column of topics is found. It has 'id', 'title', 'body'" in refusal(write(tmp_path / "news", rows))


def test_short_row_ends_with_empty_cells_and_a_long_one_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text("id,title,body,topics,note\n0,a,b,disaster\n1,Fire\n\n,,,,\n2,c,d,weather,,,\n")
    corpus = read_corpus(path)
    assert [one.id for one in corpus.articles] == ["0", "2"]
    assert corpus.account.unlabelled == 1
    path.write_text("id,title,body,topics\n0,a,b,disaster\n1,Fire,a fire,disaster,more\n")
    assert "news.csv:3: 5 cells, but 4 columns have a name" in refusal(path)


def test_rows_are_counted_as_a_spreadsheet_counts_them(tmp_path: Path) -> None:
    """The header is row 1; a cell of several lines is one row, and so is an empty line."""
    path = tmp_path / "news.csv"
    path.write_text('title,body,topics\nFire,"one\ntwo\nthree",disaster\n\nFire,a,b,c,d\n')
    assert "news.csv:4: 5 cells" in refusal(path)


def test_csv_quote_that_never_ends_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text('id,body,topics\n1,a,disaster\n2,"a fire,disaster\n')
    sentence = refusal(path)
    assert "news.csv" in sentence
    assert ":3" in sentence or "line 3" in sentence


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = as_parquet(tmp_path / "news", [ROW])
    for damaged in (path.read_bytes()[:-20], b"no parquet"):
        path.write_bytes(damaged)
        assert f"cannot read {path}" in refusal(path)


def listed() -> str:
    return sorted(never_train_ids())[0]


@everywhere
def test_articles_that_may_never_be_trained_on_are_left_out_whatever_the_file(
    tmp_path: Path, write: Callable[[Path, list[dict[str, Any]]], Path]
) -> None:
    ids = [listed(), "wpce-2025-09-14-01", "wpce-2026-01-01-07", "wpce-2025-09-13-01", "mine"]
    path = write(tmp_path / "mycorpus", [ROW | {"id": one, "date": "2025-09-13"} for one in ids])
    corpus = read_corpus(path)
    assert [one.id for one in corpus.articles] == ["wpce-2025-09-13-01", "mine"]
    assert corpus.account.never_train == 3
    assert len(read_corpus(path, for_training=False).articles) == 5


def test_corpus_of_nothing_but_the_gold_cannot_be_trained_on(write_corpus: WriteCorpus) -> None:
    path = write_corpus([ROW | {"id": listed()}])
    assert "that no model may learn from" in refusal(path)
    assert isinstance(read_corpus(path, for_training=False), Corpus)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the gold is in ../shared only")
def test_gold_may_be_measured_on_and_never_trained_on() -> None:
    path = SHARED / "gold" / "dev.jsonl.gz"
    assert len(read_corpus(path, for_training=False).articles) == 163
    assert "that no model may learn from" in refusal(path)


def test_our_own_articles_are_a_corpus() -> None:
    assert len(read_corpus(DATA / "articles.jsonl").articles) == 280
