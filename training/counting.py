"""Compiled loops over many texts at once: count n-grams, spell them, weigh them. Each releases the interpreter's lock.

A chunk is several texts' code points in one array; `bounds[2 * i]` to `bounds[2 * i + 1]` is the title of its i-th
text, and from there to `bounds[2 * i + 2]` its body.
"""

import numpy as np
from numpy.typing import NDArray

from models import kernel
from models.kernel import compiled
from models.prefetch import prefetch

_FREE = np.uint64(0)
_HALF = np.uint64(32)
_LAST = np.uint64(0xFFFFFFFF)
_SPACE = np.uint32(ord(" "))
_LINE_FEED = np.uint32(ord("\n"))


@compiled
def count(
    codes: NDArray[np.uint32],
    bounds: NDArray[np.int64],
    words: NDArray[np.uint32],
    shortest: int,
    longest: int,
    table: NDArray[np.uint64],
    first_text: int,
) -> int:
    """Count in how many texts of a chunk each n-gram stands.

    Args:
        codes: the chunk's code points.
        bounds: where its titles and bodies begin and end.
        words: see `models.kernel.ngrams`.
        shortest: see `models.kernel.ngrams`.
        longest: see `models.kernel.ngrams`.
        table: open addressing, uint64, shape (slots, 2): the n-gram's hash, 0 where free; in how many texts it stands
            (upper half) and the last of them (lower half). Must have room for every n-gram of the chunk.
        first_text: the number of the chunk's first text, from 1.

    Returns:
        How many n-grams were added.
    """
    mask = np.uint64(len(table) - 1)
    added = 0
    space = kernel.space_for(kernel.longest_of(bounds), shortest, longest)
    hashes = space.hashes
    for part in range(len(bounds) - 1):
        text = np.uint64(first_text + part // 2)
        tokens = kernel.add_tokens(codes, bounds[part], bounds[part + 1], words, 0, space)
        found = kernel.add_ngrams(0, tokens, shortest, longest, 0, space)
        for i in range(found):
            prefetch(table, hashes[i] & mask)
        for i in range(found):
            slot = hashes[i] & mask
            if table[slot, 0] != hashes[i]:
                slot = _slot(hashes[i], table)
            if table[slot, 0] == _FREE:
                table[slot, 0] = hashes[i]
                added += 1
            if table[slot, 1] & _LAST != text:
                table[slot, 1] = (table[slot, 1] >> _HALF) + np.uint64(1) << _HALF | text
    return added


@compiled
def _slot(key: np.uint64, table: NDArray[np.uint64]) -> np.uint64:
    """Return where a hash stands in a table of `count`, or is to stand."""
    mask = np.uint64(len(table) - 1)
    slot = key & mask
    while table[slot, 0] != key and table[slot, 0] != _FREE:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def merge(table: NDArray[np.uint64], more: NDArray[np.uint64]) -> int:
    """Add the counts of one table of `count` to another that has room for them; return how many n-grams were added."""
    added = 0
    for i in range(len(more)):
        if more[i, 0] == _FREE:
            continue
        slot = _slot(more[i, 0], table)
        if table[slot, 0] == _FREE:
            table[slot, 0] = more[i, 0]
            added += 1
        table[slot, 1] += more[i, 1] & ~_LAST
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
    space = kernel.space_for(kernel.longest_of(bounds), shortest, longest)
    found = 0
    filled = 0
    for part in range(len(bounds) - 1):
        text = codes[bounds[part] : bounds[part + 1]]
        known, _, tokens, _, _ = kernel.find_known(text, len(text), words, shortest, longest, slots, hashes, space)
        for i in range(known):
            row = space.rows[i]
            if spelled[row]:
                continue
            spelled[row] = True
            rows[found] = row
            found += 1
            begin = filled  # of the word
            first, n = space.among[i], shortest
            while first > tokens - n:  # behind all n-grams of that length
                first -= tokens + 1 - n
                n += 1
            for at in range(space.starts[first], space.ends[first + n - 1]):
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
def _order(rows: NDArray[np.int32], features: int, orders: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the places of distinct rows in rising order, by radix sort: several times as fast as `np.argsort`.

    Args:
        rows: int32, shape (rows,), each from 0 to `features` - 1.
        features: how many there are.
        orders: room to work in, int32, shape (2, at least as many as there are rows).
    """
    order: NDArray[np.int32] = orders[0]
    sorted_by_next: NDArray[np.int32] = orders[1]
    for place in range(len(rows)):
        order[place] = place
    ends = np.empty(256, np.int32)
    shift = 0
    while features >> shift:
        ends[:] = 0
        for row in rows:
            ends[row >> shift & 255] += 1
        for digit in range(1, 256):
            ends[digit] += ends[digit - 1]
        for i in range(len(rows) - 1, -1, -1):
            digit = rows[order[i]] >> shift & 255
            ends[digit] -= 1
            sorted_by_next[ends[digit]] = order[i]
        order, sorted_by_next = sorted_by_next, order
        shift += 8
    return order[: len(rows)]


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
    orders = np.empty((2, room), np.int32)
    space = kernel.space_for(kernel.longest_of(bounds), shortest, longest)
    filled = 0
    for i in range(texts):
        start, split, end = bounds[2 * i], bounds[2 * i + 1], bounds[2 * i + 2]
        known, in_title, _, _, _ = kernel.find_known(
            codes[start:end], split - start, words, shortest, longest, slots, hashes, space
        )
        lengths[i] = kernel.weigh(known, in_title, title_weight, idf, sublinear, space)
        for place in _order(space.distinct[: lengths[i]], len(hashes), orders):
            indices[filled], values[filled] = space.distinct[place], space.values[place]
            filled += 1
    return indices[:filled].copy(), values[:filled].copy(), lengths
