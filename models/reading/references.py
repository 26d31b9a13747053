"""Character references of HTML (`&eacute;`, `&#233;`), read as the standard says: compiled."""

from html.entities import html5
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.kernel import FNV_OFFSET, FNV_PRIME, compiled
from tagdesk.models.reading.markup import is_letter

_Codes = NDArray[np.uint32]

_AMPERSAND, _HASH, _SEMICOLON = 38, 35, 59
_REPLACEMENT: Final = 0xFFFD
_LONGEST_NAME: Final = max(map(len, html5))


class References(NamedTuple):
    """What references mean.

    Attributes:
        names: 64-bit hashes of the names, sorted, uint64. That no two are alike is seen to when the table is made.
        meanings: the one or two code points that each stands for, the second 0 if it is one, uint32, shape (names, 2).
        controls: what the numbers 0x80 to 0x9F stand for, which are those of Windows-1252, uint32.
    """

    names: NDArray[np.uint64]
    meanings: NDArray[np.uint32]
    controls: NDArray[np.uint32]


@compiled
def _add(name: np.uint64, code: int) -> np.uint64:
    return (name ^ np.uint64(code)) * FNV_PRIME


def _hash(name: str) -> int:
    hashed = int(FNV_OFFSET)
    for char in name:
        hashed = (hashed ^ ord(char)) * int(FNV_PRIME) % 2**64
    return hashed


def _references() -> References:
    rows = sorted((_hash(name), meaning) for name, meaning in html5.items())
    names = np.array([name for name, _ in rows], np.uint64)
    assert len(np.unique(names)) == len(names)
    meanings = np.array([[*map(ord, meaning), 0][:2] for _, meaning in rows], np.uint32)
    controls = [bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(0x80, 0xA0)]
    return References(names, meanings, np.array([*map(ord, controls)], np.uint32))


REFERENCES: Final = _references()
"""The references of the standard."""


@compiled
def _digit(code: int, base: int) -> int:
    """Return what a digit is worth, or -1 if it is none."""
    if 48 <= code <= 57:
        return code - 48
    letter = (code | 32) - 87
    return letter if 10 <= letter < base else -1


@compiled
def _read_number(codes: _Codes, at: int, end: int, controls: NDArray[np.uint32]) -> tuple[int, int, int]:
    """Read the reference whose `&#` stands at `at`, as `read_reference` does."""
    base, after = 10, at + 2
    if after < end and codes[after] | 32 == 120:
        base, after = 16, after + 1
    first_digit, value = after, 0
    while after < end and _digit(codes[after], base) >= 0:
        value = min(value * base + _digit(codes[after], base), 0x110000)
        after += 1
    if after == first_digit:
        return _AMPERSAND, 0, at + 1
    if after < end and codes[after] == _SEMICOLON:
        after += 1
    if value == 0 or value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
        return _REPLACEMENT, 0, after
    return (controls[value - 0x80] if 0x80 <= value <= 0x9F else value), 0, after


@compiled
def begins_reference(codes: _Codes, at: int, end: int) -> bool:
    """Tell whether a character reference may stand at `at`: most ampersands are no more than that."""
    return codes[at] == _AMPERSAND and at + 1 < end and (codes[at + 1] == _HASH or is_letter(codes[at + 1]))


@compiled
def read_reference(codes: _Codes, at: int, end: int, references: References) -> tuple[int, int, int]:
    """Read the character reference whose `&` stands at `at`.

    Returns:
        The one or two code points that it stands for, the second 0 if it is one, and where it ends. Where it is no
        reference that is the `&` itself.
    """
    if at + 1 < end and codes[at + 1] == _HASH:
        return _read_number(codes, at, end, references.controls)
    names, meanings = references.names, references.meanings
    first, second, after = _AMPERSAND, 0, at + 1
    name = FNV_OFFSET
    for i in range(at + 1, min(end, at + 1 + _LONGEST_NAME)):
        code = codes[i]
        if not (is_letter(code) or 48 <= code <= 57 or code == _SEMICOLON):
            break
        name = _add(name, code)
        row = np.searchsorted(names, name)
        if row < len(names) and names[row] == name:  # the longest name counts
            first, second, after = meanings[row, 0], meanings[row, 1], i + 1
        if code == _SEMICOLON:
            break
    return first, second, after
