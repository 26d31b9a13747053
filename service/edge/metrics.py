"""What Prometheus reads: requests, articles, topics, corrections, models; summed over all workers."""

import asyncio
import logging
import os
import threading
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

from tagdesk.service.workers import FOLDER, reserve

Metric = TypeVar("Metric", bound=MetricWrapperBase)

SECONDS = 0.5
"""Seconds between a worker's writes of its counts to where the others can read them."""

_LATENCY = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)
_TENTHS = tuple(tenth / 10 for tenth in range(1, 11))
_LENGTHS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)

logger = logging.getLogger("tagdesk")


class _WrittenLater(values.MutexValue):
    """A value in memory that is copied to its file now and then; a write at each change would cost 10 µs an article."""

    def __init__(self, file: Any, *description: Any, **mode: Any) -> None:
        super().__init__(*description, **mode)  # type: ignore[no-untyped-call]
        self._file = file(*description, **mode)
        self.set(self._file.get())  # type: ignore[no-untyped-call]

    def write(self) -> None:
        value = self.get()  # type: ignore[no-untyped-call]
        if value != self._file.get():
            self._file.set(value)


class _Labelled(dict[Any, Metric], Generic[Metric]):
    """The time series of a metric by label, or tuple of labels; looked up in a third of the library's time."""

    def __init__(self, metric: Metric) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: Any) -> Metric:
        series = self[labels] = self._metric.labels(*(labels if isinstance(labels, tuple) else (labels,)))
        return series


class _Histogram(Histogram):
    """A histogram that finds a value's bucket in half of the library's time."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        self._sum.inc(amount)
        self._buckets[bisect_left(self._upper_bounds, amount)].inc(1)


class Metrics:
    """The metrics of one worker; every method may be called from any thread."""

    def __init__(self) -> None:
        self._serving: dict[str, str] = {}
        self._written_later: list[_WrittenLater] = []
        self._writing = threading.Lock()
        self._folder = os.environ.get(FOLDER)
        values.ValueClass = values.MutexValue  # whatever the library chose when it was imported
        if self._folder:
            self._join(Path(self._folder))
        disable_created_metrics()  # type: ignore[no-untyped-call]  # there are none with several workers
        self._declare(CollectorRegistry())

    def _join(self, folder: Path) -> None:
        """Count towards the sum over all workers; if the folder has no room, for this worker alone."""
        try:
            reserve(folder)
        except OSError as error:
            logger.error("metrics: no room in %s (%s): this worker's are missing", folder, error.strerror)  # noqa: TRY400
            return
        file = values.MultiProcessValue()  # type: ignore[no-untyped-call]

        def value(*description: Any, **mode: Any) -> _WrittenLater:
            written_later = _WrittenLater(file, *description, **mode)
            self._written_later.append(written_later)
            return written_later

        values.ValueClass = value

    def _declare(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        if not self._folder:
            ProcessCollector(registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"tagdesk_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return _Histogram(f"tagdesk_{name}", text, labels, registry=registry, buckets=buckets)

        self._seconds = _Labelled(histogram("request_seconds", "Time to answer", _LATENCY, "method", "route", "status"))
        self._in_flight = Gauge(
            "tagdesk_requests_in_flight", "Requests being answered", registry=registry, multiprocess_mode="livesum"
        )
        self._rejected = _Labelled(
            counter("rejected_requests", "Requests answered by a problem, by its kind", "reason")
        )
        self._articles = _Labelled(counter("articles", "Articles tagged, by model", "model"))
        self._refused = _Labelled(counter("refused_articles", "Articles of batches answered by a problem", "reason"))
        self._untagged = counter("articles_without_topics", "Articles tagged without a topic")
        self._topics = _Labelled(counter("topics", "Topics given", "topic", "band"))
        self._confidence = histogram("topic_confidence", "Confidence of the topics given", _TENTHS)
        self._unknown = histogram("unknown_words_ratio", "Words unknown to the model, of every 32nd article", _TENTHS)
        self._characters = histogram("article_characters", "Length of title and body as sent", _LENGTHS)
        self._warnings = _Labelled(counter("warnings", "Warnings given with answers", "warning"))
        self._model = Gauge(
            "tagdesk_model_info",
            "Workers that serve this model",
            ["model"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._reloads = _Labelled(counter("model_reloads", "Models loaded, or not", "outcome"))
        self._disagreed = _Labelled(
            counter("shadow_disagreements", "Topics that one model alone gave", "topic", "given_by")
        )
        self._lost = counter("log_lines_lost", "Log lines dropped because nobody read them or the disk was full")
        self._corrections = counter("corrections", "Corrections kept")
        self._verdicts = _Labelled(
            counter("corrected_topics", "Topics editors accepted, rejected or added", "topic", "verdict")
        )
        self._not_queued = counter("not_queued", "Tagged articles that could not be queued")
        self._ledger = Gauge(
            "tagdesk_ledger_up",
            "Whether the ledger can be used, by the last attempt",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._ledger.set(1)
        for outcome in ("ok", "failed"):
            self._reloads[outcome].inc(0)

    def began(self) -> None:
        """Count a request as in flight."""
        self._in_flight.inc()

    def ended(self) -> None:
        """Count a request as no longer in flight."""
        self._in_flight.dec()

    def request(self, method: str, route: str, status: int, seconds: float, problem: str | None) -> None:
        """Count a request that was answered.

        Args:
            method: one of a fixed set.
            route: its template, or another word of a fixed set.
            status: the answer's.
            seconds: how long it took.
            problem: the kind of problem that was the answer, if any.
        """
        self._seconds[method, route, status].observe(seconds)
        if problem is not None:
            self._rejected[problem].inc()

    def tagged(
        self,
        model: str,
        topics: Sequence[tuple[str, str, float]],
        warnings: Sequence[str],
        characters: int,
        unknown: float | None,
    ) -> None:
        """Count an article that was tagged; nothing of its text is kept.

        Args:
            model: the model's name and version.
            topics: id, band and confidence of each topic.
            warnings: as in the answer.
            characters: length of title and body as sent.
            unknown: share of its words that the model does not know; None if it was not measured.
        """
        self._articles[model].inc()
        for topic, band, confidence in topics:
            self._topics[topic, band].inc()
            self._confidence.observe(confidence)
        if not topics:
            self._untagged.inc()
        for warning in warnings:
            # What follows a colon is the client's: a field's name, a language.
            self._warnings[warning.partition(":")[0]].inc()
        self._characters.observe(characters)
        if unknown is not None:
            self._unknown.observe(unknown)

    def refused(self, kind: str) -> None:
        """Count an article of a batch that was answered by a problem of this kind."""
        self._refused[kind].inc()

    def loaded(self, outcome: str, model: str) -> None:
        """Note that a model was loaded and answers from now on, or could not be.

        Args:
            outcome: `ok` or `failed`.
            model: its name and version.
        """
        self._reloads[outcome].inc()
        if outcome != "ok":
            return
        name = model.partition("@")[0]
        if name in self._serving:
            self._model.labels(self._serving[name]).set(0)
        self._model.labels(model).set(1)
        self._serving[name] = model

    def disagreed(self, topic: str, given_by: str) -> None:
        """Count a topic that only the active model, or only the shadow, gave."""
        self._disagreed[topic, given_by].inc()

    def corrected(self, accepted: Sequence[str], rejected: Sequence[str], added: Sequence[str]) -> None:
        """Count a correction, and its verdict on each topic."""
        self._corrections.inc()
        for verdict, topics in (("accepted", accepted), ("rejected", rejected), ("added", added)):
            for topic in topics:
                self._verdicts[topic, verdict].inc()

    def not_queued(self) -> None:
        """Count an article that was tagged and could not be queued."""
        self._not_queued.inc()

    def line_lost(self) -> None:
        """Count a log line that could not be written."""
        self._lost.inc()

    def ledger(self, up: bool) -> None:
        """Note whether the ledger could be used; of several workers the worst counts."""
        self._ledger.set(up)

    @asynccontextmanager
    async def written(self) -> AsyncIterator[None]:
        """Write the counts to where the other workers read them, as long as the block runs."""
        writing = asyncio.create_task(self._write_forever())
        try:
            yield
        finally:
            writing.cancel()
            self._write()

    async def _write_forever(self) -> None:
        while self._written_later:
            await asyncio.sleep(SECONDS)
            self._write()

    def _write(self) -> None:
        with self._writing:  # by the loop and by a scrape: an older value must not be written last
            for value in self._written_later[:]:
                value.write()

    def exposition(self) -> bytes:
        """Return the metrics of all workers as Prometheus reads them; those of other workers may be `SECONDS` old."""
        if not self._folder:
            return generate_latest(self._registry)
        self._write()
        together = CollectorRegistry()
        MultiProcessCollector(together, self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(together)
