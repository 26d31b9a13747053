"""What the reading must know of each code point, worked out once from Python's own Unicode tables."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.kernel import compiled

REWRITTEN: Final = 1
"""A text with such a code point is rewritten: it is ignorable, or NFKC may change it in a way that matters."""
PIECE: Final = 2
"""It begins a unit of a script that has no spaces between words."""
MARK: Final = 4
"""A combining mark: it belongs to what stands before it."""
STACKER: Final = 8
"""A mark that stacks the next letter under it, so that this belongs to the same unit."""
SIGN: Final = 16
"""A text that contains it may contain markup or an address."""
HYPHEN: Final = 32
"""At the end of a line it may break a word."""
LINE_END: Final = 2 * HYPHEN
"""A line feed or a carriage return; twice `HYPHEN`."""
W: Final = 128
"""Several in a row may begin an address."""

_ASSIGNED: Final = (range(0x323B0), range(0xE0000, 0xE1000))
"""All other code points are not assigned, or for private use."""

_IGNORABLE: Final = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
    *((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""Unicode's property Default_Ignorable_Code_Point, which Python does not have."""

_UNSPACED: Final = (
    *((0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF), (0xA9E0, 0xA9FF)),
    *((0xAA60, 0xAADF), (0x11700, 0x1174F)),  # Thai, Lao, Burmese, Khmer, Tai and Ahom
    *((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3041, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF)),
    *((0xF900, 0xFAFF), (0x1AFF0, 0x1B16F), (0x20000, 0x323AF)),  # Han and Kana
)
_STACKERS: Final = (0x1039, 0x17D2, 0x1A60)  # of Burmese, Khmer and Tai Tham
_PLAIN: Final = frozenset(" .\n")
"""What a compatibility character may turn into, in ASCII, without any difference to a step."""
_CONJOINING: Final = ((0x1161, 0x1175), (0x11A8, 0x11C2))  # Hangul vowels and finals join what stands before them


class Classes(NamedTuple):
    """Classes of code points, as written between the brackets of a regular expression.

    Attributes:
        marks: combining marks, Mn and Mc.
        ignorable: invisible code points, without meaning for the words.
        unstable: the ignorable, and those that NFKC changes or may join to what stands before.
        pieces: those that begin a unit of a script without spaces.
    """

    marks: str
    ignorable: str
    unstable: str
    pieces: str


@lru_cache(maxsize=1)
def classes() -> Classes:
    """Return the classes of code points."""
    pieces = np.flatnonzero(kinds() & PIECE).tolist()
    return Classes(_class(_marks()), _class(_within(_IGNORABLE)), _class(sorted(_unstable())), _class(pieces))


@lru_cache(maxsize=1)
def kinds() -> NDArray[np.uint8]:
    """Return the kinds of every code point, added up: uint8, shape (0x110000,)."""
    table = np.zeros(0x110000, np.uint8)
    for code in _unstable():
        table[code] = 0 if _passes(chr(code)) else REWRITTEN
    for signs, kind in (("&<[@/_", SIGN), ("wW", W), ("-\u2010\u2011", HYPHEN), ("\n\r", LINE_END)):
        table[[*map(ord, signs)]] = kind
    for code in _marks():
        table[code] |= MARK
    for code in _within(_UNSPACED):
        if chr(code).isalpha():
            table[code] |= PIECE
    table[[*_STACKERS]] |= STACKER
    return table


@lru_cache(maxsize=1)
def unstable() -> NDArray[np.uint8]:
    """Return 1 for every ignorable code point, and for those that NFKC changes or may join: uint8, (0x110000,)."""
    table = np.zeros(0x110000, np.uint8)
    table[[*_unstable()]] = 1
    return table


@compiled
def has_kind(codes: NDArray[np.uint32], kinds: NDArray[np.uint8], wanted: int) -> bool:
    """Tell whether any code point is of one of these kinds."""
    found = np.uint8(0)
    for code in codes:
        found |= kinds[code]
    return bool(found & wanted)


@compiled
def seen(codes: NDArray[np.uint32], kinds: NDArray[np.uint8]) -> int:
    """Return the kinds of code points for which a text may have to be rewritten, added up; 0 for none.

    `HYPHEN` stands for a hyphen at the end of a line, `W` for two letters w side by side.
    """
    every, pairs, before_line_end, last = np.uint8(0), np.uint8(0), np.uint8(0), np.uint8(0)
    for i in range(len(codes)):
        kind = kinds[codes[i]]
        every |= kind
        pairs |= last & kind
        before_line_end |= last & (kind >> 1)
        last = kind
    return int(every & (REWRITTEN | PIECE | SIGN) | pairs & W | before_line_end & HYPHEN)


def _within(ranges: Iterable[tuple[int, int]]) -> list[int]:
    return [code for first, last in ranges for code in range(first, last + 1)]


@lru_cache(maxsize=1)
def _marks() -> list[int]:
    return [code for code in chain(*_ASSIGNED) if unicodedata.category(chr(code)) in ("Mn", "Mc")]


@lru_cache(maxsize=1)
def _unstable() -> set[int]:
    """Return ignorable code points, those that NFKC changes, and those that it may join to, or move before, others."""
    found = {*_within(_IGNORABLE), *_within(_CONJOINING)}
    for code in chain(*_ASSIGNED):
        char = chr(code)
        if unicodedata.combining(char) or unicodedata.normalize("NFKC", char) != char:
            found.add(code)
        parts = unicodedata.decomposition(char).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            found.add(int(parts[1], 16))
    return found


def _passes(char: str) -> bool:
    """Tell whether a character may stay although NFKC changes it: it is of no word and of no step, as … and ´ are."""
    normal = unicodedata.normalize("NFKC", char)
    if normal in (char, ".") or any(part.isalnum() or (part.isascii() and part not in _PLAIN) for part in normal):
        return False
    pairs = zip("x" + normal, normal, strict=False)
    return all(before == " " or not unicodedata.category(part).startswith("M") for before, part in pairs)


def _class(codes: Iterable[int]) -> str:
    """Return sorted code points as the ranges of a class of a regular expression."""
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] + 1 == code:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
