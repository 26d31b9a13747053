"""The routes that say what is served, and whether it is."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from models import Taxonomy
from models.bundle import save_bundle
from service.app import create_app
from service.settings import Settings
from tests.tiny import TAXONOMY, WEIGHTS, tiny_model

Serve = Callable[[ASGIApp], AbstractContextManager[str]]


def test_lists_the_topics(client: httpx.Client) -> None:
    """Every topic comes with its codes and cut-offs, and with its figures where the manifest has them."""
    found = client.get("/v1/topics").json()
    assert found["model"] == "tiny@1"
    assert found["taxonomy"] == "tiny"
    assert [topic["id"] for topic in found["topics"]] == list(TAXONOMY.ids)
    conflict, diplomacy, weather = found["topics"]
    assert conflict["codes"] == [{"qcode": "medtop:16000000", "match": "exact"}]
    assert conflict["measured"] == {"precision": 0.9, "recall": 0.8, "f1": 0.847, "support": 40}
    assert (diplomacy["parent"], diplomacy["implies_parent"]) == ("conflict", False)
    assert diplomacy["measured"] is None
    assert weather["cutoffs"] == {"suggest": 0.5, "auto": None}


def test_says_which_topic_implies_its_parent(serve: Serve, tmp_path: Path) -> None:
    """A topic whose confidence its parent caps is marked."""
    conflict, diplomacy, weather = TAXONOMY.topics
    taxonomy = Taxonomy("tiny", (conflict, replace(diplomacy, implies_parent=True), weather))
    folder = save_bundle(replace(tiny_model(), taxonomy=taxonomy), list(WEIGHTS), "# tiny\n", tmp_path)
    with serve(create_app(Settings(model=str(folder)))) as address:
        rows = httpx.get(f"{address}/v1/topics").json()["topics"]
    assert [row["implies_parent"] for row in rows] == [False, True, False]


def test_shows_the_manifest(client: httpx.Client) -> None:
    """The manifest comes as it is on disk."""
    found = client.get("/v1/model").json()
    assert found["name"] == "tiny"
    assert len(found["content_hash"]) == 64
    assert found["metrics"] == tiny_model().manifest["metrics"]


def test_is_alive_and_ready(client: httpx.Client) -> None:
    """With a model, both probes answer 200."""
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
