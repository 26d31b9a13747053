"""HTTP as bytes, for a client that costs little: requests made beforehand, answers read whole."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple


class Answer(NamedTuple):
    """What came back: status, the lines of the head, body."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """Return the value of the first header of a name, given in small letters; None where there is none."""
        at = self.head.lower().find(b"\r\n" + name + b":")
        return None if at < 0 else self.head[at + len(name) + 3 :].partition(b"\r\n")[0].strip()


@dataclass(slots=True)
class Connection:
    """A connection to the service, its own port, when it was opened and last used, and how often."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    port: int
    opened: float
    used: float
    asked: int = 0


def with_key(key: str) -> str:
    """Return the header line of a client that has a key."""
    return f"X-API-Key: {key}"


def with_cookie(cookie: str) -> str:
    """Return the header lines of the desk's page, signed in: `cookie` is name and value."""
    return f"Cookie: {cookie}\r\nSec-Fetch-Site: same-origin"


def message(who: str, method: str, target: str, body: bytes = b"", media_type: str = "", more: str = "") -> bytes:
    """Return the bytes of a request.

    Args:
        who: header lines that say who asks.
        method: GET, POST …
        target: path and query.
        body: what is sent.
        media_type: of the body.
        more: one further header line.
    """
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", who]
    lines += [f"Content-Type: {media_type}"] if media_type else []
    lines += [more] if more else []
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def post_json(who: str, target: str, body: bytes) -> bytes:
    """Return the bytes of a POST of JSON."""
    return message(who, "POST", target, body, "application/json")


async def exchange(connection: Connection, sent: bytes) -> Answer:
    """Send a request and read its answer.

    Raises:
        OSError: the connection broke.
        EOFError: the answer is not whole.
    """
    reader = connection.reader
    connection.writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    answer = Answer(int(head[9:12]), head, b"")
    if answer.status == 304:
        return answer
    if (length := answer.header(b"content-length")) is not None:
        return answer._replace(body=await reader.readexactly(int(length)))
    if answer.header(b"transfer-encoding") is None:
        return answer._replace(body=await reader.read())
    chunks = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        chunks.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return answer._replace(body=b"".join(chunks))
