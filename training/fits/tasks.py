"""The tasks of a training: a fit of a topic, or all fits of one of many topics; each leaves a file."""

import socket
import traceback
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tagdesk.models.files import CannotWrite, replacing
from tagdesk.training.corpora.labels import YES
from tagdesk.training.fit_one import fit_topic, highest
from tagdesk.training.fits.inputs import Arrays, Inputs, code

_DAMAGE = (ValueError, TypeError, RuntimeError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
"""What numpy and zipfile raise at a file of which some bytes are others."""

STORED, STORED_FOR_EACH = 500, 5
"""With many topics, the out-of-fold scores of so many articles are kept, and as many for each that has the topic."""


_ONE_AT_A_TIME = Lock()
"""LIBLINEAR draws from one generator a process: beside another fit it would draw other numbers."""


@dataclass(frozen=True, slots=True)
class OneFit:
    """One fit of a topic: with all articles its weights, or without a fold the scores of that fold's articles.

    Attributes:
        topic: its column.
        left_out: the fold that is left out, -1 for none.
    """

    topic: int
    left_out: int

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.topic}.npz" if self.left_out < 0 else f"{self.topic}-without-{self.left_out}.npz"

    @property
    def arrays(self) -> set[str]:
        """The names of what `fit` returns."""
        return {"weights", "bias"} if self.left_out < 0 else {"scores"}

    def fit(self, inputs: Inputs) -> Arrays:
        """Return `weights`, float64, shape (n-grams,), and `bias`; or `scores`, float64, shape (articles of the fold,).

        The articles of the fold are in their order.
        """
        shared = inputs.shared()
        fit = fit_topic(shared, inputs.decisions(self.topic), self.topic, self.left_out)
        weights = fit.all_weights(shared.X.shape[1])
        if self.left_out < 0:
            return {"weights": weights, "bias": np.array(fit.bias)}
        return {"scores": shared.X[shared.fold == self.left_out] @ weights + fit.bias}


@dataclass(frozen=True, slots=True)
class EveryFit:
    """All fits of one of many topics, as far as they are kept: the mean of those without each fold.

    A fit of all articles would give higher scores than those of fewer, by which curves and cut-offs are chosen.

    Attributes:
        topic: its column.
    """

    topic: int

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.topic}-every.npz"

    @property
    def arrays(self) -> set[str]:
        """The names of what `fit` returns."""
        return {"ngrams", "weights", "bias", "articles", "scores", "rest"}

    def fit(self, inputs: Inputs) -> Arrays:
        """Fit a topic without each fold, and return what counts.

        Returns:
            `ngrams`: the features with the strongest weights, increasing, int64; `weights`: theirs, float32; `bias`.
            `articles`: the places of the calibration articles that have the topic or the highest scores, int64;
            `scores`: theirs out of fold, float64; `rest`: the mean score of all others.
        """
        shared, decisions = inputs.shared(), inputs.decisions(self.topic)
        settings = shared.settings
        scores, fits = np.zeros(len(decisions)), []
        for left_out in range(settings.folds):
            fit = fit_topic(shared, decisions, self.topic, left_out)
            scores[shared.fold == left_out] = shared.scores(left_out, fit.ngrams, fit.weights) + fit.bias
            fits.append(fit)
        ngrams, places = np.unique(np.concatenate([fit.ngrams for fit in fits]), return_inverse=True)
        weights = np.bincount(places, np.concatenate([fit.weights for fit in fits])) / settings.folds
        ngrams, weights, bias = shared.strongest(ngrams, weights, sum(fit.bias for fit in fits) / settings.folds)
        calibration = shared.fold >= 0
        scores, stored = scores[calibration], decisions[calibration] == YES
        stored[highest(scores, STORED + STORED_FOR_EACH * int(stored.sum()))] = True
        kept = np.flatnonzero(stored)
        return {
            "ngrams": ngrams,
            "weights": weights.astype(np.float32),
            "bias": np.array(bias),
            "articles": kept,
            "scores": scores[kept],
            "rest": np.array(scores[~stored].mean() if not stored.all() else 0.0),
        }


Task = OneFit | EveryFit


def carry_out(order: tuple[str, Task]) -> str:
    """Do a task in a folder of inputs, and write its file there; return what went wrong, an empty text if nothing."""
    folder, task = Path(order[0]), order[1]
    try:
        _use_one_thread()
        inputs = Inputs.read(folder)
        if inputs.about["code"] != code():
            return (
                f"the worker on {socket.gethostname()} has another Tagdesk, numpy, scipy or scikit-learn than this one"
            )
        with _ONE_AT_A_TIME:
            arrays = task.fit(inputs)
        write_fit(folder, task, arrays)
    except CannotWrite as error:
        return str(error)
    except (FileNotFoundError, PermissionError):
        return (
            f"the worker on {socket.gethostname()} cannot read {folder}: it must lie where this process and all "
            "workers see it, and be theirs to read and write; TAGDESK_STORE says where"
        )
    except MemoryError:
        return f"too little memory for a fit on {socket.gethostname()}"
    except Exception as error:  # noqa: BLE001 - a worker goes on; where it failed is told, and no text of articles
        place = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"a fit failed on {socket.gethostname()}: {type(error).__name__} in {place.name}, line {place.lineno} of "
            f"{Path(place.filename).name}"
        )
    return ""


def write_fit(folder: Path, task: Task, arrays: Arrays) -> None:
    """Write what came of a task.

    Raises:
        CannotWrite: the disk is full, or the like.
    """
    with replacing(folder / task.name, lasting=False) as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_fit(folder: Path, task: Task) -> dict[str, NDArray[Any]] | None:
    """Return what came of a task; None where its file is missing or damaged, as its checksums tell."""
    try:
        with (folder / task.name).open("rb") as file, np.load(file, allow_pickle=False) as opened:
            arrays = dict(opened)
    except (*_DAMAGE, OSError):
        return None
    return arrays if arrays.keys() == task.arrays else None


@lru_cache(maxsize=1)
def _use_one_thread() -> None:
    """Let BLAS add up on one thread in this process: on several it does so in another order."""
    threadpool_limits(1, "blas")
