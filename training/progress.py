"""Show how far long work has come: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Never, Self, TypeVar

from tqdm import tqdm

T = TypeVar("T")

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Count work done and say how much is left, on standard error.

    `unit="B"` counts bytes and shows them as MB. `clock` tells the time in seconds.
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
        self._started = self._said = 0.0

    def __enter__(self) -> Self:
        self._started = self._said = self._clock()
        if sys.stderr.isatty():
            self._bar = tqdm(total=self.total, desc=self.what, unit=self.unit, unit_scale=self.unit == "B")
        return self

    def update(self, n: int = 1) -> None:
        """Add `n` to the work done."""
        self.done += n
        if self._bar is not None:
            self._bar.update(n)
        elif self._clock() - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = self._clock()
            self._say(self._left())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        else:
            took = _clock_time(self._clock() - self._started)
            self._say(f"took {took}" if kind is None else f"stopped after {took}")

    def _left(self) -> str:
        if not self.total or not self.done:
            return ""
        rate = self.done / max(self._clock() - self._started, 1e-9)
        return f"{_clock_time(max(self.total - self.done, 0) / rate)} left"

    def _say(self, time_told: str) -> None:
        count = self._amount(self.done)
        if self.total:
            count += f" of {self._amount(self.total)} ({100 * self.done // self.total} %)"
        line = ", ".join(part for part in (f"{self.what}: {count}", time_told) if part)
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def _amount(self, n: int) -> str:
        return f"{n / 1e6:,.1f} MB" if self.unit == "B" else f"{n:,}"


def progress(items: Iterable[T], *, total: int | None, what: str, unit: str = "it") -> Iterator[T]:
    """Yield `items`, showing how many of `total` are done and how long the rest will take."""
    with Progress(total=total, what=what, unit=unit) as shown:
        for item in items:
            yield item
            shown.update()


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
