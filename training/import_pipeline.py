"""An existing TF-IDF linear pipeline of scikit-learn as a model.

This is the only place that unpickles, and unpickling runs whatever code the file holds: import only files you trust.
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

from models import kernel
from models.article import ArticleText
from models.calibration import Calibration
from models.features import Features, FeatureSettings
from models.taxonomy import Taxonomy, Topic
from models.topic_model import TopicModel
from training.errors import TrainingError

_EQUAL = 1e-5
_NEARLY_EQUAL = 0.01


class ImportRefused(TrainingError):
    """A pipeline cannot be folded into a bundle."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A pipeline as a model, and how near it comes.

    Attributes:
        model: the model, still without a version.
        ngrams: its n-grams in row order.
        difference: largest difference of a raw score on the sample texts, as a part of the largest score there.
        notes: what the user should know.
    """

    model: TopicModel
    ngrams: list[str]
    difference: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Linear:
    """A linear classifier: a column a topic, and Platt's line per topic."""

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
        found = joblib.load(path)
    except Exception as error:
        raise ImportRefused(f"cannot unpickle {path}: {type(error).__name__}: {error}") from error
    if not isinstance(found, Pipeline):
        raise ImportRefused(f"{path} holds a {type(found).__name__}, not a scikit-learn Pipeline")
    return found


def fold(pipeline: Pipeline, name: str, texts: Sequence[str]) -> Folded:
    """Fold a fitted TF-IDF linear pipeline into a model, and compare the two on sample texts.

    Args:
        pipeline: TfidfVectorizer, CountVectorizer + TfidfTransformer or HashingVectorizer (with or without
            TfidfTransformer), then LogisticRegression, LinearSVC, SGDClassifier, OneVsRestClassifier of them, or
            CalibratedClassifierCV (sigmoid, ensemble=False) of them.
        name: the model's name.
        texts: plain texts to compare on. A HashingVectorizer keeps no n-grams: those of the texts are the model's.

    Raises:
        ImportRefused: naming what cannot be folded, or how far the two are apart.
    """
    *vectorizers, classifier = (step for _, step in pipeline.steps if step not in (None, "passthrough"))
    linear = _linear(classifier)
    features, ngrams, weights, notes = _features(vectorizers, linear.weights, texts)
    ids = _ids(linear.classes)
    model = TopicModel(
        name=name,
        version="draft",
        taxonomy=Taxonomy(name, tuple(Topic(one, str(said)) for one, said in zip(ids, linear.classes, strict=True))),
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
            f"the model's scores are off by up to {difference:.2g} of the largest on the sample texts: not imported"
        )
    return Folded(model, ngrams, difference, notes)


def sample_texts(pipeline: Pipeline) -> list[str]:
    """Return texts made of a pipeline's own n-grams, known and unknown words mixed; none for a HashingVectorizer."""
    vocabulary = sorted(getattr(pipeline.steps[0][1], "vocabulary_", {}))
    random = np.random.default_rng(0)
    words = [*vocabulary, "qqunknownqq"]
    return [" ".join(random.choice(words, size=random.integers(1, 300))) for _ in range(200)] if vocabulary else []


def imported_card(model: TopicModel, folded: Folded) -> str:
    """Write the card of an imported model, Markdown."""
    notes = "".join(f"\n- {note}" for note in folded.notes)
    return (
        f"# {model.ref}\n\nFolded from a scikit-learn pipeline: {len(folded.ngrams):,} word n-grams, "
        f"{len(model.taxonomy)} topics. Its scores differ by {folded.difference:.1e} at most from the pipeline's on "
        f"sample texts. Nothing was measured: topics are returned from a confidence of 0.5, and none has an "
        f"`auto` band.\n{notes}"
    )


def _difference(model: TopicModel, vectorizers: Sequence[Any], linear: _Linear, texts: Sequence[str]) -> float:
    X: Any = texts
    for step in vectorizers:
        X = step.transform(X)
    expected = X @ linear.weights + linear.bias
    got, _ = model.scores([ArticleText("", text, "body", None, ()) for text in texts])
    largest = max(1.0, float(np.abs(expected).max(initial=0.0)))
    return float(np.abs(got.reshape(expected.shape) - expected).max(initial=0.0)) / largest


def _ids(classes: Sequence[str]) -> list[str]:
    ids = [re.sub(r"[^a-z0-9._-]+", "-", str(one).lower()).strip("-._")[:64] or "topic" for one in classes]
    if len(set(ids)) < len(ids):
        raise ImportRefused(
            f"classes {', '.join(map(str, classes))} do not have distinct names in a-z, 0-9, '.', '_', '-'"
        )
    return ids


def _linear(classifier: Any) -> _Linear:
    """Read the weights of a fitted classifier.

    Raises:
        ImportRefused: it is no linear classifier that can be folded.
    """
    if isinstance(classifier, OneVsRestClassifier):
        parts = [_linear(one) for one in classifier.estimators_]
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
    if weights.shape[1] == 1:  # two classes: the one weighs as the other does, the other way round
        weights, bias = np.hstack((-weights, weights)), np.concatenate((-bias, bias))
    ones = np.ones(len(bias))
    return _Linear(tuple(map(str, classifier.classes_)), weights, bias, ones, np.zeros(len(bias)))


def _calibrated(classifier: Any) -> _Linear:
    found = classifier.calibrated_classifiers_
    if len(found) != 1:
        raise ImportRefused(
            f"CalibratedClassifierCV averages {len(found)} classifiers, which no single linear model equals: "
            "fit it again with ensemble=False"
        )
    if found[0].method != "sigmoid":
        raise ImportRefused(f"calibration {found[0].method!r} cannot be folded, only 'sigmoid' can: fit it again")
    base = _linear(found[0].estimator)
    slopes = np.array([-one.a_ for one in found[0].calibrators])
    offsets = np.array([-one.b_ for one in found[0].calibrators])
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
    )
    columns, signs, notes = _columns(first, texts)
    spelled = {ngram: found for ngram in sorted(columns) if (found := _hash(ngram, settings)) is not None}
    ngrams = list(spelled)
    order = np.array([columns[ngram] for ngram in ngrams])
    sign = np.array([signs(ngram) for ngram in ngrams])
    idf = np.ones(len(ngrams))
    if transformer is not None and transformer.use_idf:
        idf = transformer.idf_[order]
    features = Features(settings, np.array(list(spelled.values()), np.uint64), idf.astype(np.float32))
    return features, ngrams, weights[order] * sign[:, None], notes


def _transformer(first: Any, others: Sequence[Any]) -> Any:
    """Return the TF-IDF step, or None for a HashingVectorizer alone."""
    if isinstance(first, TfidfVectorizer) and not others:
        found: Any = first._tfidf
    elif len(others) == 1 and isinstance(others[0], TfidfTransformer):
        found = others[0]
        if isinstance(first, HashingVectorizer) and first.norm is not None and found.sublinear_tf:
            raise ImportRefused("sublinear_tf after a HashingVectorizer's own norm cannot be folded: set norm=None")
    elif isinstance(first, HashingVectorizer) and not others:
        found = None
    else:
        raise ImportRefused("between a CountVectorizer and the classifier there must be one TfidfTransformer")
    if (first if found is None else found).norm != "l2":
        raise ImportRefused("only norm='l2' can be folded")
    return found


def _check_words(vectorizer: Any) -> None:
    """Refuse a vectorizer that finds other words than the kernel does.

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
    note = f"the model knows the {len(ngrams):,} n-grams of the texts given; the pipeline's hashing keeps no others"
    return columns, signs.__getitem__, (note,)


def _alone(ngram: str) -> list[str]:
    return [ngram]


def _hash(ngram: str, settings: FeatureSettings) -> int | None:
    """Return an n-gram's hash, or None where it is of a vocabulary made by hand and no text ever has it."""
    codes = kernel.code_points(ngram)
    hashes, starts, ends, _ = kernel.ngrams(codes, kernel.word_table(), settings.shortest, settings.longest)
    whole = np.flatnonzero((starts == 0) & (ends == len(ngram)))
    return int(hashes[whole[0]]) if len(whole) and ngram == ngram.lower() else None
