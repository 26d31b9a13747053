"""What is refused is refused in a sentence that names the mend; `python -m tests.messages` prints all that is said."""

import logging
from pathlib import Path

import pytest

from tagdesk.command import main
from tests.messages import TRAIN, options

MENDS = {
    "every article has one label": "add articles of other topics",
    "labels that are all different": '--columns "topics=…"',
    "no label at all": 'say which columns have it: --columns "body=… topics=…"',
    "columns that nobody knows": 'Say which is which: --columns "body=… topics=…"',
    "a column named that is not there": "there are 'title', 'text', 'category'",
    "columns named wrongly": 'write --columns "body=Texte topics=Rubrique"',
    "a label to ignore that is not there": "check how it is spelled",
    "two columns that could be the topics": "('aa', 'bb' could each be it)",
    "dates in an uncertain order": "say --dates day-first or --dates month-first",
    "rows that are too long": "does a cell with the separator lack its quotes?",
    "a quote that is not closed": "is a quote not closed, or not doubled?",
    "a stray byte": "save the file as UTF-8",
    "not JSON": "write an article a line, as a JSON object",
    "JSON of other things": 'write {"title": "…", "text": "…", "category": "…"}',
    "half of a JSON file": "export it again",
    "lines of nothing": "write their names into the first line (title,text,category)",
    "an empty file": "export it again",
    "a header alone": "export it again, with its articles",
    "another kind of file": "say --format fasttext",
    "a damaged gzip": "fetch or copy it again",
    "a map that lacks a label": "write into the label map what each asserts",
    "lists in a list": 'write a list of labels, ["Sport", "Politics"]',
    "spans of doccano": "export a text classification project instead",
}


@pytest.mark.parametrize("case", MENDS)
def test_refusal_names_the_mend(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path / "store"))
    write, more = TRAIN[case]
    path = write(tmp_path)
    assert main(["train", "--data", str(path), *options(tmp_path, more)]) == 2
    sentence = capsys.readouterr().err
    assert MENDS[case] in sentence
    assert "Traceback" not in sentence
    assert not (tmp_path / "store").exists()


def test_counts_agree_with_their_nouns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path / "store"))
    path = tmp_path / "short.csv"
    path.write_text("title,text,category\nA match ends,,Sport\nA match ends,,News\n")
    with caplog.at_level(logging.INFO):
        main(["train", "--data", str(path)])
    assert "short.csv: 1 article of 2 rows\n" in caplog.text
    assert "\n  1 row with the text of another: joined, with the labels of all" in caplog.text
    assert "\n  1 article with a title only" in caplog.text
