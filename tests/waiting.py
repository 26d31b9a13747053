"""Waiting for what comes to pass in another thread or process, on a machine that may be busy."""

import time
from collections.abc import Callable

PATIENCE = 120.0
"""Seconds after which what takes a moment on a quiet machine is given up; a busy one takes twenty times as long."""


def eventually(is_so: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something is so; fail if it is not so in this time."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"not so within {seconds:g} seconds"
        time.sleep(0.05)
