"""What a version changed is read from beside its bundle, by whoever may correct."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.models.storage import make_current
from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.routes.changes import FILE
from tagdesk.service.settings import Settings
from tests.tiny import NAME, VERSION, save_tiny_model

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

CHANGES: dict[str, Any] = {
    "candidate": "tiny@1",
    "served": "tiny@0",
    "made": "2026-11-24T05:00:00Z",
    "source": "corrected articles",
    "articles": 2,
    "topics": [{"topic": "weather", "gained": 1, "lost": 0}],
    "strongest": [],
    "words": [],
    "editors": [],
    "gate": {"decision": "refused", "reasons": ["weather falls by 0.100 F1"]},
}


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the served bundle's folder, in a store of its own."""
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path))
    folder = save_tiny_model(tmp_path)
    make_current(tmp_path, NAME, VERSION)
    return folder


def asked(settings: Settings, serve: Serve, version: str = VERSION, **headers: str) -> httpx.Response:
    with serve(create_app(settings)) as address:
        return httpx.get(f"{address}/v1/models/{version}/changes", headers=headers)


def test_what_retraining_wrote_is_answered(bundle: Path, tiny_settings: Settings, serve: Serve) -> None:
    (bundle / FILE).write_text(json.dumps(CHANGES), encoding="utf-8")
    answer = asked(replace(tiny_settings, model=NAME), serve)
    assert (answer.status_code, answer.json()) == (200, CHANGES)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"a": NaN', b"\xff"])
def test_version_without_changes_is_not_found(
    bundle: Path, tiny_settings: Settings, serve: Serve, content: bytes | None
) -> None:
    """Nor is one whose file is broken."""
    if content is not None:
        (bundle / FILE).write_bytes(content)
    assert asked(replace(tiny_settings, model=NAME), serve).status_code == 404


@pytest.mark.parametrize("version", ["2", "..%2f1", "%00", "CURRENT"])
def test_version_that_is_not_there_is_not_found(
    bundle: Path, tiny_settings: Settings, serve: Serve, version: str
) -> None:
    assert bundle.is_dir()
    assert asked(replace(tiny_settings, model=NAME), serve, version).status_code == 404


def test_link_is_not_followed(bundle: Path, tiny_settings: Settings, serve: Serve, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(json.dumps(CHANGES), encoding="utf-8")
    (bundle / FILE).symlink_to(elsewhere)
    assert asked(replace(tiny_settings, model=NAME), serve).status_code == 404


def test_editors_may_read_it_and_a_key_for_tagging_may_not(
    bundle: Path, tiny_settings: Settings, serve: Serve, tmp_path: Path
) -> None:
    """Though all else below `/v1/models` is the operator's."""
    (bundle / FILE).write_text(json.dumps(CHANGES), encoding="utf-8")
    keys = [new_key(scope, [scope], "2026-11-24") for scope in ("tag", "feedback")]
    file = tmp_path / "keys.json"
    file.write_bytes(keys_json([key for key, _ in keys]))
    settings = replace(tiny_settings, model=NAME, keys_file=str(file))
    assert [asked(settings, serve, **{"X-API-Key": token}).status_code for _, token in keys] == [403, 200]


def candidate(store: Path, version: str, **changes: Any) -> dict[str, Any]:
    """Write what a version changed, and return how it is listed."""
    written = CHANGES | {"candidate": f"{NAME}@{version}"} | changes
    folder = store / NAME / version
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_text(json.dumps(written), encoding="utf-8")
    gate = written["gate"] or {"decision": None, "reasons": []}
    head = {"version": version, "served": written["served"], "made": written["made"], "current": version == VERSION}
    return head | {name: gate[name] for name in ("decision", "reasons")}


def test_candidates_are_listed(bundle: Path, tiny_settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """The newest refused one first, for somebody should look at it; then the newest, without those not known."""
    promoted: dict[str, Any] = {"gate": {"decision": "promoted", "reasons": []}}
    served = candidate(tmp_path, VERSION, made="2026-11-01T05:00:00Z", gate=None)
    old = candidate(tmp_path, "2", made="2026-11-02T05:00:00Z")
    refused = candidate(tmp_path, "3", made="2026-11-03T05:00:00Z")
    new = candidate(tmp_path, "4", made="2026-11-04T05:00:00Z", **promoted)
    (tmp_path / NAME / "5").mkdir()
    (tmp_path / NAME / "6").mkdir()
    (tmp_path / NAME / "6" / FILE).write_bytes(b"{")
    with serve(create_app(replace(tiny_settings, model=NAME))) as address:
        found = httpx.get(f"{address}/v1/changes").raise_for_status().json()
    assert found == {"model": f"{NAME}@{VERSION}", "previous": None, "candidates": [refused, new, old, served]}
    assert bundle.is_dir()


def test_there_may_be_no_candidates(bundle: Path, tiny_settings: Settings, serve: Serve) -> None:
    with serve(create_app(replace(tiny_settings, model=NAME))) as address:
        assert httpx.get(f"{address}/v1/changes").raise_for_status().json()["candidates"] == []
    assert bundle.is_dir()
