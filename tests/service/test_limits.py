"""Limits: requests a second of one key, requests at once, time for a body; each refused with what to do."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app import create_app
from service.keys import keys_json, new_key
from service.limits import Limits, RateLimit
from service.settings import Settings
from tests.service.test_problems import check

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

HEAD = b"POST /v1/tag HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    """Return a bare connection."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    read = b""
    while chunk := connection.recv(65536):
        read += chunk
    return read


def test_a_bucket_holds_a_second_and_refills() -> None:
    """A second's worth may come at once; then tokens come at the rate, and the wait is said to the moment."""
    now = [100.0]
    limit = RateLimit(4, lambda: now[0])
    assert [limit.take("cms") for _ in range(4)] == [0] * 4
    assert limit.take("cms") == pytest.approx(0.25)
    assert limit.take("other") == 0
    now[0] += 0.25
    assert limit.take("cms") == 0
    assert limit.take("cms") == pytest.approx(0.25)
    now[0] += 3600
    assert [limit.take("cms") > 0 for _ in range(5)] == [False] * 4 + [True]


def test_a_rate_below_one_lets_the_first_through() -> None:
    """One request a second shared by four workers is one every four seconds here."""
    now = [100.0]
    limit = RateLimit(0.25, lambda: now[0])
    assert limit.take("cms") == 0
    assert limit.take("cms") == pytest.approx(4)
    now[0] += 4
    assert limit.take("cms") == 0


def test_no_rate_is_no_limit() -> None:
    """0 lets everything through."""
    limit = RateLimit(0)
    assert {limit.take("cms") for _ in range(10_000)} == {0}


def test_limits_each_key_for_itself(tiny_settings: Settings, tmp_path: Path, serve: Serve) -> None:
    """A key that asks too often gets 429 and when to come back; another is not held up, and health never is."""
    made = [new_key(name, ["tag"], "2026-11-24") for name in ("eager", "calm")]
    (tmp_path / "keys.json").write_bytes(keys_json(key for key, _ in made))
    app = create_app(replace(tiny_settings, keys_file=str(tmp_path / "keys.json"), rate_limit=3))
    with serve(app) as address, httpx.Client(base_url=address) as client:
        eager, calm = ({"X-API-Key": token} for _, token in made)
        answers = [client.get("/v1/model", headers=eager) for _ in range(20)]
        refused = [one for one in answers if one.status_code == 429]
        assert answers[0].status_code == answers[2].status_code == 200
        assert len(refused) > 10
        check(refused[0], 429, "too-many-requests")
        assert refused[0].headers["retry-after"] == "1"
        assert client.get("/v1/model", headers=calm).status_code == 200
        assert client.get("/readyz", headers=eager).status_code == 200
        time.sleep(1)
        assert client.get("/v1/model", headers=eager).status_code == 200


def test_shares_the_rate_between_workers(tiny_settings: Settings, tmp_path: Path, serve: Serve) -> None:
    """Each of three workers lets a third of the requests through."""
    key, token = new_key("cms", ["tag"], "2026-11-24")
    (tmp_path / "keys.json").write_bytes(keys_json([key]))
    app = create_app(replace(tiny_settings, keys_file=str(tmp_path / "keys.json"), rate_limit=6, workers=3))
    with serve(app) as address, httpx.Client(base_url=address, headers={"X-API-Key": token}) as client:
        assert [client.get("/v1/model").status_code for _ in range(3)] == [200, 200, 429]


def test_refuses_at_once_what_is_too_much(tiny_settings: Settings, serve: Serve) -> None:
    """With all places taken a request is 503 with Retry-After in no time, health answers, and a free place is used."""
    app = create_app(replace(tiny_settings, max_concurrent=2))
    with serve(app) as address, httpx.Client(base_url=address) as client:
        with connected(address) as first, connected(address) as second:
            for connection in (first, second):
                connection.sendall(HEAD % 15)
            time.sleep(0.2)
            started = time.monotonic()
            response = client.post("/v1/tag", json={"body": "war"})
            assert time.monotonic() - started < 1
            check(response, 503, "too-busy")
            assert response.headers["retry-after"] == "1"
            assert client.get("/readyz").status_code == 200
            first.sendall(b'{"body": "war"}')
            assert b" 200 OK" in first.recv(65536)
            assert client.post("/v1/tag", json={"body": "war"}).status_code == 200
        assert client.post("/v1/tag", json={"body": "war"}).status_code == 200


def test_counts_all_that_arrived_before_working_on_one() -> None:
    """Requests that arrive together are counted together: what is too much does not queue behind the work."""
    order = []

    async def work(scope: Scope, receive: Receive, send: Send) -> None:
        order.append("worked")

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            order.append(str(message["status"]))

    async def arrive() -> None:
        limits = Limits(work, rate=0, concurrent=2, body_seconds=1)
        scope = {"type": "http", "path": "/v1/tag", "method": "POST", "headers": []}
        await asyncio.gather(*(limits(dict(scope), receive, send) for _ in range(5)))

    asyncio.run(arrive())
    assert order == ["503", "503", "503", "worked", "worked"]


def test_gives_up_on_a_body_that_does_not_come(tiny_settings: Settings, serve: Serve) -> None:
    """A body that stops is 408 after the time set, the connection is closed, and its place is free again."""
    app = create_app(replace(tiny_settings, body_timeout=1, max_concurrent=1))
    with serve(app) as address, connected(address) as connection:
        connection.sendall(HEAD % 100 + b'{"body": "')
        started = time.monotonic()
        answer = everything(connection)
        assert 0.9 < time.monotonic() - started < 4
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer.lower()
        assert b"/problems/request-timeout" in answer
        assert httpx.post(f"{address}/v1/tag", json={"body": "war"}).status_code == 200


def test_a_trickle_wins_no_time(tiny_settings: Settings, serve: Serve) -> None:
    """A byte now and then does not keep a request alive."""
    app = create_app(replace(tiny_settings, body_timeout=1))
    with serve(app) as address, connected(address) as connection:
        connection.sendall(HEAD % 1000)
        stop = threading.Event()

        def trickle() -> None:
            while not stop.wait(0.2):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            answer = connection.recv(65536)
        finally:
            stop.set()
            thread.join()
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_steady_body_may_take_longer(tiny_settings: Settings, serve: Serve) -> None:
    """What keeps arriving at more than 500 bytes a second is read to its end."""
    app = create_app(replace(tiny_settings, body_timeout=1))
    with serve(app) as address, connected(address) as connection:
        connection.sendall(HEAD % (15 + 8 * 600))
        for _ in range(8):
            connection.sendall(b" " * 600)
            time.sleep(0.3)
        connection.sendall(b'{"body": "war"}')
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
