"""What a version changed against the one it was to replace, as retraining wrote it, for the desk."""

import os
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic_core import from_json
from starlette.responses import Response

from models import BundleNotFound, storage
from service.active import active_model
from service.feedback import private
from service.openapi import problems
from service.problems import Problem
from service.schemas import ChangesOut
from service.topics import also_head

FILE = "changes.json"
"""Beside the bundle's own files; `training.changes` writes it."""

_MOST_BYTES = 8_000_000

router = APIRouter(tags=["feedback"])


@router.get(
    "/v1/models/{version}/changes",
    summary="Show what a version changed",
    response_model=ChangesOut,
    responses=problems(404, 503),
)
async def model_changes(version: str, request: Request) -> Response:
    """Return what a candidate of retraining changed against the served model, and what the gate said of it."""
    found = await to_thread.run_sync(_read, active_model(request).name, version)
    if found is None:
        raise Problem("not-found", "Nothing is known of what this version changed; retraining writes it.")
    return private(found)


def _read(name: str, version: str) -> Any:
    """Return the JSON value beside a version's bundle; None where there is none, or it is none of retraining's."""
    try:
        return from_json(_content(storage.locate(f"{name}@{version}") / FILE))
    except (BundleNotFound, OSError, ValueError):
        return None


def _content(path: Path) -> bytes:
    """Return a file's bytes; a link, and what is too long, is refused."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("too long")
    return content


also_head(router)
