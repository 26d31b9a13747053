"""The desk in another language than English."""

from typing import Any

import pytest

from tests.e2e.conftest import OpenDesk
from tests.e2e.desk.page import find_topics

LANGUAGES = ["de"]
TEXTS = """async (code) => (await import(`/desk/languages/${code}.js`)).default"""
TITLE = "Envoy flies to the summit"
BODY = "Troops left the town after the ceasefire.\n\nMinisters spoke of war and conflict."


def texts(page: Any, code: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(TEXTS, code)
    return found


def named(template: str | dict[str, str]) -> list[set[str]]:
    """Return the values that each form of a text names."""
    forms = template.values() if isinstance(template, dict) else [template]
    return [{part.split("}")[0] for part in form.split("{")[1:]} for form in forms]


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_has_the_keys_of_english(desk: Any, code: str) -> None:
    """No text is missing and none is left over; each names the same values."""
    english, other = texts(desk, "en"), texts(desk, code)
    assert list(other) == list(english)
    for key in english:
        values = set.union(*named(english[key]))
        assert set.union(*named(other[key])) <= values, key


def test_speaks_the_language_of_the_browser(open_desk: OpenDesk) -> None:
    """Texts, numbers and the page's own language; another one can be chosen, and is kept."""
    page = open_desk(locale="de-AT")
    assert page.get_attribute("html", "lang") == "de"
    find_topics(page, TITLE, BODY)
    assert page.inner_text("#why-heading") == "Warum Conflict?"
    assert "Grundwert −1,50" in page.inner_text("#sum")
    page.select_option("#language", "en")
    page.wait_for_selector("html[lang=en]")
    page.reload()
    assert page.inner_text("#find").startswith("Find topics")


def test_a_language_that_it_does_not_have_is_english(open_desk: OpenDesk) -> None:
    page = open_desk(locale="fi-FI")
    assert page.get_attribute("html", "lang") == "en"


def test_a_text_that_a_language_lacks_is_said_in_english(open_desk: OpenDesk) -> None:
    page = open_desk(locale="de-DE")
    few = 'export default { "article.find": "Themen finden" };'
    page.route("**/desk/languages/de.js", lambda route: route.fulfill(content_type="text/javascript", body=few))
    page.reload()
    assert page.inner_text("#find").startswith("Themen finden")
    assert page.inner_text("#take-next").startswith("Next from the queue")


def test_every_text_that_a_page_asks_for_is_there(desk: Any, desk_at: str) -> None:
    """On all three pages: no key is shown in place of a text."""
    english = texts(desk, "en")
    attributes = "all => all.flatMap((e) => [e.dataset.text, e.dataset.label, e.dataset.placeholder].filter(Boolean))"
    for path in ("/", "/desk/changes.html", "/desk/drift.html"):
        desk.goto(desk_at + path)
        asked = desk.locator("[data-text], [data-label], [data-placeholder]").evaluate_all(attributes)
        assert asked
        assert set(asked) <= set(english)
