"""Many articles in one request: arrays and lines are cut into rows, only a few of which are in memory at a time."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tagdesk.service.edge.call import call_of
from tagdesk.service.edge.problems import Problem
from tagdesk.service.http.bodies import BOM, declared_length, read_body
from tagdesk.service.http.json_reader import read_json, tokens
from tagdesk.service.parts import parts_of
from tagdesk.service.settings import Settings

LINES = ("application/x-ndjson", "application/jsonl", "application/json-lines")

_MOST_ROWS = 32  # that are answered before other requests have their turn
_SPACE = b" \t\r\n"
_NOT_AN_ARRAY = (
    "A batch is a JSON array of articles, or JSON Lines as application/x-ndjson; a single article goes to /v1/tag."
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch as it was sent.

    Attributes:
        sent: its bytes, not parsed yet; or the problem that takes its place.
        size: its length in bytes, by which rows are grouped.
        line: its number among the lines; None in an array.
    """

    sent: bytes | Problem
    size: int
    line: int | None = None

    def value(self) -> Any:
        """Return the JSON value.

        Raises:
            Problem: it is not JSON, or too long.
        """
        if isinstance(self.sent, Problem):
            raise self.sent
        return read_json(self.sent, self.line or 1)


class LinesResponse(StreamingResponse):
    """JSON Lines, sent as fast as the client takes them."""

    media_type = LINES[0]


class TwoWayLines(LinesResponse):
    """JSON Lines sent while the request still comes in.

    While it answers, Starlette listens for a disconnect, and would swallow lines of the request. Here the next lines
    are read only after the answers to the last ones are sent, and that notices a disconnect too.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        await self.stream_response(send)


class LineCutter:
    """Cuts chunks into lines, and keeps no more than one unfinished line.

    Args:
        longest: most bytes of a line.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun = bytearray()
        self._length = 0
        self._number = 1

    def cut(self, chunk: bytes) -> Iterator[Row]:
        """Yield the lines that end in this chunk, without blank ones."""
        at = 0
        while (end := chunk.find(b"\n", at)) >= 0:
            self._add(chunk[at:end])
            yield from self.end()
            at = end + 1
        self._add(chunk[at:])

    def end(self) -> Iterator[Row]:
        """Yield the unfinished line as it is, unless it is blank."""
        line, length, number = bytes(self._begun), self._length, self._number
        self._begun.clear()
        self._length, self._number = 0, number + 1
        if number == 1:
            line = line.removeprefix(BOM)
        if length > self._longest:
            yield Row(_too_long(f"Line {number}", self._longest), 0, number)
        elif line and not line.isspace():
            yield Row(line, length, number)

    def _add(self, part: bytes) -> None:
        self._length += len(part)
        if self._length <= self._longest:
            self._begun += part
        else:
            self._begun.clear()


def _too_long(what: str, longest: int) -> Problem:
    detail = f"{what} has more than {longest:,} bytes, the limit for one article: shorten it."
    return Problem("request-too-large", detail)


def comes_in_parts(request: Request, whole: int) -> bool:
    """Tell whether a request is answered while it arrives: it declares more than `whole` bytes, or no length."""
    declared = declared_length(request)
    return declared is None or declared > whole


async def rows_of_lines(request: Request, settings: Settings) -> AsyncIterator[Iterable[Row]]:
    """Return the rows of JSON Lines, grouped by the chunk in which they end, as soon as there is a row.

    Raises:
        Problem: there is none, or no room in memory for the longest line.
    """
    parts = _cut(_chunks(request, settings), LineCutter(settings.max_body))
    async for rows in parts:
        for first in rows:
            return _from(chain([first], rows), parts)
    raise Problem("empty-request", "The request has no lines: send each article as a JSON object on a line of its own.")


async def _chunks(request: Request, settings: Settings) -> AsyncIterator[bytes]:
    """Yield a request's body as it arrives, or in one piece if it is no larger than a batch may be.

    Many clients send all of a request before they read the answer. They would wait for the service to read on while
    the service waits for them to read answers; so a body of a batch's size is read whole first.
    """
    if not comes_in_parts(request, settings.max_batch_body):
        yield await read_body(request, settings.max_batch_body)
        return
    limits = parts_of(request).limits
    limits.hold(call_of(request), settings.max_body)
    async for chunk in request.stream():
        yield chunk


async def _cut(body: AsyncIterator[bytes], cutter: LineCutter) -> AsyncIterator[Iterator[Row]]:
    async for chunk in body:
        yield cutter.cut(chunk)
    yield cutter.end()


async def _from(first: Iterable[Row], rest: AsyncIterator[Iterable[Row]]) -> AsyncIterator[Iterable[Row]]:
    yield first
    async for rows in rest:
        yield rows


def rows_of_array(data: bytes, settings: Settings) -> AsyncIterator[Iterable[Row]]:
    """Return the rows of a JSON array, cut as lines are: each is parsed when its turn comes.

    Raises:
        Problem: it is not an array, or has too many rows.
    """
    return _together(_row(data[start:end], settings.max_body) for start, end in _items(data, settings.max_batch))


def _row(item: bytes, longest: int) -> Row:
    return Row(item if len(item) <= longest else _too_long("An article", longest), len(item))


async def _together(rows: Iterable[Row]) -> AsyncIterator[Iterable[Row]]:
    yield rows


def _items(data: bytes, most: int) -> list[tuple[int, int]]:
    """Return where the items of a JSON array begin and end; the bytes between are not looked at.

    Raises:
        Problem: it is not an array, does not end with the document, or has more than `most` items.
    """
    if not data.lstrip(_SPACE).startswith(b"["):
        read_json(data)  # raises where it is no JSON at all
        raise Problem("invalid-article", _NOT_AN_ARRAY, [{"pointer": "#", "detail": "must be an array"}])
    items: list[tuple[int, int]] = []
    depth = start = 0
    mark = b""
    for token in tokens(data):
        mark = token[0]
        if mark in b"[{":
            depth += 1
            if depth == 1:
                start = token.end()
        elif depth == 1 and mark in b",]":
            items.append((start, token.start()))
            start = token.end()
            if len(items) > most:
                detail = f"The batch has more than {most:,} articles: send several batches, or JSON Lines."
                raise Problem("too-many-articles", detail)
        if mark in b"]}":
            depth -= 1
            if depth == 0:
                break
    if depth or mark != b"]" or data[start:].strip(_SPACE):
        raise Problem("invalid-json", "The array does not end with the request: correct its last brackets.")
    return [] if len(items) == 1 and not data[slice(*items[0])].strip(_SPACE) else items


def batches(rows: Iterable[Row], most: int) -> Iterator[list[Row]]:
    """Yield rows a few at a time.

    Args:
        rows: the rows.
        most: most bytes of several rows together; a larger row comes alone.
    """
    batch: list[Row] = []
    size = 0
    for row in rows:
        if batch and (len(batch) == _MOST_ROWS or size + row.size > most):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row.size
    if batch:
        yield batch
