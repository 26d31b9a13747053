"""A client that asks at a fixed rate, checks every answer, and knows which connections a killed worker had."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

from benchmarks.mixed_traffic import Asked

PATIENCE = 30.0
"""Seconds after which a request counts as hanging."""

_REUSED = 200  # requests on one connection, so that a worker that is new gets its share
_IDLE = 2.0  # seconds after which a connection is not used again: the service closes it after 5
_TRIES = 4


class Answer(NamedTuple):
    """What came back: status, headers in small letters, body."""

    status: int
    head: bytes
    body: bytes


@dataclass(slots=True)
class Connection:
    """A connection to the service, its own port, when it was opened and last used, and how often."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    port: int
    opened: float
    used: float
    asked: int = 0


@dataclass(slots=True)
class Serving:
    """Which models may answer now, by name and version: two while one is swapped for the other."""

    refs: frozenset[str]


@dataclass(slots=True)
class Found:
    """What came of the requests.

    Attributes:
        counts: by what came of them.
        faults: of the first that went wrong, in words; nothing of a text.
        took: when each request in good faith was due, and the seconds until its answer was there.
        attacks: when each attack began and ended.
        killed: when the worker at the other end of a port of ours was killed.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    took: list[tuple[float, float]] = field(default_factory=list)
    attacks: list[tuple[float, float]] = field(default_factory=list)
    killed: dict[int, float] = field(default_factory=dict)

    def fault(self, what: str, asked: Asked, how: str) -> None:
        """Count what went wrong."""
        self.counts[what] += 1
        if len(self.faults) < 20:
            self.faults.append(f"{what}: {asked.name or asked.kind}: {how}")


class Client:
    """The client.

    Args:
        port: of the service, on this machine.
        serving: which models may answer.
    """

    def __init__(self, port: int, serving: Serving) -> None:
        self.found = Found()
        self._port = port
        self._serving = serving
        self._free: deque[Connection] = deque()

    async def closed_loop(self, requests: Iterator[Asked], connections: int, seconds: float) -> float:
        """Keep so many requests under way; return how many were answered in a second."""
        began = perf_counter()
        count = 0

        async def one() -> None:
            nonlocal count
            while perf_counter() - began < seconds:
                await self.ask(next(requests), perf_counter())
                count += 1

        await asyncio.gather(*(one() for _ in range(connections)))
        return count / (perf_counter() - began)

    async def open_loop(self, requests: Iterator[Asked], rate: float, seconds: float) -> None:
        """Ask at random times, `rate` times a second on average; a request's time counts from when it was due."""
        gaps = random.Random(0)
        due = perf_counter()
        end = due + seconds
        async with asyncio.TaskGroup() as group:
            while due < end:
                while due > perf_counter():
                    await asyncio.sleep(min(0.001, max(0.0, due - perf_counter())))
                group.create_task(self.ask(next(requests), due))
                due += gaps.expovariate(rate)

    async def ask(self, asked: Asked, due: float) -> None:
        """Ask, again where that is what a client should do, and note what came of it."""
        self.found.counts["attacks" if asked.name else "requests"] += 1
        try:
            async with asyncio.timeout(PATIENCE):
                await (self._attack(asked) if asked.name else self._ask(asked, due))
        except TimeoutError:
            self.found.fault("failed", asked, f"no answer within {PATIENCE:.0f} s")
        except OSError as error:
            self.found.fault("failed", asked, f"{type(error).__name__} when it connected")

    async def _attack(self, asked: Asked) -> None:
        connection = await self._open()
        began = perf_counter()
        try:
            status = (await exchange(connection, asked.sent)).status
        except (OSError, EOFError):
            if self._was_killed(connection):
                self.found.counts["attacks lost"] += 1
                return
            status = 0
        finally:
            connection.writer.close()
            self.found.attacks.append((began, perf_counter()))
        if status not in asked.statuses:
            self.found.fault("attacks answered otherwise", asked, f"answered {status or 'by closing'}")

    async def _ask(self, asked: Asked, due: float) -> None:
        before = self._serving.refs
        unlucky = ""
        for _ in range(_TRIES):
            connection = await self._take()
            try:
                answer = await exchange(connection, asked.sent)
            except (OSError, EOFError) as error:
                connection.writer.close()
                if not self._was_killed(connection):
                    self.found.fault("failed", asked, f"{type(error).__name__} on a worker that lives")
                    return
                self.found.counts["lost"] += 1
                unlucky = "lost, then answered"
                continue
            self._give_back(connection, answer)
            if answer.status == 503 and (wait := _header(answer.head, b"retry-after")):
                self.found.counts["503"] += 1
                unlucky = "503, then answered"
                await asyncio.sleep(float(wait))
                continue
            self.found.took.append((due, perf_counter() - due))
            if self._check(asked, answer, before | self._serving.refs) and unlucky:
                self.found.counts[unlucky] += 1
            return
        self.found.fault("failed", asked, f"not answered in {_TRIES} tries")

    def _check(self, asked: Asked, answer: Answer, refs: frozenset[str]) -> bool:
        got = (answer.status, answer.body)
        by = [ref for ref, expected in asked.expected.items() if got == expected]
        if refs.intersection(by):
            return True
        if by:
            self.found.fault("wrong", asked, f"{by[0]} answered, {' or '.join(sorted(refs))} serves")
        elif answer.status >= 400:
            self.found.fault("failed", asked, f"answered {answer.status}")
        else:
            self.found.fault("wrong", asked, "no model answers this")
        return False

    def _was_killed(self, connection: Connection) -> bool:
        return connection.opened < self.found.killed.get(connection.port, 0.0)

    async def _take(self) -> Connection:
        while self._free:
            connection = self._free.popleft()  # in turn, so that both workers have work
            if perf_counter() - connection.used < _IDLE and not connection.reader.at_eof():
                return connection
            connection.writer.close()
        return await self._open()

    async def _open(self) -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        now = perf_counter()
        return Connection(reader, writer, writer.get_extra_info("sockname")[1], now, now)

    def _give_back(self, connection: Connection, answer: Answer) -> None:
        connection.used = perf_counter()
        connection.asked += 1
        if connection.asked >= _REUSED or _header(answer.head, b"connection") == b"close":
            connection.writer.close()
        else:
            self._free.append(connection)

    def close(self) -> None:
        """Close the connections that are free."""
        while self._free:
            self._free.pop().writer.close()


async def exchange(connection: Connection, sent: bytes) -> Answer:
    """Send a request and read its answer.

    Raises:
        OSError: the connection broke.
        EOFError: the answer is not whole.
    """
    reader = connection.reader
    connection.writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    if status == 304:
        return Answer(status, head, b"")
    if (length := _header(head, b"content-length")) is not None:
        return Answer(status, head, await reader.readexactly(int(length)))
    if _header(head, b"transfer-encoding") is None:
        return Answer(status, head, await reader.read())
    chunks = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        chunks.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return Answer(status, head, b"".join(chunks))


def _header(head: bytes, name: bytes) -> bytes | None:
    _, found, rest = head.partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else None
