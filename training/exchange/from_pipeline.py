"""Turn an existing TF-IDF linear pipeline of scikit-learn into a model.

This is the only module that unpickles, and unpickling runs whatever code the file holds: import only files you trust.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from tagdesk.models import kernel
from tagdesk.models.calibration import Calibration
from tagdesk.models.features import Features, FeatureSettings
from tagdesk.models.reading import normal_form
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.reading.normal_form import LATEST
from tagdesk.models.taxonomy import Taxonomy, Topic
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.errors import TrainingError
from tagdesk.training.exchange.to_pipeline import OWN_WORDS, as_read

_EQUAL = 1e-5
_NEARLY_EQUAL = 0.01


class ImportRefused(TrainingError):
    """A pipeline cannot be folded into a bundle."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A pipeline as a model, and how close it comes.

    Attributes:
        model: the model, still without a version.
        ngrams: its n-grams in row order.
        difference: largest difference of a raw score on the sample texts, as a fraction of the largest score there.
        notes: remarks for the user.
    """

    model: TopicModel
    ngrams: list[str]
    difference: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Linear:
    """A linear classifier.

    Attributes:
        classes: the topics, in the order of the columns.
        weights: shape (features, topics).
        bias: shape (topics,).
        slopes, offsets: of Platt's line from score to log-odds, shape (topics,).
    """

    classes: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    slopes: NDArray[np.float64]
    offsets: NDArray[np.float64]


def load_pipeline(path: Path) -> Pipeline:
    """Unpickle a pipeline. This runs code from the file.

    Raises:
        ImportRefused: it cannot be read, or is no pipeline.
    """
    try:
        pipeline = joblib.load(path)
    except Exception as error:
        raise ImportRefused(f"cannot unpickle {path}: {type(error).__name__}: {error}") from error
    if not isinstance(pipeline, Pipeline):
        raise ImportRefused(f"{path} holds a {type(pipeline).__name__}, not a scikit-learn Pipeline")
    return pipeline


def fold(pipeline: Pipeline, name: str, texts: Sequence[str]) -> Folded:
    """Fold a fitted TF-IDF linear pipeline into a model, and compare the two on sample texts.

    Args:
        pipeline: TfidfVectorizer, CountVectorizer + TfidfTransformer or HashingVectorizer (with or without
            TfidfTransformer), then LogisticRegression, LinearSVC, SGDClassifier, OneVsRestClassifier of them, or
            CalibratedClassifierCV (sigmoid, ensemble=False) of them.
        name: the model's name.
        texts: plain texts to compare on. A HashingVectorizer keeps no n-grams: the model gets those of the texts.

    Raises:
        ImportRefused: naming what cannot be folded, or how much the scores differ.
    """
    *vectorizers, classifier = (step for _, step in pipeline.steps if step not in (None, "passthrough"))
    linear = _linear(classifier)
    features, ngrams, weights, notes = _features(vectorizers, linear.weights, texts)
    ids = _ids(linear.classes)
    model = TopicModel(
        name=name,
        version="draft",
        taxonomy=Taxonomy(name, tuple(map(Topic, ids, linear.classes))),
        features=features,
        weights=weights.astype(np.float32),
        bias=linear.bias.astype(np.float32),
        calibrations=tuple(
            Calibration(slope, offset, suggest=0.5)
            for slope, offset in zip(linear.slopes.tolist(), linear.offsets.tolist(), strict=True)
        ),
    )
    difference = _difference(model, vectorizers, linear, texts)
    allowed = _NEARLY_EQUAL if isinstance(vectorizers[0], HashingVectorizer) else _EQUAL
    if difference > allowed:
        raise ImportRefused(
            f"the model's scores on the sample texts are off by up to {difference:.2g} of the largest: not imported"
        )
    return Folded(model, ngrams, difference, notes)


def sample_texts(pipeline: Pipeline) -> list[str]:
    """Return texts made of a pipeline's own n-grams, mixed with an unknown word; none for a HashingVectorizer."""
    vocabulary = sorted(getattr(pipeline.steps[0][1], "vocabulary_", {}))
    random = np.random.default_rng(0)
    words = [*vocabulary, "qqunknownqq"]
    return [" ".join(random.choice(words, size=random.integers(1, 300))) for _ in range(200)] if vocabulary else []


def imported_card(model: TopicModel, folded: Folded) -> str:
    """Write the card of an imported model, Markdown."""
    notes = "".join(f"\n- {note}" for note in folded.notes)
    return (
        f"# {model.ref}\n\nFolded from a scikit-learn pipeline: {len(folded.ngrams):,} word n-grams, "
        f"{len(model.taxonomy)} topics. On sample texts its scores differ from the pipeline's by at most "
        f"{folded.difference:.1e}. Nothing was measured: topics are returned from a confidence of 0.5, and none has an "
        f"`auto` band.\n{notes}"
    )


def _difference(model: TopicModel, vectorizers: Sequence[Any], linear: _Linear, texts: Sequence[str]) -> float:
    X: Any = texts
    for step in vectorizers:
        X = step.transform(X)
    expected = X @ linear.weights + linear.bias
    actual, _ = model.scores([ArticleText("", text, "body", None, ()) for text in texts])
    largest = max(1.0, float(np.abs(expected).max(initial=0.0)))
    return float(np.abs(actual.reshape(expected.shape) - expected).max(initial=0.0)) / largest


def _ids(classes: Sequence[str]) -> list[str]:
    ids = [re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:64] or "topic" for name in classes]
    if len(set(ids)) < len(ids):
        raise ImportRefused(f"classes {', '.join(classes)} do not have distinct names in a-z, 0-9, '.', '_', '-'")
    return ids


def _linear(classifier: Any) -> _Linear:
    """Read the weights of a fitted classifier.

    Raises:
        ImportRefused: it is not a linear classifier that can be folded.
    """
    if isinstance(classifier, OneVsRestClassifier):
        parts = [_linear(estimator) for estimator in classifier.estimators_]
        return _Linear(
            classes=tuple(map(str, classifier.classes_)),
            weights=np.column_stack([part.weights[:, -1] for part in parts]),
            bias=np.array([part.bias[-1] for part in parts]),
            slopes=np.array([part.slopes[-1] for part in parts]),
            offsets=np.array([part.offsets[-1] for part in parts]),
        )
    if isinstance(classifier, CalibratedClassifierCV):
        return _calibrated(classifier)
    if not isinstance(classifier, LogisticRegression | LinearSVC | SGDClassifier):
        raise ImportRefused(f"{type(classifier).__name__} is not a linear classifier that can be folded")
    weights, bias = classifier.coef_.T, np.broadcast_to(classifier.intercept_, len(classifier.coef_))
    if weights.shape[1] == 1:  # two classes: the weights of one are the negative of the other's
        weights, bias = np.hstack((-weights, weights)), np.concatenate((-bias, bias))
    ones = np.ones(len(bias))
    return _Linear(tuple(map(str, classifier.classes_)), weights, bias, ones, np.zeros(len(bias)))


def _calibrated(classifier: Any) -> _Linear:
    calibrated = classifier.calibrated_classifiers_
    if len(calibrated) != 1:
        raise ImportRefused(
            f"CalibratedClassifierCV averages {len(calibrated)} classifiers, which no single linear model equals: "
            "fit it again with ensemble=False"
        )
    (whole,) = calibrated
    if whole.method != "sigmoid":
        raise ImportRefused(f"calibration {whole.method!r} cannot be folded, only 'sigmoid' can: fit it again")
    base = _linear(whole.estimator)
    slopes = np.array([-calibrator.a_ for calibrator in whole.calibrators])
    offsets = np.array([-calibrator.b_ for calibrator in whole.calibrators])
    if len(slopes) == 1:
        slopes, offsets = np.repeat(slopes, 2), np.concatenate((-offsets, offsets))
    if (slopes <= 0).any():
        raise ImportRefused("the calibration of a class falls as its score rises: it cannot be folded")
    return _Linear(base.classes, base.weights, base.bias, slopes, offsets)


def _features(
    vectorizers: Sequence[Any], weights: NDArray[np.float64], texts: Sequence[str]
) -> tuple[Features, list[str], NDArray[np.float64], tuple[str, ...]]:
    """Return features, n-grams in row order, the weights in that order, and notes."""
    if not vectorizers or not isinstance(vectorizers[0], CountVectorizer | HashingVectorizer):
        raise ImportRefused("the first step must be TfidfVectorizer, CountVectorizer or HashingVectorizer")
    first, *others = vectorizers
    _check_words(first)
    transformer = _transformer(first, others)
    settings = FeatureSettings(
        shortest=first.ngram_range[0],
        longest=first.ngram_range[1],
        sublinear_tf=bool(transformer is not None and transformer.sublinear_tf),
        reading=LATEST if first.preprocessor is as_read else 1,
    )
    columns, signs, notes = _columns(first, texts)
    hashes = {ngram: hash_ for ngram in sorted(columns) if (hash_ := _hash(ngram, settings)) is not None}
    ngrams = list(hashes)
    order = np.array([columns[ngram] for ngram in ngrams])
    sign = np.array([signs(ngram) for ngram in ngrams])
    idf = np.ones(len(ngrams))
    if transformer is not None and transformer.use_idf:
        idf = transformer.idf_[order]
    features = Features(settings, np.array(list(hashes.values()), np.uint64), idf.astype(np.float32))
    return features, ngrams, weights[order] * sign[:, None], notes


def _transformer(first: Any, others: Sequence[Any]) -> Any:
    """Return the TF-IDF step, or None for a HashingVectorizer alone."""
    if isinstance(first, TfidfVectorizer) and not others:
        transformer: Any = first._tfidf
    elif len(others) == 1 and isinstance(others[0], TfidfTransformer):
        transformer = others[0]
        if isinstance(first, HashingVectorizer) and first.norm is not None and transformer.sublinear_tf:
            raise ImportRefused("sublinear_tf after a HashingVectorizer's own norm cannot be folded: set norm=None")
    elif isinstance(first, HashingVectorizer) and not others:
        transformer = None
    else:
        raise ImportRefused("between a CountVectorizer and the classifier there must be one TfidfTransformer")
    if (first if transformer is None else transformer).norm != "l2":
        raise ImportRefused("only norm='l2' can be folded")
    return transformer


def _check_words(vectorizer: Any) -> None:
    """Refuse a vectorizer that tokenizes differently from the kernel: neither as scikit-learn does, nor as `as_read`.

    Raises:
        ImportRefused: naming every parameter at fault.
    """
    wanted = {
        "analyzer": "word",
        "lowercase": True,
        "tokenizer": None,
        "preprocessor": None,
        "strip_accents": None,
        "token_pattern": r"(?u)\b\w\w+\b",
        "binary": False,
        "input": "content",
        **(OWN_WORDS if vectorizer.preprocessor is as_read else {}),
    }
    faults = [
        f"{name}={getattr(vectorizer, name)!r}" for name, value in wanted.items() if getattr(vectorizer, name) != value
    ]
    if vectorizer.stop_words is not None and (
        tuple(vectorizer.ngram_range) != (1, 1) or isinstance(vectorizer, HashingVectorizer)
    ):
        faults.append("stop_words with n-grams over the gaps they leave")
    if vectorizer.ngram_range[1] > 5:
        faults.append(f"ngram_range={vectorizer.ngram_range!r}")
    if faults:
        raise ImportRefused(f"the vectorizer cannot be folded: {', '.join(faults)}")


def _columns(first: Any, texts: Sequence[str]) -> tuple[dict[str, int], Callable[[str], float], tuple[str, ...]]:
    """Return each n-gram's column in the pipeline, the sign of its value there, and notes."""
    if not isinstance(first, HashingVectorizer):
        return first.vocabulary_, lambda _: 1.0, ()
    analyze = first.build_analyzer()
    ngrams = sorted({ngram for text in texts for ngram in analyze(text)})
    if not ngrams:
        raise ImportRefused("a HashingVectorizer keeps no n-grams: give --texts, a corpus to take them from")
    single = HashingVectorizer(
        analyzer=_alone, n_features=first.n_features, alternate_sign=first.alternate_sign, norm=None
    )
    hashed = single.transform(ngrams).tocoo()
    columns = dict(zip((ngrams[i] for i in hashed.row), hashed.col.tolist(), strict=True))
    signs = dict(zip((ngrams[i] for i in hashed.row), hashed.data.tolist(), strict=True))
    note = f"the model knows the {len(ngrams):,} n-grams of the texts given; the pipeline's hashing keeps none"
    return columns, signs.__getitem__, (note,)


def _alone(ngram: str) -> list[str]:
    return [ngram]


def _hash(ngram: str, settings: FeatureSettings) -> int | None:
    """Return an n-gram's hash, or None for an entry of a custom vocabulary that no text can contain."""
    codes = kernel.code_points(ngram)
    hashes, starts, ends, _ = kernel.ngrams(
        codes, normal_form.word_table(settings.reading), settings.shortest, settings.longest
    )
    whole = np.flatnonzero((starts == 0) & (ends == len(ngram)))
    return int(hashes[whole[0]]) if len(whole) and ngram == ngram.lower() else None
