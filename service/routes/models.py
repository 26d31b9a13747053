"""The operator's routes: which versions there are, which one answers, and how to change that."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

from fastapi import Request
from starlette.responses import Response

from tagdesk.models import BundleNotFound, TagdeskError, storage
from tagdesk.service.active import ActiveModel
from tagdesk.service.edge.problems import Problem, wrong_parameter
from tagdesk.service.http.replies import reply
from tagdesk.service.http.router import Router
from tagdesk.service.parts import active_of, languages_of, parts_of
from tagdesk.service.schemas.models import ActivatedOut, ModelName, ModelsOut, ShadowOut
from tagdesk.service.shadow import combined
from tagdesk.service.workers import Workers

PATIENCE = 5.0
"""Seconds that an activation waits for the other workers, each of which looks for a new model twice a second."""

router = Router(tags=["operation"])


@router.on("GET", "/v1/models", scope="admin", faults=(422, 503), summary="List the versions", response_model=ModelsOut)
async def list_models(request: Request, name: ModelName = None) -> Response:
    """Return the versions in the store and the shipped version, what each worker serves, and the last failed load."""
    active = active_of(request, name)
    return reply(await asyncio.to_thread(_models, active, parts_of(request).workers))


@router.on(
    "GET",
    "/v1/models/shadow",
    scope="admin",
    faults=(404, 503),
    summary="Compare the shadow",
    response_model=ShadowOut,
)
async def get_shadow(request: Request) -> Response:
    """Return where the shadow would have answered differently from the active model, over all workers."""
    parts = parts_of(request)
    compared = parts.shadow
    if compared is None:
        raise Problem("not-found", "There is no shadow: start the service with --shadow and a model.")
    ref = compared.comparison.active
    name = ref.partition("@")[0]
    await asyncio.to_thread(active_of(request, name).publish)
    states = await asyncio.to_thread(parts.workers.read_all, name)
    comparison = combined((state["shadow"] for state in states if state.get("shadow")), ref)
    served = compared.model.ref if compared.model else None
    return reply({"active": ref, "shadow": served, "failure": compared.failure, **comparison})


@router.on(
    "POST",
    "/v1/models/rollback",
    scope="admin",
    faults=(409, 422, 503),
    summary="Go back to the previous version",
    response_model=ActivatedOut,
)
async def roll_back(request: Request, name: ModelName = None) -> Response:
    """Serve the previous version in all workers, and let `CURRENT` name it; a second call goes one further back.

    If several models are served, `model` must name one.
    """
    active = _named(request, name)
    return await _change(request, active, active.roll_back())


@router.on(
    "POST",
    "/v1/models/{version}/activate",
    scope="admin",
    faults=(404, 409, 422, 503),
    summary="Serve another version",
    response_model=ActivatedOut,
)
async def activate_model(version: str, request: Request, name: ModelName = None) -> Response:
    """Load, verify and try a version, let `CURRENT` name it, and answer when all workers serve it.

    The answer comes after 5 seconds at the latest: `waiting` lists the workers that still serve another version. If
    several models are served, `model` must name one.
    """
    active = _named(request, name)
    if active.name and not await asyncio.to_thread(_is_there, active.name, version):
        raise Problem("not-found", "There is no such version; GET /v1/models lists the versions.")
    return await _change(request, active, active.activate(version))


def _named(request: Request, name: str | None) -> ActiveModel:
    """Return the model that a request is about to change: one of several must be named.

    Raises:
        Problem: it is not named, or not served.
    """
    models = languages_of(request).models
    if name is None and len(models) > 1:
        raise wrong_parameter("model", f"must name the model to change: {', '.join(models)}")
    return active_of(request, name)


async def _change(request: Request, active: ActiveModel, change: Awaitable[str]) -> Response:
    before = active.model.ref
    try:
        ref = await change
    except TagdeskError as error:
        raise Problem("model-not-changed", f"The model was not changed: {error}"[:600]) from None
    states = await _when_swapped(parts_of(request).workers, ref)
    waiting = [state["pid"] for state in states if state["model"] != ref]
    return reply({"model": ref, "before": before, "waiting": waiting, "workers": [_worker(state) for state in states]})


async def _when_swapped(workers: Workers, ref: str) -> list[dict[str, Any]]:
    """Return the workers' states when all serve a model, or patience ends."""
    until = time.monotonic() + PATIENCE
    while True:
        states = await asyncio.to_thread(workers.read_all, ref.partition("@")[0])
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
    places = dict.fromkeys(shipped, "shipped") | dict.fromkeys(own, "store")
    states = workers.read_all(name)
    failures = [state["failure"] for state in states if state["failure"]]
    return {
        "name": name,
        "follows_current": active.name is not None,
        "current": storage.default_version_or_none(storage.store(), name),
        "previous": storage.previous(storage.store(), name),
        "versions": [{"version": version, "place": place} for version, place in sorted(places.items())],
        "workers": [_worker(state) for state in states],
        "last_failure": max(failures, key=lambda failure: str(failure["at"]), default=None),
    }


def _worker(state: dict[str, Any]) -> dict[str, Any]:
    return {name: state[name] for name in ("pid", "model", "since", "failure")}
