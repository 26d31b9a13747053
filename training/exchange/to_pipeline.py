"""A model as a scikit-learn `Pipeline`, for people who want to work with it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer

from tagdesk.models.features import FeatureSettings
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.reading.normal_form import words
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.errors import TrainingError
from tagdesk.training.learn.vectorize import NgramVectorizer

MOST_BYTES = 1_000_000_000
"""Of a pipeline's weights: scikit-learn has one for every n-gram and topic, also where a model has a few."""

SEPARATOR = "titleends"
"""A word between title and body that no vocabulary contains, so that no n-gram spans both."""


class CappedOneVsRest(OneVsRestClassifier):  # type: ignore[misc]
    """One classifier per topic; the confidence of a topic that implies its parent is at most that of the parent.

    Attributes:
        implied_: columns of child and parent, `Taxonomy.implied`.
    """

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the confidences, float64, shape (articles, topics)."""
        confidences: NDArray[np.float64] = super().predict_proba(X)
        for child, parent in self.implied_:
            confidences[:, child] = np.minimum(confidences[:, child], confidences[:, parent])
        return confidences


def to_pipeline(model: TopicModel, ngrams: Sequence[str]) -> Pipeline:
    """Return the scikit-learn pipeline whose `predict_proba` returns a model's confidences.

    If the title weight is a whole number and the model knows no parts of words, it consists of stock classes and reads
    `pipeline_text`, or any plain text without a title; its preprocessor is `as_read`, unless the model has version 1 of
    the reading. Otherwise its first step is `tagdesk.training.learn.vectorize.NgramVectorizer`, which reads
    `ArticleText`. If a topic implies its parent, the last step is a `CappedOneVsRest`. The columns are those of
    `pipeline.classes_`.

    Raises:
        TrainingError: its weights would take more than `MOST_BYTES`, or the model knows `SEPARATOR` as a word.
    """
    rows, topics = model.weights.shape
    if 8 * rows * topics > MOST_BYTES:
        raise TrainingError(
            f"{model.ref} cannot be written as a pipeline: with a weight for each of {rows:,} n-grams and {topics:,} "
            f"topics it would take {8 * rows * topics / 1e9:.1f} GB, and {MOST_BYTES / 1e9:g} is the most; "
            "tagdesk.models.load reads the model itself"
        )
    settings = model.features.settings
    if SEPARATOR in ngrams:
        raise TrainingError(
            f"the model knows {SEPARATOR!r} as a word: change tagdesk.training.exchange.to_pipeline.SEPARATOR"
        )
    vectorizer: Any
    if settings.title_weight == int(settings.title_weight) and not settings.longest_part:
        vectorizer = TfidfVectorizer(
            ngram_range=(settings.shortest, settings.longest),
            sublinear_tf=settings.sublinear_tf,
            vocabulary={ngram: row for row, ngram in enumerate(ngrams)},
            **({} if settings.reading == 1 else OWN_WORDS),
        )
        vectorizer.idf_ = model.features.idf.astype(np.float64)
    else:
        vectorizer = NgramVectorizer.of_features(model.features, ngrams)
    return Pipeline([("tfidf", vectorizer), ("topics", _one_vs_rest(model))])


def as_read(text: str) -> str:
    """Return the words of a text as the model reads them, separated by spaces: the preprocessor of a pipeline.

    A text that it has returned stays as it is.
    """
    return " ".join(words(text))


OWN_WORDS: dict[str, Any] = {"preprocessor": as_read, "token_pattern": r"\S+"}
"""Parameters by which a `TfidfVectorizer` finds the words of version 2 of `tagdesk.models.reading.normal_form`."""


def pipeline_text(text: ArticleText, settings: FeatureSettings) -> str:
    """Return an article's text as the exported pipeline reads it: the title, repeated by its weight, then the body."""
    title, body = (" ".join(words(field, settings.reading)) for field in (text.title, text.body))
    return f" {SEPARATOR} ".join([title] * int(settings.title_weight) + [body])


def _one_vs_rest(model: TopicModel) -> OneVsRestClassifier:
    """Return fitted classifiers whose sigmoid is the model's confidence: Platt's line is folded into the weights."""
    features, topics = model.weights.shape
    implied = model.taxonomy.implied
    classifier = CappedOneVsRest(LogisticRegression()) if implied else OneVsRestClassifier(LogisticRegression())
    if implied:
        classifier.implied_ = implied
    classifier.estimators_ = []
    for column, calibration in enumerate(model.calibrations):
        estimator = LogisticRegression()
        estimator.classes_ = np.array([0, 1])
        estimator.coef_ = calibration.slope * model.weights[:, column].astype(np.float64)[None, :]
        estimator.intercept_ = np.array([calibration.slope * float(model.bias[column]) + calibration.offset])
        estimator.n_features_in_ = features
        classifier.estimators_.append(estimator)
    # The binarizer marks the problem as multilabel; that takes at least three rows where there is one topic alone.
    classifier.label_binarizer_ = LabelBinarizer(sparse_output=True).fit(np.eye(max(topics, 3), topics, dtype=int))
    classifier.classes_ = classifier.label_binarizer_.classes_ = np.array(model.taxonomy.ids)
    classifier.n_features_in_ = features
    return classifier
