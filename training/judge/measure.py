"""How good a model is: pure functions of decisions, confidences and weights.

Arrays have the shape (articles, topics). Decisions are the YES, NO and OPEN of `tagdesk.training.corpora.labels`; an
open pair of article and topic counts nowhere. Weights, shape (articles,), weigh each article back to a fair sample.
A figure with nothing to count is NaN.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any

import numpy as np

from tagdesk.models.calibration import Calibration
from tagdesk.models.reading.article import ArticleText
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.judge.confidences import (
    Decisions,
    Flags,
    Floats,
    average_precision,
    average_precisions,
    brier_score,
    decided_pairs,
    expected_calibration_error,
)

MOST_PAIRS = 5_000_000
"""With more pairs of article and topic, an even share of the articles is measured for a report."""


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """Articles that a model has not learned from, and what it made of them.

    Attributes:
        ids: the articles' ids.
        texts: the text that was read of each.
        decisions: yes, no or open, int8, shape (articles, topics).
        scores: raw scores, float64, shape (articles, topics).
        confidences: float64, shape (articles, topics). Of many topics, these three are `SparseTable`.
        weight: weighs each article back to a fair sample, float64, shape (articles,).
        how: why the model has not learned from them: they are `out of fold` or `held out`.
    """

    ids: Sequence[str]
    texts: Sequence[ArticleText]
    decisions: Any
    scores: Any
    confidences: Any
    weight: Floats
    how: str = "out of fold"

    def share(self, most_pairs: int) -> "Examined":
        """Return an even share of the articles, with at most this many pairs of article and topic, as arrays."""
        step = -(-self.decisions.size // most_pairs)
        if step <= 1 and all(isinstance(one, np.ndarray) for one in (self.decisions, self.scores, self.confidences)):
            return self
        step = max(1, step)
        return Examined(
            ids=self.ids[::step],
            texts=self.texts[::step],
            decisions=np.asarray(self.decisions[::step]),
            scores=np.asarray(self.scores[::step]),
            confidences=np.asarray(self.confidences[::step]),
            weight=self.weight[::step],
            how=self.how,
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """How one topic fared, or all together; all but `support` and the average precision are sums of weights.

    Attributes:
        support: how many articles have the topic.
        wanted: weight of the articles that have the topic.
        predicted: weight of the articles for which the model predicts it.
        hits: weight of the articles for which it is predicted and right.
        auto_predicted, auto_hits: the same for the `auto` band.
        average_precision: see `tagdesk.training.judge.confidences.average_precision`; NaN where it was not measured.
    """

    support: int
    wanted: float
    predicted: float
    hits: float
    auto_predicted: float
    auto_hits: float
    average_precision: float = nan

    @property
    def precision(self) -> float:
        """Hits per topic predicted."""
        return _ratio(self.hits, self.predicted)

    @property
    def recall(self) -> float:
        """Hits per topic wanted."""
        return _ratio(self.hits, self.wanted)

    @property
    def f1(self) -> float:
        """See `f1`."""
        return float(f1(self.hits, self.predicted, self.wanted))

    @property
    def auto_precision(self) -> float:
        """Hits per topic predicted in the `auto` band."""
        return _ratio(self.auto_hits, self.auto_predicted)

    @property
    def auto_share(self) -> float:
        """Share of the topics wanted that the `auto` band finds."""
        return _ratio(self.auto_hits, self.wanted)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """All figures of one model on the examined articles.

    Attributes:
        predicted: which topics reach a band, bool, shape (articles, topics).
        topics: figures per topic.
        whole: figures of all pairs together ("micro").
        macro_f1: mean F1 of the topics that at least one article has.
        top1: share of the articles with a topic whose most likely one is right, or open.
        untagged: share of articles without a topic.
        calibration_error: see `expected_calibration_error`.
        brier: see `brier_score`.
    """

    predicted: Flags
    topics: tuple[Figures, ...]
    whole: Figures
    macro_f1: float
    top1: float
    untagged: float
    calibration_error: float
    brier: float


def measure(
    decisions: Decisions,
    confidences: Floats,
    weight: Floats,
    calibrations: Sequence[Calibration],
) -> Measured:
    """Compute every figure; a topic is predicted from its `suggest` cut-off on.

    Args:
        decisions: yes, no or open, int8, shape (articles, topics).
        confidences: float64, the same shape.
        weight: float64, shape (articles,).
        calibrations: one per topic.
    """
    predicted, auto = in_bands(confidences, calibrations)
    topics, whole = tally(decisions, predicted, auto, weight)
    precisions = average_precisions(decisions, confidences, weight).tolist()
    topics = [replace(figures, average_precision=ap) for figures, ap in zip(topics, precisions, strict=True)]
    pooled = average_precision(decided_pairs(decisions, confidences, weight))
    total = float(weight.sum())
    with_topics = weight * (decisions == YES).any(axis=1)
    return Measured(
        predicted=predicted,
        topics=tuple(topics),
        whole=replace(whole, average_precision=pooled),
        macro_f1=macro_f1(topics),
        top1=_ratio(float(with_topics @ first_is_right(decisions, confidences, predicted)), float(with_topics.sum())),
        untagged=_ratio(float(weight @ ~predicted.any(axis=1)), total),
        calibration_error=expected_calibration_error(decisions, confidences, weight),
        brier=brier_score(decisions, confidences, weight),
    )


def tally(decisions: Decisions, predicted: Flags, auto: Flags, weight: Floats) -> tuple[list[Figures], Figures]:
    """Return the figures of every topic and of all together, without average precision.

    Args:
        decisions: yes, no or open, int8, shape (articles, topics).
        predicted: which topics reach a band, bool, the same shape.
        auto: which reach the `auto` band, bool, the same shape.
        weight: float64, shape (articles,).
    """
    decided, yes = decisions != OPEN, decisions == YES
    support = yes.sum(axis=0)
    counted = (yes, predicted & decided, predicted & yes, auto & decided, auto & yes)
    sums = np.array([weight @ flags for flags in counted])
    topics = [Figures(int(count), *column) for count, column in zip(support, sums.T.tolist(), strict=True)]
    return topics, Figures(int(support.sum()), *sums.sum(axis=1).tolist())


def macro_f1(topics: Iterable[Figures]) -> float:
    """Return the mean F1 of the topics that at least one article has; NaN where there is none."""
    scores = [figures.f1 for figures in topics if figures.support]
    return _ratio(sum(scores), len(scores))


def in_bands(confidences: Floats, calibrations: Sequence[Calibration]) -> tuple[Flags, Flags]:
    """Return which topics reach a band at all, and which the `auto` band: bool, both of the shape of `confidences`."""
    suggest, auto = cut_offs(calibrations)
    return confidences >= suggest, confidences >= auto


def cut_offs(calibrations: Sequence[Calibration]) -> tuple[Floats, Floats]:
    """Return the confidences from which each topic is suggested, and from which it is `auto`, infinity for never."""
    suggest = np.array([calibration.suggest for calibration in calibrations])
    return suggest, np.array([np.inf if one.auto is None else one.auto for one in calibrations])


def first_is_right(decisions: Decisions, confidences: Floats, predicted: Flags) -> Flags:
    """Return for which articles the most likely topic that is predicted is right or open: bool, shape (articles,)."""
    first = np.where(predicted, confidences, -1.0).argmax(axis=1)
    right: Flags = predicted.any(axis=1) & (decisions[np.arange(len(first)), first] != NO)
    return right


def f1(hits: Floats | float, predicted: Floats | float, wanted: Floats | float) -> Floats:
    """Return 2 · hits / (predicted + wanted), the harmonic mean of precision and recall; 0 where nothing is hit.

    Numbers, or arrays of one shape. scikit-learn's `f1_score` starts from labels; here the sums are known already.
    """
    scores: Floats = 2 * np.asarray(hits, np.float64) / np.maximum(np.add(predicted, wanted), 1e-12)
    return scores


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else nan
