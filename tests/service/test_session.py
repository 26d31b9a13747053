"""Signing in at the desk: what the cookie is, what it may do, and what it takes to use it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from service.app import Tagdesk, create_app
from service.keys import Key, keys_json, new_key
from service.session import COOKIE, SECONDS, SECRET, Sessions, share_secret
from service.settings import Settings, SettingsError
from tests.service.test_problems import check

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

DESK = {"X-Tagdesk-Desk": "1"}


class House:
    """A service that asks for keys, and the keys by their scopes."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.path = folder / "keys.json"
        made = {scope: new_key(f"{scope}-key", [scope], "2026-11-24") for scope in ("tag", "feedback", "admin")}
        self.keys = {scope: key for scope, (key, _) in made.items()}
        self.tokens = {scope: token for scope, (_, token) in made.items()}
        self.keep(*self.keys.values())
        database = str(folder / "ledger.sqlite")
        self.settings = replace(settings, keys_file=str(self.path), database_url=database)
        self.app: Tagdesk = create_app(self.settings)

    def keep(self, *keys: Key) -> None:
        self.path.write_bytes(keys_json(keys))

    def bearer(self, scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[scope]}"}


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
    with httpx.Client(base_url=locked, timeout=30) as client:
        yield client


@pytest.fixture
def editor(browser: httpx.Client, house: House) -> httpx.Client:
    """Return a client that has signed in."""
    assert browser.post("/desk/session", headers=house.bearer("feedback")).json() == {"editor": "feedback-key"}
    return browser


def test_a_key_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(browser: httpx.Client, house: House) -> None:
    """The cookie is HttpOnly and SameSite=Strict, lasts a working day, and has nothing of the key."""
    response = browser.post("/desk/session", headers=house.bearer("feedback"))
    cookie = response.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={SECONDS}"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert house.tokens["feedback"].rpartition("_")[2] not in cookie
    assert response.headers["cache-control"] == "no-store"


def test_the_cookie_is_secure_behind_tls(browser: httpx.Client, house: House) -> None:
    headers = house.bearer("feedback") | {"X-Forwarded-Proto": "https"}
    assert "Secure" in browser.post("/desk/session", headers=headers).headers["set-cookie"]


def test_an_editor_may_tag_and_correct(editor: httpx.Client) -> None:
    """The session does what the desk does, and the key's name is the editor."""
    assert editor.get("/desk/session").json() == {"editor": "feedback-key"}
    assert editor.get("/v1/topics").status_code == 200
    article = {"id": "a-1", "body": "troops signed a ceasefire"}
    answer = editor.post("/v1/tag", json=article, headers=DESK).json()
    sent = {"article": article, "topics": ["conflict"], "model": answer["model"]}
    assert editor.post("/v1/feedback", json=sent, headers=DESK).status_code == 202
    assert editor.get("/v1/feedback/counts").json()["own"]["corrections"] >= 1


def test_a_session_is_never_an_admins(browser: httpx.Client, house: House) -> None:
    """Signed in with an admin's key, the desk may do no more than with any other."""
    browser.post("/desk/session", headers=house.bearer("admin")).raise_for_status()
    for path in ("/metrics", "/v1/models"):
        check(browser.get(path), 403, "missing-scope")
    check(browser.post("/v1/models/rollback", headers=DESK), 403, "missing-scope")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/tag"), ("POST", "/v1/feedback"), ("DELETE", "/desk/session")]
)
def test_what_another_page_could_make_the_browser_send_is_refused(editor: httpx.Client, method: str, path: str) -> None:
    """A request that may change something needs, beside the cookie, a header that no other origin can send."""
    check(editor.request(method, path, json={"body": "war"}), 403, "not-from-desk")
    assert editor.get("/desk/session").status_code == 200


def test_only_a_key_that_may_correct_signs_in(browser: httpx.Client, house: House) -> None:
    check(browser.post("/desk/session", headers=house.bearer("tag")), 403, "missing-scope")
    check(browser.post("/desk/session", headers={"Authorization": "Bearer none"}), 401, "unknown-key")
    check(browser.post("/desk/session"), 401, "unknown-key")
    check(browser.get("/desk/session"), 401, "unknown-key")
    assert not browser.cookies


def test_signing_out_takes_the_cookie_back(editor: httpx.Client) -> None:
    assert editor.delete("/desk/session", headers=DESK).json() == {"editor": None}
    check(editor.get("/desk/session"), 401, "unknown-key")


def test_a_session_ends_with_its_key(browser: httpx.Client, house: House) -> None:
    """A revoked key takes its sessions along, also where a new key has its name."""
    browser.post("/desk/session", headers=house.bearer("feedback")).raise_for_status()
    another, _ = new_key("feedback-key", ["feedback"], "2026-11-24")
    try:
        house.keep(house.keys["tag"], another)
        house.app.state.ring._next_look = 0.0
        check(browser.get("/desk/session"), 401, "unknown-key")
    finally:
        house.keep(*house.keys.values())
        house.app.state.ring._next_look = 0.0


def test_a_cookie_that_was_touched_is_none(editor: httpx.Client, locked: str) -> None:
    """Another end, another key, a cut or strange signature: 401, never a 500."""
    salt, end, signature = editor.cookies[COOKIE].split(".")
    for forged in (
        f"{salt}.{int(end) + 1}.{signature}",
        f"{'0' * 16}.{end}.{signature}",
        f"{salt}.{end}.{signature[:-1]}",
        f"{salt}.{end}",
        "..",
        "\u00e9.1.x",
        "",
    ):
        cookie = f"a=b; {COOKIE}={forged}".encode("latin-1")
        check(httpx.get(f"{locked}/desk/session", headers=[(b"Cookie", cookie)]), 401, "unknown-key")


def test_a_session_ends_after_a_working_day(house: House) -> None:
    now = [1000.0]
    sessions = Sessions(b"secret", clock=lambda: now[0])
    headers = [(b"cookie", f"{COOKIE}={sessions.begin(house.keys['feedback'])}".encode())]
    now[0] += SECONDS - 1
    assert sessions.salt(headers) == house.keys["feedback"].salt.encode()
    now[0] += 1
    assert sessions.salt(headers) == b""


def test_a_key_goes_before_the_cookie(editor: httpx.Client, house: House) -> None:
    """A request that brings a key is judged by it alone, and needs no header of the desk."""
    assert editor.post("/v1/tag", json={"body": "war"}, headers=house.bearer("tag")).status_code == 200
    check(editor.get("/v1/feedback/counts", headers=house.bearer("tag")), 403, "missing-scope")


def test_without_keys_nobody_signs_in(client: httpx.Client) -> None:
    """Where no key is asked for, the desk is told so, and gets no cookie."""
    assert client.get("/desk/session").json() == {"editor": None}
    assert "set-cookie" not in client.post("/desk/session").headers


def test_workers_share_one_secret(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    """The first process makes it; those that it starts sign and read with the same."""
    monkeypatch.setenv(SECRET, "")
    share_secret()
    cookie = Sessions.from_environment().begin(house.keys["feedback"])
    assert Sessions.from_environment().salt([(b"cookie", f"{COOKIE}={cookie}".encode())])


def test_a_short_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "too short")
    with pytest.raises(SettingsError, match="TAGDESK_SESSION_SECRET has 9 characters: give 32 or more, or none"):
        share_secret()
