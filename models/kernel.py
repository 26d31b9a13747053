"""Compiled core: text to hashed word n-grams, to the rows of a feature table, to scores, in one pass.

A token is a run of two or more word characters, as `tagdesk.models.reading.normal_form` says. An n-gram is known by a
64-bit hash of its tokens; the table is open-addressing with linear probing: `slots[hash & mask]` holds a row or -1, and
`hashes[row]` tells whether it is the right one.

Parts of words are runs of code points within a token, its ends counting as one each. They stand in the same table, and
are weighed among themselves: the vector of an article is that of its n-grams and that of its parts side by side.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tagdesk.models.prefetch import prefetch

Compiled = TypeVar("Compiled", bound=Callable[..., object])

MARK = 1 << 31
"""Added to the code of a combining mark, which may stand within a word and does not begin one."""

FNV_OFFSET = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
_MIX_1 = np.uint64(0x9E3779B97F4A7C15)
_MIX_2 = np.uint64(0xD6E8FEB86659FD93)
_SHIFT = np.uint64(32)
_PART = np.uint64(0xA24BAED4963EE407)
_AHEAD = 16
"""Rows of weights that are on their way while others are added up."""
END = np.uint64(1)
"""The code of an end of a token, in the parts of it; no code point is read as this."""


def compiled(function: Compiled) -> Compiled:
    """Compile with numba at the first call, without the interpreter's lock; kept on disk where that can be written."""
    try:
        return cast(Compiled, njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba finds no folder to write to
        return cast(Compiled, njit(nogil=True)(function))


def code_points(text: str) -> NDArray[np.uint32]:
    """Return the code points of `text` as uint32, lone surrogates kept."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


@compiled
def _mix(left: np.uint64, right: np.uint64) -> np.uint64:
    mixed = left * _MIX_1 + right
    mixed = (mixed ^ (mixed >> _SHIFT)) * _MIX_2
    return mixed ^ (mixed >> _SHIFT)


class Space(NamedTuple):
    """Room to work in, for texts up to a length: it is taken once for many of them.

    Attributes:
        tokens: hash of every token, uint64; one more than a text can have.
        starts: where it starts, int32.
        ends: where it ends, int32.
        running: hash of an n-gram too short to count, by its first token, uint64.
        hashes: of every n-gram, or of every part, uint64.
        rows: of every known one, int32.
        among: its place among all, int32.
        amounts: how much it counts, float32.
        cells: a table that tells rows apart, int32, shape (a power of two,).
        distinct: every distinct row, int32.
        values: its TF-IDF value, float64.
    """

    tokens: NDArray[np.uint64]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    running: NDArray[np.uint64]
    hashes: NDArray[np.uint64]
    rows: NDArray[np.int32]
    among: NDArray[np.int32]
    amounts: NDArray[np.float32]
    cells: NDArray[np.int32]
    distinct: NDArray[np.int32]
    values: NDArray[np.float64]


class Weights(NamedTuple):
    """The weights of a model, dense or sparse; the arrays of the other kind are empty.

    Attributes:
        dense: float32, shape (features, topics).
        starts: where the weights of each feature begin, and the end, int64, shape (features + 1,).
        topics: the topic of each weight, uint32, increasing within a feature.
        values: the weights, float32.
    """

    dense: NDArray[np.float32]
    starts: NDArray[np.int64]
    topics: NDArray[np.uint32]
    values: NDArray[np.float32]


@compiled
def _table_size(keys: int) -> int:
    """Return the size of an open-addressing table of so many keys: a power of two, so that it is at most half full."""
    size = 2
    while size < 2 * keys:
        size *= 2
    return size


@compiled
def space_for(length: int, shortest: int, longest: int, least: int = 0, most: int = 0) -> Space:
    """Take room for a title and a body of `length` code points together."""
    tokens = length // 3 + 2
    room = tokens * (longest - shortest + 1)
    if most:
        room = max(room, (length + 2 * tokens) * (most - least + 1))
    return Space(
        np.empty(tokens, np.uint64),
        np.empty(tokens, np.int32),
        np.empty(tokens, np.int32),
        np.empty(tokens, np.uint64),
        np.empty(room, np.uint64),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.float32),
        np.empty(_table_size(room), np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.float64),
    )


@compiled
def add_tokens(
    codes: NDArray[np.uint32], first: int, end: int, words: NDArray[np.uint32], found: int, space: Space
) -> int:
    """Add the tokens between two places, hashed by FNV-1a; return how many there are now."""
    tokens, starts, ends, before = space.tokens, space.starts, space.ends, found
    start, token, every = first, FNV_OFFSET, np.uint64(0)
    # Where a word ends no processor guesses well: every code point is worked on alike, without a branch, and what is
    # written is written over until a token ends there.
    for at in range(first, end):
        code = np.uint64(words[codes[at]])
        every |= code
        tokens[found], starts[found], ends[found] = token, start, at
        outside = code == 0
        found += outside & (at - start > 1)
        start = at + 1 if outside else start
        token = FNV_OFFSET if outside else (token ^ code) * FNV_PRIME
    tokens[found], starts[found], ends[found] = token, start, end
    found += end - start > 1
    return found if every < MARK else _without_marks_in_front(codes, words, before, found, space)


@compiled
def _without_marks_in_front(
    codes: NDArray[np.uint32], words: NDArray[np.uint32], first: int, end: int, space: Space
) -> int:
    """Take the marks in front of the tokens `first` to `end` away; return how many tokens there are now."""
    tokens, starts, ends, found = space.tokens, space.starts, space.ends, first
    for i in range(first, end):
        start, stop, token = starts[i], ends[i], tokens[i]
        if words[codes[start]] >= MARK:
            while start < stop and words[codes[start]] >= MARK:
                start += 1
            token = FNV_OFFSET
            for at in range(start, stop):
                token = (token ^ np.uint64(words[codes[at]])) * FNV_PRIME
        tokens[found], starts[found], ends[found] = token, start, stop
        found += stop - start > 1
    return found


@compiled
def add_ngrams(first: int, end: int, shortest: int, longest: int, found: int, space: Space) -> int:
    """Add the n-grams of the tokens from one to another, the shortest first; return how many there are now."""
    before = space.running
    before[: end - first] = 0
    for n in range(1, longest + 1):  # each from the one that starts there and is a token shorter
        count = max(0, end - first + 1 - n)
        now = space.hashes[found : found + count] if n >= shortest else before
        last = space.tokens[first + n - 1 :]
        for i in range(count):
            now[i] = _mix(before[i], last[i])
        found += count if n >= shortest else 0
        before = now
    return found


@compiled
def add_parts(
    codes: NDArray[np.uint32],
    words: NDArray[np.uint32],
    first: int,
    end: int,
    least: int,
    most: int,
    found: int,
    space: Space,
) -> int:
    """Add the parts of the tokens `first` to `end`, of `least` to `most` code points; return how many there are now.

    A whole token is not a part. They come token by token, in the order of their starts, the shortest first.
    """
    hashes = space.hashes
    for token in range(first, end):
        start, stop = space.starts[token], space.ends[token]
        for at in range(start - 1, stop):  # one before the token stands for its beginning
            part = FNV_OFFSET
            for place in range(at, min(at + most, stop + 1)):
                inside = (place >= start) & (place < stop)
                code = np.uint64(words[codes[place]]) if inside else END
                part = (part ^ code) * FNV_PRIME
                hashes[found] = _mix(_PART, part)
                is_whole = (at < start) & (place == stop)
                found += (place - at + 1 >= least) & ~is_whole
    return found


@compiled
def _spans(
    first: int, end: int, shortest: int, longest: int, space: Space
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return where the n-grams that `add_ngrams` adds start and end, int32."""
    room = max(0, end - first) * (longest - shortest + 1)
    starts, ends = np.empty(room, np.int32), np.empty(room, np.int32)
    found = 0
    for n in range(shortest, longest + 1):
        for token in range(first, end - n + 1):
            starts[found], ends[found] = space.starts[token], space.ends[token + n - 1]
            found += 1
    return starts[:found], ends[:found]


@compiled
def ngrams(
    codes: NDArray[np.uint32], words: NDArray[np.uint32], shortest: int, longest: int
) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32], int]:
    """Find every word n-gram of a text.

    Args:
        codes: code points of a text as read, uint32, shape (length,).
        words: `tagdesk.models.reading.normal_form.word_table`.
        shortest: least number of tokens in an n-gram.
        longest: largest number of tokens in an n-gram.

    Returns:
        hashes (uint64), starts and ends (int32, half-open, code points), each of shape (n-grams,), by length, then
        position; and the number of tokens.
    """
    space = space_for(len(codes), shortest, longest)
    tokens = add_tokens(codes, 0, len(codes), words, 0, space)
    found = add_ngrams(0, tokens, shortest, longest, 0, space)
    starts, ends = _spans(0, tokens, shortest, longest, space)
    return space.hashes[:found], starts, ends, tokens


@compiled
def build_slots(hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Lay out the open-addressing table of `hashes`, at most half full.

    Returns:
        int32, shape (a power of two,): the row at each slot, or -1. Of shape (0,) where two hashes are equal.
    """
    size = _table_size(len(hashes))
    slots = np.full(size, -1, np.int32)
    mask = np.uint64(size - 1)
    for row in range(len(hashes)):
        slot = hashes[row] & mask
        while slots[slot] >= 0:
            if hashes[slots[slot]] == hashes[row]:
                return np.empty(0, np.int32)
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = row
    return slots


@compiled
def row_of(wanted: np.uint64, slots: NDArray[np.int32], hashes: NDArray[np.uint64]) -> np.int32:
    """Return the row of a hash in the table, or -1."""
    mask = np.uint64(len(slots) - 1)
    slot = wanted & mask
    row: np.int32 = slots[slot]
    while (row >= 0) & (hashes[max(row, np.int32(0))] != wanted):  # one branch, seldom taken
        slot = (slot + np.uint64(1)) & mask
        row = slots[slot]
    return row


@compiled
def find_known(
    codes: NDArray[np.uint32],
    split: int,
    words: NDArray[np.uint32],
    shortest: int,
    longest: int,
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    space: Space,
) -> tuple[int, int, int, int, int]:
    """Find the n-grams of a title and a body that the table knows, the title's first.

    Returns:
        How many are known, and how many of them the title's; the number of the title's tokens, and of all; how many
        n-grams of the shortest length are known.
    """
    in_title = add_tokens(codes, 0, split, words, 0, space)
    tokens = add_tokens(codes, split, len(codes), words, in_title, space)
    of_title = add_ngrams(0, in_title, shortest, longest, 0, space)
    found = add_ngrams(in_title, tokens, shortest, longest, of_title, space)
    known = _look_up(found, slots, hashes, space)
    # A text's shortest n-grams come first.
    shortest_ends = max(0, in_title + 1 - shortest), of_title + max(0, tokens - in_title + 1 - shortest)
    in_order = space.among[:known]
    known_of_title = np.searchsorted(in_order, of_title)
    known_short = np.searchsorted(in_order, shortest_ends[0])
    known_short += np.searchsorted(in_order, shortest_ends[1]) - known_of_title
    return known, int(known_of_title), in_title, tokens, int(known_short)


@compiled
def find_parts(
    codes: NDArray[np.uint32],
    in_title: int,
    tokens: int,
    words: NDArray[np.uint32],
    least: int,
    most: int,
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    space: Space,
) -> tuple[int, int]:
    """Find the known parts of the tokens that `find_known` has left in `space`, the title's first.

    Returns:
        How many are known, and how many of them the title's.
    """
    of_title = add_parts(codes, words, 0, in_title, least, most, 0, space)
    found = add_parts(codes, words, in_title, tokens, least, most, of_title, space)
    known = _look_up(found, slots, hashes, space)
    return known, int(np.searchsorted(space.among[:known], of_title))


@compiled
def _look_up(found: int, slots: NDArray[np.int32], hashes: NDArray[np.uint64], space: Space) -> int:
    """Look the first hashes up; return how many the table knows: their rows, and their places among all."""
    wanted, rows, among = space.hashes, space.rows, space.among
    mask = np.uint64(len(slots) - 1)
    for i in range(found):  # a loop of its own: loads that wait for nothing overlap
        rows[i] = slots[wanted[i] & mask]
        prefetch(hashes, max(rows[i], np.int32(0)))
    known = 0
    for i in range(found):
        row = rows[i]
        # The first slot nearly always decides; no branch depends on whether an n-gram is known, which no processor
        # guesses well.
        if (row >= 0) & (hashes[np.uint64(max(row, np.int32(0)))] != wanted[i]):
            row = row_of(wanted[i], slots, hashes)
        rows[known], among[known] = row, i
        known += row >= 0
    return known


@compiled
def occurrences(
    codes: NDArray[np.uint32],
    split: int,
    words: NDArray[np.uint32],
    shortest: int,
    longest: int,
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], int, int, int]:
    """Find the n-grams of a title and a body that the table knows; none crosses from the one into the other.

    Args:
        codes: code points of the title and body as read, uint32, shape (length,).
        split: where the body begins.
        words: see `ngrams`.
        shortest: see `ngrams`.
        longest: see `ngrams`.
        slots: see `build_slots`.
        hashes: uint64, shape (features,).

    Returns:
        rows, starts and ends (int32, shape (known n-grams,)) of the title's, then the body's; how many are the
        title's; the number of tokens; how many n-grams of the shortest length are known.
    """
    space = space_for(len(codes), shortest, longest)
    known, in_title, title_tokens, tokens, known_short = find_known(
        codes, split, words, shortest, longest, slots, hashes, space
    )
    title_starts, title_ends = _spans(0, title_tokens, shortest, longest, space)
    body_starts, body_ends = _spans(title_tokens, tokens, shortest, longest, space)
    among = space.among[:known]
    starts = np.concatenate((title_starts, body_starts))[among]
    ends = np.concatenate((title_ends, body_ends))[among]
    return space.rows[:known], starts, ends, in_title, tokens, known_short


@compiled
def part_occurrences(
    codes: NDArray[np.uint32],
    split: int,
    words: NDArray[np.uint32],
    least: int,
    most: int,
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], int]:
    """Find the parts of words that the table knows, as `occurrences` does n-grams; each is where its word is.

    Returns:
        rows, starts and ends (int32, shape (known parts,)) of the title's, then the body's; how many are the title's.
    """
    space = space_for(len(codes), 1, 1, least, most)
    in_title = add_tokens(codes, 0, split, words, 0, space)
    tokens = add_tokens(codes, split, len(codes), words, in_title, space)
    known, of_title = find_parts(codes, in_title, tokens, words, least, most, slots, hashes, space)
    token_of = np.empty(len(space.hashes), np.int32)
    found = 0
    for token in range(tokens):
        parts = add_parts(codes, words, token, token + 1, least, most, found, space)
        token_of[found:parts] = token
        found = parts
    mine = token_of[space.among[:known]]
    return space.rows[:known], space.starts[mine], space.ends[mine], of_title


@compiled
def _weigh(
    rows: NDArray[np.int32],
    amounts: NDArray[np.float32],
    idf: NDArray[np.float32],
    sublinear: bool,
    cells: NDArray[np.int32],
    distinct: NDArray[np.int32],
    values: NDArray[np.float64],
) -> int:
    """Do what `tf_idf` does, in the room given, cells as `_table_size` says; return how many rows are distinct."""
    size = _table_size(len(rows))
    mask = np.uint64(size - 1)
    cells[:size] = -1
    values[: len(rows)] = 0.0
    count = 0
    for i in range(len(rows)):
        row = rows[i]
        cell = (np.uint64(row) * np.uint64(40503)) & mask
        place = cells[cell]
        while (place >= 0) & (distinct[max(place, np.int32(0))] != row):
            cell = (cell + np.uint64(1)) & mask
            place = cells[cell]
        new = place < 0  # no branch depends on it: no processor guesses it well
        place = count if new else place
        cells[cell], distinct[place] = place, row
        values[place] += amounts[i]
        count += new
    total = 0.0
    for i in range(count):
        tf = 1.0 + np.log(values[i]) if sublinear and values[i] != 1.0 else values[i]
        values[i] = tf * idf[distinct[i]]
        total += values[i] * values[i]
    norm = np.sqrt(total) if total > 0.0 else 1.0
    for i in range(count):
        values[i] /= norm
    return count


@compiled
def tf_idf(
    rows: NDArray[np.int32], amounts: NDArray[np.float32], idf: NDArray[np.float32], sublinear: bool
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Weigh a bag of rows as scikit-learn's `TfidfVectorizer` does: tf (or 1 + ln tf), times idf, to L2 norm 1.

    Args:
        rows: int32, shape (occurrences,), repeats allowed.
        amounts: how much each occurrence counts, float32, the same shape.
        idf: float32, shape (features,).
        sublinear: use 1 + ln tf in place of tf.

    Returns:
        The distinct rows by first appearance (int32) and their values (float64).
    """
    distinct, values = np.empty(len(rows), np.int32), np.empty(len(rows), np.float64)
    cells = np.empty(_table_size(len(rows)), np.int32)
    count = _weigh(rows, amounts, idf, sublinear, cells, distinct, values)
    return distinct[:count], values[:count]


@compiled
def weigh(
    known: int, in_title: int, title_weight: float, idf: NDArray[np.float32], sublinear: bool, space: Space
) -> int:
    """Do what `tf_idf` does for what `find_known` found: `distinct` and `values`; return how many they are."""
    amounts = space.amounts[:known]
    amounts[:in_title], amounts[in_title:] = title_weight, 1.0
    return _weigh(space.rows[:known], amounts, idf, sublinear, space.cells, space.distinct, space.values)


@compiled
def _add_dense(
    rows: NDArray[np.int32], values: NDArray[np.float64], weights: NDArray[np.float32], scores: NDArray[np.float64]
) -> None:
    fours = len(rows) // 4 * 4
    for i in range(0, fours, 4):  # four rows at a time read and write the scores once
        for ahead in range(i + _AHEAD, min(i + _AHEAD + 4, len(rows))):
            prefetch(weights, rows[ahead])
            prefetch(weights, rows[ahead] + 1)  # the row's end
        one, two, three, four = weights[rows[i]], weights[rows[i + 1]], weights[rows[i + 2]], weights[rows[i + 3]]
        for topic in range(len(scores)):
            scores[topic] += (
                values[i] * one[topic]
                + values[i + 1] * two[topic]
                + values[i + 2] * three[topic]
                + values[i + 3] * four[topic]
            )
    for i in range(fours, len(rows)):
        for topic in range(len(scores)):
            scores[topic] += values[i] * weights[rows[i], topic]


@compiled
def add_scores(
    rows: NDArray[np.int32], values: NDArray[np.float64], weights: Weights, scores: NDArray[np.float64]
) -> None:
    """Add Σ value · weights[row] to the raw score of every topic, float64, shape (topics,)."""
    if not len(weights.starts):
        _add_dense(rows, values, weights.dense, scores)
        return
    starts, topics, of_topics = weights.starts, weights.topics, weights.values
    for i in range(len(rows)):
        if i + 2 * _AHEAD < len(rows):
            prefetch(starts, rows[i + 2 * _AHEAD])
        if i + _AHEAD < len(rows):
            ahead = starts[rows[i + _AHEAD]]
            prefetch(topics, ahead)
            prefetch(of_topics, ahead)
        for place in range(starts[rows[i]], starts[rows[i] + 1]):
            scores[topics[place]] += values[i] * of_topics[place]


@compiled
def weights_of(rows: NDArray[np.int32], topic: int, weights: Weights) -> NDArray[np.float32]:
    """Return the weight of each of these rows for a topic, float32, shape (rows,)."""
    found = np.zeros(len(rows), np.float32)
    for i in range(len(rows)):
        if len(weights.starts):
            low, high = weights.starts[rows[i]], weights.starts[rows[i] + 1]
            place = low + np.searchsorted(weights.topics[low:high], np.uint32(topic))
            if place < high and weights.topics[place] == topic:
                found[i] = weights.values[place]
        else:
            found[i] = weights.dense[rows[i], topic]
    return found


@compiled
def confidence(score: float, slope: float, offset: float) -> float:
    """Return 1 / (1 + exp(-(slope · score + offset))), Platt's probability of a raw score."""
    return 0.5 * (1.0 + math.tanh(0.5 * (slope * score + offset)))


@compiled
def longest_of(bounds: NDArray[np.int64]) -> int:
    """Return the length of the longest article, title and body together, in code points; `bounds` as in `score`."""
    longest = 0
    for i in range(0, len(bounds) - 2, 2):
        longest = max(longest, bounds[i + 2] - bounds[i])
    return longest


@compiled
def _score_one(
    codes: NDArray[np.uint32],
    split: int,
    words: NDArray[np.uint32],
    shortest: int,
    longest: int,
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    title_weight: float,
    idf: NDArray[np.float32],
    sublinear: bool,
    weights: Weights,
    least: int,
    most: int,
    space: Space,
    scores: NDArray[np.float64],
) -> tuple[int, int]:
    """Add what one article's features weigh to the scores; return its tokens and known n-grams, as `score` does."""
    known, in_title, title_tokens, tokens, known_short = find_known(
        codes, split, words, shortest, longest, slots, hashes, space
    )
    count = weigh(known, in_title, title_weight, idf, sublinear, space)
    add_scores(space.distinct[:count], space.values[:count], weights, scores)
    if most:
        known, in_title = find_parts(codes, title_tokens, tokens, words, least, most, slots, hashes, space)
        count = weigh(known, in_title, title_weight, idf, sublinear, space)
        add_scores(space.distinct[:count], space.values[:count], weights, scores)
    return tokens, known_short


@compiled
def score(
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
    weights: Weights,
    lines: NDArray[np.float64],
    above: NDArray[np.int32],
    least: int,
    most: int,
    every: bool,
) -> NDArray[np.float64]:
    """Score articles in one go.

    Args:
        codes: code points of the articles' titles and bodies as read, uint32.
        bounds: where each title and body begins, and the end, int64, shape (2 · articles + 1,).
        words: see `ngrams`.
        shortest: see `ngrams`.
        longest: see `ngrams`.
        slots: see `build_slots`.
        hashes: uint64, shape (features,).
        title_weight: what an occurrence in the title counts; one in the body counts 1.
        idf: float32, shape (features,).
        sublinear: see `tf_idf`.
        weights: of the features.
        lines: of every topic its bias, its slope and offset (see `confidence`), the confidence from which it is
            returned, and a raw score under which it does not reach that, float64, shape (5, topics).
        above: the topic that each topic implies, whose confidence caps its own; -1 for none, int32, shape (topics,).
        least: least number of code points in a part of a word.
        most: largest number; 0 for no parts.
        every: return every topic rather than those that reach their confidence.

    Returns:
        Article after article: the number of tokens, that of known n-grams of the shortest length, that of the topics
        returned, and of each of these its column, raw score and confidence; float64. One array, as Python takes a
        microsecond to receive one.
    """
    bias, slopes, offsets, suggest, reach = lines[0], lines[1], lines[2], lines[3], lines[4]
    articles, topics = len(bounds) // 2, len(bias)
    found = np.empty(articles * (3 + 3 * topics))
    scores = np.empty(topics)
    space = space_for(longest_of(bounds), shortest, longest, least, most)
    end = 0
    for i in range(articles):
        start, split = bounds[2 * i], bounds[2 * i + 1] - bounds[2 * i]
        scores[:] = bias
        tokens, known_short = _score_one(
            codes[start : bounds[2 * i + 2]],
            split,
            words,
            shortest,
            longest,
            slots,
            hashes,
            title_weight,
            idf,
            sublinear,
            weights,
            least,
            most,
            space,
            scores,
        )
        head, end = end, end + 3
        for topic in range(topics):
            if not every and scores[topic] < reach[topic]:
                continue
            sure = confidence(scores[topic], slopes[topic], offsets[topic])
            parent = above[topic]
            while parent >= 0:
                sure = min(sure, confidence(scores[parent], slopes[parent], offsets[parent]))
                parent = above[parent]
            if every or sure >= suggest[topic]:
                found[end], found[end + 1], found[end + 2] = topic, scores[topic], sure
                end += 3
        found[head], found[head + 1], found[head + 2] = tokens, known_short, (end - head) // 3 - 1
    return found[:end]
