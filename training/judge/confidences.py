"""How honest confidences are, and how well they rank: pure functions of decided pairs of article and topic.

Arrays have the shape (articles, topics). Decisions are the YES, NO and OPEN of `tagdesk.training.corpora.labels`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve

from tagdesk.training.corpora.labels import OPEN, YES

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Decisions = NDArray[np.int8]

BINS = 15
PAIRS_PER_BIN = 10
"""With fewer pairs than this for each of `BINS` there are fewer bins: the error within a handful of pairs is chance."""

LEAST_CONFIDENCE = 0.05
"""Pairs below say little about calibration: they are the many topics that an article is plainly not about."""


@dataclass(frozen=True, slots=True, eq=False)
class DecidedPairs:
    """Decided pairs of article and topic.

    Attributes:
        confidence: float64, shape (pairs,).
        right: whether the article has the topic, bool, shape (pairs,).
        weight: of the article, float64, shape (pairs,).
    """

    confidence: Floats
    right: Flags
    weight: Floats


def decided_pairs(
    decisions: Decisions, confidences: Floats, weight: Floats, considered: Flags | None = None
) -> DecidedPairs:
    """Return the decided pairs; only those `considered` (bool, shape (articles, topics)), unless that is None."""
    where = decisions != OPEN if considered is None else (decisions != OPEN) & considered
    weights = np.broadcast_to(weight[:, None], decisions.shape)
    return DecidedPairs(confidences[where], decisions[where] == YES, weights[where])


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs of about the same confidence.

    Attributes:
        confidence: their mean confidence.
        right: the share of them that is right.
        low, high: Wilson's 95 % interval of that share.
        share: their share of all pairs' weight.
        pairs: how many there are.
    """

    confidence: float
    right: float
    low: float
    high: float
    share: float
    pairs: int


def reliability(pairs: DecidedPairs, bins: int | None = None) -> tuple[Bin, ...]:
    """Put pairs into bins of equal weight by confidence, the lowest first; pairs of equal confidence stay together.

    Unless `bins` says how many there are to be, there are `BINS`, or as many as get `PAIRS_PER_BIN` pairs each.

    The interval is Wilson's, "Probable inference" (1927), with the effective number (Σw)² / Σw² of pairs (Kish, "Survey
    sampling", 1965).
    """
    if not pairs.weight.sum() > 0:
        return ()
    if bins is None:
        bins = min(BINS, max(1, len(pairs.weight) // PAIRS_PER_BIN))
    _, level = np.unique(pairs.confidence, return_inverse=True)
    mass = np.bincount(level, pairs.weight)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    bin_of = np.minimum((middle * bins).astype(np.int64), bins - 1)[level]

    def total(values: Floats) -> Floats:
        return np.bincount(bin_of, values, minlength=bins).astype(np.float64)

    weight = total(pairs.weight)
    filled = np.flatnonzero(weight > 0)
    mean = total(pairs.weight * pairs.confidence)[filled] / weight[filled]
    right = total(pairs.weight * pairs.right)[filled] / weight[filled]
    effective = weight[filled] ** 2 / total(pairs.weight**2)[filled]
    counts = np.bincount(bin_of, minlength=bins)[filled]
    rows = zip(mean, right, effective, weight[filled] / weight.sum(), counts, strict=True)
    return tuple(Bin(float(m), float(r), *_wilson(float(r), float(n)), float(s), int(c)) for m, r, n, s, c in rows)


def expected_calibration_error(
    decisions: Decisions, confidences: Floats, weight: Floats, bins: int | None = None
) -> float:
    """Return Σ over bins of share · |share right - mean confidence|, over decided pairs from 0.05 confidence up.

    The bins are those of `reliability`.

    Source: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning" (2015), with
    bins of equal mass as Nixon et al., "Measuring calibration in deep learning" (2019). For one topic pass one column.
    """
    return calibration_error_of(
        reliability(decided_pairs(decisions, confidences, weight, confidences >= LEAST_CONFIDENCE), bins)
    )


def calibration_error_of(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error of the bins of `reliability`; NaN where there are none."""
    return sum(part.share * abs(part.right - part.confidence) for part in bins) if bins else nan


def brier_score(decisions: Decisions, confidences: Floats, weight: Floats) -> float:
    """Return Σ w · (confidence - right)² / Σ w over the decided pairs; NaN where there are none.

    Source: Brier, "Verification of forecasts expressed in terms of probability" (1950), the half for yes.
    scikit-learn's `brier_score_loss` gives the same and takes more than twenty times as long.
    """
    decided = decisions != OPEN
    miss = np.where(decided, confidences, 0.0)
    miss -= decisions == YES
    total = float(weight @ decided.sum(axis=1))
    return float(weight @ np.einsum("ij,ij->i", miss, miss)) / total if total > 0 else nan


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Precision and recall at every distinct confidence taken as the cut-off, the highest first, float64."""

    cut_offs: Floats
    precision: Floats
    recall: Floats


def precision_recall(pairs: DecidedPairs) -> Curve:
    """Return the precision-recall curve; empty where no pair is right."""
    if not pairs.weight @ pairs.right > 0:
        return Curve(np.empty(0), np.empty(0), np.empty(0))
    precision, recall, cut_offs = precision_recall_curve(pairs.right, pairs.confidence, sample_weight=pairs.weight)
    return Curve(cut_offs[::-1], precision[-2::-1], recall[-2::-1])  # its last point, recall 0, has no cut-off


def average_precision(pairs: DecidedPairs) -> float:
    """Return Σ (recallₙ - recallₙ₋₁) · precisionₙ over the curve's points; NaN where no pair is right."""
    if not pairs.weight @ pairs.right > 0:
        return nan
    return float(average_precision_score(pairs.right, pairs.confidence, sample_weight=pairs.weight))


def average_precisions(decisions: Decisions, scores: Floats, weight: Floats) -> Floats:
    """Return the average precision of every topic, float64, shape (topics,).

    NaN where no article has the topic, or where it has no scores: NaN.

    Args:
        decisions: yes, no or open, int8, shape (articles, topics).
        scores: raw scores or confidences, whose order is all that counts, float64, the same shape.
        weight: float64, shape (articles,).
    """
    precisions = np.full(decisions.shape[1], nan)
    for topic in np.flatnonzero(~np.isnan(scores).any(axis=0)).tolist():
        column = slice(topic, topic + 1)
        precisions[topic] = average_precision(decided_pairs(decisions[:, column], scores[:, column], weight))
    return precisions


def _wilson(share: float, count: float, z: float = 1.96) -> tuple[float, float]:
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - reach), min(1.0, middle + reach)
