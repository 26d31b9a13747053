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
    assert found.losses[found.strength] == pytest.approx(min(found.losses.values()), rel=0.05)
    right = decisions == YES
    apart = [found.scores[yes, i].mean() - found.scores[~yes, i].mean() for i, yes in enumerate(right.T) if yes.any()]
    assert abs(np.mean(apart)) < 0.3


def test_twice_the_same_corrections_make_the_same_model(small_model: TopicModel, rows: Rows) -> None:
    one, other = (adapted(small_model, rows[:80]) for _ in range(2))
    assert (one.weights == other.weights).all()
    assert one.calibrations == other.calibrations


def as_given(model: TopicModel, texts: Sequence[ArticleText]) -> NDArray[np.int8]:
    """Return the decisions of an editor who lets stand what the model says."""
    given = model.scores(texts)[1] >= np.array([one.suggest for one in model.calibrations])
    return np.where(given, YES, NO).astype(np.int8)


def test_corrections_that_agree_leave_the_model_as_it_is(small_model: TopicModel, rows: Rows) -> None:
    texts = texts_of(rows[:60])
    decisions, targets = as_given(small_model, texts), [0.9] * len(small_model.taxonomy)
    new = adapt(small_model, [row["id"] for row in rows[:60]], texts, decisions, targets)
    assert new.model is small_model
    assert new.strength == np.inf


def test_topic_that_nobody_corrected_stays_as_it_is(small_model: TopicModel, rows: Rows) -> None:
    """Weights, bias, confidence and cut-offs."""
    texts, (politics, sport) = texts_of(rows), (small_model.taxonomy.column(one) for one in ("politics", "sport"))
    decisions = as_given(small_model, texts)
    decisions[:, politics] = decisions_of(rows, small_model)[:, politics]
    new = adapt(small_model, [row["id"] for row in rows], texts, decisions, [0.9] * len(small_model.taxonomy)).model
    np.testing.assert_allclose(new.weights[:, sport], small_model.weights[:, sport], rtol=1e-6)
    assert new.bias[sport] == pytest.approx(small_model.bias[sport])
    assert new.calibrations[sport] == small_model.calibrations[sport]
    assert not np.allclose(new.weights[:, politics], small_model.weights[:, politics])


def test_anchors_hold_the_model_where_they_are(small_model: TopicModel, rows: Rows) -> None:
    """With articles as anchors, what the model says of them changes less than without."""
    taught, kept = rows[1::2], texts_of(rows[::2])
    ids, decisions = [row["id"] for row in taught], decisions_of(taught, small_model)
    targets = [0.9] * len(small_model.taxonomy)
    free, held = (
        adapt(small_model, ids, texts_of(taught), decisions, targets, anchors).model
        for anchors in (None, tf_idf(small_model.features, kept))
    )
    before = small_model.scores(kept)[0]
    moved = [float(np.abs(one.scores(kept)[0] - before).mean()) for one in (free, held)]
    assert 0 < moved[1] < 0.8 * moved[0]


def test_desk_that_decides_otherwise_than_the_anchors_gets_its_way(small_model: TopicModel, rows: Rows) -> None:
    """Anchors on crime say that crime is not politics; the desk says that it is."""
    others, taught = rows[::2], rows[1::2]
    decisions, targets = decisions_of(taught, small_model), [0.9] * len(small_model.taxonomy)
    anchors = tf_idf(small_model.features, texts_of(rows))
    new = adapt(small_model, [row["id"] for row in taught], texts_of(taught), decisions, targets, anchors).model
    wanted = decisions_of(others, small_model)
    assert errors(new, texts_of(others), wanted) < 0.5 * errors(small_model, texts_of(others), wanted)


def test_what_it_learned_is_what_it_scores(small_model: TopicModel, rows: Rows) -> None:
    """Log-odds of topics beside words fold back into one weight a word: the taught articles come out as fitted."""
    new = adapted(small_model, rows)
    wrong = errors(small_model, texts_of(rows), decisions_of(rows, small_model))
    assert errors(new, texts_of(rows), decisions_of(rows, small_model)) < 0.5 * wrong


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
