"""How much a client may ask for: requests per second and at once, bytes held in memory, and time to send a body.

Each key has a share of a worker's places and bytes, so that no key can lock out the others; the operator's routes
have places of their own.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable

from starlette.types import Message, Receive

from tagdesk.service.edge.call import Call
from tagdesk.service.edge.problems import Problem

OPERATOR_PLACES = 16
"""Most requests at once on routes of the scope `admin`, beside all others."""

LEAST_RATE = 4096
"""Bytes per second at which a body must arrive once its time is used up."""

_SHARE = 2  # one key may hold half of the places, and half of the bytes


class RateLimit:
    """Token buckets: a key may send `rate` requests a second, and starts with one second's worth.

    A bucket is stored as the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371).

    Args:
        rate: requests a second; 0 is no limit.
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._span = max(1.0, self._interval)
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def take(self, name: str) -> float:
        """Take a token from a key's bucket; return 0, or the seconds until there is one."""
        if not self._interval:
            return 0.0
        now = self._clock()
        full_at = max(self._full_at.get(name, 0.0), now) + self._interval
        wait = full_at - now - self._span
        if wait > 1e-9:
            return wait
        self._full_at[name] = full_at
        return 0.0


class Limits:
    """The limits of one worker.

    Args:
        rate: requests a second of one key; 0 is no limit, and so is a request without a key.
        places: most requests at once.
        most_held: most bytes of requests in memory.
        body_seconds: longest wait for a body, not counting the time that `LEAST_RATE` earns back.
    """

    def __init__(self, rate: float, places: int, most_held: int, body_seconds: int) -> None:
        self._rate = RateLimit(rate)
        self._places = places
        self._most_held = most_held
        self._body_seconds = body_seconds
        self._operating = 0
        self._running = 0
        self._held = 0
        self._running_of: Counter[str] = Counter()
        self._held_of: Counter[str] = Counter()

    def admit(self, call: Call) -> None:
        """Give a request a place; `release` must follow.

        Raises:
            Problem: there is none, or too many requests came with its key; no place is taken then.
        """
        name = call.editor
        if call.rules.scope == "admin":
            if self._operating >= OPERATOR_PLACES:
                raise _too_busy(f"{OPERATOR_PLACES} requests of operators are being answered already")
            self._operating += 1
            return
        if self._running >= self._places:
            raise _too_busy(f"{self._places:,} requests are being answered already")
        if name is not None:
            if self._running_of[name] >= max(1, self._places // _SHARE):
                raise _too_busy("This key has as many requests under way as one key may have")
            if wait := self._rate.take(name):
                raise _too_often(wait)
            self._running_of[name] += 1
        self._running += 1

    def hold(self, call: Call, size: int) -> None:
        """Count bytes as held in memory until the request is over.

        Args:
            call: the request.
            size: further bytes.

        Raises:
            Problem: there is no room for them.
        """
        name = call.editor
        if self._held + size > self._most_held:
            raise _too_busy("The requests being answered use all the memory that is set aside for them")
        if name is not None:
            if self._held_of[name] + size > self._most_held // _SHARE:
                raise _too_busy("This key's requests use all the memory that is set aside for one key")
            self._held_of[name] += size
        self._held += size
        call.held += size

    def release(self, call: Call) -> None:
        """Take back a request's place and bytes."""
        if call.rules.scope == "admin":
            self._operating -= 1
        else:
            self._running -= 1
            _subtract(self._running_of, call.editor, 1)
        if call.held:
            self._held -= call.held
            _subtract(self._held_of, call.editor, call.held)

    def timed(self, receive: Receive) -> Receive:
        """Return a `receive` that gives up on a body that stalls or arrives too slowly."""
        return _TimedBody(receive, self._body_seconds)


class _TimedBody:
    """A request's `receive`; only the time spent waiting for the client counts.

    Every `LEAST_RATE` bytes earn a second back, up to the full time: a steady stream may take hours.
    """

    __slots__ = ("_left", "_more", "_receive", "_seconds")

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = self._left = seconds
        self._more = True

    async def __call__(self) -> Message:
        if not self._more:
            return await self._receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                "request-timeout",
                f"The request's body did not arrive within {self._seconds:g} seconds and at "
                f"{LEAST_RATE:,} bytes a second.",
                headers={"Connection": "close"},
            ) from None
        self._more = message.get("more_body", False)
        if self._more:
            waited = time.monotonic() - began
            self._left = min(self._seconds, self._left - waited + len(message["body"]) / LEAST_RATE)
        return message


def _subtract(counter: Counter[str], name: str | None, number: int) -> None:
    """Subtract from a key's count; a key that has nothing left is forgotten."""
    if name is None:
        return
    counter[name] -= number
    if not counter[name]:
        del counter[name]


def _too_busy(why: str) -> Problem:
    return Problem("too-busy", f"{why}: try again soon.", headers={"Retry-After": "1"})


def _too_often(wait: float) -> Problem:
    seconds = math.ceil(wait)
    return Problem(
        "too-many-requests",
        f"Too many requests with this key: wait {seconds} s, or send batches.",
        headers={"Retry-After": str(seconds)},
    )
