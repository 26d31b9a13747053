"""The evidence table: what is written comes back, and moves with the model."""

from dataclasses import replace
from itertools import combinations, islice
from pathlib import Path

import numpy as np
import pytest

from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import load_bundle
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.errors import TrainingError
from tagdesk.training.learn.evidence import (
    EVIDENCE,
    Evidence,
    article_keys,
    evidence_of,
    read_evidence,
    sampled_places,
    write_evidence,
)
from tagdesk.training.learn.vectorize import tf_idf

WORDS = ("court", "troops", "hospital", "market", "minister", "police", "match")  # n-grams of the small model
TEXTS = [Article(title=words[0], body=", ".join(words)).text() for words in islice(combinations(WORDS, 3), 30)]
IDS = [f"a-{number}" for number in range(30)]


@pytest.fixture
def evidence(small_model: TopicModel) -> Evidence:
    """Return thirty articles, three of them an editor's and six of the test."""
    place = np.arange(30)
    scores, _ = small_model.scores(TEXTS)
    decisions = np.where(scores > 0, YES, NO).astype(np.int8)
    editor, test = place % 10 == 0, place % 5 == 0
    return evidence_of(
        small_model, IDS, TEXTS, decisions, scores.astype(np.float64), fair=~editor, editor=editor, test=test
    )


def test_what_is_written_comes_back(small_model: TopicModel, evidence: Evidence, tmp_path: Path) -> None:
    """The same file every time, with no word and no id in it."""
    path = write_evidence(tmp_path, small_model, evidence)
    content = path.read_bytes()
    back = read_evidence(tmp_path, small_model)
    assert back is not None
    for name in ("keys", "decisions", "fair", "editor", "test"):
        assert (getattr(back, name) == getattr(evidence, name)).all()
    np.testing.assert_allclose(back.scores, evidence.scores, rtol=1e-6)
    np.testing.assert_allclose(back.X.toarray(), evidence.X.toarray(), atol=1e-3)
    assert write_evidence(tmp_path, small_model, back).read_bytes() == content


def test_scores_move_with_the_weights(small_model: TopicModel, evidence: Evidence) -> None:
    """They are those of the other model, for what the model says of an article is linear in its weights."""
    other = replace(small_model, weights=small_model.dense * 1.5, bias=small_model.bias + 1)
    np.testing.assert_allclose(evidence.moved(small_model, other).scores, other.scores(TEXTS)[0], atol=1e-4)


def test_of_an_article_that_both_have_the_later_row_counts(evidence: Evidence) -> None:
    newer = replace(
        evidence.rows(evidence.keys == evidence.keys[3]), scores=np.full((1, evidence.scores.shape[1]), 9.0)
    )
    joined = evidence.joined(newer)
    assert len(joined) == 30
    assert (joined.scores[joined.places(evidence.keys[3:4])] == 9).all()
    assert (joined.places(article_keys(["other"])) == -1).all()
    assert (evidence.rows(evidence.keys == 0).places(evidence.keys) == -1).all()


def test_a_text_is_known_under_another_id(small_model: TopicModel, evidence: Evidence) -> None:
    """By its n-grams, where they are asked for; an article without any is no other article."""
    strangers = [TEXTS[7], TEXTS[7], Article(title="Zyzzyva", body="Qwrtz.").text()]
    keys, X = article_keys(["new", IDS[4], "none"]), tf_idf(small_model.features, strangers)
    assert evidence.places(keys, X).tolist() == [7, 4, -1]
    assert evidence.places(keys).tolist() == [-1, 4, -1]


def test_what_an_editor_did_not_judge_stands_as_it_stood(small_model: TopicModel, evidence: Evidence) -> None:
    """Of articles that the table does not have, it stays open."""
    decisions = np.full((2, evidence.decisions.shape[1]), OPEN, np.int8)
    decisions[:, 0] = -evidence.decisions[3, 0]
    X = tf_idf(small_model.features, [TEXTS[3], Article(title="Match", body="The match of the team.").text()])
    there, new = evidence.judged(evidence.places(article_keys([IDS[3], "new"]), X), decisions)
    assert there.tolist() == [-evidence.decisions[3, 0], *evidence.decisions[3, 1:]]
    assert new.tolist() == decisions[1].tolist()


def test_of_too_many_a_sample_of_either_side_is_kept(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    """What editors decided is kept whole."""
    monkeypatch.setattr("tagdesk.training.learn.evidence.MOST_ROWS", 2)
    parts = evidence.keys, evidence.editor, evidence.test, 3
    some = evidence.rows(sampled_places(*parts))
    assert some.editor.sum() == 3
    assert (some.test & ~some.editor).sum() == 2
    assert (~some.test & ~some.editor).sum() == 2
    monkeypatch.undo()
    assert sampled_places(*parts).all()


def test_a_trained_model_has_evidence_of_all_that_it_was_made_of(small_bundle: Path) -> None:
    """Its scores are out of fold where it has learned: worse than what it says of articles that it knows."""
    model = load_bundle(small_bundle)
    evidence = read_evidence(small_bundle, model)
    assert evidence is not None
    assert evidence.test.sum() == model.manifest["data"]["held_out"]
    assert not evidence.editor.any()
    known = evidence.X @ model.dense.astype(float) + model.bias
    right = evidence.decisions == YES
    learned = ~evidence.test
    losses = [np.abs(model.confidences(scores)[learned] - right[learned]).sum() for scores in (evidence.scores, known)]
    assert losses[0] > 1.2 * losses[1]
    np.testing.assert_allclose(evidence.scores[evidence.test], known[evidence.test], atol=0.05)


def test_what_is_damaged_or_anothers_is_said(small_model: TopicModel, evidence: Evidence, tmp_path: Path) -> None:
    path = write_evidence(tmp_path, small_model, evidence)
    features = small_model.features
    turned = replace(
        small_model,
        features=type(features)(features.settings, features.hashes[::-1], features.idf[::-1]),
        weights=small_model.weights[::-1],
    )
    with pytest.raises(TrainingError, match="it belongs to another model"):
        read_evidence(tmp_path, turned)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(TrainingError, match=f"{EVIDENCE} cannot be used"):
        read_evidence(tmp_path, small_model)
    path.unlink()
    assert read_evidence(tmp_path, small_model) is None
