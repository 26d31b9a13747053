"""Would more full labels help, and for which topics? Fit a half and a quarter of them again, and compare."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tagdesk.training.config import MANY_TOPICS, FitSettings
from tagdesk.training.corpora.labels import OPEN, YES
from tagdesk.training.fit_one import Hints
from tagdesk.training.judge.confidences import average_precisions
from tagdesk.training.judge.resample import resamples
from tagdesk.training.learn.fit import fit_topics, learnable
from tagdesk.training.sparse_table import Table, where_is

Verdict = Literal["likely", "little", "unclear"]

WORTH_IT = 0.01
"""The gain of average precision from doubling the labels that is worth the labelling."""

_DRAWS = 200
_MOST_ARTICLES, _MOST_PAIRS = 20_000, 5_000_000
"""Where there are more, an even share of them is measured."""


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurve:
    """Average precision by how many fully labelled articles were learned from, on the same articles throughout.

    Attributes:
        articles: how many fully labelled articles were learned from: a quarter, a half and all of them.
        measured_on: how many other articles were scored.
        average_precision: float64, shape (3, topics); NaN where a topic has too few articles.
        low, high: 5 % and 95 % quantile of `gain`, float64, shape (topics,).
    """

    articles: tuple[int, int, int]
    measured_on: int
    average_precision: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def gain(self) -> NDArray[np.float64]:
        """What the last doubling gained, float64, shape (topics,)."""
        gain: NDArray[np.float64] = self.average_precision[2] - self.average_precision[1]
        return gain

    @property
    def macro(self) -> NDArray[np.float64]:
        """Mean over the topics that could be measured at every size, float64, shape (3,); NaN where none could."""
        known = ~np.isnan(self.average_precision).any(axis=0)
        if not known.any():
            return np.full(3, np.nan)
        mean: NDArray[np.float64] = self.average_precision[:, known].mean(axis=1)
        return mean

    def verdict(self, column: int) -> Verdict:
        """Return whether doubling a topic's labels is likely to pay.

        Likely: the last doubling gained at least `WORTH_IT`, and certainly something. Little: certainly less than twice
        that. Curves flatten, so the next doubling will gain less than the last one did.
        """
        if self.low[column] > 0 and self.gain[column] >= WORTH_IT:
            return "likely"
        return "little" if self.high[column] < 2 * WORTH_IT else "unclear"


def learning_curve(
    X: sp.csr_matrix,
    decisions: Table,
    fold: NDArray[np.int64],
    settings: FitSettings,
    hints: Hints | None,
    out_of_fold: Table,
    weight: NDArray[np.float64],
) -> LearningCurve:
    """Fit with a quarter and a half of the calibration articles; the training itself has fitted all of them.

    Of many topics only the commonest are fitted again, `MANY_TOPICS` of them.

    Every size is measured on the articles of fold 0, from which no fit here learns. The half is drawn from the articles
    of the other folds, the quarter is half of that.

    One call of `fit_topics` fits both sizes. It gets the half, and twice the measured articles with every topic open,
    so that they are scored and never learned from. Fold 0 are the one copy and half of the half: the fit without it is
    the quarter. Fold 1 is the other copy: the fit without it is the half. The rest is in every fit.
    With few topics `fit_topics` fits all articles too, which here is the half once more: the price of one call.

    Args:
        X: TF-IDF, float64, shape (articles, features).
        decisions: yes, no or open, int8, shape (articles, topics).
        fold: int64, shape (articles,), as in training.
        settings: as in training.
        hints: as in training.
        out_of_fold: `Fitted.out_of_fold` of the training, float64, shape (articles, topics).
        weight: weighs each article back to a fair sample, float64, shape (articles,).
    """
    settings, topics = settings.for_topics(decisions.shape[1]), decisions.shape[1]
    shown = _commonest(decisions)
    decisions, out_of_fold = np.asarray(decisions[:, shown]), np.asarray(out_of_fold[:, shown])
    measured, others = np.flatnonzero(fold == 0), np.flatnonzero(fold > 0)
    most = min(_MOST_ARTICLES, _MOST_PAIRS // decisions.shape[1])
    measured = measured[:: max(1, -(-len(measured) // most))]
    half = np.random.default_rng(settings.seed).permutation(others)[: len(others) // 2]
    rows = np.concatenate((half, measured, measured))
    part = np.concatenate((-(np.arange(len(half)) % 2), np.repeat([0, 1], len(measured))))
    learned = decisions[rows]
    learned[len(half) :] = OPEN
    enough = learnable(decisions[half], np.arange(len(half)) % 2, 2)
    quarter_scores, half_scores, full_scores = scores = np.full((3, len(measured), decisions.shape[1]), np.nan)
    full_scores[:] = out_of_fold[measured]
    if enough.any():
        fitted = fit_topics(X[rows], learned[:, enough], part, replace(settings, folds=2), hints)
        quarter_scores[:, enough], half_scores[:, enough] = np.split(
            np.asarray(fitted.out_of_fold)[-2 * len(measured) :], 2
        )
    decisions, weight = decisions[measured], weight[measured]
    low, high, *precisions = (
        _among(values, shown, topics)
        for values in (
            *_gains(half_scores, full_scores, decisions, weight, settings.seed),
            *(average_precisions(decisions, of_size, weight) for of_size in scores),
        )
    )
    return LearningCurve(
        articles=(len(half) // 2, len(half), len(others)),
        measured_on=len(measured),
        average_precision=np.stack(precisions),
        low=low,
        high=high,
    )


def _commonest(decisions: Table) -> NDArray[np.int64]:
    """Return the columns of at most `MANY_TOPICS` topics, those that most articles have."""
    counts = np.asarray(where_is(decisions, YES).sum(axis=0)).ravel()
    return np.sort(np.argsort(-counts, kind="stable")[:MANY_TOPICS])


def _among(values: NDArray[np.float64], columns: NDArray[np.int64], topics: int) -> NDArray[np.float64]:
    """Return the values of some columns among those of all, which are NaN."""
    everywhere = np.full(topics, np.nan)
    everywhere[columns] = values
    return everywhere


def _gains(
    half: NDArray[np.float64],
    full: NDArray[np.float64],
    decisions: NDArray[np.int8],
    weight: NDArray[np.float64],
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 90 % interval of the gain in average precision, by the paired bootstrap over articles."""
    low, high = np.full((2, decisions.shape[1]), np.nan)
    if not len(weight):
        return low, high
    drawn = weight * np.stack(list(resamples(len(weight), _DRAWS, seed)))
    for column in np.flatnonzero(~np.isnan(half).any(axis=0)).tolist():
        before, after = (_drawn_precisions(scores[:, column], decisions[:, column], drawn) for scores in (half, full))
        gain = after - before
        low[column], high[column] = np.quantile(gain, (0.05, 0.95))
    return low, high


def _drawn_precisions(
    scores: NDArray[np.float64], decisions: NDArray[np.int8], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return one topic's average precision by each row of weights, float64, shape (draws,).

    scikit-learn's `average_precision_score` would be called once a draw, and sort each time. Equal scores rank in the
    articles' order here.
    """
    order = np.argsort(-scores, kind="stable")
    order = order[decisions[order] != OPEN]
    ranked = weights[:, order]
    hits = ranked * (decisions[order] == YES)
    precision = np.cumsum(hits, axis=1) / np.maximum(np.cumsum(ranked, axis=1), 1e-12)
    average: NDArray[np.float64] = (precision * hits).sum(axis=1) / np.maximum(hits.sum(axis=1), 1e-12)
    return average
