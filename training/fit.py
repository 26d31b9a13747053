"""One linear classifier a topic, fitted on both cores; every decided article scored out of fold."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from training.config import FitSettings
from training.labels import OPEN
from training.progress import progress

FEWEST_ARTICLES = 5
"""A topic needs this many articles for and against it, or it is left out."""


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
    sample_weight: NDArray[np.float64],
    fold: NDArray[np.int64],
    settings: FitSettings,
) -> Fitted:
    """Fit every topic, and score the calibration articles out of fold.

    Args:
        X: TF-IDF, float64, shape (articles, features).
        decisions: yes, no or open, int8, shape (articles, topics). Open articles are left out of that topic's fit.
        sample_weight: float64, shape (articles,).
        fold: int64, shape (articles,): the fold of a calibration article, -1 for one that is in every fit.
        settings: C, folds, seed.
    """
    topics = decisions.shape[1]
    calibration = np.flatnonzero(fold >= 0)
    weights = np.zeros((X.shape[1], topics), np.float32)
    bias = np.zeros(topics, np.float32)
    out_of_fold = np.zeros((len(calibration), topics))
    jobs = (
        delayed(_fit_one)(X, decisions[:, topic], sample_weight, fold, settings, topic, left_out)
        for topic in range(topics)
        for left_out in range(-1, settings.folds)
    )
    done = Parallel(n_jobs=-1, return_as="generator_unordered", max_nbytes="1M")(jobs)
    for topic, left_out, coefficients, intercept in progress(
        done, total=topics * (settings.folds + 1), what="fitting topics", unit="fit"
    ):
        if left_out < 0:
            weights[:, topic], bias[topic] = coefficients, intercept
        else:
            mine = fold[calibration] == left_out
            out_of_fold[mine, topic] = X[calibration[mine]] @ coefficients + intercept
    return Fitted(weights, bias, out_of_fold)


def _fit_one(
    X: sp.csr_matrix,
    decisions: NDArray[np.int8],
    sample_weight: NDArray[np.float64],
    fold: NDArray[np.int64],
    settings: FitSettings,
    topic: int,
    left_out: int,
) -> tuple[int, int, NDArray[np.float64], float]:
    rows = np.flatnonzero((decisions != OPEN) & ((fold != left_out) | (fold < 0)))
    # The dual solver is the faster one for sparse text, and its answer does not depend on the number of threads.
    svm = LinearSVC(C=settings.C, dual=True, random_state=settings.seed, max_iter=2000)
    svm.fit(X[rows], decisions[rows], sample_weight=sample_weight[rows])
    return topic, left_out, svm.coef_[0], float(svm.intercept_[0])


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
