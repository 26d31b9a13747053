"""`tagdesk key`: makes a key and shows it once, lists and revokes; the file is replaced in one step."""

import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tagdesk.command import main
from tagdesk.service.edge.keys import KeyRing, read_keys


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where TAGDESK_KEYS_FILE says that the keys are."""
    file = tmp_path / "keys.json"
    monkeypatch.setenv("TAGDESK_KEYS_FILE", str(file))
    return file


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command, which is fine, and return what it prints."""
    assert main(["key", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def refused(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """Run the command, which ends with this exit code, and return its one sentence."""
    assert main(["key", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"tagdesk: [^\n]+\n", err)
    return err


def test_prints_a_key_once(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`create` prints the key and nothing else; the file, which its owner alone can read, knows it but not its text."""
    printed = said(capsys, "create", "cms", "--scope", "tag", "--scope", "feedback")
    assert re.fullmatch(r"tagdesk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\n", printed)
    found = KeyRing(path).find(printed.strip().encode())
    assert found is not None
    assert (found.name, found.scopes) == ("cms", ("feedback", "tag"))
    assert printed.split("_", 2)[2].strip() not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_lists_and_revokes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`list` shows names, scopes and days, no salt and no digest; `revoke` removes one and leaves the others."""
    for name, scope in (("cms", "tag"), ("desk", "feedback"), ("ops", "admin")):
        said(capsys, "create", name, "--scope", scope)
    assert said(capsys, "revoke", "desk") == ""
    days = {key.created for key in read_keys(path)}
    assert len(days) == 1
    assert said(capsys, "list") == f"cms\ttag\t{min(days)}\nops\tadmin\t{min(days)}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_takes_the_file_from_an_option(tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--keys-file` goes before the variable, and the settings' TOML file will do as well."""
    said(capsys, "create", "cms", "--scope", "tag", "--keys-file", str(tmp_path / "other.json"))
    assert not path.exists()
    config = tmp_path / "tagdesk.toml"
    config.write_text(f'keys_file = "{tmp_path / "other.json"}"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TAGDESK_KEYS_FILE")
        assert said(capsys, "list", "--config", str(config)).startswith("cms\t")


def test_refuses_what_cannot_be(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is taken, unknown or strange and a file that cannot be used are exit code 1, the file unchanged."""
    said(capsys, "create", "cms", "--scope", "tag")
    before = path.read_bytes()
    assert "a key called cms already" in refused(capsys, 1, "create", "cms", "--scope", "tag")
    assert "no key is called desk" in refused(capsys, 1, "revoke", "desk")
    assert "a name has 1 to 64" in refused(capsys, 1, "create", "a b", "--scope", "tag")
    assert path.read_bytes() == before
    gone = str(tmp_path / "none" / "keys.json")
    assert "cannot write the keys file" in refused(capsys, 1, "create", "x", "--scope", "tag", "--keys-file", gone)
    assert "there is no keys file" in refused(capsys, 1, "list", "--keys-file", gone)
    path.write_text("{")
    assert "cannot use the keys file" in refused(capsys, 1, "create", "x", "--scope", "tag")
    assert path.read_text() == "{"


def test_needs_a_file_and_a_scope(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file, or with a wrong scope, the exit code is 2."""
    monkeypatch.delenv("TAGDESK_KEYS_FILE", raising=False)
    assert "TAGDESK_KEYS_FILE" in refused(capsys, 2, "list")
    for arguments in (["create", "x"], ["create", "x", "--scope", "root"], []):
        with pytest.raises(SystemExit) as ended:
            main(["key", *arguments])
        assert ended.value.code == 2
        capsys.readouterr()


def test_commands_at_once_lose_no_key(path: Path) -> None:
    """Commands that run at once wait for each other."""
    command = [sys.executable, "-c", "import sys; from tagdesk.service.edge.key_commands import run; run(sys.argv[1:])"]

    def create(number: int) -> int:
        return subprocess.run([*command, "create", f"key-{number}", "--scope", "tag"], check=False).returncode

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(create, range(4))) == [0] * 4
    assert {key.name for key in read_keys(path)} == {f"key-{number}" for number in range(4)}


def test_a_key_in_use_is_given_a_further_scope(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key itself stays what it was: nothing has to be told to whoever uses it."""
    token = said(capsys, "create", "cms", "--scope", "tag", "--scope", "feedback").strip()
    said(capsys, "grant", "cms", "--scope", "editors")
    key = KeyRing(path).find(token.encode())
    assert key is not None
    assert key.scopes == ("editors", "feedback", "tag")
    assert "no key is called desk" in refused(capsys, 1, "grant", "desk", "--scope", "tag")
