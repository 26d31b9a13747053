"""What asking for memory ahead of its use brings where training counts n-grams."""

import inspect
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from time import perf_counter
from types import ModuleType

import numpy as np

from benchmarks.articles import articles, source
from benchmarks.table import markdown, number, ratio, write
from tagdesk.models import Article
from tagdesk.models.features import join
from tagdesk.models.reading.normal_form import LATEST, word_table
from tagdesk.progress import progress
from tagdesk.training.learn import counting

Work = Callable[[], object]

_WITH, _AGAIN, _WITHOUT = "with", "with, a second time", "without"
_REQUESTS = re.compile(r"^( +)prefetch\(.*\)$", re.MULTILINE)
_ALL = np.uint64(0), np.uint64(2**64 - 1)  # hashes
_SLICE = 40  # titles and bodies that are counted at once: few slices are interrupted by others


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `prefetch.md`."""
    count, rounds = (50, 3) if quick else (500, 40)
    texts = [Article(title=row["title"], body=row["body"]).text() for row in articles(2500, count)]

    def count_in(slots: int, module: ModuleType) -> Iterator[Work]:
        codes, bounds = join(texts, LATEST)
        words, table = word_table(LATEST), np.zeros((slots, 2), np.uint64)
        counting.count(codes, bounds, words, 1, 2, 0, 0, *_ALL, table, 1)
        parts = (bounds[at : at + _SLICE + 1] for at in range(0, len(bounds) - 1, _SLICE))
        return (lambda part=part: module.count(codes, part, words, 1, 2, 0, 0, *_ALL, table, 1) for part in parts)  # type: ignore[misc]

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        counters = {_WITH: counting, _WITHOUT: _without(counting, Path(folder)), _AGAIN: counting}
        for slots in (1 << 20, 1 << 23):
            work = {name: list(count_in(slots, module)) for name, module in counters.items()}
            rows.append(_row(f"counting, table of {slots >> 16} MiB", _measure(work, rounds), len(texts)))
    head = ("", *(f"{name}, µs an article" for name in (_WITH, _AGAIN, _WITHOUT)), "without ÷ with")
    about = (
        f"{count:,} {source()} of some 2,500 characters: "
        "`counting.count` of n-grams that the table has already; all variants in turn in one process. Of each piece of "
        "work the lower quartile of the rounds counts, so that who else uses the machine matters little. `with` is "
        "measured twice: those two columns differ by chance alone."
    )
    write("prefetch", "Prefetch", [markdown(head, rows), about], quick=quick)


def _without(module: ModuleType, folder: Path) -> ModuleType:
    """Return a module compiled without its requests."""
    text, number_of = _REQUESTS.subn(r"\1pass", inspect.getsource(module))
    if not number_of:
        raise RuntimeError(f"{module.__name__} asks for nothing ahead any more: there is nothing to measure")
    path = folder / f"without_{module.__name__.rpartition('.')[2]}.py"
    path.write_text(text, encoding="utf-8")
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    bare = module_from_spec(spec)
    sys.modules[path.stem] = bare
    spec.loader.exec_module(bare)
    return bare


def _measure(work: dict[str, list[Work]], rounds: int) -> dict[str, float]:
    """Return the seconds that each variant takes for all pieces of its work."""
    seconds: dict[str, list[list[float]]] = {name: [] for name in work}
    for turn in progress(range(rounds + 1), total=rounds + 1, what="prefetch", unit="round"):
        for name, pieces in work.items():
            measured = list(map(_seconds, pieces))
            if turn:  # the first compiles
                seconds[name].append(measured)
    return {name: float(np.quantile(rows, 0.25, axis=0).sum()) for name, rows in seconds.items()}


def _seconds(piece: Work) -> float:
    begin = perf_counter()
    piece()
    return perf_counter() - begin


def _row(what: str, seconds: dict[str, float], count: int) -> tuple[str, ...]:
    usual = (seconds[_WITH] + seconds[_AGAIN]) / 2
    cells = (number(seconds[name] / count * 1e6) for name in (_WITH, _AGAIN, _WITHOUT))
    return (what, *cells, ratio(seconds[_WITHOUT] / usual))
