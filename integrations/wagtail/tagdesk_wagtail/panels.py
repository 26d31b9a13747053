"""The panel of the page editor that shows topics, and takes a suggestion with one click."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import Panel

from tagdesk_wagtail.configuration import PageFields, fields_of
from tagdesk_wagtail.forms import TAGS, TOPICS, seal
from tagdesk_wagtail.models import PageTopics
from tagdesk_wagtail.tagging import still_to_put
from tagdesk_wagtail.tags import folded, tags_of
from tagdesk_wagtail.verdicts import taken_away


class TopicsPanel(Panel):
    """Put it among a page type's `content_panels`, beside the tags."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("heading", _("Topics"))
        kwargs.setdefault("icon", "tag")
        super().__init__(**kwargs)

    class BoundPanel(Panel.BoundPanel):
        """The panel of one page."""

        template_name = "tagdesk_wagtail/panel.html"

        class Media:
            """Its script and style."""

            js = ("tagdesk_wagtail/topics.js",)
            css = {"all": ("tagdesk_wagtail/topics.css",)}  # noqa: RUF012 - Django's own form

        def is_shown(self) -> bool:
            """Tell whether pages of this type are tagged."""
            return fields_of(type(self.instance)) is not None

        def get_context_data(self, parent_context: Any = None) -> Any:
            """Return what the template shows."""
            fields = fields_of(type(self.instance))
            assert fields is not None
            context = super().get_context_data(parent_context)
            # A form that comes back with an error has the tags that were sent, and had those that it had at first.
            tags = self.form.data.get(TAGS) or seal(TAGS, self.instance, tags_of(self.instance, fields))
            row = PageTopics.objects.filter(pk=self.instance.pk).first()
            return context | {"sealed_tags": tags} | shown(self.instance, fields, row)


def shown(page: Any, fields: PageFields, row: PageTopics | None) -> dict[str, Any]:
    """Return what the templates show of a page's topics."""
    tags = tags_of(page, fields)
    coming = folded(still_to_put(row, tags)) if row else frozenset()
    gone = taken_away(row) if row else frozenset()
    topics = [
        one
        | {
            "percent": round(100 * one["confidence"]),
            "there": one["name"].casefold() in folded(tags),
            "coming": one["name"].casefold() in coming,
            "taken_away": one["name"].casefold() in gone,
        }
        for one in (row.topics if row else [])
    ]
    url = reverse("tagdesk_find", args=[page.pk]) if page.pk else ""
    return {
        "row": row,
        "topics": topics,
        "sealed_topics": seal(TOPICS, page, (topic["name"] for topic in topics)) if row and row.model else "",
        "tags_field": f"id_{fields.tags}",
        "find_url": url,
    }
