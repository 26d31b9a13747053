r"""Compiled core: text to hashed word n-grams, to the rows of a feature table, to scores, in one pass.

A token is what scikit-learn's default pattern `(?u)\b\w\w+\b` finds in lower-cased text. An n-gram is known by a
64-bit hash of its tokens; the table is open-addressing with linear probing: `slots[hash & mask]` holds a row or -1,
and `hashes[row]` tells whether it is the right one.
"""

import math
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.prefetch import prefetch

Compiled = TypeVar("Compiled", bound=Callable[..., object])

WORD = re.compile(r"\w\w+")
"""A token, as scikit-learn's default pattern finds it in lower-cased text; the kernel finds the same."""

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_MIX_1 = np.uint64(0x9E3779B97F4A7C15)
_MIX_2 = np.uint64(0xD6E8FEB86659FD93)
_SHIFT = np.uint64(32)


def compiled(function: Compiled) -> Compiled:
    """Compile with numba at the first call, without the interpreter's lock; kept on disk where that can be written."""
    try:
        return cast(Compiled, njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba finds no folder to write to
        return cast(Compiled, njit(nogil=True)(function))


@lru_cache(maxsize=1)
def word_table() -> NDArray[np.uint32]:
    r"""Return what every code point is read as: lower case where Python's `re` counts that as `\w`, else 0.

    Returns:
        uint32, shape (0x110000,).
    """
    points = "".join(map(chr, range(sys.maxunicode + 1)))
    lowered = points.replace("İ", "i").replace("Σ", "σ").lower()  # the two that `readable` sees to
    table = np.zeros(len(points), np.uint32)
    for run in re.finditer(r"\w+", lowered):
        table[run.start() : run.end()] = code_points(run[0])
    return table


def code_points(text: str) -> NDArray[np.uint32]:
    """Return the code points of `text` as uint32, lone surrogates kept."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def readable(text: str) -> str:
    """Return `text`, lower-cased where `word_table` cannot do it one code point at a time.

    That is İ, which becomes two, and Σ, which depends on what stands around it.
    """
    return text.lower() if "İ" in text or "Σ" in text else text


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
        hashes: of every n-gram, uint64.
        rows: of every known n-gram, int32.
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


@compiled
def _table_size(keys: int) -> int:
    """Return the size of an open-addressing table of so many keys: a power of two, so that it is at most half full."""
    size = 2
    while size < 2 * keys:
        size *= 2
    return size


@compiled
def space_for(length: int, shortest: int, longest: int) -> Space:
    """Take room for a title and a body of `length` code points together."""
    tokens = length // 3 + 2
    room = tokens * (longest - shortest + 1)
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
    tokens, starts, ends = space.tokens, space.starts, space.ends
    start = first
    token = _FNV_OFFSET
    # Where a word ends no processor guesses well: every code point is worked on alike, without a branch, and what is
    # written is written over until a token ends there.
    for at in range(first, end):
        code = np.uint64(words[codes[at]])
        tokens[found], starts[found], ends[found] = token, start, at
        outside = code == 0
        found += outside & (at - start > 1)
        start = at + 1 if outside else start
        token = _FNV_OFFSET if outside else (token ^ code) * _FNV_PRIME
    tokens[found], starts[found], ends[found] = token, start, end
    return found + (end - start > 1)


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
        codes: code points of a `readable` text, uint32, shape (length,).
        words: `word_table()`.
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
    while row >= 0 and hashes[row] != wanted:
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
    # A text's shortest n-grams come first.
    shortest_ends = max(0, in_title + 1 - shortest), of_title + max(0, tokens - in_title + 1 - shortest)
    in_order = among[:known]
    known_of_title = np.searchsorted(in_order, of_title)
    known_short = np.searchsorted(in_order, shortest_ends[0])
    known_short += np.searchsorted(in_order, shortest_ends[1]) - known_of_title
    return known, int(known_of_title), in_title, tokens, int(known_short)


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
        codes: code points of the `readable` title and body, uint32, shape (length,).
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
def add_scores(
    rows: NDArray[np.int32], values: NDArray[np.float64], weights: NDArray[np.float32], scores: NDArray[np.float64]
) -> None:
    """Add Σ value · weights[row] to the raw score of every topic, float64, shape (topics,)."""
    fours = len(rows) // 4 * 4
    for i in range(0, fours, 4):  # four rows at a time read and write the scores once
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
    weights: NDArray[np.float32],
    lines: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Score articles in one go.

    Args:
        codes: code points of the articles' `readable` titles and bodies, uint32.
        bounds: where each title and body begins, and the end, int64, shape (2 · articles + 1,).
        words: see `ngrams`.
        shortest: see `ngrams`.
        longest: see `ngrams`.
        slots: see `build_slots`.
        hashes: uint64, shape (features,).
        title_weight: what an occurrence in the title counts; one in the body counts 1.
        idf: float32, shape (features,).
        sublinear: see `tf_idf`.
        weights: float32, shape (features, topics).
        lines: bias of every topic, and its slope and offset (see `confidence`), float64, shape (3, topics).

    Returns:
        Raw scores and confidences, float64, shape (articles, topics); the number of tokens, and of known n-grams of
        the shortest length, int64, shape (articles, 2).
    """
    articles = len(bounds) // 2
    bias, slopes, offsets = lines[0], lines[1], lines[2]
    scores = np.empty((articles, len(bias)), np.float64)
    confidences = np.empty((articles, len(bias)), np.float64)
    counts = np.empty((articles, 2), np.int64)
    space = space_for(longest_of(bounds), shortest, longest)
    for i in range(articles):
        start, split, end = bounds[2 * i], bounds[2 * i + 1], bounds[2 * i + 2]
        known, in_title, _, counts[i, 0], counts[i, 1] = find_known(
            codes[start:end], split - start, words, shortest, longest, slots, hashes, space
        )
        for row in space.rows[:known]:
            prefetch(weights, row)
        count = weigh(known, in_title, title_weight, idf, sublinear, space)
        scores[i] = bias
        add_scores(space.distinct[:count], space.values[:count], weights, scores[i])
        for topic in range(len(bias)):
            confidences[i, topic] = confidence(scores[i, topic], slopes[topic], offsets[topic])
    return scores, confidences, counts
