"""Read corpora of every kind, and refuse bad ones with every fault."""

import csv
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

from models.article import MAX_BODY, MAX_TITLE
from tests.training.conftest import DATA, SHARED, WriteCorpus
from training.corpus import Corpus, LabelledArticle, read_corpus
from training.errors import CorpusError
from training.never_train import never_train_ids

ROW: dict[str, Any] = {"id": "a-1", "title": "Fire", "body": "A fire broke out.", "topics": ["disaster"]}


def said_of(path: Path, **options: Any) -> str:
    """Return why the corpus is refused."""
    with pytest.raises(CorpusError) as refused:
        read_corpus(path, **options)
    return str(refused.value)


def as_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path = path.with_suffix(".jsonl")
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def as_gzip(path: Path, rows: list[dict[str, Any]]) -> Path:
    path = path.with_suffix(".jsonl.gz")
    path.write_bytes(gzip.compress("\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()))
    return path


def as_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    path = path.with_suffix(".csv")
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(
            {name: ";".join(value) if isinstance(value, list) else value for name, value in row.items()} for row in rows
        )
    return path


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
        assert corpus.left_out == 0


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


def test_empty_cell_of_a_csv_is_no_list_of_no_topics(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text("id,body,topics,labels\n1,a,,Fire\n2,a,,\n")
    assert "news.csv:3: topics: missing (or labels)" in said_of(path)


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
    assert (corpus.articles[1].title, corpus.articles[1].body, corpus.bodiless) == ("Fire", "", 1)


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
        ({"id": None}, "id: missing"),
        ({"id": ["x"]}, "id: must be text"),
        ({"id": True}, "id: must be text"),
        ({"id": "  "}, "id: must be text"),
        ({"body": None, "title": ""}, "body: empty, and so is the title"),
        ({"body": "", "title": None}, "body: empty, and so is the title"),
        ({"body": " \n", "title": " "}, "body: empty, and so is the title"),
        ({"body": ["a"]}, "body: must be text"),
        ({"body": "x" * (MAX_BODY + 1)}, "body: 1,000,001 characters, at most 1,000,000"),
        ({"title": 5}, "title: must be text, not int"),
        ({"title": "x" * (MAX_TITLE + 1)}, "title: 10,001 characters, at most 10,000"),
        ({"language": {}}, "language: must be text, not dict"),
        ({"body": "a\ud83d"}, "body: has a lone surrogate"),
        ({"title": "a\ud83d"}, "title: has a lone surrogate"),
        ({"id": "a\ud83d"}, "id: has a lone surrogate"),
        ({"topics": None}, "topics: missing (or labels)"),
        ({"topics": 3}, "topics: must be a list of texts"),
        ({"topics": [3]}, "topics: must be a list of texts"),
        ({"labels": {"a": 1}}, "labels: must be a list of texts"),
        ({"topics": ["disaster", "catastrophe"]}, "topics: unknown topic 'catastrophe'"),
        ({"date": "2020-02-30"}, "date: '2020-02-30' is not a day as in 2026-11-23"),
        ({"date": "yesterday"}, "date: 'yesterday' is not a day"),
        ({"date": 20200230}, "date: '20200230' is not a day"),
        ({"label_prob": 1.5}, "label_prob: 1.5 is not a number from 0 to 1"),
        ({"label_prob": float("nan")}, "label_prob: nan is not a number from 0 to 1"),
        ({"label_prob": 10**400}, "label_prob: 1000"),
        ({"label_prob": "high"}, "label_prob: 'high' is not a number from 0 to 1"),
    ],
)
def test_bad_row_is_refused_with_file_line_field_and_reason(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = as_jsonl(tmp_path / "news", [ROW | {"id": "ok"}, ROW | change])
    sentence = said_of(path, topics=["disaster"])
    assert f"{path} has 1 bad rows" in sentence
    assert f"news.jsonl:2: {said}" in sentence


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "not JSON"), ("[]", "not a JSON object"), ('"id"', "not a JSON object"), ("[" * 100_000, "not JSON")],
)
def test_line_that_is_no_json_object_is_a_bad_row(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "news.jsonl"
    path.write_text(f"{json.dumps(ROW)}\n\n{line}\n")
    assert f"news.jsonl:3: {said}" in said_of(path)


@everywhere
def test_all_bad_rows_are_counted_and_the_first_twenty_shown(
    tmp_path: Path, write: Callable[[Path, list[dict[str, Any]]], Path]
) -> None:
    rows = [ROW | {"id": f"a-{i}", "title": "", "body": "" if i % 2 else "text"} for i in range(60)]
    lines = said_of(write(tmp_path / "news", rows)).splitlines()
    assert lines[0].endswith("has 30 bad rows; nothing was used:")
    assert len(lines) == 22
    assert all("body: empty" in line for line in lines[1:21])
    assert lines[21].strip() == "… and 10 more"


def test_row_with_two_faults_is_one_bad_row_with_both(write_corpus: WriteCorpus) -> None:
    sentence = said_of(write_corpus([ROW | {"title": "", "body": "", "date": "soon"}]))
    assert "has 1 bad row" in sentence
    assert "body: empty" in sentence
    assert "date: 'soon'" in sentence


@everywhere
def test_id_that_stands_twice_is_refused_with_both_lines(
    tmp_path: Path, write: Callable[[Path, list[dict[str, Any]]], Path]
) -> None:
    path = write(tmp_path / "news", [ROW, ROW | {"id": "b"}, ROW])
    lines = (2, 4) if path.suffix == ".csv" else (1, 3)
    assert f"{path.name}:{lines[1]}: id: 'a-1' stands already in line {lines[0]}" in said_of(path)


def test_latin_1_line_is_refused_with_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    path.write_bytes(json.dumps(ROW).encode() + b'\n{"id": "2", "body": "caf\xe9", "topics": []}\n')
    sentence = said_of(path)
    assert "news.jsonl:2: not UTF-8: byte 0xe9" in sentence
    assert "save the file as UTF-8" in sentence


def test_latin_1_csv_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    rows = b"".join(b"%d,a fire,disaster\n" % i for i in range(2000))
    path.write_bytes(b"id,body,topics\n" + rows + b"x,caf\xe9,disaster\n")
    sentence = said_of(path)
    assert "byte 0xe9" in sentence
    assert "2002" in sentence or str(path.read_bytes().index(b"\xe9")) in sentence  # the line, or the place in the file


def test_utf_16_is_refused(tmp_path: Path) -> None:
    for path, text in ((tmp_path / "n.jsonl", f"{json.dumps(ROW)}\n"), (tmp_path / "n.csv", "id,body,topics\n1,a,b\n")):
        path.write_bytes(text.encode("utf-16"))
        assert "UTF-8" in said_of(path)


@pytest.mark.parametrize("size", [10, -300, -6])
def test_truncated_gzip_is_refused_as_such(tmp_path: Path, size: int) -> None:
    path = as_gzip(tmp_path / "news", [ROW | {"id": str(i)} for i in range(2000)])
    path.write_bytes(path.read_bytes()[:size])
    sentence = said_of(path)
    assert f"cannot read {path}: the gzip is cut off or damaged" in sentence
    assert "fetch or copy it again" in sentence


def test_gzip_that_is_none_and_one_with_a_wrong_byte_are_refused(tmp_path: Path) -> None:
    path = as_gzip(tmp_path / "news", [ROW | {"id": str(i)} for i in range(2000)])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    for damaged in (bytes(data), b"plain text\n"):
        path.write_bytes(damaged)
        assert "the gzip is cut off or damaged" in said_of(path)


@pytest.mark.parametrize("name", ["news.gz", "news.xlsx", "news"])
def test_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    assert "a corpus is a .jsonl, .ndjson, .json, .csv, .tsv, .txt, .parquet file" in said_of(tmp_path / name)


@pytest.mark.parametrize("name", ["none.jsonl", "none.jsonl.gz", "none.csv", "none.parquet"])
def test_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    sentence = said_of(tmp_path / name)
    assert name in sentence
    assert "No such file" in sentence


def test_empty_file_is_refused(tmp_path: Path) -> None:
    for name in ("news.jsonl", "news.csv"):
        (tmp_path / name).write_text("")
        assert said_of(tmp_path / name)


def test_csv_without_column_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text("a-1,Fire,A fire broke out.,disaster\n")
    assert "its first line must name the columns" in said_of(path)


@everywhere
def test_missing_column_is_named(tmp_path: Path, write: Callable[[Path, list[dict[str, Any]]], Path]) -> None:
    for name in ("body", "topics"):
        sentence = said_of(write(tmp_path / "news", [{key: value for key, value in ROW.items() if key != name}]))
        assert name in sentence


@pytest.mark.parametrize("line", ["1,Fire\n", "1,Fire,a fire,disaster,more\n"])
def test_csv_row_of_another_width_is_a_bad_row(tmp_path: Path, line: str) -> None:
    path = tmp_path / "news.csv"
    path.write_text("id,title,body,topics\n0,a,b,disaster\n" + line)
    assert "news.csv:3: 4 columns expected" in said_of(path)


def test_csv_quote_that_never_ends_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text('id,body,topics\n1,a,disaster\n2,"a fire,disaster\n')
    sentence = said_of(path)
    assert "news.csv" in sentence
    assert ":3" in sentence or "line 3" in sentence


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = as_parquet(tmp_path / "news", [ROW])
    for damaged in (path.read_bytes()[:-20], b"no parquet"):
        path.write_bytes(damaged)
        assert f"cannot read {path}" in said_of(path)


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
    assert corpus.left_out == 3
    assert len(read_corpus(path, for_training=False).articles) == 5


def test_corpus_of_nothing_but_the_gold_cannot_be_trained_on(write_corpus: WriteCorpus) -> None:
    path = write_corpus([ROW | {"id": listed()}])
    assert "no articles that may be trained on" in said_of(path)
    assert isinstance(read_corpus(path, for_training=False), Corpus)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the gold is in ../shared only")
def test_gold_may_be_measured_on_and_never_trained_on() -> None:
    path = SHARED / "gold" / "dev.jsonl.gz"
    assert len(read_corpus(path, for_training=False).articles) == 163
    assert "no articles that may be trained on" in said_of(path)


def test_our_own_articles_are_a_corpus() -> None:
    assert len(read_corpus(DATA / "articles.jsonl").articles) == 280
