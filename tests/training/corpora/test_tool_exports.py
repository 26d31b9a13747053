"""What annotation tools export is read rightly: files that the tools' own exporters wrote of our tasks."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc
from pyarrow.parquet import write_table

from tagdesk.training.corpora.corpus import Corpus, read_corpus
from tagdesk.training.errors import CorpusError
from tests.training.conftest import DATA

EXPORTS = DATA / "exports"
NAMES = {"Crime & Courts", "Health", "Economy", "Sport"}


def labels_by_text(corpus: Corpus) -> dict[str, set[str]]:
    return {one.body.split("\n")[-1]: set(one.labels) for one in corpus.articles}


def tasks(stem: str) -> dict[str, set[str]]:
    """Return the labels of each text, from Label Studio's own JSON."""
    found = {}
    for task in json.loads((EXPORTS / f"{stem}-json.json").read_text(encoding="utf-8")):
        results = task["annotations"][0]["result"]
        if results:
            found[task["data"]["text"]] = set(results[0]["value"]["choices"])
    return found


@pytest.mark.parametrize(
    "stem", ["label-studio-topic-several", "label-studio-rubric-several", "label-studio-rubric-one"]
)
@pytest.mark.parametrize("kind", ["json.json", "json_min.json", "csv.csv", "tsv.csv"])
def test_every_export_of_label_studio_is_read(stem: str, kind: str, tmp_path: Path) -> None:
    """Whatever the choices are called, several or one; the TSV under its own ending, too."""
    path = EXPORTS / f"{stem}-{kind}"
    if kind.startswith("tsv"):
        path = tmp_path / "export.tsv"
        path.write_bytes((EXPORTS / f"{stem}-{kind}").read_bytes())
    corpus = read_corpus(path)
    assert labels_by_text(corpus) == tasks(stem)
    assert all(one.title for one in corpus.articles)
    assert corpus.account.unlabelled == 4


@pytest.mark.parametrize("name", ["doccano.json", "doccano.jsonl", "doccano.csv"])
def test_every_export_of_doccano_is_read(name: str) -> None:
    corpus = read_corpus(EXPORTS / name)
    rows = [json.loads(line) for line in (EXPORTS / "doccano.jsonl").read_text(encoding="utf-8").splitlines()]
    assert labels_by_text(corpus) == {row["text"].split("\n")[-1]: set(row["label"]) for row in rows}


def test_fasttext_export_of_doccano_is_read() -> None:
    """Doccano quotes texts that have a comma or several lines, and writes labels with their spaces."""
    corpus = read_corpus(EXPORTS / "doccano-fasttext.txt")
    assert {label for one in corpus.articles for label in one.labels} == {name.split()[0] for name in NAMES}
    assert not any("__label__" in one.body or one.body.startswith('"') for one in corpus.articles)


def json_lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_answers_of_prodigy_are_read(tmp_path: Path) -> None:
    """Of several choices, or accepted label by label; what was rejected or ignored says nothing."""
    options = [{"id": "S", "text": "Sport"}, {"id": "A", "text": "Art"}]
    path = json_lines(
        tmp_path / "a.jsonl",
        {"text": "A cup.", "_input_hash": 1, "options": options, "accept": ["S", "A"], "answer": "accept"},
        {"text": "A show.", "_input_hash": 2, "label": "Art", "answer": "accept"},
        {"text": "A show.", "_input_hash": 2, "label": "Sport", "answer": "accept"},
        {"text": "A vote.", "_input_hash": 3, "label": "Art", "answer": "reject"},
        {"text": "A tax.", "_input_hash": 4, "accept": [], "answer": "accept"},
    )
    corpus = read_corpus(path)
    assert [(one.body, one.labels) for one in corpus.articles] == [
        ("A cup.", ("Sport", "Art")),
        ("A show.", ("Art", "Sport")),
    ]
    assert corpus.account.unlabelled == 2


def test_texts_and_categories_of_spacy_are_read(tmp_path: Path) -> None:
    """No category at all is said, too."""
    path = json_lines(
        tmp_path / "a.jsonl",
        {"text": "A cup.", "cats": {"Sport": 1.0, "Art": 0.0}},
        {"text": "A tax.", "cats": {"Sport": 0.0, "Art": 0.0}},
    )
    assert [one.topics for one in read_corpus(path).articles] == [("Sport",), ()]


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("suffix", [".arrow", ".parquet"])
def test_numbers_of_hugging_face_s_datasets_are_read_by_their_names(tmp_path: Path, suffix: str, several: bool) -> None:
    """`save_to_disk` and the hub write the names of the classes beside the data."""
    feature: Any = {"names": ["Art", "Sport"], "_type": "ClassLabel"}
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"feature": feature, "_type": "List"} if several else feature,
    }
    columns: dict[str, Any] = {"text": ["A cup.", "A show."], "label": [[1, 0], [0]] if several else [1, 0]}
    written = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path = tmp_path / f"data{suffix}"
    if suffix == ".parquet":
        write_table(written, path)
    else:
        with ipc.new_stream(path, written.schema) as stream:
            stream.write_table(written)
    found = [one.labels for one in read_corpus(path).articles]
    assert found == ([("Sport", "Art"), ("Art",)] if several else [("Sport",), ("Art",)])


def test_folder_is_refused_with_the_file_to_name(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is a folder: name the files in it"):
        read_corpus(tmp_path)
