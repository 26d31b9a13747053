"""A second model that scores the same traffic after the answer: where it would have answered otherwise."""

import asyncio
import heapq
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from models import Article, TagdeskError, TaggedArticle, TopicModel, load

Side = Literal["active", "shadow"]

Row = tuple[float, str, str, float, float]

MOST_LISTED = 20

_MOST_WAITING = 64  # beyond, the service is busy: the shadow passes articles over
_LONG = 50_000  # characters from which an article is scored in a thread

logger = logging.getLogger("tagdesk")


@dataclass(slots=True)
class Comparison:
    """What the shadow found since the active model answers.

    Attributes:
        active: name and version of the active model.
        articles: compared.
        passed_over: not compared, because the service was busy.
        given_by: how often a topic was given by one model alone, by topic and by which.
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
        ref: what `models.load` takes.

    Attributes:
        model: the shadow; None where it could not be loaded, or not yet.
        failure: why it could not be loaded.
        listeners: are told of every topic that one of the two models alone gave, and which of them.
        comparison: what was found.
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
        """Load the model; where that fails the log says why, and the service answers all the same."""
        try:
            self.model = load(self.ref)
        except TagdeskError as error:
            self.failure = str(error)
            logger.error("the shadow cannot be used: %s", error)  # noqa: TRY400 - the sentence says it all

    def watch(self, model: TopicModel) -> TopicModel:
        """Return the model that answers from now on, such that the shadow learns of every answer."""
        self.comparison = Comparison(model.ref)
        if self.model is None:
            return model
        watched = _Watched(**{one.name: getattr(model, one.name) for one in fields(model) if one.init})
        object.__setattr__(watched, "show", self._show)
        return watched

    def _show(self, model: TopicModel, article: Article, tagged: TaggedArticle) -> None:
        """Keep an article for the time after its answer; called in the event loop or a thread."""
        if len(self._waiting) >= _MOST_WAITING:
            self.comparison.passed_over += 1
            return
        self._waiting.append((model, article, {one.topic.id: one.confidence for one in tagged.topics}))
        self._wake()

    async def run(self) -> None:
        """Compare what was tagged, one article at a time, until cancelled."""
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
        model, article, given = self._waiting.popleft()
        now = self.comparison
        if model.ref != now.active:  # it was swapped meanwhile
            return
        try:
            if len(article.body or article.body_html or "") > _LONG:
                await asyncio.to_thread(self._compare, now, model, article, given)
            else:
                self._compare(now, model, article, given)
        except Exception as error:  # noqa: BLE001 - its message may quote the article
            logger.error("the shadow failed on an article: %s", type(error).__name__)  # noqa: TRY400

    def _compare(self, now: Comparison, model: TopicModel, article: Article, given: Mapping[str, float]) -> None:
        if self.model is None:
            return
        found = {one.topic.id for one in self.model.tag(article).topics}
        differing: list[tuple[str, Side]] = [(topic, "active") for topic in given if topic not in found]
        differing += [(topic, "shadow") for topic in found if topic not in given]
        both = (_confidences(model, article), _confidences(self.model, article)) if differing else ({}, {})
        with self._lock:
            now.articles += 1
            now.given_by.update(differing)
            if article.id is not None:
                now.strongest = strongest([*now.strongest, *_rows(article.id, differing, *both)])
        for topic, side in differing:
            for listener in self.listeners:
                listener(topic, side)

    def state(self) -> dict[str, Any]:
        """Return what was found as JSON values."""
        now = self.comparison
        with self._lock:
            return {
                "active": now.active,
                "articles": now.articles,
                "passed_over": now.passed_over,
                "given_by": [[topic, side, count] for (topic, side), count in sorted(now.given_by.items())],
                "strongest": now.strongest,
            }


class _Watched(TopicModel):
    """A model whose answers somebody gets to see."""

    show: Callable[[TopicModel, Article, TaggedArticle], None]

    def tag(self, article: Article, *, explain: bool = False) -> TaggedArticle:
        """Return the article's topics."""
        tagged = super().tag(article, explain=explain)
        self.show(self, article, tagged)
        return tagged

    def tag_many(self, articles: Iterable[Article]) -> Iterator[TaggedArticle]:
        """Tag articles; the first answer comes when the last is found, as an error makes the service start over."""
        few = list(articles)
        found = list(super().tag_many(few))
        for article, tagged in zip(few, found, strict=True):
            self.show(self, article, tagged)
        yield from found


def _rows(
    given: str, differing: Iterable[tuple[str, Side]], active: Mapping[str, float], shadow: Mapping[str, float]
) -> Iterator[Row]:
    for topic, _ in differing:
        one, other = active.get(topic, 0.0), shadow.get(topic, 0.0)  # 0: that model has no such topic
        yield round(abs(one - other), 6), given, topic, round(one, 6), round(other, 6)


def strongest(rows: Iterable[Row]) -> list[Row]:
    """Return the rows with the greatest difference, the greatest first, each article's topic once."""
    last = {(row[1], row[2]): row for row in rows}
    return heapq.nlargest(MOST_LISTED, last.values(), key=lambda row: row[0])


def combined(states: Iterable[Mapping[str, Any]], active: str) -> dict[str, Any]:
    """Add up what the workers' shadows found beside one active model.

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
            for topic, row in sorted(counts.items(), key=lambda item: -sum(item[1].values()))
        ],
        "strongest": [
            {"id": given, "topic": topic, "active": active_confidence, "shadow": shadow_confidence}
            for _, given, topic, active_confidence, shadow_confidence in rows
        ],
    }


def _confidences(model: TopicModel, article: Article) -> dict[str, float]:
    _, (row,) = model.scores([article.text()])
    return dict(zip(model.taxonomy.ids, row.tolist(), strict=True))
