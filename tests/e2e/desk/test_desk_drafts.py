"""The desk loses nothing: a draft survives whatever takes its place, and undo reaches back over saved articles."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Locked, OpenDesk
from tests.e2e.desk.page import corrections, drop, find_topics, given, judge, paste, status

TITLE = "Envoy flies to the summit"
BODY = "Troops left the town after the ceasefire.\n\nMinisters spoke of war and conflict."


def by_next(page: Any) -> None:
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.wait_for_selector("#writing:not([hidden])")


def by_paste(page: Any) -> None:
    paste(page, "main", "Storm over the town\n\nThe rain.")


def by_drop(page: Any) -> None:
    drop(page, "storm.txt", "Storm over the town\r\n\r\nThe rain came.")
    page.wait_for_selector("#text h3:text-is('Storm over the town')")


def by_reload(page: Any) -> None:
    page.reload()


def by_new(page: Any) -> None:
    page.click("#new")


@pytest.fixture
def found(desk: Any) -> Any:
    find_topics(desk, TITLE, BODY)
    return desk


def open_draft(page: Any) -> None:
    page.wait_for_selector("#drafts:not([hidden])")
    assert page.inner_text("#drafts li bdi") == TITLE
    page.click("#drafts button:text-is('Open it')")


@pytest.mark.parametrize("replace", [by_next, by_drop, by_reload, by_new])
def test_an_article_under_review_is_kept(found: Any, replace: Callable[[Any], None]) -> None:
    """With its verdicts; it is offered and opened again as it was decided."""
    judge(found, "conflict", "accepted")
    judge(found, "diplomacy", "rejected")
    replace(found)
    open_draft(found)
    found.wait_for_selector(f"#text h3:text-is('{TITLE}')")
    assert given(found) == {"Conflict": "accepted", "Diplomacy": "rejected"}
    assert found.locator("#drafts bdi").all_inner_texts().count(TITLE) == 0


@pytest.mark.parametrize("replace", [by_next, by_paste, by_drop, by_reload])
def test_a_half_typed_article_is_kept(desk: Any, replace: Callable[[Any], None]) -> None:
    desk.fill("#title", TITLE)
    desk.fill("#body", "Troops left")
    replace(desk)
    open_draft(desk)
    assert desk.input_value("#title") == TITLE
    assert desk.input_value("#body") == "Troops left"


def test_escape_loses_nothing(desk: Any) -> None:
    """It leaves the field; what was typed stands."""
    desk.fill("#body", "Troops left")
    desk.focus("#body")
    desk.keyboard.press("Escape")
    assert desk.input_value("#body") == "Troops left"
    assert desk.evaluate("document.activeElement.tagName") == "BODY"


def test_escape_leaves_editing_and_keeps_what_was_edited(found: Any) -> None:
    """The article under review is as it was; the other text is a draft."""
    judge(found, "conflict", "accepted")
    found.keyboard.press("e")
    found.fill("#title", "Envoy flies home")
    found.focus("#title")
    found.keyboard.press("Escape")
    assert found.inner_text("#text h3") == TITLE
    assert given(found)["Conflict"] == "accepted"
    assert found.locator("#drafts bdi").all_inner_texts() == ["Envoy flies home"]


@pytest.mark.parametrize("on", [".box", "#add", "main"])
def test_what_is_pasted_never_takes_the_place_of_the_article_under_review(found: Any, on: str) -> None:
    """Wherever the focus is: the article stays, and what was pasted is kept as a draft."""
    judge(found, "conflict", "accepted")
    paste(found, on, "rain")
    assert found.inner_text("#text h3") == TITLE
    assert given(found)["Conflict"] == "accepted"
    if on != "#add":
        assert found.locator("#drafts bdi").all_inner_texts() == ["rain"]
        assert status(found) == "What you pasted is kept as a draft; this article stays open."


def test_a_draft_that_is_saved_or_discarded_is_gone(found: Any) -> None:
    """Also after the page is loaded again, and nothing is left in the browser."""
    found.click("#save")
    found.wait_for_selector("#writing:not([hidden])")
    found.reload()
    found.wait_for_selector("#model:not(:empty)")
    assert found.is_hidden("#drafts")
    find_topics(found, TITLE, BODY)
    by_new(found)
    found.click("#drafts button:text-is('Discard')")
    assert found.is_hidden("#drafts")
    assert found.evaluate("Object.keys(localStorage).length") == 0


@pytest.fixture
def hold(desk: Any) -> Callable[[str], Callable[[], None]]:
    """Return what holds the next request to a route back, until what it returns is called."""

    def hold_next(pattern: str) -> Callable[[], None]:
        held: list[Any] = []
        desk.route(pattern, lambda route: held.append(route), times=1)
        return lambda: held.pop().continue_()

    return hold_next


def test_a_verdict_changed_while_it_is_saved_is_kept(
    found: Any, hold: Callable[[str], Callable[[], None]], service: httpx.Client
) -> None:
    """The ledger has what was sent; the article stays open, is a draft, and is saved again as it is now."""
    judge(found, "conflict", "accepted")
    release = hold("**/v1/feedback")
    with found.expect_request("**/v1/feedback"):
        found.click("#save")
    judge(found, "conflict", "rejected")
    release()
    found.wait_for_selector("#status:text-is('Saved without what you changed meanwhile; save again to add it.')")
    assert corrections(service)[-1]["accepted"] == ["conflict"]
    found.reload()
    open_draft(found)
    found.wait_for_selector(f"#text h3:text-is('{TITLE}')")
    assert given(found)["Conflict"] == "rejected"
    found.click("#save")
    found.wait_for_selector("#writing:not([hidden])")
    assert corrections(service)[-1]["rejected"] == ["conflict"]
    assert found.is_hidden("#drafts")


@pytest.mark.parametrize("slow", ["**/v1/feedback", "**/v1/queue/next*"])
def test_what_is_written_during_a_slow_save_stays(
    found: Any, hold: Callable[[str], Callable[[], None]], slow: str
) -> None:
    """In the fields, and as the only draft: the article that is saved is none any longer."""
    release = hold(slow)
    with found.expect_request(slow):
        found.click("#save")
    by_new(found)
    found.fill("#title", "Storm over the town")
    with found.expect_response("**/v1/feedback/counts*"):
        release()
    assert found.input_value("#title") == "Storm over the town"
    assert status(found) == "Saved. Nothing judged."
    assert found.is_hidden("#drafts")
    found.reload()
    found.wait_for_selector("#drafts:not([hidden])")
    assert found.locator("#drafts li bdi").all_inner_texts() == ["Storm over the town"]


def test_nothing_is_typed_into_an_article_while_its_topics_are_found(
    desk: Any, hold: Callable[[str], Callable[[], None]]
) -> None:
    """The topics would be those of another text."""
    release = hold("**/v1/tag?*")
    desk.fill("#body", BODY)
    with desk.expect_request("**/v1/tag?*"):
        desk.click("#find")
    assert not desk.is_editable("#body")
    release()
    desk.wait_for_selector("#found:not([hidden])")
    by_new(desk)
    assert desk.is_editable("#body")


def test_a_draft_too_many_is_said_and_the_newest_are_offered_first(found: Any) -> None:
    """The notice stands beside the drafts until it is closed; the others are shown when they are asked for."""
    for number in range(21):
        paste(found, "main", f"Draft {number}\n\nThe rain.")
    assert found.inner_text("#drafts .dropped bdi") == (
        "There is room for 20 drafts; the oldest were discarded: Draft 0, Draft 1"
    )
    found.click("#drafts .dropped button")
    titles = found.locator("#drafts bdi")
    assert titles.all_inner_texts() == ["Draft 20", "Draft 19"]
    found.click("#drafts button:text-is('17 more')")
    assert titles.all_inner_texts() == [f"Draft {number}" for number in range(20, 1, -1)]
    found.click("#drafts button:text-is('Show fewer')")
    assert titles.count() == 2


def test_what_was_written_before_signing_in_is_the_editors(open_desk: OpenDesk, locked: Locked) -> None:
    page = open_desk(locked.address)
    page.wait_for_selector("#sign-in[open]")
    page.keyboard.press("Escape")
    page.fill("#title", TITLE)
    page.reload()
    page.fill("#key", locked.keys["anna"])
    page.keyboard.press("Enter")
    open_draft(page)
    assert page.input_value("#title") == TITLE
    assert page.evaluate("Object.keys(localStorage)") == ["tagdesk-drafts:anna"]


def test_drafts_are_their_editors(open_desk: OpenDesk, locked: Locked) -> None:
    """They are kept under the name of whoever is signed in, and not offered before."""
    page = open_desk(locked.address)
    page.fill("#key", locked.keys["anna"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#model:not(:empty)")
    find_topics(page, TITLE, BODY)
    assert page.evaluate("Object.keys(localStorage)") == ["tagdesk-drafts:anna"]
    page.context.clear_cookies()
    page.reload()
    page.wait_for_selector("#sign-in[open]")
    assert page.is_hidden("#drafts")


def test_asks_before_what_the_browser_cannot_keep_is_gone(desk: Any) -> None:
    """Where its storage is full, leaving the page is asked about; what took its place is not the end of it."""
    desk.evaluate("""() => {
      Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
    }""")
    find_topics(desk, TITLE, BODY)
    by_new(desk)
    assert desk.inner_text("#drafts li bdi") == TITLE
    asked: list[str] = []

    def leave(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.accept()

    desk.once("dialog", leave)
    desk.reload()
    assert asked == ["beforeunload"]


def test_undo_reaches_back_over_saved_articles(desk: Any, service: httpx.Client) -> None:
    """The last one first, as it was decided; also after the page is loaded again. Saved anew it is corrected anew."""
    for title in ("First", "Second", "Third"):
        find_topics(desk, title, BODY)
        judge(desk, "conflict", "accepted" if title == "Second" else "rejected")
        desk.click("#save")
        desk.wait_for_selector("#writing:not([hidden])")
    desk.reload()
    desk.wait_for_selector("#model:not(:empty)")
    for title in ("Third", "Second", "First"):
        desk.keyboard.press("u")
        desk.wait_for_selector(f"#text h3:text-is('{title}')")
        assert given(desk)["Conflict"] == ("accepted" if title == "Second" else "rejected")
        assert status(desk).startswith("Opened again.")
    assert desk.is_disabled("#undo")
    judge(desk, "conflict", "accepted")
    desk.click("#save")
    desk.wait_for_selector("#writing:not([hidden])")
    first, *_, again = corrections(service)[-4:]
    assert first["id"] == again["id"]
    assert (first["rejected"], again["accepted"]) == (["conflict"], ["conflict"])


def test_an_article_that_is_opened_again_and_left_alone_is_no_draft(found: Any) -> None:
    found.click("#save")
    found.wait_for_selector("#writing:not([hidden])")
    found.focus("#take-next")
    found.keyboard.press("u")
    found.wait_for_selector("#text h3")
    by_new(found)
    assert found.is_hidden("#drafts")
