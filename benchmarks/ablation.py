"""What each part of the default model's training brings, and what was tried and left out, by cross-validation.

Every variant is scored out of fold on the articles decided by hand that training learns from, in training's own folds.
What loses lives here and nowhere else.
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

from benchmarks.articles import INVENTED
from benchmarks.table import VAR, markdown, number, say, write
from models.taxonomy import load_taxonomy
from training.__main__ import corpus_folder
from training.calibrate import calibrate, fair_weight
from training.config import FitSettings, load_config
from training.cross_validate import quality
from training.fit import Hints, count_ratios, fit_without, learnable
from training.label_models import LEAST_ARTICLES, label_hints
from training.labels import NO, OPEN, YES
from training.split import stratified_folds
from training.training_set import TrainingSet, read_training_set
from training.vectorize import NgramVectorizer

Floats = NDArray[np.float64]
Decisions = NDArray[np.int8]

_FIT = load_config().fit
_SVM = LinearSVC(C=_FIT.C, dual=True, random_state=_FIT.seed, max_iter=2000)

SHIPPED = "shipped"
_EVENTS = "wpce"
"""The ids of events begin with it."""

_BETTER = 0.95
"""Share of the draws from which a variant is better; below the rest of it, it is worse."""

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
        return self.vectorizer().fit_transform(self.texts)

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
        return self.data.labels[self.data.others]

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
    """Return the invented articles of the tests, one in four as if decided by hand; in three folds."""
    study.config = replace(
        study.config, corpora=(str(INVENTED),), hand_labels=(), fit=replace(study.config.fit, folds=3)
    )
    data = read_training_set(study.config, load_taxonomy(), corpus_folder())
    return replace(data, by_hand=np.arange(len(data.ids)) % 4 == 0)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a variant's classifiers are fitted, where `training.fit` does not know how.

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


def cross_fit(X: sp.csr_matrix, hinted: Floats | None, said: Decisions, fold: NDArray[np.int64], fit: Fit) -> Floats:
    """Score articles out of fold: float64, shape (articles, topics); those of fold -1 are in every fit, and come last.

    At `Fit()` it does what `training.fit.fit_without` does at the shipped settings.
    """
    scores = np.zeros((int((fold >= 0).sum()), said.shape[1]))
    parts = range(fold.max() + 1)
    jobs = (delayed(_fit_one)(X, hinted, said[:, i], fold, i, k, fit) for i in range(said.shape[1]) for k in parts)
    for topic, part, found in Parallel(n_jobs=-1, return_as="generator_unordered", max_nbytes="1M")(jobs):
        scores[np.flatnonzero(fold == part), topic] = found
    return scores


def _fit_one(
    X: sp.csr_matrix, hinted: Floats | None, said: Decisions, fold: NDArray[np.int64], topic: int, part: int, fit: Fit
) -> tuple[int, int, Floats]:
    learned = (said != OPEN) & (fold != part)
    if fit.doubtful is not None:
        learned &= ~fit.doubtful[part, :, topic]
    rows, tested = np.flatnonzero(learned), np.flatnonzero(fold == part)
    seen, own = X[rows], fold[rows] >= 0
    scale = count_ratios(seen[own], said[rows][own]) ** _FIT.count_ratio
    if fit.best is not None:
        scale[np.argsort(np.nan_to_num(chi2(seen, said[rows])[0]))[: -fit.best]] = 0
    scaled = seen.data * scale[seen.indices]
    scale *= np.sqrt(seen.data @ seen.data / max(scaled @ scaled, 1e-12))

    def matrix(places: NDArray[np.int64]) -> sp.csr_matrix:
        own_words = X[places]
        own_words.data *= scale[own_words.indices]
        return own_words if hinted is None else sp.hstack([own_words, sp.csr_matrix(hinted[places])], format="csr")

    weight = None if fit.weight is None else fit.weight[rows]
    classifier = clone(fit.classifier).fit(matrix(rows), said[rows], sample_weight=weight)
    return topic, part, classifier.decision_function(matrix(tested))


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
    for topic, part, weights, bias in fit_without(range(fit.folds), X, study.decisions, study.fold, fit, hints):
        mine = np.flatnonzero(study.fold == part)
        scores[mine, topic] = X[mine] @ weights + bias
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
    found = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=3, max_features=100_000
    ).fit_transform(texts)
    both = sp.hstack([study.ngrams[: study.count], found], format="csr") * np.sqrt(0.5)
    return _fitted(study, Fit(), both)


def _corpora_in_the_fit(study: Study, most: int = 20_000, weight: float = 0.02) -> Floats:
    """Learn the topics from the others too, as the label maps decide them, and take no hints."""
    others = _some_others(study, most)
    X = sp.vstack([study.ngrams[: study.count], study.ngrams[study.count + others]], format="csr")
    said = np.vstack([study.decisions, study.labels[others][:, study.topics]])
    fold = np.append(study.fold, np.full(len(others), -1))
    return cross_fit(X, None, said, fold, Fit(weight=np.where(fold < 0, weight, 1.0)))


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
    fits = fit_without(range(len(soft)), own, study.decisions, study.fold, study.config.fit, hints)
    for topic, part, weights, bias in fits:
        soft[part, :, topic] = expit(_SLOPE * (more @ weights + bias) + _OFFSET)
    jobs = (
        delayed(_fit_softly)(X, hinted, study.decisions[:, i], fold, i, part, weight, soft[part, :, i])
        for i in range(len(study.topics))
        for part in range(len(soft))
    )
    scores = np.zeros(study.decisions.shape)
    for topic, part, found in Parallel(n_jobs=-1, return_as="generator_unordered", max_nbytes="1M")(jobs):
        scores[study.fold == part, topic] = found
    return scores


def _fit_softly(
    X: sp.csr_matrix,
    hinted: Floats,
    said: Decisions,
    fold: NDArray[np.int64],
    topic: int,
    part: int,
    weight: float,
    soft: Floats,
) -> tuple[int, int, Floats]:
    """Fit with every other article as a yes and as a no, each as heavy as it is likely, and none that hardly is."""
    likely = np.concatenate((soft, 1 - soft))
    sides = np.repeat([YES, NO], len(soft)).astype(np.int8)
    labels = np.append(said, np.where(likely > 0.02, sides, OPEN)).astype(np.int8)
    weights = np.append(np.ones(len(said)), weight * likely)
    return _fit_one(X, hinted, labels, fold, topic, part, Fit(weight=weights))


def _some_others(study: Study, most: int) -> NDArray[np.int64]:
    """Return the places of some of the others, at most half of them."""
    count = len(study.data.others)
    return np.sort(np.random.default_rng(0).permutation(count)[: min(most, count // 2)])


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
}
"""By name: what it is, and how to score it; in the order of the table."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a variant reached.

    Attributes:
        micro_f1, macro_f1, average_precision, drawn: see `training.cross_validate.Quality`.
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

    def better_than(self, other: "Found") -> float:
        """Return in which share of the draws it is the better one; where both are as good, half a draw."""
        return float((1 + np.sign(np.subtract(self.drawn, other.drawn))).mean() / 2)


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure what `only` names, or all that has not been measured yet, and write `ablation.md` from all that has been.

    Raises:
        ValueError: a name in `only` is no variant.
    """
    unknown = [name for name in only if name not in VARIANTS]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; variants are {', '.join(VARIANTS)}")
    study = Study(quick=quick)
    names = [name for name in VARIANTS if (name in only if only else not _path(name, quick=quick).exists())]
    if SHIPPED not in names and not _path(SHIPPED, quick=quick).exists():
        names.insert(0, SHIPPED)
    for name in names:
        found = _measure(study, name, quick=quick)
        _path(name, quick=quick).write_text(json.dumps(asdict(found)), encoding="utf-8")
        say(f"{name}: micro-F1 {found.micro_f1:.4f}, macro-F1 {found.macro_f1:.4f}, {number(found.seconds)} s")
    _write(study, quick=quick)


def _path(name: str, *, quick: bool) -> Path:
    folder = VAR / ("ablation-quick" if quick else "ablation")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.json"


def _read(name: str, *, quick: bool) -> Found:
    return Found(**json.loads(_path(name, quick=quick).read_text(encoding="utf-8")))


def _measure(study: Study, name: str, *, quick: bool) -> Found:
    """Score a variant out of fold and measure it, every article weighed as with the shipped settings."""
    _ = study.hints  # made before the clock starts
    began = perf_counter()
    scores = VARIANTS[name][1](study)
    seconds = perf_counter() - began
    fair = study.data.fair[study.data.learn]
    weight = fair_weight(scores, fair) if name == SHIPPED else np.array(_read(SHIPPED, quick=quick).weight)
    reached = quality(scores, study.decisions, study.fold, weight, study.config.fit.seed)
    hits, sizes = _hits(study, scores, weight)
    event = np.array([study.data.ids[i].startswith(_EVENTS) for i in study.data.learn])
    wikinews, events = (
        float(2 * hits[some].sum() / sizes[some].sum()) if some.any() else None
        for some in (fair & ~event, fair & event)
    )
    return Found(
        micro_f1=reached.micro_f1,
        macro_f1=reached.macro_f1,
        average_precision=reached.average_precision,
        drawn=reached.drawn.tolist(),
        wikinews=wikinews,
        events=events,
        seconds=seconds,
        weight=weight.tolist() if name == SHIPPED else [],
    )


def _hits(study: Study, scores: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return of each article how many topics are hit, and how many are given and wanted, at cut-offs of other folds."""
    hits, sizes = np.zeros(study.count), np.zeros(study.count)
    for part in range(study.config.fit.folds):
        rest, mine = study.fold != part, study.fold == part
        lines = calibrate(scores[rest], study.decisions[rest], weight[rest], study.config.fit.precision_target)
        slope, offset, cut_off = np.array([(line.slope, line.offset, line.suggest) for line in lines]).T
        given = expit(slope * scores[mine] + offset) >= cut_off
        wanted = study.decisions[mine] == YES
        hits[mine], sizes[mine] = (given & wanted).sum(axis=1), given.sum(axis=1) + wanted.sum(axis=1)
    return hits, sizes


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


def _row(name: str, found: Found, shipped: Found) -> tuple[str, ...]:
    share = found.better_than(shipped)
    verdict = "better" if share >= _BETTER else "worse" if share <= 1 - _BETTER else "no sure difference"
    figures = (found.micro_f1, found.macro_f1, found.average_precision, found.wikinews, found.events)
    return (
        f"{VARIANTS[name][0]} (`{name}`)",
        *("–" if value is None else f"{100 * value:.1f}" for value in figures),
        "–" if name == SHIPPED else f"{100 * share:.0f} %",
        number(found.seconds),
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
