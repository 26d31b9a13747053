"""A text in blocks, and what each looks like: length, form, links, place, how much of it the rest of the text repeats.

A block is a line, or several lines of wrapped text. Only the beginning of a long block is looked at, which tells enough
and costs a third.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.kernel import FNV_OFFSET, FNV_PRIME, compiled, row_of
from tagdesk.models.reading.markup import HEADING, LINK, LIST, is_space

_Codes = NDArray[np.uint32]

LOOKS: Final = (
    "tokens",  # ln(1 + tokens), of a long block estimated from its length
    "few",  # 1 for none, 0 from 8 tokens on
    "sentence",  # it ends as a sentence does
    "sentences",  # ln(1 + sentences that end within it)
    "capitals",  # share of its words that begin with a capital, the first left out
    "figures",  # share of its tokens that begin with a digit
    "symbols",  # share of its code points that are neither word, space nor common punctuation
    "bullet",  # it begins with a bullet or a dash
    "lower",  # … with a lower-case letter, after that
    "figure",  # … with a digit
    "timed",  # … with a clock time
    "joined",  # it has several lines
    "link",  # share of its code points that stand in a link
    "list",  # … in a list or table, if any stands in a link
    "heading",  # … in a heading
    "shared",  # share of its longer words that other blocks or the title have
    "words",  # what its words say: see `tagdesk.models.reading.looks`
    "tokens before",  # of the block before it
    "tokens after",
    "sentence before",
    "sentence after",
    "link before",
    "link after",
    "words before",
    "words after",
    "prose before",  # prose blocks before it, up to 3, a third each
    "prose after",
    "first",  # the first block
    "last",
)
"""What is measured of a block, in the order of the columns."""

TOKENS, _FEW, SENTENCE, _SENTENCES, _CAPITALS, _FIGURES, _SYMBOLS, _BULLET, _LOWER, _FIGURE, _TIMED = range(11)
_JOINED, LINKED, _LIST, _HEADING, SHARED, WORDS, _AROUND = range(11, 18)
LINKED_BEFORE, LINKED_AFTER = 21, 22
_PROSE_BEFORE, _PROSE_AFTER, _FIRST, _LAST = range(25, 29)
_NEIGHBOURS: Final = np.array([TOKENS, SENTENCE, LINKED, WORDS])
_FEW_TOKENS, PROSE_TOKENS, _LONG_WORD = 8, 12, 5
_LINE_FEED, _LOW_LINE, _COPYRIGHT, _MOST_PROBES = 10, 95, 0xA9, 16
BEGINNING: Final = 4
"""Letters by which a phrase is known."""
_BULLETS = tuple(map(ord, "-–—•*·▪►●○‣>»"))
_CLOCK = tuple(map(ord, ":.hH"))
_ENDS = tuple(map(ord, ".!?…。।؟"))
_CLOSES = tuple(map(ord, "\"'”’»)]"))
_COMMON = tuple(map(ord, ".,;:!?…'\"“”‘’()-–—"))
READ: Final = 100
"""Number of code points of a block that are looked at, the last word left out if it is not whole."""
_LONGEST_WORD = 20


class Words(NamedTuple):
    """Words and their weights, by hash.

    Attributes:
        hashes: of each, `hash_word`, uint64.
        slots: `tagdesk.models.kernel.build_slots` of them, int32.
        weights: for furniture and for notices, log-odds, float64, shape (words + 1, 2); the last is no word's, and 0.
    """

    hashes: NDArray[np.uint64]
    slots: NDArray[np.int32]
    weights: NDArray[np.float64]


class Blocks(NamedTuple):
    """The blocks of a text that contain a word.

    Attributes:
        starts: where each starts, int32.
        ends: where it ends, int32.
        looks: float64, shape (blocks, len(LOOKS)).
        tokens: how many tokens each has, int32.
        notices: log-odds by which its words speak for a notice, float64.
    """

    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    looks: NDArray[np.float64]
    tokens: NDArray[np.int32]
    notices: NDArray[np.float64]


@compiled
def hash_word(codes: _Codes, words: NDArray[np.uint32]) -> np.uint64:
    """Return the hash of a word (FNV-1a of its lower-cased code points)."""
    found = FNV_OFFSET
    for code in codes:
        found = (found ^ np.uint64(words[code])) * FNV_PRIME
    return found


@compiled
def any_line_begins(
    codes: _Codes, lines: NDArray[np.int32], words: NDArray[np.uint32], hashes: NDArray[np.uint64]
) -> bool:
    """Tell whether any line begins as a phrase does, after what is no letter.

    Args:
        codes: the text's code points, uint32.
        lines: `line_ends` of them.
        words: `tagdesk.models.reading.normal_form.word_table`.
        hashes: of the first `BEGINNING` letters of each phrase, `hash_word`, uint64, sorted.
    """
    at = 0
    for end in lines:
        while at < end and (words[codes[at]] == 0 or codes[at] == _LOW_LINE):
            if codes[at] == _COPYRIGHT:
                return True
            at += 1
        if at + BEGINNING <= end:
            beginning = hash_word(codes[at : at + BEGINNING], words)
            place = np.searchsorted(hashes, beginning)
            if place < len(hashes) and hashes[place] == beginning:
                return True
        at = end + 1
    return False


@compiled
def _goes_on(codes: _Codes, at: int, words: NDArray[np.uint32]) -> bool:
    """Tell whether the line that ends at `at` goes on in the next: it ends no sentence, and the next begins none."""
    n, before, after = len(codes), at - 1, at + 1
    while before >= 0 and codes[before] == 32:
        before -= 1
    while after < n and codes[after] == 32:
        after += 1
    if before < 0 or after >= n or words[codes[after]] != codes[after] or codes[after] < 97:
        return False
    return codes[before] != _LINE_FEED and codes[before] not in _ENDS


@compiled
def line_ends(codes: _Codes) -> NDArray[np.int32]:
    """Return where each line ends, int32, shape (lines,)."""
    ends = np.empty(len(codes) + 1, np.int32)
    count = 0
    for at in range(len(codes)):
        if codes[at] == _LINE_FEED:
            ends[count] = at
            count += 1
    ends[count] = len(codes)
    return ends[: count + 1]


@compiled
def _ends_sentence(codes: _Codes, start: int, end: int) -> bool:
    while end > start and (is_space(codes[end - 1]) or codes[end - 1] in _CLOSES):
        end -= 1
    return end > start and codes[end - 1] in _ENDS


@compiled
def _is_digit(code: int) -> bool:
    return 48 <= code <= 57


@compiled
def _is_clock(codes: _Codes) -> bool:
    """Tell whether a text begins with a clock time: 9:05, 17.40, 17h40."""
    hours = 1 if len(codes) > 1 and not _is_digit(codes[1]) else 2
    if len(codes) < hours + 3 or not _is_digit(codes[0]) or codes[hours] not in _CLOCK:
        return False
    return _is_digit(codes[hours + 1]) and _is_digit(codes[hours + 2])


@compiled
def _after_bullet(codes: _Codes, at: int, end: int) -> int:
    """Return where a text begins after bullets and white space, if anything does."""
    start = at
    while at < end and (is_space(codes[at]) or codes[at] in _BULLETS):
        at += 1
    return at if at < end else start


@compiled
def _looked_at(codes: _Codes, start: int, end: int, words: NDArray[np.uint32]) -> tuple[int, int]:
    """Return where what is looked at of a block starts and ends."""
    while start < end and is_space(codes[start]):
        start += 1
    stop = min(end, start + READ)
    while start + READ - _LONGEST_WORD < stop < end and words[codes[stop - 1]] and words[codes[stop]]:
        stop -= 1
    return start, stop


@compiled
def _glance_at(
    codes: _Codes,
    start: int,
    end: int,
    words: NDArray[np.uint32],
    lexicon: Words,
    tokens_of_block: NDArray[np.uint64],
    look: NDArray[np.float64],
) -> tuple[int, float]:
    """Look at the words of a block; return its number of tokens, and the log-odds of its words for a notice."""
    start, stop = _looked_at(codes, start, end, words)
    tokens, word, first = 0, FNV_OFFSET, start
    for i in range(start, stop):  # without a branch at the ends of words: see `kernel.add_tokens`
        letter = words[codes[i]]
        outside = letter == 0
        tokens_of_block[tokens] = word
        tokens += outside & (i > first)
        first = i + 1 if outside else first
        word = FNV_OFFSET if outside else (word ^ np.uint64(letter)) * FNV_PRIME
    tokens_of_block[tokens] = word
    tokens += stop > first
    if tokens == 0:
        return 0, 0.0
    said = noticed = 0.0
    hashes, slots, weights = lexicon  # to take an array out of a tuple costs more than a step
    for word in tokens_of_block[:tokens]:
        row = row_of(word, slots, hashes)
        said += weights[row, 0]
        noticed += weights[row, 1]
    root = np.sqrt(tokens)
    whole = tokens * (end - start) // (stop - start)
    look[TOKENS] = np.log1p(whole)
    look[_FEW] = max(0, _FEW_TOKENS - tokens) / _FEW_TOKENS
    look[SENTENCE] = _ends_sentence(codes, start, end)
    look[WORDS] = said / root
    return whole, noticed / root


@compiled
def look_closer(codes: _Codes, words: NDArray[np.uint32], found: Blocks, block: int) -> None:
    """Write the looks of a block by itself that `glance` leaves out, but for the words that it shares."""
    look = found.looks[block]
    start, stop = _looked_at(codes, found.starts[block], found.ends[block], words)
    symbols = printed = sentences = tokens = capitals = figures = 0
    first = start
    for i in range(start, stop):
        code = codes[i]
        printed += code > 32
        if words[code] == 0:
            first = i + 1
            if code > 32:
                symbols += code not in _COMMON and code != 0xA0
                sentences += code in _ENDS and i + 1 < stop and codes[i + 1] <= 32
        elif i == first:
            figures += _is_digit(code)
            capitals += tokens > 0 and words[code] != code and i + 1 < stop and words[codes[i + 1]] != 0
            tokens += 1
    look[_CAPITALS] = capitals / tokens
    look[_FIGURES] = figures / tokens
    look[_SENTENCES] = np.log1p(sentences)
    look[_SYMBOLS] = symbols / max(1, printed)
    at = _after_bullet(codes, start, stop)
    look[_BULLET] = at > start
    look[_LOWER] = words[codes[at]] == codes[at] and codes[at] >= 97
    look[_FIGURE] = _is_digit(codes[at])
    look[_TIMED] = _is_clock(codes[at:stop])


@compiled
def _look_at_roles(codes: _Codes, roles: NDArray[np.uint8], start: int, end: int, look: NDArray[np.float64]) -> None:
    link = listed = heading = printed = 0
    for i in range(start, end):
        if not is_space(codes[i]):
            printed += 1
            link += (roles[i] & LINK) != 0
            listed += (roles[i] & LIST) != 0
            heading += (roles[i] & HEADING) != 0
    printed = max(1, printed)
    if listed > 0 and link == 0:  # menus are lists of links; articles have other lists, of teams and names
        listed, look[WORDS] = 0, min(0.0, look[WORDS])
    look[LINKED], look[_LIST], look[_HEADING] = link / printed, listed / printed, heading / printed


@compiled
def look_around(looks: NDArray[np.float64], tokens: NDArray[np.int32]) -> None:
    """Write the looks of what stands before and after each block, after `glance`."""
    count = len(tokens)
    after = before = 0
    for i in range(count):
        after += _is_prose(looks, tokens, i)
    for i in range(count):
        prose = _is_prose(looks, tokens, i)
        after -= prose
        for j in range(len(_NEIGHBOURS)):
            column = _NEIGHBOURS[j]
            looks[i, _AROUND + 2 * j] = looks[i - 1, column] if i > 0 else 0.0
            looks[i, _AROUND + 2 * j + 1] = looks[i + 1, column] if i + 1 < count else 0.0
        looks[i, _PROSE_BEFORE] = min(before, 3) / 3
        looks[i, _PROSE_AFTER] = min(after, 3) / 3
        looks[i, _FIRST] = i == 0
        looks[i, _LAST] = i == count - 1
        before += prose


@compiled
def _is_prose(looks: NDArray[np.float64], tokens: NDArray[np.int32], block: int) -> bool:
    return bool(tokens[block] >= PROSE_TOKENS and looks[block, SENTENCE] > 0 and looks[block, LINKED] < 0.5)


@compiled
def glance(
    codes: _Codes, lines: NDArray[np.int32], roles: NDArray[np.uint8], words: NDArray[np.uint32], lexicon: Words
) -> Blocks:
    """Cut a text into blocks and look at the words of each: the looks of which others need some.

    Args:
        codes: its code points, uint32.
        lines: `line_ends` of them.
        roles: what each stands in, `tagdesk.models.reading.visible.Visible.roles`; empty for plain text.
        words: `tagdesk.models.reading.normal_form.word_table`.
        lexicon: the words that have a weight.
    """
    most = len(lines)
    starts, ends, counts = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    room = np.empty(READ + 1, np.uint64)
    looks, notices = np.zeros((most, len(LOOKS))), np.zeros(most)
    count = start = line = 0
    while line < most:
        end, joined = lines[line], False
        while line + 1 < most and _goes_on(codes, end, words):
            line += 1
            end, joined = lines[line], True
        tokens, notices[count] = _glance_at(codes, start, end, words, lexicon, room, looks[count])
        if tokens > 0:
            starts[count], ends[count], counts[count] = start, end, tokens
            looks[count, _JOINED] = joined
            if len(roles) > 0:
                _look_at_roles(codes, roles, start, end, looks[count])
            count += 1
        start = end + 1
        line += 1
    return Blocks(starts[:count], ends[:count], looks[:count], counts[:count], notices[:count])


@compiled
def look(codes: _Codes, title: _Codes, roles: NDArray[np.uint8], words: NDArray[np.uint32], lexicon: Words) -> Blocks:
    """Cut a text into blocks and look at each.

    Args:
        codes: see `glance`.
        title: the title's code points, uint32.
        roles: see `glance`.
        words: see `glance`.
        lexicon: see `glance`.
    """
    found = glance(codes, line_ends(codes), roles, words, lexicon)
    look_around(found.looks, found.tokens)
    for block in range(len(found.starts)):
        look_closer(codes, words, found, block)
    _look_for_shared(codes, title, words, found)
    return found


@compiled
def _seen(cells: NDArray[np.uint64], owners: NDArray[np.int32], word: np.uint64, block: int) -> int:
    """Remember that a block has a word; return the word's cell. A word's owner is its block, or -1 for several.

    Words made to collide get the last cell, which has no owner.
    """
    mask = len(cells) - 2
    at = np.int64(word & np.uint64(mask))
    for _ in range(_MOST_PROBES):
        if cells[at] == 0 or cells[at] == word:
            break
        at = (at + 1) & mask
    else:
        return len(owners) - 1
    if cells[at] == 0:
        cells[at], owners[at] = word, block
    elif owners[at] != block:
        owners[at] = -1
    return int(at)


@compiled
def _see_words(
    codes: _Codes,
    start: int,
    end: int,
    words: NDArray[np.uint32],
    block: int,
    cells: NDArray[np.uint64],
    owners: NDArray[np.int32],
    places: NDArray[np.int64],
    found: int,
) -> int:
    """Remember the longer words of a block; return the number of places that are filled."""
    word, length = FNV_OFFSET, 0
    for i in range(start, end + 1):
        letter = words[codes[i]] if i < end else np.uint32(0)
        if letter:
            word = (word ^ np.uint64(letter)) * FNV_PRIME
            length += 1
        elif length > 0:
            if length >= _LONG_WORD:
                places[found] = _seen(cells, owners, word, block)
                found += 1
            word, length = FNV_OFFSET, 0
    return found


@compiled
def _look_for_shared(codes: _Codes, title: _Codes, words: NDArray[np.uint32], found: Blocks) -> None:
    """Write into the looks of each block which share of its longer words other blocks or the title contain.

    Args:
        codes: the text's code points, uint32.
        title: the title's, uint32.
        words: `tagdesk.models.reading.normal_form.word_table`.
        found: the blocks of the text.
    """
    size, count = 64, len(found.starts)
    while size < (len(codes) + len(title)) // 3:
        size *= 2
    cells, owners = np.zeros(size + 1, np.uint64), np.zeros(size + 1, np.int32)
    places = np.empty((len(codes) + len(title)) // _LONG_WORD + 2, np.int64)
    firsts = np.zeros(count + 1, np.int64)
    filled = _see_words(title, 0, len(title), words, -2, cells, owners, places, 0)
    for i in range(count):
        firsts[i] = filled
        filled = _see_words(codes, found.starts[i], found.ends[i], words, i, cells, owners, places, filled)
    firsts[count] = filled
    for i in range(count):
        shared = 0
        for j in range(firsts[i], firsts[i + 1]):
            shared += owners[places[j]] == -1
        found.looks[i, SHARED] = shared / max(1, firsts[i + 1] - firsts[i])
