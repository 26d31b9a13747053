"""What each part of the default model's training contributes, and what was tried and dropped, by cross-validation.

Every variant is scored out of fold on the fully labelled articles that training learns from, in training's own folds.
The code of the variants that lost is here and nowhere else.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import chi2
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from benchmarks import outside
from benchmarks.articles import INVENTED
from benchmarks.table import VAR, check_variants, markdown, number, say, write
from tagdesk.models.taxonomy import load_taxonomy
from tagdesk.training.config import FitSettings, load_config
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.corpora.places import corpus_folder
from tagdesk.training.fit_one import Hints, count_ratios, fit_topic, shared_of
from tagdesk.training.judge.cross_validate import predict_out_of_fold, quality
from tagdesk.training.judge.measure import f1
from tagdesk.training.learn.calibrate import fair_weight
from tagdesk.training.learn.fit import fit_without, learnable
from tagdesk.training.learn.label_models import LEAST_ARTICLES, label_hints
from tagdesk.training.learn.split import stratified_folds
from tagdesk.training.learn.training_set import TrainingSet, read_training_set
from tagdesk.training.learn.vectorize import NgramVectorizer

Floats = NDArray[np.float64]
Decisions = NDArray[np.int8]

_FIT = load_config().fit
_SVM = LinearSVC(C=_FIT.C, dual=True, random_state=_FIT.seed, max_iter=2000)

SHIPPED = "shipped"
_EVENTS = "wpce"
"""The prefix of the ids of events."""

_BETTER = 0.95
"""A variant is better from this share of the draws on, and worse up to one minus it."""

_SLOPE, _OFFSET = 5.3, 1.4
"""Of the confidence of a soft label: the median topic's in the shipped model."""


class Study:
    """The training set of the default model, read once and dealt into the folds of training.

    Attributes:
        config: the shipped settings.
        data: the training set.
        decisions: of the articles to learn from, int8, shape (articles, topics).
        fold: of these articles, int64, shape (articles,).
    """

    def __init__(self, *, quick: bool) -> None:
        self.config = load_config()
        self.data = data = (
            _invented(self) if quick else read_training_set(self.config, load_taxonomy(), corpus_folder())
        )
        decisions = data.decisions[data.learn]
        names = [data.ids[data.group[i]] for i in data.learn]
        self.fold = stratified_folds(names, decisions == YES, self.config.fit.folds, self.config.fit.seed)
        self.topics = np.flatnonzero(learnable(decisions, self.fold, self.config.fit.folds))
        self.decisions = decisions[:, self.topics]

    @cached_property
    def ngrams(self) -> sp.csr_matrix:
        """TF-IDF of the articles to learn from, then of the others."""
        return self._vectorizer.transform(self.texts)

    @property
    def ngram_names(self) -> list[str]:
        """The n-grams, in the order of the columns."""
        return self._vectorizer.ngrams_

    @cached_property
    def _vectorizer(self) -> NgramVectorizer:
        return self.vectorizer().fit(self.texts)

    def sentences(self, places: NDArray[np.int64]) -> Floats:
        """Return what a sentence encoder makes of the articles at these places, float64, shape (articles, 384)."""
        numbers = np.concatenate((self.data.learn, self.data.others))[places].tolist()
        texts = [f"{self.data.texts[i].title}\n{self.data.texts[i].body}" for i in numbers]
        return outside.vectors_of_texts([self.data.ids[i] for i in numbers], texts).astype(np.float64)

    @cached_property
    def hints(self) -> Hints:
        """What the labels of the others know, as shipped."""
        return self.hints_of(self.ngrams[self.count :], self.labels)

    @property
    def count(self) -> int:
        """How many articles are learned from."""
        return len(self.fold)

    @property
    def texts(self) -> list[Any]:
        """The articles to learn from, then the others."""
        return [self.data.texts[i] for i in np.concatenate((self.data.learn, self.data.others))]

    @property
    def labels(self) -> Decisions:
        """Topics by the label maps, then the corpora's own labels, of the others: int8, shape (articles, labels)."""
        return self.data.labels(self.data.others)

    def vectorizer(self) -> NgramVectorizer:
        """Return a vectorizer with the shipped settings."""
        features, fit = self.config.features, self.config.fit
        return NgramVectorizer(
            shortest=features.shortest,
            longest=features.longest,
            title_weight=features.title_weight,
            sublinear_tf=features.sublinear_tf,
            min_df=fit.min_df,
            max_features=fit.max_features,
        )

    def hints_of(self, X: sp.csr_matrix, labels: Decisions) -> Hints:
        """Learn labels with the shipped settings."""
        return label_hints(X, labels, self.config.fit)

    def hinted(self, X: sp.csr_matrix) -> Floats:
        """Return the shipped hints of some articles."""
        return np.asarray(X @ self.hints.weights + self.hints.bias)


def _invented(study: Study) -> TrainingSet:
    """Return the invented articles of the tests, one in four as if decided in full; in three folds."""
    study.config = replace(
        study.config, corpora=(str(INVENTED),), full_labels=(), fit=replace(study.config.fit, folds=3)
    )
    data = read_training_set(study.config, load_taxonomy(), corpus_folder())
    return replace(data, fully_labelled=np.arange(len(data.ids)) % 4 == 0)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a variant's classifiers are fitted, where `tagdesk.training.learn.fit` does not know how.

    Attributes:
        classifier: in place of the shipped one.
        best: keep this many features a topic, by chi².
        weight: of every article, float64, shape (articles,); all the same where it is None.
        doubtful: pairs to leave out, by the fold left out, the articles and the topics: bool; none where it is None.
    """

    classifier: BaseEstimator = _SVM
    best: int | None = None
    weight: Floats | None = None
    doubtful: NDArray[np.bool_] | None = None


def cross_fit(
    X: sp.csr_matrix, hinted: Floats | None, decisions: Decisions, fold: NDArray[np.int64], fit: Fit
) -> Floats:
    """Score articles out of fold: float64, shape (articles, topics); those of fold -1 are in every fit, and come last.

    At `Fit()` it does what `tagdesk.training.learn.fit.fit_without` does at the shipped settings.
    """
    scores = np.zeros((int((fold >= 0).sum()), decisions.shape[1]))
    parts = range(fold.max() + 1)
    jobs = (
        delayed(_fit_one)(X, hinted, decisions[:, i], fold, i, k, fit) for i in range(decisions.shape[1]) for k in parts
    )
    for topic, part, part_scores in Parallel(n_jobs=-1, return_as="generator_unordered", max_nbytes="1M")(jobs):
        scores[np.flatnonzero(fold == part), topic] = part_scores
    return scores


def _fit_one(
    X: sp.csr_matrix,
    hinted: Floats | None,
    decisions: Decisions,
    fold: NDArray[np.int64],
    topic: int,
    part: int,
    fit: Fit,
) -> tuple[int, int, Floats]:
    learned = (decisions != OPEN) & (fold != part)
    if fit.doubtful is not None:
        learned &= ~fit.doubtful[part, :, topic]
    rows, tested = np.flatnonzero(learned), np.flatnonzero(fold == part)
    return topic, part, _fit_rows(X, hinted, decisions, rows, fold[rows] >= 0, tested, fit)


def _fit_rows(
    X: sp.csr_matrix,
    hinted: Floats | None,
    decisions: Decisions,
    rows: NDArray[np.int64],
    own: NDArray[np.bool_],
    tested: NDArray[np.int64],
    fit: Fit,
) -> Floats:
    """Fit one topic on some rows, its log-count ratios from those that are `own`, and score the tested rows."""
    seen = X[rows]
    scale = count_ratios(seen[own], decisions[rows][own]) ** _FIT.count_ratio
    if fit.best is not None:
        scale[np.argsort(np.nan_to_num(chi2(seen, decisions[rows])[0]))[: -fit.best]] = 0
    scaled = seen.data * scale[seen.indices]
    scale *= np.sqrt(seen.data @ seen.data / max(scaled @ scaled, 1e-12))

    def matrix(places: NDArray[np.int64]) -> sp.csr_matrix:
        own_words = X[places]
        own_words.data *= scale[own_words.indices]
        return own_words if hinted is None else sp.hstack([own_words, sp.csr_matrix(hinted[places])], format="csr")

    weight = None if fit.weight is None else fit.weight[rows]
    classifier = clone(fit.classifier).fit(matrix(rows), decisions[rows], sample_weight=weight)
    scores: Floats = classifier.decision_function(matrix(tested))
    return scores


Variant = Callable[[Study], Floats]
"""Scores the articles out of fold."""


def _settings(study: Study, **changed: float) -> Floats:
    """Fit as training does, with other settings for the fit alone, and the shipped matrix."""
    fit = replace(study.config.fit, **changed)  # type: ignore[arg-type]
    ratio = fit.label_scale / study.config.fit.label_scale
    hints = Hints(study.hints.weights * np.float32(ratio), study.hints.bias * ratio) if ratio else None
    return _as_training(study, study.ngrams[: study.count], hints, fit)


def _vectorized(study: Study, **changed: float) -> Floats:
    """Vectorize with other settings."""
    vectorizer = study.vectorizer().set_params(**changed)
    return _fitted(study, Fit(), vectorizer.fit_transform(study.texts)[: study.count])


def _as_training(study: Study, X: sp.csr_matrix, hints: Hints | None, fit: FitSettings) -> Floats:
    scores = np.zeros(study.decisions.shape)
    for one in fit_without(range(fit.folds), X, study.decisions, study.fold, fit, hints):
        scores[study.fold == one.left_out, one.topic] = one.scores
    return scores


def _hints_from(study: Study, *, topics: bool) -> Floats:
    """Take the hints of the label maps' topics alone, or those of the corpora's own labels."""
    of_topics = study.labels[:, : study.data.decisions.shape[1]]
    count = (np.minimum((of_topics == YES).sum(axis=0), (of_topics == NO).sum(axis=0)) >= LEAST_ARTICLES).sum()
    some = slice(count) if topics else slice(count, None)
    hints = Hints(study.hints.weights[:, some], study.hints.bias[some])
    return _as_training(study, study.ngrams[: study.count], hints, study.config.fit)


def _fitted(study: Study, fit: Fit, X: sp.csr_matrix | None = None) -> Floats:
    """Fit in another way, or on another matrix than the shipped one; the hints are as shipped."""
    words = study.ngrams[: study.count]
    return cross_fit(words if X is None else X, study.hinted(words), study.decisions, study.fold, fit)


Weigh = Callable[[Floats, Floats, Floats], Floats]
"""From an n-gram's count, its idf, and the article's length over the mean, to its weight."""


def _weighed(study: Study, weigh: Weigh, *, unit: bool = True) -> Floats:
    """Weigh n-grams in another way; rows of length 1, or of length 1 in the quadratic mean."""
    vectorizer = study.vectorizer().set_params(sublinear_tf=False)
    X = vectorizer.fit_transform(study.texts)
    row, idf = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), vectorizer.features_.idf[X.indices]
    X.data /= idf
    least = np.full(X.shape[0], np.inf)
    np.minimum.at(least, row, X.data)
    counts = np.rint(X.data / least[row])  # rows had length 1: what stands once is the least of them
    length = np.bincount(row, counts, X.shape[0])
    X.data = weigh(counts, idf, (length / length.mean())[row])
    squares = np.bincount(row, X.data**2, X.shape[0])
    X.data /= np.sqrt(squares[row] if unit else squares.mean())
    return _fitted(study, Fit(), X[: study.count])


def _bm25(counts: Floats, idf: Floats, length: Floats) -> Floats:
    k1, b = 1.2, 0.75
    return idf * counts * (k1 + 1) / (counts + k1 * (1 - b + b * length))


def _binary(counts: Floats, idf: Floats, _: Floats) -> Floats:
    return np.where(counts > 0, idf, 0.0)


def _without_idf(counts: Floats, _: Floats, __: Floats) -> Floats:
    return 1 + np.log(counts)


def _characters(study: Study) -> Floats:
    """Put character n-grams beside the words, half of a row's square each; the hints are those of the words."""
    texts = [f"{text.title}\n{text.body}" for text in study.texts[: study.count]]
    characters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=3, max_features=100_000
    ).fit_transform(texts)
    both = sp.hstack([study.ngrams[: study.count], characters], format="csr") * np.sqrt(0.5)
    return _fitted(study, Fit(), both)


def _corpora_in_the_fit(study: Study, most: int = 20_000, weight: float = 0.02) -> Floats:
    """Learn the topics from the others too, as the label maps decide them, and take no hints."""
    others = _some_others(study, most)
    X = sp.vstack([study.ngrams[: study.count], study.ngrams[study.count + others]], format="csr")
    decisions = np.vstack([study.decisions, study.labels[others][:, study.topics]])
    fold = np.append(study.fold, np.full(len(others), -1))
    return cross_fit(X, None, decisions, fold, Fit(weight=np.where(fold < 0, weight, 1.0)))


def _self_training(study: Study, most: int = 12_000, weight: float = 0.1) -> Floats:
    """Learn from others by the confidences of models of the same folds; hints from the labels of the rest of them."""
    others = _some_others(study, most)
    rest = np.setdiff1d(np.arange(len(study.data.others)), others)
    hints = study.hints_of(study.ngrams[study.count + rest], study.labels[rest])
    own, more = study.ngrams[: study.count], study.ngrams[study.count + others]
    X = sp.vstack([own, more, more], format="csr")
    hinted = np.asarray(X @ hints.weights + hints.bias)
    fold = np.append(study.fold, np.full(2 * len(others), -1))
    soft = np.zeros((study.config.fit.folds, len(others), len(study.topics)))
    shared = shared_of(own, study.fold, study.config.fit, hints, None)
    topics_and_parts = [(i, part) for i in range(len(study.topics)) for part in range(len(soft))]
    fits = (delayed(fit_topic)(shared, study.decisions[:, i], i, part) for i, part in topics_and_parts)
    for fit in Parallel(n_jobs=-1, return_as="generator_unordered", max_nbytes="1M")(fits):
        scores_of_more = more @ fit.all_weights(more.shape[1]) + fit.bias
        soft[fit.left_out, :, fit.topic] = expit(_SLOPE * scores_of_more + _OFFSET)
    jobs = (
        delayed(_fit_softly)(X, hinted, study.decisions[:, i], fold, i, part, weight, soft[part, :, i])
        for i, part in topics_and_parts
    )
    scores = np.zeros(study.decisions.shape)
    for topic, part, part_scores in Parallel(n_jobs=-1, return_as="generator_unordered", max_nbytes="1M")(jobs):
        scores[study.fold == part, topic] = part_scores
    return scores


def _fit_softly(
    X: sp.csr_matrix,
    hinted: Floats,
    decisions: Decisions,
    fold: NDArray[np.int64],
    topic: int,
    part: int,
    weight: float,
    soft: Floats,
) -> tuple[int, int, Floats]:
    """Fit with every other article as a yes and as a no, each as heavy as it is likely, and none that hardly is."""
    likely = np.concatenate((soft, 1 - soft))
    sides = np.repeat([YES, NO], len(soft)).astype(np.int8)
    labels = np.append(decisions, np.where(likely > 0.02, sides, OPEN)).astype(np.int8)
    weights = np.append(np.ones(len(decisions)), weight * likely)
    return _fit_one(X, hinted, labels, fold, topic, part, Fit(weight=weights))


def _some_others(study: Study, most: int) -> NDArray[np.int64]:
    """Return the places of some of the others, at most half of them."""
    count = len(study.data.others)
    return np.sort(np.random.default_rng(0).permutation(count)[: min(most, count // 2)])


def _with_word_vectors(study: Study, scale: float = 0.1) -> Floats:
    """Take the texts' mean word vectors as hints: sums of n-grams again, as the labels' hints are."""
    words = study.ngrams[: study.count]
    vectors = words @ outside.vectors_of_ngrams(study.ngram_names)
    return _beside(study, scale * _scaled(vectors))


def _teacher(study: Study, scale: float = 0.3) -> Floats:
    """Take a sentence encoder's vectors beside the words: no sum of n-grams, so that nothing like it can be shipped."""
    return _beside(study, scale * _scaled(study.sentences(np.arange(study.count))))


def _student(study: Study, most: int = 11_000, scale: float = 0.3) -> Floats:
    """Learn what teachers of the same folds say of others, surely yes or surely no, and take that as hints.

    The teachers are asked about articles that the shipped hints were learned from, so that they are a little too sure.
    """
    own, others = np.arange(study.count), study.count + _some_others(study, most)
    places = np.append(own, others)
    X, asked = study.ngrams[places], np.arange(study.count, len(places))
    hinted = study.hinted(X)
    read = np.hstack([hinted, scale * _scaled(study.sentences(places))])
    scores = np.zeros(study.decisions.shape)
    for part in range(study.config.fit.folds):
        rest, left_out = own[study.fold != part], own[study.fold == part]
        likely = expit(_SLOPE * _fit_all(X, read, study.decisions, rest, asked) + _OFFSET)
        surely = np.select([likely > 0.7, likely < 0.1], [YES, NO], OPEN).astype(np.int8)
        taught = study.hints_of(X[asked], surely)
        beside = np.hstack([hinted, X @ taught.weights + taught.bias])
        scores[left_out] = _fit_all(X, beside, study.decisions, rest, left_out)
    return scores


def _fit_all(
    X: sp.csr_matrix, dense: Floats, decisions: Decisions, rows: NDArray[np.int64], tested: NDArray[np.int64]
) -> Floats:
    """Fit every topic on some rows, and score others: float64, shape (tested, topics)."""
    own = np.ones(len(rows), np.bool_)
    jobs = (delayed(_fit_rows)(X, dense, column, rows, own, tested, Fit()) for column in decisions.T)
    return np.column_stack(Parallel(n_jobs=-1, max_nbytes="1M")(jobs))


def _beside(study: Study, dense: Floats) -> Floats:
    """Fit with further dense features beside the shipped hints."""
    words = study.ngrams[: study.count]
    return cross_fit(words, np.hstack([study.hinted(words), dense]), study.decisions, study.fold, Fit())


def _scaled(dense: Floats) -> Floats:
    """Return dense features with a mean of 0 each, and a standard deviation of 1 over all."""
    centred = dense - dense.mean(axis=0)
    return np.asarray(centred / (centred.std() or 1.0), np.float64)


def _alone(study: Study) -> Floats:
    """Let near duplicates weigh as much as one article together."""
    _, place, sizes = np.unique(study.data.group[study.data.learn], return_inverse=True, return_counts=True)
    return _fitted(study, Fit(weight=1 / sizes[place]))


def _cleaned(study: Study, worst: float = 0.01) -> Floats:
    """Leave out the pairs whose label the models of the other training folds contradict most."""
    X = study.ngrams[: study.count]
    hinted, parts = study.hinted(X), range(study.config.fit.folds)
    doubtful = np.zeros((len(parts), *study.decisions.shape), np.bool_)
    for part in parts:
        rest = np.flatnonzero(study.fold != part)
        _, inner = np.unique(study.fold[rest], return_inverse=True)
        agreed = cross_fit(X[rest], hinted[rest], study.decisions[rest], inner, Fit()) * study.decisions[rest]
        doubtful[part, rest] = agreed < min(0.0, np.quantile(agreed, worst))
    return _fitted(study, Fit(doubtful=doubtful))


def _logistic(C: float) -> Fit:
    return Fit(LogisticRegression(C=C, solver="liblinear", dual=True, random_state=_FIT.seed, max_iter=2000))


VARIANTS: dict[str, tuple[str, Variant]] = {
    SHIPPED: ("**the shipped settings**", _settings),
    "ratio-0": ("no log-count ratio", partial(_settings, count_ratio=0.0)),
    "ratio-0.2": ("log-count ratio to the power 0.2", partial(_settings, count_ratio=0.2)),
    "ratio-0.6": ("log-count ratio to the power 0.6", partial(_settings, count_ratio=0.6)),
    "ratio-1": ("log-count ratio whole (NB-SVM)", partial(_settings, count_ratio=1.0)),
    "hints-0": ("no hints from the corpora's labels", partial(_settings, label_scale=0.0)),
    "hints-0.05": ("hints weighed 0.05", partial(_settings, label_scale=0.05)),
    "hints-0.12": ("hints weighed 0.12", partial(_settings, label_scale=0.12)),
    "hints-topics": ("hints from the label maps' topics alone", partial(_hints_from, topics=True)),
    "hints-labels": ("hints from the corpora's own labels alone", partial(_hints_from, topics=False)),
    "C-0.3": ("C 0.3", partial(_settings, C=0.3)),
    "C-3": ("C 3", partial(_settings, C=3.0)),
    "logistic": ("logistic loss, C 1", partial(_fitted, fit=_logistic(1.0))),
    "logistic-10": ("logistic loss, C 10", partial(_fitted, fit=_logistic(10.0))),
    "balanced": (
        "class weights, balanced",
        partial(_fitted, fit=Fit(clone(_SVM).set_params(class_weight="balanced"))),
    ),
    "best": ("the 20,000 best n-grams of each topic, by chi²", partial(_fitted, fit=Fit(best=20_000))),
    "duplicates": ("near duplicates weigh as much as one article", _alone),
    "characters": ("100,000 n-grams of 3 to 5 characters beside the words", _characters),
    "cleaned": ("without the 1 % of labels that models contradict most", _cleaned),
    "bm25": ("BM25 (k1 1.2, b 0.75) for sublinear tf and rows of length 1", partial(_weighed, weigh=_bm25, unit=False)),
    "bm25-1": ("the same, rows of length 1", partial(_weighed, weigh=_bm25)),
    "title-1": ("words of the title count once", partial(_vectorized, title_weight=1.0)),
    "title-4": ("words of the title count four times", partial(_vectorized, title_weight=4.0)),
    "linear-tf": ("tf as it is, not sublinear", partial(_vectorized, sublinear_tf=False)),
    "binary": ("tf 1, however often", partial(_weighed, weigh=_binary)),
    "no-idf": ("no idf", partial(_weighed, weigh=_without_idf)),
    "words": ("words alone, no 2-grams", partial(_vectorized, longest=1)),
    "features-40k": ("40,000 n-grams", partial(_vectorized, max_features=40_000)),
    "features-300k": ("300,000 n-grams", partial(_vectorized, max_features=300_000)),
    "corpora": (
        "20,000 others in the fit, weighed 0.02, by the label maps, and no hints",
        _corpora_in_the_fit,
    ),
    "self-training": ("12,000 others in the fit, weighed 0.1, by soft labels", _self_training),
    "C-0.5": ("C 0.5", partial(_settings, C=0.5)),
    "word-vectors": ("the texts' mean word vectors (GloVe, 50 dimensions) as hints", _with_word_vectors),
    "teacher": ("a sentence encoder's vectors (MiniLM) beside the words: not to be shipped", _teacher),
    "student": ("what that teacher says of 11,000 others as hints", _student),
}
"""By name: what it is, and how to score it; in the order of the table."""


NEEDS = {"word-vectors": outside.GLOVE, "teacher": outside.MINILM, "student": outside.MINILM}
"""Modules that variants need and `requirements/` does not have: without them these are left out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a variant reached.

    Attributes:
        micro_f1, macro_f1, average_precision, drawn: see `tagdesk.training.judge.cross_validate.Quality`.
        wikinews, events: micro-F1 of those drawn at random; None where there is none.
        seconds: from the articles' texts, or from the shipped matrix and hints, to the scores.
        weight: what the articles count, of the shipped settings; of the others nothing.
    """

    micro_f1: float
    macro_f1: float
    average_precision: float
    drawn: list[float]
    wikinews: float | None
    events: float | None
    seconds: float
    weight: list[float]

    def better_than(self, other: "Outcome") -> float:
        """Return in which share of the draws it is the better one; where both are as good, half a draw."""
        return float((1 + np.sign(np.subtract(self.drawn, other.drawn))).mean() / 2)


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure what `only` names, or all that has not been measured yet, and write `ablation.md` from all that has been.

    Raises:
        ValueError: a name in `only` is no variant.
    """
    check_variants(only, VARIANTS)
    study = Study(quick=quick)
    names = [name for name in VARIANTS if (name in only if only else _is_open(name, quick=quick))]
    if SHIPPED not in names and not _path(SHIPPED, quick=quick).exists():
        names.insert(0, SHIPPED)
    for name in names:
        result = _measure(study, name, quick=quick)
        _path(name, quick=quick).write_text(json.dumps(asdict(result)), encoding="utf-8")
        say(f"{name}: micro-F1 {result.micro_f1:.4f}, macro-F1 {result.macro_f1:.4f}, {number(result.seconds)} s")
    _write(study, quick=quick)


def _is_open(name: str, *, quick: bool) -> bool:
    """Tell whether a variant can be measured and has not been."""
    return outside.are_installed(NEEDS.get(name, ())) and not _path(name, quick=quick).exists()


def _path(name: str, *, quick: bool) -> Path:
    folder = VAR / ("ablation-quick" if quick else "ablation")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.json"


def _read(name: str, *, quick: bool) -> Outcome:
    return Outcome(**json.loads(_path(name, quick=quick).read_text(encoding="utf-8")))


def _measure(study: Study, name: str, *, quick: bool) -> Outcome:
    """Score a variant out of fold and measure it, every article weighed as with the shipped settings."""
    _ = study.hints  # made before the clock starts
    began = perf_counter()
    scores = VARIANTS[name][1](study)
    seconds = perf_counter() - began
    fair = study.data.fair[study.data.learn]
    weight = fair_weight(scores, fair) if name == SHIPPED else np.array(_read(SHIPPED, quick=quick).weight)
    reached = quality(scores, study.decisions, study.fold, weight, study.config.fit.seed)
    predicted = predict_out_of_fold(scores, study.decisions, study.fold, weight)
    wanted = study.decisions == YES
    event = np.array([study.data.ids[i].startswith(_EVENTS) for i in study.data.learn])
    wikinews, events = (
        float(f1((predicted & wanted)[drawn].sum(), predicted[drawn].sum(), wanted[drawn].sum()))
        if drawn.any()
        else None
        for drawn in (fair & ~event, fair & event)
    )
    return Outcome(
        micro_f1=reached.micro_f1,
        macro_f1=reached.macro_f1,
        average_precision=reached.average_precision,
        drawn=reached.drawn.tolist(),
        wikinews=wikinews,
        events=events,
        seconds=seconds,
        weight=weight.tolist() if name == SHIPPED else [],
    )


def _write(study: Study, *, quick: bool) -> None:
    measured = [name for name in VARIANTS if _path(name, quick=quick).exists()]
    shipped = _read(SHIPPED, quick=quick)
    head = ("", "micro-F1", "macro-F1", "mAP", "Wikinews", "events", "better in", "seconds", "verdict")
    missing = [VARIANTS[name][0] for name in VARIANTS if name not in measured]
    parts = [
        markdown(head, [_row(name, _read(name, quick=quick), shipped) for name in measured]),
        *([f"Not measured: {'; '.join(missing)}."] if missing else []),
        f"{study.count:,} articles to learn from, {len(study.data.others):,} others of which the labels are known, "
        f"{len(study.topics)} topics, {study.config.fit.folds} folds.",
        _ABOUT,
        *([] if quick else [_LEARNED]),
    ]
    write("ablation", "Ablation", parts, quick=quick)


def _row(name: str, result: Outcome, shipped: Outcome) -> tuple[str, ...]:
    share = result.better_than(shipped)
    verdict = "better" if share >= _BETTER else "worse" if share <= 1 - _BETTER else "no sure difference"
    figures = (result.micro_f1, result.macro_f1, result.average_precision, result.wikinews, result.events)
    return (
        f"{VARIANTS[name][0]} (`{name}`)",
        *("–" if value is None else f"{100 * value:.1f}" for value in figures),
        "–" if name == SHIPPED else f"{100 * share:.0f} %",
        number(result.seconds),
        "shipped" if name == SHIPPED else verdict,
    )


_ABOUT = """\
In percent, out of fold, in training's own folds. One thing is changed in each row, the rest is as shipped
(`training/news-en.toml`). Cut-offs are those of the other folds; articles are weighed back to a fair sample as with the
shipped settings. mAP is the mean over topics of the average precision, which needs no cut-offs. Wikinews, events:
micro-F1 of the articles and of the events that were drawn at random. "Better in": the share of 500 paired bootstrap
draws in which micro-F1 + macro-F1 is above that of the shipped settings; from 95 % on it counts as better, up to 5 %
as worse. Seconds do not include the shipped matrix and hints where they are taken over. Nothing here has seen
the gold articles or those held out."""

_LEARNED = """\
What stayed: hinge loss with C 1, the log-count ratio to the power 0.4, hints from the corpora's labels, and a heavy
title. What did not: characters beside the words gain as much as the title's weight did, but a character n-gram is no
evidence that an editor can read, and it doubles the time to tag; self-training and hints from the corpora's own
labels alone gain no more than chance does; class weights, feature selection, cleaning of labels, corpora in the fit
and logistic loss lose. Near duplicates and BM25 make no difference."""
