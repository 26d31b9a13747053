"""The model being served: loaded, verified and warmed up before it answers, and swapped in one assignment."""

import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from tagdesk.models import BundleError, BundleNotFound, TagdeskError, TopicModel, load, storage
from tagdesk.models.answer import answer
from tagdesk.models.compiling import warm_up
from tagdesk.models.errors import CurrentChanged
from tagdesk.service.example import EXAMPLE
from tagdesk.service.shadow import Shadow
from tagdesk.service.workers import Workers

INTERVAL = 0.5
"""Seconds between looks at `CURRENT`."""

Outcome = Literal["ok", "failed"]
T = TypeVar("T")

_LONGEST_REASON = 500

logger = logging.getLogger("tagdesk")


class ModelNotReady(TagdeskError):
    """No model has been loaded yet."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model that has tagged real articles.

    Attributes:
        model: the model.
        example: its answer to `EXAMPLE`, shown in the API's description.
        since: when it began to answer, UTC.
    """

    model: TopicModel
    example: dict[str, Any]
    since: str


class ActiveModel:
    """The model that answers, and none before it has tagged real articles.

    A request takes the model once and keeps it, so a swap never mixes two models in one answer. A new model is loaded,
    then written down as current if that was asked for, and answers only then: a swap returns what `CURRENT` names.

    Args:
        ref: what `tagdesk.load` takes. A bare name follows `CURRENT`; a version or a path is served until the end.
        workers: those who are told what is served.
        loader: the thread in which models are loaded and swapped.

    Attributes:
        listeners: called after every attempt to load a model, with the outcome and the model's name and version.
        name: the model's name where `CURRENT` is followed, else None.
    """

    def __init__(self, ref: str, workers: Workers, loader: ThreadPoolExecutor) -> None:
        self.ref = ref
        self.name = None if "@" in ref or os.sep in ref else ref
        self.listeners: list[Callable[[Outcome, str], None]] = []
        self._workers = workers
        self._loader = loader
        self._shadow: Shadow | None = None
        self._served: Served | None = None
        self._failure: dict[str, str] | None = None
        self._mark: tuple[object, ...] = ()

    @property
    def model(self) -> TopicModel:
        """The model.

        Raises:
            ModelNotReady: not loaded yet.
        """
        if self._served is None:
            raise ModelNotReady("the model is being loaded: try again soon")
        return self._served.model

    @property
    def example(self) -> dict[str, Any] | None:
        """The model's own answer to `EXAMPLE`; None before `load`."""
        return self._served.example if self._served else None

    def load(self) -> None:
        """Load the first model.

        If `CURRENT` names a bad bundle, a worker that replaces a dead one serves what the others serve.

        Raises:
            BundleError: it cannot be used.
        """
        if self.name:
            self._mark = storage.current_mark(self.name)
        try:
            served = _load(self.ref)
        except TagdeskError as error:
            others = self._workers.last_served(self.name) if self.name else []
            if not others:
                raise
            served = _load(others[0])
            self._note_failure(self.ref, error)
        self._swap(served)

    def compare_with(self, shadow: Shadow) -> None:
        """Compare the model, and those that take its place, with a shadow."""
        self._shadow = shadow
        shadow.compare_with(self.model.ref)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow `CURRENT` and let the shadow compare, as long as the block runs."""
        tasks = [asyncio.create_task(self._watch())]
        if self._shadow is not None:
            tasks.append(asyncio.create_task(self._shadow.run()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _in_loader(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._loader, work)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self._in_loader(self._look)
            except Exception:  # the next look may do better
                logger.exception("cannot look for another model")

    def _look(self) -> None:
        """Serve what `CURRENT` names if it has changed; if that cannot be served, the old model stays."""
        mark = storage.current_mark(self.name) if self.name else self._mark
        if mark != self._mark:
            self._mark = mark
            self._follow(str(self.name))
        self.publish()

    def _follow(self, name: str) -> None:
        ref = name
        try:
            if version := storage.default_version(name):
                ref = f"{name}@{version}"
            if ref != self.model.ref:
                self._swap(_load(ref))
        except TagdeskError as error:
            self._note_failure(ref, error)

    async def activate(self, version: str) -> str:
        """Serve a version, and let `CURRENT` name it, for the other workers to follow.

        Returns:
            Name and version of the model.

        Raises:
            BundleNotFound: there is no such version.
            CurrentChanged: another version became current in the meantime, which stays.
            BundleError: it cannot be used, or `CURRENT` cannot be written: nothing has changed.
        """
        name = self._followed()
        expected = await asyncio.to_thread(storage.default_version_or_none, storage.store(), name)
        return await self._in_loader(lambda: self._activate(name, version, expected))

    def _activate(self, name: str, version: str, expected: str | None) -> str:
        with self._failure_noted(f"{name}@{version}"):
            served = self._loaded(name, version)
            storage.make_current(storage.store(), name, version, expected=expected)
        self._swap(served)
        return served.model.ref

    async def roll_back(self) -> str:
        """Serve the version that was current before, as `activate` does.

        Returns:
            Name and version of the model.

        Raises:
            BundleNotFound: there is none.
            CurrentChanged: another version became current in the meantime, which stays.
            BundleError: it cannot be used, or `CURRENT` cannot be written: nothing has changed.
        """
        name = self._followed()
        expected = await asyncio.to_thread(storage.default_version_or_none, storage.store(), name)
        return await self._in_loader(lambda: self._roll_back(name, expected))

    def _roll_back(self, name: str, expected: str | None) -> str:
        version = storage.previous(storage.store(), name)
        if version is None:
            raise BundleNotFound("no earlier version is left to go back to: activate a version by its name")
        with self._failure_noted(f"{name}@{version}"):
            served = self._loaded(name, version)
            written = storage.roll_back(storage.store(), name, expected=expected)
            if written != version:  # the one in between was deleted meanwhile
                served = _load(f"{name}@{written}")
        self._swap(served)
        return served.model.ref

    def _followed(self) -> str:
        if self.name is None:
            raise BundleError(f"the service was started with one fixed model: start it with --model {self.model.name}")
        return self.name

    def _loaded(self, name: str, version: str) -> Served:
        """Load a version, unless it is the one that answers already."""
        if self._served is not None and self._served.model.ref == f"{name}@{version}":
            return self._served
        return _load(f"{name}@{version}")

    def _swap(self, served: Served) -> None:
        """Let a model answer from now on; requests under way keep the model they took."""
        if self._served is served:
            return
        self._served = served
        if self._shadow is not None:
            self._shadow.compare_with(served.model.ref)
        for listener in self.listeners:
            listener("ok", served.model.ref)
        self.publish()
        # All of it lives as long as the process: the collector would walk it for a tenth of a second amid a request.
        gc.collect()
        gc.freeze()

    @contextmanager
    def _failure_noted(self, ref: str) -> Iterator[None]:
        try:
            yield
        except CurrentChanged:  # no fault of this model's
            raise
        except TagdeskError as error:
            self._note_failure(ref, error)
            raise

    def _note_failure(self, ref: str, error: Exception) -> None:
        reason = str(error)[:_LONGEST_REASON]
        self._failure = {"model": ref, "reason": reason, "at": _now()}
        logger.error("%s is not served: %s", ref, reason)
        for listener in self.listeners:
            listener("failed", ref)
        self.publish()

    def publish(self) -> None:
        """Let the other workers know what is served."""
        served = self._served
        if served is not None:
            shadow = self._shadow.state() if self._shadow else None
            state = {"model": served.model.ref, "since": served.since, "failure": self._failure, "shadow": shadow}
            self._workers.publish(state)


def _load(ref: str) -> Served:
    """Load a model and try it: what loads or compiles does so here, and not while a reader waits.

    Raises:
        BundleError: it cannot be used.
    """
    try:
        model = load(ref)
        warm_up(model)
        return Served(model, answer(model.tag(EXAMPLE), model.ref), _now())
    except BundleError:
        raise
    except Exception as error:
        raise BundleError(f"{ref} fails with {type(error).__name__} when it is loaded and tried") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
