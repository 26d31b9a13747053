"""What a benchmark writes: a Markdown table, and the machine and versions that it was measured with."""

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
VAR = Path(os.environ.get("TAGDESK_BENCH") or ROOT / "var" / "bench")
"""Where the competitors' models and the logs lie."""
RESULTS = Path(__file__).with_name("results")

_OURS = ("numpy", "numba", "scikit-learn", "fastapi", "pydantic", "uvicorn", "uvloop")


def _cpu_ticks() -> list[int]:
    """Return Linux' counts of what the CPUs did: user, nice, system, idle, iowait, irq, softirq, steal."""
    try:
        first = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0]
    except OSError:
        return []
    return [int(part) for part in first.split()[1:9]]


_AT_START = _cpu_ticks()


def _stolen() -> str:
    """Say how much of the time that the CPUs were wanted the hypervisor gave to other machines."""
    spent = [after - before for before, after in zip(_AT_START, _cpu_ticks(), strict=True)]
    wanted = sum(spent) - sum(spent[3:5]) if spent else 0
    return f" Other machines on the same hardware took {100 * spent[7] / wanted:.0f} % of the CPU." if wanted else ""


def machine() -> str:
    """Describe the machine and the versions, without its name or any path."""
    cores = os.cpu_count() or 1
    libraries = ", ".join(f"{name} {version(name)}" for name in _OURS)
    return (
        f"{_cpu()}, {cores} cores, {_memory_gb()} GB, {platform.system()}; "
        f"Python {platform.python_version()}, {libraries}. Measured {datetime.now(UTC):%Y-%m-%d}.{_stolen()}"
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")


def _memory_gb() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; the first column is text, the others are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def check_variants(only: Iterable[str], variants: Iterable[str]) -> None:
    """Check the names that `--only` gives.

    Raises:
        ValueError: one is no variant.
    """
    known = list(variants)
    unknown = [name for name in only if name not in known]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; variants are {', '.join(known)}")


def number(value: float) -> str:
    """Return a figure with three digits that count, and commas."""
    if value < 0:
        return f"−{number(-value)}"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3g}"


def ratio(value: float) -> str:
    """Return a ratio, `12×`."""
    return f"{number(value)}×"


def write(name: str, title: str, parts: Iterable[str], *, quick: bool) -> None:
    """Print a report and write it to `results/<name>.md`; a quick one to `var/bench/results/`, as it proves nothing."""
    folder = results(quick=quick)
    notes = ["Quick run: it shows that the script runs, its figures mean nothing."] if quick else []
    text = "\n\n".join([f"# {title}", *notes, *parts, machine()]) + "\n"
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def results(*, quick: bool) -> Path:
    """Return the folder for results, made if need be."""
    folder = VAR / "results" if quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def say(text: str) -> None:
    """Say on standard error how far the work has come."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies; there must be one."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
