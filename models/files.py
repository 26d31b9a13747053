"""The only way to write a file: whole, on the disk, in one step, so that a reader sees the old file or the new one."""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tagdesk.models.errors import TagdeskError

PRIVATE = 0o600
"""The mode of a file for its owner alone."""

_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}


class CannotWrite(OSError):
    """A file cannot be written; the text says which, and why."""

    def __str__(self) -> str:
        return f"cannot write {self.filename}: {self.strerror}"


@contextmanager
def replacing(
    path: Path, error: type[TagdeskError] | None = None, *, mode: int = 0o666, lasting: bool = True
) -> Iterator[IO[bytes]]:
    """Yield a file that takes the place of `path` when the block ends well; if it raises, the old file stays.

    Args:
        path: the file; its folder must exist.
        error: what is raised in place of `CannotWrite`, with the same text.
        mode: its permissions, before the umask takes its share.
        lasting: whether it must survive a power cut, for which the disk is waited for.

    Raises:
        CannotWrite: or the `error` named: the file, or its folder, cannot be written.
    """
    try:
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    except ValueError as reason:  # `.` and `/` name no file
        failure = CannotWrite(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise (error(str(failure)) if error else failure) from reason
    try:
        with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
        if lasting:
            sync_folder(path.parent)
    except OSError as reason:
        why = reason.strerror or f"{reason}: is the disk full?"  # numpy's own errors have no number
        failure = CannotWrite(reason.errno, why, str(path))
        raise (error(str(failure)) if error else failure) from reason
    finally:
        with suppress(OSError):  # what keeps a draft from being made keeps it from being removed
            draft.unlink()


def write_file(path: Path, content: bytes, error: type[TagdeskError] | None = None, *, mode: int = 0o666) -> Path:
    """Write a file as `replacing` does, and return its path.

    Raises:
        CannotWrite: or the `error` named, as there.
    """
    with replacing(path, error, mode=mode) as file:
        file.write(content)
    return path


def lock(file: int) -> bool:
    """Lock an open file as long as this process has it open; return False where the file system has no locks.

    Raises:
        BlockingIOError: another process has locked it.
        OSError: it cannot be locked.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others who ask for it out of a folder while the block lasts; they wait.

    The lock is on the folder, as files in it are replaced.

    Raises:
        OSError: the folder cannot be opened or locked.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder survive a power cut.

    Raises:
        OSError: it cannot be done.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
