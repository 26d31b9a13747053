"""An editor's work at the desk: find topics, correct them, save, go on to the next."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.desk.page import corrections, drop, find_topics, given, judge, paste, status

TITLE = "Envoy flies to the summit"
BODY = "Troops left the town after the ceasefire.\n\nMinisters spoke of war and conflict."


@pytest.fixture
def found(desk: Any) -> Any:
    """Return the desk with an article and its topics: Diplomacy sure, Conflict sure, Weather unsure."""
    find_topics(desk, TITLE, BODY)
    return desk


def test_shows_topics_as_bars_with_a_word_and_cut_offs(desk: Any) -> None:
    """A row says how sure the model is in a word and a number, and marks where sure and likely begin."""
    find_topics(desk, "", "The storm brought rain and winds.")
    row = desk.locator("li[data-id='weather']")
    assert row.locator("b").inner_text() == "likely"
    assert row.locator(".cut-off.suggest").evaluate("e => e.style.insetInlineStart") == "50%"
    assert row.locator(".cut-off.auto").count() == 0
    label = row.locator(".box").get_attribute("aria-label").replace("\u00a0", " ")
    assert label.startswith("Weather; not judged; likely, ")
    assert label.endswith(" %; likely from 50 %, never sure")
    assert status(desk) == "1 likely."


def test_every_topic_begins_as_not_judged(desk: Any) -> None:
    """What is sure and what is likely alike; A accepts all that is not judged, and leaves what is rejected."""
    find_topics(
        desk, "Storm, rain and winds", "Troops at war over the conflict; ceasefire. The storm, the rain, heavy rain."
    )
    assert given(desk) == {"Weather": "not judged", "Conflict": "not judged"}
    desk.keyboard.press(" ")
    desk.keyboard.press(" ")
    desk.keyboard.press("a")
    assert given(desk) == {"Weather": "rejected", "Conflict": "accepted"}
    assert status(desk) == "1 accepted, 1 rejected, 0 not judged."


@pytest.mark.parametrize("by", ["key", "click"])
def test_space_and_a_click_go_through_the_three_states(found: Any, by: str) -> None:
    """Not judged, accepted, rejected and not judged again; a mark, a word and the box's own state say so."""
    box = found.locator("li[data-id='conflict'] .box")
    seen = []
    for _ in range(4):
        seen.append((box.inner_text(), given(found)["Conflict"], box.get_attribute("aria-checked")))
        if by == "click":
            box.click()
        else:
            box.focus()
            found.keyboard.press(" ")
    not_judged = ("", "not judged", "mixed")  # a mark in it would be one of the bands' marks, as ○ is
    assert seen == [not_judged, ("✓", "accepted", "true"), ("✕", "rejected", "false"), not_judged]


def test_undo_takes_verdicts_back_by_keys(found: Any) -> None:
    """The first topic has the focus; the arrows go from topic to topic."""
    first, second = given(found)
    found.keyboard.press(" ")
    found.keyboard.press("ArrowDown")
    found.keyboard.press(" ")
    assert given(found) == {first: "accepted", second: "accepted"}
    found.keyboard.press("u")
    assert given(found) == {first: "accepted", second: "not judged"}
    found.keyboard.press("Control+z")
    assert given(found) == {first: "not judged", second: "not judged"}
    assert found.is_disabled("#undo")


@pytest.mark.parametrize(
    ("typed", "detail"), [("w", "Storms and heat."), ("17000000", "medtop:17000000"), ("WEATHER", "Storms and heat.")]
)
def test_adds_a_topic_by_typing(found: Any, typed: str, detail: str) -> None:
    """A name or a code in part is enough; Enter takes the first, and its row has the focus."""
    found.keyboard.press("/")
    found.keyboard.type(typed)
    assert found.locator("#matches li").all_inner_texts() == [f"Weather\n{detail}"]
    assert found.get_attribute("#add", "aria-activedescendant") == "match-weather"
    found.keyboard.press("Enter")
    assert given(found)["Weather"] == "accepted"
    assert found.evaluate("document.activeElement.closest('li').dataset.id") == "weather"
    found.keyboard.press("u")
    assert "Weather" not in given(found)


def test_the_list_of_topics_closes_and_opens_by_keys(found: Any) -> None:
    """The arrows open the list and go round in it, Escape closes it; a click takes a topic too."""
    found.focus("#add")
    found.keyboard.press("ArrowDown")
    assert found.locator("#matches li").count() == 3
    found.keyboard.press("ArrowUp")
    assert found.locator("#matches li[aria-selected=true]").inner_text().startswith("Weather")
    found.keyboard.press("Escape")
    assert found.is_hidden("#matches")
    assert found.get_attribute("#add", "aria-expanded") == "false"
    found.keyboard.type("conf")
    found.click("#matches li")
    assert given(found)["Conflict"] == "accepted"
    assert list(given(found)).count("Conflict") == 1


def test_what_was_added_is_taken_away_by_the_next_step(found: Any) -> None:
    """Also a topic whose "why not" was asked for; another row has the focus then."""
    found.keyboard.press("w")
    found.focus("li[data-id='weather'] .box")
    found.keyboard.press(" ")
    assert given(found)["Weather"] == "accepted"
    assert found.inner_text("#why-heading") == "You added Weather"
    found.click("#others summary")
    found.focus("#given li[data-id='weather'] .box")
    found.keyboard.press(" ")
    assert "Weather" not in given(found)
    assert found.evaluate("document.activeElement.closest('#given li') !== null")


def test_save_keeps_what_was_accepted_rejected_and_added(found: Any, service: httpx.Client) -> None:
    """The correction is in the ledger, today's count rises, and the desk is ready for the next article."""
    before = service.get("/v1/feedback/counts").json()["all"]["corrections"]
    judge(found, "diplomacy", "rejected")
    judge(found, "conflict", "accepted")
    found.keyboard.press("/")
    found.keyboard.type("weather")
    found.keyboard.press("Enter")
    found.keyboard.press("Control+Enter")
    found.wait_for_selector("#writing:not([hidden])")
    assert status(found) == "Saved. The queue is empty: paste an article, or drop a file."
    kept = corrections(service)[-1]
    assert kept["title"] == TITLE
    assert kept["body"] == BODY
    assert kept["model"] == "tiny@1"
    assert (kept["accepted"], kept["rejected"], kept["added"]) == (["conflict"], ["diplomacy"], ["weather"])
    assert kept["topics"] == ["conflict", "weather"]
    found.wait_for_function(f"() => document.querySelector('#today').textContent.includes('{before + 1} correction')")


def test_a_correction_whose_answer_was_lost_is_kept_once(found: Any, service: httpx.Client) -> None:
    """The desk says that nobody answered; trying again sends the same correction, not a second one."""
    before = len(corrections(service))

    def lose(route: Any) -> None:
        route.fetch()
        route.abort()

    found.route("**/v1/feedback", lose, times=1)
    found.click("#save")
    found.wait_for_selector("#trouble:not([hidden])")
    assert found.inner_text("#trouble-title") == "The service does not answer."
    assert len(corrections(service)) == before + 1
    found.click("#again")
    found.wait_for_selector("#writing:not([hidden])")
    assert len(corrections(service)) == before + 1


def test_a_service_that_never_answers_is_said_not_to(found: Any, service: httpx.Client) -> None:
    """After half a minute, which is made shorter here, once; the article stays, and is saved by the next try."""
    found.evaluate("""() => {
      const real = AbortSignal.timeout.bind(AbortSignal);
      AbortSignal.timeout = (milliseconds) => {
        AbortSignal.timeout = real;
        return real(milliseconds / 100);
      };
    }""")
    before = len(corrections(service))
    hung: list[Any] = []
    found.route("**/v1/feedback", lambda route: hung.append(route), times=1)
    found.click("#save")
    found.wait_for_selector("#trouble-title:text-is('The service does not answer.')")
    assert len(hung) == 1
    assert found.inner_text("#text h3") == TITLE
    found.click("#again")
    found.wait_for_selector("#writing:not([hidden])")
    assert len(corrections(service)) == before + 1


def test_an_answer_that_is_not_the_services_saves_nothing(found: Any) -> None:
    """As a network's page for signing in, which comes in the place of any other."""
    page = "<!doctype html><title>Sign in to the network</title>"
    found.route("**/v1/feedback", lambda route: route.fulfill(content_type="text/html", body=page), times=1)
    found.click("#save")
    found.wait_for_selector("#trouble-title:text-is('The service does not answer.')")
    assert found.is_visible("#reading")


def test_what_was_done_is_not_said_any_longer_after_the_next_step(found: Any) -> None:
    found.focus("#add")
    found.keyboard.type("Harbours")
    found.keyboard.press("Enter")
    assert status(found) == "“Harbours” noted as missing."
    found.focus("li[data-id='diplomacy'] .box")
    found.focus("li[data-id='conflict'] .box")
    assert status(found) == ""


def test_takes_articles_from_the_queue_least_certain_first(desk: Any, service: httpx.Client) -> None:
    """Save and next goes through the queue; at its end it says so."""
    service.post("/v1/queue", json={"id": "sure", "title": "Storm", "body": "Storm, rain and winds."})
    service.post(
        "/v1/queue", json={"id": "doubtful", "title": "Truce", "body_html": "<p>The ceasefire &amp; the town.</p>"}
    )
    desk.reload()
    desk.wait_for_selector("#take-next .waiting:not(:empty)")
    assert desk.inner_text("#take-next").split() == ["Next", "from", "the", "queue", "2"]
    desk.keyboard.press("n")
    desk.wait_for_selector("#found:not([hidden])")
    assert desk.locator("#text").inner_text().split("\n\n") == ["Truce", "The ceasefire & the town."]
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector("#text h3:text-is('Storm')")
    assert status(desk).startswith("Saved. ")
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector("#writing:not([hidden])")
    assert status(desk) == "Saved. Nothing judged. The queue is empty: paste an article, or drop a file."
    assert [one["id"] for one in corrections(service)[-2:]] == ["doubtful", "sure"]


def test_passes_an_article_of_the_queue_over(desk: Any, service: httpx.Client) -> None:
    """N goes on without saving."""
    for name in ("one", "two"):
        service.post("/v1/queue", json={"id": name, "title": name, "body": "rain " + name})
    titles: list[str] = []
    for _ in range(2):
        desk.keyboard.press("n")
        desk.wait_for_function(
            "t => ![...t, ''].includes(document.querySelector('#text h3')?.textContent ?? '')", arg=titles
        )
        titles.append(desk.inner_text("#text h3"))
    assert sorted(titles) == ["one", "two"]
    for name in ("one", "two"):
        sent = {"article": {"id": name, "body": "rain"}, "topics": [], "model": "tiny@1"}
        service.post("/v1/feedback", json=sent).raise_for_status()


def test_edits_the_article_and_asks_again(found: Any) -> None:
    """What was decided stands: what was accepted and is not given any more was added."""
    judge(found, "conflict", "accepted")
    found.keyboard.press("e")
    assert found.input_value("#title") == TITLE
    assert found.input_value("#body") == BODY
    found.fill("#title", "Heavy rain")
    found.fill("#body", "The storm, the rain, the winds.")
    found.keyboard.press("Control+Enter")
    found.wait_for_selector("li[data-id='weather']")
    assert given(found) == {"Weather": "not judged", "Conflict": "accepted"}


def test_says_what_is_wrong_in_plain_words(desk: Any) -> None:
    """No words, and no service: each is a sentence that says what to do, and the article stays."""
    desk.click("#find")
    desk.wait_for_selector("#trouble:not([hidden])")
    assert desk.inner_text("#trouble").startswith("There are no words in this article.")
    assert desk.is_hidden("#again")
    desk.fill("#body", "The storm and the rain.")
    desk.context.set_offline(True)
    desk.click("#find")
    desk.wait_for_selector("#trouble-title:text-is('The service does not answer.')")
    assert desk.input_value("#body") == "The storm and the rain."
    desk.context.set_offline(False)
    desk.click("#again")
    desk.wait_for_selector("li[data-id='weather']")
    assert desk.is_hidden("#trouble")


def test_says_that_it_reads_while_the_service_takes_its_time(desk: Any) -> None:
    """After a moment the panel is busy, and says so; then the topics are there."""
    waiting: list[Any] = []
    desk.route("**/v1/tag?*", lambda route: waiting.append(route), times=1)
    desk.fill("#body", "The storm and the rain.")
    desk.click("#find")
    desk.wait_for_selector("#loading:not([hidden])")
    assert status(desk) == "Reading …"
    assert desk.get_attribute("#panel", "aria-busy") == "true"
    waiting[0].continue_()
    desk.wait_for_selector("li[data-id='weather']")
    assert desk.get_attribute("#panel", "aria-busy") is None


def test_says_when_no_topic_reaches_its_cut_off(desk: Any) -> None:
    """The text has the focus, and the others can be asked for."""
    find_topics(desk, "", "Nothing of the kind.")
    assert desk.inner_text("#none") == "No topic reaches its cut-off."
    assert desk.inner_text("#warnings") == "This text is very short. Nothing is sure here."
    assert desk.evaluate("document.activeElement.id") == "text"
    desk.keyboard.press("w")
    assert desk.locator("#below .topic").count() == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("storm.txt", "Storm over the town\r\n\r\nThe rain came."),
        ("storm.html", "<title>x</title><h1>Storm over\n the town</h1><p>The rain came.</p>"),
        ("", "Storm over the town\n\nThe rain came."),
    ],
)
def test_reads_what_is_dropped(desk: Any, name: str, text: str) -> None:
    """A text's first paragraph, if it is a line, is the title; a page's is its heading. Topics come at once."""
    drop(desk, name, text)
    desk.wait_for_selector("li[data-id='weather']")
    assert desk.inner_text("#text h3").startswith("Storm over the town")
    assert desk.locator("#text p").last.inner_text() == "The rain came."
    assert desk.is_hidden("#drop")


def test_reads_a_file_that_is_chosen(desk: Any, tmp_path: Path) -> None:
    path = tmp_path / "storm.txt"
    path.write_text("The storm and the rain.")
    desk.set_input_files("#file", path)
    desk.wait_for_selector("li[data-id='weather']")


def test_reads_what_is_pasted_beside_the_fields(desk: Any) -> None:
    """It goes into the fields, to be looked at; within a field the browser pastes by itself."""
    text = "Storm over the town\n\nThe rain."
    assert paste(desk, "#body", text) is True
    assert desk.input_value("#title") == ""
    assert paste(desk, "main", text) is False
    assert desk.input_value("#title") == "Storm over the town"
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector("li[data-id='weather']")


@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
@pytest.mark.parametrize("into", ["main", "#body"])
def test_html_that_is_pasted_keeps_its_title(desk: Any, into: str, kind: str) -> None:
    """Its heading becomes the title, and is not in the body too; headings and lists below it look like such."""
    html = "<h1>Storm over\n the town</h1><p>The rain.</p><h2>Roads</h2><ul><li><p>closed</p></li><li>open</li></ul>"
    assert paste(desk, into, html, kind) is False
    assert desk.input_value("#title") == "Storm over the town"
    assert "Storm" not in desk.input_value("#body")
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector("#text h3")
    classes = desk.locator("#text p").evaluate_all("all => all.map((e) => [e.textContent, e.className])")
    assert classes == [["The rain.", ""], ["Roads", "heading"], ["closed", "item"], ["open", "item"]]


def test_html_pasted_into_a_body_with_text_is_pasted_by_the_browser(desk: Any) -> None:
    desk.fill("#body", "The storm.")
    assert paste(desk, "#body", "<h1>Storm</h1><p>The rain.</p>") is True
    assert desk.input_value("#title") == ""


def test_refuses_other_files(desk: Any) -> None:
    drop(desk, "storm.pdf", "%PDF")
    desk.wait_for_selector("#trouble:not([hidden])")
    assert desk.inner_text("#trouble-detail") == "Only .txt and .html files can be read here."
    assert desk.is_hidden("#again")


def test_shows_the_shortcuts_and_lets_letters_be_turned_off(found: Any) -> None:
    """? lists every key; without letters, arrows and Ctrl still work. The choice is kept."""
    found.keyboard.press("?")
    assert found.locator("#keys-list tr").count() > 8
    found.uncheck("#letters")
    found.keyboard.press("Escape")
    found.focus("li[data-id='conflict'] .box")
    found.keyboard.press("e")
    assert found.is_visible("#reading")
    found.reload()
    assert not found.is_checked("#letters")


def test_says_which_model_answers_and_how_old_it_is(desk: Any) -> None:
    """The tiny model's manifest has no day; what it has is shown."""
    desk.wait_for_selector("#model:not(:empty)")
    assert desk.inner_text("#model") == "tiny@1"
