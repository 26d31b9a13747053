"""Pages of other origins that may ask for topics (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).

They may only tag: whatever needs another scope is as closed to them as to any page, and the desk's cookie is of no use
to them, as credentials are never allowed. A key is sent as `Authorization: Bearer` or `X-API-Key`.
"""

from collections.abc import Iterable

from starlette.responses import Response

from tagdesk.service.edge.call import Call
from tagdesk.service.edge.cross_site import is_cross_site
from tagdesk.service.settings import ANY_ORIGIN

SCOPE = "tag"
"""The scope of the routes that are shared."""

_HEADERS = "Authorization, Content-Type, X-API-Key, X-Request-ID"
_SHOWN = "ETag, Retry-After, X-Request-ID"
_SECONDS = "600"


class Origins:
    """The origins whose pages may ask.

    Args:
        allowed: as browsers write them, `https://cms.example.org`, in lower case; `*` allows every origin.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(name.encode() for name in allowed)

    def admit(self, call: Call) -> None:
        """Note in a call that it comes from another site's page that may ask, and what the browser is to be told."""
        origin = call.headers.get(b"origin")
        if origin is None or call.rules.scope != SCOPE or not self._allowed or not is_cross_site(call.headers):
            return
        if ANY_ORIGIN.encode() in self._allowed:
            call.shared = ((b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", _SHOWN.encode()))
        elif origin.lower() in self._allowed:
            call.shared = (
                (b"access-control-allow-origin", origin),
                (b"access-control-expose-headers", _SHOWN.encode()),
                (b"vary", b"Origin"),
            )


def is_preflight(call: Call) -> bool:
    """Tell whether a browser asks, for a page that may ask, if the request it is about to send is allowed."""
    return call.method == "OPTIONS" and bool(call.shared) and b"access-control-request-method" in call.headers


def preflight() -> Response:
    """Return the answer to that; it carries no key, and nothing that the request itself will be refused for."""
    headers = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": _HEADERS,
        "Access-Control-Max-Age": _SECONDS,
    }
    return Response(status_code=204, headers=headers)
