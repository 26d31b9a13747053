"""Who sends a request, and whether they may: by its key or session, its host, and the page that it comes from."""

import binascii
import hmac
import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache

from tagdesk.service.edge.call import Call, cross_site
from tagdesk.service.edge.cross_site import SAFE_METHODS, is_cross_site
from tagdesk.service.edge.keys import Key, KeyRing
from tagdesk.service.edge.problems import Problem
from tagdesk.service.edge.sessions import Sessions, salt_of, session_tokens

Headers = Mapping[bytes, bytes]

_BEARER = 'Bearer realm="Tagdesk"'
_BASIC = 'Basic realm="Tagdesk", charset="UTF-8", '
_OF_BROWSERS = frozenset({b"sec-fetch-mode", b"accept-language"})


class Access:
    """The door: a request that may not pass raises the problem that answers it.

    Args:
        ring: the keys; None where no key is required.
        sessions: those of the desk, each of which stands for a key where a request brings none.
        hosts: the names that the service answers to where no key is required, in lower case.
    """

    def __init__(self, ring: KeyRing | None, sessions: Sessions, hosts: Iterable[str]) -> None:
        self._ring = ring
        self._sessions = sessions
        self._is_ours = lru_cache(256)(_HostCheck(frozenset(hosts) | {"localhost"}))

    async def admit(self, call: Call) -> None:
        """Let a request pass, and note its key in its call.

        Raises:
            Problem: it may not pass.
        """
        if call.rules.scope is None:
            return
        if self._ring is None:
            self._check_origin(call)
            return
        call.key = await self._key(self._ring, call)
        call.require(call.rules.scope)

    def _check_origin(self, call: Call) -> None:
        """Refuse what another page made a browser send; without keys, any page could.

        A page whose own name was made to point here (DNS rebinding) sends that name as the host; an address cannot be
        made to point elsewhere.
        """
        host = call.headers.get(b"host")
        if host is not None and not self._is_ours(host):
            raise Problem(
                "unknown-host",
                "The request was sent to a name that this service does not go by: use its address, or list the "
                "name in TAGDESK_HOSTS.",
            )
        if not call.shared:
            _check_site(call)

    async def _key(self, ring: KeyRing, call: Call) -> Key:
        name, token = credentials(call.headers)
        if not token and (sessions := session_tokens(call.headers)):
            _check_site(call)
            key = ring.of_salt(salt_of(sessions[0]))
            if key is not None and not await self._sessions.is_valid(sessions[0]):
                key = None
        else:
            key = ring.find(token)
            if key is not None and name and not hmac.compare_digest(name, key.name.encode()):
                key = None
        if key is None:
            raise _unknown_key(token, call.headers) if ring.usable else _no_keys()
        return key


class _HostCheck:
    """Tells whether a `Host` is an address, or one of the service's names."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def __call__(self, host: bytes) -> bool:
        name = host.decode("latin-1").strip().lower()
        if name.startswith("["):
            name = name[1:].partition("]")[0]
        elif name.count(":") == 1:
            name = name.partition(":")[0]
        if name.removesuffix(".") in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def credentials(headers: Headers) -> tuple[bytes, bytes]:
    """Return the name and the key of a request: from `X-API-Key`, else `Authorization: Bearer` or `Basic`.

    Basic is not accepted from pages: a browser that remembers it adds it to whatever another site's page makes it
    send, and names that page's origin.

    Returns:
        The name, `b""` except with Basic, and the key, `b""` where there is none.
    """
    if (key := headers.get(b"x-api-key")) is not None:
        return b"", key.strip()
    scheme, _, rest = headers.get(b"authorization", b"").partition(b" ")
    scheme = scheme.lower()
    if scheme == b"bearer":
        return b"", rest.strip()
    return _basic(rest.strip()) if scheme == b"basic" and b"origin" not in headers else (b"", b"")


def _basic(encoded: bytes) -> tuple[bytes, bytes]:
    try:
        name, _, token = binascii.a2b_base64(encoded, strict_mode=True).partition(b":")
    except binascii.Error:
        return b"", b""
    return name, token


def _check_site(call: Call) -> None:
    """Refuse a request that may change something and comes from another site's page."""
    if (call.rules.changes or call.method not in SAFE_METHODS) and is_cross_site(call.headers):
        raise cross_site()


def _no_keys() -> Problem:
    return Problem("not-ready", "The keys cannot be read: try again soon.", headers={"Retry-After": "5"})


def _unknown_key(token: bytes, headers: Headers) -> Problem:
    if token:
        detail, error = "The key is not known here: it may be revoked, or mistyped.", ', error="invalid_token"'
    else:
        detail, error = "This needs a key: send it as Authorization: Bearer KEY, or as X-API-Key: KEY.", ""
    # A browser that is offered Basic would ask for a key in a window of its own, and keep it until it is closed.
    basic = _BASIC if _OF_BROWSERS.isdisjoint(headers) else ""
    return Problem("unknown-key", detail, headers={"WWW-Authenticate": f"{basic}{_BEARER}{error}"})
