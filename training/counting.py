"""Compiled loops over many texts at once: count n-grams, spell them, weigh them. Each releases the interpreter's lock.

A chunk is several texts' code points in one array; `bounds[2 * i]` to `bounds[2 * i + 1]` is the title of its i-th
text, and from there to `bounds[2 * i + 2]` its body.
"""

import numpy as np
from numpy.typing import NDArray

from models import kernel
from models.kernel import compiled

_FREE = np.uint64(0)
_SPACE = np.uint32(ord(" "))
_LINE_FEED = np.uint32(ord("\n"))


@compiled
def count(
    codes: NDArray[np.uint32],
    bounds: NDArray[np.int64],
    words: NDArray[np.uint32],
    shortest: int,
    longest: int,
    keys: NDArray[np.uint64],
    df: NDArray[np.int32],
    last: NDArray[np.int32],
    first_text: int,
) -> int:
    """Count in how many texts of a chunk each n-gram stands.

    Args:
        codes: the chunk's code points.
        bounds: where its titles and bodies begin and end.
        words: see `models.kernel.ngrams`.
        shortest: see `models.kernel.ngrams`.
        longest: see `models.kernel.ngrams`.
        keys: open-addressing table of n-gram hashes, 0 where free; must have room for every n-gram of the chunk.
        df: texts counted so far, int32, the shape of `keys`.
        last: the last text that had the n-gram, int32, the shape of `keys`, -1 at first.
        first_text: the number of the chunk's first text.

    Returns:
        How many keys were added.
    """
    mask = np.uint64(len(keys) - 1)
    added = 0
    for part in range(len(bounds) - 1):
        text = first_text + part // 2
        hashes, _, _, _ = kernel.ngrams(codes[bounds[part] : bounds[part + 1]], words, shortest, longest)
        for key in hashes:
            slot = key & mask
            while keys[slot] != key and keys[slot] != _FREE:
                slot = (slot + np.uint64(1)) & mask
            if keys[slot] == _FREE:
                keys[slot] = key
                added += 1
            if last[slot] != text:
                last[slot] = text
                df[slot] += 1
    return added


@compiled
def grow(
    keys: NDArray[np.uint64], df: NDArray[np.int32], last: NDArray[np.int32], size: int
) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32]]:
    """Move a table of `count` into one of `size` slots, a power of two."""
    new_keys = np.zeros(size, np.uint64)
    new_df = np.zeros(size, np.int32)
    new_last = np.full(size, -1, np.int32)
    mask = np.uint64(size - 1)
    for i in range(len(keys)):
        if keys[i] != _FREE:
            slot = keys[i] & mask
            while new_keys[slot] != _FREE:
                slot = (slot + np.uint64(1)) & mask
            new_keys[slot], new_df[slot], new_last[slot] = keys[i], df[i], last[i]
    return new_keys, new_df, new_last


@compiled
def merge(
    keys: NDArray[np.uint64], df: NDArray[np.int32], more_keys: NDArray[np.uint64], more_df: NDArray[np.int32]
) -> int:
    """Add the counts of one table of `count` to another that has room for them; return how many keys were added."""
    mask = np.uint64(len(keys) - 1)
    added = 0
    for i in range(len(more_keys)):
        if more_keys[i] == _FREE:
            continue
        slot = more_keys[i] & mask
        while keys[slot] != more_keys[i] and keys[slot] != _FREE:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot] == _FREE:
            keys[slot] = more_keys[i]
            added += 1
        df[slot] += more_df[i]
    return added


@compiled
def spell(
    codes: NDArray[np.uint32],
    bounds: NDArray[np.int64],
    words: NDArray[np.uint32],
    shortest: int,
    longest: int,
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    spelled: NDArray[np.bool_],
) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
    """Spell the n-grams of a chunk that are not spelled yet.

    Args:
        codes: the chunk's code points.
        bounds: where its titles and bodies begin and end.
        words: see `models.kernel.ngrams`.
        shortest: see `models.kernel.ngrams`.
        longest: see `models.kernel.ngrams`.
        slots: see `models.kernel.build_slots`.
        hashes: of the n-grams to spell, uint64.
        spelled: which of them are, bool, the same shape. Filled.

    Returns:
        Rows of the n-grams spelled now, int32; the code points of their words with a space between two, and a line
        feed behind each n-gram, uint32.
    """
    rows = np.empty(len(hashes), np.int32)
    spelling = np.empty(len(codes) * longest * (longest + 1), np.uint32)  # a code point is in few n-grams
    found = 0
    filled = 0
    for part in range(len(bounds) - 1):
        text = codes[bounds[part] : bounds[part + 1]]
        known, starts, ends, _, _ = kernel.occurrences(text, words, shortest, longest, slots, hashes)
        for i in range(len(known)):
            if spelled[known[i]]:
                continue
            spelled[known[i]] = True
            rows[found] = known[i]
            found += 1
            begin = filled  # of the word
            for at in range(starts[i], ends[i]):
                code = words[text[at]]
                if code != 0:
                    spelling[filled] = code
                    filled += 1
                elif filled - begin > 1:
                    spelling[filled] = _SPACE
                    filled += 1
                    begin = filled
                else:
                    filled = begin
            spelling[filled] = _LINE_FEED
            filled += 1
    return rows[:found].copy(), spelling[:filled].copy()


@compiled
def weigh(
    codes: NDArray[np.uint32],
    bounds: NDArray[np.int64],
    words: NDArray[np.uint32],
    shortest: int,
    longest: int,
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    title_weight: float,
    idf: NDArray[np.float32],
    sublinear: bool,
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
    """Return a chunk's TF-IDF matrix as CSR: indices (sorted in each row), values and how many each text has."""
    texts = len(bounds) // 2
    room = len(codes) // 2 * (longest - shortest + 1) + texts
    indices, values = np.empty(room, np.int32), np.empty(room, np.float64)
    lengths = np.empty(texts, np.int64)
    filled = 0
    for i in range(texts):
        title = codes[bounds[2 * i] : bounds[2 * i + 1]]
        body = codes[bounds[2 * i + 1] : bounds[2 * i + 2]]
        rows, _, _, amounts, _, _, _ = kernel.bag(title, body, words, shortest, longest, slots, hashes, title_weight)
        distinct, weighed = kernel.tf_idf(rows, amounts, idf, sublinear)
        order = np.argsort(distinct)
        end = filled + len(order)
        indices[filled:end] = distinct[order]
        values[filled:end] = weighed[order]
        lengths[i] = len(order)
        filled = end
    return indices[:filled].copy(), values[:filled].copy(), lengths
