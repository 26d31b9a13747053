"""Vectorizing and training against scikit-learn's own classes, and how time and memory grow, with a plot."""

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.memory import Peak
from benchmarks.peers import drawn, last_line
from benchmarks.table import ROOT, markdown, number, ratio, results, say, write
from tagdesk.progress import progress
from tagdesk.training.config import load_config
from tagdesk.training.corpora.places import corpus_folder

Row = dict[str, Any]

WHO = {"ours": "Tagdesk", "sklearn": "scikit-learn"}
_PLOT = Path(__file__).parent / "workers" / "plot.py"
_TOPICS = 20
_ARTICLES = 10_000
_LIMIT = 2_400
"""Seconds that a run of `growth` may take, reading included; whoever needs more has no figures at that size."""


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `vectorize.md`, `growth.csv` and `growth.png`; `only` names some of the four parts."""
    parts = only or ("vectorizing", "training", "make-train", "growth")
    made = {"vectorizing": _vectorizing, "training": _training, "make-train": _make_train, "growth": _growth}
    about = (
        "Each run is a process of its own; the kernel is compiled before the clock starts. Memory: the most that the "
        "process and its children took together (PSS), MiB, the texts included."
    )
    figures = [made[part](quick=quick) for part in parts]
    write("vectorize", "Vectorizing and training", [*figures, about], quick=quick)


def measured(kind: str, who: str, articles: int, topics: int = 0, limit: float | None = None) -> Row:
    """Run one measurement in a process of its own; return its figures, and its peak of memory in MiB.

    Raises:
        RuntimeError: it fails; the sentence says how.
        subprocess.TimeoutExpired: it takes longer than `limit` seconds, and is ended.
    """
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.fitting", kind, who, str(articles), str(topics)]
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=complaints, text=True, start_new_session=True
        ) as process:
            peak = Peak(process)
            try:
                answer, _ = process.communicate(timeout=limit)
            except BaseException:  # Ctrl-C does not reach another session
                os.killpg(process.pid, signal.SIGTERM)  # its workers, too; joblib then clears /dev/shm
                raise
        complaints.seek(0)
        if process.returncode:
            raise RuntimeError(f"{kind} {who} {articles} {topics}: {last_line(complaints.read())}")
    figures: Row = json.loads(answer)
    return figures | {"mib": peak.mib}


def _vectorizing(*, quick: bool) -> str:
    articles, rounds = (2_000, 1) if quick else (0, 3)
    runs: dict[str, list[Row]] = {who: [] for who in WHO}
    for _ in progress(range(rounds), total=rounds, what="vectorizing", unit="round"):
        for who in WHO:
            runs[who].append(measured("vectorize", who, articles))
    seconds = {who: median(row["seconds"] for row in runs[who]) for who in WHO}
    rows = [
        (name, number(seconds[who]), ratio(seconds["sklearn"] / seconds[who]), number(max(r["mib"] for r in runs[who])))
        for who, name in (("ours", "NgramVectorizer, both cores"), ("sklearn", "TfidfVectorizer"))
    ]
    same = measured("compare", "both", articles)
    equal = "the same n-grams in the same order" if same["same"] else "DIFFERENT n-grams"
    return (
        f"## Vectorizing {same['articles']:,} articles\n\n"
        + markdown(("fit_transform", "seconds", "faster", "memory"), rows)
        + "\n\nBodies of Wikinews and Current events; words and word pairs that 3 articles have, sublinear, none cut "
        f"off: {same['features']:,} n-grams. Both find {equal}; the largest difference of any value is "
        f"{same['difference']:.1e}. Medians of {rounds}."
    )


def _training(*, quick: bool) -> str:
    figures = {who: measured("default", who, 4_000 if quick else 0) for who in WHO}
    total = figures["sklearn"]["seconds"]
    rows = [
        (
            name,
            *(number(figures[who][part]) for part in ("vectorize", "fit", "calibrate", "seconds")),
            ratio(total / figures[who]["seconds"]),
            number(figures[who]["mib"]),
        )
        for who, name in (("ours", "Tagdesk"), ("sklearn", "TfidfVectorizer, OneVsRest(LinearSVC, n_jobs=2)"))
    ]
    head = ("seconds", "vectorize", "fit, folds and final", "calibrate", "all", "faster", "memory")
    return (
        f"## Training on {figures['ours']['articles']:,} articles, {figures['ours']['topics']} topics\n\n"
        + markdown(head, rows)
        + "\n\nFrom cleaned texts to calibrated topics. Out-of-fold scores are of all articles. scikit-learn's "
        "classes know no open topics (taken as no), so their model is another one."
    )


def _make_train(*, quick: bool) -> str:
    """Time `make train`'s program from start to end, into a store of its own."""
    if quick or not corpus_folder().is_dir():
        return "`make train` was not timed: that takes the corpora and a full run."
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "tagdesk", "train"],
            cwd=ROOT,
            env=os.environ | {"TAGDESK_STORE": folder},
            stdout=subprocess.DEVNULL,
            text=True,
        )
        peak = Peak(process)
        if process.wait():
            raise RuntimeError("tagdesk train failed")
        seconds = perf_counter() - start
    return (
        f"`make train` of the default model, reading, cross-validation, calibration, measuring and writing included: "
        f"{number(seconds)} s, {number(peak.mib)} MiB."
    )


def _growth(*, quick: bool) -> str:
    articles = (500, 1_000) if quick else (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
    topics = (10, 30) if quick else (10, 30, 100, 300, 1_000)
    fixed = 1_000 if quick else _ARTICLES
    runs = [("articles", count, _TOPICS) for count in articles] + [("topics", fixed, count) for count in topics]
    rows = [
        _grown(axis, who, count, many)
        for axis, count, many in progress(runs, total=len(runs), what="growth", unit="size")
        for who in WHO
    ]
    folder = results(quick=quick)
    _write_csv(folder / "growth.csv", rows)
    plot = _plot(folder)
    table = markdown(("articles", "topics", "of them learnable", *_heads()), list(_growth_rows(rows)))
    about = (
        f"Vectorize, {load_config().fit.folds}-fold and final fit, calibrate. {_TOPICS} topics while articles grow, "
        f"{fixed:,} articles while topics grow; topics are hashes of the names in an article, so that there can be as "
        "many as one likes; those with too few articles to learn from are left out. Articles have some 450 characters "
        "on average; beyond the size of the corpora they repeat. "
        f"A run that takes over {_LIMIT} s, reading included, is ended, and the plot leaves it out."
    )
    return f"## Growth\n\n{plot}\n\n{table}\n\n{about}"


def _grown(axis: str, who: str, articles: int, topics: int) -> Row:
    """Measure one size; where there are no figures, `missing` says why."""
    size = {"axis": axis, "who": who, "articles": articles, "topics": topics}
    try:
        figures = measured("train", who, articles, topics, _LIMIT)
    except subprocess.TimeoutExpired:
        return size | {"missing": f"> {_LIMIT} s"}
    except RuntimeError as error:
        say(str(error))
        return size | {"missing": "failed"}
    return figures | size | {"learned": figures["topics"]}


def _heads() -> Iterable[str]:
    return [f"{name}, {what}" for what in ("s", "MiB") for name in WHO.values()]


def _growth_rows(rows: Sequence[Row]) -> Iterable[tuple[str, ...]]:
    """Yield the table's rows: of `rows`, each that is ours stands beside scikit-learn's of the same size."""
    for pair in zip(rows[::2], rows[1::2], strict=True):
        learned = next((f"{row['learned']:,}" for row in pair if "learned" in row), "unknown")
        seconds = [row.get("missing") or number(row["seconds"]) for row in pair]
        mib = ["–" if "missing" in row else number(row["mib"]) for row in pair]
        yield (f"{pair[0]['articles']:,}", f"{pair[0]['topics']:,}", learned, *seconds, *mib)


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    columns = ("axis", "who", "articles", "topics", "learned", "vectorize", "fit", "calibrate", "seconds", "mib")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {name: f"{v:.4g}" if isinstance(v, float) else v for name, v in row.items()}
            for row in rows
            if "missing" not in row
        )


def _plot(folder: Path) -> str:
    caption = "Time and memory of training over articles and topics"
    return drawn(_PLOT, folder / "growth.csv", folder / "growth.png", caption)
