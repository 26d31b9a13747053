"""From SIGTERM to the end: unready at once, answering for a while, then uvicorn's own graceful shutdown."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from starlette.types import ASGIApp, Receive, Scope, Send

from service.problems import Problem, problem_response


class Stopping:
    """Whether this process has been told to stop.

    Args:
        delay: seconds to go on answering after that, so that a load balancer notices.
    """

    def __init__(self, delay: float) -> None:
        self.told = False
        self._delay = delay

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Hear of SIGTERM before the server does; nothing where signals are not this thread's."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        servers = signal.getsignal(signal.SIGTERM)
        loop = asyncio.get_running_loop()

        def pass_on(number: int, frame: FrameType | None) -> None:
            if callable(servers):
                servers(number, frame)

        def stop(number: int, frame: FrameType | None) -> None:
            if not self.told:
                self.told = True
                loop.call_soon_threadsafe(loop.call_later, self._delay, pass_on, number, frame)

        signal.signal(signal.SIGTERM, stop)
        _follow_parent()
        yield


def _follow_parent() -> None:
    """Stop when the parent of this worker is gone: nobody else would stop it, and it would keep the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, daemon=True, name="follow-parent").start()


class UnreadyWhenStopping:
    """Middleware that answers /readyz with 503 once the process has been told to stop."""

    def __init__(self, app: ASGIApp, stopping: Stopping) -> None:
        self.app = app
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._stopping.told and scope["type"] == "http" and scope["path"] == "/readyz":
            problem = Problem("not-ready", "The service is stopping.", headers={"Retry-After": "5"})
            await problem_response(problem)(scope, receive, send)
            return
        await self.app(scope, receive, send)
