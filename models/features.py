"""From an article's text to TF-IDF features, by the same code in training and in tagging."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from tagdesk.models import kernel
from tagdesk.models.reading import normal_form
from tagdesk.models.reading.article import ArticleText


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """How text becomes features.

    Args:
        shortest: least number of words in an n-gram.
        longest: largest number of words in an n-gram.
        title_weight: how many occurrences in the body one in the title is worth, at least 1.
        sublinear_tf: use 1 + ln tf in place of tf.
        reading: a version of `tagdesk.models.reading.normal_form`.
        shortest_part: least number of code points in a part of a word; each end of the word counts as one.
        longest_part: largest number of them; 0 for no parts.

    Raises:
        ValueError: naming every fault at once.
    """

    shortest: int = 1
    longest: int = 2
    title_weight: float = 1.0
    sublinear_tf: bool = True
    reading: int = normal_form.LATEST
    shortest_part: int = 0
    longest_part: int = 0

    def __post_init__(self) -> None:
        faults = []
        if not 1 <= self.shortest <= self.longest <= 5:
            faults.append(f"n-grams of {self.shortest} to {self.longest} words: 1 <= shortest <= longest <= 5")
        if not 1 <= self.title_weight <= 100:
            faults.append(f"title_weight {self.title_weight}: 1 to 100")
        parts = self.shortest_part, self.longest_part
        if parts != (0, 0) and not 2 <= self.shortest_part <= self.longest_part <= 8:
            faults.append(f"parts of {parts[0]} to {parts[1]} code points: 2 <= shortest_part <= longest_part <= 8")
        if self.reading not in normal_form.VERSIONS:
            faults.append(f"reading {self.reading}: this version of Tagdesk knows {normal_form.VERSIONS}")
        if faults:
            raise ValueError("; ".join(faults))


@dataclass(frozen=True, slots=True, eq=False)
class Bag:
    """The known features of one article: every occurrence, in the order of the ends; the title's, then the body's.

    The place of a part of a word is that of the word.

    Attributes:
        rows: the feature of each, int32, shape (occurrences,).
        starts: where it starts in the normal form of its field, code points, int32.
        ends: where it ends, exclusive, int32.
        amounts: how much it counts, float32.
        is_part: whether it is a part of a word, bool.
        in_title: how many of the occurrences are the title's.
        tokens: number of tokens, known or not.
        known: number of the shortest n-grams that are features.
    """

    rows: NDArray[np.int32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    amounts: NDArray[np.float32]
    is_part: NDArray[np.bool_]
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
        """Find the known features of an article."""
        settings = self.settings
        codes, bounds = join([text], settings.reading)
        split, words = int(bounds[1]), normal_form.word_table(settings.reading)
        rows, starts, ends, in_title, tokens, known = kernel.occurrences(
            codes, split, words, settings.shortest, settings.longest, self.slots, self.hashes
        )
        is_part = np.zeros(len(rows), np.bool_)
        if settings.longest_part:
            *parts, _ = kernel.part_occurrences(
                codes, split, words, settings.shortest_part, settings.longest_part, self.slots, self.hashes
            )
            is_part = np.append(is_part, np.ones(len(parts[0]), np.bool_))
            rows, starts, ends = map(np.concatenate, zip((rows, starts, ends), parts, strict=True))
            in_title = int((starts < split).sum())
        in_reading_order = np.lexsort((starts, ends))
        rows, starts, ends = rows[in_reading_order], starts[in_reading_order], ends[in_reading_order]
        starts[in_title:] -= split
        ends[in_title:] -= split
        amounts = np.ones(len(rows), np.float32)
        amounts[:in_title] = settings.title_weight
        return Bag(rows, starts, ends, amounts, is_part[in_reading_order], in_title, tokens, known)

    def vector(self, bag: Bag) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the distinct rows of a bag and their TF-IDF values: n-grams to L2 norm 1, and parts to L2 norm 1."""
        kinds = (bag.is_part == kind for kind in ((False, True) if self.settings.longest_part else (False,)))
        found = [
            kernel.tf_idf(bag.rows[kind], bag.amounts[kind], self.idf, self.settings.sublinear_tf) for kind in kinds
        ]
        rows, values = (np.concatenate(part) for part in zip(*found, strict=True))
        return rows, values

    def score(
        self,
        texts: Sequence[ArticleText],
        weights: kernel.Weights,
        lines: NDArray[np.float64],
        above: NDArray[np.int32],
        *,
        every: bool = False,
    ) -> NDArray[np.float64]:
        """Score articles; see `kernel.score` for what it takes and returns."""
        settings = self.settings
        codes, bounds = join(texts, settings.reading)
        return kernel.score(
            codes,
            bounds,
            normal_form.word_table(settings.reading),
            settings.shortest,
            settings.longest,
            self.slots,
            self.hashes,
            settings.title_weight,
            self.idf,
            settings.sublinear_tf,
            weights,
            lines,
            above,
            settings.shortest_part,
            settings.longest_part,
            every,
        )


def join(texts: Iterable[ArticleText], version: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return titles and bodies in the normal form of a version of `tagdesk.models.reading.normal_form`, joined.

    Returns:
        Their code points, uint32, and where each begins, and the end, int64, shape (2 · texts + 1,).
    """
    parts: list[NDArray[np.uint32]] = []
    lengths: list[int] = []
    for text in texts:
        fields, codes = (text.title, text.body), text.codes
        if codes is None or version == 1:
            kinds = normal_form.kinds_in("".join(fields)) if text.kinds is None else text.kinds
            if not all(normal_form.is_plain(field, kinds, version) for field in fields):
                fields = normal_form.read(text.title, version), normal_form.read(text.body, version)
            codes = kernel.code_points("".join(fields))
        parts.append(codes)
        lengths += map(len, fields)
    bounds = np.array([*accumulate(lengths, initial=0)], np.int64)
    if len(parts) == 1:
        return parts[0], bounds
    joined = np.concatenate([kernel.code_points(""), *parts])
    joined.flags.writeable = False  # as those of one text are: else the kernel would be compiled twice
    return joined, bounds
