"""The ledger in a PostgreSQL database; psycopg is imported only if such a database is named."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import psycopg
from psycopg import errors

from tagdesk.service.ledger.database import LedgerConflict, LedgerUnavailable, Migrations, Row, Run, Stream

_LOCK = 0x7A6DE5  # any number that no other program on this database takes
_MILLISECONDS = 8_000
_MOST_IDLE = 4  # connections
_TABLES = ("tagdesk_corrections", "tagdesk_queue")
_MIGRATIONS = Migrations("postgres", "SELECT to_regclass('tagdesk_migrations') IS NOT NULL")

logger = logging.getLogger("tagdesk")

Connection = psycopg.Connection[Row]


class PostgresDatabase:
    """A database on a server; the tables, all `tagdesk_…`, are made in the first schema of the user's search path.

    Args:
        url: as libpq takes it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: deque[Connection] = deque()
        self._words = ""

    @contextmanager
    def transaction(self) -> Iterator[Run]:
        """Yield what runs statements; see `Database`."""
        with self._connection() as connection, connection.transaction():
            yield _runner(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Stream]:
        """Yield what streams rows; see `Database`."""
        with self._connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield partial(_stream, connection)

    def scrub(self) -> None:
        """Let VACUUM free the deleted rows."""
        with self._connection() as connection:
            connection.execute("SET statement_timeout = 0")
            for table in _TABLES:
                connection.execute(f"VACUUM {table}".encode())
            connection.close()

    def after_restore(self, run: Run) -> None:
        """Let the sequence go on after the highest number."""
        run(
            "SELECT setval(pg_get_serial_sequence('tagdesk_corrections', 'number'),"
            " coalesce((SELECT max(number) FROM tagdesk_corrections), 0) + 1, false)"
        )

    def is_there(self) -> bool:
        """Return True: a server is asked later, there is no file to look for."""
        return True

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """Yield a connection that answers, and keep it for others if nothing goes wrong."""
        try:
            connection = self._answering() or self._connect()
            try:
                yield connection
            except psycopg.Error:
                connection.close()
                raise
            finally:
                if connection.closed or len(self._idle) >= _MOST_IDLE:
                    connection.close()
                else:
                    self._idle.append(connection)
        except psycopg.Error as error:
            raise _unavailable(error) from None

    def _answering(self) -> Connection | None:
        """Return an idle connection, unless it is from before a restart of the server."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            with suppress(psycopg.Error):
                connection.execute("SELECT 1")
                return connection
            connection.close()

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
        except (psycopg.Error, UnicodeError) as error:
            self._log(" ".join(str(error).split())[:300])
            raise LedgerUnavailable("the ledger cannot be reached; the service's log says why") from None
        self._words = ""
        try:
            connection.execute(f"SET statement_timeout = {_MILLISECONDS}".encode())
            connection.execute(  # what is answered with 202 is on disk, whatever the server's default
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )
            if _MIGRATIONS.pending(_runner(connection)):
                with connection.transaction():
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                    _MIGRATIONS.apply(_runner(connection))
        except BaseException:
            connection.close()
            raise
        return connection

    def _log(self, words: str) -> None:
        """Log libpq's words, once: host, port and user belong in the log, and no text was sent that it could quote."""
        if words != self._words:
            logger.warning("PostgreSQL cannot be reached: %s", words)
        self._words = words


def _runner(connection: Connection) -> Run:
    def run(statement: str, *values: object) -> list[Row]:
        cursor = connection.execute(_psycopg(statement), values)
        return cursor.fetchall() if cursor.description else []

    return run


def _stream(connection: Connection, statement: str, *values: object) -> Iterator[Row]:
    with connection.cursor(name="tagdesk") as cursor:
        cursor.itersize = 100
        cursor.execute(_psycopg(statement), values)
        yield from cursor


def _psycopg(statement: str) -> bytes:
    """Return a statement with psycopg's placeholders, and its own `%` escaped."""
    return statement.replace("%", "%%").replace("?", "%s").encode()


def _unavailable(error: psycopg.Error) -> LedgerUnavailable:
    """Say why without PostgreSQL's words, which may quote a value."""
    if isinstance(error, errors.DeadlockDetected | errors.SerializationFailure):
        return LedgerConflict("the ledger cannot be used: too many requests write the same articles")
    if isinstance(error, errors.ReadOnlySqlTransaction):
        why = "the database is read-only"
    elif isinstance(error, errors.DiskFull):
        why = "the server's disk is full"
    elif isinstance(error, errors.QueryCanceled | errors.LockNotAvailable):
        why = "the database takes too long"
    else:
        why = f"PostgreSQL fails ({error.sqlstate or type(error).__name__})"
    return LedgerUnavailable(f"the ledger cannot be used: {why}")
