"""Read a corpus: JSON Lines (plain or .gz), CSV or Parquet, every row checked before anything is used."""

import csv
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from models.article import MAX_BODY, MAX_TITLE
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
    read = _reader(path)
    known = None if topics is None else frozenset(topics)
    articles: list[LabelledArticle] = []
    seen: dict[str, int] = {}
    faults: list[str] = []
    left_out = 0
    try:
        for line, row in read(path):
            before = len(faults)
            faults += [f"{path.name}:{line}: {fault}" for fault in _faults(row, known)]
            if len(faults) > before:
                continue
            article = _article(row)
            first = seen.setdefault(article.id, line)
            if first != line:
                faults.append(f"{path.name}:{line}: id: {article.id!r} stands already in line {first}")
            elif for_training and not may_train(article.id, article.date):
                left_out += 1
            else:
                articles.append(article)
    except _BadLine as error:
        faults.append(f"{path.name}:{error}")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"cannot read {path}: {_why(error)}") from error
    if faults:
        raise CorpusError(_listing(path, faults))
    if not articles:
        raise CorpusError(f"{path} has no articles{' that may be trained on' if left_out else ''}")
    return Corpus(_stem(path), tuple(articles), file_sha256(path), left_out, _source(path))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _BadLine(Exception):
    """A line after which the rest of the file cannot be trusted."""


def _reader(path: Path) -> Callable[[Path], Iterator[tuple[int, Row]]]:
    readers = {".jsonl": _json_lines, ".jsonl.gz": _json_lines, ".csv": _csv, ".parquet": _parquet}
    for ending, reader in readers.items():
        if path.name.endswith(ending):
            return reader
    raise CorpusError(f"{path}: a corpus is a {', '.join(readers)} file")


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]


def _json_lines(path: Path) -> Iterator[tuple[int, Row]]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except UnicodeDecodeError as error:
                raise _BadLine(f"{number}: not UTF-8: {_why(error)}") from error
            except ValueError as error:
                yield number, {"": f"not JSON: {error}"}
                continue
            yield number, row if isinstance(row, dict) else {"": "not a JSON object"}


def _csv(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        csv.field_size_limit(10 * MAX_BODY)
        rows = csv.DictReader(file, strict=True)
        if "body" not in (rows.fieldnames or ()):
            raise CorpusError(f"{path}: its first line must name the columns: id, title, body, topics (or labels)")
        for row in rows:
            if None in row or None in row.values():
                yield rows.line_num, {"": f"{len(rows.fieldnames or ())} columns expected"}
            else:
                yield rows.line_num, {name: value for name, value in row.items() if value != ""}


def _parquet(path: Path) -> Iterator[tuple[int, Row]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        number = 0
        for batch in ParquetFile(path).iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except ArrowException as error:
        raise CorpusError(f"cannot read {path}: {error}") from error


def _faults(row: Row, known: frozenset[str] | None) -> Iterator[str]:
    if "" in row:
        yield str(row[""])
        return
    identity, body = row.get("id"), row.get("body")
    if not isinstance(identity, str | int) or isinstance(identity, bool) or not str(identity).strip():
        yield "id: missing" if identity is None else f"id: must be text, not {identity!r}"
    if not isinstance(body, str) or not body.strip():
        yield "body: empty" if body is None or body == "" or isinstance(body, str) else "body: must be text"
    elif len(body) > MAX_BODY:
        yield f"body: {len(body):,} characters, at most {MAX_BODY:,}"
    for name in ("title", "language"):
        if not isinstance(row.get(name), str | None):
            yield f"{name}: must be text, not {type(row[name]).__name__}"
    if isinstance(row.get("title"), str) and len(row["title"]) > MAX_TITLE:
        yield f"title: {len(row['title']):,} characters, at most {MAX_TITLE:,}"
    for name in ("title", "body"):
        if isinstance(row.get(name), str) and not _is_unicode(row[name]):
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


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_probability(value: Any) -> bool:
    try:
        return 0 <= float(value) <= 1
    except (TypeError, ValueError):
        return False


def _article(row: Row) -> LabelledArticle:
    day = _day(row.get("date"))
    return LabelledArticle(
        id=str(row["id"]),
        title=row.get("title") or "",
        body=row["body"],
        labels=_names(row.get("labels") or (), "labels") or (),
        topics=_names(row["topics"], "topics") if row.get("topics") is not None else None,
        date=day if isinstance(day, str) else None,
        language=row.get("language"),
        label_prob=float(row.get("label_prob", 1.0)),
        optional=_names(row.get("optional") or (), "topics") or (),
    )


def _listing(path: Path, faults: list[str]) -> str:
    lines = [f"{path} has {len(faults):,} bad rows; nothing was used:", *faults[:SHOWN_IN_FULL]]
    if len(faults) > SHOWN_IN_FULL:
        lines.append(f"… and {len(faults) - SHOWN_IN_FULL:,} more")
    return "\n  ".join(lines)


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.object[error.start]:#04x} at offset {error.start} is not UTF-8: save the file as UTF-8"
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
