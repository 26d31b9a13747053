"""Processes: how a service's are started, and what the system knows of them."""

import os
import sys
from pathlib import Path

SERVE = (sys.executable, "-m", "tagdesk", "serve")
"""The command that starts a service, without its options."""

_TICK = 1 / os.sysconf("SC_CLK_TCK")


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of this process without its settings of Tagdesk, and with these variables."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TAGDESK_")} | variables


def children_of(parent: int) -> list[int]:
    """Return the process ids of what a process has started; none once it has ended."""
    try:
        return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def workers_of(parent: int) -> set[int]:
    """Return the process ids of a service's workers."""
    return {child for child in children_of(parent) if b"spawn_main" in _command_line(child)}


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used: unlike a clock, it stands still while others work."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def _command_line(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return b""
