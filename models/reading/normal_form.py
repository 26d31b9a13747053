r"""The reading step before the kernel: a text's normal form, its word characters, and where each of them stood.

A model records the version of its reading, and each version reads as it always did.

Version 2. A text is brought to its normal form: Unicode's NFKC without invisible characters (soft hyphens, zero-width
characters, direction marks, variation selectors); without references and tags that were escaped once too often, the
brackets of shortcodes, link targets, underscores around words and addresses; with words that were broken over two
lines joined (`tagdesk.models.reading.rewriting`). In scripts without spaces every pair of neighbouring units is set
apart, 中文字 as 中文 文字; a unit is a letter with its marks. Then each code point is lower-cased by itself, İ as i and
ς as σ. A token is a run of two or more word characters: what `re` counts as `\w`, and combining marks (Mn, Mc), but not
at its start.

Version 1. A text is read as it is. A token is what scikit-learn's pattern `(?u)\b\w\w+\b` finds in its lower case. Of
furniture, only what phrases give away is blanked, no page is cut to its article, and no notice is recognised
(`tagdesk.models.reading.article`).
"""

import re
import sys
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tagdesk.models import kernel
from tagdesk.models.kernel import code_points, compiled
from tagdesk.models.reading.characters import MARK, PIECE, SIGN, STACKER, has_kind, kinds, seen
from tagdesk.models.reading.rewriting import Places, follow, may_have_markup, rewrite

LATEST: Final = 2
"""The version that new models use."""

VERSIONS: Final = (1, LATEST)

_MOST: Final = 3_100_000
"""Code points read of a normal form: as many as the longest field of Chinese makes. Only an attack makes more."""


def read(text: str, version: int = LATEST) -> str:
    """Return the normal form of a text."""
    if is_plain(text, kinds_in(text), version):
        return text
    if version == 1:
        return text.lower()
    text = rewrite(text)
    codes = code_points(text)
    return text_of(_pieces(codes, kinds())[0][:_MOST]) if has_kind(codes, kinds(), PIECE) else text[:_MOST]


def kinds_in(text: str) -> int:
    """Return the kinds of code points of a text for which it may have to be rewritten: `characters.seen`."""
    return seen(code_points(text), kinds())


def is_plain(text: str, kinds: int, version: int = LATEST) -> bool:
    """Tell whether a text in which `characters.seen` has seen these kinds is read as it is, as most are.

    Its normal form has the same words then.
    """
    if version == 1:
        # The lower case of these two is two code points, or depends on what stands around it: no table has it.
        return "İ" not in text and "Σ" not in text
    return not kinds or (kinds == SIGN and not may_have_markup(text))


def places(text: str, version: int = LATEST) -> Places | None:
    """Return where each code point of `read(text, version)` comes from; None if each comes from its own place."""
    if is_plain(text, kinds_in(text), version):
        return None
    if version == 1:
        starts = np.repeat(np.arange(len(text), dtype=np.int32), [len(point.lower()) for point in text])
        return starts, starts + 1
    text, (starts, ends) = follow(text)
    codes = code_points(text)
    if has_kind(codes, kinds(), PIECE):
        _, origins = _pieces(codes, kinds())
        starts, ends = starts[origins], ends[origins]
    return starts[:_MOST], ends[:_MOST]


@lru_cache(maxsize=len(VERSIONS))
def word_table(version: int = LATEST) -> NDArray[np.uint32]:
    r"""Return what every code point of a normal form is read as: a word character in lower case, or 0.

    Returns:
        uint32, shape (0x110000,).
    """
    points = "".join(map(chr, range(sys.maxunicode + 1)))
    lowered = points.replace("İ", "i").replace("Σ", "σ").lower()  # the two that are not lower-cased by themselves
    if version > 1:
        lowered = lowered.replace("ς", "σ")
    table = np.zeros(len(points), np.uint32)
    for run in re.finditer(r"\w+", lowered):
        table[run.start() : run.end()] = code_points(run[0])
    if version > 1:
        marks = np.flatnonzero(kinds() & MARK)
        table[marks] = marks + kernel.MARK
    return table


def words(text: str, version: int = LATEST) -> list[str]:
    """Return the tokens of a text, in lower case."""
    codes, table = code_points(read(text, version)), word_table(version)
    _, starts, ends, _ = kernel.ngrams(codes, table, 1, 1)
    spelled = text_of(table[codes] & ~np.uint32(kernel.MARK))
    return [spelled[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def text_of(codes: NDArray[np.uint32]) -> str:
    """Return the text of code points, uint32, lone surrogates kept."""
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


@compiled
def _pieces(codes: NDArray[np.uint32], kinds: NDArray[np.uint8]) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Set every pair of neighbouring units of an unspaced script apart.

    Returns:
        Code points, uint32, and the place in `codes` that each comes from, int32, of the same shape.
    """
    pieces = np.empty(4 * len(codes) + 2, np.uint32)
    origins = np.empty(len(pieces), np.int32)
    size = 0
    before = -1  # where the unit before this one starts
    at = 0
    while at < len(codes):
        start = at
        is_unit = kinds[codes[at]] & PIECE != 0
        at += 1
        while is_unit and at < len(codes) and _goes_on(kinds[codes[at - 1]], kinds[codes[at]]):
            at += 1
        first = before if is_unit and before >= 0 else start
        goes_on = at < len(codes) and kinds[codes[at]] & PIECE != 0
        if first < start or not (is_unit and goes_on):  # a pair, a unit alone, or what is no unit
            for origin in range(first, at):
                pieces[size], origins[size] = codes[origin], origin
                size += 1
        if (is_unit and size and pieces[size - 1] != 32) or (not is_unit and goes_on):
            pieces[size], origins[size] = 32, start
            size += 1
        before = start if is_unit else -1
    return pieces[:size], origins[:size]


@compiled
def _goes_on(last: np.uint8, kind: np.uint8) -> bool:
    """Tell whether a unit goes on with a code point of this kind after one of the kind `last`."""
    return bool((kind & MARK) != 0 or ((last & STACKER) != 0 and (kind & PIECE) != 0))
