"""Files to rows: JSON Lines, JSON, tables, spreadsheets, Parquet, Arrow, or lines of text; plain or gzipped."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from tagdesk.formats.columns import find_columns
from tagdesk.formats.encoding import Encoding, encoding_of, open_text
from tagdesk.formats.tables import BadRow, dialect_of, header_of, read_spreadsheet, read_table
from tagdesk.models.errors import CannotRead

__all__ = ["BadRow", "Row", "Source", "open_source"]

Row = Mapping[str, Any]
Numbered = Iterator[tuple[int, Row | BadRow]]

_SAMPLE = 100
_WRAPPERS = ("data", "items", "results", "articles", "posts", "docs", "nodes", "rows", "entries", "hits")


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of a file, and how it is written.

    Attributes:
        rows: number and values of each row; the rows of a table are counted as a spreadsheet counts them, and a line
            of text is a row with one value, `line`.
        shape: how the file is written, for people; empty where there is nothing to say.
        columns: names of a table's columns in order; empty for other files.
    """

    rows: Numbered
    shape: str = ""
    columns: tuple[str, ...] = ()


def open_source(path: Path, *, as_lines: bool = False) -> Source:
    """Open a file as rows.

    Args:
        path: its suffix tells the kind of file; `.gz` may follow.
        as_lines: read it as lines of text, whatever the suffix.

    Raises:
        CannotRead: the suffix is unknown, or the file is damaged.
        OSError, EOFError, zlib.error: it cannot be read.
    """
    kind = Path(path.name.lower().removesuffix(".gz")).suffix
    if path.is_dir() and not as_lines:
        return _folder(path)
    if as_lines:
        return _lines(path, encoding_of(path))
    if kind in _MENDS:
        raise CannotRead(f"{path}: {_MENDS[kind]}")
    if kind not in _KINDS:
        raise CannotRead(
            f"{path}: files of this kind are not read, but {', '.join(_KINDS)}, .gz or not; for lines of text with "
            "another ending say --format fasttext or --format annif-tsv"
        )
    return _KINDS[kind](path)


def _json_lines(path: Path) -> Source:
    encoding = encoding_of(path)
    return Source(_json_rows(path, encoding), encoding.name)


def _json_rows(path: Path, encoding: Encoding) -> Numbered:
    with open_text(path, encoding) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _json_row(line, encoding)


def _json_row(line: str, encoding: Encoding) -> Row | BadRow:
    if fault := encoding.fault(line):
        return BadRow(fault)
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return BadRow(f"not JSON: {error}; write an article a line, as a JSON object, or export it again")
    return _checked(row)


def _checked(row: Any) -> Row | BadRow:
    """Return an object with what it has under `attributes`, as in the interfaces of Drupal (JSON:API) and Strapi."""
    if not isinstance(row, dict):
        return BadRow('not a JSON object: write {"title": "…", "text": "…", "category": "…"}')
    attributes = row.get("attributes")
    return row | attributes if isinstance(attributes, dict) else row


def _json(path: Path) -> Source:
    """Read a list of objects, a single object, or JSON Lines, which some tools name `.json`."""
    encoding = encoding_of(path)
    with open_text(path, encoding) as file:
        data = file.read()
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError) as error:
        if isinstance(_json_row(data.partition("\n")[0], encoding), BadRow):
            fault = encoding.fault(data) or f"not JSON: {error}; export it again"
            raise CannotRead(f"cannot read {path}: {fault}") from error
        return Source(_json_rows(path, encoding), encoding.name)
    if fault := encoding.fault(data):
        raise CannotRead(f"cannot read {path}: {fault}")
    rows = parsed if isinstance(parsed, list) else _wrapped(parsed) or [parsed]
    return Source(((number, _checked(row)) for number, row in enumerate(rows, start=1)), encoding.name)


def _wrapped(parsed: Any) -> list[Any] | None:
    """Return the list of articles in an interface's answer, `{"data": […], "total": 60}`; None where it is none."""
    values = [parsed.get(key) for key in _WRAPPERS] if isinstance(parsed, dict) else []
    return next((value for value in values if isinstance(value, list) and value and isinstance(value[0], dict)), None)


def _csv(path: Path) -> Source:
    encoding = encoding_of(path)
    dialect = dialect_of(path, encoding)
    shape = ", ".join(filter(None, (encoding.name, str(dialect))))
    columns = header_of(path, encoding, dialect)
    if fault := encoding.fault("".join(columns)):
        raise CannotRead(f"cannot read {path}: row 1: {fault}")
    return Source(read_table(path, encoding, dialect), shape, tuple(filter(None, columns)))


def _text(path: Path) -> Source:
    """Read a table with a header, or lines of text: what the first lines look like decides."""
    encoding = encoding_of(path)
    with open_text(path, encoding) as file:
        sample = list(islice((line for line in file if line.strip()), _SAMPLE))
    if any("__label__" in line for line in sample) or looks_like_annif(sample):
        return _lines(path, encoding)
    table = _csv(path)
    # Tabs make a table by themselves; other marks stand in texts, too, and need a header that is known.
    is_table = (sample and "\t" in sample[0]) or find_columns(table.columns).is_named
    return table if len(table.columns) > 1 and is_table else _lines(path, encoding)


def looks_like_annif(lines: list[str]) -> bool:
    """Say whether most lines are a text, a tab and URIs, as Annif has them."""
    ends = [line.rpartition("\t")[2].split() for line in lines if "\t" in line]
    return sum(bool(end) and all("://" in uri for uri in end) for end in ends) * 2 > len(lines)


def _lines(path: Path, encoding: Encoding) -> Source:
    return Source(_text_rows(path, encoding), encoding.name)


def _text_rows(path: Path, encoding: Encoding) -> Numbered:
    with open_text(path, encoding) as lines:
        for number, line in enumerate(_whole(lines), start=1):
            if line.strip():
                fault = encoding.fault(line)
                yield number, BadRow(fault) if fault else {"line": line.rstrip("\r\n")}


def _whole(lines: Iterator[str]) -> Iterator[str]:
    """Yield each line, or the lines of a text in quotes, as doccano writes fastText's format."""
    for line in lines:
        whole = line
        while whole.startswith('"__label__') and whole.count('"') % 2 and (more := next(lines, "")):
            whole += more
        yield whole


def _spreadsheet(path: Path) -> Source:
    return _peeked(read_spreadsheet(path))


def _peeked(rows: Numbered) -> Source:
    """Return rows with the columns of the first of them."""
    first = list(islice(rows, 1))
    columns = tuple(first[0][1]) if first and not isinstance(first[0][1], BadRow) else ()
    return Source(chain(first, rows), "", columns)


def _parquet(path: Path) -> Source:
    from pyarrow.parquet import ParquetFile

    return _peeked(_arrow_rows(path, lambda: _batches(ParquetFile(path))))


def _batches(file: Any) -> tuple[Any, Any]:
    return file.schema_arrow, file.iter_batches()


def _arrow(path: Path) -> Source:
    return _peeked(_arrow_rows(path, lambda: _stream(path)))


def _stream(path: Path) -> tuple[Any, Any]:
    from pyarrow import ipc, memory_map

    reader = ipc.open_stream(memory_map(str(path)))
    return reader.schema, reader


def _folder(path: Path) -> Source:
    raise CannotRead(
        f"{path} is a folder: name the files in it, e.g. --data {path}/data-00000-of-00001.arrow where Hugging Face's "
        "datasets saved it"
    )


def _arrow_rows(path: Path, batches: Callable[[], tuple[Any, Any]]) -> Numbered:
    from pyarrow import ArrowException

    try:
        schema, parts = batches()
        classes = _class_names(schema)
        number = 0
        for batch in parts:
            for row in batch.to_pylist():
                number += 1
                yield number, {name: _named(value, classes.get(name)) for name, value in row.items()}
    except (ArrowException, UnicodeDecodeError) as error:
        raise CannotRead(f"cannot read {path}: {error}") from error


def _class_names(schema: Any) -> dict[str, list[str]]:
    """Return the names of the classes of each column of numbers, where Hugging Face's datasets wrote them down."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    inner = {
        column: feature if isinstance(feature, dict) and "names" in feature else _feature(feature)
        for column, feature in features.items()
    }
    return {column: feature["names"] for column, feature in inner.items() if feature.get("names")}


def _feature(feature: Any) -> dict[str, Any]:
    """Return what a list of classes holds."""
    inner = feature[0] if isinstance(feature, list) and feature else feature
    inner = inner.get("feature", {}) if isinstance(inner, dict) and "names" not in inner else inner
    return inner if isinstance(inner, dict) else {}


def _named(value: Any, names: list[str] | None) -> Any:
    if names is None:
        return value
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else None


_EXCEL = "files of this kind are not read: save the sheet as `CSV UTF-8` or as .xlsx"
_MENDS = {
    ".spacy": "spaCy's own files are not read: write each doc as a line of .jsonl, "
    'json.dumps({"text": doc.text, "cats": doc.cats})',
    ".xls": _EXCEL,
    ".xlsm": _EXCEL,
    ".ods": _EXCEL,
    ".zip": "an archive: unpack it, and name the file in it",
}

_KINDS: dict[str, Callable[[Path], Source]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": _csv,
    ".tsv": _text,
    ".txt": _text,
    ".xlsx": _spreadsheet,
    ".parquet": _parquet,
    ".arrow": _arrow,
}
