"""Read a corpus: JSON Lines (plain or .gz), CSV or Parquet, every row checked before anything is used."""

import csv
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from models.article import MAX_BODY, MAX_TITLE, is_unicode
from training.errors import CorpusError
from training.never_train import may_train

SHOWN_IN_FULL = 20

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LabelledArticle:
    """One article of a corpus.

    Attributes:
        id: unique within a corpus.
        title: plain text, may be empty.
        body: plain text or HTML.
        labels: what the corpus says; a label map turns them into topics.
        topics: topics, where the corpus says them itself; they decide every topic. None where it does not.
        date: ISO 8601 day, or None.
        language: BCP 47 tag, or None.
        label_prob: how likely the labels are right, 0 to 1.
        optional: topics that are neither right nor wrong, for measuring.
    """

    id: str
    title: str
    body: str
    labels: tuple[str, ...] = ()
    topics: tuple[str, ...] | None = None
    date: str | None = None
    language: str | None = None
    label_prob: float = 1.0
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus that was read whole.

    Attributes:
        name: the file's name without its endings; a label map of that name speaks for it.
        articles: those that may be trained on.
        sha256: of the file.
        left_out: how many may never be trained on.
        source: what the fetcher recorded of where the file comes from, or nothing.
    """

    name: str
    articles: tuple[LabelledArticle, ...]
    sha256: str
    left_out: int = 0
    source: Mapping[str, Any] = field(default_factory=dict)


def read_corpus(path: Path, *, topics: Iterable[str] | None = None, for_training: bool = True) -> Corpus:
    """Read a corpus file.

    Args:
        path: `.jsonl`, `.jsonl.gz`, `.csv` or `.parquet`, with columns id, title, body, topics or labels, and where
            known date, language and label_prob; other columns are ignored.
        topics: the topics that a `topics` column may name; None for any.
        for_training: leave out what may never be trained on.

    Raises:
        CorpusError: the file cannot be read, or rows are bad; the first 20 are listed in full.
    """
    known = None if topics is None else frozenset(topics)
    articles: list[LabelledArticle] = []
    seen: dict[str, int] = {}
    bad: dict[int, _BadRow] = {}
    left_out = 0
    try:
        for line, row in _reader(path)(path):
            article = row if isinstance(row, _BadRow) else _checked(row, known)
            if isinstance(article, LabelledArticle) and (first := seen.setdefault(article.id, line)) != line:
                article = _BadRow(f"id: {article.id!r} stands already in line {first}")
            if isinstance(article, _BadRow):
                bad[line] = article
            elif for_training and not may_train(article.id, article.date):
                left_out += 1
            else:
                articles.append(article)
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(f"cannot read {path}: {_why(error)}") from error
    if bad:
        raise CorpusError(_listing(path, bad))
    if not articles:
        raise CorpusError(f"{path} has no articles{' that may be trained on' if left_out else ''}")
    return Corpus(_stem(path), tuple(articles), file_sha256(path), left_out, _source(path))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _BadRow:
    """A row that cannot be used, and every reason why."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons


def _reader(path: Path) -> Callable[[Path], Iterator[tuple[int, Row | _BadRow]]]:
    readers = {".jsonl": _json_lines, ".jsonl.gz": _json_lines, ".csv": _csv, ".parquet": _parquet}
    for ending, reader in readers.items():
        if path.name.endswith(ending):
            return reader
    raise CorpusError(f"{path}: a corpus is a {', '.join(readers)} file")


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]


def _json_lines(path: Path) -> Iterator[tuple[int, Row | _BadRow]]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _json_row(line)


def _json_row(line: bytes) -> Row | _BadRow:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return _BadRow(_not_utf_8(error.object[error.start]))
    except (ValueError, RecursionError) as error:
        return _BadRow(f"not JSON: {error}")
    return row if isinstance(row, dict) else _BadRow("not a JSON object")


def _csv(path: Path) -> Iterator[tuple[int, Row | _BadRow]]:
    # For the whole process: csv knows no other way, and its 131,072 characters are less than a body may have.
    csv.field_size_limit(10 * MAX_BODY)
    # A byte that is not UTF-8 becomes a lone surrogate, so that it is found in its row and not in a block of the file.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        read = 0
        try:
            columns = rows.fieldnames or ()
            if "body" not in columns:
                raise CorpusError(
                    f"{path}: its first line must name the columns, in UTF-8: id, title, body, topics (or labels)"
                )
            for row in rows:
                read = rows.line_num
                yield read, _csv_row(row, len(columns))
        except csv.Error as error:
            yield read + 1, _BadRow(f"no CSV from here on ({error}): is a quote not closed, or not doubled?")


def _csv_row(row: dict[str, str], columns: int) -> Row | _BadRow:
    if None in row or None in row.values():
        return _BadRow(f"{columns} columns expected")
    try:
        "".join(row.values()).encode()
    except UnicodeEncodeError as error:
        return _BadRow(_not_utf_8(ord(error.object[error.start]) & 0xFF))
    # pandas writes its index as a column without a name.
    return {name: value for name, value in row.items() if name and value}


def _not_utf_8(byte: int) -> str:
    return f"not UTF-8: byte {byte:#04x}; save the file as UTF-8"


def _parquet(path: Path) -> Iterator[tuple[int, Row | _BadRow]]:
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


def _checked(row: Row, known: frozenset[str] | None) -> LabelledArticle | _BadRow:
    faults = list(_faults(row, known))
    return _BadRow(*faults) if faults else _article(row)


def _faults(row: Row, known: frozenset[str] | None) -> Iterator[str]:
    identity, body = row.get("id"), row.get("body")
    if not isinstance(identity, str | int) or isinstance(identity, bool) or not str(identity).strip():
        yield "id: missing" if identity is None else f"id: must be text, not {identity!r}"
    if not isinstance(body, str | None):
        yield f"body: must be text, not {type(body).__name__}"
    elif not body or body.isspace():
        yield "body: empty"
    elif len(body) > MAX_BODY:
        yield f"body: {len(body):,} characters, at most {MAX_BODY:,}"
    for name in ("title", "language"):
        if not isinstance(row.get(name), str | None):
            yield f"{name}: must be text, not {type(row[name]).__name__}"
    if isinstance(row.get("title"), str) and len(row["title"]) > MAX_TITLE:
        yield f"title: {len(row['title']):,} characters, at most {MAX_TITLE:,}"
    for name in ("id", "title", "body"):
        if isinstance(row.get(name), str) and not is_unicode(row[name]):
            yield f"{name}: has a lone surrogate: the text was decoded wrongly before it was saved"
    yield from _label_faults(row, known)
    if _day(row.get("date")) is False:
        yield f"date: {str(row['date'])[:40]!r} is not a day as in 2026-11-23"
    probability = row.get("label_prob")
    if probability is not None and not _is_probability(probability):
        yield f"label_prob: {probability!r} is not a number from 0 to 1"


def _label_faults(row: Row, known: frozenset[str] | None) -> Iterator[str]:
    if row.get("topics") is None and row.get("labels") is None:
        yield "topics: missing (or labels)"
    for name in ("topics", "labels"):
        value = row.get(name)
        if value is not None and _names(value, name) is None:
            yield f"{name}: must be a list of texts"
    for topic in _names(row.get("topics"), "topics") or () if known is not None else ():
        if topic not in (known or ()):
            yield f"topics: unknown topic {topic!r}"


def _names(value: Any, column: str) -> tuple[str, ...] | None:
    """Read a list of names; in a CSV they are separated by `;` or `|`, topics also by `,`."""
    if isinstance(value, str):
        for separator in "|," if column == "topics" else "|":
            value = value.replace(separator, ";")
        value = [part.strip() for part in value.split(";")]
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        return None
    return tuple(dict.fromkeys(name for name in value if name))


def _day(value: Any) -> str | bool | None:
    """Return the ISO day of a date, None where there is none, False where it is no date."""
    if value is None or value == "":
        return None
    if isinstance(value, date):
        return value.isoformat()[:10]
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        return False


def _is_probability(value: Any) -> bool:
    try:
        return 0 <= float(value) <= 1
    except (TypeError, ValueError, OverflowError):
        return False


def _article(row: Row) -> LabelledArticle:
    day, probability = _day(row.get("date")), row.get("label_prob")
    return LabelledArticle(
        id=str(row["id"]),
        title=row.get("title") or "",
        body=row["body"],
        labels=_names(row.get("labels") or (), "labels") or (),
        topics=_names(row["topics"], "topics") if row.get("topics") is not None else None,
        date=day if isinstance(day, str) else None,
        language=row.get("language"),
        label_prob=1.0 if probability is None else float(probability),
        optional=_names(row.get("optional") or (), "topics") or (),
    )


def _listing(path: Path, bad: Mapping[int, _BadRow]) -> str:
    lines = [f"{path} has {len(bad):,} bad rows; nothing was used:"]
    for line, row in islice(bad.items(), SHOWN_IN_FULL):
        lines += [f"{path.name}:{line}: {reason}" for reason in row.reasons]
    if len(bad) > SHOWN_IN_FULL:
        lines.append(f"… and {len(bad) - SHOWN_IN_FULL:,} more")
    return "\n  ".join(lines)


def _why(error: Exception) -> str:
    if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
        return f"the gzip is cut off or damaged ({error}): fetch or copy it again"
    return str(getattr(error, "strerror", None) or error)


def _source(path: Path) -> Mapping[str, Any]:
    """Return what `make data` recorded beside the file."""
    record = path.with_name(f"{_stem(path)}.source.json")
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
