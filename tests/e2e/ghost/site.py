"""A real Ghost with a database of its own, its owner, and an integration with both webhooks."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.waiting import eventually

PLACE = Path(__file__).parents[3] / "var" / "ghost"
SECRET = "s3cret"
_ADMIN = "/ghost/api/admin"
_OWNER = {"email": "editor@example.org", "password": "Tr1al-secret-0987"}


class Site:
    """A Ghost, as its owner works with it.

    Args:
        url: where it is.
        admin: a signed-in client.
        key: the integration's Admin API key.
    """

    def __init__(self, url: str, admin: httpx.Client, key: str) -> None:
        self.url = url
        self.key = key
        self._admin = admin

    def publish(self, title: str, html: str, *tags: str) -> str:
        """Write a post and publish it; return its id."""
        post = {"title": title, "html": html, "status": "published", "tags": [{"name": name} for name in tags]}
        return str(self.ask("POST", "posts/?source=html", posts=[post])["posts"][0]["id"])

    def tags(self, post: str) -> list[str]:
        """Return the names of a post's tags."""
        return [tag["name"] for tag in self._post(post)["tags"]]

    def edit(self, post: str, **changed: Any) -> None:
        """Change a post, as an editor does."""
        now = {"updated_at": self._post(post)["updated_at"]}
        self.ask("PUT", f"posts/{post}/", posts=[now | changed])

    def ask(self, method: str, path: str, **sent: Any) -> Any:
        """Ask the Admin API."""
        answer = self._admin.request(method, f"{_ADMIN}/{path}", json=sent or None)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def _post(self, post: str) -> Any:
        return self.ask("GET", f"posts/{post}/?include=tags")["posts"][0]


@contextmanager
def ghost(folder: Path, bridge: str) -> Iterator[Site]:
    """Run a new Ghost whose webhooks go to a bridge, for the length of a with-block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    shutil.copytree(PLACE / "package" / "content", folder / "content", dirs_exist_ok=True)
    node = PLACE / "tools" / "node_modules" / ".bin" / "node"
    log = folder / "ghost.log"
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [node, PLACE / "package" / "index.js"],
            cwd=PLACE / "package",  # where it looks for its own version
            env=os.environ | _configuration(url, port, folder),
            stdout=lines,
            stderr=lines,
        )
    try:
        headers = {"Origin": url, "Accept-Version": "v6.0"}
        with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as admin:
            eventually(lambda: _answers(admin) or process.poll() is not None)
            assert process.poll() is None, log.read_text("utf-8", "replace")
            yield Site(url, admin, _prepared(admin, bridge))
    finally:
        process.terminate()
        process.wait(60)


def _configuration(url: str, port: int, folder: Path) -> dict[str, str]:
    """Return Ghost's settings as it reads them from its environment."""
    return {
        "NODE_ENV": "production",
        "url": url,
        "server__host": "127.0.0.1",
        "server__port": str(port),
        "database__client": "better-sqlite3",
        "database__connection__filename": f"{folder}/ghost.db",
        "database__useNullAsDefault": "true",
        "mail__transport": "Direct",
        "logging__transports": '["stdout"]',
        "paths__contentPath": f"{folder}/content",
        "security__allowWebhookInternalIPs": "true",
        "security__staffDeviceVerification": "false",
        "privacy__useUpdateCheck": "false",
        "privacy__useGravatar": "false",
        "privacy__useRpcPing": "false",
        "privacy__useStructuredData": "false",
    }


def _answers(admin: httpx.Client) -> bool:
    try:
        return admin.get(f"{_ADMIN}/site/").status_code == 200
    except httpx.TransportError:
        return False


def _prepared(admin: httpx.Client, bridge: str) -> str:
    """Make the owner and the integration as the README says; return its key."""

    def ask(path: str, sent: Any) -> httpx.Response:
        answer = admin.post(f"{_ADMIN}/{path}", json=sent)
        assert answer.status_code < 300, answer.text
        return answer

    ask("authentication/setup/", {"setup": [{"name": "Ed Itor", "blogTitle": "Newsroom", **_OWNER}]})
    ask("session/", {"username": _OWNER["email"], "password": _OWNER["password"]})
    made = ask("integrations/?include=api_keys", {"integrations": [{"name": "Tagdesk"}]}).json()["integrations"][0]
    for event in ("post.published", "post.published.edited"):
        hook = {"event": event, "target_url": f"{bridge}/webhook", "name": event, "secret": SECRET}
        ask("webhooks/", {"webhooks": [{**hook, "integration_id": made["id"]}]})
    return str(next(key["secret"] for key in made["api_keys"] if key["type"] == "admin"))
