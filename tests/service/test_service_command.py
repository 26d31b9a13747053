"""`tagdesk serve` as a process: starts, says where, answers, stops; or says in one sentence why not."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tagdesk.service.server.serve import listen
from tagdesk.service.settings import Settings
from tests.processes import SERVE, environment, workers_of
from tests.service.posting import address_line
from tests.waiting import PATIENCE, eventually


@contextmanager
def started(store: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start the service on the tiny model; yield its address and its process."""
    command = [*SERVE, "--port", "0", "--model", "tiny", "--access-log", "false", *options]
    variables = {"TAGDESK_STORE": str(store), "TAGDESK_DATABASE_URL": str(store / "ledger.sqlite")}
    with subprocess.Popen(
        command, env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            line = address_line(process)
            found = re.fullmatch(r"Tagdesk serves tiny at (http://127\.0\.0\.1:\d+/)\n", line)
            assert found, line
            yield found[1], process
        finally:
            process.terminate()
            process.wait(PATIENCE)


def refused(store: Path, *options: str, **variables: str) -> tuple[int, str]:
    """Start the service where it cannot run; return its exit code and what it says."""
    ours = {"TAGDESK_STORE": str(store), "TAGDESK_DATABASE_URL": str(store / "ledger.sqlite")}
    command, variables = [*SERVE, *options], ours | variables
    done = subprocess.run(
        command, env=environment(**variables), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr


@contextmanager
def begun(address: str) -> Iterator[socket.socket]:
    """Begin a request: the service waits for its body."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as connection:
        connection.sendall(
            b"POST /v1/tag HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 15\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        yield connection


def answers(address: str) -> bool:
    """Tell whether somebody listens there."""
    try:
        return httpx.get(f"{address}livez").status_code == 200
    except httpx.TransportError:
        return False


def refuses(address: str) -> bool:
    """Tell whether nobody listens there any more."""
    try:
        httpx.get(f"{address}livez")
    except httpx.ConnectError:
        return True
    except httpx.TransportError:  # somebody did, and is stopping
        return False
    return False


def test_starts_tags_and_stops(tiny_store: Path) -> None:
    """The process says where it is, tags, and exits with 0 when told to stop, without another word."""
    with started(tiny_store) as (address, process):
        response = httpx.post(f"{address}v1/tag", json={"body": "war"})
        assert response.json()["model"] == "tiny@1"
        eventually(lambda: httpx.get(f"{address}readyz").status_code == 200)  # the start waits for no slow disk
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")


def test_starts_several_workers(tiny_store: Path) -> None:
    """Workers get the settings too, and stop with their parent."""
    with started(tiny_store, "--workers", "2", "--max-batch", "2") as (address, process):
        for _ in range(8):
            assert httpx.post(f"{address}v1/tag/batch", json=[{"body": "war"}] * 2).status_code == 200
            assert httpx.post(f"{address}v1/tag/batch", json=[{"body": "war"}] * 3).status_code == 413
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")


def test_names_the_port_in_use(tiny_store: Path) -> None:
    """A port in use is one sentence with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, sentence = refused(tiny_store, "--port", port, "--model", "tiny")
    assert code == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in sentence
    assert "--port" in sentence


def test_names_the_model_it_cannot_find(tiny_store: Path) -> None:
    """An unknown model is one sentence with where it was looked for."""
    code, sentence = refused(tiny_store, "--model", "none", "--port", "0")
    assert code == 1
    assert "no model 'none'" in sentence
    assert str(tiny_store) in sentence


@pytest.mark.parametrize(
    ("options", "variables"),
    [(["--workers", "many"], {}), ([], {"TAGDESK_WORKERS": "many"})],
    ids=["option", "variable"],
)
def test_names_the_setting_at_fault(tiny_store: Path, options: list[str], variables: dict[str, str]) -> None:
    """A bad value is one sentence that names the variable and the option."""
    code, sentence = refused(tiny_store, *options, **variables)
    assert code == 2
    assert "TAGDESK_WORKERS (or --workers) is 'many'" in sentence


def test_refuses_other_machines_without_keys(tiny_store: Path) -> None:
    """Without keys only this machine may ask, unless that is wanted in so many words."""
    for host in ("0.0.0.0", "::"):
        code, sentence = refused(tiny_store, "--host", host, "--port", "0", "--model", "tiny")
        assert code == 2
        assert f"{host} can be reached from other machines, and no key is required" in sentence
        assert "TAGDESK_KEYS_FILE" in sentence
        assert "TAGDESK_ALLOW_NO_KEYS=true" in sentence


def test_listens_to_others_when_told_to() -> None:
    """A file of keys, or the setting that allows none, lets it listen beyond this machine."""
    for access in ({"allow_no_keys": True}, {"keys_file": "keys.json"}):
        with listen(Settings(host="0.0.0.0", port=0, **access)) as listener:
            assert listener.getsockname()[0] == "0.0.0.0"


def test_names_the_keys_file_it_cannot_use(tiny_store: Path, tmp_path: Path) -> None:
    """A keys file that is missing or broken is one sentence, before anything listens."""
    path = tmp_path / "keys.json"
    code, sentence = refused(tiny_store, "--keys-file", str(path), "--port", "0", "--model", "tiny")
    assert (code, "key create NAME" in sentence) == (1, True)
    path.write_text("{}")
    code, sentence = refused(tiny_store, "--keys-file", str(path), "--port", "0", "--model", "tiny")
    assert (code, f"cannot use the keys file {path}" in sentence) == (1, True)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_starts_without_a_ledger_that_cannot_be_written(tiny_store: Path, tmp_path: Path, workers: str) -> None:
    """One sentence says that it is not ready, as a balancer reads too; articles are tagged all the same."""
    with started(tiny_store, "--workers", workers, "--database-url", str(tmp_path)) as (address, process):
        assert httpx.post(f"{address}v1/tag", json={"body": "war"}).status_code == 200
        unready = httpx.get(f"{address}readyz")
        assert (unready.status_code, unready.json()["type"]) == (503, "/problems/ledger-unavailable")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert err.count("\n") == 1
    assert err.startswith("tagdesk: the ledger cannot be used: it cannot be opened")
    assert err.endswith(f"TAGDESK_DATABASE_URL is {tmp_path}; the service is not ready until it can be written\n")


def test_is_ready_when_the_ledger_can_be_written_and_only_then(tiny_store: Path, tmp_path: Path) -> None:
    """At the start as later: the answer says why not, and nobody has to tell the service that it may try again."""
    folder, aside = tmp_path / "folder", tmp_path / "aside"
    ledger = folder / "ledger.sqlite"
    ledger.mkdir(parents=True)
    with (
        started(tiny_store, "--database-url", str(ledger)) as (address, _),
        httpx.Client(base_url=address) as client,
    ):

        def says() -> str:
            answer = client.get("readyz").json()
            return str(answer["detail"] if "detail" in answer else answer["ledger"])

        eventually(lambda: says() == "The ledger cannot be used: it cannot be opened (SQLITE_CANTOPEN).")
        ledger.rmdir()
        eventually(lambda: says() == "ok")
        folder.rename(aside)  # the file and its log at once: without its log alone the file is not used again
        gone = "The ledger cannot be used: its file cannot be used (No such file or directory)."
        eventually(lambda: says() == gone)
        assert client.post("v1/tag", json={"body": "war"}).status_code == 200
        aside.rename(folder)
        eventually(lambda: says() == "ok")


def test_is_ready_without_a_ledger_where_none_is_wanted(tiny_store: Path) -> None:
    with started(tiny_store, "--database-url", "none") as (address, _):
        assert httpx.get(f"{address}readyz").json() == {"status": "ok", "ledger": "none"}
        refused_feedback = httpx.post(
            f"{address}v1/feedback", json={"article": {"body": "x"}, "model": "m", "topics": []}
        )
        assert refused_feedback.status_code == 503


def test_names_the_port_that_takes_rights(tiny_store: Path) -> None:
    """An address that is not this machine's is named like a port in use."""
    code, sentence = refused(tiny_store, "--host", "203.0.113.1", "--port", "0", "--model", "tiny")
    assert code == 1
    assert "cannot listen on 203.0.113.1 port 0" in sentence


@pytest.mark.parametrize("workers", ["1", "2"])
def test_finishes_what_is_in_flight(tiny_store: Path, workers: str) -> None:
    """On SIGTERM /readyz turns to 503, a request that has begun is answered, and the exit code is 0."""
    with started(tiny_store, "--workers", workers, "--stop-delay", "10", "--stop-timeout", "100") as (address, process):
        with httpx.Client(base_url=address) as probe, begun(address) as request:
            eventually(lambda: probe.get("/readyz").status_code == 200)
            process.send_signal(signal.SIGTERM)
            eventually(lambda: probe.get("/readyz").json().get("type") == "/problems/not-ready")
            eventually(lambda: refuses(address))
            request.sendall(b'{"body": "war"}')
            assert b" 200 OK" in request.recv(65536)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")


def test_does_not_wait_for_ever(tiny_store: Path) -> None:
    """A request that never ends is cut off when the time to finish is over, and the exit code is 0."""
    with started(tiny_store, "--stop-timeout", "1") as (address, process), begun(address):
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)  # the request itself would never end
    assert (process.returncode, err) == (0, "")


def test_replaces_a_worker_that_is_killed(tiny_store: Path) -> None:
    """A worker killed with -9 is replaced, and requests that come meanwhile are answered by the other."""
    with started(tiny_store, "--workers", "2") as (address, process):
        before = workers_of(process.pid)
        assert len(before) == 2
        os.kill(min(before), signal.SIGKILL)

        def replaced() -> bool:
            assert httpx.post(f"{address}v1/tag", json={"body": "war"}).status_code == 200
            return len(workers_of(process.pid) - {min(before)}) == 2

        eventually(replaced)
        for _ in range(20):
            assert httpx.post(f"{address}v1/tag", json={"body": "war"}).status_code == 200
        assert len(workers_of(process.pid) - {min(before)}) == 2
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_workers_do_not_outlive_their_parent(tiny_store: Path) -> None:
    """Workers whose parent was killed stop, and give the port back."""
    with started(tiny_store, "--workers", "2") as (address, process):
        process.kill()
        process.wait(PATIENCE)
        eventually(lambda: not answers(address))
