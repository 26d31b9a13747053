"""Confusions, the articles most wrong, and labels that may be wrong."""

import numpy as np

from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.judge.mistakes import confusions, most_wrong, suspected_label_errors
from tests.training.judge.pairs_to_measure import TOPICS


def test_confusions_pair_what_is_missed_with_what_is_wrongly_given() -> None:
    decisions = np.array([[YES, NO, NO], [YES, NO, OPEN], [NO, NO, YES], [NO, YES, NO]], np.int8)
    predicted = np.array([[0, 1, 1], [0, 0, 1], [1, 0, 1], [0, 1, 0]], np.bool_)
    assert confusions(decisions, predicted).tolist() == [
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
