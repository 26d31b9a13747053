"""Several workers: whatever state one of them is in, it is replaced, and the service obeys."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tagdesk.service import workers as shared
from tests.processes import SERVE, environment, workers_of
from tests.service.posting import address_line
from tests.service.test_service_command import answers
from tests.service.versions import ARTICLE, save_versions, spoil
from tests.waiting import PATIENCE, eventually

_SITE = """
import os, pathlib, sys
if any("spawn_main" in word for word in sys.orig_argv) and pathlib.Path(__file__).with_name("no-worker").exists():
    os._exit(3)
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store with three versions of the tiny model."""
    save_versions(tmp_path)
    return tmp_path


@contextmanager
def begun(store: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Begin to start a service of two workers in a process group of its own; all of it is gone in the end.

    As long as there is a file `no-worker` in the store no worker can start.
    """
    (store / "sitecustomize.py").write_text(_SITE)
    with subprocess.Popen(
        [*SERVE, "--port=0", "--model=tiny", "--workers=2", "--access-log=false", *options],
        env=environment(
            TAGDESK_STORE=str(store),
            TAGDESK_DATABASE_URL=str(store / "ledger.sqlite"),
            TMPDIR=str(store),
            PYTHONPATH=str(store),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def started(store: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start the service; yield its address and its first process."""
    with begun(store, *options) as process:
        yield address_line(process).split()[-1], process


def ends(process: "subprocess.Popen[str]") -> int:
    """Return the exit code of a service that has to end before any worker's time to give a sign of life is over."""
    out, _ = process.communicate(timeout=PATIENCE)
    assert "no sign of life" not in out
    return process.returncode


def folders_of(place: Path) -> list[Path]:
    """Return what services keep for their workers, in memory and in a folder."""
    return [path for where in (Path("/dev/shm"), place) for path in where.glob("tagdesk-workers-*")]


@pytest.mark.parametrize("after", [0.0, 0.3, 1.0])
def test_stops_while_its_workers_start(store: Path, after: float) -> None:
    """SIGTERM to the whole group, as systemd sends it, ends it long before they would be given up."""
    with begun(store) as process:
        eventually(lambda: len(workers_of(process.pid)) == 2)
        time.sleep(after)
        os.killpg(process.pid, signal.SIGTERM)
        assert ends(process) == 0


def test_stops_at_ctrl_c_while_its_workers_start(store: Path) -> None:
    """SIGINT to the whole group ends it without a traceback."""
    with begun(store) as process:
        eventually(lambda: len(workers_of(process.pid)) == 2)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")


def test_replaces_a_dead_worker_beside_a_frozen_one(store: Path) -> None:
    """With one worker stopped and the other killed it answers as soon as the replacement is ready."""
    with started(store) as (address, process):
        frozen, killed = workers_of(process.pid)
        os.kill(frozen, signal.SIGSTOP)
        os.kill(killed, signal.SIGKILL)
        there: set[int] = set()

        def replaced() -> bool:
            nonlocal there
            there = workers_of(process.pid)
            return bool(there - {frozen, killed})

        eventually(replaced)
        assert frozen in there  # that it would be given up, after 30 seconds, is not waited for
        eventually(lambda: _answers_soon(address))


def _answers_soon(address: str) -> bool:
    try:
        return httpx.get(f"{address}livez", timeout=1).status_code == 200
    except httpx.TransportError:  # the frozen worker took the connection
        return False


def test_stops_with_a_frozen_worker(store: Path) -> None:
    """SIGTERM ends it when the frozen worker's time to stop is over."""
    with started(store, "--stop-timeout=1") as (_, process):
        os.kill(min(workers_of(process.pid)), signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        assert ends(process) == 0


def test_kills_a_worker_that_gives_no_sign_of_life(store: Path) -> None:
    """A frozen worker is replaced in the end, the service has its full number again, and its log says why."""
    with started(store) as (address, process):
        frozen = min(workers_of(process.pid))
        os.kill(frozen, signal.SIGSTOP)
        eventually(lambda: frozen not in workers_of(process.pid) and len(workers_of(process.pid)) == 2)
        eventually(lambda: _answers_soon(address))
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE)
    assert f"worker {frozen} gives no sign of life" in out


def test_replaces_its_workers_at_sighup_without_a_pause(store: Path) -> None:
    """Every worker is another one afterwards, and at no time did nobody answer."""
    with started(store) as (address, process):
        before = workers_of(process.pid)
        process.send_signal(signal.SIGHUP)

        def replaced() -> bool:
            for _ in range(20):
                assert len(workers_of(process.pid)) >= 2
                assert httpx.post(f"{address}v1/tag", json=ARTICLE).status_code == 200
            return not before & workers_of(process.pid)

        eventually(replaced)
        eventually(lambda: len(workers_of(process.pid)) == 2)


def test_obeys_while_it_replaces_its_workers(store: Path) -> None:
    """SIGTERM amid a SIGHUP ends it."""
    with started(store) as (_, process):
        process.send_signal(signal.SIGHUP)
        eventually(lambda: len(workers_of(process.pid)) == 3)
        process.send_signal(signal.SIGTERM)
        assert ends(process) == 0


def test_ends_where_no_worker_can_start(store: Path) -> None:
    """A worker that fails at the first start is no reason to try for ever: one sentence, and exit code 1."""
    (store / "no-worker").touch()
    with begun(store) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (1, "")
    assert err == "tagdesk: the service cannot start: its log, on standard output, says why\n"


def test_tries_again_where_a_replacement_cannot_start(store: Path) -> None:
    """The other worker answers meanwhile, and the full number is there again as soon as one can start."""
    with started(store) as (address, process):
        killed, other = workers_of(process.pid)
        (store / "no-worker").touch()
        os.kill(killed, signal.SIGKILL)
        replacements: set[int] = set()

        def tried_twice() -> bool:
            replacements.update(workers_of(process.pid) - {killed, other})
            assert httpx.post(f"{address}v1/tag", json=ARTICLE).status_code == 200
            return len(replacements) >= 2

        eventually(tried_twice)
        (store / "no-worker").unlink()
        eventually(lambda: len(workers_of(process.pid)) == 2)
        eventually(lambda: len(httpx.get(f"{address}v1/models").json()["workers"]) == 2)
        process.send_signal(signal.SIGTERM)
        assert ends(process) == 0


def test_replaces_all_workers_though_current_names_a_bad_bundle(store: Path) -> None:
    """After the last worker died the next ones serve what it served."""
    with started(store) as (address, process):
        spoil(store / "tiny" / "busy")
        (store / "tiny" / "CURRENT").write_text("busy\n")
        before = workers_of(process.pid)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not before & workers_of(process.pid) and answers(address))
        assert httpx.post(f"{address}v1/tag", json=ARTICLE).json()["model"] == "tiny@calm"


def test_leaves_nothing_of_a_killed_service_after_the_next_start(store: Path) -> None:
    """The folder of a service that was killed with -9 is removed by the next; that of a running one is not."""
    with started(store) as (address, process):
        (mine,) = [folder for folder in folders_of(store) if (folder / f"{min(workers_of(process.pid))}.json").exists()]
        process.kill()
        process.wait(PATIENCE)
        eventually(lambda: not answers(address))
        with started(store) as (_, first), started(store) as (_, second):
            assert not mine.exists()
            for service in (first, second):
                pid = min(workers_of(service.pid))
                assert [folder for folder in folders_of(store) if (folder / f"{pid}.json").exists()]


def test_leaves_nothing_when_it_stops(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of a service that ends as it should goes with it."""
    monkeypatch.setattr(shared, "_SHARED_MEMORY", store)
    with shared.shared_folder() as workers:
        workers.publish({"model": "m", "since": ""})
        assert [path.name for path in store.glob("tagdesk-workers-*/*")] == [f"{os.getpid()}.json"]
    assert list(store.glob("tagdesk-workers-*")) == []
    assert shared.FOLDER not in os.environ


def test_does_without_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no room for a folder each worker knows of itself alone."""
    taken = tmp_path / "taken"
    taken.write_text("not a folder")
    monkeypatch.setattr(shared, "_SHARED_MEMORY", taken)
    monkeypatch.setenv(shared.FOLDER, "of the operator")
    with shared.shared_folder() as workers:
        assert shared.FOLDER not in os.environ
        workers.publish({"model": "m", "since": ""})
        assert [state["model"] for state in workers.read_all("m")] == ["m"]
