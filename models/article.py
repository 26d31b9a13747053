"""An article as a CMS sends it, and the text that is read of it, offsets kept."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models import html
from models.errors import ArticleError, ArticleTooLong, EmptyArticle
from models.furniture import blank_furniture

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
        body_html: HTML, at most `models.html.MAX_HTML` code points, in place of `body`.
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
            raise ArticleError(f"an article has one body: send body (plain text) or body_html, not {given}")
        for field, text, cap in (("title", self.title, MAX_TITLE), ("body", self.body, MAX_BODY)):
            if text is not None and len(text) > cap:
                raise ArticleTooLong(
                    f"{field} has {len(text):,} characters; at most {cap:,} are read: shorten it", field
                )

    def text(self) -> "ArticleText":
        """Return what is read of the article: its cleaned plain text.

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
        if source is not None:
            body = html.extract(source, field)
        text = ArticleText(self.title, blank_furniture(body), field, source, warnings)
        if not text.title.strip() and not text.body.strip():
            raise EmptyArticle("the article has no text to read: send a title and a body with words", field)
        return text


@dataclass(frozen=True, slots=True)
class ArticleText:
    """What is read of an article: plain text with furniture blanked out.

    Attributes:
        title: as sent.
        body: plain text; of an HTML body, what was extracted.
        body_field: the field that the body came in.
        source: the HTML that `body` was extracted from, or None where `body` is as sent.
        warnings: what the sender should know.
    """

    title: str
    body: str
    body_field: Field
    source: str | None
    warnings: tuple[str, ...]

    def sent_spans(self, starts: NDArray[np.int32], ends: NDArray[np.int32]) -> Spans:
        """Map half-open spans of `body`, none empty, to spans of the field as it was sent, in code points."""
        if self.source is None:
            return starts, ends
        first, last = html.source_spans(self.source, html.extract(self.source, self.body_field))
        return first[starts], last[ends - 1]


def is_unicode(text: str) -> bool:
    """Say whether a text can be written as UTF-8: it has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
