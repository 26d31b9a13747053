"""Figures of weighted, partly open decisions."""

import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import f1_score

from tagdesk.models.calibration import Calibration
from tagdesk.models.reading.article import ArticleText
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.judge.confidences import brier_score, calibration_error_of, expected_calibration_error
from tagdesk.training.judge.measure import Examined, measure
from tagdesk.training.judge.mistakes import suspected_label_errors
from tests.training.judge.pairs_to_measure import Rows, arrays, articles, drawn, quick

TEXT = ArticleText("", "words", "body", None, ())
CALIBRATIONS = (Calibration(1, 0, 0.3, 0.8), Calibration(1, 0, 0.5, None), Calibration(1, 0, 0.6, 0.7))


@quick
@given(articles)
def test_weight_is_a_number_of_copies(rows: Rows) -> None:
    decisions, confidences, weight = arrays(rows)
    copies = np.repeat(np.arange(len(rows)), weight.astype(int))
    weighed = measure(decisions, confidences, weight, CALIBRATIONS)
    copied = measure(decisions[copies], confidences[copies], np.ones(len(copies)), CALIBRATIONS)
    for name in ("macro_f1", "top1", "untagged", "brier"):
        assert getattr(weighed, name) == pytest.approx(getattr(copied, name), nan_ok=True), name
    for one, other in zip((*weighed.topics, weighed.whole), (*copied.topics, copied.whole), strict=True):
        for name in ("precision", "recall", "f1", "auto_precision", "auto_share", "average_precision"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), nan_ok=True), name

    error = expected_calibration_error(decisions, confidences, weight, bins=5)
    error_of_copies = expected_calibration_error(decisions[copies], confidences[copies], np.ones(len(copies)), bins=5)
    assert error == pytest.approx(error_of_copies, nan_ok=True)


@quick
@given(articles)
def test_open_pairs_count_nowhere(rows: Rows) -> None:
    decisions, confidences, weight = arrays(rows)
    moved = np.where(decisions == OPEN, 1 - confidences, confidences)
    assert brier_score(decisions, moved, weight) == pytest.approx(
        brier_score(decisions, confidences, weight), nan_ok=True
    )
    assert expected_calibration_error(decisions, moved, weight) == pytest.approx(
        expected_calibration_error(decisions, confidences, weight), nan_ok=True
    )
    before, after = (measure(decisions, one, weight, CALIBRATIONS) for one in (confidences, moved))
    assert repr((before.topics, before.whole)) == repr((after.topics, after.whole))
    assert suspected_label_errors(decisions, confidences) == suspected_label_errors(decisions, moved)


@quick
@given(articles)
def test_f1_is_scikit_learns(rows: Rows) -> None:
    decisions, confidences, weight = arrays(rows)
    measured = measure(decisions, confidences, weight, CALIBRATIONS)
    for column, one in enumerate(measured.topics):
        decided = decisions[:, column] != OPEN
        if not decided.any():
            continue
        expected = f1_score(
            decisions[decided, column] == YES,
            measured.predicted[decided, column],
            sample_weight=weight[decided],
            zero_division=0,
        )
        assert one.f1 == pytest.approx(expected)


def test_first_topic_is_right_where_it_is_wanted_or_open() -> None:
    decisions = np.array([[YES, NO, NO], [NO, YES, NO], [OPEN, YES, NO], [YES, NO, NO]], np.int8)
    confidences = np.array([[0.9, 0.1, 0.1], [0.9, 0.6, 0.1], [0.9, 0.1, 0.1], [0.1, 0.1, 0.1]])
    measured = measure(decisions, confidences, np.ones(4), CALIBRATIONS)
    assert (measured.top1, measured.untagged) == (0.5, 0.25)


def test_share_of_the_articles_is_even_and_small_enough() -> None:
    decisions, confidences, weight = drawn(count=100)
    ids = [str(i) for i in range(100)]
    examined = Examined(ids, [TEXT] * 100, decisions, confidences, confidences, weight)
    share = examined.share(99)
    assert share.ids == ids[::4]
    assert share.decisions.tolist() == decisions[::4].tolist()
    assert {len(getattr(share, name)) for name in Examined.__slots__ if name != "how"} == {25}
    assert examined.share(300) is examined


def test_figures_of_nothing_are_not_numbers() -> None:
    measured = measure(np.empty((0, 3), np.int8), np.empty((0, 3)), np.empty(0), CALIBRATIONS)
    assert np.isnan([measured.macro_f1, measured.top1, measured.calibration_error, measured.brier]).all()
    assert np.isnan([measured.whole.precision, measured.whole.recall, measured.whole.average_precision]).all()
    assert measured.whole.f1 == 0
    assert np.isnan(calibration_error_of(()))
