"""HTTP basic with our keys, for clients that know nothing else: `http://name:key@host/v1/`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import httpx
import pytest
import requests
from starlette.types import ASGIApp

from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.service.problems import check
from tests.waiting import PATIENCE

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

WAR = {"body": "war"}
BOTH = 'Basic realm="Tagdesk", charset="UTF-8", Bearer realm="Tagdesk"'


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    """Return a place for the keys by their names."""
    return {}


@pytest.fixture(scope="module")
def locked(
    tiny_settings: Settings, keys: dict[str, str], tmp_path_factory: pytest.TempPathFactory, serve: Serve
) -> Iterator[str]:
    """Return the address of a service that asks for keys, and write a key for everything into `keys`."""
    kept = []
    for name in ("cms", "other"):
        key, keys[name] = new_key(name, ["admin"], "2026-11-24")
        kept.append(key)
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    file.write_bytes(keys_json(kept))
    with serve(create_app(replace(tiny_settings, keys_file=str(file)))) as address:
        yield address


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/topics"),
        ("GET", "/v1/feedback/counts"),
        ("GET", "/v1/models"),
        ("GET", "/metrics"),
        ("GET", "/v1/"),
        ("GET", "/desk/session"),
        ("POST", "/v1/tag"),
    ],
)
def test_is_taken_on_every_route(locked: str, keys: dict[str, str], method: str, path: str) -> None:
    """The key's name and the key in the address are enough, whatever the route."""
    address = locked.replace("http://", f"http://cms:{keys['cms']}@")
    assert requests.request(method, address + path, json=WAR, timeout=PATIENCE).status_code == 200
    wrong = locked.replace("http://", f"http://cms:{keys['cms']}x@")
    assert requests.request(method, wrong + path, json=WAR, timeout=PATIENCE).status_code == 401


@pytest.mark.parametrize(("name", "status"), [("cms", 200), ("", 200), ("other", 401), ("CMS", 401), ("cm", 401)])
def test_name_is_that_of_the_key(locked: str, keys: dict[str, str], name: str, status: int) -> None:
    """Another name than the key's is as wrong as another key; none at all will do."""
    assert httpx.post(f"{locked}/v1/tag", json=WAR, auth=(name, keys["cms"])).status_code == status


def test_is_offered_beside_bearer(locked: str) -> None:
    """A client that sends its key only when asked is asked for Basic, then Bearer."""
    assert httpx.get(f"{locked}/v1/topics").headers["www-authenticate"] == BOTH
    wrong = httpx.get(f"{locked}/v1/topics", auth=("cms", "x")).headers["www-authenticate"]
    assert wrong == f'{BOTH}, error="invalid_token"'


@pytest.mark.parametrize("header", ["Sec-Fetch-Mode", "Accept-Language"])
def test_is_not_offered_to_a_browser(locked: str, header: str) -> None:
    """A browser would show a window of its own, and keep the key until it is closed."""
    challenge = httpx.get(f"{locked}/v1/topics", headers={header: "1"}).headers["www-authenticate"]
    assert challenge == 'Bearer realm="Tagdesk"'


def test_is_not_taken_from_a_page(locked: str, keys: dict[str, str]) -> None:
    """What another site's page makes a browser send comes with the key that the browser keeps, and counts nothing."""
    headers = {"Origin": "https://evil.example"}
    response = httpx.post(f"{locked}/v1/models/rollback", auth=("cms", keys["cms"]), headers=headers)
    check(response, 401, "unknown-key")
    bearer = headers | {"Authorization": f"Bearer {keys['cms']}"}
    assert httpx.get(f"{locked}/v1/topics", headers=bearer).status_code == 200
