"""A bundle that was made to do harm is refused in one sentence, or answers; nothing hangs, nothing else is raised."""

import gzip
import hashlib
import json
import os
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagdesk.models import Article, BundleError
from tagdesk.models.bundle import ARRAYS, CARD, MANIFEST, NGRAMS, load_bundle
from tests.tiny import save_tiny_model


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a bundle to spoil."""
    return save_tiny_model(tmp_path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle to make spoiled copies of."""
    return save_tiny_model(tmp_path_factory.mktemp("sound"))


def poison(folder: Path, name: str, data: bytes) -> None:
    """Put other contents in a file, with the SHA-256 that the manifest must then tell."""
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][name]["sha256"] = hashlib.sha256(data).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))


def refused(folder: Path) -> str:
    """Return the sentence that a bundle is refused in."""
    with pytest.raises(BundleError) as error:
        load_bundle(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", [MANIFEST, ARRAYS, NGRAMS, CARD])
@pytest.mark.parametrize("inside", [True, False])
def test_file_that_is_a_link_is_refused(bundle: Path, tmp_path: Path, name: str, inside: bool) -> None:
    """Wherever it leads: its contents could change without the bundle."""
    place = bundle / "other" if inside else tmp_path / "elsewhere"
    (bundle / name).rename(place)
    (bundle / name).symlink_to(place)
    assert f"{name} is no file of its own" in refused(bundle)


def test_link_to_a_device_or_a_secret_is_not_read(bundle: Path) -> None:
    """What stands in it does not reach the sentence either."""
    for target in ("/dev/zero", "/etc/passwd", "/nowhere"):
        (bundle / CARD).unlink()
        (bundle / CARD).symlink_to(target)
        assert "root:" not in refused(bundle)


@pytest.mark.parametrize("name", [MANIFEST, ARRAYS, NGRAMS, CARD])
def test_pipe_in_place_of_a_file_is_refused_and_not_waited_for(bundle: Path, name: str) -> None:
    """To open a pipe that nobody writes to takes for ever."""
    (bundle / name).unlink()
    os.mkfifo(bundle / name)
    assert f"{name} is no file of its own" in refused(bundle)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"[" * 200_000, "cannot read manifest.json"),
        (b'{"format": 1' + b"0" * 10_000 + b"}", "cannot read manifest.json"),
        (b'{"format": 1, "x": NaN}', "cannot read manifest.json"),
        (b'{"format": 1, "x": "\\ud83d"}', "cannot read manifest.json"),
        (b"\xff\xfe", "cannot read manifest.json"),
        (b'{"format": 1}', "tells no name"),
    ],
)
def test_manifest_that_breaks_parsers_is_refused(bundle: Path, written: bytes, said: str) -> None:
    """Too deep, numbers too long, no numbers, half of a surrogate pair, no UTF-8."""
    (bundle / MANIFEST).write_bytes(written)
    assert said in refused(bundle)


@pytest.mark.parametrize("field", ["name", "version"])
@pytest.mark.parametrize("value", ["../etc", "a\r\nSet-Cookie: a=b", "", None, 5, ["a"], "a" * 129, "\u202ea", "a/b"])
def test_name_that_would_reach_a_path_or_a_header_is_refused(bundle: Path, field: str, value: object) -> None:
    """The manifest's own name is served in headers and answers."""
    manifest = json.loads((bundle / MANIFEST).read_bytes()) | {field: value}
    (bundle / MANIFEST).write_text(json.dumps(manifest))
    assert f"tells no {field}" in refused(bundle)


def test_list_of_ngrams_that_unpacks_to_gigabytes_is_refused(bundle: Path) -> None:
    """It is read no further than a list of n-grams can be long."""
    member = gzip.compress(bytes(64 * 1024 * 1024), 9)
    poison(bundle, NGRAMS, member * 40)
    assert "unpacks to more than" in refused(bundle)


@pytest.mark.parametrize("line", [b"\n", b"war\n"])
def test_list_of_millions_of_ngrams_is_refused(bundle: Path, line: bytes) -> None:
    """100 kB that unpack to 100 million lines are read no further than the arrays have rows."""
    poison(bundle, NGRAMS, gzip.compress(line * (100_000_000 // len(line)), 9))
    assert "it lists more than 13 n-grams" in refused(bundle) or "it unpacks to more than" in refused(bundle)


@pytest.mark.parametrize("after", [gzip.compress(b"", mtime=0), gzip.compress(b"war\n", mtime=0), b"\0", b"more"])
def test_list_of_ngrams_with_more_behind_it_is_refused(bundle: Path, after: bytes) -> None:
    """Millions of empty members would be read for minutes."""
    poison(bundle, NGRAMS, (bundle / NGRAMS).read_bytes() + after * 1000)
    assert "more follows where it ends" in refused(bundle)


@pytest.mark.parametrize(
    "change",
    [lambda listing: listing[:-1], lambda listing: listing + b"war\n", lambda listing: listing.partition(b"\n")[2]],
)
def test_list_of_fewer_or_more_ngrams_than_the_arrays_have_is_refused(
    bundle: Path, change: Callable[[bytes], bytes]
) -> None:
    """One too few, one too many, the last one without its line break."""
    poison(bundle, NGRAMS, gzip.compress(change(gzip.decompress((bundle / NGRAMS).read_bytes()))))
    assert re.search(r"lists (12|more than 13) n-grams", refused(bundle))


def test_manifest_of_megabytes_is_refused(bundle: Path) -> None:
    """It is kept by every worker and served to every client."""
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    (bundle / MANIFEST).write_text(json.dumps(manifest | {"x": "x" * 40_000_000}))
    assert "manifest.json: it has more than 40,000,000 bytes" in refused(bundle)


def test_manifest_of_millions_of_values_is_refused(bundle: Path) -> None:
    """Each is an object to make and to keep."""
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    (bundle / MANIFEST).write_text(json.dumps(manifest)[:-1] + ', "x": [' + "[]," * 2_000_000 + "[]]}")
    assert "manifest.json: it has more than 3,000,000 values" in refused(bundle)


def test_manifest_of_a_sparse_gigabyte_is_not_read_whole(bundle: Path) -> None:
    os.truncate(bundle / MANIFEST, 2**30)
    assert "manifest.json: it has more than 40,000,000 bytes" in refused(bundle)


@pytest.mark.parametrize("opening", ["[", '{"x": ['])
def test_manifest_that_is_deep_is_refused(bundle: Path, opening: str) -> None:
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    nested = opening * 40 + "".join({"[": "]", "{": "}"}[char] for char in reversed(opening * 40) if char in "[{")
    (bundle / MANIFEST).write_text(json.dumps(manifest)[:-1] + f', "x": {nested}}}')
    assert "more than 32 levels of nested objects and lists" in refused(bundle)


def test_manifest_that_quotes_a_long_format_is_told_shortly(bundle: Path) -> None:
    (bundle / MANIFEST).write_text(json.dumps({"format": "x" * 1_000_000}))
    assert len(refused(bundle)) < 500


def test_card_of_a_sparse_gigabyte_is_not_read_whole(bundle: Path) -> None:
    os.truncate(bundle / CARD, 2**30)
    assert "card.md: it has more than 40,000,000 bytes" in refused(bundle)


def test_header_of_megabytes_before_the_arrays_is_refused(bundle: Path) -> None:
    header = b'{"x": "' + b"x" * 2_000_000 + b'"}'
    poison(bundle, ARRAYS, struct.pack("<Q", len(header)) + header)
    assert "its header has more than 1,000,000 bytes" in refused(bundle)


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"no gzip",
        gzip.compress(b"war\n" * 99, mtime=0)[:-9],
        gzip.compress(b"\xff\n", mtime=0),
        gzip.compress(b"x\n", mtime=0)[:-8] + bytes(8),
    ],
)
def test_list_of_ngrams_that_does_not_unpack_is_refused(bundle: Path, written: bytes) -> None:
    """Not gzip, cut short, not UTF-8, of another checksum."""
    poison(bundle, NGRAMS, written)
    assert NGRAMS in refused(bundle) or "content hash differs" in refused(bundle)


def change_header(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Rewrite the header of the arrays' file, at its length."""
    data = (folder / ARRAYS).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    poison(folder, ARRAYS, struct.pack("<Q", len(text)) + text + data[8 + length :])


@pytest.mark.parametrize(
    "entry",
    [
        {"shape": [2**32, 2**32]},
        {"shape": [-1, -39]},
        {"shape": [2**70]},
        {"shape": ["3", 13]},
        {"shape": 39},
        {"shape": [[3]]},
        {"shape": [1e308, 10]},
        {"data_offsets": [-156, 0]},
        {"data_offsets": [0, 2**62]},
        {"data_offsets": [2**62, 2**62 + 156]},
        {"data_offsets": [1, 157]},
        {"data_offsets": [0]},
        {"data_offsets": {"a": 1}},
        {"dtype": "O"},
        {"dtype": None},
    ],
)
@pytest.mark.parametrize("name", ["weights", "slots"])
def test_array_that_is_not_where_it_says_is_refused(bundle: Path, name: str, entry: dict[str, Any]) -> None:
    """Shapes that overflow, offsets out of the file or between two numbers, types that numpy would unpickle."""
    change_header(bundle, lambda header: header[name].update(entry))
    refused(bundle)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
slow = settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container of a document with each of its keys."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in steps for found in [(value, key), *places(item)]]


@slow
@given(st.data())
def test_fuzz_any_value_anywhere_in_the_manifest(sound: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Whatever stands in the manifest, the bundle is refused in a sentence or tags an article."""
    folder = tmp_path / "spoiled"
    shutil.copytree(sound, folder, dirs_exist_ok=True)
    manifest = json.loads((sound / MANIFEST).read_bytes())
    container, key = data.draw(st.sampled_from(places(manifest)))
    container[key] = data.draw(values)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    loads_or_is_refused(folder)


@slow
@given(st.data())
def test_fuzz_any_byte_anywhere_in_the_arrays(sound: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Whatever bytes are changed, and the SHA-256 set right, it is refused in a sentence or tags an article."""
    folder = tmp_path / "spoiled"
    shutil.copytree(sound, folder, dirs_exist_ok=True)
    written = bytearray((sound / ARRAYS).read_bytes())
    at = data.draw(st.integers(0, len(written) - 1) | st.integers(0, 400))
    piece = data.draw(st.binary(max_size=9))
    written[at : at + data.draw(st.integers(0, 9))] = piece
    poison(folder, ARRAYS, bytes(written))
    loads_or_is_refused(folder)


def loads_or_is_refused(folder: Path) -> None:
    try:
        model = load_bundle(folder)
    except BundleError:
        return
    model.tag(Article(title="War", body="The ceasefire ended the war."), explain=True)
