"""What a model is good for, in a sentence."""

from dataclasses import replace

import pytest

from tagdesk.models.taxonomy import Taxonomy
from tagdesk.training.judge.verdict import verdict
from tests.tiny import tiny_model


@pytest.mark.parametrize(
    ("place", "sentence"),
    [(0, "The topic can be applied unseen"), (2, "The topic cannot be applied unseen yet: what the model gives is a")],
)
def test_model_of_one_topic_is_summed_up_as_such(place: int, sentence: str) -> None:
    model, only = tiny_model(), slice(place, place + 1)
    topic = replace(model.taxonomy.topics[place], parent=None)
    model = replace(
        model,
        taxonomy=Taxonomy("one", (topic,)),
        weights=model.weights[:, only],
        bias=model.bias[only],
        calibrations=model.calibrations[only],
    )
    assert verdict(model).startswith(sentence)
