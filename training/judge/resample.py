"""The paired bootstrap: how sure a difference between two models is, on the same articles drawn again and again."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagdesk.training.corpora.labels import OPEN, YES
from tagdesk.training.judge.confidences import Decisions, Flags, Floats
from tagdesk.training.judge.measure import f1


def resamples(articles: int, draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Draw articles with replacement, `draws` times; yield how often each was drawn, int64, shape (articles,).

    A figure measured on every draw is a bootstrap of it, and a paired one where two models are measured on the same
    draws (Efron and Tibshirani, "An introduction to the bootstrap", 1993).
    """
    random = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(random.integers(articles, size=articles), minlength=articles)


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """F1 of a new model minus F1 of an old one, with its 95 % interval; the last is micro-F1.

    Each float64, shape (topics + 1,).
    """

    change: Floats
    low: Floats
    high: Floats


def f1_change(
    decisions: Decisions, new: Flags, old: Flags, weight: Floats, *, draws: int = 400, seed: int = 0
) -> Change:
    """Compare the topics that two models predict for the same articles; the arguments are those of `f1_changes`."""
    drawn, change = f1_changes(decisions, new, old, weight, draws=draws, seed=seed)
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    return Change(change, low, high)


def f1_changes(
    decisions: Decisions, new: Flags, old: Flags, weight: Floats, *, draws: int = 400, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return F1 of a new model minus that of an old one in every draw of a paired bootstrap, and on all articles.

    Both models are measured on each draw of `resamples`. (Berg-Kirkpatrick et al., "An empirical investigation of
    statistical significance in NLP", 2012.)

    Args:
        decisions: yes, no or open, int8, shape (articles, topics).
        new: the topics that the new model predicts, bool, the same shape.
        old: those of the old model, bool, the same shape.
        weight: float64, shape (articles,).
        draws: how many samples to draw.
        seed: of the draws.

    Returns:
        Float64, shapes (draws, topics + 1) and (topics + 1,); the last column is micro-F1.
    """
    decided, yes = decisions != OPEN, decisions == YES
    columns = np.hstack([yes, new & decided, new & yes, old & decided, old & yes]).astype(np.float32)
    resampled, changes = resamples(len(weight), draws, seed), []
    for batch in np.array_split(np.arange(draws), -(-draws // 50)):
        drawn = np.stack([next(resampled) for _ in batch])
        changes.append(_f1_difference((weight * drawn).astype(np.float32) @ columns))
    return np.concatenate(changes), _f1_difference(weight @ columns)


def _f1_difference(sums: NDArray[np.floating]) -> Floats:
    """Return new minus old F1; the last axis holds, topic by topic, the five sums that `f1_changes` stacks."""
    parts = np.split(sums.astype(np.float64), 5, axis=-1)
    wanted, predicted, hits, predicted_before, hits_before = (
        np.concatenate((part, part.sum(axis=-1, keepdims=True)), axis=-1) for part in parts
    )
    change: Floats = f1(hits, predicted, wanted) - f1(hits_before, predicted_before, wanted)
    return change
