"""From out-of-fold scores to each topic's confidence and cut-offs.

Labelled articles that were picked (for a rare topic, or because a model was unsure) are not typical: each counts as
`fair_weight` says. Where a topic has few articles, its confidence and cut-off lean on those of all topics together.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import beta
from sklearn.linear_model import LogisticRegression

from models.calibration import Calibration
from training.labels import OPEN, YES

LEAST_AUTO = 10
"""An `auto` cut-off rests on at least this many articles above it."""

SPREAD = (0.25, 1.0)
"""Standard deviations of a topic's log slope and offset about those of all topics; the prior of its calibration."""

LEAN = 100
"""A topic with this many articles puts its `suggest` cut-off half way between its own best and that of all topics."""

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


def calibrate(
    scores: _Floats, decisions: NDArray[np.int8], weight: _Floats, precision_target: float
) -> tuple[Calibration, ...]:
    """Fit every topic's confidence and choose its cut-offs.

    Args:
        scores: out-of-fold raw scores, float64, shape (articles, topics).
        decisions: yes, no or open, int8, the same shape; of every topic at least one yes and one no.
        weight: what each article counts, float64, shape (articles,), 1 on average.
        precision_target: what the `auto` band promises, 0 to 1.
    """
    decided = decisions != OPEN
    right = decisions == YES
    many = np.broadcast_to(weight[:, None], scores.shape)
    prior = platt(scores[decided], right[decided], many[decided])
    lines = [
        platt(scores[mine, topic], right[mine, topic], weight[mine], prior) for topic, mine in enumerate(decided.T)
    ]
    slopes, offsets = np.array(lines).T
    confidences = expit(slopes * scores + offsets)
    pooled = suggest_cut_off(confidences[decided], right[decided], many[decided])
    calibrations = []
    for topic, mine in enumerate(decided.T):
        seen, yes, counts = confidences[mine, topic], right[mine, topic], weight[mine]
        own = suggest_cut_off(seen, yes, counts)
        share = yes.sum() / (yes.sum() + LEAN)
        suggest = float(expit(share * logit(own) + (1 - share) * logit(pooled)))
        auto = auto_cut_off(seen, yes, counts, precision_target)
        calibrations.append(
            Calibration(*lines[topic], suggest=suggest, auto=None if auto is None else max(auto, suggest))
        )
    return tuple(calibrations)


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
    scores: _Floats, right: _Bools, weight: _Floats, prior: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Fit slope and offset of 1 / (1 + exp(-(slope · score + offset))) by weighted likelihood.

    Source: Platt, "Probabilistic outputs for support vector machines" (1999). In place of his smoothed targets a prior
    keeps a topic with few articles near the others: log slope and offset are normal about those of `prior`, with the
    standard deviations `SPREAD`.
    """
    centre = np.array([0.0, 0.0] if prior is None else [math.log(prior[0]), prior[1]])
    # Without others to lean on, so wide that it only keeps the fit of separable scores finite.
    spread = np.array([3.0, 10.0] if prior is None else SPREAD)

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
    ranked, hits, given, _ = _ranked(confidences, right, weight)
    best = int(np.argmax(2 * hits / (given + hits[-1])))
    return _half_way(ranked, best)


def auto_cut_off(confidences: _Floats, right: _Bools, weight: _Floats, target: float) -> float | None:
    """Return the lowest confidence from which precision is safely above the target, or None.

    Safely: its one-sided 95 % Clopper-Pearson lower bound, the 5 % quantile of Beta(hits, misses + 1), of as many
    articles as the weighted ones are worth, (Σw)² / Σw² (Kish, "Survey sampling", 1965).
    """
    ranked, hits, given, squares = _ranked(confidences, right, weight)
    worth = given * given / squares
    of_them = worth * hits / given
    bound = beta.ppf(0.05, np.maximum(of_them, 1e-9), worth - of_them + 1)
    safe = np.flatnonzero((bound >= target) & (worth >= LEAST_AUTO))
    return _half_way(ranked, int(safe[-1])) if len(safe) else None


def _ranked(confidences: _Floats, right: _Bools, weight: _Floats) -> tuple[_Floats, _Floats, _Floats, _Floats]:
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
