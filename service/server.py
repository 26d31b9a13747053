"""From settings to a listening uvicorn: the socket, one process or several, a line when it is ready."""

import ipaddress
import socket
from collections.abc import Callable

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from models.errors import TagdeskError
from service import logs
from service.metrics_folder import shared_folder
from service.session import share_secret
from service.settings import Settings, SettingsError, option, variable
from service.workers import run_folder


def listen(settings: Settings) -> socket.socket:
    """Bind the address; uvicorn's own way ends in a log line and an exit.

    Raises:
        SettingsError: others could reach it, and no key is asked for.
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
    if not (settings.keys_file or settings.allow_no_keys or _only_this_machine(listener)):
        listener.close()
        raise SettingsError(
            f"{settings.host} is reached from other machines, and no key is asked for: name a file of keys with "
            f"{variable('keys_file')}, or set {variable('allow_no_keys')}=true to let everybody in"
        )
    listener.set_inheritable(True)
    return listener


def _only_this_machine(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


class StartError(TagdeskError):
    """The app failed when it started."""


def serve(settings: Settings, listener: socket.socket, announce: Callable[[str], None]) -> None:
    """Serve until told to stop; announce the address when all workers are ready.

    Raises:
        StartError: a worker could not start.
        SettingsError: the secret of the desk's sessions is too short.
    """
    share_secret()
    config = uvicorn.Config(
        "service.app:app_from_environment",
        factory=True,
        workers=settings.workers,
        lifespan="on",
        http="service.protocol:GuardedProtocol",
        ws="none",
        log_config=logs.configuration(settings),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.stop_timeout,
        timeout_worker_healthcheck=30,  # importing numba on a busy machine takes seconds
    )
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listener.getsockname()[1]}/"

    def ready() -> None:
        announce(f"Tagdesk serves {settings.model} at {address}")

    if settings.workers > 1:
        workers = _Workers(config, listener, ready)
        with shared_folder(), run_folder():
            workers.run()
        failed = workers.failed
    else:
        failed = _failed(_Server(config, ready), listener)
    if failed:
        raise StartError("the service cannot start: its log, on standard output, says why")


def _failed(server: uvicorn.Server, listener: socket.socket) -> bool:
    """Run the server; tell whether it failed to start."""
    try:
        server.run(sockets=[listener])
    except SystemExit as ended:
        if ended.code != STARTUP_FAILURE:
            raise
        return True
    return False


class _Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the address."""
        await super().startup(sockets)
        self._ready()


class _Workers(Multiprocess):
    """Worker processes; says when all of them are ready, and whether one could not start."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, ready: Callable[[], None]) -> None:
        super().__init__(config, [listener])
        self._ready = ready
        self._announced = False
        self.failed = False

    def keep_subprocess_alive(self) -> None:
        """Replace dead workers; stop where one could not start at the first attempt."""
        if self.should_exit.is_set():
            return
        super().keep_subprocess_alive()
        if self.should_exit.is_set():
            self.failed = not self._announced
            self._try_again()
        elif not self._announced and all(process.is_ready() for process in self.processes):
            self._announced = True
            self._ready()

    def terminate_all(self) -> None:
        """Stop the workers, and let go of the address: else who connects meanwhile would wait for nobody."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def _try_again(self) -> None:
        """Go on where only a replacement could not start: uvicorn would stop the workers that do answer."""
        if self.failed:
            return
        self.should_exit.clear()
        for place, process in enumerate(self.processes):
            if process.exitcode == STARTUP_FAILURE:
                self.processes[place] = Process(self.config, self.sockets)
                self.processes[place].start()
