"""A PostgreSQL server for the tests and the benchmark of the ledger: a cluster in a temporary folder."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE


def missing() -> str:
    """Say what keeps a server from being started here, "" where nothing does."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed: pip install 'tagdesk[postgres]'"
    return "" if programs() else "no PostgreSQL server is installed: apt-get install postgresql"


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs; Debian keeps them off the PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = shutil.which("initdb")
    return debian[-1].parent if debian else Path(found).resolve().parent if found else None


class Server:
    """A server that listens on a Unix socket alone, so that no port is taken.

    Args:
        folder: where its files go; short, as a socket's path has 107 characters at most.
        durable: whether it waits for the disk, which takes its time.
    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        found = programs()
        assert found is not None, missing()
        self._programs, self._folder = found, folder
        self._fsync = "on" if durable else "off"
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:  # as root it refuses to run
            account = _account()
            os.chown(folder, account.pw_uid, account.pw_gid)
            self._user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        options = ["--auth=trust", "--username=tagdesk", "--encoding=UTF8", "--locale=C", "--no-sync"]
        command = [str(found / "initdb"), "-D", str(folder / "data"), *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, **self._user)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [f"-cfsync={self._fsync}", "-clisten_addresses=", f"-cunix_socket_directories={self._folder}"]
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data"), *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log, **self._user)
        until = time.monotonic() + PATIENCE
        while not self._answers():
            assert self.runs(), (self._folder / "log").read_text()
            assert time.monotonic() < until, "PostgreSQL does not answer"
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it; SIGQUIT is as if it had crashed."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(PATIENCE)

    def runs(self) -> bool:
        """Tell whether it runs."""
        return self._process is not None and self._process.poll() is None

    def new_database(self) -> str:
        """Return the URL of an empty database."""
        import psycopg

        name = f"ledger{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql:///{database}?host={self._folder}&user=tagdesk"

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """Run a server of one's own."""
    folder = Path(tempfile.mkdtemp(prefix="tagdesk-pg-"))
    try:
        server = Server(folder, durable=durable)
        server.start()
        try:
            yield server
        finally:
            if server.runs():
                server.stop()
    finally:
        shutil.rmtree(folder)


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
