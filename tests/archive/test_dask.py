"""`tagdesk archive --cluster`: the parts of an archive, tagged by the workers of a Dask cluster."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

from tests.archive.conftest import Archive, articles, ids, write_parquet
from tests.archive.test_resume import done, wait_for
from tests.dask_cluster import Cluster
from tests.test_command import without

PARTS, ROWS = 12, 1_000


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Return a cluster of two workers."""
    with ExitStack() as stack:
        started = Cluster(tmp_path, stack)
        started.add_worker()
        started.add_worker()
        yield started


def test_worker_of_a_cluster_may_die(archive: Archive, cluster: Cluster, tmp_path: Path) -> None:
    """Every id is answered once, and nobody has to start again."""
    for n in range(PARTS):
        write_parquet(tmp_path / "in" / f"{n:02}.parquet", articles(ROWS, ROWS * n))

    def kill() -> None:
        wait_for(lambda: done(tmp_path / "out"))
        os.kill(cluster.workers[0].pid, signal.SIGKILL)

    killer = Thread(target=kill)
    killer.start()
    ran = archive(tmp_path / "in", tmp_path / "out", "--cluster", cluster.address)
    killer.join()
    assert ran.code == 0, ran.err
    assert ids(tmp_path / "out") == sorted(row["id"] for row in articles(PARTS * ROWS))


def test_scheduler_that_is_gone_is_one_sentence(model: str, tmp_path: Path) -> None:
    """Of a cluster without workers, which it says that it waits for."""
    source = write_parquet(tmp_path / "in.parquet", articles(3))
    with ExitStack() as stack:
        cluster = Cluster(tmp_path, stack)
        arguments = ["archive", source, tmp_path / "out", "--model", model, "--cluster", cluster.address]
        command = [sys.executable, "-m", "tagdesk", *map(str, arguments)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert any(line.startswith(f"waiting for workers: {cluster.address} has none") for line in process.stderr)
            cluster.scheduler.kill()
            rest = process.stderr.read()
            assert process.wait() == 2
    assert f"the scheduler at {cluster.address} is gone: start it and run this again" in rest


def test_nobody_at_the_address_is_one_sentence(archive: Archive, tmp_path: Path) -> None:
    source = write_parquet(tmp_path / "in.parquet", articles(3))
    ran = archive(source, tmp_path / "out", "--cluster", "tcp://127.0.0.1:9")
    assert ran.code == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in ran.err


def test_without_dask_it_says_what_to_install(tmp_path: Path, model: str) -> None:
    source = write_parquet(tmp_path / "in.parquet", articles(3))
    arguments = ("archive", str(source), str(tmp_path / "out"), "--model", model, "--cluster", "tcp://127.0.0.1:9")
    ran = without({"distributed", "dask"}, *arguments)
    assert ran.returncode == 2
    assert "pip install 'tagdesk[dask]'" in ran.stderr
