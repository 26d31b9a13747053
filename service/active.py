"""The model being served: loaded, verified and warmed before it answers, swapped for another in one assignment."""

import asyncio
import gc
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from starlette.requests import Request

from models import Article, BundleError, BundleNotFound, TagdeskError, TopicModel, load, storage
from models.answer import answer
from service.problems import Problem, internal_error
from service.shadow import Shadow
from service.workers import Workers

INTERVAL = 0.5
"""Seconds between looks at `CURRENT`."""

Outcome = Literal["ok", "failed"]
T = TypeVar("T")

_LONGEST_REASON = 500

logger = logging.getLogger("tagdesk")

EXAMPLE = Article(
    id="2026-11-23/storm",
    title="Storm cuts power to 40,000 homes along the west coast",
    body=(
        "Winds of up to 130 km/h brought down power lines and flooded roads overnight, and the weather service kept "
        "its warning for heavy rain in place until Tuesday evening. The electricity grid operator said most "
        "households would be reconnected by noon. Rescue workers evacuated two villages where a river had burst "
        "its banks; the government promised emergency aid to families who lost their homes in the floods."
    ),
    language="en",
)


@dataclass(frozen=True, slots=True)
class Served:
    """A model that has tagged real articles.

    Attributes:
        model: the model.
        example: its answer to `EXAMPLE`, shown in the API's description.
        since: since when it answers, UTC.
    """

    model: TopicModel
    example: dict[str, Any]
    since: str


class ActiveModel:
    """The model that answers, and none before it has tagged real articles.

    A request takes the model once and keeps it, so a swap mixes no answers.

    Args:
        ref: what `models.load` takes. A bare name follows `CURRENT`; a version or a path is served until the end.
        workers: whom to tell what is served.
        shadow: what is compared with the active model.

    Attributes:
        listeners: are told of every model loaded: whether it answers now, and its name and version.
        name: the model's name where `CURRENT` is followed, else None.
    """

    def __init__(self, ref: str, workers: Workers | None = None, shadow: Shadow | None = None) -> None:
        self.ref = ref
        self.name = None if "@" in ref or os.sep in ref else ref
        self.listeners: list[Callable[[Outcome, str], None]] = []
        self._workers = workers or Workers()
        self._shadow = shadow
        self._served: Served | None = None
        self._failure: dict[str, str] | None = None
        self._mark: tuple[object, ...] = ()
        self._loader = ThreadPoolExecutor(1, "loader")
        self._telling = threading.Lock()

    @property
    def model(self) -> TopicModel:
        """The model.

        Raises:
            Problem: not loaded yet.
        """
        if self._served is None:
            raise Problem("not-ready", "The model is being loaded: try again soon.", headers={"Retry-After": "2"})
        return self._served.model

    @property
    def example(self) -> dict[str, Any] | None:
        """The model's own answer to `EXAMPLE`; None before `load`."""
        return self._served.example if self._served else None

    def load(self) -> None:
        """Load the first model, and the shadow.

        A worker that replaces a dead one while `CURRENT` names a bad bundle serves what the others serve.

        Raises:
            BundleError: it cannot be used.
        """
        if self._shadow is not None:
            self._shadow.load()
        if self.name:
            self._mark = storage.current_mark(self.name)
        try:
            served = _load(self.ref)
        except TagdeskError as error:
            others = self._workers.last_served() if self.name else []
            if not others:
                raise
            served = _load(others[0])
            self._note_failure(self.ref, error)
        self._swap(served)
        self.tell()

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Load the model, then follow `CURRENT` and let the shadow compare, as long as the block runs."""
        await self._in_loader(lambda: self.load())
        tasks = [asyncio.create_task(self._watch())]
        if self._shadow is not None:
            tasks.append(asyncio.create_task(self._shadow.run()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._workers.leave()

    async def _in_loader(self, work: Callable[[], T]) -> T:
        """Load and swap in one thread: one at a time, and what loading takes of memory is taken once."""
        return await asyncio.get_running_loop().run_in_executor(self._loader, work)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self._in_loader(self._look)
            except Exception as error:  # noqa: BLE001 - the next look may do better
                internal_error(error)

    async def activate(self, version: str) -> str:
        """Serve a version, and let `CURRENT` name it, for the other workers to follow.

        Returns:
            Name and version of the model.

        Raises:
            BundleNotFound: there is no such version.
            BundleError: it cannot be used, or `CURRENT` cannot be written: nothing has changed.
        """
        return await self._in_loader(
            lambda: self._change(version, lambda place, name: storage.make_current(place, name, version))
        )

    async def roll_back(self) -> str:
        """Serve the version that was current before, as `activate` does.

        Raises:
            BundleNotFound: there is none.
            BundleError: it cannot be used, or `CURRENT` cannot be written: nothing has changed.
        """
        return await self._in_loader(self._roll_back)

    def _roll_back(self) -> str:
        version = storage.previous(storage.store(), self._followed())
        if version is None:
            raise BundleNotFound("no version that is still there was current before: activate one by its name")
        return self._change(version, storage.roll_back)

    def _followed(self) -> str:
        if self.name is None:
            raise BundleError(f"the service was started with one fixed model: start it with --model {self.model.name}")
        return self.name

    def _change(self, version: str, write: Callable[[Path, str], object]) -> str:
        name = self._followed()
        served = self._served
        try:
            if served is None or served.model.version != version:
                served = _load(f"{name}@{version}")
            write(storage.store(), name)
        except TagdeskError as error:
            self._note_failure(f"{name}@{version}", error)
            raise
        self._swap(served)
        self.tell()
        return f"{name}@{version}"

    def _look(self) -> None:
        """Serve what `CURRENT` names, if it was written; where that cannot be served, the old model stays."""
        mark = storage.current_mark(self.name) if self.name else self._mark
        if mark != self._mark:
            self._mark = mark
            self._follow(str(self.name))
        self.tell()

    def _follow(self, name: str) -> None:
        ref = name
        try:
            if version := storage.named(name):
                ref = f"{name}@{version}"
            if ref != self.model.ref:
                self._swap(_load(ref))
        except TagdeskError as error:
            self._note_failure(ref, error)

    def _swap(self, served: Served) -> None:
        """Let a model answer from now on; requests that have begun keep the one they took."""
        if self._served is served:
            return
        if self._shadow is not None:
            served = replace(served, model=self._shadow.watch(served.model))
        self._served = served
        for listener in self.listeners:
            listener("ok", served.model.ref)
        # All that lives as long as the process: the collector would walk it for a tenth of a second, amid a request.
        gc.collect()
        gc.freeze()

    def _note_failure(self, ref: str, error: Exception) -> None:
        reason = str(error)[:_LONGEST_REASON]
        self._failure = {"model": ref, "reason": reason, "at": _now()}
        logger.error("%s is not served: %s", ref, reason)
        for listener in self.listeners:
            listener("failed", ref)
        self.tell()

    def tell(self) -> None:
        """Tell the other workers what is served."""
        with self._telling:
            served = self._served
            if served is not None:
                state = {"model": served.model.ref, "since": served.since, "failure": self._failure}
                self._workers.tell(state | {"shadow": self._shadow.state() if self._shadow else None})


def _load(ref: str) -> Served:
    """Load a model and tag articles with it, as text, as HTML and strange: what loads or compiles does so here.

    Raises:
        BundleError: it cannot be used.
    """
    try:
        model = load(ref)
        as_html = Article(title=EXAMPLE.title, body_html=f"<p>{EXAMPLE.body}</p>")
        model.tag(as_html, explain=True)
        model.tag(EXAMPLE, explain=True)
        model.tag(Article(body="zxqv wqzx vvkq " * 9))  # unknown words: what language is it?
        return Served(model, answer(model.tag(EXAMPLE), model.ref), _now())
    except BundleError:
        raise
    except Exception as error:
        raise BundleError(f"{ref} fails with {type(error).__name__} when it is loaded and tried") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def active_model(request: Request) -> TopicModel:
    """Return the model that answers this request."""
    active: ActiveModel = request.app.state.active
    return active.model
