"""When to ask again, and how long to wait before."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tagdesk_client.errors import OutOfTime, Problem, TagdeskError, UnexpectedAnswer, Unreachable

_TRY_AGAIN = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Retries:
    """How often to ask, and how long to wait in between (seconds).

    Asked again is what got 429 or 503, no connection or no answer in time: no request does anything twice. The wait is
    drawn from 0 to a bound that doubles (exponential back-off, full jitter), and added to the service's `Retry-After`.

    Attributes:
        tries: at most so many requests.
        first_wait: the first bound.
        longest_wait: where the bound stops to double.
    """

    tries: int = 4
    first_wait: float = 0.25
    longest_wait: float = 8.0

    def wait(self, tried: int, error: TagdeskError) -> float | None:
        """Return how long to wait before the next try; None where there is none.

        Args:
            tried: how often it was tried until now.
            error: how the last try ended.
        """
        if tried >= self.tries or not _may_pass(error):
            return None
        asked = getattr(error, "retry_after", None) or 0.0
        bound = min(self.longest_wait, self.first_wait * 2.0 ** (tried - 1))
        return asked + random.uniform(0, bound)  # noqa: S311 - nothing secret


def _may_pass(error: TagdeskError) -> bool:
    if isinstance(error, Problem | UnexpectedAnswer):
        return error.status in _TRY_AGAIN
    return isinstance(error, Unreachable | OutOfTime)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks for, as a number or a date; None where it says nothing."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
