"""What the ledger demands of a database, the errors that it may raise, and the migrations that both kinds run.

TagdeskError
└── LedgerError                  the ledger cannot be used as it is; the text says what to do
    ├── LedgerUnavailable        it cannot be reached or written now; trying again later may work
    │   └── LedgerConflict       another transaction went first; nothing was written, trying again will work
    ├── FeedbackConflict         there is feedback with this id and other content
    └── QueueFull                as many articles wait as are allowed
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from tagdesk.models.errors import TagdeskError

Row = tuple[Any, ...]
Run = Callable[..., list[Row]]
"""Runs a statement with its values, one for each `?`, and returns all rows."""

Stream = Callable[..., Iterator[Row]]
"""Runs a statement with its values, one for each `?`, and returns its rows one at a time."""

Rows = Callable[..., Iterable[Row]]
"""Either of them, for code that only reads."""

MIGRATIONS = Path(__file__).with_name("migrations")
"""A folder for each kind of database: files `0001-what-it-does.sql`, each statement with `;` at the end of a line."""

NO_LEDGER = "this service keeps no corrections: name a database in TAGDESK_DATABASE_URL"


class LedgerError(TagdeskError):
    """The ledger cannot be used as it is."""


class LedgerUnavailable(LedgerError):
    """The database cannot be reached or written now; the text quotes nothing that was to be written."""


class LedgerConflict(LedgerUnavailable):
    """The database gave way to another transaction: nothing was written."""


class FeedbackConflict(LedgerError):
    """There is feedback with this id and other content."""


class QueueFull(LedgerError):
    """As many articles wait for an editor as are allowed."""


class Database(Protocol):
    """A database with the ledger's tables; one thread writes, any may read."""

    def transaction(self) -> AbstractContextManager[Run]:
        """Connect and migrate if necessary; commit durably at the end of the with-block, or leave no trace.

        Raises:
            LedgerUnavailable: it cannot be done now; whether it was committed is not known.
            LedgerError: the database is of a newer version.
        """

    def snapshot(self) -> AbstractContextManager[Stream]:
        """Read, over a connection of its own and from any thread, what is committed when the block begins.

        No writer's lock is taken or waited for, except by the first reader of a database that must be migrated.

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


class Migrations:
    """The statements that make the tables, and those that change them.

    Args:
        folder: the kind's, in `MIGRATIONS`.
        begun: a query that says whether any has been applied.
    """

    def __init__(self, folder: str, begun: str) -> None:
        files = sorted(MIGRATIONS.joinpath(folder).glob("[0-9][0-9][0-9][0-9]-*.sql"))
        self._files = {int(file.name[:4]): file for file in files}
        self._begun = begun

    def pending(self, rows: Rows) -> list[int]:
        """Return the numbers of those that the database does not have.

        Raises:
            LedgerError: the database has a migration that is not known here.
        """
        ((begun,),) = rows(self._begun)
        applied = 0
        if begun:
            ((applied,),) = rows("SELECT coalesce(max(number), 0) FROM tagdesk_migrations")
        if applied > (newest := max(self._files)):
            raise LedgerError(
                f"the ledger has version {applied}, and this Tagdesk knows {newest} at most: start a newer Tagdesk"
            )
        return [number for number in self._files if number > applied]

    def apply(self, run: Run) -> None:
        """Apply those that the database does not have, in a transaction that keeps everybody else out.

        Raises:
            LedgerError: as `pending`.
        """
        run("CREATE TABLE IF NOT EXISTS tagdesk_migrations (number INTEGER PRIMARY KEY, applied TEXT NOT NULL)")
        for number in self.pending(run):
            for statement in statements(self._files[number]):
                run(statement)
            run("INSERT INTO tagdesk_migrations (number, applied) VALUES (?, ?)", number, now())


def statements(migration: Path) -> list[str]:
    """Return the statements of a file of `MIGRATIONS`."""
    parts = migration.read_text(encoding="utf-8").split(";\n")
    return [part.strip() for part in parts if part.strip()]


def now() -> str:
    """Return the time as the ledger writes it: UTC, to the millisecond, in the order of text."""
    return timestamp(datetime.now(UTC))


def timestamp(moment: datetime) -> str:
    """Return a moment as the ledger writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
