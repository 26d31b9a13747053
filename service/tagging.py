"""The routes that tag: one article, or a batch answered line by line as it is worked off."""

import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Annotated, Any

import anyio
from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.responses import Response

from models import Article, TagdeskError, TopicModel
from models.answer import answer
from service import reading
from service.active import active_model
from service.openapi import article_request, batch_request, problems
from service.problems import Problem, from_domain, internal_error, problem_json
from service.schemas import AnswerOut
from service.settings import Settings

LINES = ("application/x-ndjson", "application/jsonl", "application/json-lines")

# Characters from which an article takes 2 ms and more, which is worth the 0.1 ms that a thread costs.
_LONG = 50_000
_LONG_EXPLAINED = 1_000

_CHUNK_BYTES = 65_536
_CHUNK_SECONDS = 0.01

Explain = Annotated[bool, Query(description="Add score, bias and evidence to each topic.")]


class LinesResponse(StreamingResponse):
    """JSON Lines."""

    media_type = LINES[0]


class QueryRoute(APIRoute):
    """A route whose parameters are all in the query; a request without one skips FastAPI's work on them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        resolve = super().get_route_handler()
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint

        async def handle(request: Request) -> Response:
            return await (resolve if request.scope["query_string"] else endpoint)(request)

        return handle


router = APIRouter(tags=["tagging"], route_class=QueryRoute)


@router.post(
    "/v1/tag",
    summary="Tag one article",
    response_model=AnswerOut,
    responses=problems(400, 413, 415, 422, 500, 503),
    openapi_extra=article_request(),
)
async def tag(request: Request, explain: Explain = False) -> Response:
    """Return the article's topics, most likely first, each with its confidence and band."""
    settings: Settings = request.app.state.settings
    sent = reading.media_type(request)
    if not reading.is_json(sent):
        raise reading.wrong_media_type(sent, "application/json")
    row = reading.read_json(await reading.read_body(request, settings.max_body))
    article, warnings = reading.read_article(row)
    content = await _answer(active_model(request), article, warnings, explain=explain)
    return Response(content, media_type="application/json")


@router.post(
    "/v1/tag/batch",
    summary="Tag many articles",
    response_class=LinesResponse,
    response_description="One line an article, in order: its answer, or its id and an error",
    responses=problems(400, 413, 415, 422, 500, 503),
    openapi_extra=batch_request(LINES),
)
async def tag_batch(request: Request, explain: Explain = False) -> Response:
    """Return one line of JSON for each article, in the order sent; a bad article's line is `{"id", "error"}`.

    The article's fault is a problem, its pointers starting at that article.
    """
    settings: Settings = request.app.state.settings
    sent = reading.media_type(request)
    model = active_model(request)
    if sent in LINES:
        rows = _rows_of_lines(await reading.read_body(request, settings.max_batch_body), settings.max_batch)
    elif reading.is_json(sent):
        rows = _rows_of_array(await reading.read_body(request, settings.max_batch_body), settings.max_batch)
    else:
        raise reading.wrong_media_type(sent, "application/json", LINES[0])
    return LinesResponse(_answers(model, rows, explain=explain))


def _rows_of_array(data: bytes, limit: int) -> Iterator[Any]:
    rows = reading.read_json(data)
    if not isinstance(rows, list):
        raise Problem(
            "invalid-article",
            "A batch is a JSON array of articles, or JSON Lines as application/x-ndjson; one goes to /v1/tag.",
            [{"pointer": "#", "detail": "must be an array"}],
        )
    if len(rows) > limit:
        raise _too_many(limit)
    return iter(rows)


def _rows_of_lines(data: bytes, limit: int) -> Iterator[Any]:
    """Return the lines' JSON values, and a problem in place of one that is not JSON."""
    lines: list[tuple[int, bytes]] = []
    for line in reading.split_lines(data):
        if len(lines) == limit:
            raise _too_many(limit)
        lines.append(line)
    return (_row(line, number) for number, line in lines)


def _row(line: bytes, number: int) -> Any:
    try:
        return reading.read_json(line, number)
    except Problem as problem:
        return problem


def _too_many(limit: int) -> Problem:
    return Problem("too-many-articles", f"The batch has more than {limit:,} articles: send several batches.")


async def _answers(model: TopicModel, rows: Iterator[Any], *, explain: bool) -> AsyncIterator[bytes]:
    """Yield the lines in chunks, letting other requests in between."""
    chunk = bytearray()
    due = time.monotonic() + _CHUNK_SECONDS
    for row in rows:
        chunk += await _answer_row(model, row, explain=explain)
        chunk += b"\n"
        if len(chunk) > _CHUNK_BYTES or time.monotonic() > due:
            yield bytes(chunk)
            chunk.clear()
            await anyio.sleep(0)
            due = time.monotonic() + _CHUNK_SECONDS
    if chunk:
        yield bytes(chunk)


async def _answer_row(model: TopicModel, row: Any, *, explain: bool) -> bytes:
    if isinstance(row, Problem):
        return _error(None, row)
    try:
        article, warnings = reading.read_article(row)
        return await _answer(model, article, warnings, explain=explain)
    except Problem as error:
        problem = error
    except TagdeskError as error:
        problem = from_domain(error)
    except Exception as error:  # noqa: BLE001 - one article must not cost the others their answers
        problem = internal_error(error)
    return _error(reading.read_id(row), problem)


def _error(given: str | None, problem: Problem) -> bytes:
    return to_json({"id": given, "error": problem_json(problem)})


async def _answer(model: TopicModel, article: Article, warnings: list[str], *, explain: bool) -> bytes:
    long = _LONG_EXPLAINED if explain else _LONG
    if len(article.body or article.body_html or "") > long:
        return await to_thread.run_sync(_render, model, article, warnings, explain)
    return _render(model, article, warnings, explain)


def _render(model: TopicModel, article: Article, warnings: list[str], explain: bool) -> bytes:
    found = answer(model.tag(article, explain=explain), model.ref)
    found["warnings"] += warnings
    return to_json(found)
