"""How what editors correct changes from week to week, and whether the model still knows the words: `GET /v1/drift`."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Annotated, Any

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from models import Article, ArticleError, TopicModel, kernel
from service.active import active_model
from service.feedback import ledger_of, private
from service.ledger import corrections
from service.ledger.corrections import Verdict
from service.ledger.database import Stream, timestamp
from service.ledger.ledger import Ledger
from service.openapi import problems
from service.schemas import DriftOut
from service.topics import also_head

WEEKS = 12
MAX_WEEKS = 52

CORRECTIONS = 2_000
"""Corrections of a week whose topics are looked at, the newest."""

TEXTS = 100
"""Corrections of a week whose articles are read for their words, the newest: 0.2 ms each."""

WORDS = 10
"""Most new words of a topic."""

KEPT_SECONDS = 30.0
"""How long an answer is given again."""

_FEWEST = 2  # articles with a new word: one alone may have it misspelt

router = APIRouter(tags=["feedback"])


@dataclass(slots=True)
class _Week:
    """What is counted of one week."""

    begin: date
    corrections: int = 0
    articles: int = 0
    topics: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    unknown: list[float] = field(default_factory=list)


class Drift:
    """The drift of one worker's ledger, kept for a moment: it is the work of up to a second."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._kept: tuple[tuple[str, int], float, dict[str, Any]] | None = None

    async def of(self, ledger: Ledger, model: TopicModel, weeks: int) -> dict[str, Any]:
        """Return the drift of so many weeks.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        wanted = (model.ref, weeks)
        async with self._one_at_a_time:
            if self._kept is None or self._kept[0] != wanted or time.monotonic() > self._kept[1]:
                found = await to_thread.run_sync(_of_ledger, ledger, model, weeks)
                self._kept = (wanted, time.monotonic() + KEPT_SECONDS, found)
            return self._kept[2]


@router.get("/v1/drift", summary="Show what changes", response_model=DriftOut, responses=problems(422, 503))
async def drift(
    request: Request,
    weeks: Annotated[int, Query(ge=1, le=MAX_WEEKS, description="How many, this one among them.")] = WEEKS,
) -> Response:
    """Return by week what editors corrected and how much of it the model knew, and this week's new words.

    Of each week the topics of its newest 2,000 corrections and the words of its newest 100 count.
    """
    found: Drift = request.app.state.drift
    return private(await found.of(ledger_of(request), active_model(request), weeks))


def compute(rows: Stream, model: TopicModel, weeks: int, today: date) -> dict[str, Any]:
    """Return the drift as the route answers it.

    Args:
        rows: reads the ledger.
        model: whose topics they are, and whose words are known.
        weeks: how many, the week of today among them.
        today: in UTC.
    """
    monday = today - timedelta(days=today.weekday())
    counted = [_Week(monday - timedelta(weeks=back)) for back in reversed(range(weeks))]
    words = _Words()
    for week in counted:
        between = _moment(week.begin), _moment(week.begin + timedelta(weeks=1))
        week.corrections = corrections.number_between(rows, *between)
        _count(week, corrections.verdicts_between(rows, *between, CORRECTIONS))
        for fields, topics in corrections.articles_between(rows, *between, TEXTS):
            _read(week, words, model, fields, topics if week is counted[-1] else None)
    return {
        "model": model.ref,
        "weeks": [week.begin.isoformat() for week in counted],
        "corrections": [week.corrections for week in counted],
        "unknown_words": [_share(sum(week.unknown), len(week.unknown)) for week in counted],
        "topics": [_topic(topic, counted) for topic in model.taxonomy.ids],
        "new_words": list(words.new(model)),
    }


class _Words:
    """The words of this week's articles by topic, and those of the weeks before."""

    def __init__(self) -> None:
        self._before: set[str] = set()
        self._of_topic: dict[str, Counter[str]] = {}

    def add(self, words: set[str], topics: Sequence[str] | None) -> None:
        """Take the words of an article, of a week before where `topics` is None."""
        if topics is None:
            self._before |= words
        for topic in topics or ():
            self._of_topic.setdefault(topic, Counter()).update(words)

    def new(self, model: TopicModel) -> Iterator[dict[str, Any]]:
        """Yield each topic's words that several articles have, the model does not know and no week before had."""
        several = {word for words in self._of_topic.values() for word, number in words.items() if number >= _FEWEST}
        new = _unknown(several - self._before, model)
        for topic in model.taxonomy.ids:
            found = [(-number, word) for word, number in self._of_topic.get(topic, Counter()).items() if word in new]
            rows = [{"word": word, "articles": -less} for less, word in sorted(found) if -less >= _FEWEST]
            if rows:
                yield {"topic": topic, "words": rows[:WORDS]}


def _of_ledger(ledger: Ledger, model: TopicModel, weeks: int) -> dict[str, Any]:
    with ledger.snapshot() as rows:
        return compute(rows, model, weeks, datetime.now(UTC).date())


def _count(week: _Week, verdicts: Iterable[Verdict]) -> None:
    """Count a week's corrections, the newest first: of an article the first that comes is the last word on it."""
    seen: set[str] = set()
    for one in verdicts:
        week.accepted.update(one.accepted)
        week.rejected.update(one.rejected)
        if one.article_id not in seen:
            week.topics.update(one.topics)
        seen.add(one.article_id)
    week.articles = len(seen)


def _read(
    week: _Week, words: _Words, model: TopicModel, fields: Mapping[str, str], topics: Sequence[str] | None
) -> None:
    try:
        text = Article(**fields).text()
    except ArticleError:  # what a later cleaner refuses
        return
    bag = model.features.bag(text)
    week.unknown.append(1 - bag.known / max(1, bag.tokens))
    read = f"{text.title}\n{text.body}".lower()
    words.add({word for word in kernel.WORD.findall(read) if not word.isdecimal()}, topics)


def _unknown(words: set[str], model: TopicModel) -> set[str]:
    """Return those that are no feature of the model."""
    listed = sorted(words)
    hashes, *_ = kernel.ngrams(kernel.code_points(" ".join(listed)), kernel.word_table(), 1, 1)
    known = np.isin(hashes, model.features.hashes)
    return {word for word, is_known in zip(listed, known, strict=True) if not is_known}


def _topic(topic: str, weeks: Sequence[_Week]) -> dict[str, Any]:
    judged = [(week.accepted[topic], week.rejected[topic]) for week in weeks]
    return {
        "topic": topic,
        "rate": [_share(week.topics[topic], week.articles) for week in weeks],
        "acceptance": [_share(accepted, accepted + rejected) for accepted, rejected in judged],
    }


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _moment(day: date) -> str:
    return timestamp(datetime.combine(day, clock(tzinfo=UTC)))


also_head(router)
