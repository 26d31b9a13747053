"""What an editor made of the topics: noticed when a page is published, sent to Tagdesk when it can be."""

from typing import Any

from tagdesk_client import Article, Problem, TagdeskError, Taxonomy
from wagtail.models import Page

from tagdesk_wagtail.articles import article_of
from tagdesk_wagtail.configuration import PageFields, client
from tagdesk_wagtail.models import Correction, PageTopics
from tagdesk_wagtail.tagging import left, may_pass, still_to_put
from tagdesk_wagtail.tags import folded, tags_of


def notice(row: PageTopics, page: Page, fields: PageFields, user: Any) -> None:
    """Note what changed in the page's tags since they were last looked at, if Tagdesk had answered by then.

    Args:
        row: what is known of the page; changed here, for the caller to save.
        page: the page as it is published.
        fields: its fields.
        user: who publishes, or None.
    """
    tags = tags_of(page, fields)
    if row.model and row.seen is not None and folded(tags) != folded(row.seen):
        coming = still_to_put(row, row.seen)
        Correction.objects.create(
            page_id=page.pk,
            article=article_of(page, fields).as_json(),
            model=row.model,
            given=row.topics,
            before=row.seen + coming,
            after=tags + coming,
            editor=_editor(user),
        )
        taken = [name for name in row.seen if name.casefold() not in folded(tags)]
        row.refused = [name for name in {*row.refused, *taken} if name.casefold() not in folded(tags)]
    row.seen = tags


def _editor(user: Any) -> str:
    name = user.get_username() if user else ""
    return "" if "@" in name else str(name)  # an e-mail address stays here


def send(correction: Correction, end: float) -> None:
    """Send a correction, and forget it; one that is about no topic is forgotten.

    Args:
        correction: what is to be sent.
        end: when there must be an answer, by `time.monotonic`.

    Raises:
        TagdeskError: it is not kept, and stays here.
    """
    try:
        taxonomy = client().topics(time_limit=left(end))
        before, after = (_topics(taxonomy, tags) for tags in (correction.before, correction.after))
        if before != after:
            _send(correction, taxonomy, after, end)
    except TagdeskError as error:
        if isinstance(error, Problem) and not may_pass(error):
            Correction.objects.filter(pk=correction.pk).update(trouble=str(error))
        raise
    correction.delete()


def _send(correction: Correction, taxonomy: Taxonomy, right: list[str], end: float) -> None:
    known = {topic.id for topic in taxonomy.topics}
    given = [one["id"] for one in correction.given if one["id"] in known]
    client().feedback(
        Article(**correction.article),
        model=correction.model,
        accepted=[topic for topic in given if topic in right],
        rejected=[topic for topic in given if topic not in right],
        added=[topic for topic in right if topic not in given],
        editor=correction.editor or None,
        id=str(correction.pk),
        time_limit=left(end),
    )


def _topics(taxonomy: Taxonomy, tags: list[str]) -> list[str]:
    names = folded(tags)
    return [topic.id for topic in taxonomy.topics if topic.name.casefold() in names]
