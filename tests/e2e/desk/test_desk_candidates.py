"""The list of candidates on the page of changes: what each is, and publishing one or going back, for who may."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.schemas.changes import CandidatesOut, ChangesOut
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.e2e.conftest import OpenDesk
from tests.e2e.reports import store_with_candidates
from tests.tiny import NAME


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings of a store with three versions: 1, then 2, which was promoted and answers, and 3, refused."""
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path / "models"))
    store_with_candidates(tmp_path / "models")
    return Settings(model=NAME, database_url=str(tmp_path / "ledger.sqlite"), access_log=False)


@pytest.fixture
def page(settings: Settings, open_desk: OpenDesk) -> Iterator[Any]:
    """Return the page of changes of a service without keys."""
    with running(create_app(settings)) as address:
        page = open_desk(f"{address}/desk/changes.html")
        page.wait_for_selector(".candidates")
        yield page
        page.goto("about:blank")


def served(page: Any) -> str:
    version: str = httpx.get(page.url.split("/desk/")[0] + "/v1/model").json()["version"]
    return version


def test_the_service_answers_as_its_schema_says(page: Any) -> None:
    address = page.url.split("/desk/")[0]
    CandidatesOut.model_validate(httpx.get(f"{address}/v1/changes").json(), extra="forbid")
    ChangesOut.model_validate(httpx.get(f"{address}/v1/models/3/changes").json(), extra="forbid")


def test_lists_candidates_the_newest_refused_one_first(page: Any) -> None:
    """With what the gate decided and why; the first one's changes are shown, a link shows another's."""
    assert page.locator(".candidates a").all_inner_texts() == ["tiny@3", "tiny@2"]
    refused, promoted = page.locator(".candidates li").all_inner_texts()
    assert "Refused" in refused
    assert "religion fell by 6.1 points" in refused
    assert "answers now" in promoted
    assert page.inner_text(".decision strong") == "Refused"
    page.click(".candidates a:text-is('tiny@2')")
    page.wait_for_selector(".candidates a[aria-current]:text-is('tiny@2')")
    assert page.inner_text(".decision strong") == "Promoted"


def test_publishes_a_refused_candidate_after_saying_what_will_happen(page: Any) -> None:
    page.click(".candidates button")
    says = page.inner_text("#confirm-says")
    assert page.inner_text("#confirm-heading") == "Publish tiny@3?"
    assert "tiny@3 will answer every request in place of tiny@2, at once." in says
    assert "It was measured against tiny@1, not against what answers now." in says
    assert "religion fell by 6.1 points" in says
    page.click("#confirm-yes")
    page.wait_for_selector("#status:text-is('tiny@3 answers now.')")
    assert served(page) == "3"
    assert "answers now" in page.locator(".candidates li").first.inner_text()


def test_a_candidate_measured_against_what_answers_needs_no_such_word(page: Any) -> None:
    page.click("button:text-is('Roll back to tiny@1')")
    page.click("#confirm-yes")
    page.wait_for_selector("#status:text-is('tiny@1 answers now.')")
    page.click(".candidates button >> nth=0")
    page.wait_for_selector("#confirm[open]")
    assert "measured against" not in page.inner_text("#confirm-says")


@pytest.mark.parametrize("no", ["button", "escape"])
def test_publishes_nothing_without_a_yes(page: Any, no: str) -> None:
    page.click(".candidates button")
    page.wait_for_selector("#confirm[open]")
    if no == "button":
        page.click("#confirm button:text-is('Cancel')")
    else:
        page.keyboard.press("Escape")
    assert page.is_hidden("#confirm")
    assert served(page) == "2"


def test_rolls_back(page: Any) -> None:
    page.click("button:text-is('Roll back to tiny@1')")
    assert "tiny@1 will answer every request again in place of tiny@2" in page.inner_text("#confirm-says")
    page.click("#confirm-yes")
    page.wait_for_selector("#status:text-is('tiny@1 answers now.')")
    assert served(page) == "1"


def test_says_what_is_in_the_way(page: Any, settings: Settings, tmp_path: Path) -> None:
    """A version that cannot be loaded: the service's own words, and the model is as it was."""
    shutil.rmtree(tmp_path / "models" / NAME / "3")
    page.click(".candidates button")
    page.click("#confirm-yes")
    page.wait_for_selector("#trouble:not([hidden])")
    assert served(page) == "2"


@pytest.mark.parametrize(("scopes", "buttons"), [(["tag", "feedback"], 0), (["tag", "feedback", "admin"], 2)])
def test_only_who_may_publish_is_offered_it(
    settings: Settings, open_desk: OpenDesk, tmp_path: Path, scopes: list[str], buttons: int
) -> None:
    key, token = new_key("anna", scopes, "2026-11-24")
    (tmp_path / "keys.json").write_bytes(keys_json([key]))
    with running(create_app(replace(settings, keys_file=str(tmp_path / "keys.json")))) as address:
        page = open_desk(f"{address}/desk/changes.html")
        page.fill("#key", token)
        page.keyboard.press("Enter")
        page.wait_for_selector(".candidates")
        assert page.locator("#report section:first-child button").count() == buttons
        page.goto("about:blank")
