"""From a score to a confidence, and from a confidence to a band."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagdesk.models.calibration import Calibration

score = st.floats(-50, 50)
quick = settings(database=None)


@quick
@given(score, st.floats(0.01, 20), st.floats(-20, 20))
def test_confidence_is_platts_formula(at: float, slope: float, offset: float) -> None:
    z = slope * at + offset
    expected = 1 / (1 + math.exp(-z)) if z > -700 else 0.0
    assert Calibration(slope, offset, 0.5).confidence(at) == pytest.approx(expected, abs=1e-12)


@quick
@given(score, score, st.floats(0.01, 20), st.floats(-20, 20))
def test_higher_score_is_never_less_confident(one: float, other: float, slope: float, offset: float) -> None:
    low, high = sorted((one, other))
    calibration = Calibration(slope, offset, 0.5)
    assert 0 <= calibration.confidence(low) <= calibration.confidence(high) <= 1


def test_confidence_of_an_enormous_score_is_certain_and_does_not_overflow() -> None:
    calibration = Calibration(10, 0, 0.5)
    assert (calibration.confidence(1e300), calibration.confidence(-1e300)) == (1.0, 0.0)


def test_bands_start_at_their_cut_offs() -> None:
    calibration = Calibration(1, 0, suggest=0.4, auto=0.9)
    found = [calibration.band(at) for at in (0.0, 0.399999, 0.4, 0.899999, 0.9, 1.0)]
    assert found == [None, None, "suggest", "suggest", "auto", "auto"]


def test_without_an_auto_cut_off_nothing_is_auto() -> None:
    assert Calibration(1, 0, suggest=0.4).band(1.0) == "suggest"


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"slope 0\.0.*offset nan.*suggest 1\.5.*auto 1\.2"):
        Calibration(0.0, math.nan, 1.5, 1.2)


@pytest.mark.parametrize(
    "parts",
    [(-1, 0, 0.5), (math.inf, 0, 0.5), (math.nan, 0, 0.5), (1, math.inf, 0.5), (1, 0, math.nan), (1, 0, 0.5, 0.4)],
)
def test_wrong_part_is_refused(parts: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Calibration(*parts)
