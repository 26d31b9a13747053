"""What an editor does at the desk, and sees there."""

import json
from typing import Any

import httpx

VERDICTS = {"true": "accepted", "false": "rejected", "mixed": "not judged"}


def find_topics(page: Any, title: str, body: str) -> None:
    """Paste an article and ask for its topics."""
    if page.is_hidden("#writing"):
        page.click("#new")
    page.fill("#title", title)
    page.fill("#body", body)
    page.click("#find")
    page.wait_for_selector("#found:not([hidden])")


def given(page: Any) -> dict[str, str]:
    """Return the names of the topics in the article's list, each with what is decided on it."""
    rows = page.locator("#given .topic").all()
    return {
        row.locator(".name").evaluate("e => e.firstChild.data"): row.locator(".verdict").inner_text() for row in rows
    }


def judge(page: Any, topic: str, verdict: str) -> None:
    """Press a topic's box until it says this."""
    box = page.locator(f"#given li[data-id='{topic}'] .box")
    for _ in range(3):
        if VERDICTS[str(box.get_attribute("aria-checked"))] == verdict:
            return
        box.click()
    raise AssertionError(f"the box of {topic} never says {verdict}")


def corrections(service: httpx.Client) -> list[dict[str, Any]]:
    """Return all corrections in a service's ledger."""
    return [json.loads(line) for line in service.get("/v1/feedback/export").text.splitlines()]


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


def paste(page: Any, into: str, text: str, kind: str = "text/plain") -> bool:
    """Paste something into an element; return whether it is left to the browser."""
    left: bool = page.evaluate(
        """([selector, text, kind]) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData(kind, text);
          const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
          return document.querySelector(selector).dispatchEvent(event);
        }""",
        [into, text, kind],
    )
    return left


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
    page.focus(f"li[data-id='{topic}'] .box")
    page.wait_for_function("() => !document.querySelector('#why').textContent.includes('…')")


def status(page: Any) -> str:
    """Return what a screen reader was told last."""
    return str(page.inner_text("#status"))
