"""Two models on the same articles, drawn again and again."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tagdesk.training.corpora.labels import YES
from tagdesk.training.judge.resample import f1_change
from tests.training.judge.pairs_to_measure import TOPICS, drawn


def test_model_compared_with_itself_has_not_changed() -> None:
    decisions, confidences, weight = drawn(count=200)
    predicted = confidences > 0.5
    result = f1_change(decisions, predicted, predicted, weight, draws=20)
    assert not np.concatenate((result.change, result.low, result.high)).any()
    assert result.change.shape == (TOPICS + 1,)


def test_change_of_f1_is_the_difference_and_its_interval_holds_it() -> None:
    decisions, confidences, weight = drawn(count=500)
    new, old = confidences > 0.5, confidences > 0.9
    result = f1_change(decisions, new, old, weight, draws=200)
    yes = decisions == YES
    each = [f1_score(yes[:, i], new[:, i]) - f1_score(yes[:, i], old[:, i]) for i in range(TOPICS)]
    whole = f1_score(yes, new, average="micro") - f1_score(yes, old, average="micro")
    assert result.change == pytest.approx(np.array([*each, whole]))
    assert (result.low <= result.change).all()
    assert (result.change <= result.high).all()
    assert result.low[-1] > 0
