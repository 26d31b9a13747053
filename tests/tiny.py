"""A real model small enough to build in a test: a few words, three topics, weights written by hand."""

from pathlib import Path

import numpy as np

from tagdesk.models import Taxonomy, Topic, TopicModel, kernel
from tagdesk.models.bundle import save_bundle
from tagdesk.models.calibration import Calibration
from tagdesk.models.features import Features, FeatureSettings
from tagdesk.models.reading import normal_form
from tagdesk.models.taxonomy import Code

NAME = "tiny"
VERSION = "1"
REF = f"{NAME}@{VERSION}"

TAXONOMY = Taxonomy(
    NAME,
    (
        Topic("conflict", "Conflict", "War and ceasefires.", codes=(Code("medtop:16000000", "exact"),)),
        Topic("diplomacy", "Diplomacy", "Talks.", "conflict", (Code("medtop:20000638", "exact"),)),
        Topic("weather", "Weather", "Storms and heat.", codes=(Code("medtop:17000000", "exact"),)),
    ),
)

# What each n-gram says about conflict, diplomacy and weather.
WEIGHTS = {
    "ceasefire": (6.0, 2.0, -1.0),
    "war": (6.0, 0.5, -1.0),
    "troops": (5.0, 0.0, -1.0),
    "conflict": (6.0, 1.0, -1.0),
    "envoy": (0.5, 6.0, -1.0),
    "ministers": (0.2, 5.0, -1.0),
    "summit": (0.0, 6.0, -1.0),
    "met ministers": (0.0, 3.0, -1.0),
    "storm": (-1.0, -1.0, 6.0),
    "rain": (-1.0, -1.0, 6.0),
    "winds": (-1.0, -1.0, 6.0),
    "heavy rain": (-1.0, -1.0, 4.0),
    "the": (0.0, 0.0, 0.1),
}


def tiny_model() -> TopicModel:
    """Build the model."""
    hashes = np.concatenate([_hash(ngram) for ngram in WEIGHTS])
    return TopicModel(
        name=NAME,
        version=VERSION,
        taxonomy=TAXONOMY,
        features=Features(FeatureSettings(), hashes, np.ones(len(WEIGHTS), np.float32)),
        weights=np.array(list(WEIGHTS.values()), np.float32),
        bias=np.full(len(TAXONOMY), -1.5, np.float32),
        calibrations=(
            Calibration(1.0, 0.0, suggest=0.5, auto=0.9),
            Calibration(1.0, 0.0, suggest=0.5, auto=0.9),
            Calibration(1.0, 0.0, suggest=0.5),
        ),
        manifest={"metrics": {"topics": {"conflict": {"precision": 0.9, "recall": 0.8, "f1": 0.847, "support": 40}}}},
    )


def save_tiny_model(store: Path) -> Path:
    """Write the model to a store as its current version, and return the bundle's folder."""
    folder = save_bundle(tiny_model(), list(WEIGHTS), "# tiny\n", store)
    (folder.parent / "CURRENT").write_text(f"{VERSION}\n")
    return folder


def _hash(ngram: str) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    words = len(ngram.split())
    hashes, *_ = kernel.ngrams(kernel.code_points(ngram), normal_form.word_table(), words, words)
    assert len(hashes) == 1
    return hashes
