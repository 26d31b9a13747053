"""HTTP/1.1 with the limits that uvicorn does not set: how soon a request's head must be there, and how large it may be.

It counts, times, and closes. It answers what it refuses only if nothing else is being answered on the connection;
otherwise it reads no further, and closes when the earlier requests are answered. How fast a body must arrive is up to
whoever waits for it.
"""

import asyncio
import logging
from collections.abc import Callable
from enum import Enum

import httptools
from pydantic_core import to_json
from uvicorn._types import ASGI3Application, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from tagdesk.service.edge.call import ARRIVED
from tagdesk.service.edge.problems import MEDIA_TYPE, Problem, problem_json
from tagdesk.service.server.head import MAX_HEAD, head_fault, head_too_large

HEAD_SECONDS = 10.0
"""Seconds that a request's head may take, if the app's state has no `head_timeout`."""

TAKE_SECONDS = 60.0
LEAST_TAKEN = 64 * 1024
"""Bytes of its answer that a client must take in `TAKE_SECONDS`, unless it takes all that is left."""

Refuse = Callable[[Problem], tuple[list[tuple[bytes, bytes]], bytes]]
"""Notes a refusal, and returns the headers and the body of its answer; `refuse` in the app's state."""

_NEWCOMER_SECONDS = 1.0  # for the request of a client that had connected when the server was told to stop
_LINGER_SECONDS = 1.0  # closed at once, a connection with unread bytes is reset, and the answer on its way is lost

logger = logging.getLogger("tagdesk")


class _Awaits(Enum):
    """What the next bytes of a connection are."""

    REQUEST = "the beginning of a request"
    HEAD = "the rest of its head"
    BODY = "the rest of its body"
    NOTHING = "not read: the connection closes"


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which refuses a request that is too slow, too large at its head, or not HTTP/1."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer: there is one per connection, for which requests leave marks."""
        super().connection_made(transport)
        self._seconds = float(self.app_state.get("head_timeout", HEAD_SECONDS))
        self._awaits, self._since = _Awaits.REQUEST, self.loop.time()
        self._unparsed = 0  # bytes since the last end of a head, of a body, or of a part of a body
        self._packet = 0  # bytes that came last, perhaps of several requests
        self._fault: Problem | None = None
        self._running: RequestResponseCycle | None = None
        self._is_last = False  # whether the connection closes after the next request
        self._unsent, self._unsent_since = 0, self._since
        self._interval = min(self._seconds, TAKE_SECONDS) / 4
        self._timer = self.loop.call_later(self._interval, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer, and let the app know."""
        self._timer.cancel()
        self.pipeline.clear()
        if self._running is not None:
            _disconnect(self._running)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        self._unset_keepalive_if_required()
        if self._awaits is _Awaits.NOTHING:
            return
        if self._awaits is _Awaits.REQUEST:
            self._awaits, self._since = _Awaits.HEAD, self.loop.time()
        self._unparsed += len(data)
        self._packet = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # to another protocol: what follows the request is not read
            self._close_in_order()
        except httptools.HttpParserError:
            self._refuse(self._fault or Problem("invalid-http", "The request is not HTTP/1.1: use an HTTP library."))
        else:
            if self._unparsed > MAX_HEAD:
                self._refuse(head_too_large())

    def on_headers_complete(self) -> None:
        """Check the head, and start the request.

        Raises:
            Problem: the head is refused; the parser turns this into an error of its own.
        """
        version = self.parser.get_http_version()
        self._fault = head_fault(version, self.url, self.headers, max(self._unparsed, self._packet))
        if self._fault is not None:
            raise self._fault
        self._awaits, self._unparsed = _Awaits.BODY, 0
        if version == "1.0":
            self.expect_100_continue = False  # RFC 9110, 10.1.1
        super().on_headers_complete()
        if version == "1.0":
            self.cycle.__class__ = _EndedByClosing
        if self._is_last:
            self.cycle.keep_alive = False
        self.headers = []  # for trailers: they are no headers of the request

    def on_body(self, body: bytes) -> None:
        """Hand on a part of the body."""
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Mark the end of a request, in its scope too: if all of it came at once, the app has not begun yet."""
        self._awaits, self._unparsed = _Awaits.REQUEST, 0
        self.scope[ARRIVED] = True  # type: ignore[literal-required]
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request; close after the last request that was read."""
        is_last = not self.pipeline
        super().on_response_complete()
        if is_last and self._awaits is _Awaits.NOTHING:
            self._end()

    def shutdown(self) -> None:
        """Close when the requests under way are answered, or the one that a new client is about to send."""
        if self._awaits is _Awaits.HEAD or (self._awaits is _Awaits.REQUEST and self.cycle is None):
            self._is_last = True
            self.loop.call_later(_NEWCOMER_SECONDS, super().shutdown)
        else:
            super().shutdown()

    def resume_writing(self) -> None:
        """Note that the client has taken what was waiting."""
        super().resume_writing()
        self._unsent_since = self.loop.time()

    def _look(self) -> None:
        self._timer = self.loop.call_later(self._interval, self._look)
        now = self.loop.time()
        if self._is_late(now):
            if self._awaits is _Awaits.HEAD:
                detail = f"The request's headers did not arrive within {self._seconds:g} seconds: send it again."
                self._refuse(Problem("request-timeout", detail))
            else:
                self.transport.close()
        elif self._is_stuck(now):
            logger.info("cut off a client that reads its answer too slowly")
            self.transport.abort()

    def _is_late(self, now: float) -> bool:
        """Tell whether a request is overdue, or the rest of a request that was answered without it."""
        if self._awaits is _Awaits.NOTHING or (self._awaits is _Awaits.REQUEST and self.cycle is not None):
            return False  # between requests uvicorn's own timer runs
        if self._awaits is _Awaits.BODY and not self.cycle.response_complete:
            self._since = now  # the app times this
        return now - self._since >= self._seconds

    def _is_stuck(self, now: float) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if not unsent or not self._unsent or self._unsent - unsent >= LEAST_TAKEN:
            self._unsent, self._unsent_since = unsent, now
        self._unsent = max(unsent, self._unsent)
        return unsent > 0 and now - self._unsent_since >= TAKE_SECONDS

    def _refuse(self, problem: Problem) -> None:
        """Read no further, and answer in the app's place if nothing else is being answered."""
        broken = self.cycle if self._awaits is _Awaits.BODY else None
        is_busy = self._running is not None and not self._running.response_complete
        if is_busy and broken is not self._running:
            if broken is not None:  # the last in the queue, which is incomplete
                self.pipeline.popleft()
            self._close_in_order()
            return
        self._awaits = _Awaits.NOTHING
        if broken is not None:
            _disconnect(broken)
            if broken.response_started:
                self.transport.close()
                return
        refuse: Refuse = self.app_state.get("refuse", _bare)
        self.transport.write(_rendered(problem.kind.status, self.server_state.default_headers, *refuse(problem)))
        self._end()

    def _close_in_order(self) -> None:
        """Read no further, and close when all earlier requests are answered."""
        logger.info("closing a connection after its last complete request: what follows is not HTTP/1.1")
        self._awaits = _Awaits.NOTHING
        self.cycle.keep_alive = False
        if self.cycle.response_complete:
            self._end()

    def _end(self) -> None:
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)


class _EndedByClosing(RequestResponseCycle):
    """A request in HTTP/1.0, which has no chunks: an answer of unknown length ends with the connection."""

    _has_length = True

    async def send(self, message: ASGISendEvent) -> None:
        """Write a part of the answer."""
        if message["type"] == "http.response.start":
            self._has_length = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
            if not self._has_length:
                self.chunked_encoding = False
        elif message["type"] == "http.response.body" and not self._has_length:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Tell the app that its client is gone."""
    if not cycle.response_complete:
        cycle.disconnected = True
    cycle.message_event.set()


def _bare(problem: Problem) -> tuple[list[tuple[bytes, bytes]], bytes]:
    return [(b"content-type", MEDIA_TYPE.encode())], to_json(problem_json(problem))


def _rendered(
    status: int, default: list[tuple[bytes, bytes]], headers: list[tuple[bytes, bytes]], body: bytes
) -> bytes:
    framing = [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    lines = [b"%s: %s\r\n" % header for header in (*default, *headers, *framing)]
    return b"".join((STATUS_LINE[status], *lines, b"\r\n", body))
