"""What editors judge in a real Wagtail, and what nobody judged: accepted, rejected, added, or in no list at all."""

from collections.abc import Iterator
from typing import Any

import pytest

from tagdesk.service.settings import Settings
from tests.e2e.wagtail.newsroom import BODY, STORM, Newsroom, newsroom_on
from tests.e2e.wagtail.site import Editor, fields

PUBLISHER = "bea"
LIMIT = 30.0  # longer than the service takes on a busy machine: here no page is left for later


@pytest.fixture(scope="module")
def newsroom(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """Return a newsroom whose service is well, with two editors."""
    with newsroom_on(tiny_settings, tmp_path_factory.mktemp("newsroom"), LIMIT) as one, one.served():
        one.site.add_user(PUBLISHER)
        yield one


@pytest.fixture(scope="module")
def publisher(newsroom: Newsroom) -> Iterator[Editor]:
    """Return the second editor."""
    with Editor(newsroom.site, PUBLISHER) as editor:
        yield editor


def verdicts(row: dict[str, Any]) -> dict[str, list[str]]:
    """Return what a correction judges, but for what is empty."""
    return {name: sorted(row[name]) for name in ("accepted", "rejected", "added") if row[name]}


def judged(newsroom: Newsroom, pk: int) -> list[dict[str, list[str]]]:
    """Return what the corrections of a page judge, in their order."""
    return [verdicts(row) for row in newsroom.corrections(pk)]


def republished(newsroom: Newsroom, pk: int, tags: str) -> None:
    """Open a page, give it these tags, and publish it."""
    _, form = newsroom.editor.open(pk)
    newsroom.editor.publish(pk, form, tags=tags)


def test_fifty_pages_that_nobody_touches_are_not_judged(newsroom: Newsroom) -> None:
    """Published, opened and published again with their topics and suggestions untouched they are in no correction."""
    for number in range(50):
        pk, _ = newsroom.editor.add(f"Report {number}", f"{BODY} {STORM if number % 2 else ''}")
        html, form = newsroom.editor.open(pk)
        assert 'data-tagdesk-tag="Weather"' in html
        newsroom.editor.publish(pk, form, title=f"Report {number} of the day")
        assert "Conflict" in newsroom.site.tags(pk)
    assert newsroom.service.get("/v1/feedback/export").text == ""


def test_a_tag_taken_away_is_rejected_and_stays_away(newsroom: Newsroom) -> None:
    """The suggestions beside it, which nobody took, are not judged."""
    pk, _ = newsroom.editor.add("Taken away", BODY)
    republished(newsroom, pk, "")
    assert judged(newsroom, pk) == [{"rejected": ["conflict"]}]
    _, form = newsroom.editor.open(pk)
    newsroom.editor.publish(pk, form, title="Taken away, again")
    assert newsroom.site.tags(pk) == []
    assert len(newsroom.corrections(pk)) == 1


def test_a_suggestion_taken_is_accepted(newsroom: Newsroom) -> None:
    """The topic that was put on the page by itself, and left there, is not judged."""
    pk, _ = newsroom.editor.add("Suggestion taken", BODY)
    republished(newsroom, pk, "Conflict, Weather")
    assert judged(newsroom, pk) == [{"accepted": ["weather"]}]


def test_a_topic_put_there_by_hand_is_added(newsroom: Newsroom) -> None:
    """A tag that the model did not give is added; one that is no topic says nothing."""
    pk, _ = newsroom.editor.add("By hand", STORM)
    republished(newsroom, pk, "Diplomacy, Geneva")
    assert judged(newsroom, pk) == [{"added": ["diplomacy"]}]


def test_the_newest_correction_has_every_verdict_that_stands(newsroom: Newsroom) -> None:
    """What was judged before goes along, and what is taken back is judged no more."""
    pk, _ = newsroom.editor.add("Again and again", STORM + " Ceasefire.")
    assert newsroom.site.tags(pk) == []
    republished(newsroom, pk, "Weather, Diplomacy")
    republished(newsroom, pk, "Diplomacy")
    republished(newsroom, pk, "Diplomacy, Geneva")
    republished(newsroom, pk, "Geneva")
    assert judged(newsroom, pk) == [
        {"accepted": ["weather"], "added": ["diplomacy"]},
        {"rejected": ["weather"], "added": ["diplomacy"]},
        {"rejected": ["weather"]},
    ]


SAVE = """
from django.contrib.auth.models import User
from wagtail.actions.edit_page import EditPageAction
from wagtail.models import Page
user = User.objects.get(username="anna")
page = Page.objects.get(pk={pk}).specific
page.tags.set(["Weather"])
"""
SAVES = {
    "the API": "EditPageAction(page, user=user, publish=True).execute()",
    "a management command": "page.save_revision(user=user).publish()",
    "a scheduled publish": "page.revisions.filter(pk=page.save_revision(user=user).pk).update("
    "approved_go_live_at='2026-01-01T00:00Z')\n"
    "from django.core.management import call_command\ncall_command('publish_scheduled')",
    "a bulk action": "page.save_revision(user=user)",
}


@pytest.mark.parametrize("way", SAVES)
def test_a_save_that_no_form_made_judges_nothing(newsroom: Newsroom, way: str) -> None:
    """Its tags are published, and what it took off the page stays away; it is no correction."""
    pk, _ = newsroom.editor.add(f"Saved by {way}", BODY, publish=False)
    _, form = newsroom.editor.open(pk)
    newsroom.editor.publish(pk, form | fields(newsroom.editor.find(pk, form)))
    assert newsroom.site.tags(pk) == ["Conflict"]
    newsroom.site.manage("shell", "-c", SAVE.format(pk=pk) + SAVES[way])
    if way == "a bulk action":
        path = f"/admin/bulk/wagtailcore/page/publish/?id={pk}&next=/admin/"
        newsroom.editor.http.post(path, data=fields(newsroom.editor.http.get(path))).raise_for_status()
    assert newsroom.site.tags(pk) == ["Weather"]
    _, form = newsroom.editor.open(pk)
    newsroom.editor.publish(pk, form)
    assert newsroom.site.tags(pk) == ["Weather"]
    assert newsroom.corrections(pk) == []


def test_a_draft_is_judged_when_it_is_published_by_who_publishes_it(newsroom: Newsroom, publisher: Editor) -> None:
    """The verdict of a draft waits for its publication, which counts by the name of who publishes."""
    pk, _ = newsroom.editor.add("Drafted", BODY)
    _, form = newsroom.editor.open(pk)
    newsroom.editor.save(pk, form, tags="Weather")
    assert newsroom.corrections(pk) == []
    _, form = publisher.open(pk)
    publisher.publish(pk, form)
    (row,) = newsroom.corrections(pk)
    assert verdicts(row) == {"accepted": ["weather"], "rejected": ["conflict"]}
    assert row["editor"] == PUBLISHER


def test_a_draft_that_is_put_right_again_judges_nothing(newsroom: Newsroom) -> None:
    """A tag that was away in a draft and is there again when the page is published was not rejected."""
    pk, _ = newsroom.editor.add("Put right", BODY)
    _, form = newsroom.editor.open(pk)
    newsroom.editor.save(pk, form, tags="")
    newsroom.editor.publish(pk, form, tags="Conflict")
    assert newsroom.corrections(pk) == []


def test_who_approves_a_draft_publishes_it(newsroom: Newsroom, publisher: Editor) -> None:
    """What the author of a submitted draft judged, and what the form of the approval did, is the approver's."""
    pk, _ = newsroom.editor.add("Approved", BODY)
    _, form = newsroom.editor.open(pk)
    newsroom.editor.save(pk, form, tags="", **{"action-submit": "action-submit"})
    assert newsroom.corrections(pk) == []
    _, form = publisher.open(pk)
    approval = {"action-workflow-action": "true", "workflow-action-name": "approve"}
    publisher.save(pk, form, tags="Weather", **approval)
    assert newsroom.site.tags(pk) == ["Weather"]
    row = newsroom.corrections(pk)[-1]
    assert verdicts(row) == {"accepted": ["weather"], "rejected": ["conflict"]}
    assert row["editor"] == PUBLISHER


def test_an_approval_that_touches_nothing_judges_nothing(newsroom: Newsroom, publisher: Editor) -> None:
    """The tags that the app puts on the page when it is approved are nobody's choice."""
    pk, _ = newsroom.editor.add("Approved untouched", BODY, publish=False)
    _, form = newsroom.editor.open(pk)
    topics = fields(newsroom.editor.find(pk, form))
    newsroom.editor.save(pk, form | topics, **{"action-submit": "action-submit"})
    _, form = publisher.open(pk)
    publisher.save(pk, form, **{"action-workflow-action": "true", "workflow-action-name": "approve"})
    assert newsroom.site.tags(pk) == ["Conflict"]
    assert newsroom.corrections(pk) == []


@pytest.mark.parametrize("forgery", ["made up", "of another page", "of another field"])
def test_a_form_that_was_not_shown_the_topics_judges_none(newsroom: Newsroom, forgery: str) -> None:
    """Only what the server sealed for this page and this field says what an editor was shown."""
    pk, _ = newsroom.editor.add(f"Sealed {forgery}", BODY)
    other, _ = newsroom.editor.add(f"Not sealed {forgery}", BODY)
    _, form = newsroom.editor.open(pk)
    sealed = {
        "made up": "WzEsIFsiY29uZmxpY3QiXV0:1abcde:sealed",
        "of another page": newsroom.editor.open(other)[1]["tagdesk_topics"],
        "of another field": form["tagdesk_tags"],
    }
    newsroom.editor.publish(pk, form, tags="", tagdesk_topics=sealed[forgery])
    assert newsroom.corrections(pk) == []
