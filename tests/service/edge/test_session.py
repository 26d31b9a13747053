"""Signing in at the desk: what the cookie is, what it may do, and what ends it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import Tagdesk, create_app
from tagdesk.service.edge.keys import Key, keys_json, new_key
from tagdesk.service.settings import Settings
from tests.service.problems import check

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

COOKIE = "tagdesk_session"
SECONDS = 12 * 3600
SCOPES = {
    "tag": ["tag"],
    "feedback": ["feedback"],
    "editor": ["tag", "feedback"],
    "boss": ["admin"],
}
EDITOR = {"editor": "editor", "scopes": ["feedback", "tag"]}


class House:
    """A service that asks for keys, and the keys by their names."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.path = folder / "keys.json"
        made = {name: new_key(name, scopes, "2026-11-24") for name, scopes in SCOPES.items()}
        self.keys = {name: key for name, (key, _) in made.items()}
        self.tokens = {name: token for name, (_, token) in made.items()}
        self.keep(*self.keys.values())
        database = str(folder / "ledger.sqlite")
        self.settings = replace(settings, keys_file=str(self.path), database_url=database)
        self.app: Tagdesk = create_app(self.settings)

    def keep(self, *keys: Key) -> None:
        self.path.write_bytes(keys_json(keys))

    def bearer(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[name]}"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, tiny_settings: Settings) -> House:
    return House(tmp_path_factory.mktemp("house"), tiny_settings)


@pytest.fixture(scope="module")
def locked(house: House, serve: Serve) -> Iterator[str]:
    with serve(house.app) as address:
        yield address


@pytest.fixture
def browser(locked: str) -> Iterator[httpx.Client]:
    """Return a client that keeps cookies, as a browser does."""
    with httpx.Client(base_url=locked) as client:
        yield client


@pytest.fixture
def editor(browser: httpx.Client, house: House) -> httpx.Client:
    """Return a client that has signed in."""
    assert browser.post("/desk/session", headers=house.bearer("editor")).json() == EDITOR
    return browser


def test_a_key_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(browser: httpx.Client, house: House) -> None:
    """The cookie is HttpOnly and SameSite=Strict, lasts a working day, and has nothing of the key."""
    response = browser.post("/desk/session", headers=house.bearer("editor"))
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={SECONDS}"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert house.tokens["editor"].split("_", 2)[2] not in cookie
    assert response.headers["cache-control"] == "no-store"


def test_the_cookie_of_a_page_over_tls_is_secure_and_no_neighbours_to_set(browser: httpx.Client, house: House) -> None:
    headers = house.bearer("editor") | {"Origin": "https://tagdesk.example"}
    cookie = browser.post("/desk/session", headers=headers).headers["set-cookie"]
    assert cookie.startswith(f"__Host-{COOKIE}=")
    assert "Secure" in cookie.split("; ")


@pytest.mark.parametrize("spelling", ["https", "HTTPS", "https, http"])
def test_no_forwarded_header_changes_the_cookie(browser: httpx.Client, house: House, spelling: str) -> None:
    headers = house.bearer("editor") | {"X-Forwarded-Proto": spelling}
    assert "Secure" not in browser.post("/desk/session", headers=headers).headers["set-cookie"]


def test_an_editor_may_tag_and_correct(editor: httpx.Client) -> None:
    """The session does what the desk does, and the key's name is the editor."""
    assert editor.get("/desk/session").json() == EDITOR
    assert editor.get("/v1/topics").status_code == 200
    article = {"id": "a-1", "body": "troops signed a ceasefire"}
    answer = editor.post("/v1/tag", json=article).json()
    sent = {"article": article, "topics": ["conflict"], "model": answer["model"]}
    assert editor.post("/v1/feedback", json=sent).status_code == 202
    assert editor.get("/v1/feedback/counts?since=2000-01-01T00:00:00Z").json()["own"]["corrections"] >= 1


def test_a_session_has_its_keys_scopes_and_no_more(browser: httpx.Client, editor: httpx.Client, house: House) -> None:
    for path in ("/metrics", "/v1/models"):
        check(editor.get(path), 403, "missing-scope")
    check(editor.post("/v1/models/rollback"), 403, "missing-scope")
    browser.post("/desk/session", headers=house.bearer("boss")).raise_for_status()
    assert browser.get("/v1/models").status_code == 200


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/tag"), ("POST", "/v1/feedback"), ("GET", "/v1/queue/next"), ("DELETE", "/desk/session")],
)
def test_what_another_page_makes_the_browser_send_is_refused(
    editor: httpx.Client, method: str, path: str, headers: dict[str, str]
) -> None:
    """A request that may change something counts only from the desk's own page; looking at the queue is one."""
    check(editor.request(method, path, headers=headers), 403, "cross-site")
    assert editor.get("/desk/session").status_code == 200


def test_only_a_key_that_may_tag_and_correct_signs_in(browser: httpx.Client, house: House) -> None:
    for name, missing in (("tag", "feedback"), ("feedback", "tag")):
        problem = check(browser.post("/desk/session", headers=house.bearer(name)), 403, "missing-scope")
        assert f"the scope {missing}:" in problem["detail"]
    check(browser.post("/desk/session", headers={"Authorization": "Bearer none"}), 401, "unknown-key")
    check(browser.post("/desk/session"), 401, "unknown-key")
    check(browser.get("/desk/session"), 401, "unknown-key")
    assert not browser.cookies


def test_signing_out_ends_the_session_of_a_copied_cookie_too(editor: httpx.Client, locked: str) -> None:
    copied = {COOKIE: editor.cookies[COOKIE]}
    assert editor.delete("/desk/session").json() == {"editor": None, "scopes": []}
    check(editor.get("/desk/session"), 401, "unknown-key")
    check(httpx.get(f"{locked}/desk/session", headers={"Cookie": f"{COOKIE}={copied[COOKIE]}"}), 401, "unknown-key")


def test_a_session_outlives_a_restart(editor: httpx.Client, house: House, serve: Serve) -> None:
    """Another process on the same ledger knows of it."""
    with serve(create_app(house.settings)) as address:
        cookie = {"Cookie": f"{COOKIE}={editor.cookies[COOKIE]}"}
        assert httpx.get(f"{address}/desk/session", headers=cookie).json() == EDITOR


def test_a_session_ends_with_its_key(browser: httpx.Client, house: House) -> None:
    """A revoked key takes its sessions along, also where a new key has its name."""
    browser.post("/desk/session", headers=house.bearer("editor")).raise_for_status()
    another, _ = new_key("editor", ["tag", "feedback"], "2026-11-24")
    ring = house.app.parts.ring
    assert ring is not None
    try:
        house.keep(house.keys["tag"], another)
        ring._next_look = 0.0
        check(browser.get("/desk/session"), 401, "unknown-key")
    finally:
        house.keep(*house.keys.values())
        ring._next_look = 0.0


def test_a_cookie_that_was_touched_is_none(editor: httpx.Client, locked: str) -> None:
    """A cut, changed or strange token: 401, never a 500."""
    token = editor.cookies[COOKIE]
    for forged in (token[:-1], token[:-1] + ("A" if token[-1] != "A" else "B"), token + "x", "..", "\u00e9" * 43, ""):
        cookie = f"a=b; {COOKIE}={forged}".encode("latin-1")
        check(httpx.get(f"{locked}/desk/session", headers=[(b"Cookie", cookie)]), 401, "unknown-key")


def test_a_key_goes_before_the_cookie(editor: httpx.Client, house: House) -> None:
    """A request that brings a key is judged by it alone, whatever page sent it."""
    headers = house.bearer("tag") | {"Origin": "https://evil.test"}
    assert editor.post("/v1/tag", json={"body": "war"}, headers=headers).status_code == 200
    check(editor.get("/v1/feedback/counts", headers=house.bearer("tag")), 403, "missing-scope")


def test_without_keys_nobody_signs_in(client: httpx.Client) -> None:
    """Where no key is asked for, the desk is told so, and gets no cookie."""
    assert client.get("/desk/session").json() == {"editor": None, "scopes": []}
    assert "set-cookie" not in client.post("/desk/session").headers
