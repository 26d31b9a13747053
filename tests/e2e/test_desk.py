"""An editor's work at the desk: find topics, correct them, save, go on to the next."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.desk import find_topics, given, status

TITLE = "Envoy flies to the summit"
BODY = "Troops left the town after the ceasefire.\n\nMinisters spoke of war and conflict."


@pytest.fixture
def found(desk: Any) -> Any:
    """Return the desk with an article and its topics: Diplomacy sure, Conflict sure, Weather unsure."""
    find_topics(desk, TITLE, BODY)
    return desk


def corrections(service: httpx.Client) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.get("/v1/feedback/export").text.splitlines()]


def test_shows_topics_as_bars_with_a_word_a_code_and_cut_offs(desk: Any) -> None:
    """A row says how sure the model is in a word and a number, and marks where sure and likely begin."""
    find_topics(desk, "", "The storm brought rain and winds.")
    row = desk.locator("li[data-id='weather']")
    assert row.locator("b").inner_text() == "likely"
    assert row.locator(".code").inner_text() == "medtop:17000000"
    assert row.locator(".cut-off.suggest").evaluate("e => e.style.insetInlineStart") == "50%"
    assert row.locator(".cut-off.auto").count() == 0
    label = row.locator("input").get_attribute("aria-label").replace("\u00a0", " ")
    assert label.startswith("Weather; likely, ")
    assert label.endswith(" %; likely from 50 %, never sure; medtop:17000000")
    assert status(desk) == "1 topic: 1 likely."


def test_takes_what_is_sure_and_leaves_what_is_likely_to_the_editor(desk: Any) -> None:
    find_topics(
        desk, "Storm, rain and winds", "Troops at war over the conflict; ceasefire. The storm, the rain, heavy rain."
    )
    taken = given(desk)
    assert set(taken) == {"Conflict", "Weather"}
    assert not taken["Weather"]
    desk.keyboard.press("a")
    assert given(desk)["Weather"]
    assert status(desk) == "2 topics accepted."


def test_toggles_and_takes_it_back_by_keys(found: Any) -> None:
    """The first topic has the focus: space leaves it, U takes that back, and the arrows go from topic to topic."""
    before = given(found)
    first, second = list(before)[:2]
    found.keyboard.press(" ")
    assert given(found)[first] is not before[first]
    found.keyboard.press("ArrowDown")
    found.keyboard.press(" ")
    assert given(found)[second] is not before[second]
    found.keyboard.press("u")
    found.keyboard.press("Control+z")
    assert given(found) == before
    assert found.is_disabled("#undo")


@pytest.mark.parametrize("typed", ["wea", "17000000", "WEATHER"])
def test_adds_a_topic_by_typing(found: Any, typed: str) -> None:
    """A name or a code in part is enough; Enter takes the first, and its row has the focus."""
    found.keyboard.press("/")
    found.keyboard.type(typed)
    assert found.locator("#matches li").all_inner_texts() == ["Weather\nmedtop:17000000"]
    assert found.get_attribute("#add", "aria-activedescendant") == "match-weather"
    found.keyboard.press("Enter")
    assert given(found)["Weather"] is True
    assert found.evaluate("document.activeElement.closest('li').dataset.id") == "weather"
    found.keyboard.press("u")
    assert "Weather" not in given(found)


def test_the_list_of_topics_closes_and_opens_by_keys(found: Any) -> None:
    """The arrows open the list and go round in it, Escape closes it; a click takes a topic too."""
    found.focus("li[data-id='conflict'] input")
    found.keyboard.press(" ")
    found.focus("#add")
    found.keyboard.press("ArrowDown")
    assert found.locator("#matches li").count() == 2
    found.keyboard.press("ArrowUp")
    assert found.locator("#matches li[aria-selected=true]").inner_text().startswith("Weather")
    found.keyboard.press("Escape")
    assert found.is_hidden("#matches")
    assert found.get_attribute("#add", "aria-expanded") == "false"
    found.keyboard.type("conf")
    found.click("#matches li")
    assert given(found)["Conflict"] is True
    assert list(given(found)).count("Conflict") == 1


def test_save_keeps_what_was_accepted_rejected_and_added(found: Any, service: httpx.Client) -> None:
    """The correction is in the ledger, today's count rises, and the desk is ready for the next article."""
    before = service.get("/v1/feedback/counts").json()["all"]["corrections"]
    found.focus("li[data-id='diplomacy'] input")
    found.keyboard.press(" ")
    found.keyboard.press("/")
    found.keyboard.type("weather")
    found.keyboard.press("Enter")
    found.keyboard.press("Control+Enter")
    found.wait_for_selector("#writing:not([hidden])")
    assert status(found) == "Saved. The queue is empty: paste the next article."
    kept = corrections(service)[-1]
    assert kept["title"] == TITLE
    assert kept["body"] == BODY
    assert kept["model"] == "tiny@1"
    assert (kept["accepted"], kept["rejected"], kept["added"]) == (["conflict"], ["diplomacy"], ["weather"])
    assert kept["topics"] == ["conflict", "weather"]
    found.wait_for_function(f"() => document.querySelector('#today').textContent.includes('{before + 1} correction')")


def test_undo_opens_what_was_saved(found: Any, service: httpx.Client) -> None:
    """After a save undo brings the article back as it was decided; saved again it is another correction of it."""
    found.focus("li[data-id='conflict'] input")
    found.keyboard.press(" ")
    decided = given(found)
    found.click("#save")
    found.wait_for_selector("#writing:not([hidden])")
    found.focus("#take-next")
    found.keyboard.press("u")
    assert given(found) == decided
    assert status(found).startswith("Opened again.")
    found.click("li[data-id='conflict'] input")
    found.click("#save")
    found.wait_for_selector("#writing:not([hidden])")
    first, second = corrections(service)[-2:]
    assert first["id"] == second["id"]
    assert (first["topics"], second["topics"]) == (["diplomacy"], ["conflict", "diplomacy"])


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


def test_takes_articles_from_the_queue_least_certain_first(desk: Any, service: httpx.Client) -> None:
    """Save and next goes through the queue; at its end it says so."""
    service.post("/v1/queue", json={"id": "sure", "title": "Storm", "body": "Storm, rain and winds."})
    service.post(
        "/v1/queue", json={"id": "doubtful", "title": "Truce", "body_html": "<p>The ceasefire &amp; the town.</p>"}
    )
    desk.reload()
    desk.wait_for_selector("#waiting:not(:empty)")
    assert desk.inner_text("#take-next").split() == ["Next", "from", "the", "queue", "(2)"]
    desk.keyboard.press("n")
    desk.wait_for_selector("#found:not([hidden])")
    assert desk.locator("#text").inner_text().split("\n\n") == ["Truce", "The ceasefire & the town."]
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector("#text h3:text-is('Storm')")
    assert status(desk).startswith("Saved. ")
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector("#writing:not([hidden])")
    assert status(desk) == "Saved. The queue is empty: paste the next article."
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
    found.keyboard.press("e")
    assert found.input_value("#title") == TITLE
    assert found.input_value("#body") == BODY
    found.fill("#title", "Heavy rain")
    found.fill("#body", "The storm, the rain, the winds.")
    found.keyboard.press("Control+Enter")
    found.wait_for_selector("li[data-id='weather']")
    assert list(given(found)) == ["Weather"]


def test_says_what_is_wrong_in_plain_words(desk: Any) -> None:
    """No words, and no service: each is a sentence that says what to do, and the article stays."""
    desk.click("#find")
    desk.wait_for_selector("#trouble:not([hidden])")
    assert desk.inner_text("#trouble-detail").endswith("Paste its text and try again.")
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
    """The text has the focus, the others can be asked for, and saving says that no topic is right."""
    find_topics(desk, "", "Nothing of the kind.")
    assert desk.inner_text("#none") == "No topic reaches its cut-off."
    assert desk.inner_text("#warnings") == "This text is very short: nothing is sure."
    assert desk.evaluate("document.activeElement.id") == "text"
    desk.keyboard.press("w")
    assert desk.locator("#below .topic").count() == 3


def drop(page: Any, name: str, text: str) -> None:
    """Drop a file on the page."""
    page.evaluate(
        """([name, text]) => {
          const dataTransfer = new DataTransfer();
          if (name) dataTransfer.items.add(new File([text], name));
          else dataTransfer.setData("text/plain", text);
          for (const type of ["dragover", "drop"]) {
            document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
          }
        }""",
        [name, text],
    )


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


@pytest.mark.parametrize("text", ["Storm over the town\n\nThe rain.", "<h1>Storm over the town</h1><p>The rain.</p>"])
def test_reads_what_is_pasted_beside_the_fields(desk: Any, text: str) -> None:
    """It goes into the fields, to be looked at; within a field the browser pastes by itself."""
    pasted = """([selector, text]) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", text);
      const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
      return document.querySelector(selector).dispatchEvent(event);
    }"""
    assert desk.evaluate(pasted, ["#body", text]) is True
    assert desk.input_value("#title") == ""
    assert desk.evaluate(pasted, ["main", text]) is False
    assert desk.input_value("#title") == "Storm over the town"
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector("li[data-id='weather']")


def test_refuses_other_files(desk: Any) -> None:
    drop(desk, "storm.pdf", "%PDF")
    desk.wait_for_selector("#trouble:not([hidden])")
    assert desk.inner_text("#trouble-detail") == "Only .txt and .html files can be read here."
    assert desk.is_hidden("#again")


def test_shows_the_keys_and_lets_letters_be_turned_off(found: Any) -> None:
    """? lists every key; without letters, arrows and Ctrl still work. The choice is kept."""
    found.keyboard.press("?")
    assert found.locator("#keys-list tr").count() > 8
    found.uncheck("#letters")
    found.keyboard.press("Escape")
    found.focus("li[data-id='conflict'] input")
    found.keyboard.press("e")
    assert found.is_visible("#reading")
    found.reload()
    assert not found.is_checked("#letters")


def test_says_which_model_answers_and_how_old_it_is(desk: Any) -> None:
    """The tiny model's manifest has no day; what it has is shown."""
    desk.wait_for_selector("#model:not(:empty)")
    assert desk.inner_text("#model") == "tiny@1"
