"""What `auto` promises, and the cut-offs that keep it.

- Topics with the same target keep it together: of all that `auto` gives them, the share that is right is no less than
  the target, at its one-sided 95 % lower bound on articles that were drawn at random.
- A topic whose record shows more than `WORST` times the errors that the target allows is held back.
- None is given below the first of the `LEVELS`, however good its record.

One cut-off serves all topics of a target: where confidences are honest, none gives more topics at that precision. It is
the lowest of the levels that are tested from the target down until one fails. In such a fixed sequence the risk that a
wrong one passes is that of a single test. (Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then test: calibrating
predictive algorithms to achieve risk control", 2021.) Picked articles, weighed back, prove nothing here.

The floor of a topic is tested at its lower bound too, on all its articles, weighed back to a fair sample. The target
counts as a record of `VOUCHED` more: the other topics vouch for one that has few. Where the floor does not hold, its
band begins at the next level from which it does with `LEAST_GIVEN` articles.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from tagdesk.training.corpora.labels import OPEN, YES
from tagdesk.training.sparse_table import Table, cells_at, cells_from

LEVELS = np.arange(67, 100) / 100
"""The confidences from which `auto` may begin. A person calls sure what is at least twice as likely right as wrong."""

WORST = 2.0
"""How many times as often as the target allows a topic may be wrong."""

VOUCHED = 25
"""Half of the record that proves the floor of a target of 0.9: the topic brings the rest, as rare ones may be worse."""

LEAST_GIVEN = 10
"""Fewer articles prove nothing on their own, whatever the target."""

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


def precision_bound(hits: _Floats | float, articles: _Floats | float) -> _Floats:
    """Return the one-sided 95 % lower bound of a precision: float64, of the shape of the arguments.

    It is that of Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial" (1934): the 5 % quantile of Beta(hits, misses + 1).

    Args:
        hits: articles for which the topic is predicted and right. Of weighted articles, the number that they are worth.
        articles: articles for which it is predicted.
    """
    bound: _Floats = beta.ppf(0.05, np.maximum(hits, 1e-9), np.subtract(articles, hits) + 1)
    return bound


def least_precision(target: float) -> float:
    """Return the floor under the precision of each topic that shares a target."""
    return max(0.0, 1 - WORST * (1 - target))


def proving(fair: _Bools) -> _Bools:
    """Return which articles prove the promise, bool, shape (articles,): those drawn at random; all if none was."""
    return fair if fair.any() else np.ones_like(fair)


def auto_cut_offs(
    confidences: Table, decisions: Table, weight: _Floats, fair: _Bools, suggest: _Floats, targets: _Floats
) -> _Floats:
    """Return the confidence from which each topic is `auto`, float64, shape (topics,); NaN where it never is.

    Args:
        confidences: of models that have not learned from the article, float64, shape (articles, topics).
        decisions: yes, no or open, int8, the same shape.
        weight: weighs each article back to a fair sample, float64, shape (articles,).
        fair: whether it was drawn at random, bool, shape (articles,); see `proving`.
        suggest: no cut-off is below these, float64, shape (topics,).
        targets: the precision that is promised for each topic, float64, shape (topics,).
    """
    rows, columns = cells_from(confidences, np.maximum(suggest, LEVELS[0]))
    decided = cells_at(decisions, rows, columns)
    rows, columns, decided = rows[decided != OPEN], columns[decided != OPEN], decided[decided != OPEN]
    places = np.searchsorted(LEVELS, cells_at(confidences, rows, columns), side="right") - 1, columns
    right, worth = decided == YES, weight[rows]

    def from_each_level(counted: NDArray[np.generic]) -> _Floats:
        """Return what is counted at each level and above, float64, shape (levels, topics)."""
        counts = np.zeros((len(LEVELS), len(targets)))
        np.add.at(counts, places, counted)
        return counts[::-1].cumsum(axis=0)[::-1]

    hits, articles = _effective(*map(from_each_level, (worth * right, worth, worth * worth)))
    drawn = proving(fair)[rows]
    fair_hits, fair_articles = from_each_level(right & drawn), from_each_level(drawn)
    auto = np.full(len(targets), np.nan)
    for target in np.unique(targets).tolist():
        topics = targets == target
        begins = _beginnings(hits[:, topics], articles[:, topics], target)
        auto[topics] = _common_cut_off(begins, fair_hits[:, topics], fair_articles[:, topics], target)
    raised: _Floats = np.maximum(auto, suggest)
    return raised


def _effective(hits: _Floats, predicted: _Floats, squares: _Floats) -> tuple[_Floats, _Floats]:
    """Return the unweighted hits and articles that weighted ones are worth.

    Of articles with weights w these are (Σw)² / Σw² (Kish, "Survey sampling", 1965).
    """
    worth = predicted * predicted / np.maximum(squares, 1e-300)
    return worth * hits / np.maximum(predicted, 1e-300), worth


def _beginnings(hits: _Floats, articles: _Floats, target: float) -> NDArray[np.int64]:
    """Return the level from which each topic is given when the common cut-off is this level, (levels, topics).

    It is the number of levels where the topic is not given at all.
    """
    holds = precision_bound(hits + VOUCHED * target, articles + VOUCHED) >= least_precision(target)
    own = np.broadcast_to(np.arange(len(LEVELS))[:, None], holds.shape)
    raised = np.where(holds & (articles >= LEAST_GIVEN), own, len(LEVELS))
    lowest = np.minimum.accumulate(raised[::-1], axis=0)[::-1]
    return np.where(holds, own, lowest)


def _common_cut_off(begins: NDArray[np.int64], hits: _Floats, articles: _Floats, target: float) -> _Floats:
    """Return the cut-offs of topics at the lowest common one that keeps the promise; NaN if none does.

    Args:
        begins: as `_beginnings` returns it.
        hits: of each topic at each level and above, on a fair sample, float64, shape (levels, topics).
        articles: for which it is given there, the same shape.
        target: the promised precision.
    """
    right, given = (
        np.take_along_axis(np.pad(counts, ((0, 1), (0, 0))), begins, axis=0).sum(axis=1) for counts in (hits, articles)
    )
    kept = (given >= LEAST_GIVEN) & (precision_bound(right, given) >= target)
    first = max(0, int(np.searchsorted(LEVELS, target, side="right")) - 1)
    passed = int(np.logical_and.accumulate(kept[first::-1]).sum())
    if not passed:
        return np.full(begins.shape[1], np.nan)
    cut_offs: _Floats = np.append(LEVELS, np.nan)[begins[first - passed + 1]]
    return cut_offs
