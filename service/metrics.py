"""What Prometheus is told: noted in plain Python, handed over twice a second, added up over all workers.

A write to `prometheus_client` costs 1 to 3 µs once workers share a folder, and an article would need some 15.
"""

import asyncio
import logging
import os
import threading
from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from fastapi import APIRouter, Request
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.process_collector import ProcessCollector
from starlette.responses import Response

from service.metrics_folder import FOLDER, dead, reserve

T = TypeVar("T")

SECONDS = 0.5
"""How often a worker hands over what it noted."""

_NOTES = 256  # handed over at once: 0.3 ms

logger = logging.getLogger("tagdesk")

_LATENCY = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)
_TENTHS = tuple(tenth / 10 for tenth in range(1, 11))
_LENGTHS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)


class Tagged(NamedTuple):
    """What is noted of one article that was tagged; nothing of its text.

    Attributes:
        model: the model's name and version.
        topics: id, band and confidence of each topic given.
        warnings: as they were answered.
        characters: length of title and body as sent.
        unknown: share of its words that the model does not know, where it was counted.
    """

    model: str
    topics: Sequence[tuple[str, str, float]]
    warnings: list[str]
    characters: int
    unknown: float | None


class _Histogram(Histogram):
    """A histogram that takes many values at the price of its buckets."""

    def observe_all(self, values: Collection[float]) -> None:
        self._sum.inc(sum(values))
        for bucket, count in Tally(map(partial(bisect_left, self._upper_bounds), values)).items():
            self._buckets[bucket].inc(count)


class Metrics:
    """The metrics of one worker; `exposition` has the sum over all of them.

    Attributes:
        in_flight: requests being answered now.
        lost_lines: log lines that could not be written since the last `publish`.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self.lost_lines = 0
        self._requests: list[tuple[tuple[str, str, int], float]] = []
        self._tagged: list[Tagged] = []
        self._problems: list[tuple[Counter, str]] = []
        self._publishing = threading.Lock()
        self._serving = ""
        self._folder = os.environ.get(FOLDER)
        if self._folder:
            _join(Path(self._folder))
        disable_created_metrics()  # type: ignore[no-untyped-call]  # there are none with several workers
        self._declare(CollectorRegistry())

    def _declare(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        if not self._folder:
            ProcessCollector(registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"tagdesk_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"tagdesk_{name}", text, labels, registry=registry, multiprocess_mode="livesum")

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> _Histogram:
            return _Histogram(f"tagdesk_{name}", text, labels, registry=registry, buckets=buckets)

        self._seconds = histogram("request_seconds", "Time to answer", _LATENCY, "method", "route", "status")
        self._in_flight = gauge("requests_in_flight", "Requests being answered")
        self._rejected = counter("rejected_requests", "Requests answered by a problem, by its kind", "reason")
        self._articles = counter("articles", "Articles tagged, by model", "model")
        self._refused = counter("refused_articles", "Articles of batches answered by a problem", "reason")
        self._untagged = counter("articles_without_topics", "Articles tagged without a topic")
        self._topics = counter("topics", "Topics given", "topic", "band")
        self._confidence = histogram("topic_confidence", "Confidence of the topics given", _TENTHS)
        self._unknown = histogram("unknown_words_ratio", "Words unknown to the model, of every 32nd article", _TENTHS)
        self._characters = histogram("article_characters", "Length of title and body as sent", _LENGTHS)
        self._warnings = counter("warnings", "Warnings given with answers", "warning")
        self._model = gauge("model_info", "Workers that serve this model", "model")
        self._reloads = counter("model_reloads", "Models loaded, or not", "outcome")
        self._disagreed = counter("shadow_disagreements", "Topics that one model alone gave", "topic", "given_by")
        self._lost = counter("log_lines_lost", "Log lines dropped because nobody read them or the disk was full")
        self._corrections = counter("corrections", "Corrections kept")
        self._verdicts = counter("corrected_topics", "Topics editors accepted, rejected or added", "topic", "verdict")
        self._not_queued = counter("not_queued", "Tagged articles that could not be queued")
        for outcome in ("ok", "failed"):
            self._reloads.labels(outcome)

    def request(self, labels: tuple[str, str, int], seconds: float, problem: str | None) -> None:
        """Note one request that was answered.

        Args:
            labels: method, route and status, each of a limited choice.
            seconds: what it took.
            problem: the kind of problem that was answered, if any.
        """
        self._requests.append((labels, seconds))
        if problem is not None:
            self._problems.append((self._rejected, problem))
        if len(self._requests) >= _NOTES:
            self.publish()

    def tagged(self, article: Tagged) -> None:
        """Note one article; from any thread."""
        self._tagged.append(article)
        if len(self._tagged) >= _NOTES:
            self.publish()

    def refused(self, kind: str) -> None:
        """Count an article of a batch that was answered by a problem of this kind."""
        self._problems.append((self._refused, kind))
        if len(self._problems) >= _NOTES:
            self.publish()

    def loaded(self, outcome: str, model: str) -> None:
        """Note that a model was loaded and answers from now on, or could not be.

        Args:
            outcome: `ok` or `failed`.
            model: its name and version.
        """
        self._reloads.labels(outcome).inc()
        if outcome != "ok":
            return
        if self._serving:
            self._model.labels(self._serving).set(0)
        self._model.labels(model).set(1)
        self._serving = model

    def disagreed(self, topic: str, given_by: str) -> None:
        """Count a topic that the active model alone gave, or the shadow."""
        self._disagreed.labels(topic, given_by).inc()

    def corrected(self, accepted: Sequence[str], rejected: Sequence[str], added: Sequence[str]) -> None:
        """Count a correction, and what it says of each topic."""
        self._corrections.inc()
        for verdict, topics in (("accepted", accepted), ("rejected", rejected), ("added", added)):
            for topic in topics:
                self._verdicts.labels(topic, verdict).inc()

    def not_queued(self) -> None:
        """Count an article that was tagged and could not be queued; from any thread."""
        self._not_queued.inc()

    def publish(self) -> None:
        """Hand over what was noted; from any thread. What cannot be written is lost, and no request with it."""
        with self._publishing:
            try:
                self._publish()
            except OSError as error:
                logger.error("metrics: cannot write %s: %s", self._folder, error.strerror)  # noqa: TRY400

    def _publish(self) -> None:
        self._in_flight.set(self.in_flight)
        if requests := _taken(self._requests):
            self._publish_requests(requests)
        if articles := _taken(self._tagged):
            self._publish_articles(articles)
        for (metric, kind), count in Tally(_taken(self._problems)).items():
            metric.labels(kind).inc(count)
        if self.lost_lines:
            lost, self.lost_lines = self.lost_lines, 0
            self._lost.inc(lost)

    def _publish_requests(self, requests: list[tuple[tuple[str, str, int], float]]) -> None:
        seconds: dict[tuple[str, str, int], list[float]] = {}
        for labels, took in requests:
            seconds.setdefault(labels, []).append(took)
        for labels, each in seconds.items():
            self._seconds.labels(*labels).observe_all(each)

    def _publish_articles(self, articles: list[Tagged]) -> None:
        topics = [topic for article in articles for topic in article.topics]
        for model, count in Tally(article.model for article in articles).items():
            self._articles.labels(model).inc(count)
        for (name, band), count in Tally((name, band) for name, band, _ in topics).items():
            self._topics.labels(name, band).inc(count)
        # What follows a colon is the client's: a field's name, a language.
        for warning, count in Tally(one.partition(":")[0] for it in articles for one in it.warnings).items():
            self._warnings.labels(warning).inc(count)
        self._untagged.inc(sum(not article.topics for article in articles))
        self._confidence.observe_all([confidence for *_, confidence in topics])
        self._characters.observe_all([article.characters for article in articles])
        self._unknown.observe_all([article.unknown for article in articles if article.unknown is not None])

    async def publish_forever(self) -> None:
        """Publish as long as the service runs."""
        while True:
            await asyncio.sleep(SECONDS)
            self.publish()

    def exposition(self) -> bytes:
        """Return the metrics of all workers as Prometheus reads them; another worker's may be `SECONDS` old."""
        self.publish()
        if not self._folder:
            return generate_latest(self._registry)
        for pid in dead(Path(self._folder)):
            with suppress(FileNotFoundError):  # another scrape was faster
                mark_process_dead(pid, self._folder)  # type: ignore[no-untyped-call]
        together = CollectorRegistry()
        MultiProcessCollector(together, self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def _taken(notes: list[T]) -> list[T]:
    """Empty the list, leaving what other threads add meanwhile."""
    taken = notes[:]
    del notes[: len(taken)]
    return taken


def _join(folder: Path) -> None:
    """Take this worker's room in the shared folder; without it the worker counts for itself alone."""
    try:
        reserve(folder)
    except OSError as error:
        logger.error("metrics: no room in %s (%s): this worker's are missing", folder, error.strerror)  # noqa: TRY400
        values.ValueClass = values.MutexValue


router = APIRouter(tags=["health"])


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request) -> Response:
    """Return the metrics; in a thread, as adding up the workers' takes milliseconds."""
    found: Metrics = request.app.state.metrics
    return Response(found.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
