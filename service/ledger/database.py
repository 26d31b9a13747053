"""What the ledger asks of a database, the errors that it may raise, and the migrations that both kinds run.

TagdeskError
└── LedgerError                  the ledger cannot be used as it is; somebody must do what the sentence says
    ├── LedgerUnavailable        it cannot be reached or written now; the same again may work later
    └── FeedbackConflict         feedback of this id is there, with another content
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from models.errors import TagdeskError

Row = tuple[Any, ...]
Run = Callable[..., list[Row]]
"""Runs a statement with its values, one for each `?`, and returns all rows."""

Stream = Callable[..., Iterator[Row]]
"""Runs a statement with its values, one for each `?`, and returns its rows one at a time."""

MIGRATIONS = Path(__file__).with_name("migrations")


class LedgerError(TagdeskError):
    """The ledger cannot be used as it is."""


class LedgerUnavailable(LedgerError):
    """The database cannot be reached or written now; its text quotes nothing that was to be written."""


class FeedbackConflict(LedgerError):
    """There is feedback of this id with another content."""


class Database(Protocol):
    """A database with the ledger's tables; used by one thread at a time, but for `snapshot`."""

    def transaction(self) -> AbstractContextManager[Run]:
        """Connect and migrate if need be; commit durably at the end of the with-block, or leave no trace.

        Raises:
            LedgerUnavailable: it cannot be done now; whether it was committed is not known.
            LedgerError: the database is of a newer version.
        """

    def snapshot(self) -> AbstractContextManager[Stream]:
        """Read over a connection of its own, from any thread, what was committed at the beginning.

        Raises:
            LedgerError: as `transaction`.
        """

    def scrub(self) -> None:
        """Overwrite what was deleted, as far as the database can; over a connection of its own, from any thread.

        Raises:
            LedgerError: as `transaction`.
        """

    def after_restore(self, run: Run) -> None:
        """Go on numbering after the highest number."""

    def is_there(self) -> bool:
        """Tell whether there is a database; an SQLite file is made by the first transaction."""

    def close(self) -> None:
        """Close the connection; the next transaction opens another."""


def open_database(url: str) -> Database:
    """Return the database that a setting names, not connected yet.

    Args:
        url: `postgresql://…`, or the path of an SQLite file, with or without `sqlite:///` before it.

    Raises:
        LedgerError: it is another kind of URL, or what it needs is not installed.
    """
    scheme, mark, rest = url.partition("://")
    if scheme in ("postgresql", "postgres") and mark:
        try:
            from service.ledger.postgres import PostgresDatabase
        except ImportError:
            raise LedgerError("PostgreSQL needs psycopg: pip install 'tagdesk[postgres]'") from None
        return PostgresDatabase(url)
    if mark and scheme != "sqlite":
        raise LedgerError(
            f"TAGDESK_DATABASE_URL begins with {scheme}://: give postgresql://…, or the path of an SQLite file"
        )
    from service.ledger.sqlite import SqliteDatabase

    return SqliteDatabase(Path(rest.removeprefix("/") if mark else url))


def migrate(run: Run, folder: Path) -> None:
    """Apply the migrations that the database does not have, in a transaction that the caller has begun.

    Args:
        run: runs a statement, while nobody else may migrate.
        folder: files `0001-what-it-does.sql`, statements that end with `;` at the end of a line.

    Raises:
        LedgerError: the database has one that is not known here.
    """
    run("CREATE TABLE IF NOT EXISTS tagdesk_migrations (number INTEGER PRIMARY KEY, applied TEXT NOT NULL)")
    ((applied,),) = run("SELECT coalesce(max(number), 0) FROM tagdesk_migrations")
    found = {int(path.name[:4]): path for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]-*.sql"))}
    if applied > max(found):
        raise LedgerError(
            f"the ledger has version {applied}, and this Tagdesk knows {max(found)} at most: start a newer Tagdesk"
        )
    for number, path in found.items():
        if number > applied:
            for statement in path.read_text(encoding="utf-8").split(";\n"):
                if statement.strip():
                    run(statement)
            run("INSERT INTO tagdesk_migrations (number, applied) VALUES (?, ?)", number, now())


def now() -> str:
    """Return the time as the ledger writes it: UTC, to the millisecond, in the order of text."""
    return timestamp(datetime.now(UTC))


def timestamp(moment: datetime) -> str:
    """Return a moment as the ledger writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
