"""The service under the soak, with two workers, keys, and JSON logs and ledger on a small disk that can be filled."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.made import bundle
from benchmarks.table import ROOT, VAR
from tagdesk.models import TopicModel
from tagdesk.models.bundle import load_bundle, read_ngrams, save_bundle
from tagdesk.models.storage import make_current
from tagdesk.service.edge.key_commands import run as run_key_command

NAME = "news-en"
EDITORS = ("anna", "ben", "carla")
"""The editors whose keys sign in at the desk."""

_DISK_MB = 512
_PATIENCE = 60.0


def three_models() -> tuple[TopicModel, ...]:
    """Return the shipped model and two variants of it with other confidences, saved as versions of their own."""
    shipped = load_bundle(bundle())
    return shipped, _variant(shipped, "raised", 0.25), _variant(shipped, "lowered", -0.25)


def _variant(shipped: TopicModel, name: str, shift: float) -> TopicModel:
    variant = replace(shipped, version=f"{shipped.version}-{name}", bias=shipped.bias + np.float32(shift))
    card = "# The shipped model with another bias, for the soak\n"
    return load_bundle(save_bundle(variant, read_ngrams(bundle()), card, VAR))


class Disk:
    """A small file system that can be filled; a plain folder where none can be mounted.

    Attributes:
        folder: its folder.
        ledger: the path of the SQLite file, if there is one.
        can_be_full: whether it is a file system of its own.
        kind: the kind of file system; only on ext4 does a commit wait for the disk.
    """

    def __init__(self) -> None:
        self.folder = VAR / "soak"
        self.ledger = self.folder / "ledger.sqlite"
        self._image = VAR / "soak.img"
        self._filler = self.folder / "filler"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.kind = self._ext4() or self._tmpfs()
        self.can_be_full = bool(self.kind)

    def _ext4(self) -> str:
        self._image.unlink(missing_ok=True)
        with self._image.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _DISK_MB << 20)
        is_made = _runs("mkfs.ext4", "-q", "-m", "0", str(self._image))
        return "ext4" if is_made and _runs("mount", "-o", "loop", str(self._image), str(self.folder)) else ""

    def _tmpfs(self) -> str:
        return "tmpfs" if _runs("mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(self.folder)) else ""

    def fill(self) -> None:
        """Fill it to the last byte."""
        with self._filler.open("ab") as file:
            for size in (1 << 20, 4096):
                with suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)

    def empty(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Make room, and unmount it."""
        self.empty()
        if self.can_be_full:
            _runs("umount", "-l", str(self.folder))
        self._image.unlink(missing_ok=True)


def _runs(*command: str) -> bool:
    """Run a command; return whether it succeeds."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def empty_log(ledger: Path) -> None:
    """Let SQLite write its log back and truncate it; else it would go on writing into it while the disk is full."""
    if ledger.exists():
        with closing(sqlite3.connect(ledger, timeout=_PATIENCE)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def is_damaged(ledger: Path) -> bool:
    """Return whether SQLite finds faults in its file; without a file there are none."""
    if not ledger.exists():
        return False
    with closing(sqlite3.connect(ledger)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]


@dataclass(frozen=True, slots=True)
class SoakedService:
    """The service.

    Attributes:
        port: the port on which it listens, on this machine.
        process: its main process.
        log: its standard output.
        keys: the keys by name: of a client, a careless client, the operator and each editor.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    keys: Mapping[str, str]

    def workers(self) -> list[int]:
        """Return the workers' process ids, the oldest first."""
        started = []
        with suppress(OSError):
            pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
            for pid in pids.split():
                with suppress(OSError):  # it has ended
                    if b"--multiprocessing-fork" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        started.append((_started(pid), int(pid)))
        return [pid for _, pid in sorted(started)]

    def kill_the_youngest(self, killed: dict[int, float]) -> None:
        """Kill the youngest worker with SIGKILL; the oldest lives on, so that its memory can be watched.

        The worker is stopped first, so that the list is that of the moment when it dies.

        Args:
            killed: gets the ports of the clients that the worker was connected to, with the time of the kill.
        """
        workers = self.workers()
        if len(workers) < 2:
            return
        os.kill(workers[-1], signal.SIGSTOP)
        ports = _clients(workers[-1], self.port)
        killed.update(dict.fromkeys(ports, time.perf_counter()))
        os.kill(workers[-1], signal.SIGKILL)


def _started(pid: str) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return int(stat.rpartition(")")[2].split()[19])


def _clients(pid: int, port: int) -> list[int]:
    """Return the clients' ports of a process's connections to a port."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return [int(row[2][-4:], 16) for row in rows if int(row[1][-4:], 16) == port and row[9] in inodes]


@contextmanager
def soaked_service(disk: Disk, models: Sequence[TopicModel], ledger: str) -> Iterator[SoakedService]:
    """Start the service with log, store and temporary folder on the disk; stop it in the end.

    Args:
        disk: the disk.
        models: the models that can be activated; the first is served.
        ledger: the URL of the ledger's database; "" for an SQLite file on the disk.

    Raises:
        RuntimeError: it does not start.
    """
    folder = disk.folder
    for name in ("tmp", f"store/{NAME}"):
        (folder / name).mkdir(parents=True)
    for model in models[1:]:
        shutil.copytree(VAR / NAME / model.version, folder / "store" / NAME / model.version)
    make_current(folder / "store", NAME, models[0].version)
    environment = os.environ | {
        "TAGDESK_STORE": str(folder / "store"),
        "TAGDESK_KEYS_FILE": str(folder / "keys.json"),
        "TAGDESK_DATABASE_URL": ledger or str(disk.ledger),
        "TMPDIR": str(folder / "tmp"),
    }
    keys_file = environment["TAGDESK_KEYS_FILE"]
    keys = {name: _key(name, ("tag", "feedback"), keys_file) for name in ("cms", "careless", *EDITORS)}
    keys["operator"] = _key("operator", ("admin",), keys_file)
    log = folder / "log.jsonl"
    options = ("--port=0", "--workers=2", f"--model={NAME}", "--rate-limit=1000000")
    with log.open("wb") as out, (VAR / "soak.log").open("wb") as error:
        process = subprocess.Popen(
            [sys.executable, "-m", "tagdesk", "serve", *options], cwd=ROOT, env=environment, stdout=out, stderr=error
        )
    try:
        yield SoakedService(_port(process, log), process, log, keys)
    finally:
        process.terminate()
        process.wait(60)


def _key(name: str, scopes: Sequence[str], keys_file: str) -> str:
    options = [part for scope in scopes for part in ("--scope", scope)]
    return run_key_command(["create", name, *options, "--keys-file", keys_file]).strip()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    due = time.monotonic() + _PATIENCE
    while time.monotonic() < due and process.poll() is None:
        if address := re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text(encoding="utf-8")):
            return int(address[1])
        time.sleep(0.05)
    raise RuntimeError(f"the service does not start: see {VAR / 'soak.log'}")
