"""One linear classifier per topic, fitted on every core; every decided article is scored out of fold."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tagdesk.models.weights import SparseWeights
from tagdesk.progress import progress
from tagdesk.training.config import FitSettings
from tagdesk.training.fit_one import Hints, Shared, shared_of
from tagdesk.training.fits.fits import AnyTask, Fits, Found
from tagdesk.training.fits.tasks import EveryFit, OneFit
from tagdesk.training.sparse_table import SparseTable, Table, blocks

FEWEST_ARTICLES = 5
"""A topic with fewer articles for it, or against it, is left out."""

FEWEST_IN_A_FIT = 3
"""... and one that has fewer without the articles of a fold."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Fitted classifiers.

    Attributes:
        weights: float32, shape (features, topics), learned from all articles. If only the strongest are kept, sparse,
            and the mean of the models without each fold, so that they score as these do.
        bias: float32, shape (topics,).
        out_of_fold: float64, shape (calibration articles, topics): scores by models that did not see the article. If
            only the strongest weights are kept, so are the scores of the articles that have the topic and of the others
            with the highest, and of the rest the mean.
    """

    weights: Any
    bias: NDArray[np.float32]
    out_of_fold: Table


def fit_topics(
    X: sp.csr_matrix,
    decisions: Table,
    fold: NDArray[np.int64],
    settings: FitSettings,
    hints: Hints | None = None,
    weight: NDArray[np.float64] | None = None,
    fits: Fits | None = None,
) -> Fitted:
    """Fit every topic, and score the calibration articles out of fold.

    Args:
        X: TF-IDF, float64, shape (articles, features).
        decisions: yes, no or open, int8, shape (articles, topics). Open articles are left out of that topic's fit.
        fold: int64, shape (articles,): the fold of a calibration article, -1 for one that is in every fit.
        settings: C, count_ratio, folds, seed, most_weights, most_negatives.
        hints: further features; the weights and the bias returned contain them.
        weight: how much an article counts in a fit, shape (articles,); None: all count the same.
        fits: where the fits are done and kept; None: on this machine, in passing.

    Raises:
        TrainingError: as `Fits.run`.
    """
    topics = decisions.shape[1]
    settings = settings.for_topics(topics)
    calibration = np.flatnonzero(fold >= 0)
    if settings.most_weights:
        return _fit_many(shared_of(X, fold, settings, hints, weight), decisions, fits)
    dense = np.asarray(decisions)
    weights = np.zeros((X.shape[1], topics), np.float32)
    bias = np.zeros(topics, np.float32)
    out_of_fold = np.zeros((len(calibration), topics))
    with closing(fit_without(range(-1, settings.folds), X, dense, fold, settings, hints, weight, fits)) as found:
        for fit in progress(found, total=topics * (settings.folds + 1), what="fitting topics", unit="fit"):
            if fit.left_out < 0:
                weights[:, fit.topic], bias[fit.topic] = fit.weights, fit.bias
            else:
                out_of_fold[fold[calibration] == fit.left_out, fit.topic] = fit.scores
    return Fitted(weights, bias, out_of_fold)


def _fit_many(shared: Shared, decisions: Table, fits: Fits | None) -> Fitted:
    """Fit many topics, a task each, of which only the strongest weights and the highest scores come back."""
    topics, ngrams = decisions.shape[1], shared.X.shape[1]
    calibration = int((shared.fold >= 0).sum())
    done: dict[int, dict[str, NDArray[Any]]] = {}
    with closing(_run(fits, shared, decisions, [EveryFit(topic) for topic in range(topics)])) as found:
        del shared, decisions  # of which the copy on the disk is enough
        for task, arrays in progress(found, total=topics, what="fitting topics", unit="topic"):
            done[task.topic] = arrays
    every = [done[topic] for topic in range(topics)]

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([arrays[name] for arrays in every])

    rows, columns = joined("ngrams"), np.repeat(np.arange(topics), [len(arrays["ngrams"]) for arrays in every])
    order = np.lexsort((columns, rows))
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=ngrams)))).astype(np.int64)
    return Fitted(
        SparseWeights(starts, columns[order].astype(np.uint32), joined("weights")[order], topics),
        np.array([arrays["bias"] for arrays in every], np.float32),
        SparseTable.of(
            joined("articles"),
            np.repeat(np.arange(topics), [len(arrays["articles"]) for arrays in every]),
            joined("scores"),
            np.array([arrays["rest"] for arrays in every]),
            calibration,
        ),
    )


class PartFit(NamedTuple):
    """What came of one fit of one topic.

    Attributes:
        topic: its column.
        left_out: the fold that was left out, -1 for none.
        weights: float64, shape (features,), where none was left out.
        bias: the intercept, where none was left out.
        scores: of the articles of the fold that was left out, in their order, float64.
    """

    topic: int
    left_out: int
    weights: NDArray[np.float64]
    bias: float
    scores: NDArray[np.float64]


def fit_without(
    left_out: Sequence[int],
    X: sp.csr_matrix,
    decisions: NDArray[np.int8],
    fold: NDArray[np.int64],
    settings: FitSettings,
    hints: Hints | None = None,
    weight: NDArray[np.float64] | None = None,
    fits: Fits | None = None,
) -> Generator[PartFit]:
    """Fit every topic without each of these folds (-1: without none); the other arguments are those of `fit_topics`.

    Yields:
        The fits, in the order in which they finish.

    Raises:
        TrainingError: as `Fits.run`.
    """
    tasks = [OneFit(topic, part) for topic, part in product(range(decisions.shape[1]), left_out)]
    none = np.empty(0)
    with closing(_run(fits, shared_of(X, fold, settings, hints, weight), decisions, tasks)) as found:
        for task, arrays in found:
            if task.left_out < 0:
                yield PartFit(task.topic, -1, arrays["weights"], float(arrays["bias"]), none)
            else:
                yield PartFit(task.topic, task.left_out, none, 0.0, arrays["scores"])


def _run(fits: Fits | None, shared: Shared, decisions: Table, tasks: list[AnyTask]) -> Found[AnyTask]:
    """Do tasks, in passing if nobody keeps them."""
    with ExitStack() as stack:
        where = fits or stack.enter_context(Fits())
        found = where.run(shared, decisions, tasks)
        del shared, decisions
        yield from found


def learnable(decisions: Table, fold: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Return which topics have enough articles for and against them: bool, shape (topics,).

    Enough are `FEWEST_ARTICLES`, and `FEWEST_IN_A_FIT` in each fit. Confidences and cut-offs need at least one of each
    among the calibration articles, too.

    Args:
        decisions: yes, no or open, int8, shape (articles, topics).
        fold: as in `fit_topics`.
        count: number of folds.
    """
    enough = np.ones(decisions.shape[1], np.bool_)
    for some in blocks(decisions):
        block = np.asarray(decisions[:, some])
        in_fold = np.array([_fewer_side(block[fold != left_out]) for left_out in range(count)])
        enough[some] = (in_fold >= FEWEST_IN_A_FIT).all(axis=0) & (_fewer_side(block) >= FEWEST_ARTICLES)
        enough[some] &= _fewer_side(block[fold >= 0]) > 0
    return enough


def _fewer_side(decisions: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return of each topic how many articles it has, or how many it has not if these are fewer."""
    fewer: NDArray[np.int64] = np.minimum((decisions > 0).sum(0), (decisions < 0).sum(0))
    return fewer
