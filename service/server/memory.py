"""How the C library gives memory back: left alone, glibc keeps what large requests used, in a heap full of holes."""

import ctypes
import os
import sys
import threading
import time
from pathlib import Path

_M_ARENA_MAX = -8  # malloc.h
_ARENAS = 2  # with one per thread, workers under attack needed a quarter more memory

_LOOK_SECONDS = 5.0
_SPARE = 64 * 1024 * 1024
_GROWTH = 4 * 1024 * 1024  # by which the base may grow from look to look, as a larger model is there to stay


def give_back_memory() -> None:
    """Keep giving memory back to the system as long as the process runs; does nothing without glibc.

    `MALLOC_ARENA_MAX` has no effect on a process that runs already; `mallopt` has.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_M_ARENA_MAX, _ARENAS)
        threading.Thread(target=_trim, args=(library,), daemon=True, name="trim").start()


def _trim(library: ctypes.CDLL) -> None:
    """Give back what is free whenever the process has grown; that takes milliseconds, without Python's lock."""
    least = sys.maxsize
    while True:
        time.sleep(_LOOK_SECONDS)
        if _resident() > least + _SPARE:
            library.malloc_trim(0)
        least = min(_resident(), least + _GROWTH)


def _resident() -> int:
    """Return the bytes of memory that the process takes."""
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
