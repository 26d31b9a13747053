"""From out-of-fold scores to each topic's confidence and cut-offs.

Labelled articles that were picked (for a rare topic, or because a model was unsure) are not typical: each counts as
`fair_weight` says. Where a topic has few articles, its confidence and cut-off lean on those of all topics together.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import beta
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.calibration import Calibration
from training.labels import OPEN, YES

LEAST_AUTO = 10
"""An `auto` cut-off rests on at least this many articles above it."""

SPREAD = (0.25, 1.0)
"""Standard deviations of a topic's log slope and offset about those of all topics; the prior of its calibration."""

PLAIN_NO = 0.02
"""Pairs less likely than that by a first curve do not count in the final one.

They are most of all pairs: a curve that bends to them says of doubtful pairs what it should not.
"""

LEAN = 400
"""A topic with this many articles puts its `suggest` cut-off half way between its own best and that of all topics."""

LEAST_F1 = 0.3
"""A topic whose best F1 is below has the `suggest` cut-off of all topics: its own is where chance put a few articles.

As SCutFBR, Yang, "A study on thresholding strategies for text categorization" (2001).
"""

MANY_PAIRS, MANY_ARTICLES = 2_000_000, 10_000
"""Of more pairs of article and topic, or of more articles in one topic's curve, a histogram is fitted."""

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


def calibrate(
    scores: _Floats, decisions: NDArray[np.int8], weight: _Floats, precision_target: float | Sequence[float]
) -> tuple[Calibration, ...]:
    """Fit every topic's confidence and choose its cut-offs.

    Args:
        scores: out-of-fold raw scores, float64, shape (articles, topics).
        decisions: yes, no or open, int8, the same shape; of every topic at least one yes and one no.
        weight: what each article counts, float64, shape (articles,), 1 on average.
        precision_target: what the `auto` band promises, 0 to 1; one for all topics, or one a topic.
    """
    columns = [slice(topic, topic + 1) for topic in range(scores.shape[1])]
    with threadpool_limits(1, "blas"):  # for L-BFGS' vectors of two numbers, threads that wait for each other
        pairs = _together(scores, decisions, weight, MANY_PAIRS)
        slope, offset = platt(*pairs)
        least = (float(logit(PLAIN_NO)) - offset) / slope
        prior = platt(*_from(least, *pairs))
        lines = [
            platt(*_from(least, *_together(scores[:, one], decisions[:, one], weight, MANY_ARTICLES)), prior)
            for one in columns
        ]
    slopes, offsets = np.array(lines).T
    confidences = slopes * scores
    confidences += offsets
    expit(confidences, out=confidences)
    pooled = suggest_cut_off(*_together(confidences, decisions, weight, MANY_PAIRS))
    targets = np.broadcast_to(precision_target, len(lines)).tolist()
    return tuple(
        _with_cut_offs(line, pooled, target, *_decided(confidences[:, one], decisions[:, one], weight))
        for one, line, target in zip(columns, lines, targets, strict=True)
    )


def _with_cut_offs(
    line: tuple[float, float], pooled: float, target: float, confidences: _Floats, right: _Bools, weight: _Floats
) -> Calibration:
    ranked = _ranked(confidences, right, weight)
    own, reached = _f1_best(ranked)
    share = right.sum() / (right.sum() + LEAN)
    suggest = float(expit(share * logit(own) + (1 - share) * logit(pooled))) if reached >= LEAST_F1 else pooled
    auto = _safe_from(ranked, target)
    return Calibration(*line, suggest=suggest, auto=None if auto is None else max(auto, suggest))


def _decided(scores: _Floats, decisions: NDArray[np.int8], weight: _Floats) -> tuple[_Floats, _Bools, _Floats]:
    """Return score, right and weight of the decided pairs."""
    decided = decisions != OPEN
    return scores[decided], decisions[decided] == YES, np.broadcast_to(weight[:, None], scores.shape)[decided]


def _from(least: float, scores: _Floats, right: _Bools, weight: _Floats) -> tuple[_Floats, _Bools, _Floats]:
    """Return the pairs whose score is no less than that."""
    kept = scores >= least
    return scores[kept], right[kept], weight[kept]


def _together(
    scores: _Floats, decisions: NDArray[np.int8], weight: _Floats, most: int
) -> tuple[_Floats, _Bools, _Floats]:
    """Return what `_decided` does; of more than so many pairs, the means and weights of a histogram's bins instead.

    The bins are of equal width, half of them for yes and half for no.
    """
    if scores.size <= most:
        return _decided(scores, decisions, weight)
    low, width = scores.min(), np.ptp(scores) / (most // 2 - 1) or 1.0
    weights, sums = np.zeros(most), np.zeros(most)
    step = max(1, MANY_PAIRS // scores.shape[1])
    for rows in (slice(first, first + step) for first in range(0, len(scores), step)):
        mine, right, many = _decided(scores[rows], decisions[rows], weight[rows])
        place = 2 * ((mine - low) / width).astype(np.int64) + right
        weights += np.bincount(place, many, most)
        sums += np.bincount(place, many * mine, most)
    filled = np.flatnonzero(weights)
    return sums[filled] / weights[filled], filled % 2 == 1, weights[filled]


def fair_weight(scores: _Floats, fair: _Bools) -> _Floats:
    """Weigh picked articles back to a fair sample.

    An article counts P(fair | its scores) / P(fair), which is the density of a fair sample over that of all labelled
    articles: the first by logistic regression on the out-of-fold scores, the second by counting. (Importance weights
    by a classifier: Bickel, Brückner and Scheffer, "Discriminative learning under covariate shift", 2009.)

    Args:
        scores: out-of-fold raw scores, float64, shape (articles, topics).
        fair: drawn at random, bool, shape (articles,).

    Returns:
        float64, shape (articles,), 1 on average; all ones where all or none were drawn at random.
    """
    if fair.all() or not fair.any():
        return np.ones(len(fair))
    spread = scores.std(axis=0)
    X = (scores - scores.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    chance = LogisticRegression(C=0.05, max_iter=2000).fit(X, fair).predict_proba(X)[:, 1]
    found: _Floats = chance / chance.mean()
    return found


def platt(
    scores: _Floats,
    right: _Bools,
    weight: _Floats,
    prior: tuple[float, float] | None = None,
    prior_spread: tuple[float, float] = SPREAD,
) -> tuple[float, float]:
    """Fit slope and offset of 1 / (1 + exp(-(slope · score + offset))) by weighted likelihood.

    Source: Platt, "Probabilistic outputs for support vector machines" (1999). In place of his smoothed targets a prior
    keeps a topic with few articles near the others: log slope and offset are normal about those of `prior`, with the
    standard deviations `prior_spread`.
    """
    centre = np.array([0.0, 0.0] if prior is None else [math.log(prior[0]), prior[1]])
    # Without others to lean on, so wide that it only keeps the fit of separable scores finite.
    spread = np.array([3.0, 10.0] if prior is None else prior_spread)

    def loss(line: _Floats) -> tuple[float, _Floats]:
        slope = math.exp(line[0])
        odds = slope * scores + line[1]
        pull = (line - centre) / spread
        miss = weight * (expit(odds) - right)
        gradient = np.array([slope * (miss @ scores), miss.sum()]) + pull / spread
        return float(weight @ (np.logaddexp(0, odds) - right * odds) + pull @ pull / 2), gradient

    found = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=[(-12, 12), (None, None)])
    return math.exp(found.x[0]), float(found.x[1])


def suggest_cut_off(confidences: _Floats, right: _Bools, weight: _Floats) -> float:
    """Return the confidence from which F1 is best, half way to the next one below."""
    return _f1_best(_ranked(confidences, right, weight))[0]


def auto_cut_off(confidences: _Floats, right: _Bools, weight: _Floats, target: float) -> float | None:
    """Return the lowest confidence from which precision is safely above the target, or None.

    Safely: its one-sided 95 % Clopper-Pearson lower bound, the 5 % quantile of Beta(hits, misses + 1), of as many
    articles as the weighted ones are worth, (Σw)² / Σw² (Kish, "Survey sampling", 1965).
    """
    return _safe_from(_ranked(confidences, right, weight), target)


_Ranked = tuple[_Floats, _Floats, _Floats, _Floats]


def _f1_best(ranking: _Ranked) -> tuple[float, float]:
    """Return the F1-best cut-off and that F1."""
    ranked, hits, given, _ = ranking
    reached = 2 * hits / (given + hits[-1])
    best = int(np.argmax(reached))
    return _half_way(ranked, best), float(reached[best])


def _safe_from(ranking: _Ranked, target: float) -> float | None:
    ranked, hits, given, squares = ranking
    worth = given * given / squares
    # The bound lies below the precision itself, and is slow to work out.
    place = np.flatnonzero((worth >= LEAST_AUTO) & (hits >= target * given))
    if not len(place):
        return None
    worth = worth[place]
    of_them = worth * hits[place] / given[place]
    safe = place[beta.ppf(0.05, np.maximum(of_them, 1e-9), worth - of_them + 1) >= target]
    return _half_way(ranked, int(safe[-1])) if len(safe) else None


def _ranked(confidences: _Floats, right: _Bools, weight: _Floats) -> _Ranked:
    """Return the distinct confidences from the highest down, and the weight of hits, of articles, and its squares."""
    order = np.argsort(-confidences, kind="stable")
    ranked = confidences[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    sums = (np.cumsum(what[order])[last] for what in (weight * right, weight, weight * weight))
    return ranked[last], *sums


def _half_way(ranked: _Floats, place: int) -> float:
    """Return the middle between a confidence and the next below; the confidence itself where no number is between."""
    own, below = ranked[place], ranked[min(place + 1, len(ranked) - 1)]
    middle = (own + below) / 2
    return float(middle if middle > below else own)
