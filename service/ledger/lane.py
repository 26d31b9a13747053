"""A lane: a few threads that do a database's jobs in turn."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from tagdesk.service.ledger.database import LedgerUnavailable

PATIENCE = 10.0
"""Seconds that a request waits for the database."""

ROOM = 64
"""Most jobs that wait; fewer than the requests a worker answers at once, so that tagging goes on."""

T = TypeVar("T")


class Lane:
    """Threads that do one job after another; daemons, so that a hanging database does not keep the process alive.

    Args:
        name: of the threads.
        threads: how many jobs are done at once.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._most = threads
        self._jobs: queue.Queue[tuple[Callable[[], Any], Future[Any]] | None] = queue.Queue()
        self._threads: list[threading.Thread] = []

    def submit(self, work: Callable[[], T], room: int = ROOM) -> "Future[T]":
        """Queue a job; its result or error goes to the future.

        Raises:
            LedgerUnavailable: `room` or more jobs wait.
        """
        if self._jobs.qsize() >= room:
            raise LedgerUnavailable("the ledger cannot be used: too many requests wait for the database")
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._work, daemon=True, name=self._name) for _ in range(self._most)
            ]
            for thread in self._threads:
                thread.start()
        future: Future[T] = Future()
        self._jobs.put((work, future))
        return future

    async def run(self, work: Callable[[], T]) -> T:
        """Do a job and return its result.

        Raises:
            LedgerUnavailable: as `submit`.
            TimeoutError: it takes longer than `PATIENCE`; if it has begun, it may still be done.
        """
        async with asyncio.timeout(PATIENCE):  # not `wait_for`, which before 3.12 may swallow that it is cancelled
            return await asyncio.wrap_future(self.submit(work))

    def close(self) -> None:
        """Finish the jobs that wait, as far as `PATIENCE` allows, and end the threads."""
        for _ in self._threads:
            self._jobs.put(None)
        until = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._threads = []

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, future = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                outcome = work()
            except BaseException as error:  # noqa: BLE001 - for whoever waits for the result
                future.set_exception(error)
            else:
                future.set_result(outcome)
