"""Figures of weighted, partly open decisions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score

from models.article import ArticleText
from models.calibration import Calibration
from training.labels import NO, OPEN, YES
from training.measure import (
    Decisions,
    Examined,
    Floats,
    average_precision,
    brier_score,
    calibration_error_of,
    confusions,
    decided_pairs,
    expected_calibration_error,
    f1_change,
    measure,
    most_wrong,
    precision_recall,
    reliability,
    suspected_label_errors,
)

quick = settings(deadline=None, max_examples=60, database=None)
TOPICS = 3
TEXT = ArticleText("", "words", "body", None, ())
CALIBRATIONS = (Calibration(1, 0, 0.3, 0.8), Calibration(1, 0, 0.5, None), Calibration(1, 0, 0.6, 0.7))

# Few distinct confidences, so that many are equal; a weight is a number of copies.
cells = st.tuples(st.sampled_from([YES, NO, NO, OPEN]), st.integers(0, 12))
articles = st.lists(
    st.tuples(st.lists(cells, min_size=TOPICS, max_size=TOPICS), st.integers(1, 4)), min_size=1, max_size=40
)
Rows = list[tuple[list[tuple[int, int]], int]]


def arrays(rows: Rows) -> tuple[Decisions, Floats, Floats]:
    decisions = np.array([[said for said, _ in row] for row, _ in rows], np.int8)
    confidences = np.array([[level / 12 for _, level in row] for row, _ in rows])
    return decisions, confidences, np.array([copies for _, copies in rows], np.float64)


def drawn(honest: bool = True, count: int = 4000) -> tuple[Decisions, Floats, Floats]:
    random = np.random.default_rng(0)
    confidences = random.random((count, TOPICS))
    truth = confidences if honest else confidences**2
    return np.where(random.random(truth.shape) < truth, YES, NO).astype(np.int8), confidences, np.ones(count)


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
def test_average_precision_and_brier_score_are_scikit_learns(rows: Rows) -> None:
    decisions, confidences, weight = arrays(rows)
    pairs = decided_pairs(decisions, confidences, weight)
    if not pairs.right.any():
        assert np.isnan(average_precision(precision_recall(pairs)))
        return
    theirs = average_precision_score(pairs.right, pairs.confidence, sample_weight=pairs.weight)
    assert average_precision(precision_recall(pairs)) == pytest.approx(theirs)
    ours = brier_score(decisions, confidences, weight)
    assert ours == pytest.approx(
        brier_score_loss(pairs.right, pairs.confidence, sample_weight=pairs.weight, pos_label=1)
    )


@quick
@given(articles)
def test_f1_is_scikit_learns(rows: Rows) -> None:
    decisions, confidences, weight = arrays(rows)
    found = measure(decisions, confidences, weight, CALIBRATIONS)
    for column, one in enumerate(found.topics):
        decided = decisions[:, column] != OPEN
        if not decided.any():
            continue
        theirs = f1_score(
            decisions[decided, column] == YES,
            found.given[decided, column],
            sample_weight=weight[decided],
            zero_division=0,
        )
        assert one.f1 == pytest.approx(theirs)


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


def test_calibration_error_is_never_more_than_one_bin_says() -> None:
    """Jensen: finer bins see errors that a single one averages away."""
    decisions, confidences, weight = drawn(honest=False)
    one = expected_calibration_error(decisions, confidences, weight, bins=1)
    assert one <= expected_calibration_error(decisions, confidences, weight) + 1e-12


def test_first_topic_is_right_where_it_is_wanted_or_open() -> None:
    decisions = np.array([[YES, NO, NO], [NO, YES, NO], [OPEN, YES, NO], [YES, NO, NO]], np.int8)
    confidences = np.array([[0.9, 0.1, 0.1], [0.9, 0.6, 0.1], [0.9, 0.1, 0.1], [0.1, 0.1, 0.1]])
    found = measure(decisions, confidences, np.ones(4), CALIBRATIONS)
    assert (found.top1, found.untagged) == (0.5, 0.25)


def test_doubted_article_gets_its_topics_but_none_of_them_unseen() -> None:
    decisions, confidences, weight = drawn(count=300)
    doubted = np.arange(300) % 2 == 0
    all_sure, found = (measure(decisions, confidences, weight, CALIBRATIONS, some) for some in (None, doubted))
    others = measure(decisions[~doubted], confidences[~doubted], weight[~doubted], CALIBRATIONS)
    assert found.whole.f1 == all_sure.whole.f1
    assert found.whole.auto_given == others.whole.auto_given < all_sure.whole.auto_given


def test_share_of_the_articles_is_even_and_small_enough() -> None:
    decisions, confidences, weight = drawn(count=100)
    ids = [str(i) for i in range(100)]
    examined = Examined(ids, [TEXT] * 100, decisions, confidences, confidences, weight, doubted=weight > 0)
    share = examined.share(99)
    assert share.ids == ids[::4]
    assert share.decisions.tolist() == decisions[::4].tolist()
    assert share.doubted is not None
    assert {len(getattr(share, name)) for name in Examined.__slots__ if name != "how"} == {25}
    assert examined.share(300) is examined


def test_figures_of_nothing_are_not_numbers() -> None:
    found = measure(np.empty((0, 3), np.int8), np.empty((0, 3)), np.empty(0), CALIBRATIONS)
    assert np.isnan([found.macro_f1, found.top1, found.calibration_error, found.brier]).all()
    assert np.isnan([found.whole.precision, found.whole.recall, found.whole.average_precision]).all()
    assert found.whole.f1 == 0
    assert np.isnan(calibration_error_of(()))


def test_confusions_pair_what_is_missed_with_what_is_wrongly_given() -> None:
    decisions = np.array([[YES, NO, NO], [YES, NO, OPEN], [NO, NO, YES], [NO, YES, NO]], np.int8)
    given_topics = np.array([[0, 1, 1], [0, 0, 1], [1, 0, 1], [0, 1, 0]], np.bool_)
    assert confusions(decisions, given_topics).tolist() == [
        [0, 1, 1, 1],  # topic 0 missed: once for 1 and for 2, once for nothing (2 is open)
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [1, 0, 0, 1],  # nothing missed: 0 added once; one article all right
    ]


def test_label_that_was_turned_round_is_suspected_first() -> None:
    random = np.random.default_rng(1)
    yes = random.random((300, TOPICS)) < 0.2
    confidences = np.where(yes, random.uniform(0.6, 0.9, yes.shape), random.uniform(0.01, 0.3, yes.shape))
    confidences[7, 1], confidences[9, 2] = 0.97, 0.005
    decisions = np.where(yes, YES, NO).astype(np.int8)
    decisions[7, 1], decisions[9, 2] = NO, YES
    first, second, *_ = suspected_label_errors(decisions, confidences)
    assert (first.article, first.topic, first.labelled, first.confidence) == (9, 2, True, 0.005)
    assert (second.article, second.topic, second.labelled, second.confidence) == (7, 1, False, 0.97)


def test_label_is_not_suspected_for_a_topic_s_usual_doubt() -> None:
    """Half sure of a "no" is nothing special where the model is half sure of every "yes"."""
    decisions = np.array([[YES], [YES], [NO], [NO]], np.int8)
    assert suspected_label_errors(decisions, np.array([[0.5], [0.7], [0.55], [0.1]])) == []


def test_article_that_is_surely_wrong_comes_before_one_that_is_nearly_right() -> None:
    decisions = np.array([[YES, NO], [YES, NO], [YES, NO]], np.int8)
    confidences = np.array([[0.45, 0.1], [0.02, 0.99], [0.9, 0.1]])
    assert most_wrong(decisions, confidences, confidences >= 0.5) == [1, 0]


def test_model_compared_with_itself_has_not_changed() -> None:
    decisions, confidences, weight = drawn(count=200)
    given_topics = confidences > 0.5
    found = f1_change(decisions, given_topics, given_topics, weight, draws=20)
    assert not np.concatenate((found.change, found.low, found.high)).any()
    assert found.change.shape == (TOPICS + 1,)


def test_change_of_f1_is_the_difference_and_its_interval_holds_it() -> None:
    decisions, confidences, weight = drawn(count=500)
    new, old = confidences > 0.5, confidences > 0.9
    found = f1_change(decisions, new, old, weight, draws=200)
    yes = decisions == YES
    each = [f1_score(yes[:, i], new[:, i]) - f1_score(yes[:, i], old[:, i]) for i in range(TOPICS)]
    whole = f1_score(yes, new, average="micro") - f1_score(yes, old, average="micro")
    assert found.change == pytest.approx(np.array([*each, whole]))
    assert (found.low <= found.change).all()
    assert (found.change <= found.high).all()
    assert found.low[-1] > 0
