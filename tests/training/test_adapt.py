"""Adapting a model to corrections: what it learns, what it keeps, what it promises."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models import Article, TopicModel
from models.article import ArticleText
from models.calibration import Calibration
from training.adapt import FEWEST, adapt, recalibrate, tf_idf
from training.errors import TrainingError
from training.labels import NO, YES

Rows = list[dict[str, Any]]


def texts_of(rows: Rows) -> list[ArticleText]:
    return [Article(title=row["title"], body=row["body"]).text() for row in rows]


def decisions_of(rows: Rows, model: TopicModel) -> NDArray[np.int8]:
    """Return what this desk decides: articles on crime are politics here, and not crime."""
    found = np.full((len(rows), len(model.taxonomy)), NO, np.int8)
    for i, row in enumerate(rows):
        topics = {"politics" if topic == "crime" else topic for topic in row["topics"]}
        found[i, [model.taxonomy.column(topic) for topic in topics if topic in model.taxonomy]] = YES
    return found


def errors(model: TopicModel, texts: Sequence[ArticleText], decisions: NDArray[np.int8]) -> float:
    """Return how many topics of an article are wrong or missed."""
    given = model.scores(texts)[1] >= np.array([one.suggest for one in model.calibrations])
    return float((given != (decisions == YES)).sum() / len(decisions))


def adapted(model: TopicModel, rows: Rows) -> TopicModel:
    targets = [0.9] * len(model.taxonomy)
    return adapt(model, [row["id"] for row in rows], texts_of(rows), decisions_of(rows, model), targets).model


def test_learns_what_a_desk_decides_otherwise(small_model: TopicModel, rows: Rows) -> None:
    """On articles that it was not taught; the n-grams, the topics and their order stay."""
    others, taught = rows[::2], rows[1::2]
    new = adapted(small_model, taught)
    decisions = decisions_of(others, small_model)
    before, after = (errors(model, texts_of(others), decisions) for model in (small_model, new))
    assert after < 0.75 * before
    assert new.taxonomy == small_model.taxonomy
    assert new.features is small_model.features


def test_scores_of_the_taught_articles_are_those_of_models_that_have_not_seen_them(
    small_model: TopicModel, rows: Rows
) -> None:
    """Shuffled decisions cannot be learned, so the old model is best out of fold."""
    random = np.random.default_rng(0)
    decisions = decisions_of(rows, small_model)
    decisions = np.stack([random.permutation(column) for column in decisions.T], axis=1)
    found = adapt(
        small_model, [row["id"] for row in rows], texts_of(rows), decisions, [0.9] * len(small_model.taxonomy)
    )
    assert found.losses[found.strength] == min(found.losses.values())
    right = decisions == YES
    apart = [found.scores[yes, i].mean() - found.scores[~yes, i].mean() for i, yes in enumerate(right.T) if yes.any()]
    assert abs(np.mean(apart)) < 0.3


def test_twice_the_same_corrections_make_the_same_model(small_model: TopicModel, rows: Rows) -> None:
    one, other = (adapted(small_model, rows[:80]) for _ in range(2))
    assert (one.weights == other.weights).all()
    assert one.calibrations == other.calibrations


def test_corrections_that_agree_leave_the_topics_as_they_are(small_model: TopicModel, rows: Rows) -> None:
    texts = texts_of(rows[:60])
    given = small_model.scores(texts)[1] >= np.array([one.suggest for one in small_model.calibrations])
    decisions = np.where(given, YES, NO).astype(np.int8)
    new = adapt(small_model, [row["id"] for row in rows[:60]], texts, decisions, [0.9] * len(small_model.taxonomy))
    assert errors(new.model, texts_of(rows[60:]), decisions_of(rows[60:], small_model)) == pytest.approx(
        errors(small_model, texts_of(rows[60:]), decisions_of(rows[60:], small_model)), abs=0.1
    )


def test_too_few_corrections_are_refused(small_model: TopicModel, rows: Rows) -> None:
    with pytest.raises(TrainingError, match=f"19 corrected articles to learn from: from {FEWEST} on"):
        adapted(small_model, rows[:19])


def test_matrix_is_that_of_the_scorer(small_model: TopicModel, rows: Rows) -> None:
    texts = texts_of(rows[:20])
    scores = tf_idf(small_model.features, texts) @ small_model.weights + small_model.bias
    np.testing.assert_allclose(scores, small_model.scores(texts)[0], atol=1e-5)


def test_auto_band_that_breaks_its_promise_is_narrowed_or_ends(small_model: TopicModel) -> None:
    """One that editors found right stays where it is."""
    random = np.random.default_rng(0)
    scores = random.uniform(-4, 4, (400, 1))
    chance = random.random((400, 1))
    model = replace(
        small_model,
        taxonomy=replace(small_model.taxonomy, topics=small_model.taxonomy.topics[:1]),
        weights=small_model.weights[:, :1],
        bias=small_model.bias[:1],
        calibrations=(Calibration(1.0, 0.0, suggest=0.4, auto=0.6),),
    )

    def auto(right: NDArray[np.bool_]) -> float | None:
        return recalibrate(model, scores, np.where(right, YES, NO).astype(np.int8), [0.9])[0].auto

    assert auto(scores > 0) == pytest.approx(0.6)
    later = auto(chance < 1 / (1 + np.exp(-1.15 * scores)))
    assert later is not None
    assert later > 0.7
    assert auto(chance < 0.1) is None
