"""A real Chromium at the desk of a real service. `CHROMIUM` names another browser than Debian's."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tagdesk.models.storage import SHIPPED, current
from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.e2e.reports import answer
from tests.waiting import PATIENCE

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make install")

CHROMIUM = shutil.which(os.environ.get("CHROMIUM") or "chromium")

OpenDesk = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none."""
    if CHROMIUM is None:
        reason = "no chromium: apt-get install chromium, or name a browser with CHROMIUM="
        for item in items:
            if "chromium" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return the browser."""
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def desk_at(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a service on the tiny model with a ledger of its own."""
    ledger = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    with running(create_app(replace(tiny_settings, database_url=str(ledger), access_log=False))) as address:
        yield address


@pytest.fixture(scope="session")
def news_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a service on the shipped model."""
    model = SHIPPED / "news-en" / str(current(SHIPPED, "news-en"))
    ledger = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    with running(create_app(Settings(model=str(model), database_url=str(ledger), access_log=False))) as address:
        yield address


@contextmanager
def running_with_a_key(settings: Settings, folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """Serve with a ledger in a folder and one key, which may tag, correct and export; yield the address and the key."""
    key, token = new_key(name, ["tag", "feedback", "admin"], "2026-11-30")
    (folder / "keys.json").write_bytes(keys_json([key]))
    settings = replace(settings, keys_file=f"{folder}/keys.json", database_url=f"{folder}/ledger.sqlite")
    with running(create_app(replace(settings, access_log=False))) as address:
        yield address, token


@dataclass(frozen=True)
class Locked:
    """A service that asks for keys.

    Attributes:
        address: where it is.
        keys: a key for each scope; the key's name is `anna` for feedback, else the scope.
        revoke: takes all keys back at once, or gives them back.
    """

    address: str
    keys: dict[str, str]
    revoke: Callable[[bool], None]


@pytest.fixture(scope="module")
def locked(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """Return a service on the tiny model that asks for keys."""
    folder = tmp_path_factory.mktemp("locked")
    scopes = {"tag": ["tag"], "anna": ["tag", "feedback"], "admin": ["admin"]}
    made = {name: new_key(name, scopes[name], "2026-11-24") for name in scopes}
    path = folder / "keys.json"
    path.write_bytes(keys_json(key for key, _ in made.values()))
    database = str(folder / "ledger.sqlite")
    app = create_app(replace(tiny_settings, keys_file=str(path), database_url=database, access_log=False))

    ring = app.parts.ring
    assert ring is not None

    def revoke(all_of_them: bool) -> None:
        path.write_bytes(keys_json(() if all_of_them else (key for key, _ in made.values())))
        ring._next_look = 0.0

    with running(app) as address:
        yield Locked(address, {name: token for name, (_, token) in made.items()}, revoke)


@pytest.fixture
def service(desk_at: str) -> Iterator[httpx.Client]:
    """Return a client of the desk's service."""
    with httpx.Client(base_url=desk_at) as client:
        yield client


@pytest.fixture
def open_desk(chromium: Any, desk_at: str) -> Iterator[OpenDesk]:
    """Return what opens the desk in a browser window of its own.

    When the test is over no script may have failed, and nothing may have been asked of anybody else.
    """
    contexts: list[Any] = []
    errors: list[str] = []
    asked: list[str] = []

    def open_one(at: str = desk_at, answers: Mapping[str, Any] | None = None, **options: Any) -> Any:
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if _is_fault(message) else None)
        page.on("request", lambda request: asked.append(request.url))
        for pattern, document in (answers or {}).items():
            answer(page, pattern, document)
        with page.expect_response("**/desk/session"):
            page.goto(at)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:"))] == []


def _is_fault(message: Any) -> bool:
    # The browser itself notes every answer from 400 on, and every lost connection.
    return message.type == "error" and not message.text.startswith("Failed to load resource")


@pytest.fixture
def desk(open_desk: OpenDesk) -> Any:
    """Return the desk in a window."""
    return open_desk()
