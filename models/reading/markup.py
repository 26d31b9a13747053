"""HTML to its markup: a compiled tokenizer that finds every tag and comment, in time in proportion to the length.

No tree is built. What a reader sees of the text between the markup is `tagdesk.models.reading.visible`'s to say.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.kernel import compiled

_Codes = NDArray[np.uint32]

PARAGRAPH, BREAK, PRE, UNREAD, SKIPPED, VOID, INLINE = 0, 1, 2, 3, 4, 5, 6
LINK, HEADING, LIST = 1, 2, 4
"""What a text stands in: bits."""

# A caption is about the picture, and a stock one ("File photo: …") speaks for the wrong topic; with <figure> go
# embeds, bookmark cards and pull quotes, which repeat the prose. Lists and cells are paragraphs too.
_ELEMENTS: Final = {
    PARAGRAPH: "p div h1 h2 h3 h4 h5 h6 hr blockquote table caption colgroup thead tbody tfoot tr td th ul ol li dir "
    "menu dl dt dd article section header main address fieldset legend hgroup center details summary search marquee "
    "frameset option optgroup",
    BREAK: "br",
    PRE: "pre xmp listing",
    UNREAD: "script style iframe textarea title noembed noframes",
    SKIPPED: "nav aside footer form button dialog select label figure figcaption noscript svg video audio object "
    "template datalist",
    # Nothing is within them, and nothing ends them.
    VOID: "area base basefont col embed frame img input isindex link meta param source track wbr",
    INLINE: "a abbr acronym b bdi bdo big blink cite code data del dfn em font i ins kbd mark nobr q rp rt ruby s "
    "samp small span strike strong sub sup time tt u var applet canvas map math meter output picture progress slot "
    "html head body",
}
_ROLES: Final = {LINK: "a", HEADING: "h1 h2 h3 h4 h5 h6", LIST: "ul ol menu dl table"}

_LONGEST_NAME: Final = 10


def _pack(name: str) -> int:
    """Return a tag name of at most ten lower-case letters and digits as one integer, six bits each."""
    packed = 0
    for char in name:
        packed = packed * 64 + (ord(char) - 21 if char.isdigit() else ord(char) - 96)
    return packed


def _element_table() -> NDArray[np.int64]:
    """Return rows (packed name, kind of element, role), sorted by name, and one for all other names."""
    roles = {name: role for role, names in _ROLES.items() for name in names.split()}
    rows = [(_pack(name), kind, roles.get(name, 0)) for kind, names in _ELEMENTS.items() for name in names.split()]
    return np.array([*sorted(rows), (0, INLINE, 0)], np.int64)


ELEMENTS: Final = _element_table()
"""The elements that mean something here: rows (packed name, kind, role), int64, sorted by name; last any other."""


def names_of(*kinds: int) -> frozenset[str]:
    """Return the names of the elements of some kinds, of all kinds if none is given."""
    return frozenset(name for kind, names in _ELEMENTS.items() if not kinds or kind in kinds for name in names.split())


def rows_of(*names: str) -> NDArray[np.int64]:
    """Return the rows of `ELEMENTS` that hold these names."""
    return np.flatnonzero(np.isin(ELEMENTS[:, 0], [_pack(name) for name in names]))


class Markup(NamedTuple):
    """The markup of an HTML source, piece by piece: tags, comments, and scripts from start tag to end tag.

    Attributes:
        starts: where each piece starts, int32.
        ends: where it ends, int32.
        elements: the row of `ELEMENTS`, counted from 1, that it starts; below 0 the one that it ends; 0: none, int32.
        hidden: whether it starts an element that no reader sees, bool.
    """

    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    elements: NDArray[np.int32]
    hidden: NDArray[np.bool_]


_BANG, _DASH, _SLASH, _LT, _EQUALS, _GT, _QUESTION = 33, 45, 47, 60, 61, 62, 63
_SEMICOLON, _COLON = 59, 58
_QUOTES: Final = (34, 39)
_HIDDEN, _STYLE, _DISPLAY, _NONE, _VISIBILITY = (
    np.frombuffer(word, np.uint8) for word in (b"hidden", b"style", b"display", b"none", b"visibility")
)
_BEFORE_NAME, _NAME, _AFTER_NAME, _BEFORE_VALUE, _UNQUOTED = 0, 1, 2, 3, 4


@compiled
def is_space(code: int) -> bool:
    """Tell whether HTML counts a code point as white space."""
    return code == 32 or 9 <= code <= 13


@compiled
def is_letter(code: int) -> bool:
    """Tell whether a code point is an ASCII letter."""
    return 97 <= (code | 32) <= 122


@compiled
def _read_name(codes: _Codes, at: int) -> tuple[int, int]:
    """Return where the tag name that starts at `at` ends, and the packed name (0: none that is known)."""
    packed, known, end = 0, True, at
    while end < len(codes):
        code = codes[end]
        if is_space(code) or code in (_SLASH, _GT):
            break
        if is_letter(code):
            packed = packed << 6 | (code & 31)
        elif 48 <= code <= 57:
            packed = packed << 6 | (code - 21)
        else:
            known = False
        end += 1
    return end, (packed if known and end - at <= _LONGEST_NAME else 0)


@compiled
def _spells(codes: _Codes, at: int, end: int, word: NDArray[np.uint8]) -> int:
    """Return where a lower-case word ends that stands at `at` in any case, or -1."""
    if end - at < len(word):
        return -1
    for i in range(len(word)):
        if (codes[at + i] | 32) != word[i]:
            return -1
    return at + len(word)


@compiled
def _declares(codes: _Codes, at: int, end: int, name: NDArray[np.uint8], value: NDArray[np.uint8]) -> bool:
    """Tell whether a style's declaration that begins at `at` gives this value to this property."""
    at = _spells(codes, at, end, name)
    colon = False
    while 0 <= at < end and (is_space(codes[at]) or (codes[at] == _COLON and not colon)):
        colon = colon or codes[at] == _COLON
        at += 1
    return colon and _spells(codes, at, end, value) > 0


@compiled
def _style_hides(codes: _Codes, at: int, end: int) -> bool:
    """Tell whether the style between two places hides its element."""
    begins = True
    for i in range(at, end):
        if begins and (_declares(codes, i, end, _DISPLAY, _NONE) or _declares(codes, i, end, _VISIBILITY, _HIDDEN)):
            return True
        begins = codes[i] == _SEMICOLON or (begins and (is_space(codes[i]) or codes[i] in _QUOTES))
    return False


@compiled
def _hides(codes: _Codes, name_at: int, name_end: int, value_at: int, value_end: int) -> bool:
    """Tell whether an attribute hides its element: `hidden`, or a style that does."""
    if _spells(codes, name_at, name_end, _HIDDEN) == name_end:
        return True
    return _spells(codes, name_at, name_end, _STYLE) == name_end and _style_hides(codes, value_at, value_end)


@compiled
def _ends_name(code: int) -> bool:
    return is_space(code) or code in (_GT, _SLASH, _EQUALS)


@compiled
def _ends_attribute(code: int, state: int) -> bool:
    """Tell whether an attribute without a value ends, or one whose value has no quotes."""
    return is_space(code) or code == _GT or (state == _NAME and code == _SLASH)


@compiled
def _quote_end(codes: _Codes, at: int, quote: int) -> int:
    while at < len(codes) and codes[at] != quote:
        at += 1
    return at


@compiled
def _tag_end(codes: _Codes, at: int) -> tuple[int, bool, bool]:
    """Return where the tag whose name ends at `at` ends (after its `>`), whether it closes itself, and is hidden."""
    state, slash, hidden, n = _BEFORE_NAME, False, False, len(codes)
    name_at = name_end = value_at = at
    while at < n:
        code = codes[at]
        at += 1
        if state == _NAME and _ends_name(code):
            name_end = value_at = at - 1
        if state in (_NAME, _UNQUOTED) and _ends_attribute(code, state):
            hidden = hidden or _hides(codes, name_at, name_end, value_at, at - 1)
        if code == _GT:
            return at, slash, hidden
        slash = False
        if state == _BEFORE_VALUE and code in _QUOTES:
            value_at, at = at, _quote_end(codes, at, code)
            hidden = hidden or _hides(codes, name_at, name_end, value_at, at)
            at += 1
            state = _BEFORE_NAME
        elif is_space(code):
            if state == _NAME:
                state = _AFTER_NAME
            elif state == _UNQUOTED:
                state = _BEFORE_NAME
        elif state >= _BEFORE_VALUE:
            value_at = at - 1 if state == _BEFORE_VALUE else value_at
            state = _UNQUOTED
        elif code == _SLASH:
            state, slash = _BEFORE_NAME, True
        elif code == _EQUALS and state != _BEFORE_NAME:
            state = _BEFORE_VALUE
        else:
            name_at = name_at if state == _NAME else at - 1
            state = _NAME
    return n, False, False


@compiled
def _comment_end(codes: _Codes, at: int) -> int:
    """Return where the comment, bogus comment or doctype whose `<` stands at `at` ends."""
    n = len(codes)
    if not (at + 3 < n and codes[at + 1] == _BANG and codes[at + 2] == _DASH and codes[at + 3] == _DASH):
        while at < n and codes[at] != _GT:
            at += 1
        return min(at + 1, n)
    # The dashes that open a comment may also close it: <!--> and <!---> are whole comments.
    at += 2
    while at + 2 < n:
        if codes[at] == _DASH and codes[at + 1] == _DASH:
            if codes[at + 2] == _GT:
                return at + 3
            if codes[at + 2] == _BANG and at + 3 < n and codes[at + 3] == _GT:
                return at + 4
        at += 1
    return n


@compiled
def _unread_end(codes: _Codes, at: int, name: int) -> int:
    """Return where the end tag of the element `name`, whose content starts at `at`, ends."""
    while at + 2 < len(codes):
        if codes[at] == _LT and codes[at + 1] == _SLASH and is_letter(codes[at + 2]):
            end, closed = _read_name(codes, at + 2)
            if closed == name:
                return _tag_end(codes, end)[0]
        at += 1
    return len(codes)


@compiled
def _find_element(elements: NDArray[np.int64], name: int) -> int:
    """Return the row of `elements` that holds `name`, or the last."""
    low, high = 0, len(elements) - 1
    while low < high:
        middle = (low + high) // 2
        if elements[middle, 0] < name:
            low = middle + 1
        else:
            high = middle
    return low if elements[low, 0] == name else len(elements) - 1


@compiled
def _tag_name(codes: _Codes, at: int) -> int:
    """Return where the name of the tag at `at` begins, or -1 if no tag does."""
    name_at = at + 2 if at + 1 < len(codes) and codes[at + 1] == _SLASH else at + 1
    return name_at if name_at < len(codes) and is_letter(codes[name_at]) else -1


@compiled
def _next_markup(codes: _Codes, at: int) -> int:
    """Return where the next piece of markup starts, at `at` or after it."""
    n = len(codes)
    while at < n:
        if codes[at] == _LT and at + 1 < n:
            following = codes[at + 1]
            if _tag_name(codes, at) > 0 or following in (_BANG, _QUESTION):
                break
            if following == _SLASH and at + 2 < n:
                break
        at += 1
    return at


@compiled
def _element(elements: NDArray[np.int64], row: int, closing: bool, closes_itself: bool, ended: bool) -> int:
    """Return what a tag stands for among `Markup.elements`."""
    kind = elements[row, 1]
    if kind == VOID or (not ended and kind != SKIPPED):
        return 0
    if closes_itself and (kind == SKIPPED or row == len(elements) - 1):
        return 0
    return -(row + 1) if closing else row + 1


@compiled
def tokenize(codes: _Codes, elements: NDArray[np.int64], most: int) -> tuple[Markup, int]:
    """Find the markup of an HTML source, as long as it costs no more than `most` to read.

    Args:
        codes: its code points, uint32, shape (length,).
        elements: `ELEMENTS`.
        most: the most that it may cost.

    Returns:
        The markup, and its cost: the code points of the text beside it, and 3 for each piece, as many as the
        shortest has. Where that is over `most`, the markup is not all there is.
    """
    room = min(len(codes), most) // 3 + 2  # only the last piece can be shorter than `<a>`
    markup = Markup(
        np.empty(room, np.int32), np.empty(room, np.int32), np.zeros(room, np.int32), np.zeros(room, np.bool_)
    )
    count, end = 0, 0
    at = cost = _next_markup(codes, 0)
    while at < len(codes) and cost <= most:
        name_at = _tag_name(codes, at)
        if name_at < 0:
            end = _comment_end(codes, at)
        else:
            name_end, name = _read_name(codes, name_at)
            end, closes_itself, hidden = _tag_end(codes, name_end)
            row, closing = _find_element(elements, name), name_at == at + 2
            if elements[row, 1] == UNREAD and not closing and not closes_itself:
                end = _unread_end(codes, end, name)
            element = _element(elements, row, closing, closes_itself, codes[end - 1] == _GT)
            markup.elements[count], markup.hidden[count] = element, hidden and element > 0
        markup.starts[count], markup.ends[count] = at, end
        count += 1
        at = _next_markup(codes, end)
        cost += 3 + at - end
    return Markup(markup.starts[:count], markup.ends[:count], markup.elements[:count], markup.hidden[:count]), cost
