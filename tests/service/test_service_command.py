"""`python -m service` as a process: starts, says where, answers, stops; or says in one sentence why not."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest


@contextmanager
def started(store: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start the service on the tiny model; yield its address and its process."""
    command = [sys.executable, "-m", "service", "--port", "0", "--model", "tiny", *options]
    with subprocess.Popen(
        command, env=_environment(store), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"Tagdesk serves tiny at (http://127\.0\.0\.1:\d+/)\n", line)
            assert found, line + (process.stderr.read() if process.stderr and process.poll() else "")
            yield found[1], process
        finally:
            process.terminate()
            process.wait(30)


def refused(store: Path, *options: str, **variables: str) -> tuple[int, str]:
    """Start the service where it cannot run; return its exit code and what it says."""
    command = [sys.executable, "-m", "service", *options]
    environment = _environment(store) | variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr


def _environment(store: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TAGDESK_")}
    return kept | {"TAGDESK_STORE": str(store)}


def test_starts_tags_and_stops(tiny_store: Path) -> None:
    """The process says where it is, tags, and exits with 0 when told to stop, without another word."""
    with started(tiny_store) as (address, process):
        response = httpx.post(f"{address}v1/tag", json={"body": "war"})
        assert response.json()["model"] == "tiny@1"
        assert httpx.get(f"{address}readyz").status_code == 200
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_starts_several_workers(tiny_store: Path) -> None:
    """Workers get the settings too, and stop with their parent."""
    with started(tiny_store, "--workers", "2", "--max-batch", "2") as (address, process):
        for _ in range(8):
            assert httpx.post(f"{address}v1/tag/batch", json=[{"body": "war"}] * 2).status_code == 200
            assert httpx.post(f"{address}v1/tag/batch", json=[{"body": "war"}] * 3).status_code == 413
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_names_the_port_in_use(tiny_store: Path) -> None:
    """A port in use is one sentence with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, said = refused(tiny_store, "--port", port, "--model", "tiny")
    assert code == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in said
    assert "--port" in said


def test_names_the_model_it_cannot_find(tiny_store: Path) -> None:
    """An unknown model is one sentence with where it was looked for."""
    code, said = refused(tiny_store, "--model", "none", "--port", "0")
    assert code == 1
    assert "no model 'none'" in said
    assert str(tiny_store) in said


@pytest.mark.parametrize(
    ("options", "variables"),
    [(["--workers", "many"], {}), ([], {"TAGDESK_WORKERS": "many"})],
    ids=["option", "variable"],
)
def test_names_the_setting_at_fault(tiny_store: Path, options: list[str], variables: dict[str, str]) -> None:
    """A bad value is one sentence that names the variable and the option."""
    code, said = refused(tiny_store, *options, **variables)
    assert code == 2
    assert "TAGDESK_WORKERS (or --workers) is 'many'" in said
