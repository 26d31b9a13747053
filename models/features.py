"""From an article's text to TF-IDF features, by the same code in training and in tagging."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models import kernel
from models.article import ArticleText


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


@dataclass(frozen=True, slots=True)
class Bag:
    """The known n-grams of one article, every occurrence; the title's first, then the body's.

    Attributes:
        rows: the feature of each, int32, shape (occurrences,).
        starts: where it starts in the lower-cased text of its field, code points, int32.
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


@dataclass(frozen=True, slots=True)
class Features:
    """The features a model knows: n-grams by hash, and their idf.

    Args:
        settings: how text becomes features.
        hashes: uint64, shape (features,), no two equal.
        idf: float32, shape (features,).
        slots: `kernel.build_slots(hashes)`, int32, shape (a power of two,); built when not given.

    Raises:
        ValueError: two n-grams share a hash.
    """

    settings: FeatureSettings
    hashes: NDArray[np.uint64]
    idf: NDArray[np.float32]
    slots: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))

    def __post_init__(self) -> None:
        if not len(self.slots):
            object.__setattr__(self, "slots", kernel.build_slots(self.hashes))
        if not len(self.slots):
            raise ValueError("two n-grams share a 64-bit hash: leave one of them out")

    def bag(self, text: ArticleText) -> Bag:
        """Find the known n-grams of an article."""
        title = self._occurrences(text.title)
        body = self._occurrences(text.body)
        in_title = len(title[0])
        amounts = np.ones(in_title + len(body[0]), np.float32)
        amounts[:in_title] = self.settings.title_weight
        return Bag(
            rows=np.concatenate((title[0], body[0])),
            starts=np.concatenate((title[1], body[1])),
            ends=np.concatenate((title[2], body[2])),
            amounts=amounts,
            in_title=in_title,
            tokens=title[3] + body[3],
            known=title[4] + body[4],
        )

    def vector(self, bag: Bag) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the distinct rows of a bag and their TF-IDF values, L2 norm 1."""
        return kernel.tf_idf(bag.rows, bag.amounts, self.idf, self.settings.sublinear_tf)

    def _occurrences(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], int, int]:
        return kernel.occurrences(
            kernel.code_points(text.lower()),
            kernel.word_table(),
            self.settings.shortest,
            self.settings.longest,
            self.slots,
            self.hashes,
        )


def lowering(text: str) -> NDArray[np.int32] | None:
    """Return where each code point of `text.lower()` comes from in `text`, int32; None where it is one to one."""
    if len(text.lower()) == len(text):
        return None
    return np.repeat(np.arange(len(text), dtype=np.int32), [len(point.lower()) for point in text])
