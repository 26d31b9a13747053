"""What `auto` promises, and the cut-offs that keep it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.promise import (
    LEAST_GIVEN,
    LEVELS,
    VOUCHED,
    auto_cut_offs,
    least_precision,
    precision_bound,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

quick = settings(deadline=None, max_examples=25, database=None)


def cut_offs(
    confidences: Floats,
    right: Bools,
    targets: float | list[float] = 0.9,
    *,
    fair: Bools | None = None,
    weight: Floats | None = None,
    suggest: float = 0.3,
) -> Floats:
    articles, topics = confidences.shape
    return auto_cut_offs(
        confidences,
        np.where(right, YES, NO).astype(np.int8),
        np.ones(articles) if weight is None else weight,
        np.ones(articles, np.bool_) if fair is None else fair,
        np.full(topics, suggest),
        np.broadcast_to(np.array(targets, np.float64), topics),
    )


def honest(random: np.random.Generator, articles: int, topics: int, flattery: float = 0.0) -> tuple[Floats, Bools]:
    """Return confidences, most of them low, and what is right: as often as the confidence less `flattery`."""
    confidences = random.beta(0.4, 0.8, (articles, topics))
    return confidences, random.random((articles, topics)) < confidences - flattery


def precision_beyond(cut_off: float, flattery: float) -> float:
    """Return how often what `honest` draws is right, from a confidence on."""
    at = np.random.default_rng(9).beta(0.4, 0.8, 400_000)
    return float((at[at >= cut_off] - flattery).mean())


@pytest.mark.parametrize("precision", [0.7, 0.9, 0.97])
@pytest.mark.parametrize("articles", [12, 60, 400])
def test_bound_lies_above_the_precision_in_one_sample_of_twenty_at_most(precision: float, articles: int) -> None:
    hits = np.arange(articles + 1)
    too_high = precision_bound(hits.astype(np.float64), float(articles)) > precision
    assert binom.pmf(hits[too_high], articles, precision).sum() <= 0.05


def test_promise_is_kept_in_19_of_20_samples() -> None:
    """Confidences that are too high do not break it: what was right is counted."""
    random = np.random.default_rng(0)
    precision = {level: precision_beyond(level, 0.02) for level in LEVELS.tolist()}
    samples = [cut_offs(*honest(random, 1500, 8, 0.02))[0] for _ in range(200)]
    kept = [np.isnan(level) or precision[level] >= 0.9 for level in samples]
    assert np.mean(kept) >= 0.95
    assert np.isfinite(samples).mean() > 0.9


@quick
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.7, 0.9, 0.95]))
def test_what_auto_gives_on_a_fair_sample_meets_the_target_at_its_lower_bound(seed: int, target: float) -> None:
    confidences, right = honest(np.random.default_rng(seed), 500, 6)
    given_auto = confidences >= np.nan_to_num(cut_offs(confidences, right, target), nan=np.inf)
    if given_auto.any():
        assert precision_bound(float((right & given_auto).sum()), float(given_auto.sum())) >= target
        assert given_auto.sum() >= LEAST_GIVEN


@quick
@given(st.integers(0, 2**32 - 1))
def test_no_topic_is_auto_below_the_least_level_or_its_own_suggest(seed: int) -> None:
    confidences, right = honest(np.random.default_rng(seed), 500, 6)
    assert not (cut_offs(confidences, right, 0.6) < LEVELS[0]).any()
    assert not (cut_offs(confidences, right, 0.6, suggest=0.83) < 0.83).any()


def test_topics_share_one_cut_off_where_their_confidences_are_honest() -> None:
    auto = cut_offs(*honest(np.random.default_rng(1), 3000, 5))
    assert len(set(auto.tolist())) == 1
    assert LEVELS[0] <= auto[0] < 0.9


def test_cut_off_of_all_is_the_lowest_before_the_first_test_that_fails() -> None:
    """Between 0.7 and 0.8 a quarter is wrong; at 0.61 so much is right that all from there on would do again."""
    confidences = np.repeat([0.95, 0.75, 0.61], [100, 60, 2000])[:, None]
    right = np.concatenate((np.ones(100), np.arange(60) % 4, np.ones(2000)))[:, None] > 0
    assert cut_offs(confidences, right).tolist() == [0.76]


def weak_among_good(right_of_weak: int, wrong_of_weak: int) -> Floats:
    """Return the cut-offs of three good topics with 400 articles each, and of one given so often right and wrong."""
    count = right_of_weak + wrong_of_weak
    confidences, right = np.zeros((1200 + count, 4)), np.zeros((1200 + count, 4), np.bool_)
    for topic in range(3):
        rows = slice(400 * topic, 400 * (topic + 1))
        confidences[rows, topic], right[rows, topic] = 0.9, np.arange(400) % 25 > 0
    confidences[1200:, 3], right[1200 : 1200 + right_of_weak, 3] = 0.7, True
    return cut_offs(confidences, right)


def test_topic_whose_record_breaks_the_floor_is_not_auto_and_the_others_are() -> None:
    auto = weak_among_good(28, 12)
    assert auto[:3].tolist() == [LEVELS[0]] * 3
    assert np.isnan(auto[3])


def test_topic_with_few_articles_is_auto_where_the_others_vouch_for_it() -> None:
    """Ten of ten are no proof of its floor, 0.8, and with the record that the others lend it they are."""
    assert precision_bound(10.0, 10.0) < least_precision(0.9)
    assert weak_among_good(10, 0)[3] == LEVELS[0]


def test_topic_with_five_articles_brings_too_little_itself() -> None:
    assert np.isnan(weak_among_good(5, 0)[3])


def test_nobody_vouches_where_the_others_do_not_keep_the_promise() -> None:
    random = np.random.default_rng(2)
    confidences, right = honest(random, 1000, 3, flattery=0.3)
    few = np.zeros((1000, 1))
    few[:20] = 0.97
    assert np.isnan(cut_offs(np.hstack([confidences, few]), np.hstack([right, few > 0]))).all()


def test_weak_topic_begins_where_its_own_record_holds_the_floor() -> None:
    good = np.full((600, 1), 0.9), np.arange(600)[:, None] % 25 > 0
    weak = np.repeat([0.93, 0.75], 300)[:, None], np.append(np.ones(300), np.arange(300) % 2)[:, None] > 0
    auto = cut_offs(np.hstack([good[0], weak[0]]), np.hstack([good[1], weak[1]]))
    assert auto.tolist() == [LEVELS[0], 0.76]


@quick
@given(st.integers(0, 2**32 - 1))
def test_every_topic_that_auto_gives_holds_its_floor_with_those_that_vouch(seed: int) -> None:
    random = np.random.default_rng(seed)
    confidences, right = honest(random, 600, 6)
    right &= random.random(right.shape) < random.choice([1.0, 0.7], 6)
    given_auto = confidences >= np.nan_to_num(cut_offs(confidences, right), nan=np.inf)
    some = given_auto.any(axis=0)
    hits, articles = (right & given_auto)[:, some].sum(axis=0), given_auto[:, some].sum(axis=0)
    assert (precision_bound(hits + 0.9 * VOUCHED, articles + float(VOUCHED)) >= least_precision(0.9)).all()


def test_picked_articles_prove_nothing() -> None:
    """Twenty of twenty are no proof of 0.9, however many picked ones are right too."""
    confidences, right = np.full((520, 1), 0.9), np.ones((520, 1), np.bool_)
    assert np.isnan(cut_offs(confidences, right, fair=np.arange(520) < 20)[0])
    assert not np.isnan(cut_offs(confidences, right, fair=np.arange(520) < 40)[0])


def test_floor_counts_picked_articles_for_what_they_are_worth() -> None:
    """Of a topic that is right in twenty of twenty picked articles and wrong in four more, which may weigh little."""
    confidences, right = np.zeros((624, 2)), np.zeros((624, 2), np.bool_)
    confidences[:600, 0], right[:600, 0] = 0.9, True
    confidences[600:, 1], right[600:620, 1] = 0.9, True
    fair, wrong = np.arange(624) < 600, np.arange(624) >= 620
    assert np.isnan(cut_offs(confidences, right, fair=fair, weight=np.where(wrong, 3.0, 1.0))[1])
    assert cut_offs(confidences, right, fair=fair, weight=np.where(wrong, 0.1, 1.0))[1] == LEVELS[0]


def test_topics_with_a_target_of_their_own_keep_it_without_the_others() -> None:
    confidences, right = honest(np.random.default_rng(3), 20_000, 3)
    auto = cut_offs(confidences, right, [0.9, 0.97, 0.9])
    assert auto[[0, 2]].tolist() == cut_offs(confidences[:, [0, 2]], right[:, [0, 2]]).tolist()
    assert auto[1] == pytest.approx(cut_offs(confidences[:, [1]], right[:, [1]], 0.97)[0])
    assert auto[1] > auto[0]


def test_open_pairs_have_no_say() -> None:
    confidences, right = honest(np.random.default_rng(4), 2000, 2)
    decisions = np.where(right, YES, NO).astype(np.int8)
    more = np.full((300, 2), 0.99), np.full((300, 2), OPEN, np.int8)
    both = np.vstack([confidences, more[0]]), np.vstack([decisions, more[1]])
    rest = np.full(2, 0.3), np.full(2, 0.9)
    assert np.array_equal(
        auto_cut_offs(*both, np.ones(2300), np.ones(2300, np.bool_), *rest),
        auto_cut_offs(confidences, decisions, np.ones(2000), np.ones(2000, np.bool_), *rest),
    )
