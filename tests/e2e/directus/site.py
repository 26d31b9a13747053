"""A real Directus on SQLite, its administrator, and a collection of articles."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from tests.waiting import eventually

PLACE = Path(__file__).parents[3] / "var" / "directus"
_ADMIN = {"email": "admin@example.org", "password": "Tr1al-secret-0987"}
_FIELDS = [
    {"field": "id", "type": "integer", "schema": {"is_primary_key": True, "has_auto_increment": True}},
    {"field": "title", "type": "string", "schema": {}},
    {"field": "body", "type": "text", "schema": {}},
    {"field": "language", "type": "string", "schema": {}},
    {"field": "topics", "type": "json", "schema": {}, "meta": {"interface": "tags", "special": ["cast-json"]}},
    {"field": "tagdesk", "type": "json", "schema": {}, "meta": {"hidden": True, "special": ["cast-json"]}},
]

Operation = tuple[str, str, dict[str, Any]]
"""Its key, its type and its options."""


class Site:
    """A Directus, as its administrator works with it.

    Args:
        admin: a signed-in client.
    """

    def __init__(self, admin: httpx.Client) -> None:
        self._admin = admin

    def make_flow(self, scope: str, *operations: Operation) -> None:
        """Make a Flow of articles, with an event hook that does not block, and let one operation follow the other."""
        options = {"type": "action", "scope": [scope], "collections": ["articles"]}
        flow = self.ask("POST", "flows", name=scope, status="active", trigger="event", options=options)["id"]
        made = [
            self.ask(
                "POST",
                "operations",
                flow=flow,
                key=key,
                name=key,
                type=kind,
                options=how,
                position_x=1,
                position_y=1,
            )
            for key, kind, how in operations
        ]
        for operation, after in pairwise(made):
            self.ask("PATCH", f"operations/{operation['id']}", resolve=after["id"])
        self.ask("PATCH", f"flows/{flow}", operation=made[0]["id"])

    def ask(self, method: str, path: str, **sent: Any) -> Any:
        """Ask the API."""
        answer = self._admin.request(method, f"/{path}", json=sent or None)
        assert answer.status_code < 300, answer.text[:500]
        return answer.json()["data"]


@contextmanager
def directus(folder: Path) -> Iterator[Site]:
    """Run a new Directus with the collection, for the length of a with-block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(PLACE / "tools/node_modules/.bin/node"), str(PLACE / "node_modules/directus/cli.js")]
    environment = os.environ | {
        "DB_CLIENT": "sqlite3",
        "DB_FILENAME": f"{folder}/directus.db",
        "SECRET": "s" * 32,
        "ADMIN_EMAIL": _ADMIN["email"],
        "ADMIN_PASSWORD": _ADMIN["password"],
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "IMPORT_IP_DENY_LIST": "",  # the service is on this machine
        "TELEMETRY": "false",
    }
    subprocess.run([*command, "bootstrap"], cwd=folder, env=environment, check=True, capture_output=True)
    log = folder / "directus.log"
    with log.open("wb") as lines:
        server = subprocess.Popen([*command, "start"], cwd=folder, env=environment, stdout=lines, stderr=lines)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False) as admin:
            eventually(lambda: _answers(admin) or server.poll() is not None)
            assert server.poll() is None, log.read_text("utf-8", "replace")
            token = admin.post("/auth/login", json=_ADMIN).json()["data"]["access_token"]
            admin.headers["Authorization"] = f"Bearer {token}"
            site = Site(admin)
            site.ask("POST", "collections", collection="articles", meta={}, schema={}, fields=_FIELDS)
            yield site
    finally:
        server.terminate()
        server.wait(60)


def _answers(admin: httpx.Client) -> bool:
    try:
        return admin.get("/server/ping").status_code == 200
    except httpx.TransportError:
        return False
