"""Which model a name means: the store's before the shipped one, and CURRENT says which version."""

import os
import shutil
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from tagdesk.models import Article, BundleError, BundleNotFound, CurrentChanged, load, storage
from tagdesk.models.storage import (
    CURRENT,
    HISTORY,
    current,
    current_mark,
    default_version,
    locate,
    make_current,
    previous,
    roll_back,
    versions,
)
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
    shutil.rmtree(store / "tiny" / "1")
    assert locate("tiny") == shipped / "tiny" / "1"


def test_store_is_var_models_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, ""):
        monkeypatch.delenv("TAGDESK_STORE", raising=False)
        if value is not None:
            monkeypatch.setenv("TAGDESK_STORE", value)
        assert storage.store() == Path("var/models")


def test_current_that_names_a_missing_version_is_an_error(store: Path, shipped: Path) -> None:
    """The shipped model does not stand in for one that was meant to be served."""
    make_current(store, "tiny", "2")
    shutil.rmtree(store / "tiny" / "2")
    with pytest.raises(BundleNotFound, match=r"CURRENT names version '2', which is not there"):
        locate("tiny")


def test_store_may_name_the_shipped_version(store: Path, shipped: Path) -> None:
    """Going back to what Tagdesk ships needs no copy of it."""
    shutil.rmtree(store / "tiny" / "1")
    make_current(store, "tiny", "1")
    assert default_version("tiny") == "1"
    assert locate("tiny") == locate("tiny@1") == shipped / "tiny" / "1"


def test_bundle_that_is_another_than_its_folder_says_is_an_error(store: Path) -> None:
    """Else a model would answer under a name that is not the one it was asked for by."""
    with pytest.raises(BundleError, match=r"its manifest is that of tiny@1"):
        load("tiny@2")
    assert load(store / "tiny" / "2").ref == "tiny@1"


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
    assert sorted(path.name for path in (store / "tiny").iterdir()) == ["1", "2", CURRENT, HISTORY]
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


def test_versions_are_the_folders_in_the_store(store: Path) -> None:
    (store / "tiny" / ".draft-1").mkdir()
    assert versions(store, "tiny") == ["1", "2"]
    assert versions(store, "none") == versions(store / "none", "tiny") == []
    with pytest.raises(BundleNotFound):
        versions(store, "..")


def test_rolling_back_undoes_one_change_after_the_other(store: Path) -> None:
    shutil.copytree(store / "tiny" / "1", store / "tiny" / "3")
    for version in ("2", "3", "3"):
        make_current(store, "tiny", version)
    assert previous(store, "tiny") == "2"
    assert [roll_back(store, "tiny"), roll_back(store, "tiny")] == ["2", "1"]
    assert current(store, "tiny") == "1"
    assert previous(store, "tiny") is None
    with pytest.raises(BundleNotFound, match="was current before"):
        roll_back(store, "tiny")


def test_rolling_back_leads_to_the_shipped_version_that_was_served(shipped: Path, store: Path) -> None:
    (store / "tiny" / CURRENT).unlink()
    make_current(store, "tiny", "2")
    assert roll_back(store, "tiny") == "1"


def test_rolling_back_passes_over_versions_that_are_gone(store: Path) -> None:
    shutil.copytree(store / "tiny" / "1", store / "tiny" / "3")
    for version in ("2", "3"):
        make_current(store, "tiny", version)
    shutil.rmtree(store / "tiny" / "2")
    assert roll_back(store, "tiny") == "1"


def test_rolling_back_survives_what_a_power_cut_leaves(store: Path) -> None:
    """The history was written and `CURRENT` was not; or a file was damaged."""
    make_current(store, "tiny", "2")
    (store / "tiny" / HISTORY).write_text("1\n2\n")
    assert previous(store, "tiny") == "1"
    for written in (b"", b"\xff", b"../..\n", b"/etc\n"):
        (store / "tiny" / HISTORY).write_bytes(written)
        assert previous(store, "tiny") is None
        make_current(store, "tiny", "1")
        make_current(store, "tiny", "2")
        assert previous(store, "tiny") == "1"


def test_history_keeps_the_last_twenty(store: Path) -> None:
    for turn in range(50):
        make_current(store, "tiny", "21"[turn % 2])
    assert len((store / "tiny" / HISTORY).read_text().split()) == 20


def test_shipping_leaves_no_history(store: Path) -> None:
    make_current(store, "tiny", "2", remember=False)
    assert not (store / "tiny" / HISTORY).exists()


def test_mark_changes_whenever_current_is_written(store: Path, shipped: Path) -> None:
    marks = [current_mark("tiny")]
    for version in ("2", "2", "1"):
        make_current(store, "tiny", version)
        marks.append(current_mark("tiny"))
    (store / "tiny" / CURRENT).write_text("2\n")
    marks.append(current_mark("tiny"))
    assert len(set(marks)) == 5
    assert current_mark("tiny") == current_mark("tiny")


def test_change_of_the_expected_version_is_made(store: Path) -> None:
    make_current(store, "tiny", "2", expected="1")
    assert roll_back(store, "tiny", expected="2") == "1"
    assert current(store, "tiny") == "1"


def test_change_of_another_version_than_the_expected_one_is_refused_and_changes_nothing(store: Path) -> None:
    """The sentence names what is current now."""
    make_current(store, "tiny", "2")
    for expected in ("1", None):
        with pytest.raises(CurrentChanged, match=r"^tiny: the current version is 2 now, not (1|none): "):
            make_current(store, "tiny", "1", expected=expected)
        with pytest.raises(CurrentChanged, match=r"the current version is 2 now"):
            roll_back(store, "tiny", expected=expected)
    assert (current(store, "tiny"), previous(store, "tiny")) == ("2", "1")


def test_none_is_expected_where_no_version_is_current(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "SHIPPED", store / "nothing here")
    (store / "tiny" / CURRENT).unlink()
    with pytest.raises(CurrentChanged, match=r"the current version is none now, not 2"):
        make_current(store, "tiny", "2", expected="2")
    make_current(store, "tiny", "2", expected=None)
    assert current(store, "tiny") == "2"


def test_shipped_version_is_the_expected_one_where_the_store_names_none(shipped: Path, store: Path) -> None:
    (store / "tiny" / CURRENT).unlink()
    with pytest.raises(CurrentChanged, match=r"the current version is 1 now"):
        make_current(store, "tiny", "2", expected=None)
    make_current(store, "tiny", "2", expected="1")
    assert current(store, "tiny") == "2"


def test_current_that_cannot_be_read_is_not_the_expected_one(store: Path) -> None:
    (store / "tiny" / CURRENT).write_bytes(b"\xff")
    with pytest.raises(BundleError, match=r"cannot read .*CURRENT"):
        make_current(store, "tiny", "2", expected="1")


def test_of_many_who_roll_back_from_one_version_at_once_exactly_one_does(store: Path) -> None:
    """The others are told, and nothing is rolled back twice."""
    shutil.copytree(store / "tiny" / "1", store / "tiny" / "3")
    for version in ("2", "3"):
        make_current(store, "tiny", version)
    start = Barrier(8)

    def change(_: int) -> str:
        start.wait()
        try:
            return roll_back(store, "tiny", expected="3")
        except CurrentChanged:
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(change, range(8)))
    assert answers == ["2", *["refused"] * 7]
    assert (current(store, "tiny"), previous(store, "tiny")) == ("2", "1")


def huge(path: Path) -> None:
    """Write a file of a gigabyte that takes no room."""
    with path.open("wb") as file:
        file.truncate(2**30)


def _socket(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(os.path.relpath(path))  # a whole path can be too long for one


NO_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (os.mkfifo, "it is not a regular file"),
    "a folder": (Path.mkdir, "it is not a regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "it is not a regular file"),
    "a socket": (_socket, "No such device"),
    "a link to nowhere": (lambda path: path.symlink_to("nowhere"), "it links to nowhere"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "symbolic links"),
    "a gigabyte": (huge, "it has more than 256 bytes"),
}


@pytest.fixture(params=list(NO_FILES))
def odd(request: pytest.FixtureRequest) -> tuple[Callable[[Path], object], str]:
    """Return what puts something that is no short file in a file's place, and what is said of it."""
    return NO_FILES[request.param]


def test_current_that_is_no_short_file_is_told_and_not_waited_for(
    store: Path, shipped: Path, odd: tuple[Callable[[Path], object], str]
) -> None:
    """Nobody hangs, nobody reads a gigabyte, and the shipped model does not stand in for it."""
    put, reason = odd
    before = current_mark("tiny")
    (store / "tiny" / CURRENT).unlink()
    put(store / "tiny" / CURRENT)
    with pytest.raises(BundleError, match=rf"cannot read .*CURRENT: .*{reason}"):
        locate("tiny")
    assert current_mark("tiny") != before
    assert len(str(current_mark("tiny"))) < 2_000
    assert previous(store, "tiny") is None


def test_current_that_is_no_short_file_is_replaced(store: Path, odd: tuple[Callable[[Path], object], str]) -> None:
    """By whoever activates a version; only a folder must be taken away by hand."""
    (store / "tiny" / CURRENT).unlink()
    odd[0](store / "tiny" / CURRENT)
    if (store / "tiny" / CURRENT).is_dir():
        with pytest.raises(BundleError, match=r"cannot write .*CURRENT"):
            make_current(store, "tiny", "2")
    else:
        make_current(store, "tiny", "2")
        assert current(store, "tiny") == "2"


def test_history_that_is_no_short_file_remembers_nothing(
    store: Path, odd: tuple[Callable[[Path], object], str]
) -> None:
    odd[0](store / "tiny" / HISTORY)
    assert previous(store, "tiny") is None
    with pytest.raises(BundleNotFound, match="was current before"):
        roll_back(store, "tiny")
