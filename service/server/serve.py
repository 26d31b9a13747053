"""From settings to a listening uvicorn: the socket, one process or several, a line when it is ready."""

import ipaddress
import os
import socket
from collections.abc import Callable

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from tagdesk.models.errors import TagdeskError
from tagdesk.service.edge import logs
from tagdesk.service.server.memory import give_back_memory
from tagdesk.service.server.supervisor import Supervisor
from tagdesk.service.server.worker import Server
from tagdesk.service.settings import Settings, SettingsError, option, variable
from tagdesk.service.workers import FOLDER, shared_folder

_TO_END = 5.0  # seconds for what a worker does after its last answer, before it is killed


def listen(settings: Settings) -> socket.socket:
    """Bind the address; if that failed in uvicorn, it would end in a log line and an exit.

    Raises:
        SettingsError: other machines could reach it, and no key is required.
        OSError: it cannot be bound; the text says what to do.
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
            f"{settings.host} can be reached from other machines, and no key is required: name a file of keys with "
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
    """
    config = _config(settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listener.getsockname()[1]}/"

    def ready() -> None:
        announce(f"Tagdesk serves {settings.models or settings.model} at {address}")

    serves = _in_workers(config, settings, listener, ready) if settings.workers > 1 else _alone(config, listener, ready)
    if not serves:
        raise StartError("the service cannot start: its log, on standard output, says why")


def _config(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        "tagdesk.service.app:app_from_environment",
        factory=True,
        workers=settings.workers,
        lifespan="on",
        http="tagdesk.service.server.protocol:GuardedProtocol",
        ws="none",
        log_config=logs.configuration(settings),
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # nothing here depends on what is in front
        server_header=False,
        timeout_graceful_shutdown=settings.stop_timeout,
    )


def _in_workers(config: uvicorn.Config, settings: Settings, listener: socket.socket, ready: Callable[[], None]) -> bool:
    """Serve with several processes; tell whether all of them could start."""
    grace = settings.stop_delay + settings.stop_timeout + _TO_END
    with shared_folder() as workers:
        supervisor = Supervisor(config, listener, grace, ready, workers.bury)
        supervisor.run()
    return not supervisor.failed


def _alone(config: uvicorn.Config, listener: socket.socket, ready: Callable[[], None]) -> bool:
    """Serve in this process; tell whether it could start."""
    os.environ.pop(FOLDER, None)  # otherwise its metrics would go on from those of the last run
    give_back_memory()
    try:
        Server(config, ready).run(sockets=[listener])
    except SystemExit as ended:
        if ended.code != STARTUP_FAILURE:
            raise
        return False
    return True
