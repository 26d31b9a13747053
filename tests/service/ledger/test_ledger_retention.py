"""Texts are forgotten when their time is over."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from tagdesk.service.app import create_app
from tagdesk.service.ledger.engines import open_database
from tagdesk.service.settings import Settings
from tests.tiny import REF
from tests.waiting import eventually

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

LONG_AGO = "2020-01-01T00:00:00.000Z"


def fill(address: str) -> None:
    """Correct three articles and let two others wait."""
    with httpx.Client(base_url=address) as client:
        for number in range(3):
            article = {"id": f"c-{number}", "title": f"Zanzibar{number}", "body": "Ministers signed a ceasefire."}
            sent = {"id": str(number), "article": article, "topics": ["conflict"], "model": REF}
            client.post("/v1/feedback", json=sent).raise_for_status()
        for number in (3, 4):
            sent = {"id": f"w-{number}", "title": f"Zanzibar{number}", "body": "Heavy rain."}
            client.post("/v1/queue", json=sent).raise_for_status()


def make_old(url: str) -> None:
    """Let all but the last correction, and all but the last article that waits, be of long ago."""
    with closing(open_database(url)) as database, database.transaction() as run:
        run("UPDATE tagdesk_corrections SET received = ? WHERE number < 3", LONG_AGO)
        run("UPDATE tagdesk_queue SET queued = ? WHERE article_id = 'w-3'", LONG_AGO)


def test_forgets_texts_when_their_time_is_over(tiny_settings: Settings, ledger_url: str, serve: Serve) -> None:
    """What is older than TAGDESK_RETENTION_DAYS has no text and does not wait; the corrections stay."""
    settings = replace(tiny_settings, database_url=ledger_url)
    with serve(create_app(settings)) as address:
        fill(address)
    make_old(ledger_url)
    with serve(create_app(replace(settings, retention_days=30))) as address, httpx.Client(base_url=address) as client:
        eventually(lambda: client.get("/v1/feedback/counts").json()["waiting"] == 1)
        rows = [json.loads(line) for line in client.get("/v1/feedback/export").text.splitlines()]
        assert client.get("/v1/queue/next").json()["article"]["id"] == "w-4"
    assert [row["title"] for row in rows] == [None, None, "Zanzibar2"]
    assert [row["topics"] for row in rows] == [["conflict"]] * 3


def test_what_is_forgotten_is_in_no_file(tiny_settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """SQLite's files have no word of it, a moment later."""
    path = tmp_path / "folder" / "ledger.sqlite"
    settings = replace(tiny_settings, database_url=str(path))
    with serve(create_app(settings)) as address:
        fill(address)
    make_old(str(path))
    with serve(create_app(replace(settings, retention_days=30))):
        eventually(lambda: not any(f"Zanzibar{number}".encode() in _content(path) for number in (0, 1, 3)))
        assert b"Zanzibar2" in _content(path)


def test_nothing_is_forgotten_without_the_setting(tiny_settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """The default keeps what was said to be kept."""
    settings = replace(tiny_settings, database_url=str(tmp_path / "ledger.sqlite"))
    with serve(create_app(settings)) as address:
        fill(address)
    make_old(settings.database_url)
    with serve(create_app(settings)) as address:
        time.sleep(0.3)
        rows = [json.loads(line) for line in httpx.get(f"{address}/v1/feedback/export").text.splitlines()]
    assert [row["title"] for row in rows] == ["Zanzibar0", "Zanzibar1", "Zanzibar2"]


def _content(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())
