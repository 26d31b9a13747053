"""From SIGTERM to the end: not ready at once, still answering for a while, then uvicorn's own graceful shutdown."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopping:
    """Whether this process has been told to stop.

    Args:
        delay: seconds to go on answering after that, for a load balancer to notice.
    """

    def __init__(self, delay: float) -> None:
        self.begun = False
        self._delay = delay

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Catch SIGTERM before the server does; does nothing in a thread that gets no signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        servers = signal.getsignal(signal.SIGTERM)
        loop = asyncio.get_running_loop()

        def pass_on(number: int, frame: FrameType | None) -> None:
            if callable(servers):
                servers(number, frame)

        def stop(number: int, frame: FrameType | None) -> None:
            if not self.begun:
                self.begun = True
                loop.call_soon_threadsafe(loop.call_later, self._delay, pass_on, number, frame)

        signal.signal(signal.SIGTERM, stop)
        _follow_parent()
        yield


def _follow_parent() -> None:
    """Stop when this worker's parent is gone: nobody else would stop it, and it would keep the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, daemon=True, name="follow-parent").start()
