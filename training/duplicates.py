"""Near duplicates: the same story sent twice, found by MinHash of word triples.

Broder, "On the resemblance and containment of documents", 1997. A near duplicate of an article that was trained on is
no test of anything: groups of them stay on one side of every split.
"""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from models import kernel
from models.kernel import compiled
from training.chunks import Chunk, Text, chunks_of, on_every_core

WORDS = 3
"""Words in a shingle; of shorter texts the words themselves."""

LIKENESS = 0.5
"""Share of two texts' shingles, of all that either has, from which they count as one story (Jaccard's index)."""

_MINIMA = 64
_BAND = 4
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


def duplicate_groups(texts: Sequence[Text]) -> NDArray[np.int64]:
    """Say which texts are near duplicates of each other.

    64 minima stand for a text. Two texts are compared where they agree in four minima in a row that begin at a
    multiple of four, which at `LIKENESS` happens to two pairs in three, and above 0.75 to nearly all; they are
    duplicates where they share at least `LIKENESS` of the minima.

    Returns:
        The number of the first text of each text's group, int64, shape (texts,): its own where it has no duplicate.
    """
    parts = on_every_core(_signatures, chunks_of(texts))
    if not parts:
        return np.empty(0, np.int64)
    minima = np.concatenate(parts)
    pairs = [_alike(minima, band) for band in range(0, _MINIMA, _BAND)]
    left, right = np.concatenate(pairs, axis=1)
    graph = sp.coo_matrix((np.ones(len(left), np.bool_), (left, right)), (len(texts), len(texts)))
    _, group = connected_components(graph, directed=False)
    first = np.full(len(texts), len(texts))
    np.minimum.at(first, group, np.arange(len(texts)))
    found: NDArray[np.int64] = first[group]
    return found


def _signatures(chunk: Chunk) -> NDArray[np.uint64]:
    return _minima(chunk.codes, chunk.bounds, kernel.word_table())


@compiled
def _minima(codes: NDArray[np.uint32], bounds: NDArray[np.int64], words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return each text's least value of every hash function, uint64, shape (texts, minima); all ones for no word."""
    texts = len(bounds) // 2
    minima = np.full((texts, _MINIMA), np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64)
    for text in range(texts):
        whole = codes[bounds[2 * text] : bounds[2 * text + 2]]
        shingles, _, _, tokens = kernel.ngrams(whole, words, WORDS, WORDS)
        if tokens < WORDS:
            shingles, _, _, _ = kernel.ngrams(whole, words, 1, 1)
        for shingle in shingles:
            value = shingle
            for i in range(_MINIMA):
                value = (value ^ (value >> _SHIFT)) * _MULTIPLIER + np.uint64(i)
                minima[text, i] = min(minima[text, i], value)
    return minima


def _alike(minima: NDArray[np.uint64], band: int) -> NDArray[np.int64]:
    """Return pairs of neighbours among the texts that agree in a band, where they are duplicates: int64, (2, pairs)."""
    key = minima[:, band : band + _BAND]
    order = np.lexsort(key.T)
    order = order[minima[order, 0] != np.uint64(0xFFFFFFFFFFFFFFFF)]
    one, other = order[:-1], order[1:]
    same = (key[one] == key[other]).all(axis=1)
    one, other = one[same], other[same]
    like = (minima[one] == minima[other]).mean(axis=1) >= LIKENESS
    return np.stack((one[like], other[like]))
