"""One linear classifier per topic, fitted on every core; every decided article is scored out of fold."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from numpy.typing import NDArray

from tagdesk.models.weights import SparseWeights
from tagdesk.progress import progress
from tagdesk.training.config import FitSettings
from tagdesk.training.corpora.labels import YES
from tagdesk.training.fit_one import Hints, Shared, TopicFit, fit_topic, highest, shared_of, strongest
from tagdesk.training.sparse_table import SparseTable, Table, blocks

FEWEST_ARTICLES = 5
"""A topic with fewer articles for it, or against it, is left out."""

FEWEST_IN_A_FIT = 3
"""... and one that has fewer without the articles of a fold."""

STORED, STORED_FOR_EACH = 500, 5
"""With many topics, the out-of-fold scores of so many articles are kept, and as many for each that has the topic."""


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
) -> Fitted:
    """Fit every topic, and score the calibration articles out of fold.

    Args:
        X: TF-IDF, float64, shape (articles, features).
        decisions: yes, no or open, int8, shape (articles, topics). Open articles are left out of that topic's fit.
        fold: int64, shape (articles,): the fold of a calibration article, -1 for one that is in every fit.
        settings: C, count_ratio, folds, seed, most_weights, most_negatives.
        hints: further features; the weights and the bias returned contain them.
        weight: how much an article counts in a fit, shape (articles,); None: all count the same.
    """
    topics = decisions.shape[1]
    settings = settings.for_topics(topics)
    calibration = np.flatnonzero(fold >= 0)
    if settings.most_weights:
        return _fit_many(shared_of(X, fold, settings, hints, weight), decisions)
    dense = np.asarray(decisions)
    weights = np.zeros((X.shape[1], topics), np.float32)
    bias = np.zeros(topics, np.float32)
    out_of_fold = np.zeros((len(calibration), topics))
    fits = fit_without(range(-1, settings.folds), X, dense, fold, settings, hints, weight)
    for fit in progress(fits, total=topics * (settings.folds + 1), what="fitting topics", unit="fit"):
        if fit.left_out < 0:
            weights[:, fit.topic], bias[fit.topic] = fit.weights, fit.bias
        else:
            in_fold = fold[calibration] == fit.left_out
            out_of_fold[in_fold, fit.topic] = X[calibration[in_fold]] @ fit.weights + fit.bias
    return Fitted(weights, bias, out_of_fold)


def _fit_many(shared: Shared, decisions: Table) -> Fitted:
    """Fit many topics, a task each, of which only the strongest weights and the highest scores come back."""
    topics = decisions.shape[1]
    jobs = (delayed(_fit_sparse)(shared, column, topic) for topic, column in enumerate(_columns(decisions)))
    done: Iterator[_SparseFit] = Parallel(n_jobs=-1, return_as="generator_unordered", max_nbytes="1M")(jobs)
    fits = sorted(progress(done, total=topics, what="fitting topics", unit="topic"), key=lambda fit: fit.topic)
    lengths = [len(fit.ngrams) for fit in fits]
    rows, columns = np.concatenate([fit.ngrams for fit in fits]), np.repeat(np.arange(topics), lengths)
    order = np.lexsort((columns, rows))
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=shared.X.shape[1])))).astype(np.int64)
    values = np.concatenate([fit.weights for fit in fits])[order]
    scored = np.concatenate([fit.articles for fit in fits])
    return Fitted(
        SparseWeights(starts, columns[order].astype(np.uint32), values, topics),
        np.array([fit.bias for fit in fits], np.float32),
        SparseTable.of(
            scored,
            np.repeat(np.arange(topics), [len(fit.articles) for fit in fits]),
            np.concatenate([fit.scores for fit in fits]),
            np.array([fit.rest for fit in fits]),
            int((shared.fold >= 0).sum()),
        ),
    )


def _columns(decisions: Table) -> Iterator[NDArray[np.int8]]:
    """Yield each topic's decisions, int8, shape (articles,)."""
    for some in blocks(decisions):
        yield from np.ascontiguousarray(np.asarray(decisions[:, some]).T)


class _SparseFit(NamedTuple):
    """All fits of one topic, as far as they are kept.

    Attributes:
        topic: its column.
        ngrams: the features with the strongest weights, increasing, int64.
        weights: their weights, float32.
        bias: the intercept.
        articles: the places of the calibration articles that have the topic or the highest scores, int64.
        scores: their scores out of fold, float64.
        rest: the mean score of all others.
    """

    topic: int
    ngrams: NDArray[np.int64]
    weights: NDArray[np.float32]
    bias: float
    articles: NDArray[np.int64]
    scores: NDArray[np.float64]
    rest: float


def _fit_sparse(shared: Shared, decisions: NDArray[np.int8], topic: int) -> _SparseFit:
    """Fit one topic without each fold, and keep what counts of the mean of these fits.

    A fit of all articles would give higher scores than those of fewer, by which curves and cut-offs are chosen.
    """
    scores, settings = np.zeros(len(decisions)), shared.settings
    weights, bias = np.zeros(shared.X.shape[1]), 0.0
    for left_out in range(settings.folds):
        fit = fit_topic(shared, decisions, topic, left_out)
        weights, bias = weights + fit.weights / settings.folds, bias + fit.bias / settings.folds
        in_fold = shared.fold == left_out
        ngrams = np.flatnonzero(fit.weights)
        scores[in_fold] = shared.scores(ngrams, fit.weights[ngrams])[in_fold] + fit.bias
    weights = strongest(weights, settings.most_weights)
    ngrams = np.flatnonzero(weights)
    calibration = shared.fold >= 0
    scores, stored = scores[calibration], decisions[calibration] == YES
    stored[highest(scores, STORED + STORED_FOR_EACH * int(stored.sum()))] = True
    rest = float(scores[~stored].mean()) if not stored.all() else 0.0
    kept = np.flatnonzero(stored)
    return _SparseFit(topic, ngrams, weights[ngrams].astype(np.float32), bias, kept, scores[kept], rest)


def fit_without(
    left_out: Sequence[int],
    X: sp.csr_matrix,
    decisions: NDArray[np.int8],
    fold: NDArray[np.int64],
    settings: FitSettings,
    hints: Hints | None = None,
    weight: NDArray[np.float64] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[TopicFit]:
    """Fit every topic without each of these folds (-1: without none); the other arguments are those of `fit_topics`.

    No fit is begun once `stop` returns true; it is called from joblib's thread.

    Yields:
        The fits, in the order in which they finish.
    """
    shared = shared_of(X, fold, settings, hints, weight)

    def jobs() -> Iterator[Any]:
        for topic, part in product(range(decisions.shape[1]), left_out):
            if stop():
                return
            yield delayed(fit_topic)(shared, decisions[:, topic], topic, part)

    fits: Iterator[TopicFit] = Parallel(n_jobs=-1, return_as="generator_unordered", max_nbytes="1M")(jobs())
    return fits


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
