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

_Floats = NDArray[np.float64]


def write_unseen(folder: Path, corrections: Corrections, examined: Examined) -> Path:
    """Write the out-of-fold confidences of corrected articles beside a bundle, whole or not at all; return the file.

    Args:
        folder: the bundle.
        corrections: what editors decided.
        examined: articles that the bundle's model has learned from, out of fold; those that were not corrected are
            left out.

    Raises:
        TrainingError: it cannot be written.
    """
    rows = np.flatnonzero(np.isin(keys(examined.ids), keys(corrections.ids)))
    arrays: dict[str, NDArray[Any]] = {
        "keys": keys([examined.ids[row] for row in rows.tolist()]),
        "confidences": examined.confidences[rows].astype(np.float32),
    }
    return write_whole(folder / UNSEEN, save(arrays))


def unseen_confidences(folder: Path, model: TopicModel, corrections: Corrections) -> _Floats:
    """Return what a bundle's model says of each corrected article: out of fold of those that it has learned from.

    Returns:
        float64, shape (articles, topics).

    Raises:
        TrainingError: the bundle's `unseen.safetensors` is damaged.
    """
    confidences = model.scores(corrections.texts)[1]
    path = folder / UNSEEN
    try:
        arrays = load(path.read_bytes())
        _, mine, theirs = np.intersect1d(keys(corrections.ids), arrays["keys"], return_indices=True)
        confidences[mine] = arrays["confidences"][theirs]
    except FileNotFoundError:
        return confidences
    except (OSError, ValueError, KeyError, IndexError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be used: {error}; remove it, or retrain the model") from error
    return confidences
