"""Say how far long work is and what it counted: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Never, Self, TypeVar

from tqdm import tqdm

T = TypeVar("T")

_SECONDS_BETWEEN_LINES = 10.0


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 article`, `2,000 articles`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


class Progress:
    """Count the work done and report how much is left, on standard error.

    `unit="B"` counts bytes and shows them as MB. `clock` returns the time in seconds.
    """

    def __init__(
        self, *, total: int | None, what: str, unit: str = "it", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = total
        self.what = what
        self.unit = unit
        self.done = 0
        self._clock = clock
        self._bar: tqdm[Never] | None = None
        self._started = self._reported = 0.0
        self._first, self._first_done = 0, 0.0

    def __enter__(self) -> Self:
        self._started = self._reported = self._clock()
        if sys.stderr.isatty():
            self._bar = tqdm(total=self.total, desc=self.what, unit=self.unit, unit_scale=self.unit == "B")
        return self

    def update(self, n: int = 1) -> None:
        """Add `n` to the work done."""
        if not self.done:
            self._first, self._first_done = n, self._clock()
        self.done += n
        if self._bar is not None:
            self._bar.update(n)
        elif self._clock() - self._reported >= _SECONDS_BETWEEN_LINES:
            self._reported = self._clock()
            self._report(self._left())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        else:
            took = _clock_time(self._clock() - self._started)
            self._report(f"took {took}" if kind is None else f"stopped after {took}")

    def _left(self) -> str:
        """Return how long the rest takes at the rate since the first step, which may have had to compile."""
        more = self.done - self._first
        if not self.total or not more:
            return ""
        rate = more / max(self._clock() - self._first_done, 1e-9)
        return f"{_clock_time(max(self.total - self.done, 0) / rate)} left"

    def _report(self, time_note: str) -> None:
        count = self._amount(self.done)
        if self.total:
            count += f" of {self._amount(self.total)} ({100 * self.done // self.total} %)"
        line = ", ".join(part for part in (f"{self.what}: {count}", time_note) if part)
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def _amount(self, n: int) -> str:
        return f"{n / 1e6:,.1f} MB" if self.unit == "B" else f"{n:,}"


def progress(items: Iterable[T], *, total: int | None, what: str, unit: str = "it") -> Iterator[T]:
    """Yield `items`, showing how many of `total` are done and how long the rest will take."""
    with Progress(total=total, what=what, unit=unit) as bar:
        for item in items:
            yield item
            bar.update()


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
