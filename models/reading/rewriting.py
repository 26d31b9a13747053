"""Text to its normal form, step by step; each step yields its edits, so that the place of each code point is known.

What is removed from the middle of a word leaves nothing, what is removed between words leaves a space. Every step takes
time in proportion to the length of the text, whatever it contains.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Set
from functools import lru_cache
from heapq import merge
from html import unescape
from html.entities import html5
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.kernel import code_points
from tagdesk.models.reading.characters import REWRITTEN, classes, has_kind, unstable
from tagdesk.models.reading.markup import INLINE, names_of

Edit = tuple[int, int, str]
"""Where a stretch of the text starts and ends, and what replaces it."""

Places = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Where each code point of a text comes from: starts and ends, half-open, int32, shape (length,)."""

MOST: Final = 1_100_000
"""Code points that a text may grow to in a step; no field is as long, so only an attack grows more."""

_Steps = tuple[Callable[[str, bool], Iterator[Edit]], ...]

_FEW, _MANY = 64, 2000  # at most so many characters in a name, and in a tag, bracket or link target

_REFERENCE = re.compile(r"&(?:amp;){0,5}(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG = re.compile(rf"<(/?)([a-zA-Z][a-zA-Z0-9]{{0,{_FEW}}}+)([\s/][^<>]{{0,{_MANY}}}+)?>|<!--[^<>]{{0,{_MANY}}}+>")
_LETTER_ENDS = re.compile(r"</([a-zA-Z])[\s>]")
_KNOWN: Final = names_of()
_WITHIN_WORDS: Final = names_of(INLINE) | {"wbr"}
_SWITCHES: Final = (
    "allowfullscreen async autofocus autoplay checked controls default defer disabled hidden inert ismap itemscope "
    "loop multiple muted nomodule novalidate open playsinline readonly required reversed selected"
)
"""Attributes without a value."""
_VALUELESS: Final = frozenset(_SWITCHES.split())
_SETS = re.compile(r"[\w:.-](?:=[^\s=<>]|\s{0,9}=\s{0,9}[\"'])")
_BRACKET = re.compile(rf"\[/?([a-zA-Z][\w-]{{0,{_FEW}}}+)([\s=][^\[\]]{{0,{_MANY}}}+)?(?<!/)/?\]")
_CLOSING = re.compile(rf"\[/([a-zA-Z][\w-]{{0,{_FEW}}}+)\]")
_TARGET = re.compile(
    rf"\]\(\s?<?[^\s()]{{0,{_MANY}}}+(?:\([^\s()]{{0,{_MANY}}}+\)[^\s()]{{0,{_MANY}}}+)?"
    rf"(?:\s{{1,9}}(?:\"[^\"\n]{{0,{_MANY}}}+\"|'[^'\n]{{0,{_MANY}}}+'))?\s?\)"
)
_NO_ADDRESS = r"\s<>\"\[\]()\x85\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2013-\u201f\u2028\u2029\u3000-\u9fff"
_IN_ADDRESS = rf"(?:(?!\.\.\.)[^{_NO_ADDRESS}]|\([^{_NO_ADDRESS}]{{0,{_MANY}}}+\)|\[[^{_NO_ADDRESS}]{{0,{_MANY}}}+\])"
"""Dashes, three points, and brackets that are not closed within an address end it."""
_BEGINS_HOST = r"(?:(?<=\.\.\.)|(?<![a-z0-9.@-]))"
_DOMAINS: Final = (
    "com|org|net|edu|gov|mil|int|info|biz|name|pro|aero|coop|museum|mobi|asia|jobs|travel|tel|cat|post|app|dev|news|blog"
    "|online|site|shop|store|tech|xyz|club|live|media|press|today|world|space|website|page|link|tv|radio|agency|digital"
    "|global|network|report|review|social|sport|video|africa|london|paris|berlin|wien|koeln|hamburg|bayern|swiss|scot"
    "|wales|nyc|tokyo|eus|gal|bzh|"
    "a[c-gilmoq-uwxz]|b[abd-jmnorstvwyz]|c[acdf-ik-oru-z]|d[ejkmoz]|e[ceghrstu]|f[ijkmor]|g[abd-ilmnp-uwy]|h[kmnrtu]"
    "|i[delmnoq-t]|j[emop]|k[eghimnprwyz]|l[abcikr-vy]|m[acdeghk-z]|n[acefgilopruz]|om|p[ae-hk-nrstwy]|qa|r[eosuw]"
    "|s[a-eg-ortuvx-z]|t[cdfghj-ortvwz]|u[agksyz]|v[aceginu]|w[fs]|y[et]|z[amw]"
)
"""Ends of the names of hosts, so that "at the end.The/next" is no address; as written in small letters."""
_HOST_END = re.compile(rf"\.(?=[a-zA-Z])(?:{_DOMAINS}|{_DOMAINS.upper()})(?::[0-9]{{1,5}})?/")
_ADDRESS = re.compile(
    rf"(?<![a-z0-9])(?:https?://|ftp://|www\.(?!\.)){_IN_ADDRESS}+"
    rf"|(?<![a-z0-9.+_-])(?:mailto:)?[a-z0-9.+_-]{{1,64}}+@[a-z0-9-]{{1,63}}(?:\.[a-z0-9-]{{1,63}})+(?:\?{_IN_ADDRESS}+)?"
    rf"|{_BEGINS_HOST}[a-z0-9-]{{1,63}}(?:\.[a-z0-9-]{{1,63}})*(?-i:{_HOST_END.pattern}){_IN_ADDRESS}*"
    r"|(?<![a-z0-9])data:[a-z]{1,20}/[a-z0-9.+-]{1,60};[a-z0-9=;,+/%-]+",
    re.IGNORECASE | re.ASCII,
)
_ADDRESS_SIGNS: Final = (*map(re.compile, ("://", "@", r"www\.", r"WWW\.", "data:[a-zA-Z]")), _HOST_END)
"""What addresses contain. Each pattern begins with a letter or sign, which the engine finds fast."""


def may_have_markup(text: str) -> bool:
    """Tell whether a text may have references, tags, brackets or addresses: their signs alone seldom mean any."""
    return bool(
        ("&" in text and _REFERENCE.search(text))
        or ("<" in text and _TAG.search(text))
        or ("[" in text and ("=" in text or "_" in text or "](" in text or "[/" in text))
        or ("/" in text and ("://" in text or ";base64," in text or _HOST_END.search(text)))
        or "@" in text
        or ("_" in text and _patterns().emphasis.search(text))
    )


def rewrite(text: str) -> str:
    """Return the normal form of a text, its unspaced scripts not yet cut into pieces."""
    return _rewritten(text, _STEPS)


def follow(text: str) -> tuple[str, Places]:
    """Return the same, and where each of its code points comes from."""
    return _followed_through(text, _STEPS)


def without_markup(text: str) -> str:
    """Return a text whose characters are normal and whose markup is resolved, line by line as it was."""
    return _rewritten(text, _OF_MARKUP)


def follow_without_markup(text: str) -> tuple[str, Places]:
    """Return the same, and where each of its code points comes from."""
    return _followed_through(text, _OF_MARKUP)


def is_blank(text: str, kinds: int) -> bool:
    """Tell whether a text, of these kinds of code points, has nothing but white space and ignorable characters."""
    if kinds & REWRITTEN:
        text = _edited(text, _characters(text, False))
    return not text or text.isspace()


def _rewritten(text: str, steps: _Steps) -> str:
    normal = ""
    for step in steps:
        if step is _characters and text is normal:  # nothing has changed since
            continue
        text = _edited(text, _cut(text, step(text, False)))
        normal = text if step is _characters else normal
    return text


def _followed_through(text: str, steps: _Steps) -> tuple[str, Places]:
    starts = np.arange(len(text), dtype=np.int32)
    places = starts, starts + 1
    for step in steps:
        edits = list(_cut(text, step(text, True)))
        places = _followed(places, edits)
        text = _edited(text, edits)
    return text, places


def _cut(text: str, edits: Iterable[Edit]) -> Iterator[Edit]:
    """Yield the edits until they make `MOST` code points, and then one that removes the rest of the text."""
    at, room = 0, MOST
    for start, end, new in edits:
        if start - at >= room:
            break
        room -= start - at
        yield start, end, new[:room]
        room -= min(room, len(new))
        at = end
    if len(text) - at > room:
        yield at + room, len(text), ""


def _edited(text: str, edits: Iterable[Edit]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, new in edits:
        parts += text[at:start], new
        at = end
    return "".join((*parts, text[at:])) if at else text


def _followed(places: Places, edits: Iterable[Edit]) -> Places:
    """Return the places after edits; each code point that an edit inserts comes from all that it removes."""
    starts, ends = places
    first: list[NDArray[np.int32]] = []
    last: list[NDArray[np.int32]] = []
    at = 0
    for start, end, new in edits:
        first += starts[at:start], np.full(len(new), starts[start], np.int32)
        last += ends[at:start], np.full(len(new), ends[end - 1], np.int32)
        at = end
    return np.concatenate((*first, starts[at:])), np.concatenate((*last, ends[at:]))


# Characters.

_STREAM_SAFE: Final = 30
"""Marks in a row that a text may have (Unicode's UAX 15). More are not sorted across the end of a block: that would
take time in proportion to the square of their number."""


class _Patterns(NamedTuple):
    """Patterns that name whole classes of characters; `unstable` are stretches that NFKC may change."""

    block: re.Pattern[str]
    unstable: re.Pattern[str]
    ignorables: re.Pattern[str]
    ignorables_at_line_end: re.Pattern[str]
    broken_word: re.Pattern[str]
    emphasis: re.Pattern[str]
    marked_letter: re.Pattern[str]


@lru_cache(maxsize=1)
def _patterns() -> _Patterns:
    marks, ignorable, unstable, _ = classes()
    return _Patterns(
        block=re.compile(rf"(?s:.){{1,1000}}[{unstable}]{{0,{_STREAM_SAFE}}}"),
        unstable=re.compile(rf"(?s:.)?[{unstable}]+"),
        ignorables=re.compile(f"[{ignorable}]+"),
        # A run is tried once, from its start and without going back: else its time would grow by the square.
        ignorables_at_line_end=re.compile(rf"(?<![{ignorable}])[{ignorable}]++(?=[^\S\r\n]*+\r?\n)"),
        broken_word=re.compile(rf"[-\u2010](?<=[\w{marks}][-\u2010])(?:\r\n?|\n)[^\S\r\n]*(?=(\w))"),
        emphasis=re.compile(rf"(?<![\w{marks}])_++(?=\w)|(?<=[^\W_]|[{marks}])_++(?![\w{marks}])"),
        marked_letter=re.compile(rf"\w[{marks}]++"),
    )


def _soft_hyphens(text: str, fine: bool) -> Iterator[Edit]:
    """A soft hyphen at the end of a line is visible."""
    if "\xad" in text:
        at_line_end = _patterns().ignorables_at_line_end
        yield from ((*found.span(), "-") for found in at_line_end.finditer(text) if "\xad" in found[0])


def _characters(text: str, fine: bool) -> Iterator[Edit]:
    """NFKC, without ignorable characters."""
    if text.isascii() or not has_kind(code_points(text), unstable(), 1):  # the patterns take ten times as long
        return
    patterns = _patterns()
    for part in patterns.block.finditer(text):
        for found in patterns.unstable.finditer(text, *part.span()) if fine else (part,):
            new = _composed(unicodedata.normalize("NFKC", patterns.ignorables.sub("", found[0])))
            if new != found[0]:
                same = int(fine and new[:1] == found[0][0])  # the letter before it, which does not change
                yield found.start() + same, found.end(), new[same:]


def _composed(text: str) -> str:
    """Compose marks with the small letters that a text is read in: with H a macron below composes only then."""
    text = text.replace("i\u0307", "i")  # what some make of İ in lower case
    if unicodedata.is_normalized("NFKC", text.lower().replace("i\u0307", "i")):
        return text
    return _patterns().marked_letter.sub(_lowered_if_it_composes, text)


def _lowered_if_it_composes(found: re.Match[str]) -> str:
    lowered = found[0].lower().replace("i\u0307", "i")
    composed = unicodedata.normalize("NFKC", lowered)
    return found[0] if composed == lowered else composed


def _references(text: str, fine: bool) -> Iterator[Edit]:
    """Character references: those of HTML are resolved before, so these were escaped twice, or are in plain text."""
    if "&" not in text:
        return
    for found in _REFERENCE.finditer(text):
        name = found[1]
        if name[0] == "#":
            yield *found.span(), unescape(f"&{name};")
        elif meaning := html5.get(f"{name};"):
            yield *found.span(), meaning


# Markup.


def _tags(text: str, fine: bool) -> Iterator[Edit]:
    if "<" not in text:
        return
    ended = {found[1].lower() for found in _LETTER_ENDS.finditer(text)}
    for found in _TAG.finditer(text):
        if _is_tag(found, ended):
            yield *found.span(), "" if (found[2] or "").lower() in _WITHIN_WORDS else "\n"


def _is_tag(found: re.Match[str], ended: Set[str]) -> bool:
    """Tell a tag or a comment from prose in angle brackets: "if x <y and z> 3", "if a<b>c".

    Args:
        found: what looks like one.
        ended: the letters that are elements, as something ends them.
    """
    closing, name, rest = found.groups()
    if name is None or closing:
        return True
    attributes = (rest or "").replace("/", " ").lower().split()
    if name.lower() in _KNOWN and _VALUELESS.issuperset(attributes):
        return len(name) > 1 or rest is not None or name.lower() in ended or not _is_within_word(found)
    return bool(attributes and _SETS.search(rest))


def _is_within_word(found: re.Match[str]) -> bool:
    text, (start, end) = found.string, found.span()
    return text[start - 1 : start].isalnum() and text[end : end + 1].isalnum()


def _shortcodes(text: str, fine: bool) -> Iterator[Edit]:
    """Brackets that are closed, that set an attribute, or whose name has an underscore, as those of page builders do.

    A single bracket may stand within a word, as in `[dropcap]M[/dropcap]inister`; several in a row end it.
    """
    if "[" not in text:
        return
    closed = {found[1] for found in _CLOSING.finditer(text)}
    for found in _BRACKET.finditer(text):
        name, settings = found[1], found[2] or ""
        if name in closed or ("=" in settings and settings[0] != "=") or "_" in name:
            start, end = found.span()
            alone = text[start - 1 : start] != "]" and text[end : end + 1] != "["
            yield start, end, "" if alone else " "


def _targets(text: str, fine: bool) -> Iterator[Edit]:
    """Targets of Markdown's links and pictures, with a title or without."""
    if "](" in text:
        for found in _TARGET.finditer(text):
            if any(sign in found[0] for sign in "/.#:"):
                yield *found.span(), ""


def _emphasis(text: str, fine: bool) -> Iterator[Edit]:
    """Underscores at the ends of words, as Markdown's."""
    if "_" in text:
        yield from ((*found.span(), "") for found in _patterns().emphasis.finditer(text))


def _addresses(text: str, fine: bool) -> Iterator[Edit]:
    """Addresses, looked for only from the space before a sign of one to the space after it: elsewhere there is none."""
    at = 0
    for sign in merge(*(signs.finditer(text) for signs in _ADDRESS_SIGNS), key=re.Match.start):
        if sign.start() >= at:
            start, end = max(at, text.rfind(" ", at, sign.start())), text.find(" ", sign.end())
            at = len(text) if end < 0 else end
            yield from ((*found.span(), " ") for found in _ADDRESS.finditer(text, start, at))


# Lines.


def _broken_words(text: str, fine: bool) -> Iterator[Edit]:
    """Words broken over two lines: a hyphen before the end of a line, a lower-case letter after it."""
    if "-\n" in text or "-\r" in text or "\u2010" in text:
        hyphen = _patterns().broken_word
        yield from ((*found.span(), "") for found in hyphen.finditer(text) if found[1].islower())


_OF_MARKUP: Final[_Steps] = (
    _soft_hyphens,
    _characters,
    _references,
    _characters,  # for what the references stood for
    _tags,
    _shortcodes,
    _targets,
    _emphasis,
)
_STEPS: Final[_Steps] = (
    *_OF_MARKUP,
    _addresses,
    _broken_words,
    _characters,  # for marks that stand beside a letter only now
)
