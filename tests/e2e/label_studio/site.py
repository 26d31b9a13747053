"""A real Label Studio with a database of its own, and its owner."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.waiting import eventually

PLACE = Path(__file__).parents[3] / "var" / "label-studio"
_EMAIL, _PASSWORD, _TOKEN = "editor@example.org", "Tr1al-secret-0987", "0123456789abcdef" * 2 + "01234567"


class Site:
    """A Label Studio, as its owner works with it.

    Args:
        owner: a client with the owner's token.
    """

    def __init__(self, owner: httpx.Client) -> None:
        self._owner = owner

    def project(self, interface: str) -> int:
        """Make a project with a labelling interface; return its id."""
        return int(self.ask("POST", "projects/", title="News", label_config=interface)["id"])

    def connect(self, project: int, url: str, key: str) -> httpx.Response:
        """Connect a model, as *Settings → Model* does; return what Label Studio says."""
        sent = {"project": project, "title": "Tagdesk", "url": url, "auth_method": "BASIC_AUTH"}
        return self._owner.post("/api/ml", json=sent | {"basic_auth_user": "label-studio", "basic_auth_pass": key})

    def sign_annotations(self, project: int, key: str) -> None:
        """Add the key to the webhook that Label Studio made when the model was connected, in *Settings → Webhooks*."""
        (hook,) = self.ask("GET", f"webhooks/?project={project}")
        self.ask("PATCH", f"webhooks/{hook['id']}/", headers={"Authorization": f"Bearer {key}"})

    def add(self, project: int, *articles: dict[str, Any]) -> list[int]:
        """Import articles; return the ids of their tasks in the same order."""
        made = self.ask("POST", f"projects/{project}/import?return_task_ids=true", [*articles])
        return list(made["task_ids"])

    def predict(self, project: int, tasks: list[int]) -> None:
        """Choose tasks in the list, and *Retrieve Predictions*."""
        chosen = {"all": False, "included": tasks}
        self.ask("POST", f"dm/actions/?id=retrieve_tasks_predictions&project={project}", selectedItems=chosen)

    def predictions(self, task: int) -> list[dict[str, Any]]:
        """Return the predictions that a task has."""
        return list(self.ask("GET", f"tasks/{task}/")["predictions"])

    def annotate(self, task: int, *choices: str) -> int:
        """Submit an annotation; return its id."""
        return int(self.ask("POST", f"tasks/{task}/annotations/", result=_chosen(choices))["id"])

    def change(self, annotation: int, *choices: str) -> None:
        """Update an annotation."""
        self.ask("PATCH", f"annotations/{annotation}/", result=_chosen(choices))

    def ask(self, method: str, path: str, rows: list[Any] | None = None, **sent: Any) -> Any:
        """Ask the API, with rows or an object."""
        answer = self._owner.request(method, f"/api/{path}", json=rows or sent or None)
        assert answer.status_code < 300, answer.text[:500]
        return answer.json()


def _chosen(choices: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"from_name": "topics", "to_name": "text", "type": "choices", "value": {"choices": list(choices)}}]


@contextmanager
def label_studio(folder: Path) -> Iterator[Site]:
    """Run a new Label Studio for the length of a with-block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(PLACE / "bin" / "label-studio"), "start", "--no-browser", "--internal-host", "127.0.0.1"]
    owner = ["--username", _EMAIL, "--password", _PASSWORD, "--user-token", _TOKEN]
    log = folder / "label-studio.log"
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [*command, "--port", str(port), *owner], env=_environment(folder), stdout=lines, stderr=lines
        )
    try:
        headers = {"Authorization": f"Token {_TOKEN}"}
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120, trust_env=False, follow_redirects=True
        ) as client:
            eventually(lambda: _answers(client) or process.poll() is not None, 300)  # it makes its tables first
            assert process.poll() is None, log.read_text("utf-8", "replace")
            yield Site(client)
    finally:
        process.terminate()
        process.wait(60)


def _environment(folder: Path) -> dict[str, str]:
    settings = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "ML_BLOCK_LOCAL_IP": "false",
        "SSRF_PROTECTION_ENABLED": "false",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("TAGDESK_")} | settings


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/api/current-user/whoami").status_code == 200
    except httpx.TransportError:
        return False
