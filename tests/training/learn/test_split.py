"""An article stays on its side when the corpus grows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagdesk.training.errors import TrainingError
from tagdesk.training.learn.split import TEST_SHARE, first_days, first_test_day, held_out, stratified_folds

IDS = [f"wn-{i}" for i in range(5000)]
ids_and_more = st.tuples(st.lists(st.text(), max_size=20), st.lists(st.text(), max_size=20))


@settings(database=None)
@given(ids_and_more)
def test_split_of_an_article_does_not_depend_on_the_others(given_ids: tuple[list[str], list[str]]) -> None:
    ids, more = ([one for one in part if one.isprintable()] for part in given_ids)
    together = [*more, *ids]
    assert held_out(together)[len(more) :].tolist() == held_out(ids).tolist()


def test_split_is_the_same_in_every_run() -> None:
    """These were worked out once; another answer would move articles between training and test."""
    assert np.flatnonzero(held_out(IDS[:40])).tolist() == [7, 15, 26]


def test_about_a_tenth_is_held_out() -> None:
    assert abs(held_out(IDS).mean() - TEST_SHARE) < 0.015


def dealt(count: int, *shares: float) -> tuple[list[str], NDArray[np.bool_]]:
    """Return ids, every two articles of one group, and topics that these shares of the articles have."""
    random = np.random.default_rng(0)
    return [f"wn-{i // 2}" for i in range(count)], random.random((count, len(shares))) < shares


def test_every_topic_is_spread_over_the_folds() -> None:
    ids, has = dealt(2000, 0.5, 0.1, 0.01)
    found = stratified_folds(ids, has, 5, 0)
    for topic in range(3):
        counts = np.bincount(found[has[:, topic]], minlength=5)
        assert counts.max() - counts.min() <= 3
    assert np.ptp(np.bincount(found)) <= 20


def test_near_duplicates_share_a_fold() -> None:
    ids, has = dealt(600, 0.3, 0.05)
    found = stratified_folds(ids, has, 3, 0)
    assert (found[::2] == found[1::2]).all()


def test_stratified_folds_are_the_same_whatever_the_order() -> None:
    ids, has = dealt(400, 0.3, 0.05)
    backwards = stratified_folds(ids[::-1], has[::-1], 3, 0)
    assert backwards[::-1].tolist() == stratified_folds(ids, has, 3, 0).tolist()
    assert stratified_folds(ids, has, 3, 1).tolist() != backwards[::-1].tolist()


def test_near_duplicates_came_out_with_the_first_of_them() -> None:
    days = first_days(["2026-03-02", None, "2026-01-05", None], np.array([0, 0, 0, 3]))
    assert days.astype(str).tolist() == ["2026-01-05", "2026-01-05", "2026-01-05", "NaT"]


def test_test_begins_on_the_day_that_makes_it_a_tenth() -> None:
    """Whole days, so a little more than a tenth."""
    days = np.repeat(np.arange("2026-01-01", "2026-02-01", dtype="datetime64[D]"), 3)
    start = first_test_day(days)
    assert str(start) == "2026-01-28"
    assert TEST_SHARE <= (days >= start).mean() < TEST_SHARE + 0.04


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (["2026-01-01"] * 8 + ["NaT"] * 2, "2 of 10 articles have no date that can be read"),
        (["NaT"] * 10, "10 of 10 articles have no date"),
        (["2026-01-01"] * 4 + ["2026-01-02"] * 6, "most articles are of 2026-01-02 or later"),
    ],
)
def test_dates_that_make_no_test_are_refused(days: list[str], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        first_test_day(np.array(days, "datetime64[D]"))
