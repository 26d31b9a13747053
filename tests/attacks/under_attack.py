"""A real service, started as an operator starts it, to be attacked."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.attacks.catalogue import BODY_SECONDS, HEAD_SECONDS
from tests.waiting import PATIENCE

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Attacked:
    """The service under attack.

    Attributes:
        port: where it listens, on this machine.
        pid: its process.
        log: what it has written.
    """

    port: int
    pid: int
    log: Path


@contextmanager
def attacked_service(model: str, log: Path, environment: Mapping[str, str]) -> Iterator[Attacked]:
    """Start a service; in the end it must stop as if nothing had happened, and have met nothing unexpected.

    Raises:
        RuntimeError: it does not start, or did not come through.
    """
    settings = {"model": model, "port": "0", "head-timeout": str(HEAD_SECONDS), "body-timeout": str(BODY_SECONDS)}
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    command = [sys.executable, "-m", "tagdesk", "serve", *options]
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, stderr=file)
        assert process.stdout is not None
        with process.stdout as said:
            ready = said.readline().decode().rstrip("/\n")
            lines = subprocess.Popen(["cat"], stdin=said, stdout=file)
        try:
            if not ready:
                raise RuntimeError(f"the service does not start: {log.read_text(encoding='utf-8')}")
            yield Attacked(int(ready.rpartition(":")[2]), process.pid, log)
        finally:
            process.terminate()
            code = process.wait(PATIENCE)
            lines.wait(PATIENCE)
    if code != 0 or "unexpected" in log.read_text(encoding="utf-8"):
        raise RuntimeError(f"the service met something unexpected, or ended with {code}; see {log}")
