"""The ledger of one worker: one thread works off what is asked, what comes together in one transaction."""

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from service.ledger import corrections
from service.ledger.database import Database, FeedbackConflict, LedgerError, LedgerUnavailable, Run, Stream, timestamp

PATIENCE = 10.0
"""Seconds that a request waits for the database."""

WAITING = 64
"""Most requests that wait; fewer than a worker answers at once, so that tagging goes on."""

LOOK_SECONDS = 60.0
_EVERY = timedelta(hours=1)
_TOO_MANY = "the ledger cannot be used: too many wait for the database"
_PAUSE = 0.05  # between a few texts forgotten and the next few, for others to write

T = TypeVar("T")

logger = logging.getLogger("tagdesk")


@dataclass(slots=True)
class _Job:
    work: Callable[[Run], Any]
    done: "Future[Any]"
    outcome: Any = None
    refusal: FeedbackConflict | None = None


class Ledger:
    """The ledger; the database is connected to when it is first asked for something.

    Args:
        database: where it is.
        keep_text: whether the articles' text is kept.
        retention_days: days after which it is forgotten; 0 keeps it.
    """

    def __init__(self, database: Database, *, keep_text: bool, retention_days: int) -> None:
        self.keep_text = keep_text
        self._database = database
        self._retention = timedelta(days=retention_days)
        self._jobs: queue.Queue[_Job | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._failing = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Forget texts when it is time, as long as the block runs; then close."""
        forgetting = asyncio.create_task(self._forget_forever()) if self._retention else None
        try:
            yield
        finally:
            if forgetting is not None:
                forgetting.cancel()
                await asyncio.gather(forgetting, return_exceptions=True)
            await asyncio.to_thread(self.close)

    async def do(self, work: Callable[[Run], T]) -> T:
        """Do something in a transaction; it is on the disk when this returns.

        Raises:
            FeedbackConflict: raised by `work`, which must not have written then.
            LedgerUnavailable: it cannot be done now, or takes too long and may be done yet.
            LedgerError: the database is of a newer version.
        """
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self.submit(work)), PATIENCE)
        except TimeoutError:
            raise LedgerUnavailable("the ledger cannot be used: the database takes too long") from None

    def submit(self, work: Callable[[Run], T], *, can_be_lost: bool = False) -> "Future[T]":
        """Do something in a transaction, for whoever does not wait for it.

        Args:
            work: what is done.
            can_be_lost: leave half of the room to what cannot.

        Raises:
            LedgerUnavailable: too many wait.
        """
        if can_be_lost and self._jobs.qsize() >= WAITING // 2:
            raise LedgerUnavailable(_TOO_MANY)
        job = _Job(work, Future())
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise LedgerUnavailable(_TOO_MANY) from None
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True, name="ledger")
            self._thread.start()
        return job.done

    @contextmanager
    def snapshot(self) -> Iterator[Stream]:
        """Read what is committed, over a connection of its own, in the caller's thread.

        Raises:
            LedgerError: it cannot be read.
        """
        with self._database.snapshot() as rows:
            yield rows

    def close(self) -> None:
        """Finish what was asked and close the database."""
        if self._thread is not None:
            with suppress(queue.Full):
                self._jobs.put(None, timeout=PATIENCE)
            self._thread.join(PATIENCE)
            self._thread = None

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs = [job, *self._others()]
            self._commit([one for one in jobs if one.done.set_running_or_notify_cancel()])
        self._database.close()

    def _others(self) -> Iterator[_Job]:
        """Yield what came meanwhile: one wait for the disk is enough for all."""
        for _ in range(WAITING):
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is None:
                self._jobs.put_nowait(None)
                return
            yield job

    def _commit(self, jobs: Sequence[_Job]) -> None:
        try:
            if jobs:
                with self._database.transaction() as run:
                    for job in jobs:
                        _do(job, run)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            self._note(error)
            for job in jobs:
                job.done.set_exception(error)
            return
        self._note(None)
        for job in jobs:
            if job.refusal is None:
                job.done.set_result(job.outcome)
            else:
                job.done.set_exception(job.refusal)

    def _note(self, error: Exception | None) -> None:
        """Log when the ledger begins to fail, and when it is well again."""
        if isinstance(error, LedgerError) and not self._failing:
            logger.error("%s", error)
        elif error is None and self._failing:
            logger.warning("the ledger can be used again")
        self._failing = isinstance(error, LedgerError)

    async def _forget_forever(self) -> None:
        while True:
            with suppress(LedgerError):  # the log has it; the next look may do better
                if await self.do(partial(_is_due, name="retention")):
                    await self._forget()
            await asyncio.sleep(LOOK_SECONDS)

    async def _forget(self) -> None:
        before = timestamp(datetime.now(UTC) - self._retention)
        forgotten = 0
        while some := await self.do(partial(corrections.forget_texts, before=before)):
            forgotten += some
            await asyncio.sleep(_PAUSE)
        if forgotten:
            await asyncio.to_thread(self._database.scrub)


def _do(job: _Job, run: Run) -> None:
    try:
        job.outcome = job.work(run)
    except FeedbackConflict as refusal:  # this job's alone: the others are committed
        job.refusal = refusal


def _is_due(run: Run, name: str) -> bool:
    """Tell whether it is this worker's turn at something that one does, once in an hour."""
    moment = datetime.now(UTC)
    taken = run(
        "INSERT INTO tagdesk_upkeep (name, due) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET due = excluded.due"
        " WHERE tagdesk_upkeep.due <= ? RETURNING name",
        name,
        timestamp(moment + _EVERY),
        timestamp(moment),
    )
    return bool(taken)
