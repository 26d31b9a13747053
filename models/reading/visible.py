"""The text that a reader sees of an HTML source, and where each code point of it stands: compiled, without a tree.

White space is that of a page printed as text: paragraphs stand two lines apart, a line break is one, and what is
preformatted stays as it is.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.kernel import compiled
from tagdesk.models.reading.markup import BREAK, INLINE, LINK, LIST, PARAGRAPH, PRE, SKIPPED, Markup, is_space, rows_of
from tagdesk.models.reading.references import References, begins_reference, read_reference

_Codes = NDArray[np.uint32]
(_P,), (_TABLE,), (_FIGURE,) = (rows_of(name).tolist() for name in ("p", "table", "figure"))
_WHOLE = tuple(rows_of("html", "body").tolist())
"""A page that is hidden until its script shows it is read."""
_LINE_FEED, _CARRIAGE_RETURN, _SPACE, _AMPERSAND, _SURROGATE = 10, 13, 32, 38, 0xD800


class Visible(NamedTuple):
    """A text, and the half-open spans of the source that its code points come from.

    Attributes:
        codes: its code points, uint32.
        starts: where each comes from, int32.
        ends: where that ends, int32.
        roles: what it stands in, bits (`tagdesk.models.reading.markup.LINK` …), uint8; empty where none stands in
            anything.
    """

    codes: _Codes
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    roles: NDArray[np.uint8]

    @property
    def text(self) -> str:
        """The text itself."""
        return self.codes.tobytes().decode("utf-32-le")


@compiled
def _ways(markup: Markup, elements: NDArray[np.int64], kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how each piece is read: the kind of its element, -1 for none; `SKIPPED` where no reader sees it.

    An element to skip that nothing ends must not cost the article its text, and a figure that holds a table is no
    picture: they are read as paragraphs. Nor is the rest of an article a link because nothing ends one.
    """
    ways = np.full(len(markup.elements), -1, np.int64)
    # How many more of its kind than began are ended by some piece from here on, at most: below 0, of each kind.
    lowest = np.zeros(len(kinds), np.int64)
    has_table = False
    for i in range(len(ways) - 1, -1, -1):
        row, begins = abs(markup.elements[i]) - 1, markup.elements[i] > 0
        if row < 0:
            continue
        lowest[row] = min(lowest[row], 0) + (1 if begins else -1)
        forgotten = begins and lowest[row] > 0
        ways[i] = kinds[row]
        if row == _TABLE:
            has_table = True
        elif row == _FIGURE:
            if ways[i] == SKIPPED and begins and has_table:
                ways[i] = PARAGRAPH
            has_table = False
        if ways[i] == SKIPPED and forgotten:
            ways[i] = PARAGRAPH
        elif markup.hidden[i] and row not in _WHOLE and (row == _P or not forgotten):
            ways[i] = SKIPPED
        elif forgotten and ways[i] == INLINE:
            ways[i] = -1
    return ways


@compiled
def _read(codes: _Codes, at: int, end: int, references: References) -> tuple[int, int, int]:
    """Read one character of text: what it stands for (two code points, the second mostly 0), and where it ends."""
    code = codes[at]
    if code == _AMPERSAND:
        return read_reference(codes, at, end, references)
    if code == 0:
        return _SPACE, 0, at + 1
    if code == _CARRIAGE_RETURN:
        return _LINE_FEED, 0, at + (2 if at + 1 < end and codes[at + 1] == _LINE_FEED else 1)
    return (0xFFFD if 0xD800 <= code <= 0xDFFF else code), 0, at + 1


@compiled
def _after_line_feed(codes: _Codes, at: int, references: References) -> int:
    """Return where the line feed at `at` ends, or `at` where there is none."""
    if at == len(codes):
        return at
    code, _, after = _read(codes, at, len(codes), references)
    return after if code == _LINE_FEED else at


@compiled
def _trimmed(codes: _Codes, size: int) -> int:
    """Return the size of a text without the white space at its end."""
    while size > 0 and is_space(codes[size - 1]):
        size -= 1
    return size


@compiled
def _put_lines(text: Visible, size: int, lines: int, in_pre: bool) -> int:
    """Begin a new line, so many lines down; return the size of the text."""
    if not in_pre:
        size = _trimmed(text.codes, size)
    if size == 0:
        return 0
    text.codes[size : size + lines] = _LINE_FEED
    return size + lines


@compiled
def _put_text(
    codes: _Codes,
    at: int,
    end: int,
    references: References,
    text: Visible,
    role: int,
    size: int,
    lines: int,
    in_pre: bool,
) -> tuple[int, int]:
    """Write the source's text from `at` to `end`; return the size of the text and the lines that wait to be begun."""
    written, starts, ends, roles = text.codes, text.starts, text.ends, text.roles
    while at < end:
        code, second, after = int(codes[at]), 0, at + 1
        # Nearly all are letters, or a space after one; no branch tells which, as no processor guesses it well.
        is_plain = (code >= _SPACE) & (code < _SURROGATE) & (code != _AMPERSAND) & (lines == 0)
        if is_plain & ((code != _SPACE) | (written[size - 1] > _SPACE)):
            written[size], starts[size], ends[size] = code, at, after
            roles[size] = role if (code != _SPACE) | in_pre else 0
            size, at = size + 1, after
            continue
        if code in (0, _CARRIAGE_RETURN) or _SURROGATE <= code <= 0xDFFF or begins_reference(codes, at, end):
            code, second, after = _read(codes, at, end, references)
        if in_pre or not is_space(code):
            if lines > 0:
                size, lines = _put_lines(text, size, lines, in_pre), 0
            written[size], starts[size], ends[size], roles[size] = code, at, after, role
            size += 1
            if second > 0:
                written[size], starts[size], ends[size], roles[size] = second, at, after, role
                size += 1
        elif lines == 0 and not is_space(written[size - 1]):
            written[size] = _SPACE
            size += 1
        at = after
    return size, lines


@compiled
def _lines_before(kind: int, length: int, lines: int, in_pre: bool, in_paragraph: bool) -> int:
    """Return how many lines down what follows a tag is, if `lines` were to be begun before it."""
    if kind == PRE:
        return max(lines, 2 if in_paragraph else 1)
    if kind == BREAK or (in_pre and length > 3):
        return lines + 1
    return max(lines, 1 if in_pre else 2)


@compiled
def _blank(text: Visible, is_white: NDArray[np.bool_]) -> None:
    """Give white space an empty span, at the end of what stands before it."""
    codes, starts, ends = text.codes, text.starts, text.ends  # to take an array out of a tuple costs more than a step
    before = 0
    for i in range(len(codes)):
        code = codes[i]
        if code < len(is_white) and is_white[code]:
            starts[i] = ends[i] = before
        else:
            before = ends[i]


@compiled
def _printed(codes: _Codes, at: int, end: int) -> int:
    """Return how many code points between two places are not white space."""
    count = 0
    for i in range(at, end):
        count += not is_space(codes[i])
    return count


@compiled
def _stands_in(role: int, begins: bool, within: int, lists: int) -> tuple[int, int]:
    """Return what text stands in after a tag of an element with a role, and in how many lists."""
    if role == LIST:
        lists = lists + 1 if begins else max(lists - 1, 0)
    elif begins:
        within |= role
    else:
        within &= ~role
    return within, lists


@compiled
def visible(
    codes: _Codes,
    markup: Markup,
    elements: NDArray[np.int64],
    kinds: NDArray[np.int64],
    references: References,
    is_white: NDArray[np.bool_],
    counted: NDArray[np.bool_],
) -> tuple[Visible, int]:
    """Return the text that a reader sees of a source, and how many code points were skipped that may be the article.

    Args:
        codes: its code points, uint32, shape (length,).
        markup: its markup.
        elements: `tagdesk.models.reading.markup.ELEMENTS`.
        kinds: the kind to read each of them as, int64.
        references: what character references mean.
        is_white: which of the first code points are white space, bool.
        counted: which elements may hold the article after all, bool; links and white space in them do not count.
    """
    n, pieces = len(codes), len(markup.starts)
    room = n + 1 - (markup.ends - markup.starts).sum() + 2 * pieces
    text = Visible(
        np.empty(room, np.uint32), np.empty(room, np.int32), np.empty(room, np.int32), np.zeros(room, np.uint8)
    )
    ways = _ways(markup, elements, kinds)
    size, lines, in_pre, in_paragraph = 0, 1, False, False
    skipped = depth = at = missed = 0
    within = lists = every = 0
    for i in range(pieces + 1):
        end = markup.starts[i] if i < pieces else n
        if at < end:
            if skipped == 0:
                role = within | (LIST if lists > 0 else 0)
                every |= role
                size, lines = _put_text(codes, at, end, references, text, role, size, lines, in_pre)
            elif counted[skipped - 1] and not within & LINK:
                missed += _printed(codes, at, end)
        if i == pieces:
            break
        at, element, way = markup.ends[i], markup.elements[i], ways[i]
        if way >= 0:
            within, lists = _stands_in(elements[abs(element) - 1, 2], element > 0, within, lists)
        if skipped == _P + 1 and way == PARAGRAPH:
            skipped = 0
        elif skipped != 0:
            depth += int(element == skipped) - int(element == -skipped)
            skipped = skipped if depth > 0 else 0
            continue
        if way == SKIPPED and element > 0:
            skipped, depth = element, 1
        elif way in (PARAGRAPH, BREAK) or (way == PRE and in_pre == (element < 0)):
            lines = _lines_before(way, at - end, lines, in_pre, in_paragraph)
            in_paragraph = not in_pre and (way == PARAGRAPH or (way == BREAK and in_paragraph))
            if way == PRE:
                in_pre, in_paragraph = not in_pre, False
                at = _after_line_feed(codes, at, references) if in_pre else at
    size = _trimmed(text.codes, size)
    roles = text.roles[: size if every else 0]
    text = Visible(text.codes[:size], text.starts[:size], text.ends[:size], roles)
    _blank(text, is_white)
    return text, missed
