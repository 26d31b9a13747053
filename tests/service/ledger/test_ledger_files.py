"""SQLite's files: deleted, replaced, cut or read-only under a running service."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import create_app
from tagdesk.service.ledger import corrections, upkeep
from tagdesk.service.ledger.database import Database, LedgerUnavailable
from tagdesk.service.ledger.engines import open_database
from tagdesk.service.settings import Settings
from tests.processes import workers_of
from tests.service import posting
from tests.waiting import eventually

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

WAL, SHM = "-wal", "-shm"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a ledger that is not there yet."""
    return tmp_path / "folder" / "ledger.sqlite"


def post(address: str, numbers: range) -> set[str]:
    """Post corrections over connections of their own; return the ids that were acknowledged."""
    corrections = [posting.feedback(number) for number in numbers]
    statuses = [httpx.post(f"{address}/v1/feedback", json=sent).status_code for sent in corrections]
    return {sent["id"] for sent, status in zip(corrections, statuses, strict=True) if status == 202}


def stored(path: Path) -> set[str]:
    """Return the ids in the file, which must be without faults."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {feedback for (feedback,) in connection.execute("SELECT id FROM tagdesk_corrections")}


def delete(path: Path, ends: tuple[str, ...]) -> None:
    for end in ends:
        Path(f"{path}{end}").unlink()


def write(path: Path, name: str) -> closing[Database]:
    """Commit something; return the database, its connection open."""
    database = open_database(str(path))
    with database.transaction() as run:
        run("INSERT INTO tagdesk_upkeep (name, due) VALUES (?, '')", name)
    return closing(database)


def names(path: Path) -> list[str]:
    """Return what `write` has committed."""
    with closing(open_database(str(path))) as database, database.snapshot() as rows:
        return [name for (name,) in rows("SELECT name FROM tagdesk_upkeep")]


def wait_for_a_new_worker(parent: int, old: set[int]) -> None:
    """Wait until a worker that took the place of another answers."""
    eventually(lambda: any(map(posting.answers, workers_of(parent) - old)))


deletions = pytest.mark.parametrize("ends", [(WAL,), (SHM,), (WAL, SHM)], ids=["log", "index", "both"])


@deletions
def test_no_correction_is_lost_with_the_log(tiny_store: Path, path: Path, ends: tuple[str, ...]) -> None:
    """The log or its index is deleted under two workers, one of which is replaced: all is refused until a restart."""
    with posting.service(tiny_store, str(path), "--workers=2") as (address, parent):
        acknowledged = post(address, range(30))
        delete(path, ends)
        assert post(address, range(30, 50)) == set()
        answer = httpx.post(f"{address}/v1/feedback", json=posting.feedback(50))
        assert answer.status_code == 503
        assert "was deleted or replaced while it was open; stop the service" in answer.json()["detail"]
        assert httpx.get(f"{address}/v1/feedback/export").status_code == 503
        old = workers_of(parent)
        posting.kill_a_worker(parent)
        wait_for_a_new_worker(parent, old)
        assert post(address, range(50, 70)) == set()
    assert stored(path) == acknowledged
    assert len(acknowledged) == 30
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with posting.service(tiny_store, str(path)) as (address, _):
        assert set(posting.exported(address)) == acknowledged
        assert len(post(address, range(30, 40))) == 10


def test_no_correction_is_lost_to_another_program(tiny_store: Path, path: Path) -> None:
    """After a read, another program opens and closes the file: it does not take the log from under the service."""
    with posting.service(tiny_store, str(path)) as (address, _):
        acknowledged = post(address, range(1))
        assert set(posting.exported(address)) == acknowledged
        count = f"import sqlite3; sqlite3.connect({str(path)!r}).execute('SELECT count(*) FROM tagdesk_corrections')"
        subprocess.run([sys.executable, "-c", count], check=True)
        acknowledged |= post(address, range(1, 20))
        assert set(posting.exported(address)) == acknowledged
    assert stored(path) == acknowledged


@deletions
def test_a_process_that_comes_later_makes_no_new_log(path: Path, tmp_path: Path, ends: tuple[str, ...]) -> None:
    """A command that finds the log or its index gone while the ledger is open is refused in a sentence."""
    with write(path, "a"):
        delete(path, ends)
        files = set(path.parent.iterdir())
        command = ["ledger", "export", str(tmp_path / "export"), "--database-url", str(path)]
        answer = subprocess.run(
            [sys.executable, "-m", "tagdesk", *command], capture_output=True, text=True, check=False
        )
        assert answer.returncode
        assert "was deleted or replaced while it was open; stop the service" in answer.stderr
        assert set(path.parent.iterdir()) == files
    assert names(path) == ["a"]


@pytest.mark.parametrize("end", [WAL, SHM])
def test_a_log_that_nobody_has_open_is_read(path: Path, tmp_path: Path, end: str) -> None:
    """A copy, or what is left by a process that was killed, may lack the log or its index."""
    with write(path, "a") as database:
        if end == SHM:
            database.scrub()
        for suffix in ("", end):
            shutil.copy(f"{path}{suffix}", tmp_path / f"copy{suffix}")
    with write(tmp_path / "copy", "b"):
        assert names(tmp_path / "copy") == ["a", "b"]


def test_a_log_that_another_program_began_is_not_written_over(path: Path) -> None:
    """Nothing is read or written until the process ends; what was acknowledged is in the file when it has stopped."""
    with write(path, "a") as database:
        delete(path, (WAL, SHM))
        Path(f"{path}{WAL}").write_bytes(b"another program's")
        with pytest.raises(LedgerUnavailable, match="was deleted or replaced"), database.transaction():
            pass
        Path(f"{path}{WAL}").unlink()
        with pytest.raises(LedgerUnavailable, match="was deleted or replaced"), database.snapshot():
            pass
    assert names(path) == ["a"]


def test_a_file_that_was_moved_away_is_used_when_it_is_back(path: Path) -> None:
    """Together with its log it is moved, and moved back: nothing is lost."""
    away = path.parent.with_name("away")
    with write(path, "a") as database:
        path.parent.rename(away)
        with pytest.raises(LedgerUnavailable, match="No such file"), database.transaction():
            pass
        away.rename(path.parent)
        with database.transaction() as run:
            assert run("SELECT name FROM tagdesk_upkeep") == [("a",)]


@pytest.fixture
def database_address(tiny_settings: Settings, path: Path, serve: Serve) -> Iterator[str]:
    """Return the address of a service with one correction in its file, its log empty."""
    with serve(create_app(replace(tiny_settings, database_url=str(path)))) as address:
        assert post(address, range(1))
        open_database(str(path)).scrub()
        assert post(address, range(1, 2))  # so that the service has seen the length
        yield address


def test_a_file_that_was_cut_is_not_written_to(database_address: str, path: Path) -> None:
    """A file that is shorter than it was is refused, and stays as it is."""
    with path.open("r+b") as file:
        file.truncate(8192)
    answer = httpx.post(f"{database_address}/v1/feedback", json=posting.feedback(2))
    assert answer.status_code == 503
    assert "shorter than it was" in answer.json()["detail"]
    assert path.stat().st_size == 8192


def test_a_file_that_took_the_place_of_another_is_not_written_to(
    database_address: str, path: Path, tmp_path: Path
) -> None:
    """The log of the file before lies beside it and would spoil it: the answer says what to do."""
    shutil.copy(path, tmp_path / "other")
    (tmp_path / "other").replace(path)
    answer = httpx.post(f"{database_address}/v1/feedback", json=posting.feedback(2))
    assert answer.status_code == 503
    assert "its file was replaced while it was open" in answer.json()["detail"]
    for end in (WAL, SHM):
        Path(f"{path}{end}").unlink()
    assert post(database_address, range(2, 3))


def test_a_read_only_file_is_read(
    tiny_settings: Settings, path: Path, serve: Serve, log: pytest.LogCaptureFixture
) -> None:
    """Corrections are refused, with the reason in the log once; those that are there are counted and exported."""
    settings = replace(tiny_settings, database_url=str(path))
    with serve(create_app(settings)) as address:
        post(address, range(3))
    with path.open("r+b") as file:  # of a version that this SQLite may read and not write: root writes all else
        file.seek(18)
        file.write(b"\3")
    with serve(create_app(settings)) as address, httpx.Client(base_url=address) as client:
        assert client.post("/v1/feedback", json=posting.feedback(3)).status_code == 503
        assert client.get("/v1/feedback/counts?since=2000-01-01T00:00:00Z").json()["all"] == {
            "corrections": 3,
            "articles": 3,
        }
        assert len(client.get("/v1/feedback/export").text.splitlines()) == 3
    assert [record.getMessage() for record in log.records].count(
        "the ledger cannot be used: it is read-only (SQLITE_READONLY)"
    ) == 1


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Return what reaches the log."""
    caplog.set_level("WARNING", logger="tagdesk")
    return caplog


def test_reads_while_another_program_writes(database_address: str, path: Path) -> None:
    """Counts and export wait for no lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert httpx.get(f"{database_address}/v1/feedback/counts").json()["all"]["corrections"] == 2
        assert len(httpx.get(f"{database_address}/v1/feedback/export").text.splitlines()) == 2


def test_counts_without_reading_the_table(path: Path) -> None:
    """Counting, and finding what is to be erased or forgotten, goes by an index alone."""
    open_database(str(path)).scrub()
    with closing(sqlite3.connect(path)) as connection:

        def plan(statement: str) -> str:
            values = ("",) * statement.count("?")
            return " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values))

        for statement in (corrections._COUNTS, corrections._NUMBER_BETWEEN):
            assert "USING COVERING INDEX tagdesk_corrections_counted" in plan(statement.format(""))
        for column in ("editor", "sender"):
            assert "SCAN tagdesk_corrections USING COVERING INDEX" in plan(corrections._ERASE.format(column))
        assert "USING INDEX tagdesk_corrections_texts" in plan(upkeep._FORGET_TEXTS)
