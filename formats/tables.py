"""Text to rows: tables with a separator, as spreadsheets and databases write them; and spreadsheets themselves."""

import contextlib
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from tagdesk.formats.encoding import Encoding, open_text
from tagdesk.formats.names import KNOWN, forms
from tagdesk.models.errors import CannotRead
from tagdesk.models.reading.article import MAX_BODY

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

_SAMPLE = 1 << 17
_ROWS = 1_000
_BLOCK = 1 << 20
_DELIMITERS = {"\t": "tabs", "|": "bars", ";": "semicolons", ",": "commas"}
"""Those that texts have more rarely come first: they are believed where several part all rows alike."""

_WITHOUT_QUOTES = "\t|"

_SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n?')
# In a quoted cell a quote is doubled, or ends the cell; a backslash before any other quote is there to escape it.
_ESCAPED = re.compile(r'[^\\"]\\"(?=[^",;|\t\r\n])')
_ESCAPED_QUOTE = re.compile(r'(?<!\\)((?:\\\\)*)\\"')
# A number, a date, a moment.
_NUMBERS = re.compile(r"[\d.,:/ +-]*\d[\d.,:/ +TZ-]*")
_NOTHING = {"", "NULL", "\\N"}
"""What databases write for no value."""

Cells = list[str]


class BadRow:
    """A row that cannot be used, with every reason."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written.

    Attributes:
        delimiter: what stands between two cells.
        named: whether the first line names the delimiter, `sep=;`, as Excel reads it.
        escaped: whether a quote in a cell has a backslash before it, rather than being doubled.
        quoted: whether cells may be in quotes; else a quote is a character like others.
        header: whether the first row has the names of the columns; else they are called `column 1` and so on.
    """

    delimiter: str = ","
    named: bool = False
    escaped: bool = False
    quoted: bool = True
    header: bool = True

    def __str__(self) -> str:
        parts = [f"cells separated by {_DELIMITERS.get(self.delimiter, repr(self.delimiter))}"]
        parts = parts if self.delimiter != "," else []  # nothing to say of
        parts += ["quotes with backslashes"] if self.escaped else []
        parts += ["quotation marks are text"] if not self.quoted else []
        parts += ["a table without a header, as its first row looks like the others"] if not self.header else []
        return ", ".join(parts)

    def cells(self, lines: Iterable[str]) -> "CsvReader":
        """Yield the cells of each row.

        Raises:
            csv.Error: a quote is not closed, or stands where none may.
        """
        # For the whole process, as csv has no other way; its default is less than a body may have.
        csv.field_size_limit(10 * MAX_BODY)
        if not self.quoted:
            return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)
        if self.escaped:
            lines = (_ESCAPED_QUOTE.sub(r'\1""', line) for line in lines)
        return csv.reader(lines, delimiter=self.delimiter, strict=True)


def dialect_of(path: Path, encoding: Encoding) -> Dialect:
    """Return how a table is written.

    The delimiter parts the header, and most of the first rows likewise. Between tabs and bars, which texts do not have,
    quotes are text where the rows of the whole file fit the header better so, and the header has none.
    """
    start, has_quotes, escaped = "", False, False
    with open_text(path, encoding) as file:
        while block := file.read(_BLOCK):
            start = start or block
            has_quotes = has_quotes or '"' in block
            escaped = escaped or ('\\"' in block and bool(_ESCAPED.search(block)))
    named = _SEP_LINE.match(start)
    start = start[named.end() if named else 0 :]
    is_cut = len(start) > _SAMPLE
    candidates = [
        Dialect(delimiter, bool(named), escaped, quoted)
        for delimiter in ([named[1]] if named else _DELIMITERS)
        for quoted in ((True, False) if delimiter in _WITHOUT_QUOTES else (True,))
    ]
    fits = {dialect: _fit(io.StringIO(start[:_SAMPLE], newline=""), dialect, is_cut=is_cut) for dialect in candidates}
    best = max(candidates, key=lambda dialect: fits[dialect])
    with_quotes, without = replace(best, quoted=True), replace(best, quoted=False)
    if not has_quotes or start.startswith('"') or fits.get(without, (0.0, 0))[0] < 1:
        best = with_quotes
    else:
        if is_cut:  # the rest of the file may tell more
            fits = {dialect: _fit_of_file(path, encoding, dialect) for dialect in (with_quotes, without)}
        best = max(with_quotes, without, key=lambda dialect: fits[dialect])
    return replace(best, header=_has_header(_first_rows(start[:_SAMPLE], best)))


def _first_rows(start: str, dialect: Dialect) -> list[Cells]:
    rows: list[Cells] = []
    with contextlib.suppress(csv.Error):
        rows.extend(islice(filter(_has_several, dialect.cells(io.StringIO(start, newline=""))), _ROWS))
    return rows


def _has_several(row: Cells) -> bool:
    """Say whether several cells are filled: the header is the first such row, below the title of a report, say."""
    return sum(map(bool, row)) > 1


def _has_header(rows: Sequence[Cells]) -> bool:
    """Say whether the first row names columns, rather than being one more article.

    It does not if none of its cells is the name of a column that is known, and one is a number or a date like those
    below it, or stands below as well.
    """
    names, *others = rows or [[]]
    if any(form in KNOWN for name in names for form in forms(name)) or names == [str(i) for i in range(len(names))]:
        return True
    columns = [[row[i] for row in others if row != names and i < len(row)] for i in range(len(names))]
    return not any(
        name.strip() and (name in cells or (cells and all(map(_NUMBERS.fullmatch, [name, *cells]))))
        for name, cells in zip(names, columns, strict=True)
    )


def _fit_of_file(path: Path, encoding: Encoding, dialect: Dialect) -> tuple[float, int]:
    with open_text(path, encoding) as file:
        if dialect.named:
            file.readline()
        return _fit(file, dialect)


def _fit(lines: Iterable[str], dialect: Dialect, *, is_cut: bool = False) -> tuple[float, int]:
    """Return how well a dialect fits a table: the share of rows as wide as the header, and how wide that is.

    Of a row that breaks at a quote each line counts; the last row of a table that is cut does not.
    """
    rows = dialect.cells(lines)
    width = fitting = count = 0
    last = (0, 0)
    while True:
        line = rows.line_num
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error:
            last = (0, rows.line_num - line)
        else:
            if not any(row):
                continue
            width = width or (len(row) if _has_several(row) else 0)
            last = (int(len(row) == width), 1)
        fitting, count = fitting + last[0], count + last[1]
    if is_cut and count > last[1]:
        fitting, count = fitting - last[0], count - last[1]
    return (fitting / count if width > 1 else 0.0), width


def read_table(path: Path, encoding: Encoding, dialect: Dialect) -> Iterator[tuple[int, Mapping[str, Any] | BadRow]]:
    """Yield number and values of each row under the header; the header is row 1, as a spreadsheet counts.

    Rows without any value are passed over, as are lines above the header, and a header that stands again, where files
    were put together; cells that are missing at the end of a row are empty.
    """
    with open_text(path, encoding) as file:
        if dialect.named:
            file.readline()
        first, columns, number = None, [], 0
        try:
            for number, row in enumerate(dialect.cells(file), start=1):
                if not any(row) or (first is None and not _has_several(row)):
                    continue
                if first is None:
                    first, columns = row, _names(row, dialect)
                if row != first or not dialect.header:
                    yield number, _checked(row, columns, encoding)
        except csv.Error as error:
            yield number + 1, BadRow(f"no table from here on ({error}): is a quote not closed, or not doubled?")


def header_of(path: Path, encoding: Encoding, dialect: Dialect) -> list[str]:
    """Return the names of a table's columns, in order; those that stand twice are numbered."""
    with open_text(path, encoding) as file:
        if dialect.named:
            file.readline()
        try:
            rows = filter(any, dialect.cells(file))
            first = next(rows, [])
            return _names(next(filter(_has_several, chain([first], rows)), first), dialect)
        except csv.Error:
            return []


def _names(first: Cells, dialect: Dialect) -> list[str]:
    return unique(first) if dialect.header else [f"column {number}" for number in range(1, len(first) + 1)]


def _checked(row: Cells, columns: Sequence[str], encoding: Encoding) -> Mapping[str, Any] | BadRow:
    if any(row[len(columns) :]):
        return BadRow(
            f"{len(row)} cells, but {len(columns)} columns have a name: does a cell with the separator lack its quotes?"
        )
    if fault := encoding.fault("" if encoding.whole else "".join(row)):
        return BadRow(fault)
    # pandas writes its index as a column without a name.
    return {name: None if cell in _NOTHING else cell for name, cell in zip(columns, row, strict=False) if name}


def unique(columns: Iterable[str]) -> list[str]:
    """Return names of columns, trimmed, a name that stands again with a number: `text`, `text [2]`."""
    seen = Counter[str]()
    names = []
    for column in columns:
        name = column.strip().lstrip("\ufeff")
        seen[name] += 1
        names.append(f"{name} [{seen[name]}]" if name and seen[name] > 1 else name)
    return names


def read_spreadsheet(path: Path) -> Iterator[tuple[int, Mapping[str, Any] | BadRow]]:
    """Yield number and values of each row of the first sheet of an .xlsx file.

    Raises:
        CannotRead: openpyxl is not installed, or the file is damaged.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise CannotRead(
            f"{path.name} is an Excel file: save it as `CSV UTF-8`, or pip install openpyxl and try again"
        ) from None
    try:
        sheet = load_workbook(path, read_only=True, data_only=True).worksheets[0]
        rows = sheet.iter_rows(values_only=True)
        columns = unique("" if cell is None else str(cell) for cell in next(rows, ()))
        for number, row in enumerate(rows, start=2):
            cells = {
                name: _text(cell) for name, cell in zip(columns, row, strict=False) if name and cell not in (None, "")
            }
            if cells:
                yield number, dict.fromkeys(filter(None, columns)) | cells
    except (OSError, ValueError, KeyError, IndexError, BadZipFile) as error:
        raise CannotRead(f"cannot read {path}: {error}; save it again, or as CSV UTF-8") from error


def _text(cell: Any) -> Any:
    """Return a number as text, as a title may be `2026`, nothing for an empty text, else the cell."""
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    return f"{cell:.15g}" if is_number else None if cell == "" else cell
