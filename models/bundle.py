"""A model on disk: a folder of data, verified when it is read, which can run no code.

arrays.safetensors   hashes, slots, idf, weights, bias; of sparse weights starts, topics and values in place of weights
ngrams.txt.gz        the n-grams in row order; for people, tagging never reads it
manifest.json        topics, calibration, cut-offs, figures, where it came from, SHA-256 of the other files
card.md              the same for a reader
"""

import gzip
import hashlib
import json
import math
import re
import shutil
import stat
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from tagdesk.models.calibration import Calibration
from tagdesk.models.errors import BundleError, BundleNotFound, TaxonomyError
from tagdesk.models.features import Features, FeatureSettings
from tagdesk.models.files import sync_folder, write_file
from tagdesk.models.taxonomy import Taxonomy
from tagdesk.models.topic_model import TopicModel
from tagdesk.models.weights import AnyWeights, SparseWeights

DENSE, SPARSE = 1, 2
"""The formats: the weights of every topic and n-gram, or those that are not 0."""

MANIFEST = "manifest.json"
ARRAYS = "arrays.safetensors"
NGRAMS = "ngrams.txt.gz"
CARD = "card.md"

_DTYPES: dict[int, dict[str, str]] = {
    DENSE: {"hashes": "U64", "slots": "I32", "idf": "F32", "weights": "F32", "bias": "F32"},
    SPARSE: {
        "hashes": "U64",
        "slots": "I32",
        "idf": "F32",
        "starts": "I64",
        "topics": "U32",
        "values": "F32",
        "bias": "F32",
    },
}
_NUMPY: dict[str, Any] = {"U64": np.uint64, "I64": np.int64, "U32": np.uint32, "I32": np.int32, "F32": np.float32}
MOST_TOPICS = 40_000
"""A manifest of more may be too long to be read: they make some 25 MB, and 1.6 million values."""

_MAX_TEXT = 40_000_000  # bytes of a manifest or a card
_MAX_VALUES = 3_000_000  # in a manifest: the parser blocks all other threads
_MAX_DEPTH = 32  # of nested objects and lists in a manifest; Tagdesk writes 6
_MAX_HEADER = 1_000_000  # bytes of the header of a safetensors file; Tagdesk writes 400
_NGRAM_BYTES = 512  # on average; whatever unpacks to more is not a list of n-grams
_PIECE = 256 * 1024  # bytes read at once; other threads run in between
_OLDEST = {"reading": 1, "shortest_part": 0, "longest_part": 0}
"""The values of settings that a manifest does not name: the bundle is older than these settings."""
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def save_bundle(model: TopicModel, ngrams: Sequence[str], card: str, store: Path) -> Path:
    """Write a model as `<store>/<name>/<version>/`, completely or not at all.

    Args:
        model: as in `write_bundle`.
        ngrams: as there.
        card: as there.
        store: the folder of models.

    Returns:
        The bundle's folder. A folder that exists already is left unchanged.

    Raises:
        BundleError: the folder cannot be written.
    """
    target = bundle_folder(store, model.name, model.version)
    if not target.exists():
        try:
            write_bundle(model, ngrams, card, target)
        except BundleError:
            if not target.exists():  # else another process was faster with the same version
                raise
    return target


def write_bundle(model: TopicModel, ngrams: Sequence[str], card: str, target: Path) -> None:
    """Write a model's bundle as a new folder, completely or not at all.

    Args:
        model: the model; its manifest is completed with topics, files and content hash.
        ngrams: the n-grams in row order.
        card: Markdown.
        target: the folder; it must not exist, or be empty.

    Raises:
        BundleError: the folder cannot be written, or `load_bundle` would refuse it: there are too many topics.
    """
    arrays = save(_arrays(model))
    listing = "".join(f"{ngram}\n" for ngram in ngrams).encode()
    files = {ARRAYS: arrays, NGRAMS: gzip.compress(listing, 9, mtime=0), CARD: card.encode()}
    manifest = {
        **model.manifest,
        "format": _format(model),
        "name": model.name,
        "version": model.version,
        "content_hash": content_hash(model, ngrams),
        "features": _settings_json(model.features.settings),
        **_topics_json(model),
        "files": {name: {"bytes": len(data), "sha256": _sha256(data)} for name, data in files.items()},
    }
    files[MANIFEST] = (json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    for name, check in ((MANIFEST, _parsed), (CARD, _of_readable_length)):
        try:
            check(files[name])
        except ValueError as error:
            raise BundleError(
                f"bundle {target}: {name} could not be read again: {error}; train fewer topics"
            ) from error
    try:
        _write_folder(target, files)
    except OSError as error:
        raise BundleError(f"cannot write the bundle {target}: {error.strerror or error}") from error


def load_bundle(folder: Path) -> TopicModel:
    """Read and verify a bundle; its arrays are mapped into memory, not copied.

    Raises:
        BundleNotFound: there is no such folder, or it has no manifest.
        BundleError: it is damaged, incomplete or of another format; the message says how.
    """
    manifest = _manifest(folder)
    for part in ("name", "version"):
        if not isinstance(manifest.get(part), str) or not _VERSION.fullmatch(manifest[part]):
            raise BundleError(f"bundle {folder}: {MANIFEST} tells no {part} that a file may have")
    for name in (ARRAYS, NGRAMS, CARD):
        _verify(folder / name, manifest)
    arrays = _map_arrays(folder / ARRAYS, manifest["format"])
    try:
        taxonomy = Taxonomy.from_json({"name": manifest["name"], "topics": manifest["topics"]})
        features = Features(
            FeatureSettings(**_OLDEST | manifest["features"]), arrays["hashes"], arrays["idf"], arrays["slots"]
        )
        calibrations = tuple(Calibration(**manifest["calibration"][topic]) for topic in taxonomy.ids)
        model = TopicModel(
            name=manifest["name"],
            version=manifest["version"],
            taxonomy=taxonomy,
            features=features,
            weights=_weights(arrays, len(taxonomy)),
            bias=arrays["bias"],
            calibrations=calibrations,
            manifest=manifest,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, TaxonomyError) as error:
        raise BundleError(f"bundle {folder}: its parts do not fit together: {error}") from error
    digest = _content(model)
    for piece in _listing(folder, len(features.hashes)):
        digest.update(piece)
    if digest.hexdigest() != manifest.get("content_hash"):
        raise BundleError(
            f"bundle {folder}: {MANIFEST} does not tell the content that was saved (content hash differs)"
        )
    return model


def read_ngrams(folder: Path) -> list[str]:
    """Return a bundle's n-grams in row order.

    Raises:
        BundleError: the file is missing or damaged.
    """
    manifest = _manifest(folder)
    _verify(folder / NGRAMS, manifest)
    rows = len(_map_arrays(folder / ARRAYS, manifest["format"])["hashes"])
    try:
        return b"".join(_listing(folder, rows)).decode().split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise BundleError(f"bundle {folder}: cannot read {NGRAMS}: {error}") from error


def _listing(folder: Path, rows: int) -> Iterator[bytes]:
    """Unpack the list of n-grams, piece by piece.

    Raises:
        BundleError: it cannot be unpacked, is too long for a list of so many rows, or has fewer or more.
    """
    try:
        yield from _within(_unpacked(folder / NGRAMS), rows)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BundleError(f"bundle {folder}: cannot read {NGRAMS}: {error}") from error


def _within(pieces: Iterable[bytes], rows: int) -> Iterator[bytes]:
    lines, size, last = 0, 0, b"\n"
    for piece in pieces:
        lines, size, last = lines + piece.count(b"\n"), size + len(piece), piece[-1:]
        if size > rows * _NGRAM_BYTES:
            raise ValueError(f"it unpacks to more than {rows * _NGRAM_BYTES:,} bytes, for {rows:,} n-grams")
        if lines > rows:
            raise ValueError(f"it lists more than {rows:,} n-grams, of which {ARRAYS} knows")
        yield piece
    if lines < rows or last != b"\n":
        raise ValueError(f"it lists {lines:,} n-grams, and {ARRAYS} knows of {rows:,}")


def _unpacked(path: Path) -> Iterator[bytes]:
    """Unpack a file of one gzip member, as `save_bundle` writes it; millions of empty members would take minutes."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    with path.open("rb") as file:
        while not unpacker.eof:
            packed = unpacker.unconsumed_tail or file.read(_PIECE)
            if not packed:
                raise EOFError("it is cut short")
            if piece := unpacker.decompress(packed, _PIECE):
                yield piece
        if unpacker.unused_data or file.read(1):
            raise ValueError("more follows where it ends")


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
    """Return the SHA-256 of everything that decides the model's answers; the same data and seed give the same hash.

    Dates, paths and library versions are not part of it.
    """
    digest = _content(model)
    for ngram in ngrams:
        digest.update(f"{ngram}\n".encode())
    return digest.hexdigest()


def _content(model: TopicModel) -> "hashlib._Hash":
    """Return the digest of `content_hash` before the n-grams."""
    digest = hashlib.sha256()
    settings = {
        "format": _format(model),
        "features": _settings_json(model.features.settings),
        **_topics_json(model),
    }
    digest.update(json.dumps(settings, sort_keys=True).encode())
    for name, array in _arrays(model).items():
        digest.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest


def _arrays(model: TopicModel) -> dict[str, NDArray[Any]]:
    features, weights = model.features, model.weights
    of_topics = (weights.starts, weights.topics, weights.values) if isinstance(weights, SparseWeights) else (weights,)
    parts = (features.hashes, features.slots, features.idf, *of_topics, model.bias)
    return dict(zip(_DTYPES[_format(model)], map(np.ascontiguousarray, parts), strict=True))


def _format(model: TopicModel) -> int:
    return SPARSE if isinstance(model.weights, SparseWeights) else DENSE


def _weights(arrays: Mapping[str, NDArray[Any]], topics: int) -> AnyWeights:
    """Return the weights in a bundle's arrays.

    Raises:
        ValueError: a look-up of sparse ones would leave their bounds.
    """
    if "weights" in arrays:
        return arrays["weights"]
    return SparseWeights(arrays["starts"], arrays["topics"], arrays["values"], topics)


def _settings_json(settings: FeatureSettings) -> dict[str, Any]:
    """Return the settings, without those that older bundles do not name and whose value is the one that these imply."""
    written = {name: getattr(settings, name) for name in FeatureSettings.__slots__}
    return {name: value for name, value in written.items() if name not in _OLDEST or value != _OLDEST[name]}


def _topics_json(model: TopicModel) -> dict[str, Any]:
    calibrations = {
        topic: {name: getattr(calibration, name) for name in Calibration.__slots__}
        for topic, calibration in zip(model.taxonomy.ids, model.calibrations, strict=True)
    }
    return {"topics": model.taxonomy.to_json()["topics"], "calibration": calibrations}


def _write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
    try:
        for name, data in files.items():
            write_file(draft / name, data)
        draft.chmod(0o755)
        draft.rename(target)
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    _refuse_links(folder)
    try:
        manifest = _parsed(_text(path))
    except FileNotFoundError:
        raise BundleNotFound(f"no bundle at {folder}: it has no {MANIFEST}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"bundle {folder}: cannot read {MANIFEST}: {error}") from error
    written = manifest.get("format") if isinstance(manifest, dict) else None
    if not isinstance(manifest, dict) or type(written) is not int or written not in _DTYPES:
        known = " and ".join(map(str, _DTYPES))
        raise BundleError(
            f"bundle {folder}: format {repr(written)[:40]}, this version of Tagdesk reads formats {known}"
        )
    return manifest


def _text(path: Path) -> bytes:
    """Read a manifest or a card.

    Raises:
        ValueError: it is too long.
    """
    with path.open("rb") as file:
        return _of_readable_length(file.read(_MAX_TEXT + 1))


def _of_readable_length(text: bytes) -> bytes:
    """Return a manifest or a card.

    Raises:
        ValueError: it is too long.
    """
    if len(text) > _MAX_TEXT:
        raise ValueError(f"it has more than {_MAX_TEXT:,} bytes")
    return text


def _parsed(text: bytes) -> Any:
    """Parse a manifest's JSON, which must be small enough to read quickly, and valid when it is written again.

    Raises:
        ValueError: it is not JSON, or has more values, or more deeply nested ones, than a manifest can have.
    """
    if sum(map(_of_readable_length(text).count, (b"[", b"{", b","))) > _MAX_VALUES:
        raise ValueError(f"it has more than {_MAX_VALUES:,} values")
    value = json.loads(text)
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        level = [item for outer in level for item in _items(outer)]
    if level:
        raise ValueError(f"it has more than {_MAX_DEPTH} levels of nested objects and lists")
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return value


def _items(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse_links(folder: Path) -> None:
    """Refuse a bundle with a file that is a link, whose target may change, or a pipe, which never ends."""
    for name in (MANIFEST, ARRAYS, NGRAMS, CARD):
        try:
            mode = (folder / name).lstat().st_mode
        except OSError:
            continue  # reported when the file is read
        if not stat.S_ISREG(mode):
            raise BundleError(f"bundle {folder}: {name} is no file of its own: copy what it links to in its place")


def _verify(path: Path, manifest: Mapping[str, Any]) -> None:
    try:
        recorded = str(manifest["files"][path.name]["sha256"])
        if path.name == CARD:
            _text(path)
        with path.open("rb") as file:  # in pieces: a service that swaps models would keep the memory for the whole file
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise BundleError(f"bundle {path.parent}: {path.name} is missing") from None
    except OSError as error:
        raise BundleError(f"bundle {path.parent}: cannot read {path.name}: {error.strerror}") from error
    except ValueError as error:
        raise BundleError(f"bundle {path.parent}: cannot read {path.name}: {error}") from error
    except (KeyError, TypeError):
        raise BundleError(f"bundle {path.parent}: {MANIFEST} records no SHA-256 of {path.name}") from None
    if sha256 != recorded:
        raise BundleError(f"bundle {path.parent}: {path.name} is not the file that was saved (SHA-256 differs)")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _map_arrays(path: Path, version: int) -> dict[str, NDArray[Any]]:
    """Map the arrays of a safetensors file: 8 bytes of header length, the header as JSON, the data.

    Args:
        path: the file.
        version: the format of the bundle.
    """
    try:
        header, base = _header(path)
        arrays = {name: _map_array(path, name, header[name], dtype, base) for name, dtype in _DTYPES[version].items()}
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError, struct.error) as error:
        raise BundleError(f"bundle {path.parent}: {path.name} is not laid out correctly: {error}") from error
    for name in (name for name, dtype in _DTYPES[version].items() if dtype == "F32"):
        if not _are_finite(arrays[name]):
            raise BundleError(f"bundle {path.parent}: {name} has values that are not finite numbers")
    _check_table(path, arrays)
    return arrays


def _are_finite(array: NDArray[Any]) -> bool:
    """Tell whether all numbers are finite, a piece at a time: the flags of all would take a quarter of their memory."""
    flat = array.reshape(-1)
    return all(bool(np.isfinite(flat[i : i + _PIECE]).all()) for i in range(0, len(flat), _PIECE))


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the header of a safetensors file, and where its data starts."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > path.stat().st_size - 8:
            raise ValueError("its header is longer than the file")
        if length > _MAX_HEADER:
            raise ValueError(f"its header has more than {_MAX_HEADER:,} bytes")
        return json.loads(file.read(length)), 8 + length


def _map_array(path: Path, name: str, entry: Mapping[str, Any], wanted: str, base: int) -> NDArray[Any]:
    if entry["dtype"] != wanted:
        raise ValueError(f"{name} has dtype {entry['dtype']}, not {wanted}")
    dtype = np.dtype(_NUMPY[entry["dtype"]])
    shape = tuple(int(size) for size in entry["shape"])
    start, end = map(int, entry["data_offsets"])
    if min(shape, default=0) < 0 or start < 0 or (base + start) % dtype.itemsize:
        raise ValueError(f"{name} of shape {shape} cannot start at byte {start} of the data")
    if end - start != dtype.itemsize * math.prod(shape):
        raise ValueError(f"{name} of shape {shape} does not fill its {end - start} bytes")
    mapped = np.memmap(path, dtype=dtype, mode="c", offset=base + start, shape=shape)
    return np.asarray(mapped)  # numba is slow to recognise the subclass


def _check_table(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Refuse a table with which a look-up would leave its bounds, or never end."""
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
