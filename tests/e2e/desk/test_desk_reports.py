"""The desk's reports: what a candidate changed, and drift."""

import copy
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from tagdesk.service.schemas.changes import ChangesOut
from tagdesk.service.schemas.drift import DriftOut
from tests.e2e.conftest import OpenDesk
from tests.e2e.reports import CHANGES, CHANGES_PATH, DRIFT, DRIFT_PATH


@pytest.mark.parametrize(("answer", "document"), [(ChangesOut, CHANGES), (DriftOut, DRIFT)])
def test_the_documents_shown_here_are_what_the_service_answers(answer: type[BaseModel], document: Any) -> None:
    """No field is missing and none is left over; the others in this file could not fail otherwise."""
    answer.model_validate(document, extra="forbid")


def texts(page: Any, selector: str) -> list[str]:
    return [text.replace("\u00a0", " ") for text in page.locator(selector).all_inner_texts()]


@pytest.fixture
def changes(open_desk: OpenDesk, news_at: str) -> Any:
    """Return the page of a candidate that was refused."""
    page = open_desk(f"{news_at}/desk/changes.html?version=2026.12.01-5b0c92aa", {CHANGES_PATH: CHANGES})
    page.wait_for_selector("#report section")
    return page


def test_says_what_the_gate_decided_and_why(changes: Any) -> None:
    assert texts(changes, ".decision p") == ["Refused The current model stays."]
    assert texts(changes, ".decision li") == ["religion fell by 6.1 points (95 % interval −10.2 to −2.0)"]
    assert "Micro-F1 0.812 → 0.826 on 800 test articles: +1.4 points" in changes.inner_text("#report")


def test_lists_topics_from_the_one_that_fell_most(changes: Any) -> None:
    """With both figures, the difference in points and its interval."""
    rows = texts(changes, "[aria-label='F1 of each topic on the test set'] tbody tr")
    assert rows[0].split("\t")[:5] == ["Religion", "0.790", "0.729", "−6.1", "−10.2 to −2.0"]
    assert [row.split("\t")[0] for row in rows][-1] == "Sport"


def test_shows_topics_gained_and_lost(changes: Any) -> None:
    """Most moved first; a topic that did not move is left out."""
    rows = texts(changes, "[aria-label='Articles that gained or lost a topic'] tbody tr")
    assert rows[0].split() == ["Sport", "4", "61"]
    assert not any(row.startswith("Weather") for row in rows)


def test_lists_the_ten_articles_that_matter(changes: Any) -> None:
    """By title, or by id where no title was kept."""
    rows = texts(changes, "[aria-label='Articles on which the two are furthest apart'] tbody tr")
    assert len(rows) == 10
    assert rows[0].split("\t") == ["Hexbury rowers sweep the lake regatta", "+ Sport", "12 %", "91 %"]
    assert rows[8].split("\t")[:2] == ["a-9", "− Religion"]


def test_says_what_each_editors_corrections_achieved(changes: Any) -> None:
    lines = texts(changes, ".achieved li")
    assert lines[0].startswith("anna: 14 corrections to Sport removed 11 errors.")
    assert lines[2].startswith("Somebody: 2 corrections to Religion added 1 error.")
    assert lines[3].startswith("anna: 1 correction to Energy changed no error.")


def test_says_whose_corrections_the_rest_contradict(changes: Any) -> None:
    """Who stands out is marked in words, not by weight or colour alone."""
    rows = texts(changes, "[aria-label='Verdicts of each editor that the rest contradict'] tbody tr")
    assert [row.rstrip().split("\t") for row in rows] == [
        ["jonas", "all", "140", "18 (13 %)", "11 %"],
        ["anna", "Religion", "21", "19 (90 %)", "12 %", "look at these"],
    ]


def test_lists_the_words_that_moved(changes: Any) -> None:
    """The first topic is open, the others open by a key; a topic without any is left out."""
    assert (
        texts(changes, "details[open] .words li")[0] == "rowers +0.02 → +1.31"
        or "rowers" in texts(changes, "details[open] .words li")[0]
    )
    assert changes.locator("section > details").count() == 2


def test_says_so_where_nothing_is_known_of_a_version(open_desk: OpenDesk, news_at: str) -> None:
    page = open_desk(f"{news_at}/desk/changes.html?version=other")
    page.wait_for_selector("#report .nothing")
    assert page.inner_text("#report h2") == "Nothing is known of what other changed"


def test_a_first_visit_asks_for_nothing_that_is_not_there(open_desk: OpenDesk, news_at: str) -> None:
    """Before any retraining the page says that there is nothing yet; no request is answered by an error."""
    page = open_desk(f"{news_at}/desk/drift.html")
    answers: list[int] = []
    page.on("response", lambda response: answers.append(response.status))
    page.goto(f"{news_at}/desk/changes.html")
    page.wait_for_selector("#report .nothing")
    assert page.inner_text("#report h2") == "Nothing to compare yet"
    assert max(answers) < 400


@pytest.mark.parametrize(("decision", "says"), [("promoted", "Promoted"), ("forced", "Forced")])
def test_tells_the_decisions_apart(open_desk: OpenDesk, news_at: str, decision: str, says: str) -> None:
    document = copy.deepcopy(CHANGES)
    document["gate"].update(decision=decision, reasons=[])
    page = open_desk(f"{news_at}/desk/changes.html?version=2026.12.01-5b0c92aa", {CHANGES_PATH: document})
    page.wait_for_selector(f".decision.{decision}")
    assert page.inner_text(".decision strong") == says


def test_shows_a_candidate_that_changes_nothing(open_desk: OpenDesk, news_at: str) -> None:
    """Without words, articles, editors and a gate the page is short, and whole."""
    empty = {**CHANGES, "topics": [], "strongest": [], "words": [], "editors": [], "contradicted": [], "gate": None}
    page = open_desk(f"{news_at}/desk/changes.html?version=2026.12.01-5b0c92aa", {CHANGES_PATH: empty})
    page.wait_for_selector("#report section")
    assert "No article has other topics." in page.inner_text("#report")


@pytest.fixture
def drift(open_desk: OpenDesk, news_at: str) -> Any:
    """Return the page of drift over twelve weeks."""
    page = open_desk(f"{news_at}/desk/drift.html", {DRIFT_PATH: DRIFT})
    page.wait_for_selector("#report section")
    return page


def test_plots_have_a_title_a_sentence_and_their_numbers(drift: Any) -> None:
    """What a plot shows is also text and a table."""
    plot = drift.locator("figure svg").nth(1)
    assert plot.locator("title").text_content() == "Unknown words"
    says = "Of corrected articles the model does not know 9\u00a0% of the words (latest)."
    assert plot.locator("desc").text_content() == says
    figure = drift.locator("figure").nth(1)
    figure.locator("summary").click()
    rows = figure.locator("tbody tr")
    assert rows.count() == 12
    assert rows.first.inner_text() == "7 Sept\t–"
    assert rows.last.inner_text() == "23 Nov\t9\u00a0%"


def test_a_week_without_corrections_is_a_gap(drift: Any) -> None:
    """The line begins where there is something to show: eleven dots, one stroke."""
    plot = drift.locator("figure svg").nth(1)
    assert plot.locator("circle").count() == 11
    assert plot.locator("path.line").get_attribute("d").count("M") == 1


def test_topics_come_by_how_often_they_are_given(drift: Any) -> None:
    """Those without any correction are named in a line."""
    names = drift.evaluate("[...document.querySelectorAll('figcaption')].map((one) => one.firstChild.data)")
    assert names[:2] == ["Corrections", "Unknown words"]
    assert len(names) == 8
    assert "No correction has any of these: Weather, Lifestyle." in drift.inner_text("#report").replace(
        "and leisure", ""
    )


def test_lists_topics_that_editors_miss(drift: Any) -> None:
    items = texts(drift, ".achieved li")
    assert items == ["Rowing 4 articles", "Harbours 1 article"]


def test_lines_at_one_place_are_both_seen(drift: Any) -> None:
    """The marks of one line are frames, in which the dots of the other are seen."""
    fills = drift.locator("figure rect.frame").evaluate_all("all => all.map((e) => getComputedStyle(e).fill)")
    assert fills
    assert set(fills) == {"none"}


def test_lists_new_words_of_this_week(drift: Any) -> None:
    assert texts(drift, ".new-words li b") == ["Sport", "Conflict"]
    assert texts(drift, ".word")[0] == "brandvik 7 articles"


@pytest.mark.parametrize("document", [None, {**DRIFT, "corrections": [0] * 12}])
def test_says_so_where_there_is_no_drift_yet(open_desk: OpenDesk, news_at: str, document: Any) -> None:
    page = open_desk(f"{news_at}/desk/drift.html", {DRIFT_PATH: document})
    page.wait_for_selector("#report .nothing")
    assert page.inner_text("#report h2") == "Nothing yet"


def test_says_what_is_wrong_and_tries_again(open_desk: OpenDesk, news_at: str) -> None:
    """A service that is gone is a sentence and a button, and the page comes when it is back."""
    page = open_desk(f"{news_at}/desk/drift.html", {DRIFT_PATH: DRIFT})
    page.wait_for_selector("#report section")
    page.route("**/v1/topics?*", lambda route: route.abort(), times=1)
    page.reload()
    page.wait_for_selector("#trouble:not([hidden])")
    page.click("#again")
    page.wait_for_selector("#report section")
    assert page.is_hidden("#trouble")


def test_shows_what_the_ledger_has(open_desk: OpenDesk, desk_at: str, service: httpx.Client) -> None:
    """Without anything in its place the service itself answers: corrections of now are in the latest week."""
    article = {"id": "d-1", "body": "Troops at war in Dunmarrow."}
    for accepted, rejected in ((["conflict"], []), ([], ["conflict"])):
        verdict = {"accepted": accepted, "rejected": rejected, "missing": ["Harbours"]}
        sent = {"article": article, "model": "tiny@1"} | verdict
        service.post("/v1/feedback", json=sent).raise_for_status()
    page = open_desk(f"{desk_at}/desk/drift.html")
    page.wait_for_selector("#report section")
    assert "2 corrections in 12 weeks; 2 in the latest." in page.inner_text("#report")
    assert "Conflict" in page.inner_text("#report")
    assert texts(page, ".achieved li") == ["Harbours 1 article"]
    page.goto(f"{desk_at}/desk/changes.html")
    page.wait_for_selector("#report .nothing")
