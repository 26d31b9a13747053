"""What a request's head must be for the request to be read: HTTP/1.0 or 1.1, with one Host, and not too large."""

from collections.abc import Sequence
from itertools import chain

from tagdesk.service.edge.problems import Problem

MAX_HEAD = 32 * 1024
"""Most bytes of a request's target and headers, and of the trailers after its body."""

MAX_HEADERS = 100


def head_fault(version: str, url: bytes, headers: Sequence[tuple[bytes, bytes]], received: int) -> Problem | None:
    """Return what is wrong with a head, or None.

    Args:
        version: what follows `HTTP/`.
        url: the target.
        headers: names in lower case, and values.
        received: bytes in which the head arrived, including what was before it in the same packet.
    """
    # Added up only if it can be too much: this runs for every request.
    if len(headers) > MAX_HEADERS or (received > MAX_HEAD and _size(url, headers) > MAX_HEAD):
        return head_too_large()
    if version not in ("1.0", "1.1"):
        return Problem("invalid-http", "The request has another version: send HTTP/1.1.")
    names = [name for name, _ in headers]
    if version == "1.1" and names.count(b"host") != 1:
        return Problem("invalid-http", "The request has no Host header, or several: send one.")
    if b"transfer-encoding" in names:
        encodings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
        if version == "1.0" or encodings != [b"chunked"]:
            return Problem("invalid-http", "The only Transfer-Encoding is chunked, and HTTP/1.0 has none.")
    return None


def head_too_large() -> Problem:
    """Return the problem of headers or trailers that are too large."""
    detail = f"The request has more than {MAX_HEADERS} headers, or {MAX_HEAD:,} bytes of them: send fewer."
    return Problem("head-too-large", detail)


def _size(url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(map(len, chain.from_iterable(headers)))
