"""The ledger in an SQLite file: write-ahead log, every commit on the disk before it counts."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from service.ledger.database import MIGRATIONS, LedgerUnavailable, Row, Run, Stream, migrate

BUSY_SECONDS = 5.0
"""How long to wait for another writer."""

_WHY = {
    sqlite3.SQLITE_BUSY: "it is locked by another program",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_IOERR: "the disk fails",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is no SQLite file",
}


class SqliteDatabase:
    """An SQLite file, made where there is none.

    Args:
        path: the file; its folder is made too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None

    @contextmanager
    def transaction(self) -> Iterator[Run]:
        """Yield what runs statements; see `Database`."""
        try:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield _runner(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise _unavailable(error) from None

    @contextmanager
    def snapshot(self) -> Iterator[Stream]:
        """Yield what streams rows; see `Database`."""
        try:
            with closing(self._connect()) as connection:
                connection.execute("BEGIN")
                yield lambda sql, *values: iter(connection.execute(sql, values))
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(error) from None

    def scrub(self) -> None:
        """Write the log back into the file, where deleted content is zeros, and empty the log."""
        try:
            with closing(self._connect()) as connection:
                ((busy, *_),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(error) from None
        if busy:
            raise LedgerUnavailable("the ledger cannot be scrubbed: somebody reads it")

    def after_restore(self, run: Run) -> None:
        """Do nothing: SQLite keeps count of the numbers by itself."""

    def is_there(self) -> bool:
        """Tell whether there is such a file."""
        return self._path.exists()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def _opened(self) -> sqlite3.Connection:
        """Return the connection, to the file that is there now.

        SQLite would go on writing to a file that was deleted, and lose it all.
        """
        if self._inode is not None and _inode(self._path) != self._inode:
            self.close()
        if self._connection is None:
            self._connection = self._connect()
            self._inode = _inode(self._path)
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        if self._inode is not None:
            _inode(self._path)  # raises where the file is gone: it may be on a disk that comes back
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))  # unpublished articles: for nobody else
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        try:
            _begin_log(connection)
            connection.execute("PRAGMA synchronous = FULL")  # on the disk, not only with the system: a power cut
            connection.execute("PRAGMA secure_delete = ON")
            _migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _begin_log(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; SQLite does not wait for others who are about to do so, too."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        migrate(_runner(connection), MIGRATIONS / "sqlite")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _runner(connection: sqlite3.Connection) -> Run:
    def run(sql: str, *values: object) -> list[Row]:
        return connection.execute(sql, values).fetchall()

    return run


def _inode(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _unavailable(error: sqlite3.Error | OSError) -> LedgerUnavailable:
    """Say why without SQLite's words, which may quote a value."""
    if isinstance(error, OSError):
        why = f"its file cannot be used ({error.strerror})"
    else:
        code = getattr(error, "sqlite_errorcode", None)
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        why = f"{_WHY.get(code & 0xFF, 'SQLite fails') if code is not None else 'SQLite fails'} ({name})"
    return LedgerUnavailable(f"the ledger cannot be used: {why}")
