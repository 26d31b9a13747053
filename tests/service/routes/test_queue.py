"""The queue: what waits, and who gets it."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.tiny import REF
from tests.waiting import eventually

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

SURE = {"id": "sure", "title": "War", "body": "Troops at war until the ceasefire."}
UNSURE = {
    "id": "unsure",
    "title": "Summit",
    "body": "Storm the the summit, and other words besides.",
    "url": "https://x/",
}
HTML = {"id": "html", "body_html": "<p>The conflict is over since heavy rain met ministers.</p>"}


@pytest.fixture
def settings(tiny_settings: Settings, ledger_url: str) -> Settings:
    """Return settings with a ledger of the test's own."""
    return replace(tiny_settings, database_url=ledger_url)


@pytest.fixture
def desk(settings: Settings, serve: Serve) -> Iterator[httpx.Client]:
    """Return a client of a service on an empty queue."""
    with serve(create_app(settings)) as address, httpx.Client(base_url=address) as client:
        yield client


def following(client: httpx.Client, **parameters: str) -> dict[str, Any]:
    """Return the next article."""
    found: dict[str, Any] = client.get("/v1/queue/next", params=parameters).raise_for_status().json()
    return found


@contextmanager
def two_editors(settings: Settings, serve: Serve, folder: Path) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Serve an empty queue to two keys, anna's and ben's."""
    keys = [new_key(name, ["feedback"], "2026-11-24") for name in ("anna", "ben")]
    file = folder / "keys.json"
    file.write_bytes(keys_json(key for key, _ in keys))
    file.chmod(0o600)
    with serve(create_app(replace(settings, keys_file=str(file)))) as address:
        anna, ben = (httpx.Client(base_url=address, headers={"X-API-Key": token}) for _, token in keys)
        with anna, ben:
            yield anna, ben


def test_least_certain_comes_first(desk: httpx.Client) -> None:
    """The article is the one whose nearest confidence is closest to its cut-off, as it was sent."""
    certainties = {}
    for article in (SURE, UNSURE, HTML):
        answer = desk.post("/v1/queue", json=article)
        assert answer.status_code == 202
        certainties[answer.json()["id"]] = answer.json()["certainty"]
    order = sorted(certainties, key=certainties.__getitem__)
    found = following(desk)
    assert found["article"] == next(one for one in (SURE, UNSURE, HTML) if one["id"] == order[0])
    assert (found["model"], found["certainty"], found["waiting"]) == (REF, certainties[order[0]], 3)
    assert following(desk, after=order[0])["article"]["id"] == order[1]
    assert following(desk, after=order[1])["article"]["id"] == order[2]
    assert following(desk, after=order[2])["article"] is None
    assert following(desk, after="gone")["article"]["id"] == order[0]


def test_feedback_takes_it_out(desk: httpx.Client) -> None:
    """An article that was corrected waits no more; without one there is null."""
    assert following(desk) == {"article": None, "model": None, "certainty": None, "queued": None, "waiting": 0}
    desk.post("/v1/queue", json=SURE).raise_for_status()
    assert desk.get("/v1/feedback/counts").json()["waiting"] == 1
    desk.post("/v1/feedback", json={"article": SURE, "topics": [], "model": REF}).raise_for_status()
    assert following(desk)["waiting"] == 0


def test_sent_again_it_is_replaced(desk: httpx.Client) -> None:
    """An article waits once, as it was sent last."""
    desk.post("/v1/queue", json=SURE).raise_for_status()
    desk.post("/v1/queue", json=SURE | {"title": "Peace"}).raise_for_status()
    found = following(desk)
    assert (found["article"]["title"], found["waiting"]) == ("Peace", 1)


def test_tagging_fills_it(desk: httpx.Client) -> None:
    """`?queue=true` answers as ever, and the article waits a moment later."""
    answer = desk.post("/v1/tag", json=SURE)
    assert desk.post("/v1/tag?queue=true", json=SURE).content == answer.content
    assert desk.post("/v1/tag?queue=true&explain=true", json=UNSURE).status_code == 200
    eventually(lambda: desk.get("/v1/feedback/counts").json()["waiting"] == 2)


def test_tagging_leaves_room_for_corrections(tiny_settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """While the database is locked, what is tagged with `?queue=true` is counted as lost, and a correction waits."""
    path = tmp_path / "ledger.sqlite"
    with (
        serve(create_app(replace(tiny_settings, database_url=str(path)))) as address,
        httpx.Client(base_url=address) as client,
    ):
        client.post("/v1/queue", json=SURE).raise_for_status()
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        for number in range(100):
            assert client.post("/v1/tag?queue=true", json=SURE | {"id": number}).status_code == 200
        assert "tagdesk_not_queued_total 0.0" not in client.get("/metrics").text
        released = threading.Timer(0.3, other.close)
        released.start()
        answer = client.post("/v1/feedback", json={"article": SURE, "topics": [], "model": REF})
        released.join()
    assert answer.status_code == 202


def test_two_editors_get_two_articles(settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """What one editor has been given no other gets, until it is passed over or a quarter of an hour has gone."""
    with two_editors(settings, serve, tmp_path) as (anna, ben):
        for article in (SURE, UNSURE):
            anna.post("/v1/queue", json=article).raise_for_status()
        first = following(anna)["article"]["id"]
        assert following(anna)["article"]["id"] == first
        assert anna.head("/v1/queue/next").status_code == 200
        second = following(ben)["article"]["id"]
        assert {first, second} == {"sure", "unsure"}
        assert following(ben, after=second)["article"] is None
        assert following(anna, after=first)["article"]["id"] == second


def test_lists_what_waits(settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """The least certain first, with who has it open; an article without a title by its first words."""
    with two_editors(settings, serve, tmp_path) as (anna, ben):
        queued = [anna.post("/v1/queue", json=article).json() for article in (SURE, UNSURE, HTML)]
        queued.sort(key=lambda row: row["certainty"])
        titles = {"sure": "War", "unsure": "Summit", "html": "The conflict is over since heavy rain met ministers."}
        taken = following(ben)["article"]["id"]
        found = anna.get("/v1/queue").raise_for_status().json()
        assert (found["waiting"], found["taken"]) == (3, 1)
        assert found["articles"] == [
            {**row, "title": titles[row["id"]], "taken_by": "ben" if row["id"] == taken else None} for row in queued
        ]
        assert [row["id"] for row in anna.get("/v1/queue?limit=1").json()["articles"]] == [queued[0]["id"]]
        assert anna.get("/v1/queue?limit=0").json()["type"] == "/problems/invalid-parameter"


def test_gives_the_wanted_article(settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """To whoever asks first; to others, and of an article that does not wait, there is none."""
    with two_editors(settings, serve, tmp_path) as (anna, ben):
        for article in (SURE, UNSURE, HTML):
            anna.post("/v1/queue", json=article).raise_for_status()
        for _ in range(2):
            assert following(anna, id="html")["article"] == HTML
        assert ben.get("/v1/queue/next?id=html").status_code == 404
        assert ben.get("/v1/queue/next?id=gone").status_code == 404
        assert following(ben, id="sure")["article"] == SURE
        assert following(anna, id="unsure", after="html")["article"] == UNSURE  # and the one before is given back
        assert following(ben, id="html")["article"] == HTML


def test_without_keys_the_wanted_article_is_nobodys(desk: httpx.Client) -> None:
    """Nobody can be told from anybody else, so it is given again."""
    desk.post("/v1/queue", json=SURE).raise_for_status()
    assert following(desk, id="sure")["article"] == following(desk, id="sure")["article"] == SURE
    assert desk.get("/v1/queue").json()["taken"] == 0


def test_refuses_what_is_no_article(client: httpx.Client) -> None:
    """As `/v1/tag` does."""
    assert client.post("/v1/queue", json={"title": "x"}).json()["type"] == "/problems/invalid-article"
    assert client.post("/v1/queue", json={"id": "\0", "body": "War."}).json()["type"] == "/problems/invalid-feedback"
    assert client.post("/v1/queue", content="War.").status_code == 415
    for after in ("x" * 300, "x\0"):
        assert client.get("/v1/queue/next", params={"after": after}).json()["type"] == "/problems/invalid-parameter"
