"""HTML from a CMS: is it HTML, its visible text, and where in the source each code point of the text stands.

`models.markup` makes the source plain first, which keeps every position and spares the parser what it is slow on.
"""

import re
from html.entities import html5
from typing import Final

import numpy as np
from numpy.typing import NDArray
from resiliparse.extract.html2text import extract_plain_text

from models.errors import ArticleTooLong
from models.kernel import code_points
from models.markup import simplify

MAX_HTML: Final = 262_144
"""Longest HTML accepted, in code points."""

MAX_TAG: Final = 20_000
"""Longest single tag accepted, in code points, from `<` to `>`."""

_Codes = NDArray[np.uint32]
_Spans = tuple[NDArray[np.int32], NDArray[np.int32]]


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
    codes, is_text, at, length = simplify(code_points(html))
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
        # References to the C1 controls mean Windows-1252, where none is white space as U+0085 is.
        readable = 0 < code <= 0x10FFFF and not 0x80 <= code <= 0x9F
        return len(found[0]), chr(code) if readable else "\ufffd"
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
    wanted = code_points(text)
    shown = ~np.isin(wanted, _WHITE)
    low, high = (code_points(_visible(source)) - _MARK for source in sources)
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
    r"<(?=[/a-z])(/?)(p|div|h[1-6]|ul|ol|li|blockquote|pre|table|tr|td|th|section|article|figure|figcaption|aside|a|b|i|em|strong"
    r"|u|s|span|sup|sub|small|code|cite|q|mark)(?:[\s/][^<>]*)?>",
    re.IGNORECASE,
)
_LINE_BREAK: Final = re.compile(r"<[bB][rR]\s{0,9}/?>")
_ENDS_LINE: Final = frozenset(".,;:!?…")
_BLOCK_COMMENT: Final = re.compile(r"<!-- /?wp:[a-z]")
_SHOWN: Final = 50_000
"""Characters within which a body shows that it is HTML: more would only be read of what was made to cost time."""


def looks_like_html(body: str) -> bool:
    """Tell whether a body sent as plain text is HTML: elements with content, line breaks, block comments.

    One that only mentions tags ("the <p> tag", "between <b> and </b>") is text: there the tags stand apart.
    """
    body = body[:_SHOWN]
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
