"""HTTP/1.1 with the limits that uvicorn does not set: how soon a request's head must be there, and how large it may be.

What no route sees is answered here, as a problem. A connection has one timer, and requests leave marks for it; how fast
a body must arrive is for `limits.py`, which knows who waits for it.
"""

import asyncio
import logging
from itertools import chain

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.problems import MEDIA_TYPE, Problem, problem_json

HEAD_SECONDS = 10.0
"""Seconds that a request's head may take, where the app's state has no `head_timeout`."""

TAKE_SECONDS = 60.0
"""Seconds in which a client must take something of its answer."""

MAX_HEAD = 32 * 1024
"""Most bytes of a request's target and headers; as many may trail a body."""

MAX_HEADERS = 100

_LINGER_SECONDS = 1.0  # closed at once, a connection with unread bytes is reset, and the answer on its way is lost

logger = logging.getLogger("tagdesk")


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which refuses a request that is too slow, too large at its head, or for no one host."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer."""
        super().connection_made(transport)
        self._seconds = float(self.app_state.get("head_timeout", HEAD_SECONDS))
        self._awaited: float | None = self.loop.time()  # since when a request, or the rest of it, is
        self._in_head = True
        self._headless = 0  # bytes since the last end of a head, or part of a body
        self._refusal: Problem | None = None
        self._unsent, self._unsent_since = 0, 0.0
        self._timer = self.loop.call_later(self._seconds / 4, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        if self._refusal is not None:
            return
        if self._awaited is None:
            self._awaited = self.loop.time()
        self._headless += len(data)
        super().data_received(data)
        if self._headless > MAX_HEAD and self._refusal is None:
            self._refuse(_head_too_large())

    def on_headers_complete(self) -> None:
        """Check the head, and start the request.

        Raises:
            Problem: the head is refused; the parser hands this on to `send_400_response`.
        """
        if self._headless > MAX_HEAD or len(self.headers) > MAX_HEADERS:
            self._refusal = _fault_of_size(self.url, self.headers)
        if [name for name, _ in self.headers].count(b"host") != 1 and self.parser.get_http_version() == "1.1":
            self._refusal = Problem("invalid-http", "The request has no header Host, or several: send one.")
        if self._refusal is not None:
            raise self._refusal
        self._in_head, self._headless = False, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand on a part of the body."""
        self._headless = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Mark the end of a request."""
        self._awaited, self._in_head, self._headless = None, True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP/1.1, or what `on_headers_complete` refused."""
        self._refuse(self._refusal or Problem("invalid-http", "The request is not HTTP/1.1: use an HTTP library."))

    def _look(self) -> None:
        self._timer = self.loop.call_later(self._seconds / 4, self._look)
        now = self.loop.time()
        if self._is_late(now):
            if self._in_head and self._headless:
                detail = f"The request's headers did not arrive within {self._seconds:g} seconds: send it again."
                self._refuse(Problem("request-timeout", detail))
            else:
                self.transport.close()
        elif self._is_stuck(now):
            logger.info("cut off a client that takes nothing of its answer")
            self.transport.abort()

    def _is_late(self, now: float) -> bool:
        """Tell whether a request is overdue, or the rest of one that was answered without it."""
        if self._awaited is None or self._refusal is not None:
            return False
        if not (self._in_head or self.cycle.response_complete):
            self._awaited = now  # the body's time is for whoever reads it
        return now - self._awaited >= self._seconds

    def _is_stuck(self, now: float) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent or not unsent:
            self._unsent, self._unsent_since = unsent, now
        return unsent > 0 and now - self._unsent_since >= TAKE_SECONDS

    def _refuse(self, problem: Problem) -> None:
        """Answer in the app's place, unless it has begun to, and close the connection."""
        self._refusal = problem
        logger.info("refused a request: %s", problem.kind.name)
        answered = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if answered:
            self.transport.close()
            return
        self.transport.write(_answer(problem, self.server_state.default_headers))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)


def _fault_of_size(url: bytes, headers: list[tuple[bytes, bytes]]) -> Problem | None:
    size = len(url) + sum(map(len, chain.from_iterable(headers)))
    return _head_too_large() if len(headers) > MAX_HEADERS or size > MAX_HEAD else None


def _head_too_large() -> Problem:
    detail = f"The request has more than {MAX_HEADERS} headers, or {MAX_HEAD:,} bytes of them: send fewer."
    return Problem("head-too-large", detail)


def _answer(problem: Problem, headers: list[tuple[bytes, bytes]]) -> bytes:
    body = to_json(problem_json(problem))
    ours = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    lines = [b"%s: %s\r\n" % header for header in (*headers, *ours)]
    return b"".join((STATUS_LINE[problem.kind.status], *lines, b"\r\n", body))
