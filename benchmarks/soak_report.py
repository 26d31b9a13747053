"""The record of a soak, and its report: the verdict, times by phase, memory, and a plot over time."""

import csv
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from benchmarks.articles import source
from benchmarks.mixed_traffic import mixture
from benchmarks.open_loop import FAULTS, Outcomes
from benchmarks.peers import drawn
from benchmarks.table import markdown, number, quantile, results, write

AFTER_KILL = 5.0
"""Times in so many seconds after a kill are shown apart."""

SHARE = 0.4
"""The rate of requests in the soak, as a share of the greatest rate."""

_WANTED = 0.025  # the p99 that is wanted while attacks are few, in seconds
_LONG_ATTACK = 0.01
_PLOT = Path(__file__).parent / "workers" / "plot_soak.py"
_DESK = ("correction", "queue", "counts", "desk")


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the soak.

    Attributes:
        name: its name in the report.
        seconds: how long it lasts.
        attacks: their share of the requests.
        full: whether the disk is full.
    """

    name: str
    seconds: float
    attacks: float
    full: bool = False


@dataclass(slots=True)
class Observed:
    """The record of one service in the soak.

    Attributes:
        outcomes: the outcomes of the requests.
        changes: the times at which `CURRENT` changed.
        kills: the times at which workers were killed.
        began: the time at which each phase began.
        ceiling: the greatest rate, in requests a second.
        rate: the rate in the soak, in requests a second.
        disk: the kind of the disk that is filled; "" where none can be.
        memory: the memory of all processes together in MiB: after the warm-up, every 30 s, and at the end.
        oldest: that of the worker that was never killed, after the warm-up and at the end.
        acknowledged: the number of acknowledged corrections.
        exported: whether the last export succeeded.
        damaged: whether the ledger's file is damaged.
        lost_lines: the number of log lines that the metrics count as dropped.
        log: the number of log lines by event.
        exit_code: the service's exit code.
    """

    outcomes: Outcomes
    changes: list[float]
    kills: list[float]
    began: list[float] = field(default_factory=list)
    ceiling: float = 0.0
    rate: float = 0.0
    disk: str = ""
    memory: list[float] = field(default_factory=list)
    oldest: list[float] = field(default_factory=list)
    acknowledged: int = 0
    exported: bool = False
    damaged: bool = False
    lost_lines: int = 0
    log: Counter[str] = field(default_factory=Counter)
    exit_code: int | None = None


Observations = Mapping[str, Observed]
Times = list[tuple[float, float, str]]


def failures(record: Observed) -> list[str]:
    """Return a sentence for everything that must not happen and did."""
    counts = record.outcomes.counts
    failed = [f"{name.replace('*', '')}: {counts[what]}" for what, name in FAULTS.items() if counts[what]]
    failed += [] if record.exported else ["the corrections could not be exported in the end"]
    failed += ["the ledger's file is damaged"] if record.damaged else []
    failed += [f"internal errors in the log: {record.log['internal']}"] if record.log["internal"] else []
    failed += [f"the service ended with exit code {record.exit_code}"] if record.exit_code else []
    return failed


def write_report(observed: Observations, missing: Mapping[str, str], phases: Sequence[Phase], *, quick: bool) -> None:
    """Write `soak.md`, `soak.csv` and `soak.png`."""
    folder = results(quick=quick)
    _write_csv(folder / "soak.csv", observed, phases)
    parts = [_about(observed, phases), *(f"{name} was left out: {why}." for name, why in missing.items())]
    if observed:
        parts.append(markdown(("", *observed), _rows(observed, phases)))
        parts += ["## Seconds to answer", *_all_times(observed, phases), _plot(folder)]
        parts += ["## Memory", _memory(observed)]
    for name, record in observed.items():
        if record.outcomes.faults:
            parts += [f"## What went wrong, {name}", "\n".join(f"- {fault}" for fault in record.outcomes.faults)]
    write("soak", "Soak", parts, quick=quick)


def _about(observed: Observations, phases: Sequence[Phase]) -> str:
    full = next(phase for phase in phases if phase.full)
    disks = {record.disk for record in observed.values()}
    disk = (
        f"the disk ({', '.join(disks)}) with log, store, `TMPDIR` and an SQLite ledger is full for "
        f"{full.seconds:g} s; PostgreSQL's files are elsewhere"
        if all(disks)
        else "no disk is full: only root may mount a small one"
    )
    rates = "; ".join(
        f"{name}: {number(record.ceiling)} requests a second, {number(record.rate)} in the soak"
        for name, record in observed.items()
    )
    return (
        f"{sum(phase.seconds for phase in phases):g} seconds of mixed traffic on two workers, with keys, limits, "
        f"metrics and JSON logs on, in phases: {', '.join(phase.name for phase in phases)}. A closed loop of 16 "
        f"connections with 5 % attacks measures the greatest rate; the soak sends {100 * SHARE:.0f} % of that, at "
        f"random times, whatever the service does ({rates}). Meanwhile versions are activated and rolled back, now "
        "and then two at once; the younger worker is killed with SIGKILL; three editors sign in at the desk, work and "
        f"sign out; and {disk}. Every answer to an article is compared, to the byte, with what the model that it names "
        "gives in process, and every acknowledged correction with the export. The requests are "
        f"{mixture()}, and attacks; "
        f"{source()}."
    )


def _rows(observed: Observations, phases: Sequence[Phase]) -> Iterator[tuple[str, ...]]:
    counted = {"requests in good faith": "requests", **{name: what for what, name in FAULTS.items()}, **_COUNTED}
    for name, what in counted.items():
        yield name, *(f"{record.outcomes.counts[what]:,}" for record in observed.values())
    for name, figure in _FIGURES.items():
        yield name, *(f"{figure(record):,}" for record in observed.values())
    for what in sorted({what for record in observed.values() for what in record.outcomes.counts if ": " in what}):
        yield what, *(f"{record.outcomes.counts[what]:,}" for record in observed.values())
    calm = min(phases, key=lambda phase: phase.attacks)
    name = f"p99 with {calm.name}, outside the {AFTER_KILL:g} s after a kill: {1000 * _WANTED:g} ms or less?"
    yield name, *(_verdict(record, phases.index(calm), phases) for record in observed.values())


_COUNTED = {
    "in flight on a worker that was killed": "with its worker",
    "… right when asked again": "with its worker, then answered",
    "503 with `Retry-After`": "503",
    "… right when asked again later": "503, then answered",
    "attacks": "attack",
    "requests of a careless client": "careless",
}

_FIGURES: Mapping[str, Callable[[Observed], int]] = {
    "corrections acknowledged": lambda record: record.acknowledged,
    "workers killed": lambda record: len(record.kills),
    "times that `CURRENT` changed": lambda record: len(record.changes),
    "log lines of requests": lambda record: record.log["request"],
    "… cut off": lambda record: record.log["broken"],
    "… dropped, by the metrics": lambda record: record.lost_lines,
    "internal errors in the log (`internal-error`)": lambda record: record.log["internal"],
}


def _verdict(record: Observed, place: int, phases: Sequence[Phase]) -> str:
    took = [took for _, took, _ in _of_phase(record, place, phases)[0]]
    p99 = quantile(took, 0.99) if took else 0.0
    return f"{'yes' if p99 <= _WANTED else '**no**'}: {number(1000 * p99)} ms"


def _of_phase(record: Observed, place: int, phases: Sequence[Phase]) -> tuple[Times, Times]:
    """Return the times of the good requests that were due in a phase: outside the seconds after a kill, and in them."""
    begin = record.began[place]
    end = begin + phases[place].seconds
    outside: Times = []
    after_kill: Times = []
    for time in record.outcomes.took:
        if begin <= time[0] < end:
            kill = bisect_right(record.kills, time[0])
            near = kill and time[0] - record.kills[kill - 1] < AFTER_KILL
            (after_kill if near else outside).append(time)
    return outside, after_kill


def _all_times(observed: Observations, phases: Sequence[Phase]) -> Iterator[str]:
    head = ("", "requests", "p50, ms", "p99, ms", "p99.9, ms", "longest, ms")
    for name, record in observed.items():
        rows = [row for place in range(len(phases)) for row in _phase_rows(record, place, phases)]
        attacks = [ended - began for began, ended in record.outcomes.attacks]
        yield f"### {name}"
        yield markdown(head, [*rows, ("attacks, from the first byte sent", *_quantiles(attacks))])
    yield (
        "The times of requests in good faith, from when each was due to its complete answer, retries included; the "
        "client shares the cores with the service. While the disk is full, editors' work waits for it."
    )


def _phase_rows(record: Observed, place: int, phases: Sequence[Phase]) -> Iterator[tuple[str, ...]]:
    name = phases[place].name
    outside, after_kill = _of_phase(record, place, phases)
    editors = [took for _, took, kind in outside if kind.startswith(_DESK)]
    yield f"{name}, outside the {AFTER_KILL:g} s after a kill", *_quantiles([took for _, took, _ in outside])
    yield "… corrections, queue, desk", *_quantiles(editors)
    yield "… while no attack of 10 ms or more was answered", *_quantiles(_undisturbed(outside, record.outcomes.attacks))
    yield f"{name}, in the {AFTER_KILL:g} s after a kill", *_quantiles([took for _, took, _ in after_kill])


def _undisturbed(times: Times, attacks: Sequence[tuple[float, float]]) -> list[float]:
    """Return the times of the requests during which no attack took long."""
    long = sorted((began, ended) for began, ended in attacks if ended - began >= _LONG_ATTACK)
    begun = [began for began, _ in long]
    last_end = list(accumulate((ended for _, ended in long), max, initial=float("-inf")))
    return [took for due, took, _ in times if last_end[bisect_right(begun, due + took)] < due]


def _quantiles(took: Sequence[float]) -> list[str]:
    if not took:
        return ["0", *["–"] * 4]
    return [f"{len(took):,}", *(number(1000 * quantile(took, share)) for share in (0.5, 0.99, 0.999, 1.0))]


def _memory(observed: Observations) -> str:
    rows = []
    for database, record in observed.items():
        for name, sizes in (("all processes", record.memory), ("the worker that lived through it all", record.oldest)):
            growth = f"{100 * (sizes[-1] / sizes[0] - 1):+.1f} %" if sizes[0] else "–"
            rows.append((f"{database}: {name}", number(sizes[0]), number(max(sizes)), number(sizes[-1]), growth))
    table = markdown(("", "after the warm-up, MB", "most, MB", "at the end, MB", "growth"), rows)
    return f"{table}\n\nPSS for all processes, RSS for the worker that was not killed; measured every 30 s."


def _write_csv(path: Path, observed: Observations, phases: Sequence[Phase]) -> None:
    """Write what the plot shows: quantiles of each second, and events, in seconds since the first phase began."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("database", "what", "at", "p50", "p99", "longest"))
        for name, record in observed.items():
            first, end = record.began[0], record.began[-1] + phases[-1].seconds
            for began, phase in zip(record.began, phases, strict=True):
                rows.writerow((name, "full" if phase.full else "phase", f"{began - first:.1f}", phase.name))
            for what, moments in (("kill", record.kills), ("change", record.changes)):
                rows.writerows((name, what, f"{moment - first:.1f}") for moment in moments)
            seconds: dict[int, list[float]] = {}
            for due, took, _ in record.outcomes.took:
                if due < end:
                    seconds.setdefault(int(due - first), []).append(1000 * took)
            for second, times in sorted(seconds.items()):
                figures = (f"{quantile(times, share):.2f}" for share in (0.5, 0.99, 1.0))
                rows.writerow((name, "second", second, *figures))


def _plot(folder: Path) -> str:
    caption = "Times of the requests second by second, with kills, swaps and the full disk"
    return drawn(_PLOT, folder / "soak.csv", folder / "soak.png", caption)
