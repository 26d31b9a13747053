"""Read files of articles in the formats that people have: every row of every format becomes the same columns.

encoding.py      bytes to text: UTF-8, UTF-16, Windows-1252 and its like
tables.py        text to rows: separators, quotes, `sep=`, blank and short rows; Excel's own files
files.py         files to rows: JSON Lines, JSON, tables, Parquet, Arrow, lines of text; plain or gzipped
names.py         what people call their columns, in many languages; names.toml
columns.py       rows to columns: which holds what, by its name or by what its cells hold
shapes.py        the formats of other tools: fastText, Annif, Label Studio, doccano, Prodigy, spaCy, ninjs
cells.py         cells to labels: how several labels stand in one cell, by what the column holds
dates.py         cells to days: whether the day or the month stands first, by what the column holds
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from tagdesk.formats.columns import Columns, find_columns
from tagdesk.formats.files import BadRow, Row, open_source
from tagdesk.formats.shapes import SHAPES, Convert, Converted, fasttext_note, recognise
from tagdesk.models.errors import CannotRead

__all__ = ["FORMATS", "BadRow", "Columns", "Row", "Rows", "read_rows"]

COLUMNS = "columns"
FORMATS = (COLUMNS, *SHAPES)
"""The formats that can be chosen by name."""

_SAMPLE = 1_000
"""Rows that are examined to recognise the format and the columns."""

_OF_SHAPES = Columns({}, ("topics", "labels"))


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file.

    Attributes:
        shape: how the file is written, for people; may be empty.
        description: the format of a tool, or which column holds what, but for the topics, for people.
        columns: which column holds what.
        rows: each row's number with its values under `id`, `title`, `body`, `date`, `language`, `label_prob`,
            `optional`, and under `cells` what may be its topics, by column; or why it cannot be used; or None where it
            is not labelled.
    """

    shape: str
    description: str
    columns: Columns
    rows: Iterator[tuple[int, Converted]]


def read_rows(path: Path, format: str = "", wanted: Mapping[str, str] | None = None) -> Rows:
    """Open a file, recognise its format and return its rows.

    Args:
        path: the file; its suffix tells the kind of file.
        format: one of `FORMATS`; empty to recognise it by the first rows.
        wanted: columns that were named by people, by ours: then it is a table of columns.

    Raises:
        CannotRead: the format is unknown, the file is damaged, or it has no column of texts or of topics.
        OSError, EOFError, zlib.error: it cannot be read.
    """
    if format and format not in FORMATS:
        raise CannotRead(f"no format {format!r}: the formats are {', '.join(FORMATS)}")
    source = open_source(path, as_lines=format in SHAPES and SHAPES[format].lines)
    sample = list(islice(source.rows, _SAMPLE))
    good = [row for _, row in sample if not isinstance(row, BadRow)]
    name = format or (COLUMNS if wanted else recognise(good))
    rows = chain(sample, source.rows)
    if name in SHAPES:
        shape = SHAPES[name]
        numbered = ((number, _converted(row, shape.convert)) for number, row in rows)
        note = fasttext_note(good) if name == "fasttext" else ""
        return Rows(source.shape, shape.description + note, _OF_SHAPES, numbered)
    if good and "line" in good[0] and len(good[0]) == 1:
        raise CannotRead(
            f"{path}: its lines have neither __label__ (fastText) nor URIs after a tab (Annif), and its first line "
            "names no columns that are known: write their names into the first line (title,text,category), or say "
            "what it is, --format"
        )
    columns = find_columns(chain(source.columns, chain.from_iterable(good)), good, wanted)
    if not sample and not source.columns:
        raise CannotRead(f"{path} is empty: export it again")
    if good or source.columns:
        columns.refuse(path.name)
    return Rows(
        source.shape, str(columns), columns, ((number, _converted(row, columns.convert)) for number, row in rows)
    )


def _converted(row: Row | BadRow, convert: Convert) -> Converted:
    if isinstance(row, BadRow):
        return row
    converted = convert(row)
    if isinstance(converted, dict) and "cells" not in converted:
        converted["cells"] = {name: converted.pop(name) for name in ("topics", "labels") if name in converted}
    return converted
