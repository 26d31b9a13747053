"""The routes of corrections: one comes in, how many there are, all of them go out."""

import re
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, time
from functools import partial
from hashlib import blake2b
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from pydantic_core import to_json
from starlette.responses import Response

from models import Article, ArticleError, TopicModel
from service import reading
from service.active import active_model
from service.ledger import corrections, waiting
from service.ledger.corrections import Correction, Receipt
from service.ledger.database import Run, timestamp
from service.ledger.ledger import Ledger
from service.metrics import Metrics
from service.openapi import feedback_request, problems
from service.problems import Problem, from_domain, pointer
from service.schemas import CountsOut, FeedbackIn, ReceiptOut
from service.settings import Settings
from service.streams import LinesResponse
from service.topics import also_head

_LONG = 50_000  # characters from which an article is worth a thread
_CHUNK = 64 * 1024
_is_topic_id = re.compile(r"[a-z0-9][a-z0-9-]{0,63}").fullmatch
_FIELDS = frozenset(FeedbackIn.model_fields)

router = APIRouter(tags=["feedback"])


@router.post(
    "/v1/feedback",
    status_code=202,
    summary="Correct one article's topics",
    response_model=ReceiptOut,
    responses=problems(400, 409, 413, 415, 422, 500, 503),
    openapi_extra=feedback_request(),
)
async def feedback(request: Request) -> Response:
    """Keep an editor's correction; the answer comes when it is on the disk.

    The same `id` and content again gets the same answer and is kept once.
    """
    model, ledger = active_model(request), ledger_of(request)
    row = await read_row(request)
    size = len(str(row.get("article"))) if isinstance(row, dict) else 0
    key = request.scope.get("state", {}).get("key")
    read = partial(read_feedback, row, model, key)
    correction = await to_thread.run_sync(read) if size > _LONG else read()
    receipt = await ledger.do(partial(corrections.append, correction=correction, keep_text=ledger.keep_text))
    if not receipt.repeated:
        metrics: Metrics = request.app.state.metrics
        metrics.corrected(correction.accepted or (), correction.rejected or (), correction.added or ())
    return accepted(_answered(receipt))


@router.get(
    "/v1/feedback/counts",
    summary="Count corrections",
    response_model=CountsOut,
    responses=problems(422, 503),
)
async def feedback_counts(
    request: Request,
    since: Annotated[datetime | None, Query(description="From when on; midnight UTC where it is not given.")] = None,
) -> Response:
    """Return how many corrections of how many articles there are since then, one's own and all, and how many wait."""
    moment = since or datetime.combine(datetime.now(UTC), time(tzinfo=UTC))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        begin = timestamp(moment)
    except (OverflowError, ValueError):
        fault = {"parameter": "since", "detail": "must be within the calendar"}
        raise Problem("invalid-parameter", "Correct the parameter since.", [fault]) from None
    key = request.scope.get("state", {}).get("key")

    def count(run: Run) -> dict[str, Any]:
        return {"since": begin, **corrections.counts(run, begin, key), "waiting": waiting.count(run)}

    return private(await ledger_of(request).do(count))


@router.get(
    "/v1/feedback/export",
    summary="Export the corrections",
    response_class=LinesResponse,
    response_description="One line a correction, in the order in which they came",
    responses=problems(503),
)
async def feedback_export(
    request: Request,
    latest: Annotated[bool, Query(description="Of each article the latest correction alone.")] = False,
) -> Response:
    """Return all corrections but erased ones as JSON Lines in the columns that training reads, in constant memory."""
    chunks = _exported(ledger_of(request), latest=latest)
    first = await to_thread.run_sync(next, chunks, b"")  # what is in the way of it is still a problem here
    return LinesResponse(_streamed(first, chunks), headers={"Cache-Control": "no-store"})


def ledger_of(request: Request) -> Ledger:
    """Return the ledger of this worker."""
    ledger: Ledger = request.app.state.ledger
    return ledger


async def read_row(request: Request) -> Any:
    """Return the JSON value of a request with one article."""
    settings: Settings = request.app.state.settings
    sent = reading.media_type(request)
    if not reading.is_json(sent):
        raise reading.wrong_media_type(sent, "application/json")
    return reading.read_json(await reading.read_body(request, settings.max_body))


def accepted(value: Any) -> Response:
    """Return a value as 202."""
    return Response(to_json(value), 202, {"Cache-Control": "no-store"}, media_type="application/json")


def private(value: Any) -> Response:
    """Return a value that no cache keeps."""
    return Response(to_json(value), 200, {"Cache-Control": "no-store"}, media_type="application/json")


def article_id(article: Article, *path: str) -> str:
    """Return the article's id, or one made of its text.

    Args:
        article: the article.
        path: where it stands in the request.

    Raises:
        Problem: the id is empty, or has a character that no database keeps.
    """
    if article.id is None:
        text = f"{article.title}\n{article.body or article.body_html}"
        return f"text-{blake2b(text.encode(), digest_size=8).hexdigest()}"
    if not article.id.strip() or "\0" in article.id:
        fault = {"pointer": pointer(*path, "id"), "detail": "must have a character, and no U+0000"}
        raise Problem("invalid-feedback", "Correct the article's id, or leave it out.", [fault])
    return article.id


def read_feedback(row: Any, model: TopicModel, key: str | None) -> Correction:
    """Return what was sent as a correction.

    Args:
        row: a JSON value.
        model: whose topics there are.
        key: the name of the key, who is the editor where nobody is named.

    Raises:
        Problem: it is no feedback; the detail says what to correct.
    """
    try:
        sent = FeedbackIn.model_validate(row)
        article, _ = reading.read_article(row["article"])
        article.text()
    except ValidationError as error:
        raise _wrong_fields(error) from None
    except ArticleError as error:
        raise _within_article(from_domain(error)) from None
    topics = _topics(sent)
    _check_topics(sent, model)
    return Correction(
        id=sent.id or str(uuid.uuid4()),
        article_id=article_id(article, "article"),
        article=corrections.article_fields(article),
        topics=topics,
        accepted=sent.accepted,
        rejected=sent.rejected,
        added=sent.added,
        editor=sent.editor or key,
        model=sent.model,
    )


def _topics(sent: FeedbackIn) -> list[str]:
    """Return the topics that are right.

    Raises:
        Problem: it does not say, or contradicts itself.
    """
    verdicts = [getattr(sent, name) for name in ("accepted", "rejected", "added")]
    if "topics" not in sent.model_fields_set and verdicts == [None, None, None]:
        raise _fault("topics", "must be there, or accepted, rejected and added: [] where no topic is right")
    named = [topic for names in verdicts for topic in names or ()]
    if len(set(named)) < len(named):
        raise _fault("accepted", "accepted, rejected and added must not share a topic")
    accepted, rejected, added = ([*(names or ())] for names in verdicts)
    if "topics" not in sent.model_fields_set:
        return [*accepted, *added]
    topics = list(dict.fromkeys(sent.topics or ()))
    if not set(topics).isdisjoint(rejected) or not set(topics).issuperset([*accepted, *added]):
        raise _fault("topics", "must have what was accepted and added, and nothing that was rejected")
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
    # Only what looks like a topic's id is repeated: anything else may be a word of the article.
    names = ", ".join(dict.fromkeys(topic for _, topic in unknown if _is_topic_id(topic)))
    faults = [{"pointer": place, "detail": "must be the id of a topic of the model"} for place, _ in unknown[:100]]
    raise Problem("unknown-topic", f"The model has no such topic{names and f': {names}'}.", faults)


def _wrong_fields(error: ValidationError) -> Problem:
    faults = [
        {"pointer": pointer(*one["loc"]), "detail": one["msg"]}
        for one in error.errors(include_input=False, include_context=False, include_url=False)
    ]
    names = dict.fromkeys(str(one["loc"][0]) for one in error.errors() if one["loc"] and one["loc"][0] in _FIELDS)
    return Problem("invalid-feedback", f"Correct {', '.join(names) or 'what errors names'}.", faults[:100])


def _within_article(problem: Problem) -> Problem:
    faults = [{**fault, "pointer": f"#/article{fault['pointer'][1:]}"} for fault in problem.errors]
    return Problem(problem.kind.name, problem.detail, faults)


def _fault(field: str, detail: str) -> Problem:
    return Problem("invalid-feedback", f"Correct {field}.", [{"pointer": pointer(field), "detail": detail}])


def _answered(receipt: Receipt) -> dict[str, str]:
    return {"id": receipt.id, "article": receipt.article, "received": receipt.received}


def _exported(ledger: Ledger, *, latest: bool) -> Iterator[bytes]:
    with ledger.snapshot() as rows:
        yield from _chunks(corrections.export(rows, latest=latest))


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield lines, some 64 KiB of them at a time: each costs a change of threads."""
    lines = bytearray()
    for row in rows:
        lines += to_json(row) + b"\n"
        if len(lines) >= _CHUNK:
            yield bytes(lines)
            lines.clear()
    if lines:
        yield bytes(lines)


async def _streamed(first: bytes, rest: Iterator[bytes]) -> AsyncIterator[bytes]:
    chunk = first
    try:
        while chunk:
            yield chunk
            chunk = await to_thread.run_sync(next, rest, b"")
    finally:
        with suppress(AttributeError):
            rest.close()  # type: ignore[attr-defined]


also_head(router)
