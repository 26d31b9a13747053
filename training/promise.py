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

Of thousands of topics hundreds have a flawless record by chance, and whoever chooses by a record and proves by it is
deceived: topics with 20 to 40 articles were right in 0.97 of the articles that chose them, in 0.91 of others. With many
topics each fold therefore proves what the others chose (`record`).
"""

from collections.abc import Iterator
from typing import NamedTuple

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


class Record(NamedTuple):
    """What each topic would be given at each common cut-off.

    Attributes:
        hits: how many of these articles have the topic, float64, shape (levels, topics).
        given: for how many it would be given, the same shape.
    """

    hits: _Floats
    given: _Floats


def auto_cut_offs(
    confidences: Table,
    decisions: Table,
    weight: _Floats,
    fair: _Bools,
    suggest: _Floats,
    targets: _Floats,
    proof: Record | None = None,
) -> _Floats:
    """Return the confidence from which each topic is `auto`, float64, shape (topics,); NaN where it never is.

    Args:
        confidences: of models that have not learned from the article, float64, shape (articles, topics).
        decisions: yes, no or open, int8, the same shape.
        weight: weighs each article back to a fair sample, float64, shape (articles,).
        fair: whether it was drawn at random, bool, shape (articles,); see `proving`.
        suggest: no cut-off is below these, float64, shape (topics,).
        targets: the precision that is promised for each topic, float64, shape (topics,).
        proof: of articles that had no say in where topics begin; None: these articles prove it themselves.
    """
    begins = beginnings(confidences, decisions, weight, suggest, targets)
    shown = proof or record(confidences, decisions, fair, suggest, begins)
    auto = np.full(len(targets), np.nan)
    for topics, level in _common_levels(shown, targets):
        auto[topics] = np.append(LEVELS, np.nan)[begins[level, topics]]
    raised: _Floats = np.maximum(auto, suggest)
    return raised


def proven(proof: Record, targets: _Floats) -> Record:
    """Return what each topic is given where `auto_cut_offs` lets `auto` begin by this proof, of shape (topics,)."""
    at = Record(*np.zeros((2, len(targets))))
    for topics, level in _common_levels(proof, targets):
        at.hits[topics], at.given[topics] = proof.hits[level, topics], proof.given[level, topics]
    return at


def beginnings(
    confidences: Table, decisions: Table, weight: _Floats, suggest: _Floats, targets: _Floats
) -> NDArray[np.int64]:
    """Return the level from which each topic is given when the common cut-off is this level, (levels, topics).

    It is the number of levels where the topic is not given at all. The arguments are those of `auto_cut_offs`.
    """
    cells = _cells(confidences, decisions, suggest)
    worth = weight[cells.rows]
    hits, articles = _effective(*map(cells.from_each_level, (worth * cells.right, worth, worth * worth)))
    begins = np.empty(hits.shape, np.int64)
    for target in np.unique(targets).tolist():
        topics = targets == target
        begins[:, topics] = _beginnings(hits[:, topics], articles[:, topics], target)
    return begins


def record(confidences: Table, decisions: Table, fair: _Bools, suggest: _Floats, begins: NDArray[np.int64]) -> Record:
    """Return what topics would be given that begin there, as `beginnings` returns it.

    The arguments are those of `auto_cut_offs`.
    """
    cells = _cells(confidences, decisions, suggest)
    drawn = proving(fair)[cells.rows]
    return Record(
        *(
            np.take_along_axis(np.pad(cells.from_each_level(counted), ((0, 1), (0, 0))), begins, axis=0)
            for counted in (cells.right & drawn, drawn)
        )
    )


class _Cells(NamedTuple):
    """The decided pairs of article and topic that `auto` may give.

    Attributes:
        rows: of the articles, int64, shape (pairs,).
        columns: of the topics, int64, shape (pairs,).
        levels: the highest level that the confidence reaches, int64, shape (pairs,).
        right: whether the article has the topic, bool, shape (pairs,).
        topics: how many topics there are.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    levels: NDArray[np.int64]
    right: _Bools
    topics: int

    def from_each_level(self, counted: NDArray[np.generic]) -> _Floats:
        """Return what is counted at each level and above, float64, shape (levels, topics)."""
        counts = np.zeros((len(LEVELS), self.topics))
        np.add.at(counts, (self.levels, self.columns), counted)
        return counts[::-1].cumsum(axis=0)[::-1]


def _cells(confidences: Table, decisions: Table, suggest: _Floats) -> _Cells:
    rows, columns = cells_from(confidences, np.maximum(suggest, LEVELS[0]))
    decided = cells_at(decisions, rows, columns)
    rows, columns, decided = rows[decided != OPEN], columns[decided != OPEN], decided[decided != OPEN]
    levels = np.searchsorted(LEVELS, cells_at(confidences, rows, columns), side="right") - 1
    return _Cells(rows, columns, levels, decided == YES, len(suggest))


def _effective(hits: _Floats, predicted: _Floats, squares: _Floats) -> tuple[_Floats, _Floats]:
    """Return the unweighted hits and articles that weighted ones are worth.

    Of articles with weights w these are (Σw)² / Σw² (Kish, "Survey sampling", 1965).
    """
    worth = predicted * predicted / np.maximum(squares, 1e-300)
    return worth * hits / np.maximum(predicted, 1e-300), worth


def _beginnings(hits: _Floats, articles: _Floats, target: float) -> NDArray[np.int64]:
    """Return what `beginnings` does, from the hits and articles of each topic at each level and above."""
    holds = precision_bound(hits + VOUCHED * target, articles + VOUCHED) >= least_precision(target)
    own = np.broadcast_to(np.arange(len(LEVELS))[:, None], holds.shape)
    raised = np.where(holds & (articles >= LEAST_GIVEN), own, len(LEVELS))
    lowest = np.minimum.accumulate(raised[::-1], axis=0)[::-1]
    return np.where(holds, own, lowest)


def _common_levels(shown: Record, targets: _Floats) -> Iterator[tuple[_Bools, int]]:
    """Yield of each target that can be kept which topics share it, and the lowest level at which they keep it."""
    for target in np.unique(targets).tolist():
        topics = targets == target
        right, articles = shown.hits[:, topics].sum(axis=1), shown.given[:, topics].sum(axis=1)
        kept = (articles >= LEAST_GIVEN) & (precision_bound(right, articles) >= target)
        first = max(0, int(np.searchsorted(LEVELS, target, side="right")) - 1)
        passed = int(np.logical_and.accumulate(kept[first::-1]).sum())
        if passed:
            yield topics, first - passed + 1
