"""Where the fits of a training are done and kept: below the store of models until it has ended, or in passing."""

import logging
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from joblib import cpu_count
from joblib.parallel import get_active_backend
from numpy.typing import NDArray

from tagdesk.engines import Lost, Pool, client_of, on_cluster, on_cores
from tagdesk.models.files import CannotWrite, lock
from tagdesk.progress import counted
from tagdesk.training.errors import TrainingError
from tagdesk.training.fit_one import Shared
from tagdesk.training.fits.inputs import Inputs
from tagdesk.training.fits.tasks import EveryFit, OneFit, carry_out, read_fit
from tagdesk.training.sparse_table import Table

log = logging.getLogger(__name__)

FOLDER = ".fits"
"""The folder of a store that has the fits of the trainings that are at work, or were killed."""

KEPT_DAYS = 7
"""So long the fits of a training that was killed wait for it to be run again."""

_LOCK, _GONE = "lock", ".gone-"

AnyTask = TypeVar("AnyTask", OneFit, EveryFit)

Found = Generator[tuple[AnyTask, dict[str, NDArray[Any]]]]
"""Fits with what came of each: the arrays that its `fit` returns."""

_pool: Pool[Any, Any] = Pool()


class Fits:
    """Does the fits of a training, each of them a file, and removes them when the block ends well.

    When it does not, they are kept for the next training with the same inputs, which does the rest. A training with the
    inputs of one that is at work has a folder of its own.

    Args:
        root: the folder for them; None: in one that is removed however the block ends.
        cluster: the address of a Dask scheduler whose workers see this folder; empty for processes of this machine.
    """

    def __init__(self, root: Path | None = None, cluster: str = "") -> None:
        self._kept_in, self._cluster = root, cluster
        self._folders: dict[Path, int] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._kept_in is None:
            passing = tempfile.TemporaryDirectory(prefix="tagdesk-fits-", ignore_cleanup_errors=True)
            self._root = Path(self._stack.enter_context(passing))
        else:
            self._root = self._kept_in.absolute()
            clear(self._root, KEPT_DAYS)
        if self._cluster:
            client_of(self._cluster).close()  # before articles are read for hours
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        done = 0 if kind is None else sum(len([*folder.glob("*.npz")]) for folder in self._folders)
        for folder, held in self._folders.items():
            if done:
                os.close(held)
                continue
            try:
                _remove(folder, held)
            except OSError as reason:
                log.warning("could not remove %s: %s", folder, reason.strerror or reason)
        if done and self._kept_in is not None:
            log.info("%s are kept in %s: the same command does the rest", counted(done, "fit"), self._kept_in)
        self._stack.close()
        with suppress(OSError):
            self._root.rmdir()

    def folder(self) -> Path:
        """Return the folder of all folders of fits.

        Raises:
            TrainingError: it cannot be made.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(unwritable(error, self._root)) from error
        return self._root

    def run(self, shared: Shared, decisions: Table, tasks: Sequence[AnyTask]) -> Found[AnyTask]:
        """Do these fits but for those that were done before, and yield each with what came of it, as they are done.

        Args:
            shared: what all of them share.
            decisions: yes, no or open, int8, shape (articles, topics).
            tasks: the fits.

        Raises:
            TrainingError: the folder cannot be written, the workers of a fit were killed time and again, or a fit
                failed.
            EngineError: the cluster cannot be used.
        """
        if not tasks:
            return
        try:
            folder = self._prepared(Inputs.of(shared, decisions))
        except OSError as error:
            raise TrainingError(unwritable(error, self._root)) from error
        del shared, decisions
        names = {path.name for path in folder.iterdir()}
        left = []
        for task in tasks:
            found = read_fit(folder, task) if task.name in names else None
            if found is None:
                left.append(task)
            else:
                yield task, found
        if len(left) < len(tasks):
            log.info("%s of %s fits were done before", f"{len(tasks) - len(left):,}", f"{len(tasks):,}")
        if left:
            yield from self._do(folder, left)

    def _do(self, folder: Path, tasks: Sequence[AnyTask]) -> Found[AnyTask]:
        orders = ((str(folder), task) for task in tasks)
        results: Generator[tuple[tuple[str, AnyTask], str | Lost]]
        if self._cluster:
            results = on_cluster(carry_out, orders, self._cluster)
        else:
            # Within a worker of joblib, as of a GridSearchCV(n_jobs=-1), one process: the other cores have theirs.
            is_nested = get_active_backend()[0].nesting_level > 0
            results = on_cores(carry_out, orders, 1 if is_nested else cpu_count(), _pool)
        with closing(results):
            for (_, task), fault in results:
                if isinstance(fault, Lost):
                    raise TrainingError(
                        "the workers of a fit were killed, time and again: is there too little memory? Free some, or "
                        "lower memory in [fit] of the --config. What a worker says of itself stands above"
                    )
                if fault:
                    raise TrainingError(fault)
                yield task, self._read(folder, task)

    def _read(self, folder: Path, task: AnyTask) -> dict[str, NDArray[Any]]:
        arrays = read_fit(folder, task)
        if arrays is None:
            raise TrainingError(f"{folder / task.name} was written, and cannot be read: is the disk sound?")
        if self._kept_in is None:
            (folder / task.name).unlink()
        return arrays

    def _prepared(self, inputs: Inputs) -> Path:
        """Return the folder of these inputs, which has them and nobody else uses."""
        name = inputs.name()
        own = [folder for folder in self._folders if folder.name.partition(".")[0] == name]
        if own:
            return own[0]
        folders = (self._root / (f"{name}.{number}" if number else name) for number in count())
        folder, held = next((folder, held) for folder in folders if (held := _locked(folder)) is not None)
        self._folders[folder] = held
        inputs.write(folder)
        return folder


def clear(root: Path, days: float) -> list[Path]:
    """Remove the fits of trainings that were killed and not run again for so many days; return their folders."""
    removed = []
    for folder in sorted(filter(Path.is_dir, root.iterdir())) if root.is_dir() else ():
        try:
            if days and time.time() - folder.stat().st_mtime < days * 86_400:
                continue
            held = _locked(folder)
            if held is None:
                log.info("%s is that of a training at work, and stays", folder)
            else:
                _remove(folder, held)
                removed.append(folder)
        except OSError as error:
            log.warning("could not remove %s: %s", folder, error.strerror or error)
    return removed


def _locked(folder: Path) -> int | None:
    """Lock a folder as long as this process has the descriptor returned; return None where another has locked it.

    Where the file system has no locks, nobody has locked it.

    Raises:
        OSError: it cannot be locked.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # whoever had it has just removed the folder
            held = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                lock(held)
                if os.path.samestat(os.fstat(held), (folder / _LOCK).stat()):
                    return held
            except BlockingIOError:
                os.close(held)
                return None
            except OSError:
                os.close(held)
                raise
            os.close(held)


def _remove(folder: Path, held: int) -> None:
    """Remove a folder that this process has locked, in one step for others that look for it.

    Raises:
        OSError: it cannot be removed.
    """
    gone = folder.with_name(f"{folder.name}{_GONE}{secrets.token_hex(4)}")
    try:
        if _GONE not in folder.name:
            folder = folder.replace(gone)
    finally:
        os.close(held)  # over a network an open file is not removed
    shutil.rmtree(folder)


def unwritable(error: OSError, root: Path) -> str:
    """Return the sentence on a folder that cannot be written."""
    return str(error) if isinstance(error, CannotWrite) else f"cannot write {root}: {error.strerror or error}"
