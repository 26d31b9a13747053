"""A Wagtail site, its editor, and the service that the site asks, together."""

import json
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.e2e.wagtail.site import Editor, NoIndex, Wagtail, wagtail
from tests.integrations.faults import misbehaving, relaying

# Conflict is certain, the weather is a suggestion, and so is diplomacy.
BODY = f"Troops, war, conflict, ceasefire: the troops, the conflict, the ceasefire. {'Winds and ' * 6}winds. The envoy."
STORM = "The storm, the rain, the winds: storm, heavy rain, winds, the storm."


@dataclass(frozen=True)
class Newsroom:
    """A site and the service that it asks, by way of an address that a test may give to somebody else.

    Args:
        site: the site.
        editor: who is signed in there.
        service: a client of the service that may do all.
        address: what the site has for the service.
    """

    site: Wagtail
    editor: Editor
    service: httpx.Client
    address: tuple[str, int]

    def served(self) -> AbstractContextManager[str]:
        """Put the real service at the address."""
        return misbehaving(relaying(self.service.base_url.host, self.service.base_url.port or 0), self.address)

    def corrections(self, pk: int) -> list[dict[str, Any]]:
        """Return what the ledger has of a page."""
        rows = [json.loads(line) for line in self.service.get("/v1/feedback/export").text.splitlines()]
        return [row for row in rows if row["id"] == f"wagtail-{pk}"]


@contextmanager
def newsroom_on(settings: Settings, folder: Path, limit: float) -> Iterator[Newsroom]:
    """Run a newsroom with a ledger and keys of its own; skip the test where Wagtail cannot be installed.

    Args:
        settings: the service's, but for its ledger and keys.
        folder: an empty one.
        limit: seconds that a publish may wait for the service.
    """
    site_key, site_token = new_key("wagtail", ["tag", "feedback", "editors"], "2026-11-24")
    admin_key, admin_token = new_key("admin", ["admin"], "2026-11-24")
    (folder / "keys.json").write_bytes(keys_json([site_key, admin_key]))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    site_settings = {
        "TAGDESK_URL": "http://{}:{}".format(*address),
        "TAGDESK_KEY": site_token,
        "TAGDESK_TIME_LIMIT": limit,
    }
    app = create_app(replace(settings, database_url=f"{folder}/ledger.sqlite", keys_file=f"{folder}/keys.json"))
    (folder / "site").mkdir()
    try:
        with (
            running(app) as at,
            httpx.Client(base_url=at, headers={"X-API-Key": admin_token}) as service,
            wagtail(folder / "site", site_settings) as site,
            Editor(site) as editor,
        ):
            yield Newsroom(site, editor, service, address)
    except NoIndex as error:
        pytest.skip(f"Wagtail cannot be installed: {error}")
