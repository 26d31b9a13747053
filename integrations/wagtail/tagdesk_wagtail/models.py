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
        seen: the page's tags when they were last looked at, but for those that a form saved since did not know.
        refused: tags that were taken off the page, by whomever; they are not put on it again.
        verdicts: what editors judged in what is published: tags as they are compared, each right or wrong.
        drafted: what they judged in a draft that is not published yet; null takes a verdict back.
        drafted_by: who saved that draft; empty where nobody is to be named.
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
    verdicts: "models.JSONField[dict[str, bool]]" = models.JSONField(default=dict)
    drafted: "models.JSONField[dict[str, bool | None]]" = models.JSONField(default=dict)
    drafted_by = models.CharField(max_length=255, blank=True)

    class Meta:
        """Its names in the admin."""

        verbose_name = _("topics of a page")
        verbose_name_plural = _("topics of pages")

    def __str__(self) -> str:
        return f"topics of page {self.page_id}"


class Correction(models.Model):
    """The verdicts on a page's topics that Tagdesk has not heard of yet; gone when it has.

    Attributes:
        id: the correction's; sent again, it is kept once.
        page: the page.
        article: the page as it was published, as JSON.
        model: what had answered.
        given: the topics it had given, as in `PageTopics`.
        before: the verdicts that stood before, as in `PageTopics`.
        after: those that stand now.
        editor: who published; empty where nobody is to be named.
        made: when.
        trouble: why Tagdesk refused it; empty where it did not.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    page = models.ForeignKey("wagtailcore.Page", on_delete=models.CASCADE, related_name="+")
    article: "models.JSONField[dict[str, Any]]" = models.JSONField()
    model = models.CharField(max_length=255)
    given: "models.JSONField[list[dict[str, Any]]]" = models.JSONField()
    before: "models.JSONField[dict[str, bool]]" = models.JSONField()
    after: "models.JSONField[dict[str, bool]]" = models.JSONField()
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
