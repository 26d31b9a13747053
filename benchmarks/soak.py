"""Minutes of mixed traffic on two workers amid swaps, killed workers and a full disk: what was lost, wrong, slow."""

import asyncio
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from time import perf_counter

import uvloop

from benchmarks.articles import source
from benchmarks.memory import memory, total
from benchmarks.mixed_traffic import Asked, checked_topics, message, mixture, traffic
from benchmarks.open_loop import Answer, Client, Connection, Found, Serving, exchange
from benchmarks.soaked_service import Disk, Soaked, soaked_service, two_models
from benchmarks.table import markdown, number, say, write
from models import TopicModel
from training.progress import Progress

AFTER_KILL = 5.0
"""Seconds after a kill whose times are shown apart."""

_NOTICED = 2.0  # seconds that workers have to follow CURRENT, one that was just being started among them
_SHARE = 0.4
_LONG_ATTACK = 0.01


@dataclass(frozen=True, slots=True)
class Plan:
    """When what happens, in seconds.

    Attributes:
        ceiling: of measuring what the service can do at most.
        warm_up: before memory and times count.
        seconds: of the soak.
        swap_every: between two swaps.
        kill_every: between two kills.
        full: from when until when the disk is full.
    """

    ceiling: float
    warm_up: float
    seconds: float
    swap_every: float
    kill_every: float
    full: tuple[float, float]


FULL = Plan(15, 30, 600, 20, 30, (240, 300))
QUICK = Plan(2, 4, 20, 4, 6, (10, 14))


@dataclass(slots=True)
class Observed:
    """What was seen of the service.

    Attributes:
        ceiling: requests a second, as many as it takes.
        memory: of all processes together in MiB: after the warm-up, every 30 s, at the end.
        oldest: of the worker that was never killed, after the warm-up and at the end.
        swaps: by how they went.
        kills: when they were.
        lost_lines: log lines that the metrics count as dropped.
    """

    ceiling: float = 0.0
    memory: list[float] = field(default_factory=list)
    oldest: list[float] = field(default_factory=list)
    swaps: Counter[str] = field(default_factory=Counter)
    kills: list[float] = field(default_factory=list)
    lost_lines: int = 0


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Soak, and write `soak.md`; `only` names groups of attacks to take the hostile requests from.

    Raises:
        RuntimeError: the service does not start, or does not stop as it should.
    """
    plan = QUICK if quick else FULL
    models, disk = two_models(), Disk()
    try:
        with soaked_service(disk, models[1]) as service, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            seen, found = runner.run(Soak(plan, service, disk, models).run(only))
        log = _read_log(service)
        if service.process.returncode:
            found.faults.append(f"the service ended with exit code {service.process.returncode}")
    finally:
        disk.leave()
    write("soak", "Soak", _parts(plan, disk, seen, found, log), quick=quick)


class Soak:
    """One soak: traffic, and what happens to the service meanwhile."""

    def __init__(self, plan: Plan, service: Soaked, disk: Disk, models: tuple[TopicModel, TopicModel]) -> None:
        self._plan, self._service, self._disk, self._models = plan, service, disk, models
        self._serving = Serving(frozenset({models[0].ref}))
        self._next = models[1]
        self._seen = Observed()

    async def run(self, groups: Sequence[str]) -> tuple[Observed, Found]:
        """Measure the ceiling, warm up, soak."""
        plan, seen = self._plan, self._seen
        topics = {}
        for model in (self._models[1], self._models[0]):
            self._next = model
            await self._swap()
            answer = await self._admin("GET", "/v1/topics")
            etag = answer.head.partition(b"\r\netag:")[2].partition(b"\r\n")[0].strip()
            topics[model.ref] = (etag.decode(), checked_topics(model, answer.body))
        requests = traffic(self._models, topics, self._service.keys, groups)
        warm = Client(self._service.port, self._serving)
        await warm.closed_loop(requests, 16, plan.ceiling / 3)
        seen.ceiling = await warm.closed_loop(requests, 16, plan.ceiling)
        rate = _SHARE * seen.ceiling
        say(f"ceiling {seen.ceiling:.0f} requests a second; {rate:.0f} from now on")
        await self._beside(self._every(plan.warm_up / 4, self._swap), warm.open_loop(requests, rate, plan.warm_up))
        warm.close()
        if trouble := warm.found.faults:
            say("\n".join(["in the warm-up:", *trouble]))
        seen.swaps.clear()
        return seen, await self._soak(requests, rate)

    async def _soak(self, requests: Iterator[Asked], rate: float) -> Found:
        plan = self._plan
        client = Client(self._service.port, self._serving)
        oldest = self._service.workers()[0]
        await self._remember(oldest)

        async def kill() -> None:
            ports = await asyncio.to_thread(self._service.kill_the_youngest)
            client.found.killed |= ports
            self._seen.kills.append(perf_counter())

        await self._beside(
            self._every(plan.swap_every, self._swap),
            self._every(plan.kill_every, kill),
            self._every(30, self._weigh),
            self._every(10, self._scrape),
            self._full_disk(),
            self._tell(),
            client.open_loop(requests, rate, plan.seconds),
        )
        client.close()
        await self._until_replaced()
        await self._remember(oldest)
        lost = (await self._admin("GET", "/metrics")).body.partition(b"\ntagdesk_log_lines_lost_total ")[2]
        self._seen.lost_lines = int(float(lost.split(b"\n")[0] or 0))
        return client.found

    async def _until_replaced(self) -> None:
        """Wait until there are two workers again, and both have been at it for a while."""
        until = perf_counter() + 60
        while perf_counter() < until:
            with suppress(OSError, EOFError):
                if len(json.loads((await self._admin("GET", "/v1/models")).body)["workers"]) == 2:
                    break
            await asyncio.sleep(0.5)
        await asyncio.sleep(AFTER_KILL)

    @staticmethod
    async def _beside(*work: Awaitable[None]) -> None:
        """Do the last of the work, and the rest beside it as long as it takes."""
        others = [asyncio.ensure_future(one) for one in work[:-1]]
        await work[-1]
        for one in others:
            one.cancel()
        for outcome in await asyncio.gather(*others, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    @staticmethod
    async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        due = perf_counter()
        while True:
            due += seconds
            await asyncio.sleep(due - perf_counter())
            await work()

    async def _swap(self) -> None:
        """Activate the other model; from `_NOTICED` seconds after the answer on it must be the only one."""
        model, self._next = self._next, self._models[self._next is self._models[0]]
        before, began = self._serving.refs, perf_counter()
        self._serving.refs = before | {model.ref}
        try:
            answer = await self._admin("POST", f"/v1/models/{model.version}/activate")
        except (OSError, EOFError):
            await asyncio.sleep(1)  # the list of kills may be behind
            killed = any(kill > began for kill in self._seen.kills)
            self._seen.swaps["in flight on a worker that was killed" if killed else "**broken off**"] += 1
            return
        if answer.status != 200:
            self._seen.swaps[f"refused with {answer.status}"] += 1
            self._serving.refs = before
            return
        waiting = json.loads(answer.body)["waiting"]
        self._seen.swaps["not in all workers after 5 s" if waiting else "done"] += 1
        await asyncio.sleep(_NOTICED)
        self._serving.refs = frozenset({model.ref})

    async def _admin(self, method: str, target: str) -> Answer:
        sent = message(self._service.keys[1], method, target)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._service.port)
        try:
            return await exchange(Connection(reader, writer, 0, 0, 0), sent)
        finally:
            writer.close()

    async def _scrape(self) -> None:
        """Read the metrics, as Prometheus does."""
        with suppress(OSError, EOFError):  # the worker was killed
            await self._admin("GET", "/metrics")

    async def _full_disk(self) -> None:
        if not self._disk.can_be_full:
            return
        start, end = self._plan.full
        await asyncio.sleep(start)
        until = perf_counter() + end - start
        while perf_counter() < until:
            self._disk.fill()
            await asyncio.sleep(0.5)  # what others gave back is taken again
        self._disk.empty()

    async def _weigh(self) -> None:
        self._seen.memory.append(await asyncio.to_thread(total, self._service.process.pid))

    async def _remember(self, oldest: int) -> None:
        await self._weigh()
        self._seen.oldest.append(memory(oldest).get("Rss", 0.0))

    async def _tell(self) -> None:
        with Progress(total=round(self._plan.seconds), what="soak", unit="s") as shown:
            while True:
                await asyncio.sleep(1)
                shown.update()


def _read_log(service: Soaked) -> Counter[str]:
    """Count the lines: of requests, others, broken ones (a full disk may cut a line off), faults of ours."""
    counts: Counter[str] = Counter()
    for line in service.log.read_bytes().splitlines()[1:]:
        try:
            event = json.loads(line)
        except ValueError:
            counts["broken"] += 1
            continue
        counts[event["event"]] += 1
        counts["internal"] += event.get("problem") == "internal-error"
    return counts


def _parts(plan: Plan, disk: Disk, seen: Observed, found: Found, log: Counter[str]) -> Iterator[str]:
    full = f"from second {plan.full[0]:g} to {plan.full[1]:g} the disk with log, store, metrics and `TMPDIR` is full"
    yield (
        f"{plan.seconds:g} seconds of mixed traffic on two workers, with keys, limits, metrics and JSON logs on. A "
        f"closed loop of 16 connections came to {number(seen.ceiling)} requests a second; the soak asks at "
        f"{number(_SHARE * seen.ceiling)}, at random times, whatever the service does. Every {plan.swap_every:g} s "
        f"another model is activated, every {plan.kill_every:g} s the younger worker is killed with SIGKILL, "
        f"{full if disk.can_be_full else 'no disk is full: nobody but root may mount a small one'}. "
        f"Every answer is compared, to the byte, with what the model that it names gives in process. Sent are "
        f"{mixture()}; {source()}."
    )
    yield markdown(("", "number"), _outcomes(found, log, seen))
    yield "## Seconds to answer"
    yield _times(plan, found, seen)
    yield (
        "Of what was asked in good faith, from the time it was due to its whole answer, tries again included; the "
        "client shares the cores with the service."
    )
    yield "## Memory"
    yield markdown(("", "after the warm-up, MB", "most, MB", "at the end, MB", "growth"), _memory(seen))
    yield "Of all processes as PSS; of the worker that was not killed as RSS. Weighed every 30 s."
    if found.faults:
        yield "## What went wrong, the first 20"
        yield "\n".join(f"- {fault}" for fault in found.faults)


def _outcomes(found: Found, log: Counter[str], seen: Observed) -> Iterator[tuple[str, object]]:
    counts = found.counts
    yield "requests in good faith", f"{counts['requests']:,}"
    yield "**wrong answers**", counts["wrong"]
    yield "**failed** outside killed workers", counts["failed"]
    yield "in flight on a worker that was killed", counts["lost"]
    yield "… answered when asked again", counts["lost, then answered"]
    yield "503 with `Retry-After`", counts["503"]
    yield "… answered when asked again", counts["503, then answered"]
    yield "attacks", f"{counts['attacks']:,}"
    yield "… **answered otherwise than documented**", counts["attacks answered otherwise"]
    yield "… in flight on a worker that was killed", counts["attacks lost"]
    yield "workers killed", len(seen.kills)
    yield from ((f"swaps: {how}", count) for how, count in sorted(seen.swaps.items()))
    yield "log lines of requests", f"{log['request']:,}"
    yield "… cut off", log["broken"]
    yield "… dropped, by the metrics", seen.lost_lines
    yield "faults of ours in the log (`internal-error`)", log["internal"]


def _times(plan: Plan, found: Found, seen: Observed) -> str:
    inside: list[float] = []
    outside: list[tuple[float, float]] = []
    kills = iter(pairwise([*seen.kills, float("inf")]))
    last, following = float("-inf"), seen.kills[0] if seen.kills else float("inf")
    for due, took in sorted(found.took):
        while due >= following:
            last, following = next(kills)
        if due - last < AFTER_KILL:
            inside.append(took)
        else:
            outside.append((due, took))
    rows = [
        (f"outside the {AFTER_KILL:g} s after a kill", *_quantiles([took for _, took in outside])),
        ("… while no attack of 10 ms or more was answered", *_quantiles(_undisturbed(outside, found.attacks))),
        (f"in the {AFTER_KILL:g} s after a kill", *_quantiles(inside)),
        ("attacks, from the first byte sent", *_quantiles([ended - began for began, ended in found.attacks])),
    ]
    return markdown(("", "requests", "p50, ms", "p99, ms", "p99.9, ms", "longest, ms"), rows)


def _undisturbed(requests: list[tuple[float, float]], attacks: list[tuple[float, float]]) -> list[float]:
    """Return the times of the requests during which no attack took long."""
    long = sorted((began, ended) for began, ended in attacks if ended - began >= _LONG_ATTACK)
    begun = [began for began, _ in long]
    last_end = list(accumulate((ended for _, ended in long), max, initial=float("-inf")))
    return [took for due, took in requests if last_end[bisect_right(begun, due + took)] < due]


def _quantiles(took: list[float]) -> list[str]:
    took = sorted(took) or [0.0]
    at = [took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.99, 0.999, 1.0)]
    return [f"{len(took):,}", *(number(1000 * one) for one in at)]


def _memory(seen: Observed) -> Iterator[tuple[str, ...]]:
    for name, sizes in (("all processes", seen.memory), ("the worker that lived through it all", seen.oldest)):
        first, last = sizes[0], sizes[-1]
        growth = f"{100 * (last / first - 1):+.1f} %" if first else "–"
        yield name, number(first), number(max(sizes)), number(last), growth
