"""Signing in at the desk where keys are asked for, and what another page cannot do with the editor's cookie."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.conftest import running
from tests.e2e.conftest import Locked, OpenDesk
from tests.e2e.desk.page import find_topics


def exported(locked: Locked) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {locked.keys['admin']}"}
    return [
        json.loads(line)
        for line in httpx.get(f"{locked.address}/v1/feedback/export", headers=headers).text.splitlines()
    ]


def sign_in(page: Any, key: str) -> None:
    page.wait_for_selector("#sign-in[open]")
    page.fill("#key", key)
    page.keyboard.press("Enter")


@pytest.fixture
def signed_in(open_desk: OpenDesk, locked: Locked) -> Iterator[Any]:
    """Return the desk after Anna signed in."""
    page = open_desk(locked.address)
    sign_in(page, locked.keys["anna"])
    page.wait_for_selector("#model:not(:empty)")
    yield page
    locked.revoke(False)


def test_asks_for_a_key_and_says_who_it_is(signed_in: Any) -> None:
    """The name of the key stands in the head; no script can read the cookie, and the key is nowhere in the page."""
    assert signed_in.inner_text("#editor-name") == "anna"
    assert signed_in.is_hidden("#sign-in")
    assert signed_in.evaluate("document.cookie") == ""
    (cookie,) = signed_in.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert signed_in.input_value("#key") == ""
    assert signed_in.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0


def test_what_anna_saves_has_her_name(signed_in: Any, locked: Locked) -> None:
    """And today's count is hers."""
    find_topics(signed_in, "War", "Troops at war: conflict, ceasefire.")
    signed_in.click("#save")
    signed_in.wait_for_selector("#writing:not([hidden])")
    assert exported(locked)[-1]["editor"] == "anna"
    signed_in.wait_for_function("() => document.querySelector('#today').textContent.includes('1 correction')")


def test_says_why_a_key_does_not_do(open_desk: OpenDesk, locked: Locked) -> None:
    """A wrong key and one of another scope are told apart; the dialog stays."""
    page = open_desk(locked.address)
    sign_in(page, "tagdesk_wrong")
    page.wait_for_selector("#key-fault:text('not known here')")
    sign_in(page, locked.keys["tag"])
    page.wait_for_selector("#key-fault:text('may not do this')")
    sign_in(page, locked.keys["anna"])
    page.wait_for_selector("#model:not(:empty)")


def test_a_button_leaves_signing_in(open_desk: OpenDesk, locked: Locked) -> None:
    page = open_desk(locked.address)
    page.wait_for_selector("#sign-in[open]")
    page.click("#sign-in button:text-is('Cancel')")
    page.wait_for_selector("#trouble-title:text-is('You are not signed in.')")
    assert page.is_hidden("#sign-in")


@pytest.mark.parametrize("times", [1, 2])
def test_escape_leaves_signing_in_and_the_page_offers_it_again(open_desk: OpenDesk, locked: Locked, times: int) -> None:
    """Nothing waits for the key any longer: each action asks for it anew, and says so where none is given."""
    page = open_desk(locked.address)
    page.wait_for_selector("#sign-in[open]")
    for _ in range(times):
        page.keyboard.press("Escape")
    page.wait_for_selector("#trouble-title:text-is('You are not signed in.')")
    assert page.is_hidden("#sign-in")
    page.fill("#body", "The storm and the rain.")
    page.click("#find")
    page.wait_for_selector("#sign-in[open]")
    page.keyboard.press("Escape")
    page.click("#again:text-is('Sign in')")
    sign_in(page, locked.keys["anna"])
    page.wait_for_selector("li[data-id='weather']")
    assert page.is_hidden("#trouble")


def test_asks_again_when_the_session_ends_and_goes_on(signed_in: Any, locked: Locked) -> None:
    """A cookie that counts no more: the article stays, and after signing in it is saved."""
    before = len(exported(locked))
    find_topics(signed_in, "War", "Troops at war once more: conflict, ceasefire.")
    signed_in.context.clear_cookies()
    signed_in.click("#save")
    sign_in(signed_in, locked.keys["anna"])
    signed_in.wait_for_selector("#writing:not([hidden])")
    assert len(exported(locked)) == before + 1


def test_signing_out_ends_the_session(signed_in: Any) -> None:
    signed_in.click("#sign-out")
    signed_in.wait_for_selector("#sign-in[open]")
    assert signed_in.context.cookies() == []


def test_a_revoked_key_ends_the_session(signed_in: Any, locked: Locked) -> None:
    locked.revoke(True)
    signed_in.fill("#body", "The storm and the rain.")
    signed_in.click("#find")
    signed_in.wait_for_selector("#sign-in[open]")
    sign_in(signed_in, locked.keys["anna"])
    signed_in.wait_for_selector("#key-fault:text('not known here')")


def test_reports_ask_for_the_key_too(open_desk: OpenDesk, locked: Locked) -> None:
    page = open_desk(f"{locked.address}/desk/drift.html", {"**/v1/drift?*": None})
    sign_in(page, locked.keys["anna"])
    page.wait_for_selector("#report .nothing")
    assert page.inner_text("#editor-name") == "anna"


FORGED = """async (address) => {
  const article = { id: "forged", body: "war" };
  const body = JSON.stringify({ article, topics: [], model: "tiny@1" });
  const always = { method: "POST", credentials: "include", body };
  const send = (options) => fetch(address + "/v1/feedback", { ...always, ...options });
  const type = { "Content-Type": "application/json" };
  const tries = [
    send({ mode: "no-cors" }),
    send({ headers: type }),
    send({ headers: { ...type, "X-Desk": "1" } }),
    fetch(address + "/v1/feedback/counts", { credentials: "include" }).then((answer) => answer.text()),
  ];
  return (await Promise.allSettled(tries)).map(({ status, value }) => value?.type ?? status);
}"""


def test_another_page_cannot_use_the_cookie(signed_in: Any, locked: Locked) -> None:
    """Not even one on another port, which is the same site: its requests have the cookie, and do nothing."""
    before = exported(locked)
    page = Route("/", lambda _: HTMLResponse("<!doctype html><title>Elsewhere</title>"))
    with running(Starlette(routes=[page])) as elsewhere:
        other = signed_in.context.new_page()
        other.goto(elsewhere)
        assert other.evaluate(FORGED, locked.address) == ["opaque", "rejected", "rejected", "rejected"]
        other.close()
    assert exported(locked) == before
