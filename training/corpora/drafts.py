"""Rows to articles: what says nothing is left out and counted, rows of one article are joined, ids that are none go."""

import hashlib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tagdesk.formats import Row
from tagdesk.formats.dates import DateColumn
from tagdesk.models.errors import ArticleTooLong, EmptyArticle
from tagdesk.models.reading.article import MAX_BODY, MAX_TITLE, Article, is_unicode
from tagdesk.training.corpora.labelling import LabelColumns

_LEAD = 60

_MOST_REVISIONS = 50
"""An id of more texts is none."""

_MOST_OF_A_TITLE = 3
"""An id of more texts that have only the title in common is none: `Brief`."""


PLAIN: tuple[str | None, float, tuple[str, ...]] = (None, 1.0, ())
"""Language, label_prob and optional topics of most articles: one object for all of them."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A row that may be an article, before the file is read to its end.

    Attributes:
        number: of the row.
        id: as the file has it; empty where it has none.
        title: plain text; empty where texts are not kept.
        body: plain text or HTML; empty where texts are not kept.
        size: length of title and body.
        bodiless: whether there is a title only.
        marks: what tells the text from others, see `_marks`.
        cells: what may be its topics, see `LabelColumns.read`.
        date: as the file has it.
        rest: language, label_prob and optional, see `LabelledArticle`.
    """

    number: int
    id: str
    title: str
    body: str
    size: int
    bodiless: bool
    marks: bytes
    cells: tuple[Any, ...]
    date: Any = None
    rest: tuple[str | None, float, tuple[str, ...]] = PLAIN

    @property
    def text_id(self) -> str:
        """An id made of the text, so that it does not change when rows are added or taken away before it."""
        return self.marks[:8].hex()

    def begins_like(self, other: "Draft") -> bool:
        """Whether two texts are one, or begin alike."""
        return self._shares(other, slice(0, 8)) or self._shares(other, slice(12, 16))

    def is_like(self, other: "Draft") -> bool:
        """Whether two texts are one, or revisions of one: the title or the beginning is the same."""
        return self.begins_like(other) or self._shares(other, slice(8, 12))

    def _shares(self, other: "Draft", part: slice) -> bool:
        return any(self.marks[part]) and self.marks[part] == other.marks[part]


@dataclass(slots=True)
class Drafts:
    """The rows of a file that may be articles.

    Attributes:
        labels: the columns that may hold the topics.
        texts: keep titles and bodies.
        share: keep this share of the rows, chosen by their texts.
        rows: how many rows there were.
        without_text: how many of them had no text.
        damaged: how many of them had a text with NUL characters.
        dates: the column of dates.
        usable: the others.
    """

    labels: LabelColumns
    texts: bool = True
    share: float = 1.0
    rows: int = 0
    without_text: int = 0
    damaged: int = 0
    dates: DateColumn = field(default_factory=DateColumn)
    usable: list[Draft] = field(default_factory=list)

    def add(self, number: int, row: Row) -> list[str]:
        """Add a row; return its faults, with any of which it is not added."""
        self.rows += 1
        if faults := list(_faults(row)):
            return faults
        cells = self.labels.read(row["cells"])
        if isinstance(cells, str):
            return [cells]
        title, body = row.get("title") or "", row.get("body") or ""
        if "\0" in title or "\0" in body:
            self.damaged += 1
            return []
        if not _has_text(title, body):
            self.without_text += 1
            return []
        self.dates.look(row.get("date"))
        marks = _marks(title, body)
        if self.share < 1 and int.from_bytes(marks[:8]) >= self.share * 2**64:
            return []
        identity, probability = row.get("id"), row.get("label_prob")
        rest = (
            row.get("language"),
            1.0 if probability is None else float(probability),
            tuple(row.get("optional") or ()),
        )
        self.usable.append(
            Draft(
                number,
                "" if identity is None else str(identity).strip(),
                title if self.texts else "",
                body if self.texts else "",
                len(title) + len(body),
                not body.strip(),
                marks,
                cells,
                sys.intern(day) if type(day := row.get("date")) is str else day,
                PLAIN if rest == PLAIN else rest,
            )
        )
        return []


@dataclass(frozen=True, slots=True)
class Identity:
    """Which rows are one article.

    Attributes:
        joined: how many rows were joined with another of the same text.
        revised: how many rows were left out for a newer one of the same id.
        no_ids: ids that stand for different articles, and for how many.
    """

    joined: int
    revised: int
    no_ids: Counter[str]
    _first: dict[str, Draft]
    _several: dict[str, list[Draft]]

    def take(self) -> Iterator[tuple[str, Sequence[Draft]]]:
        """Yield each article's id and rows, the last article first, and let go of them, as there may be millions.

        The text of the first of the rows is read, and the labels of all of them are the article's.
        """
        while self._first:
            name, draft = self._first.popitem()
            yield name, self._several.pop(name, [draft])


def identify(drafts: Sequence[Draft], dates: DateColumn) -> Identity:
    """Find the rows of each article.

    Rows of one id and one text are one article, with the labels of all of them: a join of articles and labels in a
    database has a row for each. With other texts that are alike, or with another date, they are revisions, and the
    newest counts: by its date and time, else the last. An id of texts that are not alike is no id; their texts make
    one, as where a file has none.
    """
    first, several = _grouped((draft.id or draft.text_id, draft) for draft in drafts)
    no_ids = Counter({name: len(rows) for name, rows in several.items() if not _are_one(rows)})
    if no_ids:
        ids = ((draft.id if draft.id not in no_ids else "", draft) for draft in drafts)
        first, several = _grouped((name or draft.text_id, draft) for name, draft in ids)
    newest = {name: _newest(rows, dates) for name, rows in several.items()}
    joined = sum(len(rows) - 1 for rows in newest.values())
    revised = sum(len(several[name]) - len(rows) for name, rows in newest.items())
    return Identity(joined, revised, no_ids, first, newest)


def _grouped(drafts: Iterable[tuple[str, Draft]]) -> tuple[dict[str, Draft], dict[str, list[Draft]]]:
    """Return the first row of each id, and all rows of ids that have several."""
    first: dict[str, Draft] = {}
    several: dict[str, list[Draft]] = {}
    for name, draft in drafts:
        if first.setdefault(name, draft) is not draft:
            several.setdefault(name, [first[name]]).append(draft)
    return first, several


def _are_one(rows: Sequence[Draft]) -> bool:
    """Say whether the rows of an id are one article: each text is like one before it, and there are not too many."""
    texts = list({row.marks[:8]: row for row in rows}.values())
    if len(texts) > _MOST_REVISIONS:
        return False
    alike = Draft.is_like if len(texts) <= _MOST_OF_A_TITLE else Draft.begins_like
    return all(any(alike(text, other) for other in texts[:i]) for i, text in enumerate(texts) if i)


def _newest(rows: Sequence[Draft], dates: DateColumn) -> list[Draft]:
    """Return the rows of the newest revision."""
    last = max(range(len(rows)), key=lambda i: (dates.moment(rows[i].date), i))
    return [row for row in rows if row.marks[:8] == rows[last].marks[:8] and row.date == rows[last].date]


def _has_text(title: str, body: str) -> bool:
    """Say whether anything is left to read of an article: no text is in `<p></p>`, nor in a page's menu alone."""
    if title.strip() or not body.strip():
        return bool(title.strip())
    try:
        Article(body=body).text()
    except EmptyArticle:
        return False
    except ArticleTooLong:
        return True  # it is refused with its name where it is read
    return True


def _marks(title: str, body: str) -> bytes:
    """Return hashes of the whole text (8 bytes), of the title and of the body's beginning (4 bytes each).

    Four zeros stand for nothing: an empty title, a body too short to have a beginning.
    """
    lead = "".join(filter(str.isalnum, body[: 4 * _LEAD].lower()))[:_LEAD]
    return (
        _hash(f"{title}\n{body}", 8)
        + _hash(" ".join(title.lower().split()), 4)
        + _hash(lead if len(lead) >= _LEAD // 2 else "", 4)
    )


def _hash(text: str, size: int) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=size).digest() if text else bytes(size)


def _faults(row: Row) -> Iterator[str]:
    identity, title, body = row.get("id"), row.get("title"), row.get("body")
    if isinstance(identity, bool) or not isinstance(identity, str | int | float | None):
        yield f"id: must be text or a number, not {type(identity).__name__}"
    for name, value, most in (("title", title, MAX_TITLE), ("body", body, MAX_BODY)):
        if not isinstance(value, str | None):
            yield f"{name}: must be text, not {type(value).__name__}"
        elif value and len(value) > most:
            yield f"{name}: {len(value):,} characters, at most {most:,}"
    if not isinstance(row.get("language"), str | None):
        yield f"language: must be text, not {type(row['language']).__name__}"
    for name, value in (("id", identity), ("title", title), ("body", body)):
        if isinstance(value, str) and not is_unicode(value):
            yield f"{name}: has a lone surrogate: the text was decoded wrongly before it was saved"
    probability = row.get("label_prob")
    if probability is not None and not _is_probability(probability):
        yield f"label_prob: {probability!r} is not a number from 0 to 1"


def _is_probability(value: Any) -> bool:
    try:
        return 0 <= float(value) <= 1
    except (TypeError, ValueError, OverflowError):
        return False
