"""The services that are compared over HTTP: how each is started and what it is sent."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from benchmarks.articles import Sent
from benchmarks.made import bundle, made
from benchmarks.memory import tree
from benchmarks.peers import PeerMissing, last_line, python_of
from benchmarks.table import ROOT, VAR

ANNIF = ("annif-svc", "annif-tfidf", "annif-omikuji")
NAMES = {
    "ours": "Tagdesk",
    "tutorial": "tutorial service (FastAPI + pipeline)",
    "mlserver": "MLServer, scikit-learn runtime",
    "empty": "empty FastAPI route",
} | {name: f"Annif, {name.removeprefix('annif-')}" for name in ANNIF}

_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Start:
    """How to start a service.

    Attributes:
        command: the program and its arguments.
        path: where articles are posted.
        body: an article as the request's body.
        content_type: of the body.
        folder: the working folder.
        environment: variables beside our own.
    """

    command: Sequence[str]
    path: str = "/v1/tag"
    body: Callable[[Sent], str] = json.dumps
    content_type: str = "application/json"
    folder: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)


def how_to_start(name: str, port: int, workers: int, *, quick: bool) -> Start:
    """Return how to start a service, after installing and making what it needs.

    Raises:
        PeerMissing: a peer is not there.
    """
    listen = ("--port", str(port), "--workers", str(workers))
    uvicorn = (sys.executable, "-m", "uvicorn", "--no-access-log", "--log-level", "warning", *listen)
    if name == "ours":
        return Start((sys.executable, "-m", "tagdesk", "serve", "--model", str(bundle()), *listen))
    if name == "empty":
        return Start((*uvicorn, "benchmarks.empty_service:app"))
    if name == "tutorial":
        pipeline = {"BENCH_PIPELINE": str(made("pipeline", quick=quick))}
        return Start((*uvicorn, "benchmarks.tutorial_service:app"), environment=pipeline)
    if name == "mlserver":
        return _mlserver(port, workers, quick=quick)
    return _annif(name.removeprefix("annif-"), listen, quick=quick)


def _mlserver(port: int, workers: int, *, quick: bool) -> Start:
    """One worker answers in the server's own process, which is faster than its default, one beside it."""
    program = python_of("mlserver").with_name("mlserver")
    folder = VAR / f"mlserver-{workers}"
    (folder / "news").mkdir(parents=True, exist_ok=True)
    parallel = 0 if workers == 1 else workers
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    settings = {"debug": False, "host": "127.0.0.1", "parallel_workers": parallel} | ports
    model = {
        "name": "news",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(made("stock", quick=quick))},  # our own classes are not in its environment
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "news" / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    return Start((str(program), "start", "."), "/v2/models/news/infer", _v2, folder=folder)


def _v2(article: Sent) -> str:
    """Return an article as the Open Inference Protocol has it."""
    text = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [f"{article['title']}\n{article['body']}"]}
    return json.dumps({"parameters": {"content_type": "str"}, "inputs": [text], "outputs": [{"name": "predict_proba"}]})


def _annif(project: str, listen: Sequence[str], *, quick: bool) -> Start:
    python, folder = python_of("annif"), made("annif", quick=quick)
    return Start(
        (str(python), "-m", "uvicorn", "--no-access-log", "--factory", *listen, "annif:create_app"),
        f"/v1/projects/{project}/suggest",
        lambda article: urlencode({"text": f"{article['title']}\n{article['body']}", "limit": 10}),
        "application/x-www-form-urlencoded",
        folder,
        {"NLTK_DATA": str(folder / "nltk"), "ANNIF_CONFIG": "annif.default_config.ProductionConfig"},
    )


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


class Service:
    """A running service, ready to answer; stopped, with its workers, at the end of the with-block.

    Attributes:
        ready_after: seconds from its start to its first good answer to an article.
        answer: that answer.

    Raises:
        PeerMissing: it is not there or does not start.
    """

    def __init__(self, name: str, workers: int, article: Sent, *, quick: bool) -> None:
        port = free_port()
        self.name, self.workers = name, workers
        self.start = how_to_start(name, port, workers, quick=quick)
        self.url = f"http://127.0.0.1:{port}{self.start.path}"
        self._log = (VAR / f"{name}-{workers}.log").open("w+", encoding="utf-8")
        began = time.perf_counter()
        self._process = subprocess.Popen(
            self.start.command,
            cwd=self.start.folder,
            env=os.environ | self.start.environment,
            stdout=self._log,
            stderr=self._log,
        )
        try:
            self.answer = self._first_answer(article)
        except PeerMissing:
            self.stop()
            raise
        self.ready_after = time.perf_counter() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def processes(self) -> list[int]:
        """The service's processes, the one that was started first."""
        return tree(self._process.pid)

    def stop(self) -> None:
        """Stop it, and what it leaves behind."""
        family = tree(self._process.pid)
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid in family[1:]:
            with suppress(ProcessLookupError):  # it ended with its parent
                os.kill(pid, signal.SIGKILL)
        self._log.close()

    def ask(self, article: Sent) -> Any:
        """Post one article and return the answer.

        Raises:
            OSError: it does not answer, or refuses.
        """
        data = self.start.body(article).encode()
        request = Request(self.url, data, {"Content-Type": self.start.content_type})
        with urlopen(request, timeout=30) as response:
            return json.load(response)

    def _first_answer(self, article: Sent) -> Any:
        due = time.monotonic() + _PATIENCE
        while time.monotonic() < due and self._process.poll() is None:
            try:
                return self.ask(article)
            except (URLError, OSError):
                time.sleep(0.01)
        self._log.seek(0)
        raise PeerMissing(f"{self.name} does not start: {last_line(self._log.read())}")
