"""From out-of-fold scores to each topic's confidence and cut-offs.

Labelled articles that were picked (for a rare topic, or because a model was unsure) are not typical: `fair_weight` says
how much each counts. Where a topic has few articles, its confidence and cut-off lean on those of all topics together.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tagdesk.models.calibration import Calibration
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.promise import Record, auto_cut_offs, beginnings, proving, record
from tagdesk.training.sparse_table import SparseTable, Table

SPREAD = (0.25, 1.0)
"""Standard deviations of a topic's log slope and offset about those of all topics; the prior of its calibration."""

PLAIN_NO = 0.02
"""Pairs with a lower confidence by a first curve do not count in the final one.

They are most of all pairs, and would bend the curve away from the pairs that are in doubt.
"""

FLAT = 10 * PLAIN_NO
"""Where the final curve of all topics would make a plain no as likely as this, they count in all curves after all.

The pairs in doubt are then topics that nobody gave, as alike to the others as can be: by them no score tells anything.
"""

LEAN = 400
"""A topic with this many articles puts its `suggest` cut-off half way between its own best and that of all topics."""

LEAST_F1 = 0.3
"""A topic with a lower best F1 has the `suggest` cut-off of all topics: its own is where chance put a few articles.

This is SCutFBR in Yang, "A study on thresholding strategies for text categorization" (2001).
"""

MANY_PAIRS, MANY_ARTICLES = 2_000_000, 10_000
"""With more pairs of article and topic, or more articles in one topic's curve, the curve is fitted to a histogram."""

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


class Curve(NamedTuple):
    """Slope and offset of 1 / (1 + exp(-(slope · score + offset)))."""

    slope: float
    offset: float


def calibrate(
    scores: Table,
    decisions: Table,
    weight: _Floats,
    precision_target: float | Sequence[float],
    fair: _Bools | None = None,
    proof: Record | None = None,
) -> tuple[Calibration, ...]:
    """Fit every topic's confidence and choose its cut-offs.

    Args:
        scores: out-of-fold raw scores, float64, shape (articles, topics).
        decisions: yes, no or open, int8, the same shape; of every topic at least one yes and one no.
        weight: how much each article counts, float64, shape (articles,), 1 on average.
        precision_target: what the `auto` band promises, 0 to 1; one for all topics, or one a topic.
        fair: whether it was drawn at random, bool, shape (articles,); None for all. These prove the promise.
        proof: what `prove` returns, as many topics need. None: all articles prove what they chose.
    """
    fitted = _fit(scores, decisions, weight)
    targets = np.broadcast_to(np.asarray(precision_target, np.float64), fitted.suggest.shape)
    is_fair = np.ones(len(weight), np.bool_) if fair is None else fair
    auto = auto_cut_offs(
        _confidences(scores, fitted.curves), decisions, weight, is_fair, fitted.suggest, targets, proof
    )
    return tuple(
        Calibration(*curve, suggest=low, auto=None if math.isnan(high) else high)
        for curve, low, high in zip(fitted.curves, fitted.suggest.tolist(), auto.tolist(), strict=True)
    )


class _Fit(NamedTuple):
    """Each topic's curve and `suggest` cut-off, the latter float64, shape (topics,)."""

    curves: Sequence[Curve]
    suggest: _Floats


def _fit(scores: Table, decisions: Table, weight: _Floats) -> _Fit:
    """Fit every topic's curve and choose its `suggest` cut-off; the arguments are those of `calibrate`."""
    with threadpool_limits(1, "blas"):  # for L-BFGS' vectors of two numbers, threads that wait for each other
        curves = _fit_curves(scores, decisions, weight)
    confidences = _confidences(scores, curves)
    common_cut_off = suggest_cut_off(*_binned_pairs(confidences, decisions, weight, MANY_PAIRS))
    pairs = (_pairs_of(confidences, decisions, weight, topic) for topic in range(len(curves)))
    return _Fit(curves, np.array([_leaning_cut_off(pairs_of_topic, common_cut_off) for pairs_of_topic in pairs]))


def prove(
    scores: Table,
    decisions: Table,
    weight: _Floats,
    precision_target: float | Sequence[float],
    fair: _Bools,
    fold: NDArray[np.int64],
) -> Record:
    """Return what each fold would be given by the curves and cut-offs that the others choose.

    `fold` is that of each article, int64, shape (articles,); the other arguments are those of `calibrate`.
    """
    targets = np.broadcast_to(np.asarray(precision_target, np.float64), scores.shape[1])
    drawn, records = proving(fair), []
    for part in np.unique(fold[drawn]).tolist():
        others, own = np.flatnonzero(fold != part), np.flatnonzero((fold == part) & drawn)
        chosen, decided, counts = scores[others], decisions[others], weight[others]
        curves, suggest = _fit(chosen, decided, counts)
        begins = beginnings(_confidences(chosen, curves), decided, counts, suggest, targets)
        shown = _confidences(scores[own], curves)
        records.append(record(shown, decisions[own], np.ones(len(own), np.bool_), suggest, begins))
    hits, given = (np.sum(counts, axis=0) for counts in zip(*records, strict=True))
    return Record(hits, given)


def _confidences(scores: Table, curves: Sequence[Curve]) -> Table:
    """Return the confidences of raw scores by the topics' curves: float64, shape (articles, topics)."""
    slopes, offsets = np.array(curves).T
    if isinstance(scores, SparseTable):
        return scores.mapped(lambda values, columns: expit(slopes[columns] * values + offsets[columns]))
    confidences = slopes * scores
    confidences += offsets
    expit(confidences, out=confidences)
    return confidences


def _fit_curves(scores: Table, decisions: Table, weight: _Floats) -> list[Curve]:
    """Fit the curve of every topic, with the curve of all topics as its prior; the arguments are those of `calibrate`.

    A first curve of all topics tells which pairs are so surely a no that they count in none of the others, unless that
    curve would be `FLAT`.
    """
    pairs = _binned_pairs(scores, decisions, weight, MANY_PAIRS)
    first = platt(*pairs)
    least = (float(logit(PLAIN_NO)) - first.offset) / first.slope
    prior = platt(*pairs.scored_from(least))
    if expit(prior.slope * least + prior.offset) > FLAT:
        least, prior = -math.inf, first
    by_topic = (_pairs_of(scores, decisions, weight, topic, MANY_ARTICLES) for topic in range(scores.shape[1]))
    return [platt(*pairs_of_topic.scored_from(least), prior) for pairs_of_topic in by_topic]


class _Pairs(NamedTuple):
    """Decided pairs of article and topic, or the bins of a histogram of them.

    Attributes:
        scores: scores or confidences, float64, shape (pairs,).
        right: whether the article has the topic, bool, shape (pairs,).
        weight: how much each pair counts, float64, shape (pairs,).
    """

    scores: _Floats
    right: _Bools
    weight: _Floats

    def scored_from(self, least: float) -> "_Pairs":
        """Return the pairs whose score is no lower than `least`."""
        enough = self.scores >= least
        return _Pairs(self.scores[enough], self.right[enough], self.weight[enough])


def _decided_pairs(scores: _Floats, decisions: NDArray[np.int8], weight: _Floats) -> _Pairs:
    """Return the decided pairs of some topics, article by article; the arguments are those of `calibrate`."""
    decided = decisions != OPEN
    return _Pairs(scores[decided], decisions[decided] == YES, np.broadcast_to(weight[:, None], scores.shape)[decided])


def _pairs_of(scores: Table, decisions: Table, weight: _Floats, topic: int, most: int | None = None) -> _Pairs:
    """Return the decided pairs of a topic, or a histogram of more than `most`; those not stored are one pair, a no."""
    column = slice(topic, topic + 1)
    own = np.asarray(decisions[:, column])
    if not isinstance(scores, SparseTable):
        of_topic = scores[:, column]
        return _decided_pairs(of_topic, own, weight) if most is None else _binned_pairs(of_topic, own, weight, most)
    rows, values = scores.column(topic)
    others = (own[:, 0] == NO) * weight
    others[rows] = 0.0
    stored = _decided_pairs(values[:, None], own[rows], weight[rows])
    return _Pairs(
        np.append(stored.scores, scores.default[topic]),
        np.append(stored.right, False),
        np.append(stored.weight, others.sum()),
    )


def _pieces(scores: Table, decisions: Table, weight: _Floats) -> Iterator[_Pairs]:
    """Yield the decided pairs, a few articles or one topic at a time."""
    if isinstance(scores, SparseTable):
        yield from (_pairs_of(scores, decisions, weight, topic) for topic in range(scores.shape[1]))
        return
    step = max(1, MANY_PAIRS // scores.shape[1])
    for rows in (slice(first, first + step) for first in range(0, len(scores), step)):
        yield _decided_pairs(scores[rows], np.asarray(decisions[rows]), weight[rows])


def _binned_pairs(scores: Table, decisions: Table, weight: _Floats, most: int) -> _Pairs:
    """Return the decided pairs; of more than `most` pairs, the mean scores and the weights of a histogram's bins.

    The bins are of equal width, half of them for yes and half for no.
    """
    if isinstance(scores, SparseTable):
        values = np.append(scores.cells.data, scores.default)
    elif scores.size > most:
        values = scores
    else:
        return _decided_pairs(scores, np.asarray(decisions), weight)
    low, width = values.min(), np.ptp(values) / (most // 2 - 1) or 1.0
    weights, sums = np.zeros(most), np.zeros(most)
    for pairs in _pieces(scores, decisions, weight):
        bins = 2 * ((pairs.scores - low) / width).astype(np.int64) + pairs.right
        np.add.at(weights, bins, pairs.weight)
        np.add.at(sums, bins, pairs.weight * pairs.scores)
    filled = np.flatnonzero(weights)
    return _Pairs(sums[filled] / weights[filled], filled % 2 == 1, weights[filled])


def _leaning_cut_off(pairs: _Pairs, common_cut_off: float) -> float:
    """Return the `suggest` cut-off of one topic.

    Args:
        pairs: its articles, by their confidences.
        common_cut_off: the best cut-off of all topics together.
    """
    own_cut_off, best_f1 = _best_f1(*pairs)
    if best_f1 < LEAST_F1:
        return common_cut_off
    share = pairs.right.sum() / (pairs.right.sum() + LEAN)
    return float(expit(share * logit(own_cut_off) + (1 - share) * logit(common_cut_off)))


def fair_weight(scores: Table, fair: _Bools) -> _Floats:
    """Weigh picked articles back to a fair sample.

    An article counts P(fair | its scores) / P(fair), which is the density of a fair sample over that of all labelled
    articles: the first by logistic regression, the second by counting. (Importance weights by a classifier: Bickel,
    Brückner and Scheffer, "Discriminative learning under covariate shift", 2009.) The regression sees the out-of-fold
    scores, and how far each lies within the margin of its support vector machine: what was picked because a model was
    unsure has scores neither high nor low. With many topics it sees how many are likely and how far all lie within.

    Args:
        scores: out-of-fold raw scores, float64, shape (articles, topics).
        fair: drawn at random, bool, shape (articles,).

    Returns:
        float64, shape (articles,), 1 on average; all ones where all or none were drawn at random.
    """
    if fair.all() or not fair.any():
        return np.ones(len(fair))
    X = _of_many(scores) if isinstance(scores, SparseTable) else np.hstack([scores, _within_margin(scores)])
    spread = X.std(axis=0)
    X = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    chance = LogisticRegression(C=0.05, max_iter=2000).fit(X, fair).predict_proba(X)[:, 1]
    weight: _Floats = chance / chance.mean()
    return weight


def _within_margin(scores: _Floats) -> _Floats:
    """Return how far each score lies within the margin of its support vector machine, 0 to 1."""
    within: _Floats = np.maximum(0.0, 1.0 - np.abs(scores))
    return within


def _of_many(scores: SparseTable) -> _Floats:
    """Return what `fair_weight` sees of each article's scores with many topics, float64, shape (articles, 2)."""
    rows, values = scores.cells.indices, scores.cells.data
    likely, within = np.maximum(values, 0.0), _within_margin(values)
    return np.stack([np.bincount(rows, counts, len(scores)) for counts in (likely, within)], axis=1)


def platt(scores: _Floats, right: _Bools, weight: _Floats, prior: Curve | None = None) -> Curve:
    """Fit the curve from scores to confidences by weighted likelihood.

    Source: Platt, "Probabilistic outputs for support vector machines" (1999). In place of his smoothed targets a prior
    keeps a topic with few articles near the others: log slope and offset are normal about those of `prior`, with the
    standard deviations `SPREAD`.

    Args:
        scores: float64, shape (pairs,).
        right: whether the article has the topic, bool, shape (pairs,).
        weight: how much each pair counts, float64, shape (pairs,).
        prior: the curve of all topics; None where this is that curve.
    """
    centre = np.array([0.0, 0.0] if prior is None else [math.log(prior.slope), prior.offset])
    # Without others to lean on, so wide that it only keeps the fit of separable scores finite.
    spread = np.array([3.0, 10.0] if prior is None else SPREAD)

    def loss(parameters: _Floats) -> tuple[float, _Floats]:
        slope = math.exp(parameters[0])
        odds = slope * scores + parameters[1]
        pull = (parameters - centre) / spread
        miss = weight * (expit(odds) - right)
        gradient = np.array([slope * (miss @ scores), miss.sum()]) + pull / spread
        return float(weight @ (np.logaddexp(0, odds) - right * odds) + pull @ pull / 2), gradient

    log_slope, offset = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=[(-12, 12), (None, None)]).x
    return Curve(math.exp(log_slope), float(offset))


def suggest_cut_off(confidences: _Floats, right: _Bools, weight: _Floats) -> float:
    """Return the confidence from which F1 is best, half way to the next one below; the arguments are as in `platt`."""
    return _best_f1(confidences, right, weight)[0]


def _best_f1(confidences: _Floats, right: _Bools, weight: _Floats) -> tuple[float, float]:
    """Return the cut-off with the best F1, and that F1."""
    order = np.argsort(-confidences, kind="stable")
    ranked = confidences[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    hits, predicted = (np.cumsum(values[order])[last] for values in (weight * right, weight))
    f1s = 2 * hits / (predicted + hits[-1])
    best = int(np.argmax(f1s))
    return _half_way_down(ranked[last], best), float(f1s[best])


def _half_way_down(ranked: _Floats, row: int) -> float:
    """Return the middle between a confidence and the next below; the confidence itself where no number is between."""
    own, below = ranked[row], ranked[min(row + 1, len(ranked) - 1)]
    middle = (own + below) / 2
    return float(middle if middle > below else own)
