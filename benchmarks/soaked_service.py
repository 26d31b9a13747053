"""The service under the soak: two workers, keys, metrics and JSON logs on a small disk; and what is done to it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.made import bundle
from benchmarks.table import ROOT, VAR
from models import TopicModel
from models.bundle import load_bundle, read_ngrams, save_bundle
from models.storage import make_current

NAME = "news-en"
_DISK_MB = 512
_PATIENCE = 60.0


def two_models() -> tuple[TopicModel, TopicModel]:
    """Return the shipped model, and a variation of it with other confidences, saved as another version."""
    shipped = load_bundle(bundle())
    varied = replace(shipped, version=f"{shipped.version}-varied", bias=shipped.bias + 0.25)
    folder = save_bundle(varied, read_ngrams(bundle()), "# The shipped model, its bias moved, for the soak\n", VAR)
    return shipped, load_bundle(folder)


class Disk:
    """A small file system of its own, which can be full; a plain folder where none can be mounted.

    Attributes:
        folder: where it is.
        can_be_full: whether it is a file system of its own.
    """

    def __init__(self) -> None:
        self.folder = VAR / "soak"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(self.folder)]
        try:
            self.can_be_full = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        except OSError:
            self.can_be_full = False
        self._filler = self.folder / "filler"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("ab") as file:
            for size in (1 << 20, 4096):
                with suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)

    def empty(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)

    def leave(self) -> None:
        """Unmount it."""
        self.empty()
        if self.can_be_full:
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)


@dataclass(frozen=True, slots=True)
class Soaked:
    """The service.

    Attributes:
        port: where it listens, on this machine.
        process: the first of its processes.
        log: its standard output.
        keys: one to tag, one that may do everything.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    keys: tuple[str, str]

    def workers(self) -> list[int]:
        """Return the workers' process ids, the oldest first."""
        found = []
        with suppress(OSError):
            pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
            for pid in pids.split():
                with suppress(OSError):  # it has ended
                    if b"--multiprocessing-fork" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        found.append((_started(pid), int(pid)))
        return [pid for _, pid in sorted(found)]

    def kill_the_youngest(self) -> dict[int, float]:
        """Kill a worker with SIGKILL; return the ports of the clients that it was connected to, and when it was.

        It is stopped before, so that the list is that of the moment when it dies. The oldest lives on, and shows
        what memory it comes to.
        """
        workers = self.workers()
        if len(workers) < 2:
            return {}
        os.kill(workers[-1], signal.SIGSTOP)
        ports = _clients(workers[-1], self.port)
        killed = time.perf_counter()
        os.kill(workers[-1], signal.SIGKILL)
        return dict.fromkeys(ports, killed)


def _started(pid: str) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return int(stat.rpartition(")")[2].split()[19])


def _clients(pid: int, port: int) -> list[int]:
    """Return the ports at the other ends of a process's connections that came in on a port."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return [int(row[2][-4:], 16) for row in rows if int(row[1][-4:], 16) == port and row[9] in inodes]


@contextmanager
def soaked_service(disk: Disk, varied: TopicModel) -> Iterator[Soaked]:
    """Start the service, its log, store, metrics and temporary folder on the disk; stop it in the end.

    Raises:
        RuntimeError: it does not start.
    """
    folder = disk.folder
    for name in ("tmp", "metrics", f"store/{NAME}"):
        (folder / name).mkdir(parents=True)
    (folder / "store" / NAME / varied.version).symlink_to(VAR / NAME / varied.version)
    make_current(folder / "store", NAME, bundle().name)
    environment = os.environ | {
        "TAGDESK_STORE": str(folder / "store"),
        "TAGDESK_KEYS_FILE": str(folder / "keys.json"),
        "TMPDIR": str(folder / "tmp"),
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
    }
    keys = (_key("cms", "tag", environment), _key("operator", "admin", environment))
    log = folder / "log.jsonl"
    options = ("--port=0", "--workers=2", f"--model={NAME}", "--rate-limit=1000000")
    with log.open("wb") as out, (VAR / "soak.log").open("wb") as error:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", *options], cwd=ROOT, env=environment, stdout=out, stderr=error
        )
    try:
        yield Soaked(_port(process, log), process, log, keys)
    finally:
        process.terminate()
        process.wait(30)


def _key(name: str, scope: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "service", "key", "create", name, "--scope", scope]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    due = time.monotonic() + _PATIENCE
    while time.monotonic() < due and process.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text(encoding="utf-8")):
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError(f"the service does not start: see {VAR / 'soak.log'}")
