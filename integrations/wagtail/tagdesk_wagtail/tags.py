"""The tags of a page: read, and put where editors and readers see them."""

from collections.abc import Iterable, Sequence

from django.db.models import Q
from wagtail.models import Page

from tagdesk_wagtail.configuration import PageFields


def tags_of(page: Page, fields: PageFields) -> list[str]:
    """Return the names of the page's tags, those not saved yet among them."""
    return sorted(tag.name for tag in getattr(page, fields.tags).all())


def folded(names: Iterable[str]) -> frozenset[str]:
    """Return names as they are compared: an editor's `conflict` is the topic `Conflict`."""
    return frozenset(name.casefold() for name in names)


def put(page: Page, fields: PageFields, names: Sequence[str]) -> None:
    """Put tags on the live page, and into its revisions that an editor opens or that go live later.

    No revision is added: one more would hide a draft that is newer than what is live.
    """
    getattr(page, fields.tags).add(*names)
    page.save(clean=False)
    relation = _relation(page, fields)
    shown = Q(pk__in=[page.live_revision_id, page.latest_revision_id]) | Q(approved_go_live_at__isnull=False)
    for revision in page.revisions.filter(shown):
        draft = revision.as_object()
        getattr(draft, fields.tags).add(*names)
        content = {**revision.content, relation: draft.serializable_data()[relation]}
        page.revisions.filter(pk=revision.pk).update(content=content)


def _relation(page: Page, fields: PageFields) -> str:
    through = page._meta.get_field(fields.tags).remote_field.through
    return str(through._meta.get_field("content_object").remote_field.get_accessor_name())
