"""Signing in at the desk: a key becomes a cookie that scripts cannot read and that other sites cannot use.

The cookie holds the key's salt and 256 random bits; the ledger has its SHA-256 and when it ends. So every worker knows
the session, signing out ends it everywhere, and it ends with its key. Without a valid salt a request is refused before
the ledger is asked.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from starlette.responses import Response

from tagdesk.service.edge.keys import Key
from tagdesk.service.ledger import sessions
from tagdesk.service.ledger.ledger import Ledger
from tagdesk.service.ledger.sessions import SESSION

_COOKIE = "tagdesk_session"
_COOKIE_OF_TLS = f"__Host-{_COOKIE}"  # which a neighbouring domain cannot set
_SALT = 16  # characters
_LENGTH = _SALT + 43  # those of 256 bits


class Sessions:
    """The desk's sessions.

    Args:
        ledger: where they are stored.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def begin(self, key: Key) -> str:
        """Return the token of a session that begins now.

        Raises:
            LedgerError: it cannot be stored.
        """
        token = key.salt + secrets.token_urlsafe(32)
        ends = datetime.now(UTC) + SESSION
        await self._ledger.write(partial(sessions.begin, token_hash=_digest(token), salt=key.salt, ends=ends))
        return token

    async def is_valid(self, token: str) -> bool:
        """Tell whether there is such a session now.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        find = partial(sessions.salt_of, token_hash=_digest(token), now=datetime.now(UTC))
        return await self._ledger.read(find) == token[:_SALT]

    async def end(self, token: str) -> None:
        """End a session, in all workers.

        Raises:
            LedgerError: it cannot be written.
        """
        await self._ledger.write(partial(sessions.end, token_hash=_digest(token)))


def session_tokens(headers: Mapping[bytes, bytes]) -> list[str]:
    """Return the session tokens in a request's cookies; the first counts, that of TLS."""
    cookies: dict[str, str] = {}
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, content = part.strip().partition("=")
        cookies.setdefault(name, content)
    tokens = (cookies.get(name, "") for name in (_COOKIE_OF_TLS, _COOKIE))
    return [token for token in tokens if len(token) == _LENGTH and token.isascii()]


def salt_of(token: str) -> bytes:
    """Return the salt of the key that a session's token stands for."""
    return token[:_SALT].encode()


def set_cookie(response: Response, token: str, *, tls: bool) -> None:
    """Set a session's cookie in the browser; an empty token removes both cookies.

    Args:
        response: the answer that carries it.
        token: the session's.
        tls: whether the browser uses TLS, and is to send the cookie over nothing else.
    """
    seconds = int(SESSION.total_seconds()) if token else 0
    names = [_COOKIE_OF_TLS if tls else _COOKIE] if token else [_COOKIE_OF_TLS, _COOKIE]
    for name in names:
        secure = name == _COOKIE_OF_TLS
        response.set_cookie(name, token, max_age=seconds, path="/", secure=secure, httponly=True, samesite="strict")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
