"""`POST /v1/feedback` and what comes back of it."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tagdesk.training.corpora.corpus import read_corpus
from tests.tiny import REF

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

EVER = {"since": "2000-01-01T00:00:00Z"}
"""Counts go from midnight on, which may pass amid a test."""

ARTICLE = {"id": "a-1", "title": "Envoy flies out", "body": "Ministers signed a ceasefire."}


def correction(**changes: Any) -> dict[str, Any]:
    """Return a feedback that is right, but for the changes; None leaves a field out."""
    whole = {"article": ARTICLE, "topics": ["conflict"], "model": REF} | changes
    return {name: value for name, value in whole.items() if value is not ...}


@pytest.fixture
def settings(tiny_settings: Settings, ledger_url: str) -> Settings:
    """Return settings with a ledger of the test's own."""
    return replace(tiny_settings, database_url=ledger_url)


@pytest.fixture
def in_file(tiny_settings: Settings, tmp_path: Path) -> Settings:
    """Return settings with a ledger in a file of the test's own."""
    return replace(tiny_settings, database_url=str(tmp_path / "folder" / "ledger.sqlite"))


@pytest.fixture
def desk(settings: Settings, serve: Serve) -> Iterator[httpx.Client]:
    """Return a client of a service on an empty ledger."""
    with serve(create_app(settings)) as address, httpx.Client(base_url=address) as client:
        yield client


def exported(client: httpx.Client, **parameters: str) -> list[dict[str, Any]]:
    """Return the rows of the export."""
    answer = client.get("/v1/feedback/export", params=parameters).raise_for_status()
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """Return an answer's problem, after a look at its status and type."""
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    assert found["type"] == f"/problems/{kind}"
    return found


def test_keeps_a_correction(desk: httpx.Client) -> None:
    """What was sent comes out in the columns that training reads, and the model's topics told apart."""
    sent = correction(id="f-1", topics=..., accepted=["conflict"], rejected=["weather"], added=["diplomacy"])
    answer = desk.post("/v1/feedback", json=sent | {"editor": "anna"})
    assert answer.status_code == 202
    (row,) = exported(desk)
    received = row.pop("received")
    assert answer.json() == {"id": "f-1", "article": "a-1", "received": received}
    assert row == ARTICLE | {
        "language": None,
        "topics": ["conflict", "diplomacy"],
        "date": received[:10],
        "editor": "anna",
        "sender": None,
        "model": REF,
        "accepted": ["conflict"],
        "rejected": ["weather"],
        "added": ["diplomacy"],
        "complete": False,
        "missing": None,
        "unconfirmed": None,
        "feedback": "f-1",
        "latest": True,
    }


def test_keeps_apart_what_nobody_judged(desk: httpx.Client) -> None:
    """Topics in no list are neither accepted nor rejected, even where nothing was judged; `topics` judges them all."""
    sent: list[dict[str, Any]] = [
        {"topics": ..., "accepted": ["conflict"], "rejected": []},
        {"topics": ..., "accepted": [], "rejected": [], "added": []},
        {"topics": ["conflict"], "accepted": ["conflict"], "rejected": ["weather"]},
        {"topics": []},
        {"topics": None, "accepted": ["conflict"]},
    ]
    for changes in sent:
        assert desk.post("/v1/feedback", json=correction(**changes)).status_code == 202
    assert [(row["topics"], row["rejected"], row["complete"]) for row in exported(desk)] == [
        (["conflict"], [], False),
        ([], [], False),
        (["conflict"], ["weather"], True),
        ([], None, True),
        (["conflict"], None, False),
    ]
    metrics = desk.get("/metrics").text
    assert 'tagdesk_corrected_topics_total{topic="conflict",verdict="accepted"} 3.0' in metrics
    assert 'tagdesk_corrected_topics_total{topic="weather",verdict="rejected"} 1.0' in metrics


def test_keeps_the_names_of_missing_topics(desk: httpx.Client) -> None:
    """An editor says of an article that the model has no topic for it, and need say nothing else."""
    sent = correction(topics=..., missing=["Fishing", " Fishing ", "Fish farms"])
    desk.post("/v1/feedback", json=sent).raise_for_status()
    (row,) = exported(desk)
    assert (row["missing"], row["topics"], row["complete"]) == (["Fishing", "Fish farms"], [], False)


def test_keeps_the_same_id_once(desk: httpx.Client) -> None:
    """The same feedback again gets the same answer to the byte; with another content it is refused."""
    sent = correction(id="f-1")
    first, second = (desk.post("/v1/feedback", json=sent) for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content) == (202, second.content)
    problem(desk.post("/v1/feedback", json=sent | {"topics": []}), 409, "feedback-conflict")
    assert [row["topics"] for row in exported(desk)] == [["conflict"]]
    assert desk.get("/v1/feedback/counts", params=EVER).json()["all"] == {"corrections": 1, "articles": 1}


def test_without_an_id_each_is_kept(desk: httpx.Client) -> None:
    """The service makes an id where the client has none, and one for the article of its text."""
    sent = correction(article={"title": "War", "body": "The the."})
    answers = [desk.post("/v1/feedback", json=sent).json() for _ in range(2)]
    assert answers[0]["id"] != answers[1]["id"]
    assert answers[0]["article"] == answers[1]["article"]
    assert answers[0]["article"].startswith("text-")
    assert len(exported(desk)) == 2


def test_latest_of_an_article_wins(desk: httpx.Client, tmp_path: Path) -> None:
    """All corrections are exported and the latest is marked; `latest=true` leaves a file that training reads."""
    for number, topics in enumerate((["weather"], [], ["conflict", "diplomacy"])):
        desk.post("/v1/feedback", json=correction(id=str(number), topics=topics)).raise_for_status()
    desk.post("/v1/feedback", json=correction(article=ARTICLE | {"id": "a-2"}, topics=[])).raise_for_status()
    partial = correction(article=ARTICLE | {"id": "a-3"}, topics=..., accepted=["conflict"])
    desk.post("/v1/feedback", json=partial).raise_for_status()
    assert [(row["id"], row["topics"], row["latest"]) for row in exported(desk)] == [
        ("a-1", ["weather"], False),
        ("a-1", [], False),
        ("a-1", ["conflict", "diplomacy"], True),
        ("a-2", [], True),
        ("a-3", ["conflict"], True),
    ]
    path = tmp_path / "corrections.jsonl"
    path.write_bytes(desk.get("/v1/feedback/export", params={"latest": "true"}).content)
    corpus = read_corpus(path, topics=["conflict", "diplomacy", "weather"])
    assert [(one.id, one.topics) for one in corpus.articles] == [("a-1", ("conflict", "diplomacy")), ("a-2", ())]
    assert corpus.articles[0].body == ARTICLE["body"]
    assert corpus.account.unlabelled == 1  # what is judged in part says nothing of the other topics


def test_html_is_exported_as_the_text_that_is_read(desk: httpx.Client) -> None:
    """Training gets no markup."""
    html = {"id": "h", "body_html": "<article><p>Heavy rain &amp; winds hit the coast.</p></article>"}
    desk.post("/v1/feedback", json=correction(article=html)).raise_for_status()
    (row,) = exported(desk)
    assert row["body"].strip() == "Heavy rain & winds hit the coast."
    assert row["title"] == ""


def test_keeps_characters_that_no_column_takes(desk: httpx.Client) -> None:
    """U+0000 and characters beyond the Basic Multilingual Plane come back."""
    body = "Ministers \0 met 🎈 – heavy rain."
    desk.post("/v1/feedback", json=correction(article={"id": "ü 🎈", "body": body})).raise_for_status()
    (row,) = exported(desk)
    assert (row["id"], row["body"]) == ("ü 🎈", body)


@pytest.mark.parametrize(
    ("changes", "kind", "pointer"),
    [
        ({"topics": ...}, "invalid-feedback", "#/topics"),
        ({"topics": None}, "invalid-feedback", "#/topics"),
        ({"missing": ["x" * 101]}, "invalid-feedback", "#/missing/0"),
        ({"missing": [" "]}, "invalid-feedback", "#/missing/0"),
        ({"missing": ["two\nlines"]}, "invalid-feedback", "#/missing/0"),
        ({"missing": ["x"] * 11}, "invalid-feedback", "#/missing"),
        ({"topics": ["conflict"], "rejected": ["conflict"]}, "invalid-feedback", "#/topics"),
        ({"topics": [], "added": ["conflict"]}, "invalid-feedback", "#/topics"),
        ({"topics": ..., "added": ["conflict"], "accepted": ["conflict"]}, "invalid-feedback", "#/accepted"),
        ({"topics": "conflict"}, "invalid-feedback", "#/topics"),
        ({"topics": ["conflict", "sport"]}, "unknown-topic", "#/topics/1"),
        ({"topics": ..., "rejected": ["sport"]}, "unknown-topic", "#/rejected/0"),
        ({"model": ...}, "invalid-feedback", "#/model"),
        ({"id": ""}, "invalid-feedback", "#/id"),
        ({"id": "\0"}, "invalid-feedback", "#/id"),
        ({"client_id": "7"}, "invalid-feedback", "#/client_id"),
        ({"article": ...}, "invalid-feedback", "#/article"),
        ({"article": {"id": "\0", "body": "War."}}, "invalid-feedback", "#/article/id"),
        ({"article": {"id": [], "body": "War."}}, "invalid-feedback", "#/article/id"),
        ({"article": {"body": "War.", "body_html": "War."}}, "invalid-article", "#/article"),
        ({"article": {"body": " "}}, "empty-article", "#/article/body"),
        ({"article": {"title": "x" * 10_001, "body": "War."}}, "article-too-long", "#/article/title"),
    ],
)
def test_refuses_what_is_no_correction(client: httpx.Client, changes: Any, kind: str, pointer: str) -> None:
    """Each fault is a problem that points at it."""
    found = problem(client.post("/v1/feedback", json=correction(**changes)), 422, kind)
    assert found["errors"][0]["pointer"] == pointer


def test_names_the_topics_that_there_are_not(client: httpx.Client) -> None:
    """An id is named, a word that could be the article's is not."""
    sent = correction(topics=["conflict", "sport", "Anna Smith"])
    found = problem(client.post("/v1/feedback", json=sent), 422, "unknown-topic")
    assert "sport" in found["detail"]
    assert "Anna" not in json.dumps(found)


@pytest.mark.parametrize("body", [b"[]", b"null", b'"war"', b'{"article": 1}', b'{"article": null}', b"{}"])
def test_refuses_other_json(client: httpx.Client, body: bytes) -> None:
    """What is no object is no feedback."""
    answer = client.post("/v1/feedback", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 422, "invalid-feedback")


def test_keeps_no_text_where_it_must_not(in_file: Settings, serve: Serve) -> None:
    """Without TAGDESK_KEEP_TEXT the correction stays and no word of the article does, in the file neither."""
    with serve(create_app(replace(in_file, keep_text=False))) as address, httpx.Client(base_url=address) as client:
        client.post("/v1/feedback", json=correction()).raise_for_status()
        problem(client.post("/v1/queue", json=ARTICLE), 409, "text-not-kept")
        assert client.post("/v1/tag?queue=true", json=ARTICLE).status_code == 200
        (row,) = exported(client)
        assert "tagdesk_not_queued_total 1.0" in client.get("/metrics").text
    assert (row["id"], row["topics"], row["title"], row["body"]) == ("a-1", ["conflict"], None, None)
    for path in Path(in_file.database_url).parent.iterdir():
        assert b"ceasefire" not in path.read_bytes()


def test_key_is_the_editor(settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """The key's name is the editor unless a key that may names another; to export takes an admin's."""
    keys = [new_key("anna", ["feedback", "editors"], "2026-11-24"), new_key("boss", ["admin"], "2026-11-24")]
    file = tmp_path / "keys.json"
    file.write_bytes(keys_json(key for key, _ in keys))
    file.chmod(0o600)
    anna, boss = ({"X-API-Key": token} for _, token in keys)
    with serve(create_app(replace(settings, keys_file=str(file)))) as address, httpx.Client(base_url=address) as client:
        assert client.post("/v1/feedback", json=correction()).status_code == 401
        client.post("/v1/feedback", json=correction(), headers=anna).raise_for_status()
        client.post("/v1/feedback", json=correction(editor="ben"), headers=anna).raise_for_status()
        assert client.get("/v1/feedback/export", headers=anna).status_code == 403
        rows = client.get("/v1/feedback/export", headers=boss).raise_for_status().text.splitlines()
        counts = client.get("/v1/feedback/counts", params=EVER, headers=anna).raise_for_status().json()
    assert [json.loads(row)["editor"] for row in rows] == ["anna", "ben"]
    assert counts["own"] == {"corrections": 1, "articles": 1}
    assert counts["all"] == {"corrections": 2, "articles": 1}


def test_counts_from_a_moment_on(desk: httpx.Client) -> None:
    """`since` is any moment of ISO 8601; without one it is midnight UTC."""
    desk.post("/v1/feedback", json=correction()).raise_for_status()
    counts = desk.get("/v1/feedback/counts", params=EVER).json()
    assert counts["own"] == counts["all"] == {"corrections": 1, "articles": 1}
    assert desk.get("/v1/feedback/counts").json()["since"].endswith("T00:00:00.000Z")
    later = desk.get("/v1/feedback/counts", params={"since": "2999-01-01T00:00:00+01:00"}).json()
    assert (later["since"], later["all"]["corrections"]) == ("2998-12-31T23:00:00.000Z", 0)
    assert desk.get("/v1/feedback/counts", params={"since": "0001-01-01T00:00:00+14:00"}).status_code == 422


def test_counts_what_editors_say_of_each_topic(desk: httpx.Client) -> None:
    """The metrics have what was accepted, rejected and added; a repetition counts once."""
    for _ in range(2):
        sent = correction(id="f", topics=..., accepted=["conflict"], rejected=["weather"], added=["diplomacy"])
        desk.post("/v1/feedback", json=sent).raise_for_status()
    metrics = desk.get("/metrics").text
    assert "tagdesk_corrections_total 1.0" in metrics
    for topic, verdict in (("conflict", "accepted"), ("weather", "rejected"), ("diplomacy", "added")):
        assert f'tagdesk_corrected_topics_total{{topic="{topic}",verdict="{verdict}"}} 1.0' in metrics


def test_ledger_is_for_its_owner_alone(in_file: Settings, serve: Serve) -> None:
    """The file is made at the start, readable by nobody else, and an SQLite database for other tools."""
    path = Path(in_file.database_url)
    with serve(create_app(in_file)) as address, httpx.Client(base_url=address) as client:
        assert path.stat().st_mode & 0o777 == 0o600
        client.post("/v1/feedback", json=correction()).raise_for_status()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT article_id FROM tagdesk_corrections").fetchall() == [("a-1",)]
    connection.close()
