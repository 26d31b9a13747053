"""The queue: articles that wait for an editor, the least certain first."""

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tagdesk.models import Article, ArticleError
from tagdesk.service.ledger.database import QueueFull, Row, Rows, Run, now, timestamp

TAKEN = timedelta(minutes=15)
"""How long an article is reserved for the editor who took it."""

MOST = 10_000
"""Most articles that wait."""

_COUNT = "SELECT count(*) FROM tagdesk_queue"
_IS_THERE = "SELECT 1 FROM tagdesk_queue WHERE article_id = ?"
_PUT = (
    "INSERT INTO tagdesk_queue (article_id, article, model, certainty, queued) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (article_id) DO UPDATE SET article = excluded.article, model = excluded.model,"
    " certainty = excluded.certainty, queued = excluded.queued"
)
_GIVE_BACK = "UPDATE tagdesk_queue SET taken_until = NULL WHERE article_id = ? AND taken_by = ?"
_PLACE = "SELECT certainty, article_id FROM tagdesk_queue WHERE article_id = ?"
# If it is taken for longer than `TAKEN` from now, that was written by a clock that ran ahead.
_FREE = "(taken_until IS NULL OR taken_until <= ? OR taken_until > ? OR taken_by = ?)"
_TAKE = (
    "UPDATE tagdesk_queue SET taken_by = ?, taken_until = ? WHERE article_id = {}"  # noqa: S608
    f" AND {_FREE} RETURNING article_id, article, model, certainty, queued"
)
_TAKE_THIS = _TAKE.format("?")
_TAKE_NEXT = _TAKE.format(
    "(SELECT article_id FROM tagdesk_queue WHERE (certainty, article_id) > (?, ?)"  # noqa: S608
    f" AND {_FREE} ORDER BY certainty, article_id LIMIT 1)"
)
_LIST = (
    "SELECT article_id, article, certainty, queued, taken_by, taken_until FROM tagdesk_queue"
    " ORDER BY certainty, article_id LIMIT ?"
)
_NUMBER_TAKEN = "SELECT count(*) FROM tagdesk_queue WHERE taken_until > ? AND taken_until <= ?"
_TRIES = 3  # another worker may be faster
_TITLE = 80
_BEGINNING = 4_000  # characters of a body without a title, in which its first words stand


@dataclass(frozen=True, slots=True)
class Waiting:
    """An article that waits.

    Attributes:
        article_id: its id.
        article: its fields as they were sent, without the id.
        model: name and version of the model that is uncertain.
        certainty: distance of the nearest confidence from its cut-off.
        queued: since when it waits, UTC; None if it does not wait yet.
    """

    article_id: str
    article: Mapping[str, str]
    model: str
    certainty: float
    queued: str | None = None

    @classmethod
    def from_row(cls, row: Row) -> "Waiting":
        """Return the article of a row of the queue."""
        article_id, article, model, certainty, queued = row
        return cls(article_id, json.loads(article), model, certainty, queued)


def put(run: Run, waiting: Waiting) -> str:
    """Let an article wait, in place of one with the same id; return since when.

    Raises:
        QueueFull: none with the same id waits, and `MOST` others do.
    """
    if count(run) >= MOST and not run(_IS_THERE, waiting.article_id):
        raise QueueFull(f"{MOST:,} articles already wait for an editor: correct some, or send fewer")
    queued = now()
    run(_PUT, waiting.article_id, json.dumps(waiting.article), waiting.model, waiting.certainty, queued)
    return queued


def take(run: Run, editor: str | None, after: str | None) -> dict[str, Any]:
    """Return the least certain article that no other editor has, and reserve it for this editor.

    Args:
        run: runs a statement.
        editor: who takes it; for None nothing is reserved.
        after: id of an article that is given back, and whose successor is wanted.
    """
    who = editor or ""
    place: tuple[float, str] = (-1.0, "")
    if after is not None:
        run(_GIVE_BACK, after, who)
        place = next(iter(run(_PLACE, after)), place)
    waiting = next(filter(None, (_take_next(run, who, place) for _ in range(_TRIES))), None)
    if waiting is None:
        return {"article": None, "model": None, "certainty": None, "queued": None, "waiting": count(run)}
    return _taken(run, waiting)


def take_this(run: Run, editor: str | None, article_id: str, after: str | None) -> dict[str, Any] | None:
    """Return this article as `take` does; None if it does not wait, or another editor has it."""
    who = editor or ""
    begin, end = _lease(datetime.now(UTC))
    if after is not None:
        run(_GIVE_BACK, after, who)
    rows = run(_TAKE_THIS, who, end if who else begin, article_id, begin, end, who)
    return _taken(run, Waiting.from_row(rows[0])) if rows else None


def listed(rows: Rows, most: int) -> dict[str, Any]:
    """Return the articles that wait, the least certain first, and how many there are in total.

    Args:
        rows: reads the ledger.
        most: most articles that are listed.
    """
    begin, end = _lease(datetime.now(UTC))
    ((taken,),) = rows(_NUMBER_TAKEN, begin, end)
    articles = []
    for article_id, article, certainty, queued, taken_by, taken_until in rows(_LIST, most):
        is_taken = begin < (taken_until or "") <= end
        articles.append(
            {
                "id": article_id,
                "title": _title(json.loads(article)),
                "certainty": certainty,
                "queued": queued,
                "taken_by": taken_by if is_taken else None,
            }
        )
    return {"waiting": count(rows), "taken": int(taken), "articles": articles}


def _taken(run: Run, waiting: Waiting) -> dict[str, Any]:
    return {
        "article": {"id": waiting.article_id, **waiting.article},
        "model": waiting.model,
        "certainty": waiting.certainty,
        "queued": waiting.queued,
        "waiting": count(run),
    }


def count(rows: Rows) -> int:
    """Return how many articles wait."""
    ((number,),) = rows(_COUNT)
    return int(number)


def _take_next(run: Run, who: str, place: tuple[float, str]) -> Waiting | None:
    begin, end = _lease(datetime.now(UTC))
    free = (begin, end, who)
    rows = run(_TAKE_NEXT, who, end if who else begin, *place, *free, *free)
    return Waiting.from_row(rows[0]) if rows else None


def _lease(begin: datetime) -> tuple[str, str]:
    """Return the beginning and the end of a reservation, as the ledger writes them."""
    return timestamp(begin), timestamp(begin + TAKEN)


def _title(article: Mapping[str, str]) -> str:
    """Return an article's title, or its first words where it has none."""
    if title := article.get("title", "").strip():
        return title
    field, body = ("body_html", article["body_html"]) if "body_html" in article else ("body", article.get("body", ""))
    try:
        words = Article(**{field: body[:_BEGINNING]}).text().body
    except ArticleError:  # what a later cleaner refuses
        return ""
    return textwrap.shorten(words, _TITLE, placeholder=" …")
