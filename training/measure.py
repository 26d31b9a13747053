"""How good a model is and how honest its confidences are: pure functions of decisions, confidences and weights.

Arrays have the shape (articles, topics). Decisions are `training.labels`' YES, NO and OPEN; an open pair of article and
topic counts nowhere. Weights, shape (articles,), weigh each article back to a fair sample. A figure of nothing is NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

from models.article import ArticleText
from models.calibration import Calibration
from training.labels import NO, OPEN, YES

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Decisions = NDArray[np.int8]

BINS = 15
PAIRS_PER_BIN = 10
"""Of fewer pairs than that in each of `BINS` there are fewer bins: the error in a handful of pairs is chance."""

LEAST_CONFIDENCE = 0.05
"""Pairs below say little of calibration: they are the many topics that an article is plainly not about."""


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """Articles that a model has not learned from, and what it made of them.

    Attributes:
        ids: the articles' ids.
        texts: what is read of them.
        decisions: yes, no or open, int8, shape (articles, topics).
        scores: raw scores, float64, shape (articles, topics).
        confidences: float64, shape (articles, topics).
        weight: weighs each article back to a fair sample, float64, shape (articles,).
        how: how it comes that the model has not learned from them: `out of fold` or `held out`.
        doubted: articles that give a reason to apply no topic unseen, bool, shape (articles,); None where none does.
    """

    ids: Sequence[str]
    texts: Sequence[ArticleText]
    decisions: Decisions
    scores: Floats
    confidences: Floats
    weight: Floats
    how: str = "out of fold"
    doubted: Flags | None = None

    def share(self, most_pairs: int) -> "Examined":
        """Return an even share of the articles, of at most so many pairs of article and topic."""
        step = -(-self.decisions.size // most_pairs)
        if step <= 1:
            return self
        return Examined(
            ids=self.ids[::step],
            texts=self.texts[::step],
            decisions=self.decisions[::step],
            scores=self.scores[::step],
            confidences=self.confidences[::step],
            weight=self.weight[::step],
            how=self.how,
            doubted=None if self.doubted is None else self.doubted[::step],
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of one topic, or of all together; all but `support` and the average precision are sums of weights.

    Attributes:
        support: how many articles have the topic.
        wanted: weight of the articles that have the topic.
        given, hits: weight of those that were given it, and of those among them that have it.
        auto_given, auto_hits: the same for the `auto` band.
        average_precision: see `average_precision`.
    """

    support: int
    wanted: float
    given: float
    hits: float
    auto_given: float
    auto_hits: float
    average_precision: float

    @property
    def precision(self) -> float:
        """Hits per topic given."""
        return _ratio(self.hits, self.given)

    @property
    def recall(self) -> float:
        """Hits per topic wanted."""
        return _ratio(self.hits, self.wanted)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2 · hits / (given + wanted); 0 where nothing was hit."""
        return 2 * self.hits / (self.given + self.wanted) if self.hits else 0.0

    @property
    def auto_precision(self) -> float:
        """Hits per topic given in the `auto` band."""
        return _ratio(self.auto_hits, self.auto_given)

    @property
    def auto_share(self) -> float:
        """Share of the topics wanted that the `auto` band gives."""
        return _ratio(self.auto_hits, self.wanted)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """All figures of one model on the examined articles.

    Attributes:
        given: which topics reach a band, bool, shape (articles, topics).
        topics: figures per topic.
        whole: figures of all pairs together ("micro").
        macro_f1: mean F1 of the topics that some article has.
        top1: share of articles whose most likely topic is right, or open.
        untagged: share of articles without a topic.
        calibration_error: see `expected_calibration_error`.
        brier: see `brier_score`.
    """

    given: Flags
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
    doubted: Flags | None = None,
) -> Measured:
    """Measure all that can be measured; topics are given at their cut-offs.

    Args:
        decisions: yes, no or open, int8, shape (articles, topics).
        confidences: float64, the same shape.
        weight: float64, shape (articles,).
        calibrations: one a topic.
        doubted: articles to which no topic is `auto`, bool, shape (articles,).
    """
    given = confidences >= np.array([one.suggest for one in calibrations])
    auto = confidences >= np.array([np.inf if one.auto is None else one.auto for one in calibrations])
    if doubted is not None:
        auto &= ~doubted[:, None]
    decided, yes = decisions != OPEN, decisions == YES
    sums = [weight @ flags for flags in (yes, given & decided, given & yes, auto & decided, auto & yes)]
    ranked = [
        average_precision(precision_recall(decided_pairs(decisions[:, [i]], confidences[:, [i]], weight)))
        for i in range(len(calibrations))
    ]
    support = yes.sum(axis=0)
    topics = tuple(_figures(int(support[i]), [one[i] for one in sums], ranked[i]) for i in range(len(calibrations)))
    pooled = average_precision(precision_recall(decided_pairs(decisions, confidences, weight)))
    supported = [one.f1 for one in topics if one.support]
    first = np.where(given, confidences, -1.0).argmax(axis=1)
    right = given.any(axis=1) & (decisions[np.arange(len(first)), first] != NO)
    total = float(weight.sum())
    return Measured(
        given=given,
        topics=topics,
        whole=_figures(int(yes.sum()), [one.sum() for one in sums], pooled),
        macro_f1=_ratio(sum(supported), len(supported)),
        top1=_ratio(float(weight @ right), total),
        untagged=_ratio(float(weight @ ~given.any(axis=1)), total),
        calibration_error=expected_calibration_error(decisions, confidences, weight),
        brier=brier_score(decisions, confidences, weight),
    )


def _figures(support: int, sums: Sequence[float], ranked: float) -> Figures:
    wanted, given, hits, auto_given, auto_hits = map(float, sums)
    return Figures(support, wanted, given, hits, auto_given, auto_hits, ranked)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Decided pairs of article and topic.

    Attributes:
        confidence: float64, shape (pairs,).
        right: whether the article has the topic, bool, shape (pairs,).
        weight: of the article, float64, shape (pairs,).
    """

    confidence: Floats
    right: Flags
    weight: Floats


def decided_pairs(decisions: Decisions, confidences: Floats, weight: Floats, considered: Flags | None = None) -> Pairs:
    """Return the pairs that are decided and, where that is given, `considered` (bool, shape (articles, topics))."""
    where = decisions != OPEN if considered is None else (decisions != OPEN) & considered
    weights = np.broadcast_to(weight[:, None], decisions.shape)
    return Pairs(confidences[where], decisions[where] == YES, weights[where])


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs of about the same confidence.

    Attributes:
        confidence: their mean confidence.
        right: the share of them that is right.
        low, high: Wilson's 95 % interval of that share.
        share: their share of all pairs' weight.
        pairs: how many they are.
    """

    confidence: float
    right: float
    low: float
    high: float
    share: float
    pairs: int


def reliability(pairs: Pairs, bins: int | None = None) -> tuple[Bin, ...]:
    """Put pairs into bins of equal weight by confidence, the lowest first; pairs of equal confidence stay together.

    There are 15 bins, or so many that each has about 10 pairs, unless `bins` says how many.

    The interval is Wilson's, "Probable inference" (1927), with the effective number (Σw)² / Σw² of pairs (Kish, "Survey
    sampling", 1965).
    """
    if not pairs.weight.sum() > 0:
        return ()
    if bins is None:
        bins = min(BINS, max(1, len(pairs.weight) // PAIRS_PER_BIN))
    _, place = np.unique(pairs.confidence, return_inverse=True)
    mass = np.bincount(place, pairs.weight)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    number = np.minimum((middle * bins).astype(np.int64), bins - 1)[place]

    def total(values: Floats) -> Floats:
        return np.bincount(number, values, minlength=bins).astype(np.float64)

    weight = total(pairs.weight)
    filled = np.flatnonzero(weight > 0)
    mean = total(pairs.weight * pairs.confidence)[filled] / weight[filled]
    right = total(pairs.weight * pairs.right)[filled] / weight[filled]
    effective = weight[filled] ** 2 / total(pairs.weight**2)[filled]
    counts = np.bincount(number, minlength=bins)[filled]
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
    """Return the expected calibration error of bins that are made already."""
    return sum(one.share * abs(one.right - one.confidence) for one in bins) if bins else nan


def brier_score(decisions: Decisions, confidences: Floats, weight: Floats) -> float:
    """Return Σ w · (confidence - right)² / Σ w over the decided pairs.

    Source: Brier, "Verification of forecasts expressed in terms of probability" (1950), the half for yes.
    """
    decided = decisions != OPEN
    miss = np.where(decided, confidences, 0.0)
    miss -= decisions == YES
    return _ratio(float(weight @ np.einsum("ij,ij->i", miss, miss)), float(weight @ decided.sum(axis=1)))


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Precision and recall at every distinct confidence taken as the cut-off, the highest first, float64."""

    cut_offs: Floats
    precision: Floats
    recall: Floats


def precision_recall(pairs: Pairs) -> Curve:
    """Return the precision-recall curve; empty where no pair is right."""
    order = np.argsort(-pairs.confidence, kind="stable")
    ranked, weight = pairs.confidence[order], pairs.weight[order]
    hits, given = np.cumsum(weight * pairs.right[order]), np.cumsum(weight)
    if not len(ranked) or not hits[-1] > 0:
        return Curve(np.empty(0), np.empty(0), np.empty(0))
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    last = last[given[last] > 0]
    return Curve(ranked[last], hits[last] / given[last], hits[last] / hits[-1])


def average_precision(curve: Curve) -> float:
    """Return Σ (recallₙ - recallₙ₋₁) · precisionₙ, the area under the curve, as scikit-learn's."""
    return float(np.diff(curve.recall, prepend=0.0) @ curve.precision) if len(curve.recall) else nan


def confusions(decisions: Decisions, given: Flags) -> NDArray[np.int64]:
    """Count the articles where a right topic is missed (row) and a wrong one given (column).

    Returns:
        int64, shape (topics + 1, topics + 1). The last row stands for nothing missed, the last column for nothing wrong
        given; an article with several of each counts once for every pair.
    """
    missed = _or_none((decisions == YES) & ~given)
    wrong = _or_none((decisions == NO) & given)
    counts: NDArray[np.int64] = (missed.T.astype(np.float64) @ wrong.astype(np.float64)).astype(np.int64)
    return counts


def _or_none(flags: Flags) -> Flags:
    return np.column_stack((flags, ~flags.any(axis=1)))


@dataclass(frozen=True, slots=True)
class Suspect:
    """A pair whose label may be wrong: the article's and the topic's place, whether the label says yes, confidence."""

    article: int
    topic: int
    labelled: bool
    confidence: float


def suspected_label_errors(decisions: Decisions, confidences: Floats) -> list[Suspect]:
    """Rank the labels that confidences contradict; the farthest from its label comes first.

    A "no" is suspected where the topic's confidence reaches its mean over the topic's articles; a "yes" where the
    confidence in "no" reaches its mean over the others. Confidences must be out of fold. Source: Northcutt, Jiang and
    Chuang, "Confident learning" (2021), one topic at a time.
    """
    yes, no = decisions == YES, decisions == NO
    usual_yes = _mean_or_more(confidences, yes)
    usual_no = _mean_or_more(1 - confidences, no)
    suspected = (no & (confidences >= usual_yes)) | (yes & (1 - confidences >= usual_no))
    articles, topics = np.nonzero(suspected)
    found = confidences[articles, topics]
    distance = np.where(yes[articles, topics], 1 - found, found)
    order = np.argsort(-distance, kind="stable").tolist()
    return [
        Suspect(int(articles[i]), int(topics[i]), bool(yes[articles[i], topics[i]]), float(found[i])) for i in order
    ]


def _mean_or_more(values: Floats, where: Flags) -> Floats:
    """Return each column's mean where it is wanted; infinity where nothing is."""
    count = where.sum(axis=0)
    return np.where(count > 0, (values * where).sum(axis=0) / np.maximum(count, 1), np.inf)


def most_wrong(decisions: Decisions, confidences: Floats, given: Flags) -> list[int]:
    """Rank the articles that a topic is wrong or missed in by log-loss, -Σ ln(confidence in the label), worst first."""
    yes, no = decisions == YES, decisions == NO
    wrong = ((yes & ~given) | (no & given)).any(axis=1)
    loss = label_losses(decisions, confidences).sum(axis=1)
    order = np.argsort(-loss, kind="stable")
    return [int(i) for i in order if wrong[i]]


def label_losses(decisions: Decisions, confidences: Floats) -> Floats:
    """Return -ln(confidence in the label), 0 where it is open: float64, shape (articles, topics)."""
    agreed = np.where(decisions == YES, confidences, 1 - confidences)
    return np.where(decisions == OPEN, 0.0, -np.log(np.maximum(agreed, 1e-9)))


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """F1 of a new model minus F1 of an old one, with its 95 % interval; the last is micro-F1.

    Each float64, shape (topics + 1,).
    """

    change: Floats
    low: Floats
    high: Floats


def f1_change(
    decisions: Decisions, new: Flags, old: Flags, weight: Floats, *, draws: int = 400, seed: int = 0
) -> Change:
    """Compare what two models give to the same articles; what it takes is that of `f1_changes`."""
    drawn, change = f1_changes(decisions, new, old, weight, draws=draws, seed=seed)
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    return Change(change, low, high)


def f1_changes(
    decisions: Decisions, new: Flags, old: Flags, weight: Floats, *, draws: int = 400, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return F1 of a new model minus that of an old one in every draw of a paired bootstrap, and on all articles.

    Articles are drawn with replacement, both models measured on each draw. (Efron and Tibshirani, "An introduction to
    the bootstrap", 1993; Berg-Kirkpatrick et al., "An empirical investigation of statistical significance in NLP",
    2012.)

    Args:
        decisions: yes, no or open, int8, shape (articles, topics).
        new: what the new model gives, bool, the same shape.
        old: what the old model gives, bool, the same shape.
        weight: float64, shape (articles,).
        draws: how many samples are drawn.
        seed: of the draws.

    Returns:
        Float64, shapes (draws, topics + 1) and (topics + 1,); the last column is micro-F1.
    """
    decided, yes = decisions != OPEN, decisions == YES
    columns = np.hstack([yes, new & decided, new & yes, old & decided, old & yes]).astype(np.float32)
    random = np.random.default_rng(seed)
    count = len(weight)
    changes = []
    for few in np.array_split(np.arange(draws), -(-draws // 50)):
        drawn = np.stack([np.bincount(random.integers(count, size=count), minlength=count) for _ in few])
        changes.append(_f1_changes((weight * drawn).astype(np.float32) @ columns))
    return np.concatenate(changes), _f1_changes(weight @ columns)


def _f1_changes(sums: NDArray[np.floating]) -> Floats:
    """Return new minus old F1 of sums of wanted, given and hit, given and hit by the old, along the last axis."""
    parts = np.split(sums.astype(np.float64), 5, axis=-1)
    wanted, given, hits, given_before, hits_before = (
        np.concatenate((one, one.sum(axis=-1, keepdims=True)), axis=-1) for one in parts
    )
    now = 2 * hits / np.maximum(given + wanted, 1e-12)
    change: Floats = now - 2 * hits_before / np.maximum(given_before + wanted, 1e-12)
    return change


def _wilson(share: float, count: float, z: float = 1.96) -> tuple[float, float]:
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else nan
