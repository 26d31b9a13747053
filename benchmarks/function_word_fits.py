"""The default model, as it is and without function words: fitted as training does, in training's own folds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from benchmarks.ablation import SHIPPED, Study
from benchmarks.closed_class import all_function_words, any_function_word, single_function_word
from benchmarks.lit_words import words_of
from benchmarks.table import VAR
from tagdesk.models.calibration import Calibration
from tagdesk.models.features import Features
from tagdesk.models.taxonomy import Taxonomy, load_taxonomy
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.learn.calibrate import calibrate
from tagdesk.training.learn.fit import Fitted, fit_topics

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

VARIANTS: Mapping[str, tuple[str, Callable[[Sequence[str]], bool]]] = {
    SHIPPED: ("**the shipped settings**", lambda _: False),
    "single": ("without single function words", single_function_word),
    "only": ("without n-grams of function words only", all_function_words),
    "any": ("without n-grams with any function word", any_function_word),
}
"""By name: what it is, and whether it leaves an n-gram of these words out."""


class Experiment:
    """The training set of the default model, vectorized once with all n-grams that enough articles have.

    Attributes:
        study: the training set and its folds.
        words: those of each n-gram.
    """

    def __init__(self, *, quick: bool) -> None:
        self.study = Study(quick=quick)
        vectorizer = self.study.vectorizer().set_params(max_features=None)
        self._X = vectorizer.fit_transform(self.study.texts)
        self._features = vectorizer.features_
        self.words = list(map(words_of, vectorizer.ngrams_))
        articles = np.bincount(self._X.indices, minlength=len(self.words))
        self._commonest = np.lexsort((self._features.hashes, -articles))  # as the vectorizer chooses
        self._folder = VAR / ("function-words-quick" if quick else "function-words")

    def columns(self, name: str) -> NDArray[np.int64]:
        """Return which n-grams a variant knows: the commonest that it does not leave out."""
        left_out = np.array(list(map(VARIANTS[name][1], self.words)))
        return np.sort(self._commonest[~left_out[self._commonest]][: self.study.config.fit.max_features])

    def fitted(self, name: str, *, anew: bool) -> Fitted:
        """Fit a variant as training does, or return what was fitted before."""
        path = self._folder / f"{name}.npz"
        if anew or not path.exists():
            study = self.study
            X = normalize(self._X[:, self.columns(name)])
            hints = study.hints_of(X[study.count :], study.labels)
            fitted = fit_topics(X[: study.count], study.decisions, study.fold, study.config.fit, hints)
            self._folder.mkdir(parents=True, exist_ok=True)
            np.savez(path, weights=fitted.weights, bias=fitted.bias, out_of_fold=fitted.out_of_fold)
        with np.load(path) as arrays:
            return Fitted(**arrays)

    def calibrations(self, scores: Floats, weight: Floats, articles: Flags | None = None) -> tuple[Calibration, ...]:
        """Return the confidences and cut-offs that training makes of these articles' scores out of fold; of all."""
        some_articles = np.ones(len(scores), np.bool_) if articles is None else articles
        promises = list(map(self.study.config.promise, self.taxonomy.ids))
        decisions = self.study.decisions[some_articles]
        return calibrate(scores[some_articles], decisions, weight[some_articles], promises)

    def model(self, name: str, fitted: Fitted, weight: Floats) -> TopicModel:
        """Return a variant as a model.

        Single function words that were left out stay in its table with an idf of 0: they count for nothing, but are no
        unknown words either, which would make the model doubt its answer.
        """
        known = self.columns(name)
        rows = np.union1d(known, np.flatnonzero(list(map(single_function_word, self.words))))
        counts = np.isin(rows, known)
        weights = np.zeros((len(rows), len(fitted.bias)), np.float32)
        weights[counts] = fitted.weights
        return TopicModel(
            name=self.study.config.name,
            version="draft",
            taxonomy=self.taxonomy,
            features=Features(
                self._features.settings, self._features.hashes[rows], np.where(counts, self._features.idf[rows], 0)
            ),
            weights=weights,
            bias=fitted.bias,
            calibrations=self.calibrations(fitted.out_of_fold, weight),
            manifest={"language": self.study.config.language},
        )

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """The topics that are learned; one whose parent is not has none."""
        whole = load_taxonomy()
        learned = [whole.topics[column] for column in self.study.topics]
        ids = {topic.id for topic in learned}
        topics = (
            topic if topic.parent in ids else replace(topic, parent=None, implies_parent=False) for topic in learned
        )
        return Taxonomy(whole.name, tuple(topics))
