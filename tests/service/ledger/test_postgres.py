"""What only a server can do: go away, come back, be beyond reach, promise less than it is asked for."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import create_app
from tagdesk.service.ledger.engines import open_database
from tagdesk.service.settings import Settings
from tests.service import postgres, posting
from tests.waiting import PATIENCE

pytestmark = pytest.mark.postgres

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

BEYOND_REACH = "postgresql://anna:secret@127.0.0.1:1/ledger"


@pytest.fixture
def own_server(postgres_server: postgres.Server) -> Iterator[postgres.Server]:
    """Return a server that the test may stop; it runs again afterwards."""
    yield postgres_server
    if not postgres_server.runs():
        postgres_server.start()


def test_outlives_a_crash_of_the_server(tiny_settings: Settings, own_server: postgres.Server, serve: Serve) -> None:
    """What was acknowledged before is there; meanwhile feedback is refused and tagging goes on; then it is taken."""
    settings = replace(tiny_settings, database_url=own_server.new_database())
    with serve(create_app(settings)) as address, httpx.Client(base_url=address) as client:
        client.post("/v1/feedback", json=posting.feedback(1)).raise_for_status()
        own_server.stop(signal.SIGQUIT)
        refused = client.post("/v1/feedback", json=posting.feedback(2))
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/ledger-unavailable")
        unready = client.get("/readyz")
        assert (unready.status_code, unready.json()["type"]) == (503, "/problems/ledger-unavailable")
        assert "tagdesk-pg-" not in unready.text
        assert client.post("/v1/tag", json={"body": posting.TEXT}).status_code == 200
        own_server.start()
        client.post("/v1/feedback", json=posting.feedback(2)).raise_for_status()
        assert client.get("/readyz").json() == {"status": "ok", "ledger": "ok"}
        rows = [json.loads(line) for line in client.get("/v1/feedback/export").text.splitlines()]
    assert [row["feedback"] for row in rows] == ["feedback-1", "feedback-2"]


def test_a_restart_between_two_corrections_costs_none(
    tiny_settings: Settings, own_server: postgres.Server, serve: Serve
) -> None:
    """A connection that the server cut is replaced before the next correction is written."""
    settings = replace(tiny_settings, database_url=own_server.new_database())
    with serve(create_app(settings)) as address:
        httpx.post(f"{address}/v1/feedback", json=posting.feedback(1)).raise_for_status()
        own_server.stop()
        own_server.start()
        assert httpx.post(f"{address}/v1/feedback", json=posting.feedback(2)).status_code == 202


def test_starts_where_the_server_is_beyond_reach(tiny_settings: Settings) -> None:
    """The service says so and tags; the password is in none of its words."""
    options = ["--model", tiny_settings.model, "--port", "0", "--database-url", BEYOND_REACH]
    with subprocess.Popen(
        [sys.executable, "-m", "tagdesk", "serve", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            address = posting.address_line(process).split()[-1].rstrip("/")
            answer = httpx.post(f"{address}/v1/feedback", json=posting.feedback(1))
            tagged = httpx.post(f"{address}/v1/tag", json={"body": posting.TEXT})
        finally:
            process.terminate()
        out, err = process.communicate(timeout=PATIENCE)
    assert tagged.status_code == 200
    assert answer.status_code == 503
    assert "the service is not ready until it can be written" in err
    assert "secret" not in out + err + answer.text


def test_waits_for_the_disk_whatever_the_server_says(postgres_server: postgres.Server) -> None:
    """A database whose default is not to wait for it is told otherwise."""
    import psycopg

    url = postgres_server.new_database()
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    with closing(open_database(url)) as database, database.transaction() as run:
        assert run("SHOW synchronous_commit") == [("on",)]
