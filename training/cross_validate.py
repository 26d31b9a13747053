"""How good settings are: the out-of-fold scores that training would give, without the fit on all articles."""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from joblib import parallel_config
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.taxonomy import Taxonomy
from training.calibrate import calibrate
from training.config import Config, FitSettings
from training.errors import TrainingError
from training.fit import fit_without, learnable
from training.labels import NO, OPEN, YES
from training.measure import average_precision, decided_pairs, precision_recall
from training.prepare import prepare
from training.split import stratified_folds
from training.training_set import read_training_set

_DRAWS = 500


class TimeIsOver(Exception):
    """There is no time left for more fits."""


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """What settings are worth, on articles weighed back to a fair sample.

    Attributes:
        micro_f1: of all pairs of article and topic.
        macro_f1: mean over topics.
        average_precision: mean over topics; it needs no cut-offs.
        drawn: micro-F1 + macro-F1 of the same articles drawn again and again, float64, shape (draws,). The draws are
            the same for every measurement of the same articles, so two can be compared draw by draw.
    """

    micro_f1: float
    macro_f1: float
    average_precision: float
    drawn: NDArray[np.float64]

    def better_than(self, other: "Quality") -> float:
        """Return in which share of the draws micro-F1 + macro-F1 is the greater (the paired bootstrap)."""
        return float((self.drawn > other.drawn).mean())


class CrossValidation:
    """A training set, read once and dealt into the folds of training, to score settings on.

    Attributes:
        decisions: of the articles to learn from, int8, shape (articles, topics).
        fold: of these articles, int64, shape (articles,).
        fair: which of them were drawn at random, bool, shape (articles,).
        labelled: there are others, of which the corpora's own labels are learned.
        titled: some article has a title.
    """

    def __init__(self, config: Config, taxonomy: Taxonomy, corpus_folder: Path) -> None:
        self._data = data = read_training_set(config, taxonomy, corpus_folder)
        learn = data.learn
        decisions = data.decisions[learn]
        names = [data.ids[data.group[i]] for i in learn]
        self.fold = stratified_folds(names, decisions == YES, config.fit.folds, config.fit.seed)
        enough = learnable(decisions, self.fold, config.fit.folds)
        if not enough.any():
            raise TrainingError("no topic has enough articles to learn from: label at least a few dozen each")
        self.decisions = decisions[:, enough]
        self.fair = data.fair[learn]
        self.labelled = bool(len(data.others))
        self.titled = any(data.texts[i].title for i in learn)
        # Of the best settings so far, and of those that are tried.
        self._prepared = lru_cache(maxsize=2)(partial(prepare, data))

    def score(
        self, config: Config, parts: Sequence[int], scores: NDArray[np.float64], is_over: Callable[[], bool]
    ) -> None:
        """Fit without each of these folds, and put the scores of their articles into `scores`.

        Args:
            config: the settings.
            parts: folds.
            scores: to be filled, float64, shape (articles, topics).
            is_over: asked after every fit whether to stop.

        Raises:
            TimeIsOver: it is.
        """
        ready = self._prepared(config.features, _of_preparing(config.fit))
        seen = {part: ready.X[self.fold == part] for part in parts}
        wanted, over = list(parts), False
        # On a terminal Ctrl-C reaches the workers too: it is for this process to end them.
        with parallel_config("loky", initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)):
            fits = fit_without(wanted, ready.X, self.decisions, self.fold, config.fit, ready.hints)
            for topic, part, coefficients, intercept in fits:
                scores[self.fold == part, topic] = seen[part] @ coefficients + intercept
                if is_over():
                    over = True
                    wanted.clear()  # those under way are waited for: joblib's threads complain where they are killed
        if over:
            raise TimeIsOver


def _of_preparing(settings: FitSettings) -> FitSettings:
    """Return the settings with what matters only after preparing as it is by default."""
    usual = FitSettings()
    return replace(settings, C=usual.C, count_ratio=usual.count_ratio)


def quality(
    scores: NDArray[np.float64],
    decisions: NDArray[np.int8],
    fold: NDArray[np.int64],
    weight: NDArray[np.float64],
    seed: int,
) -> Quality:
    """Measure out-of-fold scores at cut-offs that the other folds chose, as training chooses them.

    Args:
        scores: float64, shape (articles, topics).
        decisions: yes, no or open, int8, the same shape.
        fold: of each article, int64, shape (articles,); two or more.
        weight: weighs each article back to a fair sample, float64, shape (articles,).
        seed: of the draws.
    """
    given = _given(scores, decisions, fold, weight)
    yes, decided = decisions == YES, decisions != OPEN
    flags = sp.hstack([sp.csr_matrix(one, dtype=np.float64) for one in (given & yes, given & decided, yes)]).tocsr()
    known = np.flatnonzero(yes.any(axis=0))
    micro, macro = _f1(weight @ flags, known)
    random = np.random.default_rng(seed)
    draws = (np.bincount(random.integers(len(weight), size=len(weight)), minlength=len(weight)) for _ in range(_DRAWS))
    ranked = [
        average_precision(precision_recall(decided_pairs(decisions[:, [i]], scores[:, [i]], weight))) for i in known
    ]
    return Quality(
        micro, macro, _mean(ranked), np.array([sum(_f1((drawn * weight) @ flags, known)) for drawn in draws])
    )


def _given(
    scores: NDArray[np.float64], decisions: NDArray[np.int8], fold: NDArray[np.int64], weight: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Say which articles are given which topics; none where the other folds do not say yes and no to a topic."""
    given = np.zeros(scores.shape, np.bool_)
    for part in np.unique(fold):
        rest = np.flatnonzero(fold != part)
        said = decisions[rest]
        known = np.flatnonzero((said == YES).any(axis=0) & (said == NO).any(axis=0))
        if not len(known):
            continue
        # The precision target moves the `auto` cut-offs only.
        with threadpool_limits(1, "blas"):  # its vectors of two numbers take six times as long on two threads
            lines = calibrate(scores[np.ix_(rest, known)], said[:, known], weight[rest], precision_target=0.9)
        slope, offset, cut_off = np.array([(one.slope, one.offset, one.suggest) for one in lines]).T
        mine = np.ix_(np.flatnonzero(fold == part), known)
        given[mine] = expit(slope * scores[mine] + offset) >= cut_off
    return given


def _f1(sums: NDArray[np.float64], known: NDArray[np.int64]) -> tuple[float, float]:
    """Return micro-F1 and macro-F1, of the weights of hits, topics given and topics wanted, one after the other."""
    hits, given, wanted = sums.reshape(3, -1)
    of_topics = 2 * hits[known] / np.maximum(given[known] + wanted[known], 1e-12)
    return float(2 * hits.sum() / max(given.sum() + wanted.sum(), 1e-12)), _mean(of_topics)


def _mean(values: Sequence[float] | NDArray[np.float64]) -> float:
    return float(sum(values)) / max(1, len(values))
