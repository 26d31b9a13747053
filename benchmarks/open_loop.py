"""A client that asks at a fixed rate, asks again where it should, and knows which connections a killed worker had."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple, Protocol

from benchmarks.exchange import Answer, Connection, exchange
from benchmarks.serving import Serving

PATIENCE = 30.0
"""Seconds after which a request counts as hanging."""

FAULTS = {
    "lost": "acknowledged corrections **lost**",
    "twice": "… there **twice**",
    "changed": "… **changed**",
    "refused": "valid corrections **refused**",
    "wrong": "**wrong** answers",
    "mixed": "answers of a model that does **not serve**",
    "session": "**session** faults: refused while valid, or of use after signing out",
    "lie": "activations and rollbacks whose answer is **not true**",
    "failed": "**failed** outside killed workers",
    "attack answered otherwise": "attacks **answered otherwise** than documented",
    "careless answered otherwise": "a careless client's requests **answered otherwise**",
}
"""What can be wrong, none of which may be, and what the report calls it."""

_REUSED = 200  # requests on one connection, so that a worker that is new gets its share
_IDLE = 2.0  # seconds after which a connection is not used again: the service closes it after 5
_LOOK = 0.1  # seconds within which a client knows what `CURRENT` names
_IN_WORDS = 5  # faults of one kind are put into words


class Fault(NamedTuple):
    """What is wrong with an answer: `wrong`, `mixed`, `refused`, `session`, `failed` …; and how, in words."""

    what: str
    how: str


class Asked(Protocol):
    """A request in good faith."""

    @property
    def kind(self) -> str:
        """What it asks for."""

    @property
    def sent(self) -> bytes:
        """Its bytes."""

    @property
    def patience(self) -> float:
        """Seconds for which it is sent again while the service says that it cannot now."""

    def fault(self, answer: Answer, serving: frozenset[str]) -> Fault | None:
        """Return what is wrong with an answer, given the models that may answer."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """A request that nobody should send.

    Attributes:
        kind: `attack`, or `careless`: wrong without meaning harm.
        name: what it does.
        sent: the bytes.
        statuses: the documented ones; 0 is a connection closed without an answer.
    """

    kind: str
    name: str
    sent: bytes
    statuses: tuple[int, ...]


class KilledError(ConnectionError):
    """The worker at the other end was killed."""


@dataclass(slots=True)
class Outcomes:
    """What came of the requests.

    Attributes:
        counts: by what came of them.
        faults: the first of each kind that went wrong, in words; nothing of a text.
        took: of each request in good faith when it was due, the seconds until its answer was there, its kind.
        attacks: when each attack began and ended.
        killed: when the worker at the other end of a port of ours was killed.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    took: list[tuple[float, float, str]] = field(default_factory=list)
    attacks: list[tuple[float, float]] = field(default_factory=list)
    killed: dict[int, float] = field(default_factory=dict)

    def note(self, fault: Fault, kind: str) -> None:
        """Count what went wrong."""
        self.counts[fault.what] += 1
        if self.counts[fault.what] <= _IN_WORDS:
            self.faults.append(f"{fault.what}: {kind}: {fault.how}")

    def forget_times(self) -> None:
        """Let times, and counts of what did not go wrong, begin anew."""
        self.counts = Counter({what: self.counts[what] for what in FAULTS if self.counts[what]})
        self.took.clear()
        self.attacks.clear()


class Client:
    """The client.

    Args:
        port: of the service, on this machine.
        serving: which models may answer.
    """

    def __init__(self, port: int, serving: Serving) -> None:
        self.outcomes = Outcomes()
        self._port = port
        self._serving = serving
        self._free: deque[Connection] = deque()

    async def closed_loop(self, requests: Iterator[Asked | Hostile], connections: int, seconds: float) -> float:
        """Keep so many requests under way; return how many were answered in a second."""
        began = perf_counter()
        count = 0

        async def keep_asking() -> None:
            nonlocal count
            while perf_counter() - began < seconds:
                await self.send(next(requests), perf_counter())
                count += 1

        await asyncio.gather(*(keep_asking() for _ in range(connections)))
        return count / (perf_counter() - began)

    async def open_loop(self, requests: Iterator[Asked | Hostile], rate: float, seconds: float) -> None:
        """Ask at random times, `rate` times a second on average; a request's time counts from when it was due."""
        gaps = random.Random(0)
        due = perf_counter()
        end = due + seconds
        async with asyncio.TaskGroup() as group:
            while due < end:
                while due > perf_counter():
                    await asyncio.sleep(min(0.001, max(0.0, due - perf_counter())))
                group.create_task(self.send(next(requests), due))
                due += gaps.expovariate(rate)

    async def send(self, request: Asked | Hostile, due: float) -> None:
        """Send a request of either sort, and note what came of it."""
        if isinstance(request, Hostile):
            await self._attack(request)
        else:
            await self.ask(request, due)

    async def ask(self, asked: Asked, due: float) -> Answer | None:
        """Ask, again where that is what a client should do, and note what came of it.

        Returns:
            The answer that counts; None where the connection to a living worker broke, or nothing came.
        """
        counts = self.outcomes.counts
        counts["requests"] += 1
        unlucky: set[str] = set()
        while True:
            began = perf_counter()
            try:
                answer = await self.exchange(asked.sent)
            except KilledError:
                counts["with its worker"] += 1
                unlucky.add("with its worker, then answered")
                continue
            except OSError as error:
                self.outcomes.note(Fault("failed", str(error) or type(error).__name__), asked.kind)
                return None
            wait = answer.header(b"retry-after")
            if answer.status != 503 or wait is None or began + float(wait) > due + asked.patience:
                break
            counts.update(("503", f"503: {asked.kind}"))
            unlucky.add("503, then answered")
            await asyncio.sleep(float(wait))
        self.outcomes.took.append((due, perf_counter() - due, asked.kind))
        fault = asked.fault(answer, self._serving.since(began))
        if fault is not None and fault.what == "mixed":
            await asyncio.sleep(_LOOK)
            fault = asked.fault(answer, self._serving.since(began))
        if fault is not None:
            self.outcomes.note(fault, asked.kind)
        else:
            counts.update(unlucky)
        return answer

    async def exchange(self, sent: bytes, *, fresh: bool = False) -> Answer:
        """Send bytes and return the answer; `fresh`: over a connection of their own.

        Raises:
            KilledError: the worker was killed meanwhile.
            TimeoutError: nothing came in time.
            OSError: the connection broke, or cannot be made.
        """
        connection = await (self._open() if fresh else self._take())
        answer = None
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await exchange(connection, sent)
        except TimeoutError:
            raise TimeoutError(f"no answer within {PATIENCE:.0f} s") from None
        except (OSError, EOFError) as error:
            if connection.opened < self.outcomes.killed.get(connection.port, 0.0):
                raise KilledError from None
            raise ConnectionError(f"{type(error).__name__} on a worker that lives") from None
        finally:
            if answer is None:
                connection.writer.close()
        self._give_back(connection, answer, fresh=fresh)
        return answer

    async def _attack(self, attack: Hostile) -> None:
        counts = self.outcomes.counts
        counts[attack.kind] += 1
        began = perf_counter()
        try:
            status = (await self.exchange(attack.sent, fresh=True)).status
        except KilledError:
            counts[f"{attack.kind} with its worker"] += 1
            return
        except TimeoutError as error:
            self.outcomes.note(Fault("failed", str(error)), attack.name)
            return
        except OSError:
            status = 0
        if attack.kind == "attack":
            self.outcomes.attacks.append((began, perf_counter()))
        # A service that has too much to do may refuse whatever it is asked.
        if status not in (*attack.statuses, 503):
            how = f"answered {status or 'by closing'}"
            self.outcomes.note(Fault(f"{attack.kind} answered otherwise", how), attack.name)

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

    def _give_back(self, connection: Connection, answer: Answer, *, fresh: bool) -> None:
        connection.used = perf_counter()
        connection.asked += 1
        if fresh or connection.asked >= _REUSED or answer.header(b"connection") == b"close":
            connection.writer.close()
        else:
            self._free.append(connection)

    def close(self) -> None:
        """Close the connections that are free."""
        while self._free:
            self._free.pop().writer.close()
