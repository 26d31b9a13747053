"""The bridge to Ghost, as it is installed: its command in a process, a stand-in of Ghost, a real service."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.app import create_app
from service.settings import Settings
from tests.conftest import running
from tests.integrations.ghost_stand_in import ADMIN_KEY, KEY_SECRET, WEBHOOK_SECRET, Ghost, webhook

HERE = Path(__file__).parent
BRIDGE = HERE.parent.parent / "integrations" / "ghost"
BODY = json.loads((HERE / "ghost-webhook.json").read_text("utf-8"))["body"].encode()
POST = "6b0465d73308b417e0fe8646"  # the post in that webhook
HTML = "<p>Troops, war, conflict, ceasefire: the troops, the conflict, the ceasefire. The envoy.</p>"


class Away:
    """A service that is away until it is told to be here: meanwhile it hangs, or answers nonsense.

    Args:
        app: the real one.
    """

    mode = "here"

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the mode says."""
        while scope["type"] == "http" and self.mode == "hung":
            await asyncio.sleep(0.02)
        if scope["type"] != "http" or self.mode == "here":
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse('{"topics": [{"name": 1}]}')(scope, receive, send)


@dataclass(frozen=True)
class Newsroom:
    """Ghost, the bridge and the service.

    Args:
        ghost: what stands in for Ghost.
        service: the real service, which can be away.
        bridge: the bridge's address.
        log: where the bridge's log is.
        environment: what the bridge was told.
    """

    ghost: Ghost
    service: Away
    bridge: str
    log: Path
    environment: dict[str, str]

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send a webhook, as patiently as Ghost is."""
        url = f"{self.bridge}/webhook"
        return httpx.post(url, content=request.content, headers=request.headers, timeout=2)


@pytest.fixture(scope="module")
def newsroom(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """Return all three, running."""
    folder = tmp_path_factory.mktemp("ghost")
    ledger = f"{folder}/ledger.sqlite"
    ghost = Ghost()
    service = Away(create_app(replace(tiny_settings, database_url=ledger, access_log=False)))
    with running(ghost.app) as ghost_at, running(service) as service_at:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(BRIDGE),
            "GHOST_URL": ghost_at,
            "GHOST_ADMIN_KEY": ADMIN_KEY,
            "GHOST_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "GHOST_TAGDESK_URL": service_at,
            "GHOST_RETRY_SECONDS": "0.1",
        }
        with bridging(environment, folder / "log") as bridge:
            yield Newsroom(ghost, service, bridge, folder / "log", environment)


@pytest.fixture(autouse=True)
def _anew(newsroom: Newsroom) -> Iterator[None]:
    """Begin without posts, and with a service that is here."""
    newsroom.ghost.posts.clear()
    newsroom.ghost.writes.clear()
    newsroom.service.mode = "here"
    yield
    newsroom.service.mode = "here"


@contextmanager
def bridging(environment: dict[str, str], log: Path) -> Iterator[str]:
    """Run the bridge's command for the length of a with-block, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tagdesk_ghost", "serve", "--port", str(port)]
    with log.open("wb") as lines:
        process = subprocess.Popen(command, env=environment, stdout=lines, stderr=lines)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _alive(address) or process.poll() is not None)
        assert process.poll() is None, log.read_text("utf-8")
        yield address
    finally:
        process.terminate()
        assert process.wait(10) in {0, -15}, log.read_text("utf-8")


def _alive(address: str) -> bool:
    try:
        return httpx.get(f"{address}/livez").status_code == 200
    except httpx.TransportError:
        return False


def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so, ten seconds at most."""
    for _ in range(500):
        if is_so():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to be")


def edited(**changes: Any) -> bytes:
    """Return the webhook's body with other fields."""
    return json.dumps(json.loads(BODY) | changes).encode()


def test_published_post_gets_its_topics_beside_its_own_tags(newsroom: Newsroom) -> None:
    """Ghost's own webhook, byte for byte; its time is long ago, so it is signed anew."""
    newsroom.ghost.publish(POST, "War", HTML, "Geneva", "#internal")
    begin = time.monotonic()
    assert newsroom.send(webhook(BODY)).status_code == 202
    print(f"\nanswered in {(time.monotonic() - begin) * 1000:.0f} ms")  # noqa: T201 - for pytest -s
    until(lambda: newsroom.ghost.writes)
    assert newsroom.ghost.tags(POST) == ["Geneva", "#internal", "Conflict"]
    (written,) = newsroom.ghost.writes
    assert set(written) == {"tags", "updated_at"}
    assert [set(tag) for tag in written["tags"]] == [{"id", "name", "slug"}, {"id", "name", "slug"}, {"name"}]


def test_own_tags_are_no_news(newsroom: Newsroom) -> None:
    """The webhooks that follow what the bridge wrote lead to nothing: there is no loop."""
    newsroom.ghost.publish(POST, "War", HTML)
    newsroom.send(webhook(BODY))
    until(lambda: newsroom.ghost.writes)
    post = json.loads(BODY)["post"]
    for told in (
        edited(event="post.edited"),
        edited(event="post.published.edited"),
        json.dumps({"post": post | {"previous": {"tags": [], "updated_at": "2026-11-23T16:12:07.000Z"}}}).encode(),
        json.dumps({"post": post | {"previous": {"status": "published"}}}).encode(),
    ):
        assert newsroom.send(webhook(told)).status_code == 200
    assert newsroom.send(webhook(BODY)).status_code == 202
    time.sleep(0.3)
    assert len(newsroom.ghost.writes) == 1


def test_webhook_of_older_ghosts_without_an_event_counts_when_the_status_changed(newsroom: Newsroom) -> None:
    newsroom.ghost.publish(POST, "War", HTML)
    post = json.loads(BODY)["post"] | {"previous": {"status": "draft"}}
    assert newsroom.send(webhook(json.dumps({"post": post}).encode())).status_code == 202
    until(lambda: newsroom.ghost.writes)


@pytest.mark.parametrize(
    "request_",
    [
        webhook(BODY, secret="another"),
        webhook(BODY, moment=time.time() - 3600),
        webhook(BODY, moment=time.time() + 3600),
        httpx.Request("POST", "http://x", content=BODY),
        httpx.Request("POST", "http://x", content=BODY, headers={"X-Ghost-Signature": "sha256=, t="}),
        httpx.Request("POST", "http://x", content=BODY + b" ", headers=webhook(BODY).headers),
        httpx.Request(
            "POST", "http://x", content=BODY, headers=[(b"X-Ghost-Signature", f"sha256={'é' * 64}, t=1".encode())]
        ),
    ],
    ids=["another secret", "an hour ago", "in an hour", "unsigned", "empty", "another body", "not hexadecimal"],
)
def test_webhook_that_ghost_did_not_sign_just_now_is_refused(newsroom: Newsroom, request_: httpx.Request) -> None:
    newsroom.ghost.publish(POST, "War", HTML)
    headers = [(name, value) for name, value in request_.headers.raw if name.lower() == b"x-ghost-signature"]
    response = httpx.post(f"{newsroom.bridge}/webhook", content=request_.content, headers=headers)
    assert response.status_code == 401
    assert newsroom.ghost.writes == []


def test_signature_of_the_real_webhook_is_right_for_five_minutes() -> None:
    """The header that Ghost 6.65 sent, as it was sent, at the time that it names and a little later."""
    sent = json.loads((HERE / "ghost-webhook.json").read_text("utf-8"))
    header = sent["headers"]["x-ghost-signature"]
    moment = int(header.rpartition("t=")[2]) / 1000
    code = f"""
from tagdesk_ghost.signing import is_from_ghost
for later in 0, 299, 301:
    print(is_from_ghost({header!r}, {BODY!r}, "s3cret", {moment} + later))
"""
    environment = {"PYTHONPATH": str(BRIDGE)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False"]


@pytest.mark.parametrize("mode", ["hung", "nonsense"])
def test_answer_does_not_wait_for_the_service(newsroom: Newsroom, mode: str) -> None:
    """The post is tagged when the service is back."""
    newsroom.ghost.publish(POST, "War", HTML)
    newsroom.service.mode = mode
    begin = time.monotonic()
    assert newsroom.send(webhook(BODY)).status_code == 202
    took = time.monotonic() - begin
    print(f"\nservice {mode}: answered in {took * 1000:.0f} ms")  # noqa: T201 - for pytest -s
    assert took < 1
    time.sleep(0.3)
    assert newsroom.ghost.writes == []
    newsroom.service.mode = "here"
    until(lambda: newsroom.ghost.tags(POST) == ["Conflict"])


def test_what_somebody_saved_meanwhile_is_not_overwritten(newsroom: Newsroom) -> None:
    """Ghost refuses a write on an old version; the bridge reads again, and writes on the new one."""
    newsroom.ghost.publish(POST, "War", HTML)
    newsroom.ghost.collisions = 2
    newsroom.send(webhook(BODY))
    until(lambda: newsroom.ghost.writes)
    assert newsroom.ghost.tags(POST) == ["Conflict"]


@pytest.mark.parametrize(
    "post",
    [None, {"status": "draft"}, {"html": "", "plaintext": ""}],
    ids=["deleted", "unpublished", "without words"],
)
def test_post_that_cannot_be_tagged_is_not_tried_again(newsroom: Newsroom, post: dict[str, str] | None) -> None:
    before = newsroom.log.read_text("utf-8")
    if post is not None:
        newsroom.ghost.publish(POST, "", HTML)
        newsroom.ghost.posts[POST] |= post
    newsroom.send(webhook(BODY))
    until(lambda: "not tagged" in newsroom.log.read_text("utf-8").removeprefix(before))
    time.sleep(0.2)
    assert "again in" not in newsroom.log.read_text("utf-8").removeprefix(before)
    assert newsroom.ghost.writes == []


def test_no_answer_is_410(newsroom: Newsroom) -> None:
    """Ghost deletes a webhook that is answered so."""
    for body in (b"", b"{}", b"\xff", b"[" * 100_000, edited(post=None), edited(post={"current": {"id": "../users"}})):
        assert newsroom.send(webhook(body)).status_code == 200
    assert newsroom.send(webhook(b" " * 20_000_001)).status_code == 413
    assert httpx.get(f"{newsroom.bridge}/webhook").status_code == 405
    assert httpx.post(newsroom.bridge).status_code == 404


def test_full_queue_says_so(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.service.mode = "hung"
    post = json.loads(BODY)["post"]
    answers = []
    with bridging(newsroom.environment | {"GHOST_MOST_WAITING": "2"}, tmp_path / "log") as bridge:
        for number in range(3):
            newsroom.ghost.publish(f"{number:024x}", "War", HTML)
            told = post | {"current": post["current"] | {"id": f"{number:024x}"}}
            request = webhook(json.dumps({"event": "post.published", "post": told}).encode())
            answers.append(
                httpx.post(f"{bridge}/webhook", content=request.content, headers=request.headers).status_code
            )
    assert answers == [202, 202, 503]


def test_log_has_no_word_of_a_post_and_no_address(newsroom: Newsroom) -> None:
    """Ghost's webhooks have the e-mail addresses of the authors."""
    newsroom.ghost.publish(POST, "War", HTML)
    newsroom.send(webhook(BODY))
    newsroom.send(webhook(BODY, secret="another"))
    until(lambda: newsroom.ghost.writes)
    log = newsroom.log.read_text("utf-8")
    assert f"post {POST}: 1 tags added" in log
    assert not any(word in log for word in ("editor@example.org", "Ed Itor", "Envoy", "War", "Troops", KEY_SECRET))


def test_catch_up_tags_what_no_webhook_came_for(newsroom: Newsroom) -> None:
    """Posts that have a topic's tag are left alone: an editor may have taken another away."""
    for number in range(60):
        newsroom.ghost.publish(f"{number:024x}", "War", HTML, *(["Weather"] if number == 7 else []))
    command = [sys.executable, "-m", "tagdesk_ghost", "catch-up", "--since", "2026-01-01"]
    done = subprocess.run(command, env=newsroom.environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "59 of 59 posts: 59 tagged, 0 failed"
    assert newsroom.ghost.tags(f"{59:024x}") == ["Conflict"]
    assert newsroom.ghost.tags(f"{7:024x}") == ["Weather"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GHOST_URL", "", "GHOST_URL must be set"),
        ("GHOST_URL", "news.example", "GHOST_URL is not an address"),
        ("GHOST_ADMIN_KEY", "abc", "GHOST_ADMIN_KEY is not an Admin API key"),
        ("GHOST_TAGDESK_BANDS", "all", "GHOST_TAGDESK_BANDS is not auto"),
        ("GHOST_RETRY_SECONDS", "soon", "GHOST_RETRY_SECONDS is not a number"),
    ],
)
def test_wrong_setting_is_one_sentence(newsroom: Newsroom, name: str, value: str, said: str) -> None:
    command = [sys.executable, "-m", "tagdesk_ghost", "serve"]
    done = subprocess.run(
        command, env=newsroom.environment | {name: value}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
