"""Feedback from several clients at once while workers are killed, for the tests and the benchmark of the ledger."""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.processes import SERVE, environment, workers_of
from tests.waiting import PATIENCE, eventually

THREADS = 4
TEXT = "Ministers signed a ceasefire after troops left the town; heavy rain had stopped the war for a week. "


@dataclass
class Posted:
    """What came of many posts.

    Attributes:
        acknowledged: ids that were answered with 202.
        unanswered: how often a post had no answer, or a 503, and was sent again.
        kills: how many workers were killed meanwhile.
        seconds: how long each acknowledged post took, in the attempt that was answered.
        took: seconds for all of them.
    """

    acknowledged: list[str] = field(default_factory=list)
    unanswered: int = 0
    kills: int = 0
    seconds: list[float] = field(default_factory=list)
    took: float = 0.0


@contextmanager
def service(store: Path, database_url: str, *options: str, model: str = "tiny") -> Iterator[tuple[str, int]]:
    """Run `tagdesk serve` on a ledger; yield its address and its first process."""
    with subprocess.Popen(
        [*SERVE, "--port=0", f"--model={model}", "--rate-limit=0", "--access-log=false", *options],
        env=environment(TAGDESK_STORE=str(store), TAGDESK_DATABASE_URL=database_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = address_line(process)
            # Else the workers' log would fill the pipe.
            drain = threading.Thread(target=process.stdout.read, daemon=True)
            drain.start()
            yield line.split()[-1].rstrip("/"), process.pid
        finally:
            process.terminate()
            process.wait(PATIENCE)  # a worker that still starts stops when it has: on a busy machine that takes long
            drain.join(PATIENCE)


def address_line(process: "subprocess.Popen[str]") -> str:
    """Return the line in which a service says where it listens; log lines may come before it."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Tagdesk serves"):
            return line
    raise AssertionError(process.stderr.read() if process.stderr else "the service did not start")


def feedback(number: int, model: str = "tiny@1", topic: str = "conflict") -> dict[str, Any]:
    """Return the feedback with this number."""
    article = {"id": f"article-{number}", "title": f"Number {number}", "body": TEXT * 20}
    return {"id": f"feedback-{number}", "article": article, "topics": [topic], "model": model, "editor": "anna"}


def post_all(address: str, parent: int, total: int, kills: int, topic: str = "conflict") -> Posted:
    """Post as many corrections from several threads, each until it is acknowledged, while workers are killed."""
    posted, lock, numbers = Posted(), threading.Lock(), iter(range(total))
    marks = [total * (kill + 1) // (kills + 1) for kill in range(kills)]

    def work() -> None:
        with _Client(address) as client:
            while (number := _next(numbers, lock)) is not None:
                client.post(feedback(number, topic=topic), posted, lock)

    began = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for mark in marks:
        while len(posted.acknowledged) < mark:
            time.sleep(0.001)
        kill_a_worker(parent)
        posted.kills += 1
    for thread in threads:
        thread.join()
    posted.took = time.perf_counter() - began
    return posted


def _next(numbers: Iterator[int], lock: threading.Lock) -> int | None:
    with lock:
        return next(numbers, None)


class _Client:
    """A client that connects anew when its worker is gone, and posts until it is answered."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._http = httpx.Client(base_url=address, timeout=PATIENCE)

    def __enter__(self) -> "_Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def post(self, sent: dict[str, Any], posted: Posted, lock: threading.Lock) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            began = time.perf_counter()
            status = self._try(sent)
            with lock:
                if status == 202:
                    posted.acknowledged.append(sent["id"])
                    posted.seconds.append(time.perf_counter() - began)
                    return
                posted.unanswered += 1
            assert status in (None, 503), status
            time.sleep(0.02)
        raise AssertionError(f"a post was not acknowledged within {PATIENCE:g} seconds")

    def _try(self, sent: dict[str, Any]) -> int | None:
        try:
            return self._http.post("/v1/feedback", json=sent).status_code
        except httpx.TransportError:
            self._http.close()
            self._http = httpx.Client(base_url=self._address, timeout=PATIENCE)
            return None


def kill_a_worker(parent: int) -> None:
    """Kill, with SIGKILL, a worker that answers."""

    def killed() -> bool:
        answering = [pid for pid in workers_of(parent) if answers(pid)]
        if answering:
            os.kill(random.choice(answering), signal.SIGKILL)
        return bool(answering)

    eventually(killed)


def answers(pid: int) -> bool:
    """Tell whether a worker answers: one that still starts has no model, one that has ended has nothing."""
    try:
        return b"arrays.safetensors" in Path(f"/proc/{pid}/maps").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def exported(address: str) -> Counter[str]:
    """Return how often each id of feedback is in the export."""
    ids: Counter[str] = Counter()
    with httpx.stream("GET", f"{address}/v1/feedback/export", timeout=PATIENCE) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            row = json.loads(line)
            assert row["body"].startswith(TEXT), "a row is torn"
            ids[row["feedback"]] += 1
    return ids


def check(posted: Posted, ids: Counter[str], total: int) -> None:
    """Check that every acknowledged correction is there exactly once, and nothing else is."""
    assert len(posted.acknowledged) == len(set(posted.acknowledged)) == total
    assert set(ids.values()) == {1}
    assert set(ids) == set(posted.acknowledged)
