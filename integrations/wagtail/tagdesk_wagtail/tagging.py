"""Asks Tagdesk for a page's topics, keeps them, and puts those on the page that need no editor."""

import logging
import time
from typing import Any

from django.db import transaction
from django.utils import timezone
from tagdesk_client import Answer, Problem, TagdeskError, Topic
from wagtail.models import Page

from tagdesk_wagtail.articles import article_of
from tagdesk_wagtail.configuration import PageFields, applied_bands, client, fields_of
from tagdesk_wagtail.models import PageTopics
from tagdesk_wagtail.tags import folded, put, tags_of
from tagdesk_wagtail.verdicts import taken_away

logger = logging.getLogger("tagdesk_wagtail")

_WORDS = 5


def ask(page: Page, fields: PageFields, end: float) -> Answer:
    """Ask for the page's topics with their evidence; of a text too long to be explained, without.

    Args:
        page: the page, of its specific class.
        fields: its fields.
        end: when there must be an answer, by `time.monotonic`.

    Raises:
        TagdeskError: there is no answer.
    """
    article = article_of(page, fields)
    try:
        return client().tag(article, explain=True, time_limit=left(end))
    except Problem as problem:
        if problem.kind != "article-too-long":
            raise
    return client().tag(article, time_limit=left(end))


def left(end: float) -> float:
    """Return the seconds until then; hardly any where it is over."""
    return max(0.001, end - time.monotonic())


def tag_page(pk: int, end: float) -> bool:
    """Tag a page that is due.

    Returns:
        Whether it was: not where it is due no more, or was deleted meanwhile.

    Raises:
        TagdeskError: it has no topics, and is still due where another try may help; the reason is kept.
    """
    row = PageTopics.objects.filter(pk=pk, due__isnull=False).first()
    page = Page.objects.filter(pk=pk).first() if row else None
    page = page and page.specific
    fields = page and fields_of(type(page))
    if row is None or page is None or fields is None:
        return False
    try:
        answer = ask(page, fields, end)
    except TagdeskError as error:
        rows = PageTopics.objects.filter(pk=pk, due=row.due)
        rows.update(trouble=str(error), due=row.due if may_pass(error) else None)
        raise
    return keep(pk, answer, row.due) is not None


def may_pass(error: TagdeskError) -> bool:
    """Tell whether it is the service that is in trouble, not the page or the correction."""
    return not isinstance(error, Problem) or error.status >= 500 or error.status in {401, 403, 404, 405, 408, 429}


@transaction.atomic
def keep(pk: int, answer: Answer, published: Any) -> list[str] | None:
    """Keep a live page's topics, and put tags on it.

    Args:
        pk: the page's.
        answer: its topics.
        published: `PageTopics.due` when they were asked for: what was published since stays due.

    Returns:
        The tags that are new on the page; None where it was deleted meanwhile.
    """
    found = Page.objects.select_for_update().filter(pk=pk).first()
    page = found and found.specific
    fields = page and fields_of(type(page))
    if page is None or fields is None:
        return None
    row, _ = PageTopics.objects.select_for_update().get_or_create(pk=pk)
    _remember(row, answer)
    row.due = None if row.due == published else row.due
    names = still_to_put(row, tags_of(page, fields)) if page.live else []
    if names:
        put(page, fields, names)
    row.seen = tags_of(page, fields)
    row.save()
    logger.info("page %s has %d topics of %s, %d new tags", pk, len(row.topics), row.model, len(names))
    return names


@transaction.atomic
def keep_for_draft(page: Page, fields: PageFields, answer: Answer) -> PageTopics:
    """Keep the topics of a page that is being written; no tag is put on it."""
    row, _ = PageTopics.objects.select_for_update().get_or_create(pk=page.pk)
    if not row.model:
        row.seen = tags_of(page, fields)
    _remember(row, answer)
    row.save()
    return row


def still_to_put(row: PageTopics, tags: list[str]) -> list[str]:
    """Return the names of the topics that go on the page by themselves: not those there, nor those taken away."""
    bands = applied_bands()
    names = [topic["name"] for topic in row.topics if topic["band"] in bands]
    return [name for name in names if name.casefold() not in folded(tags) | taken_away(row)]


def due_now(pk: int) -> PageTopics:
    """Note that a page is to be tagged."""
    row, _ = PageTopics.objects.update_or_create(pk=pk, defaults={"due": timezone.now()})
    return row


def _remember(row: PageTopics, answer: Answer) -> None:
    row.model, row.trouble = answer.model, ""
    row.topics = [
        {"id": one.id, "name": one.name, "band": one.band, "confidence": one.confidence, "words": _words(one)}
        for one in answer.topics
    ]


def _words(topic: Topic) -> list[str]:
    found = {one.text.casefold(): one.text for one in topic.evidence if one.weight > 0}
    return list(found.values())[:_WORDS]
