"""The verdicts on a page's topics, on their way to Tagdesk: noted when a page is published, sent when that can be."""

from typing import Any

from tagdesk_client import Article, Problem, TagdeskError, Taxonomy
from wagtail.models import Page

from tagdesk_wagtail.articles import article_of
from tagdesk_wagtail.configuration import PageFields, client
from tagdesk_wagtail.models import Correction, PageTopics
from tagdesk_wagtail.tagging import left, may_pass
from tagdesk_wagtail.tags import tags_of
from tagdesk_wagtail.verdicts import settle


def note(row: PageTopics, page: Page, fields: PageFields, publisher: Any) -> bool:
    """Note a correction where the verdicts on a page change with what is published.

    Args:
        row: what is known of the page; changed here, for the caller to save.
        page: the page as it is published.
        fields: its fields.
        publisher: who publishes; None where that is nobody, but a schedule or a command.

    Returns:
        Whether there is a correction to be sent.
    """
    before = row.verdicts
    if not settle(row, tags_of(page, fields)):
        return False
    Correction.objects.create(
        page_id=page.pk,
        article=article_of(page, fields).as_json(),
        model=row.model,
        given=row.topics,
        before=before,
        after=row.verdicts,
        editor=name_of(publisher) if publisher else row.drafted_by,
    )
    return True


def name_of(user: Any) -> str:
    """Return the name by which Tagdesk is told of a user; empty where that is an e-mail address, which stays here."""
    name = str(user.get_username())
    return "" if "@" in name else name


def send(correction: Correction, end: float) -> bool:
    """Send a correction, and forget it; one that is about no topic is forgotten.

    Args:
        correction: what is to be sent.
        end: when there must be an answer, by `time.monotonic`.

    Returns:
        Whether it was about a topic, and was sent.

    Raises:
        TagdeskError: it is not kept, and stays here.
    """
    try:
        taxonomy = client().topics(time_limit=left(end))
        before, after = (_by_topic(taxonomy, verdicts) for verdicts in (correction.before, correction.after))
        is_about_topics = before != after
        if is_about_topics:
            _send(correction, after, end)
    except TagdeskError as error:
        if isinstance(error, Problem) and not may_pass(error):
            Correction.objects.filter(pk=correction.pk).update(trouble=str(error))
        raise
    correction.delete()
    return is_about_topics


def _send(correction: Correction, verdicts: dict[str, bool], end: float) -> None:
    given = {topic["id"] for topic in correction.given}
    client().feedback(
        Article(**correction.article),
        model=correction.model,
        accepted=[topic for topic, right in verdicts.items() if right and topic in given],
        rejected=[topic for topic, right in verdicts.items() if not right],
        added=[topic for topic, right in verdicts.items() if right and topic not in given],
        editor=correction.editor or None,
        id=str(correction.pk),
        time_limit=left(end),
    )


def _by_topic(taxonomy: Taxonomy, verdicts: dict[str, bool]) -> dict[str, bool]:
    """Return the verdicts by topics' ids; a tag that is no topic's name is dropped."""
    names = {topic.id: topic.name.casefold() for topic in taxonomy.topics}
    return {topic: verdicts[name] for topic, name in names.items() if name in verdicts}
