"""Files that people have are read alike, whatever wrote them; what it is said to be read as."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow.parquet import write_table

from tagdesk.formats import FORMATS
from tagdesk.training.corpora.corpus import Corpus, LabelledArticle, read_corpus
from tests.training.corpora.files import refusal

Read = list[tuple[str, str, tuple[str, ...]]]

GOAL = "United won at home."
VOTE = "The council voted."
WANTED: Read = [("Late goal", GOAL, ("Sport",)), ("Budget", VOTE, ("Local politics", "Economy"))]
UNTITLED: Read = [("", body, labels) for _, body, labels in WANTED]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def as_json_lines(rows: Sequence[object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def said(corpus: Corpus) -> Read:
    return [(one.title, one.body, one.labels or one.topics or ()) for one in corpus.articles]


CSVS = {
    "ours": "id,title,body,topics\n1,Late goal,United won at home.,Sport\n"
    "2,Budget,The council voted.,Local politics;Economy\n",
    "other names": "Headline,Text,Category\nLate goal,United won at home.,Sport\n"
    "Budget,The council voted.,Local politics|Economy\n",
    "our names with capitals": "Title,Body,Topics\nLate goal,United won at home.,Sport\n"
    "Budget,The council voted.,Local politics;Economy\n",
    "our labels with capitals": "TITLE,BODY,Labels\nLate goal,United won at home.,Sport\n"
    "Budget,The council voted.,Local politics|Economy\n",
    "of Excel": "headline;content;tags\nLate goal;United won at home.;Sport\n"
    "Budget;The council voted.;Local politics|Economy\n",
    "of pandas": ",title,content,labels\n0,Late goal,United won at home.,['Sport']\n"
    "1,Budget,The council voted.,\"['Local politics', 'Economy']\"\n",
    "with tabs": "title\ttext\tcategories\nLate goal\tUnited won at home.\tSport\n"
    'Budget\tThe council voted.\t["Local politics", "Economy"]\n',
}


@pytest.mark.parametrize("text", CSVS.values(), ids=CSVS)
@pytest.mark.parametrize("name", ["news.csv", "news.csv.gz"])
def test_csv_is_read_by_whatever_its_columns_are_called(tmp_path: Path, text: str, name: str) -> None:
    assert said(read_corpus(written(tmp_path, name, text))) == WANTED


@pytest.mark.parametrize("name", ["body", "text", "content"])
@pytest.mark.parametrize("labels", ["topics", "topic", "label", "labels", "category", "categories", "tags"])
def test_common_names_of_text_and_topics_are_known(tmp_path: Path, name: str, labels: str) -> None:
    path = written(tmp_path, "news.csv", f"{name},{labels}\nA match.,Sport\nA vote.,Politics;Economy\n")
    corpus = read_corpus(path)
    assert said(corpus) == [("", "A match.", ("Sport",)), ("", "A vote.", ("Politics", "Economy"))]
    assert corpus.account.columns == f"body from {name}, topics from {labels}"


def test_columns_that_may_be_missing_are_found_with_capitals(tmp_path: Path) -> None:
    text = "ID,Body,Topics,Date,Language,Label_Prob\n7,A match.,Sport,2026-11-23,en,0.5\n"
    (article,) = read_corpus(written(tmp_path, "news.csv", text)).articles
    assert (article.id, article.date, article.language, article.label_prob) == ("7", "2026-11-23", "en", 0.5)


def test_numbers_and_objects_are_labels(tmp_path: Path) -> None:
    rows = [{"text": "a", "category": 3}, {"text": "b", "category": {"id": 9, "name": "Sport", "slug": "sport"}}]
    assert [one.labels for one in read_corpus(written(tmp_path, "n.jsonl", as_json_lines(rows))).articles] == [
        ("3",),
        ("Sport",),
    ]


@pytest.mark.parametrize("value", ["", None, " ; ", "NULL", "nan", "[]", []])
def test_article_without_a_label_is_left_out(tmp_path: Path, value: object) -> None:
    rows = [{"text": "a", "category": "Sport"}, {"text": "b", "category": value}]
    corpus = read_corpus(written(tmp_path, "n.jsonl", as_json_lines(rows)))
    assert (len(corpus.articles), corpus.account.unlabelled) == (1, 1)


@pytest.mark.parametrize("value", [True, [["Sport"]], {"x": 1}])
def test_what_is_no_label_is_a_bad_row(tmp_path: Path, value: object) -> None:
    path = written(tmp_path, "n.jsonl", as_json_lines([{"text": "b", "category": value}]))
    assert "holds no labels: write Sport;Politics, or a list of texts" in refusal(path)


def test_parquet_of_other_columns_is_read(tmp_path: Path) -> None:
    write_table(pa.table({"headline": ["Late goal"], "text": [GOAL], "label": ["Sport"]}), tmp_path / "n.parquet")
    assert said(read_corpus(tmp_path / "n.parquet")) == WANTED[:1]


JSON = [
    {"id": "1", "title": "Late goal", "body": GOAL, "labels": ["Sport"]},
    {"id": "2", "title": "Budget", "body": VOTE, "labels": ["Local politics", "Economy"]},
]


@pytest.mark.parametrize(
    "text", [json.dumps(JSON), json.dumps(JSON, indent=2), as_json_lines(JSON)], ids=["list", "indented", "lines"]
)
@pytest.mark.parametrize("name", ["news.json", "news.json.gz"])
def test_json_file_is_a_list_or_lines(tmp_path: Path, text: str, name: str) -> None:
    assert said(read_corpus(written(tmp_path, name, text))) == WANTED


@pytest.mark.parametrize("text", ['[{"id": "1",', "[" * 100_000, "{\n nonsense"])
def test_json_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    assert "news.json: not JSON" in refusal(written(tmp_path, "news.json", text))


FASTTEXT = f"__label__Sport {GOAL}\n\n__label__Local_politics __label__Economy {VOTE}\n"


@pytest.mark.parametrize("name", ["cooking.txt", "cooking.txt.gz"])
def test_fasttext_lines_are_read(tmp_path: Path, name: str) -> None:
    corpus = read_corpus(written(tmp_path, name, FASTTEXT))
    assert said(corpus) == [("", GOAL, ("Sport",)), ("", VOTE, ("Local_politics", "Economy"))]
    assert corpus.account.columns == "fastText's lines"


def test_fasttext_line_without_a_label_is_left_out(tmp_path: Path) -> None:
    corpus = read_corpus(written(tmp_path, "n.txt", FASTTEXT + "Nothing.\n"))
    assert (len(corpus.articles), corpus.account.unlabelled) == (2, 1)


@pytest.mark.parametrize(
    "line",
    [
        f"__label__Sport\t__label__Economy\t{GOAL}",
        f"__label__Sport,__label__Economy {GOAL}",
        f"__label__Sport, __label__Economy, {GOAL}",
        f'"__label__Sport __label__Economy {GOAL}"',
        f"{GOAL} __label__Sport __label__Economy",
    ],
)
def test_fasttext_labels_are_parted_by_white_space_or_commas(tmp_path: Path, line: str) -> None:
    assert said(read_corpus(written(tmp_path, "n.txt", line + "\n"))) == [("", GOAL, ("Sport", "Economy"))]


def test_format_that_the_ending_does_not_tell_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "cooking.train", FASTTEXT)
    assert "say --format fasttext" in refusal(path)
    assert len(read_corpus(path, format="fasttext").articles) == 2


def test_format_that_nobody_knows_is_refused_with_those_there_are(tmp_path: Path) -> None:
    sentence = refusal(written(tmp_path, "n.csv", CSVS["ours"]), format="xml")
    assert all(name in sentence for name in FORMATS)


def test_lines_of_nothing_that_is_known_are_refused(tmp_path: Path) -> None:
    assert "neither __label__ (fastText) nor URIs after a tab (Annif)" in refusal(written(tmp_path, "n.txt", "A.\n"))


def test_label_that_seems_to_be_cut_at_a_space_is_said(tmp_path: Path) -> None:
    """As doccano does not mask the spaces of a label."""
    lines = "".join(f"__label__World Sport Match {i}.\n__label__Art Show{i} opens.\n" for i in range(9))
    corpus = read_corpus(written(tmp_path, "n.txt", lines))
    assert "all texts of World begin with 'Sport': write __label__World_Sport" in corpus.account.columns


def test_answer_of_wordpress_is_read(tmp_path: Path) -> None:
    """`wp-json/wp/v2/posts`: texts are objects; and lists that an interface wraps."""
    rows = [
        {"id": i, "title": {"rendered": title}, "content": {"rendered": body}, "categories": [{"name": "A &amp; B"}]}
        for i, (title, body, _) in enumerate(WANTED)
    ]
    for content in (rows, {"data": rows, "total": 2}):
        corpus = read_corpus(written(tmp_path, "posts.json", json.dumps(content)))
        assert said(corpus) == [(title, body, ("A & B",)) for title, body, _ in WANTED]


URIS = ("http://example.org/p1", "http://example.org/p2")
TSV = f"{GOAL}\t<{URIS[0]}>\n{VOTE}\t<{URIS[0]}> {URIS[1]}\n"


@pytest.mark.parametrize("name", ["annif.tsv", "annif.tsv.gz", "annif.txt"])
def test_annif_lines_are_read(tmp_path: Path, name: str) -> None:
    assert said(read_corpus(written(tmp_path, name, TSV))) == [("", GOAL, URIS[:1]), ("", VOTE, URIS)]


def test_annif_line_without_a_uri_is_left_out(tmp_path: Path) -> None:
    corpus = read_corpus(written(tmp_path, "n.tsv", f"{TSV}No subject.\t\n"))
    assert (len(corpus.articles), corpus.account.unlabelled) == (2, 1)


@pytest.mark.parametrize("name", ["news.tsv", "news.txt"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_table_with_tabs_is_none_of_annif(tmp_path: Path, name: str, quote: str) -> None:
    """Quoted or not: Label Studio quotes its header, too."""
    rows = [("title", "text", "category"), *[(title, body, "Sport") for title, body, _ in WANTED]]
    text = "".join("\t".join(f"{quote}{cell}{quote}" for cell in row) + "\n" for row in rows)
    corpus = read_corpus(written(tmp_path, name, text))
    assert said(corpus) == [(title, body, ("Sport",)) for title, body, _ in WANTED]


def test_annif_documents_are_read_with_the_names_of_their_subjects(tmp_path: Path) -> None:
    rows = [
        {"document_id": "7", "text": GOAL, "metadata": {"title": "Late goal"}, "subjects": [{"uri": URIS[0]}]},
        {"text": VOTE, "document_id": "8", "subjects": [{"uri": URIS[1], "label": "Economy"}, {"label": "Sport"}]},
        {"metadata": {"title": "Only a title", "abstract": "and this."}, "document_id": "9", "subjects": ["Sport"]},
        {"text": "Not indexed.", "document_id": "10", "subjects": []},
    ]
    corpus = read_corpus(written(tmp_path, "annif.jsonl", as_json_lines(rows)))
    assert said(corpus) == [
        ("Late goal", GOAL, URIS[:1]),
        ("", VOTE, (URIS[1], "Sport")),
        ("", "Only a title\nand this.", ("Sport",)),
    ]
    assert corpus.account.unlabelled == 1
    assert corpus.names == {URIS[1]: "Economy"}
    assert [one.id for one in corpus.articles] == ["7", "8", "9"]
    assert corpus.account.columns == "Annif's documents"


def test_annif_csv_is_read(tmp_path: Path) -> None:
    text = f"text,title,subject_uris\n{GOAL},Late goal,<{URIS[0]}> <{URIS[1]}>\n"
    assert said(read_corpus(written(tmp_path, "annif.csv", text))) == [("Late goal", GOAL, URIS)]


def chosen(*choices: str, at: str, **more: Any) -> dict[str, Any]:
    result = {"from_name": "topic", "to_name": "text", "type": "choices", "value": {"choices": list(choices)}}
    return {"id": 1, "was_cancelled": False, "created_at": at, "updated_at": at, "result": [result]} | more


def task(id: int, body: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": id, "data": {"headline": "Late goal", "text": body}, "annotations": list(annotations), "meta": {}}


def test_label_studio_export_is_read(tmp_path: Path) -> None:
    """The latest choices count, or those that are called the ground truth; a task without any is left out."""
    early, late = chosen("Sport", at="2026-01-01T10:00Z"), chosen("Sport", "Economy", at="2026-01-02T10:00Z")
    tasks = [
        task(1, GOAL, late, early),
        task(2, VOTE, chosen("Local politics", at="2026-01-01T10:00Z", ground_truth=True), late),
        task(3, "Not yet labelled."),
        task(4, "Skipped.", chosen("Sport", at="2026-01-01T10:00Z", was_cancelled=True)),
        task(5, "Nothing chosen.", early | {"result": []}),
    ]
    corpus = read_corpus(written(tmp_path, "project-1.json", json.dumps(tasks)))
    assert said(corpus) == [("Late goal", GOAL, ("Sport", "Economy")), ("Late goal", VOTE, ("Local politics",))]
    assert (corpus.account.unlabelled, [one.id for one in corpus.articles]) == (3, ["1", "2"])
    assert corpus.account.columns.startswith("Label Studio's tasks")


def test_label_studio_text_under_another_name_is_found_where_it_is_the_only_one(tmp_path: Path) -> None:
    some = task(1, GOAL, chosen("Sport", at="x")) | {"data": {"artikel": GOAL}}
    assert said(read_corpus(written(tmp_path, "p.json", json.dumps([some])))) == [("", GOAL, ("Sport",))]


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ({"topic": "Sport"}, {"topic": {"choices": ["Local politics", "Economy"]}}),
        ({"about": "Sport"}, {"about": {"choices": ["Local politics", "Economy"]}}),
        ({"about": "Sport"}, {"about": ["Local politics", "Economy"]}),
    ],
)
def test_label_studio_json_min_is_read(tmp_path: Path, one: dict[str, Any], several: dict[str, Any]) -> None:
    after = {"annotator": 1, "annotation_id": 5, "created_at": "x", "updated_at": "x", "lead_time": 3.5}
    tasks = [
        {"text": GOAL, "title": "Late goal", "id": 1, **one, **after},
        {"text": VOTE, "title": "Budget", "id": 2, **several, **after},
        {"text": "Not labelled.", "id": 3, **after},
    ]
    corpus = read_corpus(written(tmp_path, "project-1-min.json", json.dumps(tasks)))
    assert said(corpus) == WANTED
    assert corpus.account.unlabelled == 1


@pytest.mark.parametrize("key", ["label", "labels"])
def test_doccano_export_is_read_and_what_is_not_labelled_is_left_out(tmp_path: Path, key: str) -> None:
    rows = [
        {"id": 4, "text": GOAL, key: ["Sport"], "Comments": []},
        {"id": 5, "text": VOTE, key: ["Local politics", "Economy"], "Comments": []},
        {"id": 6, "text": "Not yet.", key: [], "Comments": []},
    ]
    corpus = read_corpus(written(tmp_path, "all.jsonl", as_json_lines(rows)))
    assert said(corpus) == UNTITLED
    assert ([one.id for one in corpus.articles], corpus.account.unlabelled) == (["4", "5"], 1)


def test_doccano_spans_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "all.jsonl", as_json_lines([{"id": 4, "text": GOAL, "label": [[0, 6, "TEAM"]]}]))
    assert "all.jsonl:1: label: labels of spans in the text" in refusal(path)


NINJS = [
    {
        "uri": "urn:a",
        "type": "text",
        "headline": "Late goal",
        "body_html": f"<p>{GOAL}</p>",
        "subject": [{"name": "Sport", "code": "medtop:15000000", "scheme": "http://cv.iptc.org/newscodes/mediatopic/"}],
    },
    {"uri": "urn:p", "type": "picture", "headline": "A goal"},
    {
        "uri": "urn:b",
        "headlines": [{"value": "Council"}, {"role": "main", "value": "Budget"}],
        "bodies": [{"value": VOTE, "contentType": "text/plain"}],
        "language": "en",
        "subjects": [{"name": "Local politics"}, {"uri": "medtop:04000000", "name": "Economy"}],
    },
]


@pytest.mark.parametrize(
    ("name", "text"),
    [("n.json", json.dumps(NINJS)), ("n.jsonl", as_json_lines(NINJS)), ("n.ndjson", as_json_lines(NINJS))],
)
def test_ninjs_of_every_version_is_read_and_what_is_no_text_is_left_out(tmp_path: Path, name: str, text: str) -> None:
    corpus = read_corpus(written(tmp_path, name, text))
    assert said(corpus) == [
        ("Late goal", f"<p>{GOAL}</p>", ("medtop:15000000",)),
        ("Budget", VOTE, ("Local politics", "medtop:04000000")),
    ]
    assert corpus.names == {"medtop:15000000": "Sport", "medtop:04000000": "Economy"}
    assert (corpus.account.unlabelled, corpus.articles[0].id, corpus.articles[1].language) == (1, "urn:a", "en")


def test_one_ninjs_object_is_a_corpus_of_one(tmp_path: Path) -> None:
    assert len(read_corpus(written(tmp_path, "n.json", json.dumps(NINJS[0]))).articles) == 1


def test_articles_without_ids_are_called_by_their_text(tmp_path: Path) -> None:
    """So that an article stays on its side of the split when the file grows."""
    before = read_corpus(written(tmp_path, "a.csv", f"text,category\n{GOAL},Sport\n")).articles
    after = read_corpus(written(tmp_path, "b.csv", f"text,category\n{VOTE},Economy\n{GOAL},Sport\n")).articles
    assert before[0].id == after[1].id
    assert len({one.id for one in after}) == 2


def test_article_with_a_row_for_each_topic_is_one_article(tmp_path: Path) -> None:
    text = f"text,category\n{VOTE},Local politics\n{GOAL},Sport\n{VOTE},Economy\n{VOTE},Economy\n"
    corpus = read_corpus(written(tmp_path, "a.csv", text))
    assert said(corpus) == [("", VOTE, ("Local politics", "Economy")), ("", GOAL, ("Sport",))]
    assert corpus.account.joined == 2


def test_share_of_a_corpus_is_the_same_each_time_and_even(tmp_path: Path) -> None:
    text = "text,category\n" + "".join(f"Article {i}.,Sport\n" for i in range(2000))
    path = written(tmp_path, "a.csv", text)
    some, whole = read_corpus(path, share=0.25), read_corpus(path)
    assert 400 < len(some.articles) < 600
    assert set(some.articles) < set(whole.articles)
    assert some == read_corpus(path, share=0.25)


def test_corpus_without_its_texts_says_how_long_they_are(tmp_path: Path) -> None:
    corpus = read_corpus(written(tmp_path, "a.csv", CSVS["ours"]), texts=False)
    assert corpus.characters == sum(len(title) + len(body) for title, body, _ in WANTED)
    assert corpus.articles[0] == LabelledArticle("1", "", "", (), ("Sport",))


def test_articles_of_interfaces_are_read_with_their_attributes_and_the_texts_in_their_objects(tmp_path: Path) -> None:
    for body in ({"value": "A match."}, {"processed": "A match."}, {"html": "A match."}):
        row = {"id": "7", "attributes": {"title": "Late goal", "body": body, "field_section": "Sport"}}
        (tmp_path / "a.json").write_text(json.dumps({"data": [row]}))
        (article,) = read_corpus(tmp_path / "a.json").articles
        assert (article.title, article.body, article.labels) == ("Late goal", "A match.", ("Sport",))
