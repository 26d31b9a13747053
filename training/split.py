"""Split by what an article is called, so that it stays on its side when the corpus grows."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

TEST_SHARE = 0.1


def held_out(ids: Iterable[str]) -> NDArray[np.bool_]:
    """Say which articles are kept for the test: bool, shape (articles,), about one in ten."""
    return _places(ids, "held out") < TEST_SHARE


def folds(ids: Iterable[str], count: int, seed: int) -> NDArray[np.int64]:
    """Deal articles into folds: int64, shape (articles,), 0 to count - 1."""
    return (_places(ids, f"fold {seed}") * count).astype(np.int64)


def _places(ids: Iterable[str], salt: str) -> NDArray[np.float64]:
    """Return a number from 0 to 1 per id, by its hash."""
    hashes = (hashlib.blake2b(f"{salt}\n{one}".encode(), digest_size=8).digest() for one in ids)
    return np.array([int.from_bytes(found) for found in hashes], np.float64) / 2.0**64
