"""Fixtures for all tests: a tiny model in a store of its own, and a real server in a thread."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import uvicorn
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from starlette.types import ASGIApp

from tagdesk.models.compiling import warm_up
from tagdesk.models.storage import SHIPPED, current, load
from tagdesk.service.app import Tagdesk, create_app
from tagdesk.service.ledger import ledger
from tagdesk.service.server.protocol import GuardedProtocol
from tagdesk.service.settings import Settings
from tests.processes import SERVE, environment
from tests.service.posting import address_line
from tests.tiny import save_tiny_model
from tests.waiting import PATIENCE, eventually

# What is started in the background of a script ignores Ctrl-C, and so would all that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes, to be made or to be run, says how busy the machine is.
hypothesis_settings.register_profile("random", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.register_profile("ci", hypothesis_settings.get_profile("random"), derandomize=True, database=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "random"))

# A start waits 2 seconds for the first look at the ledger: on a busy machine what is asked next would find it unready.
ledger._START_SECONDS = PATIENCE

# httpx gives up after 5 seconds where a call does not say otherwise, and few of the tests' calls do.
for _step in ("connect", "read", "write", "pool"):
    setattr(DEFAULT_TIMEOUT_CONFIG, _step, PATIENCE)


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """Compile before the first test: what says on standard error that it compiles would else fail the tests of that."""
    warm_up(load(SHIPPED / "news-en" / str(current(SHIPPED, "news-en"))))


@contextmanager
def running(app: ASGIApp, stop_timeout: int = 5) -> Iterator[str]:
    """Serve an app by uvicorn in a thread, over loopback; yield its address.

    Args:
        app: the app.
        stop_timeout: seconds that what is under way in the end may take.
    """
    config = uvicorn.Config(
        app,
        lifespan="on",
        http=GuardedProtocol,
        ws="none",
        proxy_headers=False,
        log_config=None,
        timeout_graceful_shutdown=stop_timeout,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.01)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store that holds the tiny model."""
    store = tmp_path_factory.mktemp("store")
    save_tiny_model(store)
    return store


@pytest.fixture(scope="session")
def tiny_settings(tiny_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return settings that serve the tiny model, with caps small enough to go over."""
    return Settings(
        model=str(tiny_store / "tiny" / "1"),
        max_batch_body=300_000,
        max_batch=20,
        database_url=str(tmp_path_factory.mktemp("ledger") / "ledger.sqlite"),
    )


@pytest.fixture(scope="session")
def app(tiny_settings: Settings) -> Tagdesk:
    """Return the app on the tiny model."""
    return create_app(tiny_settings)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Run `tagdesk serve` with these settings, in as many processes as they say; yield its address."""
    variables = replace(settings, port=0, access_log=False).to_environment()
    with subprocess.Popen(
        SERVE, env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            line = address_line(process)
            threading.Thread(target=process.stdout.read, daemon=True).start()  # else the log would fill the pipe
            at = line.split()[-1].rstrip("/")
            eventually(lambda: httpx.get(f"{at}/readyz").status_code == 200)
            yield at
        finally:
            process.terminate()
            process.wait(PATIENCE)


@pytest.fixture(scope="session")
def address(tiny_settings: Settings) -> Iterator[str]:
    """Return the address of a running service, as an operator starts it: two workers and our own protocol."""
    with serving(replace(tiny_settings, workers=2)) as at:
        yield at


@pytest.fixture(scope="session")
def in_process(app: Tagdesk) -> Iterator[str]:
    """Return the address of a service in this process, whose log a test can read and whose metrics are exact."""
    with running(app) as at:
        yield at


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    """Return a client of the running service."""
    with httpx.Client(base_url=address) as one:
        yield one


@pytest.fixture(scope="session")
def serve() -> Callable[[ASGIApp], AbstractContextManager[str]]:
    """Return what runs an app of the test's own for the length of a with-block."""
    return running
