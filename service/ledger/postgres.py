"""The ledger in a PostgreSQL database; psycopg is imported only where it is named."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import psycopg
from psycopg import errors

from service.ledger.database import MIGRATIONS, LedgerUnavailable, Row, Run, Stream, migrate

_LOCK = 0x7A6DE5  # any number that no other program on this database takes
_MILLISECONDS = 8_000
_TABLES = ("tagdesk_corrections", "tagdesk_queue")

Connection = psycopg.Connection[Row]


class PostgresDatabase:
    """A database on a server; the tables, all `tagdesk_…`, are made in the first schema of the user's search path.

    Args:
        url: as libpq takes it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Run]:
        """Yield what runs statements; see `Database`."""
        try:
            connection = self._opened()
            with connection.transaction():
                yield _runner(connection)
        except psycopg.Error as error:
            self.close()
            raise _unavailable(error) from None

    @contextmanager
    def snapshot(self) -> Iterator[Stream]:
        """Yield what streams rows; see `Database`."""
        try:
            with closing(self._connect()) as connection, connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                yield partial(_stream, connection)
        except psycopg.Error as error:
            raise _unavailable(error) from None

    def scrub(self) -> None:
        """Let VACUUM free the deleted rows."""
        try:
            with closing(self._connect()) as connection:
                connection.execute("SET statement_timeout = 0")
                for table in _TABLES:
                    connection.execute(f"VACUUM {table}".encode())
        except psycopg.Error as error:
            raise _unavailable(error) from None

    def after_restore(self, run: Run) -> None:
        """Let the sequence go on after the highest number."""
        run(
            "SELECT setval(pg_get_serial_sequence('tagdesk_corrections', 'number'),"
            " coalesce((SELECT max(number) FROM tagdesk_corrections), 0) + 1, false)"
        )

    def is_there(self) -> bool:
        """Say that there is one: a server is asked, not a file."""
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _opened(self) -> Connection:
        """Return a connection that answers: one from before the server was started anew does not."""
        if self._connection is not None:
            try:
                self._connection.execute("SELECT 1")
            except psycopg.OperationalError:
                self.close()
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> Connection:
        # Not prepared on the server: a pooler between may hand each transaction to another connection.
        try:
            connection = psycopg.connect(
                self._url,
                autocommit=True,
                prepare_threshold=None,
                connect_timeout=5,
                tcp_user_timeout=_MILLISECONDS,
                application_name="tagdesk",
            )
        except (psycopg.Error, UnicodeError) as error:  # nothing has been sent yet that it could quote
            raise LedgerUnavailable(f"the ledger cannot be reached: {' '.join(str(error).split())}"[:300]) from None
        try:
            connection.execute(f"SET statement_timeout = {_MILLISECONDS}".encode())
            connection.execute(  # what is answered with 202 is on the disk, whatever the server's default
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                migrate(_runner(connection), MIGRATIONS / "postgres")
        except BaseException:
            connection.close()
            raise
        return connection


def _runner(connection: Connection) -> Run:
    def run(statement: str, *values: object) -> list[Row]:
        cursor = connection.execute(statement.replace("?", "%s").encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    return run


def _stream(connection: Connection, statement: str, *values: object) -> Iterator[Row]:
    with connection.cursor(name="tagdesk") as cursor:
        cursor.itersize = 100
        cursor.execute(statement.replace("?", "%s").encode(), values or None)
        yield from cursor


def _unavailable(error: psycopg.Error) -> LedgerUnavailable:
    """Say why without PostgreSQL's words, which may quote a value."""
    if isinstance(error, errors.ReadOnlySqlTransaction):
        why = "the database is read-only"
    elif isinstance(error, errors.DiskFull):
        why = "the server's disk is full"
    elif isinstance(error, errors.QueryCanceled | errors.LockNotAvailable):
        why = "the database takes too long"
    else:
        why = f"PostgreSQL fails ({error.sqlstate or type(error).__name__})"
    return LedgerUnavailable(f"the ledger cannot be used: {why}")
