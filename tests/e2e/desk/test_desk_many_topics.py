"""The desk on a model of all 1,133 Media Topics."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tagdesk.models.bundle import save_bundle
from tagdesk.models.calibration import Calibration
from tagdesk.models.taxonomy import MEDIA_TOPICS, load_taxonomy
from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.e2e.conftest import OpenDesk
from tests.e2e.desk.page import find_topics, given
from tests.tiny import WEIGHTS, tiny_model


@pytest.fixture(scope="module")
def media_topics_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a service with all Media Topics, which gives weather alone, by the tiny model's words."""
    folder = tmp_path_factory.mktemp("media-topics")
    taxonomy = load_taxonomy(MEDIA_TOPICS)
    weights = np.zeros((len(WEIGHTS), len(taxonomy)), np.float32)
    weights[:, taxonomy.column("weather")] = [of_weather for _, _, of_weather in WEIGHTS.values()]
    model = replace(
        tiny_model(),
        taxonomy=taxonomy,
        weights=weights,
        bias=np.full(len(taxonomy), -1.5, np.float32),
        calibrations=(Calibration(1.0, 0.0, suggest=0.5, auto=0.9),) * len(taxonomy),
        manifest={},
    )
    bundle = save_bundle(model, list(WEIGHTS), "# tiny\n", folder)
    settings = Settings(model=str(bundle), database_url=str(folder / "ledger.sqlite"), access_log=False)
    with running(create_app(settings)) as address:
        yield address


@pytest.fixture
def found(open_desk: OpenDesk, media_topics_at: str) -> Any:
    """Return the desk with an article about the weather."""
    page = open_desk(media_topics_at)
    find_topics(page, "Storm", "The storm brought rain and winds.")
    return page


def test_lists_the_likeliest_hundred_of_the_others(found: Any) -> None:
    assert list(given(found)) == ["weather"]
    found.keyboard.press("w")
    assert found.locator("#below li").count() == 100


@pytest.mark.parametrize("typed", ["transport", "medtop:20000337"])
def test_the_topic_of_the_very_name_or_code_comes_first_of_fifty_at_most(found: Any, typed: str) -> None:
    found.keyboard.press("/")
    found.keyboard.type("t")
    assert found.locator("#matches li").count() == 50
    found.fill("#add", typed)
    assert found.locator("#matches li span").first.inner_text() == "transport"
    found.keyboard.press("Enter")
    assert given(found) == {"weather": "not judged", "transport": "accepted"}
