"""What each version changes compared with the version that it was to replace, as retraining wrote it, for the desk."""

import os
from operator import itemgetter
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import Request
from pydantic_core import from_json
from starlette.responses import Response

from tagdesk.models import BundleNotFound, storage
from tagdesk.service.edge.problems import Problem
from tagdesk.service.http.replies import reply
from tagdesk.service.http.router import Router
from tagdesk.service.parts import model_of
from tagdesk.service.schemas.changes import CandidatesOut, ChangesOut
from tagdesk.service.schemas.models import ModelName

FILE = "changes.json"
"""Beside the bundle's own files; `tagdesk.training.judge.changes` writes it."""

_MOST_BYTES = 8_000_000
_MOST_CANDIDATES = 50

router = Router(tags=["feedback"])


@router.on(
    "GET",
    "/v1/changes",
    scope="feedback",
    summary="List the candidates",
    faults=(422, 503),
    response_model=CandidatesOut,
)
async def list_candidates(request: Request, name: ModelName = None) -> Response:
    """Return the versions that retraining made: first the newest refused one, then the newest first."""
    model = model_of(request, name)
    rows = await to_thread.run_sync(_candidates, model.name, model.version)
    previous = await to_thread.run_sync(storage.previous, storage.store(), model.name)
    return reply({"model": model.ref, "previous": previous, "candidates": rows})


@router.on(
    "GET",
    "/v1/models/{version}/changes",
    scope="feedback",
    summary="Show what a version changed",
    faults=(404, 422, 503),
    response_model=ChangesOut,
)
async def get_changes(version: str, request: Request, name: ModelName = None) -> Response:
    """Return what a candidate changes compared with the served model, and what the gate decided."""
    changes = await to_thread.run_sync(_read, model_of(request, name).name, version)
    if changes is None:
        raise Problem("not-found", "There is no record of what this version changes; retraining writes it.")
    return reply(changes)


def _candidates(name: str, served: str) -> list[dict[str, Any]]:
    made = {version: _written(name, version) for version in storage.versions(storage.store(), name)}
    newest = sorted(filter(made.__getitem__, made), key=made.__getitem__, reverse=True)[:_MOST_CANDIDATES]
    rows = [row for version in newest if (row := _candidate(name, version, served))]
    rows.sort(key=itemgetter("made"), reverse=True)
    refused = [row for row in rows if row["decision"] == "refused"][:1]
    return [*refused, *(row for row in rows if row not in refused)]


def _written(name: str, version: str) -> float:
    """Return when the record of a version's changes was written; 0 if there is none."""
    try:
        return (storage.store() / name / version / FILE).lstat().st_mtime
    except OSError:
        return 0.0


def _candidate(name: str, version: str, served: str) -> dict[str, Any] | None:
    """Return the summary of what a version changes; None if there is no record."""
    changes = _read(name, version)
    if not isinstance(changes, dict):
        return None
    gate = changes.get("gate")
    gate = gate if isinstance(gate, dict) else {}
    return {
        "version": version,
        "served": str(changes.get("served", "")),
        "made": str(changes.get("made", "")),
        "decision": gate.get("decision"),
        "reasons": gate.get("reasons", []),
        "current": version == served,
    }


def _read(name: str, version: str) -> Any:
    """Return the record beside a version's bundle as JSON values; None if there is none that can be read."""
    try:
        return from_json(_content(storage.locate(f"{name}@{version}") / FILE))
    except (BundleNotFound, OSError, ValueError):
        return None


def _content(path: Path) -> bytes:
    """Return a file's bytes; links and files that are too long are refused."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("too long")
    return content
