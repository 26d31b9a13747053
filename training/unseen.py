"""What a model would say of the articles that editors corrected, had it not learned from them: `unseen.safetensors`.

It lies in the bundle's folder beside the files that serving reads, and serving never reads it. The gate compares by it.
It knows the articles by hashes of their ids.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.topic_model import TopicModel
from training.corrections import Corrections
from training.errors import TrainingError
from training.measure import Examined
from training.reference import keys
from training.written import write_whole

UNSEEN = "unseen.safetensors"

ADAPTED = "adapted"
"""The manifest's entry on how a model was adapted; one that was trained has none."""


def learned_keys(folder: Path) -> NDArray[np.uint64]:
    """Return what the corrected articles are known by that a bundle's model has learned from: uint64, in no order.

    Raises:
        TrainingError: the bundle's `unseen.safetensors` is damaged.
    """
    arrays = _read(folder)
    return np.concatenate((arrays["keys"], arrays["seen"])) if arrays else np.empty(0, np.uint64)


def write_unseen(folder: Path, corrections: Corrections, examined: Examined, seen: NDArray[np.uint64]) -> Path:
    """Write the out-of-fold confidences of corrected articles beside a bundle, whole or not at all; return the file.

    Args:
        folder: the bundle.
        corrections: what editors decided.
        examined: articles that the bundle's model has learned from, out of fold; those that were not corrected are
            left out.
        seen: `learned_keys` of what it was adapted from: of these there is nothing that says how it does unseen.

    Raises:
        TrainingError: it cannot be written.
    """
    rows = np.flatnonzero(np.isin(keys(examined.ids), keys(corrections.ids)))
    arrays: dict[str, NDArray[Any]] = {
        "keys": keys([examined.ids[row] for row in rows.tolist()]),
        "confidences": np.ascontiguousarray(examined.confidences[rows], np.float32),
        "seen": seen,
    }
    return write_whole(folder / UNSEEN, save(arrays))


def unseen_confidences(
    folder: Path, model: TopicModel, corrections: Corrections
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return what a bundle's model says of each corrected article: out of fold of those that it has learned from.

    Returns:
        Confidences, float64, shape (articles, topics); and of which they are as if the article was not learned from,
        bool, shape (articles,): where the bundle has no file that tells, those held out.

    Raises:
        TrainingError: the bundle's `unseen.safetensors` is damaged.
    """
    confidences = model.scores(corrections.texts)[1]
    arrays = _read(folder)
    if arrays is None:
        learned = ADAPTED in model.manifest or model.manifest.get("data", {}).get("corrected", 0) > 0
        return confidences, corrections.test() | (not learned)
    ours = keys(corrections.ids)
    _, mine, theirs = np.intersect1d(ours, arrays["keys"], return_indices=True)
    try:
        confidences[mine] = arrays["confidences"][theirs]
    except (ValueError, IndexError) as error:
        raise _damaged(folder, error) from error
    return confidences, ~np.isin(ours, arrays["seen"])


def _read(folder: Path) -> dict[str, NDArray[Any]] | None:
    try:
        arrays = load((folder / UNSEEN).read_bytes())
        return {name: arrays[name] for name in ("keys", "confidences", "seen")}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> TrainingError:
    return TrainingError(f"{folder / UNSEEN} cannot be used: {error}; retrain the model")
