"""A form of the page editor: what it showed, sealed so that nobody can claim more, and what came back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.core import signing
from taggit.utils import parse_tags
from wagtail.models import Page

from tagdesk_wagtail.configuration import PageFields
from tagdesk_wagtail.tags import folded

TAGS = "tagdesk_tags"
TOPICS = "tagdesk_topics"


@dataclass(frozen=True, slots=True)
class SentForm:
    """A form that an editor sent; its names are as they are compared.

    Attributes:
        opened: the tags in its field when it was opened.
        sent: those when it was sent.
        topics: the topics in its panel; None where Tagdesk had not answered.
    """

    opened: frozenset[str]
    sent: frozenset[str]
    topics: frozenset[str] | None


def seal(field: str, page: Page, names: Iterable[str]) -> str:
    """Return the value of a hidden field.

    Args:
        field: `TAGS` or `TOPICS`.
        page: the page of the form.
        names: the tags or topics that the form shows.
    """
    return signing.dumps([page.pk, sorted(folded(names))], salt=field, compress=True)


def sent_form(posted: Mapping[str, str], page: Page, fields: PageFields) -> SentForm | None:
    """Return the form that was posted for a page; None where it had not both our panel and the tags.

    The tags are read here because the saved page may have more by now: those that the app has put on it.
    """
    opened = _unseal(TAGS, page, posted)
    if opened is None or fields.tags not in posted:
        return None
    return SentForm(opened, folded(parse_tags(posted[fields.tags])), _unseal(TOPICS, page, posted))


def _unseal(field: str, page: Page, posted: Mapping[str, str]) -> frozenset[str] | None:
    try:
        pk, names = signing.loads(posted.get(field, ""), salt=field)
    except signing.BadSignature:
        return None
    return frozenset(names) if pk == page.pk else None
