"""The ledger as other parts of the service use it: writing, reading, and saying what is wrong."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tagdesk.service.ledger import queue, sessions, upkeep
from tagdesk.service.ledger.corrections import Correction, append
from tagdesk.service.ledger.database import FeedbackConflict, LedgerUnavailable, QueueFull, Run, Stream, timestamp
from tagdesk.service.ledger.engines import NoDatabase, open_database
from tagdesk.service.ledger.lane import ROOM
from tagdesk.service.ledger.ledger import Ledger
from tagdesk.service.ledger.queue import Waiting
from tests.waiting import PATIENCE

AHEAD = timestamp(datetime.now(UTC) + timedelta(days=730))
CORRECTION = Correction("f-1", "a-1", {"body": "War."}, ["conflict"], None, None, None, "anna", "tiny@1", "cms")


@asynccontextmanager
async def ledger_at(url: str) -> AsyncIterator[Ledger]:
    """Run a ledger."""
    ledger = Ledger(open_database(url), keep_text=True, retention_days=0)
    async with ledger.running():
        yield ledger


def with_ledger(url: str, work: Callable[[Ledger], Any]) -> Any:
    """Return what a coroutine makes of a running ledger."""

    async def run() -> Any:
        async with asyncio.timeout(PATIENCE), ledger_at(url) as ledger:
            return await work(ledger)

    return asyncio.run(run())


@contextmanager
def written(url: str) -> Iterator[Run]:
    """Run statements in one transaction."""
    with closing(open_database(url)) as database, database.transaction() as run:
        yield run


def test_each_job_has_its_own_end(ledger_url: str) -> None:
    """What one job raises is its own answer; the jobs around it are kept, and the ledger stays well."""

    def fail(run: Run) -> None:
        queue.put(run, Waiting("spoilt", {}, "tiny@1", 0.1))
        raise ValueError("its own")

    async def work(ledger: Ledger) -> list[Any]:
        jobs: list[Callable[[Run], str]] = [
            partial(queue.put, waiting=Waiting(f"a-{number}", {}, "tiny@1", 0.1)) for number in range(3)
        ]
        outcomes = await asyncio.gather(
            *map(ledger.write, jobs), ledger.write(fail), *map(ledger.write, jobs), return_exceptions=True
        )
        assert ledger.trouble is None
        assert await ledger.read(queue.count) == 3
        return [type(outcome) for outcome in outcomes]

    assert with_ledger(ledger_url, work) == [str, str, str, ValueError, str, str, str]


def test_says_that_it_can_be_written(ledger_url: str) -> None:
    """Soon after it runs: the start does not wait for a slow disk."""

    async def work(ledger: Ledger) -> tuple[Any, ...]:
        while not ledger.was_writable:
            await asyncio.sleep(0.01)
        return ledger.exists, ledger.was_writable, ledger.trouble

    assert with_ledger(ledger_url, work) == (True, True, None)


def test_says_why_it_cannot_be_written_and_when_it_can_again(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the way is looked at again without anybody asking for it."""
    monkeypatch.setattr("tagdesk.service.ledger.ledger.LOOK_SECONDS", 0.01)
    path = tmp_path / "ledger.sqlite"
    path.mkdir()

    async def work(ledger: Ledger) -> None:
        while not ledger.trouble:  # the start does not wait for a slow disk
            await asyncio.sleep(0.01)
        assert ledger.trouble == "the ledger cannot be used: it cannot be opened (SQLITE_CANTOPEN)"
        assert not ledger.was_writable
        path.rmdir()
        while ledger.trouble:
            await asyncio.sleep(0.01)
        assert ledger.was_writable

    with_ledger(str(path), work)


def test_leaves_half_of_the_room_to_those_who_wait() -> None:
    """What is written later is refused when half of the room is taken; what is written now is not."""
    ledger = Ledger(NoDatabase(), keep_text=True, retention_days=0)
    release = threading.Event()
    ledger._writer.submit(release.wait)

    async def work() -> None:
        with suppress(LedgerUnavailable):
            for _ in range(ROOM):
                ledger.write_later(upkeep.nothing)
        with pytest.raises(LedgerUnavailable, match="too many"):
            ledger.write_later(upkeep.nothing)
        waiting = asyncio.ensure_future(ledger.write(upkeep.nothing))
        await asyncio.sleep(0)
        release.set()
        with pytest.raises(LedgerUnavailable, match="keeps no corrections"):
            await waiting

    asyncio.run(work())


def test_without_a_database_it_says_so() -> None:
    """`none` names no database: every use is refused in a sentence, and nothing is waited for."""

    async def work(ledger: Ledger) -> None:
        sentence = "this service keeps no corrections: name a database in TAGDESK_DATABASE_URL"
        assert (ledger.exists, ledger.trouble) == (False, sentence)
        for use in (ledger.write, ledger.read):
            with pytest.raises(LedgerUnavailable, match="keeps no corrections"):
                await use(queue.count)
        with pytest.raises(LedgerUnavailable, match="keeps no corrections"), ledger.snapshot():
            pass

    with_ledger("none", work)


def test_reads_a_ledger_that_is_not_there_yet(ledger_url: str) -> None:
    """It is an empty one."""
    with closing(open_database(ledger_url)) as database, database.snapshot() as rows:
        assert queue.count(rows) == 0


def test_a_percent_sign_in_a_statement_is_one(ledger_url: str) -> None:
    """Statements are the same for both kinds of databases, with or without values."""
    with written(ledger_url) as run:
        assert run("SELECT 'a%b' WHERE 'abc' LIKE 'a%' AND ? = 'x'", "x") == [("a%b",)]
        assert run("SELECT 'a%b'") == [("a%b",)]
    with closing(open_database(ledger_url)) as database, database.snapshot() as rows:
        assert list(rows("SELECT '100%' WHERE ? LIKE 'a%'", "abc")) == [("100%",)]


def test_what_another_key_sends_again_is_a_repetition(ledger_url: str) -> None:
    """The sender is no part of the content, and digests of before there were senders hold."""
    assert CORRECTION.digest() == "2011dc48ad3aa23751af1b8615236c60c7f7c7cf8664cfcfb096264a3a04b939"
    with written(ledger_url) as run:
        append(run, CORRECTION, keep_text=True)
        assert append(run, Correction(**fields_of(CORRECTION) | {"sender": "desk"}), keep_text=True).repeated
        with pytest.raises(FeedbackConflict):
            append(run, Correction(**fields_of(CORRECTION) | {"topics": []}), keep_text=True)


def fields_of(correction: Correction) -> dict[str, Any]:
    """Return the fields of a correction by name."""
    return {name: getattr(correction, name) for name in Correction.__dataclass_fields__}


def test_the_queue_has_an_end(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is full another article is refused, and one that waits is replaced."""
    monkeypatch.setattr(queue, "MOST", 2)
    with written(ledger_url) as run:
        for article in ("a", "b", "a"):
            queue.put(run, Waiting(article, {}, "tiny@1", 0.1))
        with pytest.raises(QueueFull, match="2 articles already wait for an editor"):
            queue.put(run, Waiting("c", {}, "tiny@1", 0.1))
        assert queue.count(run) == 2


def test_what_a_clock_that_ran_ahead_took_is_free(ledger_url: str) -> None:
    """An article taken until a time beyond the quarter of an hour goes to whoever asks."""
    with written(ledger_url) as run:
        queue.put(run, Waiting("a", {}, "tiny@1", 0.1))
        run("UPDATE tagdesk_queue SET taken_by = 'anna', taken_until = ?", AHEAD)
        assert queue.take(run, "ben", None)["article"] == {"id": "a"}
        assert queue.take(run, "anna", None)["article"] is None


def test_what_a_clock_that_ran_ahead_put_off_is_due(ledger_url: str) -> None:
    """Retention is due where its next time is further ahead than an hour; then it is not, for an hour."""
    with written(ledger_url) as run:
        run("INSERT INTO tagdesk_upkeep (name, due) VALUES ('retention', ?)", AHEAD)
        assert upkeep.is_due(run, "retention")
        assert not upkeep.is_due(run, "retention")


def test_sessions_begin_and_end(ledger_url: str) -> None:
    """A session stands for its key until it ends, is ended, or turns out to be from a clock that ran ahead."""
    now = datetime.now(UTC)

    def salts(rows: Stream, *hours: float) -> list[str | None]:
        return [sessions.salt_of(rows, "hash", now + timedelta(hours=ahead)) for ahead in hours]

    with written(ledger_url) as run:
        sessions.begin(run, "hash", "salt", now + sessions.SESSION)

        def rows(statement: str, *values: object) -> Iterator[Any]:
            return iter(run(statement, *values))

        assert salts(rows, 0.1, 11.9, 12, -1) == ["salt", "salt", None, None]
        assert sessions.salt_of(rows, "other", now) is None
        sessions.end(run, "hash")
        assert salts(rows, 0.1) == [None]


def test_sessions_that_are_over_are_forgotten(ledger_url: str) -> None:
    """The next that begins takes them away, and those of a clock that ran ahead."""
    now = datetime.now(UTC)
    with written(ledger_url) as run:
        for token_hash, ends in (("past", now - timedelta(hours=1)), ("ahead", now + timedelta(days=730))):
            run("INSERT INTO tagdesk_sessions (token_hash, salt, ends) VALUES (?, 's', ?)", token_hash, timestamp(ends))
        sessions.begin(run, "now", "s", now + timedelta(hours=1))
        assert run("SELECT token_hash FROM tagdesk_sessions") == [("now",)]


@pytest.mark.postgres
def test_a_read_only_server_is_read(postgres_server: Any) -> None:
    """What is there is read, and the trouble says why nothing is written."""
    import psycopg

    url = postgres_server.new_database()
    with written(url) as run:
        append(run, CORRECTION, keep_text=True)
        queue.put(run, Waiting("a", {}, "tiny@1", 0.1))
    name = url.split("?")[0].rpartition("/")[2]
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())

    async def work(ledger: Ledger) -> None:
        while not ledger.trouble:  # the start does not wait for a slow server
            await asyncio.sleep(0.01)
        assert ledger.trouble == "the ledger cannot be used: the database is read-only"
        assert await ledger.read(queue.count) == 1
        with suppress(LedgerUnavailable):
            await ledger.write(upkeep.nothing)

    with_ledger(url, work)
