"""The desk of a service with several models: it shows which one answered, and a report on each."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tagdesk.models import Taxonomy
from tagdesk.models.bundle import save_bundle
from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.e2e.conftest import OpenDesk
from tests.e2e.desk.page import find_topics, judge
from tests.tiny import TAXONOMY, WEIGHTS, save_tiny_model, tiny_model

FRENCH = {"id": "a-2", "title": "Storm", "body": "The storm brought heavy rain and winds.", "language": "fr"}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Return the address of a service of two models, which call the weather by other names."""
    conflict, diplomacy, weather = TAXONOMY.topics
    taxonomy = Taxonomy("petit", (conflict, diplomacy, replace(weather, name="Temps")))
    petit = save_bundle(replace(tiny_model(), name="petit", taxonomy=taxonomy), list(WEIGHTS), "# petit\n", tmp_path)
    models = f"en={save_tiny_model(tmp_path)},fr={petit}"
    settings = Settings(models=models, database_url=str(tmp_path / "ledger.sqlite"), access_log=False)
    with running(create_app(settings)) as at:
        yield at


def test_an_article_is_shown_with_the_model_and_the_topics_of_its_language(address: str, open_desk: OpenDesk) -> None:
    """And its correction is kept as that model's."""
    httpx.post(f"{address}/v1/queue", json=FRENCH).raise_for_status()
    page = open_desk(address)
    find_topics(page, "Storm", "The storm brought heavy rain.")
    assert page.inner_text("#model").startswith("tiny@1")
    assert "Weather" in page.inner_text("#given")
    page.click("#new")
    page.click("#take-next")
    page.wait_for_selector("#given :text('Temps')")
    assert page.inner_text("#model").startswith("petit@1")
    judge(page, "weather", "accepted")
    page.click("#save")
    page.wait_for_selector("#empty:visible")
    (kept,) = httpx.get(f"{address}/v1/feedback/export").text.splitlines()
    assert '"model":"petit@1"' in kept


@pytest.mark.parametrize("report", ["changes", "drift"])
def test_each_model_has_its_own_report(address: str, open_desk: OpenDesk, report: str) -> None:
    page = open_desk(f"{address}/desk/{report}.html")
    page.wait_for_selector(".models")
    assert page.locator(".models a").all_inner_texts() == ["tiny · en", "petit · fr"]
    assert page.inner_text(".models a[aria-current]") == "tiny · en"
    page.click(".models a:text-is('petit · fr')")
    page.wait_for_selector(".models a[aria-current]:text-is('petit · fr')")
    assert page.inner_text("#model").startswith("petit@1")
