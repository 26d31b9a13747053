"""The routes for monitoring: is the service alive, is it ready, what does it count, and what does a problem mean?"""

from anyio import to_thread
from fastapi import Request
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response

from tagdesk.service.edge.problems import KINDS, Problem
from tagdesk.service.http.replies import reply
from tagdesk.service.http.router import Router
from tagdesk.service.ledger.database import LedgerUnavailable
from tagdesk.service.parts import languages_of, parts_of
from tagdesk.service.schemas.status import KindOut, ReadyOut, StatusOut

router = Router()


@router.on("GET", "/livez", scope=None, tags=["health"], summary="Is the process alive?", response_model=StatusOut)
async def livez() -> Response:
    """Answer 200 as long as the process answers at all."""
    return reply({"status": "ok"})


@router.on(
    "GET",
    "/readyz",
    scope=None,
    tags=["health"],
    summary="Can it tag, and keep corrections?",
    faults=(503,),
    response_model=ReadyOut,
)
async def readyz(request: Request) -> Response:
    """Answer 200 if the model has tagged a real article and the ledger can be written, else 503 and why.

    While the ledger cannot be written, articles are tagged all the same; it is tried again every few seconds.
    """
    parts = parts_of(request)
    ledger = parts.ledger
    if parts.stopping.begun:
        raise Problem("not-ready", "The service is stopping.", headers={"Retry-After": "5"})
    languages_of(request)
    if ledger.exists and (ledger.trouble or not ledger.was_writable):
        raise LedgerUnavailable(ledger.trouble or "the ledger has not been written yet")
    return reply({"status": "ok", "ledger": "ok" if ledger.exists else "none"})


@router.on("GET", "/metrics", scope="admin", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Return the metrics; in a thread, as adding up those of all workers takes milliseconds."""
    exposition = await to_thread.run_sync(parts_of(request).metrics.exposition)
    return Response(exposition, media_type=CONTENT_TYPE_PLAIN_0_0_4)


@router.on("GET", "/openapi.json", scope=None, include_in_schema=False)
async def openapi(request: Request) -> Response:
    """Return the API's description."""
    return reply(request.app.openapi())


@router.on(
    "GET",
    "/problems/{name}",
    scope=None,
    tags=["problems"],
    summary="Explain a kind of problem",
    faults=(404,),
    response_model=KindOut,
)
async def get_problem_kind(name: str) -> Response:
    """Return what a problem's `type` stands for and what to do about it."""
    kind = KINDS.get(name)
    if kind is None:
        raise Problem("not-found", f"There is no such kind of problem; the kinds are {', '.join(KINDS)}.")
    return reply({"type": kind.type, "title": kind.title, "status": kind.status, "remedy": kind.remedy})
