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

from models.article import ArticleText
from models.topic_model import TopicModel
from training.errors import TrainingError
from training.vectorize import NgramVectorizer

SEPARATOR = "titleends"
"""A word between title and body that no vocabulary has, so that no n-gram crosses."""


class CappedOneVsRest(OneVsRestClassifier):  # type: ignore[misc]
    """One classifier a topic; none gives more than that of the parent which its topic implies.

    Attributes:
        implied_: columns of child and parent, `Taxonomy.implied`.
    """

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the confidences, float64, shape (articles, topics)."""
        found: NDArray[np.float64] = super().predict_proba(X)
        for child, parent in self.implied_:
            found[:, child] = np.minimum(found[:, child], found[:, parent])
        return found


def to_pipeline(model: TopicModel, ngrams: Sequence[str]) -> Pipeline:
    """Return the scikit-learn pipeline that gives a model's confidences as `predict_proba`.

    Stock classes, where the title weighs a whole number of times: its input is `pipeline_text`, or any plain text that
    has no title. Otherwise the first step is `training.vectorize.NgramVectorizer`, its input `ArticleText`. Where a
    topic implies its parent, the last step is a `CappedOneVsRest`.
    The columns are `pipeline.classes_`.
    """
    settings = model.features.settings
    if SEPARATOR in ngrams:
        raise TrainingError(f"the model knows {SEPARATOR!r} as a word: change training.export_pipeline.SEPARATOR")
    vectorizer: Any
    if settings.title_weight == int(settings.title_weight):
        vectorizer = TfidfVectorizer(
            ngram_range=(settings.shortest, settings.longest),
            sublinear_tf=settings.sublinear_tf,
            vocabulary={ngram: row for row, ngram in enumerate(ngrams)},
        )
        vectorizer.idf_ = model.features.idf.astype(np.float64)
    else:
        vectorizer = NgramVectorizer(
            shortest=settings.shortest,
            longest=settings.longest,
            title_weight=settings.title_weight,
            sublinear_tf=settings.sublinear_tf,
        )
        vectorizer.features_, vectorizer.ngrams_ = model.features, list(ngrams)
    return Pipeline([("tfidf", vectorizer), ("topics", _one_vs_rest(model))])


def pipeline_text(text: ArticleText, title_weight: float) -> str:
    """Return an article's text as the exported pipeline reads it: the title as often as it weighs, then the body."""
    return f" {SEPARATOR} ".join([text.title] * int(title_weight) + [text.body])


def _one_vs_rest(model: TopicModel) -> OneVsRestClassifier:
    """Return fitted classifiers whose sigmoid is the model's confidence: Platt's line is folded into the weights."""
    features, topics = model.weights.shape
    implied = model.taxonomy.implied
    classifier = CappedOneVsRest(LogisticRegression()) if implied else OneVsRestClassifier(LogisticRegression())
    if implied:
        classifier.implied_ = implied
    classifier.estimators_ = []
    for column, calibration in enumerate(model.calibrations):
        one = LogisticRegression()
        one.classes_ = np.array([0, 1])
        one.coef_ = calibration.slope * model.weights[:, column].astype(np.float64)[None, :]
        one.intercept_ = np.array([calibration.slope * float(model.bias[column]) + calibration.offset])
        one.n_features_in_ = features
        classifier.estimators_.append(one)
    # The binarizer remembers that the problem is a multilabel one; one topic alone still counts as that.
    classifier.label_binarizer_ = LabelBinarizer(sparse_output=True).fit(np.eye(max(topics, 3), topics, dtype=int))
    classifier.classes_ = classifier.label_binarizer_.classes_ = np.array(model.taxonomy.ids)
    classifier.n_features_in_ = features
    return classifier
