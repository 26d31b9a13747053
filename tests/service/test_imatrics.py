"""The iMatrics dialect, as Superdesk's core speaks it."""

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from models.bundle import save_bundle
from models.taxonomy import Code
from service.app import create_app
from service.dialects.imatrics import uuid_of
from service.keys import keys_json, new_key
from service.settings import Settings
from tests.service.superdesk import ProxyError, Superdesk
from tests.service.test_problems import check
from tests.tiny import REF, TAXONOMY, WEIGHTS, tiny_model

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

TALKS: dict[str, Any] = {
    "guid": "urn:newsml:localhost:2026-11-24T04:00:00:1",
    "headline": "Envoy flies to Geneva",
    "paragraphs": ["The envoy met ministers at the summit.", "They spoke for hours, an envoy said, and flew home."],
    "language": "en",
}
STORM = TALKS | {"guid": "storm", "headline": "Storm", "paragraphs": ["Heavy rain and winds came down on the coast."]}
NOBODY = {"imatrics": "88dc48b5-72ed-35cb-9a6a-56981e12b414"}


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """Write a file with a key for Superdesk and one that may only tag; return them by name."""
    made = [new_key("superdesk", ["tag", "feedback"], "2026-11-24"), new_key("reader", ["tag"], "2026-11-24")]
    (tmp_path / "keys.json").write_bytes(keys_json(key for key, _ in made))
    return {key.name: token for key, token in made}


@pytest.fixture
def base_url(tiny_settings: Settings, tmp_path: Path, keys: dict[str, str], serve: Serve) -> Iterator[str]:
    """Return the dialect's address in a service whose topic weather has no Media Topic of its own."""
    conflict, diplomacy, weather = TAXONOMY.topics
    weather = replace(weather, codes=(Code("medtop:20000113", "narrower"),))
    model = replace(tiny_model(), taxonomy=replace(TAXONOMY, topics=(conflict, diplomacy, weather)))
    settings = replace(
        tiny_settings,
        model=str(save_bundle(model, list(WEIGHTS), "# tiny\n", tmp_path)),
        keys_file=str(tmp_path / "keys.json"),
        database_url=str(tmp_path / "ledger.sqlite"),
    )
    with serve(create_app(settings)) as address:
        yield f"{address}/integrations/imatrics/"


@pytest.fixture
def superdesk(base_url: str, keys: dict[str, str]) -> Iterator[Superdesk]:
    """Return a Superdesk that has Media Topic 16000000 in its vocabulary."""
    with Superdesk(base_url, "superdesk", keys["superdesk"], {"16000000": "conflict, war and peace"}) as one:
        yield one


def kept(path: Path) -> list[tuple[str, list[str], str, str]]:
    """Return article, topics, editor and model of what is in the ledger."""
    if not (path / "ledger.sqlite").exists():
        return []
    connection = sqlite3.connect(path / "ledger.sqlite")
    rows = connection.execute("SELECT article_id, topics, editor, model FROM tagdesk_corrections ORDER BY number")
    found = [(article, json.loads(topics), editor, model) for article, topics, editor, model in rows]
    connection.close()
    return found


def test_suggests_tags_for_a_story(superdesk: Superdesk) -> None:
    """A topic becomes a subject, its parent too, and Superdesk's own name of a Media Topic takes the place of ours."""
    diplomacy, conflict = superdesk.analyse(TALKS)["subject"]
    assert diplomacy == {
        "name": "Diplomacy",
        "qcode": uuid_of("diplomacy"),
        "parent": uuid_of("conflict"),
        "source": "imatrics",
        "aliases": [],
        "original_source": "tagdesk",
        "altids": {"imatrics": uuid_of("diplomacy"), "medtop": "20000638"},
        "scheme": "mediatopic",
    }
    assert (conflict["name"], conflict["qcode"], conflict["scheme"]) == (
        "conflict, war and peace",
        "16000000",
        "topics",
    )
    assert conflict["altids"] == {"imatrics": uuid_of("conflict"), "medtop": "16000000"}


def test_topic_without_a_code_is_one_of_ours(superdesk: Superdesk) -> None:
    """What no Media Topic is the same as goes under iMatrics' own scheme; a narrower code is no tag."""
    (weather,) = superdesk.analyse(STORM)["subject"]
    assert (weather["scheme"], weather["parent"]) == ("imatrics_topic", None)
    assert weather["altids"] == {"imatrics": uuid_of("weather")}


def test_weighs_and_links(base_url: str, keys: dict[str, str], tmp_path: Path) -> None:
    """The weight is the confidence of `/v1/tag`, the parent's that of what is below it; links have the match."""
    auth = ("superdesk", keys["superdesk"])
    story = {"headline": TALKS["headline"], "body": TALKS["paragraphs"]}
    found = httpx.post(f"{base_url}article/analysis", json=story, auth=auth).json()
    article = {"title": story["headline"], "body": "\n".join(story["body"])}
    (topic,) = httpx.post(f"{base_url}../../v1/tag", json=article, auth=auth).json()["topics"]
    (diplomacy,), (conflict,) = found["concepts"], found["broader"]
    assert diplomacy["weight"] == conflict["weight"] == topic["confidence"]
    assert diplomacy["broader"] == conflict["uuid"]
    assert conflict["broader"] == ""
    link = {"source": "iptc", "relationType": "exactMatch", "id": "medtop:16000000"}
    assert conflict["links"] == [link | {"uri": "http://cv.iptc.org/newscodes/mediatopic/16000000"}]
    (weather,) = httpx.post(f"{base_url}concept/get", json={"title": "weather"}, auth=auth).json()["result"]
    assert weather["links"][0]["relationType"] == "narrowMatch"


def test_uuids_never_change() -> None:
    """Superdesk keeps them in its stories; one that changed would be another tag."""
    assert uuid_of("conflict") == "d5b325d5-149e-561e-b172-4e9cc411e3ba"
    assert uuid.UUID(uuid_of("weather")).version == 5


@pytest.mark.parametrize("service", ["article/store", "article/concept"])
def test_publishing_teaches(superdesk: Superdesk, tmp_path: Path, service: str) -> None:
    """The tags that a story is published with are a correction by the key; what is no topic is passed over."""
    tags = superdesk.analyse(TALKS)
    tags["subject"].pop()
    tags["person"] = [{"name": "Ann Other", "altids": NOBODY}]
    assert superdesk.publish(TALKS, tags, service) == {"uuid": TALKS["guid"]}
    assert kept(tmp_path) == [(TALKS["guid"], ["diplomacy"], "superdesk", REF)]
    superdesk.publish(TALKS, {"subject": []}, service)
    assert [topics for _, topics, _, _ in kept(tmp_path)] == [["diplomacy"], []]


def test_keeps_only_what_says_something(base_url: str, keys: dict[str, str], tmp_path: Path) -> None:
    """A draft, a story that says nothing of its concepts, and one without text are answered and not kept."""
    story = {"uuid": "a", "pubStatus": True, "headline": "War", "body": ["Troops."], "concepts": []}
    auth = ("superdesk", keys["superdesk"])
    for changed in ({"pubStatus": False}, {"concepts": None}, {"headline": "", "body": [" "]}):
        assert httpx.post(f"{base_url}article/store", json=story | changed, auth=auth).json() == {"uuid": "a"}
    assert kept(tmp_path) == []


def test_searches_the_topics(superdesk: Superdesk) -> None:
    """A part of the name finds a topic, what begins with it first, and its parents are asked for by their uuids."""
    found, above = superdesk.search("DIPLO")
    assert [tag["name"] for tag in found] == ["Diplomacy"]
    assert [tag["altids"]["imatrics"] for tag in above] == [uuid_of("conflict")]
    assert [tag["altids"]["medtop"] for tag in superdesk.search("c")[0]] == ["16000000", "20000638"]
    assert superdesk.search("sport") == ([], [])


def test_topics_are_neither_made_nor_deleted(superdesk: Superdesk) -> None:
    """The editor is told why no tag is made, and deleting answers 200 whatever it names."""
    with pytest.raises(ProxyError, match="There is a concept Weather already, with uuid"):
        superdesk.create("weather")
    with pytest.raises(ProxyError, match="a new one comes with a model that has learnt it"):
        superdesk.create("Chess")
    assert superdesk.delete(uuid_of("weather"))["error"] is True
    assert superdesk.delete(NOBODY["imatrics"]) == {"error": False, "response": "There is no such concept."}


def test_story_without_text_has_no_tags(superdesk: Superdesk, base_url: str, keys: dict[str, str]) -> None:
    """Nothing to read is no error to the editor; a headline alone is read."""
    assert superdesk.analyse(TALKS | {"headline": "", "paragraphs": []}) == {}
    assert superdesk.analyse(TALKS | {"paragraphs": []})["subject"]


def test_needs_the_keys_name_and_scope(base_url: str, keys: dict[str, str]) -> None:
    """The user is the key's name, and to publish takes the scope feedback."""
    with Superdesk(base_url, "anna", keys["superdesk"], {}) as stranger, pytest.raises(ProxyError, match="401"):
        stranger.analyse(TALKS)
    with Superdesk(base_url, "reader", keys["reader"], {}) as reader:
        tags = reader.analyse(TALKS)
        with pytest.raises(ProxyError, match="403"):
            reader.publish(TALKS, tags)


@pytest.mark.parametrize(
    ("sent", "kind", "places"),
    [
        ([], "invalid-article", ["#"]),
        ({"body": 7}, "invalid-article", ["#/body/list[str]", "#/body/str"]),
        ({"body": ["war"], "pubStatus": "yes"}, "invalid-article", ["#/pubStatus"]),
        ({"body": ["war"], "concepts": [{}]}, "invalid-article", ["#/concepts/0/uuid"]),
        ({"body": ["w" * 600_000] * 2}, "article-too-long", ["#/body"]),
    ],
)
def test_refuses_what_is_no_story(client: httpx.Client, sent: Any, kind: str, places: list[str]) -> None:
    """Each fault is a problem that points at it."""
    check(client.post("/integrations/imatrics/article/analysis", json=sent), 422, kind, *places)
