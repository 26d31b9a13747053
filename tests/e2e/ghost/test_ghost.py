"""The bridge beside a real Ghost: what its README promises, from the webhook to the ledger."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tests.conftest import running
from tests.e2e.ghost.site import PLACE, SECRET, Site, ghost
from tests.integrations.test_ghost import BRIDGE, HTML
from tests.waiting import eventually


@dataclass
class Newsroom:
    """Ghost, the bridge and the service, all of them real.

    Args:
        site: Ghost.
        service: the service's address.
        port: the bridge's.
        folder: where the bridge's file and its log are.
    """

    site: Site
    service: str
    port: int
    folder: Path
    bridge: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Start the bridge."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(BRIDGE),
            "GHOST_URL": self.site.url,
            "GHOST_ADMIN_KEY": self.site.key,
            "GHOST_WEBHOOK_SECRET": SECRET,
            "GHOST_TAGDESK_URL": self.service,
            "GHOST_RETRY_SECONDS": "0.2",
            "GHOST_STATE": f"{self.folder}/state.sqlite",
        }
        with (self.folder / "bridge.log").open("ab") as log:
            command = [sys.executable, "-m", "tagdesk_ghost", "serve", "--port", str(self.port)]
            self.bridge = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        eventually(self._is_alive)

    def stop(self) -> None:
        """Stop the bridge."""
        assert self.bridge is not None
        self.bridge.terminate()
        self.bridge.wait(30)

    def verdicts(self, post: str) -> list[dict[str, list[str]]]:
        """Return the verdicts on a post that are in the ledger, oldest first."""
        export = httpx.get(f"{self.service}/v1/feedback/export").raise_for_status()
        rows = [row for row in map(json.loads, export.text.splitlines()) if row["id"].endswith(f"/{post}")]
        return [{name: row[name] for name in ("accepted", "rejected", "added") if row[name]} for row in rows]

    def _is_alive(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/livez").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def newsroom(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """Return all three, running."""
    if not (PLACE / "package" / "node_modules").exists():
        pytest.skip("Ghost is not installed: make test-ghost")
    folder = tmp_path_factory.mktemp("ghost")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    app = create_app(replace(tiny_settings, database_url=f"{folder}/ledger.sqlite", access_log=False))
    with running(app) as service, ghost(folder, f"http://127.0.0.1:{port}") as site:
        room = Newsroom(site, service, port, folder)
        room.start()
        yield room
        room.stop()


def test_published_post_has_its_sure_topics_beside_its_own_tags(newsroom: Newsroom) -> None:
    site = newsroom.site
    post = site.publish("War", HTML, "Geneva")
    eventually(lambda: "Conflict" in site.tags(post))
    assert site.tags(post) == ["Geneva", "Conflict"]


def test_draft_is_tagged_when_it_is_published(newsroom: Newsroom) -> None:
    site = newsroom.site
    post = site.ask("POST", "posts/?source=html", posts=[{"title": "War", "html": HTML, "status": "draft"}])
    post_id = post["posts"][0]["id"]
    assert site.tags(post_id) == []
    site.edit(post_id, status="published")
    eventually(lambda: site.tags(post_id) == ["Conflict"])


def test_renamed_tag_and_one_in_capitals_get_no_twin(newsroom: Newsroom) -> None:
    """A topic's tag stays the topic's when the site renames it, and `DIPLOMACY`, which was there, is the topic's."""
    site = newsroom.site
    site.ask("POST", "tags/", tags=[{"name": "DIPLOMACY"}])
    first = site.publish("War", HTML)
    eventually(lambda: site.tags(first) == ["Conflict"])
    (conflict,) = site.ask("GET", "tags/?filter=name:Conflict")["tags"]
    site.ask("PUT", f"tags/{conflict['id']}/", tags=[conflict | {"name": "War and peace"}])
    second = site.publish("War again", HTML)
    third = site.publish("Summit", "<p>The envoy met ministers at the summit.</p>" * 3)
    eventually(lambda: site.tags(second) == ["War and peace"] and site.tags(third) == ["DIPLOMACY"])
    assert [tag["slug"] for tag in site.ask("GET", "tags/?limit=100")["tags"] if tag["slug"].endswith("-2")] == []
    site.ask("PUT", f"tags/{conflict['id']}/", tags=[{"name": "Conflict", "slug": conflict["slug"]}])


def test_what_an_editor_took_away_stays_away_and_is_a_verdict(newsroom: Newsroom) -> None:
    """Also when the post is unpublished and published again; a tag put there by hand is a verdict, too."""
    site = newsroom.site
    post = site.publish("War", HTML)
    eventually(lambda: site.tags(post) == ["Conflict"])
    site.edit(post, tags=[{"name": "Weather"}])
    eventually(lambda: newsroom.verdicts(post))
    assert newsroom.verdicts(post)[-1]["rejected"] == ["conflict"]
    site.edit(post, status="draft")
    site.edit(post, status="published")
    eventually(lambda: f"post {post}: 0 tags added" in (newsroom.folder / "bridge.log").read_text("utf-8"))
    assert site.tags(post) == ["Weather"]


def test_post_that_came_while_the_bridge_was_away_is_tagged_by_catch_up(newsroom: Newsroom) -> None:
    """Publishing waits for nobody."""
    site = newsroom.site
    newsroom.stop()
    post = site.publish("War", HTML)
    newsroom.start()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(BRIDGE), "GHOST_URL": site.url}
    environment |= {"GHOST_ADMIN_KEY": site.key, "GHOST_WEBHOOK_SECRET": SECRET, "GHOST_TAGDESK_URL": newsroom.service}
    environment |= {"GHOST_STATE": f"{newsroom.folder}/state.sqlite"}
    command = [sys.executable, "-m", "tagdesk_ghost", "catch-up"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert site.tags(post) == ["Conflict"]
