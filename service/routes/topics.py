"""The routes that describe the models: their languages, topics and manifests."""

import hashlib
from typing import Any

from fastapi import Request
from pydantic_core import to_json
from starlette.responses import Response

from tagdesk.models import Topic, TopicModel
from tagdesk.models.calibration import Calibration
from tagdesk.service.http.replies import reply
from tagdesk.service.http.router import Router
from tagdesk.service.parts import languages_of, model_of
from tagdesk.service.schemas.models import LanguagesOut, ModelName, TopicsOut

_FIGURES = ("precision", "recall", "f1", "support")

_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "Unchanged: If-None-Match names it."}}

router = Router(tags=["model"])


@router.on(
    "GET",
    "/v1/topics",
    scope="tag",
    summary="List the topics",
    faults=(422, 503),
    response_model=TopicsOut,
    responses=_UNCHANGED,
)
async def list_topics(request: Request, name: ModelName = None) -> Response:
    """Return the model's topics with their codes, cut-offs and measured figures."""
    model = model_of(request, name)
    measured = _measured(model)
    rows = [
        _topic(topic, calibration, measured.get(topic.id))
        for topic, calibration in zip(model.taxonomy.topics, model.calibrations, strict=True)
    ]
    return _cached(request, {"model": model.ref, "taxonomy": model.taxonomy.name, "topics": rows})


@router.on(
    "GET",
    "/v1/model",
    scope="tag",
    summary="Show the manifest",
    faults=(422, 503),
    response_model=dict[str, Any],
    responses=_UNCHANGED,
)
async def get_model(request: Request, name: ModelName = None) -> Response:
    """Return the model's manifest: how it was made, from what, and how good it is."""
    return _cached(request, dict(model_of(request, name).manifest))


@router.on(
    "GET",
    "/v1/languages",
    scope="tag",
    summary="List the models by language",
    faults=(503,),
    response_model=LanguagesOut,
)
async def list_languages(request: Request) -> Response:
    """Return the models that answer, and the languages of each; the default, the first, answers every other article."""
    served = languages_of(request)
    rows = [
        {"name": name, "model": model.ref, "languages": [key for key, of in served.by_language.items() if of is model]}
        for name, model in served.models.items()
    ]
    return reply({"models": rows})


def _cached(request: Request, value: Any) -> Response:
    """Return the value, or 304 if the client has it already (RFC 9110, 13.1.2)."""
    body = to_json(value)
    entity_tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": entity_tag, "Cache-Control": "private, no-cache"}
    known = ",".join(request.headers.getlist("if-none-match"))
    if known.strip() == "*" or entity_tag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _measured(model: TopicModel) -> dict[str, Any]:
    metrics = model.manifest.get("metrics")
    figures = metrics.get("topics") if isinstance(metrics, dict) else None
    return figures if isinstance(figures, dict) else {}


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
