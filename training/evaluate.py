"""How good a model is: per topic and over all, on articles it has not learned from."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibration
from models.topic_model import TaggedArticle
from training.labels import NO, YES


@dataclass(slots=True)
class Counts:
    """What became of one topic: hits, wrong ones, missed ones; and the same for its `auto` band."""

    hits: int = 0
    wrong: int = 0
    missed: int = 0
    auto_hits: int = 0
    auto_wrong: int = 0

    @property
    def precision(self) -> float | None:
        """Hits per topic given; None where none was."""
        return _ratio(self.hits, self.hits + self.wrong)

    @property
    def recall(self) -> float | None:
        """Hits per topic wanted; None where none was."""
        return _ratio(self.hits, self.hits + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where nothing was hit."""
        return 2 * self.hits / (2 * self.hits + self.wrong + self.missed) if self.hits else 0.0

    @property
    def support(self) -> int:
        """How many articles have the topic."""
        return self.hits + self.missed

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "precision": _rounded(self.precision),
            "recall": _rounded(self.recall),
            "f1": _rounded(self.f1),
            "support": self.support,
            "auto_precision": _rounded(_ratio(self.auto_hits, self.auto_hits + self.auto_wrong)),
            "auto_share": _rounded(_ratio(self.auto_hits, self.support)),
        }


@dataclass(slots=True)
class Scores:
    """Counts per topic, and what can be said over all of them."""

    topics: dict[str, Counts]
    articles: int = 0
    top1_hits: int = 0
    untagged: int = 0
    total: Counts = field(default_factory=Counts)

    def add(self, tagged: Iterable[tuple[str, str]], wanted: Set[str], optional: Set[str] = frozenset()) -> None:
        """Count one article.

        Args:
            tagged: topic and band of each topic given, the most likely first.
            wanted: the topics that are right.
            optional: topics that are neither right nor wrong.
        """
        given = dict(tagged)
        for topic in wanted - given.keys():
            self._count(topic, missed=1)
        for topic, band in given.items():
            hit, auto = topic in wanted, band == "auto"
            if hit or topic not in optional:
                self._count(topic, hits=hit, wrong=not hit, auto_hits=hit and auto, auto_wrong=auto and not hit)
        self.articles += 1
        self.untagged += not given
        self.top1_hits += next(iter(given), "") in wanted | optional

    def _count(self, topic: str, **more: int) -> None:
        for counts in (self.topics.setdefault(topic, Counts()), self.total):
            for name, number in more.items():
                setattr(counts, name, getattr(counts, name) + number)

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the topics that some article has."""
        supported = [counts.f1 for counts in self.topics.values() if counts.support]
        return sum(supported) / len(supported) if supported else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        total = self.total.to_json()
        return {
            "articles": self.articles,
            "micro_precision": total["precision"],
            "micro_recall": total["recall"],
            "micro_f1": total["f1"],
            "macro_f1": _rounded(self.macro_f1),
            "top1": _rounded(_ratio(self.top1_hits, self.articles)),
            "untagged": self.untagged,
            "auto_precision": total["auto_precision"],
            "auto_share": total["auto_share"],
            "topics": {topic: counts.to_json() for topic, counts in self.topics.items()},
        }


def score_articles(
    tagged: Sequence[TaggedArticle],
    wanted: Sequence[Iterable[str]],
    optional: Sequence[Iterable[str]] | None = None,
    *,
    topics: Iterable[str],
) -> Scores:
    """Compare answers with the topics that are right, as `score.py` of our data does."""
    scores = Scores({topic: Counts() for topic in topics})
    for i, answer in enumerate(tagged):
        given = ((result.topic.id, result.band or "") for result in answer.topics)
        scores.add(given, frozenset(wanted[i]), frozenset(optional[i] if optional else ()))
    return scores


def score_confidences(
    decisions: NDArray[np.int8],
    confidences: NDArray[np.float64],
    calibrations: Sequence[Calibration],
    *,
    topics: Sequence[str],
) -> Scores:
    """Compare confidences with decisions: what `score_articles` says of articles that give no reason to doubt.

    Args:
        decisions: yes, no or open, int8, shape (articles, topics).
        confidences: float64, the same shape.
        calibrations: one a topic, with its cut-offs.
        topics: their ids.
    """
    given = confidences >= np.array([one.suggest for one in calibrations])
    auto = confidences >= np.array([np.inf if one.auto is None else one.auto for one in calibrations])
    yes, no = decisions == YES, decisions == NO
    columns = [(flags & right).sum(axis=0) for flags in (given, auto) for right in (yes, no)]
    rows = np.stack([columns[0], columns[1], yes.sum(axis=0) - columns[0], *columns[2:]], axis=1)
    first = np.where(given, confidences, -1.0).argmax(axis=1)
    tagged = given.any(axis=1)
    return Scores(
        topics={topic: Counts(*row) for topic, row in zip(topics, rows.tolist(), strict=True)},
        articles=len(decisions),
        top1_hits=int((tagged & (decisions[np.arange(len(first)), first] != NO)).sum()),
        untagged=int((~tagged).sum()),
        total=Counts(*rows.sum(axis=0).tolist()),
    )


def table(scores: Scores, title: str) -> str:
    """Lay the figures out as text."""
    lines = [
        f"{title}: {scores.articles:,} articles",
        f"  {'topic':16s} precision  recall      F1  support   auto precision  share",
    ]
    for topic, counts in sorted(scores.topics.items(), key=lambda item: -item[1].f1):
        row = counts.to_json()
        lines.append(
            f"  {topic:16s} {_cell(row['precision'], 9)} {_cell(row['recall'], 7)} {_cell(row['f1'], 7)}"
            f" {counts.support:8d} {_cell(row['auto_precision'], 16)} {_cell(row['auto_share'], 6)}"
        )
    row = scores.to_json()
    lines.append(
        f"  micro-F1 {row['micro_f1']:.3f}  macro-F1 {row['macro_f1']:.3f}  top-1 {_cell(row['top1'], 0)}  "
        f"untagged {scores.untagged}  auto precision {_cell(row['auto_precision'], 0)} "
        f"covering {_cell(row['auto_share'], 0)} of the topics"
    )
    return "\n".join(lines)


def _cell(value: float | None, width: int) -> str:
    return f"{'-' if value is None else f'{value:.3f}':>{width}s}"


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
