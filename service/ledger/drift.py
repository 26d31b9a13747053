"""How editors' corrections change from week to week, and whether the model still knows the words."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from functools import partial
from typing import Any

import numpy as np

from tagdesk.models import Article, ArticleError, TopicModel, kernel
from tagdesk.models.reading import normal_form
from tagdesk.service.ledger import corrections
from tagdesk.service.ledger.corrections import Period, Verdict
from tagdesk.service.ledger.database import Stream, timestamp
from tagdesk.service.ledger.ledger import Ledger

WEEKS = 12
MAX_WEEKS = 52

CORRECTIONS = 2_000
"""Most corrections of a week whose topics are counted, the newest."""

TEXTS = 100
"""Most corrections of a week whose articles are read for their words, the newest: 0.2 ms each."""

WORDS = 10
"""Most new words of a topic."""

MISSING = 50
"""Most names of topics that editors miss."""

SECONDS = 30.0
"""Seconds for which an answer is reused: it takes up to a second to compute."""

_MIN_ARTICLES = 2  # that contain a new word: a single article may have misspelled it


@dataclass(slots=True)
class _Week:
    """The counts of one week."""

    begin: date
    corrections: int = 0
    articles: int = 0
    topics: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    unknown: list[float] = field(default_factory=list)


def compute(rows: Stream, model: TopicModel, weeks: int, today: date, made_under: str = "") -> dict[str, Any]:
    """Return the drift as the route answers it.

    Args:
        rows: reads the ledger.
        model: the model with whose topics and words they are compared.
        weeks: number of weeks, including this one.
        today: in UTC.
        made_under: how the name and version of the model begin under which the corrections were made that count.
    """
    monday = today - timedelta(days=today.weekday())
    counted = [_Week(monday - timedelta(weeks=back)) for back in reversed(range(weeks))]
    words = _Words()
    for week in counted:
        between = Period(_moment(week.begin), _moment(week.begin + timedelta(weeks=1)), made_under)
        week.corrections = corrections.number_between(rows, between)
        _count(week, corrections.verdicts_between(rows, between, CORRECTIONS))
        for fields, topics in corrections.articles_between(rows, between, TEXTS):
            _read(week, words, model, fields, topics if week is counted[-1] else None)
    return {
        "model": model.ref,
        "weeks": [week.begin.isoformat() for week in counted],
        "corrections": [week.corrections for week in counted],
        "unknown_words": [_share(sum(week.unknown), len(week.unknown)) for week in counted],
        "topics": [_topic(topic, counted) for topic in model.taxonomy.ids],
        "new_words": list(words.new(model)),
        "missing": _missing(counted),
    }


class Drift:
    """The drift of one worker's ledger, computed by one request at a time and reused for a while."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._question: tuple[str, int] | None = None
        self._answer: dict[str, Any] = {}
        self._until = 0.0

    async def of(self, ledger: Ledger, model: TopicModel, weeks: int, made_under: str = "") -> dict[str, Any]:
        """Return the drift over a number of weeks, as `compute` does.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        question = (model.ref, weeks)
        async with self._lock:
            if self._question != question or time.monotonic() > self._until:
                today = datetime.now(UTC).date()
                drift = partial(compute, model=model, weeks=weeks, today=today, made_under=made_under)
                self._answer = await ledger.read(drift)
                self._question, self._until = question, time.monotonic() + SECONDS
            return self._answer


class _Words:
    """The words of this week's articles by topic, and those of earlier weeks."""

    def __init__(self) -> None:
        self._before: set[str] = set()
        self._of_topic: dict[str, Counter[str]] = {}

    def add(self, words: set[str], topics: Sequence[str] | None) -> None:
        """Add the words of an article, which is of an earlier week where `topics` is None."""
        if topics is None:
            self._before |= words
        for topic in topics or ():
            self._of_topic.setdefault(topic, Counter()).update(words)

    def new(self, model: TopicModel) -> Iterator[dict[str, Any]]:
        """Yield each topic's words that several articles have and neither the model nor an earlier week knows."""
        several = {word for words in self._of_topic.values() for word, count in words.items() if count >= _MIN_ARTICLES}
        new = _unknown(several - self._before, model)
        for topic in model.taxonomy.ids:
            counts = self._of_topic.get(topic, Counter())
            ranked = sorted((-counts[word], word) for word in new & counts.keys() if counts[word] >= _MIN_ARTICLES)
            rows = [{"word": word, "articles": -negative} for negative, word in ranked]
            if rows:
                yield {"topic": topic, "words": rows[:WORDS]}


def _count(week: _Week, verdicts: Iterable[Verdict]) -> None:
    """Count a week's corrections, the newest first: the first one of an article is the last word on it."""
    seen: set[str] = set()
    for verdict in verdicts:
        week.accepted.update(verdict.accepted)
        week.rejected.update(verdict.rejected)
        if verdict.article_id not in seen:
            week.topics.update(verdict.topics)
            week.missing.update(verdict.missing)
        seen.add(verdict.article_id)
    week.articles = len(seen)


def _read(
    week: _Week, words: _Words, model: TopicModel, fields: Mapping[str, str], topics: Sequence[str] | None
) -> None:
    try:
        text = model.read(Article(**fields))
    except ArticleError:  # what a later cleaner refuses
        return
    bag = model.features.bag(text)
    week.unknown.append(1 - bag.known / max(1, bag.tokens))
    version = model.features.settings.reading
    found = {*normal_form.words(text.title, version), *normal_form.words(text.body, version)}
    words.add({word for word in found if not word.isdecimal()}, topics)


def _unknown(words: set[str], model: TopicModel) -> set[str]:
    """Return the words that are not features of the model."""
    listed = sorted(words)
    table = normal_form.word_table(model.features.settings.reading)
    hashes, *_ = kernel.ngrams(kernel.code_points(" ".join(listed)), table, 1, 1)
    known = np.isin(hashes, model.features.hashes)
    return {word for word, is_known in zip(listed, known, strict=True) if not is_known}


def _topic(topic: str, weeks: Sequence[_Week]) -> dict[str, Any]:
    judged = [(week.accepted[topic], week.rejected[topic]) for week in weeks]
    return {
        "topic": topic,
        "rate": [_share(week.topics[topic], week.articles) for week in weeks],
        "acceptance": [_share(accepted, accepted + rejected) for accepted, rejected in judged],
    }


def _missing(weeks: Sequence[_Week]) -> list[dict[str, Any]]:
    """Return the names of topics that editors miss, whatever their case, and in how many articles; most first."""
    names: dict[str, Counter[str]] = {}
    for week in weeks:
        for name, articles in week.missing.items():
            names.setdefault(name.casefold(), Counter())[name] += articles
    ranked = sorted((-spelt.total(), spelt.most_common(1)[0][0]) for spelt in names.values())
    return [{"name": name, "articles": -negative} for negative, name in ranked[:MISSING]]


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _moment(day: date) -> str:
    return timestamp(datetime.combine(day, clock(tzinfo=UTC)))
