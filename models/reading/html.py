"""HTML from a CMS: is it HTML, its visible text, and where in the source each code point of the text stands.

What reads it is compiled, lets go of the interpreter's lock and builds no tree: `tagdesk.models.reading.markup` finds
the markup, `tagdesk.models.reading.visible` the text between it.
"""

import re
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.errors import ArticleTooLong
from tagdesk.models.kernel import code_points
from tagdesk.models.reading.markup import ELEMENTS, INLINE, LINK, PARAGRAPH, PRE, names_of, rows_of, tokenize
from tagdesk.models.reading.references import REFERENCES
from tagdesk.models.reading.visible import Visible, visible

MAX_HTML: Final = 2_000_000
"""Longest HTML accepted, in code points."""

MAX_READ: Final = 262_144
"""The most of it that is read, in code points: its text, and 3 for each tag and comment, however long."""

_Spans = tuple[NDArray[np.int32], NDArray[np.int32]]

_KINDS: Final = ELEMENTS[:, 1].copy()
_MAY_HOLD_IT: Final = frozenset({"aside", "form", "figure", "figcaption", "label"})
"""Elements that are skipped, unless the article is in them."""
_RESCUED: Final = np.isin(np.arange(len(ELEMENTS)), rows_of(*_MAY_HOLD_IT))
_ALL_KINDS: Final = np.where(_RESCUED, PARAGRAPH, _KINDS)
_LEFT, _TIMES_LEFT = 600, 3
"""What is skipped is read after all where no more code points are left, and it has so many times as many."""
_UNLINKED: Final = 0.3
_DOCUMENT: Final = re.compile(
    r"\ufeff?\s{0,999}(?:<\?xml[^<>]{0,999}>\s{0,99}|<!--[^<>]{0,9999}-->\s{0,99}){0,9}<(?:!doctype|html|head|body)\b",
    re.IGNORECASE,
)
_PICTURE: Final = re.compile(
    r"\ufeff?\s{0,999}<(?:img|iframe|video|audio)\s(?:[^<>]{0,9999}?\s)??src\s?=", re.IGNORECASE
)
_IS_WHITE: Final = np.array([chr(code).isspace() for code in range(0x3001)])


def read(html: str, field: str = "body_html") -> Visible:
    """Return the text that a reader sees, where it comes from and what it stands in.

    Every code point of the text but white space comes from that of the source. NUL counts as a space, and a lone
    surrogate becomes U+FFFD. Site furniture that says so by its element (`nav`, `aside`, `footer`, `form` …) and
    figures are left out, unless they hold nearly all there is.

    Raises:
        ArticleTooLong: the HTML is longer than `MAX_HTML`, or more than `MAX_READ` of it is to be read; `field` names
            it.
    """
    if len(html) > MAX_HTML:
        raise ArticleTooLong(
            f"{field} has {len(html):,} characters of HTML and the limit is {MAX_HTML:,}: "
            "send the article's body without the page around it.",
            field,
        )
    codes = code_points(html)
    markup, cost = tokenize(codes, ELEMENTS, MAX_READ)
    if cost > MAX_READ:
        raise ArticleTooLong(
            f"{field} has more than {MAX_READ:,} characters of text, each tag counted as 3: "
            "send the article's body without the page around it.",
            field,
        )
    text, missed = visible(codes, markup, ELEMENTS, _KINDS, REFERENCES, _IS_WHITE, _RESCUED)
    if missed and missed >= _TIMES_LEFT * (left := _left(text)) and left <= _LEFT:
        text, _ = visible(codes, markup, ELEMENTS, _ALL_KINDS, REFERENCES, _IS_WHITE, _RESCUED)
    return text


def is_page(html: str, text: Visible) -> bool:
    """Tell whether HTML is a whole page: it begins as a document, or links are nearly all there is of its text."""
    if _DOCUMENT.match(html):
        return True
    return bool(len(text.roles) and _left(text) < _UNLINKED * np.count_nonzero(text.starts < text.ends))


def _left(text: Visible) -> int:
    """Return how many code points of a text are neither white space nor of a link."""
    printed = text.starts < text.ends
    return int(np.count_nonzero(printed & (text.roles & LINK == 0) if len(text.roles) else printed))


def source_spans(html: str, field: str = "body_html") -> _Spans:
    """Return where in `html` each code point of `read(html).text` comes from: half-open spans `starts[i]:ends[i]`.

    Spans count code points. A character reference is one span (`&eacute;` takes eight); white space has an empty
    span, at the end of what stands before it.

    Returns:
        starts and ends, int32, shape (length of the text,).

    Raises:
        ArticleTooLong: as `read`.
    """
    text = read(html, field)
    return text.starts, text.ends


_TAG: Final = re.compile(r"<(/?)([a-z][a-z0-9]{0,9})(?:[\s/][^<>]*)?>", re.IGNORECASE)
_OF_TEXT: Final = names_of(PARAGRAPH, PRE, INLINE) | _MAY_HOLD_IT
_LINE_BREAK: Final = re.compile(r"<[bB][rR]\s{0,9}/?>")
_ENDS_LINE: Final = frozenset(".,;:!?…")
_BLOCK_COMMENT: Final = re.compile(r"<!-- /?wp:[a-z]")
_SHOWN: Final = 50_000
"""Characters within which a body shows that it is HTML: more would only be read of what was made to cost time."""
_TAGS_SHOWN: Final = 1_000
"""Tags within which it does, likewise."""


def looks_like_html(body: str) -> bool:
    """Tell whether a body sent as plain text is HTML: a document, elements with content, line breaks, block comments.

    One that only mentions tags ("the <p> tag", "between <b> and </b>") is text: there the tags stand apart.
    """
    if "<" not in body:
        return False
    if _DOCUMENT.match(body) or _PICTURE.match(body):
        return True
    body = body[:_SHOWN]
    if _BLOCK_COMMENT.search(body):
        return True
    for earlier, line_break in enumerate(_LINE_BREAK.finditer(body)):
        before = body[max(0, line_break.start() - 1) : line_break.start()]
        if earlier or before.isalnum() or before in _ENDS_LINE:
            return True
    return _has_element(body)


def _has_element(body: str) -> bool:
    """Tell whether start and end tag of an element touch its content, or the body starts with one that ends."""
    opened: set[str] = set()
    first, at_first = len(body) - len(body.lstrip()), ""
    for tag in islice(_TAG.finditer(body), _TAGS_SHOWN):
        name, at, end = tag[2].lower(), tag.start(), tag.end()
        if name not in _OF_TEXT:
            continue
        if tag[1]:
            if name == at_first or (name in opened and not body[at - 1].isspace()):
                return True
        elif at == first:
            at_first = name
        elif not body[end : end + 1].isspace():
            opened.add(name)
    return False
