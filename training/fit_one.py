"""One fit of one topic: which articles and n-grams it learns from, how they are weighed, and which weights are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from tagdesk.training.config import FitSettings
from tagdesk.training.corpora.labels import NO, OPEN, YES

LEAST_COMMON = 2
"""With many topics, a topic learns from n-grams that so many of its articles have: what only one has is noise."""

NEAREST = 2 / 3
"""The share of a topic's negatives that are most like its articles; the others are drawn from the rest."""

FAINT = 0.02
"""Where only the strongest weights are kept, none is under this share of the strongest.

Fainter ones are mostly those of the commonest words: they tell next to nothing, and take most of the time of tagging.
"""

MANY_ARTICLES = 100_000
"""A fit of more articles is solved to a tolerance of `ROUGH`, LIBLINEAR's own, in half the time; else to `EXACT`.

On 100,000 articles no score differs by more than 0.01, and average precision is the same to four digits.
"""

EXACT, ROUGH = 1e-4, 0.1

TELLING = 300
"""N-grams by which it is judged which articles are most like a topic's."""

SMOOTHING = 0.1
"""Added to the number of articles that have a feature, in `count_ratios`."""


@dataclass(frozen=True, slots=True, eq=False)
class Hints:
    """Features that are weighted sums of the n-grams themselves: X @ weights + bias.

    Attributes:
        weights: float32, shape (n-grams, hints).
        bias: float64, shape (hints,).
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float64]


class TopicFit(NamedTuple):
    """One fit of one topic.

    Attributes:
        topic: its column.
        left_out: the fold that was left out, -1 for none.
        ngrams: the features whose weights are given, increasing, int64; those of all others are 0.
        weights: theirs, float64.
        bias: the intercept.
    """

    topic: int
    left_out: int
    ngrams: NDArray[np.int64]
    weights: NDArray[np.float64]
    bias: float

    def all_weights(self, features: int) -> NDArray[np.float64]:
        """Return the weights of all features, shape (features,)."""
        return _among(self.weights, self.ngrams, features)


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """The arguments of `fit_topics` that the fits of all topics share.

    `by_ngram` are the transposes of each fold's rows of X, and at -1 of those that are in every fit, float32, shape
    (features, articles of the fold); none where all weights are kept and all negatives learned from;
    `mean` is that of each feature over all articles, float64, shape (features,); None where all weights are kept;
    `hint_scores` are those of the articles, shape (articles, hints); None without hints.
    """

    X: sp.csr_matrix
    by_ngram: Mapping[int, sp.csr_matrix]
    mean: NDArray[np.float64] | None
    fold: NDArray[np.int8]
    settings: FitSettings
    hints: Hints | None
    hint_scores: NDArray[np.float64] | None
    weight: NDArray[np.float64] | None

    def scores(self, part: int, ngrams: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Σ value · weight of a fold's articles over some n-grams, float64; only these n-grams are read."""
        return np.asarray(self.by_ngram[part][ngrams].T @ weights)

    def strongest(
        self, ngrams: NDArray[np.int64], weights: NDArray[np.float64], bias: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
        """Return the n-grams with the strongest weights, these weights, and the bias; all where all are kept.

        What the others add to an article's score on average is added to the bias: scores stay as high as they were.
        """
        if self.mean is None:
            return ngrams, weights, bias
        strengths = np.abs(weights)
        kept = highest(strengths, self.settings.most_weights)
        kept = kept[(weights[kept] != 0) & (strengths[kept] >= FAINT * strengths.max(initial=0.0))]
        dropped = weights.copy()
        dropped[kept] = 0.0
        return ngrams[kept], weights[kept], bias + float(dropped @ self.mean[ngrams])


def shared_of(
    X: sp.csr_matrix,
    fold: NDArray[np.int64],
    settings: FitSettings,
    hints: Hints | None,
    weight: NDArray[np.float64] | None,
) -> Shared:
    """Return what the fits of all topics share; the arguments are those of `fit_topics`."""
    is_needed = settings.most_weights or settings.most_negatives
    parts = range(-1, settings.folds) if is_needed else ()
    by_ngram = {part: X[fold == part].astype(np.float32).T.tocsr() for part in parts}
    mean = X.T @ np.full(X.shape[0], 1 / X.shape[0]) if settings.most_weights else None
    hint_scores = None if hints is None else X @ hints.weights + hints.bias
    return Shared(X, by_ngram, mean, fold.astype(np.int8), settings, hints, hint_scores, weight)


def fit_topic(shared: Shared, decisions: NDArray[np.int8], topic: int, left_out: int) -> TopicFit:
    """Fit one topic, its decisions of shape (articles,), on its decided articles outside the fold left out.

    The support vector machine sees scaled n-grams and, beside them, the hints' scores. Both are linear in the n-grams,
    so both fold back into one weight per n-gram.
    """
    settings, hints = shared.settings, shared.hints
    rows = np.flatnonzero((decisions != OPEN) & ((shared.fold != left_out) | (shared.fold < 0)))
    rows, worth = _learned_from(shared, rows, decisions[rows], topic, left_out)
    X, labels = shared.X[rows], decisions[rows]
    ngrams = _common_ngrams(X[labels == YES]) if settings.most_weights else None
    X = X if ngrams is None else X[:, ngrams]
    scale = _feature_scale(X, labels, settings.count_ratio, worth)
    X.data *= scale[X.indices]
    if shared.hint_scores is not None:
        X = sp.hstack([X, sp.csr_matrix(shared.hint_scores[rows])], format="csr")
    # The dual solver is the faster one for sparse text, and its answer does not depend on the number of threads.
    tolerance = ROUGH if len(rows) > MANY_ARTICLES else EXACT
    svm = LinearSVC(C=settings.C, tol=tolerance, dual=True, random_state=settings.seed, max_iter=2000)
    weight = None if shared.weight is None else shared.weight[rows]
    svm.fit(X, labels, weight if worth is None else worth if weight is None else worth * weight)
    of_ngrams, of_hints = np.split(svm.coef_[0], [len(scale)])
    weights, bias = of_ngrams * scale, float(svm.intercept_[0])
    if ngrams is None:
        ngrams = np.arange(len(weights))
    if hints is not None:
        weights = _among(weights, ngrams, shared.X.shape[1]) + hints.weights @ of_hints
        ngrams = np.arange(len(weights))
        bias += float(hints.bias @ of_hints)
    return TopicFit(topic, left_out, *shared.strongest(ngrams, weights, bias))


def _learned_from(
    shared: Shared, rows: NDArray[np.int64], labels: NDArray[np.int8], topic: int, left_out: int
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Return the articles to learn a topic from, and for how many each of them stands; None where it is all of them.

    If there are more than `most_negatives` without the topic, those most like its articles are taken, and of the rest a
    sample, drawn with the same chance and weighed up. Likeness is judged by the topic's most telling n-grams.
    """
    no, most = rows[labels == NO], shared.settings.most_negatives
    if not most or len(no) <= most:
        return rows, None
    yes = rows[labels == YES]
    X = shared.X[yes]
    typical = np.bincount(X.indices, X.data, minlength=X.shape[1]).astype(np.float64)
    telling = highest(typical, TELLING)
    count = int(most * NEAREST)
    likeness = np.zeros(len(shared.fold))
    for part in shared.by_ngram:
        if part != left_out or part < 0:
            likeness[shared.fold == part] = shared.scores(part, telling, typical[telling])
    near = np.zeros(len(no), np.bool_)
    near[highest(likeness[no], count)] = True
    drawn = np.random.default_rng((shared.settings.seed, topic)).choice(no[~near], most - count, replace=False)
    worth = np.ones(len(shared.fold))
    worth[drawn] = (len(no) - count) / len(drawn)
    chosen = np.sort(np.concatenate((yes, no[near], drawn)))
    return chosen, worth[chosen]


def highest(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return the places of the highest values, increasing; of equal ones the first."""
    if count >= len(values):
        return np.arange(len(values))
    if not count:
        return np.empty(0, np.int64)
    least = np.sort(values)[-count]  # partition takes five times as long where most are equal, as weights are
    above = np.flatnonzero(values > least)
    return np.sort(np.append(above, np.flatnonzero(values == least)[: count - len(above)]))


def _common_ngrams(X: sp.csr_matrix) -> NDArray[np.int64]:
    """Return the n-grams that at least `LEAST_COMMON` of a topic's articles have; all, where these have none."""
    common = np.flatnonzero(np.bincount(X.indices, minlength=X.shape[1]) >= LEAST_COMMON)
    return common if len(common) else np.arange(X.shape[1])


def _among(weights: NDArray[np.float64], ngrams: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return the weights of some n-grams among those of all, which are 0."""
    everywhere = np.zeros(count)
    everywhere[ngrams] = weights
    return everywhere


def _feature_scale(
    X: sp.csr_matrix, labels: NDArray[np.int8], power: float, worth: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return what each feature is multiplied by: its count ratio to a power, float64, shape (features,).

    The rows of X stay as long as they were, in the quadratic mean, so that C keeps its meaning. Where no feature tells
    more than another, as where there is but one, it is 1.
    """
    scale = count_ratios(X, labels, worth) ** power
    scaled = X.data * scale[X.indices]
    if not scaled.any():
        return np.ones_like(scale)
    scale *= np.sqrt(X.data @ X.data / (scaled @ scaled))
    return scale


def count_ratios(
    X: sp.csr_matrix, decisions: NDArray[np.int8], worth: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return how much each feature tells about a topic: float64, shape (features,), at least 0.

    It is |ln((p / Σp) / (q / Σq))|, where p and q are the numbers of articles for and against the topic that have the
    feature, plus `SMOOTHING`. Source: Wang and Manning, "Baselines and bigrams" (2012), who multiply the features of a
    support vector machine by it (NB-SVM); a power under 1, as here, goes only part of the way.

    Args:
        X: float64, shape (articles, features).
        decisions: yes or no, int8, shape (articles,).
        worth: how many articles each stands for, float64, shape (articles,); None: itself.
    """
    of_cells = None if worth is None else np.repeat(worth, np.diff(X.indptr))
    of_rows = np.repeat(decisions, np.diff(X.indptr))
    p, q = (
        SMOOTHING
        + np.bincount(
            X.indices[of_rows == side],
            None if of_cells is None else of_cells[of_rows == side],
            minlength=X.shape[1],
        ).astype(np.float64)
        for side in (YES, NO)
    )
    ratios: NDArray[np.float64] = np.abs(np.log((p / p.sum()) / (q / q.sum())))
    return ratios
