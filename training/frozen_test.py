"""The frozen test set of the gate: articles that neither the served model nor its candidate has learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.topic_model import TopicModel
from training.corrections import Corrections
from training.reference import read_reference

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """Articles to compare two models on, and what both are confident of; arrays of shape (articles, topics).

    Attributes:
        name: what they are, for people.
        decisions: yes, no or open, int8.
        weight: of each article, float64, shape (articles,).
        served: confidences of the model that is served, float64.
        candidate: those of the candidate.
    """

    name: str
    decisions: NDArray[np.int8]
    weight: _Floats
    served: _Floats
    candidate: _Floats

    def __len__(self) -> int:
        return len(self.weight)


def common_topics(served: TopicModel, candidate: TopicModel) -> tuple[str, ...]:
    """Return the topics that both have, in the order of the served model."""
    return tuple(topic for topic in served.taxonomy.ids if topic in candidate.taxonomy)


def frozen_test(
    served: TopicModel, served_folder: Path, candidate: TopicModel, folder: Path, corrections: Corrections
) -> list[Unseen]:
    """Return the sets that are there and have articles: held-out corrections, and the bundles' reference set.

    Their columns are `common_topics`.

    Args:
        served: the model that is served.
        served_folder: its bundle.
        candidate: the one that may take its place.
        folder: its bundle.
        corrections: what editors decided, by the served model's topics.

    Raises:
        TrainingError: a reference set is damaged.
    """
    sets = [_reference(served, served_folder, candidate, folder)]
    if corrections.test().any():
        sets.append(_held_out(served, candidate, corrections))
    return [one for one in sets if one is not None and len(one)]


def _reference(served: TopicModel, served_folder: Path, candidate: TopicModel, folder: Path) -> Unseen | None:
    ours = read_reference(folder, candidate)
    if ours is None:
        return None
    rows, confident = np.arange(len(ours.keys)), None
    if np.array_equal(served.features.hashes, candidate.features.hashes):
        confident = ours.confidences(served)
    elif theirs := read_reference(served_folder, served):
        _, rows, of_theirs = np.intersect1d(ours.keys, theirs.keys, return_indices=True)
        confident = theirs.confidences(served)[of_theirs]
    if confident is None:
        return None
    before, after = common_columns(served, candidate)
    return Unseen(
        "the reference set",
        ours.decisions[np.ix_(rows, after)],
        ours.weight[rows],
        confident[:, before],
        ours.confidences(candidate)[np.ix_(rows, after)],
    )


def _held_out(served: TopicModel, candidate: TopicModel, corrections: Corrections) -> Unseen:
    test = np.flatnonzero(corrections.test())
    texts = [corrections.texts[i] for i in test.tolist()]
    before, after = common_columns(served, candidate)
    return Unseen(
        "held-out corrections",
        corrections.decisions[np.ix_(test, before)],
        np.ones(len(test)),
        served.scores(texts)[1][:, before],
        candidate.scores(texts)[1][:, after],
    )


def common_columns(served: TopicModel, candidate: TopicModel) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the columns of `common_topics` in either model."""
    topics = common_topics(served, candidate)
    theirs, ours = ([model.taxonomy.column(topic) for topic in topics] for model in (served, candidate))
    return np.array(theirs, np.intp), np.array(ours, np.intp)


def together(sets: Sequence[Unseen]) -> Unseen:
    """Return all articles as one set."""
    return Unseen(
        " and ".join(one.name for one in sets),
        np.concatenate([one.decisions for one in sets]),
        np.concatenate([one.weight for one in sets]),
        np.concatenate([one.served for one in sets]),
        np.concatenate([one.candidate for one in sets]),
    )
