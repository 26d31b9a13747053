"""Write the exports of this folder: tasks of ours, through the annotation tools' own exporters.

    python3 -m venv /tmp/exporters && /tmp/exporters/bin/pip install label-studio-converter==0.0.59 pandas
    /tmp/exporters/bin/pip install --no-deps doccano==1.8.4
    /tmp/exporters/bin/python tests/data/exports/write.py

Label Studio's files are written by its converter, doccano's by the formatters and writers of its
`data_export/pipeline`; only the rows that these get from doccano's database are made here.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType
from typing import Any

from label_studio_converter import Converter
from pandas import DataFrame

HERE = Path(__file__).parent
NAMES = {"crime": "Crime & Courts", "health": "Health", "economy": "Economy", "sport": "Sport"}
CONFIG = """<View><Text name="text" value="$text"/>
<Choices name="{name}" toName="text" choice="{choice}">{choices}</Choices></View>"""


def articles() -> Iterator[tuple[dict[str, str], list[str]]]:
    """Yield the data of a task, and its topics."""
    lines = (HERE.parent / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for i, row in enumerate(row for row in rows if row["topics"][0] in NAMES):
        topics = [NAMES[row["topics"][0]]]
        if i % 3 == 0:  # every third article has a second topic
            topics.append(next(name for name in NAMES.values() if name != topics[0]))
        yield {"title": row["title"], "text": row["body"].split(". ")[0] + ".", "source": "cms"}, topics
        if i == 35:
            return


def tasks(name: str, several: bool) -> Iterator[dict[str, Any]]:
    """Yield tasks with their annotations, as Label Studio keeps them."""
    for number, (data, topics) in enumerate(articles(), start=1):
        result = {
            "id": f"r{number}",
            "from_name": name,
            "to_name": "text",
            "type": "choices",
            "value": {"choices": topics if several else topics[:1]},
        }
        annotation = {
            "id": 500 + number,
            "completed_by": {"id": 1},
            "result": [result] if number % 9 else [],  # some are not labelled
            "was_cancelled": False,
            "created_at": "2026-11-23T10:00:00.000000Z",
            "updated_at": "2026-11-23T10:00:00.000000Z",
            "lead_time": 3.2,
        }
        yield {"id": number, "data": data, "annotations": [annotation], "predictions": []}


def label_studio() -> None:
    """Write what Label Studio exports."""
    for name, several in (("topic", True), ("rubric", True), ("rubric", False)):
        choices = "".join(f'<Choice value="{value.replace("&", "&amp;")}"/>' for value in NAMES.values())
        config = CONFIG.format(name=name, choice="multiple" if several else "single", choices=choices)
        stem = f"label-studio-{name}-{'several' if several else 'one'}"
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "tasks.json"
            source.write_text(json.dumps(list(tasks(name, several))), encoding="utf-8")
            converter = Converter(config, str(folder))
            for kind in ("JSON", "JSON_MIN", "CSV", "TSV"):
                target = Path(folder) / kind
                converter.convert(str(source), str(target), kind, is_dir=False)
                (written,) = [path for path in target.rglob("*") if path.is_file()]
                shutil.copy(written, HERE / f"{stem}-{kind.lower()}{written.suffix}")


@dataclass
class Category:
    """A label as doccano's formatters take it, in place of its database's rows."""

    text: str

    def to_string(self) -> str:
        """Return the label."""
        return self.text


def doccano() -> None:
    """Write what doccano exports of a text classification project, as its `create_formatter` puts that together."""
    folder = Path(str(distribution("doccano").locate_file("backend")))
    sys.path.insert(0, str(folder))
    models = ModuleType("data_export.models")  # the real ones are Django's, with a database
    models.DATA = "data"  # type: ignore[attr-defined]
    sys.modules["data_export.models"] = models
    from data_export.pipeline import formatters, writers

    renamed = formatters.RenameFormatter(data="text", categories="label")
    joined = [formatters.JoinedCategoryFormatter(name) for name in ("categories", "Comments")]
    listed = [formatters.ListedCategoryFormatter(name) for name in ("categories", "Comments")]
    for name, steps, writer in (
        ("doccano.csv", [*joined, renamed], writers.CsvWriter),
        ("doccano.json", [*listed, renamed], writers.JsonWriter),
        ("doccano.jsonl", [*listed, renamed], writers.JsonlWriter),
        ("doccano-fasttext.txt", [formatters.FastTextCategoryFormatter("categories")], writers.FastTextWriter),
    ):
        records = (
            {
                "id": i,
                "data": f"{data['title']}\n{data['text']}",
                "categories": [*map(Category, topics)],
                "Comments": [],
            }
            for i, (data, topics) in enumerate(articles())
        )
        rows = DataFrame(records, columns=["id", "data", "categories", "Comments"])
        for step in steps:
            rows = step.format(rows)
        writer.write(HERE / name, rows)


if __name__ == "__main__":
    label_studio()
    doccano()
