"""A page, as the article that Tagdesk reads."""

from django.utils.html import escape
from tagdesk_client import Article
from wagtail.blocks import StreamValue
from wagtail.fields import RichTextField
from wagtail.models import Page

from tagdesk_wagtail.configuration import PageFields


def article_of(page: Page, fields: PageFields) -> Article:
    """Return the page's article; `page` is of its specific class."""
    return Article(
        id=f"wagtail-{page.pk}",
        title=str(getattr(page, fields.title)),
        body_html="\n".join(_html(page, name) for name in fields.body),
        language=page.locale.language_code,
        url=page.full_url if page.live else None,
    )


def _html(page: Page, name: str) -> str:
    value = getattr(page, name)
    if isinstance(page._meta.get_field(name), RichTextField):
        return str(value or "")
    # A stream's own text, not its templates: rendering them may ask other servers for embeds.
    texts = value.stream_block.get_searchable_content(value) if isinstance(value, StreamValue) else [value or ""]
    return "\n".join(f"<p>{escape(paragraph)}</p>" for text in texts for paragraph in str(text).split("\n\n"))
