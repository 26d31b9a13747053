"""A real Dask cluster on this machine."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.waiting import eventually


class Cluster:
    """A scheduler and workers, as people start them: `dask scheduler`, `dask worker`."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._stack, self._folder = stack, folder
        self.workers: list[subprocess.Popen[bytes]] = []
        ready = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(ready)
        )
        eventually(lambda: ready.exists() and ready.read_text().endswith("}"))
        self.address: str = json.loads(ready.read_text())["address"]

    def add_worker(self) -> None:
        """Start a worker."""
        self.workers.append(self._start("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"))

    def _start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
        process = subprocess.Popen(command, cwd=self._folder, stderr=subprocess.DEVNULL)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process
