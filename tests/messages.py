"""Print what reading, training and evaluating say, one case after the other, for a person to read.

    python -m tests.messages > messages.txt

Each case is a small file and the command that reads it; what follows is all that the command prints.
"""

import contextlib
import csv
import io
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tagdesk.command import main
from tests.training.corpora.newsroom_exports import excel, headless, invented, wordpress

Write = Callable[[Path], Path]

ROWS = invented()


def table(name: str, header: str, rows: Sequence[Sequence[object]], codec: str = "utf-8") -> Write:
    """Return what writes a CSV of these rows."""

    def write(folder: Path) -> Path:
        with (folder / name).open("w", encoding=codec, newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header.split(","))
            writer.writerows(rows)
        return folder / name

    return write


def text(name: str, content: str | bytes) -> Write:
    """Return what writes a file of this content."""

    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / name

    return write


def options(folder: Path, more: Sequence[str]) -> list[str]:
    """Return a case's options; for `MAP`, a label map of nothing but Sport."""
    path = folder / "map.toml"
    path.write_text('decides = "all"\n[labels]\n"Sport" = { asserts = ["sport"] }\n')
    return [str(path) if option == "MAP" else option for option in more]


def labelled(label: Callable[[int, str], str] = lambda _, own: own) -> list[list[object]]:
    """Return title, body and label of our articles; `label` makes it of the article's number and its own."""
    return [[row["title"], row["body"], label(i, row["label"])] for i, row in enumerate(ROWS[:120])]


HEADER = "title,text,category"
PLAIN = table("plain.csv", HEADER, labelled())

TRAIN: dict[str, tuple[Write, tuple[str, ...]]] = {
    "an ordinary CSV": (PLAIN, ("--language", "en")),
    "WordPress": (lambda folder: wordpress(folder / "Posts-Export.csv", ROWS), ()),
    "a French Excel": (lambda folder: excel(folder / "export_articles.csv", ROWS), ()),
    "a headless CMS": (lambda folder: headless(folder / "cms_dump.csv", ROWS), ()),
    "every article has one label": (table("same.csv", HEADER, labelled(lambda _, own: "News")), ()),
    "a label on every article": (
        table("news.csv", HEADER, labelled(lambda _, own: f"News;{own}")),
        (),
    ),
    "labels that are all different": (table("titles.csv", HEADER, labelled(lambda i, _: f"Tag {i}")), ()),
    "no label at all": (table("none.csv", HEADER, labelled(lambda _, own: "")), ()),
    "an id that is none": (
        table("ids.csv", "id,text,category", [["not available", row["body"], row["label"]] for row in ROWS[:120]]),
        (),
    ),
    "columns that nobody knows": (table("odd.csv", "foo,bar", [[i, i * 7] for i in range(20)]), ()),
    "columns named by hand": (
        table("named.csv", "a,b,c", labelled()),
        ("--columns", "title=a body=b topics=c"),
    ),
    "a column named that is not there": (PLAIN, ("--columns", "body=Texte")),
    "columns named wrongly": (PLAIN, ("--columns", "Texte")),
    "a label to ignore that is not there": (PLAIN, ("--ignore", "Press releases")),
    "a label to ignore": (PLAIN, ("--ignore", "Sport", "--name", "without-sport")),
    "two columns that could be the topics": (
        table("two.csv", "text,aa,bb", [[row["body"], row["label"], "AB"[i % 2]] for i, row in enumerate(ROWS[:40])]),
        (),
    ),
    "dates in an uncertain order": (
        table("dates.csv", HEADER + ",date", [[*row, "01/02/2026"] for row in labelled()]),
        ("--test", "latest"),
    ),
    "rows that are too long": (text("long.csv", "text,category\nA vote, a budget.,Politics\n" * 30), ()),
    "a quote that is not closed": (text("quote.csv", 'text,category\nA vote.,Politics\n"A match.,Sport\n'), ()),
    "a stray byte": (
        text("byte.csv", b"text,category\n" + "Été.,Culture\n".encode() * 40 + b"caf\xe9,X\n"),
        (),
    ),
    "not JSON": (text("lines.jsonl", '{"text": "A match.", "label": "Sport"}\nnonsense\n'), ()),
    "JSON of other things": (text("names.json", '["Sport", "Politics"]'), ()),
    "half of a JSON file": (text("half.json", '[\n{"text": "A match."'), ()),
    "lines of nothing": (text("lines.txt", "A match.\nA vote.\n"), ()),
    "an empty file": (text("empty.csv", ""), ()),
    "a header alone": (text("header.csv", "title,text,category\n"), ()),
    "another kind of file": (text("report.docx", b"PK"), ()),
    "an Excel file": (text("sheet.xlsx", b"PK"), ()),
    "a damaged gzip": (text("news.csv.gz", b"\x1f\x8b\x08 damaged"), ()),
    "spans of doccano": (text("spans.jsonl", json.dumps({"text": "A", "label": [[0, 1, "X"]]}) + "\n"), ()),
    "lists in a list": (text("lists.jsonl", json.dumps({"text": "A", "label": [["Sport", "Politics"]]}) + "\n"), ()),
    "a map that lacks a label": (PLAIN, ("--map", "MAP")),
}

EVALUATE: dict[str, Write] = {
    "other articles of the same labels": table(
        "later.csv", HEADER, [[row["title"], f"{row['body']} More later.", row["label"].upper()] for row in ROWS[120:]]
    ),
    "other labels, too": table(
        "other.csv",
        HEADER,
        [[row["title"], f"{row['body']} More.", ("Sport", "Chess")[i % 2]] for i, row in enumerate(ROWS)],
    ),
    "other labels only": table("chess.csv", HEADER, labelled(lambda _, own: "Chess")),
    "the file that it learned from": PLAIN,
    "its articles in another file": table("again.csv", HEADER, [*labelled(), ["New", "Nothing known.", "Sport"]]),
}


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """Run in a folder of its own, with a store of its own."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TAGDESK_STORE"] = str(Path(folder) / "store")
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def show(title: str, *arguments: str) -> None:
    """Print a command and all that it prints."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logging.getLogger().handlers = [handler]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(arguments)
    lines = [line for line in out.getvalue().splitlines() if "took 0:0" not in line]
    shown = "\n    ".join(lines)
    sys.stdout.write(f"{title}\n  $ tagdesk {' '.join(arguments)}\n    {shown}\n    exit code {code}\n\n")


def run() -> None:
    """Print all cases."""
    logging.getLogger().setLevel(logging.INFO)
    with workplace() as folder:
        for title, (write, more) in TRAIN.items():
            show(title, "train", "--data", write(folder).name, *options(folder, more))
        for title, write in EVALUATE.items():
            show(f"evaluate: {title}", "evaluate", "--data", write(folder).name, "--model", "plain")


if __name__ == "__main__":
    run()
