"""One writer of files: whole, in one step, and nothing left behind."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from tagdesk.models.errors import BundleError
from tagdesk.models.files import PRIVATE, CannotWrite, replacing, write_file


def test_replaces_a_file_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old and long")
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old and long"
    assert path.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_leaves_the_old_file_where_the_block_fails(tmp_path: Path) -> None:
    path = write_file(tmp_path / "file", b"old")
    with suppress(ZeroDivisionError), replacing(path) as file:
        file.write(b"ne")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_says_which_file_cannot_be_written_and_why(tmp_path: Path) -> None:
    path = tmp_path / "none" / "file"
    with pytest.raises(CannotWrite, match=r"^cannot write .*/none/file: No such file or directory$"):
        write_file(path, b"")
    with pytest.raises(BundleError, match=r"^cannot write .*/none/file: No such file or directory$"):
        write_file(path, b"", BundleError)


@pytest.mark.parametrize(
    ("path", "reason"), [("file/below", "Not a directory"), (".", "Is a directory"), ("folder", "Is a directory")]
)
def test_says_so_where_no_file_can_be(path: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own error reaches the caller, not that of tidying up."""
    monkeypatch.chdir(tmp_path)
    write_file(Path("file"), b"")
    Path("folder").mkdir()
    with pytest.raises(BundleError, match=f"^cannot write {path}: {reason}$"):
        write_file(Path(path), b"", BundleError)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


def test_a_private_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Where it replaces a file that others could read, too."""
    path = write_file(tmp_path / "file", b"")
    path.chmod(0o644)
    write_file(path, b"key", mode=PRIVATE)
    assert path.stat().st_mode & 0o777 == 0o600


def test_others_may_read_what_is_not_private_as_far_as_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = write_file(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
