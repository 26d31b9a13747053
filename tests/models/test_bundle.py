"""A model on disk: what is saved is what is loaded, and nothing damaged is."""

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from tagdesk.models import Article, BundleError, BundleNotFound, Taxonomy, TopicModel
from tagdesk.models.bundle import ARRAYS, CARD, MANIFEST, NGRAMS, bundle_folder, content_hash, load_bundle, save_bundle
from tagdesk.models.calibration import Calibration
from tagdesk.models.weights import SparseWeights
from tagdesk.training.learn.evidence import EVIDENCE
from tests.tiny import WEIGHTS, tiny_model

ROOT = Path(__file__).parents[2]
FIRST_READING = ROOT / "tests" / "data" / "first-reading"
FILES = (ARRAYS, NGRAMS, MANIFEST, CARD)

Arrays = dict[str, NDArray[Any]]


@pytest.fixture
def bundle(small_bundle: Path, tmp_path: Path) -> Path:
    """Return a copy of the small bundle, to be damaged."""
    return shutil.copytree(small_bundle, tmp_path / "small" / small_bundle.name)


def ngrams_of(folder: Path) -> list[str]:
    return gzip.decompress((folder / NGRAMS).read_bytes()).decode().splitlines()


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def record(folder: Path) -> None:
    """Record the arrays' file in the manifest as if it had been saved like this."""
    found = hashlib.sha256((folder / ARRAYS).read_bytes()).hexdigest()
    change_manifest(folder, lambda manifest: manifest["files"][ARRAYS].update(sha256=found))


def change_arrays(folder: Path, change: Callable[[Arrays], object]) -> None:
    arrays = {name: array.copy() for name, array in load_file(folder / ARRAYS).items()}
    change(arrays)
    save_file(arrays, folder / ARRAYS)
    record(folder)


def said_of(folder: Path) -> str:
    """Return the one sentence in which the bundle is refused."""
    with pytest.raises(BundleError) as refused:
        load_bundle(folder)
    sentence = str(refused.value)
    assert str(folder) in sentence
    assert "\n" not in sentence
    return sentence


def test_loaded_model_answers_as_the_saved_one(tmp_path: Path) -> None:
    model = tiny_model()
    loaded = load_bundle(save_bundle(model, list(WEIGHTS), "# tiny\n", tmp_path))
    article = Article(title="Envoy met ministers", body="The ceasefire ended the war. Heavy rain and winds.")
    assert loaded.tag(article, explain=True) == model.tag(article, explain=True)
    assert loaded.ref == model.ref


@pytest.mark.parametrize(
    ("file", "values", "card", "said"),
    [
        (MANIFEST, 3_000_001, "# tiny\n", "more than 3,000,000 values"),
        (CARD, 1, "# tiny\n" + 40_000_000 * "x", "more than 40,000,000 bytes"),
    ],
    ids=["values", "card"],
)
def test_bundle_that_could_not_be_loaded_is_not_written(
    tmp_path: Path, file: str, values: int, card: str, said: str
) -> None:
    model = replace(tiny_model(), manifest={"metrics": [0] * values})
    with pytest.raises(BundleError, match=f"{file} could not be read again: it has {said}; train fewer topics"):
        save_bundle(model, list(WEIGHTS), card, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_topic_that_implies_its_parent_still_does_when_loaded(tmp_path: Path) -> None:
    model = tiny_model()
    conflict, diplomacy, weather = model.taxonomy.topics
    topics = (conflict, replace(diplomacy, implies_parent=True), weather)
    implying = replace(model, taxonomy=Taxonomy(model.name, topics))
    loaded = load_bundle(save_bundle(implying, list(WEIGHTS), "# tiny\n", tmp_path))
    assert loaded.taxonomy == implying.taxonomy
    assert loaded.explain(Article(body="A summit."), "diplomacy").confidence < 0.5
    assert content_hash(implying, WEIGHTS) != content_hash(model, WEIGHTS)


def test_saved_again_the_trained_model_answers_the_same(
    small_bundle: Path, small_model: TopicModel, articles: list[Article], tmp_path: Path
) -> None:
    again = save_bundle(small_model, ngrams_of(small_bundle), "card", tmp_path)
    loaded = load_bundle(again)
    assert list(loaded.tag_many(articles)) == list(small_model.tag_many(articles))
    assert loaded.manifest["content_hash"] == small_model.manifest["content_hash"]


def test_bundle_is_four_files_that_the_manifest_tells_and_the_evidence(small_bundle: Path) -> None:
    manifest = json.loads((small_bundle / MANIFEST).read_bytes())
    assert {path.name for path in small_bundle.iterdir()} == {*FILES, EVIDENCE}
    for name in (ARRAYS, NGRAMS, CARD):
        data = (small_bundle / name).read_bytes()
        assert manifest["files"][name] == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert manifest["name"] == "small"
    assert manifest["version"] == small_bundle.name
    assert small_bundle.name.endswith(manifest["content_hash"][:8])


def test_listed_ngrams_are_the_rows_of_the_table(small_bundle: Path, small_model: TopicModel) -> None:
    ngrams = ngrams_of(small_bundle)
    assert len(ngrams) == len(small_model.features.hashes)
    assert len(set(ngrams)) == len(ngrams)
    idf = small_model.features.idf.tolist()
    assert list(zip(idf, ngrams, strict=True)) == sorted(zip(idf, ngrams, strict=True)), "the common ones first"
    for row in range(0, len(ngrams), 97):
        bag = small_model.features.bag(Article(body=ngrams[row]).text())
        assert row in bag.rows


def test_content_hash_tells_what_decides_the_answers(small_bundle: Path, small_model: TopicModel) -> None:
    ngrams = ngrams_of(small_bundle)
    known = content_hash(small_model, ngrams)
    assert known == small_model.manifest["content_hash"]
    assert known == content_hash(replace(small_model, version="other", name="x", manifest={"trained": "never"}), ngrams)
    bias = small_model.bias.copy()
    bias[0] = np.nextafter(bias[0], np.float32(9))
    first, *rest = small_model.calibrations
    other_models = [
        replace(small_model, bias=bias),
        replace(small_model, calibrations=(Calibration(first.slope, first.offset, first.suggest / 2), *rest)),
        replace(
            small_model,
            features=replace(small_model.features, settings=replace(small_model.features.settings, title_weight=2.0)),
        ),
    ]
    assert len({known, content_hash(small_model, ngrams[:-1]), *(content_hash(m, ngrams) for m in other_models)}) == 5


def test_bundle_of_the_first_reading_says_nothing_of_it_and_is_read_so(tmp_path: Path) -> None:
    """As one that was written before there was another: its words are cut where scikit-learn's pattern cuts them."""
    model = tiny_model()
    first = replace(model.features, settings=replace(model.features.settings, reading=1))
    old = load_bundle(save_bundle(replace(model, version="old", features=first), list(WEIGHTS), "", tmp_path))
    new = load_bundle(save_bundle(model, list(WEIGHTS), "", tmp_path))
    assert old.manifest["features"].keys() == {"shortest", "longest", "title_weight", "sublinear_tf"}
    assert new.manifest["features"] == old.manifest["features"] | {"reading": 2}
    text = Article(body="A sto\u00adrm with heavy rain").text()
    assert (old.features.bag(text).tokens, new.features.bag(text).tokens) == (5, 4)
    assert [one.features.bag(text).known for one in (old, new)] == [1, 2]


@pytest.mark.parametrize("row", [*map(json.loads, (FIRST_READING / "answers.jsonl").read_text().splitlines())])
def test_bundle_from_before_there_was_another_reading_answers_as_it_did(row: dict[str, Any]) -> None:
    """Bundle and answers were written by commit e52b1e8, before furniture, notices and pages were recognised."""
    tagged = load_bundle(FIRST_READING / "bundle").tag(Article(**row["article"]), explain=True)
    assert [*tagged.warnings] == row["warnings"]
    for result, before in zip(tagged.topics, row["topics"], strict=True):
        assert (result.topic.id, result.score, result.band) == (before["id"], before["score"], before["band"])
        assert [[one.field, one.start, one.end, one.text] for one in result.evidence or ()] == before["evidence"]


def test_reading_of_a_later_version_is_refused(tmp_path: Path) -> None:
    folder = save_bundle(tiny_model(), list(WEIGHTS), "", tmp_path)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["features"]["reading"] = 3
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"reading 3: this version of Tagdesk knows \(1, 2\)"):
        load_bundle(folder)


def test_arrays_are_mapped_and_writing_to_them_changes_no_file(tmp_path: Path) -> None:
    """All processes share the file's pages; what one writes is its own."""
    folder = save_bundle(tiny_model(), list(WEIGHTS), "card", tmp_path)
    model = load_bundle(folder)
    for array in (model.dense, model.bias, model.features.idf, model.features.hashes):
        assert array.flags.aligned
        assert not array.flags.owndata
    model.bias[0] += 1
    assert load_bundle(folder).bias[0] == tiny_model().bias[0]


def test_version_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    folder = save_bundle(tiny_model(), list(WEIGHTS), "# one\n", tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert save_bundle(replace(tiny_model(), bias=np.ones(3, np.float32)), list(WEIGHTS), "# two\n", tmp_path) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_loaded_model_saved_under_another_name_is_that_model(tmp_path: Path) -> None:
    """What the old manifest says of name, version and content does not stick."""
    old = load_bundle(save_bundle(tiny_model(), list(WEIGHTS), "card", tmp_path))
    changed = replace(old, name="other", version="2", bias=np.ones(3, np.float32))
    new = load_bundle(save_bundle(changed, list(WEIGHTS), "card", tmp_path))
    assert new.ref == "other@2"
    assert new.manifest["content_hash"] == content_hash(changed, list(WEIGHTS))
    assert new.manifest["metrics"] == old.manifest["metrics"]


@pytest.mark.parametrize("at", ["store", "name"])
def test_failed_save_leaves_nothing_behind(tmp_path: Path, at: str) -> None:
    """A file stands where the store's or the model's folder should be made."""
    blocked = tmp_path / "store" if at == "store" else tmp_path / "store" / "tiny"
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("in the way")
    with pytest.raises(BundleError, match="cannot write the bundle"):
        save_bundle(tiny_model(), list(WEIGHTS), "card", tmp_path / "store")
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == [blocked]


def test_save_that_fails_while_writing_removes_its_draft(tmp_path: Path) -> None:
    """A card that is no text for a file: one with half of a surrogate pair."""
    with pytest.raises(UnicodeEncodeError):
        save_bundle(tiny_model(), list(WEIGHTS), "\ud83d", tmp_path)
    assert list(tmp_path.rglob("*")) == []


def test_disk_that_is_full_leaves_no_draft(tmp_path: Path) -> None:
    """A process that may write files of 1 kB only is told so in one sentence, and nothing is left."""
    code = (
        "import resource, signal, sys, pathlib\n"
        "from tests.tiny import tiny_model, WEIGHTS\n"
        "from tagdesk.models import BundleError\n"
        "from tagdesk.models.bundle import save_bundle\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "model = tiny_model()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n"
        "try:\n"
        "    save_bundle(model, list(WEIGHTS), 'card' * 1000, pathlib.Path(sys.argv[1]))\n"
        "except BundleError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "cannot write the bundle" in done.stdout
    assert [path for path in tmp_path.rglob("*") if path.name != "tiny"] == []


@pytest.mark.parametrize("name", [ARRAYS, NGRAMS, CARD])
def test_flipped_bit_in_a_file_is_found(bundle: Path, name: str) -> None:
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    assert name in said_of(bundle)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest["calibration"]["sport"].update(offset=9.0),
        lambda manifest: manifest["features"].update(title_weight=7.0),
        lambda manifest: manifest["topics"].reverse(),
        lambda manifest: manifest["topics"][0].update(name="Peace"),
    ],
)
def test_manifest_that_no_longer_tells_the_saved_model_is_found(
    bundle: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    """The content hash covers what the manifest says of topics, cut-offs and features."""
    change_manifest(bundle, change)
    assert "content" in said_of(bundle)


@pytest.mark.parametrize("name", [ARRAYS, NGRAMS, CARD])
def test_truncated_file_is_found(bundle: Path, name: str) -> None:
    (bundle / name).write_bytes((bundle / name).read_bytes()[:-5])
    assert f"{name} is not the file that was saved" in said_of(bundle)


@pytest.mark.parametrize("name", [ARRAYS, NGRAMS, CARD])
def test_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    assert f"{name} is missing" in said_of(bundle)


def test_folder_without_a_manifest_is_no_bundle(bundle: Path) -> None:
    (bundle / MANIFEST).unlink()
    with pytest.raises(BundleNotFound, match=r"no bundle at .*it has no manifest\.json"):
        load_bundle(bundle)
    with pytest.raises(BundleNotFound):
        load_bundle(bundle / "nowhere")


def test_truncated_manifest_is_found(bundle: Path) -> None:
    (bundle / MANIFEST).write_bytes((bundle / MANIFEST).read_bytes()[:-20])
    assert "cannot read manifest.json" in said_of(bundle)


@pytest.mark.parametrize("written", ["[]", "3", "null", '{"format": 3}', '{"format": "1"}', "{}"])
def test_other_format_is_told_by_its_number(bundle: Path, written: str) -> None:
    (bundle / MANIFEST).write_text(written)
    assert "reads formats 1 and 2" in said_of(bundle)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.pop("files"), "no SHA-256 of arrays.safetensors"),
        (lambda m: m["files"].pop(CARD), "no SHA-256 of card.md"),
        (lambda m: m.update(files=[]), "no SHA-256 of arrays.safetensors"),
        (lambda m: m.pop("calibration"), "do not fit together: .*calibration"),
        (lambda m: m["calibration"].pop("sport"), "do not fit together: .*sport"),
        (lambda m: m["calibration"]["sport"].update(slope=-1), "slope -1 must be above 0"),
        (lambda m: m["calibration"]["sport"].update(slope="1"), "do not fit together"),
        (lambda m: m["features"].update(longest=9), "n-grams of 1 to 9 words"),
        (lambda m: m["features"].update(chars=True), "do not fit together: .*chars"),
        (lambda m: m.update(features=[]), "do not fit together"),
        (lambda m: m["topics"].pop(), "do not fit 2081 features and 7 topics"),
        (lambda m: m.update(topics={}), "needs a list of topics"),
        (lambda m: m.update(topics=3), "needs a list of topics"),
    ],
)
def test_wrong_manifest_is_told_in_one_sentence(
    bundle: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    change_manifest(bundle, change)
    assert re.search(said.replace("2081", r"\d+"), said_of(bundle))


def put(name: str, array: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[Arrays], object]:
    return lambda arrays: arrays.update({name: np.ascontiguousarray(array(arrays[name]))})


def with_first(value: float) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def change(array: NDArray[Any]) -> NDArray[Any]:
        array.flat[0] = value
        return array

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("weights", with_first(np.nan)), "weights has values that are not finite numbers"),
        (put("bias", with_first(np.inf)), "bias has values that are not finite numbers"),
        (put("idf", with_first(-np.inf)), "idf has values that are not finite numbers"),
        (put("weights", lambda a: a.astype(np.float64)), "weights has dtype F64, not F32"),
        (put("hashes", lambda a: a.astype(np.int64)), "hashes has dtype I64, not U64"),
        (put("weights", lambda a: a.T), "do not fit"),
        (put("weights", lambda a: a[:-1]), "do not fit"),
        (put("bias", lambda a: a[:-1]), "do not fit"),
        (put("idf", lambda a: a[:-1]), "n-gram table does not fit"),
        (put("idf", lambda a: a[:, None]), "n-gram table does not fit"),
        (put("hashes", lambda a: a[:-1]), "n-gram table does not fit"),
        (put("slots", with_first(10**6)), "n-gram table does not fit"),
        (put("slots", with_first(-2)), "n-gram table does not fit"),
        (put("slots", lambda a: np.zeros_like(a)), "n-gram table does not fit"),
        (put("slots", lambda a: a[:-1]), "n-gram table does not fit"),
        (put("slots", lambda a: a[: len(a) // 4]), "n-gram table does not fit"),
        (put("slots", lambda a: a.reshape(2, -1)), "n-gram table does not fit"),
        (lambda arrays: arrays.pop("bias"), "not laid out correctly: .*bias"),
    ],
)
def test_wrong_arrays_are_found_though_their_sha_fits(
    bundle: Path, change: Callable[[Arrays], object], said: str
) -> None:
    change_arrays(bundle, change)
    assert re.search(said, said_of(bundle))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("starts", with_first(-1)), "sparse weights are not those of"),
        (put("starts", lambda a: np.append(a[:1], a[:0:-1])), "sparse weights are not those of"),
        (put("starts", lambda a: a + (a == a[-1])), "sparse weights are not those of"),
        (put("topics", with_first(10**6)), "sparse weights are not those of"),
        (put("topics", lambda a: np.zeros_like(a)), "sparse weights are not those of"),
        (put("values", lambda a: a[:-1]), "sparse weights are not those of"),
        (put("values", with_first(np.nan)), "values has values that are not finite numbers"),
        (lambda arrays: arrays.pop("starts"), "not laid out correctly: .*starts"),
    ],
)
def test_wrong_sparse_weights_are_found_though_their_sha_fits(
    tmp_path: Path, change: Callable[[Arrays], object], said: str
) -> None:
    model = tiny_model()
    rows, topics = np.nonzero(np.ones_like(np.asarray(model.weights)))
    starts = np.arange(model.weights.shape[0] + 1) * len(model.taxonomy)
    weights = SparseWeights(starts, topics.astype(np.uint32), np.ones(len(rows), np.float32), len(model.taxonomy))
    folder = save_bundle(replace(model, weights=weights), list(WEIGHTS), "# tiny\n", tmp_path)
    change_arrays(folder, change)
    assert re.search(said, said_of(folder))


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"\x08",
        b"\xff" * 8,
        b"\xff" * 7 + b"\x7f",
        (10**15).to_bytes(8, "little") + b"{}",
        b"\x02" + bytes(7) + b"[]",
    ],
)
def test_file_that_is_no_safetensors_is_found(bundle: Path, written: bytes) -> None:
    (bundle / ARRAYS).write_bytes(written)
    record(bundle)
    assert "not laid out correctly" in said_of(bundle)


def test_header_that_promises_more_than_the_file_is_found(bundle: Path) -> None:
    data = (bundle / ARRAYS).read_bytes()
    (bundle / ARRAYS).write_bytes(data[: len(data) // 2])
    record(bundle)
    assert "not laid out correctly" in said_of(bundle)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "/etc", ".hidden", "a\n", "a\x00", "x" * 129, "é"])
def test_name_that_is_no_plain_file_name_is_refused(tmp_path: Path, name: str) -> None:
    for pair in ((name, "1"), ("small", name)):
        with pytest.raises(BundleNotFound, match="names no model"):
            bundle_folder(tmp_path, *pair)


def test_serving_a_model_loads_nothing_of_training_and_nothing_that_unpickles(small_bundle: Path) -> None:
    code = (
        "import sys, models\n"
        "from pathlib import Path\n"
        "model = models.load(Path(sys.argv[1]))\n"
        "model.tag(models.Article(title='Troops', body_html='<p>A ceasefire'), explain=True)\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(small_bundle)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name for module in done.stdout.split() for name in (module, ".".join(module.split(".")[:2]))}
    assert "tagdesk.models" in loaded
    # numba looks at scipy's version where it is installed; nothing else of it is loaded.
    learning = {"sklearn", "joblib", "scipy.sparse", "scipy.stats", "pandas", "pyarrow"}
    assert not loaded & (learning | {"tagdesk.training", "tagdesk.service", "fastapi"})
