"""Which model a name means: the store's before the shipped one, and CURRENT says which version."""

import shutil
from pathlib import Path

import pytest

from models import Article, BundleError, BundleNotFound, load, storage
from models.storage import CURRENT, current, locate, make_current
from tests.tiny import save_tiny_model


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a store with two versions of the tiny model, the first one current; TAGDESK_STORE names it."""
    place = tmp_path / "store"
    first = save_tiny_model(place)
    shutil.copytree(first, first.with_name("2"))
    monkeypatch.setenv("TAGDESK_STORE", str(place))
    return place


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a shipped store with the tiny model in it, in the package's place."""
    place = tmp_path / "shipped"
    save_tiny_model(place)
    monkeypatch.setattr(storage, "SHIPPED", place)
    return place


def test_name_means_the_version_that_current_names(store: Path) -> None:
    assert locate("tiny") == store / "tiny" / "1"
    assert load("tiny").tag(Article(body="war")).topics[0].topic.id == "conflict"
    make_current(store, "tiny", "2")
    assert locate("tiny") == store / "tiny" / "2"


def test_name_and_version_mean_that_version(store: Path) -> None:
    assert locate("tiny@2") == store / "tiny" / "2"


def test_path_means_the_bundle_there(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(store.parent)
    for ref in (
        store / "tiny" / "1",
        Path("store/tiny/1"),
        str(store / "tiny" / "1"),
        "store/tiny/1",
        "./store/tiny/1",
    ):
        assert load(ref).ref == "tiny@1"


def test_store_wins_over_the_shipped_model(store: Path, shipped: Path) -> None:
    assert locate("tiny").is_relative_to(store)
    assert locate("tiny@1").is_relative_to(store)


def test_shipped_model_answers_where_the_store_has_none(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path / "nothing here"))
    assert locate("tiny") == locate("tiny@1") == shipped / "tiny" / "1"


def test_shipped_model_answers_where_the_store_has_no_current_one(store: Path, shipped: Path) -> None:
    (store / "tiny" / CURRENT).unlink()
    assert locate("tiny") == shipped / "tiny" / "1"


def test_store_is_var_models_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, ""):
        monkeypatch.delenv("TAGDESK_STORE", raising=False)
        if value is not None:
            monkeypatch.setenv("TAGDESK_STORE", value)
        assert storage.store() == Path("var/models")


def test_current_that_names_a_missing_version_is_an_error(store: Path, shipped: Path) -> None:
    """The shipped model does not stand in for one that was meant to be served."""
    shutil.rmtree(store / "tiny" / "1")
    with pytest.raises(BundleNotFound, match=r"CURRENT names version '1', which is not there"):
        locate("tiny")


def test_empty_current_is_an_error(store: Path, shipped: Path) -> None:
    (store / "tiny" / CURRENT).write_text("\n")
    with pytest.raises(BundleError, match="CURRENT"):
        locate("tiny")


@pytest.mark.parametrize("written", [b"../../etc\n", b"1\n2\n", b"/etc\n", b"\xff\n"])
def test_current_that_names_no_version_is_an_error(store: Path, shipped: Path, written: bytes) -> None:
    (store / "tiny" / CURRENT).write_bytes(written)
    with pytest.raises(BundleError):
        locate("tiny")


def test_version_that_is_asked_for_is_found_whatever_current_says(store: Path) -> None:
    """A damaged CURRENT is no reason to refuse the version that is to replace it."""
    (store / "tiny" / CURRENT).write_bytes(b"\xff")
    assert locate("tiny@2") == store / "tiny" / "2"


def test_unknown_model_names_where_it_was_looked_for(store: Path, shipped: Path) -> None:
    for ref in ("news-xx", "tiny@3"):
        with pytest.raises(BundleNotFound, match=rf"no model '{ref}' in .*store or .*shipped: train one"):
            locate(ref)


@pytest.mark.parametrize("ref", ["", "..", "@1", "..@..", "tiny@..", ".tiny", "ti ny", "tiny@CURRENT", "tiny\x00"])
def test_name_that_is_no_plain_name_finds_nothing(store: Path, shipped: Path, ref: str) -> None:
    with pytest.raises(BundleNotFound):
        locate(ref)


def test_making_a_version_current_is_atomic_and_leaves_no_draft(store: Path) -> None:
    make_current(store, "tiny", "2")
    assert current(store, "tiny") == "2"
    assert sorted(path.name for path in (store / "tiny").iterdir()) == ["1", "2", CURRENT]
    assert (store / "tiny" / CURRENT).stat().st_mode & 0o777 == 0o644


def test_missing_version_is_not_made_current(store: Path) -> None:
    for version in ("3", "..", CURRENT):
        with pytest.raises(BundleNotFound):
            make_current(store, "tiny", version)
    assert current(store, "tiny") == "1"


def test_current_that_cannot_be_written_is_an_error_and_leaves_no_draft(store: Path) -> None:
    """A folder stands where CURRENT should."""
    (store / "tiny" / CURRENT).unlink()
    (store / "tiny" / CURRENT).mkdir()
    with pytest.raises(BundleError, match=r"cannot write .*CURRENT"):
        make_current(store, "tiny", "2")
    assert sorted(path.name for path in (store / "tiny").iterdir()) == ["1", "2", CURRENT]
