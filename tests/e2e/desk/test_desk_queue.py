"""The list of the queue at the desk: what waits, how much of it, who has it; any one of it opened."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.e2e.conftest import OpenDesk
from tests.e2e.desk.page import status

ARTICLES = {
    "storm": ("Storm over the town", "Storm, rain and winds."),
    "truce": ("", "The ceasefire and the town."),
    "summit": ("Envoy flies to the summit", "Ministers met."),
}


@pytest.fixture
def queue_at(tiny_settings: Settings, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Return the address of a service with three articles in its queue, and the keys of two editors."""
    made = {name: new_key(name, ["tag", "feedback"], "2026-11-24") for name in ("anna", "jonas")}
    (tmp_path / "keys.json").write_bytes(keys_json(key for key, _ in made.values()))
    database = str(tmp_path / "ledger.sqlite")
    app = create_app(
        replace(tiny_settings, keys_file=str(tmp_path / "keys.json"), database_url=database, access_log=False)
    )
    tokens = {name: token for name, (_, token) in made.items()}
    with running(app) as address:
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {tokens['jonas']}"}) as jonas:
            for name, (title, body) in ARTICLES.items():
                jonas.post("/v1/queue", json={"id": name, "title": title, "body": body}).raise_for_status()
            jonas.get("/v1/queue/next?id=storm").raise_for_status()
        yield address, tokens


@pytest.fixture
def desk(open_desk: OpenDesk, queue_at: tuple[str, dict[str, str]]) -> Iterator[Any]:
    """Return the desk with Anna signed in."""
    address, tokens = queue_at
    page = open_desk(address)
    page.fill("#key", tokens["anna"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#show-queue .waiting:text-is('3')")
    yield page
    page.goto("about:blank")


def test_lists_what_waits_with_counts(desk: Any) -> None:
    """An article without a title by its first words; what somebody else has cannot be opened."""
    desk.keyboard.press("q")
    desk.wait_for_selector("#queue[open] #queue-list li")
    assert desk.inner_text("#queue-counts") == "3 articles wait, the least certain first. 1 is with an editor."
    rows = {row.locator("bdi").inner_text(): row for row in desk.locator("#queue-list li").all()}
    assert set(rows) == {"Storm over the town", "The ceasefire and the town.", "Envoy flies to the summit"}
    assert rows["Storm over the town"].locator("button").is_disabled()
    assert rows["Storm over the town"].locator("small").inner_text() == "with jonas"


def test_opens_any_article_of_the_list(desk: Any) -> None:
    """It is this editor's then; saved, it leaves the queue, and how many are left is in sight all the time."""
    desk.keyboard.press("q")
    desk.click("#queue-list button:has-text('Envoy flies')")
    desk.wait_for_selector("#text h3:text-is('Envoy flies to the summit')")
    assert desk.is_hidden("#queue")
    assert desk.inner_text("#show-queue .waiting") == "3"
    desk.keyboard.press("q")
    desk.wait_for_selector("#queue[open] li:has-text('Envoy') small:has-text('with you')")
    desk.keyboard.press("Escape")
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector("#show-queue .waiting:text-is('2')")


def test_gives_back_the_article_that_is_open_for_another_of_the_list(desk: Any) -> None:
    """Else whoever goes through the list would hold all of it."""
    for title in ("The ceasefire", "Envoy flies"):
        desk.keyboard.press("q")
        with desk.expect_request("**/v1/queue/next?*") as asked:
            desk.click(f"#queue-list button:has-text('{title}')")
        desk.wait_for_selector(f"#text:has-text('{title}')")
    assert parse_qs(urlsplit(asked.value.url).query) == {"id": ["summit"], "after": ["truce"]}


def test_says_that_an_article_no_longer_waits(desk: Any, queue_at: tuple[str, dict[str, str]]) -> None:
    """Somebody else was faster."""
    desk.keyboard.press("q")
    desk.wait_for_selector("#queue-list button:has-text('Envoy flies')")
    address, tokens = queue_at
    headers = {"Authorization": f"Bearer {tokens['jonas']}"}
    httpx.get(f"{address}/v1/queue/next?id=summit", headers=headers).raise_for_status()
    desk.click("#queue-list button:has-text('Envoy flies')")
    desk.wait_for_selector("#status:not(:empty)")
    assert status(desk) == "That article no longer waits, or somebody else has it."
