"""Confidence and cut-offs from out-of-fold scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import f1_score

from tagdesk.models.calibration import Calibration
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.learn import calibrate as settings_of
from tagdesk.training.learn.calibrate import LEAST_F1, calibrate, fair_weight, platt, suggest_cut_off
from tagdesk.training.promise import LEAST_GIVEN

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


def ones(scores: Scores) -> Scores:
    return np.ones(len(scores))


def one_topic(scores: Scores, decisions: NDArray[np.int8], target: float) -> Calibration:
    (calibration,) = calibrate(scores[:, None], decisions[:, None], ones(scores), target)
    return calibration


@pytest.mark.parametrize(("slope", "offset"), [(2.0, -1.0), (0.5, 0.3), (6.0, 4.0)])
def test_platt_finds_the_curve_that_the_scores_were_drawn_from(slope: float, offset: float) -> None:
    scores, right = drawn(slope, offset, 40_000)
    assert platt(scores, right, ones(scores)) == pytest.approx((slope, offset), rel=0.08, abs=0.06)


def test_platt_counts_an_article_as_often_as_it_weighs() -> None:
    scores, right = drawn(1.5, -0.5, 300)
    weight = np.random.default_rng(1).integers(1, 4, 300)
    again = np.repeat(np.arange(300), weight)
    curve = platt(scores, right, weight.astype(float))
    assert curve == pytest.approx(platt(scores[again], right[again], ones(scores[again])), rel=1e-3)


def test_platt_of_scores_that_part_cleanly_stays_finite() -> None:
    scores, right = np.array([-1.0] * 20 + [1.0] * 5), np.array([False] * 20 + [True] * 5)
    slope, offset = platt(scores, right, ones(scores))
    assert 0.9 < expit(slope + offset) < 0.99999


def test_slope_stays_above_zero_where_scores_speak_the_wrong_way() -> None:
    scores = np.array([1.0, 1.0, -1.0, -1.0])
    assert platt(scores, np.array([False, False, True, True]), ones(scores))[0] > 0


def test_plain_noes_stay_unlikely_where_all_that_is_in_doubt_was_forgotten_by_who_labelled() -> None:
    """Every seventh article of a topic was not given it, and scores as the others of it do: no score parts these."""
    random = np.random.default_rng(0)
    has = random.random((3_000, 20)) < 0.02
    scores = np.where(has, random.normal(0.4, 0.3, has.shape), random.normal(-1.0, 0.05, has.shape))
    decisions = np.where(has & (random.random(has.shape) > 0.15), YES, NO).astype(np.int8)
    for calibration in calibrate(scores, decisions, np.ones(3_000), 0.9):
        assert expit(calibration.slope * -1.0 + calibration.offset) < 0.02
        assert expit(calibration.slope * 0.4 + calibration.offset) > 0.7


def test_calibration_of_few_articles_leans_on_the_others() -> None:
    """Six articles, all scored alike, say nothing of a slope; a thousand others do."""
    others = platt(*drawn(3.0, -1.0, 1000), np.ones(1000))
    few = np.array([1.0, 1.0, 1.0, 1.0, 1.0, -1.0])
    slope, offset = platt(few, few > 0, ones(few), others)
    assert slope == pytest.approx(others[0], rel=0.2)
    assert offset > others[1]


def test_picked_articles_count_as_a_fair_sample_of_them_would() -> None:
    """One in ten typical articles scores high; of the picked ones every second."""
    random = np.random.default_rng(0)
    fair = np.repeat([True, False], 1000)
    high = random.random(2000) < np.where(fair, 0.1, 0.5)
    weight = fair_weight(np.where(high, 1.0, -1.0)[:, None] + random.normal(0, 0.1, (2000, 1)), fair)
    assert weight.mean() == pytest.approx(1)
    assert np.average(high, weights=weight) == pytest.approx(0.1, abs=0.03)


def test_articles_picked_because_a_model_was_unsure_count_less() -> None:
    """Of typical articles one in five has a score near 0; of the picked ones four in five."""
    random = np.random.default_rng(0)
    fair = np.repeat([True, False], 1000)
    unsure = random.random(2000) < np.where(fair, 0.2, 0.8)
    scores = np.where(unsure, 0.0, random.choice([-1.2, 1.2], 2000)) + random.normal(0, 0.1, 2000)
    assert np.average(unsure, weights=fair_weight(scores[:, None], fair)) == pytest.approx(0.2, abs=0.03)


def test_articles_that_were_all_drawn_at_random_count_alike() -> None:
    for fair in (np.ones(5, np.bool_), np.zeros(5, np.bool_)):
        assert fair_weight(np.arange(10.0).reshape(5, 2), fair).tolist() == [1] * 5


@quick
@given(scored)
def test_suggest_cut_off_has_the_best_f1_of_all(pairs: list[tuple[int, bool]]) -> None:
    scores, right = arrays(pairs)
    cut_off = suggest_cut_off(scores, right, ones(scores))
    best = max(f1_score(right, scores >= at) for at in scores)
    assert f1_score(right, scores >= cut_off) == pytest.approx(best)


@quick
@given(scored)
def test_suggest_cut_off_lies_between_two_scores(pairs: list[tuple[int, bool]]) -> None:
    """Half way down to the next score: what is a hair below a good score is good too."""
    scores, right = arrays(pairs)
    cut_off = suggest_cut_off(scores, right, ones(scores))
    above, below = scores[scores >= cut_off].min(), scores[scores < cut_off]
    assert cut_off == pytest.approx((above + below.max()) / 2 if len(below) else above)


def test_cut_off_between_neighbouring_numbers_is_the_higher() -> None:
    """Their middle would round down to the lower score, whose article is wrong."""
    low, high = 1.0, float(np.nextafter(1.0, 2.0))
    assert (low + high) / 2 == low
    assert suggest_cut_off(np.array([low, high]), np.array([False, True]), np.ones(2)) == high


def auto_of(right: int, wrong: int, target: float) -> float | None:
    """Return the cut-off of a topic that the scores tell without an error."""
    decisions = np.array([YES] * right + [NO] * wrong, np.int8)[:, None]
    scores = decisions.astype(np.float64)
    (calibration,) = calibrate(scores, decisions, ones(scores), target)
    return calibration.auto


def test_auto_cut_off_needs_enough_articles() -> None:
    """28 hits of 28 are no proof of 0.9 at 95 %, 29 are."""
    assert auto_of(28, 50, 0.9) is None
    assert auto_of(29, 50, 0.9) is not None


def test_auto_cut_off_of_a_low_target_still_rests_on_some_articles() -> None:
    assert auto_of(LEAST_GIVEN - 1, 50, 0.5) is None


def test_bands_of_a_topic_with_many_articles_are_its_own() -> None:
    scores, right = drawn(3, -1, 4000)
    calibration = one_topic(scores, np.where(right, YES, NO).astype(np.int8), 0.9)
    confidences = np.array([calibration.confidence(score) for score in scores])
    bands = [calibration.band(confidence) for confidence in confidences]
    assert right[[band == "auto" for band in bands]].mean() > 0.9
    best = suggest_cut_off(confidences, right, ones(scores))
    assert calibration.suggest == pytest.approx(best, abs=1e-9)


def test_cut_off_of_a_topic_with_few_articles_leans_on_that_of_all() -> None:
    scores, right = drawn(3, -1, 4000)
    rare = np.where(np.arange(4000) % 200 == 0, right, False)
    decisions = np.where(np.stack([right, rare], 1), YES, NO).astype(np.int8)
    common, leaning = calibrate(np.stack([scores, np.where(rare, scores, -3.0)], 1), decisions, ones(scores), 0.9)
    alone = one_topic(np.where(rare, scores, -3.0), decisions[:, 1], 0.9)
    assert abs(leaning.suggest - common.suggest) < abs(alone.suggest - common.suggest)


def test_topic_that_nothing_tells_has_the_cut_off_of_all_topics() -> None:
    """Its five articles rank anywhere: its own best cut-off, near 0, would let in hundreds."""
    scores, right = drawn(3, -1, 4000)
    noise = np.random.default_rng(1).normal(-3, 0.3, 4000)
    hopeless = np.arange(4000) % 800 == 0
    decisions = np.where(np.stack([right, hopeless], 1), YES, NO).astype(np.int8)
    _, calibration = calibrate(np.stack([scores, noise], 1), decisions, ones(scores), 0.9)
    confidences = expit(calibration.slope * np.stack([scores, noise], 1) + calibration.offset)
    own = suggest_cut_off(confidences[:, 1], hopeless, ones(scores))
    assert f1_score(hopeless, confidences[:, 1] >= own) < LEAST_F1
    assert own < 0.1
    assert 0.3 < calibration.suggest < 0.6


def test_each_topic_keeps_its_own_promise() -> None:
    scores, right = drawn(3, -1, 4000)
    decisions = np.where(right, YES, NO).astype(np.int8)
    twice = np.stack([scores, scores], 1), np.stack([decisions, decisions], 1), ones(scores)
    lower, higher = calibrate(*twice, [0.85, 0.95])
    assert lower.auto is not None
    assert higher.auto is not None
    assert lower.auto < higher.auto


def test_histogram_of_many_scores_gives_what_the_scores_themselves_give(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    scores = random.normal(-1, 0.8, (12_000, 10))
    decisions = np.where(random.random(scores.shape) < expit(3 * scores - 1), YES, NO).astype(np.int8)
    decisions[random.random(scores.shape) < 0.1] = OPEN
    weight = random.random(len(scores)) + 0.5
    curves = {}
    for most in (100_000, scores.size):
        monkeypatch.setattr(settings_of, "MANY_PAIRS", most)
        monkeypatch.setattr(settings_of, "MANY_ARTICLES", most // 10)
        curves[most] = np.array(
            [
                (calibration.slope, calibration.offset, calibration.suggest)
                for calibration in calibrate(scores, decisions, weight, 0.9)
            ]
        )
    # Slope, offset and cut-off; a pair in a bin at the edge of what counts may fall on its other side.
    assert np.abs(curves[100_000] - curves[scores.size]).max(axis=0) == pytest.approx([0, 0, 0], abs=1e-3)
    assert not (curves[100_000] == curves[scores.size]).all()


def test_open_articles_have_no_say() -> None:
    scores, right = drawn(2, -1, 400)
    decisions = np.where(right, YES, NO).astype(np.int8)
    noisy = one_topic(np.append(scores, [9.0] * 50), np.append(decisions, np.full(50, OPEN, np.int8)), 0.9)
    assert noisy == one_topic(scores, decisions, 0.9)


def test_topic_that_cannot_keep_the_promise_has_no_auto_band() -> None:
    scores, right = drawn(0.1, 0.0, 500)
    assert one_topic(scores, np.where(right, YES, NO).astype(np.int8), 0.9).auto is None


def test_auto_is_never_below_suggest() -> None:
    scores = np.array([1.0] * 60 + [0.0] * 3 + [-1.0] * 200)
    decisions = np.array([YES] * 60 + [NO] * 203, np.int8)
    calibration = one_topic(scores, decisions, 0.5)
    assert calibration.auto is not None
    assert calibration.auto >= calibration.suggest
