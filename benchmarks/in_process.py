"""One article and batches of 1,000 in process: ours, and the peers, in rounds of the same run."""

import json
import random
import subprocess
import sys
from itertools import chain
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

from benchmarks.articles import articles, source, write_articles
from benchmarks.made import bundle, cleaned, made, peer_of
from benchmarks.peers import PeerMissing, last_line, python_of, versions
from benchmarks.table import ROOT, VAR, markdown, number, ratio, say, write
from tagdesk.models.bundle import load_bundle
from tagdesk.progress import progress

NAMES = {
    "ours": "Tagdesk, article in, topics with names, bands and warnings out",
    "scores": "Tagdesk, cleaned text in, confidences out",
    "pipeline": "scikit-learn pipeline, same weights",
    "fasttext": "fastText, 2 million buckets (its default)",
    "fasttext-small": "fastText, 200,000 buckets",
    "onnx": "ONNX Runtime, same pipeline",
    "vowpalwabbit": "Vowpal Wabbit",
}

_HERE = ("ours", "scores", "pipeline")
"""Those that run in our own environment."""

_WORKER = Path(__file__).parent / "workers" / "tag.py"


class Competitor:
    """A worker process that tags and times itself.

    Raises:
        PeerMissing: its peer is not there, or does not run.
    """

    def __init__(self, name: str, articles_file: Path, *, quick: bool) -> None:
        self.name = name
        python = sys.executable if name in _HERE else str(python_of(peer_of(name)))
        model = bundle() if name in ("ours", "scores") else made(name, quick=quick)
        self._complaints = (VAR / f"{name}.log").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [python, str(_WORKER), name, str(model), str(articles_file)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        try:
            self.confidences: list[list[float]] | None = self._answer()["confidences"]
        except PeerMissing:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def single(self, count: int) -> list[float]:
        """Return the seconds of each of `count` articles, one at a time."""
        seconds: list[float] = self._ask({"one": count})
        return seconds

    def batch(self, count: int) -> float:
        """Return the seconds of one batch."""
        seconds: float = self._ask({"batch": count})
        return seconds

    def stop(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.kill()
        self._process.wait()
        self._complaints.close()

    def _ask(self, question: dict[str, int]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()["seconds"]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._complaints.seek(0)
            raise PeerMissing(f"{self.name} does not run: {last_line(self._complaints.read())}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `in-process.md`."""
    size, ones, rounds = (100, 50, 3) if quick else (1000, 500, 15)
    rows = cleaned(load_bundle(bundle()), articles(2500, size))
    articles_file = write_articles(VAR / f"articles-{'quick' if quick else 'full'}.jsonl", rows)
    there, missing = _start(only or tuple(NAMES), articles_file, quick=quick)
    try:
        singles, batches = _measure(there, ones, size, rounds)
        table = _table(there, singles, batches, size)
    finally:
        for competitor in there:
            competitor.stop()
    about = (
        f"{source()} of 2,300 to 2,700 characters. Each competitor is a process of its own on one thread and times "
        f"itself; {rounds} rounds, in each every competitor in a random order: {ones} articles one at a time, "
        f"after {ones} others to warm up, then one batch of {size:,}. Medians. Only Tagdesk's first line holds "
        "cleaning the text and building the answer; the others get the text cleaned, and fastText and Vowpal Wabbit "
        "even the words cut, before the clock starts."
    )
    installed = "Peers: " + (", ".join(_versions(there)) or "none but scikit-learn") + "."
    write("in-process", "In process", [table, *missing, about, installed], quick=quick)


def _start(names: tuple[str, ...], articles_file: Path, *, quick: bool) -> tuple[list[Competitor], list[str]]:
    there, missing = [], []
    for name in names:
        try:
            there.append(Competitor(name, articles_file, quick=quick))
        except PeerMissing as error:
            say(str(error))
            missing.append(f"Not measured: {error}")
    return there, missing


def _measure(
    there: list[Competitor], ones: int, size: int, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    singles: dict[str, list[float]] = {competitor.name: [] for competitor in there}
    batches: dict[str, list[float]] = {competitor.name: [] for competitor in there}
    order = random.Random(0)
    for _ in progress(range(rounds), total=rounds, what="in process", unit="round"):
        for competitor in order.sample(there, len(there)):
            singles[competitor.name] += competitor.single(ones)
        for competitor in order.sample(there, len(there)):
            batches[competitor.name].append(competitor.batch(size))
    return singles, batches


def _table(there: list[Competitor], singles: dict[str, list[float]], batches: dict[str, list[float]], size: int) -> str:
    ours = next((competitor for competitor in there if competitor.name == "ours"), there[0])
    rows = []
    for competitor in there:
        single, batch = median(singles[competitor.name]), median(batches[competitor.name]) / size
        rows.append(
            (
                NAMES[competitor.name],
                number(single * 1e6),
                ratio(single / median(singles[ours.name])),
                number(batch * 1e6),
                ratio(batch / (median(batches[ours.name]) / size)),
                _difference(competitor, ours),
            )
        )
    head = ("", "one article, µs", "× ours", f"batch of {size:,}, µs an article", "× ours", "confidences differ by")
    return markdown(head, rows)


def _difference(competitor: Competitor, ours: Competitor) -> str:
    """Return the largest difference in any confidence of the first 20 articles, where the weights are the same."""
    if competitor is ours or competitor.confidences is None or ours.confidences is None:
        return "–"
    pairs = zip(chain(*competitor.confidences), chain(*ours.confidences), strict=True)
    return f"{max(abs(left - right) for left, right in pairs):.1g}"


def _versions(there: list[Competitor]) -> list[str]:
    return [
        versions(name)
        for name in dict.fromkeys(peer_of(competitor.name) for competitor in there if competitor.name not in _HERE)
    ]
