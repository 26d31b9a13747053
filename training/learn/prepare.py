"""From texts to the input of the classifiers: a matrix of n-grams, and hints from the corpora's own labels."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tagdesk.models.features import FeatureSettings
from tagdesk.models.reading.article import ArticleText
from tagdesk.training.config import FitSettings
from tagdesk.training.errors import TrainingError
from tagdesk.training.fit_one import Hints
from tagdesk.training.fits.fits import Fits, unwritable
from tagdesk.training.learn.label_models import label_hints
from tagdesk.training.learn.vectorize import NgramVectorizer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """The input of the classifiers.

    Attributes:
        vectorizer: fitted on all texts.
        X: TF-IDF of the texts from which topics are learned, float64, shape (articles, n-grams).
        hints: learned from the labels of the other texts, or None.
    """

    vectorizer: NgramVectorizer
    X: sp.csr_matrix
    hints: Hints | None


def prepare(
    texts: Sequence[ArticleText],
    labelled: Sequence[ArticleText],
    labels: NDArray[np.int8] | None,
    features: FeatureSettings,
    settings: FitSettings,
    fits: Fits | None = None,
) -> Prepared:
    """Vectorize the articles, and learn the corpora's labels if `label_scale` is above 0.

    Args:
        texts: articles from which topics are learned.
        labelled: other articles, from which only n-grams and labels are learned.
        labels: their labels, yes, no or open, int8, shape (other articles, labels); None where there are none.
        features: how text becomes features.
        settings: max_features, min_df, label_scale, seed.
        fits: as in `fit_topics`; where no labels are learned the matrix is kept there. None: in memory.

    Raises:
        TrainingError: there is no n-gram to learn, or the matrix cannot be written.
    """
    log.info("counting the words of %s articles", f"{len(texts) + len(labelled):,}")
    how = {name: getattr(features, name) for name in features.__slots__}
    vectorizer = NgramVectorizer(**how, min_df=settings.min_df, max_features=settings.max_features)
    X = _vectorized(vectorizer, [*texts, *labelled], fits)
    hints = None
    if labels is not None and len(labelled) and settings.label_scale:
        hints = label_hints(X[len(texts) :], labels, settings, fits)
    return Prepared(vectorizer, X[: len(texts)] if len(labelled) else X, hints)


def _vectorized(vectorizer: NgramVectorizer, texts: Sequence[ArticleText], fits: Fits | None) -> sp.csr_matrix:
    if fits is None:
        return vectorizer.fit_transform(texts)
    folder = fits.folder()
    try:
        return vectorizer.fit_transform(texts, folder=folder)
    except OSError as error:
        raise TrainingError(unwritable(error, folder)) from error
