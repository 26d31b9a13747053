"""The folder in which workers share their metrics, as `prometheus_client` has it: a file for each worker and kind."""

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder; `prometheus_client` reads it when it is imported, which a worker does."""

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made in it is mkdtemp's
_COUNTS = ("counter", "histogram")
_RESERVED = {"counter": 128 * 1024, "histogram": 512 * 1024, "gauge_livesum": 16 * 1024}  # a time series takes 180
_EMPTY = 8  # bytes of a file that come before its first value

logger = logging.getLogger("tagdesk")


@contextmanager
def shared_folder() -> Iterator[None]:
    """Keep an empty folder for the workers as long as the service runs; its path travels in the environment.

    It is `PROMETHEUS_MULTIPROC_DIR` where that is set, and else in memory where the system has a place for it. Where
    none can be made the service runs all the same, and each worker counts for itself.
    """
    named = os.environ.get(FOLDER)
    try:
        folder = _emptied(Path(named)) if named else _in_memory()
    except OSError as error:
        logger.warning("metrics: no folder for the workers to share (%s): each counts for itself", error)
        os.environ.pop(FOLDER, None)
        yield
        return
    os.environ[FOLDER] = str(folder)
    try:
        yield
    finally:
        if not named:
            del os.environ[FOLDER]
            shutil.rmtree(folder, ignore_errors=True)


def _emptied(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.db"):
        left.unlink()
    return folder


def _in_memory() -> Path:
    memory = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="tagdesk-metrics-", dir=memory))


def reserve(folder: Path) -> None:
    """Take the room for this worker's files, as a full disk under mapped memory kills the process that writes.

    Raises:
        OSError: there is none.
    """
    if sys.platform == "win32":
        return
    for kind, size in _RESERVED.items():
        path = folder / f"{kind}_{os.getpid()}.db"
        made = path if path.exists() else path.with_suffix(".new")  # a scrape must not read it empty
        try:
            with made.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            made.unlink(missing_ok=True)
            raise
        made.replace(path)


def dead(folder: Path) -> list[int]:
    """Return the workers that died since the last call, and give back what room their counts do not need."""
    pids = [int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*.db")]
    gone = [pid for pid in pids if not _is_alive(pid)]
    for pid in gone:
        for kind in _COUNTS:
            with suppress(OSError), (folder / f"{kind}_{pid}.db").open("r+b") as file:
                file.truncate(max(_EMPTY, int.from_bytes(file.read(4), sys.byteorder)))
    return gone


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
