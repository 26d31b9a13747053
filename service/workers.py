"""How workers tell each other what they serve: each keeps a small file of its own in a folder that they share."""

import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RUN_FOLDER = "_TAGDESK_RUN"
"""The variable that hands the folder to the workers; not `TAGDESK_…`, because it is no setting."""

logger = logging.getLogger("tagdesk")


@contextmanager
def run_folder() -> Iterator[None]:
    """Keep a folder for the workers' files as long as the service runs; its path travels in the environment.

    Where none can be made the service runs all the same, and each worker knows of itself alone.
    """
    try:
        folder = tempfile.mkdtemp(prefix="tagdesk-")
    except OSError as error:
        logger.warning("no temporary folder can be made (%s): a worker cannot say what the others serve", error)
        os.environ.pop(RUN_FOLDER, None)
        yield
        return
    os.environ[RUN_FOLDER] = folder
    try:
        yield
    finally:
        del os.environ[RUN_FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


class Workers:
    """The workers of one service, this one among them.

    Args:
        folder: where their files are; None where this one is alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._own: dict[str, Any] = {}
        self._written = ""
        self._alive: int | None = None
        self._complained = False

    @classmethod
    def from_environment(cls) -> "Workers":
        """Return the workers of the service that started this process."""
        folder = os.environ.get(RUN_FOLDER)
        return cls(Path(folder) if folder else None)

    def tell(self, state: Mapping[str, Any]) -> None:
        """Tell the others this worker's state, JSON values; on a full disk the next call tries again."""
        self._own = {"pid": os.getpid(), **state}
        text = json.dumps(self._own)
        if self._folder is None:
            return
        path = self._folder / f"{os.getpid()}.json"
        try:
            self._show_alive(path.with_suffix(".alive"))
            self._write(path, text)
            self._complained = False
        except OSError as error:
            self._written = ""
            if not self._complained:
                logger.warning("cannot write %s: %s", path, error.strerror)
            self._complained = True

    def states(self) -> list[dict[str, Any]]:
        """Return the states of the workers that are alive, this one's as it is now, by process id."""
        found = [self._own] if self._own else []
        for path in self._files():
            if path.stem == str(os.getpid()):
                continue
            if not _is_alive(path.with_suffix(".alive")):
                path.unlink(missing_ok=True)
                path.with_suffix(".alive").unlink(missing_ok=True)
            elif state := _read(path):
                found.append(state)
        return sorted(found, key=lambda state: int(state["pid"]))

    def last_served(self) -> list[str]:
        """Return the models that workers serve or served until they died, the latest first."""
        states = [state for path in self._files() if (state := _read(path))]
        return [state["model"] for state in sorted(states, key=lambda state: str(state["since"]), reverse=True)]

    def leave(self) -> None:
        """Say no more."""
        if self._alive is not None and self._folder is not None:
            (self._folder / f"{os.getpid()}.json").unlink(missing_ok=True)
            (self._folder / f"{os.getpid()}.alive").unlink(missing_ok=True)
            os.close(self._alive)
        self._alive, self._written, self._own = None, "", {}

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.json")) if self._folder else []

    def _write(self, path: Path, text: str) -> None:
        if text == self._written:
            os.utime(path)  # what clears old files out of /tmp must not take it for one
            return
        draft = path.with_suffix(".draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
        self._written = text

    def _show_alive(self, path: Path) -> None:
        """Hold a lock that the system lets go of when the process dies, however it does."""
        if self._alive is not None:
            os.utime(path)
            return
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._alive = descriptor


def _is_alive(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _read(path: Path) -> dict[str, Any] | None:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) and {"pid", "model", "since"} <= state.keys() else None
