"""Where models lie: the store that training writes to, and the read-only models that Tagdesk ships."""

import os
import threading
from pathlib import Path

from models.bundle import bundle_folder, load_bundle, sync_folder
from models.errors import BundleError, BundleNotFound
from models.topic_model import TopicModel

SHIPPED = Path(__file__).with_name("store")
CURRENT = "CURRENT"


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
        BundleError: it is damaged.
    """
    return load_bundle(ref if isinstance(ref, Path) else locate(ref))


def locate(ref: str) -> Path:
    """Return the folder of the bundle that `ref` names, looked up in the store first.

    Raises:
        BundleNotFound: no such model in the store or among the shipped ones.
    """
    if os.sep in ref:
        return Path(ref)
    name, _, version = ref.partition("@")
    places = (store(), SHIPPED)
    for place in places:
        wanted = version or current(place, name)
        if wanted and (folder := bundle_folder(place, name, wanted)).is_dir():
            return folder
        if wanted and not version:
            raise BundleNotFound(f"{place / name / CURRENT} names version {wanted!r}, which is not there")
    raise BundleNotFound(f"no model {ref!r} in {' or '.join(map(str, places))}: train one with `make train`")


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


def make_current(place: Path, name: str, version: str) -> None:
    """Let `CURRENT` name a version of the store, atomically.

    Raises:
        BundleNotFound: the store has no such version.
        BundleError: `CURRENT` cannot be written.
    """
    folder = bundle_folder(place, name, version)
    if not folder.is_dir():
        raise BundleNotFound(f"no version {version!r} of {name!r} in {place}")
    target = folder.with_name(CURRENT)
    draft = target.with_name(f".{CURRENT}-{os.getpid()}-{threading.get_ident()}")
    try:
        with draft.open("w", encoding="ascii") as file:
            file.write(f"{version}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BundleError(f"cannot write {target}: {error.strerror or error}") from error
