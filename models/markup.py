"""HTML made plain: a tokenizer that rewrites the source in place, so that no document is hard on the C parser.

Tags become paragraphs, line breaks or empty comments, and what is not the article (scripts, forms, attributes …)
becomes spaces, code point for code point: positions still hold, and the tree the parser sees is three levels deep.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.kernel import compiled

_Codes = NDArray[np.uint32]

_PARAGRAPH, _BREAK, _PRE, _UNREAD, _SKIPPED = 0, 1, 2, 3, 4
# A caption is about the picture, and a stock one ("File photo: …") speaks for the wrong topic; with <figure> go
# embeds, bookmark cards and pull quotes, which repeat the prose. Lists and cells are paragraphs too: nested ones
# would be indented by their depth, which makes 800 MB of text out of 256 kB of <ul><li>.
_ELEMENTS: Final = {
    _PARAGRAPH: "p div h1 h2 h3 h4 h5 h6 hr blockquote table caption thead tbody tfoot tr td th ul ol li dir menu "
    "dl dt dd article section header main address fieldset legend hgroup center details summary",
    _BREAK: "br",
    _PRE: "pre xmp listing",
    _UNREAD: "script style iframe textarea title noembed noframes",
    _SKIPPED: "nav aside footer form button dialog select label figure figcaption noscript svg video audio object "
    "template",
}

_LONGEST_NAME: Final = 10


def _pack(name: str) -> int:
    """Return a tag name of at most ten lower-case letters and digits as one integer, six bits each."""
    packed = 0
    for char in name:
        packed = packed * 64 + (ord(char) - 21 if char.isdigit() else ord(char) - 96)
    return packed


def _tag_table() -> NDArray[np.int64]:
    """Return rows (packed name, kind of element), sorted by name."""
    rows = [(_pack(name), kind) for kind, names in _ELEMENTS.items() for name in names.split()]
    return np.array(sorted(rows), np.int64)


_TAGS: Final = _tag_table()
_SPACE, _BANG, _DASH, _SLASH, _LT, _EQUALS, _GT, _QUESTION = 32, 33, 45, 47, 60, 61, 62, 63
_BEFORE_NAME, _NAME, _AFTER_NAME, _BEFORE_VALUE, _UNQUOTED = 0, 1, 2, 3, 4


@compiled
def _is_space(code: int) -> bool:
    return code == 32 or 9 <= code <= 13


@compiled
def _is_letter(code: int) -> bool:
    return 97 <= (code | 32) <= 122


@compiled
def _read_name(codes: _Codes, at: int) -> tuple[int, int]:
    """Return where the tag name that starts at `at` ends, and the packed name (0: none that is known)."""
    packed, known, end = 0, True, at
    while end < len(codes):
        code = codes[end]
        if _is_space(code) or code in (_SLASH, _GT):
            break
        if _is_letter(code):
            packed = packed << 6 | (code & 31)
        elif 48 <= code <= 57:
            packed = packed << 6 | (code - 21)
        else:
            known = False
        end += 1
    return end, (packed if known and end - at <= _LONGEST_NAME else 0)


@compiled
def _tag_end(codes: _Codes, at: int) -> tuple[int, bool]:
    """Return where the tag whose name ends at `at` ends (after its `>`), and whether it closes itself."""
    state, slash, n = _BEFORE_NAME, False, len(codes)
    while at < n:
        code = codes[at]
        at += 1
        if code == _GT:
            return at, slash
        slash = False
        if state == _BEFORE_VALUE and (code == 34 or code == 39):
            while at < n and codes[at] != code:
                at += 1
            at += 1
            state = _BEFORE_NAME
        elif _is_space(code):
            if state == _NAME:
                state = _AFTER_NAME
            elif state == _UNQUOTED:
                state = _BEFORE_NAME
        elif state >= _BEFORE_VALUE:
            state = _UNQUOTED
        elif code == _SLASH:
            state, slash = _BEFORE_NAME, True
        elif code == _EQUALS and state != _BEFORE_NAME:
            state = _BEFORE_VALUE
        else:
            state = _NAME
    return n, False


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
        if codes[at] == _LT and codes[at + 1] == _SLASH and _is_letter(codes[at + 2]):
            end, found = _read_name(codes, at + 2)
            if found == name:
                return _tag_end(codes, end)[0]
        at += 1
    return len(codes)


@compiled
def _find_tag(tags: NDArray[np.int64], name: int) -> int:
    """Return the row of `tags` that holds `name`, or -1."""
    low, high = 0, len(tags)
    while low < high:
        middle = (low + high) // 2
        if tags[middle, 0] < name:
            low = middle + 1
        else:
            high = middle
    return low if low < len(tags) and tags[low, 0] == name else -1


@compiled
def _write_comment(codes: _Codes, at: int, end: int) -> None:
    """Turn the source at `at`:`end` into an empty comment of the same length."""
    closed = codes[end - 1] == _GT
    codes[at:end] = _SPACE
    codes[at], codes[at + 1] = _LT, _BANG
    if closed:
        codes[end - 1] = _GT


@compiled
def _write_tag(codes: _Codes, at: int, end: int, letters: bytes) -> None:
    """Turn the tag at `at`:`end` into `<` and `letters`, without attributes."""
    codes[at + 1 : end - 1] = _SPACE
    for i in range(len(letters)):
        codes[at + 1 + i] = letters[i]


@compiled
def _rewrite_tag(codes: _Codes, at: int, end: int, kind: int, closing: bool, in_pre: bool) -> bool:
    """Rewrite the tag at `at`:`end`; return whether what follows is preformatted."""
    if codes[end - 1] != _GT:
        _write_comment(codes, at, end)
    elif kind == _PARAGRAPH and not in_pre:
        _write_tag(codes, at, end, b"p")
    elif kind in (_PARAGRAPH, _BREAK):
        _write_tag(codes, at, end, b"p" if end - at < 4 else b"br")
    elif kind == _PRE and closing == in_pre:
        _write_tag(codes, at, end, b"/pre" if closing else b"pre")
        return not closing
    else:
        _write_comment(codes, at, end)
    return in_pre


@compiled
def _tag_name(codes: _Codes, at: int) -> int:
    """Return where the name of the tag at `at` begins, or -1 if no tag does."""
    name_at = at + 2 if at + 1 < len(codes) and codes[at + 1] == _SLASH else at + 1
    return name_at if name_at < len(codes) and _is_letter(codes[name_at]) else -1


@compiled
def _read_text(codes: _Codes, is_text: NDArray[np.bool_], at: int) -> int:
    """Take everything up to the next markup as text; return where the markup starts."""
    n = len(codes)
    while at < n:
        code = codes[at]
        if code == _LT and at + 1 < n:
            following = codes[at + 1]
            if _tag_name(codes, at) > 0 or following in (_BANG, _QUESTION):
                break
            if following == _SLASH and at + 2 < n:
                break
        if code == 0:
            codes[at] = _SPACE
        elif 0xD800 <= code <= 0xDFFF:
            codes[at] = 0xFFFD
        is_text[at] = True
        at += 1
    return at


@compiled
def _rewrite(codes: _Codes, is_text: NDArray[np.bool_], tags: NDArray[np.int64]) -> tuple[int, int, int]:
    """Rewrite the source and mark its text; return the longest tag's place and length, and the row left open.

    That row of `tags` is of the element to skip that has no end, or -1.
    """
    longest = longest_at = depth = skipped_at = 0
    skipped, in_pre = -1, False
    at = _read_text(codes, is_text, 0)
    while at < len(codes):
        name_at = _tag_name(codes, at)
        if name_at < 0:
            end = _comment_end(codes, at)
            _write_comment(codes, at, end)
        else:
            name_end, name = _read_name(codes, name_at)
            end, closes_itself = _tag_end(codes, name_end)
            if end - at > longest:
                longest, longest_at = end - at, at
            row, closing = _find_tag(tags, name), name_at == at + 2
            kind = tags[row, 1] if row >= 0 else -1
            if kind == _UNREAD and not closing and not closes_itself:
                end = _unread_end(codes, end, name)
            if kind == _SKIPPED and not closes_itself and (skipped == row or (skipped < 0 and not closing)):
                if skipped < 0:
                    skipped, skipped_at = row, at
                depth += -1 if closing else 1
            if skipped < 0:
                in_pre = _rewrite_tag(codes, at, end, kind, closing, in_pre)
            elif depth == 0:
                _write_comment(codes, skipped_at, end)
                is_text[skipped_at:end] = False
                skipped = -1
        at = _read_text(codes, is_text, end)
    return longest_at, longest, skipped


def simplify(source: _Codes) -> tuple[_Codes, NDArray[np.bool_], int, int]:
    """Rewrite an HTML source.

    Args:
        source: its code points, uint32, shape (length,).

    Returns:
        The source rewritten, of the same length (uint32); which of its code points are text (bool); and the place
        and the length of its longest tag.
    """
    codes, is_text, at, length = _simplify(source, _TAGS)
    return codes, is_text, int(at), int(length)


@compiled
def _simplify(source: _Codes, tags: NDArray[np.int64]) -> tuple[_Codes, NDArray[np.bool_], int, int]:
    while True:
        codes, is_text = source.copy(), np.zeros(len(source), np.bool_)
        at, length, unclosed = _rewrite(codes, is_text, tags)
        if unclosed < 0:
            return codes, is_text, at, length
        # A forgotten end tag must not cost the article its text: read on as if it were a paragraph.
        tags = tags.copy()
        tags[unclosed, 1] = _PARAGRAPH
