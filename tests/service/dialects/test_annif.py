"""Annif's REST API, as the unchanged `annif-client` of PyPI drives it."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from annif_client import AnnifClient  # type: ignore[import-untyped]
from requests import HTTPError
from starlette.types import ASGIApp

from tagdesk.models.bundle import save_bundle
from tagdesk.models.taxonomy import Code
from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.edge.problems import KINDS
from tagdesk.service.settings import Settings
from tests.service.problems import check
from tests.tiny import REF, TAXONOMY, WEIGHTS, tiny_model

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

MEDIATOPIC = "http://cv.iptc.org/newscodes/mediatopic/"
WAR = {"uri": f"{MEDIATOPIC}16000000", "label": "Conflict"}
TEXT = "The envoy met ministers to end the conflict, while troops left the town after a long war."
RAIN = "Heavy rain and winds of a storm came down on the coast, and the river rose by the hour."


@pytest.fixture
def annif(address: str) -> AnnifClient:
    """Return a client of the running service."""
    return AnnifClient(f"{address}/v1/")


@pytest.fixture
def own(tiny_settings: Settings, tmp_path: Path, serve: Serve) -> Iterator[str]:
    """Return the address of a service with keys, a ledger of its own, and a topic that has only a narrower code."""
    key, token = new_key("library", ["tag", "feedback"], "2026-11-24")
    file = tmp_path / "keys.json"
    file.write_bytes(keys_json([key]))
    conflict, diplomacy, weather = TAXONOMY.topics
    weather = replace(weather, codes=(Code("medtop:20000113", "narrower"),))
    model = replace(tiny_model(), taxonomy=replace(TAXONOMY, topics=(conflict, diplomacy, weather)))
    model = replace(model, manifest={"language": "en", "trained": "2026-11-24T03:12:46+00:00"})
    settings = replace(
        tiny_settings,
        model=str(save_bundle(model, list(WEIGHTS), "# tiny\n", tmp_path)),
        keys_file=str(file),
        database_url=str(tmp_path / "ledger.sqlite"),
    )
    with serve(create_app(settings)) as address:
        yield address.replace("http://", f"http://library:{token}@")


def kept(path: Path) -> list[dict[str, Any]]:
    """Return what is in the ledger of `own`, oldest first."""
    columns = ("article_id", "article", "topics", "complete", "editor", "model")
    connection = sqlite3.connect(path / "ledger.sqlite")
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM tagdesk_corrections ORDER BY number").fetchall()
    connection.close()
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_lists_the_model_as_the_one_project(own: str) -> None:
    """The key in the address is enough; the project says what the model's manifest does."""
    annif = AnnifClient(f"{own}/v1/")
    assert annif.api_info == {"title": "Tagdesk, as Annif REST API", "version": "1"}
    project = {
        "project_id": "tiny",
        "name": REF,
        "language": "en",
        "backend": {"backend_id": "tagdesk"},
        "vocab": {"vocab_id": "tiny", "languages": ["en"], "size": 3, "loaded": True},
        "vocab_language": "en",
        "is_trained": True,
        "modification_time": "2026-11-24T03:12:46+00:00",
    }
    assert annif.projects == [project]
    assert annif.get_project("tiny") == project


def refuse(response: httpx.Response, status: int, kind: str, *pointers: str) -> None:
    """Check that an answer is a problem of this kind as Annif's specification has problems."""
    problem = response.json()
    assert response.status_code == problem["status"] == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"urn:tagdesk:problem:{kind}"
    assert problem["title"] == KINDS[kind].title
    assert problem["detail"]
    assert [error.get("pointer", error.get("parameter")) for error in problem["errors"]] == list(pointers)


def test_lists_the_vocabularies(own: str) -> None:
    """Each is the one that a project names."""
    (vocabulary,) = httpx.get(f"{own}/v1/vocabs").json()["vocabs"]
    assert vocabulary == AnnifClient(f"{own}/v1/").get_project("tiny")["vocab"]


def test_problem_of_annifs_routes_is_one_to_annif(client: httpx.Client) -> None:
    """A `type` that is a URI by itself, and the status of its specification; on every other route it is as ever."""
    refuse(client.get("/v1/projects/yso-en"), 404, "not-found")
    other = client.post("/v1/projects/tiny/suggest", data={"text": "war", "language": "xx"})
    refuse(other, 400, "invalid-parameter", "language")
    check(client.post("/v1/tag", json={"body": "war", "language": 7}), 422, "invalid-article", "#/language")
    assert client.post("/v1/projects/tiny/learn", json=[]).headers["content-type"] == "application/json"


def test_suggests_the_topics_of_v1_tag(annif: AnnifClient, client: httpx.Client) -> None:
    """Subjects are the topics that a band is reached of, by their Media Topic URIs, as `/v1/tag` gives them."""
    topics = client.post("/v1/tag", json={"body": TEXT}).json()["topics"]
    assert annif.suggest("tiny", TEXT) == [
        {
            "uri": MEDIATOPIC + topic["qcodes"][0].removeprefix("medtop:"),
            "label": topic["name"],
            "notation": topic["qcodes"][0],
            "score": topic["confidence"],
        }
        for topic in topics
    ]
    assert [topic["id"] for topic in topics] == ["conflict", "diplomacy"]
    assert annif.suggest("tiny", StringIO(TEXT)) == annif.suggest("tiny", TEXT)


def test_limit_and_threshold_choose(annif: AnnifClient) -> None:
    """`limit` cuts off; a `threshold` stands in place of the topics' own cut-offs."""
    every = annif.suggest("tiny", TEXT, threshold=0.0)
    assert len(every) == 3
    assert [one["score"] for one in every] == sorted((one["score"] for one in every), reverse=True)
    assert annif.suggest("tiny", TEXT, limit=1) == every[:1]
    assert annif.suggest("tiny", TEXT, limit=0) == []
    assert annif.suggest("tiny", TEXT, threshold=every[0]["score"]) == every[:1]


def test_suggests_in_batch(annif: AnnifClient) -> None:
    """Each document has its own answer, in order; one without text has no subjects."""
    documents = [
        {"text": TEXT, "document_id": "a"},
        {"text": " "},
        {"text": RAIN, "metadata": {"title": "War troops ceasefire"}},
    ]
    found = annif.suggest_batch("tiny", documents)
    assert [one["document_id"] for one in found] == ["a", None, None]
    assert found[0]["results"] == annif.suggest("tiny", TEXT)
    assert found[1]["results"] == []
    assert {one["label"] for one in found[2]["results"]} == {"Weather", "Conflict"}
    assert [len(one["results"]) for one in annif.suggest_batch("tiny", documents, limit=1)] == [1, 0, 1]


def test_long_texts_are_answered_like_short_ones(annif: AnnifClient) -> None:
    """What is worth a thread gets the same answer."""
    assert [one["label"] for one in annif.suggest("tiny", (RAIN + "\n") * 1000)] == ["Weather"]


def test_learns_into_the_ledger(own: str, tmp_path: Path) -> None:
    """Documents are kept as complete judgements by the key, their subjects by whatever names them; 204."""
    annif = AnnifClient(f"{own}/v1/")
    (subject,) = annif.suggest("tiny", RAIN)
    assert subject["uri"] == "urn:tagdesk:topic:weather"
    assert subject["notation"] is None
    documents = [
        {"text": RAIN, "subjects": [subject], "document_id": "d-1", "metadata": {"title": "Storm"}},
        {"text": TEXT, "subjects": [WAR, {"uri": "medtop:20000638"}, {"uri": "conflict"}]},
        {"text": RAIN, "subjects": [{"uri": f"{MEDIATOPIC}20000113".replace("http:", "https:")}]},
        {"text": "Nothing of it.", "subjects": []},
    ]
    assert annif.learn("tiny", documents).status_code == 204
    rows = kept(tmp_path)
    assert [json.loads(row["topics"]) for row in rows] == [["weather"], ["conflict", "diplomacy"], ["weather"], []]
    assert {(row["complete"], row["editor"], row["model"]) for row in rows} == {(1, "library", REF)}
    assert rows[0]["article_id"] == "d-1"
    assert rows[1]["article_id"].startswith("text-")
    assert json.loads(rows[0]["article"]) == {"title": "Storm", "body": RAIN}


def test_learns_all_or_nothing(own: str, tmp_path: Path) -> None:
    """A subject that is no topic is refused with its place: kept as `no topic` it would be learnt wrongly."""
    documents = [{"text": TEXT, "subjects": [WAR]}, {"text": TEXT, "subjects": [WAR, {"uri": f"{MEDIATOPIC}1"}]}]
    with pytest.raises(HTTPError, match="400"):
        AnnifClient(f"{own}/v1/").learn("tiny", documents)
    refused = httpx.post(f"{own}/v1/projects/tiny/learn", json=documents)
    refuse(refused, 400, "unknown-topic", "#/1/subjects/1/uri")
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM tagdesk_corrections").fetchall() == [(0,)]


@pytest.mark.parametrize("ask", ["get_project", "suggest", "suggest_batch", "learn"])
def test_other_projects_are_not_there(annif: AnnifClient, ask: str) -> None:
    """The client raises its own error for a project that there is not, with our sentence."""
    more: dict[str, tuple[Any, ...]] = {"suggest": (TEXT,), "suggest_batch": ([{"text": TEXT}],), "learn": ([],)}
    with pytest.raises(ValueError, match="There is no such project; /v1/projects lists them: tiny"):
        getattr(annif, ask)("yso-en", *more.get(ask, ()))


def test_detects_the_language(annif: AnnifClient) -> None:
    """The languages in question come with their likelihood, and null with that of any other."""
    pytest.importorskip("py3langid")
    english = "The quick brown fox jumped over the lazy dog while the farmer was looking for his old grey hat."
    found = annif.detect_language(english, languages=["fi", "en", "sv"])["results"]
    assert {one["language"] for one in found} == {"fi", "en", "sv", None}
    assert found[0]["language"] == "en"
    assert found[0]["score"] > 0.8
    assert sum(one["score"] for one in found) == pytest.approx(1, abs=1e-4)
    assert annif.detect_language(english, languages=["fi"])["results"][0]["language"] is None
    with pytest.raises(HTTPError, match="400"):
        annif.detect_language(english, languages=["qqq"])


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("sent", "status", "kind", "places"),
    [
        (b"limit=3", 400, "invalid-parameter", ["text"]),
        (b"text=war&limit=-1", 400, "invalid-parameter", ["limit"]),
        (b"text=war&limit=1.5", 400, "invalid-parameter", ["limit"]),
        (b"text=war&threshold=nan", 400, "invalid-parameter", ["threshold"]),
        (b"text=war&threshold=2", 400, "invalid-parameter", ["threshold"]),
        (b"text=war&language=fi", 400, "invalid-parameter", ["language"]),
        (b"text=%ff", 400, "invalid-parameter", []),
        (b"text=\xff", 400, "invalid-parameter", []),
        (b"&".join(b"a=1" for _ in range(101)), 400, "invalid-parameter", []),
        (b"text=" + b"war+" * 250_001, 400, "article-too-long", ["text"]),
        (b"", 400, "empty-request", []),
    ],
)
def test_refuses_a_wrong_form(client: httpx.Client, sent: bytes, status: int, kind: str, places: list[str]) -> None:
    """Each fault is a problem that names the field."""
    refuse(client.post("/v1/projects/tiny/suggest", content=sent, headers=FORM), status, kind, *places)


@pytest.mark.parametrize(
    ("route", "sent", "kind", "places"),
    [
        ("suggest-batch", {"documents": [{"text": "war"}, {}]}, "invalid-article", ["#/documents/1/text"]),
        ("suggest-batch", [], "invalid-article", ["#"]),
        ("suggest-batch", {"documents": [{"text": "w" * 1_000_001}]}, "article-too-long", ["#/documents/0/text"]),
        ("learn", [{"text": "war"}], "invalid-article", ["#/0/subjects"]),
        ("learn", [{"text": " ", "subjects": []}], "empty-article", ["#/0/text"]),
        ("learn", {}, "invalid-article", ["#"]),
    ],
)
def test_refuses_wrong_json(
    tiny_settings: Settings, serve: Serve, route: str, sent: Any, kind: str, places: Any
) -> None:
    """Each fault is a problem that points at it."""
    with serve(create_app(replace(tiny_settings, max_batch_body=4_000_000))) as address:
        refuse(httpx.post(f"{address}/v1/projects/tiny/{route}", json=sent), 400, kind, *places)


def test_takes_no_more_than_a_batch(client: httpx.Client) -> None:
    """The most documents are those of a batch."""
    documents = [{"text": "war", "subjects": []}] * 21
    refuse(client.post("/v1/projects/tiny/learn", json=documents), 413, "too-many-articles")
    refuse(client.post("/v1/projects/tiny/suggest-batch", json={"documents": documents}), 413, "too-many-articles")
    refuse(client.post("/v1/projects/tiny/suggest", json={"text": "war"}), 400, "unsupported-media-type")
    refuse(client.post("/v1/projects/tiny/learn", content=b"[]", headers=FORM), 400, "unsupported-media-type")
