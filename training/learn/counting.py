"""Compiled loops over many texts at once: count n-grams, spell them, weigh them. Each releases the interpreter's lock.

A chunk holds the code points of several texts in one array: the title of the i-th text is from `bounds[2 * i]` to
`bounds[2 * i + 1]`, its body from there to `bounds[2 * i + 2]`.
"""

import numpy as np
from numpy.typing import NDArray

from tagdesk.models import kernel
from tagdesk.models.kernel import compiled
from tagdesk.models.prefetch import prefetch

_FREE = np.uint64(0)
_HALF = np.uint64(32)
_LAST = np.uint64(0xFFFFFFFF)
_SPACE = np.uint32(ord(" "))
_MARK = np.uint32(kernel.MARK)
_ASTERISK = np.uint32(ord("*"))
_LINE_FEED = np.uint32(ord("\n"))


@compiled
def count(
    codes: NDArray[np.uint32],
    bounds: NDArray[np.int64],
    words: NDArray[np.uint32],
    shortest: int,
    longest: int,
    least: int,
    most: int,
    lowest: np.uint64,
    highest: np.uint64,
    table: NDArray[np.uint64],
    first_text: int,
) -> int:
    """Count how many texts of a chunk contain each n-gram, or each part of a word if `most` is above 0.

    Args:
        codes: the chunk's code points.
        bounds: where its titles and bodies begin and end.
        words: see `tagdesk.models.kernel.ngrams`.
        shortest: see `tagdesk.models.kernel.ngrams`.
        longest: see `tagdesk.models.kernel.ngrams`.
        least: see `tagdesk.models.kernel.score`.
        most: see `tagdesk.models.kernel.score`.
        lowest: n-grams with a lower hash are not counted.
        highest: nor those with a higher one.
        table: open addressing, uint64, shape (slots, 2). First the n-gram's hash, 0 in a free slot; then the number of
            texts that contain it (upper half) and the number of the last of these (lower half). It must have room for
            every n-gram of the chunk.
        first_text: the number of the chunk's first text, from 1.

    Returns:
        How many n-grams were added.
    """
    mask = np.uint64(len(table) - 1)
    added = 0
    space = kernel.space_for(kernel.longest_of(bounds), shortest, longest, least, most)
    hashes = space.hashes
    for part in range(len(bounds) - 1):
        text = np.uint64(first_text + part // 2)
        tokens = kernel.add_tokens(codes, bounds[part], bounds[part + 1], words, 0, space)
        if most:
            ngrams = kernel.add_parts(codes, words, 0, tokens, least, most, 0, space)
        else:
            ngrams = kernel.add_ngrams(0, tokens, shortest, longest, 0, space)
        counted = 0
        for i in range(ngrams):
            if lowest <= hashes[i] <= highest:
                hashes[counted] = hashes[i]
                prefetch(table, hashes[counted] & mask)
                counted += 1
        for i in range(counted):
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
    """Return the slot of a hash in a table of `count`; the free slot for it where it is not there yet."""
    mask = np.uint64(len(table) - 1)
    slot = key & mask
    while table[slot, 0] != key and table[slot, 0] != _FREE:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def merge(table: NDArray[np.uint64], more: NDArray[np.uint64]) -> int:
    """Add the counts of table `more` to `table`, which must have room; return the number of n-grams added."""
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
        words: see `tagdesk.models.kernel.ngrams`.
        shortest: see `tagdesk.models.kernel.ngrams`.
        longest: see `tagdesk.models.kernel.ngrams`.
        slots: see `tagdesk.models.kernel.build_slots`.
        hashes: of the n-grams to spell, uint64.
        spelled: which of them are spelled already, bool, the same shape; those spelled now are added.

    Returns:
        Rows of the n-grams spelled now, int32; and their code points, uint32: words separated by spaces, a line feed
        after each n-gram.
    """
    rows = np.empty(len(hashes), np.int32)
    spelling = np.empty(len(codes) * longest * (longest + 1), np.uint32)  # a code point is in few n-grams
    space = kernel.space_for(kernel.longest_of(bounds), shortest, longest)
    count = 0
    filled = 0
    for part in range(len(bounds) - 1):
        text = codes[bounds[part] : bounds[part + 1]]
        known, _, tokens, _, _ = kernel.find_known(text, len(text), words, shortest, longest, slots, hashes, space)
        for i in range(known):
            row = space.rows[i]
            if spelled[row]:
                continue
            spelled[row] = True
            rows[count] = row
            count += 1
            first, length = _token_span(space.among[i], tokens, shortest)
            stretch = text[space.starts[first] : space.ends[first + length - 1]]
            filled = _append_words(stretch, words, spelling, filled)
            spelling[filled] = _LINE_FEED
            filled += 1
    return rows[:count].copy(), spelling[:filled].copy()


@compiled
def _token_span(place: int, tokens: int, shortest: int) -> tuple[int, int]:
    """Return the first token of an n-gram, and its number of tokens.

    Args:
        place: of the n-gram among all n-grams of a text: the shortest come first, those of one length in the order of
            their first tokens. A text has `tokens` + 1 - n n-grams of length n.
        tokens: number of tokens in the text.
        shortest: length of the shortest n-grams.
    """
    first, length = place, shortest
    while first > tokens - length:
        first -= tokens + 1 - length
        length += 1
    return first, length


@compiled
def _append_words(
    text: NDArray[np.uint32], words: NDArray[np.uint32], spelling: NDArray[np.uint32], filled: int
) -> int:
    """Write the tokens of a text to `spelling` from `filled` on, with a space between two; return where they end.

    A token has two word characters or more: a single one between two tokens is taken back.
    """
    begin = filled  # of the word that is being written
    for at in range(len(text)):
        code = words[text[at]]
        if code >= _MARK and filled == begin:  # a mark begins no word
            continue
        if code != 0:
            spelling[filled] = code & ~_MARK
            filled += 1
        elif filled - begin > 1:
            spelling[filled] = _SPACE
            filled += 1
            begin = filled
        else:
            filled = begin
    return filled


@compiled
def spell_parts(
    codes: NDArray[np.uint32],
    bounds: NDArray[np.int64],
    words: NDArray[np.uint32],
    least: int,
    most: int,
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    spelled: NDArray[np.bool_],
) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
    """Spell the parts of words of a chunk that are not spelled yet, as `spell` does n-grams.

    An asterisk stands where the word may go on: `parl*` begins a word, `*ment` ends one.
    """
    rows = np.empty(len(hashes), np.int32)
    spelling = np.empty(len(hashes) * (most + 3), np.uint32)
    space = kernel.space_for(kernel.longest_of(bounds), 1, 1, least, most)
    count = 0
    filled = 0
    for field in range(len(bounds) - 1):
        tokens = kernel.add_tokens(codes, bounds[field], bounds[field + 1], words, 0, space)
        for token in range(tokens):
            start, end = space.starts[token], space.ends[token]
            part = 0
            kernel.add_parts(codes, words, token, token + 1, least, most, 0, space)
            for at in range(start - 1, end):
                for stop in range(at + least, min(at + most, end + 1) + 1):
                    if at < start and stop > end:
                        continue  # the whole word
                    row = kernel.row_of(space.hashes[part], slots, hashes)
                    part += 1
                    if row < 0 or spelled[row]:
                        continue
                    spelled[row] = True
                    rows[count] = row
                    count += 1
                    if at >= start:
                        spelling[filled] = _ASTERISK
                        filled += 1
                    for place in range(max(at, start), min(stop, end)):
                        spelling[filled] = words[codes[place]] & ~_MARK
                        filled += 1
                    if stop <= end:
                        spelling[filled] = _ASTERISK
                        filled += 1
                    spelling[filled] = _LINE_FEED
                    filled += 1
    return rows[:count].copy(), spelling[:filled].copy()


@compiled
def _order(rows: NDArray[np.int32], features: int, orders: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the order that sorts distinct rows, by radix sort, which is several times as fast as `np.argsort`.

    Args:
        rows: int32, shape (rows,), each from 0 to `features` - 1.
        features: number of features.
        orders: working memory, int32, shape (2, at least the number of rows).
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
    least: int,
    most: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
    """Return a chunk's TF-IDF matrix as CSR: indices (sorted in each row), values, and the number of them per text."""
    texts = len(bounds) // 2
    room = len(codes) // 2 * (longest - shortest + 1) + texts
    if most:
        room += 2 * len(codes) * (most - least + 1)
    indices, values = np.empty(room, np.int32), np.empty(room, np.float64)
    lengths = np.empty(texts, np.int64)
    space = kernel.space_for(kernel.longest_of(bounds), shortest, longest, least, most)
    most_of_text = 2 * len(space.hashes)  # n-grams and parts together
    orders = np.empty((2, most_of_text), np.int32)
    rows, row_values = np.empty(most_of_text, np.int32), np.empty(most_of_text, np.float64)
    filled = 0
    for i in range(texts):
        start, split, end = bounds[2 * i], bounds[2 * i + 1], bounds[2 * i + 2]
        known, in_title, title_tokens, tokens, _ = kernel.find_known(
            codes[start:end], split - start, words, shortest, longest, slots, hashes, space
        )
        count = kernel.weigh(known, in_title, title_weight, idf, sublinear, space)
        rows[:count], row_values[:count] = space.distinct[:count], space.values[:count]
        if most:
            known, in_title = kernel.find_parts(
                codes[start:end], title_tokens, tokens, words, least, most, slots, hashes, space
            )
            parts = kernel.weigh(known, in_title, title_weight, idf, sublinear, space)
            rows[count : count + parts] = space.distinct[:parts]
            row_values[count : count + parts] = space.values[:parts]
            count += parts
        lengths[i] = count
        for place in _order(rows[:count], len(hashes), orders):
            indices[filled], values[filled] = rows[place], row_values[place]
            filled += 1
    return indices[:filled].copy(), values[:filled].copy(), lengths
