"""Hints from the corpora's own labels: one classifier per label, whose scores are features for those of the topics.

A corpus records for tens of thousands of articles where its editors filed them; our topics were decided for a few
thousand. A label is seldom a topic, but its classifier learns words from many articles that the decided ones never
contain. Its score is one more feature of every topic's classifier, and itself a weighted sum of n-grams, so that the
fitted whole is one linear model again. (Stacking: Wolpert, "Stacked generalization", 1992.)
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tagdesk.progress import progress
from tagdesk.training.config import FitSettings
from tagdesk.training.corpora.corpus import Corpus
from tagdesk.training.corpora.labels import NO, YES
from tagdesk.training.fit_one import Hints
from tagdesk.training.fits.fits import Fits
from tagdesk.training.learn.fit import fit_without

LEAST_ARTICLES = 25
MOST_LABELS = 200
"""Of each corpus the commonest labels are learned, at most this many, each with at least `LEAST_ARTICLES` articles."""

LEAST_PROB = 0.95
"""Labels to which the corpus itself gives a lower probability are left open."""

_C = 0.2
"""A stronger penalty than for topics: labels have more articles, and more of them are wrong."""


def label_decisions(corpora: Sequence[Corpus]) -> NDArray[np.int8]:
    """Return which labels each article has: yes or no for its own corpus' labels, open for another's.

    Returns:
        int8, shape (articles, labels); the articles of all corpora, one corpus after the other.
    """
    labels_of = [_common_labels(corpus) for corpus in corpora]
    decisions = np.zeros((sum(len(corpus.articles) for corpus in corpora), sum(map(len, labels_of))), np.int8)
    row = column = 0
    for corpus, labels in zip(corpora, labels_of, strict=True):
        for article in corpus.articles:
            if article.label_prob >= LEAST_PROB:
                decisions[row, column : column + len(labels)] = [
                    YES if label in article.labels else NO for label in labels
                ]
            row += 1
        column += len(labels)
    return decisions


def _common_labels(corpus: Corpus) -> list[str]:
    counts = Counter(label for article in corpus.articles for label in dict.fromkeys(article.labels))
    return [label for label, count in counts.most_common(MOST_LABELS) if count >= LEAST_ARTICLES]


def label_hints(X: sp.csr_matrix, labels: NDArray[np.int8], settings: FitSettings, fits: Fits | None = None) -> Hints:
    """Fit a classifier for every label, and return their scores as hints, with a mean of 0 over these articles.

    Args:
        X: TF-IDF, float64, shape (articles, n-grams). None of the articles that the hints are used for may be here:
            the classifiers would be surer of those than of others.
        labels: yes, no or open, int8, shape (articles, labels).
        settings: label_scale, which multiplies the scores, and seed.
        fits: as in `fit_topics`.
    """
    labels = labels[:, np.minimum((labels == YES).sum(axis=0), (labels == NO).sum(axis=0)) >= LEAST_ARTICLES]
    count = labels.shape[1]
    weights = np.zeros((X.shape[1], count), np.float32)
    in_all_fits = np.full(len(labels), -1, np.int64)
    settings_of_labels = replace(settings, C=_C, count_ratio=0.0)
    with closing(fit_without((-1,), X, labels, in_all_fits, settings_of_labels, fits=fits)) as found:
        for fit in progress(found, total=count, what="fitting labels", unit="fit"):
            weights[:, fit.topic] = settings.label_scale * fit.weights
    mean = (
        sp.csr_matrix(X.mean(axis=0)) @ weights
    )  # sparse, for BLAS adds up in another order on another number of cores
    return Hints(weights, -mean[0])
