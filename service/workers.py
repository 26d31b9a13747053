"""What the workers of one service share: a folder made by the first process, with each worker's state and metrics.

Only the first process knows which workers live: when one is dead, it calls `Workers.bury`. It holds a lock on the
folder as long as it runs, so that the next start can tell a folder in use from one that a killed service left behind.
"""

import fcntl
import json
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tagdesk.models.files import write_file

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder to the workers; `prometheus_client` reads it when it is imported."""

_PREFIX = "tagdesk-workers-"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made in it is mkdtemp's
_LAST_DEAD = "last-dead"
_COUNTS = ("counter", "histogram")
# What a worker's metrics need, a time series taking 180 bytes.
_RESERVED = {"counter": 128 * 1024, "histogram": 512 * 1024, "gauge_livesum": 16 * 1024, "gauge_livemin": 4 * 1024}
_EMPTY = 8  # bytes of a file of metrics before its first value

logger = logging.getLogger("tagdesk")


class Workers:
    """The workers of one service, this one among them.

    Args:
        folder: what they share; None if this worker is alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._models: dict[str, Mapping[str, Any]] = {}
        self._written = ""
        self._complained = False

    @classmethod
    def from_environment(cls) -> "Workers":
        """Return the workers of the service that started this process."""
        folder = os.environ.get(FOLDER)
        return cls(Path(folder) if folder else None)

    def publish(self, state: Mapping[str, Any]) -> None:
        """Let the others read the state of one of this worker's models; if the disk is full, the next call tries again.

        Args:
            state: JSON values; `model` is the model's name and version, `since` when it began to answer.
        """
        with self._lock:
            self._models[_name(state)] = state
            if self._folder is None:
                return
            path = self._folder / f"{os.getpid()}.json"
            try:
                self._write(path, json.dumps({"pid": os.getpid(), "models": [*self._models.values()]}))
                self._complained = False
            except OSError as error:
                if not self._complained:
                    logger.warning("%s", error)
                self._complained = True

    def _write(self, path: Path, text: str) -> None:
        if text == self._written:
            return
        write_file(path, text.encode())
        self._written = text

    def withdraw(self) -> None:
        """Take this worker's state back, as it stops."""
        with self._lock:
            self._models, self._written = {}, ""
            if self._folder is not None:
                (self._folder / f"{os.getpid()}.json").unlink(missing_ok=True)

    def read_all(self, name: str) -> list[dict[str, Any]]:
        """Return the states of a model in all workers, in order of process id (`pid`); this worker's is up to date.

        Args:
            name: the model's.
        """
        own = [{"pid": os.getpid(), **self._models[name]}] if name in self._models else []
        others = [path for path in self._files() if path.stem != str(os.getpid())]
        states = own + [state for path in others for state in _read(path, name)]
        return sorted(states, key=lambda state: int(state["pid"]))

    def last_served(self, name: str) -> list[str]:
        """Return the versions of a model that the workers serve and that the last dead worker served, the latest first.

        Args:
            name: the model's.
        """
        paths = [*self._files(), self._folder / _LAST_DEAD] if self._folder else []
        states = [state for path in paths for state in _read(path, name)]
        return [state["model"] for state in sorted(states, key=lambda state: str(state["since"]), reverse=True)]

    def bury(self, pid: int) -> None:
        """Remove what a dead worker published; its counts stay in the sum."""
        if self._folder is None:
            return
        with suppress(OSError):
            (self._folder / f"{pid}.json").replace(self._folder / _LAST_DEAD)
        for pattern in (f".{pid}.json.*", f"*_{pid}.new", f"gauge_live*_{pid}.db"):
            for path in self._folder.glob(pattern):
                path.unlink(missing_ok=True)
        for kind in _COUNTS:  # gives back the space that was reserved and not needed
            with suppress(OSError), (self._folder / f"{kind}_{pid}.db").open("r+b") as file:
                file.truncate(max(_EMPTY, int.from_bytes(file.read(4), sys.byteorder)))

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.json")) if self._folder else []


def _name(state: Mapping[str, Any]) -> str:
    return str(state["model"]).partition("@")[0]


def _read(path: Path, name: str) -> list[dict[str, Any]]:
    """Return the state of a model in the worker that wrote this file; nothing if it cannot be read."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        return [{"pid": written["pid"], **state} for state in written["models"] if _name(state) == name]
    except (OSError, ValueError, KeyError, TypeError):
        return []


@contextmanager
def shared_folder() -> Iterator[Workers]:
    """Keep a folder for the workers as long as the service runs; its path is passed on in the environment.

    It is in memory if the system has a place for that. If no folder can be made, the service runs without: each worker
    knows only of itself, and counts for itself.
    """
    os.environ.pop(FOLDER, None)
    try:
        folder, lock = _make()
    except OSError as error:
        logger.warning("no folder for the workers to share (%s): each knows only of itself", error)
        yield Workers()
        return
    os.environ[FOLDER] = str(folder)
    try:
        yield Workers(folder)
    finally:
        del os.environ[FOLDER]
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make() -> tuple[Path, int]:
    """Make a folder, and remove those of services that are gone; return it with the descriptor that locks it."""
    places = [_SHARED_MEMORY] if os.access(_SHARED_MEMORY, os.W_OK) else []
    with suppress(OSError):  # no place for temporary files at all
        places.append(Path(tempfile.gettempdir()))
    for place in places:
        _sweep(place)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=places[0] if places else None))
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():  # else another start swept it away before it was locked
            return folder, lock
        os.close(lock)


def _sweep(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(lock)


def reserve(folder: Path) -> None:
    """Reserve space for this worker's metrics: if the disk fills up under mapped memory, writing kills the process.

    Raises:
        OSError: there is no space.
    """
    for kind, size in _RESERVED.items():
        path = folder / f"{kind}_{os.getpid()}.db"
        made = path if path.exists() else path.with_suffix(".new")  # a scrape must not read it empty
        try:
            with made.open("ab") as file:
                file.write(bytes(max(0, size - file.tell())))  # not posix_fallocate, which macOS does not have
        except OSError:
            made.unlink(missing_ok=True)
            raise
        made.replace(path)
