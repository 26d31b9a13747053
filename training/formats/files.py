"""How rows lie in a file: JSON Lines, JSON, CSV, TSV, Parquet, or lines of text; plain or gzipped."""

import csv
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from models.article import MAX_BODY
from training.errors import CorpusError
from training.formats.columns import find_columns

Row = Mapping[str, Any]


class BadRow:
    """A row that cannot be used, and every reason why."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons


Numbered = Iterator[tuple[int, Row | BadRow]]


def rows_of(path: Path, *, as_lines: bool = False) -> Numbered:
    """Yield each row's line and what it says; a line of text is a row with one value, `line`.

    Args:
        path: its ending says what it holds; `.gz` may follow.
        as_lines: it holds lines of text, whatever the ending says.

    Raises:
        CorpusError: the ending is not known, or the file is damaged.
        OSError, EOFError, zlib.error: it cannot be read.
    """
    if as_lines:
        return _text_lines(path)
    reader = _READERS.get(Path(path.name.lower().removesuffix(".gz")).suffix)
    if reader is None:
        raise CorpusError(
            f"{path}: a corpus is a {', '.join(_READERS)} file, .gz or not; "
            "for lines with another ending say --format fasttext or annif-tsv"
        )
    return reader(path)


def _bytes(path: Path) -> IO[bytes]:
    opened: Any = gzip.open if path.suffix == ".gz" else open
    data: IO[bytes] = opened(path, "rb")
    return data


def _text(path: Path) -> IO[str]:
    # A byte that is not UTF-8 becomes a lone surrogate, so that it is found in its row and not in a block of the file.
    opened: Any = gzip.open if path.suffix == ".gz" else open
    text: IO[str] = opened(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")
    return text


def _json_lines(path: Path) -> Numbered:
    with _bytes(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _json_row(line)


def _json_row(line: bytes) -> Row | BadRow:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return BadRow(_not_utf_8(error.object[error.start]))
    except (ValueError, RecursionError) as error:
        return BadRow(f"not JSON: {error}")
    return row if isinstance(row, dict) else BadRow("not a JSON object")


def _json(path: Path) -> Numbered:
    """Read a list of objects, one object, or, as some tools name them, JSON Lines."""
    with _bytes(path) as file:
        data = file.read()
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CorpusError(f"cannot read {path}: {_not_utf_8(error.object[error.start])}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(_json_row(data.partition(b"\n")[0]), BadRow):
            raise CorpusError(f"cannot read {path}: not JSON: {error}") from error
        yield from _json_lines(path)
        return
    for number, row in enumerate(found if isinstance(found, list) else [found], start=1):
        yield number, row if isinstance(row, dict) else BadRow("not a JSON object")


def _csv(path: Path) -> Numbered:
    # For the whole process: csv knows no other way, and its 131,072 characters are less than a body may have.
    csv.field_size_limit(10 * MAX_BODY)
    with _text(path) as file:
        header = file.readline()
        file.seek(0)
        rows = csv.DictReader(file, strict=True, delimiter=max(",;\t", key=header.count))
        read = 0
        try:
            columns = rows.fieldnames or ()
            if missing := find_columns(columns).missing():
                raise CorpusError(f"{path}: its first line must name the columns, in UTF-8: {missing}")
            for row in rows:
                read = rows.line_num
                yield read, _csv_row(row, len(columns))
        except csv.Error as error:
            yield read + 1, BadRow(f"no CSV from here on ({error}): is a quote not closed, or not doubled?")


def _csv_row(row: dict[str, str], columns: int) -> Row | BadRow:
    if None in row or None in row.values():
        return BadRow(f"{columns} columns expected")
    if fault := _utf_8_fault("".join(row.values())):
        return BadRow(fault)
    # pandas writes its index as a column without a name.
    return {name: value or None for name, value in row.items() if name}


def _tsv(path: Path) -> Numbered:
    """Read a table whose first line names the columns, or Annif's lines, which have none."""
    with _text(path) as file:
        header = file.readline()
    return _text_lines(path) if find_columns(header.rstrip("\r\n").split("\t")).missing() else _csv(path)


def _text_lines(path: Path) -> Numbered:
    with _text(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                fault = _utf_8_fault(line)
                yield number, BadRow(fault) if fault else {"line": line.rstrip("\r\n")}


def _parquet(path: Path) -> Numbered:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        number = 0
        for batch in ParquetFile(path).iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except (ArrowException, UnicodeDecodeError) as error:
        raise CorpusError(f"cannot read {path}: {error}") from error


def _utf_8_fault(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return _not_utf_8(ord(error.object[error.start]) & 0xFF)
    return ""


def _not_utf_8(byte: int) -> str:
    return f"not UTF-8: byte {byte:#04x}; save the file as UTF-8"


_READERS: dict[str, Callable[[Path], Numbered]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": _csv,
    ".tsv": _tsv,
    ".txt": _text_lines,
    ".parquet": _parquet,
}
