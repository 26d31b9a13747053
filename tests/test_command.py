"""The command `tagdesk` itself: what it lists, what it says, and what it does without."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tagdesk
from tagdesk.command import COMMANDS, main
from tagdesk.service.edge.keys import keys_json

EVERY = [name for commands in COMMANDS.values() for name in commands]

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from tagdesk.command import main
sys.exit(main(sys.argv[1:]))
"""


def without(names: set[str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command where packages are not installed."""
    code = WITHOUT.format(names=names)
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_windows_is_told_to_use_wsl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In place of a traceback from the first import of what only Unix has."""
    monkeypatch.setattr(sys, "platform", "win32")
    assert main(["serve"]) == 2
    assert "on Windows in WSL" in capsys.readouterr().err


def test_help_fits_on_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines if line.startswith("  ")] == EVERY


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith(f"usage: tagdesk {name} ")
    assert f"tagdesk {name}" in shown.partition("example")[2]


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("usage: tagdesk COMMAND")


def test_mistyped_command_is_one_sentence_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian", "--data", "desk.csv"]) == 2
    assert capsys.readouterr() == ("", "tagdesk: no command is called trian: did you mean train?\n")


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tagdesk {tagdesk.__version__}\n"


def test_command_whose_extra_is_missing_says_what_to_install() -> None:
    done = without({"sklearn", "joblib", "scipy"}, "train")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tagdesk: train needs what is not installed (joblib): pip install 'tagdesk[train]'\n"


@pytest.mark.parametrize("arguments", [["--help"], ["settings"], ["key", "list", "--keys-file", "keys.json"]])
def test_does_without_numba_where_nothing_is_tagged(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.json").write_bytes(keys_json([]))
    done = without({"numba", "sklearn", "uvicorn"}, *arguments)
    assert (done.returncode, done.stderr) == (0, "")


def test_reader_that_has_enough_is_no_error() -> None:
    """`tagdesk settings | head -1`, of any command that prints much."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "tagdesk", "settings"], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
