"""An archive cut into parts, each of which one core tags; and a part read as batches of articles."""

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import pyarrow as pa
from pyarrow.parquet import ParquetFile

from tagdesk.archive.batch import FIELDS, id_text, text_of, values
from tagdesk.archive.places import Found
from tagdesk.formats.columns import Columns, find_columns, parse_columns
from tagdesk.formats.files import BadRow, open_source
from tagdesk.formats.names import plain
from tagdesk.models.errors import ArticleError, CannotRead
from tagdesk.models.reading.article import NOT_UNICODE, is_unicode

ARTICLES = re.compile(r"\.(?:(?:jsonl|ndjson|csv|tsv)(?:\.gz)?|parquet)$", re.IGNORECASE)
"""The files of a folder that are taken for articles."""

_HTML = "body_html"
_ROWS = 1_000
"""Of a batch."""

_LARGE, _ENOUGH = 64 << 20, 32 << 20
"""Bytes: a larger Parquet file is cut into parts of so many at least, each of whole row groups."""

_PART = re.compile(r"(.+)\.parts/part-\d{5,}(\.\w+)")

Names = Mapping[str, str]
"""The file's name of each of our columns: `id`, `title`, `body`, `body_html`, `language`."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of articles, or some row groups of a large Parquet file.

    Attributes:
        source: the file.
        target: the name of its answers, below the folder of the results.
        size: bytes, of some row groups their share.
        groups: the first of its row groups, and the one after the last; None for all of a file.
        before: how many rows of the file stand before them.
    """

    source: Found
    target: str
    size: int
    groups: tuple[int, int] | None = None
    before: int = 0

    @property
    def shown(self) -> str:
        """What people call it."""
        shown = self.source.place.shown
        return f"{shown}, row groups {self.groups[0]} to {self.groups[1] - 1}" if self.groups else shown


def cut(file: Found, suffix: str) -> list[Part]:
    """Return the parts of a file, one or, if it is a large Parquet file of several row groups, several.

    Args:
        file: the file.
        suffix: of files of answers, `.parquet` or `.jsonl`.
    """
    whole = Part(file, _whole(file.name, suffix), file.size)
    if file.size <= _LARGE or not _is_parquet(file):
        return [whole]
    try:
        with _parquet(file) as opened:
            groups = [opened.metadata.row_group(i) for i in range(opened.metadata.num_row_groups)]
    except (pa.ArrowException, OSError):  # whoever reads it says what is wrong
        return [whole]
    weights = [group.total_byte_size for group in groups]
    share = file.size / max(1, sum(weights))
    parts, first, before = [], 0, 0
    for last in range(1, len(groups) + 1):
        size = round(share * sum(weights[first:last]))
        if size >= _ENOUGH or last == len(groups):
            name = f"{file.name}.parts/part-{first:05}{suffix}"
            parts.append(Part(file, name, size, (first, last), before))
            before += sum(group.num_rows for group in groups[first:last])
            first = last
    return parts if len(parts) > 1 else [whole]


def _whole(name: str, suffix: str) -> str:
    return name if name.endswith(suffix) else name + suffix


def uncut(target: str) -> str:
    """Return the name that the answers of a part would have if its file were not cut."""
    part = _PART.fullmatch(target)
    return _whole(part[1], part[2]) if part else target


def find_names(part: Part, wanted: str) -> tuple[Names, str]:
    """Find out which column holds what, as training does, by the first rows of a part.

    Args:
        part: a part.
        wanted: columns that people named, `body=Texte id=Nr`; empty to find all.

    Returns:
        The columns' names, and the same for people.

    Raises:
        CannotRead: no column of texts is found, a column that was named is not there, or the file is damaged.
    """
    with reading(part.shown):
        names, sample = _sample(part)
    found = find_columns(names, sample, parse_columns(wanted) if wanted else None)
    found.refuse(part.shown, topics=False)
    fields = {ours: found.fields[ours] for ours in ("title", "body", "language", "id") if ours in found.fields}
    html = next((name for name in names if plain(name) == _HTML), None)
    if html is not None and ("body" not in fields or fields["body"] == html):
        fields.pop("body", None)
        fields[_HTML] = html
    elif html is not None and not wanted:
        fields[_HTML] = html  # of those rows that have no body
    _check(part, fields, names)
    return fields, _spoken(fields, found)


def _spoken(fields: Names, columns: Columns) -> str:
    parts = [f"{ours} from {columns.spoken(column)}" for ours, column in fields.items()]
    return ", ".join(parts + ([] if "id" in fields else ["id: the row's number, as there is no such column"]))


def _sample(part: Part) -> tuple[list[str], list[Mapping[str, Any]]]:
    if _is_parquet(part.source):
        with _parquet(part.source) as file:
            batch = next(file.iter_batches(_ROWS, use_threads=False), None)
            columns = list(file.schema_arrow.names)
            rows = zip(*map(values, batch.columns), strict=True) if batch else ()
            return columns, [dict(zip(columns, row, strict=True)) for row in rows]
    with part.source.place.copied() as path:
        source = open_source(path)
        good = [row for _, row in islice(source.rows, _ROWS) if not isinstance(row, BadRow)]
        return list(dict.fromkeys(chain(source.columns, chain.from_iterable(good)))), good


def batches(part: Part, names: Names) -> Iterator[pa.RecordBatch]:
    """Yield the articles of a part, as `tag_batch` takes them; a row that cannot be read has an `error`.

    Raises:
        CannotRead: a column is missing, or the file is damaged, perhaps from some row on.
    """
    with reading(part.shown):
        yield from _of_parquet(part, names) if _is_parquet(part.source) else _of_rows(part, names)


@contextmanager
def reading(shown: str) -> Iterator[None]:
    """Say of whatever a file raises that is damaged, cut off or not there that it cannot be read.

    Raises:
        CannotRead: naming the file.
    """
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        reason = str(getattr(error, "strerror", None) or error).partition("\n")[0][:300]
        raise CannotRead(f"cannot read {shown} to its end: {reason}") from error


def _is_parquet(file: Found) -> bool:
    return file.name.lower().endswith(".parquet")


def _parquet(file: Found) -> ParquetFile:
    place = file.place
    # Of a file that lies here only what the next rows need is read; to ask a store for every bit would take for ever.
    reading = {"buffer_size": 1 << 20} if place.is_local else {"pre_buffer": True}
    return ParquetFile(place.filesystem.open_input_file(place.path), **reading)


def _of_parquet(part: Part, names: Names) -> Iterator[pa.RecordBatch]:
    with _parquet(part.source) as file:
        has = file.schema_arrow.names
        _check(part, names, has)
        groups = list(range(*part.groups)) if part.groups else None
        columns = sorted({name for name in names.values() if name in has})
        number = part.before + 1
        for batch in file.iter_batches(_ROWS, row_groups=groups, columns=columns, use_threads=False):
            cells = {ours: batch.column(name) for ours, name in names.items() if name in has}
            yield _batch(cells, range(number, number + len(batch)), {})
            number += len(batch)


def _of_rows(part: Part, names: Names) -> Iterator[pa.RecordBatch]:
    with part.source.place.copied() as path:
        source = open_source(path)
        rows = source.rows
        first = list(islice(rows, _ROWS))
        good = [row for _, row in first if not isinstance(row, BadRow)]
        if good or source.columns:
            _check(part, names, list(set(source.columns).union(*good)))
        while first:
            cells = {
                ours: [None if isinstance(row, BadRow) else row.get(name) for _, row in first]
                for ours, name in names.items()
            }
            errors = {i: "; ".join(row.reasons) for i, (_, row) in enumerate(first) if isinstance(row, BadRow)}
            yield _batch(cells, [number for number, _ in first], errors)
            first = list(islice(rows, _ROWS))


def _check(part: Part, names: Names, has: Sequence[str]) -> None:
    """Refuse a part without the columns that the others have, or with two of a name.

    The language may be missing, and one of two bodies.

    Raises:
        CannotRead: naming the columns.
    """
    if twice := [name for name in names.values() if has.count(name) > 1]:
        raise CannotRead(f"{part.shown} has two columns named {twice[0]!r}: rename one")
    missing = [ours for ours in ("id", "title") if ours in names and names[ours] not in has]
    bodies = [ours for ours in ("body", _HTML) if ours in names]
    missing += bodies if not any(names[ours] in has for ours in bodies) else []
    if missing:
        wanted = ", ".join(f"{ours} from {names[ours]}" for ours in missing)
        columns = ", ".join(map(repr, sorted(has)[:20])) or "no columns with a name"
        raise CannotRead(
            f"{part.shown} does not have the columns of the first part ({wanted}), but {columns}: tag it by itself, or "
            "say which columns all parts have, --columns"
        )


def _batch(cells: Mapping[str, Any], numbers: Sequence[int], errors: dict[int, str]) -> pa.RecordBatch:
    """Return a batch of articles.

    Args:
        cells: of each of our columns, an array of Arrow's or a list.
        numbers: the number of each row in its file, which is its id where it has none.
        errors: why rows cannot be read, by their place; others are added.
    """
    columns: dict[str, Any] = {}
    for ours in FIELDS:
        if ours in cells:
            columns[ours] = _column(ours, cells[ours], errors)
    ids = cells.get("id")
    texts = [None] * len(numbers) if ids is None else _column("id", ids, errors).to_pylist()
    columns["id"] = pa.array([text or str(number) for text, number in zip(texts, numbers, strict=True)], pa.string())
    if errors:
        places = range(len(numbers))
        reasons = [f"row {numbers[i]}: {errors[i]}" if i in errors else None for i in places]
        columns["error"] = pa.array(reasons, pa.string())
    return pa.RecordBatch.from_pydict(columns)


def _column(ours: str, cells: Any, errors: dict[int, str]) -> pa.Array:
    if isinstance(cells, pa.Array):
        if (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)) and _is_valid(cells):
            return cells
        cells = values(cells)
    texts: list[str | None] = []
    for place, value in enumerate(cells):
        text, error = None, ""
        try:
            text = id_text(value) if ours == "id" else text_of(ours, value)
        except ArticleError as fault:
            error = str(fault)
        if text is not None and not is_unicode(text):
            text, error = None, f"{ours} {NOT_UNICODE}"
        if error and ours != "language":
            errors.setdefault(place, error)
        texts.append(text)
    return pa.array(texts, pa.string())


def _is_valid(cells: pa.Array) -> bool:
    try:
        cells.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def spread(parts: Sequence[Part], most: int) -> list[Part]:
    """Return some parts, at even distances from the first on."""
    count = min(most, len(parts))
    return [parts[i * len(parts) // count] for i in range(count)]
