"""Take the README's pictures of the desk: `python -m tests.e2e.screenshots [FOLDER]`, docs/images if none is named.

The shipped model reads articles of tests/data that we wrote; the two reports show documents of `reports.py`.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from models.storage import SHIPPED, current
from service.app import create_app
from service.settings import Settings
from tests.conftest import running
from tests.e2e.desk import find_topics, focus
from tests.e2e.reports import CANDIDATE, CHANGES, CHANGES_PATH, DRIFT, DRIFT_PATH, answer

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
WIDE = {"width": 1200, "height": 780}
PHONE = {"width": 390, "height": 800}


def main() -> int:
    """Take all pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    model = SHIPPED / "news-en" / str(current(SHIPPED, "news-en"))
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        app = create_app(Settings(model=str(model), database_url=f"{place}/ledger.sqlite", access_log=False))
        browser = shutil.which(os.environ.get("CHROMIUM") or "chromium")
        chromium = started.chromium.launch(executable_path=browser)
        with running(app) as address:
            take(chromium, address, folder)
        chromium.close()
    return 0


def take(chromium: Browser, address: str, folder: Path) -> None:
    """Take the pictures of a running service."""
    desk(chromium, address, "light", WIDE).screenshot(path=folder / "desk.png")
    dark = desk(chromium, address, "dark", WIDE)
    dark.keyboard.press("w")
    focus(dark, "disaster")
    dark.screenshot(path=folder / "desk-dark.png")
    desk(chromium, address, "light", PHONE).screenshot(path=folder / "desk-phone.png")
    candidate = f"?version={CANDIDATE.partition('@')[2]}"
    reports = (("changes", CHANGES_PATH, CHANGES, candidate, 1030), ("drift", DRIFT_PATH, DRIFT, "", 924))
    for name, pattern, document, query, height in reports:
        page = open_page(chromium, "light", {"width": 1000, "height": 700})
        answer(page, pattern, document)
        page.goto(f"{address}/desk/{name}.html{query}")
        page.wait_for_selector("#report section")
        clip = {"x": 0, "y": 0, "width": 1000, "height": height}
        page.screenshot(path=folder / f"{name}.png", clip=clip, full_page=True)


def open_page(chromium: Browser, scheme: Any, viewport: Any) -> Any:
    """Open a window."""
    page = chromium.new_context(color_scheme=scheme, viewport=viewport).new_page()
    page.set_default_timeout(10_000)
    return page


def desk(chromium: Browser, address: str, scheme: Any, viewport: Any) -> Any:
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
    title, *paragraphs = (DATA / "web-article.txt").read_text(encoding="utf-8").splitlines()
    return title, "\n\n".join(paragraphs[: paragraphs.index("Lire aussi")])


if __name__ == "__main__":
    sys.exit(main())
