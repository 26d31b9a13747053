"""What an editor does at the desk, and sees there."""

from typing import Any


def find_topics(page: Any, title: str, body: str) -> None:
    """Paste an article and ask for its topics."""
    if page.is_hidden("#writing"):
        page.keyboard.press("Escape")
        page.click("#edit")
    page.fill("#title", title)
    page.fill("#body", body)
    page.click("#find")
    page.wait_for_selector("#found:not([hidden])")


def given(page: Any) -> dict[str, bool]:
    """Return the names of the topics given, and whether each is taken."""
    rows = page.locator("#given .topic").all()
    return {row.locator(".name").evaluate("e => e.firstChild.data"): row.locator("input").is_checked() for row in rows}


def lit(page: Any) -> dict[str, list[str]]:
    """Return the words that are lit, by side, in the order in which they stand."""
    found: dict[str, list[str]] = page.evaluate("""() => {
      const sides = { for: [], against: [] };
      for (const [name, ranges] of CSS.highlights) {
        for (const range of ranges) sides[name.split("-")[0]].push(range);
      }
      const inOrder = (one, other) => one.compareBoundaryPoints(Range.START_TO_START, other);
      for (const side in sides) sides[side] = sides[side].sort(inOrder).map(String);
      return sides;
    }""")
    return found


def focus(page: Any, topic: str) -> None:
    """Focus a topic by its id, and wait until it is explained."""
    page.focus(f"li[data-id='{topic}'] input")
    page.wait_for_function("() => !document.querySelector('#why').textContent.includes('…')")


def status(page: Any) -> str:
    """Return what a screen reader was told last."""
    return str(page.inner_text("#status"))
