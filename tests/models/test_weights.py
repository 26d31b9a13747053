"""Sparse weights answer as the same weights do with their zeros."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import load_bundle, write_bundle
from tagdesk.models.weights import SparseWeights, for_kernel

ARTICLES = [
    Article(title="Fire in the capital", body="Ministers and troops met; the hospital said patients were killed."),
    Article(body="The home side won the cup on penalties after the striker scored twice."),
    Article(body="zxqv"),
]


def pruned(weights: NDArray[np.float32], least: float) -> NDArray[np.float32]:
    return np.where(np.abs(weights) >= least, weights, 0).astype(np.float32)


def sparse(dense: NDArray[np.float32]) -> SparseWeights:
    rows, topics = np.nonzero(dense)
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(dense))))).astype(np.int64)
    return SparseWeights(starts, topics.astype(np.uint32), dense[rows, topics], dense.shape[1])


def both(model: TopicModel, least: float) -> tuple[TopicModel, TopicModel]:
    dense = pruned(np.asarray(model.weights), least)
    return dataclasses.replace(model, weights=dense), dataclasses.replace(model, weights=sparse(dense))


def test_answers_and_evidence_are_those_of_the_dense_weights(small_model: TopicModel) -> None:
    dense, thin = both(small_model, 0.1)
    for article in ARTICLES:
        wanted, found = dense.tag(article, explain=True), thin.tag(article, explain=True)
        assert [(one.topic, one.band) for one in found.topics] == [(one.topic, one.band) for one in wanted.topics]
        for one, other in zip(found.topics, wanted.topics, strict=True):
            assert one.score == pytest.approx(other.score)
            assert one.evidence == other.evidence


def test_evidence_adds_up_to_the_score(small_model: TopicModel) -> None:
    thin = both(small_model, 0.1)[1]
    for topic in thin.taxonomy.ids:
        found = thin.explain(ARTICLES[0], topic)
        assert sum(one.weight for one in found.evidence or ()) + (found.bias or 0) == pytest.approx(found.score)


def test_bundle_brings_back_the_same_answers(small_model: TopicModel, tmp_path: Path) -> None:
    thin = both(small_model, 0.1)[1]
    ngrams = [str(row) for row in range(len(thin.features.hashes))]
    write_bundle(thin, ngrams, "", tmp_path / "thin")
    again = load_bundle(tmp_path / "thin")
    assert again.manifest["format"] == 2
    assert [again.tag(article) for article in ARTICLES] == [thin.tag(article) for article in ARTICLES]


def test_scores_below_the_cut_off_are_told_too(small_model: TopicModel) -> None:
    thin = both(small_model, 0.1)[1]
    told = [*thin.tag(ARTICLES[0]).topics, *thin.below(ARTICLES[0])]
    assert {one.topic.id for one in told} == set(thin.taxonomy.ids)


@settings(deadline=None, max_examples=50, database=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 30))
def test_columns_and_rows_are_those_of_the_dense_array(seed: int, topics: int, features: int) -> None:
    random = np.random.default_rng(seed)
    dense = pruned(random.normal(size=(features, topics)).astype(np.float32), 0.8)
    thin, rows = sparse(dense), random.permutation(features)
    assert thin.shape == dense.shape
    for topic in range(topics):
        assert np.array_equal(thin[:, topic], dense[:, topic])
        assert np.array_equal(thin[rows][:, topic], dense[rows, topic])
    assert for_kernel(thin).values is thin.values


@pytest.mark.parametrize(
    ("starts", "topics"),
    [
        ([0, 1, 3], [0, 1]),
        ([0, 2, 1], [0]),
        ([1, 2], [0, 1]),
        ([0, 1], [2]),
        ([], []),
        ([0, 2], [0, 0]),
        ([0, 1, 3], [1, 1, 0]),
    ],
)
def test_weights_that_a_look_up_would_leave_are_refused(starts: list[int], topics: list[int]) -> None:
    with pytest.raises(ValueError, match="sparse weights"):
        SparseWeights(
            np.array(starts, np.int64), np.array(topics, np.uint32), np.ones(len(topics), np.float32), count=2
        )
