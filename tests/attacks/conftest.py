"""One real service for all attacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.under_attack import Attacked, attacked_service


@pytest.fixture(scope="session")
def attacked(tiny_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """Return a running service on the tiny model."""
    log = tmp_path_factory.mktemp("attacked") / "log"
    with attacked_service("tiny", log, {"TAGDESK_STORE": str(tiny_store)}) as service:
        yield service
