"""A model on disk: a folder of data, verified when it is read, which can run no code.

arrays.safetensors   hashes, slots, idf, weights, bias
ngrams.txt.gz        the n-grams in row order; for people, tagging never reads it
manifest.json        topics, calibration, cut-offs, figures, where it came from, SHA-256 of the other files
card.md              the same for a reader
"""

import gzip
import hashlib
import json
import math
import os
import re
import shutil
import stat
import struct
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from models.calibration import Calibration
from models.errors import BundleError, BundleNotFound, TaxonomyError
from models.features import Features, FeatureSettings
from models.taxonomy import Taxonomy
from models.topic_model import TopicModel

FORMAT = 1
MANIFEST = "manifest.json"
ARRAYS = "arrays.safetensors"
NGRAMS = "ngrams.txt.gz"
CARD = "card.md"

_DTYPES = {"hashes": "U64", "slots": "I32", "idf": "F32", "weights": "F32", "bias": "F32"}
_NUMPY: dict[str, Any] = {"U64": np.uint64, "I32": np.int32, "F32": np.float32}
_MAX_LISTING = 256 * 1024 * 1024  # bytes; a list of n-grams that unpacks to more is no list of n-grams
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def save_bundle(model: TopicModel, ngrams: Sequence[str], card: str, store: Path) -> Path:
    """Write a model as `<store>/<name>/<version>/`, whole or not at all.

    Args:
        model: the model; its manifest is completed with topics, files and content hash.
        ngrams: the n-grams in row order.
        card: Markdown.
        store: the folder of models.

    Returns:
        The bundle's folder. One that is there already stays as it is.

    Raises:
        BundleError: the folder cannot be written.
    """
    target = bundle_folder(store, model.name, model.version)
    if target.exists():
        return target
    arrays = save(_arrays(model))
    listing = "".join(f"{ngram}\n" for ngram in ngrams).encode()
    files = {ARRAYS: arrays, NGRAMS: gzip.compress(listing, 9, mtime=0), CARD: card.encode()}
    manifest = {
        **model.manifest,
        "format": FORMAT,
        "name": model.name,
        "version": model.version,
        "content_hash": content_hash(model, ngrams),
        "features": _settings_json(model.features.settings),
        **_topics_json(model),
        "files": {name: {"bytes": len(data), "sha256": _sha256(data)} for name, data in files.items()},
    }
    files[MANIFEST] = (json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    try:
        _write_folder(target, files)
    except OSError as error:
        if target.exists():  # another process was faster with the same version
            return target
        raise BundleError(f"cannot write the bundle {target}: {error.strerror or error}") from error
    return target


def load_bundle(folder: Path) -> TopicModel:
    """Read and verify a bundle; its arrays are mapped into memory, not copied.

    Raises:
        BundleNotFound: there is no such folder, or it has no manifest.
        BundleError: it is damaged, incomplete or of another format; the sentence says how.
    """
    manifest = _manifest(folder)
    for part in ("name", "version"):
        if not isinstance(manifest.get(part), str) or not _VERSION.fullmatch(manifest[part]):
            raise BundleError(f"bundle {folder}: {MANIFEST} tells no {part} that a file may have")
    for name in (ARRAYS, NGRAMS, CARD):
        _verify(folder / name, manifest)
    arrays = _map_arrays(folder / ARRAYS)
    try:
        taxonomy = Taxonomy.from_json({"name": manifest["name"], "topics": manifest["topics"]})
        features = Features(FeatureSettings(**manifest["features"]), arrays["hashes"], arrays["idf"], arrays["slots"])
        calibrations = tuple(Calibration(**manifest["calibration"][topic]) for topic in taxonomy.ids)
        model = TopicModel(
            name=manifest["name"],
            version=manifest["version"],
            taxonomy=taxonomy,
            features=features,
            weights=arrays["weights"],
            bias=arrays["bias"],
            calibrations=calibrations,
            manifest=manifest,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, TaxonomyError) as error:
        raise BundleError(f"bundle {folder}: its parts do not fit together: {error}") from error
    if content_hash(model, _read_ngrams(folder)) != manifest.get("content_hash"):
        raise BundleError(
            f"bundle {folder}: {MANIFEST} does not tell the content that was saved (content hash differs)"
        )
    return model


def read_ngrams(folder: Path) -> list[str]:
    """Return a bundle's n-grams in row order.

    Raises:
        BundleError: the file is missing or damaged.
    """
    _verify(folder / NGRAMS, _manifest(folder))
    return _read_ngrams(folder)


def _read_ngrams(folder: Path) -> list[str]:
    try:
        return _unpacked(folder / NGRAMS).decode().split("\n")[:-1]
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BundleError(f"bundle {folder}: cannot read {NGRAMS}: {error}") from error


def _unpacked(path: Path) -> bytes:
    with gzip.open(path) as file:
        listing = file.read(_MAX_LISTING + 1)
    if len(listing) > _MAX_LISTING:
        raise ValueError(f"it unpacks to more than {_MAX_LISTING:,} bytes")
    return listing


def bundle_folder(store: Path, name: str, version: str) -> Path:
    """Return the folder of a version.

    Raises:
        BundleNotFound: name or version is not a plain file name.
    """
    for part in (name, version):
        if not _VERSION.fullmatch(part):
            raise BundleNotFound(f"{part!r} names no model: 1-128 letters, digits, '.', '_' and '-', e.g. news-en")
    return store / name / version


def content_hash(model: TopicModel, ngrams: Iterable[str]) -> str:
    """Return SHA-256 of what decides the model's answers; the same for the same data and seed.

    Dates, paths and library versions are not part of it.
    """
    digest = hashlib.sha256()
    settings = {
        "format": FORMAT,
        "features": _settings_json(model.features.settings),
        **_topics_json(model),
    }
    digest.update(json.dumps(settings, sort_keys=True).encode())
    for name, array in _arrays(model).items():
        digest.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    for ngram in ngrams:
        digest.update(f"{ngram}\n".encode())
    return digest.hexdigest()


def _arrays(model: TopicModel) -> dict[str, NDArray[Any]]:
    features = model.features
    parts = (features.hashes, features.slots, features.idf, model.weights, model.bias)
    return dict(zip(_DTYPES, map(np.ascontiguousarray, parts), strict=True))


def _settings_json(settings: FeatureSettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in FeatureSettings.__slots__}


def _topics_json(model: TopicModel) -> dict[str, Any]:
    calibration = {
        topic: {name: getattr(one, name) for name in Calibration.__slots__}
        for topic, one in zip(model.taxonomy.ids, model.calibrations, strict=True)
    }
    return {"topics": model.taxonomy.to_json()["topics"], "calibration": calibration}


def _write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
    try:
        for name, data in files.items():
            with (draft / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        draft.chmod(0o755)
        sync_folder(draft)
        draft.rename(target)
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    _refuse_links(folder)
    try:
        manifest = json.loads(path.read_bytes())
        json.dumps(manifest, ensure_ascii=False, allow_nan=False).encode()  # what is served of it must be JSON again
    except FileNotFoundError:
        raise BundleNotFound(f"no bundle at {folder}: it has no {MANIFEST}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"bundle {folder}: cannot read {MANIFEST}: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise BundleError(f"bundle {folder}: format {found!r}, this version of Tagdesk reads format {FORMAT}")
    return manifest


def _refuse_links(folder: Path) -> None:
    """Refuse a bundle with a file that lies elsewhere and may change there, or that is a pipe and never ends."""
    for name in (MANIFEST, ARRAYS, NGRAMS, CARD):
        try:
            mode = (folder / name).lstat().st_mode
        except OSError:
            continue  # whoever reads it says so
        if not stat.S_ISREG(mode):
            raise BundleError(f"bundle {folder}: {name} is no file of its own: copy what it links to in its place")


def _verify(path: Path, manifest: Mapping[str, Any]) -> None:
    try:
        recorded = str(manifest["files"][path.name]["sha256"])
        with path.open("rb") as file:  # in pieces: a service that swaps models would keep the room for the whole
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise BundleError(f"bundle {path.parent}: {path.name} is missing") from None
    except OSError as error:
        raise BundleError(f"bundle {path.parent}: cannot read {path.name}: {error.strerror}") from error
    except (KeyError, TypeError):
        raise BundleError(f"bundle {path.parent}: {MANIFEST} records no SHA-256 of {path.name}") from None
    if found != recorded:
        raise BundleError(f"bundle {path.parent}: {path.name} is not the file that was saved (SHA-256 differs)")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _map_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Map the arrays of a safetensors file: 8 bytes of header length, the header as JSON, the data."""
    try:
        header, base = _header(path)
        arrays = {name: _map_array(path, name, header[name], base) for name in _DTYPES}
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError, struct.error) as error:
        raise BundleError(f"bundle {path.parent}: {path.name} is not laid out as it must be: {error}") from error
    for name in ("idf", "weights", "bias"):
        if not np.isfinite(arrays[name]).all():
            raise BundleError(f"bundle {path.parent}: {name} has values that are not numbers")
    _check_table(path, arrays)
    return arrays


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the header of a safetensors file, and where its data starts."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > path.stat().st_size - 8:
            raise ValueError("its header is longer than the file")
        return json.loads(file.read(length)), 8 + length


def _map_array(path: Path, name: str, entry: Mapping[str, Any], base: int) -> NDArray[Any]:
    if entry["dtype"] != _DTYPES[name]:
        raise ValueError(f"{name} has dtype {entry['dtype']}, not {_DTYPES[name]}")
    dtype = np.dtype(_NUMPY[entry["dtype"]])
    shape = tuple(int(size) for size in entry["shape"])
    start, end = map(int, entry["data_offsets"])
    if min(shape, default=0) < 0 or start < 0 or (base + start) % dtype.itemsize:
        raise ValueError(f"{name} of shape {shape} cannot start at byte {start} of the data")
    if end - start != dtype.itemsize * math.prod(shape):
        raise ValueError(f"{name} of shape {shape} does not fill its {end - start} bytes")
    mapped = np.memmap(path, dtype=dtype, mode="r", offset=base + start, shape=shape)
    return np.asarray(mapped)  # numba is slow to recognise the subclass


def _check_table(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Refuse a table that would send a look-up out of bounds or round in circles."""
    slots, rows = arrays["slots"], len(arrays["hashes"])
    fits = (
        slots.ndim == arrays["hashes"].ndim == 1
        and arrays["idf"].shape == (rows,)
        and len(slots) > rows
        and len(slots) & (len(slots) - 1) == 0
        and slots.min() == -1
        and slots.max() < rows
    )
    if not fits:
        raise BundleError(f"bundle {path.parent}: the n-gram table does not fit its {rows} n-grams")
