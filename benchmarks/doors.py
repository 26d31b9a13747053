"""Doors per request: what an article passes on its way from uvicorn to the route that tags it."""

import json
import os
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from urllib.request import Request, urlopen

from benchmarks.made import bundle
from benchmarks.table import markdown, write
from tagdesk.service.edge.key_commands import run as run_key_command
from tagdesk.service.routes.tag import tag
from tagdesk.service.server.serve import listen, serve
from tagdesk.service.settings import Settings

_ASGI = ("scope", "receive", "send")
_FIRST = "run_asgi"  # uvicorn's, which calls the app
_PATIENCE = 60.0
_ARTICLE = {"title": "War", "body": "The war went on while troops took the town."}


@dataclass(frozen=True, slots=True)
class Step:
    """One frame of the stack when the route begins.

    Attributes:
        name: module and qualified name.
        is_door: whether it is an ASGI app, called with scope, receive and send.
    """

    name: str
    is_door: bool


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Serve in this process as `tagdesk serve` with keys does, post one article, and write `doors.md`.

    Raises:
        RuntimeError: the service does not start.
        OSError: it does not answer.
    """
    stacks: list[list[Step]] = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is tag.__code__ and not stacks:
            stacks.append(_stack(frame))

    with TemporaryDirectory() as folder:
        keys = str(Path(folder) / "keys.json")
        key = run_key_command(["create", "doors", "--scope", "tag", "--keys-file", keys]).strip()
        settings = Settings(port=0, model=str(bundle()), keys_file=keys, access_log=False)
        os.environ.update(settings.to_environment())  # where the app looks for them
        listener = listen(settings)
        # The service has the main thread: one that still ran when the interpreter ends could bring it down.
        signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn stops, and hands the signal on
        asking = threading.Thread(target=_post_and_stop, args=(listener.getsockname()[1], key))
        sys.setprofile(watch)
        try:
            serve(settings, listener, lambda _: asking.start())
        finally:
            sys.setprofile(None)
        asking.join()
    if not stacks:
        raise RuntimeError("the service did not answer")
    doors = [step for step in stacks[0] if step.is_door]
    about = (
        f"{len(doors)} ASGI apps, one within the other, among {len(stacks[0])} Python frames between uvicorn's "
        "`run_asgi` and the route of `POST /v1/tag`, with keys: the stack when the route begins."
    )
    rows = [(f"`{step.name}`", "door" if step.is_door else "") for step in stacks[0]]
    write("doors", "Doors per request", [about, markdown(("from the outside in", ""), rows)], quick=quick)


def _stack(frame: FrameType | None) -> list[Step]:
    """Return what is between `run_asgi` and a frame, the outermost first; coroutines stand on the stack like calls."""
    steps: list[Step] = []
    frame = frame.f_back if frame else None
    while frame is not None and frame.f_code.co_name != _FIRST:
        steps.insert(0, Step(f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}", _is_asgi(frame.f_code)))
        frame = frame.f_back
    return steps


def _is_asgi(code: CodeType) -> bool:
    return code.co_varnames[: code.co_argcount][-3:] == _ASGI


def _post_and_stop(port: int, key: str) -> None:
    try:
        _post(port, key)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


def _post(port: int, key: str) -> None:
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    request = Request(f"http://127.0.0.1:{port}/v1/tag", json.dumps(_ARTICLE).encode(), headers)
    with urlopen(request, timeout=_PATIENCE):
        return
