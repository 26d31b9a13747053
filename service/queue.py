"""The routes of the queue: an article comes in, the one that the model is least certain of goes out."""

from concurrent.futures import Future
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from models import Article, TopicModel
from service import reading
from service.active import active_model
from service.feedback import accepted, article_id, ledger_of, private, read_row
from service.ledger import waiting
from service.ledger.corrections import article_fields
from service.ledger.database import LedgerError, Run
from service.ledger.waiting import Waiting
from service.metrics import Metrics
from service.openapi import article_request, problems
from service.problems import Problem
from service.schemas import MAX_ID, NextOut, QueuedOut
from service.topics import also_head

router = APIRouter(tags=["feedback"])


@router.post(
    "/v1/queue",
    status_code=202,
    summary="Let one article wait for an editor",
    response_model=QueuedOut,
    responses=problems(400, 409, 413, 415, 422, 500, 503),
    openapi_extra=article_request(),
)
async def queue(request: Request) -> Response:
    """Put an article into the queue, in place of one of the same id; the answer comes when it is on the disk."""
    model, ledger = active_model(request), ledger_of(request)
    if not ledger.keep_text:
        raise Problem("text-not-kept", "A queue keeps articles, and this service keeps no text of them.")
    article, _ = reading.read_article(await read_row(request))
    one = await to_thread.run_sync(_waiting, model, article)
    queued = await ledger.do(partial(waiting.put, waiting=one))
    return accepted({"id": one.article_id, "queued": queued, "certainty": one.certainty})


@router.get("/v1/queue/next", summary="Take the next article", response_model=NextOut, responses=problems(422, 503))
async def queue_next(
    request: Request,
    after: Annotated[
        str | None,
        Query(max_length=MAX_ID, pattern=r"^[^\u0000]*$", description="The id of an article that is passed over."),
    ] = None,
) -> Response:
    """Return the article that the model is least certain of, and keep it for this editor for 15 minutes."""
    key = request.scope.get("state", {}).get("key") if request.method == "GET" else None
    return private(await ledger_of(request).do(partial(waiting.take, editor=key, after=after)))


def queue_later(request: Request, model: TopicModel, article: Article) -> None:
    """Put an article that was tagged into the queue, without waiting for it; what fails is counted."""
    ledger, metrics = ledger_of(request), request.app.state.metrics
    if not ledger.keep_text:
        metrics.not_queued()
        return

    def put(run: Run) -> str:
        return waiting.put(run, _waiting(model, article))

    try:
        ledger.submit(put, can_be_lost=True).add_done_callback(partial(_count_failure, metrics))
    except LedgerError:
        metrics.not_queued()


def _count_failure(metrics: Metrics, done: "Future[Any]") -> None:
    if done.cancelled() or done.exception() is not None:
        metrics.not_queued()


def _waiting(model: TopicModel, article: Article) -> Waiting:
    _, (confidences,) = model.scores([article.text()])
    distances = (abs(each - one.suggest) for each, one in zip(confidences.tolist(), model.calibrations, strict=True))
    return Waiting(article_id(article), article_fields(article), model.ref, round(min(distances), 6))


also_head(router)
