"""Would more hand labels help, and which topics? Fit again on a half and on quarters of them, and see what is lost."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.config import FitSettings
from training.fit import Hints, fit_topics, learnable
from training.labels import OPEN, YES
from training.measure import average_precision, decided_pairs, precision_recall

Verdict = Literal["likely", "little", "unclear"]

WORTH_IT = 0.01
"""A gain of average precision, by doubling the labels, that is worth the labelling."""

_DRAWS = 200
_MOST_ARTICLES, _MOST_PAIRS = 20_000, 5_000_000
"""Of more an even share is measured on."""


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurve:
    """Average precision by how many hand-labelled articles were learned from, on the same articles throughout.

    Attributes:
        articles: how many hand-labelled articles were learned from: a quarter, a half, all.
        measured_on: how many other articles were scored.
        average_precision: float64, shape (3, topics); NaN where a topic has too few articles.
        low: 5 % quantile of `gain`, float64, shape (topics,).
        high: 95 % quantile of `gain`, float64, shape (topics,).
    """

    articles: tuple[int, int, int]
    measured_on: int
    average_precision: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def gain(self) -> NDArray[np.float64]:
        """What the last doubling brought, float64, shape (topics,)."""
        gain: NDArray[np.float64] = self.average_precision[2] - self.average_precision[1]
        return gain

    @property
    def macro(self) -> NDArray[np.float64]:
        """Mean over the topics that were measured at every size, float64, shape (3,); NaN where none was."""
        known = ~np.isnan(self.average_precision).any(axis=0)
        if not known.any():
            return np.full(3, np.nan)
        mean: NDArray[np.float64] = self.average_precision[:, known].mean(axis=1)
        return mean

    def verdict(self, column: int) -> Verdict:
        """Say whether doubling a topic's labels would bring as much again.

        Likely: the last doubling brought at least `WORTH_IT`, and surely something. Little: surely less than twice
        that. A curve flattens, so what the last doubling brought is more than the next one will.
        """
        if self.low[column] > 0 and self.gain[column] >= WORTH_IT:
            return "likely"
        return "little" if self.high[column] < 2 * WORTH_IT else "unclear"


def learning_curve(
    X: sp.csr_matrix,
    decisions: NDArray[np.int8],
    fold: NDArray[np.int64],
    settings: FitSettings,
    hints: Hints | None,
    out_of_fold: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> LearningCurve:
    """Fit with a quarter and a half of the calibration articles; what all of them bring is known from the training.

    Measured on the first fold, which none of these fits learns from; the quarter and the half are drawn from the
    others.

    It costs two fits a topic, in one call of `fit_topics` with two folds. That fits on both folds (the half), without
    the first fold (one quarter) and, which takes next to no time, without the second. The measured articles stand in
    the first fold, open: they are scored, not learned from.

    Args:
        X: TF-IDF, float64, shape (articles, features).
        decisions: yes, no or open, int8, shape (articles, topics).
        fold: int64, shape (articles,), as in training.
        settings: as in training.
        hints: as in training.
        out_of_fold: `Fitted.out_of_fold` of the training, float64, shape (articles, topics).
        weight: weighs each article back to a fair sample, float64, shape (articles,).
    """
    measured, others = np.flatnonzero(fold == 0), np.flatnonzero(fold > 0)
    most = min(_MOST_ARTICLES, _MOST_PAIRS // decisions.shape[1])
    measured = measured[:: max(1, -(-len(measured) // most))]
    half = np.random.default_rng(settings.seed).permutation(others)[: len(others) // 2]
    rows = np.concatenate((half, measured))
    parts = np.concatenate((np.arange(len(half)) % 2, np.zeros(len(measured), np.int64)))
    learned = decisions[rows]
    learned[len(rows) - len(measured) :] = OPEN
    enough = learnable(learned, parts, 2)
    scores = np.full((3, len(measured), decisions.shape[1]), np.nan)
    scores[2] = out_of_fold[measured]
    if enough.any():
        fitted = fit_topics(X[rows], learned[:, enough], parts, replace(settings, folds=2), hints)
        scores[0][:, enough] = fitted.out_of_fold[len(rows) - len(measured) :]
        scores[1][:, enough] = X[measured] @ fitted.weights + fitted.bias
    decisions, weight = decisions[measured], weight[measured]
    low, high = _gains(scores[1], scores[2], decisions, weight, settings.seed)
    return LearningCurve(
        articles=(len(half) // 2, len(half), len(others)),
        measured_on=len(measured),
        average_precision=np.stack([_precisions(one, decisions, weight) for one in scores]),
        low=low,
        high=high,
    )


def _gains(
    half: NDArray[np.float64],
    full: NDArray[np.float64],
    decisions: NDArray[np.int8],
    weight: NDArray[np.float64],
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 90 % interval of the gain in average precision, by the paired bootstrap over articles."""
    random = np.random.default_rng(seed)
    count = len(weight)
    low, high = np.full((2, decisions.shape[1]), np.nan)
    if not count:
        return low, high
    drawn = weight * np.stack([np.bincount(random.integers(count, size=count), minlength=count) for _ in range(_DRAWS)])
    for column in np.flatnonzero(~np.isnan(half).any(axis=0)).tolist():
        said = decisions[:, column]
        gain = _drawn_precisions(full[:, column], said, drawn) - _drawn_precisions(half[:, column], said, drawn)
        low[column], high[column] = np.quantile(gain, (0.05, 0.95))
    return low, high


def _drawn_precisions(
    scores: NDArray[np.float64], decisions: NDArray[np.int8], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return one topic's average precision by each row of weights; equal scores rank in the articles' order."""
    order = np.argsort(-scores, kind="stable")
    order = order[decisions[order] != OPEN]
    given = weights[:, order]
    hits = given * (decisions[order] == YES)
    precision = np.cumsum(hits, axis=1) / np.maximum(np.cumsum(given, axis=1), 1e-12)
    ranked: NDArray[np.float64] = (precision * hits).sum(axis=1) / np.maximum(hits.sum(axis=1), 1e-12)
    return ranked


def _precisions(
    scores: NDArray[np.float64], decisions: NDArray[np.int8], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return average precision per topic: float64, shape (topics,); NaN where it is not known."""
    found = np.full(decisions.shape[1], np.nan)
    for column in np.flatnonzero(~np.isnan(scores).any(axis=0)).tolist():
        pairs = decided_pairs(decisions[:, [column]], scores[:, [column]], weight)
        found[column] = average_precision(precision_recall(pairs))
    return found
