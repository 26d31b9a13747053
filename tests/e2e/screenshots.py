"""Take the README's pictures of the desk: `python -m tests.e2e.screenshots [FOLDER]`, docs/images if none is named.

`--states` takes a picture of every state of the desk instead, to be looked at by whoever changes it.

All are of the real service, and every text in them is ours. The desk shows an article of tests/data; drift and changes
show what `demonstration.py` did: corrections made by a script over HTTP, their days (`received` alone) spread over
twelve weeks afterwards, and a real retraining on them with the gate's verdict, whichever it is.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.demonstration import ROOT, Demonstration, demonstration
from tests.e2e.desk.page import find_topics, focus
from tests.e2e.desk.states import take_states
from tests.waiting import PATIENCE

ARTICLE = ROOT / "tests" / "data" / "web-article.txt"
WIDE = {"width": 1200, "height": 780}
TALL = {"width": 1200, "height": 850}
PHONE = {"width": 390, "height": 800}
REPORT = {"width": 1000, "height": 700}
MARGIN = 12  # less than the gap to the next row of plots
LAST_PLOT = "#report section:nth-of-type(3) .plots > :nth-child(6)"
LAST_TABLE = "#report section:nth-of-type(2)"


def main() -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--states", action="store_true", help="take a picture of every state of the desk")
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    browser = shutil.which(os.environ.get("CHROMIUM") or "chromium")
    with (
        tempfile.TemporaryDirectory() as place,
        demonstration(Path(place)) as running,
        sync_playwright() as started,
    ):
        chromium = started.chromium.launch(executable_path=browser)
        if options.states:
            take_states(chromium, running.address, folder)
        else:
            take_desk(chromium, running.address, folder)
            take_reports(chromium, running, folder)
        chromium.close()
    return 0


def take_desk(chromium: Browser, address: str, folder: Path) -> None:
    """Take the pictures of the desk: light, dark, and on a phone."""
    desk(chromium, address, "light", WIDE).screenshot(path=folder / "desk.png")
    dark = desk(chromium, address, "dark", TALL)
    dark.keyboard.press("w")
    focus(dark, str(dark.locator("#below .topic").first.get_attribute("data-id")))
    dark.screenshot(path=folder / "desk-dark.png")
    desk(chromium, address, "light", PHONE).screenshot(path=folder / "desk-phone.png")


def take_reports(chromium: Browser, running: Demonstration, folder: Path) -> None:
    """Correct articles and take the picture of the drift; retrain and take that of what changed."""
    running.correct()
    running.spread()
    take_report(chromium, f"{running.address}/desk/drift.html", LAST_PLOT, folder / "drift.png")
    version = running.retrain()
    take_report(chromium, f"{running.address}/desk/changes.html?version={version}", LAST_TABLE, folder / "changes.png")


def take_report(chromium: Browser, address: str, last: str, path: Path) -> None:
    """Take the picture of a report's page, from its top to below the last element that is to be seen whole."""
    page = open_page(chromium, "light", REPORT)
    page.goto(address)
    box = page.locator(last).bounding_box()
    assert box is not None
    height = box["y"] + box["height"] + MARGIN
    page.screenshot(path=path, clip={"x": 0, "y": 0, "width": REPORT["width"], "height": height}, full_page=True)


def open_page(chromium: Browser, scheme: Any, viewport: Any) -> Page:
    """Open a window."""
    page = chromium.new_context(color_scheme=scheme, viewport=viewport).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    return page


def desk(chromium: Browser, address: str, scheme: Any, viewport: Any) -> Page:
    """Open the desk with an article of ours and its first topic in focus."""
    page = open_page(chromium, scheme, viewport)
    page.goto(address)
    page.wait_for_selector("#model:not(:empty)")
    title, body = article()
    find_topics(page, title, body)
    page.keyboard.press("ArrowUp")
    return page


def article() -> tuple[str, str]:
    """Return title and body of the article that the pictures show, without the list of links of its site."""
    title, *paragraphs = ARTICLE.read_text(encoding="utf-8").splitlines()
    return title, "\n\n".join(paragraphs[: paragraphs.index("Lire aussi")])


if __name__ == "__main__":
    sys.exit(main())
