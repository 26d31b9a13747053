"""The routes that say what is served: topics, manifest, health, and what each kind of problem means."""

import hashlib
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.responses import Response

from models import Topic, TopicModel
from models.calibration import Calibration
from service.active import active_model
from service.openapi import problems
from service.problems import KINDS, Problem
from service.schemas import KindOut, StatusOut, TopicsOut

_FIGURES = ("precision", "recall", "f1", "support")

UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "It is still what If-None-Match names."}}

router = APIRouter()


def also_head(router: APIRouter) -> None:
    """Answer HEAD wherever GET is answered."""
    for route in [one for one in router.routes if isinstance(one, APIRoute) and "GET" in (one.methods or ())]:
        router.add_api_route(route.path, route.endpoint, methods=["HEAD"], include_in_schema=False)


@router.get(
    "/v1/topics",
    tags=["model"],
    summary="List the topics",
    response_model=TopicsOut,
    responses=problems(503) | UNCHANGED,
)
async def topics(request: Request) -> Response:
    """Return the model's topics with their codes, cut-offs and measured figures."""
    model = active_model(request)
    measured = _measured(model)
    rows = [
        _topic(topic, calibration, measured.get(topic.id))
        for topic, calibration in zip(model.taxonomy.topics, model.calibrations, strict=True)
    ]
    return _tagged(request, {"model": model.ref, "taxonomy": model.taxonomy.name, "topics": rows})


@router.get(
    "/v1/model",
    tags=["model"],
    summary="Show the manifest",
    response_model=dict[str, Any],
    responses=problems(503) | UNCHANGED,
)
async def manifest(request: Request) -> Response:
    """Return the manifest of the model: how it was made, of what, and how well it does."""
    return _tagged(request, dict(active_model(request).manifest))


@router.get("/livez", tags=["health"], summary="Is the process alive?", response_model=StatusOut)
async def livez() -> Response:
    """Answer 200 as long as the process answers at all."""
    return _json({"status": "ok"})


@router.get("/readyz", tags=["health"], summary="Can it tag?", response_model=StatusOut, responses=problems(503))
async def readyz(request: Request) -> Response:
    """Answer 200 once the model has tagged a real article, 503 before."""
    active_model(request)
    return _json({"status": "ok"})


@router.get(
    "/problems/{name}",
    tags=["problems"],
    summary="Explain a kind of problem",
    response_model=KindOut,
    responses=problems(404),
)
async def problem_kind(name: str) -> Response:
    """Return what a problem's `type` stands for and what to do about it."""
    kind = KINDS.get(name)
    if kind is None:
        raise Problem("not-found", f"There is no such kind of problem; there are {', '.join(KINDS)}.")
    return _json({"type": kind.type, "title": kind.title, "status": kind.status, "remedy": kind.remedy})


def _json(value: Any) -> Response:
    return Response(to_json(value), media_type="application/json")


def _tagged(request: Request, value: Any) -> Response:
    """Return the value, or 304 where the client has it already (RFC 9110, 13.1.2)."""
    body = to_json(value)
    entity_tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": entity_tag, "Cache-Control": "private, no-cache"}
    known = ",".join(request.headers.getlist("if-none-match"))
    if known.strip() == "*" or entity_tag in (one.strip().removeprefix("W/") for one in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _measured(model: TopicModel) -> dict[str, Any]:
    metrics = model.manifest.get("metrics")
    found = metrics.get("topics") if isinstance(metrics, dict) else None
    return found if isinstance(found, dict) else {}


def _topic(topic: Topic, calibration: Calibration, figures: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": topic.id,
        "name": topic.name,
        "description": topic.description,
        "parent": topic.parent,
        "implies_parent": topic.implies_parent,
        "codes": [{"qcode": code.qcode, "match": code.match} for code in topic.codes],
        "cutoffs": {"suggest": calibration.suggest, "auto": calibration.auto},
        "measured": {name: figures.get(name) for name in _FIGURES} if figures else None,
    }


also_head(router)
