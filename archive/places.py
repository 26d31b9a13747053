"""Files and folders, on this machine or in an object store, through pyarrow's filesystems."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from pyarrow import ArrowException
from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType, LocalFileSystem

from tagdesk.models.errors import CannotRead, TagdeskError
from tagdesk.models.files import CannotWrite, lock, replacing

_OBJECT_STORES = {"s3", "gcs", "abfs"}
"""Filesystems whose files appear whole, when they are closed, and which have no folders."""

_HIDDEN = re.compile(r"(?:^|/)[._]")
"""As Spark and Hive name what is not data: `_SUCCESS`, `_temporary`."""

_DRAFT = re.compile(r"\.(.+)\.[0-9a-f]{8}")
"""What `replacing` leaves of a file whose writer was killed."""


class InUse(TagdeskError):
    """A file is locked by another process; the text is that process's number, if it is known."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file or a folder; it can be sent to other processes, which open it anew.

    Attributes:
        filesystem: pyarrow's.
        path: in that filesystem.
        shown: how people write it.
    """

    filesystem: Any
    path: str
    shown: str

    @classmethod
    def of(cls, text: str) -> "Place":
        """Return the place of a path, or of a URI such as `s3://bucket/folder`.

        Raises:
            CannotRead: the URI is wrong, or its kind of filesystem is not available here.
        """
        if "://" not in text:
            return cls(LocalFileSystem(), str(Path(text).absolute()), text)
        shown = _without_secrets(text)
        try:
            filesystem, path = FileSystem.from_uri(text)
        except (ArrowException, OSError, ValueError) as error:
            raise CannotRead(f"cannot use {shown}: {_first_line(error).replace(text, shown)}") from None
        return cls(filesystem, path, shown)

    @property
    def is_local(self) -> bool:
        """Whether it is a path of this machine."""
        return isinstance(self.filesystem, LocalFileSystem)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def real(self) -> str:
        """What two places have in common that are one, whatever links or addresses name them."""
        path = os.path.realpath(self.path) if self.is_local else self.path.rstrip("/")
        return f"{self.filesystem.type_name}:{path}"

    def below(self, name: str) -> "Place":
        """Return the place of a name in this folder."""
        path, shown = self.path.rstrip("/"), self.shown.rstrip("/")
        return replace(self, path=f"{path}/{name}", shown=f"{shown}/{name}")

    def info(self) -> FileInfo:
        """Return what is there: type, size in bytes, when it was modified.

        Raises:
            CannotRead: the filesystem does not answer.
        """
        return self._asked(self.path)

    def files(self) -> dict[str, FileInfo]:
        """Return all files in this folder and those below it, by their names from here; none if it does not exist.

        Raises:
            CannotRead: the filesystem does not answer.
        """
        infos = self._asked(FileSelector(self.path, allow_not_found=True, recursive=True))
        root = self.path.rstrip("/") + "/"
        return {info.path.removeprefix(root): info for info in infos if info.type is FileType.File}

    def _asked(self, what: Any) -> Any:
        try:
            return self.filesystem.get_file_info(what)
        except (ArrowException, OSError) as error:
            raise CannotRead(f"cannot look at {self.shown}: {_first_line(error)}") from error

    def read(self) -> bytes:
        """Return the content of a small file.

        Raises:
            OSError: it cannot be read.
        """
        with self.filesystem.open_input_stream(self.path) as file:
            content: bytes = file.read()
        return content

    @contextmanager
    def copied(self) -> Iterator[Path]:
        """Yield a path of this machine with the file's content: its own, or that of a copy which is then removed.

        Raises:
            OSError: it cannot be read.
        """
        if self.is_local:
            yield Path(self.path)
            return
        with tempfile.TemporaryDirectory(prefix="tagdesk-") as folder:
            copy = Path(folder) / self.name
            # Compression is left to the reader, as it is of a file that lies here.
            with self.filesystem.open_input_stream(self.path, compression=None) as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            yield copy

    @contextmanager
    def replacing(self) -> Iterator[IO[bytes]]:
        """Yield a file that takes the place of this one, whole, when the block ends well.

        Raises:
            CannotWrite: it cannot be written; also for whatever else of `OSError` is raised in the block.
        """
        if self.is_local:
            _make_folder(Path(self.path).parent)
            with replacing(Path(self.path)) as file:
                yield file
            return
        with tempfile.TemporaryFile(prefix="tagdesk-") as draft:
            yield draft
            draft.seek(0)
            self._send(draft)

    def _send(self, draft: IO[bytes]) -> None:
        try:
            self._put(draft)
        except (ArrowException, OSError) as error:
            raise CannotWrite(getattr(error, "errno", None), _first_line(error), self.shown) from error

    def _put(self, draft: IO[bytes]) -> None:
        whole = self.filesystem.type_name in _OBJECT_STORES
        if not whole:
            self.filesystem.create_dir(self.path.rpartition("/")[0], recursive=True)
        path = self.path if whole else f"{self.path}.draft"
        with self.filesystem.open_output_stream(path) as target:
            shutil.copyfileobj(draft, target, 1 << 20)
        if not whole:
            self.filesystem.move(path, self.path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep this file locked while the block runs; the lock is gone with the process, whatever ends it.

        In an object store, and on a file system without locks, nothing is locked.

        Raises:
            InUse: another process has it locked.
            CannotWrite: it cannot be made.
        """
        if not self.is_local:
            yield
            return
        _make_folder(Path(self.path).parent)
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise CannotWrite(error.errno, error.strerror, self.shown) from error
        with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
            try:
                lock(file.fileno())
            except BlockingIOError:
                raise InUse(file.read().strip()) from None
            except OSError as error:
                raise CannotWrite(error.errno, error.strerror, self.shown) from error
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield

    def remove(self) -> None:
        """Remove this file.

        Raises:
            CannotWrite: it cannot be removed.
        """
        try:
            self.filesystem.delete_file(self.path)
        except (ArrowException, OSError) as error:
            raise CannotWrite(getattr(error, "errno", None), _first_line(error), self.shown) from error

    def clear_drafts(self, ours: Callable[[str], bool]) -> None:
        """Remove what writers that were killed have left in this folder of files that are ours.

        Raises:
            CannotRead: the folder cannot be looked at.
        """
        for name in self.files() if self.is_local else ():
            folder, _, last = name.rpartition("/")
            draft = _DRAFT.fullmatch(last)
            if draft and ours(f"{folder}/{draft[1]}".lstrip("/")):
                Path(self.path, name).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Found:
    """A file of an archive.

    Attributes:
        place: the file.
        name: from the folder that was named, or else its own.
        size: bytes.
        modified: nanoseconds since 1970; 0 where the filesystem does not say.
    """

    place: Place
    name: str
    size: int
    modified: int


def find(text: str, wanted: re.Pattern[str], out: Place) -> list[Found]:
    """Return the files that a path or URI names: a file, all files of a folder, or those that fit a pattern with `*`.

    In a pattern `*` is anything but a slash, `**` anything. What begins with a dot or an underscore is no data.

    Args:
        text: the path or URI.
        wanted: what the name of a file in a folder must match; a file that is named itself, or by a pattern, need not.
        out: the folder of the results, whose files are left out if it lies in the one that is looked through.

    Raises:
        CannotRead: there is no such file or folder, it has no such files, or it is the folder of the results.
    """
    if "*" in text:
        return _fitting(text, out)
    place = Place.of(text)
    info = place.info()
    if info.type is FileType.File:
        return [_found(place, place.name, info)]
    if info.type is FileType.NotFound:
        raise CannotRead(f"no such file or folder: {place.shown}")
    if place.real == out.real:
        raise CannotRead(f"{place.shown} would be overwritten by its own answers: name another folder for OUT")
    files = _data(place, out)
    found = [_found(place.below(name), name, info) for name, info in files.items() if wanted.search(name)]
    if not found:
        raise CannotRead(f"{place.shown} has no files of articles: JSON Lines, CSV or Parquet")
    return found


def _data(folder: Place, out: Place) -> dict[str, FileInfo]:
    """Return the files of a folder that are not hidden, without the results if these lie in it."""
    root = folder.real.rstrip("/") + "/"
    results = out.real.removeprefix(root) + "/" if out.real.startswith(root) else None
    return {
        name: info
        for name, info in folder.files().items()
        if not _HIDDEN.search(name) and not (results and name.startswith(results))
    }


def _fitting(text: str, out: Place) -> list[Found]:
    address, question, query = text.partition("?") if "://" in text else (text, "", "")
    folder = address[: address.index("*")].rpartition("/")[0]
    pattern = address[len(folder) :].lstrip("/")
    root = Place.of((folder or ("/" if address.startswith("/") else ".")) + question + query)
    steps = re.split(r"(\*\*/|\*\*|\*)", pattern)
    meanings = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    fits = re.compile("".join(meanings.get(step, re.escape(step)) for step in steps))
    names = {name: info for name, info in _data(root, out).items() if fits.fullmatch(name)}
    if not names:
        raise CannotRead(f"no file fits {_without_secrets(address)}")
    return [_found(root.below(name), name, info) for name, info in names.items()]


def _without_secrets(uri: str) -> str:
    """Return a URI without user, password and options; also one whose password has a `/` that should be `%2F`."""
    return re.sub(r"(?<=://)(?:[^/@]*|[^/@:]+:(?!\d+/)[^@]*)@", "", uri.partition("?")[0])


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(error.errno, error.strerror, str(folder)) from error


def _found(place: Place, name: str, info: FileInfo) -> Found:
    return Found(place, name, info.size or 0, info.mtime_ns or 0)


def _first_line(error: Exception) -> str:
    """Return the reason in an error of Arrow, which may go on with hints and traces."""
    return str(error).partition("\n")[0][:300]
