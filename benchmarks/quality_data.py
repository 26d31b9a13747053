"""The sets of articles that quality is measured on, as tasks for the workers; what they answer is scored here."""

import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import ROOT, VAR

Row = dict[str, Any]

_QUICK = 300


@dataclass(frozen=True, slots=True)
class DataSet:
    """Articles to learn from, and others to be judged on.

    Attributes:
        name: on the command line.
        title: in the table.
        folder: below `bench/` of the data folder.
        about: what is used of it, for the report.
        multi: an article has any number of topics, and micro- and macro-F1 are measured; else one, and accuracy.
        language: ISO 639-1.
    """

    name: str
    title: str
    folder: str
    about: str
    multi: bool = False
    language: str = "en"

    def there(self) -> bool:
        """Say whether it is at hand."""
        return all((data_folder() / self.folder / f"{part}.jsonl.gz").exists() for part in ("train", "test"))

    def rows(self, part: str, *, quick: bool = False) -> Sequence[Row]:
        """Return the articles of `train` or `test`: `title`, `body` and `topics`; a few of them when quick."""
        rows = _rows(data_folder() / self.folder / f"{part}.jsonl.gz")
        if quick:
            rows = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[:_QUICK]]
        return rows


SETS = {
    data_set.name: data_set
    for data_set in (
        DataSet(
            "r90",
            "R90",
            "reuters21578-modapte",
            "Reuters-21578, ModApte, the 90 topics with an article in both parts",
            multi=True,
        ),
        DataSet("r52", "R52", "reuters-r52", "Reuters-21578, the articles with one topic"),
        DataSet(
            "20ng",
            "20NG",
            "20newsgroups-bydate",
            "20 Newsgroups by date, whole posts with headers and quotes, the Subject once more as the title",
        ),
        DataSet(
            "ag", "AG 10k", "agnews-partial", "AG News, the whole test set, 10,000 of the 120,000 training articles"
        ),
        DataSet("bbc", "BBC", "bbc-news", "BBC News"),
        DataSet(
            "eng",
            "Masakha eng",
            "masakhanews/eng",
            "MasakhaNEWS, English, part of the training set, the development set not used",
        ),
        DataSet("fra", "Masakha fra", "masakhanews/fra", "the same, French", language="fr"),
    )
}


def data_folder() -> Path:
    """Return where the sets lie: `BENCH_DATA`, or `../shared/data/bench`."""
    return Path(os.environ.get("BENCH_DATA") or ROOT.parent / "shared" / "data" / "bench")


def task_folder(data_set: DataSet, *, quick: bool) -> Path:
    """Return the folder of a set's task and of the answers to it, made if need be."""
    folder = VAR / ("quality-quick" if quick else "quality") / data_set.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_task(data_set: DataSet, *, quick: bool, **settings: object) -> Path:
    """Write what a worker gets, and return the folder. The test articles' topics are not in it."""
    folder = task_folder(data_set, quick=quick)
    train, test = data_set.rows("train", quick=quick), data_set.rows("test", quick=quick)
    write_articles(folder, train, test, multi=data_set.multi, language=data_set.language, **settings)
    return folder


def write_articles(folder: Path, train: Sequence[Row], test: Sequence[Row], **task: object) -> None:
    """Write articles to learn from, others without their topics, and what else `workers/quality_task.py` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_rows(folder / "train.jsonl", train)
    _write_rows(folder / "test.jsonl", [{"title": row["title"], "body": row["body"]} for row in test])
    topics = sorted({topic for row in train for topic in row["topics"]})
    (folder / "task.json").write_text(json.dumps({"topics": topics} | task), encoding="utf-8")


def score(data_set: DataSet, answers: Sequence[Sequence[str]], *, quick: bool) -> tuple[float, ...]:
    """Return accuracy, or micro- and macro-F1 over all topics of both parts."""
    wanted = [set(row["topics"]) for row in data_set.rows("test", quick=quick)]
    predicted = [set(topics) for topics in answers]
    if len(predicted) != len(wanted):
        raise ValueError(f"{data_set.name}: {len(predicted)} answers to {len(wanted)} articles")
    if not data_set.multi:
        return (sum(map(set.__eq__, predicted, wanted)) / len(wanted),)
    topics = sorted(set().union(*wanted, *predicted))
    hits = np.array(
        [sum(topic in a and topic in b for a, b in zip(predicted, wanted, strict=True)) for topic in topics]
    )
    sizes = np.array(
        [sum((topic in a) + (topic in b) for a, b in zip(predicted, wanted, strict=True)) for topic in topics]
    )
    return float(2 * hits.sum() / sizes.sum()), float(np.mean(2 * hits / sizes))


def _write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write the articles, once: somebody else may be reading them."""
    if not path.exists():
        draft = path.with_suffix(".draft")
        draft.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        draft.replace(path)


@cache
def _rows(path: Path) -> list[Row]:
    with gzip.open(path, "rb") as lines:
        rows = list(map(json.loads, lines))
    return [{"title": row["title"], "body": row["body"], "topics": row["labels"]} for row in rows]
