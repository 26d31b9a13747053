"""What the service sends, read: JSON → records, or `Malformed`."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NoReturn, TypeVar, overload

from tagdesk_client.answers import Answer, Code, Evidence, Receipt, Refusal, Taxonomy, TaxonomyTopic, Topic
from tagdesk_client.errors import Fault, Problem

T = TypeVar("T")
Json = dict[str, Any]

_LARGEST = 1e300
_escaped_surrogate = re.compile(rb"\\u[dD][89a-fA-F]").search


class Malformed(ValueError):
    """What came has not the shape that Tagdesk's answers have."""


def read_answer(data: bytes) -> Answer:
    """Read the answer to one article."""
    return _answer(_object(data))


def read_lines(data: bytes, articles: int) -> list[Answer | Refusal]:
    """Read the answers to so many articles, one a line."""
    found = [_line(_object(line)) for line in data.splitlines()]
    if len(found) != articles:
        raise Malformed(f"{len(found)} lines for {articles} articles")
    return found


def read_receipt(data: bytes) -> Receipt:
    """Read that a correction is kept."""
    row = _object(data)
    return Receipt(_get(row, "id", str), _get(row, "article", str), _get(row, "received", str))


def read_taxonomy(data: bytes) -> Taxonomy:
    """Read the topics that the model knows."""
    row = _object(data)
    return Taxonomy(_get(row, "model", str), _get(row, "taxonomy", str), _each(row, "topics", _taxonomy_topic))


def read_problem(data: bytes, retry_after: float | None = None) -> Problem:
    """Read a problem."""
    return _problem(_object(data), retry_after)


def _object(data: bytes) -> Json:
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
        if _escaped_surrogate(data):
            json.dumps(value, ensure_ascii=False).encode()  # half of a pair passes json.loads, and no database
    except (ValueError, RecursionError):
        raise Malformed("no JSON") from None
    if not isinstance(value, dict):
        raise Malformed("no JSON object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _line(row: Json) -> Answer | Refusal:
    if "error" in row:
        return Refusal(_get(row, "id", str, null=True), _problem(_get(row, "error", dict)))
    return _answer(row)


def _problem(row: Json, retry_after: float | None = None) -> Problem:
    return Problem(
        _get(row, "type", str),
        _get(row, "title", str),
        _get(row, "status", int),
        _get(row, "detail", str),
        _each(row, "errors", _fault) if "errors" in row else (),
        retry_after,
    )


def _fault(row: Json) -> Fault:
    return Fault(_get(row, "detail", str), _get(row, "pointer", str, null=True), _get(row, "parameter", str, null=True))


def _answer(row: Json) -> Answer:
    return Answer(
        _get(row, "id", str, null=True),
        _get(row, "model", str),
        _each(row, "topics", _topic),
        _texts(row, "warnings"),
        _each(row, "below", _topic) if row.get("below") else (),
    )


def _topic(row: Json) -> Topic:
    return Topic(
        _get(row, "id", str),
        _get(row, "name", str),
        _texts(row, "qcodes"),
        _get(row, "parent", str, null=True),
        _number(row, "confidence"),
        _band(row),
        _number(row, "score", null=True),
        _number(row, "bias", null=True),
        _each(row, "evidence", _evidence) if row.get("evidence") else (),
    )


def _band(row: Json) -> Literal["auto", "suggest"] | None:
    match row.get("band"):
        case "auto" | "suggest" | None as band:
            return band
    raise Malformed("band is neither auto nor suggest")


def _evidence(row: Json) -> Evidence:
    return Evidence(
        _get(row, "field", str),
        _get(row, "start", int),
        _get(row, "end", int),
        _get(row, "text", str),
        _number(row, "weight"),
    )


def _taxonomy_topic(row: Json) -> TaxonomyTopic:
    cutoffs = _get(row, "cutoffs", dict)
    return TaxonomyTopic(
        _get(row, "id", str),
        _get(row, "name", str),
        _get(row, "description", str),
        _get(row, "parent", str, null=True),
        _each(row, "codes", lambda code: Code(_get(code, "qcode", str), _get(code, "match", str))),
        _number(cutoffs, "suggest"),
        _number(cutoffs, "auto", null=True),
    )


@overload
def _get(row: Json, name: str, kind: type[T]) -> T: ...
@overload
def _get(row: Json, name: str, kind: type[T], *, null: Literal[True]) -> T | None: ...
def _get(row: Json, name: str, kind: type[T], *, null: bool = False) -> T | None:
    value = row.get(name)
    if isinstance(value, kind) and not isinstance(value, bool):
        return value
    if value is None and null:
        return None
    raise Malformed(f"{name} is no {kind.__name__}")


@overload
def _number(row: Json, name: str) -> float: ...
@overload
def _number(row: Json, name: str, *, null: Literal[True]) -> float | None: ...
def _number(row: Json, name: str, *, null: bool = False) -> float | None:
    value = row.get(name)
    if value is None and null:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST:
        return float(value)
    raise Malformed(f"{name} is no number")


def _each(row: Json, name: str, read: Callable[[Json], T]) -> tuple[T, ...]:
    return tuple(read(one) for one in _rows(_get(row, name, list)))


def _rows(values: Sequence[object]) -> Iterator[Json]:
    for value in values:
        if not isinstance(value, dict):
            raise Malformed("no JSON object in a list of them")
        yield value


def _texts(row: Json, name: str) -> tuple[str, ...]:
    values = _get(row, name, list)
    if not all(isinstance(value, str) for value in values):
        raise Malformed(f"{name} is no list of texts")
    return tuple(values)
