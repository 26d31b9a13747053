"""One soak of one service: the traffic, what is done to the service meanwhile, and what is checked in the end."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from time import perf_counter

from benchmarks.corrections import Corrections
from benchmarks.desk_traffic import DeskEditor, QueueTraffic
from benchmarks.exchange import with_key
from benchmarks.memory import memory, total
from benchmarks.mixed_traffic import Mix, Tagging, attacks, careless, checked_topics, rows_of
from benchmarks.open_loop import Asked, Client, Hostile
from benchmarks.operations import Operator
from benchmarks.serving import Serving
from benchmarks.soak_report import SHARE, Observed, Phase
from benchmarks.soaked_service import EDITORS, NAME, Disk, SoakedService, empty_log
from benchmarks.table import say
from tagdesk.models import TopicModel
from tagdesk.progress import Progress

MOST_ATTACKS = 0.05
"""The share of attacks while the ceiling is measured, and while the service warms up."""

_SETTLED = 5.0  # seconds for which two workers serve before the final checks
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The timetable of a soak, in seconds.

    Attributes:
        ceiling: the time for measuring the greatest rate of requests.
        warm_up: the time before memory and times count.
        phases: the phases of the soak.
        change_every: the time between two activations or rollbacks.
        kill_every: the time between two kills.
        export_every: the time between two exports.
    """

    ceiling: float
    warm_up: float
    phases: tuple[Phase, ...]
    change_every: float
    kill_every: float
    export_every: float

    @property
    def seconds(self) -> float:
        """How long the soak lasts."""
        return sum(phase.seconds for phase in self.phases)


class Soak:
    """One soak: the traffic, and what is done to the service meanwhile."""

    def __init__(self, plan: Plan, service: SoakedService, disk: Disk, models: Sequence[TopicModel]) -> None:
        self._plan, self._service, self._disk, self._models = plan, service, disk, models
        self._serving = Serving(models[0].ref)
        self._client = Client(service.port, self._serving)
        self._rows = rows_of(2500, "queue")
        self._corrections = Corrections(models[0], self._rows, self._serving)
        current = disk.folder / "store" / NAME / "CURRENT"
        operator = with_key(service.keys["operator"])
        self._operator = Operator(self._client, operator, models, current, self._serving, self._corrections)
        self._record = Observed(self._client.outcomes, self._operator.changes, self._operator.kills)

    async def run(self, groups: Sequence[str], name: str) -> Observed:
        """Measure the greatest rate, warm up, soak, and make the final checks.

        Args:
            groups: the groups of attacks; all where empty.
            name: the name of the database.
        """
        plan, record, client = self._plan, self._record, self._client
        watching = asyncio.ensure_future(self._operator.watch_current())
        mix, editors = self._traffic(await self._tagging(), groups)
        requests, mix.share = iter(mix), MOST_ATTACKS
        await client.closed_loop(requests, 16, plan.ceiling / 3)
        record.ceiling = await client.closed_loop(requests, 16, plan.ceiling)
        record.rate = SHARE * record.ceiling
        record.disk = self._disk.kind
        say(f"{name}: ceiling {record.ceiling:.0f} requests a second; {record.rate:.0f} from now on")
        change = self._every(plan.change_every, self._operator.make_next_change)
        await self._beside(change, client.open_loop(requests, record.rate, plan.warm_up))
        client.outcomes.forget_times()
        self._operator.changes.clear()
        await self._soak(mix, requests, editors, name)
        watching.cancel()
        client.close()
        return record

    async def _tagging(self) -> Tagging:
        """Activate every model, the first one last, and ask for its topics."""
        topics = {}
        for model in (*self._models[1:], self._models[0]):
            await self._operator.change(model.version)
            answer = await self._operator.ask("GET", "/v1/topics")
            etag = (answer.header(b"etag") or b"").decode()
            topics[model.ref] = (etag, checked_topics(model, answer.body))
        return Tagging(self._models, topics, with_key(self._service.keys["cms"]))

    def _traffic(self, tagging: Tagging, groups: Sequence[str]) -> tuple[Mix, list[DeskEditor]]:
        """Return the mix of requests, and the editors at the desk."""
        keys = self._service.keys
        who, choose = with_key(keys["cms"]), Random(0).choice
        queue = QueueTraffic(self._rows, self._corrections, who)
        tag = tagging.requests()
        makers: dict[str, Callable[[], Asked | Hostile]] = {
            "correction": partial(self._corrections.new, who, "cms"),
            "correction, again": self._corrections.sent_before,
            "queue": queue.put,
            "queue, next": queue.take,
            "counts": queue.counts,
            "careless": partial(choose, careless(with_key(keys["careless"]), self._models[0])),
        }
        makers |= {kind: partial(choose, requests) for kind, requests in tag.items()}
        self._corrections.new(who, "cms")  # so that there is one to send again
        editors = [
            DeskEditor(name, keys[name], self._client, self._corrections, queue, tag["article"], who)
            for name in EDITORS
        ]
        return Mix(makers, attacks(with_key(keys["operator"]), groups)), editors

    async def _soak(
        self, mix: Mix, requests: Iterator[Asked | Hostile], editors: Sequence[DeskEditor], name: str
    ) -> None:
        plan, operator = self._plan, self._operator
        oldest = self._service.workers()[0]
        await self._record_memory(oldest)
        await self._beside(
            self._every(plan.change_every, operator.make_next_change),
            self._every(plan.kill_every, self._kill),
            self._every(plan.export_every, operator.export),
            self._every(10, operator.scrape),
            self._every(30, self._measure_memory),
            self._phases(mix),
            self._show_progress(name),
            *(editor.work() for editor in editors),
            self._client.open_loop(requests, self._record.rate, plan.seconds),
        )
        await self._until_replaced()
        for editor in editors:
            await editor.try_ended_sessions()
        self._record.exported = await self._final_export()
        self._record.acknowledged = self._corrections.acknowledged
        await self._record_memory(oldest)
        lost = (await operator.ask("GET", "/metrics")).body.partition(b"\ntagdesk_log_lines_lost_total ")[2]
        self._record.lost_lines = int(float(lost.split(b"\n")[0] or 0))

    async def _phases(self, mix: Mix) -> None:
        """Change the share of attacks, and fill the disk, when it is time."""
        for phase in self._plan.phases:
            began = perf_counter()
            self._record.began.append(began)
            mix.share = phase.attacks
            if phase.full:
                await asyncio.to_thread(empty_log, self._disk.ledger)
            while (left := began + phase.seconds - perf_counter()) > 0:
                if phase.full and self._disk.can_be_full:
                    self._disk.fill()  # as others may have freed some
                await asyncio.sleep(min(left, 0.5))
            self._disk.empty()

    async def _kill(self) -> None:
        await asyncio.to_thread(self._service.kill_the_youngest, self._client.outcomes.killed)
        self._operator.kills.append(perf_counter())

    async def _until_replaced(self) -> None:
        """Wait until there are two workers again, and both have served for a while."""
        until = perf_counter() + _PATIENCE
        while perf_counter() < until:
            with suppress(OSError):
                if len(json.loads((await self._operator.ask("GET", "/v1/models")).body)["workers"]) == 2:
                    break
            await asyncio.sleep(0.5)
        await asyncio.sleep(_SETTLED)

    async def _final_export(self) -> bool:
        until = perf_counter() + _PATIENCE
        while perf_counter() < until:
            if await self._operator.export():
                return True
            await asyncio.sleep(1)
        return False

    @staticmethod
    async def _beside(*work: Awaitable[None]) -> None:
        """Do the last piece of work, and the others beside it until it is done.

        Raises:
            Exception: the first that any of the others raised.
        """
        *side_work, last = work
        others = [asyncio.ensure_future(task) for task in side_work]
        await last
        for other in others:
            other.cancel()
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

    async def _measure_memory(self) -> None:
        self._record.memory.append(await asyncio.to_thread(total, self._service.process.pid))

    async def _record_memory(self, oldest: int) -> None:
        await self._measure_memory()
        self._record.oldest.append(memory(oldest).get("Rss", 0.0))

    async def _show_progress(self, name: str) -> None:
        with Progress(total=round(self._plan.seconds), what=f"soak, {name}", unit="s") as progress:
            while progress.done < round(self._plan.seconds):
                await asyncio.sleep(1)
                progress.update()
