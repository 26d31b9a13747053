"""What the server does with bytes that no route sees: refused, or read no further, and never amid another answer."""

import asyncio
import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tagdesk.service.server import protocol
from tests.conftest import running
from tests.service.test_service_command import refuses
from tests.waiting import PATIENCE, eventually

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

ARTICLE = b'{"body": "war"}'
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = b"POST /v1/tag HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
POST = HEAD + b"Content-Length: 15\r\n\r\n" + ARTICLE
GARBAGE = b"\x16\x03\x01 garbage\r\n\r\n"


def connect(address: str) -> socket.socket:
    """Return a connection to a server."""
    parts = urlsplit(address)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(PATIENCE)
    connection.connect((parts.hostname or "", parts.port or 0))
    return connection


def rest(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def talk(address: str, *pieces: bytes) -> bytes:
    """Send bytes, and return all that comes back until the server closes."""
    with connect(address) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return rest(connection)


def statuses(answered: bytes) -> list[int]:
    """Return the statuses of the answers."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answered)]


class Paced:
    """An app whose answers begin at once and end when the test says so; it notes how each request ended."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.ended = threading.Event()
        self.ends: list[str] = []
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: `/now` at once, `/body` when its body is there, others when the test says so."""
        if scope["type"] != "http":
            await self._live(receive, send)
            return
        message: Any = {"more_body": True}
        while scope["path"] == "/body" and message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                self._end("disconnected")
                return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        if scope["path"] == "/paced":
            await asyncio.to_thread(self.go_on.wait, PATIENCE)
        self.headers = [*scope["headers"]]
        self._end("answered")
        await send({"type": "http.response.body", "body": b"ended"})

    def _end(self, how: str) -> None:
        self.ends.append(how)
        self.ended.set()

    async def _live(self, receive: Receive, send: Send) -> None:
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})


@pytest.fixture
def paced() -> Paced:
    """Return the app."""
    return Paced()


@pytest.fixture
def at(paced: Paced, serve: Serve) -> Iterator[str]:
    """Return where it is served."""
    with serve(paced) as address:
        yield address


def ask(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    """Return a request's head."""
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: localhost", *headers, "", ""]).encode()


def test_answers_whoever_had_just_connected_when_it_was_told_to_stop(
    paced: Paced, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that is accepted has its answer though its request comes when nobody is accepted any more."""
    monkeypatch.setattr(protocol, "_NEWCOMER_SECONDS", PATIENCE)
    with ExitStack() as served:
        address = served.enter_context(running(paced, stop_timeout=int(PATIENCE)))
        with connect(address) as connection:
            assert statuses(talk(address, ask("/now", "Connection: close"))) == [200]  # who came before it is accepted
            stopping = threading.Thread(target=served.close)
            stopping.start()
            eventually(lambda: refuses(f"{address}/"))
            connection.sendall(ask("/now"))
            assert statuses(rest(connection)) == [200]
        stopping.join()


@pytest.mark.parametrize("garbage", [GARBAGE, b"GET / HTTP/1.1\r\n\r\n"])
def test_carries_out_what_came_before_garbage(address: str, garbage: bytes) -> None:
    """A whole request is answered, whatever follows it in the same packet, and the connection is closed."""
    answered = talk(address, POST + garbage)
    assert statuses(answered) == [200]
    assert b'"tiny@1"' in answered
    assert b"connection: close" in answered


def test_answers_all_that_is_queued_before_garbage(address: str) -> None:
    """Several requests at once are answered in their order, and the connection is closed."""
    answered = talk(address, GET * 3 + POST + GARBAGE)
    assert statuses(answered) == [200] * 4


def test_writes_nothing_into_an_answer_that_is_under_way(
    paced: Paced, at: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Garbage behind a queued request waits for the answers before it; nobody's request fails."""
    with connect(at) as connection:
        connection.sendall(ask("/paced"))
        begun = connection.recv(65536)
        connection.sendall(ask("/now") + GARBAGE)
        paced.go_on.set()
        answered = begun + rest(connection)
    assert answered.count(b"5\r\nbegun\r\n5\r\nended\r\n0\r\n\r\n") == 2
    assert statuses(answered) == [200, 200]
    assert paced.ends == ["answered"] * 2
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_refuses_a_broken_body_in_the_place_of_its_answer(paced: Paced, at: str) -> None:
    """The app learns that its client is gone, and the client what was wrong."""
    with connect(at) as connection:
        connection.sendall(ask("/body", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
        connection.sendall(b"no size\r\n")
        answered = rest(connection)
    assert statuses(answered) == [400]
    assert b"/problems/invalid-http" in answered
    assert paced.ended.wait(PATIENCE)
    assert paced.ends == ["disconnected"]


def test_closes_where_the_answer_to_a_broken_body_has_begun(paced: Paced, at: str) -> None:
    """A second status line would be part of the answer that has begun."""
    with connect(at) as connection:
        connection.sendall(ask("/paced", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
        begun = connection.recv(65536)
        connection.sendall(b"no size\r\n")
        answered = begun + rest(connection)
        paced.go_on.set()
    assert statuses(answered) == [200]
    assert b"ended" not in answered


def test_drops_a_queued_request_whose_body_is_broken(paced: Paced, at: str) -> None:
    """It is not carried out; the one before is answered, and the connection is closed."""
    with connect(at) as connection:
        connection.sendall(ask("/paced") + ask("/body", "Transfer-Encoding: chunked", method="POST") + b"no size\r\n")
        begun = connection.recv(65536)
        paced.go_on.set()
        answered = begun + rest(connection)
    assert statuses(answered) == [200]
    assert answered.endswith(b"ended\r\n0\r\n\r\n")
    assert paced.ends == ["answered"]


def test_answers_once_where_garbage_follows_an_answer_that_needed_no_body(address: str) -> None:
    """A body that nobody waits for any more is no reason for a second answer."""
    head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connect(address) as connection:
        connection.sendall(head)
        begun = connection.recv(65536)
        connection.sendall(b"no size\r\n")
        assert statuses(begun + rest(connection)) == [404]


def test_answers_before_it_declines_another_protocol(address: str) -> None:
    """A request that offers an upgrade is answered, and what follows it is not read as HTTP/1.1."""
    offer = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    answered = talk(address, offer + b"PRI * HTTP/2.0\r\n\r\n")
    assert statuses(answered) == [200]


def test_reads_no_header_from_a_trailer(paced: Paced, at: str) -> None:
    """What stands behind a body is no header of the request."""
    body = b"0\r\nAuthorization: Bearer stolen\r\n\r\n"
    talk(at, ask("/body", "Transfer-Encoding: chunked", "Connection: close", method="POST") + body)
    assert paced.ends == ["answered"]
    assert b"authorization" not in dict(paced.headers)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /livez\r\n\r\n",
        b"GET /livez HTTP/0.9\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/2.0\r\nHost: localhost\r\n\r\n",
        b"POST /v1/tag HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n" + ARTICLE + b"\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\nf\r\n" + ARTICLE + b"\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: identity\r\n\r\n",
    ],
)
def test_refuses_what_is_no_plain_http(address: str, request_: bytes) -> None:
    """Other versions, and encodings of the transfer that nobody here decodes, are 400."""
    answered = talk(address, request_)
    assert statuses(answered) == [400]
    assert b"/problems/invalid-http" in answered


def test_ends_an_answer_to_http_1_0_by_closing(address: str) -> None:
    """A client of HTTP/1.0 gets no chunks; it gets every line, and `Content-Length` where the length is known."""
    rows = b'[{"body": "war"}, {"body": "storm"}]'
    head = b"POST /v1/tag/batch HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(rows)
    fields, _, body = talk(address, head + rows).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in fields.lower()
    assert [json.loads(line)["model"] for line in body.splitlines()] == ["tiny@1"] * 2
    assert b"content-length: 15\r\n" in talk(address, b"GET /livez HTTP/1.0\r\n\r\n")


def test_sends_http_1_0_no_100_continue(address: str) -> None:
    """An expectation of a client of HTTP/1.0 is ignored."""
    head = (
        b"POST /v1/tag HTTP/1.0\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
    )
    assert statuses(talk(address, head + ARTICLE)) == [200]


def test_refusals_look_like_every_answer(address: str) -> None:
    """What no route saw is answered with an id, the security headers and the time, too."""
    with closing(http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)) as usual:
        usual.request("GET", "/nowhere")
        expected = {name.lower() for name, _ in usual.getresponse().getheaders()}
    answered = talk(address, GARBAGE)
    fields = dict(line.split(b": ", 1) for line in answered.partition(b"\r\n\r\n")[0].splitlines()[1:])
    assert {name.decode() for name in fields} == expected | {"connection"}
    assert re.fullmatch(rb"[0-9a-f]{32}", fields[b"x-request-id"])
    assert fields[b"cache-control"] == b"no-store"


def test_refusals_are_counted_and_logged(in_process: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A refusal is in the metrics by its kind, and one line of the log has its id."""
    series = 'tagdesk_rejected_requests_total{reason="head-too-large"}'
    seconds = 'tagdesk_request_seconds_count{method="other",route="unknown",status="431"}'
    before = _metrics(in_process)
    answered = talk(in_process, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 101 + b"\r\n")
    assert statuses(answered) == [431]
    after = _metrics(in_process)
    assert after[series] - before.get(series, 0) == 1
    assert after[seconds] - before.get(seconds, 0) == 1
    found = re.search(rb"x-request-id: (\w+)", answered)
    assert found
    lines = [line for line in capfd.readouterr().out.splitlines() if found[1].decode() in line]
    assert [json.loads(line)["problem"] for line in lines] == ["head-too-large"]


def _metrics(address: str) -> dict[str, float]:
    rows = [line.rpartition(" ") for line in httpx.get(f"{address}/metrics").text.splitlines() if line[0] != "#"]
    return {name: float(value) for name, _, value in rows}


def test_cuts_off_who_takes_its_answer_in_drops(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A little now and then is not enough to keep a place."""
    monkeypatch.setattr(protocol, "TAKE_SECONDS", 1.0)
    monkeypatch.setattr(protocol, "LEAST_TAKEN", 4_000_000)
    cut_off = threading.Event()

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await Paced()(scope, receive, send)
            return
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(32_000_000), "more_body": True})
        await receive()  # returns when the client is gone
        cut_off.set()

    with serve(large) as address, connect(address) as connection:
        connection.sendall(GET)

        def is_cut_off() -> bool:
            with suppress(ConnectionResetError):
                connection.recv(1000)
            return cut_off.is_set()

        eventually(is_cut_off)
