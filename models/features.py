"""From an article's text to TF-IDF features, by the same code in training and in tagging."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from models import kernel
from models.article import ArticleText

_Codes = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """How text becomes features.

    Args:
        shortest: least number of words in an n-gram.
        longest: largest number of words in an n-gram.
        title_weight: how many occurrences in the body one in the title is worth, at least 1.
        sublinear_tf: use 1 + ln tf in place of tf.

    Raises:
        ValueError: naming every fault at once.
    """

    shortest: int = 1
    longest: int = 2
    title_weight: float = 1.0
    sublinear_tf: bool = True

    def __post_init__(self) -> None:
        faults = []
        if not 1 <= self.shortest <= self.longest <= 5:
            faults.append(f"n-grams of {self.shortest} to {self.longest} words: 1 <= shortest <= longest <= 5")
        if not 1 <= self.title_weight <= 100:
            faults.append(f"title_weight {self.title_weight}: 1 to 100")
        if faults:
            raise ValueError("; ".join(faults))


@dataclass(frozen=True, slots=True, eq=False)
class Bag:
    """The known n-grams of one article, every occurrence as it is read, by its end; the title's, then the body's.

    Attributes:
        rows: the feature of each, int32, shape (occurrences,).
        starts: where it starts in the `kernel.readable` text of its field, code points, int32.
        ends: where it ends, exclusive, int32.
        amounts: how much it counts, float32.
        in_title: how many of the occurrences are the title's.
        tokens: number of tokens, known or not.
        known: number of the shortest n-grams that are features.
    """

    rows: NDArray[np.int32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    amounts: NDArray[np.float32]
    in_title: int
    tokens: int
    known: int


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The features a model knows: n-grams by hash, and their idf.

    Args:
        settings: how text becomes features.
        hashes: uint64, shape (features,), no two equal.
        idf: float32, shape (features,).
        slots: `kernel.build_slots(hashes)`, int32, shape (a power of two,); built when not given.

    Raises:
        ValueError: there are no n-grams, or two share a hash.
    """

    settings: FeatureSettings
    hashes: NDArray[np.uint64]
    idf: NDArray[np.float32]
    slots: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))

    def __post_init__(self) -> None:
        if not len(self.hashes):
            raise ValueError("there are no n-grams: a model needs at least one")
        if not len(self.slots):
            object.__setattr__(self, "slots", kernel.build_slots(self.hashes))
        if not len(self.slots):
            raise ValueError("two n-grams share a 64-bit hash: leave one of them out")

    def bag(self, text: ArticleText) -> Bag:
        """Find the known n-grams of an article."""
        joined, bounds = join([text])
        split, settings = int(bounds[1]), self.settings
        rows, starts, ends, in_title, tokens, known = kernel.occurrences(
            kernel.code_points(joined),
            split,
            kernel.word_table(),
            settings.shortest,
            settings.longest,
            self.slots,
            self.hashes,
        )
        in_reading_order = np.lexsort((starts, ends))
        rows, starts, ends = rows[in_reading_order], starts[in_reading_order], ends[in_reading_order]
        starts[in_title:] -= split
        ends[in_title:] -= split
        amounts = np.ones(len(rows), np.float32)
        amounts[:in_title] = settings.title_weight
        return Bag(rows, starts, ends, amounts, in_title, tokens, known)

    def vector(self, bag: Bag) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the distinct rows of a bag and their TF-IDF values, L2 norm 1."""
        return kernel.tf_idf(bag.rows, bag.amounts, self.idf, self.settings.sublinear_tf)

    def score(
        self,
        texts: Sequence[ArticleText],
        weights: NDArray[np.float32],
        lines: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Score articles; see `kernel.score` for what it takes and returns."""
        joined, bounds = join(texts)
        settings = self.settings
        return kernel.score(
            kernel.code_points(joined),
            bounds,
            kernel.word_table(),
            settings.shortest,
            settings.longest,
            self.slots,
            self.hashes,
            settings.title_weight,
            self.idf,
            settings.sublinear_tf,
            weights,
            lines,
        )


def join(texts: Iterable[ArticleText]) -> tuple[str, NDArray[np.int64]]:
    """Return `kernel.readable` titles and bodies in one string, and where each begins, and the end.

    Returns:
        The string, and int64, shape (2 · texts + 1,).
    """
    parts: list[str] = []
    for text in texts:
        parts += text.title, text.body
    joined = "".join(parts)
    if kernel.readable(joined) is not joined:  # each by itself, as what stands around a letter matters
        parts = list(map(kernel.readable, parts))
        joined = "".join(parts)
    return joined, np.array([*accumulate(map(len, parts), initial=0)], np.int64)


def origins(text: str) -> NDArray[np.int32] | None:
    """Return where each code point of `kernel.readable(text)` comes from, int32; None where it is one to one."""
    if len(kernel.readable(text)) == len(text):
        return None
    return np.repeat(np.arange(len(text), dtype=np.int32), [len(point.lower()) for point in text])
