"""Give a finished model its version, by date and content, and write its bundle."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import numpy as np

from tagdesk.models.bundle import content_hash, save_bundle
from tagdesk.models.features import Features
from tagdesk.models.topic_model import TopicModel

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "numba", "joblib")


def publish(
    model: TopicModel,
    ngrams: Sequence[str],
    manifest: Mapping[str, Any],
    card: Callable[[TopicModel], str],
    store: Path,
) -> Path:
    """Write a model's bundle.

    Args:
        model: the model, still without a version.
        ngrams: the n-grams in row order.
        manifest: how the model was made; the day and the versions of the libraries are added.
        card: writes the card of the model with its version.
        store: the folder of models.

    Returns:
        The bundle's folder. A version is named after its day and its content, so that the same model made twice in a
        day is one version.

    Raises:
        BundleError: the folder cannot be written.
    """
    model, ngrams = with_version(model, ngrams, manifest)
    return save_bundle(model, ngrams, card(model), store)


def with_version(
    model: TopicModel, ngrams: Sequence[str], manifest: Mapping[str, Any]
) -> tuple[TopicModel, Sequence[str]]:
    """Return a finished model with its version and manifest, and its n-grams, both in the order of rows on disk."""
    now = datetime.now(UTC)
    model, ngrams = _common_first(model, ngrams)
    return replace(
        model,
        version=f"{now:%Y.%m.%d}-{content_hash(model, ngrams)[:8]}",
        manifest={
            "trained": now.isoformat(timespec="seconds"),
            **manifest,
            "libraries": {"python": platform.python_version()} | {name: version_of(name) for name in _LIBRARIES},
        },
    ), ngrams


def _common_first(model: TopicModel, ngrams: Sequence[str]) -> tuple[TopicModel, list[str]]:
    """Return the same model with its rows sorted by idf, so that an article's n-grams are close together in memory."""
    features = model.features
    order = np.argsort(features.idf, kind="stable")
    ordered = Features(features.settings, features.hashes[order], features.idf[order])
    return replace(model, features=ordered, weights=model.weights[order]), [ngrams[row] for row in order.tolist()]
