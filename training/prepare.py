"""From a training set to what classifiers are fitted on: a matrix of n-grams, and hints from the corpora's labels."""

import logging
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from models.features import FeatureSettings
from training.config import FitSettings
from training.fit import Hints
from training.label_models import label_hints
from training.training_set import TrainingSet
from training.vectorize import NgramVectorizer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What classifiers are fitted on.

    Attributes:
        vectorizer: fitted on all articles but those of the test.
        X: TF-IDF of the articles in `TrainingSet.learn`, float64, shape (articles, n-grams).
        hints: what the labels of the others know, or None.
    """

    vectorizer: NgramVectorizer
    X: sp.csr_matrix
    hints: Hints | None


def prepare(data: TrainingSet, features: FeatureSettings, settings: FitSettings) -> Prepared:
    """Vectorize the articles, and learn the corpora's labels where `label_scale` is above 0.

    Raises:
        TrainingError: no n-gram is left to learn.
    """
    learn, others = data.learn, data.others
    log.info("vectorizing %s articles", f"{len(learn) + len(others):,}")
    vectorizer = NgramVectorizer(
        shortest=features.shortest,
        longest=features.longest,
        title_weight=features.title_weight,
        sublinear_tf=features.sublinear_tf,
        min_df=settings.min_df,
        max_features=settings.max_features,
    )
    X = vectorizer.fit_transform([data.texts[i] for i in np.concatenate((learn, others))])
    hints = None
    if len(others) and settings.label_scale:
        hints = label_hints(X[len(learn) :], data.labels[others], settings)
    return Prepared(vectorizer, X[: len(learn)], hints)
