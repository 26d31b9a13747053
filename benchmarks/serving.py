"""Which models may answer at a moment: what `CURRENT` names, and for a while what it named before."""

from math import inf
from time import perf_counter

SETTLING = 2.0
"""Seconds after all workers are said to serve a model until no other may answer: answers may be on their way."""

FOLLOWING = 10.0
"""Seconds after `CURRENT` was written until no other model may answer, where nobody says that all workers serve it."""


class Serving:
    """The models that may answer, by name and version; one at first.

    Args:
        ref: what `CURRENT` names.
    """

    def __init__(self, ref: str) -> None:
        self._until = {ref: inf}
        self._named = [(perf_counter(), ref)]

    @property
    def current(self) -> str:
        """What `CURRENT` was last seen to name."""
        return self._named[-1][1]

    def see(self, ref: str) -> None:
        """Note what `CURRENT` names."""
        if ref != self.current:
            self._named.append((perf_counter(), ref))
            self._expire_others(ref, FOLLOWING)

    def settle(self, ref: str) -> None:
        """Note that all workers are said to serve a model."""
        self._expire_others(ref, SETTLING)

    def since(self, moment: float) -> frozenset[str]:
        """Return the models that may answer a request of that moment."""
        return frozenset(ref for ref, until in self._until.items() if until >= moment)

    def was_current(self, ref: str, since: float) -> bool:
        """Tell whether `CURRENT` named a model at some time since a moment."""
        ends = [moment for moment, _ in self._named[1:]] + [inf]
        return any(named == ref and end >= since for (_, named), end in zip(self._named, ends, strict=True))

    def _expire_others(self, ref: str, seconds: float) -> None:
        until = perf_counter() + seconds
        self._until = {other: min(end, until) for other, end in self._until.items()} | {ref: inf}
