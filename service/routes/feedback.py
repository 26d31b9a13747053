"""The routes of corrections: to send one, to count them, to export them."""

import re
import uuid
from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, time
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Query, Request
from pydantic_core import to_json
from starlette.responses import Response

from tagdesk.models import Article, TopicModel
from tagdesk.service.edge.call import Call, call_of
from tagdesk.service.edge.problems import MOST_FAULTS, Problem, pointer, wrong_parameter
from tagdesk.service.http.articles import article_id, readable
from tagdesk.service.http.replies import reply
from tagdesk.service.http.router import Router
from tagdesk.service.http.streams import LinesResponse
from tagdesk.service.ledger import corrections
from tagdesk.service.ledger import queue as waiting
from tagdesk.service.ledger.corrections import Correction, Receipt
from tagdesk.service.ledger.database import Run, Stream, timestamp
from tagdesk.service.ledger.ledger import Ledger
from tagdesk.service.openapi import FEEDBACK_EXAMPLE
from tagdesk.service.parts import languages_of, parts_of
from tagdesk.service.schemas.feedback import CountsOut, FeedbackIn, ReceiptOut
from tagdesk.service.threads import in_thread_if_long, length

_CHUNK = 64 * 1024
_is_topic_id = re.compile(r"[a-z0-9][a-z0-9-]{0,63}").fullmatch

router = Router(tags=["feedback"])


@router.on(
    "POST",
    "/v1/feedback",
    scope="feedback",
    invalid="invalid-feedback",
    status_code=202,
    summary="Correct one article's topics",
    faults=(409, 500, 503),
    response_model=ReceiptOut,
    openapi_extra=FEEDBACK_EXAMPLE,
)
async def send_feedback(request: Request, sent: FeedbackIn) -> Response:
    """Store an editor's verdicts on an article's topics; the answer comes when they are on disk.

    A topic that nobody looked at belongs in no list: it is then neither learned nor counted. `topics` says that
    an editor went through all of them. The same `id` and content sent again get the same answer and are stored once.
    """
    call = call_of(request)
    if sent.editor is not None and sent.editor != call.editor:
        call.require("editors")
    article = await readable(sent.article, "article")
    languages = languages_of(request)
    model = languages.models.get(sent.model.partition("@")[0])
    if model is None:  # one that is served no longer
        model = await in_thread_if_long(length(article), partial(languages.model_for, article))
    (receipt,) = await keep(request, [_correction(sent, article, model, call)])
    return reply({"id": receipt.id, "article": receipt.article, "received": receipt.received}, 202)


@router.on(
    "GET",
    "/v1/feedback/counts",
    scope="feedback",
    summary="Count corrections",
    faults=(422, 503),
    response_model=CountsOut,
)
async def count_feedback(
    request: Request,
    since: Annotated[datetime | None, Query(description="Start of the period; by default midnight UTC.")] = None,
) -> Response:
    """Return how many corrections of how many articles came since then, the caller's and all, and how many wait."""
    moment = since or datetime.combine(datetime.now(UTC), time(tzinfo=UTC))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        begin = timestamp(moment)
    except (OverflowError, ValueError):
        raise wrong_parameter("since", "must be within the calendar") from None
    editor = call_of(request).editor

    def count(rows: Stream) -> dict[str, Any]:
        return {"since": begin, **corrections.counts(rows, begin, editor), "waiting": waiting.count(rows)}

    return reply(await parts_of(request).ledger.read(count))


@router.on(
    "GET",
    "/v1/feedback/export",
    scope="admin",
    summary="Export the corrections",
    faults=(503,),
    response_class=LinesResponse,
    response_description="One line per correction, in the order in which they came",
)
async def export_feedback(
    request: Request,
    latest: Annotated[bool, Query(description="Only the latest correction of each article.")] = False,
) -> Response:
    """Return all corrections that are not erased as JSON Lines, in the columns that training reads."""
    chunks = _exported(parts_of(request).ledger, latest=latest)
    first = await to_thread.run_sync(next, chunks, b"")  # what fails here can still be answered by a problem
    return LinesResponse(_streamed(first, chunks))


async def keep(request: Request, rows: Sequence[Correction]) -> list[Receipt]:
    """Store corrections, all or none, and count them; they are on disk when this returns.

    Raises:
        LedgerError: they cannot be stored.
    """
    parts = parts_of(request)

    def append(run: Run) -> list[Receipt]:
        return [corrections.append(run, correction=row, keep_text=parts.ledger.keep_text) for row in rows]

    receipts = await parts.ledger.write(append)
    for correction, receipt in zip(rows, receipts, strict=True):
        if not receipt.repeated:
            parts.metrics.corrected(correction.accepted or (), correction.rejected or (), correction.added or ())
    return receipts


def _correction(sent: FeedbackIn, article: Article, model: TopicModel, call: Call) -> Correction:
    """Return the correction that was sent.

    Raises:
        Problem: it contradicts itself, or names topics that the model does not have.
    """
    topics = _topics(sent)
    _check_topics(sent, model)
    missing = list(dict.fromkeys(name.strip() for name in sent.missing or ()))
    return Correction(
        id=sent.id or str(uuid.uuid4()),
        article_id=article_id(article, "article"),
        article=corrections.article_fields(article),
        topics=topics,
        accepted=sent.accepted,
        rejected=sent.rejected,
        added=sent.added,
        editor=sent.editor or call.editor,
        model=sent.model,
        complete=sent.topics is not None,
        missing=missing or None,
        sender=call.editor,
    )


def _topics(sent: FeedbackIn) -> list[str]:
    """Return the topics that are correct.

    Raises:
        Problem: the correction does not say, or contradicts itself.
    """
    verdicts = (sent.accepted, sent.rejected, sent.added)
    if sent.topics is None and (*verdicts, sent.missing) == (None, None, None, None):
        raise _fault("topics", "must be there, or accepted, rejected, added or missing: [] if nothing was judged")
    accepted, rejected, added = ([*(topics or ())] for topics in verdicts)
    judged = [*accepted, *rejected, *added]
    if len(set(judged)) < len(judged):
        raise _fault("accepted", "accepted, rejected and added must not share a topic")
    if sent.topics is None:
        return [*accepted, *added]
    topics = list(dict.fromkeys(sent.topics))
    if not set(topics).isdisjoint(rejected) or not set(topics).issuperset([*accepted, *added]):
        raise _fault("topics", "must include what was accepted and added, and nothing that was rejected")
    return topics


def _check_topics(sent: FeedbackIn, model: TopicModel) -> None:
    unknown = [
        (pointer(name, place), topic)
        for name in ("topics", "accepted", "rejected", "added")
        for place, topic in enumerate(getattr(sent, name) or ())
        if topic not in model.taxonomy
    ]
    if not unknown:
        return
    # Only what looks like a topic's id is repeated: anything else may be a word from the article.
    names = ", ".join(dict.fromkeys(topic for _, topic in unknown if _is_topic_id(topic)))
    faults = [
        {"pointer": place, "detail": "must be the id of a topic of the model"} for place, _ in unknown[:MOST_FAULTS]
    ]
    raise Problem("unknown-topic", f"The model has no such topic{names and f': {names}'}.", faults)


def _fault(field: str, detail: str) -> Problem:
    return Problem("invalid-feedback", f"Correct {field}.", [{"pointer": pointer(field), "detail": detail}])


def _exported(ledger: Ledger, *, latest: bool) -> Generator[bytes, None, None]:
    with ledger.snapshot() as rows:
        yield from _chunks(corrections.export(rows, latest=latest))


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield lines in chunks of some 64 KiB: each chunk costs a change of threads."""
    lines = bytearray()
    for row in rows:
        lines += to_json(row) + b"\n"
        if len(lines) >= _CHUNK:
            yield bytes(lines)
            lines.clear()
    if lines:
        yield bytes(lines)


async def _streamed(first: bytes, rest: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    chunk = first
    with closing(rest):
        while chunk:
            yield chunk
            chunk = await to_thread.run_sync(next, rest, b"")
