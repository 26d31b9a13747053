"""The desk as it is seen: dark, on a phone, from right to left, on paper, with a long article, without the internet."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Locked, OpenDesk
from tests.e2e.desk.page import find_topics, focus, lit

ARTICLES = Path(__file__).parents[2] / "data" / "articles.jsonl"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
PAGES = ("/", "/desk/changes.html", "/desk/drift.html")
MEASURE = """async () => {
  const tasks = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((one) => one.duration)));
  observer.observe({ type: "longtask" });
  let changes = 0;
  const watch = new MutationObserver((records) => (changes += records.length));
  const everything = { subtree: true, childList: true, attributes: true, characterData: true };
  watch.observe(document.querySelector("#text"), everything);
  const boxes = [...document.querySelectorAll("#given .box")];
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const took = [];
  for (let round = 0; round < 5; round++) {
    for (const box of boxes) {
      const begin = performance.now();
      box.focus({ preventScroll: true });
      const script = performance.now() - begin;
      await frame();
      took.push({ script, shown: performance.now() - begin });
    }
  }
  await frame();
  observer.disconnect();
  return { took, tasks, changes };
}"""


def long_article(words: int) -> str:
    """Return an article of so many words, put together from those we wrote, 60 to a paragraph."""
    bodies = [json.loads(line)["body"] for line in ARTICLES.read_text(encoding="utf-8").splitlines()]
    all_words = " ".join(bodies).split()[:words]
    return "\n\n".join(" ".join(all_words[at : at + 60]) for at in range(0, words, 60))


def test_an_article_of_five_thousand_words_stays_smooth(open_desk: OpenDesk, news_at: str) -> None:
    """Focusing a topic lights its words and changes nothing else of the text; `pytest -s` prints how long it takes."""
    desk = open_desk(news_at)
    find_topics(desk, "Troops, floods, votes and a football cup", long_article(5000))
    assert desk.locator("#given .box").count() > 1
    focus(desk, desk.get_attribute("#given li", "data-id"))
    assert len(lit(desk)["for"]) > 100
    measured = desk.evaluate(MEASURE)
    for name in ("script", "shown"):
        took = sorted(focused[name] for focused in measured["took"])
        figures = f"least {took[0]:.1f}, median {took[len(took) // 2]:.1f}, most {took[-1]:.1f}"
        print(f"\n{name}: {figures} ms of {len(took)}; long tasks: {measured['tasks']}")  # noqa: T201 - for pytest -s
    assert measured["changes"] == 0


@pytest.mark.parametrize("path", PAGES)
def test_fits_a_phone(open_desk: OpenDesk, desk_at: str, path: str) -> None:
    """Nothing is wider than the screen, and every button is large enough for a thumb."""
    page = open_desk(desk_at + path, **PHONE)
    if path == "/":
        find_topics(page, "War", "Troops at war: conflict, ceasefire, and an envoy at the summit.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    sizes = page.evaluate("""() => [...document.querySelectorAll("button, .topic, input[type=text]")]
      .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().height)""")
    assert min([*sizes, 24]) >= 24


@pytest.mark.parametrize("width", [900, 1100, 1600])
def test_fits_the_window(open_desk: OpenDesk, width: int) -> None:
    """The text and the list of topics scroll by themselves; save is always in sight."""
    desk = open_desk(viewport={"width": width, "height": 700})
    find_topics(desk, "War", "Troops at war: conflict, ceasefire.\n\n" * 200)
    desk.keyboard.press("w")
    assert desk.evaluate("document.documentElement.scrollHeight") <= 700
    assert desk.evaluate("document.querySelector('#save').getBoundingClientRect().bottom") <= 700


def test_a_low_window_shows_three_topics(open_desk: OpenDesk, news_at: str) -> None:
    """Rather than a bit of everything: what is below them is scrolled to, and save is in sight all the time."""
    desk = open_desk(news_at, viewport={"width": 1100, "height": 560})
    find_topics(desk, "Troops, floods, votes and a football cup", long_article(600))
    desk.keyboard.press("w")
    height = desk.evaluate("document.querySelector('#lists').clientHeight")
    assert height >= 3 * desk.evaluate("document.querySelector('.topic').offsetHeight")
    assert desk.evaluate("document.querySelector('#save').getBoundingClientRect().bottom") <= 560
    desk.focus("#why")
    assert desk.evaluate("document.querySelector('#found').scrollTop") > 0


def test_the_head_has_room_for_the_models_name(open_desk: OpenDesk, locked: Locked) -> None:
    """In a narrow window with an editor's name too; nothing is wider than the window."""
    desk = open_desk(locked.address, viewport={"width": 920, "height": 700})
    desk.fill("#key", locked.keys["anna"])
    desk.keyboard.press("Enter")
    desk.wait_for_selector("#model:not(:empty)")
    assert desk.evaluate("document.querySelector('#model').clientWidth") >= 160
    assert desk.evaluate("document.documentElement.scrollWidth") <= 920


def test_follows_the_colour_scheme(open_desk: OpenDesk) -> None:
    """Dark where the system is."""
    colour = "getComputedStyle(document.body).backgroundColor"
    light, dark = (open_desk(color_scheme=scheme).evaluate(colour) for scheme in ("light", "dark"))
    assert light == "rgb(243, 241, 236)"
    assert dark == "rgb(20, 21, 23)"


def test_reads_from_right_to_left(desk: Any) -> None:
    """Each paragraph by its own letters: Arabic starts at the right, English in between at the left."""
    find_topics(
        desk, "هدنة في المدينة", "غادرت القوات المدينة بعد الهدنة.\n\nTroops left the town after the ceasefire."
    )
    directions = desk.evaluate(
        "[...document.querySelectorAll('#text > *')].map((one) => getComputedStyle(one).direction)"
    )
    assert directions == ["rtl", "rtl", "ltr"]
    focus(desk, "conflict")
    assert lit(desk)["for"] == ["Troops", "ceasefire"]


def test_prints_the_article_and_its_topics_and_no_buttons(desk: Any) -> None:
    find_topics(desk, "War", "Troops at war: conflict, ceasefire.")
    desk.emulate_media(media="print")
    assert desk.is_visible("#text")
    assert desk.is_visible("#given .topic")
    assert desk.locator("button:not([role=checkbox]):visible").count() == 0


def test_words_of_an_article_are_never_markup(desk: Any) -> None:
    """Tags of any kind in title, text and file stay text, or vanish: nothing runs and nothing loads."""
    hostile = (
        "<img src=x onerror='window.ran=1'><script>window.ran=1</script><p onclick='x'>Troops at war &lt;b&gt;</p>"
    )
    find_topics(desk, "<b>War</b><img src=x onerror='window.ran=1'>", hostile)
    assert desk.inner_text("#text h3") == "<b>War</b><img src=x onerror='window.ran=1'>"
    assert desk.locator("#text img, #text script, #text b").count() == 0
    assert desk.evaluate("window.ran") is None


def test_scripts_from_elsewhere_and_inline_are_kept_out(chromium: Any, desk_at: str) -> None:
    """The policy in the headers refuses what an attacker would put into the page."""
    desk = chromium.new_page()
    desk.goto(desk_at)
    refused = desk.evaluate("""async () => {
      const refused = [];
      document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
      const script = document.createElement("script");
      try { script.text = "window.ran = 1"; } catch { refused.push("trusted-types"); }
      const image = new Image();
      image.src = "http://127.0.0.1:9/x.png";
      await fetch("http://127.0.0.1:9/").catch(() => {});
      for (let waits = 0; waits < 600 && new Set(refused).size < 3; waits++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return [...new Set(refused)].sort();
    }""")
    assert {"connect-src", "img-src", "trusted-types"} <= set(refused)
    assert desk.evaluate("window.ran") is None


def test_works_without_the_internet(open_desk: OpenDesk, desk_at: str) -> None:
    """With everything but the service blocked the desk is whole; `open_desk` checks that nothing else was asked."""
    desk = open_desk()
    desk.context.route(lambda url: not url.startswith(desk_at), lambda route: route.abort())
    desk.reload()
    find_topics(desk, "War", "Troops at war: conflict, ceasefire.")
    assert desk.locator("#given .topic").count() > 0
