"""A bundle's reference set: articles as TF-IDF rows over its own n-grams, so that Monday's loop needs no corpus.

The articles held out are what the gate compares models on; a sample of those it learned from are the anchors, which
hold an adapted model where it is (`training.adapt`).

`reference.safetensors.gz` lies in the bundle's folder beside the files that serving reads, and serving never reads it.
It belongs to one list of n-grams and topics; a model that was adapted keeps both, and takes the file along. Of two
models with other n-grams each has rows of its own, and the articles that both have held out tell them apart. No text is
in it, but the bundle's n-grams of each article are: whoever gives a bundle away may leave the file out.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.article import ArticleText
from models.topic_model import TopicModel
from training.adapt import tf_idf
from training.errors import TrainingError
from training.measure import Examined
from training.written import write_whole

REFERENCE = "reference.safetensors.gz"

ANCHORS = 1_000
"""Of more articles that were learned from, so many are kept; twice as many hold an adapted model no better."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Articles that neither a model nor those adapted from it have learned from, and anchors.

    Attributes:
        keys: of the articles' ids, uint64, shape (articles,).
        X: TF-IDF over the model's n-grams, shape (articles, n-grams).
        decisions: yes, no or open, int8, shape (articles, topics).
        weight: weighs each back to a fair sample, float64, shape (articles,).
        anchors: TF-IDF of articles that the model has learned from, shape (anchors, n-grams).
    """

    keys: NDArray[np.uint64]
    X: sp.csr_matrix
    decisions: NDArray[np.int8]
    weight: NDArray[np.float64]
    anchors: sp.csr_matrix

    def confidences(self, model: TopicModel) -> NDArray[np.float64]:
        """Return what a model with these n-grams is confident of: float64, shape (articles, topics)."""
        return model.confidences(self.X @ np.asarray(model.weights, np.float64) + model.bias)


def write_reference(
    folder: Path, model: TopicModel, held_out: Examined, ids: Sequence[str], texts: Sequence[ArticleText]
) -> Path:
    """Write a bundle's reference set, whole or not at all, and return the file.

    Args:
        folder: the bundle.
        model: its model.
        held_out: the articles held out.
        ids: of the articles that it learned from, whose hashes draw the anchors.
        texts: what was read of them.

    Raises:
        TrainingError: it cannot be written.
    """
    drawn = np.argsort(keys(ids), kind="stable")[:ANCHORS].tolist()
    arrays = {
        "keys": keys(held_out.ids),
        **_arrays("", tf_idf(model.features, held_out.texts), np.float32),
        "decisions": np.ascontiguousarray(held_out.decisions, np.int8),
        "weight": held_out.weight.astype(np.float32),
        **_arrays("anchors.", tf_idf(model.features, [texts[i] for i in drawn]), np.float16),
        "hashes": _some_hashes(model),
    }
    return write_whole(folder / REFERENCE, gzip.compress(save(arrays), mtime=0))


def _arrays(prefix: str, X: sp.csr_matrix, kind: type[np.floating[Any]]) -> dict[str, NDArray[Any]]:
    return {
        f"{prefix}indptr": X.indptr.astype(np.int32),
        f"{prefix}indices": X.indices.astype(np.int32),
        f"{prefix}values": X.data.astype(kind),
    }


def _matrix(prefix: str, arrays: Mapping[str, NDArray[Any]], features: int) -> sp.csr_matrix:
    """Return what `_arrays` takes apart.

    Raises:
        KeyError, ValueError: the arrays are not those of a matrix of so many columns.
    """
    indptr = arrays[f"{prefix}indptr"]
    parts = (arrays[f"{prefix}values"].astype(np.float64), arrays[f"{prefix}indices"], indptr)
    X = sp.csr_matrix(parts, shape=(len(indptr) - 1, features))
    X.check_format()
    return X


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
        arrays = load(gzip.decompress(path.read_bytes()))
        features = len(model.features.hashes)
        X, anchors = _matrix("", arrays, features), _matrix("anchors.", arrays, features)
        _check_that_it_belongs(arrays, X.shape, model)
        return Reference(arrays["keys"], X, arrays["decisions"], arrays["weight"].astype(np.float64), anchors)
    except FileNotFoundError:
        return None
    except (OSError, EOFError, zlib.error, TypeError, ValueError, KeyError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be used: {error}; remove it, or train the model again") from error


def _check_that_it_belongs(arrays: Mapping[str, NDArray[Any]], shape: tuple[int, int], model: TopicModel) -> None:
    lengths = arrays["keys"].shape, arrays["weight"].shape
    fits = arrays["decisions"].shape == (shape[0], len(model.taxonomy)) and lengths == (shape[:1], shape[:1])
    if not fits or not np.array_equal(arrays["hashes"], _some_hashes(model)):
        raise ValueError("it belongs to another model")
