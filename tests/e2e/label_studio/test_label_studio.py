"""Tagdesk as the ML backend of a real Label Studio: what its README promises, from the project to the ledger."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tagdesk.service.settings import Settings
from tests.e2e.conftest import running_with_a_key
from tests.e2e.label_studio.site import PLACE, Site, label_studio
from tests.service.dialects.test_label_studio import interface
from tests.tiny import REF
from tests.waiting import eventually

TOPICS = ("Conflict", "Diplomacy", "Weather")
TEXT = "The envoy met ministers to end the conflict, while troops left the town after a long war."
STORM = "Heavy rain and winds of a storm came down on the coast. Heavy rain again tomorrow."


@dataclass(frozen=True)
class Newsroom:
    """Label Studio and the service, both real, and a project that is connected.

    Args:
        site: Label Studio.
        service: the service's address.
        key: the key of both directions.
        project: the project's id.
    """

    site: Site
    service: str
    key: str
    project: int

    @property
    def backend(self) -> str:
        """The address to connect."""
        return f"{self.service}/integrations/label-studio"

    def kept(self, article: str) -> list[dict[str, Any]]:
        """Return the corrections of an article that are in the ledger, oldest first."""
        export = httpx.get(f"{self.service}/v1/feedback/export", headers={"X-API-Key": self.key}).raise_for_status()
        return [row for row in map(json.loads, export.text.splitlines()) if row["id"] == article]


@pytest.fixture(scope="module")
def newsroom(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """Return both, set up as the README says."""
    if not (PLACE / "bin" / "label-studio").exists():
        pytest.skip("Label Studio is not installed: make test-label-studio")
    folder = tmp_path_factory.mktemp("label-studio")
    with (
        running_with_a_key(tiny_settings, folder, "label-studio") as (service, token),
        label_studio(folder) as site,
    ):
        room = Newsroom(site, service, token, site.project(interface(*TOPICS)))
        connected = site.connect(room.project, room.backend, token)
        assert connected.status_code == 201, connected.text
        site.sign_annotations(room.project, token)
        yield room


def test_connected_model_is_called_by_its_version(newsroom: Newsroom) -> None:
    (model,) = newsroom.site.ask("GET", f"ml?project={newsroom.project}")
    assert (model["readable_state"], model["model_version"]) == ("Connected", REF)


def test_wrong_key_is_said(newsroom: Newsroom) -> None:
    answer = newsroom.site.connect(newsroom.project, newsroom.backend, "tagdesk_x_y")
    assert answer.status_code == 400
    assert "authentication" in answer.text


def test_project_whose_choices_are_no_topics_is_not_connected(newsroom: Newsroom) -> None:
    answer = newsroom.site.connect(newsroom.site.project(interface("Good", "Bad")), newsroom.backend, newsroom.key)
    assert answer.status_code == 400, answer.text


def test_tasks_come_with_their_topics_chosen(newsroom: Newsroom) -> None:
    site = newsroom.site
    tasks = site.add(newsroom.project, {"id": "p-1", "text": TEXT}, {"id": "p-2", "text": STORM}, {"text": "Chess."})
    site.predict(newsroom.project, tasks)
    eventually(lambda: all(map(site.predictions, tasks)))
    chosen = [
        [result["value"]["choices"] for prediction in site.predictions(task) for result in prediction["result"]]
        for task in tasks
    ]
    assert chosen == [[["Conflict", "Diplomacy"]], [["Weather"]], []]
    (prediction,) = site.predictions(tasks[0])
    assert prediction["model_version"] == REF
    assert 0.5 < prediction["score"] <= 1


def test_annotation_is_a_correction_and_its_change_a_newer_one(newsroom: Newsroom) -> None:
    site = newsroom.site
    (task,) = site.add(newsroom.project, {"id": "a-1", "text": TEXT})
    annotation = site.annotate(task, "Conflict")
    eventually(lambda: len(newsroom.kept("a-1")) == 1)
    site.change(annotation, "Conflict", "Weather")
    eventually(lambda: len(newsroom.kept("a-1")) == 2)
    first, second = newsroom.kept("a-1")
    assert (first["topics"], first["complete"], first["editor"]) == (["conflict"], True, "label-studio")
    assert (second["topics"], second["latest"], first["latest"]) == (["conflict", "weather"], True, False)
    assert second["body"] == TEXT
