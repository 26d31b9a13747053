"""Adapting a model to corrections: what it learns, what it keeps, what it promises."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tagdesk.models import Article, TopicModel
from tagdesk.models.reading.article import ArticleText
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.errors import TrainingError
from tagdesk.training.learn.adapt import FEWEST, Adapted, adapt
from tagdesk.training.learn.vectorize import tf_idf

Rows = list[dict[str, Any]]


def texts_of(rows: Rows) -> list[ArticleText]:
    return [Article(title=row["title"], body=row["body"]).text() for row in rows]


def decisions_of(rows: Rows, model: TopicModel) -> NDArray[np.int8]:
    """Return what this desk decides: articles on crime are politics here, and not crime."""
    decisions = np.full((len(rows), len(model.taxonomy)), NO, np.int8)
    for i, row in enumerate(rows):
        topics = {"politics" if topic == "crime" else topic for topic in row["topics"]}
        decisions[i, [model.taxonomy.column(topic) for topic in topics if topic in model.taxonomy]] = YES
    return decisions


def errors(model: TopicModel, texts: Sequence[ArticleText], decisions: NDArray[np.int8]) -> float:
    """Return how many topics of an article are wrong or missed."""
    predicted = model.scores(texts)[1] >= np.array([calibration.suggest for calibration in model.calibrations])
    return float((predicted != (decisions == YES)).sum() / len(decisions))


def taught_to(model: TopicModel, rows: Rows, decisions: NDArray[np.int8] | None = None, anchors: Any = None) -> Adapted:
    """Adapt the model to what this desk decides of some articles, or to other decisions."""
    decisions = decisions_of(rows, model) if decisions is None else decisions
    return adapt(model, [row["id"] for row in rows], tf_idf(model.features, texts_of(rows)), decisions, anchors)


def adapted(model: TopicModel, rows: Rows) -> TopicModel:
    return taught_to(model, rows).model


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
    result = taught_to(small_model, rows, decisions)
    assert result.losses[result.strength] == min(result.losses.values())
    right = decisions == YES
    apart = [result.scores[yes, i].mean() - result.scores[~yes, i].mean() for i, yes in enumerate(right.T) if yes.any()]
    assert abs(np.mean(apart)) < 0.3


def test_twice_the_same_corrections_make_the_same_model(small_model: TopicModel, rows: Rows) -> None:
    first, second = (adapted(small_model, rows[:80]) for _ in range(2))
    assert (first.dense == second.dense).all()
    assert first.calibrations == second.calibrations


def test_one_core_and_two_make_the_same_model(small_model: TopicModel, rows: Rows) -> None:
    anchors = tf_idf(small_model.features, texts_of(rows[1::2]))
    weights = []
    for cores in (1, 2):
        with threadpool_limits(cores):
            weights.append(taught_to(small_model, rows[::2], anchors=anchors).model.dense)
    assert (weights[0] == weights[1]).all()


def as_given(model: TopicModel, texts: Sequence[ArticleText]) -> NDArray[np.int8]:
    """Return the decisions of an editor who lets stand what the model says."""
    predicted = model.scores(texts)[1] >= np.array([calibration.suggest for calibration in model.calibrations])
    return np.where(predicted, YES, NO).astype(np.int8)


def test_corrections_that_agree_leave_the_model_as_it_is(small_model: TopicModel, rows: Rows) -> None:
    new = taught_to(small_model, rows[:60], as_given(small_model, texts_of(rows[:60])))
    assert new.model is small_model
    assert new.strength == np.inf


def test_topic_that_nobody_corrected_stays_as_it_is(small_model: TopicModel, rows: Rows) -> None:
    """Weights and bias."""
    texts, (politics, sport) = texts_of(rows), (small_model.taxonomy.column(topic) for topic in ("politics", "sport"))
    decisions = as_given(small_model, texts)
    decisions[:, politics] = decisions_of(rows, small_model)[:, politics]
    new = taught_to(small_model, rows, decisions).model
    np.testing.assert_allclose(new.weights[:, sport], small_model.weights[:, sport], rtol=1e-6)
    assert new.bias[sport] == pytest.approx(small_model.bias[sport])
    assert not np.allclose(new.weights[:, politics], small_model.weights[:, politics])


def test_anchors_hold_the_model_where_they_are(small_model: TopicModel, rows: Rows) -> None:
    """With articles as anchors, what the model says of them changes less than without."""
    taught, anchored = rows[1::2], texts_of(rows[::2])
    free, held = (
        taught_to(small_model, taught, anchors=anchors).model
        for anchors in (None, tf_idf(small_model.features, anchored))
    )
    before = small_model.scores(anchored)[0]
    moved = [float(np.abs(model.scores(anchored)[0] - before).mean()) for model in (free, held)]
    assert 0 < moved[1] < 0.8 * moved[0]


def test_desk_that_decides_otherwise_than_the_anchors_gets_its_way(small_model: TopicModel, rows: Rows) -> None:
    """Anchors on crime say that crime is not politics; the desk says that it is."""
    others, taught = rows[::2], rows[1::2]
    new = taught_to(small_model, taught, anchors=tf_idf(small_model.features, texts_of(rows))).model
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


def test_what_nobody_judged_moves_nothing(small_model: TopicModel, rows: Rows) -> None:
    """Corrections that are open on a topic leave it as it is, and teach the others what they would have anyway."""
    decisions = decisions_of(rows, small_model)
    politics, crime = (small_model.taxonomy.column(topic) for topic in ("politics", "crime"))
    decisions[:, crime] = OPEN
    new = taught_to(small_model, rows, decisions).model
    assert (new.weights[:, crime] == small_model.weights[:, crime]).all()
    assert (new.weights[:, politics] != small_model.weights[:, politics]).any()


def test_a_change_that_does_no_better_than_none_is_not_made(small_model: TopicModel, rows: Rows) -> None:
    """Whatever the corrections, what is chosen does better out of fold than the model as it is, or is that."""
    random = np.random.default_rng(1)
    for count in (20, 25, 40):
        some = [rows[i] for i in random.permutation(len(rows))[:count]]
        decisions = as_given(small_model, texts_of(some))
        flipped = random.integers(len(some)), random.integers(decisions.shape[1])
        decisions[flipped] *= -1
        result = taught_to(small_model, some, decisions)
        assert result.losses[result.strength] <= result.losses[np.inf]
        assert (result.model is small_model) == (result.strength == np.inf)
