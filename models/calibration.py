"""From a raw score to a calibrated confidence, and from a confidence to a band."""

import math
from dataclasses import dataclass
from typing import Literal

from tagdesk.models import kernel

Band = Literal["auto", "suggest"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How one topic's score becomes a confidence and a band.

    The confidence is Platt's: 1 / (1 + exp(-(slope · score + offset))). (Platt, "Probabilistic outputs for support
    vector machines", 1999.)

    Args:
        slope: above 0, so that a higher score is a higher confidence.
        offset: any number.
        suggest: the confidence from which the topic is returned.
        auto: the confidence from which it is safe to apply unseen; None where no cut-off is safe.

    Raises:
        ValueError: naming every fault at once.
    """

    slope: float
    offset: float
    suggest: float
    auto: float | None = None

    def __post_init__(self) -> None:
        faults = []
        if not (math.isfinite(self.slope) and self.slope > 0):
            faults.append(f"slope {self.slope} must be above 0")
        if not math.isfinite(self.offset):
            faults.append(f"offset {self.offset} must be a number")
        if not 0 <= self.suggest <= 1:
            faults.append(f"suggest {self.suggest} must be from 0 to 1")
        if self.auto is not None and not self.suggest <= self.auto <= 1:
            faults.append(f"auto {self.auto} must be from suggest, {self.suggest}, to 1")
        if faults:
            raise ValueError("; ".join(faults))

    def confidence(self, score: float) -> float:
        """Return the probability, 0 to 1, that the topic is right at this raw score."""
        return kernel.confidence(float(score), float(self.slope), float(self.offset))

    def band(self, confidence: float) -> Band | None:
        """Return the band of a confidence, or None below every cut-off."""
        if self.auto is not None and confidence >= self.auto:
            return "auto"
        return "suggest" if confidence >= self.suggest else None
