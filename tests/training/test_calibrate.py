"""Confidence and cut-offs from out-of-fold scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import beta
from sklearn.metrics import f1_score

from training.calibrate import LEAST_AUTO, auto_cut_off, calibrate, platt, suggest_cut_off
from training.labels import NO, OPEN, YES

Scores = NDArray[np.float64]
Right = NDArray[np.bool_]

quick = settings(deadline=None, max_examples=80, database=None)
# Few distinct scores, so that many are equal.
scored = st.lists(st.tuples(st.integers(-8, 8), st.booleans()), min_size=2, max_size=60).filter(
    lambda pairs: any(right for _, right in pairs)
)
many = st.lists(st.tuples(st.integers(-8, 8), st.integers(0, 9)), min_size=10, max_size=150)


def arrays(pairs: list[tuple[int, bool]]) -> tuple[Scores, Right]:
    scores, right = zip(*pairs, strict=True)
    return np.array(scores) / 4, np.array(right, np.bool_)


def drawn(slope: float, offset: float, count: int) -> tuple[Scores, Right]:
    random = np.random.default_rng(0)
    scores = random.normal(0, 2, count)
    return scores, random.random(count) < expit(slope * scores + offset)


@pytest.mark.parametrize(("slope", "offset"), [(2.0, -1.0), (0.5, 0.3), (6.0, 4.0)])
def test_platt_finds_the_curve_that_the_scores_were_drawn_from(slope: float, offset: float) -> None:
    found = platt(*drawn(slope, offset, 40_000))
    assert found == pytest.approx((slope, offset), rel=0.08, abs=0.06)


def test_platt_is_the_best_fit_to_the_smoothed_targets() -> None:
    """No nearby curve has a lower log-loss."""
    scores, right = drawn(1.5, -0.5, 300)
    yes, no = right.sum(), (~right).sum()
    target = np.where(right, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(slope: float, offset: float) -> float:
        p = expit(slope * scores + offset)
        return float(-(target * np.log(p) + (1 - target) * np.log(1 - p)).sum())

    slope, offset = platt(scores, right)
    around = [loss(slope + s, offset + o) for s in (-0.01, 0, 0.01) for o in (-0.01, 0, 0.01)]
    assert loss(slope, offset) <= min(around)


def test_platt_of_scores_that_part_cleanly_stays_finite() -> None:
    """That is what the smoothed targets are for."""
    slope, offset = platt(np.array([-1.0] * 20 + [1.0] * 5), np.array([False] * 20 + [True] * 5))
    assert 0 < slope < 10
    assert expit(slope + offset) == pytest.approx(6 / 7, abs=0.01)


def test_slope_stays_above_zero_where_scores_speak_the_wrong_way() -> None:
    assert platt(np.array([1.0, 1.0, -1.0, -1.0]), np.array([False, False, True, True]))[0] > 0


@quick
@given(scored)
def test_suggest_cut_off_has_the_best_f1_of_all(pairs: list[tuple[int, bool]]) -> None:
    scores, right = arrays(pairs)
    cut_off = suggest_cut_off(scores, right)
    best = max(f1_score(right, scores >= at) for at in scores)
    assert f1_score(right, scores >= cut_off) == pytest.approx(best)


@quick
@given(scored)
def test_suggest_cut_off_lies_between_two_scores(pairs: list[tuple[int, bool]]) -> None:
    """Half way down to the next score: what is a hair below a good score is good too."""
    scores, right = arrays(pairs)
    cut_off = suggest_cut_off(scores, right)
    above, below = scores[scores >= cut_off].min(), scores[scores < cut_off]
    assert cut_off == pytest.approx((above + below.max()) / 2 if len(below) else above)


def test_cut_off_between_neighbouring_numbers_is_the_higher() -> None:
    """Their middle would round down to the lower score, whose article is wrong."""
    low, high = 1.0, float(np.nextafter(1.0, 2.0))
    assert (low + high) / 2 == low
    assert suggest_cut_off(np.array([low, high]), np.array([False, True])) == high


def safe(scores: Scores, right: Right, at: float, target: float) -> bool:
    given_to = scores >= at
    hits, count = int(right[given_to].sum()), int(given_to.sum())
    return count >= LEAST_AUTO and hits > 0 and beta.ppf(0.05, hits, count - hits + 1) >= target


@quick
@given(many, st.sampled_from([0.5, 0.7, 0.9]))
def test_auto_cut_off_is_the_lowest_whose_precision_is_safe(pairs: list[tuple[int, int]], target: float) -> None:
    scores = np.array([score for score, _ in pairs]) / 4
    right = np.array([luck < 5 + score // 2 for score, luck in pairs], np.bool_)
    found = auto_cut_off(scores, right, target)
    safe_from = [at for at in scores if safe(scores, right, at, target)]
    if found is None:
        assert not safe_from
    else:
        assert scores[scores >= found].min() == min(safe_from)


def test_auto_cut_off_needs_enough_articles() -> None:
    """28 hits of 28 are no proof of 0.9 at 95 %, 29 are."""
    for count, found in ((28, False), (29, True)):
        scores = np.array([1.0] * count + [-1.0] * 50)
        assert (auto_cut_off(scores, scores > 0, 0.9) is not None) is found


def test_auto_cut_off_of_a_low_target_still_rests_on_some_articles() -> None:
    scores = np.array([1.0] * (LEAST_AUTO - 1) + [-1.0] * 50)
    assert auto_cut_off(scores, scores > 0, 0.5) is None


def test_calibration_gives_every_article_the_band_that_its_score_earned() -> None:
    scores, right = drawn(3, -1, 2000)
    found = calibrate(scores, np.where(right, YES, NO).astype(np.int8), 0.9)
    suggest, auto = suggest_cut_off(scores, right), auto_cut_off(scores, right, 0.9)
    assert auto is not None
    bands = [found.band(found.confidence(score)) for score in scores]
    assert bands == ["auto" if s >= max(auto, suggest) else "suggest" if s >= suggest else None for s in scores]
    given_auto = right[[band == "auto" for band in bands]]
    assert given_auto.mean() > 0.9


def test_open_articles_have_no_say() -> None:
    scores, right = drawn(2, -1, 400)
    decisions = np.where(right, YES, NO).astype(np.int8)
    noisy = calibrate(np.append(scores, [9.0] * 50), np.append(decisions, np.full(50, OPEN, np.int8)), 0.9)
    assert noisy == calibrate(scores, decisions, 0.9)


def test_topic_that_cannot_keep_the_promise_has_no_auto_band() -> None:
    scores, right = drawn(0.1, 0.0, 500)
    assert calibrate(scores, np.where(right, YES, NO).astype(np.int8), 0.9).auto is None


def test_auto_is_never_below_suggest() -> None:
    scores = np.array([1.0] * 60 + [0.0] * 3 + [-1.0] * 200)
    decisions = np.array([YES] * 60 + [NO] * 203, np.int8)
    found = calibrate(scores, decisions, 0.5)
    assert found.auto is not None
    assert found.auto >= found.suggest
