"""Which requests a browser sends on behalf of another site's page; these may change nothing here.

Every current browser says where a request comes from: by `Sec-Fetch-Site` on addresses that it trusts (TLS, loopback),
by `Origin` with everything that may change something. A client that sends neither is not a browser. The algorithm is
that of Go's `http.CrossOriginProtection` and datasette's `csrf.py`: no token, no cookie, and it works without keys.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""

_OWN = frozenset({b"same-origin", b"none"})  # `none`: typed into the address bar, or a bookmark


def is_cross_site(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether another site's page made a browser send a request with these headers.

    Args:
        headers: by their names in lower case.
    """
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None:
        return site not in _OWN
    return origin is not None and _authority(origin) != headers.get(b"host", b"").lower()


def _authority(origin: bytes) -> bytes:
    """Return host and port of an origin as `Host` has them; `b""` of `null` and of what is no origin."""
    try:
        return urlsplit(origin.lower()).netloc
    except ValueError:
        return b""
