"""One linear classifier a topic, fitted on both cores; every decided article scored out of fold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from training.config import FitSettings
from training.labels import NO, OPEN, YES
from training.progress import progress

FEWEST_ARTICLES = 5
"""A topic needs this many articles for and against it, or it is left out."""

SMOOTHING = 0.1
"""Added to the articles that have a feature, in `count_ratios`."""


@dataclass(frozen=True, slots=True, eq=False)
class Hints:
    """Features that are weighted sums of the n-grams themselves: X @ weights + bias.

    Attributes:
        weights: float32, shape (n-grams, hints).
        bias: float64, shape (hints,).
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Fitted classifiers.

    Attributes:
        weights: float32, shape (features, topics).
        bias: float32, shape (topics,).
        out_of_fold: float64, shape (calibration articles, topics): scores by models that did not see the article.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    out_of_fold: NDArray[np.float64]


def fit_topics(
    X: sp.csr_matrix,
    decisions: NDArray[np.int8],
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
        settings: C, count_ratio, folds, seed.
        hints: further features, already part of the weights and the bias that are found.
        weight: how much an article counts in a fit, shape (articles,); None for all the same.
    """
    topics = decisions.shape[1]
    calibration = np.flatnonzero(fold >= 0)
    weights = np.zeros((X.shape[1], topics), np.float32)
    bias = np.zeros(topics, np.float32)
    out_of_fold = np.zeros((len(calibration), topics))
    done = fit_without(range(-1, settings.folds), X, decisions, fold, settings, hints, weight)
    for topic, left_out, coefficients, intercept in progress(
        done, total=topics * (settings.folds + 1), what="fitting topics", unit="fit"
    ):
        if left_out < 0:
            weights[:, topic], bias[topic] = coefficients, intercept
        else:
            mine = fold[calibration] == left_out
            out_of_fold[mine, topic] = X[calibration[mine]] @ coefficients + intercept
    return Fitted(weights, bias, out_of_fold)


def fit_without(
    parts: Iterable[int],
    X: sp.csr_matrix,
    decisions: NDArray[np.int8],
    fold: NDArray[np.int64],
    settings: FitSettings,
    hints: Hints | None = None,
    weight: NDArray[np.float64] | None = None,
) -> Iterator[tuple[int, int, NDArray[np.float64], float]]:
    """Fit every topic without each of these folds (-1: with all), the rest as in `fit_topics`.

    `parts` is gone through anew for every topic, as the fits are begun: emptied, it ends them.

    Yields:
        Topic, fold left out, weights and bias, in the order that they are done.
    """
    hinted = None if hints is None else X @ hints.weights + hints.bias
    jobs = (
        delayed(_fit_one)(X, decisions[:, topic], fold, settings, topic, left_out, hints, hinted, weight)
        for topic in range(decisions.shape[1])
        for left_out in parts
    )
    done: Iterator[tuple[int, int, NDArray[np.float64], float]] = Parallel(
        n_jobs=-1, return_as="generator_unordered", max_nbytes="1M"
    )(jobs)
    return done


def _fit_one(
    X: sp.csr_matrix,
    decisions: NDArray[np.int8],
    fold: NDArray[np.int64],
    settings: FitSettings,
    topic: int,
    left_out: int,
    hints: Hints | None,
    hinted: NDArray[np.float64] | None,
    weight: NDArray[np.float64] | None,
) -> tuple[int, int, NDArray[np.float64], float]:
    rows = np.flatnonzero((decisions != OPEN) & ((fold != left_out) | (fold < 0)))
    seen, said = X[rows], decisions[rows]
    scale = count_ratios(seen, said) ** settings.count_ratio
    scaled = seen.data * scale[seen.indices]
    # Rows as long as they were, in the quadratic mean, so that C means the same.
    scale *= np.sqrt(seen.data @ seen.data / (scaled @ scaled)) if scaled.any() else 1.0
    seen.data *= scale[seen.indices]
    if hinted is not None:
        seen = sp.hstack([seen, sp.csr_matrix(hinted[rows])], format="csr")
    # The dual solver is the faster one for sparse text, and its answer does not depend on the number of threads.
    svm = LinearSVC(C=settings.C, dual=True, random_state=settings.seed, max_iter=2000)
    svm.fit(seen, said, None if weight is None else weight[rows])
    coefficients, intercept = svm.coef_[0, : X.shape[1]] * scale, float(svm.intercept_[0])
    if hints is not None:
        of_hints = svm.coef_[0, X.shape[1] :]
        coefficients += hints.weights @ of_hints
        intercept += float(hints.bias @ of_hints)
    return topic, left_out, coefficients, intercept


def count_ratios(X: sp.csr_matrix, decisions: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return how much a feature tells of a topic: float64, shape (features,), at least 0.

    It is |ln((p / Σp) / (q / Σq))|, with p and q the number of articles for and against the topic that have the
    feature, plus `SMOOTHING`. Source: Wang and Manning, "Baselines and bigrams" (2012), who give a support vector
    machine features multiplied by it (NB-SVM); to a power under 1, as here, it only leans towards them.
    """
    p, q = (
        SMOOTHING + np.bincount(X[decisions == side].indices, minlength=X.shape[1]).astype(np.float64)
        for side in (YES, NO)
    )
    found: NDArray[np.float64] = np.abs(np.log((p / p.sum()) / (q / q.sum())))
    return found


def learnable(decisions: NDArray[np.int8], fold: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Say which topics have enough articles for and against them in every fit: bool, shape (topics,).

    Confidence and cut-offs need one of each among the calibration articles, too.
    """
    enough = np.ones(decisions.shape[1], np.bool_)
    for left_out in range(count):
        seen = decisions[fold != left_out]
        enough &= np.minimum((seen > 0).sum(0), (seen < 0).sum(0)) >= FEWEST_ARTICLES
    calibration = decisions[fold >= 0]
    enough &= (calibration > 0).any(0) & (calibration < 0).any(0)
    return enough
