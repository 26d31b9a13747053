"""The bridge to Ghost, as it is installed: its command in a process, a stand-in of Ghost, a real service."""

import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.integrations.ghost_stand_in import ADMIN_KEY, KEY_SECRET, WEBHOOK_SECRET, Ghost, webhook
from tests.waiting import PATIENCE, eventually

HERE = Path(__file__).parent
BRIDGE = HERE.parent.parent / "integrations" / "ghost"
BODY = json.loads((HERE / "ghost-webhook.json").read_text("utf-8"))["body"].encode()
POST = "6b0465d73308b417e0fe8646"  # the post in that webhook
STORM = "<p>Heavy rain and winds of a storm came down on the coast.</p>"
HTML = "<p>Troops, war, conflict, ceasefire: the troops, the conflict, the ceasefire. The envoy.</p>"


class Away:
    """A service that is away until it is told to be here: it hangs, answers nonsense, or refuses corrections.

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
        is_correction = scope.get("path") == "/v1/feedback"
        if scope["type"] != "http" or self.mode == "here" or (self.mode in {"down", "refusing"} and not is_correction):
            await self._app(scope, receive, send)
        elif self.mode == "refusing":
            problem = {"type": "/problems/unknown-topic", "title": "Unknown topic", "status": 422}
            await JSONResponse(problem, 422, media_type="application/problem+json")(scope, receive, send)
        else:
            await PlainTextResponse('{"topics": [{"name": 1}]}')(scope, receive, send)


@dataclass
class Newsroom:
    """Ghost, the bridge and the service.

    Args:
        ghost: what stands in for Ghost.
        service: the real service, which can be away.
        bridge: the bridge's address.
        log: where the bridge's log is.
        environment: what the bridge was told.
        before: corrections that were in the ledger before the test.
    """

    ghost: Ghost
    service: Away
    bridge: str
    log: Path
    environment: dict[str, str]
    before: int = 0

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send a webhook; an answer that waited for a service that hangs would take the bridge's 20 seconds."""
        url = f"{self.bridge}/webhook"
        return httpx.post(url, content=request.content, headers=request.headers, timeout=15)

    def publish(self) -> None:
        """Let Ghost say that the post was published now, and wait until all is done that follows."""
        assert self.send(webhook(BODY)).status_code == 202
        self.settle()

    def edit(self, *tags: str) -> None:
        """Let an editor leave these tags on the published post, and wait until all is done that follows."""
        self.ghost.save_tags(POST, *tags)
        assert self.send(webhook(edited(event="post.published.edited"))).status_code == 202
        self.settle()

    def settle(self) -> None:
        """Wait until nothing waits."""
        eventually(lambda: self.remembered("SELECT count(*) FROM waiting") == [(0,)])

    def remembered(self, query: str) -> list[tuple[Any, ...]]:
        """Return what is in the bridge's file."""
        with closing(sqlite3.connect(self.environment["GHOST_STATE"], timeout=PATIENCE)) as state:
            rows = state.execute(query).fetchall()
            state.commit()
        return rows

    def verdicts(self) -> list[dict[str, list[str]]]:
        """Return the verdicts of the corrections in the ledger, oldest first."""
        export = httpx.get(f"{self.environment['GHOST_TAGDESK_URL']}/v1/feedback/export").raise_for_status()
        rows = [json.loads(line) for line in export.text.splitlines()]
        return [{name: row[name] for name in ("accepted", "rejected", "added")} for row in rows[self.before :]]


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
            "GHOST_STATE": f"{folder}/state.sqlite",
        }
        with bridging(environment, folder / "log") as bridge:
            yield Newsroom(ghost, service, bridge, folder / "log", environment)


@pytest.fixture(autouse=True)
def _anew(newsroom: Newsroom) -> Iterator[None]:
    """Begin without posts and memories, and with a service that is here."""
    newsroom.ghost.posts.clear()
    newsroom.ghost.site_tags.clear()
    newsroom.ghost.writes.clear()
    newsroom.service.mode = "here"
    for table in ("waiting", "posts", "tags", "corrections"):
        newsroom.remembered(f"DELETE FROM {table}")
    newsroom.before = 0
    newsroom.before = len(newsroom.verdicts())
    yield
    newsroom.service.mode = "here"
    newsroom.settle()


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
        eventually(lambda: _alive(address) or process.poll() is not None)
        assert process.poll() is None, log.read_text("utf-8")
        yield address
    finally:
        process.terminate()
        assert process.wait(PATIENCE) in {0, -15}, log.read_text("utf-8")


def _alive(address: str) -> bool:
    try:
        return httpx.get(f"{address}/livez").status_code == 200
    except httpx.TransportError:
        return False


def edited(**changes: Any) -> bytes:
    """Return the webhook's body with other fields."""
    return json.dumps(json.loads(BODY) | changes).encode()


def test_published_post_gets_its_topics_beside_its_own_tags(newsroom: Newsroom) -> None:
    """Ghost's own webhook, byte for byte; its time is long ago, so it is signed anew."""
    newsroom.ghost.publish(POST, "War", HTML, "Geneva", "#internal")
    newsroom.publish()
    assert newsroom.ghost.tags(POST) == ["Geneva", "#internal", "Conflict"]
    (written,) = newsroom.ghost.writes
    assert set(written) == {"tags", "updated_at"}
    assert [set(tag) for tag in written["tags"]] == [{"id", "name", "slug"}, {"id", "name", "slug"}, {"name"}]


def test_own_tags_are_no_news(newsroom: Newsroom) -> None:
    """The webhooks that follow what the bridge wrote lead to nothing: there is no loop, and nothing is judged."""
    newsroom.ghost.publish(POST, "War", HTML)
    newsroom.publish()
    post = json.loads(BODY)["post"]
    for event, status in (
        (edited(event="post.edited"), 200),
        (edited(event="post.published.edited"), 202),
        (json.dumps({"post": post | {"previous": {"tags": [], "updated_at": "2026-11-23T16:12:07.000Z"}}}), 202),
        (json.dumps({"post": post | {"previous": {"status": "published"}}}), 202),
        (BODY, 202),
    ):
        assert newsroom.send(webhook(event if isinstance(event, bytes) else event.encode())).status_code == status
    newsroom.settle()
    assert len(newsroom.ghost.writes) == 1
    assert newsroom.verdicts() == []


def test_webhook_of_older_ghosts_without_an_event_counts_when_the_status_changed(newsroom: Newsroom) -> None:
    newsroom.ghost.publish(POST, "War", HTML)
    post = json.loads(BODY)["post"] | {"previous": {"status": "draft"}}
    assert newsroom.send(webhook(json.dumps({"post": post}).encode())).status_code == 202
    newsroom.settle()
    assert len(newsroom.ghost.writes) == 1


NOT_SIGNED_NOW: dict[str, Callable[[], httpx.Request]] = {
    "another secret": lambda: webhook(BODY, secret="another"),
    "an hour ago": lambda: webhook(BODY, moment=time.time() - 3600),
    "in an hour": lambda: webhook(BODY, moment=time.time() + 3600),
    "unsigned": lambda: httpx.Request("POST", "http://x", content=BODY),
    "empty": lambda: httpx.Request("POST", "http://x", content=BODY, headers={"X-Ghost-Signature": "sha256=, t="}),
    "another body": lambda: httpx.Request("POST", "http://x", content=BODY + b" ", headers=webhook(BODY).headers),
    "not hexadecimal": lambda: httpx.Request(
        "POST", "http://x", content=BODY, headers=[(b"X-Ghost-Signature", f"sha256={'é' * 64}, t=1".encode())]
    ),
}
"""Made when they are sent: what is signed an hour ahead when the tests are collected is in time an hour later."""


@pytest.mark.parametrize("name", NOT_SIGNED_NOW)
def test_webhook_that_ghost_did_not_sign_just_now_is_refused(newsroom: Newsroom, name: str) -> None:
    request_ = NOT_SIGNED_NOW[name]()
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
    assert newsroom.send(webhook(BODY)).status_code == 202
    assert newsroom.ghost.writes == []
    newsroom.service.mode = "here"
    newsroom.settle()
    assert newsroom.ghost.tags(POST) == ["Conflict"]


def test_what_somebody_saved_meanwhile_is_not_overwritten(newsroom: Newsroom) -> None:
    """Ghost refuses a write on an old version; the bridge reads again, and writes on the new one."""
    newsroom.ghost.publish(POST, "War", HTML)
    newsroom.ghost.collisions = 2
    newsroom.send(webhook(BODY))
    newsroom.settle()
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
    newsroom.publish()
    assert "not tagged" in newsroom.log.read_text("utf-8").removeprefix(before)
    assert "again in" not in newsroom.log.read_text("utf-8").removeprefix(before)
    assert newsroom.ghost.writes == []


def test_no_answer_is_410(newsroom: Newsroom) -> None:
    """Ghost deletes a webhook that is answered so."""
    for body in (b"", b"{}", b"\xff", b"[" * 100_000, edited(post=None), edited(post={"current": {"id": "../users"}})):
        assert newsroom.send(webhook(body)).status_code == 200
    assert newsroom.send(webhook(b" " * 20_000_001)).status_code == 413
    undeclared = httpx.post(f"{newsroom.bridge}/webhook", content=iter([b" " * 20_000_000, b" "]), timeout=PATIENCE)
    assert undeclared.status_code == 413
    assert httpx.get(f"{newsroom.bridge}/webhook").status_code == 405
    assert httpx.post(newsroom.bridge).status_code == 404


def test_full_queue_says_so(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.service.mode = "hung"
    post = json.loads(BODY)["post"]
    answers = []
    limits = {"GHOST_MOST_WAITING": "2", "GHOST_STATE": f"{tmp_path}/state.sqlite"}
    with bridging(newsroom.environment | limits, tmp_path / "log") as bridge:
        for number in range(3):
            newsroom.ghost.publish(f"{number:024x}", "War", HTML)
            other = post | {"current": post["current"] | {"id": f"{number:024x}"}}
            request = webhook(json.dumps({"event": "post.published", "post": other}).encode())
            answers.append(
                httpx.post(f"{bridge}/webhook", content=request.content, headers=request.headers).status_code
            )
    assert answers == [202, 202, 503]


def test_log_has_no_word_of_a_post_and_no_address(newsroom: Newsroom) -> None:
    """Ghost's webhooks have the e-mail addresses of the authors."""
    newsroom.ghost.publish(POST, "War", HTML)
    newsroom.send(webhook(BODY))
    newsroom.send(webhook(BODY, secret="another"))
    newsroom.settle()
    log = newsroom.log.read_text("utf-8")
    assert f"post {POST}: 1 tags added" in log
    assert not any(word in log for word in ("editor@example.org", "Ed Itor", "Envoy", "War", "Troops", KEY_SECRET))


def catch_up(newsroom: Newsroom) -> str:
    """Run the command, and return its last line."""
    command = [sys.executable, "-m", "tagdesk_ghost", "catch-up", "--since", "2026-01-01"]
    done = subprocess.run(command, env=newsroom.environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1] if done.stdout else ""


def test_catch_up_tags_what_no_webhook_came_for(newsroom: Newsroom) -> None:
    """Posts that have a topic's tag are left alone: an editor may have taken another away."""
    for number in range(60):
        newsroom.ghost.publish(f"{number:024x}", "War", HTML, *(["Weather"] if number == 7 else []))
    assert catch_up(newsroom) == "59 of 59 posts: 59 tagged, 0 failed"
    assert newsroom.ghost.tags(f"{59:024x}") == ["Conflict"]
    assert newsroom.ghost.tags(f"{7:024x}") == ["Weather"]


def test_catch_up_leaves_alone_what_was_tagged(newsroom: Newsroom) -> None:
    """Also where the tag was renamed since, or taken away."""
    for number in range(2):
        newsroom.ghost.publish(f"{number:024x}", "War", HTML)
    catch_up(newsroom)
    newsroom.ghost.rename_tag("Conflict", "War and peace", "war-and-peace")
    newsroom.ghost.save_tags(f"{1:024x}")
    newsroom.ghost.publish(f"{2:024x}", "War", HTML, "War and peace")
    assert catch_up(newsroom) == ""


@pytest.mark.parametrize("again", ["published again", "edited"])
def test_tag_that_an_editor_took_away_stays_away_and_is_rejected(newsroom: Newsroom, again: str) -> None:
    newsroom.ghost.publish(POST, "War", HTML, "Geneva")
    newsroom.publish()
    assert newsroom.ghost.tags(POST) == ["Geneva", "Conflict"]
    if again == "edited":
        newsroom.edit("Geneva")
    newsroom.ghost.save_tags(POST, "Geneva")
    newsroom.publish()
    assert newsroom.ghost.tags(POST) == ["Geneva"]
    assert newsroom.verdicts() == [{"accepted": [], "rejected": ["conflict"], "added": []}]


def test_tag_that_nobody_touched_is_not_judged(newsroom: Newsroom) -> None:
    """That the bridge's tag is still there says nothing of it; what an editor adds beside it is added."""
    newsroom.ghost.publish(POST, "War", HTML)
    newsroom.publish()
    newsroom.edit("Conflict", "Geneva")
    assert newsroom.verdicts() == []
    newsroom.edit("Conflict", "Geneva", "weather")
    assert newsroom.verdicts() == [{"accepted": [], "rejected": [], "added": ["weather"]}]


def test_tag_by_hand_of_a_topic_that_the_model_suggests_is_accepted(newsroom: Newsroom) -> None:
    newsroom.ghost.publish(POST, "Storm", STORM)
    newsroom.publish()
    assert newsroom.ghost.tags(POST) == []
    newsroom.edit("Weather")
    assert newsroom.verdicts() == [{"accepted": ["weather"], "rejected": [], "added": []}]


def test_newest_correction_has_all_verdicts_that_stand(newsroom: Newsroom) -> None:
    """What an editor added and takes back is not judged any more; what is put there again by hand is accepted."""
    newsroom.ghost.publish(POST, "War", HTML)
    newsroom.publish()
    newsroom.edit("Weather")
    newsroom.edit("Weather", "Diplomacy")
    newsroom.edit("Conflict")
    newsroom.edit()
    assert newsroom.verdicts() == [
        {"accepted": [], "rejected": ["conflict"], "added": ["weather"]},
        {"accepted": ["diplomacy"], "rejected": ["conflict"], "added": ["weather"]},
        {"accepted": ["conflict"], "rejected": ["diplomacy"], "added": []},
        {"accepted": [], "rejected": ["diplomacy", "conflict"], "added": []},
    ]


def test_tag_that_is_deleted_from_the_whole_site_is_no_verdict(newsroom: Newsroom) -> None:
    """Whether the bridge put it on the post, or an editor."""
    newsroom.ghost.publish(POST, "War", HTML)
    newsroom.publish()
    newsroom.edit("Conflict", "Diplomacy")
    newsroom.ghost.delete_tag("Conflict")
    newsroom.ghost.delete_tag("Diplomacy")
    newsroom.edit()
    assert newsroom.verdicts() == [
        {"accepted": ["diplomacy"], "rejected": [], "added": []},
        {"accepted": [], "rejected": [], "added": []},
    ]


@pytest.mark.parametrize(
    ("before", "name", "slug"),
    [
        ("Conflict", "War and peace", None),
        ("Conflict", "War and peace", "war-and-peace"),
        ("CONFLICT", "CONFLICT", None),
    ],
    ids=["renamed", "renamed with its slug", "in capitals"],
)
def test_tag_of_the_site_gets_no_twin(newsroom: Newsroom, before: str, name: str, slug: str | None) -> None:
    newsroom.ghost.publish(POST, "War", HTML)
    if before != "Conflict":
        newsroom.ghost.save_tags(POST, before)
        newsroom.ghost.save_tags(POST)
    newsroom.publish()
    newsroom.ghost.rename_tag(before, name, slug)
    other = "6b0465d73308b417e0fe8647"
    newsroom.ghost.publish(other, "War", HTML)
    body = json.loads(BODY)
    body["post"]["current"]["id"] = other
    newsroom.send(webhook(json.dumps(body).encode()))
    newsroom.settle()
    assert newsroom.ghost.tags(other) == [name]
    assert [tag["name"] for tag in newsroom.ghost.site_tags.values()] == [name]


def test_correction_waits_for_the_service_over_a_restart(newsroom: Newsroom, tmp_path: Path) -> None:
    environment = newsroom.environment | {"GHOST_STATE": f"{tmp_path}/state.sqlite"}
    room = replace(newsroom, environment=environment)
    newsroom.ghost.publish(POST, "War", HTML)
    with bridging(environment, tmp_path / "log") as bridge:
        room.bridge = bridge
        room.publish()
        room.service.mode = "down"
        room.ghost.save_tags(POST)
        room.send(webhook(edited(event="post.published.edited")))
        eventually(lambda: "again in" in (tmp_path / "log").read_text("utf-8"))
    room.service.mode = "here"
    assert room.verdicts() == []
    with bridging(environment, tmp_path / "later"):
        room.settle()
    assert room.verdicts() == [{"accepted": [], "rejected": ["conflict"], "added": []}]
    assert room.remembered("SELECT * FROM corrections") == []


def test_waiting_post_is_tagged_after_a_restart(newsroom: Newsroom, tmp_path: Path) -> None:
    environment = newsroom.environment | {"GHOST_STATE": f"{tmp_path}/state.sqlite"}
    room = replace(newsroom, environment=environment)
    room.service.mode = "hung"
    room.ghost.publish(POST, "War", HTML)
    with bridging(environment, tmp_path / "log") as bridge:
        room.bridge = bridge
        assert room.send(webhook(BODY)).status_code == 202
    room.service.mode = "here"
    with bridging(environment, tmp_path / "later"):
        room.settle()
    assert room.ghost.tags(POST) == ["Conflict"]


def test_file_of_what_is_remembered_is_its_owners_alone(newsroom: Newsroom) -> None:
    """It has the text of posts whose corrections wait."""
    assert Path(newsroom.environment["GHOST_STATE"]).stat().st_mode & 0o777 == 0o600


def test_correction_that_is_refused_is_parked_and_reported(newsroom: Newsroom, tmp_path: Path) -> None:
    """It is not tried again, and the log says so, also after a restart; a newer one takes its place."""
    newsroom.ghost.publish(POST, "War", HTML)
    newsroom.publish()
    newsroom.service.mode = "refusing"
    newsroom.edit()
    message = f"post {POST}: its correction is parked: Tagdesk answered 422 unknown-topic"
    assert message in newsroom.log.read_text("utf-8")
    with bridging(newsroom.environment, tmp_path / "log"):
        eventually(lambda: message in (tmp_path / "log").read_text("utf-8"))
    newsroom.service.mode = "here"
    newsroom.edit("Weather")
    assert newsroom.verdicts() == [{"accepted": [], "rejected": ["conflict"], "added": ["weather"]}]
    assert newsroom.remembered("SELECT * FROM corrections") == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GHOST_URL", "", "GHOST_URL must be set"),
        ("GHOST_URL", "news.example", "GHOST_URL is not an address"),
        ("GHOST_ADMIN_KEY", "abc", "GHOST_ADMIN_KEY is not an Admin API key"),
        ("GHOST_TAGDESK_BANDS", "all", "GHOST_TAGDESK_BANDS is not auto"),
        ("GHOST_RETRY_SECONDS", "soon", "GHOST_RETRY_SECONDS is not a number"),
        ("GHOST_STATE", "/nowhere/state.sqlite", "GHOST_STATE: cannot use /nowhere/state.sqlite"),
    ],
)
def test_wrong_setting_is_one_sentence(newsroom: Newsroom, name: str, value: str, message: str) -> None:
    command = [sys.executable, "-m", "tagdesk_ghost", "serve"]
    done = subprocess.run(
        command, env=newsroom.environment | {name: value}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
