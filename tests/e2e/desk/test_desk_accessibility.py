"""axe-core finds no serious fault on any page, in any state, light and dark; and what it cannot see."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.e2e.conftest import Locked, OpenDesk
from tests.e2e.desk.page import find_topics, focus, judge, paste
from tests.e2e.reports import CHANGES, CHANGES_PATH, DRIFT, DRIFT_PATH, store_with_candidates
from tests.tiny import NAME

axe_package = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed: make install")
AXE = Path(axe_package.__file__).with_name("axe.min.js").read_text(encoding="utf-8")

BODY = "Troops left the town after the ceasefire.\n\nMinisters spoke of war, of rain and of conflict."


def faults(page: Any) -> list[str]:
    """Return the serious and critical faults that axe-core finds, each with where it is."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [
        f"{fault['impact']}: {fault['id']}: {node['target']}: {node['failureSummary']}"
        for fault in found
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def empty(page: Any) -> None:
    page.wait_for_selector("#model:not(:empty)")


def found(page: Any) -> None:
    find_topics(page, "Envoy flies to the summit", BODY)
    page.keyboard.press("w")
    focus(page, "weather")
    page.keyboard.press(" ")
    judge(page, "diplomacy", "rejected")
    page.keyboard.press("Control+z")


def adding(page: Any) -> None:
    found(page)
    page.focus("#add")
    page.keyboard.type("w")


def judged(page: Any) -> None:
    """Nothing else is right, a topic is missing, and a draft is kept."""
    found(page)
    judge(page, "conflict", "accepted")
    page.focus("#add")
    page.keyboard.type("Harbours")
    page.keyboard.press("Enter")
    page.click("#nothing-else")
    paste(page, "main", "Storm over the town")
    page.wait_for_selector("#drafts:not([hidden])")


def example(page: Any) -> None:
    page.click("#example")
    page.wait_for_selector("#given .topic")


def queue(page: Any) -> None:
    httpx.post(page.url + "v1/queue", json={"id": "axe", "title": "Storm", "body": "rain"}).raise_for_status()
    page.wait_for_selector("#show-queue")  # before it is there, its key does nothing
    page.keyboard.press("q")
    page.wait_for_selector("#queue-list li")


def keys(page: Any) -> None:
    page.keyboard.press("?")


def trouble(page: Any) -> None:
    page.click("#find")
    page.wait_for_selector("#trouble:not([hidden])")


def loading(page: Any) -> None:
    page.route("**/v1/tag?*", lambda _: None, times=1)
    page.fill("#body", "rain")
    page.click("#find")
    page.wait_for_selector("#loading:not([hidden])")


def report(page: Any) -> None:
    page.wait_for_selector("#report > *")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", [empty, found, adding, judged, example, queue, keys, trouble, loading])
def test_the_desk_has_no_serious_fault(open_desk: OpenDesk, state: Callable[[Any], None], scheme: str) -> None:
    page = open_desk(color_scheme=scheme, bypass_csp=True)
    state(page)
    assert faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_desk_on_a_phone_has_no_serious_fault(open_desk: OpenDesk, scheme: str) -> None:
    page = open_desk(color_scheme=scheme, bypass_csp=True, viewport={"width": 360, "height": 740})
    found(page)
    assert faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signing_in_has_no_serious_fault(open_desk: OpenDesk, locked: Locked, scheme: str) -> None:
    page = open_desk(locked.address, color_scheme=scheme, bypass_csp=True)
    page.wait_for_selector("#sign-in[open]")
    page.fill("#key", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#key-fault:not(:empty)")
    assert faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("document", [CHANGES, None])
def test_changes_have_no_serious_fault(open_desk: OpenDesk, news_at: str, document: Any, scheme: str) -> None:
    page = open_desk(
        f"{news_at}/desk/changes.html?version=x", {CHANGES_PATH: document}, color_scheme=scheme, bypass_csp=True
    )
    report(page)
    assert faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_candidates_have_no_serious_fault(
    open_desk: OpenDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """Neither the list of them nor what is asked before one is published."""
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path / "models"))
    store_with_candidates(tmp_path / "models")
    settings = Settings(model=NAME, database_url=str(tmp_path / "ledger.sqlite"), access_log=False)
    with running(create_app(settings)) as address:
        page = open_desk(f"{address}/desk/changes.html", color_scheme=scheme, bypass_csp=True)
        report(page)
        assert faults(page) == []
        page.click(".candidates button")
        assert faults(page) == []
        page.goto("about:blank")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("document", [DRIFT, None])
def test_drift_has_no_serious_fault(open_desk: OpenDesk, news_at: str, document: Any, scheme: str) -> None:
    page = open_desk(f"{news_at}/desk/drift.html", {DRIFT_PATH: document}, color_scheme=scheme, bypass_csp=True)
    report(page)
    assert faults(page) == []


def test_everything_can_be_reached_by_tab(desk: Any) -> None:
    """From the head to the last button, in the order in which it is read, with a ring that shows where one is."""
    find_topics(desk, "Envoy flies to the summit", BODY)
    desk.focus("nav a")
    reached: list[str] = []
    for _ in range(25):
        desk.keyboard.press("Tab")
        name, ring = desk.evaluate("""() => {
          const at = document.activeElement;
          return [at.id || at.closest("li")?.dataset.id || at.tagName, getComputedStyle(at).outlineStyle];
        }""")
        assert name == "BODY" or ring != "none", name
        reached.append(name)
    wanted = ["show-keys", "edit", "text", "conflict", "diplomacy", "SUMMARY", "add", "save"]
    places = [reached.index(name) for name in wanted if name in reached]
    assert len(places) == len(wanted), reached
    assert places == sorted(places)


def test_a_screen_reader_hears_each_topic_and_why(desk: Any) -> None:
    """A box is checked, not checked or in between; its name has the verdict in a word, its description says why."""
    find_topics(desk, "Envoy flies to the summit", BODY)
    focus(desk, "conflict")
    snapshot = desk.locator("#given").aria_snapshot().replace("\u00a0", " ")
    assert 'checkbox "Conflict; not judged; sure, ' in snapshot
    assert 'likely from 50 %, sure from 90 %" [checked=mixed]' in snapshot
    judge(desk, "conflict", "accepted")
    assert re.search(r'checkbox "Conflict; accepted; .*" \[checked\]', desk.locator("#given").aria_snapshot())
    assert desk.get_attribute("li[data-id='conflict'] .box", "aria-describedby") == "why-heading distance"
    assert desk.get_attribute("#status", "role") == "status"
    assert desk.get_attribute("#trouble", "role") == "alert"
