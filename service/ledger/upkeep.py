"""What the service does to the ledger on its own: check that it can be written, and forget texts."""

from datetime import UTC, datetime, timedelta

from tagdesk.service.ledger.database import Run, now, timestamp

EVERY = timedelta(hours=1)
"""Time between two turns of regular work."""

_BATCH = 100  # texts that one transaction forgets: others write between two

_TOUCH = (
    "INSERT INTO tagdesk_upkeep (name, due) VALUES ('touched', ?) ON CONFLICT (name) DO UPDATE SET due = excluded.due"
)
_TAKE_TURN = (
    "INSERT INTO tagdesk_upkeep (name, due) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET due = excluded.due"
    " WHERE tagdesk_upkeep.due <= ? OR tagdesk_upkeep.due > ? RETURNING name"
)
_FORGET_TEXTS = (
    "UPDATE tagdesk_corrections SET article = NULL WHERE number IN (SELECT number FROM tagdesk_corrections"
    " WHERE received < ? AND article IS NOT NULL ORDER BY received LIMIT ?) RETURNING number"
)
_FORGET_QUEUED = (
    "DELETE FROM tagdesk_queue WHERE article_id IN (SELECT article_id FROM tagdesk_queue WHERE queued < ? LIMIT ?)"
    " RETURNING article_id"
)


def touch(run: Run) -> None:
    """Write something, to learn whether that can be done."""
    run(_TOUCH, now())


def nothing(run: Run) -> None:
    """Write nothing: if a database could be written before, it is enough that a transaction begins and ends."""


def is_due(run: Run, name: str) -> bool:
    """Tell whether it is this worker's turn to do what only one worker does, once every `EVERY`.

    A due time later than that was written by a clock that ran ahead, and counts as now.
    """
    moment = datetime.now(UTC)
    latest = timestamp(moment + EVERY)
    return bool(run(_TAKE_TURN, name, latest, timestamp(moment), latest))


def forget_texts(run: Run, before: str) -> int:
    """Remove the text from a few corrections, and a few articles from the queue, that came before a time.

    Returns:
        How many; 0 when there are no more.
    """
    return len(run(_FORGET_TEXTS, before, _BATCH)) + len(run(_FORGET_QUEUED, before, _BATCH))
