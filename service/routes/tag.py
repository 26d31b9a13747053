"""The routes that tag: one article, or a batch that is answered while it is worked on."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from tagdesk.service.formats import negotiation as formats
from tagdesk.service.http.articles import read_article
from tagdesk.service.http.bodies import is_json, media_type, read_body, read_json_body, wrong_media_type
from tagdesk.service.http.router import Router
from tagdesk.service.http.streams import LINES, LinesResponse, TwoWayLines, comes_in_parts, rows_of_array, rows_of_lines
from tagdesk.service.openapi import article_request, batch_request, batch_response
from tagdesk.service.parts import parts_of
from tagdesk.service.routes.queue import queue_later
from tagdesk.service.routes.tagging import MAX_EXPLAINED, Explanation, Tagger, read_explanation
from tagdesk.service.schemas.answers import AnswerOut
from tagdesk.service.threads import in_thread_if_long, length

Explain = Annotated[
    bool,
    Query(description=f"Add score, bias and evidence to each topic; at most {MAX_EXPLAINED:,} characters of text."),
]
ExplainWhat = Annotated[
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
        description="The format of the answer; without it `Accept` says, else it is our own, which alone is described "
        "here and can be explained. ninjs comes as `application/vnd.iptc.ninjs+json`, schema.org as "
        "`application/ld+json`.",
    ),
]
Queue = Annotated[
    bool, Query(description="Put the article into the queue, for an editor to look at; needs the scope `feedback`.")
]

router = Router(tags=["tagging"])


@router.on(
    "POST",
    "/v1/tag",
    scope="tag",
    direct=True,
    summary="Tag one article",
    faults=(500, 503),
    response_model=AnswerOut,
    openapi_extra=article_request(),
)
async def tag(
    request: Request, explain: ExplainWhat = "false", queue: Queue = False, name: FormatName = None
) -> Response:
    """Return the article's topics, most likely first, each with its confidence and band."""
    tagger = Tagger.of(request)
    if queue:
        tagger.call.require("feedback")
    article, warnings = read_article(await read_json_body(request))
    other = formats.wanted(request.scope["headers"], name)
    if other is not None:
        tagger = replace(tagger, format=other)
    elif explain != "false":
        tagger = replace(tagger, explanation=read_explanation(explain))
    content = await in_thread_if_long(length(article), partial(tagger.answer, article, warnings), tagger.long)
    if queue:
        await queue_later(request, tagger.languages, article)
    return Response(content, media_type=other.media_type if other else "application/json")


@router.on(
    "POST",
    "/v1/tag/batch",
    scope="tag",
    direct=True,
    summary="Tag many articles",
    faults=(500, 503),
    response_class=LinesResponse,
    response_description="One line an article, in order: its `Answer`, or its id and, as `error`, its `Problem`",
    responses=batch_response(LINES[0]),
    openapi_extra=batch_request(LINES),
)
async def tag_batch(request: Request, explain: Explain = False, name: FormatName = None) -> Response:
    """Return one line of JSON for each article, in the order sent; a bad article's line is `{"id", "error"}`.

    The article's fault is a problem, its pointers starting at that article; of JSON Lines `line` is its number.
    JSON Lines are answered while they come in, however many they are.
    """
    settings = parts_of(request).settings
    other = formats.wanted(request.scope["headers"], name)
    explanation = Explanation() if explain and other is None else None
    tagger = replace(Tagger.of(request), explanation=explanation, format=other)
    sent = media_type(request)
    if sent in LINES:
        in_parts = comes_in_parts(request, settings.max_batch_body)
        rows = await rows_of_lines(request, settings)
        return (TwoWayLines if in_parts else LinesResponse)(tagger.answer_rows(rows))
    if not is_json(sent):
        raise wrong_media_type(sent, "application/json", LINES[0])
    data = await read_body(request, settings.max_batch_body)
    rows = await in_thread_if_long(len(data), partial(rows_of_array, data, settings))
    return LinesResponse(tagger.answer_rows(rows))
