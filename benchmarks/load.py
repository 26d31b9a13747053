"""Post articles as fast as a server answers: by wrk, or where it is not installed by asyncio."""

import asyncio
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

_SCRIPT = Path(__file__).with_name("post.lua")


@dataclass(frozen=True, slots=True)
class Answered:
    """What one run of load came to.

    Attributes:
        rate: requests answered in a second.
        p50: median time of a request, seconds.
        p99: the time that one in a hundred is over, seconds.
        errors: requests without an answer or with a status that is not 2xx or 3xx.
    """

    rate: float
    p50: float
    p99: float
    errors: int


def generator() -> str:
    """Say what generates the load."""
    if shutil.which("wrk"):
        return "wrk, one thread"
    return "an asyncio client (slower than wrk: install wrk with `apt-get install wrk`, or `brew install wrk`)"


def post(
    url: str, bodies: Path, content_type: str, connections: int, seconds: float, key: str | None = None
) -> Answered:
    """Keep `connections` requests under way for so many seconds; each is the next line of `bodies`.

    Raises:
        RuntimeError: wrk does not run.
    """
    if not shutil.which("wrk"):
        lines = bodies.read_bytes().splitlines()
        return asyncio.run(_post(url, lines, content_type, connections, seconds, key))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", "-s", str(_SCRIPT)]
    command += [url, "--", str(bodies), content_type, *([key] if key else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"wrk: {done.stderr or done.stdout}")
    answer = json.loads(done.stdout.splitlines()[-1])
    return Answered(answer["requests"] / answer["seconds"], answer["p50"], answer["p99"], answer["errors"])


async def _post(
    url: str, bodies: list[bytes], content_type: str, connections: int, seconds: float, key: str | None
) -> Answered:
    parts = urlsplit(url)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {content_type}\r\n"
    head += (f"X-API-Key: {key}\r\n" if key else "") + "Content-Length: "
    requests = [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]
    took: list[float] = []
    errors = 0
    began = perf_counter()

    async def connection(first: int) -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        turn = first
        while perf_counter() - began < seconds:
            start = perf_counter()
            writer.write(requests[turn % len(requests)])
            if not await _answered(reader):
                errors += 1
            took.append(perf_counter() - start)
            turn += connections
        writer.close()

    await asyncio.gather(*map(connection, range(connections)))
    took.sort()
    return Answered(
        len(took) / (perf_counter() - began),
        took[len(took) // 2],
        took[min(len(took) - 1, len(took) * 99 // 100)],
        errors,
    )


async def _answered(reader: asyncio.StreamReader) -> bool:
    """Read one answer; tell whether its status is good."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, separator, rest = head.partition(b"content-length:")
    if separator:
        await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    else:  # in chunks
        while int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            await reader.readuntil(b"\r\n")
        await reader.readuntil(b"\r\n")
    return head.split(b" ", 2)[1][:1] in b"23"
