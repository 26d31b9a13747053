"""The routes that say what is served, and those that let another version be served."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.models import Taxonomy, storage
from tagdesk.models.bundle import save_bundle
from tagdesk.service.app import create_app
from tagdesk.service.routes import models as model_routes
from tagdesk.service.settings import Settings
from tagdesk.service.workers import FOLDER, Workers
from tests.service.versions import ARTICLE, TOPIC_OF, save_versions, spoil
from tests.tiny import TAXONOMY, WEIGHTS, save_tiny_model, tiny_model
from tests.waiting import PATIENCE

Serve = Callable[[ASGIApp], AbstractContextManager[str]]


def test_lists_the_topics(client: httpx.Client) -> None:
    """Every topic comes with its codes and cut-offs, and with its figures where the manifest has them."""
    found = client.get("/v1/topics").json()
    assert found["model"] == "tiny@1"
    assert found["taxonomy"] == "tiny"
    assert [topic["id"] for topic in found["topics"]] == list(TAXONOMY.ids)
    conflict, diplomacy, weather = found["topics"]
    assert conflict["codes"] == [{"qcode": "medtop:16000000", "match": "exact"}]
    assert conflict["measured"] == {"precision": 0.9, "recall": 0.8, "f1": 0.847, "support": 40}
    assert (diplomacy["parent"], diplomacy["implies_parent"]) == ("conflict", False)
    assert diplomacy["measured"] is None
    assert weather["cutoffs"] == {"suggest": 0.5, "auto": None}


def test_says_which_topic_implies_its_parent(serve: Serve, tmp_path: Path) -> None:
    """A topic whose confidence its parent caps is marked."""
    conflict, diplomacy, weather = TAXONOMY.topics
    taxonomy = Taxonomy("tiny", (conflict, replace(diplomacy, implies_parent=True), weather))
    folder = save_bundle(replace(tiny_model(), taxonomy=taxonomy), list(WEIGHTS), "# tiny\n", tmp_path)
    with serve(create_app(Settings(model=str(folder), database_url="none"))) as address:
        rows = httpx.get(f"{address}/v1/topics").json()["topics"]
    assert [row["implies_parent"] for row in rows] == [False, True, False]


def test_shows_the_manifest(client: httpx.Client) -> None:
    """The manifest comes as it is on disk."""
    found = client.get("/v1/model").json()
    assert found["name"] == "tiny"
    assert len(found["content_hash"]) == 64
    assert found["metrics"] == tiny_model().manifest["metrics"]


def test_is_alive_and_ready(client: httpx.Client) -> None:
    """With a model, both probes answer 200."""
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok", "ledger": "ok"}


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of three versions, of which `calm` is current; TAGDESK_STORE names their store."""
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path))
    return save_versions(tmp_path)


@pytest.fixture
def operator(versions: Path, serve: Serve) -> Iterator[httpx.Client]:
    """Return a client of a service that follows `CURRENT` there."""
    with (
        serve(create_app(Settings(model="tiny", database_url="none"))) as address,
        httpx.Client(base_url=address) as one,
    ):
        yield one


def refused(response: httpx.Response, status: int, kind: str) -> str:
    """Check that an answer is a problem of this kind, and return its detail."""
    assert (response.status_code, response.json()["type"]) == (status, f"/problems/{kind}")
    return str(response.json()["detail"])


def test_lists_the_versions_and_what_is_served(operator: httpx.Client) -> None:
    """Every version comes with its place, beside what this worker serves."""
    found = operator.get("/v1/models").json()
    assert [row["version"] for row in found["versions"]] == ["busy", "calm", "tense"]
    assert {row["place"] for row in found["versions"]} == {"store"}
    (worker,) = found["workers"]
    assert (worker["pid"], worker["model"], worker["failure"]) == (os.getpid(), "tiny@calm", None)
    assert (found["name"], found["current"], found["previous"]) == ("tiny", "calm", None)
    assert found["follows_current"] is True
    assert found["last_failure"] is None


def test_lists_the_shipped_version(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty store the shipped version is the one there is, and activating it changes nothing."""
    save_tiny_model(tmp_path / "shipped")
    monkeypatch.setattr(storage, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path / "store"))
    with (
        serve(create_app(Settings(model="tiny", database_url="none"))) as address,
        httpx.Client(base_url=address) as client,
    ):
        assert client.get("/v1/models").json()["versions"] == [{"version": "1", "place": "shipped"}]
        assert client.post("/v1/models/1/activate").json()["model"] == "tiny@1"
        assert client.get("/v1/models").json()["previous"] is None


def test_activates_a_version_and_rolls_back(versions: Path, operator: httpx.Client) -> None:
    """The next answer is the new version's, `CURRENT` names it, and rolling back twice undoes two activations."""
    for version in ("tense", "busy"):
        found = operator.post(f"/v1/models/{version}/activate").raise_for_status().json()
        assert (found["model"], found["waiting"]) == (f"tiny@{version}", [])
        (topic,) = operator.post("/v1/tag", json=ARTICLE).json()["topics"]
        assert topic["id"] == TOPIC_OF[version]
        assert (versions / "CURRENT").read_text() == f"{version}\n"
    assert operator.post("/v1/models/rollback").json()["model"] == "tiny@tense"
    assert operator.get("/v1/models").json()["previous"] == "calm"
    found = operator.post("/v1/models/rollback").json()
    assert (found["model"], found["before"]) == ("tiny@calm", "tiny@tense")
    assert "no earlier version" in refused(operator.post("/v1/models/rollback"), 409, "model-not-changed")
    assert operator.post("/v1/tag", json=ARTICLE).json()["model"] == "tiny@calm"


@pytest.mark.parametrize("version", ["none", "..", "%2e%2e", "..%2fother", "CURRENT", ".draft-x", "a" * 300, "%00"])
def test_knows_no_such_version(versions: Path, operator: httpx.Client, version: str) -> None:
    """An unknown version is 404, whatever path it spells."""
    (versions / ".draft-x").mkdir()
    detail = refused(operator.post(f"/v1/models/{version}/activate"), 404, "not-found")
    assert version not in detail
    assert (versions / "CURRENT").read_text() == "calm\n"


def test_refuses_a_bad_bundle_and_says_why(
    versions: Path, operator: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """`CURRENT` stays, the old model goes on, and the reason is in the answer, the log and the list."""
    spoil(versions / "busy")
    detail = refused(operator.post("/v1/models/busy/activate"), 409, "model-not-changed")
    assert "arrays.safetensors is not the file that was saved" in detail
    assert (versions / "CURRENT").read_text() == "calm\n"
    assert operator.post("/v1/tag", json=ARTICLE).json()["model"] == "tiny@calm"
    failure = operator.get("/v1/models").json()["last_failure"]
    assert failure["model"] == "tiny@busy"
    assert failure["reason"] in detail
    assert failure["reason"] in caplog.text


def test_refuses_a_bundle_of_another_name(versions: Path, operator: httpx.Client) -> None:
    """Else its answers would name a model that they are not of."""
    shutil.copytree(versions / "busy", versions / "copy")
    detail = refused(operator.post("/v1/models/copy/activate"), 409, "model-not-changed")
    assert "its manifest is that of tiny@busy" in detail


def test_refuses_a_bundle_that_fails_when_it_is_tried(versions: Path, operator: httpx.Client) -> None:
    """A manifest that records the SHA-256 of a broken file passes the check, and is found out all the same."""
    broken = versions / "busy"
    (broken / "ngrams.txt.gz").write_bytes(b"no gzip")
    manifest = json.loads((broken / "manifest.json").read_bytes())
    manifest["files"]["ngrams.txt.gz"]["sha256"] = hashlib.sha256(b"no gzip").hexdigest()
    (broken / "manifest.json").write_text(json.dumps(manifest))
    refused(operator.post("/v1/models/busy/activate"), 409, "model-not-changed")
    assert operator.post("/v1/tag", json=ARTICLE).json()["model"] == "tiny@calm"


def test_refuses_where_current_cannot_be_written(versions: Path, operator: httpx.Client) -> None:
    """Then no worker changes: the others would not follow."""
    (versions / "CURRENT").unlink()
    (versions / "CURRENT").mkdir()
    detail = refused(operator.post("/v1/models/busy/activate"), 409, "model-not-changed")
    assert "cannot read" in detail
    assert operator.post("/v1/tag", json=ARTICLE).json()["model"] == "tiny@calm"


@pytest.mark.parametrize("path", ["/v1/models/calm/activate", "/v1/models/rollback"])
@pytest.mark.parametrize("pinned", ["tiny@calm", "path"])
def test_refuses_where_one_version_was_asked_for(versions: Path, serve: Serve, path: str, pinned: str) -> None:
    """A service that was started with a version or a path serves it until the end."""
    ref = str(versions / "calm") if pinned == "path" else pinned
    with serve(create_app(Settings(model=ref, database_url="none"))) as address:
        detail = refused(httpx.post(f"{address}{path}"), 409, "model-not-changed")
        assert "--model tiny" in detail
        assert httpx.get(f"{address}/v1/models").json()["follows_current"] is False


def test_names_the_workers_that_have_not_swapped(
    versions: Path, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that hangs is waited for no longer than `PATIENCE`; one that is dead is not waited for."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv(FOLDER, str(folder))
    monkeypatch.setattr(model_routes, "PATIENCE", 0.3)
    with (
        hanging(folder) as pid,
        serve(create_app(Settings(model="tiny", database_url="none"))) as address,
        httpx.Client(base_url=address) as client,
    ):
        found = client.post("/v1/models/busy/activate").json()
        assert found["waiting"] == [pid]
        assert len(found["workers"]) == 2
        Workers(folder).bury(pid)
        assert client.post("/v1/models/tense/activate").json()["waiting"] == []


@contextmanager
def hanging(folder: Path) -> Iterator[int]:
    """Run a worker that has published what it serves, and does nothing more; yield its process id."""
    code = (
        "import sys, time, pathlib\nfrom tagdesk.service.workers import Workers\n"
        "workers = Workers(pathlib.Path(sys.argv[1])); "
        "workers.publish({'model': 'tiny@calm', 'since': '', 'failure': None}); print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.mark.parametrize("path", ["/v1/models/rollback", "/v1/models/busy/activate"])
def test_tells_who_asked_second_that_it_was_second(
    versions: Path, operator: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Of two changes at once the first is made; the second is refused, and names what is current now."""
    for version in ("tense", "busy", "calm"):
        operator.post(f"/v1/models/{version}/activate").raise_for_status()
    default = storage.default_version_or_none
    both_asked = threading.Barrier(2, lambda: monkeypatch.setattr(storage, "default_version_or_none", default))

    def named_once_both_asked(place: Path, name: str) -> str | None:
        version = default(place, name)
        both_asked.wait(PATIENCE)
        return version

    monkeypatch.setattr(storage, "default_version_or_none", named_once_both_asked)
    with ThreadPoolExecutor(2) as pool:
        first, second = sorted(pool.map(lambda _: operator.post(path), range(2)), key=lambda one: one.status_code)
    assert (first.status_code, first.json()["model"]) == (200, "tiny@busy")
    assert "the current version is busy now" in refused(second, 409, "model-not-changed")
    assert (versions / "CURRENT").read_text() == "busy\n"
    assert operator.post("/v1/tag", json=ARTICLE).json()["model"] == "tiny@busy"
    assert operator.get("/v1/models").json()["last_failure"] is None


def test_answers_with_the_version_that_was_written(
    versions: Path, operator: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the version to go back to is deleted meanwhile, the answer names the one before it, which is served."""
    for version in ("tense", "busy", "calm"):
        operator.post(f"/v1/models/{version}/activate").raise_for_status()
    previous = storage.previous

    def previous_then_deleted(place: Path, name: str) -> str | None:
        version = previous(place, name)
        monkeypatch.setattr(storage, "previous", previous)
        monkeypatch.setattr(storage, "roll_back", lambda *_, **__: roll_back_without_busy())
        return version

    def roll_back_without_busy() -> str:
        shutil.rmtree(versions / "busy")
        return roll_back(versions.parent, "tiny")

    roll_back = storage.roll_back
    monkeypatch.setattr(storage, "previous", previous_then_deleted)
    found = operator.post("/v1/models/rollback").raise_for_status().json()
    assert found["model"] == "tiny@tense"
    assert (versions / "CURRENT").read_text() == "tense\n"
    assert operator.post("/v1/tag", json=ARTICLE).json()["model"] == "tiny@tense"


def test_lets_go_of_the_old_model(versions: Path, operator: httpx.Client) -> None:
    """After a swap the old bundle's file is no longer mapped into memory."""
    for version in ("tense", "busy", "tense", "calm", "busy"):
        operator.post(f"/v1/models/{version}/activate").raise_for_status()
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("the system does not list what is mapped")
    mapped = {line.split(maxsplit=5)[5] for line in maps.read_text().splitlines() if str(versions) in line}
    assert mapped == {str(versions / "busy" / "arrays.safetensors")}


def test_describes_the_api_by_the_model_that_answers(operator: httpx.Client) -> None:
    """After a swap the examples are the new model's."""
    for version in ("calm", "busy"):
        operator.post(f"/v1/models/{version}/activate").raise_for_status()
        tag = operator.get("/openapi.json").json()["paths"]["/v1/tag"]["post"]
        assert tag["responses"]["200"]["content"]["application/json"]["example"]["model"] == f"tiny@{version}"


def test_serves_where_it_cannot_tell_the_others(
    versions: Path, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the workers' folder, or room in it, a worker knows of itself, complains once, and swaps."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "removed"))
    with (
        serve(create_app(Settings(model="tiny", database_url="none"))) as address,
        httpx.Client(base_url=address) as client,
    ):
        for version in ("busy", "tense"):
            found = client.post(f"/v1/models/{version}/activate").raise_for_status().json()
            assert [worker["model"] for worker in found["workers"]] == [f"tiny@{version}"]
    assert caplog.text.count("cannot write") == 1
