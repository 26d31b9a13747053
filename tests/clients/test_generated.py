"""Clients that generators make of /openapi.json, used against the real service: tag, batch, topics, correct."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.conftest import serving

HERE = Path(__file__).parent
NODE_MODULES = HERE.parents[1] / "var" / "clients" / "node_modules"
LINES_AS_TEXT = '{"content_type_overrides": {"application/x-ndjson": "text/plain"}}'  # JSON is YAML

ARTICLE = {"id": "a-1", "title": "Envoy", "body": "The envoy met ministers to end the war."}
OTHER = {"body_html": "<p>Heavy rain and winds, and more rain to come.</p>"}


@dataclass(frozen=True)
class Service:
    """A service that asks for keys.

    Attributes:
        address: where it is.
        key: one with the scopes of a CMS.
        description: its /openapi.json.
    """

    address: str
    key: str
    description: dict[str, Any]


@pytest.fixture(scope="module")
def service(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return the service."""
    folder = tmp_path_factory.mktemp("service")
    key, token = new_key("cms", ["tag", "feedback"], "2026-11-30")
    (folder / "keys.json").write_bytes(keys_json([key]))
    settings = replace(tiny_settings, keys_file=f"{folder}/keys.json", database_url=f"{folder}/ledger.sqlite")
    with serving(settings) as address:
        yield Service(address, token, httpx.get(f"{address}/openapi.json").raise_for_status().json())


@pytest.fixture(scope="module")
def python_client(service: Service, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the name of the package that openapi-python-client makes, which can be imported."""
    pytest.importorskip("openapi_python_client", reason="openapi-python-client is not installed: make install")
    folder = tmp_path_factory.mktemp("python")
    (folder / "openapi.json").write_text(json.dumps(service.description))
    (folder / "config.yaml").write_text(LINES_AS_TEXT)
    command = ["-m", "openapi_python_client", "generate", "--path", "openapi.json", "--config", "config.yaml"]
    command += ["--meta", "none", "--output-path", "generated_tagdesk"]
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # of ruff, which it formats with
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=os.environ | path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    return "generated_tagdesk"


def test_python_client_tags_batches_and_corrects(service: Service, python_client: str) -> None:
    """The client of openapi-python-client sends every kind of article, and reads answers, lines and problems."""

    def api(name: str) -> Any:
        return importlib.import_module(f"{python_client}.api.{name}")

    package, models = importlib.import_module(python_client), importlib.import_module(f"{python_client}.models")
    article, other = models.Article(**ARTICLE), models.Article(**OTHER)
    with package.AuthenticatedClient(base_url=service.address, token=service.key) as client:
        answer = api("tagging.tag").sync(client=client, body=article, explain="true")
        assert [topic.id for topic in answer.topics] == ["diplomacy", "conflict"]
        assert answer.topics[0].evidence[0].text == "Envoy"
        lines = api("tagging.tag_batch").sync(client=client, body=[article, other])
        assert [json.loads(line)["topics"][0]["id"] for line in lines.splitlines()] == ["diplomacy", "weather"]
        assert len(api("model.list_topics").sync(client=client).topics) == 3
        correction = models.Feedback(article=article, model=answer.model, accepted=["diplomacy"], rejected=["conflict"])
        receipt = api("feedback.send_feedback").sync(client=client, body=correction)
        assert receipt.article == "a-1"
        assert receipt.received.tzinfo is not None
        ever = datetime(2000, 1, 1, tzinfo=UTC)  # as midnight may pass meanwhile
        assert api("feedback.count_feedback").sync(client=client, since=ever).own.corrections == 1
        refused = api("tagging.tag").sync(client=client, body=models.Article(title="no body"))
        assert isinstance(refused, models.Problem)
        assert refused.type_ == "/problems/invalid-article"
    with package.AuthenticatedClient(base_url=service.address, token="wrong") as client:
        assert api("tagging.tag").sync(client=client, body=article).type_ == "/problems/unknown-key"


def test_typescript_client_tags_batches_and_corrects(service: Service, tmp_path: Path) -> None:
    """The types of openapi-typescript fit a program on openapi-fetch, which runs."""
    node = shutil.which("node")
    if node is None or not NODE_MODULES.exists():
        pytest.skip("openapi-typescript is not installed: make test-clients")
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_bytes((HERE / "package.json").read_bytes())
    (tmp_path / "openapi.json").write_text(json.dumps(service.description))
    shutil.copy(HERE / "use.ts", tmp_path)

    def run(*command: str) -> str:
        done = subprocess.run([node, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("node_modules/openapi-typescript/bin/cli.js", "openapi.json", "-o", "api.d.ts")
    compiler = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", "--skipLibCheck"]
    run("node_modules/typescript/bin/tsc", *compiler, "use.ts")
    assert json.loads(run("use.js", service.address, service.key)) == {
        "topics": ["diplomacy", "conflict"],
        "evidence": "Envoy",
        "batch": ["diplomacy", "weather"],
        "known": 3,
        "receipt": "a-1",
        "refused": "/problems/invalid-article",
    }
