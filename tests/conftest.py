"""Fixtures for all tests: a tiny model in a store of its own, and a real server in a thread."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from service.app import Tagdesk, create_app
from service.settings import Settings
from tests.tiny import save_tiny_model


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """Serve an app by uvicorn in a thread, over loopback; yield its address."""
    config = uvicorn.Config(app, lifespan="on", ws="none", log_config=None, timeout_graceful_shutdown=5)
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


@pytest.fixture(scope="session")
def address(app: Tagdesk) -> Iterator[str]:
    """Return the address of a running service."""
    with running(app) as at:
        yield at


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    """Return a client of the running service."""
    with httpx.Client(base_url=address, timeout=30) as one:
        yield one


@pytest.fixture(scope="session")
def serve() -> Callable[[ASGIApp], AbstractContextManager[str]]:
    """Return what runs an app of the test's own for the length of a with-block."""
    return running
