"""Limits: requests a second of one key, requests at once, time for a body; each refused with what to do."""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import Tagdesk, create_app
from tagdesk.service.edge import limits
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.edge.limits import LEAST_RATE, RateLimit
from tagdesk.service.settings import Settings, SettingsError
from tests.service.problems import check
from tests.waiting import PATIENCE, eventually

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

HEAD = b"POST /v1/tag HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    """Return a bare connection."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as connection:
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


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, in seconds, that the rates of the services made in a test go by."""
    time = [100.0]
    monkeypatch.setattr(limits, "RateLimit", partial(RateLimit, clock=lambda: time[0]))
    return time


def under_way(app: Tagdesk, requests: int, size: int = 0) -> None:
    """Wait until the app works on so many requests, which hold so many bytes."""
    found = app.parts.limits
    eventually(lambda: (found._running, found._held) == (requests, size))


def test_limits_each_key_for_itself(tiny_settings: Settings, tmp_path: Path, serve: Serve, now: list[float]) -> None:
    """A key that asks too often gets 429 and when to come back; another is not held up, and health never is."""
    made = [new_key(name, ["tag"], "2026-11-24") for name in ("eager", "calm")]
    (tmp_path / "keys.json").write_bytes(keys_json(key for key, _ in made))
    app = create_app(replace(tiny_settings, keys_file=str(tmp_path / "keys.json"), rate_limit=3))
    with serve(app) as address, httpx.Client(base_url=address) as client:
        eager, calm = ({"X-API-Key": token} for _, token in made)
        answers = [client.get("/v1/model", headers=eager) for _ in range(20)]
        assert [one.status_code for one in answers] == [200] * 3 + [429] * 17
        check(answers[3], 429, "too-many-requests")
        assert answers[3].headers["retry-after"] == "1"
        assert client.get("/v1/model", headers=calm).status_code == 200
        assert client.get("/readyz", headers=eager).status_code == 200
        now[0] += 1
        assert client.get("/v1/model", headers=eager).status_code == 200


def test_shares_the_rate_between_workers(
    tiny_settings: Settings, tmp_path: Path, serve: Serve, now: list[float]
) -> None:
    """Each of three workers lets a third of the requests through."""
    key, token = new_key("cms", ["tag"], "2026-11-24")
    (tmp_path / "keys.json").write_bytes(keys_json([key]))
    app = create_app(replace(tiny_settings, keys_file=str(tmp_path / "keys.json"), rate_limit=6, workers=3))
    with serve(app) as address, httpx.Client(base_url=address, headers={"X-API-Key": token}) as client:
        assert [client.get("/v1/model").status_code for _ in range(3)] == [200, 200, 429]


def test_refuses_at_once_what_is_too_much(tiny_settings: Settings, serve: Serve) -> None:
    """With all places taken a request is 503 with Retry-After while they are, health answers, a free place is used."""
    app = create_app(replace(tiny_settings, max_concurrent=2))
    with serve(app) as address, httpx.Client(base_url=address) as client:
        with connected(address) as first, connected(address) as second:
            for connection in (first, second):
                connection.sendall(HEAD % 15)
            under_way(app, 2)
            response = client.post("/v1/tag", json={"body": "war"})
            check(response, 503, "too-busy")
            assert response.headers["retry-after"] == "1"
            assert client.get("/readyz").status_code == 200
            first.sendall(b'{"body": "war"}')
            assert b" 200 OK" in first.recv(65536)
            assert client.post("/v1/tag", json={"body": "war"}).status_code == 200
        under_way(app, 0)
        assert client.post("/v1/tag", json={"body": "war"}).status_code == 200


def test_gives_up_on_a_body_that_does_not_come(tiny_settings: Settings, serve: Serve) -> None:
    """A body that stops is 408 after the time set, the connection is closed, and its place is free again."""
    app = create_app(replace(tiny_settings, body_timeout=1, max_concurrent=1))
    with serve(app) as address, connected(address) as connection:
        connection.sendall(HEAD % 100 + b'{"body": "')
        answer = everything(connection)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer.lower()
        assert b"/problems/request-timeout" in answer
        under_way(app, 0)
        connection.close()
        with connected(address) as next_one:  # in one piece, as a second is not long
            next_one.sendall(HEAD % 15 + b'{"body": "war"}')
            assert next_one.recv(65536).startswith(b"HTTP/1.1 200 ")


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
    """What keeps arriving at the least rate is read to its end."""
    app = create_app(replace(tiny_settings, body_timeout=5))
    with serve(app) as address, connected(address) as connection:
        connection.sendall(HEAD % (15 + 8 * 5 * LEAST_RATE))
        for _ in range(8):
            connection.sendall(b" " * 5 * LEAST_RATE)
            time.sleep(1)
        connection.sendall(b'{"body": "war"}')
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_half_of_the_least_rate_is_cut_off(tiny_settings: Settings, serve: Serve) -> None:
    """A body that goes on too slowly holds its place no longer than one that stops."""
    app = create_app(replace(tiny_settings, body_timeout=1))
    with serve(app) as address, connected(address) as connection:
        connection.sendall(HEAD % 1_000_000)
        with suppress(OSError):
            for _ in range(60):
                connection.sendall(b" " * (LEAST_RATE // 2 // 4))
                time.sleep(0.25)
                if select.select([connection], [], [], 0)[0]:
                    break
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")


@contextmanager
def of_two_keys(settings: Settings, folder: Path, serve: Serve) -> Iterator[tuple[Tagdesk, str, dict[str, str]]]:
    """Serve with keys that tag, `greedy` and `other`, and one of the operator; yield the app, its address, the keys."""
    scopes = {"greedy": ["tag"], "other": ["tag"], "boss": ["admin"]}
    made = {name: new_key(name, scopes[name], "2026-11-24") for name in scopes}
    (folder / "keys.json").write_bytes(keys_json(key for key, _ in made.values()))
    app = create_app(replace(settings, keys_file=str(folder / "keys.json")))
    with serve(app) as address:
        yield app, address, {name: token for name, (_, token) in made.items()}


def tag(address: str, token: str, body: str = "war") -> httpx.Response:
    """Have an article tagged by a key."""
    return httpx.post(f"{address}/v1/tag", json={"body": body}, headers={"X-API-Key": token})


def head_of(token: str, length: int) -> bytes:
    """Return the head of an article that a key sends."""
    return HEAD.replace(b"\r\n\r\n", f"\r\nX-API-Key: {token}\r\n\r\n".encode()) % length


def test_one_key_cannot_take_all_places(tiny_settings: Settings, tmp_path: Path, serve: Serve) -> None:
    """With half of the places held by slow bodies of one key, another's article and the operator are answered."""
    settings = replace(tiny_settings, max_concurrent=8)
    with of_two_keys(settings, tmp_path, serve) as (app, address, tokens), ExitStack() as stack:
        held = [stack.enter_context(connected(address)) for _ in range(4)]
        for connection in held:
            connection.sendall(head_of(tokens["greedy"], 1000))
        under_way(app, 4)
        check(tag(address, tokens["greedy"]), 503, "too-busy")
        assert tag(address, tokens["other"]).status_code == 200
        for path in ("/metrics", "/v1/models"):
            assert httpx.get(f"{address}{path}", headers={"X-API-Key": tokens["boss"]}).status_code == 200


def test_the_operator_has_places_of_their_own(tiny_settings: Settings, serve: Serve) -> None:
    """With all places taken, metrics and models answer."""
    app = create_app(replace(tiny_settings, max_concurrent=1))
    with serve(app) as address, connected(address) as connection:
        connection.sendall(HEAD % 1000)
        under_way(app, 1)
        check(httpx.post(f"{address}/v1/tag", json={"body": "war"}), 503, "too-busy")
        assert httpx.get(f"{address}/metrics").status_code == 200
        assert httpx.get(f"{address}/v1/models").status_code == 200


def test_requests_in_memory_have_a_budget(tiny_settings: Settings, serve: Serve) -> None:
    """What does not fit beside the bodies under way is refused at once, and fits when they are gone."""
    app = create_app(replace(tiny_settings, max_body=100_000, max_batch_body=100_000, max_held=200_000))
    with serve(app) as address:
        with connected(address) as first, connected(address) as second:
            for connection in (first, second):
                connection.sendall(HEAD % 95_000 + b" " * 90_000)
            under_way(app, 2, 180_000)
            check(httpx.post(f"{address}/v1/tag", json={"body": "war " * 10_000}), 503, "too-busy")
            assert httpx.post(f"{address}/v1/tag", json={"body": "war"}).status_code == 200
        under_way(app, 0)
        assert httpx.post(f"{address}/v1/tag", json={"body": "war " * 10_000}).status_code == 200


def test_one_key_has_half_of_the_memory(tiny_settings: Settings, tmp_path: Path, serve: Serve) -> None:
    settings = replace(tiny_settings, max_body=100_000, max_batch_body=100_000, max_held=200_000)
    with of_two_keys(settings, tmp_path, serve) as (app, address, tokens), connected(address) as connection:
        connection.sendall(head_of(tokens["greedy"], 95_000) + b" " * 90_000)
        under_way(app, 1, 90_000)
        check(tag(address, tokens["greedy"], "war " * 10_000), 503, "too-busy")
        assert tag(address, tokens["other"], "war " * 10_000).status_code == 200


def test_a_budget_without_room_for_a_batch_is_refused_at_the_start() -> None:
    with pytest.raises(
        SettingsError, match="TAGDESK_MAX_HELD is 1,000,000: give at least 67,108,864, twice the largest"
    ):
        Settings(max_held=1_000_000)
