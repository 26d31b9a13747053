"""Long work goes to one of a few threads, so that the event loop can go on with other requests."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from tagdesk.models import Article

T = TypeVar("T")

LONG = 50_000
"""Characters from which an article takes 2 ms or more, which is worth the 0.1 ms that a thread costs."""

_THREADS = 2  # each takes the interpreter's lock from the event loop for a while: with forty, the loop would starve
_lane: RunVar[CapacityLimiter] = RunVar("lane")


def length(article: Article) -> int:
    """Return how many characters of body an article has."""
    return len(article.body or article.body_html or "")


async def in_thread_if_long(characters: int, work: Callable[[], T], long: int = LONG) -> T:
    """Do some work, in one of a few threads if it would hold up other requests, and return its result.

    Args:
        characters: how much there is to read.
        work: what is done.
        long: most characters for which the work is done at once, on the event loop.
    """
    if characters <= long:
        return work()
    try:
        lane = _lane.get()
    except LookupError:
        lane = CapacityLimiter(_THREADS)
        _lane.set(lane)
    return await to_thread.run_sync(work, limiter=lane)
