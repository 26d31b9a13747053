"""A page, as the article that Tagdesk reads."""

from django.utils.html import escape
from tagdesk_client import MAX_BODY, MAX_HTML, Article
from wagtail.blocks import StreamValue
from wagtail.fields import RichTextField
from wagtail.models import Page
from wagtail.rich_text import get_text_for_indexing

from tagdesk_wagtail.configuration import PageFields


def article_of(page: Page, fields: PageFields) -> Article:
    """Return the page's article, the text alone where its HTML is too long; `page` is of its specific class."""
    html = "\n".join(_html(page, name) for name in fields.body)
    body = {"body_html": html} if len(html) <= MAX_HTML else {"body": get_text_for_indexing(html)[:MAX_BODY]}
    return Article(
        id=f"wagtail-{page.pk}",
        title=str(getattr(page, fields.title)),
        language=page.locale.language_code,
        url=page.full_url if page.live else None,
        **body,
    )


def _html(page: Page, name: str) -> str:
    value = getattr(page, name)
    if isinstance(page._meta.get_field(name), RichTextField):
        return str(value or "")
    # A stream's own text, not its templates: rendering them may ask other servers for embeds.
    texts = value.stream_block.get_searchable_content(value) if isinstance(value, StreamValue) else [value or ""]
    return "\n".join(f"<p>{escape(paragraph)}</p>" for text in texts for paragraph in str(text).split("\n\n"))
