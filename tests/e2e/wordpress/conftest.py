"""A site and a service for all tests here; each begins with a service that is well and nothing that waits.

With `PLAYGROUND=yes` the site is a newer WordPress, in Playground.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.e2e.wordpress import playground, site
from tests.e2e.wordpress.newsroom import LIMIT, activate, configure, measured
from tests.e2e.wordpress.service import Faults, Tagdesk
from tests.e2e.wordpress.site import WordPress


@pytest.fixture(scope="session")
def service(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tagdesk]:
    """Return the service."""
    folder = tmp_path_factory.mktemp("keys")
    cms, key = new_key("cms", ["tag", "feedback", "editors"], "2026-11-24")
    admin, admin_key = new_key("desk", ["admin"], "2026-11-24")
    (folder / "keys.json").write_bytes(keys_json([cms, admin]))
    ledger = f"{folder}/ledger.sqlite"
    settings = replace(tiny_settings, keys_file=f"{folder}/keys.json", database_url=ledger, access_log=False)
    faults = Faults(create_app(settings))
    with running(faults) as address:
        yield Tagdesk(address, key, admin_key, faults)


@pytest.fixture(scope="session")
def wordpress_site(service: Tagdesk) -> Iterator[WordPress]:
    """Return the site, its plugin switched on and set by a person's clicks."""
    in_playground = bool(os.environ.get("PLAYGROUND"))
    missing = playground.what_is_missing() if in_playground else site.what_is_missing()
    if missing:
        pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix="wp-"))  # short: the path of a socket has 107 bytes
    begin = time.monotonic()
    try:
        with playground.playground(folder) if in_playground else site.wordpress(folder) as made:
            activate(made)
            configure(made, url=service.url, key=service.key, limit=LIMIT)
            measured(f"WordPress installed and set in {time.monotonic() - begin:.1f} s")
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(name="site")
def quiet_site(wordpress_site: WordPress, service: Tagdesk) -> Iterator[WordPress]:
    """Return the site as a new user has it; PHP has no word against the plugin afterwards."""
    service.faults.mode = "well"
    wordpress_site.forget_what_waits()
    service.faults.asked.clear()
    yield wordpress_site
    service.faults.mode = "well"
    assert [line for line in wordpress_site.log().splitlines() if "PHP " in line and "/plugins/tagdesk/" in line] == []
