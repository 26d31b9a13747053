"""Read the files that people have: every row of every format in the same columns.

files.py      how rows lie in a file: JSON Lines, JSON, CSV, TSV, Parquet, lines of text; plain or gzipped
columns.py    what people call the columns, and how they write several labels
shapes.py     the formats of other tools: fastText, Annif, Label Studio, doccano, ninjs
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from training.errors import CorpusError
from training.formats.columns import find_columns
from training.formats.files import BadRow, Row, rows_of
from training.formats.shapes import SHAPES, Convert, Converted, recognise

__all__ = ["FORMATS", "BadRow", "Row", "Rows", "read_rows"]

COLUMNS = "columns"
FORMATS = (COLUMNS, *SHAPES)
"""The formats that can be asked for by name."""

_SAMPLE = 100
"""Rows that are looked at to tell what the format is."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file.

    Attributes:
        what: how the file is read, for people.
        has_ids: articles are named; where not, nobody should miss an id.
        rows: each row's line (in a .json or .parquet file: its number) with its values under `id`, `title`, `body`,
            `topics`, `labels`, `names` (of labels that are codes), `date`, `language`, `label_prob`, `optional`; or
            why it cannot be used; or None where nobody has labelled it.
    """

    what: str
    has_ids: bool
    rows: Iterator[tuple[int, Converted]]


def read_rows(path: Path, format: str = "") -> Rows:
    """Open a file, tell its format and return its rows.

    Args:
        path: the file; its ending says how rows lie in it.
        format: one of `FORMATS`; empty to tell by the first rows.

    Raises:
        CorpusError: the file is of no kind that is known, is damaged, or has no column of texts or of topics.
        OSError, EOFError, zlib.error: it cannot be read.
    """
    if format and format not in FORMATS:
        raise CorpusError(f"no format {format!r}: there are {', '.join(FORMATS)}")
    rows = rows_of(path, as_lines=format in SHAPES and SHAPES[format].lines)
    sample = list(islice(rows, _SAMPLE))
    good = [row for _, row in sample if not isinstance(row, BadRow)]
    name = format or recognise(good)
    convert: Convert
    if name in SHAPES:
        what, convert = SHAPES[name].what, SHAPES[name].convert
    elif good and "line" in good[0]:
        raise CorpusError(f"{path}: its lines have neither __label__ (fastText) nor a tab (Annif), and no columns")
    else:
        columns = find_columns(chain.from_iterable(good))
        missing = columns.missing() if good else ""
        if missing:
            raise CorpusError(f"{path}: {missing}")
        what, convert = str(columns), columns.take
    converted = [(line, _converted(row, convert)) for line, row in sample]
    has_ids = any(isinstance(row, dict) and row.get("id") is not None for _, row in converted)
    rest = ((line, _converted(row, convert)) for line, row in rows)
    return Rows(what, has_ids, chain(converted, rest))


def _converted(row: Row | BadRow, convert: Convert) -> Converted:
    return row if isinstance(row, BadRow) else convert(row)
