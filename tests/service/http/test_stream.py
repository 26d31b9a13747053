"""JSON Lines both ways at once: as many as come, in constant memory, as fast as the client takes the answers."""

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp

from tagdesk.models import TopicModel
from tagdesk.service.app import create_app
from tagdesk.service.http.bodies import BOM
from tagdesk.service.http.streams import LineCutter, Row
from tagdesk.service.settings import Settings
from tests.waiting import PATIENCE

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

LINES = {"Content-Type": "application/x-ndjson"}
LINE = b'{"body": "war"}\n'
_HEAD = b"POST /v1/tag/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextmanager
def upload(address: str, kind: bytes = b"application/x-ndjson", receive_buffer: int = 0) -> Iterator[socket.socket]:
    """Open a connection with the head of a stream sent."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.socket() as connection:
        connection.settimeout(PATIENCE)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect((host, int(port)))
        connection.sendall(_HEAD % kind)
        yield connection


def chunk(data: bytes) -> bytes:
    """Return a chunk as HTTP/1.1 has it."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def until(connection: socket.socket, end: bytes) -> bytes:
    """Read until something has come."""
    found = b""
    while end not in found and (data := connection.recv(65_536)):
        found += data
    return found


def test_answers_come_before_the_upload_ends(address: str) -> None:
    """Each line is answered while the next ones are not sent yet."""
    with upload(address) as connection:
        for number in range(3):
            connection.sendall(chunk(b'{"id": %d, "body": "war"}\n' % number))
            assert b'"id":"%d"' % number in until(connection, b"}]")
        connection.sendall(chunk(b""))
        assert until(connection, b"0\r\n\r\n").endswith(b"0\r\n\r\n")


def test_lines_are_as_many_as_come(client: httpx.Client, tiny_settings: Settings) -> None:
    """A stream longer than any batch may be is answered whole, in order."""
    count = 21_000
    sent = (b"".join(b'{"id": %d, "body": "war"}\n' % n for n in range(at, at + 500)) for at in range(0, count, 500))
    assert count * len(LINE) > tiny_settings.max_batch_body
    with client.stream("POST", "/v1/tag/batch", content=sent, headers=LINES) as response:
        ids = [json.loads(line)["id"] for line in response.iter_lines()]
    assert ids == [str(n) for n in range(count)]


def test_service_reads_no_further_than_the_client_takes_answers(address: str) -> None:
    """To a client that takes no answers the service soon stops listening; all are there when it takes them."""
    count = 25_000
    line = b'{"id": "%s", "body": "war", "url": "%s"}\n' % (b"i" * 250, b"u" * 2000)  # more than sockets hold
    sent = [0]

    def send(connection: socket.socket) -> None:
        for _ in range(count // 100):
            connection.sendall(chunk(line * 100))
            sent[0] += 100
        connection.sendall(chunk(b""))

    with upload(address, receive_buffer=65_536) as connection:
        sender = threading.Thread(target=send, args=(connection,))
        sender.start()
        while sender.is_alive() and select.select([], [connection], [], 0.5)[1]:
            time.sleep(0.01)
        assert sent[0] < count
        connection.settimeout(PATIENCE)
        response = HTTPResponse(connection)
        response.begin()
        assert sum(b"conflict" in answer for answer in response) == count
        sender.join()


def test_client_that_sends_all_before_it_reads_is_not_locked_out(client: httpx.Client) -> None:
    """What declares a batch's length is read whole first, so that neither waits for the other."""
    line = json.dumps({"id": "i" * 250, "body": "war"})
    response = client.post("/v1/tag/batch", content="\n".join([line] * 1000), headers=LINES)
    assert response.text.count("conflict") == 1000


@pytest.mark.parametrize("as_lines", [True, False])
def test_work_stops_when_the_client_has_gone(
    serve: Serve, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch, as_lines: bool
) -> None:
    """Of a batch whose client closes the connection the rest is not tagged."""
    tagged = [0]
    tag = TopicModel._tag

    def counted(model: TopicModel, few: Any, **options: Any) -> Any:
        tagged[0] += len(few)
        time.sleep(0.01)
        return tag(model, few, **options)

    app = create_app(replace(tiny_settings, max_batch=10_000))
    with serve(app) as address:
        monkeypatch.setattr(TopicModel, "_tag", counted)
        with upload(address, b"application/x-ndjson" if as_lines else b"application/json") as connection:
            if as_lines:
                connection.sendall(chunk(LINE * 10_000))
            else:
                connection.sendall(chunk(b"[" + b",".join([LINE.strip()] * 10_000) + b"]") + chunk(b""))
            until(connection, b"conflict")
        before = -1
        while tagged[0] != before:
            before = tagged[0]
            time.sleep(0.2)
        assert 0 < before < 9_000


def test_line_that_is_too_long_is_the_only_one_refused(serve: Serve, tiny_settings: Settings) -> None:
    """It is not kept, and those around it are answered."""
    long = b'{"body": "' + b"x" * 5000 + b'"}\n'
    with serve(create_app(replace(tiny_settings, max_body=1024))) as address:
        response = httpx.post(
            f"{address}/v1/tag/batch", content=iter([LINE + long, LINE + b"\n" + long]), headers=LINES
        )
    found = [json.loads(line) for line in response.text.splitlines()]
    assert [row.get("line") for row in found] == [None, 2, None, 5]
    assert {row["error"]["type"] for row in found if "error" in row} == {"/problems/request-too-large"}
    assert "Line 5 has more than 1,024 bytes" in found[3]["error"]["detail"]


def test_stream_that_stops_ends_with_what_is_wrong(serve: Serve, tiny_settings: Settings) -> None:
    """The lines that came are answered; the last line says that no more did."""
    with serve(create_app(replace(tiny_settings, body_timeout=3))) as address, upload(address) as connection:
        connection.sendall(chunk(LINE))
        response = HTTPResponse(connection)
        response.begin()
        found = [json.loads(line) for line in response.read().splitlines()]
    assert [topic["id"] for topic in found[0]["topics"]] == ["conflict"]
    assert found[1]["id"] is None
    assert found[1]["error"]["type"] == "/problems/request-timeout"


@pytest.mark.parametrize("sent", [b"\n", b" \n\r\n" * 1000, b"\xef\xbb\xbf\n"])
def test_stream_without_a_line_is_refused(client: httpx.Client, sent: bytes) -> None:
    """Blank lines are no articles."""
    response = client.post("/v1/tag/batch", content=iter([sent]), headers=LINES)
    assert response.status_code == 400
    assert response.json()["type"] == "/problems/empty-request"


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r", b" ", b"bcd", b"\xef\xbb\xbf"]), max_size=30), st.data())
def test_lines_are_the_same_however_they_are_cut(parts: list[bytes], data: st.DataObject) -> None:
    """Where a chunk ends makes no difference."""
    sent = b"".join(parts)
    cutter = LineCutter(5)
    rows: list[Row] = []
    at = 0
    while at < len(sent):
        size = data.draw(st.integers(1, 8))
        rows += cutter.cut(sent[at : at + size])
        at += size
    rows += cutter.end()
    whole = LineCutter(5)
    assert told(rows) == told([*whole.cut(sent), *whole.end()])
    lines = sent.removeprefix(BOM).split(b"\n")
    assert all(line in (None, lines[number - 1]) for number, line in told(rows))


def told(rows: list[Row]) -> list[tuple[int, bytes | None]]:
    """Return the number and the bytes of each line, None for one that is too long."""
    return [(row.line or 0, row.sent if isinstance(row.sent, bytes) else None) for row in rows]
