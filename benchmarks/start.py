"""Start to ready, memory a worker and what two share, and the size on disk of what each loads."""

from pathlib import Path
from statistics import median

import joblib

from benchmarks.articles import Sent, articles
from benchmarks.made import bundle, made
from benchmarks.memory import mapped, memory
from benchmarks.peers import PeerMissing
from benchmarks.servers import ANNIF, NAMES, Service
from benchmarks.table import VAR, markdown, number, say, write
from tagdesk.progress import progress

_DEFAULT = tuple(name for name in NAMES if name not in ANNIF[1:])  # Annif's backends load into one service
_ARRAYS = "arrays.safetensors"


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `start.md`."""
    rounds, asked = (1, 50) if quick else (5, 500)
    rows, missing = [], []
    names = [(name, workers) for name in only or _DEFAULT for workers in (1, 2)]
    for name, workers in progress(names, total=len(names), what="start", unit="service"):
        if name in ANNIF and workers > 1:
            continue
        try:
            rows.append(_service(name, workers, articles(2500, asked), rounds, quick=quick))
        except PeerMissing as error:
            say(str(error))
            missing.append(f"Not measured: {NAMES[name]}, {workers} workers: {error}")
    head = ("", "workers", "ready, s", "RSS of a worker", "PSS of a worker", "of it shared", "all processes, PSS")
    about = (
        f"Ready: from starting the program to the first right answer to an article, files and compiled code in the "
        f"cache; median of {rounds}. Memory in MiB from `/proc/*/smaps_rollup` after {asked} articles of 2.5 kB: the "
        "largest process is the worker; PSS counts a page that several processes share in parts, so the last column is "
        "what the service really takes, uvicorn's parent process included."
    )
    write("start", "Start, memory, disk", [markdown(head, rows), *missing, about, _disk(quick=quick)], quick=quick)


def _service(name: str, workers: int, rows: list[Sent], rounds: int, *, quick: bool) -> tuple[object, ...]:
    with Service(name, workers, rows[0], quick=quick):
        pass  # the first start fills the caches
    took, memory_of = [], {}
    for _ in range(rounds):
        with Service(name, workers, rows[0], quick=quick) as service:
            took.append(service.ready_after)
            for row in rows:
                service.ask(row)
            memory_of = {pid: memory(pid) for pid in service.processes}
            memory_of = {pid: sizes for pid, sizes in memory_of.items() if sizes}
            worker = max(memory_of, key=lambda pid: memory_of[pid]["Rss"])
            arrays = mapped(worker, _ARRAYS) if name == "ours" else (0.0, 0.0)
    of_worker = memory_of[worker]
    shared = number(of_worker["Shared_Clean"] + of_worker["Shared_Dirty"])
    if arrays[0]:
        shared += f" (arrays: {number(arrays[0])}, PSS {number(arrays[1])})"
    everything = sum(sizes["Pss"] for sizes in memory_of.values())
    figures = (number(median(took)), number(of_worker["Rss"]), number(of_worker["Pss"]), shared, number(everything))
    return (NAMES[name], workers, *figures)


def _disk(*, quick: bool) -> str:
    rows = [
        ("Tagdesk bundle", _mb(bundle())),
        ("of it what tagging reads, arrays.safetensors", _mb(bundle() / _ARRAYS)),
    ]
    for kind, what in (
        ("pipeline", "scikit-learn pipeline, joblib.dump"),
        ("fasttext", "fastText .bin, 2 million buckets (its default)"),
        ("fasttext-small", "fastText .bin, 200,000 buckets"),
        ("onnx", "ONNX"),
        ("vowpalwabbit", "Vowpal Wabbit"),
    ):
        try:
            path = made(kind, quick=quick)
        except PeerMissing as error:
            rows.append((what, str(error)))
            continue
        rows.append((what, _mb(path)))
        if kind == "pipeline":
            packed = VAR / "packed.joblib"
            joblib.dump(joblib.load(path), packed, compress=3)
            rows.append((f"{what}, compress=3", _mb(packed)))
    return markdown(("on disk", "MB"), rows)


def _mb(path: Path) -> str:
    files = path.rglob("*") if path.is_dir() else [path]
    return number(sum(file.stat().st_size for file in files if file.is_file()) / 1e6)
