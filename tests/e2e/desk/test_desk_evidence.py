"""The words of the focused topic, lit in the article and listed beside it; and why a topic is not given."""

import re
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import OpenDesk
from tests.e2e.desk.page import find_topics, focus, lit

TITLE = "Envoy flies to the summit"
BODY = "Troops left the town after the ceasefire.\n\nMinisters spoke of war and conflict."
HTML = (
    "<p>Tro<b>ops</b> &amp; caf&eacute;s: 𝒜 ceasefire&nbsp;held.</p><!-- war --><script>war()</script>"
    "<ul><li>The storm &mdash; heavy\n rain.</li></ul>"
)


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("conflict", {"for": ["Troops", "ceasefire", "war", "conflict"], "against": []}),
        ("diplomacy", {"for": ["Envoy", "summit", "ceasefire", "Ministers", "conflict"], "against": []}),
        ("weather", {"for": [], "against": ["Envoy", "summit", "Troops", "ceasefire", "Ministers", "war", "conflict"]}),
    ],
)
def test_lights_exactly_the_words_of_the_focused_topic(desk: Any, topic: str, expected: dict[str, list[str]]) -> None:
    """Those that add a tenth of the strongest or more, for and against, where they stand, title and body."""
    find_topics(desk, TITLE, BODY)
    desk.keyboard.press("w")
    focus(desk, topic)
    assert lit(desk) == expected
    assert desk.locator("#why-heading").inner_text().lower() in {f"why {topic}?", f"why not {topic}?"}


def test_lights_words_of_html_where_they_stand(desk: Any) -> None:
    """Inside tags, after entities and after letters beyond the basic plane; comments and scripts are not shown."""
    find_topics(desk, "", HTML)
    desk.keyboard.press("w")
    focus(desk, "conflict")
    assert lit(desk) == {"for": ["Tro", "ops", "ceasefire"], "against": ["storm", "rain"]}
    paragraphs = desk.locator("#text p").all_inner_texts()
    assert paragraphs == ["Troops & cafés: 𝒜 ceasefire\u00a0held.", "The storm — heavy rain."]


def test_lights_words_after_wide_letters_of_plain_text(desk: Any) -> None:
    """Offsets are code points there, and UTF-16 units here."""
    find_topics(desk, "𝒜𝒜 war", "😀😀 the ceasefire 😀 held. Troops!")
    focus(desk, "conflict")
    assert lit(desk)["for"] == ["war", "ceasefire", "Troops"]


def test_for_and_against_differ_by_more_than_colour(desk: Any) -> None:
    """Words for are underlined in full, words against by a wave, in the text as in the legend."""
    style = """([selector, part]) => {
      const style = getComputedStyle(document.querySelector(selector), part);
      return [style.textDecorationLine, style.textDecorationStyle];
    }"""
    for side, line in (("for", "solid"), ("against", "wavy")):
        assert desk.evaluate(style, [f"#legend .{side}", None]) == ["underline", line]
        for level in (1, 2, 3):
            assert desk.evaluate(style, ["#text", f"::highlight({side}-{level})"]) == ["underline", line]


def test_says_why_a_topic_is_given(desk: Any) -> None:
    """How far it is above its cut-off, the words, and the sum of the score."""
    find_topics(desk, TITLE, BODY)
    focus(desk, "conflict")
    assert desk.inner_text("#distance").replace("\u00a0", " ").endswith("above the cut-off for “sure” at 90 %.")
    assert desk.locator("#words-for bdi").all_inner_texts() == ["ceasefire", "war", "conflict", "troops", "envoy"]
    assert desk.inner_text("#words-against") == "no word"
    assert desk.inner_text("#sum").startswith("Baseline −1.50, for +")


def test_says_why_a_topic_is_not_given(desk: Any) -> None:
    """How far it is from the cut-off and the words that pulled each way; its score reaches it or not."""
    find_topics(desk, "", "The storm came after the ceasefire was signed, and troops left; heavy rain and winds.")
    desk.keyboard.press("w")
    focus(desk, "diplomacy")
    assert desk.inner_text("#why-heading") == "Why not Diplomacy?"
    assert "short of the cut-off at 50" in desk.inner_text("#distance")
    assert desk.locator("#words-for bdi").all_inner_texts() == ["ceasefire"]
    assert desk.locator("#words-against bdi").all_inner_texts() == ["storm", "heavy rain", "rain", "winds"]
    assert desk.inner_text("#sum").endswith("the cut-off is at +0.00.")


def test_shown_weights_add_up_to_the_score(desk: Any, service: httpx.Client) -> None:
    find_topics(desk, TITLE, BODY)
    focus(desk, "conflict")
    (sent,) = [
        one
        for one in service.post("/v1/tag?explain=true", json={"title": TITLE, "body": BODY}).json()["topics"]
        if one["id"] == "conflict"
    ]
    assert f"score +{sent['score']:.2f}; the cut-off is at +0.00" in desk.inner_text("#sum")


def test_a_topic_focused_far_away_brings_its_words_into_sight(desk: Any) -> None:
    """The text scrolls to the first word that is lit, and not where one is in sight already."""
    filler = "\n\n".join(["Nothing of that kind was said here."] * 150)
    find_topics(
        desk,
        "War and ceasefire",
        f"Troops at war: conflict.\n\n{filler}\n\nThe storm, the rain, heavy rain, the winds.",
    )
    assert desk.evaluate("document.querySelector('#text').scrollTop") == 0
    focus(desk, "weather")
    assert desk.evaluate("document.querySelector('#text').scrollTop") > 1000


def test_the_focused_topic_stays_in_sight(open_desk: OpenDesk, news_at: str) -> None:
    """Also far down among the topics that are not given, when its words arrive and take room from the list."""
    desk = open_desk(news_at)
    find_topics(desk, TITLE, BODY)
    desk.keyboard.press("w")
    for _ in range(12):
        desk.keyboard.press("ArrowDown")
    desk.wait_for_function("() => !document.querySelector('#why').textContent.includes('…')")
    inside = desk.evaluate("""() => {
      const row = document.querySelector(".topic.active").getBoundingClientRect();
      const list = document.querySelector("#lists").getBoundingClientRect();
      return row.top >= list.top - 1 && row.bottom <= list.bottom + 1;
    }""")
    assert inside


def test_an_article_too_long_to_explain_is_tagged_all_the_same(open_desk: OpenDesk, news_at: str) -> None:
    desk = open_desk(news_at)
    find_topics(desk, "Troops fight on", "The army shelled the town and soldiers were killed. " * 1100)
    assert desk.inner_text("#warnings") == "This article is too long to explain: its topics come without words."
    assert desk.locator("#given .topic").count() > 0
    assert desk.is_hidden("#others")


def test_function_words_are_no_evidence(open_desk: OpenDesk, news_at: str) -> None:
    """They are neither lit nor listed: what they add is one sum, and with it the figures add up exactly."""
    desk = open_desk(news_at)
    find_topics(
        desk, "Envoy flies to the summit", "The troops of the town and the rebels agreed to a truce in the war."
    )
    focus(desk, str(desk.get_attribute("#given li", "data-id")))
    words = {word.lower() for side in lit(desk).values() for stretch in side for word in stretch.split()}
    assert words
    assert words.isdisjoint({"the", "of", "and", "to", "a", "in"})
    listed = desk.locator("#words bdi").all_inner_texts()
    assert set(listed).isdisjoint({"the", "of", "and", "to", "of the", "in the", "to a"})
    assert desk.locator("#words .common").inner_text().startswith("common words")
    figures = desk.inner_text("#sum").replace("−", "-").split(";")[0].rstrip(".")
    *parts, score = [round(float(figure) * 100) for figure in re.findall(r"[+-]\d+\.\d\d", figures)]
    assert len(parts) == 4
    assert sum(parts) == score
