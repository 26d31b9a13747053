"""What the ledger keeps of what an editor judged, and of what nobody looked at."""

from typing import Any

import httpx
import pytest

from tests.e2e.desk.page import corrections, find_topics, given, judge, status

TITLE = "Envoy flies to the summit"
BODY = "Troops left the town after the ceasefire.\n\nMinisters spoke of war and conflict."
ARTICLES = 50


@pytest.fixture
def found(desk: Any) -> Any:
    """Return the desk with an article and its topics: Diplomacy and Conflict."""
    find_topics(desk, TITLE, BODY)
    return desk


def save(page: Any) -> None:
    page.click("#save")
    page.wait_for_selector("#writing:not([hidden])")


def test_fifty_articles_saved_quickly_leave_nothing_rejected(desk: Any, service: httpx.Client) -> None:
    """Nor anything accepted: no topic was touched. All of them leave the queue."""
    before = len(corrections(service))
    for number in range(ARTICLES):
        body = f"Ministers met on day {number}; troops left after the ceasefire, and the storm brought rain."
        sent = {"id": f"quick-{number}", "title": f"Summit, day {number}", "body": body}
        service.post("/v1/queue", json=sent).raise_for_status()
    desk.keyboard.press("n")
    for number in range(ARTICLES):
        desk.wait_for_selector("#given .topic")
        with desk.expect_response("**/v1/feedback"):
            desk.keyboard.press("Control+Enter")
        left = ARTICLES - number - 1
        says = str(left) if left else ""
        desk.wait_for_function("says => document.querySelector('#show-queue .waiting').textContent === says", arg=says)
    kept = corrections(service)[before:]
    assert len({row["id"] for row in kept}) == len(kept) == ARTICLES
    assert all(not row["accepted"] and not row["rejected"] and not row["added"] for row in kept)
    assert not any(row["complete"] for row in kept)


def test_says_that_nothing_was_judged(found: Any, service: httpx.Client) -> None:
    save(found)
    assert status(found).startswith("Saved. Nothing judged.")
    kept = corrections(service)[-1]
    assert (kept["accepted"], kept["rejected"], kept["added"], kept["complete"]) == ([], [], [], False)


def test_what_nobody_judged_is_in_no_list(found: Any, service: httpx.Client) -> None:
    judge(found, "conflict", "rejected")
    save(found)
    kept = corrections(service)[-1]
    assert (kept["accepted"], kept["rejected"], kept["added"], kept["complete"]) == ([], ["conflict"], [], False)


def test_nothing_else_is_right_by_one_key(found: Any, service: httpx.Client) -> None:
    """X rejects all that is not judged; the page says so plainly, and the ledger that the list is complete."""
    judge(found, "conflict", "accepted")
    assert found.inner_text("#nothing-else-text") == "Nothing else is right"
    found.keyboard.press("x")
    assert given(found) == {"Conflict": "accepted", "Diplomacy": "rejected"}
    assert found.inner_text("#complete").startswith("You went over the whole article: every other topic is wrong.")
    save(found)
    kept = corrections(service)[-1]
    assert (kept["accepted"], kept["rejected"], kept["topics"]) == (["conflict"], ["diplomacy"], ["conflict"])
    assert kept["complete"] is True


def test_nothing_else_is_right_can_be_taken_back(found: Any) -> None:
    """By the same key, by the button and by undo; in between a topic is accepted or rejected."""
    judge(found, "conflict", "accepted")
    before = given(found)
    for back in ("key", "button", "undo"):
        found.keyboard.press("x")
        assert "not judged" not in given(found).values()
        if back == "button":
            found.click("#take-complete-back")
        else:
            found.keyboard.press("x" if back == "key" else "u")
        assert given(found) == before
        assert found.is_hidden("#complete")
    found.keyboard.press("x")
    box = found.locator("#given li[data-id='diplomacy'] .box")
    box.click()
    assert given(found)["Diplomacy"] == "accepted"
    box.click()
    assert given(found)["Diplomacy"] == "rejected"


def test_no_topic_is_right_is_an_answer(desk: Any, service: httpx.Client) -> None:
    find_topics(desk, "", "Nothing of the kind was said.")
    assert desk.inner_text("#nothing-else-text") == "No topic is right"
    desk.click("#nothing-else")
    save(desk)
    kept = corrections(service)[-1]
    assert (kept["topics"], kept["complete"]) == ([], True)


def test_says_that_a_topic_is_missing(found: Any, service: httpx.Client) -> None:
    """A name that no topic has is offered as missing, shown, sent, and can be taken back."""
    for name in ("G7", "Harbours"):
        found.focus("#add")
        found.keyboard.type(name)
        assert found.locator("#matches li").all_inner_texts() == [f"Say that “{name}” is missing"]
        found.keyboard.press("Enter")
    assert found.locator("#missing .chip").all_inner_texts() == ["G7 ×", "Harbours ×"]
    found.click("#missing .chip")
    found.keyboard.press("Escape")
    save(found)
    assert corrections(service)[-1]["missing"] == ["Harbours"]


def test_a_topic_by_its_own_name_is_never_missing(found: Any) -> None:
    found.keyboard.press("/")
    found.keyboard.type("weather")
    assert "missing" not in found.inner_text("#matches")


def test_an_example_is_shown_and_never_saved(desk: Any, service: httpx.Client) -> None:
    """The empty page offers one; what is decided on it teaches the model nothing."""
    before = len(corrections(service))
    desk.click("#example")
    desk.wait_for_selector("#given .topic")
    assert "not saved" in desk.inner_text("#example-note")
    assert desk.inner_text("#save-text") == "Next"
    desk.keyboard.press("a")
    save(desk)
    assert status(desk).startswith("The example is not saved.")
    assert len(corrections(service)) == before


def test_tells_what_a_topic_is(found: Any) -> None:
    """Its description, what it is a part of and its codes stand beside why it is given."""
    judge(found, "diplomacy", "accepted")
    assert found.inner_text("#about") == "Talks."
    assert found.inner_text("#place") == "Part of Conflict · medtop:20000638"


def test_bars_are_of_one_length(found: Any) -> None:
    """However long a topic's name is and however many codes it has."""
    found.keyboard.press("w")
    widths = found.locator(".topic .bar").evaluate_all("all => all.map((e) => e.getBoundingClientRect().width)")
    assert len(widths) == 3
    assert len(set(widths)) == 1


def test_nothing_short_of_certain_is_a_hundred_per_cent(desk: Any) -> None:
    find_topics(desk, "War, war and conflict", "Troops at war: conflict, ceasefire, war. " * 3)
    assert desk.inner_text("li[data-id='conflict'] .confidence").replace("\u00a0", " ").endswith(">99 %")
