"""What a stranger meets on a machine that is not as ours: the wrong Python, half an environment, nothing compiled."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.service.posting import address_line
from tests.waiting import PATIENCE

ROOT = Path(__file__).parent.parent
ARTICLE = {"title": "Fire in İzmir", "body": "Fire fighters and police came. Nobody was hurt."}

OLD = """#!/bin/sh
case "$1" in --version) echo Python 3.10.12;; *) exit 1;; esac
"""
WITHOUT_VENV = """#!/bin/sh
[ "$1" = -m ] || exit 0
mkdir -p .venv/bin && touch .venv/bin/python
echo ensurepip is not available; exit 1
"""


def make_environment(folder: Path, python: Path | str) -> "subprocess.CompletedProcess[str]":
    """Let the Makefile make `.venv` in a folder."""
    command = ["make", "-f", str(ROOT / "Makefile"), ".venv/bin/pip", f"PYTHON={python}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_old_python_is_named_and_so_is_what_to_do(tmp_path: Path) -> None:
    python = script(tmp_path / "python3", OLD)
    done = make_environment(tmp_path, python)
    assert done.returncode
    assert f"Tagdesk needs Python 3.11 to 3.14, but {python} is: Python 3.10.12." in done.stderr
    assert " PYTHON=" in done.stderr.partition("Name another one: make")[2]
    assert not (tmp_path / ".venv").exists()


def test_python_without_venv_leaves_nothing_behind(tmp_path: Path) -> None:
    done = make_environment(tmp_path, script(tmp_path / "python3", WITHOUT_VENV))
    assert done.returncode
    assert "apt install python3-venv; then again: make" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_half_made_environment_is_made_anew(tmp_path: Path) -> None:
    """As Debian's Python leaves one that has no python3-venv: an interpreter without pip."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    script(tmp_path / ".venv" / "bin" / "python", "#!/bin/sh\nexit 1\n")
    if subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True, check=False).returncode:
        pytest.skip("this Python has no ensurepip")
    assert make_environment(tmp_path, sys.executable).returncode == 0
    subprocess.run([tmp_path / ".venv" / "bin" / "python", "-m", "pip", "--version"], capture_output=True, check=True)


def test_compile_leaves_nothing_to_the_first_start(tmp_path: Path) -> None:
    """Whatever the service is asked then, text or HTML, explained or not, one article or many."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "tagdesk", "compile"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr.startswith("Compiling, once, about a minute ....")
    compiled = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.nb?")}
    command = [sys.executable, "-m", "tagdesk", "serve", "--port=0", f"--database-url={tmp_path / 'ledger.sqlite'}"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            with httpx.Client(base_url=address_line(process).split()[-1]) as client:
                for article in (ARTICLE, {"body_html": "<ul><li>Fire&nbsp;&eacute;</ul><p>Police <b>came</b>."}):
                    client.post("/v1/tag?explain=true", json=article).raise_for_status()
                    client.post("/v1/tag/batch", json=[article] * 40).raise_for_status()
                    client.post("/v1/tag?explain=all", json=article).raise_for_status()
        finally:
            process.terminate()
        _, err = process.communicate(timeout=PATIENCE)
    assert err == ""
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.nb?")} == compiled


def test_place_that_cannot_keep_what_was_compiled_is_said_once(tmp_path: Path) -> None:
    """As where the code is another user's and there is no home."""
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "NUMBA_CACHE_DIR": "/proc/nowhere"}
    done = subprocess.run(
        [sys.executable, "-m", "tagdesk", "tag"],
        input=f"{json.dumps(ARTICLE)}\n" * 2,
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("set NUMBA_CACHE_DIR to a writable folder ....") == 1
    assert done.stdout.count("\n") == 2
