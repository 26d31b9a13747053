"""Teach the served model what editors decided, with nothing but its bundle and their corrections at hand.

A topic's log-odds become z + x · u + y · m + v, with z those of the served model, x the article's words and y the
served log-odds of all topics: a desk may see one topic in what was another's. All of it is linear in x, so it folds
back into one weight a word. The change is found by logistic regression with z as the offset and a Gaussian prior about
no change. A priori a word's weight changes the more the more it says already of any topic, and the less the more
articles have it: what moves a common word, or the bias, moves every article.

Anchors, articles that the served model has learned from, hold it where editors said nothing: the prior is that of a
Gaussian process in which every topic's change was seen to be 0, but for some noise, at each of them (Rasmussen and
Williams, "Gaussian Processes for Machine Learning", 2006, equation 2.24).

A topic that no editor has given or taken away otherwise than the model is left as it is: that the model's own answers
were let stand says nothing of articles just beyond a cut-off.

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

STRENGTHS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
"""Strengths of the prior that are tried, the strongest first."""

STIFFNESS = 300.0
"""A word's prior variance is ‖its weights‖ / (1 + STIFFNESS · share of articles that have it)."""

TOPICS_VARIANCE = 0.01
BIAS_VARIANCE = 0.001
"""Where the words' is 1 on average; the first is of what a topic's log-odds add to a topic's."""

NOISES = (1.0, 10.0, 100.0, np.inf)
"""Variances that are tried of the noise with which the change is seen to be 0 at each anchor, in the prior's own
measure; the last is that of no anchors. A desk that decides otherwise than the anchors' labels say must get its way."""

LINE_SPREAD = (0.05, 0.1)
"""Standard deviations of a confidence's log slope and offset about the old ones, which rest on all of the training."""

FEWEST, MOST = 20, 4_000
"""Fewer corrected articles leave nothing to choose a strength by; of more the latest are used: that many train anew."""

CHOSEN_BY = 1_000
"""The latest corrections, by which noise and strength are chosen."""

_FOLDS = 5
_SAME = 0.9  # cosine from which an anchor is a corrected article itself, or nearly
_SURE = 3.0  # standard errors
_ENOUGH = 1e-7  # of the loss: a fit that another step makes better by less is done

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Adapted:
    """A model that has learned from corrections.

    Attributes:
        model: the new one, of the old one's name and version.
        noise: that of the anchors, chosen by cross-validation; infinity for none.
        strength: that of the prior, chosen with it; infinity for no change of the scores.
        losses: mean log-loss out of fold at every strength tried with that noise, and of the old model under the last,
            infinity; of the topics that were corrected.
        scores: out-of-fold raw scores of the corrected articles, float64, shape (articles, topics).
    """

    model: TopicModel
    noise: float
    strength: float
    losses: dict[float, float]
    scores: _Floats


def adapt(
    model: TopicModel,
    names: Sequence[str],
    texts: Sequence[ArticleText],
    decisions: NDArray[np.int8],
    targets: Sequence[float],
    anchors: sp.csr_matrix | None = None,
) -> Adapted:
    """Adapt a model to corrections.

    Args:
        model: the model; its n-grams and topics stay.
        names: of the corrected articles, which deal the folds; near duplicates share one.
        texts: what is read of them.
        decisions: yes or no, int8, shape (articles, topics).
        targets: the precision that the `auto` band of each topic promises.
        anchors: TF-IDF of articles that the model has learned from, shape (anchors, n-grams), if they are at hand.

    Raises:
        TrainingError: there are too few.
    """
    if len(names) < FEWEST:
        raise TrainingError(f"{len(names)} corrected articles to learn from: from {FEWEST} on a model can be adapted")
    X = tf_idf(model.features, texts)
    served = _Linear.of(model)
    prior = _Prior.of(model, served, X, anchors)
    odds = prior.odds[: prior.articles]
    yes = decisions == YES
    given = model.confidences(served.raw(odds)) >= [one.suggest for one in model.calibrations]
    corrected = np.flatnonzero((yes != given).any(axis=0))
    if not len(corrected):
        return Adapted(model, np.inf, np.inf, {np.inf: 0.0}, served.raw(odds))
    fold = stratified_folds(names, yes, _FOLDS, 0)
    told = odds[:, corrected], yes[:, corrected].astype(np.float64)
    with threadpool_limits(2, "blas"):
        noise, strength, losses = _choose(prior, told, fold)
        space = prior.space(noise)
        (unseen,) = _out_of_fold(space.basis, *told, fold, (strength,)).values()
        change, shift = prior.change(space, _fit(space.basis, *told, strength), served)
    found = odds.copy()
    found[:, corrected] = unseen
    scores = served.raw(found)
    refreshed = recalibrate(model, scores, decisions, targets)
    weights, bias = np.array(model.weights), np.array(model.bias)
    weights[:, corrected] += (change / served.slopes[corrected]).astype(np.float32)
    bias[corrected] += (shift / served.slopes[corrected]).astype(np.float32)
    calibrations = [refreshed[topic] if topic in corrected else old for topic, old in enumerate(model.calibrations)]
    return Adapted(
        model=replace(model, weights=weights, bias=bias, calibrations=tuple(calibrations)),
        noise=noise,
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
class _Linear:
    """A model whose scores are log-odds.

    Attributes:
        weights: float64, shape (n-grams, topics).
        bias: shape (topics,).
        slopes, offsets: those of its calibrations, which make log-odds of raw scores, shape (topics,).
    """

    weights: _Floats
    bias: _Floats
    slopes: _Floats
    offsets: _Floats

    @classmethod
    def of(cls, model: TopicModel) -> "_Linear":
        slopes = np.array([one.slope for one in model.calibrations])
        offsets = np.array([one.offset for one in model.calibrations])
        return cls(model.weights * slopes, model.bias * slopes + offsets, slopes, offsets)

    def odds(self, X: sp.csr_matrix) -> _Floats:
        found: _Floats = X @ self.weights + self.bias
        return found

    def raw(self, odds: _Floats) -> _Floats:
        """Return the raw scores that stand behind log-odds."""
        return (odds - self.offsets) / self.slopes


@dataclass(frozen=True, slots=True, eq=False)
class _Space:
    """The changes that the corrected articles can tell anything of.

    Attributes:
        basis: of each article the coordinates, float64, shape (articles, rank); the prior is 1 in each.
        back: from coordinates to what each article adds to the change, shape (articles, rank).
        held: what each anchor takes away of what each article adds, shape (anchors, articles).
    """

    basis: _Floats
    back: _Floats
    held: _Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Prior:
    """What is thought of the change before any correction is seen.

    Attributes:
        X: words of the corrected articles, then of the anchors, scaled by their standard deviations.
        odds: the served log-odds of both, float64, shape (both, topics).
        covariance: of the changes of their log-odds, float64, shape (both, both).
        articles: how many articles there are.
        scale: standard deviations of the words, shape (n-grams,).
    """

    X: sp.csr_matrix
    odds: _Floats
    covariance: _Floats
    articles: int
    scale: _Floats

    @classmethod
    def of(cls, model: TopicModel, served: _Linear, X: sp.csr_matrix, anchors: sp.csr_matrix | None) -> "_Prior":
        scale, articles = _word_deviations(model), X.shape[0]
        if anchors is not None:
            corrected_since = np.asarray((anchors @ X.T).max(axis=1).toarray()).ravel() > _SAME
            X = sp.vstack((X, anchors[~corrected_since])).tocsr()
        odds = served.odds(X)
        X = X.multiply(scale).tocsr()
        covariance = (X @ X.T).toarray() + TOPICS_VARIANCE * odds @ odds.T + BIAS_VARIANCE
        return cls(X, odds, covariance, articles, scale)

    @property
    def anchored(self) -> bool:
        """Whether there are anchors."""
        return len(self.covariance) > self.articles

    def space(self, noise: float, latest: int | None = None) -> _Space:
        """Return the space of the (latest) corrected articles where anchors with this noise have shown no change."""
        mine = slice(max(0, self.articles - (latest or self.articles)), self.articles)
        theirs = slice(self.articles, None)
        ours, across = self.covariance[mine, mine], self.covariance[theirs, mine]
        held: _Floats = np.zeros_like(across)
        if noise != np.inf:
            noisy = self.covariance[theirs, theirs] + noise * np.eye(len(across))
            held = np.linalg.solve(noisy, across).astype(np.float64)
        left = ours - across.T @ held
        values, vectors = np.linalg.eigh((left + left.T) / 2)
        kept = values > 1e-9 * values[-1]
        roots = np.sqrt(values[kept])
        return _Space(vectors[:, kept] * roots, vectors[:, kept] / roots, held)

    def change(self, space: _Space, coordinates: _Floats, served: _Linear) -> tuple[_Floats, _Floats]:
        """Return the change of the weights and of the bias, in log-odds, of as many topics as there are columns."""
        shares = space.back @ coordinates
        shares = np.vstack((shares, -space.held @ shares))
        words, topics = np.asarray(self.X.T @ shares), TOPICS_VARIANCE * self.odds.T @ shares
        weights = words * self.scale[:, None] + served.weights @ topics
        return weights, BIAS_VARIANCE * shares.sum(axis=0) + served.bias @ topics


def _word_deviations(model: TopicModel) -> _Floats:
    """Return the prior's standard deviation of the change of a word's weight, 1 in a typical word: shape (n-grams,)."""
    told = np.sqrt(np.maximum(np.linalg.norm(model.weights, axis=1).astype(np.float64), 1e-9))
    share = np.exp(1.0 - model.features.idf.astype(np.float64))
    deviations = told / np.sqrt(1.0 + STIFFNESS * share)
    typical: _Floats = deviations / np.sqrt(np.average(deviations**2, weights=share))
    return typical


def _fit(basis: _Floats, odds: _Floats, yes: _Floats, strength: float, start: _Floats | None = None) -> _Floats:
    """Return the coordinates of the change of every topic: float64, shape (rank, topics)."""
    shape = basis.shape[1], yes.shape[1]
    if strength == np.inf:
        return np.zeros(shape)
    first = np.zeros(shape) if start is None else start

    def loss(flat: _Floats) -> tuple[float, _Floats]:
        now = odds + basis @ flat.reshape(shape)
        gradient = basis.T @ (expit(now) - yes) + strength * flat.reshape(shape)
        return float((np.logaddexp(0, now) - yes * now).sum() + strength / 2 * flat @ flat), gradient.ravel()

    found = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options={"ftol": _ENOUGH, "maxiter": 500})
    coordinates: _Floats = found.x.reshape(shape)
    return coordinates


def _out_of_fold(
    basis: _Floats, odds: _Floats, yes: _Floats, fold: NDArray[np.int64], strengths: Sequence[float] = STRENGTHS
) -> dict[float, _Floats]:
    """Return the log-odds of every article by models that have not seen it, for each strength."""
    found = {strength: odds.copy() for strength in strengths}
    for part in range(_FOLDS):
        mine, start = fold == part, None
        for strength in strengths:  # each fit starts from the one before
            start = _fit(basis[~mine], odds[~mine], yes[~mine], strength, start)
            found[strength][mine] += basis[mine] @ start
    return found


def _losses(odds: _Floats, yes: _Floats) -> _Floats:
    """Return the log-loss of each article, summed over its topics."""
    losses: _Floats = np.sum(np.logaddexp(0, odds) - yes * odds, axis=1)
    return losses


def _choose(
    prior: _Prior, told: tuple[_Floats, _Floats], fold: NDArray[np.int64]
) -> tuple[float, float, dict[float, float]]:
    """Return the noise and the strength to adapt with, and the mean loss at every strength with that noise.

    Of noises the least that does not surely do worse than the best: it keeps most of what the model knew. With it the
    weakest strength that does about as well as the best: what log-loss has against a weak prior is overconfidence, and
    that is put right afterwards. An infinite strength changes nothing.
    """
    odds, yes = (part[-CHOSEN_BY:] for part in told)
    losses: dict[float, dict[float, _Floats]] = {}
    noises = NOISES if prior.anchored else NOISES[-1:]
    for noise in progress(noises, total=len(noises), what="trying priors", unit="prior"):
        tried = _out_of_fold(prior.space(noise, len(odds)).basis, odds, yes, fold[-CHOSEN_BY:], (*STRENGTHS, np.inf))
        losses[noise] = {strength: _losses(found, yes) for strength, found in tried.items()}
    best = {noise: min(found.values(), key=np.sum) for noise, found in losses.items()}
    least = min(best.values(), key=np.sum)
    noise = min(noise for noise, found in best.items() if _as_good(found, least, _SURE))
    strength = np.inf
    if losses[noise][np.inf].sum() > best[noise].sum():
        strength = min(strength for strength, found in losses[noise].items() if _as_good(found, best[noise], 1.0))
    return noise, strength, {strength: float(found.mean()) for strength, found in losses[noise].items()}


def _as_good(losses: _Floats, best: _Floats, errors: float) -> bool:
    """Say whether losses exceed the best ones by no more than so many standard errors of their difference."""
    worse = losses - best
    return bool(worse.sum() <= errors * worse.std() * np.sqrt(len(worse)))


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
