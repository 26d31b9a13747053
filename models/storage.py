"""Where models are kept: the store that training writes to, and the read-only models that Tagdesk ships."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import EllipsisType

from tagdesk.models.bundle import bundle_folder, load_bundle
from tagdesk.models.errors import BundleError, BundleNotFound, CurrentChanged
from tagdesk.models.files import locked, write_file
from tagdesk.models.topic_model import TopicModel

SHIPPED = Path(__file__).with_name("store")
CURRENT = "CURRENT"
HISTORY = "HISTORY"

Expected = str | EllipsisType | None
"""The version that must be current for a change to be made. None: there must be none; `...`: it does not matter."""

_REMEMBERED = 20
_MAX_VERSION = 128  # bytes of a version's name
_MAX_CURRENT = 256  # bytes of `CURRENT`
_MAX_HISTORY = _REMEMBERED * (_MAX_VERSION + 1)


def store() -> Path:
    """Return the folder that models are written to: `TAGDESK_STORE`, or `var/models` below the working folder."""
    return Path(os.environ.get("TAGDESK_STORE") or "var/models")


def load(ref: str | Path = "news-en") -> TopicModel:
    """Load a model.

    Args:
        ref: a name (`news-en`: the version that `CURRENT` names), a name and a version
            (`news-en@2026.11.23-1a2b3c4d`), or the path of a bundle's folder.

    Raises:
        BundleNotFound: no such model in the store or among the shipped ones.
        BundleError: it is damaged, or its manifest has another name or version than its folder.
    """
    if isinstance(ref, Path) or os.sep in ref:
        return load_bundle(Path(ref))
    folder = locate(ref)
    model = load_bundle(folder)
    if (model.name, model.version) != (folder.parent.name, folder.name):
        raise BundleError(f"bundle {folder}: its manifest is that of {model.ref[:300]}; give the folder that name")
    return model


def locate(ref: str) -> Path:
    """Return the folder of the bundle that `ref` names, looked up in the store first.

    Raises:
        BundleNotFound: no such model in the store or among the shipped ones.
    """
    if os.sep in ref:
        return Path(ref)
    name, _, version = ref.partition("@")
    wanted = version or default_version(name)
    if wanted and (folder := _find(store(), name, wanted)):
        return folder
    if wanted and not version:
        raise BundleNotFound(f"{name}'s {CURRENT} names version {wanted!r}, which is not there")
    raise BundleNotFound(f"no model {ref!r} in {store()} or {SHIPPED}: train one with `tagdesk train --publish`")


def versions(place: Path, name: str) -> list[str]:
    """Return the versions of a model in a store, sorted.

    Raises:
        BundleNotFound: the name is not a plain file name.
    """
    folder = bundle_folder(place, name, CURRENT).parent
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def default_version(name: str) -> str | None:
    """Return the version that a name without a version means: the store's `CURRENT`, else the shipped one, else None.

    Raises:
        BundleError: `CURRENT` cannot be read.
    """
    return current(store(), name) or current(SHIPPED, name)


def default_version_or_none(place: Path, name: str) -> str | None:
    """Return what `default_version` does, for any store; None also where `CURRENT` cannot be read.

    A damaged `CURRENT` is no reason to refuse the version that is to replace it.
    """
    try:
        return current(place, name) or current(SHIPPED, name)
    except BundleError:
        return None


def current(place: Path, name: str) -> str | None:
    """Return the version that `CURRENT` names in a store, or None where there is none.

    Raises:
        BundleError: `CURRENT` cannot be read.
    """
    path = bundle_folder(place, name, CURRENT)
    try:
        version = _lines(path, _MAX_CURRENT).strip()
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.is_symlink():
            raise BundleError(f"cannot read {path}: it links to nowhere: remove it, and activate a version") from error
        return None
    except (OSError, ValueError) as error:
        raise BundleError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if not version:
        raise BundleError(f"{path} is empty: write the version to serve into it")
    return version


def current_mark(name: str) -> tuple[object, ...]:
    """Return a value that changes whenever `CURRENT` is written, even with the same version."""
    return tuple(_mark(place / name / CURRENT) for place in (store(), SHIPPED))


def previous(place: Path, name: str) -> str | None:
    """Return the version that was current before this one, if it still exists."""
    past = _past(place, name)
    return past[-1] if past else None


def make_current(place: Path, name: str, version: str, *, remember: bool = True, expected: Expected = ...) -> None:
    """Make a version of the store, or a shipped one, current, atomically.

    Args:
        place: the store.
        name: the model's name.
        version: the version.
        remember: record the version that was current before, for `roll_back`.
        expected: change nothing unless this version is current (by the store's `CURRENT`, or else the shipped one).

    Raises:
        BundleNotFound: there is no such version.
        CurrentChanged: another version than `expected` is current.
        BundleError: `CURRENT` cannot be written or, if a version is expected, be read.
    """
    if not _find(place, name, version):
        raise BundleNotFound(f"no version {version!r} of {name!r} in {place}")
    with _alone(place / name):
        _check_current(place, name, expected)
        before = default_version_or_none(place, name) if remember else None
        if before and before != version:
            _write(place / name / HISTORY, [*_past(place, name), before][-_REMEMBERED:])
        _write(place / name / CURRENT, [version])


def roll_back(place: Path, name: str, *, expected: Expected = ...) -> str:
    """Make the version current that was current before; called again, the version before that.

    Args:
        place: the store.
        name: the model's name.
        expected: change nothing unless this version is current (by the store's `CURRENT`, or else the shipped one).

    Returns:
        The version that is current now.

    Raises:
        CurrentChanged: another version than `expected` is current.
        BundleNotFound: no recorded version still exists.
        BundleError: `CURRENT` cannot be written or, if a version is expected, be read.
    """
    with _alone(place / name):
        _check_current(place, name, expected)
        past = _past(place, name)
        if not past:
            raise BundleNotFound(f"no version of {name!r} was current before in {place}: activate one by its name")
        _write(place / name / CURRENT, past[-1:])
        _write(place / name / HISTORY, past[:-1])
    return past[-1]


def _check_current(place: Path, name: str, expected: Expected) -> None:
    """Check that nobody else has changed the current version meanwhile; the folder must be locked."""
    if isinstance(expected, EllipsisType):
        return
    now = current(place, name) or current(SHIPPED, name)
    if now != expected:
        raise CurrentChanged(
            f"{name}: the current version is {now or 'none'} now, not {expected or 'none'}: "
            "look at it, and repeat the change if it is still wanted"
        )


def _find(place: Path, name: str, version: str) -> Path | None:
    folders = (bundle_folder(where, name, version) for where in (place, SHIPPED))
    return next((folder for folder in folders if folder.is_dir()), None)


def _past(place: Path, name: str) -> list[str]:
    """Return the versions that were current before and still exist, the latest last; the last is not current now."""
    try:
        lines = _lines(place / name / HISTORY, _MAX_HISTORY).split()
        past = [version for version in lines if _find(place, name, version)]
    except (OSError, ValueError, BundleNotFound):
        return []
    now = default_version_or_none(place, name)
    while past and past[-1] == now:  # the power failed between the writing of the two files
        past.pop()
    return past


def _mark(path: Path) -> object:
    try:
        with _opened(path) as descriptor:
            status = os.fstat(descriptor)
            return status.st_ino, status.st_mtime_ns, os.read(descriptor, _MAX_CURRENT)
    except (OSError, ValueError):
        return None


def _lines(path: Path, most: int) -> str:
    """Read a short file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a file, has more than `most` bytes, or is not ASCII.
    """
    with _opened(path) as descriptor:
        written = os.read(descriptor, most + 1)
    if len(written) > most:
        raise ValueError(f"it has more than {most:,} bytes: write the version to serve into it")
    return written.decode("ascii")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a file for reading, without waiting for a pipe or a device.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is not a regular file: remove it, and activate a version")
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from changing `CURRENT` at the same time.

    Raises:
        BundleError: the folder cannot be made.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder))
        except OSError as error:
            raise BundleError(f"cannot write {folder / CURRENT}: {error.strerror or error}") from error
        yield


def _write(target: Path, lines: list[str]) -> None:
    write_file(target, "".join(f"{line}\n" for line in lines).encode("ascii"), BundleError)
