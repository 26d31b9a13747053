"""How good settings are: the out-of-fold scores that training would give, without the fit on all articles."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tagdesk.models.taxonomy import Taxonomy
from tagdesk.training.config import MANY_TOPICS, Config, FitSettings
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.errors import TrainingError
from tagdesk.training.judge.confidences import average_precisions
from tagdesk.training.judge.measure import f1
from tagdesk.training.judge.resample import resamples
from tagdesk.training.learn.calibrate import calibrate
from tagdesk.training.learn.fit import fit_without, learnable
from tagdesk.training.learn.prepare import prepare
from tagdesk.training.learn.split import stratified_folds
from tagdesk.training.learn.training_set import read_training_set
from tagdesk.training.sparse_table import where_is

_DRAWS = 500


class TimeIsOver(Exception):
    """No time is left for more fits."""


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """How good settings are, on articles weighed back to a fair sample.

    Attributes:
        micro_f1: over all pairs of article and topic.
        macro_f1: mean over topics.
        average_precision: mean over topics; it needs no cut-offs.
        drawn: micro-F1 + macro-F1 on every draw of `tagdesk.training.judge.resample.resamples`, float64, shape
            (draws,). The draws are the same for every measurement of the same articles, so two can be compared draw by
            draw.
    """

    micro_f1: float
    macro_f1: float
    average_precision: float
    drawn: NDArray[np.float64]

    def better_than(self, other: "Quality") -> float:
        """Return the share of the draws in which this micro-F1 + macro-F1 is the greater (the paired bootstrap)."""
        return float((self.drawn > other.drawn).mean())


class CrossValidation:
    """A training set, read once and dealt into the folds of training, to score settings on.

    Attributes:
        decisions: yes, no or open for the articles to learn from, int8, shape (articles, topics).
        fold: of these articles, int64, shape (articles,).
        fair: which of them were drawn at random, bool, shape (articles,).
        labelled: whether there are other articles, from which the corpora's own labels are learned.
        titled: whether any article has a title.
    """

    def __init__(self, config: Config, taxonomy: Taxonomy, corpus_folder: Path) -> None:
        data = read_training_set(config, taxonomy, corpus_folder)
        learn, others = data.learn, data.others
        decisions = data.decisions[learn]
        groups = [data.ids[data.group[i]] for i in learn]
        self.fold = stratified_folds(groups, where_is(decisions, YES), config.fit.folds, config.fit.seed)
        enough = learnable(decisions, self.fold, config.fit.folds)
        if not enough.any():
            raise TrainingError("no topic has enough articles to learn from: label at least a few dozen each")
        if enough.sum() > MANY_TOPICS:
            raise TrainingError(
                f"search is for models of up to {MANY_TOPICS} topics, and these articles have {enough.sum():,}: it "
                "keeps the scores of every article and topic; search on some of them, and train all with what is found"
            )
        self.decisions = np.asarray(decisions[:, enough])
        self.fair = data.fair[learn]
        self.labelled = bool(len(others))
        self.titled = any(data.texts[i].title for i in learn)
        texts, labelled = ([data.texts[i] for i in articles.tolist()] for articles in (learn, others))
        # Two at a time: the best settings so far, and those on trial.
        self._prepared = lru_cache(maxsize=2)(partial(prepare, texts, labelled, data.labels(others)))

    def score(
        self, config: Config, parts: Sequence[int], scores: NDArray[np.float64], is_over: Callable[[], bool]
    ) -> None:
        """Fit without each of these folds, and write the scores of its articles into `scores`.

        Args:
            config: the settings.
            parts: the folds to leave out, one after the other.
            scores: float64, shape (articles, topics); the rows of these folds are filled in.
            is_over: called after every fit; true stops the fitting.

        Raises:
            TimeIsOver: `is_over` said so; the scores are incomplete.
        """
        ready = self._prepared(config.features, _settings_of_preparing(config.fit))
        settings = config.fit.for_topics(self.decisions.shape[1])
        with closing(fit_without(parts, ready.X, self.decisions, self.fold, settings, ready.hints)) as fits:
            for fit in fits:
                scores[self.fold == fit.left_out, fit.topic] = fit.scores
                if is_over():
                    raise TimeIsOver


def _settings_of_preparing(settings: FitSettings) -> FitSettings:
    """Return the settings with the default for all that does not matter to `prepare`: what is prepared is cached."""
    default = FitSettings()
    return replace(settings, C=default.C, count_ratio=default.count_ratio)


def quality(
    scores: NDArray[np.float64],
    decisions: NDArray[np.int8],
    fold: NDArray[np.int64],
    weight: NDArray[np.float64],
    seed: int,
) -> Quality:
    """Measure out-of-fold scores at cut-offs chosen on the other folds, as training chooses them.

    Args:
        scores: float64, shape (articles, topics).
        decisions: yes, no or open, int8, the same shape.
        fold: of each article, int64, shape (articles,); there must be at least two.
        weight: weighs each article back to a fair sample, float64, shape (articles,).
        seed: of the draws.
    """
    predicted = predict_out_of_fold(scores, decisions, fold, weight)
    yes, decided = decisions == YES, decisions != OPEN
    counted = (predicted & yes, predicted & decided, yes)
    flags = sp.hstack([sp.csr_matrix(cells, dtype=np.float64) for cells in counted]).tocsr()
    known = np.flatnonzero(yes.any(axis=0))
    micro, macro = _micro_and_macro_f1(weight @ flags, known)
    return Quality(
        micro,
        macro,
        _mean(average_precisions(decisions[:, known], scores[:, known], weight)),
        np.array(
            [
                sum(_micro_and_macro_f1((times * weight) @ flags, known))
                for times in resamples(len(weight), _DRAWS, seed)
            ]
        ),
    )


def predict_out_of_fold(
    scores: NDArray[np.float64], decisions: NDArray[np.int8], fold: NDArray[np.int64], weight: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Predict topics at cut-offs chosen on the other folds; the arguments are those of `quality`.

    Returns:
        Bool, shape (articles, topics); false where the other folds do not have both a yes and a no for the topic.
    """
    predicted = np.zeros(scores.shape, np.bool_)
    for part in np.unique(fold):
        rest = np.flatnonzero(fold != part)
        known = np.flatnonzero((decisions[rest] == YES).any(axis=0) & (decisions[rest] == NO).any(axis=0))
        if not len(known):
            continue
        # The precision target moves the `auto` cut-offs only.
        with threadpool_limits(1, "blas"):  # its vectors of two numbers take six times as long on two threads
            calibrations = calibrate(
                scores[np.ix_(rest, known)], decisions[np.ix_(rest, known)], weight[rest], precision_target=0.9
            )
        slope, offset, cut_off = np.array([(line.slope, line.offset, line.suggest) for line in calibrations]).T
        cells = np.ix_(np.flatnonzero(fold == part), known)
        predicted[cells] = expit(slope * scores[cells] + offset) >= cut_off
    return predicted


def _micro_and_macro_f1(sums: NDArray[np.float64], known: NDArray[np.int64]) -> tuple[float, float]:
    """Return micro-F1 and macro-F1.

    Args:
        sums: weights of the hits, then of the topics predicted, then of those wanted, shape (3 · topics,).
        known: columns of the topics that at least one article has.
    """
    hits, predicted, wanted = sums.reshape(3, -1)
    per_topic = f1(hits[known], predicted[known], wanted[known])
    return float(f1(hits.sum(), predicted.sum(), wanted.sum())), _mean(per_topic)


def _mean(values: Sequence[float] | NDArray[np.float64]) -> float:
    return float(sum(values)) / max(1, len(values))
