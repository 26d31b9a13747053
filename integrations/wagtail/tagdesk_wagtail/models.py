"""What the app remembers: of each page its topics and whether it is still to be tagged; corrections not yet sent."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class PageTopics(models.Model):
    """The topics that Tagdesk gave a page, and what became of them.

    Attributes:
        page: the page.
        due: when it was published, as long as it has not been tagged since; None: nothing is to be done.
        trouble: why it could not be tagged the last time; empty where it could.
        model: what answered, `name@version`; empty before the first answer.
        topics: those given, most likely first: `id`, `name`, `band`, `confidence` and `words`, the evidence.
        seen: the page's tags when they were last looked at; None where they say nothing about an editor's choice.
        refused: tags that an editor took away; they are not put on the page again.
        puts: how often tags were put on the page; a form that was opened before the last time does not know them.
    """

    page = models.OneToOneField(
        "wagtailcore.Page", on_delete=models.CASCADE, primary_key=True, related_name="tagdesk_topics"
    )
    due = models.DateTimeField(null=True, db_index=True)
    trouble = models.TextField(blank=True)
    model = models.CharField(max_length=255, blank=True)
    topics: "models.JSONField[list[dict[str, Any]]]" = models.JSONField(default=list)
    seen: "models.JSONField[list[str] | None]" = models.JSONField(null=True)
    refused: "models.JSONField[list[str]]" = models.JSONField(default=list)
    puts = models.PositiveIntegerField(default=0)

    class Meta:
        """Its names in the admin."""

        verbose_name = _("topics of a page")
        verbose_name_plural = _("topics of pages")

    def __str__(self) -> str:
        return f"topics of page {self.page_id}"


class Correction(models.Model):
    """An editor's choice that Tagdesk has not heard of yet; gone when it has.

    Attributes:
        id: the correction's; sent again, it is kept once.
        page: the page.
        article: the page as it was published, as JSON.
        model: what had answered.
        given: the topics it had given, as in `PageTopics`.
        before: the page's tags before the editor, with those that were about to be put on it.
        after: the same after.
        editor: who published; empty where nobody is to be named.
        made: when.
        trouble: why Tagdesk refused it; empty where it did not.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    page = models.ForeignKey("wagtailcore.Page", on_delete=models.CASCADE, related_name="+")
    article: "models.JSONField[dict[str, Any]]" = models.JSONField()
    model = models.CharField(max_length=255)
    given: "models.JSONField[list[dict[str, Any]]]" = models.JSONField()
    before: "models.JSONField[list[str]]" = models.JSONField()
    after: "models.JSONField[list[str]]" = models.JSONField()
    editor = models.CharField(max_length=255, blank=True)
    made = models.DateTimeField(auto_now_add=True)
    trouble = models.TextField(blank=True)

    class Meta:
        """Its names in the admin."""

        verbose_name = _("correction not sent yet")
        verbose_name_plural = _("corrections not sent yet")
        ordering: ClassVar = ["made"]

    def __str__(self) -> str:
        return f"correction of page {self.page_id}"
