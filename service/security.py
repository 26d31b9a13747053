"""Who may ask for what: which route needs which scope, the key that a request brings, and headers on every answer."""

import binascii
import hmac
import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.keys import Key, KeyRing
from service.problems import Problem, problem_response
from service.session import DESK_HEADER, SCOPES, Sessions, is_from_desk

ANY = "any"
"""In place of a scope: every key will do."""

SCOPE_OF = {
    "/": None,
    "/desk": None,
    "/desk/session": "feedback",
    "/livez": None,
    "/readyz": None,
    "/openapi.json": None,
    "/problems": None,
    "/v1/tag": "tag",
    "/v1/topics": "tag",
    "/v1/model": "tag",
    "/v1/feedback": "feedback",
    "/v1/feedback/export": "admin",
    "/v1/queue": "feedback",
    "/v1/drift": "feedback",
    "/v1/models": "admin",
    "/v1/models/*/changes": "feedback",
    "/v1/": "tag",
    "/v1/projects": "tag",
    "/v1/projects/*/learn": "feedback",
    "/v1/detect-language": "tag",
    "/integrations/imatrics": "tag",
    "/integrations/imatrics/article/store": "feedback",
    "/integrations/imatrics/article/concept": "feedback",
    "/metrics": "admin",
}
"""The scope that a route and all below it need, None where no key is asked for; what is not listed needs any key.

`*` is the name of any project or version.
"""

_BEARER = 'Bearer realm="Tagdesk"'
_BASIC = 'Basic realm="Tagdesk", charset="UTF-8", '
_OF_BROWSERS = frozenset({b"sec-fetch-mode", DESK_HEADER})
_NAMED = re.compile("(/v1/(?:projects|models)/)[^/]+(?=/)")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
)
_NAMES = frozenset(name for name, _ in _HEADERS)


def scope_needed(path: str) -> str | None:
    """Return the scope that a path needs, `ANY`, or None where no key is asked for."""
    if path.startswith(("/v1/projects/", "/v1/models/")):
        path = _NAMED.sub(r"\1*", path, count=1)
    while path:
        if path in SCOPE_OF:
            return SCOPE_OF[path]
        path = path.rpartition("/")[0]
    return ANY


class SecurityHeaders:
    """Middleware that adds to every answer the security headers that its route did not set."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                present = dict(headers)
                none_yet = _NAMES.isdisjoint(present)
                added = _HEADERS if none_yet else [header for header in _HEADERS if header[0] not in present]
                private = message["status"] >= 400 or scope["path"].startswith("/v1/tag")
                if private and b"cache-control" not in present:
                    added = (*added, (b"cache-control", b"no-store"))
                # Not in place: the list may be that of an answer which is given many times.
                message["headers"] = [*headers, *added]
            await send(message)

        await self.app(scope, receive, send_with_headers)


class RequireKey:
    """Middleware that lets a request pass if its key may do what the route needs, and names the key in the state.

    Args:
        app: what answers.
        ring: the keys; None asks for none.
        sessions: those of the desk, which stand for a key where a request brings none.
    """

    def __init__(self, app: ASGIApp, ring: KeyRing | None, sessions: Sessions) -> None:
        self.app = app
        self._ring = ring
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._ring is not None and scope["type"] == "http" and (needed := scope_needed(scope["path"])):
            name, token = credentials(scope["headers"])
            if not token and (salt := self._sessions.salt(scope["headers"])):
                await self._for_session(scope, receive, send, self._ring.of_salt(salt), needed)
                return
            key = self._ring.find(token)
            if key is None or (name and not hmac.compare_digest(name, key.name.encode())):
                refusal = _unknown(token, scope["headers"]) if self._ring.usable else _no_keys()
                await problem_response(refusal)(scope, receive, send)
                return
            scope.setdefault("state", {})["key"] = key.name
            if needed != ANY and not key.allows(needed):
                await problem_response(_missing(needed))(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _for_session(self, scope: Scope, receive: Receive, send: Send, key: Key | None, needed: str) -> None:
        """Answer a request that brings the desk's cookie alone."""
        refusal = None
        if key is None or not key.allows("feedback"):
            refusal = _unknown(b"", scope["headers"])
        elif needed not in SCOPES and needed != ANY:
            refusal = _missing(needed)
        elif not is_from_desk(scope):
            refusal = Problem("not-from-desk", "The desk's cookie counts only beside the header X-Tagdesk-Desk: 1.")
        else:
            scope.setdefault("state", {})["key"] = key.name
        await (problem_response(refusal) if refusal else self.app)(scope, receive, send)


def credentials(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """Return the name and the key of a request: of `X-API-Key`, else `Authorization: Bearer` or `Basic`.

    Basic is not for pages: a browser that knows it sends it along with what another site's page makes it send, and
    names that page's origin.

    Returns:
        The name, `b""` except with Basic, and the key, `b""` where there is none.
    """
    found, basic, from_page = (b"", b""), False, False
    for name, value in headers:
        if name == b"x-api-key":
            return b"", value.strip()
        if name == b"authorization":
            scheme, _, rest = value.partition(b" ")
            scheme = scheme.lower()
            basic = scheme == b"basic"
            if scheme == b"bearer":
                found = (b"", rest.strip())
            elif basic:
                found = _basic(rest.strip())
        elif name == b"origin":
            from_page = True
    return (b"", b"") if basic and from_page else found


def _basic(encoded: bytes) -> tuple[bytes, bytes]:
    try:
        name, _, token = binascii.a2b_base64(encoded, strict_mode=True).partition(b":")
    except binascii.Error:
        return b"", b""
    return name, token


def _no_keys() -> Problem:
    return Problem("not-ready", "The keys cannot be read: try again soon.", headers={"Retry-After": "5"})


def _unknown(token: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Problem:
    if token:
        detail, error = "The key is not known here: it may be revoked, or mistyped.", ', error="invalid_token"'
    else:
        detail, error = "This needs a key: send it as Authorization: Bearer KEY, or as X-API-Key: KEY.", ""
    # A browser that is offered Basic would ask for a key in a window of its own, and keep it until it is closed.
    basic = "" if any(name in _OF_BROWSERS for name, _ in headers) else _BASIC
    return Problem("unknown-key", detail, headers={"WWW-Authenticate": f"{basic}{_BEARER}{error}"})


def _missing(needed: str) -> Problem:
    challenge = f'{_BEARER}, error="insufficient_scope", scope="{needed}"'
    return Problem(
        "missing-scope",
        f"The key lacks the scope {needed}: ask who runs the service for a key that has it.",
        headers={"WWW-Authenticate": challenge},
    )
