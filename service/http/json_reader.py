"""JSON, checked before it is parsed, and refused with the place of the fault."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic_core import from_json

from tagdesk.service.edge.problems import Problem, pointer

MOST_VALUES = 250_000
"""Most values of a JSON document: an empty list takes two bytes to send and sixty to keep."""

MOST_TOKENS = 4 * MOST_VALUES
"""Most strings, brackets and commas that are looked at in a document."""

# A string that does not end goes to the end, so the time grows with the length alone.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
_BEGIN = frozenset({b",", b"[", b"{"})  # each begins a value, but for those of empty lists and objects
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_SEARCHED = 64 * 1024  # in a larger document finding the place would take too much time from other requests


def read_json(data: bytes, line: int = 1) -> Any:
    """Parse JSON (RFC 8259: no NaN, no lone surrogates, UTF-8) of at most `MOST_VALUES` values.

    Args:
        data: the document.
        line: the number of its first line, for the error.

    Raises:
        Problem: it is not JSON; the detail says where.
    """
    check_values(data)
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise _diagnosis(data, str(error), line) from None


def tokens(data: bytes) -> Iterator[re.Match[bytes]]:
    """Yield the strings, brackets and commas of a JSON document.

    Raises:
        Problem: it has more values, or more other tokens, than are read.
    """
    values = 0
    for number, token in enumerate(_TOKENS.finditer(data)):
        values += token[0] in _BEGIN
        if values > MOST_VALUES or number > MOST_TOKENS:
            detail = f"The JSON has more than {MOST_VALUES:,} values, the limit here."
            raise Problem("request-too-large", detail)
        yield token


def check_values(data: bytes) -> None:
    """Check that a document has no more values than are read; its strings' contents do not count.

    Raises:
        Problem: it has.
    """
    if len(data) >= MOST_VALUES and sum(map(data.count, (b",", b"[", b"{"))) > MOST_VALUES:
        for _ in tokens(data):
            pass


def _diagnosis(data: bytes, message: str, line: int) -> Problem:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return Problem(
            "invalid-json", f"Line {line}: byte {error.start + 1:,} is not UTF-8: send JSON encoded as UTF-8."
        )
    if "recursion" in message:
        return Problem("invalid-json", f"Line {line}: the JSON is nested too deeply: send the article's fields only.")
    try:
        place = _refused(json.loads(text, parse_constant=_Constant)) if len(data) <= _MAX_SEARCHED else None
    except (ValueError, RecursionError):
        place = None
    if place is not None:
        where, detail = place
        return Problem("invalid-json", f"Line {line}: {detail}.", [{"pointer": where, "detail": detail}])
    return Problem("invalid-json", f"{message.replace('at line 1 ', f'at line {line} ')}: correct the JSON there.")


class _Constant:
    """`NaN`, `Infinity` or `-Infinity`, which Python reads and JSON does not have."""

    def __init__(self, name: str) -> None:
        self.name = name


def _refused(value: Any, *path: str | int) -> tuple[str, str] | None:
    """Return pointer and fault of the first value that Python's parser accepts and JSON does not have."""
    if isinstance(value, _Constant):
        return pointer(*path), f"{value.name} is not a JSON value: send a number or null"
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
