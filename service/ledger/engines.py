"""Which database a setting names: an SQLite file, PostgreSQL, or none."""

from pathlib import Path
from typing import NoReturn

from tagdesk.service.ledger.database import NO_LEDGER, Database, LedgerError, LedgerUnavailable
from tagdesk.service.ledger.sqlite import SqliteDatabase


class NoDatabase:
    """Stands in for a database if none is named: whoever uses it is told so."""

    def is_there(self) -> bool:
        """Say that there is none."""
        return False

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _refuse(self, *_: object) -> NoReturn:
        raise LedgerUnavailable(NO_LEDGER)

    transaction = snapshot = scrub = after_restore = _refuse


def open_database(url: str) -> Database:
    """Return the database that a setting names, not connected yet.

    Args:
        url: `postgresql://…`, or the path of an SQLite file, with or without `sqlite:///` before it; or `none`.

    Raises:
        LedgerError: it is another kind of URL, or what it needs is not installed.
    """
    if url == "none":
        return NoDatabase()
    scheme, mark, rest = url.partition("://")
    if scheme in ("postgresql", "postgres") and mark:
        try:
            from tagdesk.service.ledger.postgres import PostgresDatabase
        except ImportError:
            raise LedgerError("PostgreSQL needs psycopg: pip install 'tagdesk[postgres]'") from None
        return PostgresDatabase(url)
    if mark and scheme != "sqlite":
        raise LedgerError(
            f"TAGDESK_DATABASE_URL begins with {scheme}://: give postgresql://…, or the path of an SQLite file"
        )
    return SqliteDatabase(Path(rest.removeprefix("/") if mark else url))
