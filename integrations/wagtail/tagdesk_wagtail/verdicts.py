"""What editors judge of a page's topics: noted when they save a form, counted when what they saved is published.

A verdict is kept by the topic's tag, as tags are compared: True is right, False is wrong, None takes an earlier one
back. A tag without one is not judged. Nothing but a form that an editor was shown makes any.
"""

from collections.abc import Collection

from tagdesk_wagtail.forms import SentForm
from tagdesk_wagtail.models import PageTopics
from tagdesk_wagtail.tags import folded


def note_form(row: PageTopics, form: SentForm) -> None:
    """Note what an editor changed in a form; the same form noted again changes nothing.

    Args:
        row: what is known of the page; changed here, for the caller to save.
        form: the form, which was saved.
    """
    row.drafted = {tag: right for tag, right in row.drafted.items() if bool(right) == (tag in form.sent)}
    if form.topics is None:
        return
    given = form.topics & folded(topic["name"] for topic in row.topics)
    gone = form.opened - form.sent
    changed: dict[str, bool | None] = {
        **dict.fromkeys(form.sent - form.opened, True),
        **{tag: None for tag in gone if row.verdicts.get(tag)},
        **dict.fromkeys(gone & given, False),
    }
    row.drafted = {tag: right for tag, right in (row.drafted | changed).items() if row.verdicts.get(tag) != right}


def settle(row: PageTopics, tags: Collection[str]) -> bool:
    """Count the verdicts that agree with the tags that are published; those of a newer draft wait.

    Args:
        row: what is known of the page; changed here, for the caller to save.
        tags: the page's tags as it is published.

    Returns:
        Whether a verdict changed.
    """
    there = folded(tags)
    settled = {tag: right for tag, right in row.drafted.items() if bool(right) == (tag in there)}
    row.drafted = {tag: right for tag, right in row.drafted.items() if tag not in settled}
    row.verdicts = {tag: right for tag, right in (row.verdicts | settled).items() if right is not None}
    return bool(settled)


def taken_away(row: PageTopics) -> frozenset[str]:
    """Return the tags, as they are compared, that are not to be put on the page again."""
    wrong = {tag for tag, right in (row.verdicts | row.drafted).items() if right is False}
    return folded(row.refused) | wrong
