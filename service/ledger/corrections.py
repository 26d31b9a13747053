"""Corrections: appended once, read back whole, forgotten in part or erased."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from models import Article, ArticleError
from service.ledger.database import FeedbackConflict, Row, Run, Stream, now

_COLUMNS = "number, id, received, article_id, article, topics, accepted, rejected, added, editor, model"
_LATEST = (
    "NOT EXISTS (SELECT 1 FROM tagdesk_corrections later WHERE later.article_id = one.article_id"
    " AND later.number > one.number AND later.erased IS NULL)"
)
_EXPORT = f"SELECT {_COLUMNS}, {_LATEST} FROM tagdesk_corrections one WHERE erased IS NULL ORDER BY number"  # noqa: S608
_BETWEEN = "received >= ? AND received < ? AND erased IS NULL"
_NEWEST = f"FROM tagdesk_corrections WHERE {_BETWEEN} ORDER BY received DESC, number DESC LIMIT ?"
_FEW = 100


@dataclass(frozen=True, slots=True)
class Correction:
    """What an editor says of one article.

    Attributes:
        id: the client's own for it.
        article_id: which article.
        article: its fields as they were sent, without the id.
        topics: the ids of those that are right.
        accepted: of the model's topics those left, None where that was not sent.
        rejected: of the model's topics those taken away.
        added: topics that the model did not give.
        editor: who corrected.
        model: name and version of what answered.
    """

    id: str
    article_id: str
    article: Mapping[str, str]
    topics: Sequence[str]
    accepted: Sequence[str] | None
    rejected: Sequence[str] | None
    added: Sequence[str] | None
    editor: str | None
    model: str

    def digest(self) -> str:
        """Return the SHA-256 of the content, which tells a repetition from a conflict."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a correction is kept.

    Attributes:
        id: the correction's.
        article: the article's id.
        received: when it came first, UTC.
        repeated: it had been kept already.
    """

    id: str
    article: str
    received: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a correction says, without its article.

    Attributes:
        article_id: which article.
        topics: the ids of those that are right.
        accepted: of the model's topics those left.
        rejected: of the model's topics those taken away.
    """

    article_id: str
    topics: Sequence[str]
    accepted: Sequence[str]
    rejected: Sequence[str]


def article_fields(article: Article) -> dict[str, str]:
    """Return the fields of an article that were sent, without its id."""
    sent = {one.name: getattr(article, one.name) for one in fields(article) if one.name != "id"}
    return {name: value for name, value in sent.items() if value}


def append(run: Run, correction: Correction, *, keep_text: bool) -> Receipt:
    """Keep a correction, unless it is there; its article no longer waits.

    Raises:
        FeedbackConflict: there is one of this id with another content.
    """
    digest = correction.digest()
    added = run(
        "INSERT INTO tagdesk_corrections"
        " (id, digest, received, article_id, article, topics, accepted, rejected, added, editor, model)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING received",
        correction.id,
        digest,
        now(),
        correction.article_id,
        json.dumps(correction.article) if keep_text else None,
        json.dumps(correction.topics),
        *(None if names is None else json.dumps(names) for names in _verdicts(correction)),
        correction.editor,
        correction.model,
    )
    if added:
        run("DELETE FROM tagdesk_queue WHERE article_id = ?", correction.article_id)
        return Receipt(correction.id, correction.article_id, added[0][0], repeated=False)
    ((before, received),) = run("SELECT digest, received FROM tagdesk_corrections WHERE id = ?", correction.id)
    if before not in (digest, None):  # None: it was erased, and stays so
        raise FeedbackConflict("there is other feedback of this id: send a correction of it under an id of its own")
    return Receipt(correction.id, correction.article_id, received, repeated=True)


def export(rows: Stream, *, latest: bool) -> Iterator[dict[str, Any]]:
    """Yield the corrections that are not erased, in the order in which they came.

    Args:
        rows: reads the database.
        latest: of each article the latest alone.
    """
    for row in rows(_EXPORT):
        if row[-1] or not latest:
            yield _exported(row)


def counts(run: Run, since: str, editor: str | None) -> dict[str, dict[str, int]]:
    """Return how many corrections of how many articles there are since then: the editor's own, and all."""
    of_editor = {
        who: (number, articles)
        for who, number, articles in run(
            "SELECT coalesce(editor, ''), count(*), count(DISTINCT article_id) FROM tagdesk_corrections"
            " WHERE received >= ? AND erased IS NULL GROUP BY coalesce(editor, '')",
            since,
        )
    }
    ((number, articles),) = run(
        "SELECT count(*), count(DISTINCT article_id) FROM tagdesk_corrections WHERE received >= ? AND erased IS NULL",
        since,
    )
    own = of_editor.get(editor or "", (0, 0))
    return {
        "own": {"corrections": own[0], "articles": own[1]},
        "all": {"corrections": number, "articles": articles},
    }


def number_between(rows: Stream, begin: str, end: str) -> int:
    """Return how many corrections came from `begin` on and before `end`."""
    ((number,),) = rows(f"SELECT count(*) FROM tagdesk_corrections WHERE {_BETWEEN}", begin, end)  # noqa: S608
    return int(number)


def verdicts_between(rows: Stream, begin: str, end: str, most: int) -> Iterator[Verdict]:
    """Yield what the corrections of a time say, the newest first."""
    columns = "article_id, topics, accepted, rejected"
    for article_id, *lists in rows(f"SELECT {columns} {_NEWEST}", begin, end, most):
        yield Verdict(article_id, *(json.loads(one) if one else () for one in lists))


def articles_between(
    rows: Stream, begin: str, end: str, most: int
) -> Iterator[tuple[Mapping[str, str], Sequence[str]]]:
    """Yield the fields of the articles that were corrected in a time, each once, and their topics; the newest first."""
    seen: set[str] = set()
    for article_id, article, topics in rows(f"SELECT article_id, article, topics {_NEWEST}", begin, end, most):
        if article and article_id not in seen:
            yield json.loads(article), json.loads(topics)
        seen.add(article_id)


def erase(run: Run, column: str, value: str) -> int:
    """Take everything out of the corrections of an article or an editor but number, id and days.

    Args:
        run: runs a statement.
        column: `article_id` or `editor`.
        value: which.

    Returns:
        How many there were.
    """
    erased = run(
        "UPDATE tagdesk_corrections SET erased = ?, digest = NULL, article_id = NULL, article = NULL, topics = '[]',"  # noqa: S608
        f" accepted = NULL, rejected = NULL, added = NULL, editor = NULL, model = '' WHERE {column} = ?"
        " RETURNING number",
        now(),
        value,
    )
    if column == "article_id":
        run("DELETE FROM tagdesk_queue WHERE article_id = ?", value)
    else:
        run("UPDATE tagdesk_queue SET taken_by = NULL, taken_until = NULL WHERE taken_by = ?", value)
    return len(erased)


def forget_texts(run: Run, before: str) -> int:
    """Take the text out of a few corrections, and a few articles out of the queue, that came before a time.

    Returns:
        How many; 0 when there are no more.
    """
    texts = run(
        "UPDATE tagdesk_corrections SET article = NULL WHERE number IN (SELECT number FROM tagdesk_corrections"
        " WHERE received < ? AND article IS NOT NULL ORDER BY received LIMIT ?) RETURNING number",
        before,
        _FEW,
    )
    waiting = run(
        "DELETE FROM tagdesk_queue WHERE article_id IN (SELECT article_id FROM tagdesk_queue"
        " WHERE queued < ? LIMIT ?) RETURNING article_id",
        before,
        _FEW,
    )
    return len(texts) + len(waiting)


def _verdicts(correction: Correction) -> tuple[Sequence[str] | None, ...]:
    return correction.accepted, correction.rejected, correction.added


def _exported(row: Row) -> dict[str, Any]:
    _, feedback, received, article_id, article, topics, accepted, rejected, added, editor, model, latest = row
    kept = json.loads(article) if article else {}
    return {
        "id": article_id,
        "title": kept.get("title", "") if kept else None,
        "body": _plain(kept) if kept else None,
        "language": kept.get("language"),
        "topics": json.loads(topics),
        "date": received[:10],
        "editor": editor,
        "model": model,
        **{
            name: names and json.loads(names)
            for name, names in (("accepted", accepted), ("rejected", rejected), ("added", added))
        },
        "feedback": feedback,
        "received": received,
        "latest": bool(latest),
    }


def _plain(kept: Mapping[str, str]) -> str | None:
    """Return the body as training reads it: of HTML, what the model reads of it."""
    if "body_html" not in kept:
        return kept.get("body", "")
    try:
        return Article(body_html=kept["body_html"]).text().body
    except ArticleError:  # a title alone, or what a later cleaner refuses
        return ""
