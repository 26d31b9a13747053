"""The ledger of one worker: one thread writes, each job in a transaction of its own; a few others read."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from tagdesk.service.ledger import upkeep
from tagdesk.service.ledger.database import (
    NO_LEDGER,
    Database,
    FeedbackConflict,
    LedgerConflict,
    LedgerError,
    LedgerUnavailable,
    QueueFull,
    Run,
    Stream,
    timestamp,
)
from tagdesk.service.ledger.engines import NoDatabase
from tagdesk.service.ledger.lane import ROOM, Lane

READERS = 3
"""Threads that read, and so the most connections that read."""

LOOK_SECONDS = 5.0
"""Seconds between two looks at the database."""

_START_SECONDS = 2.0  # most that the service's start waits for the first look
_PAUSES = (0.01, 0.05, 0.2)  # most seconds until a transaction that gave way to another is tried again
_PAUSE = 0.05  # seconds between two batches of forgotten texts, in which others can write
_TOO_SLOW = "the ledger cannot be used: the database takes too long"
_REFUSALS = FeedbackConflict, QueueFull, LedgerConflict  # nothing is wrong with the database

T = TypeVar("T")

logger = logging.getLogger("tagdesk")


class Ledger:
    """The ledger; it connects to the database when it is first used.

    Args:
        database: where it is stored.
        keep_text: whether the articles' text is kept.
        retention_days: days after which it is forgotten; 0 keeps it.

    Attributes:
        keep_text: whether the articles' text is kept.
        exists: whether a database is named at all.
        trouble: why the ledger cannot be written now, in a sentence without the database's words; None if it can.
        was_writable: whether it has been written at least once since the start.
        listeners: called with whether it can be written, from any thread, when that changes.
    """

    def __init__(self, database: Database, *, keep_text: bool, retention_days: int) -> None:
        self.keep_text = keep_text
        self.exists = not isinstance(database, NoDatabase)
        self._database = database
        self._retention = timedelta(days=retention_days)
        self._writer = Lane("ledger", 1)
        self._readers = Lane("ledger-reader", READERS)
        self.trouble: str | None = None if self.exists else NO_LEDGER
        self.was_writable = False
        self.listeners: list[Callable[[bool], None]] = []
        self._to_scrub = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look after the database while the block runs, beginning before it does; then close it."""
        if not self.exists:
            yield
            return
        first = asyncio.create_task(self._look())
        await asyncio.wait([first], timeout=_START_SECONDS)
        watching = asyncio.create_task(self._watch(first))
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await asyncio.to_thread(self._close)

    async def write(self, work: Callable[[Run], T]) -> T:
        """Do something in a transaction of its own; it is on disk when this returns.

        Raises:
            LedgerUnavailable: it cannot be done now, or takes too long and may still be done.
            LedgerError: the database is of a newer version, or `work` refuses.
        """
        try:
            return await self._writer.run(partial(self._transact, work))
        except TimeoutError:
            self._note(_TOO_SLOW)
            raise LedgerUnavailable(_TOO_SLOW) from None

    def write_later(self, work: Callable[[Run], Any]) -> "Future[Any]":
        """Do the same without waiting for it; half of the room is left to those who wait.

        Raises:
            LedgerUnavailable: too many jobs wait.
        """
        return self._writer.submit(partial(self._transact, work), ROOM // 2)

    async def read(self, work: Callable[[Stream], T]) -> T:
        """Read what is committed; writers do not wait for readers, nor readers for writers.

        Raises:
            LedgerError: it cannot be read now, or takes too long.
        """
        try:
            return await self._readers.run(partial(self._read, work))
        except TimeoutError:
            raise LedgerUnavailable(_TOO_SLOW) from None

    def snapshot(self) -> AbstractContextManager[Stream]:
        """Read what is committed when the block begins, in the caller's thread.

        Raises:
            LedgerError: it cannot be read.
        """
        return self._database.snapshot()

    def _transact(self, work: Callable[[Run], T]) -> T:
        try:
            outcome = self._tried(work)
        except LedgerError as error:
            if not isinstance(error, _REFUSALS):
                self._note(str(error))
            raise
        self._note(None)
        return outcome

    def _tried(self, work: Callable[[Run], T]) -> T:
        """Do the work; if the database gave way to another transaction, do it again."""
        for pause in _PAUSES:
            try:
                with self._database.transaction() as run:
                    return work(run)
            except LedgerConflict:
                time.sleep(random.uniform(0, pause))  # noqa: S311 - so that the two do not collide again
        with self._database.transaction() as run:
            return work(run)

    def _read(self, work: Callable[[Stream], T]) -> T:
        with self._database.snapshot() as rows:
            return work(rows)

    def _note(self, trouble: str | None) -> None:
        """Log when the ledger begins to fail, and when it works again."""
        if trouble and not self.trouble:
            logger.error("%s", trouble)
        elif self.trouble and not trouble:
            logger.warning("the ledger can be used again")
        changed = (self.trouble is None) != (trouble is None)
        self.trouble = trouble
        self.was_writable = self.was_writable or trouble is None
        for listener in self.listeners if changed else ():
            listener(trouble is None)

    async def _watch(self, look: "asyncio.Task[None]") -> None:
        await look
        while True:
            try:
                if self._retention:
                    await self._forget()
                await asyncio.sleep(LOOK_SECONDS)
                await self._look()
            except LedgerError:  # noted; the next turn may do better
                await asyncio.sleep(LOOK_SECONDS)
            except Exception:  # so may it here
                logger.exception("looking after the ledger failed")
                await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        """Write unless it is known that this works; then begin and end a transaction, which needs no disk access."""
        with suppress(LedgerError):
            await self.write(upkeep.nothing if self.was_writable and not self.trouble else upkeep.touch)

    async def _forget(self) -> None:
        """Forget the texts whose time is over, a few at a time, if it is this worker's turn."""
        if await self.write(partial(upkeep.is_due, name="retention")):
            before = timestamp(datetime.now(UTC) - self._retention)
            while await self.write(partial(upkeep.forget_texts, before=before)):
                self._to_scrub = True
                await asyncio.sleep(_PAUSE)
            if self._to_scrub:
                await self._scrub()

    async def _scrub(self) -> None:
        """Overwrite what was forgotten; if that fails, try again when it is next this worker's turn."""
        try:
            await asyncio.wrap_future(self._readers.submit(self._database.scrub))
            self._to_scrub = False
        except LedgerError as error:
            logger.warning("forgotten texts may be left in the database's files: %s", error)

    def _close(self) -> None:
        """Finish the jobs and close the database, in the thread that used it."""
        self._readers.close()
        with suppress(LedgerUnavailable):
            self._writer.submit(self._database.close)
        self._writer.close()
