"""A backup: every row of the ledger as JSON Lines, which can be restored into either kind of database."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from tagdesk.models.files import PRIVATE, replacing
from tagdesk.service.ledger.database import MIGRATIONS, Database, LedgerError, Run, now, statements

FORMAT = 3
"""The format's version. In 1 corrections had no sender, in 2 verdicts had two states; both can still be read."""

_COLUMNS = {
    "tagdesk_corrections": (
        *("number", "id", "digest", "received", "article_id", "article", "topics"),
        *("accepted", "rejected", "added", "editor", "model", "erased", "sender"),
        *("complete", "missing", "unconfirmed"),
    ),
    "tagdesk_queue": ("article_id", "article", "model", "certainty", "queued"),
}
_NEWER = {1: 4, 2: 3, FORMAT: 0}
"""How many of a correction's columns, counted from the last, a version does not have yet."""

_THREE_STATES = MIGRATIONS / "sqlite" / "0003-three-states.sql"
_ORDER = {"tagdesk_corrections": "number", "tagdesk_queue": "article_id"}


class BackupError(LedgerError):
    """A backup cannot be written, or the file is not a whole backup."""


def back_up(database: Database, path: Path) -> int:
    """Write everything that is committed when it begins, while others go on writing; the file is replaced as a whole.

    Returns:
        The number of rows.

    Raises:
        BackupError: the file cannot be written.
        LedgerError: the ledger cannot be read.
    """
    rows = 0
    with replacing(path, BackupError, mode=PRIVATE) as file, database.snapshot() as stream:
        _write(file, {"tagdesk-ledger": FORMAT, "made": now()})
        for table, columns in _COLUMNS.items():
            for row in stream(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {_ORDER[table]}"):  # noqa: S608
                _write(file, [table, *row])
                rows += 1
        _write(file, {"rows": rows})
    return rows


def restore(database: Database, path: Path) -> int:
    """Restore a backup into an empty ledger, all or nothing.

    Returns:
        The number of rows.

    Raises:
        BackupError: the file is not a whole backup, or the ledger is not empty.
        LedgerError: the ledger cannot be written.
    """
    rows = sum(1 for _ in _rows(path))  # nothing is written before all of it was read
    with database.transaction() as run:
        for table in _COLUMNS:
            if run(f"SELECT 1 FROM {table} LIMIT 1"):  # noqa: S608
                raise BackupError("the ledger is not empty: restore into a new database, named in TAGDESK_DATABASE_URL")
        for table, values in _rows(path):
            _insert(run, table, values)
        if _version(path) < 3:  # verdicts had two states
            for statement in statements(_THREE_STATES):
                if statement.startswith("UPDATE"):
                    run(statement)
        database.after_restore(run)
    return rows


def _write(file: IO[bytes], value: Any) -> None:
    file.write(json.dumps(value).encode() + b"\n")


def _rows(path: Path) -> Iterator[tuple[str, list[Any]]]:
    """Yield table and values of each row.

    Raises:
        BackupError: the file is not a backup, or is cut short.
    """
    version, number = _version(path), 0
    try:
        with path.open(encoding="utf-8") as file:
            file.readline()
            for line in file:
                value = json.loads(line)
                if isinstance(value, dict):
                    _check_end(value.get("rows"), number, path)
                    return
                number += 1
                yield _row(value, version, path)
    except OSError as error:
        raise BackupError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise BackupError(f"{path} is not a whole backup of a ledger: its line {number + 2} is broken") from None
    raise BackupError(f"{path} is cut short: copy it again, or use an earlier backup")


def _version(path: Path) -> int:
    try:
        with path.open(encoding="utf-8") as file:
            value = json.loads(file.readline() or "null")
    except OSError as error:
        raise BackupError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        value = None
    version = value.get("tagdesk-ledger") if isinstance(value, dict) else None
    if version is None:
        raise BackupError(f"{path} is not a backup of a ledger: name a file that `ledger backup` wrote")
    if version not in _NEWER:
        raise BackupError(
            f"{path} is a backup of version {version}, and this Tagdesk reads {FORMAT} at most: use a newer Tagdesk"
        )
    return int(version)


def _check_end(rows: Any, number: int, path: Path) -> None:
    if rows != number:
        raise BackupError(f"{path} has {number} rows and should have {rows}: use another backup")


def _row(value: Any, version: int, path: Path) -> tuple[str, list[Any]]:
    table, *values = value if isinstance(value, list) and value else [None]
    newer = _NEWER[version] if table == "tagdesk_corrections" else 0
    if table not in _COLUMNS or len(values) != len(_COLUMNS[table]) - newer:
        raise BackupError(f"{path} has a row that does not belong to a ledger: use another backup")
    return table, values


def _insert(run: Run, table: str, values: list[Any]) -> None:
    columns = _COLUMNS[table][: len(values)]
    places = ", ".join("?" for _ in columns)
    run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", *values)  # noqa: S608
