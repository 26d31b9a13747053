"""The routes that tag: one article, or a batch answered as it is worked off."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import anyio
from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.responses import Response

from models import Article, ArticleTooLong, TagdeskError, TaggedArticle, TopicModel
from models.answer import answer, topic_answer
from models.topic_model import TopicResult
from service import reading
from service.active import active_model
from service.dialects import formats
from service.dialects.formats import Format
from service.observe import note_refused, note_tagged
from service.openapi import article_request, batch_request, other_formats, problems
from service.problems import Problem, from_domain, internal_error, problem_json
from service.queue import queue_later
from service.schemas import AnswerOut
from service.settings import Settings
from service.streams import LINES, LinesResponse, Row, TwoWayLines, at_once, chunks, comes_in_parts, fews, rows_of_lines

MAX_EXPLAINED = 50_000
"""Most characters of an article that is explained: what each word adds takes 25 bytes of answer a character."""

# Characters from which an article takes 2 ms and more, which is worth the 0.1 ms that a thread costs.
_LONG = 50_000
_LONG_EXPLAINED = 1_000

Explain = Annotated[
    bool,
    Query(description=f"Add score, bias and evidence to each topic; at most {MAX_EXPLAINED:,} characters of text."),
]
ExplainWhich = Annotated[
    str,
    Query(
        description="`true` adds score, bias and evidence to each topic; `all` also adds, as `below`, the topics that "
        "are not given, with score and bias; a topic's id adds the evidence of that one, given or below. "
        f"At most {MAX_EXPLAINED:,} characters of text.",
    ),
]
FormatName = Annotated[
    formats.Name | None,
    Query(
        alias="format",
        description="The format of the answer; without it `Accept` says, else it is our own. `explain` is for our own.",
    ),
]
Queue = Annotated[bool, Query(description="Put the article into the queue, for an editor to look at.")]
ALL = "all"
_FLAG: TypeAdapter[bool] = TypeAdapter(bool)


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
    responses=problems(400, 413, 415, 422, 500, 503) | other_formats(),
    openapi_extra=article_request(),
)
async def tag(
    request: Request, explain: ExplainWhich = "false", queue: Queue = False, name: FormatName = None
) -> Response:
    """Return the article's topics, most likely first, each with its confidence and band."""
    settings: Settings = request.app.state.settings
    sent = reading.media_type(request)
    if not reading.is_json(sent):
        raise reading.wrong_media_type(sent, "application/json")
    row = reading.read_json(await reading.read_body(request, settings.max_body))
    article, warnings = reading.read_article(row)
    model = active_model(request)
    other = formats.wanted(request.scope["headers"], name)
    if other is None:
        content = await _answer(model, article, warnings, explain=explain != "false" and _which(explain, model))
    else:
        content = await _answer_in(other, model, article)
    if queue:
        queue_later(request, model, article)
    return Response(content, media_type=other.media_type if other else "application/json")


@router.post(
    "/v1/tag/batch",
    summary="Tag many articles",
    response_class=LinesResponse,
    response_description="One line an article, in order: its answer, or its id and an error",
    responses=problems(400, 413, 415, 422, 500, 503),
    openapi_extra=batch_request(LINES),
)
async def tag_batch(request: Request, explain: Explain = False, name: FormatName = None) -> Response:
    """Return one line of JSON for each article, in the order sent; a bad article's line is `{"id", "error"}`.

    The article's fault is a problem, its pointers starting at that article; of JSON Lines `line` is its number.
    JSON Lines are answered while they come in, however many they are.
    """
    settings: Settings = request.app.state.settings
    sent = reading.media_type(request)
    model = active_model(request)
    answers = partial(_answers, model, explain=explain, other=formats.wanted(request.scope["headers"], name))
    if sent in LINES:
        parts = await rows_of_lines(chunks(request, settings.max_batch_body), settings.max_body)
        response = TwoWayLines if comes_in_parts(request, settings.max_batch_body) else LinesResponse
        return response(answers(parts))
    if not reading.is_json(sent):
        raise reading.wrong_media_type(sent, "application/json", LINES[0])
    rows = _rows_of_array(await reading.read_body(request, settings.max_batch_body), settings.max_batch)
    return LinesResponse(answers(at_once(rows)))


def _rows_of_array(data: bytes, limit: int) -> list[Row]:
    rows = reading.read_json(data)
    if not isinstance(rows, list):
        raise Problem(
            "invalid-article",
            "A batch is a JSON array of articles, or JSON Lines as application/x-ndjson; one goes to /v1/tag.",
            [{"pointer": "#", "detail": "must be an array"}],
        )
    if len(rows) > limit:
        detail = f"The batch has more than {limit:,} articles: send several batches, or JSON Lines."
        raise Problem("too-many-articles", detail)
    return [Row(row, _size(row)) for row in rows]


def _size(row: Any) -> int:
    body = (row.get("body") or row.get("body_html")) if isinstance(row, dict) else None
    return len(body) if isinstance(body, str) else 0


async def _answers(
    model: TopicModel, parts: AsyncIterator[Iterable[Row]], *, explain: bool, other: Format | None
) -> AsyncIterator[bytes]:
    """Yield the lines of a few rows at a time, letting other requests in between."""
    explain = explain and other is None
    long = _LONG_EXPLAINED if explain else _LONG
    try:
        async for rows in parts:
            for few in fews(rows, long):
                if sum(row.size for row in few) > long:
                    yield await to_thread.run_sync(_render_few, model, few, explain, other)
                else:
                    yield _render_few(model, few, explain, other)
                await anyio.sleep(0)
    except Problem as problem:  # the rest of the request does not arrive: too late for another status
        yield _error(None, None, problem) + b"\n"


def _render_few(model: TopicModel, few: Sequence[Row], explain: bool, other: Format | None = None) -> bytes:
    """Return a line for each row: its answer, or what is in the way of it."""
    read = [_read(row) for row in few]
    found = iter(_tag_each(model, [one[0] for one in read if isinstance(one, tuple)], explain))
    lines = []
    for row, one in zip(few, read, strict=True):
        if isinstance(one, tuple):
            article, warnings = one
            tagged = next(found)
            if isinstance(tagged, Exception):
                one = _error(article.id, row.line, tagged)
            elif other is not None:
                one = _rendered_in(other, model, article, tagged)
            else:
                one = _rendered(model, article, tagged, warnings)
        lines.append(one)
    return b"".join(line + b"\n" for line in lines)


def _read(row: Row) -> tuple[Article, list[str]] | bytes:
    """Return the row's article and warnings, or the line of an error."""
    value = None
    try:
        value = row.value()
        return reading.read_article(value)
    except Exception as error:  # noqa: BLE001 - one article must not cost the others their answers
        return _error(reading.read_id(value), row.line, error)


def _tag_each(model: TopicModel, articles: list[Article], explain: bool) -> list[TaggedArticle | Exception]:
    if not explain:
        with suppress(Exception):  # one by one, below, shows whose it is
            return list(model.tag_many(articles))
    return [_tagged_or_error(model, article, explain) for article in articles]


def _tagged_or_error(model: TopicModel, article: Article, explain: bool) -> TaggedArticle | Exception:
    try:
        return _tag(model, article, explain)
    except Exception as error:  # noqa: BLE001 - as above
        return error


def _error(given: str | None, line: int | None, error: Exception) -> bytes:
    problem = error if isinstance(error, Problem) else _problem(error)
    note_refused(problem.kind.name)
    place = {} if line is None else {"line": line}
    return to_json({"id": given, **place, "error": problem_json(problem)})


def _problem(error: Exception) -> Problem:
    return from_domain(error) if isinstance(error, TagdeskError) else internal_error(error)


def _which(explain: str, model: TopicModel) -> bool | str:
    """Return whether to explain, or what: `ALL`, or one topic's id."""
    with suppress(ValidationError):
        return _FLAG.validate_python(explain)
    if explain == ALL or any(topic.id == explain for topic in model.taxonomy.topics):
        return explain
    detail = "explain is true, false, all, or the id of a topic; /v1/topics lists them."
    raise Problem("invalid-parameter", detail, [{"parameter": "explain", "detail": detail}])


async def _answer_in(other: Format, model: TopicModel, article: Article) -> bytes:
    def render() -> bytes:
        return _rendered_in(other, model, article, model.tag(article))

    return await to_thread.run_sync(render) if len(article.body or article.body_html or "") > _LONG else render()


async def _answer(model: TopicModel, article: Article, warnings: list[str], *, explain: bool | str) -> bytes:
    long = _LONG_EXPLAINED if explain else _LONG
    if len(article.body or article.body_html or "") > long:
        return await to_thread.run_sync(_render, model, article, warnings, explain)
    return _render(model, article, warnings, explain)


def _render(model: TopicModel, article: Article, warnings: list[str], explain: bool | str) -> bytes:
    if explain == ALL:
        return _rendered(model, article, _tag(model, article, explain=True), warnings, model.below(article))
    if isinstance(explain, str):
        return _rendered_one(model, article, warnings, explain)
    return _rendered(model, article, _tag(model, article, explain), warnings)


def _rendered_one(model: TopicModel, article: Article, warnings: list[str], topic: str) -> bytes:
    """Render the answer with the evidence of one topic; the metrics do not count the article once more."""
    if len(article.body or article.body_html or "") > MAX_EXPLAINED:
        _refuse_to_explain(article)
    tagged, one = model.tag(article), model.explain(article, topic)
    given = [one if result.topic.id == topic else result for result in tagged.topics]
    found = answer(replace(tagged, topics=tuple(given)), model.ref)
    found["warnings"] += warnings
    found["below"] = [] if one in given else [topic_answer(one)]
    return to_json(found)


def _tag(model: TopicModel, article: Article, explain: bool) -> TaggedArticle:
    if explain and len(article.body or article.body_html or "") > MAX_EXPLAINED:
        _refuse_to_explain(article)
    return model.tag(article, explain=explain)


def _refuse_to_explain(article: Article) -> None:
    text = article.text()
    if len(text.body) > MAX_EXPLAINED:
        raise ArticleTooLong(
            f"{text.body_field} has {len(text.body):,} characters of text; at most {MAX_EXPLAINED:,} are explained: "
            "shorten it, or ask without explain",
            text.body_field,
        )


def _rendered(
    model: TopicModel,
    article: Article,
    tagged: TaggedArticle,
    warnings: list[str],
    below: Sequence[TopicResult] | None = None,
) -> bytes:
    note_tagged(model, article, tagged, warnings)
    found = answer(tagged, model.ref)
    found["warnings"] += warnings
    if below is not None:
        found["below"] = [topic_answer(one) for one in below]
    return to_json(found)


def _rendered_in(other: Format, model: TopicModel, article: Article, tagged: TaggedArticle) -> bytes:
    note_tagged(model, article, tagged, [])
    return to_json(other.render(model, article, tagged))
