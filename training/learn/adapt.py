"""Teach the served model what editors decided, from nothing but its bundle and their corrections.

A topic's log-odds become z + x · u + y · m + v, with z those of the served model, x the article's words and y the
served log-odds of all topics: a desk may see one topic in what was another's. All of it is linear in x, so it folds
back into one weight a word. The change is fitted by logistic regression with z as the offset and a Gaussian prior about
no change; where cross-validation does not find it surely better than none, there is none. A priori a word's weight
changes more, the more the word tells about any topic already, and less, the more articles have it: what moves a common
word, or the bias, moves every article.

Anchors, articles that the served model has learned from, hold it where editors decided nothing: the prior is that of a
Gaussian process in which the change of every topic was observed to be 0, with some noise, at each of them (Rasmussen
and Williams, "Gaussian Processes for Machine Learning", 2006, equation 2.24).

A topic on which no editor disagrees with the model is left as it is: answers of the model that were left alone tell
nothing about articles just beyond a cut-off. What nobody judged is open, and changes nothing.

This module leaves confidences and cut-offs alone: `tagdesk.training.retrain` computes them from all evidence, as
training does.

Everything is computed in the space of the corrected articles, which are fewer than the words: one eigendecomposition
serves all topics, folds and strengths.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tagdesk.models.topic_model import TopicModel
from tagdesk.progress import progress
from tagdesk.training.corpora.labels import OPEN, YES
from tagdesk.training.errors import TrainingError
from tagdesk.training.learn.split import stratified_folds

STRENGTHS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001, 0.00003)
"""Strengths of the prior that are tried, the strongest first."""

STIFFNESS = 300.0
"""A word's prior variance is ‖its weights‖ / (1 + STIFFNESS · share of articles that have it)."""

TOPICS_VARIANCE = 0.01
BIAS_VARIANCE = 0.001
"""Prior variances where that of the words is 1 on average: of what one topic's log-odds add to another's, and of the
bias."""

NOISES = (1.0, 10.0, 100.0, np.inf)
"""Variances that are tried for the noise with which the change is observed to be 0 at each anchor, on the prior's own
scale; the last stands for no anchors. A desk that disagrees with the anchors' labels must get its way."""

FEWEST, MOST = 20, 4_000
"""Fewer corrected articles are too few to choose a strength by; of more, only the latest are used: with so many, train
a new model."""

CHOSEN_BY = 1_000
"""Noise and strength are chosen, and editors compared, by this many of the latest corrected articles."""

MOST_EDITORS = 20
"""Each editor's corrections are left out once; with more editors, those who sent the fewest are left out together."""

_FOLDS = 5
_SAME_ARTICLE = 0.9  # the cosine from which an anchor counts as a corrected article itself
_SURE, _BETTER = 2.5, 1.28  # standard errors: of a worse noise; of a change that is better in nine cases of ten
_TOLERANCE = 1e-7  # a fit is done when another step lowers the loss by a smaller share

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Adapted:
    """A model that has learned from corrections.

    Attributes:
        model: the new model, with the name, version and calibrations of the old one; the old one itself where no
            change is surely better than none.
        noise: that of the anchors, chosen by cross-validation; infinity for no anchors.
        strength: that of the prior, chosen with the noise; infinity for no change of the scores.
        losses: mean log-loss out of fold, over the corrected topics, at every strength that was tried with that noise;
            that of the old model under infinity.
        scores: out-of-fold raw scores of the corrected articles, float64, shape (articles, topics).
        by_others: raw scores of the latest `CHOSEN_BY` of them by models that learned only from the other editors,
            float64, shape (at most `CHOSEN_BY`, topics).
    """

    model: TopicModel
    noise: float
    strength: float
    losses: dict[float, float]
    scores: _Floats
    by_others: _Floats


def adapt(
    model: TopicModel,
    names: Sequence[str],
    X: sp.csr_matrix,
    decisions: NDArray[np.int8],
    anchors: sp.csr_matrix | None = None,
    editors: Sequence[str] = (),
) -> Adapted:
    """Adapt a model to corrections.

    Args:
        model: the model; its n-grams and topics stay.
        names: of the corrected articles, by which they are dealt into folds; near duplicates share a name.
        X: TF-IDF of the corrected articles over the model's n-grams, shape (articles, n-grams).
        decisions: yes, no or open, int8, shape (articles, topics).
        anchors: TF-IDF of articles that the model has learned from, shape (anchors, n-grams), if they are at hand.
        editors: the editor of each article; none where there is only one.

    Raises:
        TrainingError: there are too few corrected articles.
    """
    if len(names) < FEWEST:
        raise TrainingError(f"{len(names)} corrected articles to learn from: from {FEWEST} on a model can be adapted")
    served = _Linear.of(model)
    with threadpool_limits(1, "blas"):  # two threads add up in another order: another model
        prior = _Prior.of(model, served, X, anchors)
    odds = prior.odds[: prior.articles]
    topics = _corrected_topics(model, served.raw(odds), decisions)
    if not len(topics):
        return Adapted(model, np.inf, np.inf, {np.inf: 0.0}, served.raw(odds), served.raw(odds[-CHOSEN_BY:]))
    examples = _Examples.of(odds[:, topics], decisions[:, topics])
    fold = stratified_folds(names, decisions == YES, _FOLDS, 0)
    with threadpool_limits(1, "blas"):
        trial = _choose(prior, examples, fold)
        by_others = odds[-CHOSEN_BY:].copy()
        by_others[:, topics] = _odds_by_others(prior, trial, examples, editors or [""] * len(names))
        if trial.strength == np.inf:
            return Adapted(model, trial.noise, np.inf, trial.means, served.raw(odds), served.raw(by_others))
        space = prior.space(trial.noise)
        (out_of_fold,) = _out_of_fold(space.basis, examples, fold, (trial.strength,)).values()
        weights, bias = prior.change(space, _fit(space.basis, examples, trial.strength), served)
    unseen = odds.copy()
    unseen[:, topics] = out_of_fold
    changed = _changed(model, topics, weights / served.slopes[topics], bias / served.slopes[topics])
    return Adapted(changed, trial.noise, trial.strength, trial.means, served.raw(unseen), served.raw(by_others))


def _corrected_topics(model: TopicModel, scores: _Floats, decisions: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return the columns of the topics on which an editor disagrees with the model.

    Args:
        model: the model.
        scores: its raw scores of the corrected articles, float64, shape (articles, topics).
        decisions: yes, no or open, int8, the same shape.
    """
    predicted = model.confidences(scores) >= [calibration.suggest for calibration in model.calibrations]
    return np.flatnonzero((((decisions == YES) != predicted) & (decisions != OPEN)).any(axis=0))


def _changed(model: TopicModel, topics: NDArray[np.int64], weights: _Floats, bias: _Floats) -> TopicModel:
    """Return the model with these changes, shapes (n-grams, topics) and (topics,), of the topics in some columns."""
    new_weights, new_bias = np.array(model.dense), np.array(model.bias)
    new_weights[:, topics] += weights.astype(np.float32)
    new_bias[topics] += bias.astype(np.float32)
    return replace(model, weights=new_weights, bias=new_bias)


def _odds_by_others(prior: "_Prior", trial: "_Trial", examples: "_Examples", editors: Sequence[str]) -> _Floats:
    """Return the log-odds of the latest articles by models that have not learned from the article's own editor.

    Where no change does better than none, they change with the best strength that changes anything: it tells all the
    same who taught what.

    Returns:
        Float64, shape (at most `CHOSEN_BY`, corrected topics).
    """
    strength = min(STRENGTHS, key=trial.means.__getitem__)
    latest = examples.latest(CHOSEN_BY)
    basis = prior.space(trial.noise, len(latest.odds)).basis
    (odds,) = _out_of_fold(basis, latest, _folds_of_editors(editors)[-CHOSEN_BY:], (strength,)).values()
    return odds


def _folds_of_editors(editors: Sequence[str]) -> NDArray[np.int64]:
    """Return a fold for each article, one an editor, the editors with most corrections first: int64, (articles,)."""
    _, place, counts = np.unique(editors, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.minimum(rank, MOST_EDITORS - 1)[place]


class _Examples(NamedTuple):
    """The corrected articles, as the fits see them: the topics are those that were corrected.

    Attributes:
        odds: the served log-odds, float64, shape (articles, topics).
        yes: 1 where the article has the topic, else 0, float64, the same shape.
        decided: 1 where that is decided, else 0, float64, the same shape.
    """

    odds: _Floats
    yes: _Floats
    decided: _Floats

    @classmethod
    def of(cls, odds: _Floats, decisions: NDArray[np.int8]) -> "_Examples":
        return cls(odds, (decisions == YES).astype(np.float64), (decisions != OPEN).astype(np.float64))

    def rows(self, where: slice | NDArray[np.bool_]) -> "_Examples":
        """Return some of the articles."""
        return _Examples(self.odds[where], self.yes[where], self.decided[where])

    def latest(self, count: int) -> "_Examples":
        """Return the latest articles, at most so many."""
        return self.rows(slice(-count, None))

    def losses(self, odds: _Floats) -> _Floats:
        """Return the log-loss of each article under other log-odds, summed over its decided topics: (articles,)."""
        losses: _Floats = np.sum(self.decided * (np.logaddexp(0, odds) - self.yes * odds), axis=1)
        return losses


@dataclass(frozen=True, slots=True, eq=False)
class _Linear:
    """A model whose scores are log-odds.

    Attributes:
        weights: float64, shape (n-grams, topics).
        bias: shape (topics,).
        slopes, offsets: of its calibrations, which turn raw scores into log-odds, shape (topics,).
    """

    weights: _Floats
    bias: _Floats
    slopes: _Floats
    offsets: _Floats

    @classmethod
    def of(cls, model: TopicModel) -> "_Linear":
        slopes = np.array([calibration.slope for calibration in model.calibrations])
        offsets = np.array([calibration.offset for calibration in model.calibrations])
        return cls(model.dense * slopes, model.bias * slopes + offsets, slopes, offsets)

    def odds(self, X: sp.csr_matrix) -> _Floats:
        """Return the log-odds of articles by their TF-IDF: float64, shape (articles, topics)."""
        odds: _Floats = X @ self.weights + self.bias
        return odds

    def raw(self, odds: _Floats) -> _Floats:
        """Return the raw scores that have these log-odds, of the same shape."""
        return (odds - self.offsets) / self.slopes


class _Space(NamedTuple):
    """The changes that corrections can tell anything about, in coordinates that the prior draws from N(0, 1).

    Each change is a weighted sum of the covariances with the corrected articles and the anchors; the weights are
    called duals. The rank is at most the number of articles.

    Attributes:
        basis: what each coordinate adds to the log-odds of each article, float64, shape (articles, rank).
        duals: what it adds to the dual of each article, float64, shape (articles, rank).
        anchoring: what each article's dual takes from the dual of each anchor, float64, shape (anchors, articles).
    """

    basis: _Floats
    duals: _Floats
    anchoring: _Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Prior:
    """The distribution of the change before any correction is seen.

    "Both" are the corrected articles and, after them, the anchors.

    Attributes:
        X: TF-IDF of both, each word scaled by its standard deviation, shape (both, n-grams).
        odds: the served log-odds of both, float64, shape (both, topics).
        covariance: of the changes of their log-odds, float64, shape (both, both).
        articles: the number of corrected articles.
        deviations: the words' standard deviations, float64, shape (n-grams,).
    """

    X: sp.csr_matrix
    odds: _Floats
    covariance: _Floats
    articles: int
    deviations: _Floats

    @classmethod
    def of(cls, model: TopicModel, served: _Linear, X: sp.csr_matrix, anchors: sp.csr_matrix | None) -> "_Prior":
        """Return the prior of a model's change; anchors that have been corrected since are left out."""
        deviations, articles = _word_deviations(model), X.shape[0]
        if anchors is not None:
            corrected_since = np.asarray((anchors @ X.T).max(axis=1).toarray()).ravel() > _SAME_ARTICLE
            X = sp.vstack((X, anchors[~corrected_since])).tocsr()
        odds = served.odds(X)
        X = X.multiply(deviations).tocsr()
        covariance = (X @ X.T).toarray() + TOPICS_VARIANCE * odds @ odds.T + BIAS_VARIANCE
        return cls(X, odds, covariance, articles, deviations)

    @property
    def has_anchors(self) -> bool:
        """Whether there are anchors."""
        return len(self.covariance) > self.articles

    def space(self, noise: float, latest: int | None = None) -> _Space:
        """Return the space of the corrected articles, or of the latest of them, once the anchors showed no change.

        With a for the articles and b for the anchors, the covariance of the articles' changes given the anchors is the
        Schur complement K_aa - K_ab (K_bb + noise · I)^-1 K_ba, shape (articles, articles). Its eigenvectors, scaled by
        the roots of their eigenvalues, are the basis.
        """
        a = slice(max(0, self.articles - (latest or self.articles)), self.articles)
        b = slice(self.articles, None)
        among_articles, with_anchors = self.covariance[a, a], self.covariance[b, a]
        anchoring: _Floats = np.zeros_like(with_anchors)
        if noise != np.inf:
            among_anchors = self.covariance[b, b] + noise * np.eye(len(with_anchors))
            anchoring = np.linalg.solve(among_anchors, with_anchors).astype(np.float64)
        covariance = among_articles - with_anchors.T @ anchoring
        values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
        positive = values > 1e-9 * values[-1]
        vectors, roots = vectors[:, positive], np.sqrt(values[positive])
        return _Space(vectors * roots, vectors / roots, anchoring)

    def change(self, space: _Space, coordinates: _Floats, served: _Linear) -> tuple[_Floats, _Floats]:
        """Return the change of the weights and of the bias, in log-odds.

        Args:
            space: that of all corrected articles.
            coordinates: of the change of each corrected topic, float64, shape (rank, corrected topics).
            served: the served model.

        Returns:
            Float64, shapes (n-grams, corrected topics) and (corrected topics,).
        """
        of_articles = space.duals @ coordinates
        duals = np.vstack((of_articles, -space.anchoring @ of_articles))
        by_word, by_topic = np.asarray(self.X.T @ duals), TOPICS_VARIANCE * self.odds.T @ duals
        weights = by_word * self.deviations[:, None] + served.weights @ by_topic
        return weights, BIAS_VARIANCE * duals.sum(axis=0) + served.bias @ by_topic


def _word_deviations(model: TopicModel) -> _Floats:
    """Return the prior standard deviation of the change of each word's weight, 1 in a typical word: (n-grams,)."""
    lengths = np.linalg.norm(model.dense, axis=1).astype(np.float64)
    share = np.exp(1.0 - model.features.idf.astype(np.float64))  # of the articles, that have the word
    deviations = np.sqrt(np.maximum(lengths, 1e-9)) / np.sqrt(1.0 + STIFFNESS * share)
    typical: _Floats = deviations / np.sqrt(np.average(deviations**2, weights=share))
    return typical


def _fit(basis: _Floats, examples: _Examples, strength: float, start: _Floats | None = None) -> _Floats:
    """Fit the coordinates of the change of every topic: float64, shape (rank, topics).

    Args:
        basis: that of the articles' space, float64, shape (articles, rank).
        examples: the articles.
        strength: that of the prior.
        start: coordinates to start from; 0 where there are none.
    """
    shape = basis.shape[1], examples.yes.shape[1]
    if strength == np.inf:
        return np.zeros(shape)
    first = np.zeros(shape) if start is None else start

    def loss(flat: _Floats) -> tuple[float, _Floats]:
        odds = examples.odds + basis @ flat.reshape(shape)
        slope = examples.decided * (expit(odds) - examples.yes)
        gradient = basis.T @ slope + strength * flat.reshape(shape)
        return float(examples.losses(odds).sum() + strength / 2 * flat @ flat), gradient.ravel()

    options = {"ftol": _TOLERANCE, "maxiter": 500}
    coordinates: _Floats = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(shape)
    return coordinates


def _out_of_fold(
    basis: _Floats, examples: _Examples, fold: NDArray[np.int64], strengths: Sequence[float] = STRENGTHS
) -> dict[float, _Floats]:
    """Return, for each strength, the log-odds of every article by models that have not seen its fold.

    Args:
        basis: that of the articles' space, float64, shape (articles, rank).
        examples: the articles.
        fold: of each article, int64, shape (articles,).
        strengths: of the prior, the strongest first.

    Returns:
        Float64, shape (articles, topics) each.
    """
    odds = {strength: examples.odds.copy() for strength in strengths}
    for left_out in range(fold.max() + 1):
        inside, coordinates = fold == left_out, None
        outside = examples.rows(~inside)
        for strength in strengths:  # each fit starts from the one before
            coordinates = _fit(basis[~inside], outside, strength, coordinates)
            odds[strength][inside] += basis[inside] @ coordinates
    return odds


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """What cross-validation finds with one noise.

    Attributes:
        noise: that of the anchors.
        losses: log-loss of each article out of fold at every strength, float64, shape (articles,).
    """

    noise: float
    losses: Mapping[float, _Floats]

    @property
    def strength(self) -> float:
        """The strength with the least loss; infinity where no change is surely better than none."""
        best = min(self.losses, key=lambda strength: float(self.losses[strength].sum()))
        return np.inf if _is_as_good(self.losses[np.inf], self.losses[best], _BETTER) else best

    @property
    def least(self) -> _Floats:
        """The losses at that strength."""
        return self.losses[self.strength]

    @property
    def means(self) -> dict[float, float]:
        """The mean loss at every strength."""
        return {strength: float(losses.sum()) / len(losses) for strength, losses in self.losses.items()}


def _choose(prior: _Prior, examples: _Examples, fold: NDArray[np.int64]) -> _Trial:
    """Return the trial whose noise and strength to adapt with, by cross-validation on the latest articles.

    It is that with the least noise among those that do not surely do worse than the best: it keeps most of what the
    model knew.
    """
    latest = examples.latest(CHOSEN_BY)
    noises = NOISES if prior.has_anchors else NOISES[-1:]
    trials = []
    for noise in progress(noises, total=len(noises), what="trying priors", unit="prior"):
        basis = prior.space(noise, len(latest.odds)).basis
        odds = _out_of_fold(basis, latest, fold[-CHOSEN_BY:], (*STRENGTHS, np.inf))
        trials.append(_Trial(noise, {strength: latest.losses(moved) for strength, moved in odds.items()}))
    best = min(trials, key=lambda trial: float(trial.least.sum()))
    as_good = [trial for trial in trials if _is_as_good(trial.least, best.least, _SURE)]
    return min(as_good, key=lambda trial: trial.noise)


def _is_as_good(losses: _Floats, best: _Floats, errors: float) -> bool:
    """Return whether losses are above the best by at most so many standard errors of the difference."""
    worse = losses - best
    return bool(worse.sum() <= errors * worse.std() * np.sqrt(len(worse)))
