"""A bundle's reference set: its held-out articles as TF-IDF rows over its own n-grams; so the gate needs no corpus.

`reference.safetensors` lies in the bundle's folder beside the files that serving reads, and serving never reads it. It
belongs to one list of n-grams and topics; a model that was adapted keeps both, and takes the file along. Of two models
with other n-grams each has rows of its own, and the articles that both have held out tell them apart. No text is in
it, but the bundle's n-grams of each article are: whoever gives a bundle away may leave the file out.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.topic_model import TopicModel
from training.adapt import tf_idf
from training.errors import TrainingError
from training.measure import Examined
from training.written import write_whole

REFERENCE = "reference.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Articles that neither a model nor those adapted from it have learned from.

    Attributes:
        keys: of the articles' ids, uint64, shape (articles,).
        X: TF-IDF over the model's n-grams, shape (articles, n-grams).
        decisions: yes, no or open, int8, shape (articles, topics).
        weight: weighs each back to a fair sample, float64, shape (articles,).
    """

    keys: NDArray[np.uint64]
    X: sp.csr_matrix
    decisions: NDArray[np.int8]
    weight: NDArray[np.float64]

    def confidences(self, model: TopicModel) -> NDArray[np.float64]:
        """Return what a model with these n-grams is confident of: float64, shape (articles, topics)."""
        return model.confidences(self.X @ np.asarray(model.weights, np.float64) + model.bias)


def write_reference(folder: Path, model: TopicModel, held_out: Examined) -> Path:
    """Write a bundle's reference set, whole or not at all, and return the file.

    Raises:
        TrainingError: it cannot be written.
    """
    X = tf_idf(model.features, held_out.texts)
    arrays = {
        "keys": keys(held_out.ids),
        "indptr": X.indptr.astype(np.int32),
        "indices": X.indices.astype(np.int32),
        "values": X.data.astype(np.float32),
        "decisions": np.ascontiguousarray(held_out.decisions, np.int8),
        "weight": held_out.weight.astype(np.float32),
        "hashes": _some_hashes(model),
    }
    return write_whole(folder / REFERENCE, save(arrays))


def keys(ids: Iterable[str]) -> NDArray[np.uint64]:
    """Return what articles are known by in a reference set: uint64, shape (articles,)."""
    return np.array([int.from_bytes(hashlib.blake2b(one.encode(), digest_size=8).digest()) for one in ids], np.uint64)


def _some_hashes(model: TopicModel) -> NDArray[np.uint64]:
    """Return what tells one list of n-grams from another."""
    hashes = model.features.hashes
    return np.ascontiguousarray(hashes[:: max(1, len(hashes) // 64)])


def copy_reference(source: Path, target: Path) -> None:
    """Let an adapted bundle take along the reference set of the one it was made from, if there is one.

    Raises:
        TrainingError: it cannot be read or written.
    """
    try:
        content = (source / REFERENCE).read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise TrainingError(f"cannot read {source / REFERENCE}: {error.strerror or error}") from error
    if not (target / REFERENCE).exists():
        write_whole(target / REFERENCE, content)


def read_reference(folder: Path, model: TopicModel) -> Reference | None:
    """Return a bundle's reference set, or None where it has none.

    Raises:
        TrainingError: it is damaged, or another model's.
    """
    path = folder / REFERENCE
    try:
        arrays = load(path.read_bytes())
        shape = (len(arrays["weight"]), len(model.features.hashes))
        parts = (arrays["values"].astype(np.float64), arrays["indices"], arrays["indptr"])
        X = sp.csr_matrix(parts, shape=shape)
        X.check_format()
        _check_that_it_belongs(arrays, shape, model)
        return Reference(arrays["keys"], X, arrays["decisions"], arrays["weight"].astype(np.float64))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be used: {error}; remove it, or train the model again") from error


def _check_that_it_belongs(arrays: Mapping[str, NDArray[Any]], shape: tuple[int, int], model: TopicModel) -> None:
    fits = arrays["decisions"].shape == (shape[0], len(model.taxonomy)) and arrays["keys"].shape == shape[:1]
    if not fits or not np.array_equal(arrays["hashes"], _some_hashes(model)):
        raise ValueError("it belongs to another model")
