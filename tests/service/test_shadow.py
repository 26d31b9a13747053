"""The shadow: a second model scores the same traffic, and where it differs is counted."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tagdesk.service.shadow import MOST_LISTED, combined
from tests.service.versions import ARTICLE, save_versions, spoil
from tests.waiting import eventually

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

CANARY = "Zanzibarquux"


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of three versions, of which `calm` is current; TAGDESK_STORE names their store."""
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path))
    return save_versions(tmp_path)


def compared(client: httpx.Client, articles: int) -> dict[str, Any]:
    """Return what the shadow found, once it has compared so many articles."""
    found: dict[str, Any] = {}

    def are_compared() -> bool:
        found.update(client.get("/v1/models/shadow").raise_for_status().json())
        return bool(found["articles"] + found["passed_over"] >= articles)

    eventually(are_compared)
    return found


def test_counts_the_topics_that_one_model_alone_gave(versions: Path, serve: Serve) -> None:
    """Single articles, batches, explained and long ones count; what both give or neither is no disagreement."""
    long = {"id": "long", "body": "the " * 20_000}
    with (
        serve(create_app(Settings(model="tiny", shadow="tiny@busy", database_url="none"))) as address,
        httpx.Client(base_url=address) as client,
    ):
        client.post("/v1/tag", json=ARTICLE).raise_for_status()
        client.post("/v1/tag?explain=true", json={"id": "a-2", "body": "The the."}).raise_for_status()
        client.post("/v1/tag", json=long).raise_for_status()
        client.post("/v1/tag/batch", json=[{"id": "a-3", "body": "Storm, envoy."}, {"body": CANARY}, {"body": ""}])
        found = compared(client, 5)
    assert (found["active"], found["shadow"], found["failure"]) == ("tiny@calm", "tiny@busy", None)
    assert (found["articles"], found["passed_over"]) == (5, 0)
    counts = {row["topic"]: (row["only_active"], row["only_shadow"]) for row in found["topics"]}
    assert counts == {"weather": (4, 0), "diplomacy": (0, 4)}
    strongest = found["strongest"]
    assert {row["id"] for row in strongest} == {"a-1", "a-2", "long"}
    apart = [abs(row["active"] - row["shadow"]) for row in strongest]
    assert apart == sorted(apart, reverse=True)
    assert CANARY not in json.dumps(found)


def test_starts_anew_when_another_model_answers(versions: Path, serve: Serve) -> None:
    """The disagreements are those of two models; the shadow agrees with itself."""
    with (
        serve(create_app(Settings(model="tiny", shadow="tiny@busy", database_url="none"))) as address,
        httpx.Client(base_url=address) as client,
    ):
        client.post("/v1/tag", json=ARTICLE).raise_for_status()
        assert compared(client, 1)["topics"]
        client.post("/v1/models/busy/activate").raise_for_status()
        client.post("/v1/tag", json=ARTICLE).raise_for_status()
        found = compared(client, 1)
    assert (found["active"], found["articles"], found["topics"], found["strongest"]) == ("tiny@busy", 1, [], [])


def test_answers_are_the_active_models_to_the_byte(versions: Path, serve: Serve) -> None:
    """A shadow changes nothing of what is answered."""
    found = set()
    for shadow in ("", "tiny@busy"):
        with serve(create_app(Settings(model="tiny", shadow=shadow, database_url="none"))) as address:
            single = httpx.post(f"{address}/v1/tag?explain=true", json=ARTICLE).content
            batch = httpx.post(f"{address}/v1/tag/batch", json=[ARTICLE] * 40).content
            found.add((single, batch))
    assert len(found) == 1


def test_serves_without_a_shadow_that_cannot_be_loaded(
    versions: Path, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """The log and the route say why, and articles are tagged all the same."""
    spoil(versions / "busy")
    with serve(create_app(Settings(model="tiny", shadow="tiny@busy", database_url="none"))) as address:
        assert httpx.post(f"{address}/v1/tag", json=ARTICLE).json()["model"] == "tiny@calm"
        found = httpx.get(f"{address}/v1/models/shadow").json()
    assert found["shadow"] is None
    assert "arrays.safetensors is not the file" in found["failure"]
    assert found["failure"] in caplog.text


def test_says_that_there_is_no_shadow(client: httpx.Client) -> None:
    """Without the setting the route is 404, with what to do."""
    response = client.get("/v1/models/shadow")
    assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")
    assert "--shadow" in response.json()["detail"]


def test_workers_are_added_up_to_the_same_whichever_comes_first() -> None:
    """What differs as much stands in the order of names."""
    states = [
        {
            "active": "tiny@calm",
            "articles": 1,
            "passed_over": 0,
            "given_by": [[topic, "active", 1]],
            "strongest": [(0.5, f"a-{number}", topic, 0.5, 0.0) for number in range(MOST_LISTED)],
        }
        for topic in ("weather", "conflict", "diplomacy")
    ]
    assert len({json.dumps(combined(order, "tiny@calm")) for order in permutations(states)}) == 1
