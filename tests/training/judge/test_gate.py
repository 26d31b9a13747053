"""The gate: which candidates are promoted, held and refused, and how often it is wrong."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tagdesk.models.calibration import Calibration
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.errors import TrainingError
from tagdesk.training.judge.gate import CHANCE, FEWEST, Verdict, compare
from tagdesk.training.judge.pairs import Pairs
from tests.training.simulated import (
    ARTICLES,
    TOPICS,
    a_model,
    collapsed,
    equally_good,
    half_as_sure,
)

SERVED, CANDIDATE = a_model("1"), a_model("2")
GIVEN, SURE, NOT_GIVEN = 0.6, 0.95, 0.03


def asked(pairs: Pairs, served: TopicModel = SERVED, candidate: TopicModel = CANDIDATE) -> Verdict:
    return compare(served, candidate, pairs, 0.9, draws=1_000)


def some(topic: int, articles: int, *, served: bool, candidate: bool, others: int = 0) -> Pairs:
    """Return pairs in which one topic's articles are given it by either model, and others are won elsewhere."""
    random = np.random.default_rng(0)
    decisions = np.where(random.random((300, TOPICS)) < 0.1, YES, NO).astype(np.int8)
    decisions[:, topic] = NO
    decisions[:articles, topic] = YES
    right = np.where(decisions == YES, SURE, NOT_GIVEN)
    before, after = right.copy(), right.copy()
    if not served:
        before[:, topic] = NOT_GIVEN
    if not candidate:
        after[:, topic] = NOT_GIVEN
    cells = np.argwhere((decisions == YES) & (np.arange(TOPICS) != topic))
    for row, column in random.permutation(cells)[:others]:
        before[row, column] = NOT_GIVEN
    keys = np.arange(300, dtype=np.uint64)
    return Pairs(SERVED.taxonomy.ids, keys, decisions, np.ones(300), keys < 30, before, after)


@pytest.mark.parametrize("articles", [5, 6, 7, 20])
def test_a_topic_that_is_lost_is_seen_however_few_its_articles(articles: int) -> None:
    """Though forty other articles are won, so that micro-F1 rises."""
    verdict = asked(some(0, articles, served=True, candidate=False, others=40))
    assert verdict.decision == "refuse"
    assert verdict.micro_f1.change > 0
    (reason,) = verdict.reasons
    assert reason.startswith("t0 falls from 1.000 to 0.000 F1: ")
    assert f"{articles} articles lost and 0 won, of {articles}" in reason


def test_a_better_candidate_is_promoted() -> None:
    verdict = asked(some(0, 20, served=False, candidate=True))
    assert (verdict.decision, verdict.reasons) == ("promote", ())
    assert verdict.micro_f1.low > 0
    assert [topic.won for topic in verdict.topics][:2] == [20, 0]


def test_the_same_answers_are_held() -> None:
    """A candidate that changes nothing is not worth a change."""
    pairs = some(0, 20, served=True, candidate=True)
    verdict = asked(pairs)
    assert verdict.decision == "hold"
    assert verdict.reasons == ("micro-F1 changes by +0.0000: less than 0.001 is not worth a new model",)


def test_too_few_articles_are_held() -> None:
    pairs = some(0, 20, served=False, candidate=True)
    verdict = asked(pairs.rows(pairs.keys < FEWEST - 1))
    assert verdict.decision == "hold"
    assert "29 articles are too few to compare two models on" in verdict.reasons[0]


def test_surely_worse_over_all_is_refused_whatever_its_parts_say() -> None:
    """A candidate that wins among what editors corrected, and loses more among the rest, is worse."""
    random = np.random.default_rng(0)
    pairs = equally_good(random)
    candidate = pairs.served.copy()
    lost = np.argwhere((pairs.decisions == YES) & (pairs.served > 0.5) & ~pairs.editor[:, None])
    for row, column in random.permutation(lost)[:60]:
        candidate[row, column] = NOT_GIVEN
    won = np.argwhere((pairs.decisions == YES) & (pairs.served < 0.5) & pairs.editor[:, None])
    for row, column in won[:5]:
        candidate[row, column] = GIVEN
    verdict = asked(replace(pairs, candidate=candidate))
    assert verdict.decision == "refuse"
    assert verdict.reasons[0].startswith("micro-F1 falls by ")


def test_auto_that_breaks_its_promise_is_refused() -> None:
    pairs = equally_good(np.random.default_rng(0))
    wrong = (pairs.decisions == NO) & (pairs.served > 0.5)
    bold = np.where(wrong, SURE, pairs.served)
    verdict = asked(replace(pairs, candidate=bold))
    assert any(reason.startswith("`auto` promises 0.9, and its precision falls from ") for reason in verdict.reasons)


def test_confidences_that_are_off_are_refused() -> None:
    pairs = equally_good(np.random.default_rng(0))
    timid = np.where(pairs.served > 0.9, 0.6, pairs.served)
    verdict = asked(replace(pairs, candidate=timid))
    assert any(reason.startswith("the calibration error grows from ") for reason in verdict.reasons)


def test_a_topic_that_is_gone_is_named() -> None:
    taxonomy = replace(CANDIDATE.taxonomy, topics=CANDIDATE.taxonomy.topics[1:])
    candidate = replace(
        CANDIDATE,
        taxonomy=taxonomy,
        weights=CANDIDATE.weights[:, 1:],
        bias=CANDIDATE.bias[1:],
        calibrations=CANDIDATE.calibrations[1:],
    )
    pairs = some(1, 20, served=False, candidate=True)
    common = replace(
        pairs,
        topics=taxonomy.ids,
        decisions=pairs.decisions[:, 1:],
        served=pairs.served[:, 1:],
        candidate=pairs.candidate[:, 1:],
    )
    assert asked(common, candidate=candidate).reasons == ("t0 is no longer a topic",)


def test_a_model_without_an_auto_band_can_be_compared() -> None:
    """Its precision there is that of no topic, and the record is still JSON."""
    plain = replace(SERVED, calibrations=(Calibration(1.0, 0.0, suggest=0.5),) * TOPICS)
    verdict = asked(some(0, 20, served=False, candidate=True), plain, plain)
    assert verdict.decision == "promote"
    assert verdict.to_json()["auto_precision"]["served"] is None


def test_what_editors_changed_promotes_what_is_not_worse() -> None:
    """Articles of which only the changes are known are no sample; surely more won than lost is enough all the same."""
    pairs = some(0, 20, served=False, candidate=True)
    corrected = pairs.decisions[:, 0] == YES
    same = np.where(~corrected[:, None], pairs.served, pairs.candidate)
    partial = np.where(corrected[:, None] & (np.arange(TOPICS) > 0), OPEN, pairs.decisions).astype(np.int8)
    verdict = asked(replace(pairs, decisions=partial, candidate=same, editor=corrected))
    assert (verdict.decision, verdict.corrections, verdict.articles[0]) == ("promote", (20, 0), 280)
    assert verdict.micro_f1.change == 0
    fewer = np.where(pairs.keys[:, None] < 5, same, pairs.served)
    few = asked(replace(pairs, decisions=partial, candidate=fewer, editor=corrected))
    assert (few.decision, few.corrections) == ("hold", (5, 0))


def test_without_articles_of_the_corpora_it_says_what_that_means() -> None:
    pairs = some(0, 20, served=False, candidate=True)
    (note,) = asked(replace(pairs, editor=np.ones(len(pairs), np.bool_))).notes
    assert "nothing tells whether the model keeps the rest of what it knew" in note
    assert asked(pairs).notes == ()


def test_without_anything_to_compare_on_it_says_what_to_do() -> None:
    pairs = some(0, 20, served=True, candidate=True)
    with pytest.raises(TrainingError, match=r"nothing to compare the two models on: .*--force"):
        asked(pairs.rows(pairs.keys < 0))


def test_the_record_is_the_same_every_time() -> None:
    pairs = equally_good(np.random.default_rng(0))
    assert asked(pairs).to_json() == asked(pairs).to_json()


def rates(draw: Callable[[np.random.Generator], Pairs], times: int = 60) -> Counter[str]:
    """Return how often each verdict comes, of so many simulated pairs of models."""
    draws = (np.random.default_rng(seed) for seed in range(times))
    return Counter(compare(SERVED, CANDIDATE, draw(random), 0.9, draws=500).decision for random in draws)


def test_equally_good_models_are_promoted_at_the_rate_that_is_stated() -> None:
    """And seldom refused: at most at the rate of the three tests together."""
    counts = rates(equally_good, 120)
    assert counts["promote"] <= 120 * CHANCE + 3 * np.sqrt(120 * CHANCE * (1 - CHANCE))
    assert counts["refuse"] <= 0.2 * 120


def test_a_worse_model_is_never_promoted() -> None:
    """Five topics of a hundred more that are missed are nearly always too many."""
    counts = rates(partial(equally_good, worse=0.05))
    assert counts["promote"] == 0
    assert counts["refuse"] > 0.6 * 60


@pytest.mark.parametrize("articles", [5, 20, 100])
def test_a_topic_that_collapses_is_always_refused(articles: int) -> None:
    assert rates(partial(collapsed, articles=articles), 20)["refuse"] == 20


def test_half_of_the_automation_gone_is_always_refused() -> None:
    assert rates(half_as_sure, 20)["refuse"] == 20
    assert ARTICLES > FEWEST
