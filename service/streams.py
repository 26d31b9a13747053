"""Many articles through one request: lines cut as they come in, a few at a time, in constant memory."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.problems import Problem
from service.reading import BOM, declared_length, read_body, read_json

LINES = ("application/x-ndjson", "application/jsonl", "application/json-lines")

_FEW = 32


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch as it was sent.

    Attributes:
        sent: a line's bytes, not parsed yet; an array's item; or the problem that stands in its place.
        size: bytes or characters of it, by which a few rows are measured out.
        line: its number among the lines; None in an array.
    """

    sent: Any
    size: int
    line: int | None = None

    def value(self) -> Any:
        """Return the JSON value.

        Raises:
            Problem: it is not JSON, or too long.
        """
        if isinstance(self.sent, Problem):
            raise self.sent
        return read_json(self.sent, self.line or 1) if isinstance(self.sent, bytes) else self.sent


class LinesResponse(StreamingResponse):
    """JSON Lines, sent as fast as the client takes them."""

    media_type = LINES[0]


class TwoWayLines(LinesResponse):
    """JSON Lines sent while the request still comes in.

    Starlette listens for a disconnect beside the answer, and would take lines of the request for it. Here the request
    is read for the next lines only when the last ones' answers are sent, and that tells of a disconnect too.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        await self.stream_response(send)


class LineCutter:
    """Cuts chunks into lines, and keeps no more than one line begun.

    Args:
        longest: most bytes of a line.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun = bytearray()
        self._length = 0
        self._number = 1

    def cut(self, chunk: bytes) -> Iterator[Row]:
        """Yield the lines that end in this chunk, blank ones left out."""
        at = 0
        while (end := chunk.find(b"\n", at)) >= 0:
            self._add(chunk[at:end])
            yield from self.end()
            at = end + 1
        self._add(chunk[at:])

    def end(self) -> Iterator[Row]:
        """Yield the line begun as it stands, unless it is blank."""
        line, length, number = bytes(self._begun), self._length, self._number
        self._begun.clear()
        self._length, self._number = 0, number + 1
        if number == 1:
            line = line.removeprefix(BOM)
        if length > self._longest:
            yield Row(_too_long(number, self._longest), 0, number)
        elif line and not line.isspace():
            yield Row(line, length, number)

    def _add(self, part: bytes) -> None:
        self._length += len(part)
        if self._length <= self._longest:
            self._begun += part
        else:
            self._begun.clear()


def _too_long(number: int, longest: int) -> Problem:
    detail = f"Line {number} has more than {longest:,} bytes, the most that is read of one: shorten the article."
    return Problem("request-too-large", detail)


def comes_in_parts(request: Request, whole: int) -> bool:
    """Tell whether a request is answered while it comes in: it declares more than `whole` bytes, or no length."""
    declared = declared_length(request)
    return declared is None or declared > whole


async def chunks(request: Request, whole: int) -> AsyncIterator[bytes]:
    """Yield a request's body as it comes in, or in one piece where it declares at most `whole` bytes.

    Many clients send all of a request before they read the answer. They would wait for the service to read on while
    it waits for them to take answers; so what a batch may have in one piece is read in one piece.

    Raises:
        ClientDisconnect: the client has gone.
    """
    if not comes_in_parts(request, whole):
        yield await read_body(request, whole)
        return
    async for chunk in request.stream():
        yield chunk


async def rows_of_lines(body: AsyncIterator[bytes], longest: int) -> AsyncIterator[Iterable[Row]]:
    """Return the rows of JSON Lines, those that end in one chunk together, once there is one.

    Args:
        body: the request's body as it comes in.
        longest: most bytes of a line.

    Raises:
        Problem: there is none.
    """
    parts = _cut(body, LineCutter(longest))
    async for rows in parts:
        for first in rows:
            return _from(chain([first], rows), parts)
    raise Problem("empty-request", "The request has no line: send each article as a JSON object on a line of its own.")


async def _cut(body: AsyncIterator[bytes], cutter: LineCutter) -> AsyncIterator[Iterator[Row]]:
    async for chunk in body:
        yield cutter.cut(chunk)
    yield cutter.end()


async def _from(first: Iterable[Row], rest: AsyncIterator[Iterable[Row]]) -> AsyncIterator[Iterable[Row]]:
    yield first
    async for rows in rest:
        yield rows


async def at_once(rows: Iterable[Row]) -> AsyncIterator[Iterable[Row]]:
    """Yield the rows of a request that has been read whole."""
    yield rows


def fews(rows: Iterable[Row], most: int) -> Iterator[list[Row]]:
    """Yield rows a few at a time.

    Args:
        rows: the rows.
        most: most bytes or characters of several rows together; a larger one comes alone.
    """
    few: list[Row] = []
    size = 0
    for row in rows:
        if few and (len(few) == _FEW or size + row.size > most):
            yield few
            few, size = [], 0
        few.append(row)
        size += row.size
    if few:
        yield few
