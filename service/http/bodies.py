"""A request's body: its content type and length, its bytes within the limits, its JSON."""

from functools import partial
from typing import Any

from starlette.requests import Request

from tagdesk.service.edge.call import call_of
from tagdesk.service.edge.problems import Problem
from tagdesk.service.http.json_reader import read_json
from tagdesk.service.parts import parts_of
from tagdesk.service.threads import in_thread_if_long

BOM = b"\xef\xbb\xbf"

_MAX_DIGITS = 20


async def read_body(request: Request, limit: int) -> bytes:
    """Read a request's body of at most `limit` bytes, whether or not it declares its length.

    FastAPI's own `max_body_size` answers a declared length in plain text, whatever the exception handlers say.

    Raises:
        Problem: it is larger, there is none, or no room for it in memory.
    """
    limits = parts_of(request).limits
    call = call_of(request)
    if (declared_length(request) or 0) > limit:
        raise _too_large(limit)
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        limits.hold(call, len(chunk))
        chunks.append(chunk)
    data = (chunks[0] if len(chunks) == 1 else b"".join(chunks)).removeprefix(BOM)
    if not data or data.isspace():
        raise Problem("empty-request", "The request has no body: send a JSON document.")
    return data


async def read_json_body(request: Request, *, batch: bool = False) -> Any:
    """Read a request's JSON body.

    Args:
        request: the request.
        batch: whether it may be as large as a batch.

    Raises:
        Problem: it is not JSON, or too large.
    """
    check_json(request)
    settings = parts_of(request).settings
    data = await read_body(request, settings.max_batch_body if batch else settings.max_body)
    return await in_thread_if_long(len(data), partial(read_json, data))


def declared_length(request: Request) -> int | None:
    """Return the length that a request declares, None if it comes in chunks."""
    declared = call_of(request).headers.get(b"content-length", b"")
    return int(declared) if declared.isdigit() and len(declared) < _MAX_DIGITS else None


def _too_large(limit: int) -> Problem:
    return Problem("request-too-large", f"The request has more than {limit:,} bytes, the limit here.")


def media_type(request: Request) -> str:
    """Return the request's content type without its parameters, `""` if it has none.

    Raises:
        Problem: the body is compressed: how large it is unpacked is not known before it fills the memory.
    """
    headers = call_of(request).headers
    if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"", b"identity"):
        raise Problem(
            "unsupported-media-type",
            "The request is compressed, which is not supported here: send it without the header Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )
    return headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()


def wrong_media_type(sent: str, *wanted: str) -> Problem:
    """Return the problem of a content type that is not supported here."""
    what = "has no content type" if not sent else "has a content type that is not supported here"
    return Problem(
        "unsupported-media-type",
        f"The request {what}: set the header Content-Type: {' or '.join(wanted)}.",
        headers={"Accept": ", ".join(wanted)},
    )


def is_json(sent: str) -> bool:
    """Tell whether a content type is JSON's, or one built on it."""
    return sent == "application/json" or (sent.startswith("application/") and sent.endswith("+json"))


def check_json(request: Request) -> None:
    """Check that a request declares JSON as its content type.

    Raises:
        Problem: it does not.
    """
    sent = media_type(request)
    if not is_json(sent):
        raise wrong_media_type(sent, "application/json")
