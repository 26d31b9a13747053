"""Signing in at the desk: a key for a cookie that scripts cannot read, and that forged requests cannot use.

The cookie names the key and the end of the session, signed: no worker has to remember it, and it ends with the key.
"""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Iterable

from starlette.types import Scope

from service.keys import Key
from service.settings import SettingsError

COOKIE = "tagdesk_session"
"""The cookie's name."""

DESK_HEADER = b"x-tagdesk-desk"
"""A page of another origin cannot send it: no answer here allows it to (CORS)."""

SECRET = "TAGDESK_SESSION_SECRET"  # noqa: S105 - the variable's name
"""The variable of the secret that all workers share."""

SECONDS = 12 * 3600
"""How long a session lasts: a working day."""

SCOPES = frozenset({"tag", "feedback"})
"""What a session may do, whatever else its key may."""

_LEAST = 32  # characters of a secret


class Sessions:
    """The sessions of the desk.

    Args:
        secret: what they are signed with.
        clock: seconds since the epoch.
    """

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    @classmethod
    def from_environment(cls) -> "Sessions":
        """Return those signed with the secret of the environment, else with one of this process alone."""
        return cls(os.environ.get(SECRET, "").encode() or secrets.token_bytes(32))

    def begin(self, key: Key) -> str:
        """Return the cookie of a session that begins now."""
        content = f"{key.salt}.{int(self._clock()) + SECONDS}"
        return f"{content}.{self._signature(content)}"

    def salt(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the salt of the key of a request's session, `b""` where it has none that is valid now."""
        content, _, signature = _cookie(headers).rpartition(".")
        salt, _, end = content.partition(".")
        if not hmac.compare_digest(self._signature(content).encode(), signature.encode()):
            return b""
        return salt.encode() if int(end) > self._clock() else b""

    def _signature(self, content: str) -> str:
        return hmac.new(self._secret, content.encode(), hashlib.sha256).hexdigest()


def share_secret() -> None:
    """Make the secret that this process's workers will share, where the environment has none.

    Raises:
        SettingsError: the one that it has is too short.
    """
    secret = os.environ.get(SECRET) or secrets.token_hex(_LEAST)
    if len(secret) < _LEAST:
        raise SettingsError(f"{SECRET} has {len(secret)} characters: give {_LEAST} or more, or none")
    os.environ[SECRET] = secret


def is_from_desk(scope: Scope) -> bool:
    """Tell whether a request changes nothing, or was made by the desk's own script."""
    return scope["method"] in {"GET", "HEAD", "OPTIONS"} or any(name == DESK_HEADER for name, _ in scope["headers"])


def _cookie(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"cookie":
            for part in value.decode("latin-1").split(";"):
                key, _, content = part.strip().partition("=")
                if key == COOKIE:
                    return content
    return ""
