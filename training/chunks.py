"""Many texts put together in chunks, to be worked on in compiled loops on every core."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray

from models import kernel
from models.article import ArticleText
from models.features import join

Text = ArticleText | str
"""What is read of an article; a plain string has no title."""

S = TypeVar("S")
T = TypeVar("T")

_CHUNK = 1_000_000
"""Code points that are worked on in one call."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Several texts in one, as a string: that takes a quarter to a half of its code points' memory.

    Attributes:
        text: the texts' titles and bodies, readable, one after the other.
        bounds: where each title and each body begins, and the end, int64, shape (2 · texts + 1,).
        first_text: the number of the first text.
    """

    text: str
    bounds: NDArray[np.int64]
    first_text: int

    @property
    def codes(self) -> NDArray[np.uint32]:
        """Return the code points, uint32."""
        return kernel.code_points(self.text)


def chunks_of(texts: Sequence[Text]) -> Iterator[Chunk]:
    """Put texts, in order, into chunks of about a million code points.

    Raises:
        ValueError: one string is given in place of a sequence of them.
    """
    if isinstance(texts, str):
        raise ValueError("texts must be a sequence of texts, not one string: put it in a list")  # noqa: TRY004
    few: list[ArticleText] = []
    first_text = size = 0
    for number, text in enumerate(texts, start=1):
        few.append(ArticleText("", text, "body", None, ()) if isinstance(text, str) else text)
        size += len(few[-1].title) + len(few[-1].body)
        if size >= _CHUNK or number == len(texts):
            yield Chunk(*join(few), first_text)
            few, first_text, size = [], number, 0


def on_every_core(work: Callable[[S], T], items: Iterable[S]) -> list[T]:
    """Do the work on threads (the kernel releases the interpreter's lock); results in the items' order."""
    done: list[T] = Parallel(n_jobs=-1, prefer="threads")(delayed(work)(item) for item in items)
    return done


def shares(chunks: Sequence[Chunk]) -> Iterator[Sequence[Chunk]]:
    """Divide the chunks among the cores."""
    for start, end in pairwise(np.linspace(0, len(chunks), cpu_count() + 1).astype(int).tolist()):
        yield chunks[start:end]
