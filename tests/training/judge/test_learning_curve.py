"""Fits on a part of the full labels, measured on articles that none of them saw."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tagdesk.models import Article
from tagdesk.training.config import FitSettings
from tagdesk.training.corpora.labels import NO, YES
from tagdesk.training.judge.confidences import average_precision, decided_pairs
from tagdesk.training.judge.learning_curve import LearningCurve, learning_curve
from tagdesk.training.learn.fit import fit_topics
from tagdesk.training.learn.split import stratified_folds
from tagdesk.training.learn.vectorize import NgramVectorizer

SETTINGS = FitSettings(C=1.0)
TOPICS = ("health", "sport")


def curve(X: Any, decisions: Any, fold: Any) -> LearningCurve:
    full = fit_topics(X, decisions, fold, SETTINGS).out_of_fold
    return learning_curve(X, decisions, fold, SETTINGS, None, full, np.ones(len(fold)))


@pytest.fixture(scope="module")
def articles(rows: list[dict[str, Any]]) -> tuple[Any, Any, Any]:
    """Return X, decisions and folds of our own articles; those of the first two topics' labels are turned at random."""
    X = NgramVectorizer().fit_transform([Article(title=row["title"], body=row["body"]).text() for row in rows])
    decisions = np.array([[YES if topic in row["topics"] else NO for topic in TOPICS] for row in rows], np.int8)
    return X, decisions, stratified_folds([row["id"] for row in rows], decisions == YES, 3, 0)


def test_curve_ends_where_the_training_ended(articles: tuple[Any, Any, Any]) -> None:
    """All the labels were learned from in the training itself; that costs nothing."""
    X, decisions, fold = articles
    found = curve(X, decisions, fold)
    scores = fit_topics(X, decisions, fold, SETTINGS).out_of_fold[fold == 0]
    for column in range(len(TOPICS)):
        pairs = decided_pairs(decisions[fold == 0][:, [column]], scores[:, [column]], np.ones(len(scores)))
        assert found.average_precision[2, column] == pytest.approx(average_precision(pairs))
    others = int((fold > 0).sum())
    assert found.articles == (others // 4, others // 2, others)
    assert found.measured_on == (fold == 0).sum()


def test_same_twice(articles: tuple[Any, Any, Any]) -> None:
    one, other = (curve(*articles) for _ in range(2))
    assert (one.average_precision == other.average_precision).all()
    assert (one.low == other.low).all()


def test_more_labels_help_where_there_is_something_to_learn() -> None:
    """Each article has ten words of two hundred; one word in four speaks for the topic."""
    random = np.random.default_rng(0)
    X = sp.random(1200, 200, density=0.05, format="csr", random_state=random)
    decisions = np.where(X @ random.normal(size=(200, 1)) > 0.2, YES, NO).astype(np.int8)
    found = curve(X, decisions, random.integers(0, 3, 1200))
    quarter, half, full = found.macro
    assert quarter < half < full
    assert found.verdict(0) == "likely"
    assert found.low[0] <= found.gain[0] <= found.high[0]


def test_articles_measured_on_are_never_learned_from() -> None:
    """Every article has a word of its own, labels are drawn by lot: only who has seen an article knows its label."""
    random = np.random.default_rng(0)
    decisions = np.where(random.random((400, 1)) < 0.5, YES, NO).astype(np.int8)
    found = curve(sp.identity(400, format="csr"), decisions, random.integers(0, 3, 400))
    assert (found.average_precision < 0.6).all()


def test_topic_with_too_few_articles_is_left_unclear(articles: tuple[Any, Any, Any]) -> None:
    X, decisions, fold = articles
    rare = np.full((len(decisions), 1), NO, np.int8)
    rare[np.concatenate([np.flatnonzero(fold == one)[:4] for one in range(3)])] = YES
    found = curve(X, np.hstack((decisions, rare)), fold)
    assert np.isnan(found.average_precision[:2, 2]).all()
    assert not np.isnan(found.average_precision[:, :2]).any()
    assert found.verdict(2) == "unclear"
    assert not np.isnan(found.macro).any()


@pytest.mark.parametrize(
    ("low", "gain", "high", "verdict"),
    [
        (0.01, 0.03, 0.05, "likely"),
        (-0.01, 0.03, 0.05, "unclear"),
        (-0.01, 0.0, 0.015, "little"),
        (0.001, 0.005, 0.015, "little"),
        (0.001, 0.005, 0.03, "unclear"),
    ],
)
def test_verdict_weighs_the_gain_and_how_sure_it_is(low: float, gain: float, high: float, verdict: str) -> None:
    precision = np.array([[0.5], [0.6], [0.6 + gain]])
    assert LearningCurve((1, 2, 4), 9, precision, np.array([low]), np.array([high])).verdict(0) == verdict
