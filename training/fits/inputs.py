"""What the fits of all topics share: plain arrays in a folder, which every worker maps into its memory."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tagdesk.models.files import replacing, write_file
from tagdesk.training import config, fit_one, sparse_table
from tagdesk.training.config import FitSettings
from tagdesk.training.corpora import labels
from tagdesk.training.fit_one import Hints, Shared
from tagdesk.training.sparse_table import SparseTable, Table

Arrays = Mapping[str, NDArray[Any]]

_ABOUT = "about.json"
_MATRIX = ("data", "indices", "indptr")
_LIBRARIES = ("numpy", "scipy", "scikit-learn")


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What the fits read.

    Attributes:
        arrays: by their names. `decisions` have a row a topic; of many topics they are the parts of a `SparseTable`.
        about: what else the fits depend on: the settings, the numbers of articles and n-grams, the code.
    """

    arrays: Arrays
    about: Mapping[str, Any]

    @classmethod
    def of(cls, shared: Shared, decisions: Table) -> Self:
        """Return the inputs of the fits of all topics, whose decisions are int8, shape (articles, topics)."""
        arrays: dict[str, NDArray[Any]] = {"fold": shared.fold, **_parts("X", shared.X)}
        for part, matrix in shared.by_ngram.items():
            arrays |= _parts(f"by_ngram.{part}", matrix)
        if shared.mean is not None:
            arrays["mean"] = shared.mean
        if shared.hints is not None and shared.hint_scores is not None:
            arrays |= {"hints.weights": shared.hints.weights, "hints.bias": shared.hints.bias}
            arrays["hint_scores"] = shared.hint_scores
        if shared.weight is not None:
            arrays["weight"] = shared.weight
        if isinstance(decisions, SparseTable):
            arrays |= _parts("decisions", decisions.cells) | {"decisions.default": decisions.default}
        else:
            arrays["decisions"] = np.ascontiguousarray(decisions.T)
        return cls(arrays, {"settings": asdict(shared.settings), "shape": list(shared.X.shape), "code": code()})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the inputs in a folder; the arrays stay on the disk until they are looked at.

        Raises:
            FileNotFoundError: there are none.
        """
        about = json.loads((folder / _ABOUT).read_bytes())
        arrays = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in about["arrays"]}
        return cls(arrays, about)

    def write(self, folder: Path) -> None:
        """Write the inputs into a folder.

        Raises:
            CannotWrite: the disk is full, or the like.
        """
        for name, array in self.arrays.items():
            with replacing(folder / f"{name}.npy", lasting=False) as file:
                np.save(file, array)
        write_file(folder / _ABOUT, json.dumps({**self.about, "arrays": [*self.arrays]}).encode())

    def name(self) -> str:
        """Return a name that no other inputs have, which is their SHA-256, shortened."""
        digest = hashlib.sha256(json.dumps(self.about, sort_keys=True).encode())
        for name, array in sorted(self.arrays.items()):
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:32]

    def shared(self) -> Shared:
        """Return what `fit_topic` takes, its arrays views of these."""
        articles, features = self.about["shape"]
        arrays = self.arrays
        hints = Hints(arrays["hints.weights"], arrays["hints.bias"]) if "hint_scores" in arrays else None
        settings, fold = FitSettings(**self.about["settings"]), arrays["fold"]
        by_ngram = {
            part: sp.csr_matrix(self._matrix(f"by_ngram.{part}"), shape=(features, int((fold == part).sum())))
            for part in range(-1, settings.folds)
            if f"by_ngram.{part}.data" in arrays
        }
        return Shared(
            sp.csr_matrix(self._matrix("X"), shape=(articles, features)),
            by_ngram,
            arrays.get("mean"),
            fold,
            settings,
            hints,
            arrays.get("hint_scores"),
            arrays.get("weight"),
        )

    def decisions(self, topic: int) -> NDArray[np.int8]:
        """Return a topic's decisions, int8, shape (articles,)."""
        if "decisions" in self.arrays:
            row: NDArray[np.int8] = self.arrays["decisions"][topic]
            return row
        cells, rows, starts = self._matrix("decisions")
        some = slice(starts[topic], starts[topic + 1])
        column = np.full(self.about["shape"][0], self.arrays["decisions.default"][topic], np.int8)
        column[rows[some]] = cells[some]
        return column

    def _matrix(self, name: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        data, indices, indptr = (self.arrays[f"{name}.{part}"] for part in _MATRIX)
        return data, indices, indptr


def _parts(name: str, matrix: Any) -> dict[str, NDArray[Any]]:
    return {f"{name}.{part}": getattr(matrix, part) for part in _MATRIX}


@lru_cache(maxsize=1)
def code() -> str:
    """Return the SHA-256 of the code that fits, and of the versions of the libraries that it calls."""
    digest = hashlib.sha256(" ".join(map(version, _LIBRARIES)).encode())
    for path in _sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield from (Path(str(module.__file__)) for module in (config, labels, fit_one, sparse_table))
    yield from sorted(Path(__file__).parent.glob("*.py"))
