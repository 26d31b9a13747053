"""The iMatrics dialect, as Superdesk's core speaks it."""

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.models.bundle import save_bundle
from tagdesk.models.taxonomy import Code
from tagdesk.service.app import create_app
from tagdesk.service.dialects.imatrics_concepts import uuid_of
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.service.dialects.superdesk import ProxyError, Superdesk, Tags
from tests.service.problems import check
from tests.tiny import REF, TAXONOMY, WEIGHTS, tiny_model

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

TALKS: dict[str, Any] = {
    "guid": "urn:newsml:localhost:2026-11-24T04:00:00:1",
    "headline": "Envoy flies to Geneva",
    "paragraphs": ["The envoy met ministers at the summit.", "They spoke for hours, an envoy said, and flew home."],
    "language": "en",
}
STORM = TALKS | {"guid": "storm", "headline": "Storm", "paragraphs": ["Heavy rain and winds came down on the coast."]}
WAR = TALKS | {"guid": "war", "headline": "War", "paragraphs": ["Troops broke the ceasefire."]}
BOTH = TALKS | {"guid": "both", "paragraphs": [*TALKS["paragraphs"], "Troops broke the ceasefire: the war went on."]}
NOBODY = {"imatrics": "88dc48b5-72ed-35cb-9a6a-56981e12b414"}


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """Write a file with a key for Superdesk and one that may only tag; return them by name."""
    made = [new_key("superdesk", ["tag", "feedback"], "2026-11-24"), new_key("reader", ["tag"], "2026-11-24")]
    (tmp_path / "keys.json").write_bytes(keys_json(key for key, _ in made))
    return {key.name: token for key, token in made}


@pytest.fixture
def manifest() -> dict[str, Any]:
    """Return what the model's manifest says."""
    return {}


@pytest.fixture
def base_url(
    tiny_settings: Settings, tmp_path: Path, keys: dict[str, str], manifest: dict[str, Any], serve: Serve
) -> Iterator[str]:
    """Return the dialect's address in a service whose topic weather has no Media Topic of its own."""
    conflict, diplomacy, weather = TAXONOMY.topics
    weather = replace(weather, codes=(Code("medtop:20000113", "narrower"),))
    taxonomy = replace(TAXONOMY, topics=(conflict, diplomacy, weather))
    model = replace(tiny_model(), taxonomy=taxonomy, manifest=manifest)
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


def kept(path: Path) -> list[dict[str, Any]]:
    """Return what is in the ledger, oldest first."""
    if not (path / "ledger.sqlite").exists():
        return []
    columns = ("article_id", "article", "topics", "accepted", "rejected", "added", "complete", "editor", "model")
    with closing(sqlite3.connect(path / "ledger.sqlite")) as connection:
        rows = connection.execute(f"SELECT {', '.join(columns)} FROM tagdesk_corrections ORDER BY number").fetchall()
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    lists = ("article", "topics", "accepted", "rejected", "added")
    return [row | {name: json.loads(row[name] or "null") for name in lists} for row in found]


def verdicts(path: Path) -> dict[str, Any]:
    """Return the verdicts of the newest correction in the ledger."""
    row = kept(path)[-1]
    return {name: row[name] or [] for name in ("accepted", "rejected", "added")}


def tags_for(superdesk: Superdesk, *names: str) -> Tags:
    """Return the tags that a search for these names finds."""
    return {"subject": [tag for name in names for tag in superdesk.search(name)[0]]}


def test_suggests_the_models_topics_as_tags_without_their_parents(superdesk: Superdesk) -> None:
    """A parent would be published as a tag that nobody chose."""
    assert superdesk.analyse(TALKS)["subject"] == [
        {
            "name": "Diplomacy",
            "qcode": uuid_of("diplomacy"),
            "parent": None,
            "source": "imatrics",
            "aliases": [],
            "original_source": "tagdesk",
            "altids": {"imatrics": uuid_of("diplomacy"), "medtop": "20000638"},
            "scheme": "mediatopic",
        }
    ]


def test_superdesks_own_name_of_a_media_topic_takes_the_place_of_ours(superdesk: Superdesk) -> None:
    (conflict,) = superdesk.analyse(WAR)["subject"]
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


def test_weighs_and_links(base_url: str, keys: dict[str, str]) -> None:
    """The weight is the confidence of `/v1/tag`; links have the match."""
    auth = ("superdesk", keys["superdesk"])
    story = {"headline": WAR["headline"], "body": WAR["paragraphs"]}
    answer = httpx.post(f"{base_url}article/analysis", json=story, auth=auth).json()
    article = {"title": story["headline"], "body": "\n".join(story["body"])}
    (topic,) = httpx.post(f"{base_url}../../v1/tag", json=article, auth=auth).json()["topics"]
    (conflict,) = answer["concepts"]
    assert conflict["weight"] == topic["confidence"]
    link = {"source": "iptc", "relationType": "exactMatch", "id": "medtop:16000000"}
    assert conflict["links"] == [link | {"uri": "http://cv.iptc.org/newscodes/mediatopic/16000000"}]
    (weather,) = httpx.post(f"{base_url}concept/get", json={"title": "weather"}, auth=auth).json()["result"]
    assert weather["links"][0]["relationType"] == "narrowMatch"


@pytest.mark.parametrize("manifest", [{"language": "en"}])
def test_story_in_another_language_has_no_tags(superdesk: Superdesk, tmp_path: Path) -> None:
    """Superdesk has no place for a doubt; a tag that an editor adds all the same is one that the model did not give."""
    assert superdesk.analyse(WAR | {"language": "fr"}) == {}
    superdesk.publish(WAR | {"language": "fr"}, tags_for(superdesk, "conflict"))
    assert verdicts(tmp_path) == {"accepted": [], "rejected": [], "added": ["conflict"]}


def test_notice_in_place_of_a_story_has_no_tags(superdesk: Superdesk) -> None:
    """What a consent wall says is not what the story says."""
    wall = "We and our 214 partners store or access information on your device, such as identifiers in cookies. "
    wall += "You can accept all or reject all, and change your consent at any time. Troops and war, the ceasefire."
    assert superdesk.analyse(WAR)["subject"]
    assert superdesk.analyse(WAR | {"headline": "", "paragraphs": [wall]}) == {}


def test_uuids_never_change() -> None:
    """Superdesk keeps them in its stories; one that changed would be another tag."""
    assert uuid_of("conflict") == "d5b325d5-149e-561e-b172-4e9cc411e3ba"
    assert uuid.UUID(uuid_of("weather")).version == 5


@pytest.mark.parametrize("service", ["article/store", "article/concept"])
def test_publishing_accepts_the_models_tags_and_adds_the_editors(
    superdesk: Superdesk, tmp_path: Path, service: str
) -> None:
    """The correction is the key's; what is no topic is passed over."""
    tags = superdesk.analyse(TALKS)
    tags["subject"] += tags_for(superdesk, "weather")["subject"]
    tags["person"] = [{"name": "Ann Other", "altids": NOBODY}]
    assert superdesk.publish(TALKS, tags, service) == {"uuid": TALKS["guid"]}
    assert verdicts(tmp_path) == {"accepted": ["diplomacy"], "rejected": [], "added": ["weather"]}
    (row,) = kept(tmp_path)
    assert (row["article_id"], row["editor"], row["model"]) == (TALKS["guid"], "superdesk", REF)
    assert not row["complete"]


def test_topic_that_the_story_does_not_have_is_not_judged(superdesk: Superdesk, tmp_path: Path) -> None:
    """Superdesk sends stories that nobody tagged too, with an empty list, and never what was shown or removed."""
    superdesk.transmit(BOTH, {"subject": []})
    assert verdicts(tmp_path) == {"accepted": [], "rejected": [], "added": []}
    assert not kept(tmp_path)[-1]["complete"]


def test_parent_beside_its_child_is_not_taught(superdesk: Superdesk, tmp_path: Path) -> None:
    """Stories that were tagged by an earlier version have parents that nobody chose, and are sent again and again."""
    superdesk.publish(TALKS, tags_for(superdesk, "conflict", "diplomacy"))
    assert verdicts(tmp_path) == {"accepted": ["diplomacy"], "rejected": [], "added": []}


def test_parent_that_the_model_gives_or_that_stands_alone_is_taught(superdesk: Superdesk, tmp_path: Path) -> None:
    superdesk.publish(BOTH, superdesk.analyse(BOTH))
    assert verdicts(tmp_path) == {"accepted": ["diplomacy", "conflict"], "rejected": [], "added": []}
    superdesk.publish(STORM, tags_for(superdesk, "conflict"))
    assert verdicts(tmp_path) == {"accepted": [], "rejected": [], "added": ["conflict"]}


def test_preamble_is_kept_with_the_text(superdesk: Superdesk, tmp_path: Path) -> None:
    """The text of a correction is the text that was tagged, by whichever door of Superdesk it comes."""
    story = TALKS | {"abstract": ["Peace talks resume.", "No end in sight."]}
    tags = superdesk.analyse(story)
    superdesk.publish(story, tags)
    superdesk.transmit(story, tags)
    saved, published = (row["article"]["body"] for row in kept(tmp_path))
    assert published == saved == "\n".join([*TALKS["paragraphs"], "Peace talks resume.", "No end in sight."])


def test_keeps_only_what_says_something(base_url: str, keys: dict[str, str], tmp_path: Path) -> None:
    """A draft, a story that says nothing of its concepts, and one without text are answered and not kept."""
    story = {"uuid": "a", "pubStatus": True, "headline": "War", "body": ["Troops."], "concepts": []}
    auth = ("superdesk", keys["superdesk"])
    for changed in ({"pubStatus": False}, {"concepts": None}, {"headline": "", "body": [" "]}):
        assert httpx.post(f"{base_url}article/store", json=story | changed, auth=auth).json() == {"uuid": "a"}
    assert kept(tmp_path) == []


def test_searches_the_topics(superdesk: Superdesk) -> None:
    """A part of the name finds a topic, what begins with it first; Superdesk is given no parents to add with it."""
    tags, above = superdesk.search("DIPLO")
    assert [tag["name"] for tag in tags] == ["Diplomacy"]
    assert above == []
    assert [tag["altids"]["medtop"] for tag in superdesk.search("c")[0]] == ["16000000", "20000638"]
    assert superdesk.search("sport") == ([], [])


def test_topics_are_neither_made_nor_deleted(superdesk: Superdesk) -> None:
    """The editor is told why no tag is made and why none goes; to delete what is no topic succeeds."""
    with pytest.raises(ProxyError, match="There is already a concept Weather, with uuid"):
        superdesk.create("weather")
    with pytest.raises(ProxyError, match="a new one comes with a model that has learned it"):
        superdesk.create("Chess")
    with pytest.raises(ProxyError, match="The topic Weather belongs to the model, and stays"):
        superdesk.delete(uuid_of("weather"))
    superdesk.delete(NOBODY["imatrics"])
    assert [tag["name"] for tag in superdesk.search("weather")[0]] == ["Weather"]


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
