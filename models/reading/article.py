"""An article as a CMS sends it, and the text that is read of it, offsets kept."""

from dataclasses import dataclass
from dataclasses import field as member
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.errors import ArticleError, ArticleTooLong, EmptyArticle
from tagdesk.models.reading import html
from tagdesk.models.reading.furniture import Cleaned, blank_phrases, clean
from tagdesk.models.reading.looks import NO_ROLES
from tagdesk.models.reading.normal_form import LATEST, kinds_in
from tagdesk.models.reading.rewriting import is_blank

MAX_TITLE = 10_000
MAX_BODY = 1_000_000

Field = Literal["title", "body", "body_html"]
Spans = tuple[NDArray[np.int32], NDArray[np.int32]]


@dataclass(frozen=True, slots=True)
class Article:
    """One article: a title and a body, the body either plain text or HTML.

    Args:
        title: plain text, at most `MAX_TITLE` code points.
        body: plain text, at most `MAX_BODY` code points; read as HTML, with a warning, where it clearly is.
        body_html: HTML, in place of `body`: at most `tagdesk.models.reading.html.MAX_HTML` code points, of which at
            most `MAX_READ` are to be read.
        id: the sender's name for it, echoed.
        language: BCP 47 tag, as the sender believes.
        url: where it is published; not read.

    Raises:
        ArticleError: none or both of `body` and `body_html`.
        ArticleTooLong: a field is over its cap.
    """

    title: str = ""
    body: str | None = None
    body_html: str | None = None
    id: str | None = None
    language: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if (self.body is None) == (self.body_html is None):
            given = "neither" if self.body is None else "both"
            raise ArticleError(f"an article has one body: send body (plain text) or body_html; this one has {given}")
        for field, text, cap in (("title", self.title, MAX_TITLE), ("body", self.body, MAX_BODY)):
            if text is not None and len(text) > cap:
                raise ArticleTooLong(
                    f"{field} has {len(text):,} characters; at most {cap:,} are read: shorten it", field
                )

    def text(self, version: int = LATEST, *, with_codes: bool = False) -> "ArticleText":
        """Return what is read of the article: its cleaned plain text.

        Args:
            version: of the reading, one of `tagdesk.models.reading.normal_form.VERSIONS`; a model's own is in its
                settings.
            with_codes: keep the code points, where they are at hand, for a text that is scored soon.

        Raises:
            EmptyArticle: nothing is left to read.
            ArticleTooLong: the HTML is over a cap.
        """
        warnings: tuple[str, ...] = ()
        field: Field = "body" if self.body_html is None else "body_html"
        body = self.body if self.body is not None else ""
        source = self.body_html
        if source is None and html.looks_like_html(body):
            source, warnings = body, ("html-in-body",)
        roles, is_page = NO_ROLES, False
        if source is not None:
            found = html.read(source, field)
            body, roles, is_page = found.text, found.roles, html.is_page(source, found)
        if version == 1:
            cleaned = Cleaned(blank_phrases(body), no_article=False, kinds=kinds_in(self.title + body), codes=None)
        else:
            cleaned = clean(body, self.title, roles, page=is_page)
        body = "" if is_blank(cleaned.text, cleaned.kinds) else cleaned.text
        if not body and is_blank(self.title, cleaned.kinds):
            raise EmptyArticle("the article has no text to read: send a title and a body with words", field)
        codes = cleaned.codes if with_codes and body and not cleaned.kinds else None
        return ArticleText(self.title, body, field, source, warnings, cleaned.no_article, cleaned.kinds, codes)


@dataclass(slots=True, unsafe_hash=True)
class ArticleText:
    """What is read of an article: plain text with furniture blanked out.

    Attributes:
        title: as sent.
        body: plain text; of an HTML body, what was extracted.
        body_field: the field that the body came in.
        source: the HTML that `body` was extracted from, or None where `body` is as sent.
        warnings: what the sender should know.
        no_article: a notice stands in place of the article: a consent wall, an error page, a stub for subscribers.
        kinds: the kinds of code points in title and body, `tagdesk.models.reading.characters.seen`; None if not known.
        codes: the code points of title and body, uint32, where they are at hand and of no kind: read as they are.
    """

    title: str
    body: str
    body_field: Field
    source: str | None
    warnings: tuple[str, ...]
    no_article: bool = False
    kinds: int | None = None
    codes: NDArray[np.uint32] | None = member(default=None, compare=False, repr=False)

    def sent_spans(self, starts: NDArray[np.int32], ends: NDArray[np.int32]) -> Spans:
        """Map half-open spans of `body`, none empty, to spans of the field as it was sent, in code points."""
        if self.source is None:
            return starts, ends
        first, last = html.source_spans(self.source, self.body_field)
        return first[starts], last[ends - 1]


NOT_UNICODE = "has half of a surrogate pair: the text was cut or decoded wrongly"
"""What is wrong with a text for which `is_unicode` is false."""


def is_unicode(text: str) -> bool:
    """Say whether a text can be written as UTF-8: it has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
