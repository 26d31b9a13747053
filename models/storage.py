"""Where models lie: the store that training writes to, and the read-only models that Tagdesk ships."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.bundle import bundle_folder, load_bundle, sync_folder
from models.errors import BundleError, BundleNotFound
from models.topic_model import TopicModel

SHIPPED = Path(__file__).with_name("store")
CURRENT = "CURRENT"
HISTORY = "HISTORY"

_REMEMBERED = 20


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
        BundleError: it is damaged, or another than it is called.
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
    wanted = version or named(name)
    if wanted and (folder := _find(store(), name, wanted)):
        return folder
    if wanted and not version:
        raise BundleNotFound(f"{name}'s {CURRENT} names version {wanted!r}, which is not there")
    raise BundleNotFound(f"no model {ref!r} in {store()} or {SHIPPED}: train one with `make train`")


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


def named(name: str) -> str | None:
    """Return the version that a bare name means: the store's `CURRENT`, else the shipped one, else None.

    Raises:
        BundleError: `CURRENT` cannot be read.
    """
    return current(store(), name) or current(SHIPPED, name)


def current(place: Path, name: str) -> str | None:
    """Return the version that `CURRENT` names in a store, or None where there is none.

    Raises:
        BundleError: `CURRENT` cannot be read.
    """
    path = bundle_folder(place, name, CURRENT)
    try:
        version = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"cannot read {path}: {error}") from error
    if not version:
        raise BundleError(f"{path} is empty: write the version to serve into it")
    return version


def current_mark(name: str) -> tuple[object, ...]:
    """Return a value that is another one after `CURRENT` was written, be it with the same version."""
    return tuple(_mark(place / name / CURRENT) for place in (store(), SHIPPED))


def previous(place: Path, name: str) -> str | None:
    """Return the version that was current before, if it is still there."""
    past = _past(place, name)
    return past[-1] if past else None


def make_current(place: Path, name: str, version: str, *, remember: bool = True) -> None:
    """Let `CURRENT` name a version of the store, or a shipped one, atomically.

    Args:
        place: the store.
        name: the model's name.
        version: the version.
        remember: write down what was current before, for `roll_back`.

    Raises:
        BundleNotFound: there is no such version.
        BundleError: `CURRENT` cannot be written.
    """
    if not _find(place, name, version):
        raise BundleNotFound(f"no version {version!r} of {name!r} in {place}")
    with _alone(place / name):
        before = _named_or_none(place, name) if remember else None
        if before and before != version:
            _write(place / name / HISTORY, [*_past(place, name), before][-_REMEMBERED:])
        _write(place / name / CURRENT, [version])


def roll_back(place: Path, name: str) -> str:
    """Let `CURRENT` name the version that was current before; again, the one before that.

    Returns:
        That version.

    Raises:
        BundleNotFound: no version is remembered that is still there.
        BundleError: `CURRENT` cannot be written.
    """
    with _alone(place / name):
        past = _past(place, name)
        if not past:
            raise BundleNotFound(f"no version of {name!r} was current before in {place}: activate one by its name")
        _write(place / name / CURRENT, past[-1:])
        _write(place / name / HISTORY, past[:-1])
    return past[-1]


def _find(place: Path, name: str, version: str) -> Path | None:
    folders = (bundle_folder(where, name, version) for where in (place, SHIPPED))
    return next((folder for folder in folders if folder.is_dir()), None)


def _named_or_none(place: Path, name: str) -> str | None:
    try:
        return current(place, name) or current(SHIPPED, name)
    except BundleError:  # a damaged one is no reason to refuse the version that is to replace it
        return None


def _past(place: Path, name: str) -> list[str]:
    """Return what was current before and is still there, the latest last, which is not current now."""
    try:
        lines = (place / name / HISTORY).read_text(encoding="ascii").split()
        past = [version for version in lines if _find(place, name, version)]
    except (OSError, UnicodeDecodeError, BundleNotFound):
        return []
    now = _named_or_none(place, name)
    while past and past[-1] == now:  # the power failed between the two files
        past.pop()
    return past


def _mark(path: Path) -> object:
    try:
        stat = path.stat()
        return stat.st_ino, stat.st_mtime_ns, path.read_bytes()[:256]
    except OSError:
        return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from changing `CURRENT` at the same time.

    Raises:
        BundleError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise BundleError(f"cannot write {folder / CURRENT}: {error.strerror or error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(target: Path, lines: list[str]) -> None:
    draft = target.with_name(f".{target.name}-{os.getpid()}-{threading.get_ident()}")
    try:
        with draft.open("w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BundleError(f"cannot write {target}: {error.strerror or error}") from error
