"""The test set of the gate: articles that neither the served model nor its candidate has learned from.

Corrections that they did learn from are a set of their own, of which each says what models said that had not seen them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.topic_model import TopicModel
from training.corrections import Corrections
from training.reference import keys, read_reference
from training.unseen import unseen_confidences

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
    """Return the sets that are there and have articles: the bundles' reference set, held-out corrections, and others.

    Their columns are `common_topics`.

    Args:
        served: the model that is served.
        served_folder: its bundle.
        candidate: the one that may take its place.
        folder: its bundle.
        corrections: what editors decided, by the served model's topics.

    Raises:
        TrainingError: a reference set, or an `unseen.safetensors`, is damaged.
    """
    sets = [_reference(served, served_folder, candidate, folder, corrections)]
    if corrections.ids:
        of_served, served_unseen = unseen_confidences(served_folder, served, corrections)
        of_candidate, candidate_unseen = unseen_confidences(folder, candidate, corrections)
        before, after = common_columns(served, candidate)
        test, unseen = corrections.test(), served_unseen & candidate_unseen
        for name, rows in (("held-out corrections", test), ("corrections out of fold", ~test & unseen)):
            decisions = corrections.decisions[np.ix_(rows, before)]
            confident = of_served[np.ix_(rows, before)], of_candidate[np.ix_(rows, after)]
            sets.append(Unseen(name, decisions, np.ones(len(decisions)), *confident))
    return [one for one in sets if one is not None and len(one)]


def _reference(
    served: TopicModel, served_folder: Path, candidate: TopicModel, folder: Path, corrections: Corrections
) -> Unseen | None:
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
    elsewhere = np.isin(ours.keys[rows], keys(corrections.ids))  # with what editors say of them now
    rows, confident = rows[~elsewhere], confident[~elsewhere]
    before, after = common_columns(served, candidate)
    return Unseen(
        "the reference set",
        ours.decisions[np.ix_(rows, after)],
        ours.weight[rows],
        confident[:, before],
        ours.confidences(candidate)[np.ix_(rows, after)],
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
