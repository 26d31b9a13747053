"""From out-of-fold scores to each topic's confidence and cut-offs."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta
from sklearn.linear_model import LogisticRegression

from models.calibration import Calibration
from training.labels import NO, YES

LEAST_AUTO = 10
"""An `auto` cut-off rests on at least this many articles above it."""


def calibrate(scores: NDArray[np.float64], decisions: NDArray[np.int8], precision_target: float) -> Calibration:
    """Fit one topic's confidence and choose its cut-offs.

    Args:
        scores: out-of-fold raw scores, float64, shape (articles,).
        decisions: yes, no or open, int8, the same shape; at least one yes and one no.
        precision_target: what the `auto` band promises, 0 to 1.
    """
    decided = (decisions == YES) | (decisions == NO)
    scores, right = scores[decided], decisions[decided] == YES
    slope, offset = platt(scores, right)
    suggest, auto = suggest_cut_off(scores, right), auto_cut_off(scores, right, precision_target)
    known = Calibration(slope, offset, suggest=0.0)
    lowest = known.confidence(suggest)
    return Calibration(slope, offset, lowest, None if auto is None else max(lowest, known.confidence(auto)))


def platt(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit slope and offset of 1 / (1 + exp(-(slope · score + offset))) with Platt's smoothed targets.

    Source: Platt, "Probabilistic outputs for support vector machines" (1999): a yes counts as (n₊+1)/(n₊+2), a no
    as 1/(n₋+2).
    """
    yes, no = int(right.sum()), int((~right).sum())
    target = np.where(right, (yes + 1) / (yes + 2), 1 / (no + 2))
    X = np.concatenate((scores, scores))[:, None]
    y = np.repeat([1, 0], len(scores))
    found = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000).fit(
        X, y, sample_weight=np.concatenate((target, 1 - target))
    )
    return max(float(found.coef_[0, 0]), 1e-6), float(found.intercept_[0])


def suggest_cut_off(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the score from which F1 is best, half way to the next score below."""
    ranked, hits, given = _ranked(scores, right)
    best = int(np.argmax(2 * hits / (given + right.sum())))
    return _half_way(ranked, best)


def auto_cut_off(scores: NDArray[np.float64], right: NDArray[np.bool_], target: float) -> float | None:
    """Return the lowest score from which precision is safely above the target, or None.

    Safely: its one-sided 95 % Clopper-Pearson lower bound, the 5 % quantile of Beta(hits, misses + 1).
    """
    ranked, hits, given = _ranked(scores, right)
    bound = beta.ppf(0.05, np.maximum(hits, 1e-9), given - hits + 1)
    safe = np.flatnonzero((bound >= target) & (given >= LEAST_AUTO))
    return _half_way(ranked, int(safe[-1])) if len(safe) else None


def _ranked(
    scores: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct scores from the highest down, and how many hits and articles lie at or above each."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(right[order])
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    return ranked[last], hits[last], last + 1


def _half_way(ranked: NDArray[np.float64], place: int) -> float:
    """Return the middle between a score and the next one below; the score itself where no number lies between."""
    score, below = ranked[place], ranked[min(place + 1, len(ranked) - 1)]
    middle = (score + below) / 2
    return float(middle if middle > below else score)
