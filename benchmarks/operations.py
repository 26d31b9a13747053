"""The operator, who activates and rolls back versions, also two at once, exports, and checks every answer."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from pydantic_core import from_json

from benchmarks.corrections import Corrections
from benchmarks.exchange import Answer, message, post_json
from benchmarks.open_loop import Client, Fault, KilledError
from benchmarks.serving import Serving
from tagdesk.models import TopicModel

_LOOK_EVERY = 0.01  # seconds between two looks at CURRENT
_LATE = 0.5  # seconds by which an answer may lag behind CURRENT when it is read
_AFTER_KILL = 10.0  # seconds in which a new worker may serve what CURRENT named when it started
_ARTICLE = b'{"title": "War", "body": "The war went on while troops took the town."}'
_TRIES = 4  # connections over which is asked whether all workers serve a model


@dataclass(frozen=True, slots=True)
class Change:
    """The outcome of an activation or a rollback.

    Attributes:
        wanted: the model asked for; "" for a rollback.
        status: the status of the answer; 0 where its worker was killed.
        model: the model that the answer names.
        everywhere: whether all workers serve it, according to the answer.
        true: whether `CURRENT` named that model when the answer came, or shortly before.
    """

    wanted: str
    status: int
    model: str = ""
    everywhere: bool = False
    true: bool = True


class Operator:
    """The operator.

    Args:
        client: the client that sends the requests.
        who: the header line of a key with all scopes.
        models: the three models that are activated.
        current: the file `CURRENT`.
        serving: the models that may answer; what `CURRENT` names is noted there.
        corrections: the corrections that an export must have.

    Attributes:
        changes: the times at which `CURRENT` changed.
        kills: the times at which workers were killed; the soak adds them.
    """

    def __init__(
        self,
        client: Client,
        who: str,
        models: Sequence[TopicModel],
        current: Path,
        serving: Serving,
        corrections: Corrections,
    ) -> None:
        self.changes: list[float] = []
        self.kills: list[float] = []
        self._client, self._who, self._current = client, who, current
        self._serving, self._corrections = serving, corrections
        self._name = models[0].name
        first, second, third = (model.version for model in models)
        self._cycle: itertools.cycle[Callable[[], Awaitable[None]]] = itertools.cycle(
            (
                lambda: self.change(second),
                lambda: self.change(third),
                lambda: self.change("", ""),
                lambda: self.change(third, second),
                lambda: self.change(first),
                lambda: self.change(""),
            )
        )

    async def ask(self, method: str, target: str) -> Answer:
        """Send a request without a body over a new connection.

        Raises:
            KilledError: the worker was killed meanwhile.
            OSError: the connection broke, or no answer came in time.
        """
        return await self._client.exchange(message(self._who, method, target), fresh=True)

    async def watch_current(self) -> None:
        """Follow `CURRENT`."""
        while True:
            self._look()
            await asyncio.sleep(_LOOK_EVERY)

    async def make_next_change(self) -> None:
        """Make the next activation or rollback, or two at once."""
        await next(self._cycle)()

    async def change(self, *versions: str) -> None:
        """Activate versions, all at once, and check every answer against `CURRENT`; "" rolls back."""
        with suppress(OSError):
            models = from_json((await self.ask("GET", "/v1/models")).body)
            before = self._serving.current
            changes = await asyncio.gather(*map(self._change, versions))
            self._look()
            for fault in untrue_answers(changes, before, self._ref(models["previous"]), self._serving.current):
                self._client.outcomes.note(Fault("lie", fault), "activations and rollbacks")
            for change in changes:
                self._count(change)
                if change.everywhere and change.model == self._serving.current and not self._killed_lately():
                    self._serving.settle(change.model)
                    await self._ask_all(change.model)

    async def export(self) -> bool:
        """Export the corrections and check that no acknowledged one is missing; return whether it succeeded."""
        began = perf_counter()
        try:
            answer = await self.ask("GET", "/v1/feedback/export")
        except OSError:  # the next export may succeed
            return False
        if answer.status == 200:
            faults = await asyncio.to_thread(self._corrections.faults, answer.body.splitlines(), began)
            for fault in faults:
                self._client.outcomes.note(fault, "export")
        return answer.status == 200

    async def scrape(self) -> None:
        """Read the metrics, as Prometheus does."""
        with suppress(OSError):  # the worker was killed
            await self.ask("GET", "/metrics")

    async def _change(self, version: str) -> Change:
        target = f"/v1/models/{version}/activate" if version else "/v1/models/rollback"
        wanted = self._ref(version)
        try:
            answer = await self.ask("POST", target)
        except KilledError:
            return Change(wanted, 0)
        if answer.status != 200:
            return Change(wanted, answer.status)
        self._look()
        activated: dict[str, Any] = from_json(answer.body)
        model = activated["model"]
        true = self._serving.was_current(model, perf_counter() - _LATE)
        return Change(wanted, 200, model, not activated["waiting"], true)

    async def _ask_all(self, ref: str) -> None:
        """Check over new connections that every worker serves the model that all are said to serve."""
        for _ in range(_TRIES):
            answer = await self._client.exchange(post_json(self._who, "/v1/tag", _ARTICLE), fresh=True)
            if answer.status == 200 and (model := from_json(answer.body)["model"]) != ref and not self._killed_lately():
                fault = f"all workers are said to serve {ref}, and {model} answers"
                self._client.outcomes.note(Fault("lie", fault), "activations and rollbacks")

    def _killed_lately(self) -> bool:
        """Return whether a worker may be starting that does not know yet what `CURRENT` names."""
        return bool(self.kills) and perf_counter() - self.kills[-1] < _AFTER_KILL

    def _count(self, change: Change) -> None:
        name = "activations" if change.wanted else "rollbacks"
        outcome = {200: "done" if change.everywhere else "done, not in all workers after 5 s", 0: "with its worker"}
        self._client.outcomes.counts[f"{name}: {outcome.get(change.status, f'answered {change.status}')}"] += 1

    def _look(self) -> None:
        version = self._current.read_text(encoding="ascii").strip()
        if self._ref(version) != self._serving.current:
            self.changes.append(perf_counter())
            self._serving.see(self._ref(version))

    def _ref(self, version: str | None) -> str:
        return f"{self._name}@{version}" if version else ""


def untrue_answers(changes: Sequence[Change], before: str, previous: str, after: str) -> list[str]:
    """Return what is untrue in the answers to activations and rollbacks that were requested at once.

    Args:
        changes: the outcomes, as answered.
        before: the model that `CURRENT` named before.
        previous: the model to which a rollback would have gone back.
        after: the model that `CURRENT` names now.
    """
    models = [change.model for change in changes if change.status == 200]
    rolled_back = [change.model for change in changes if change.status == 200 and not change.wanted]
    untrue = [f"answered {change.model}, CURRENT named another" for change in changes if not change.true]
    untrue += [
        f"{change.wanted} was asked for, the answer names {change.model}"
        for change in changes
        if change.status == 200 and change.wanted not in ("", change.model)
    ]
    if len(set(rolled_back)) < len(rolled_back):
        untrue.append(f"two rollbacks answered {rolled_back[0]}, which CURRENT went back to once")
    if any(change.status == 0 for change in changes):
        return untrue  # it may have been done or not
    if models and after not in models:
        untrue.append(f"answered {' and '.join(models)}, CURRENT names {after}")
    if not models and after != before:
        untrue.append(f"refused, and CURRENT went from {before} to {after}")
    if rolled_back and len(rolled_back) == len(changes) and previous not in rolled_back:
        untrue.append(f"went back to {rolled_back[0]} where {previous} was current before")
    return untrue
