"""How much a client may ask for: requests a second of one key, requests at once, and time to send a body."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import Problem, problem_response
from service.security import scope_needed

_BYTES_A_SECOND = 500  # the slowest a body may go on arriving; a modem sends ten times that
_SECONDS_BETWEEN_LOOKS = 0.5


class RateLimit:
    """Token buckets: a key may ask `rate` times a second, and has one second's worth in hand at the start.

    A bucket is kept as the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371).

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


class SlowBodies:
    """Cancels the wait of requests whose bodies do not arrive; looks at all of them together, twice a second.

    A timer for each request would cost more than all else that a request pays for here.
    """

    def __init__(self) -> None:
        self.deadlines: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, task: "asyncio.Task[Any]", deadline: float) -> None:
        """Cancel this task at the deadline, unless it is taken out of `deadlines` before."""
        self.deadlines[task] = deadline
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SECONDS_BETWEEN_LOOKS, self._look)

    def cancelled(self, task: "asyncio.Task[Any]") -> bool:
        """Tell whether the cancellation that a task has just caught is this one, and nobody else's too."""
        if task not in self._late:
            return False
        self._late.discard(task)
        return not task.uncancel()

    def _look(self) -> None:
        now = time.monotonic()
        for task, deadline in self.deadlines.items():
            if now > deadline and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._timer = None
        if self.deadlines:
            self._timer = asyncio.get_running_loop().call_later(_SECONDS_BETWEEN_LOOKS, self._look)


class _Body:
    """A request's `receive` that gives up on a body that stops, or goes on too slowly.

    Only the time spent waiting for the client counts, and what arrives wins time back: a stream may take hours.
    """

    __slots__ = ("_bodies", "_left", "_more", "_receive", "_seconds")

    def __init__(self, receive: Receive, bodies: SlowBodies, seconds: float) -> None:
        self._receive = receive
        self._bodies = bodies
        self._seconds = self._left = seconds
        self._more = True

    async def __call__(self) -> Message:
        if not self._more:
            return await self._receive()
        task = asyncio.current_task()
        assert task is not None
        deadline = time.monotonic() + self._left
        self._bodies.watch(task, deadline)
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            if self._bodies.cancelled(task):
                raise self._problem() from None
            raise
        finally:
            del self._bodies.deadlines[task]
        self._more = message.get("more_body", False)
        if self._more:
            won = len(message["body"]) / _BYTES_A_SECOND
            self._left = min(self._seconds, deadline - time.monotonic() + won)
        return message

    def _problem(self) -> Problem:
        return Problem(
            "request-timeout",
            f"The request's body did not arrive within {self._seconds} seconds.",
            headers={"Connection": "close"},
        )


class Limits:
    """Middleware that refuses at once what is too much; routes that need no key are never refused.

    Args:
        app: what answers.
        rate: requests a second of one key; 0 is no limit, and so is a request without a key.
        concurrent: most requests at once.
        body_seconds: longest wait for a body.
    """

    def __init__(self, app: ASGIApp, rate: float, concurrent: int, body_seconds: int) -> None:
        self.app = app
        self._rate = RateLimit(rate)
        self._concurrent = concurrent
        self._running = 0
        self._body_seconds = body_seconds
        self._bodies = SlowBodies()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope_needed(scope["path"]) is None:
            await self.app(scope, receive, send)
            return
        if refusal := self._refusal(scope.get("state", {}).get("key")):
            await problem_response(refusal)(scope, receive, send)
            return
        self._running += 1
        try:
            # One turn of the event loop, so that all requests that have arrived are counted before one is worked on.
            await asyncio.sleep(0)
            await self.app(scope, _Body(receive, self._bodies, self._body_seconds), send)
        finally:
            self._running -= 1

    def _refusal(self, key: str | None) -> Problem | None:
        if self._running >= self._concurrent:
            return Problem(
                "too-busy",
                f"{self._concurrent:,} requests are being answered already: try again soon.",
                headers={"Retry-After": "1"},
            )
        if key is not None and (wait := self._rate.take(key)):
            seconds = math.ceil(wait)
            return Problem(
                "too-many-requests",
                f"This key asks too often: wait {seconds} s, or send batches.",
                headers={"Retry-After": str(seconds)},
            )
        return None
