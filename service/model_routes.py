"""The routes of whoever runs the service: which versions there are, which answers, another one in its place."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response

from models import BundleError, BundleNotFound, TagdeskError, storage
from service.active import ActiveModel
from service.openapi import problems
from service.problems import Problem
from service.schemas import ActivatedOut, ModelsOut, ShadowOut
from service.shadow import combined
from service.topics import also_head
from service.workers import Workers

PATIENCE = 5.0
"""Seconds that an activation waits for the other workers, each of which looks twice a second."""

router = APIRouter(tags=["operation"])


@router.get("/v1/models", summary="List the versions", response_model=ModelsOut, responses=problems(401, 403, 503))
async def models(request: Request) -> Response:
    """Return the versions in the store and the shipped one, what each worker serves, and the last failed load."""
    return _json(await asyncio.to_thread(_models, request.app.state.active, request.app.state.workers))


@router.get(
    "/v1/models/shadow",
    summary="Compare the shadow",
    response_model=ShadowOut,
    responses=problems(401, 403, 404, 503),
)
async def shadow(request: Request) -> Response:
    """Return where the shadow would have answered otherwise than the active model, over all workers."""
    compared = request.app.state.shadow
    if compared is None:
        raise Problem("not-found", "There is no shadow: start the service with --shadow and a model.")
    active: ActiveModel = request.app.state.active
    await asyncio.to_thread(active.tell)
    states = await asyncio.to_thread(request.app.state.workers.states)
    found = combined((state["shadow"] for state in states if state.get("shadow")), active.model.ref)
    served = compared.model.ref if compared.model else None
    return _json({"active": active.model.ref, "shadow": served, "failure": compared.failure, **found})


@router.post(
    "/v1/models/rollback",
    summary="Go back to the version before",
    response_model=ActivatedOut,
    responses=problems(401, 403, 409, 503),
)
async def rollback(request: Request) -> Response:
    """Serve the version that was current before, in all workers, and let `CURRENT` name it; again, the one before."""
    active: ActiveModel = request.app.state.active
    return await _change(request, active.roll_back())


@router.post(
    "/v1/models/{version}/activate",
    summary="Serve another version",
    response_model=ActivatedOut,
    responses=problems(401, 403, 404, 409, 503),
)
async def activate(version: str, request: Request) -> Response:
    """Load, verify and try a version, let `CURRENT` name it, and answer when all workers serve it.

    After 5 seconds the answer is given all the same: `waiting` has the workers that serve another version.
    """
    active: ActiveModel = request.app.state.active
    if active.name and not await asyncio.to_thread(_is_there, active.name, version):
        raise Problem("not-found", "There is no such version; GET /v1/models lists those there are.")
    return await _change(request, active.activate(version))


async def _change(request: Request, change: Awaitable[str]) -> Response:
    before = request.app.state.active.model.ref
    try:
        ref = await change
    except TagdeskError as error:
        raise Problem("model-not-changed", f"The model stays as it is: {error}"[:600]) from None
    states = await _when_swapped(request.app.state.workers, ref)
    waiting = [state["pid"] for state in states if state["model"] != ref]
    return _json({"model": ref, "before": before, "waiting": waiting, "workers": [_worker(one) for one in states]})


async def _when_swapped(workers: Workers, ref: str) -> list[dict[str, Any]]:
    """Return the workers' states when all serve a model, or patience ends."""
    until = time.monotonic() + PATIENCE
    while True:
        states = await asyncio.to_thread(workers.states)
        if all(state["model"] == ref for state in states) or time.monotonic() > until:
            return states
        await asyncio.sleep(0.05)


def _is_there(name: str, version: str) -> bool:
    try:
        storage.locate(f"{name}@{version}")
    except BundleNotFound:
        return False
    return True


def _models(active: ActiveModel, workers: Workers) -> dict[str, Any]:
    name = active.model.name
    shipped = storage.versions(storage.SHIPPED, name)
    own = storage.versions(storage.store(), name)
    found = dict.fromkeys(shipped, "shipped") | dict.fromkeys(own, "store")
    states = workers.states()
    failures = [state["failure"] for state in states if state["failure"]]
    return {
        "name": name,
        "follows_current": active.name is not None,
        "current": _current(name),
        "previous": storage.previous(storage.store(), name),
        "versions": [{"version": version, "place": place} for version, place in sorted(found.items())],
        "workers": [_worker(state) for state in states],
        "last_failure": max(failures, key=lambda failure: str(failure["at"]), default=None),
    }


def _current(name: str) -> str | None:
    try:
        return storage.named(name)
    except BundleError:  # it cannot be read, as the last failure says
        return None


def _worker(state: dict[str, Any]) -> dict[str, Any]:
    return {name: state[name] for name in ("pid", "model", "since", "failure")}


def _json(value: Any) -> Response:
    return Response(to_json(value), media_type="application/json", headers={"Cache-Control": "no-store"})


also_head(router)
