"""The queue: articles that wait for an editor, the least certain first."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from service.ledger.database import Run, now, timestamp

TAKEN = timedelta(minutes=15)
"""How long an article belongs to the editor who asked for it."""

_FREE = "(taken_until IS NULL OR taken_until <= ? OR taken_by = ?)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An article that waits.

    Attributes:
        article_id: its id.
        article: its fields as they were sent, without the id.
        model: name and version of what is uncertain.
        certainty: how far the nearest confidence is from its cut-off.
    """

    article_id: str
    article: Mapping[str, str]
    model: str
    certainty: float


def put(run: Run, waiting: Waiting) -> str:
    """Let an article wait, in place of one of the same id; return since when."""
    queued = now()
    run(
        "INSERT INTO tagdesk_queue (article_id, article, model, certainty, queued) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (article_id) DO UPDATE SET article = excluded.article, model = excluded.model,"
        " certainty = excluded.certainty, queued = excluded.queued",
        waiting.article_id,
        json.dumps(waiting.article),
        waiting.model,
        waiting.certainty,
        queued,
    )
    return queued


def take(run: Run, editor: str | None, after: str | None) -> dict[str, Any]:
    """Return the least certain article that no other editor has, and keep it for this one.

    Args:
        run: runs a statement.
        editor: who asks; nothing is kept for None.
        after: id of an article, given back, whose successor is asked for.
    """
    who = editor or ""
    place: tuple[float, str] = (-1.0, "")
    if after is not None:
        run("UPDATE tagdesk_queue SET taken_until = NULL WHERE article_id = ? AND taken_by = ?", after, who)
        for certainty, article_id in run("SELECT certainty, article_id FROM tagdesk_queue WHERE article_id = ?", after):
            place = (certainty, article_id)
    found = next(filter(None, (_take(run, who, place) for _ in range(3))), None)  # another worker may have been faster
    ((waiting,),) = run("SELECT count(*) FROM tagdesk_queue")
    if found is None:
        return {"article": None, "model": None, "certainty": None, "queued": None, "waiting": waiting}
    article_id, article, model, certainty, queued = found
    kept = {"id": article_id, **json.loads(article)}
    return {"article": kept, "model": model, "certainty": certainty, "queued": queued, "waiting": waiting}


def _take(run: Run, who: str, place: tuple[float, str]) -> tuple[Any, ...] | None:
    moment = datetime.now(UTC)
    free = (timestamp(moment), who)
    rows = run(
        "UPDATE tagdesk_queue SET taken_by = ?, taken_until = ? WHERE article_id = (SELECT article_id FROM"  # noqa: S608
        f" tagdesk_queue WHERE (certainty, article_id) > (?, ?) AND {_FREE} ORDER BY certainty, article_id LIMIT 1)"
        f" AND {_FREE} RETURNING article_id, article, model, certainty, queued",
        who,
        timestamp(moment + TAKEN) if who else free[0],
        *place,
        *free,
        *free,
    )
    return rows[0] if rows else None


def count(run: Run) -> int:
    """Return how many articles wait."""
    ((waiting,),) = run("SELECT count(*) FROM tagdesk_queue")
    return int(waiting)
