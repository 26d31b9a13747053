"""Where the tasks of large work are done: in processes of this machine, or by the workers of a Dask cluster."""

import atexit
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from tagdesk.models.errors import TagdeskError

T = TypeVar("T")
R = TypeVar("R")

_IDLE_SECONDS = 300

TRIES = 5
"""How often a task is begun whose workers are killed: then it is taken for the one that kills them."""


class EngineError(TagdeskError):
    """There is nobody to do the work."""


class Lost(Exception):
    """The workers that a task was given to were all killed."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Worker(Generic[T, R]):
    """A process that does one task after the other; it ends when whoever started it does, and is missed if it dies."""

    def __init__(self, do: Callable[[T], R]) -> None:
        # A fork would copy what Arrow's and numba's threads hold; multiprocessing's spawn runs the caller's script.
        self.connection, theirs = Pipe()
        # It looks for modules where this process does, a notebook's additions among them.
        code = f"import sys; sys.path[:] = {sys.path}; from {__name__} import work; work({theirs.fileno()})"
        self.process = subprocess.Popen([sys.executable, "-P", "-c", code], pass_fds=[theirs.fileno()], process_group=0)  # noqa: S603
        theirs.close()
        self._send(do)
        self.task: T | None = None
        self.tries = 0

    @property
    def is_alive(self) -> bool:
        """Whether nothing has ended it."""
        return self.process.poll() is None

    def give(self, task: T, tries: int) -> None:
        """Give it a task, which is begun for the time that `tries` says."""
        self.task, self.tries = task, tries
        self._send(task)

    def _send(self, what: Any) -> None:
        with suppress(OSError):  # it has died, which whoever waits for its answer will see
            self.connection.send(what)

    def end(self) -> None:
        """End it, whatever it does."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


def work(descriptor: int) -> None:
    """Do tasks, as a worker: receive a function, then what to call it with, and send what comes of each.

    A worker that has had nothing to do for some minutes ends.
    """
    connection = Connection(descriptor)
    try:
        do = connection.recv()
        while connection.poll(_IDLE_SECONDS):
            connection.send(do(connection.recv()))
    except (EOFError, OSError, KeyboardInterrupt):  # nobody waits for it any more
        pass


class Pool(list["Worker[T, R]"]):
    """Workers that have nothing to do, kept for the next `on_cores` of the same function; they end with this process.

    One process has them for itself: a fork begins with none.
    """

    def __init__(self) -> None:
        super().__init__()
        atexit.register(self.end)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.clear)

    def end(self) -> None:
        """End all of them."""
        while self:
            self.pop().end()


def on_cores(
    do: Callable[[T], R], tasks: Iterable[T], workers: int, pool: Pool[T, R] | None = None
) -> Generator[tuple[T, R | Lost]]:
    """Do tasks in processes of this machine, and yield each with what came of it, as they are done.

    A process that is killed is replaced, and its task begun again. Whoever wants no more closes the iterator: what is
    being done is then ended.

    Args:
        do: a function that other processes can import; it raises nothing.
        tasks: what it is called with; each is asked for when a process is free for it.
        workers: how many processes.
        pool: where workers of the same function are taken from, and put when there is nothing left to do; without it
            they are ended.
    """
    again: deque[tuple[T, int]] = deque()
    waiting = iter(tasks)
    busy: dict[Connection, Worker[T, R]] = {}
    idle: list[Worker[T, R]] = [] if pool is None else pool
    try:
        while True:
            while len(busy) < workers and (begun := _next(again, waiting)):
                worker = _idle_or_new(idle, do)
                busy[worker.connection] = worker
                worker.give(*begun)
            if not busy:
                return
            for ready in wait(list(busy)):
                worker = busy[ready]  # type: ignore[index]  # it is one of those that were waited for
                task: Any = worker.task
                try:
                    result = worker.connection.recv()
                except (EOFError, OSError):
                    busy.pop(worker.connection).end()
                    if worker.tries < TRIES:
                        again.append((task, worker.tries + 1))
                    else:
                        yield task, Lost()
                else:
                    idle.append(busy.pop(worker.connection))
                    yield task, result
    finally:
        for worker in chain(busy.values(), [] if idle is pool else idle):
            worker.end()


def _next(again: "deque[tuple[T, int]]", waiting: Iterator[T]) -> tuple[T, int] | None:
    """Return the next task and which time it is begun; None where nothing is left."""
    if again:
        return again.popleft()
    for task in waiting:
        return task, 1
    return None


def _idle_or_new(idle: "list[Worker[T, R]]", do: Callable[[T], R]) -> "Worker[T, R]":
    with suppress(IndexError):  # another thread may take the last
        while True:
            worker = idle.pop()
            if worker.is_alive:
                return worker
            worker.end()
    return Worker(do)


def client_of(address: str) -> Any:
    """Return a client of a Dask cluster, to be closed.

    Raises:
        EngineError: distributed is not installed, or nobody answers at the address.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise EngineError(f"--cluster needs Dask ({error.name} is missing): pip install 'tagdesk[dask]'") from error
    try:
        return Client(address, timeout=20, set_as_default=False)
    except (OSError, ValueError) as error:
        raise EngineError(f"no Dask scheduler answers at {address}: {error}") from error


def on_cluster(do: Callable[[T], R], tasks: Iterable[T], address: str) -> Generator[tuple[T, R | Lost]]:
    """Do tasks on a Dask cluster, and yield each with what came of it, as they are done.

    Dask begins a task again whose worker has died.

    Args:
        do: a function that the cluster's workers can import; it raises nothing.
        tasks: what it is called with.
        address: of the scheduler, `tcp://host:8786`.

    Raises:
        EngineError: distributed is not installed, here or there, or nobody answers at the address, or not any more.
    """
    with client_of(address) as client:
        from distributed import KilledWorker, as_completed

        if not client.scheduler_info()["workers"]:
            sys.stderr.write(f"waiting for workers: {address} has none: dask worker {address} --nthreads 1\n")
            sys.stderr.flush()
        futures = {client.submit(do, task, pure=False, retries=TRIES - 1): task for task in tasks}
        for future in as_completed(futures, loop=client.loop):
            if future.cancelled():
                raise EngineError(f"the scheduler at {address} is gone: start it and run this again")
            task = futures.pop(future)
            if future.status == "finished":
                yield task, future.result()
                continue
            if not isinstance(fault := future.exception(), KilledWorker):
                raise EngineError(
                    f"a worker of {address} failed with {type(fault).__name__}: install the same Tagdesk there as "
                    "here, with the same extras"
                ) from fault
            yield task, Lost()
