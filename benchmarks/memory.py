"""What memory a process and its children take, from Linux's `/proc`."""

import re
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from time import perf_counter

_MIB = 1024


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            parent = int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    pids = [pid]
    for process in pids:
        pids += children.get(process, [])
    return pids


def memory(pid: int) -> dict[str, float]:
    """Return a process's `Rss`, `Pss`, `Shared_Clean` … of `smaps_rollup`, in MiB; nothing where it has ended.

    Pss counts a page that two processes share half to each: the sum over processes is what they really take.
    """
    with suppress(OSError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        return {name: int(size) / _MIB for name, size in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)}
    return {}


def mapped(pid: int, name: str) -> tuple[float, float]:
    """Return Rss and Pss in MiB of the files of that name which a process has mapped."""
    blocks = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path(f"/proc/{pid}/smaps").read_text(), flags=re.MULTILINE)
    own = [block for block in blocks if block.partition("\n")[0].endswith(name)]
    rss, pss = (
        sum(int(size) for block in own for size in re.findall(rf"^{kind}: +(\d+)", block, re.MULTILINE)) / _MIB
        for kind in ("Rss", "Pss")
    )
    return rss, pss


def total(pid: int) -> float:
    """Return the memory in MiB that a process and all below it take together."""
    return sum(memory(process).get("Pss", 0.0) for process in tree(pid))


class Peak:
    """The most memory that a process and its children took together, looked at four times a second, or less often.

    A look at a large process takes a core for long, and stops who wants memory: looking takes a twentieth at most.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.mib = 0.0
        self._process = process
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while self._process.poll() is None:
            began = perf_counter()
            self.mib = max(self.mib, total(self._process.pid))
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(max(0.25, 20 * (perf_counter() - began)))
