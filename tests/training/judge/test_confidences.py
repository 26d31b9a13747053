"""Honesty and ranking of weighted, partly open confidences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from tagdesk.training.corpora.labels import NO, YES
from tagdesk.training.judge.confidences import (
    average_precision,
    brier_score,
    decided_pairs,
    expected_calibration_error,
    precision_recall,
    reliability,
)
from tests.training.judge.pairs_to_measure import Rows, arrays, articles, drawn, quick


@quick
@given(articles)
def test_brier_score_is_scikit_learns(rows: Rows) -> None:
    decisions, confidences, weight = arrays(rows)
    pairs = decided_pairs(decisions, confidences, weight)
    if not pairs.right.any():
        return
    expected = brier_score_loss(pairs.right, pairs.confidence, sample_weight=pairs.weight, pos_label=1)
    assert brier_score(decisions, confidences, weight) == pytest.approx(expected)


def test_bins_are_of_equal_weight_and_the_lowest_first() -> None:
    decisions, confidences, weight = drawn(count=1000)
    bins = reliability(decided_pairs(decisions, confidences, weight))
    assert [one.pairs for one in bins] == [200] * 15
    assert [one.share for one in bins] == pytest.approx([1 / 15] * 15)
    assert [one.confidence for one in bins] == sorted(one.confidence for one in bins)
    assert all(one.low <= one.right <= one.high for one in bins)


@quick
@given(articles, st.randoms(use_true_random=False))
def test_order_of_the_articles_does_not_matter(rows: Rows, random: object) -> None:
    """Not even among pairs of equal confidence: they share a bin."""
    shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
    one, other = (expected_calibration_error(*arrays(some)) for some in (rows, shuffled))
    assert one == pytest.approx(other, nan_ok=True)


@pytest.mark.parametrize(("count", "bins"), [(3, 1), (8, 2), (40, 12), (1000, 15)])
def test_few_pairs_have_few_bins(count: int, bins: int) -> None:
    """Three topics each: a bin needs 10 pairs."""
    assert len(reliability(decided_pairs(*drawn(count=count)))) == bins


def test_calibration_error_is_the_mean_distance_of_right_and_confidence() -> None:
    """Of four pairs in two bins: |0.5 - 0.2| and |1 - 0.9|; the pair below 0.05 is not looked at."""
    decisions = np.array([[YES], [NO], [YES], [YES], [YES]], np.int8)
    confidences = np.array([[0.2], [0.2], [0.9], [0.9], [0.01]])
    assert expected_calibration_error(decisions, confidences, np.ones(5), bins=2) == pytest.approx(0.2)


def test_honest_confidences_have_a_small_calibration_error_and_others_do_not() -> None:
    assert expected_calibration_error(*drawn()) < 0.02
    assert expected_calibration_error(*drawn(honest=False)) > 0.15


def test_calibration_error_is_at_least_that_of_one_bin() -> None:
    """Jensen: finer bins see errors that a single one averages away."""
    decisions, confidences, weight = drawn(honest=False)
    one = expected_calibration_error(decisions, confidences, weight, bins=1)
    assert one <= expected_calibration_error(decisions, confidences, weight) + 1e-12


@quick
@given(articles)
def test_curve_has_every_confidence_once_and_its_area_is_the_average_precision(rows: Rows) -> None:
    pairs = decided_pairs(*arrays(rows))
    curve = precision_recall(pairs)
    if not pairs.right.any():
        assert not len(curve.recall)
        assert np.isnan(average_precision(pairs))
        return
    assert curve.cut_offs.tolist() == sorted(set(pairs.confidence.tolist()), reverse=True)
    assert np.diff(curve.recall, prepend=0.0) @ curve.precision == pytest.approx(average_precision(pairs))
