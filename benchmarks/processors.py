"""What it costs to compile for every processor of its kind, as the image does, and not for this very one."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import process_time_ns

from benchmarks.articles import articles, source
from benchmarks.made import bundle
from benchmarks.table import ROOT, VAR, markdown, number, write
from tagdesk.models import Article, load

_TARGETS = {"this very one": {}, "every one of its kind (`generic`)": {"NUMBA_CPU_NAME": "generic"}}


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Tag the same articles with code for each target, in turn, and write `processors.md`."""
    rounds, count = (3, 20) if quick else (41, 500)
    rows = [Article(title=row["title"], body=row["body"]) for row in articles(2500, count)]
    processes = [_started(number, target) for number, target in enumerate(_TARGETS.values())]
    times: list[list[float]] = [[] for _ in processes]
    for _ in range(rounds):
        for process, taken in zip(processes, times, strict=True):
            taken.append(_asked(process, rows))
    for process in processes:
        process.communicate(timeout=60)
    medians = [median(taken) for taken in times]
    about = (
        f"Processor time of one article of 2.5 kB ({source()}), with the shipped model: medians of {rounds} rounds of "
        f"{count}, each target in a process of its own, in turn."
    )
    table = [(name, number(taken), f"{taken / medians[0]:.2f}×") for name, taken in zip(_TARGETS, medians, strict=True)]
    parts = [about, markdown(("compiled for", "µs", "ratio"), table)]
    write("processors", "Compiled for one processor, or for all of its kind", parts, quick=quick)


def _started(number: int, target: dict[str, str]) -> "subprocess.Popen[str]":
    """Start a process that has compiled, into a folder that later runs find."""
    environment = {"PATH": "", "NUMBA_CACHE_DIR": str(VAR / f"processors-{number}"), **target}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.processors"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    _asked(process, [Article(body="Ministers signed a ceasefire.")])
    return process


def _asked(process: "subprocess.Popen[str]", rows: list[Article]) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps([(row.title, row.body) for row in rows]) + "\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def _answer() -> None:
    """Answer each line of articles with the microseconds that one of them took."""
    model = load(Path(bundle()))
    for line in sys.stdin:
        rows = [Article(title=title, body=body) for title, body in json.loads(line)]
        began = process_time_ns()
        for row in rows:
            model.tag(row)
        print((process_time_ns() - began) / 1000 / len(rows), flush=True)


if __name__ == "__main__":
    _answer()
