"""The sessions of the desk: what a cookie's token stands for, until it ends or is ended."""

from datetime import UTC, datetime, timedelta

from tagdesk.service.ledger.database import Run, Stream, timestamp

SESSION = timedelta(hours=12)
"""How long a session lasts at most; a session that ends later was begun by a clock that ran ahead, and is over."""

_OVER = "(ends <= ? OR ends > ?)"
_FORGET = f"DELETE FROM tagdesk_sessions WHERE {_OVER}"  # noqa: S608
_BEGIN = "INSERT INTO tagdesk_sessions (token_hash, salt, ends) VALUES (?, ?, ?)"
_SALT = f"SELECT salt FROM tagdesk_sessions WHERE token_hash = ? AND NOT {_OVER}"  # noqa: S608
_END = "DELETE FROM tagdesk_sessions WHERE token_hash = ?"


def begin(run: Run, token_hash: str, salt: str, ends: datetime) -> None:
    """Store a session, and forget those that are over.

    Args:
        run: runs a statement.
        token_hash: of the cookie's token, which itself is stored nowhere.
        salt: of the key that signed in.
        ends: when it is over, at most `SESSION` from now.
    """
    run(_FORGET, *_span(datetime.now(UTC)))
    run(_BEGIN, token_hash, salt, timestamp(ends))


def salt_of(rows: Stream, token_hash: str, now: datetime) -> str | None:
    """Return the salt of the key that signed in, None if there is no such session or it is over."""
    return next((salt for (salt,) in rows(_SALT, token_hash, *_span(now))), None)


def end(run: Run, token_hash: str) -> None:
    """Forget a session."""
    run(_END, token_hash)


def _span(moment: datetime) -> tuple[str, str]:
    return timestamp(moment), timestamp(moment + SESSION)
