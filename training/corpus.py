"""Read a corpus of any format that we know, every row checked before anything is used."""

import gzip
import hashlib
import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from models.article import MAX_BODY, MAX_TITLE, is_unicode
from training.errors import CorpusError
from training.formats import BadRow, Row, read_rows
from training.formats.columns import iso_day, split_names
from training.never_train import may_train

SHOWN_IN_FULL = 20


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
        format: how the file was read, for people.
        names: of those labels that are codes or URIs.
        unlabelled: how many rows nobody has labelled; they are left out.
        joined: how many rows have the title and body of another and, in a file without ids, were joined with it.
        bodiless: how many of the articles have a title and nothing else.
        characters: how long titles and bodies are together.
    """

    name: str
    articles: tuple[LabelledArticle, ...]
    sha256: str
    left_out: int = 0
    source: Mapping[str, Any] = field(default_factory=dict)
    format: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    unlabelled: int = 0
    joined: int = 0
    bodiless: int = 0
    characters: int = 0


def read_corpus(
    path: Path,
    *,
    topics: Iterable[str] | None = None,
    for_training: bool = True,
    format: str = "",
    share: float = 1.0,
    texts: bool = True,
) -> Corpus:
    """Read a corpus file.

    Args:
        path: a file of one of `training.formats`. Our own columns are id, title, body, topics or labels, and where
            known date, language and label_prob; other columns are ignored. Where no row has an id, the text makes it.
        topics: the topics that a `topics` column may name; None for any.
        for_training: leave out what may never be trained on.
        format: one of `training.formats.FORMATS`; empty to tell by the content.
        share: keep this share of the articles, chosen by their ids; all are checked.
        texts: keep title and body; without them a corpus of any size fits into memory.

    Raises:
        CorpusError: the file cannot be read, or rows are bad; the first 20 are listed in full.
    """
    known = None if topics is None else frozenset(topics)
    found = _Found(BadRows(path), known, for_training, share, texts)
    try:
        rows = read_rows(path, format)
        found.has_ids = rows.has_ids
        for line, row in rows.rows:
            found.add(line, row)
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(f"cannot read {path}: {_why(error)}") from error
    found.bad.refuse()
    if not found.articles:
        raise CorpusError(f"{path} has no articles{found.why_none()}")
    return Corpus(
        name=_stem(path),
        articles=tuple(found.articles),
        sha256=file_sha256(path),
        left_out=found.left_out,
        source=_source(path),
        format=rows.what,
        names=found.names,
        unlabelled=found.unlabelled,
        joined=found.joined,
        bodiless=found.bodiless,
        characters=found.characters,
    )


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class BadRows:
    """The bad rows of a file: all are counted, the first twenty are shown with every reason."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._shown: list[str] = []

    def add(self, line: int, *reasons: str) -> None:
        """Note that a line is bad, and why."""
        self.count += 1
        if self.count <= SHOWN_IN_FULL:
            self._shown += [f"{self.path.name}:{line}: {reason}" for reason in reasons]

    def refuse(self) -> None:
        """Refuse the file if any row is bad.

        Raises:
            CorpusError: listing them.
        """
        if not self.count:
            return
        more = [f"… and {self.count - SHOWN_IN_FULL:,} more"] if self.count > SHOWN_IN_FULL else []
        raise CorpusError(
            "\n  ".join([f"{self.path} has {self.count:,} bad rows; nothing was used:", *self._shown, *more])
        )


@dataclass(slots=True)
class _Found:
    """What has been read of a corpus so far; the first five say how it is read."""

    bad: BadRows
    known: frozenset[str] | None
    for_training: bool
    share: float
    texts: bool
    has_ids: bool = True
    articles: list[LabelledArticle] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    left_out: int = 0
    unlabelled: int = 0
    joined: int = 0
    bodiless: int = 0
    characters: int = 0
    _lines: dict[str, int] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)

    def add(self, line: int, row: Row | BadRow | None) -> None:
        """Check a row, and keep its article or note why not."""
        if row is None:
            self.unlabelled += 1
            return
        if isinstance(row, BadRow):
            self.bad.add(line, *row.reasons)
            return
        if not self.has_ids:
            row = {**row, "id": _text_id(row)}
        if faults := list(_faults(row, self.known)):
            self.bad.add(line, *faults)
            return
        article = _article(row)
        first = self._lines.setdefault(article.id, line)
        if first != line and self.has_ids:
            self.bad.add(line, f"id: {article.id!r} stands already in line {first}; an article is one row")
        elif first != line:
            self._join(article)
        elif self.for_training and not may_train(article.id, article.date):
            self.left_out += 1
        elif self.share == 1 or _is_in_share(article.id, self.share):
            self._keep(article, row.get("names") or {})

    def _keep(self, article: LabelledArticle, names: Mapping[str, str]) -> None:
        self.characters += len(article.title) + len(article.body)
        self.bodiless += not article.body.strip()
        self.names |= names
        if not self.has_ids:
            self._places[article.id] = len(self.articles)
        self.articles.append(article if self.texts else replace(article, title="", body=""))

    def _join(self, article: LabelledArticle) -> None:
        """Give an article that stands in several rows, one a topic, the labels of all of them."""
        self.joined += 1
        place = self._places.get(article.id)
        if place is None:
            return
        first = self.articles[place]
        topics = None if first.topics is None else _union(first.topics, article.topics or ())
        self.articles[place] = replace(first, labels=_union(first.labels, article.labels), topics=topics)

    def why_none(self) -> str:
        """Say why there are no articles, where that is known."""
        if self.left_out:
            return " that may be trained on"
        return f": none of its {self.unlabelled:,} rows is labelled" if self.unlabelled else ""


def _union(some: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*some, *more)))


def _text_id(row: Row) -> str:
    """Return an id made of the text, which stays when rows come and go before it."""
    text = f"{row.get('title') or ''}\n{row.get('body') or ''}"
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _is_in_share(id: str, share: float) -> bool:
    place = hashlib.blake2b(f"share\n{id}".encode(), digest_size=8).digest()
    return int.from_bytes(place) < share * 2**64


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]


def _faults(row: Row, known: frozenset[str] | None) -> Iterator[str]:
    identity, body = row.get("id"), row.get("body")
    if not isinstance(identity, str | int) or isinstance(identity, bool) or not str(identity).strip():
        yield "id: missing" if identity is None else f"id: must be text, not {identity!r}"
    if body is not None and not isinstance(body, str):
        yield f"body: must be text, not {type(body).__name__}"
    elif not (body or "").strip() and not str(row.get("title") or "").strip():
        yield "body: empty, and so is the title"
    elif body and len(body) > MAX_BODY:
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
    if iso_day(row.get("date")) is False:
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
        elif not all(is_unicode(one) for one in _names(value or (), name) or ()):
            yield f"{name}: has a lone surrogate: the text was decoded wrongly before it was saved"
    for topic in _names(row.get("topics"), "topics") or () if known is not None else ():
        if topic not in (known or ()):
            yield f"topics: unknown topic {topic!r}"


def _names(value: Any, column: str) -> tuple[str, ...] | None:
    """Read a list of names; in a CSV they are separated by `;` or `|`, topics also by `,`."""
    if isinstance(value, str):
        value = split_names(value, commas=column == "topics")
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        return None
    return tuple(dict.fromkeys(sys.intern(name) for name in value if name))


def _is_probability(value: Any) -> bool:
    try:
        return 0 <= float(value) <= 1
    except (TypeError, ValueError, OverflowError):
        return False


def _article(row: Row) -> LabelledArticle:
    day, probability = iso_day(row.get("date")), row.get("label_prob")
    return LabelledArticle(
        id=str(row["id"]),
        title=row.get("title") or "",
        body=row.get("body") or "",
        labels=_names(row.get("labels") or (), "labels") or (),
        topics=_names(row["topics"], "topics") if row.get("topics") is not None else None,
        date=day if isinstance(day, str) else None,
        language=row.get("language"),
        label_prob=1.0 if probability is None else float(probability),
        optional=_names(row.get("optional") or (), "topics") or (),
    )


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
