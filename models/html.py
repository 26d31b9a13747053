"""HTML from a CMS: is it HTML, its visible text, and where in the source each code point of the text stands.

A tokenizer in numba runs first and rewrites the source, code point for code point: tags become paragraphs, line
breaks or empty comments, and what is not the article (scripts, forms, attributes …) becomes spaces. The C parser
then sees a tree three levels deep, so that any document at the cap ends soon, and positions still hold.
"""

import re
from html.entities import html5
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray
from resiliparse.extract.html2text import extract_plain_text

from models.errors import ArticleTooLong

MAX_HTML: Final = 262_144
"""Longest HTML accepted, in code points."""

MAX_TAG: Final = 20_000
"""Longest single tag accepted, in code points, from `<` to `>`."""

_Codes = NDArray[np.uint32]
_Spans = tuple[NDArray[np.int32], NDArray[np.int32]]

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


@njit(cache=True, nogil=True)
def _is_space(code: int) -> bool:
    return code == 32 or 9 <= code <= 13


@njit(cache=True, nogil=True)
def _is_letter(code: int) -> bool:
    return 97 <= (code | 32) <= 122


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _unread_end(codes: _Codes, at: int, name: int) -> int:
    """Return where the end tag of the element `name`, whose content starts at `at`, ends."""
    while at + 2 < len(codes):
        if codes[at] == _LT and codes[at + 1] == _SLASH and _is_letter(codes[at + 2]):
            end, found = _read_name(codes, at + 2)
            if found == name:
                return _tag_end(codes, end)[0]
        at += 1
    return len(codes)


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _write_comment(codes: _Codes, at: int, end: int) -> None:
    """Turn the source at `at`:`end` into an empty comment of the same length."""
    closed = codes[end - 1] == _GT
    codes[at:end] = _SPACE
    codes[at], codes[at + 1] = _LT, _BANG
    if closed:
        codes[end - 1] = _GT


@njit(cache=True, nogil=True)
def _write_tag(codes: _Codes, at: int, end: int, letters: bytes) -> None:
    """Turn the tag at `at`:`end` into `<` and `letters`, without attributes."""
    codes[at + 1 : end - 1] = _SPACE
    for i in range(len(letters)):
        codes[at + 1 + i] = letters[i]


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _tag_name(codes: _Codes, at: int) -> int:
    """Return where the name of the tag at `at` begins, or -1 if no tag does."""
    name_at = at + 2 if at + 1 < len(codes) and codes[at + 1] == _SLASH else at + 1
    return name_at if name_at < len(codes) and _is_letter(codes[name_at]) else -1


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _simplify(source: _Codes, tags: NDArray[np.int64]) -> tuple[_Codes, NDArray[np.bool_], int, int]:
    """Return the source rewritten, what of it is text, and the longest tag's place and length."""
    while True:
        codes, is_text = source.copy(), np.zeros(len(source), np.bool_)
        at, length, unclosed = _rewrite(codes, is_text, tags)
        if unclosed < 0:
            return codes, is_text, at, length
        # A forgotten end tag must not cost the article its text: read on as if it were a paragraph.
        tags = tags.copy()
        tags[unclosed, 1] = _PARAGRAPH


def _codes(text: str) -> _Codes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _plain(html: str, field: str) -> tuple[_Codes, NDArray[np.bool_]]:
    """Return the rewritten source and which of its code points are text.

    Raises:
        ArticleTooLong: the HTML, or one of its tags, is longer than its cap.
    """
    if len(html) > MAX_HTML:
        raise ArticleTooLong(
            f"{field} has {len(html):,} characters of HTML and the limit is {MAX_HTML:,}: "
            "send the article's body without the page around it.",
            field,
        )
    codes, is_text, at, length = _simplify(_codes(html), _TAGS)
    if length > MAX_TAG:
        raise ArticleTooLong(
            f"{field} has a tag of {length:,} characters at character {at:,} and the limit is {MAX_TAG:,}: "
            "close the tag, or link what its attributes embed.",
            field,
        )
    return codes, is_text


def _visible(codes: _Codes) -> str:
    return extract_plain_text(
        codes.tobytes().decode("utf-32-le"),
        preserve_formatting=True,
        list_bullets=False,
        alt_texts=False,
        links=False,
        form_fields=False,
    )


def extract(html: str, field: str = "body_html") -> str:
    """Return the text a reader sees; every non-space code point of it comes from the source's text.

    Site furniture that says so by its element (`nav`, `aside`, `footer`, `form` …) and figures are left out.
    NUL counts as a space and a lone surrogate becomes U+FFFD.

    Raises:
        ArticleTooLong: the HTML is longer than `MAX_HTML`, or a tag of it than `MAX_TAG`; `field` names it.
    """
    return _visible(_plain(html, field)[0])


_REFERENCE: Final = re.compile(r"&(?:#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?|([A-Za-z][A-Za-z0-9]{0,31};?))")
# Marks are private-use characters, two digits of a place below 4096 * 4096.
_MARK: Final = np.uint32(0xE000)
_BASE: Final = np.uint32(4096)
_WHITE: Final = np.array([code for code in range(0x3001) if chr(code).isspace()], np.uint32)
_WINDOW: Final = 1024


def _reference(found: re.Match[str]) -> tuple[int, str]:
    """Return a character reference's length and what it stands for; `(0, "")` if it is none."""
    hexadecimal, decimal, name = found.groups()
    if name is None:
        digits = (hexadecimal or decimal).lstrip("0")
        code = int(digits or "0", 16 if hexadecimal else 10) if len(digits) < 8 else 0
        return len(found[0]), chr(code) if 0 < code <= 0x10FFFF else "\ufffd"
    for end in range(len(name), 1, -1):
        if name[:end] in html5:
            return 1 + end, html5[name[:end]]
    return 0, ""


def _mark(codes: _Codes, is_text: NDArray[np.bool_]) -> tuple[list[_Codes], NDArray[np.bool_], _Spans]:
    """Return the source twice with a mark for each visible character; which places are marked; their spans.

    A mark carries its place, in the first source the low digit of it, in the second the high one. A character
    reference has as many marks as it stands for characters, each with the span of the whole.
    """
    marked, kept = is_text & ~np.isin(codes, _WHITE), np.ones(len(codes), np.bool_)
    starts = np.arange(len(codes), dtype=np.int32)
    ends = starts + np.int32(1)
    for found in _REFERENCE.finditer(codes.tobytes().decode("utf-32-le")):
        at, (length, meaning) = found.start(), _reference(found)
        if meaning.isspace():
            marked[at : at + length] = False
        elif length:
            shown = at + len(meaning)
            starts[at:shown], ends[at:shown] = at, at + length
            marked[shown : at + length] = kept[shown : at + length] = False
    places = np.arange(len(codes), dtype=np.uint32)
    digits = places % _BASE, places // _BASE
    return [np.where(marked, digit + _MARK, codes)[kept] for digit in digits], marked, (starts, ends)


def source_spans(html: str, text: str) -> _Spans:
    """Return where in `html` each code point of `text` comes from: half-open spans `starts[i]:ends[i]`.

    `text` is `extract(html)`; spans count code points. A character reference is one span (`&eacute;` takes
    eight); white space has an empty span, at the end of what stands before it.

    The source is extracted twice more with a private-use character that tells its place for each visible one:
    the three texts run in step, whatever the parser moved or left out.

    Raises:
        ArticleTooLong: as `extract`.
    """
    codes, is_text = _plain(html, "body_html")
    sources, marked, (starts, ends) = _mark(codes, is_text)
    wanted = _codes(text)
    shown = ~np.isin(wanted, _WHITE)
    low, high = (_codes(_visible(source)) - _MARK for source in sources)
    if len(low) == len(high) == len(wanted):
        low, high = low[shown], high[shown]
        place = low + high * _BASE
        in_step = (low < _BASE) & (high < _BASE) & (place < len(codes))
        if bool(in_step.all()) and bool(marked[place].all()):
            return _fill(shown, starts[place], ends[place])
    return _search(codes.tobytes().decode("utf-32-le"), text)


def _fill(shown: NDArray[np.bool_], starts: NDArray[np.int32], ends: NDArray[np.int32]) -> _Spans:
    """Spread the spans of the shown code points over all of them."""
    before = np.concatenate([np.zeros(1, np.int32), ends])[np.cumsum(shown)]
    all_starts = before.copy()
    all_starts[shown] = starts
    return all_starts, before


def _search(source: str, text: str) -> _Spans:
    """Return the spans of tokens found one after the other; one that is not found has an empty span."""
    starts, ends = np.zeros(len(text), np.int32), np.zeros(len(text), np.int32)
    done = at = 0
    for token in re.finditer(r"\w+", text):
        starts[done : token.start()] = ends[done : token.start()] = at
        # The window keeps a text that is not this source's from costing its length times the source's.
        found = source.find(token[0], at, at + len(token[0]) + _WINDOW)
        if found >= 0:
            at = found + len(token[0])
            starts[token.start() : token.end()] = np.arange(found, at)
            ends[token.start() : token.end()] = np.arange(found, at) + 1
        else:
            starts[token.start() : token.end()] = ends[token.start() : token.end()] = at
        done = token.end()
    starts[done:] = ends[done:] = at
    return starts, ends


_TAG: Final = re.compile(
    r"<(/?)(p|div|h[1-6]|ul|ol|li|blockquote|pre|table|tr|td|th|section|article|figure|figcaption|aside|a|b|i|em|strong"
    r"|u|s|span|sup|sub|small|code|cite|q|mark)(?:[\s/][^<>]*)?>",
    re.IGNORECASE,
)
_LINE_BREAK: Final = re.compile(r"<[bB][rR]\s{0,9}/?>")
_ENDS_LINE: Final = frozenset(".,;:!?…")
_BLOCK_COMMENT: Final = re.compile(r"<!-- /?wp:[a-z]")


def looks_like_html(body: str) -> bool:
    """Tell whether a body sent as plain text is HTML: elements with content, line breaks, block comments.

    One that only mentions tags ("the <p> tag", "between <b> and </b>") is text: there the tags stand apart.
    """
    if "<" not in body:
        return False
    if _BLOCK_COMMENT.search(body):
        return True
    for earlier, found in enumerate(_LINE_BREAK.finditer(body)):
        before = body[max(0, found.start() - 1) : found.start()]
        if earlier or before.isalnum() or before in _ENDS_LINE:
            return True
    return _has_element(body)


def _has_element(body: str) -> bool:
    """Tell whether start and end tag of an element touch its content, or the body starts with one that ends."""
    opened: set[str] = set()
    first, at_first = len(body) - len(body.lstrip()), ""
    for found in _TAG.finditer(body):
        name, at, end = found[2].lower(), found.start(), found.end()
        if found[1]:
            if name == at_first or (name in opened and not body[at - 1].isspace()):
                return True
        elif at == first:
            at_first = name
        elif not body[end : end + 1].isspace():
            opened.add(name)
    return False
