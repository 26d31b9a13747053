"""`python -m service` as a process: starts, says where, answers, stops; or says in one sentence why not."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from service.server import listen
from service.settings import Settings


@contextmanager
def started(store: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start the service on the tiny model; yield its address and its process."""
    command = [sys.executable, "-m", "service", "--port", "0", "--model", "tiny", "--access-log", "false", *options]
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


@contextmanager
def begun(address: str) -> Iterator[socket.socket]:
    """Begin a request: its head is sent, its body is not."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/tag HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
        )
        time.sleep(0.2)
        yield connection


def answers(address: str) -> bool:
    """Tell whether somebody listens there."""
    try:
        return httpx.get(f"{address}livez").status_code == 200
    except httpx.TransportError:
        return False


def workers_of(parent: int) -> set[int]:
    """Return the process ids of a service's workers."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    lines = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return {child for child, line in lines.items() if b"spawn_main" in line}


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


def test_refuses_other_machines_without_keys(tiny_store: Path) -> None:
    """Without keys only this machine may ask, unless that is wanted in so many words."""
    for host in ("0.0.0.0", "::"):
        code, said = refused(tiny_store, "--host", host, "--port", "0", "--model", "tiny")
        assert code == 2
        assert f"{host} is reached from other machines, and no key is asked for" in said
        assert "TAGDESK_KEYS_FILE" in said
        assert "TAGDESK_ALLOW_NO_KEYS=true" in said


def test_listens_to_others_when_told_to() -> None:
    """A file of keys, or the setting that allows none, lets it listen beyond this machine."""
    for given in ({"allow_no_keys": True}, {"keys_file": "keys.json"}):
        with listen(Settings(host="0.0.0.0", port=0, **given)) as listener:
            assert listener.getsockname()[0] == "0.0.0.0"


def test_names_the_keys_file_it_cannot_use(tiny_store: Path, tmp_path: Path) -> None:
    """A keys file that is missing or broken is one sentence, before anything listens."""
    path = tmp_path / "keys.json"
    code, said = refused(tiny_store, "--keys-file", str(path), "--port", "0", "--model", "tiny")
    assert (code, "key create NAME" in said) == (1, True)
    path.write_text("{}")
    code, said = refused(tiny_store, "--keys-file", str(path), "--port", "0", "--model", "tiny")
    assert (code, f"cannot use the keys file {path}" in said) == (1, True)


def test_names_the_port_that_takes_rights(tiny_store: Path) -> None:
    """An address that is not this machine's is named like a port in use."""
    code, said = refused(tiny_store, "--host", "203.0.113.1", "--port", "0", "--model", "tiny")
    assert code == 1
    assert "cannot listen on 203.0.113.1 port 0" in said


@pytest.mark.parametrize("workers", ["1", "2"])
def test_finishes_what_is_in_flight(tiny_store: Path, workers: str) -> None:
    """On SIGTERM /readyz turns to 503, a request that has begun is answered, and the exit code is 0."""
    with started(tiny_store, "--workers", workers, "--stop-delay", "2") as (address, process):
        with httpx.Client(base_url=address) as probe, begun(address) as request:
            assert probe.get("/readyz").status_code == 200
            process.send_signal(signal.SIGTERM)
            time.sleep(1)
            response = probe.get("/readyz")
            assert (response.status_code, response.json()["type"]) == (503, "/problems/not-ready")
            time.sleep(2)
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{address}livez")
            request.sendall(b'{"body": "war"}')
            assert b" 200 OK" in request.recv(65536)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_does_not_wait_for_ever(tiny_store: Path) -> None:
    """A request that never ends is cut off when the time to finish is over, and the exit code is 0."""
    with started(tiny_store, "--stop-timeout", "1") as (address, process), begun(address):
        process.send_signal(signal.SIGTERM)
        stopped = time.monotonic()
        _, err = process.communicate(timeout=30)
        assert time.monotonic() - stopped < 8
    assert (process.returncode, err) == (0, "")


def test_replaces_a_worker_that_is_killed(tiny_store: Path) -> None:
    """A worker killed with -9 is replaced, and requests that come meanwhile are answered by the other."""
    with started(tiny_store, "--workers", "2") as (address, process):
        before = workers_of(process.pid)
        assert len(before) == 2
        os.kill(min(before), signal.SIGKILL)
        deadline = time.monotonic() + 20
        while len(workers_of(process.pid) - {min(before)}) < 2 and time.monotonic() < deadline:
            assert httpx.post(f"{address}v1/tag", json={"body": "war"}).status_code == 200
        for _ in range(20):
            assert httpx.post(f"{address}v1/tag", json={"body": "war"}).status_code == 200
        assert len(workers_of(process.pid) - {min(before)}) == 2
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_workers_do_not_outlive_their_parent(tiny_store: Path) -> None:
    """Workers whose parent was killed stop, and give the port back."""
    with started(tiny_store, "--workers", "2") as (address, process):
        process.kill()
        process.wait(30)
        deadline = time.monotonic() + 20
        while answers(address) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not answers(address)
