"""The route of the drift: how corrections change from week to week."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from tagdesk.service.http.replies import reply
from tagdesk.service.http.router import Router
from tagdesk.service.ledger.drift import MAX_WEEKS, WEEKS
from tagdesk.service.parts import languages_of, model_of, parts_of
from tagdesk.service.schemas.drift import DriftOut
from tagdesk.service.schemas.models import ModelName

router = Router(tags=["feedback"])


@router.on("GET", "/v1/drift", scope="feedback", summary="Show the drift", faults=(422, 503), response_model=DriftOut)
async def get_drift(
    request: Request,
    weeks: Annotated[int, Query(ge=1, le=MAX_WEEKS, description="Number of weeks, including this one.")] = WEEKS,
    name: ModelName = None,
) -> Response:
    """Return, week by week, what editors corrected and how much of it the model knew, and this week's new words.

    Of each week, the topics of its newest 2,000 corrections and the words of its newest 100 count. Of several models,
    each has its own corrections alone.
    """
    parts, model = parts_of(request), model_of(request, name)
    own = f"{model.name}@" if len(languages_of(request).models) > 1 else ""
    return reply(await parts.drift.of(parts.ledger, model, weeks, own))
