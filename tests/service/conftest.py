"""Fixtures for the tests of the ledger: an SQLite file, and a database on a real PostgreSQL server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service import postgres

REQUIRED = "REQUIRE_POSTGRES"
"""The environment variable that lets a test fail, not skip, where no server can be started."""

LEDGERS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of the tests that need a server."""
    config.addinivalue_line("markers", "postgres: starts a PostgreSQL server, or is skipped where none is installed")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """Return a running PostgreSQL server."""
    if why := postgres.missing():
        (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(why)
    with postgres.running() as server:
        yield server


@pytest.fixture(params=LEDGERS)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a ledger that is not there yet, of each kind of database in turn."""
    if request.param == "sqlite":
        return str(tmp_path / "folder" / "ledger.sqlite")
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return server.new_database()
