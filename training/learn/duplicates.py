"""Near duplicates: the same story sent twice, found by MinHash of word triples.

Broder, "On the resemblance and containment of documents", 1997. Near duplicates of articles that were learned from
test nothing: a group of them stays on one side of every split.
"""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from tagdesk.models import kernel
from tagdesk.models.kernel import compiled
from tagdesk.models.reading import normal_form
from tagdesk.training.learn.chunks import Chunk, Text, chunks_of, on_every_core

WORDS = 3
"""Words in a shingle; in a shorter text every word is one."""

LIKENESS = 0.5
"""Jaccard index of two texts' shingles (the share that both have, of all that either has) of near duplicates."""

_MINIMA = 64
_BAND = 4
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


def duplicate_groups(texts: Sequence[Text]) -> NDArray[np.int64]:
    """Group the texts that are near duplicates of each other.

    A text is represented by 64 minima, in 16 bands of four. Texts that agree in a whole band are candidates: at
    `LIKENESS` two pairs in three do, above 0.75 nearly all. Each candidate is compared only with the next one, in the
    order of `texts`, and the two are duplicates if they share at least `LIKENESS` of the minima. Among texts made from
    one template, a pair may therefore stay apart when others come between them.

    Returns:
        The number of the first text in each text's group, int64, shape (texts,): its own if it has no duplicate.
    """
    parts = on_every_core(_signatures, chunks_of(texts, normal_form.LATEST))
    if not parts:
        return np.empty(0, np.int64)
    minima = np.concatenate(parts)
    pairs = [_alike(minima, band) for band in range(0, _MINIMA, _BAND)]
    left, right = np.concatenate(pairs, axis=1)
    graph = sp.coo_matrix((np.ones(len(left), np.bool_), (left, right)), (len(texts), len(texts)))
    _, group = connected_components(graph, directed=False)
    first = np.full(len(texts), len(texts))
    np.minimum.at(first, group, np.arange(len(texts)))
    first_of_group: NDArray[np.int64] = first[group]
    return first_of_group


def _signatures(chunk: Chunk) -> NDArray[np.uint64]:
    return _minima(chunk.codes, chunk.bounds, normal_form.word_table())


@compiled
def _minima(codes: NDArray[np.uint32], bounds: NDArray[np.int64], words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return each text's minimum of every hash function, uint64, shape (texts, minima); all bits set for no words."""
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
    """Return the duplicates among texts that agree in a band, each compared with the next: int64, shape (2, pairs)."""
    key = minima[:, band : band + _BAND]
    order = np.lexsort(key.T)
    order = order[minima[order, 0] != np.uint64(0xFFFFFFFFFFFFFFFF)]
    left, right = order[:-1], order[1:]
    same_band = (key[left] == key[right]).all(axis=1)
    left, right = left[same_band], right[same_band]
    alike = (minima[left] == minima[right]).mean(axis=1) >= LIKENESS
    return np.stack((left[alike], right[alike]))
