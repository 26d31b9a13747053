"""Many texts joined into chunks, for compiled loops on every core."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray

from tagdesk.models import kernel
from tagdesk.models.features import join
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.reading.normal_form import text_of

Text = ArticleText | str
"""The text of an article; a plain string has no title."""

S = TypeVar("S")
T = TypeVar("T")

_CHUNK = 1_000_000
"""Code points that one call works on."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Several texts in one string, which takes a quarter to half of the memory of their code points.

    Attributes:
        text: the titles and bodies of the texts in normal form, one after the other.
        bounds: where each title and each body begins, and the end of the last, int64, shape (2 · texts + 1,).
        first_text: the number of the first text.
    """

    text: str
    bounds: NDArray[np.int64]
    first_text: int

    @property
    def codes(self) -> NDArray[np.uint32]:
        """Return the code points, uint32."""
        return kernel.code_points(self.text)


def chunks_of(texts: Sequence[Text], version: int) -> Iterator[Chunk]:
    """Join texts, in their order and in a version's normal form, into chunks of about a million code points.

    Raises:
        ValueError: `texts` is a single string.
    """
    if isinstance(texts, str):
        raise ValueError("texts must be a sequence of texts, not one string: put it in a list")  # noqa: TRY004
    few: list[ArticleText] = []
    first_text = size = 0
    for number, text in enumerate(texts, start=1):
        few.append(ArticleText("", text, "body", None, ()) if isinstance(text, str) else text)
        size += len(few[-1].title) + len(few[-1].body)
        if size >= _CHUNK or number == len(texts):
            codes, bounds = join(few, version)
            yield Chunk(text_of(codes), bounds, first_text)
            few, first_text, size = [], number, 0


def on_every_core(work: Callable[[S], T], items: Iterable[S]) -> list[T]:
    """Apply a function to items in threads (the kernel releases the interpreter's lock); results in their order."""
    done: list[T] = Parallel(n_jobs=-1, prefer="threads")(delayed(work)(item) for item in items)
    return done


def shares(chunks: Sequence[Chunk]) -> Iterator[Sequence[Chunk]]:
    """Divide the chunks among the cores."""
    for start, end in pairwise(np.linspace(0, len(chunks), cpu_count() + 1).astype(int).tolist()):
        yield chunks[start:end]
