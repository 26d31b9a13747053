"""Start the service: `python -m service --host --port --workers --model`."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import NoReturn

import uvicorn
from uvicorn.supervisors import Multiprocess

from models import TagdeskError, load
from service.settings import Settings, SettingsError, option, variable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the service until it is told to stop.

    Returns:
        The exit code: 0 stopped, 1 no such model or no such address to listen on, 2 a setting is wrong.
    """
    options = vars(_parser().parse_args(arguments))
    try:
        settings = Settings.from_environment(options=options)
        load(settings.model)  # a sentence now, in place of a traceback from every worker
        listener = _listen(settings)
    except SettingsError as error:
        return _refuse(error, 2)
    except (TagdeskError, OSError) as error:
        return _refuse(error, 1)
    os.environ.update(settings.to_environment())
    signal.signal(signal.SIGTERM, _stop)
    try:
        return _serve(settings, listener)
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service", description="Serve a topic model over HTTP.")
    for one in fields(Settings):
        text = f"{one.metadata['help']} (default {one.default}; or {variable(one.name)})"
        parser.add_argument(option(one.name), help=text, metavar=one.name.upper())
    return parser


def _refuse(error: Exception, code: int) -> int:
    print(f"service: {error}", file=sys.stderr)
    return code


def _listen(settings: Settings) -> socket.socket:
    """Bind the address; uvicorn's own way ends in a log line and an exit.

    Raises:
        OSError: it cannot be bound; the sentence says what to do.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise OSError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror}; "
            f"choose another with {option('host')} and {option('port')}"
        ) from error
    listener.set_inheritable(True)
    return listener


def _serve(settings: Settings, listener: socket.socket) -> int:
    config = uvicorn.Config(
        "service.app:app_from_environment",
        factory=True,
        workers=settings.workers,
        lifespan="on",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_worker_healthcheck=30,  # importing numba on a busy machine takes seconds
    )
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    ready = f"Tagdesk serves {settings.model} at http://{host}:{listener.getsockname()[1]}/"
    if settings.workers > 1:
        workers = _Workers(config, listener, ready)
        workers.run()
        return 1 if workers.failed else 0
    _Server(config, ready).run(sockets=[listener])
    return 0


class _Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the address."""
        await super().startup(sockets)
        print(self._ready, flush=True)


class _Workers(Multiprocess):
    """Worker processes; says when all of them are ready, and whether one could not start."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, ready: str) -> None:
        super().__init__(config, [listener])
        self._ready = ready
        self.failed = False

    def keep_subprocess_alive(self) -> None:
        """Replace dead workers; stop where one could not even start."""
        if self.should_exit.is_set():
            return
        super().keep_subprocess_alive()
        self.failed = self.should_exit.is_set()
        if self._ready and all(process.is_ready() for process in self.processes):
            print(self._ready, flush=True)
            self._ready = ""


def _stop(*_: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
