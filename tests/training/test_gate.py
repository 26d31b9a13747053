"""The gate: which candidates pass, and what is said of those that do not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import Article, TopicModel
from models.calibration import Calibration
from tests.training.conftest import WriteCorpus
from training.corrections import Corrections, read_corrections
from training.errors import TrainingError
from training.frozen_test import Unseen, frozen_test
from training.gate import compare
from training.labels import NO, YES
from training.measure import Examined
from training.reference import REFERENCE, read_reference, write_reference

Rows = list[dict[str, Any]]


@pytest.fixture
def held_out(small_model: TopicModel, rows: Rows) -> Examined:
    """Return all the articles as a test of the small model."""
    texts = [Article(title=row["title"], body=row["body"]).text() for row in rows]
    decisions = np.full((len(rows), len(small_model.taxonomy)), NO, np.int8)
    for i, row in enumerate(rows):
        decisions[i, [small_model.taxonomy.column(one) for one in row["topics"] if one in small_model.taxonomy]] = YES
    scores, confidences = small_model.scores(texts)
    return Examined([row["id"] for row in rows], texts, decisions, scores, confidences, np.ones(len(rows)))


@pytest.fixture
def none(write_corpus: WriteCorpus, small_model: TopicModel) -> Corrections:
    """Return no corrections."""
    return read_corrections(str(write_corpus([], "none.jsonl")), small_model.taxonomy)


def worse(model: TopicModel, topic: str) -> TopicModel:
    """Return a model whose weights of one topic are in disorder."""
    weights = model.weights.copy()
    column = model.taxonomy.column(topic)
    weights[:, column] = np.random.default_rng(0).permutation(weights[:, column])
    return replace(model, weights=weights)


def unseen(model: TopicModel, candidate: TopicModel, held_out: Examined, count: int | None = None) -> Unseen:
    """Return the test of two models, or its first articles."""
    few = slice(count)
    confidences = [one.scores(held_out.texts[few])[1] for one in (model, candidate)]
    return Unseen("the reference set", held_out.decisions[few], held_out.weight[few], *confidences)


def test_topic_that_fell_is_named_with_how_much(small_model: TopicModel, held_out: Examined) -> None:
    candidate = worse(small_model, "sport")
    verdict = compare(small_model, candidate, [unseen(small_model, candidate, held_out)], (), 0.9)
    assert not verdict.passed
    assert list(verdict.fallen) == ["sport"]
    (said,) = [reason for reason in verdict.reasons if reason.startswith("sport falls by ")]
    assert "F1, from " in said
    assert "the reference set (280 articles), surely: " in said
    moved = verdict.topics["sport"]
    assert moved.low < moved.change < moved.high < 0
    assert verdict.topics["health"].change == 0


def test_better_candidate_passes(small_model: TopicModel, held_out: Examined) -> None:
    """The small model in place of one that is worse than it."""
    served = worse(small_model, "sport")
    verdict = compare(served, small_model, [unseen(served, small_model, held_out)], held_out.texts, 0.9)
    assert verdict.reasons == ()
    assert verdict.micro_f1.low > 0


def test_candidate_that_gains_nothing_is_refused(small_model: TopicModel, held_out: Examined) -> None:
    verdict = compare(small_model, small_model, [unseen(small_model, small_model, held_out)], (), 0.9)
    assert verdict.reasons == ("micro-F1 does not rise on the reference set (280 articles)",)


def test_confidences_that_are_off_are_refused(small_model: TopicModel, held_out: Examined) -> None:
    """Topics and ranking stay; the line that makes confidences is wrong."""
    flat = [
        Calibration(one.slope / 3, one.offset / 3, 1 / (1 + (1 / one.suggest - 1) ** (1 / 3)))
        for one in small_model.calibrations
    ]
    candidate = replace(small_model, calibrations=tuple(flat))
    verdict = compare(small_model, candidate, [unseen(small_model, candidate, held_out)], (), 0.9)
    assert any(reason.startswith("the calibration error grows from ") for reason in verdict.reasons)


def test_auto_that_breaks_its_promise_is_refused(small_model: TopicModel, held_out: Examined) -> None:
    careful = replace(
        small_model, calibrations=tuple(replace(one, suggest=0.3, auto=0.7) for one in small_model.calibrations)
    )
    bold = tuple(replace(one, suggest=0.001, auto=0.001) for one in small_model.calibrations)
    candidate = replace(small_model, calibrations=bold)
    verdict = compare(careful, candidate, [unseen(careful, candidate, held_out)], (), 0.9)
    assert any(reason.startswith("`auto` promises 0.9, and ") for reason in verdict.reasons)


def test_topic_that_is_gone_is_named(small_model: TopicModel, held_out: Examined) -> None:
    keep = [i for i, topic in enumerate(small_model.taxonomy.ids) if topic != "crime"]
    candidate = replace(
        small_model,
        taxonomy=replace(small_model.taxonomy, topics=tuple(small_model.taxonomy.topics[i] for i in keep)),
        weights=np.ascontiguousarray(small_model.weights[:, keep]),
        bias=small_model.bias[keep],
        calibrations=tuple(small_model.calibrations[i] for i in keep),
    )
    common = replace(held_out, decisions=held_out.decisions[:, keep])
    one = unseen(small_model, candidate, common)
    verdict = compare(small_model, candidate, [replace(one, served=one.served[:, keep])], (), 0.9)
    assert "crime is no longer a topic" in verdict.reasons


def test_without_anything_to_compare_on_it_says_what_to_do(small_model: TopicModel) -> None:
    with pytest.raises(TrainingError, match=r"nothing to compare the two models on: .*--force"):
        compare(small_model, small_model, [], (), 0.9)


def test_reference_set_tells_what_the_model_says(
    small_model: TopicModel, held_out: Examined, none: Corrections, tmp_path: Path
) -> None:
    """Its confidences are those of the articles' texts; it has no text, and takes little room."""
    write_reference(tmp_path, small_model, held_out, held_out.ids, held_out.texts)
    assert (tmp_path / REFERENCE).stat().st_size < 700 * len(held_out.ids)
    candidate = worse(small_model, "sport")
    (one,) = frozen_test(small_model, tmp_path, candidate, tmp_path, none)
    np.testing.assert_allclose(one.served, held_out.confidences, atol=1e-5)
    np.testing.assert_allclose(one.candidate, candidate.scores(held_out.texts)[1], atol=1e-5)


def test_models_of_other_ngrams_are_compared_on_the_articles_that_both_held_out(
    small_model: TopicModel, held_out: Examined, none: Corrections, tmp_path: Path
) -> None:
    """Each has rows of its own; the candidate has held out the last 200, the other way round."""
    for name in ("served", "candidate"):
        (tmp_path / name).mkdir()
    rows = np.arange(0, len(small_model.features.idf), 2)
    features = type(small_model.features)(
        small_model.features.settings, small_model.features.hashes[rows], small_model.features.idf[rows]
    )
    candidate = replace(small_model, features=features, weights=small_model.weights[rows])
    back = slice(None, 79, -1)
    other = Examined(
        held_out.ids[back],
        held_out.texts[back],
        held_out.decisions[back],
        held_out.scores[back],
        held_out.confidences[back],
        held_out.weight[back],
    )
    write_reference(tmp_path / "served", small_model, held_out, (), ())
    write_reference(tmp_path / "candidate", candidate, other, (), ())
    (one,) = frozen_test(small_model, tmp_path / "served", candidate, tmp_path / "candidate", none)
    assert len(one) == 200
    order = np.lexsort(one.served.T)
    expected = held_out.confidences[80:]
    np.testing.assert_allclose(one.served[order], expected[np.lexsort(expected.T)], atol=1e-5)
    expected = candidate.scores(held_out.texts[80:])[1]
    np.testing.assert_allclose(np.sort(one.candidate, axis=0), np.sort(expected, axis=0), atol=1e-5)


def test_damaged_reference_set_is_said(small_model: TopicModel, held_out: Examined, tmp_path: Path) -> None:
    """One of another model, too."""
    path = write_reference(tmp_path, small_model, held_out, (), ())
    turned = replace(
        small_model,
        features=type(small_model.features)(
            small_model.features.settings, small_model.features.hashes[::-1], small_model.features.idf[::-1]
        ),
        weights=small_model.weights[::-1],
    )
    with pytest.raises(TrainingError, match="it belongs to another model"):
        read_reference(tmp_path, turned)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(TrainingError, match=f"{REFERENCE} cannot be used"):
        read_reference(tmp_path, small_model)
