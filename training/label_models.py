"""What the corpora's own labels know: one classifier a label, whose scores are hints for those of the topics.

A corpus says of ten thousands of articles where its editors filed them; a person decides a few thousand by our topics.
A label is seldom a topic, but its classifier has learned words from its many articles that the decided ones never had.
Its score is one more feature of every topic's classifier, and a weighted sum of n-grams itself, so that all is one
linear model again when it is fitted. (Stacking: Wolpert, "Stacked generalization", 1992.)
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.config import FitSettings
from training.corpus import Corpus
from training.fit import Hints, fit_without
from training.labels import NO, YES
from training.progress import progress

LEAST_ARTICLES = 25
MOST_LABELS = 200
"""A corpus' labels are learned if so many articles have them, and at most so many of the commonest."""

LEAST_PROB = 0.95
"""Labels that are less likely, as the corpus itself says, are left open."""

_C = 0.2
"""Labels have more articles than topics, and more of them are wrong: a stronger penalty."""


def label_decisions(corpora: Sequence[Corpus]) -> NDArray[np.int8]:
    """Say which labels each article has: yes or no of its own corpus' labels, open of another's.

    Returns:
        int8, shape (articles, labels); the articles of all corpora, one corpus after the other.
    """
    names = [_common(corpus) for corpus in corpora]
    found = np.zeros((sum(len(corpus.articles) for corpus in corpora), sum(map(len, names))), np.int8)
    row = column = 0
    for corpus, mine in zip(corpora, names, strict=True):
        for article in corpus.articles:
            if article.label_prob >= LEAST_PROB:
                found[row, column : column + len(mine)] = [YES if name in article.labels else NO for name in mine]
            row += 1
        column += len(mine)
    return found


def _common(corpus: Corpus) -> list[str]:
    counts = Counter(label for article in corpus.articles for label in set(article.labels))
    return [label for label, count in counts.most_common(MOST_LABELS) if count >= LEAST_ARTICLES]


def label_hints(X: sp.csr_matrix, labels: NDArray[np.int8], settings: FitSettings) -> Hints:
    """Fit a classifier of every label, and return its scores as hints, their mean over these articles 0.

    Args:
        X: TF-IDF, float64, shape (articles, n-grams), of none of the articles that the hints are used for: they would
            be surer there than elsewhere.
        labels: yes, no or open, int8, shape (articles, labels).
        settings: label_scale (what the scores are multiplied by), seed.
    """
    labels = labels[:, np.minimum((labels == YES).sum(axis=0), (labels == NO).sum(axis=0)) >= LEAST_ARTICLES]
    count = labels.shape[1]
    weights = np.zeros((X.shape[1], count), np.float32)
    in_all_fits = np.full(len(labels), -1, np.int64)
    fits = fit_without((-1,), X, labels, in_all_fits, replace(settings, C=_C, count_ratio=0.0))
    for label, _, coefficients, _ in progress(fits, total=count, what="fitting labels", unit="fit"):
        weights[:, label] = settings.label_scale * coefficients
    return Hints(weights, -(X.mean(axis=0).A1 @ weights))
