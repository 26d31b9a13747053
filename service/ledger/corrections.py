"""Corrections: appended once, read back whole; their texts can be forgotten, and they can be erased."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from tagdesk.models import Article, ArticleError
from tagdesk.service.ledger.database import FeedbackConflict, Row, Rows, Run, Stream, now

_JSON = frozenset({"article", "topics", "accepted", "rejected", "added", "missing", "unconfirmed"})


@dataclass(frozen=True, slots=True)
class Correction:
    """An editor's correction of one article; its fields are the table's columns.

    A topic that is in none of the lists was not judged, unless the correction is complete.

    Attributes:
        id: the client's id for it.
        article_id: the article's id.
        article: its fields as they were sent, without the id; None if they are not kept.
        topics: ids of the correct topics.
        accepted: those of the model's topics that the editor accepted, None if that was not sent.
        rejected: those of the model's topics that the editor rejected.
        added: topics that the model did not give.
        editor: who corrected.
        model: name and version of the model that answered.
        sender: name of the key that sent it, None if no keys are required.
        complete: the editor went through the article as a whole: what is not in `topics` is wrong.
        missing: names of topics that the editor misses and the model does not have.
        unconfirmed: what was stored as `accepted` and `rejected` before there was a third state, whether or not anybody
            had looked.
    """

    id: str
    article_id: str
    article: Mapping[str, str] | None
    topics: Sequence[str]
    accepted: Sequence[str] | None
    rejected: Sequence[str] | None
    added: Sequence[str] | None
    editor: str | None
    model: str
    sender: str | None = None
    complete: bool = False
    missing: Sequence[str] | None = None
    unconfirmed: Mapping[str, Sequence[str]] | None = None

    @classmethod
    def from_row(cls, row: Row) -> "Correction":
        """Return the correction of a row of the table."""
        columns = dict(zip(_NAMES, row, strict=True))
        columns["complete"] = bool(columns["complete"])
        return cls(**{name: json.loads(value) if value and name in _JSON else value for name, value in columns.items()})

    def row(self) -> Row:
        """Return it as a row of the table."""
        values = {name: getattr(self, name) for name in _NAMES} | {"complete": int(self.complete)}
        return tuple(
            json.dumps(value) if value is not None and name in _JSON else value for name, value in values.items()
        )

    def digest(self) -> str:
        """Return the SHA-256 of the content, which tells a repetition from a conflict.

        The sender is not part of it: what a second key sends again is the same correction. Nor is what earlier versions
        did not know: topics alone, or verdicts alone, still have the digest that they had then.
        """
        content = asdict(self)
        for name in ("sender", "unconfirmed"):
            del content[name]
        lists_sent = (self.accepted, self.rejected, self.added) != (None, None, None)
        if not (self.complete and lists_sent):  # topics alone are always complete
            del content["complete"]
        if self.missing is None:
            del content["missing"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


_NAMES = tuple(field.name for field in fields(Correction))
_COLUMNS = ", ".join(_NAMES)

# The statements; their placeholders stand in the order of the columns.
_PLACES = ", ".join("?" for _ in ("digest", "received", *_NAMES))
_APPEND = (
    f"INSERT INTO tagdesk_corrections (digest, received, {_COLUMNS}) VALUES ({_PLACES})"  # noqa: S608
    " ON CONFLICT (id) DO NOTHING RETURNING received"
)
_NO_LONGER_WAITS = "DELETE FROM tagdesk_queue WHERE article_id = ?"
_BEFORE = "SELECT digest, received FROM tagdesk_corrections WHERE id = ?"
_IS_LATEST = (
    "NOT EXISTS (SELECT 1 FROM tagdesk_corrections later WHERE later.article_id = correction.article_id"
    " AND later.number > correction.number AND later.erased IS NULL)"
)
_EXPORT = (
    f"SELECT received, {_IS_LATEST}, {_COLUMNS} FROM tagdesk_corrections correction"  # noqa: S608
    " WHERE erased IS NULL ORDER BY number"
)
_OWN = "coalesce(editor, sender, '') = ?"
_COUNTS = (
    f"SELECT count(CASE WHEN {_OWN} THEN 1 END), count(DISTINCT CASE WHEN {_OWN} THEN article_id END),"  # noqa: S608
    " count(*), count(DISTINCT article_id) FROM tagdesk_corrections WHERE received >= ? AND erased IS NULL"
)
_BETWEEN = "FROM tagdesk_corrections WHERE received >= ? AND received < ? AND erased IS NULL{}"
_MADE_UNDER = " AND substr(model, 1, ?) = ?"  # only where it is asked for: it has to look into the table
_NEWEST = f"{_BETWEEN} ORDER BY received DESC, number DESC LIMIT ?"
_NUMBER_BETWEEN = f"SELECT count(*) {_BETWEEN}"
_VERDICTS = f"SELECT article_id, topics, accepted, rejected, missing {_NEWEST}"
_ARTICLES = f"SELECT article_id, article, topics {_NEWEST}"
# The numbers are looked up in the index that counts: the table's rows have the texts, which take long to walk through.
_ERASE = (
    "UPDATE tagdesk_corrections SET erased = ?, digest = NULL, article_id = NULL, article = NULL, topics = '[]',"
    " accepted = NULL, rejected = NULL, added = NULL, missing = NULL, unconfirmed = NULL, editor = NULL, model = '',"
    " sender = NULL WHERE number IN"
    " (SELECT number FROM tagdesk_corrections WHERE {} = ? AND erased IS NULL) RETURNING number"
)
_NO_LONGER_TAKEN = "UPDATE tagdesk_queue SET taken_by = NULL, taken_until = NULL WHERE taken_by = ?"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt for a correction.

    Attributes:
        id: the correction's.
        article: the article's id.
        received: when it first arrived, UTC.
        repeated: whether it had been stored already.
    """

    id: str
    article: str
    received: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a correction says, without its article.

    Attributes:
        article_id: the article's id.
        topics: ids of the correct topics.
        accepted: those of the model's topics that the editor accepted.
        rejected: those of the model's topics that the editor rejected.
        missing: names of topics that the editor misses.
    """

    article_id: str
    topics: Sequence[str]
    accepted: Sequence[str]
    rejected: Sequence[str]
    missing: Sequence[str]

    @classmethod
    def from_row(cls, row: Row) -> "Verdict":
        """Return the verdict of a row."""
        article_id, *lists = row
        return cls(article_id, *(json.loads(names) if names else () for names in lists))


@dataclass(frozen=True, slots=True)
class Period:
    """The corrections of a period.

    Attributes:
        begin: when it begins, as `timestamp` writes it.
        end: when it ends, exclusive.
        made_under: how the name and version of the model begin under which they were made; "" for any.
    """

    begin: str
    end: str
    made_under: str = ""

    def select(self, rows: Stream, statement: str, *values: object) -> Iterator[Row]:
        """Run a statement on the period's corrections."""
        if not self.made_under:
            return iter(rows(statement.format(""), self.begin, self.end, *values))
        made_under = len(self.made_under), self.made_under
        return iter(rows(statement.format(_MADE_UNDER), self.begin, self.end, *made_under, *values))


def article_fields(article: Article) -> dict[str, str]:
    """Return the fields of an article that were sent, without its id."""
    sent = {field.name: getattr(article, field.name) for field in fields(article) if field.name != "id"}
    return {name: value for name, value in sent.items() if value}


def append(run: Run, correction: Correction, *, keep_text: bool) -> Receipt:
    """Store a correction, unless it is there already; its article no longer waits.

    Raises:
        FeedbackConflict: there is a correction with this id and other content.
    """
    digest = correction.digest()
    row = correction if keep_text else replace(correction, article=None)
    if added := run(_APPEND, digest, now(), *row.row()):
        run(_NO_LONGER_WAITS, correction.article_id)
        return Receipt(correction.id, correction.article_id, added[0][0], repeated=False)
    ((before, received),) = run(_BEFORE, correction.id)
    if before not in (digest, None):  # None: it was erased, and stays so
        raise FeedbackConflict("this id belongs to other feedback: send the correction under an id of its own")
    return Receipt(correction.id, correction.article_id, received, repeated=True)


def export(rows: Stream, *, latest: bool) -> Iterator[dict[str, Any]]:
    """Yield the corrections that are not erased, in the order in which they came.

    Args:
        rows: reads the database.
        latest: only the latest of each article.
    """
    for received, is_latest, *row in rows(_EXPORT):
        if is_latest or not latest:
            yield _exported(Correction.from_row(tuple(row)), received, is_latest=bool(is_latest))


def counts(rows: Rows, since: str, editor: str | None) -> dict[str, dict[str, int]]:
    """Return how many corrections of how many articles came since then: the editor's own, and all.

    An editor's own corrections are those in the editor's name, and those without a name from the key of that name.
    """
    who = editor or ""
    ((own, own_articles, number, articles),) = rows(_COUNTS, who, who, since)
    return {
        "own": {"corrections": own, "articles": own_articles},
        "all": {"corrections": number, "articles": articles},
    }


def number_between(rows: Stream, period: Period) -> int:
    """Return how many corrections came in a period."""
    ((number,),) = period.select(rows, _NUMBER_BETWEEN)
    return int(number)


def verdicts_between(rows: Stream, period: Period, most: int) -> Iterator[Verdict]:
    """Yield the verdicts of a period's corrections, the newest first."""
    return map(Verdict.from_row, period.select(rows, _VERDICTS, most))


def articles_between(rows: Stream, period: Period, most: int) -> Iterator[tuple[Mapping[str, str], Sequence[str]]]:
    """Yield the fields of the articles that were corrected in a period, each once, and their topics; newest first."""
    seen: set[str] = set()
    for article_id, article, topics in period.select(rows, _ARTICLES, most):
        if article and article_id not in seen:
            yield json.loads(article), json.loads(topics)
        seen.add(article_id)


def erase(run: Run, column: Literal["article_id", "editor", "sender"], value: str) -> int:
    """Erase the corrections of an article, an editor or a key: only number, id and days stay.

    Returns:
        How many there were.
    """
    erased = run(_ERASE.format(column), now(), value)
    run(_NO_LONGER_WAITS if column == "article_id" else _NO_LONGER_TAKEN, value)
    return len(erased)


def _exported(correction: Correction, received: str, *, is_latest: bool) -> dict[str, Any]:
    article = correction.article
    return {
        "id": correction.article_id,
        "title": article.get("title", "") if article else None,
        "body": _plain(article) if article else None,
        "language": article.get("language") if article else None,
        "topics": correction.topics,
        "date": received[:10],
        "editor": correction.editor,
        "sender": correction.sender,
        "model": correction.model,
        "accepted": correction.accepted,
        "rejected": correction.rejected,
        "added": correction.added,
        "complete": correction.complete,
        "missing": correction.missing,
        "unconfirmed": correction.unconfirmed,
        "feedback": correction.id,
        "received": received,
        "latest": is_latest,
    }


def _plain(article: Mapping[str, str]) -> str | None:
    """Return the body as training reads it; of HTML, the text that the model reads."""
    if "body_html" not in article:
        return article.get("body", "")
    try:
        return Article(body_html=article["body_html"]).text().body
    except ArticleError:  # a title alone, or what a later cleaner refuses
        return ""
