"""One real service for all attacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.raw import ask, request
from tests.attacks.under_attack import Attacked, attacked_service
from tests.waiting import eventually


@pytest.fixture(scope="session")
def attacked(tiny_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """Return a running service on the tiny model."""
    folder = tmp_path_factory.mktemp("attacked")
    variables = {"TAGDESK_STORE": str(tiny_store), "TAGDESK_DATABASE_URL": f"{folder}/ledger.sqlite"}
    with attacked_service("tiny", folder / "log", variables) as service:
        eventually(lambda: ask(service.port, [request("GET", "/readyz")]).status == 200)
        yield service
