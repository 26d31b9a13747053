"""A client that sends any bytes at all, as no HTTP library would."""

import http.client
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.waiting import PATIENCE


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back.

    Attributes:
        status: of the answer; 0 where the connection was closed without one.
        seconds: from the first byte sent to the last one read.
    """

    status: int
    seconds: float
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def ask(port: int, pieces: Iterable[bytes], pause: float = 0.0) -> Answered:
    """Send the pieces over a connection of their own, then read one answer.

    Args:
        port: of the service, on this machine.
        pieces: what to send.
        pause: seconds after each piece.

    Raises:
        TimeoutError: nothing came for two minutes.
    """
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        response = http.client.HTTPResponse(connection)
        try:
            response.begin()
            body = response.read()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return Answered(0, time.perf_counter() - began)
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answered(response.status, time.perf_counter() - began, body, headers)


def request(method: str, target: str, *headers: str, body: bytes = b"", host: str = "localhost") -> bytes:
    """Return a request that is whole; its headers are sent as they stand."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def post(body: bytes, *headers: str, path: str = "/v1/tag", kind: str = "application/json") -> bytes:
    """Return a POST of a body."""
    return request("POST", path, f"Content-Type: {kind}", *headers, body=body)
