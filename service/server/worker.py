"""One process that answers: uvicorn's server, and the signs of life that a worker sends to its parent."""

import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

import uvicorn

from tagdesk.service.server.memory import give_back_memory

READY = b"ready"
_ALIVE = b"alive"
_BEAT_SECONDS = 3.0


class Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._ready()


def work(config: uvicorn.Config, listener: socket.socket, beats: Connection) -> None:
    """Run as a worker until told to stop.

    Args:
        config: what it serves.
        listener: where its connections come from.
        beats: where its parent listens for signs of life; they are `READY` once it answers.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is for the parent
    give_back_memory()
    config.configure_logging()
    ready = threading.Event()
    threading.Thread(target=_beat, args=(beats, ready), daemon=True, name="beat").start()
    with suppress(KeyboardInterrupt):
        Server(config, ready.set).run(sockets=[listener])


def _beat(beats: Connection, ready: threading.Event) -> None:
    """Send a sign of life now and then, and at once when the worker is ready."""
    with suppress(OSError):  # the parent is gone, and `stopping` sees to that
        beats.send_bytes(_ALIVE)
        while not ready.wait(_BEAT_SECONDS):
            beats.send_bytes(_ALIVE)
        while True:
            beats.send_bytes(READY)
            time.sleep(_BEAT_SECONDS)
