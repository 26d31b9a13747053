"""A backup: every row of the ledger as JSON Lines, which either kind of database takes back."""

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from models.bundle import sync_folder
from service.ledger.database import Database, LedgerError, Run, now

FORMAT = 1

_COLUMNS = {
    "tagdesk_corrections": (
        *("number", "id", "digest", "received", "article_id", "article", "topics"),
        *("accepted", "rejected", "added", "editor", "model", "erased"),
    ),
    "tagdesk_queue": ("article_id", "article", "model", "certainty", "queued"),
}
_ORDER = {"tagdesk_corrections": "number", "tagdesk_queue": "article_id"}


class BackupError(LedgerError):
    """A backup cannot be written, or the file is none or not all of one."""


def back_up(database: Database, path: Path) -> int:
    """Write all that was committed at the beginning, while others write on; the file is replaced as a whole.

    Returns:
        The number of rows.

    Raises:
        BackupError: the file cannot be written.
        LedgerError: the ledger cannot be read.
    """
    rows = 0
    with written(path) as file, database.snapshot() as stream:
        _write(file, {"tagdesk-ledger": FORMAT, "made": now()})
        for table, columns in _COLUMNS.items():
            for row in stream(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {_ORDER[table]}"):  # noqa: S608
                _write(file, [table, *row])
                rows += 1
        _write(file, {"rows": rows})
    return rows


def restore(database: Database, path: Path) -> int:
    """Take a backup back into an empty ledger, all or nothing.

    Returns:
        The number of rows.

    Raises:
        BackupError: the file is no backup or not all of one, or the ledger is not empty.
        LedgerError: the ledger cannot be written.
    """
    rows = sum(1 for _ in _rows(path))  # nothing is written before all of it was read
    with database.transaction() as run:
        for table in _COLUMNS:
            if run(f"SELECT 1 FROM {table} LIMIT 1"):  # noqa: S608
                raise BackupError("the ledger is not empty: restore into a new database, named in TAGDESK_DATABASE_URL")
        for table, values in _rows(path):
            _insert(run, table, values)
        database.after_restore(run)
    return rows


class written:  # noqa: N801 - a with-block reads as a sentence
    """A file that is there, whole and on the disk, when the block ends well; readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")

    def __enter__(self) -> IO[str]:
        try:
            opened = os.open(self._draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except OSError as error:
            raise BackupError(f"cannot write {self._path}: {error.strerror}") from None
        self._file = open(opened, "w", encoding="utf-8")  # noqa: PTH123
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self._file as file:
                if kind is None:
                    file.flush()
                    os.fsync(file.fileno())
            if kind is None:
                self._draft.replace(self._path)
                sync_folder(self._path.parent)
        except OSError as error:
            raise BackupError(f"cannot write {self._path}: {error.strerror}") from None
        finally:
            self._draft.unlink(missing_ok=True)


def _write(file: IO[str], value: Any) -> None:
    file.write(json.dumps(value) + "\n")


def _rows(path: Path) -> Iterator[tuple[str, list[Any]]]:
    """Yield table and values of each row.

    Raises:
        BackupError: the file is no backup, or ends before its end.
    """
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            _check_head(json.loads(file.readline() or "null"), path)
            for line in file:
                value = json.loads(line)
                if isinstance(value, dict):
                    _check_end(value.get("rows"), number, path)
                    return
                number += 1
                yield _row(value, path)
    except OSError as error:
        raise BackupError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise BackupError(f"{path} is no whole backup of a ledger: its line {number + 2} is broken") from None
    raise BackupError(f"{path} ends before its end: copy it again, or take an earlier backup")


def _check_head(value: Any, path: Path) -> None:
    version = value.get("tagdesk-ledger") if isinstance(value, dict) else None
    if version is None:
        raise BackupError(f"{path} is no backup of a ledger: give a file that `service ledger backup` wrote")
    if version != FORMAT:
        raise BackupError(f"{path} is a backup of version {version}, and this Tagdesk reads {FORMAT}: take a newer one")


def _check_end(rows: Any, number: int, path: Path) -> None:
    if rows != number:
        raise BackupError(f"{path} has {number} rows and should have {rows}: take another backup")


def _row(value: Any, path: Path) -> tuple[str, list[Any]]:
    table, *values = value if isinstance(value, list) and value else [None]
    if table not in _COLUMNS or len(values) != len(_COLUMNS[table]):
        raise BackupError(f"{path} has a row that is no ledger's: take another backup")
    return table, values


def _insert(run: Run, table: str, values: list[Any]) -> None:
    columns = _COLUMNS[table]
    places = ", ".join("?" for _ in columns)
    run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", *values)  # noqa: S608
