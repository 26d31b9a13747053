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
from typing import TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

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
        hashes (uint64), starts and ends (int32, half-open, code points), each of shape (n-grams,), by the position
        of the last token; and the number of tokens.
    """
    length = len(codes)
    room = (length // 3 + 1) * (longest - shortest + 1)
    hashes = np.empty(room, np.uint64)
    starts = np.empty(room, np.int32)
    ends = np.empty(room, np.int32)
    running = np.zeros(longest + 1, np.uint64)  # running[n]: the n-gram that ends at the last token
    begins = np.zeros(longest + 1, np.int32)
    found = 0
    tokens = 0
    at = 0
    while at < length:
        code = words[codes[at]]
        if code == 0:
            at += 1
            continue
        begin = at
        token = _FNV_OFFSET
        while code != 0:
            token = (token ^ np.uint64(code)) * _FNV_PRIME
            at += 1
            code = words[codes[at]] if at < length else np.uint32(0)
        if at - begin < 2:
            continue
        tokens += 1
        for n in range(min(longest, tokens), 0, -1):
            if n > 1:
                running[n] = _mix(running[n - 1], token)
                begins[n] = begins[n - 1]
            else:
                running[n] = _mix(np.uint64(0), token)
                begins[n] = begin
            if n >= shortest:
                hashes[found] = running[n]
                starts[found] = begins[n]
                ends[found] = at
                found += 1
    return hashes[:found], starts[:found], ends[:found], tokens


@compiled
def build_slots(hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Lay out the open-addressing table of `hashes`, at most half full.

    Returns:
        int32, shape (a power of two,): the row at each slot, or -1. Of shape (0,) where two hashes are equal.
    """
    size = 2
    while size < 2 * len(hashes):
        size *= 2
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
def occurrences(
    codes: NDArray[np.uint32],
    words: NDArray[np.uint32],
    shortest: int,
    longest: int,
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], int, int]:
    """Find the n-grams of a text that the table knows.

    Returns:
        rows, starts and ends (int32, shape (known n-grams,)), the number of tokens, and how many of the text's
        n-grams of the shortest length are known.
    """
    found, starts, ends, tokens = ngrams(codes, words, shortest, longest)
    mask = np.uint64(len(slots) - 1)
    rows = np.empty(len(found), np.int32)
    for i in range(len(found)):  # a loop of its own: loads that wait for nothing overlap
        rows[i] = slots[found[i] & mask]
    known = 0
    known_short = 0
    last = len(found) - 1
    for i in range(len(found)):
        row = rows[i]
        # The first slot nearly always decides; no branch depends on whether an n-gram is known, which no processor
        # guesses well.
        if (row >= 0) & (hashes[np.uint64(max(row, np.int32(0)))] != found[i]):
            row = row_of(found[i], slots, hashes)
        end = ends[i]
        known_short += (row >= 0) & ((i == last) | (ends[min(i + 1, last)] != end))  # a token's shortest comes last
        rows[known], starts[known], ends[known] = row, starts[i], end
        known += row >= 0
    return rows[:known], starts[:known], ends[:known], tokens, known_short


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
    size = 4
    while size < 2 * len(rows):
        size *= 2
    mask = np.uint64(size - 1)
    places = np.full(size, -1, np.int32)
    distinct = np.empty(len(rows), np.int32)
    values = np.zeros(len(rows), np.float64)
    count = 0
    for i in range(len(rows)):
        row = rows[i]
        slot = (np.uint64(row) * np.uint64(40503)) & mask
        place = places[slot]
        while place >= 0 and distinct[place] != row:
            slot = (slot + np.uint64(1)) & mask
            place = places[slot]
        if place < 0:
            place = count
            places[slot] = count
            distinct[count] = row
            count += 1
        values[place] += amounts[i]
    total = 0.0
    for i in range(count):
        tf = 1.0 + np.log(values[i]) if sublinear and values[i] != 1.0 else values[i]
        values[i] = tf * idf[distinct[i]]
        total += values[i] * values[i]
    if total > 0.0:
        values[:count] /= np.sqrt(total)
    return distinct[:count], values[:count]


@compiled
def add_scores(
    rows: NDArray[np.int32],
    values: NDArray[np.float64],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Return bias + Σ value · weights[row]: the raw score of every topic, float64, shape (topics,)."""
    scores = bias.astype(np.float64)
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
    return scores


@compiled
def confidence(score: float, slope: float, offset: float) -> float:
    """Return 1 / (1 + exp(-(slope · score + offset))), Platt's probability of a raw score."""
    return 0.5 * (1.0 + math.tanh(0.5 * (slope * score + offset)))


@compiled
def bag(
    title: NDArray[np.uint32],
    body: NDArray[np.uint32],
    words: NDArray[np.uint32],
    shortest: int,
    longest: int,
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    title_weight: float,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], int, int, int]:
    """Find the known n-grams of an article; none crosses from the title into the body.

    Returns:
        rows, starts, ends (int32) and amounts (float32) of the title's occurrences, then the body's; how many are the
        title's; the number of tokens; how many n-grams of the shortest length are known.
    """
    rows, starts, ends, tokens, known = occurrences(title, words, shortest, longest, slots, hashes)
    more_rows, more_starts, more_ends, more_tokens, more_known = occurrences(
        body, words, shortest, longest, slots, hashes
    )
    amounts = np.ones(len(rows) + len(more_rows), np.float32)
    amounts[: len(rows)] = title_weight
    return (
        np.concatenate((rows, more_rows)),
        np.concatenate((starts, more_starts)),
        np.concatenate((ends, more_ends)),
        amounts,
        len(rows),
        tokens + more_tokens,
        known + more_known,
    )


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
    bias: NDArray[np.float32],
    slopes: NDArray[np.float64],
    offsets: NDArray[np.float64],
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
        bias: float32, shape (topics,).
        slopes: see `confidence`, float64, shape (topics,).
        offsets: see `confidence`, float64, shape (topics,).

    Returns:
        Raw scores and confidences, float64, shape (articles, topics); the number of tokens, and of known n-grams of
        the shortest length, int64, shape (articles, 2).
    """
    articles = len(bounds) // 2
    scores = np.empty((articles, len(bias)), np.float64)
    confidences = np.empty((articles, len(bias)), np.float64)
    counts = np.empty((articles, 2), np.int64)
    for i in range(articles):
        title, body = codes[bounds[2 * i] : bounds[2 * i + 1]], codes[bounds[2 * i + 1] : bounds[2 * i + 2]]
        rows, _, _, amounts, _, counts[i, 0], counts[i, 1] = bag(
            title, body, words, shortest, longest, slots, hashes, title_weight
        )
        distinct, values = tf_idf(rows, amounts, idf, sublinear)
        scores[i] = add_scores(distinct, values, weights, bias)
        for topic in range(len(bias)):
            confidences[i, topic] = confidence(scores[i, topic], slopes[topic], offsets[topic])
    return scores, confidences, counts
