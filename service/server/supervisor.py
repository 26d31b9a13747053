"""The first of several processes: it starts the workers, replaces those that die or hang, and ends them in time.

It waits for signals, for workers that end and for their signs of life all at once, and never longer than one turn, so
no worker, in whatever state, keeps it from obeying a signal or replacing another worker.
"""

import logging
import multiprocessing
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import uvicorn

from tagdesk.service.server.worker import READY, work

SILENT_SECONDS = 30.0
"""Seconds without a sign of life after which a worker is killed and replaced."""

START_SECONDS = 300.0
"""The same before its first sign: importing the service takes its time on a busy machine."""

_TURN_SECONDS = 0.5
_EARLY_ENDS = 5  # workers that signals may end before all are ready: with more, no worker seems able to live here
_PAUSE_SECONDS = 1.0  # before another attempt, where a worker died before it was ready
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_spawn = multiprocessing.get_context("spawn")

logger = logging.getLogger("tagdesk")


@dataclass(eq=False)
class _Worker:
    """A worker as its parent sees it.

    Attributes:
        process: its process.
        beats: where its signs of life arrive.
        ready: whether it answers.
        quiet: seconds since its last sign of life, counting only those in which the parent was awake.
        longest: how long it may be quiet.
        kill_at: when its time to stop is over; None as long as it should answer.
    """

    process: SpawnProcess
    beats: Connection
    ready: bool = False
    quiet: float = 0.0
    longest: float = START_SECONDS
    kill_at: float | None = None

    def listen(self) -> None:
        """Receive its signs of life."""
        with suppress(EOFError, OSError):  # it is dead, as its process says, too
            while self.beats.poll():
                self.ready = self.beats.recv_bytes() == READY
                self.quiet, self.longest = 0.0, SILENT_SECONDS


class Supervisor:
    """Keeps a number of workers running.

    Args:
        config: what each of them runs.
        listener: the socket they take connections from; it is closed as soon as they are to stop.
        grace: seconds that a worker may take to stop.
        ready: called once, when all of them answer.
        bury: called with the process id of each dead worker.

    Attributes:
        failed: whether a worker ended on its own before all were ready.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        listener: socket.socket,
        grace: float,
        ready: Callable[[], None],
        bury: Callable[[int], None],
    ) -> None:
        self.failed = False
        self._config = config
        self._listener = listener
        self._grace = grace
        self._ready = ready
        self._bury = bury
        self._workers: list[_Worker] = []
        self._outdated: list[_Worker] = []
        self._announced = False
        self._stopping = False
        self._early_ends = 0
        self._next_start = 0.0

    def run(self) -> None:
        """Run until SIGTERM or SIGINT; SIGHUP replaces the workers one by one.

        Raises:
            OSError: no process can be started.
        """
        with _signals() as arriving:
            try:
                while self._workers or not self._stopping:
                    self._take_turn()
                    self._wait(arriving)
            finally:
                for worker in self._workers:
                    worker.process.kill()

    def _wait(self, arriving: socket.socket) -> None:
        """Wait until something happens; obey the signals that have arrived."""
        began = time.monotonic()
        ends = [worker.process.sentinel for worker in self._workers]
        wait([arriving, *ends, *(worker.beats for worker in self._workers)], _TURN_SECONDS)
        # At most the time that was meant: if all were stopped together, or the machine slept, none could send a sign.
        waited = min(time.monotonic() - began, _TURN_SECONDS)
        for worker in self._workers:
            worker.quiet += waited
        with suppress(BlockingIOError):
            for number in arriving.recv(64):
                self._obey(number)

    def _obey(self, number: int) -> None:
        if self._stopping:
            return
        if number == signal.SIGHUP:
            self._outdated = [worker for worker in self._workers if worker.kill_at is None]
            return
        self._stop_all()

    def _stop_all(self) -> None:
        self._stopping = True
        self._listener.close()  # otherwise new connections would wait in vain
        for worker in self._workers:
            self._stop(worker)

    def _stop(self, worker: _Worker) -> None:
        if worker.kill_at is None:
            worker.process.terminate()
            worker.kill_at = time.monotonic() + (self._grace if worker.ready else _PAUSE_SECONDS)

    def _take_turn(self) -> None:
        for worker in self._workers[:]:
            worker.listen()
            if not worker.process.is_alive():
                self._take_leave(worker)
            elif worker.kill_at is not None and time.monotonic() > worker.kill_at:
                worker.process.kill()
            elif worker.quiet > worker.longest:
                logger.error("worker %s gives no sign of life: it is killed", worker.process.pid)
                worker.process.kill()
        if not self._stopping:
            self._replace()

    def _take_leave(self, worker: _Worker) -> None:
        """Forget a dead worker."""
        self._workers.remove(worker)
        self._outdated = [other for other in self._outdated if other is not worker]
        pid, code = worker.process.pid, worker.process.exitcode or 0
        worker.process.close()
        worker.beats.close()
        if pid is not None:
            self._bury(pid)
        if worker.kill_at is not None:
            return
        self._early_ends += not self._announced
        if not self._announced and (code > 0 or self._early_ends > _EARLY_ENDS):
            self.failed = True
            self._stop_all()
            return
        how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        logger.error("worker %s %s: another takes its place", pid, how)
        if not worker.ready:
            self._next_start = time.monotonic() + _PAUSE_SECONDS

    def _replace(self) -> None:
        """Start the workers that are missing; an outdated worker stops when its replacement is ready."""
        answering = [worker for worker in self._workers if worker.kill_at is None]
        all_ready = all(worker.ready for worker in answering)
        count = self._config.workers
        if self._outdated and len(answering) == len(self._workers):
            if len(answering) > count and all_ready:
                self._stop(self._outdated.pop(0))
                return
            count += 1
        if len(answering) < count and time.monotonic() >= self._next_start:
            self._start(count - len(answering))
        elif all_ready and not self._announced:
            self._announced = True
            self._ready()

    def _start(self, count: int) -> None:
        try:
            for _ in range(count):
                self._workers.append(_started(self._config, self._listener))
        except OSError as error:
            if not self._announced:
                raise
            logger.error("cannot start a worker: %s", error.strerror)  # noqa: TRY400 - the sentence says it all
            self._next_start = time.monotonic() + _PAUSE_SECONDS


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """Yield a socket from which the numbers of the signals that arrive can be read."""
    arriving, written = socket.socketpair()
    arriving.setblocking(False)
    written.setblocking(False)
    descriptor = signal.set_wakeup_fd(written.fileno())
    handlers = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
    try:
        yield arriving
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(descriptor)
        arriving.close()
        written.close()


def _started(config: uvicorn.Config, listener: socket.socket) -> _Worker:
    beats, sent = _spawn.Pipe(duplex=False)
    process = _spawn.Process(target=work, args=(config, listener, sent), daemon=True)
    # Ctrl-C goes to the whole group, and is for the parent to obey: a worker starts with it blocked. The tracker of
    # resources must run before, as its start lets signals in again.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        sent.close()
    return _Worker(process, beats)
