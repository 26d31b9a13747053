"""The routes of the queue: articles come in, and the article that the model is least certain about goes out."""

from concurrent.futures import Future
from functools import partial
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import StringConstraints
from starlette.responses import Response

from tagdesk.models import Article
from tagdesk.service.edge.call import call_of
from tagdesk.service.edge.metrics import Metrics
from tagdesk.service.edge.problems import Problem, internal_error
from tagdesk.service.http.articles import article_id, to_article
from tagdesk.service.http.replies import reply
from tagdesk.service.http.router import Router
from tagdesk.service.languages import Languages
from tagdesk.service.ledger import queue as waiting
from tagdesk.service.ledger.corrections import article_fields
from tagdesk.service.ledger.database import LedgerError
from tagdesk.service.ledger.queue import Waiting
from tagdesk.service.openapi import article_examples
from tagdesk.service.parts import languages_of, parts_of
from tagdesk.service.schemas.articles import MAX_ID, SentArticle
from tagdesk.service.schemas.feedback import NextOut, QueuedOut, QueueOut
from tagdesk.service.threads import in_thread_if_long, length

LISTED = 50
MOST_LISTED = 200

ArticleId = Annotated[str, StringConstraints(max_length=MAX_ID, pattern=r"^[^\u0000]*$")]

router = Router(tags=["feedback"])


@router.on(
    "POST",
    "/v1/queue",
    scope="feedback",
    status_code=202,
    summary="Queue an article for an editor",
    faults=(409, 500, 503),
    response_model=QueuedOut,
    openapi_extra=article_examples(),
)
async def queue_article(request: Request, sent: SentArticle) -> Response:
    """Put an article into the queue, in place of one with the same id; the answer comes when it is on disk."""
    ledger = parts_of(request).ledger
    if not ledger.keep_text:
        raise Problem("text-not-kept", "The queue keeps articles, and this service keeps no text.")
    row = await _waiting(languages_of(request), to_article(sent))
    queued = await ledger.write(partial(waiting.put, waiting=row))
    return reply({"id": row.article_id, "queued": queued, "certainty": row.certainty}, 202)


@router.on(
    "GET",
    "/v1/queue",
    scope="feedback",
    summary="List the waiting articles",
    faults=(422, 503),
    response_model=QueueOut,
)
async def list_queue(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED, description="Maximum number of articles.")] = LISTED,
) -> Response:
    """Return the articles that wait for an editor, the least certain first; none is taken."""
    return reply(await parts_of(request).ledger.read(partial(waiting.listed, most=limit)))


@router.on(
    "GET",
    "/v1/queue/next",
    scope="feedback",
    changes=True,
    summary="Take the next article",
    faults=(404, 422, 503),
    response_model=NextOut,
)
async def take_from_queue(
    request: Request,
    after: Annotated[ArticleId | None, Query(description="The id of an article to skip.")] = None,
    id: Annotated[ArticleId | None, Query(description="The id of the article to take.")] = None,
) -> Response:
    """Return the article that the model is least certain about, or the one named, and reserve it for 15 minutes."""
    editor = call_of(request).editor if request.method == "GET" else None
    ledger = parts_of(request).ledger
    if id is not None:
        taken = await ledger.write(partial(waiting.take_this, editor=editor, article_id=id, after=after))
        if taken is None:
            raise Problem("not-found", "This article is no longer waiting, or another editor has it.")
        return reply(taken)
    return reply(await ledger.write(partial(waiting.take, editor=editor, after=after)))


async def queue_later(request: Request, languages: Languages, article: Article) -> None:
    """Put a tagged article into the queue, without waiting for the disk; failures are counted."""
    parts = parts_of(request)
    ledger, metrics = parts.ledger, parts.metrics
    if not ledger.keep_text:
        metrics.not_queued()
        return
    try:
        row = await _waiting(languages, article)
        ledger.write_later(partial(waiting.put, waiting=row)).add_done_callback(partial(_count_failure, metrics))
    except (LedgerError, Problem):
        metrics.not_queued()


def _count_failure(metrics: Metrics, done: "Future[Any]") -> None:
    if done.cancelled() or (error := done.exception()) is None:
        return
    metrics.not_queued()
    if not isinstance(error, LedgerError):
        internal_error(error)


async def _waiting(languages: Languages, article: Article) -> Waiting:
    ref, certainty = await in_thread_if_long(length(article), partial(_certainty, languages, article))
    return Waiting(article_id(article), article_fields(article), ref, certainty)


def _certainty(languages: Languages, article: Article) -> tuple[str, float]:
    """Return name and version of an article's model, and how far its nearest confidence is from a topic's cut-off."""
    model = languages.model_for(article)
    _, (confidences,) = model.scores([model.read(article)])
    cutoffs = (calibration.suggest for calibration in model.calibrations)
    distances = (abs(confidence - cutoff) for confidence, cutoff in zip(confidences.tolist(), cutoffs, strict=True))
    return model.ref, float(round(min(distances), 6))
