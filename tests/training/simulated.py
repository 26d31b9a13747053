"""Pairs of models that differ in a way that is known: what the gate's error rates are counted on."""

from dataclasses import replace

import numpy as np

from tagdesk.models.calibration import Calibration
from tagdesk.models.features import Features, FeatureSettings
from tagdesk.models.taxonomy import Taxonomy, Topic
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.corpora.labels import NO, YES
from tagdesk.training.judge.pairs import Pairs

ARTICLES, TOPICS = 600, 22
_SURE, _LIKELY, _UNLIKELY = 0.95, 0.6, 0.03  # confidences in the bands `auto` and `suggest`, and below

AUTO = 0.7
"""Share of the topics given that are in the band `auto`."""


def a_model(version: str) -> TopicModel:
    """Return a model of 22 topics that is only asked for its cut-offs."""
    topics = tuple(Topic(f"t{number}", f"Topic {number}") for number in range(TOPICS))
    return TopicModel(
        name="simulated",
        version=version,
        taxonomy=Taxonomy("simulated", topics),
        features=Features(FeatureSettings(), np.arange(1, 2, dtype=np.uint64), np.ones(1, np.float32)),
        weights=np.zeros((1, TOPICS), np.float32),
        bias=np.zeros(TOPICS, np.float32),
        calibrations=(Calibration(1.0, 0.0, suggest=0.5, auto=0.9),) * TOPICS,
        manifest={},
    )


def equally_good(random: np.random.Generator, *, worse: float = 0.0) -> Pairs:
    """Return two models that err as often, but not always on the same articles.

    Args:
        random: draws them.
        worse: how much more of the topics that an article has the candidate misses, 0 to 1.
    """
    frequency = np.linspace(0.02, 0.15, TOPICS)
    yes = random.random((ARTICLES, TOPICS)) < frequency
    sure = random.random((ARTICLES, TOPICS)) < AUTO
    both = random.random((ARTICLES, TOPICS))  # an article that is hard is hard for both

    def confidences(missed: float) -> np.ndarray:
        own = random.random((ARTICLES, TOPICS)) < 0.15  # of the pairs each model decides for itself
        chance = np.where(own, random.random((ARTICLES, TOPICS)), both)
        given = np.where(yes, chance >= 0.2 + missed, chance < 0.015)
        # Nineteen of twenty that are wrongly given are not sure of it.
        is_sure = sure & (yes | (random.random((ARTICLES, TOPICS)) < 0.05))
        return np.where(given, np.where(is_sure, _SURE, _LIKELY), _UNLIKELY)

    return Pairs(
        topics=a_model("").taxonomy.ids,
        keys=np.arange(ARTICLES, dtype=np.uint64),
        decisions=np.where(yes, YES, NO).astype(np.int8),
        weight=np.ones(ARTICLES),
        editor=np.arange(ARTICLES) < ARTICLES // 10,
        served=confidences(0.0),
        candidate=confidences(worse),
    )


def collapsed(random: np.random.Generator, articles: int) -> Pairs:
    """Return two models, of which the candidate no longer gives the first topic, which so many articles have."""
    pairs = equally_good(random)
    decisions, served, candidate = pairs.decisions.copy(), pairs.served.copy(), pairs.candidate.copy()
    has = random.permutation(ARTICLES)[:articles]
    decisions[:, 0] = NO
    decisions[has, 0] = YES
    served[:, 0] = _UNLIKELY
    served[has, 0] = _SURE
    candidate[:, 0] = _UNLIKELY
    return replace(pairs, decisions=decisions, served=served, candidate=candidate)


def half_as_sure(random: np.random.Generator) -> Pairs:
    """Return two models that give the same topics, of which the candidate's `auto` band has half as many."""
    pairs = equally_good(random)
    doubted = (pairs.served == _SURE) & (random.random(pairs.served.shape) < 0.5)
    return replace(pairs, candidate=np.where(doubted, _LIKELY, pairs.served))
