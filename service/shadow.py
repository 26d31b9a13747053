"""A second model that scores the same traffic after each answer, to see where it would have answered differently."""

import asyncio
import heapq
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tagdesk.models import Article, TagdeskError, TaggedArticle, TopicModel, load
from tagdesk.service.threads import LONG, length

Side = Literal["active", "shadow"]

Row = tuple[float, str, str, float, float]

MOST_LISTED = 20

_MOST_WAITING = 64  # beyond, the service is busy: the shadow passes articles over

logger = logging.getLogger("tagdesk")


@dataclass(slots=True)
class Comparison:
    """What the comparison has shown since the active model began to answer.

    Attributes:
        active: name and version of the active model.
        articles: number compared.
        passed_over: number not compared, because the service was busy.
        given_by: how often only one of the models gave a topic, by topic and model.
        strongest: difference in confidence, article's id, topic, and the confidence by the active and by the shadow.
    """

    active: str
    articles: int = 0
    passed_over: int = 0
    given_by: Counter[tuple[str, Side]] = field(default_factory=Counter)
    strongest: list[Row] = field(default_factory=list)


class Shadow:
    """A model that is compared with the active one, article by article.

    Args:
        ref: what `tagdesk.models.load` takes.

    Attributes:
        model: the shadow; None where it could not be loaded, or not yet.
        failure: why it could not be loaded.
        listeners: called with every topic that only one of the two models gave, and which model.
        comparison: what it has shown so far.
    """

    def __init__(self, ref: str) -> None:
        self.ref = ref
        self.model: TopicModel | None = None
        self.failure: str | None = None
        self.listeners: list[Callable[[str, Side], None]] = []
        self.comparison = Comparison("")
        self._waiting: deque[tuple[TopicModel, Article, dict[str, float]]] = deque()
        self._wake: Callable[[], object] = lambda: None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load the model; if that fails, the log says why and the service answers without it."""
        try:
            self.model = load(self.ref)
        except TagdeskError as error:
            self.failure = str(error)
            logger.error("the shadow cannot be used: %s", error)  # noqa: TRY400 - the sentence says it all

    def compare_with(self, active: str) -> None:
        """Start a new comparison: another model answers from now on.

        Args:
            active: its name and version.
        """
        self.comparison = Comparison(active)

    def show(self, model: TopicModel, article: Article, tagged: TaggedArticle) -> None:
        """Queue an article that the active model tagged for comparison; may be called from any thread."""
        if self.model is None or model.ref != self.comparison.active:
            return
        if len(self._waiting) >= _MOST_WAITING:
            self.comparison.passed_over += 1
            return
        self._waiting.append((model, article, {result.topic.id: result.confidence for result in tagged.topics}))
        self._wake()

    async def run(self) -> None:
        """Compare the queued articles, one at a time, until cancelled."""
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        self._wake = lambda: woken.is_set() or loop.call_soon_threadsafe(woken.set)
        while True:
            await woken.wait()
            woken.clear()
            while self._waiting:
                await self._compare_next()
                await asyncio.sleep(0)

    async def _compare_next(self) -> None:
        model, article, answered = self._waiting.popleft()
        comparison = self.comparison
        if model.ref != comparison.active:  # it was swapped meanwhile
            return
        try:
            if length(article) > LONG:
                await asyncio.to_thread(self._compare, comparison, model, article, answered)
            else:
                self._compare(comparison, model, article, answered)
        except Exception as error:  # noqa: BLE001 - its message may quote the article
            logger.error("the shadow failed on an article: %s", type(error).__name__)  # noqa: TRY400

    def _compare(
        self, comparison: Comparison, model: TopicModel, article: Article, answered: Mapping[str, float]
    ) -> None:
        if self.model is None:
            return
        shadowed = {result.topic.id for result in self.model.tag(article).topics}
        differing: list[tuple[str, Side]] = [(topic, "active") for topic in answered if topic not in shadowed]
        differing += [(topic, "shadow") for topic in shadowed if topic not in answered]
        both = (_confidences(model, article), _confidences(self.model, article)) if differing else ({}, {})
        with self._lock:
            comparison.articles += 1
            comparison.given_by.update(differing)
            if article.id is not None:
                comparison.strongest = strongest([*comparison.strongest, *_rows(article.id, differing, *both)])
        for topic, side in differing:
            for listener in self.listeners:
                listener(topic, side)

    def state(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        comparison = self.comparison
        with self._lock:
            return {
                "active": comparison.active,
                "articles": comparison.articles,
                "passed_over": comparison.passed_over,
                "given_by": [[topic, side, count] for (topic, side), count in sorted(comparison.given_by.items())],
                "strongest": comparison.strongest,
            }


def _rows(
    article_id: str, differing: Iterable[tuple[str, Side]], active: Mapping[str, float], shadow: Mapping[str, float]
) -> Iterator[Row]:
    for topic, _ in differing:
        here, there = active.get(topic, 0.0), shadow.get(topic, 0.0)  # 0: that model has no such topic
        yield round(abs(here - there), 6), article_id, topic, round(here, 6), round(there, 6)


def strongest(rows: Iterable[Row]) -> list[Row]:
    """Return the rows with the greatest difference, greatest first, with each topic of an article once.

    Rows as different as each other stand in the order of articles' ids and topics, whichever worker scored them first.
    """
    last = {(row[1], row[2]): row for row in rows}
    return heapq.nsmallest(MOST_LISTED, last.values(), key=lambda row: (-row[0], row[1], row[2]))


def combined(states: Iterable[Mapping[str, Any]], active: str) -> dict[str, Any]:
    """Add up the comparisons of all workers with one active model.

    Args:
        states: `Shadow.state` of each.
        active: name and version of the active model.
    """
    same = [state for state in states if state["active"] == active]
    counts: dict[str, dict[str, int]] = {}
    for topic, side, count in (row for state in same for row in state["given_by"]):
        row = counts.setdefault(topic, {"active": 0, "shadow": 0})
        row[side] += count
    rows = strongest(row for state in same for row in state["strongest"])
    return {
        "articles": sum(state["articles"] for state in same),
        "passed_over": sum(state["passed_over"] for state in same),
        "topics": [
            {"topic": topic, "only_active": row["active"], "only_shadow": row["shadow"]}
            for topic, row in sorted(counts.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        ],
        "strongest": [
            {"id": article_id, "topic": topic, "active": active_confidence, "shadow": shadow_confidence}
            for _, article_id, topic, active_confidence, shadow_confidence in rows
        ],
    }


def _confidences(model: TopicModel, article: Article) -> dict[str, float]:
    _, (row,) = model.scores([model.read(article)])
    return dict(zip(model.taxonomy.ids, row.tolist(), strict=True))
