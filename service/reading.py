"""From a request's bytes to articles: size, content type, JSON and fields, each refused with what to do."""

import json
import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json
from starlette.requests import Request

from models.article import Article
from service.dialects.articles import translated
from service.problems import Problem, pointer
from service.schemas import ArticleIn

BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile("[\ud800-\udfff]")
_FIELDS = frozenset(ArticleIn.model_fields)
_MAX_SEARCHED = 1024 * 1024  # beyond, the pointer is not worth the time that it takes from other requests
_MAX_WARNINGS = 10
_MAX_NAME = 64
_MAX_DIGITS = 20


async def read_body(request: Request, limit: int) -> bytes:
    """Read a request's body of at most `limit` bytes, whether or not it declares its length.

    FastAPI's own `max_body_size` answers a declared length in plain text, whatever the exception handlers say.

    Raises:
        Problem: it is larger, or there is none.
    """
    if (declared_length(request) or 0) > limit:
        raise _too_large(limit)
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    data = b"".join(chunks).removeprefix(BOM)
    if not data or data.isspace():
        raise Problem("empty-request", "The request has no body: send the article as a JSON object.")
    return data


def declared_length(request: Request) -> int | None:
    """Return the length that a request declares, None where it comes in chunks."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() and len(declared) < _MAX_DIGITS else None


def _too_large(limit: int) -> Problem:
    return Problem("request-too-large", f"The request has more than {limit:,} bytes, the most that is read here.")


def media_type(request: Request) -> str:
    """Return the request's content type without its parameters, `""` where it has none.

    Raises:
        Problem: the body is compressed: what it unpacks to is not known before it fills the memory.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Problem(
            "unsupported-media-type",
            "The request is compressed, which is not read here: send it without the header Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def wrong_media_type(sent: str, *wanted: str) -> Problem:
    """Return the problem of a content type that is not read here."""
    what = "has no content type" if not sent else "has a content type that is not read here"
    return Problem(
        "unsupported-media-type",
        f"The request {what}: set the header Content-Type: {' or '.join(wanted)}.",
        headers={"Accept": ", ".join(wanted)},
    )


def is_json(sent: str) -> bool:
    """Tell whether a content type is JSON's, or one built on it."""
    return sent == "application/json" or (sent.startswith("application/") and sent.endswith("+json"))


def read_json(data: bytes, line: int = 1) -> Any:
    """Parse JSON (RFC 8259: no NaN, no lone surrogates, UTF-8).

    Args:
        data: the document.
        line: the number of its first line, for the error.

    Raises:
        Problem: it is not JSON; the detail says where.
    """
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise _diagnosis(data, str(error), line) from None


def _diagnosis(data: bytes, message: str, line: int) -> Problem:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return Problem(
            "invalid-json", f"Line {line}: byte {error.start + 1:,} is not UTF-8: send JSON encoded as UTF-8."
        )
    if "recursion" in message:
        return Problem("invalid-json", f"Line {line}: the JSON is nested too deep: send the article's fields only.")
    try:
        place = _refused(json.loads(text, parse_constant=_Constant)) if len(data) <= _MAX_SEARCHED else None
    except (ValueError, RecursionError):
        place = None
    if place is not None:
        where, detail = place
        return Problem("invalid-json", f"Line {line}: {detail}.", [{"pointer": where, "detail": detail}])
    return Problem("invalid-json", f"{message.replace('at line 1 ', f'at line {line} ')}: correct the JSON there.")


class _Constant:
    """`NaN`, `Infinity` or `-Infinity`, where Python reads them and JSON has no such value."""

    def __init__(self, name: str) -> None:
        self.name = name


def _refused(value: Any, *path: str | int) -> tuple[str, str] | None:
    """Return the pointer and the fault of the first value that Python's parser takes and JSON does not."""
    if isinstance(value, _Constant):
        return pointer(*path), f"{value.name} is no JSON value: send a number or null"
    if isinstance(value, str) and _SURROGATE.search(value):
        return pointer(*path), "half of a surrogate pair (\\ud800 to \\udfff): send both halves, or the character"
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        if any(_SURROGATE.search(name) for name in value):
            return pointer(*path), "a field's name has half of a surrogate pair: send both halves"
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for step, item in items:
        if isinstance(item, str | dict | list | _Constant) and (fault := _refused(item, *path, step)):
            return fault
    return None


def read_article(row: Any) -> tuple[Article, list[str]]:
    """Read an article from JSON values: in the fields of `ArticleIn`, or as another system writes it.

    Returns:
        The article, and a warning for each of the first fields it does not know.

    Raises:
        Problem: it is no object, or a field is of the wrong kind.
        ArticleError: none or both bodies, or a field over its cap.
    """
    if not isinstance(row, dict):
        raise Problem(
            "invalid-article",
            f"An article is a JSON object with title and body, not {_kind(row)}.",
            [{"pointer": pointer(), "detail": "must be an object"}],
        )
    unknown = [name for name in row if name not in _FIELDS]
    if unknown and (other := translated(row)) is not None:
        row, unknown = other, []
    try:
        sent = ArticleIn.model_validate(row)
    except ValidationError as error:
        raise _wrong_fields(error) from None
    article = Article(
        title=sent.title or "",
        body=sent.body,
        body_html=sent.body_html,
        id=sent.id,
        language=sent.language,
        url=sent.url,
    )
    return article, [f"unknown-field: {name[:_MAX_NAME]}" for name in unknown[:_MAX_WARNINGS]]


def _wrong_fields(error: ValidationError) -> Problem:
    faults = [
        {"pointer": pointer(*one["loc"]), "detail": one["msg"]}
        for one in error.errors(include_input=False, include_context=False, include_url=False)
    ]
    names = ", ".join(fault["pointer"] for fault in faults)
    return Problem("invalid-article", f"Correct {names}.", faults)


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "an array: send several articles to /v1/tag/batch"
    return "null" if value is None else {str: "a string", bool: "true or false"}.get(type(value), "a number")


def read_id(row: Any) -> str | None:
    """Return the id of a bad article where it can be read."""
    given = row.get("id") if isinstance(row, dict) else None
    try:
        return ArticleIn(id=given).id
    except ValidationError:
        return None
