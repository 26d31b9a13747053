"""Teach the served model what editors decided, with nothing but its bundle and their corrections at hand.

A topic's log-odds become z + x · u + v, with z those of the served model. The change is found by logistic regression
with z as the offset and a Gaussian prior about u = 0, v = 0, the served weights. A priori a word's weight changes the
more the more it says already of any topic, and the less the more articles have it: what moves a common word, or the
bias, moves every article, and the served model has seen enough of those.

Everything is worked out in the space of the corrected articles, of which there are fewer than words: one eigenvalue
decomposition serves all topics, folds and strengths.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.article import ArticleText
from models.calibration import Calibration
from models.features import Features
from models.topic_model import TopicModel
from training.calibrate import LEAN, LEAST_F1, PLAIN_NO, auto_cut_off, platt, suggest_cut_off
from training.errors import TrainingError
from training.labels import YES
from training.progress import progress
from training.split import stratified_folds
from training.vectorize import NgramVectorizer

STRENGTHS = (1.0, 0.3, 0.1, 0.05, 0.02, 0.01, 0.005)
"""Strengths of the prior that are tried, the strongest first."""

STIFFNESS = 300.0
"""A word's prior variance is ‖its weights‖² / (1 + STIFFNESS · share of articles that have it)."""

BIAS_VARIANCE = 0.001
"""Where the words' is 1 on average."""

LINE_SPREAD = (0.05, 0.1)
"""Standard deviations of a confidence's log slope and offset about the old ones, which rest on all of the training."""

FEWEST, MOST = 20, 4_000
"""Fewer corrected articles leave nothing to choose a strength by; of more the latest are used: that many train anew."""

_FOLDS = 5
_ENOUGH = 1e-7  # of the loss: a fit that another step makes better by less is done

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Adapted:
    """A model that has learned from corrections.

    Attributes:
        model: the new one, of the old one's name and version.
        strength: that of the prior, chosen by cross-validation.
        losses: mean log-loss out of fold at every strength tried, and of the old model under the last, infinity.
        scores: out-of-fold raw scores of the corrected articles, float64, shape (articles, topics).
    """

    model: TopicModel
    strength: float
    losses: dict[float, float]
    scores: _Floats


def adapt(
    model: TopicModel,
    names: Sequence[str],
    texts: Sequence[ArticleText],
    decisions: NDArray[np.int8],
    targets: Sequence[float],
) -> Adapted:
    """Adapt a model to corrections.

    Args:
        model: the model; its n-grams and topics stay.
        names: of the corrected articles, which deal the folds; near duplicates share one.
        texts: what is read of them.
        decisions: yes or no, int8, shape (articles, topics).
        targets: the precision that the `auto` band of each topic promises.

    Raises:
        TrainingError: there are too few.
    """
    if len(names) < FEWEST:
        raise TrainingError(f"{len(names)} corrected articles to learn from: from {FEWEST} on a model can be adapted")
    slopes, offsets = _lines(model)
    X = tf_idf(model.features, texts)
    W = np.asarray(model.weights, np.float64)
    odds = (X @ W + model.bias) * slopes + offsets
    yes = (decisions == YES).astype(np.float64)
    fold = stratified_folds(names, decisions == YES, _FOLDS, 0)
    space = _Space.of(model, X)
    with threadpool_limits(2, "blas"):
        tried = _out_of_fold(space.basis, odds, yes, fold)
        losses = {strength: _loss(found, yes) for strength, found in (tried | {np.inf: odds}).items()}
        strength = min(losses, key=losses.__getitem__)
        if strength == np.inf:
            change, shift, found = np.zeros_like(W), np.zeros(len(slopes)), odds
        else:
            change, shift = space.change(_fit(space.basis, odds, yes, strength))
            found = tried[strength]
    scores = (found - offsets) / slopes
    return Adapted(
        model=replace(
            model,
            weights=(W + change / slopes).astype(np.float32),
            bias=(model.bias + shift / slopes).astype(np.float32),
            calibrations=recalibrate(model, scores, decisions, targets),
        ),
        strength=strength,
        losses=losses,
        scores=scores,
    )


def tf_idf(features: Features, texts: Sequence[ArticleText]) -> sp.csr_matrix:
    """Return the TF-IDF matrix of texts over a model's own n-grams, float64, shape (texts, n-grams)."""
    settings = features.settings
    vectorizer = NgramVectorizer(**{name: getattr(settings, name) for name in settings.__slots__})
    vectorizer.features_, vectorizer.ngrams_ = features, [""] * len(features.idf)  # transform only counts them
    return vectorizer.transform(texts)


@dataclass(frozen=True, slots=True, eq=False)
class _Space:
    """The changes that the corrected articles can tell anything of.

    Attributes:
        basis: of each article the coordinates, float64, shape (articles, rank); the prior is 1 in each.
        back: from coordinates to what each article adds to the change, shape (articles, rank).
        X: the articles, scaled by the words' standard deviations.
        scale: those, shape (n-grams,).
    """

    basis: _Floats
    back: _Floats
    X: sp.csr_matrix
    scale: _Floats

    @classmethod
    def of(cls, model: TopicModel, X: sp.csr_matrix) -> "_Space":
        told = np.maximum(np.linalg.norm(model.weights, axis=1).astype(np.float64), 1e-9)
        share = np.exp(1.0 - model.features.idf.astype(np.float64))
        scale = told / np.sqrt(1.0 + STIFFNESS * share)
        scale /= np.sqrt(np.average(scale**2, weights=share))
        scaled = X.multiply(scale).tocsr()
        values, vectors = np.linalg.eigh((scaled @ scaled.T).toarray() + BIAS_VARIANCE)
        kept = values > 1e-9 * values[-1]
        roots = np.sqrt(values[kept])
        return cls(vectors[:, kept] * roots, vectors[:, kept] / roots, scaled, scale)

    def change(self, coordinates: _Floats) -> tuple[_Floats, _Floats]:
        """Return the change of the weights and of the bias, in log-odds."""
        shares = self.back @ coordinates
        return np.asarray(self.X.T @ shares) * self.scale[:, None], BIAS_VARIANCE * shares.sum(axis=0)


def _lines(model: TopicModel) -> tuple[_Floats, _Floats]:
    slopes = np.array([one.slope for one in model.calibrations])
    return slopes, np.array([one.offset for one in model.calibrations])


def _fit(basis: _Floats, odds: _Floats, yes: _Floats, strength: float, start: _Floats | None = None) -> _Floats:
    """Return the coordinates of the change of every topic: float64, shape (rank, topics)."""
    shape = basis.shape[1], yes.shape[1]
    first = np.zeros(shape) if start is None else start

    def loss(flat: _Floats) -> tuple[float, _Floats]:
        now = odds + basis @ flat.reshape(shape)
        gradient = basis.T @ (expit(now) - yes) + strength * flat.reshape(shape)
        return float((np.logaddexp(0, now) - yes * now).sum() + strength / 2 * flat @ flat), gradient.ravel()

    found = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options={"ftol": _ENOUGH, "maxiter": 500})
    coordinates: _Floats = found.x.reshape(shape)
    return coordinates


def _out_of_fold(basis: _Floats, odds: _Floats, yes: _Floats, fold: NDArray[np.int64]) -> dict[float, _Floats]:
    """Return the log-odds of every article by models that have not seen it, for each strength."""
    found = {strength: odds.copy() for strength in STRENGTHS}
    for part in progress(range(_FOLDS), total=_FOLDS, what="trying strengths", unit="fold"):
        mine, start = fold == part, None
        for strength in STRENGTHS:  # each fit starts from the one before
            start = _fit(basis[~mine], odds[~mine], yes[~mine], strength, start)
            found[strength][mine] += basis[mine] @ start
    return found


def _loss(odds: _Floats, yes: _Floats) -> float:
    """Return the mean log-loss of an article, summed over its topics."""
    return float((np.logaddexp(0, odds) - yes * odds).sum(axis=1).mean())


def recalibrate(
    model: TopicModel, scores: _Floats, decisions: NDArray[np.int8], targets: Sequence[float]
) -> tuple[Calibration, ...]:
    """Refresh confidences and cut-offs by out-of-fold scores, leaning on the model's own where corrections are few."""
    return tuple(
        _refreshed(old, scores[:, topic], decisions[:, topic] == YES, target)
        for topic, (old, target) in enumerate(zip(model.calibrations, targets, strict=True))
    )


def _refreshed(old: Calibration, scores: _Floats, right: NDArray[np.bool_], target: float) -> Calibration:
    weight = np.ones(len(scores))
    doubtful = old.slope * scores + old.offset >= logit(PLAIN_NO)
    line = platt(scores[doubtful], right[doubtful], weight[doubtful], (old.slope, old.offset), LINE_SPREAD)
    confidences = expit(line[0] * scores + line[1])
    suggest = old.suggest
    if right.any() and not right.all():
        suggest = _leaning(suggest_cut_off(confidences, right, weight), confidences, right, old.suggest)
    auto = old.auto
    above = confidences >= (1.0 if auto is None else auto)
    if auto is None or right[above].sum() < target * above.sum():  # the old cut-off does not keep its promise here
        auto = auto_cut_off(confidences, right, weight, target)
    return Calibration(*line, suggest=suggest, auto=None if auto is None else max(auto, suggest))


def _leaning(own: float, confidences: _Floats, right: NDArray[np.bool_], old: float) -> float:
    """Return a cut-off between the F1-best one and the old one, as `training.calibrate` leans on that of all topics."""
    given = confidences >= own
    if 2 * (given & right).sum() < LEAST_F1 * (given.sum() + right.sum()):
        return old
    share = right.sum() / (right.sum() + LEAN)
    return float(expit(share * logit(own) + (1 - share) * logit(old)))
