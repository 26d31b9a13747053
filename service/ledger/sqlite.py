"""The ledger in an SQLite file: with a write-ahead log, and every commit on disk before it counts."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from tagdesk.service.ledger.database import LedgerUnavailable, Migrations, Row, Run, Stream

BUSY_SECONDS = 5.0
"""How long to wait for another writer."""

_WHY = {
    sqlite3.SQLITE_BUSY: "it is locked by another program",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_IOERR: "the disk fails",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is not an SQLite file",
}
_REPLACED = (
    "the ledger cannot be used: its file was replaced while it was open, and the log of the old one lies beside it;"
    " stop the service, delete what ends with -wal and -shm, and start it again"
)
_DELETED = (
    "the ledger cannot be used: {} was deleted or replaced while it was open; stop the service, which writes the log"
    " back into the ledger's file, and start it again"
)
_CUT = (
    "the ledger cannot be used: its file is shorter than it was; stop the service, restore a backup into a new file,"
    " and start the service with that"
)
_MIGRATIONS = Migrations("sqlite", "SELECT count(*) FROM sqlite_master WHERE name = 'tagdesk_migrations'")
_SCRUB_SECONDS = 0.1  # that writers wait at a time while the log is emptied
_PROBE_SECONDS = 0.1  # between two looks whether the log is in use

_FileId = tuple[int, int]  # device and inode


class SqliteDatabase:
    """An SQLite file, which is made if it does not exist.

    Beside it lie its log, `-wal`, and the log's index, `-shm`. If they are deleted, a process that has them open goes
    on with the old ones, a process that comes later makes new ones, and only one of the two can be right. So they are
    checked before each use, and once they are not those that are open, nothing is read or written until this process
    ends.

    Only SQLite ever opens the three: closing one of them here would drop the locks of all connections of this process,
    and another program that closes the file would then delete the log that they write to.

    Args:
        path: the file; its folder is made too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._logs = Path(f"{path}-wal"), Path(f"{path}-shm")
        self._connection: sqlite3.Connection | None = None
        self._files: tuple[_FileId, ...] = ()  # of the connection: the file, its log, the log's index
        self._size = 0
        self._was_there = False
        self._refusal: str | None = None

    @contextmanager
    def transaction(self) -> Iterator[Run]:
        """Yield what runs statements; see `Database`."""
        with _translated():
            self._check()
            self._check_file()
            connection = self._begun()
        with _translated((sqlite3.Error,)):
            try:
                yield _runner(connection)
                connection.execute("COMMIT")
            except BaseException as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    self.close()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Stream]:
        """Yield what streams rows; see `Database`."""
        with _translated():
            self._check()
            connection = self._reader()
        with _translated((sqlite3.Error,)), closing(connection):
            yield lambda statement, *values: iter(connection.execute(statement, values))

    def scrub(self) -> None:
        """Write the log back into the file, where deleted content is zeros, and empty the log."""
        until = time.monotonic() + BUSY_SECONDS
        with _translated():
            self._check()
            connection = self._connect()
        with _translated(), closing(connection):
            connection.execute(f"PRAGMA busy_timeout = {int(_SCRUB_SECONDS * 1000)}")
            while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > until:
                    raise LedgerUnavailable("the ledger cannot be scrubbed: somebody is reading it")
                time.sleep(_SCRUB_SECONDS)

    def after_restore(self, run: Run) -> None:
        """Do nothing: SQLite keeps count of the numbers itself."""

    def is_there(self) -> bool:
        """Tell whether there is such a file."""
        return self._path.exists()

    def close(self) -> None:
        """Close the connection; SQLite writes the log into the file where nobody else has it open."""
        self._files = ()  # before SQLite deletes them
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def _check(self) -> None:
        """Refuse if the log or its index is not the one in use.

        Raises:
            LedgerUnavailable: it is not, or was not before.
            OSError: the file is not there; its disk may come back.
        """
        if self._refusal is not None:
            raise LedgerUnavailable(self._refusal)
        if not (files := self._files):
            self._await_logs()
            return
        lost = [log for log, file in zip(self._logs, files[1:], strict=True) if _file_id(log) != file]
        is_replaced = _id(self._path.stat()) != files[0]
        if is_replaced and len(lost) < len(self._logs):
            raise LedgerUnavailable(_REPLACED)
        if lost and not is_replaced and self._files is files:  # otherwise the writing thread has closed them meanwhile
            self._refuse(lost)

    def _await_logs(self) -> None:
        """Refuse if others have the file open and its log or index is gone: SQLite would make another."""
        until = time.monotonic() + BUSY_SECONDS
        while (lost := [log for log in self._logs if not log.exists()]) and self._is_in_use():
            if time.monotonic() > until:  # until then somebody may be about to make or delete them
                self._refuse(lost)
            time.sleep(_PROBE_SECONDS)

    def _is_in_use(self) -> bool:
        """Tell whether there is another connection to the file's log: SQLite then gives nobody exclusive use."""
        try:
            with closing(self._open("mode=rw", wait=0)) as connection:
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.Error as error:  # other errors will meet the connection that is opened next
            return _primary_code(error) == sqlite3.SQLITE_BUSY
        return False

    def _refuse(self, lost: list[Path]) -> NoReturn:
        self._refusal = _DELETED.format(" or ".join(log.name for log in lost))
        raise LedgerUnavailable(self._refusal)

    def _check_file(self) -> None:
        """Close the connection if the file is a different one now: SQLite would go on with the old file.

        Raises:
            LedgerUnavailable: it is the same file, and shorter than it was.
        """
        if self._files:
            status = self._path.stat()
            if _id(status) != self._files[0]:
                self.close()
            elif status.st_size < self._size:
                raise LedgerUnavailable(_CUT)
            self._size = status.st_size

    def _begun(self) -> sqlite3.Connection:
        """Return the connection, in a transaction."""
        try:
            if self._connection is None:
                self._connection, self._size = self._connect(), 0
            self._connection.execute("BEGIN IMMEDIATE")
            if not self._files:
                self._files = tuple(_id(path.stat()) for path in (self._path, *self._logs))
                self._was_there = True
        except (sqlite3.Error, OSError):
            self.close()
            raise
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        """Return a connection that writes, to a file that has the tables."""
        if not self._was_there:
            self._make()
        connection = self._open("mode=rw")
        try:
            _begin_log(connection)
            connection.execute("PRAGMA synchronous = FULL")  # on disk, not only with the system, in case of a power cut
            connection.execute("PRAGMA secure_delete = ON")
            if _MIGRATIONS.pending(_runner(connection)):
                connection.execute("BEGIN IMMEDIATE")
                _MIGRATIONS.apply(_runner(connection))
                connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _reader(self) -> sqlite3.Connection:
        """Return a connection in a transaction that reads, on a file that has the tables."""
        if not self._path.exists():
            self._connect().close()
        connection = self._open("mode=ro")
        try:
            connection.execute("BEGIN")
            if _MIGRATIONS.pending(connection.execute):
                connection.execute("ROLLBACK")
                self._connect().close()
                connection.execute("BEGIN")
        except BaseException:
            connection.close()
            raise
        return connection

    def _make(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # unpublished articles: for nobody else
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def _open(self, mode: str, wait: float = BUSY_SECONDS) -> sqlite3.Connection:
        if mode == "mode=ro" and not os.access(self._path.parent, os.W_OK) and not Path(f"{self._path}-wal").exists():
            mode = "immutable=1"  # there is no log, and none can be made here
        return sqlite3.connect(
            f"{self._path.absolute().as_uri()}?{mode}",
            uri=True,
            timeout=wait,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )


def _begin_log(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; SQLite itself does not wait for others who are doing the same."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _runner(connection: sqlite3.Connection) -> Run:
    def run(statement: str, *values: object) -> list[Row]:
        return connection.execute(statement, values).fetchall()

    return run


@contextmanager
def _translated(errors: tuple[type[Exception], ...] = (sqlite3.Error, OSError)) -> Iterator[None]:
    """Say why without SQLite's words, which may quote a value."""
    try:
        yield
    except errors as error:
        raise LedgerUnavailable(f"the ledger cannot be used: {_why(error)}") from None


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"its file cannot be used ({error.strerror})"
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return f"{_WHY.get(_primary_code(error), 'SQLite fails')} ({name})"


def _primary_code(error: Exception) -> int:
    """Return SQLite's code without the details; 0 where the error is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _id(status: os.stat_result) -> _FileId:
    return status.st_dev, status.st_ino


def _file_id(path: Path) -> _FileId | None:
    """Return the identity of the file of this name, None if there is none."""
    try:
        return _id(path.stat())
    except FileNotFoundError:
        return None
