"""Write a file beside a bundle, whole or not at all."""

import os
from pathlib import Path

from models.bundle import sync_folder
from training.errors import TrainingError


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file so that a reader sees the old or the new one, whatever happens, and return it.

    Raises:
        TrainingError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise TrainingError(f"cannot write {path}: {error.strerror or error}") from error
    return path
