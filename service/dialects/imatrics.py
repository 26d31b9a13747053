"""The iMatrics API as Superdesk's core calls it: what its editors tag with, and what they publish with.

superdesk-core/superdesk/text_checkers/ai/imatrics.py; integrations/superdesk/README.md has the wire format.
"""

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from models import Article, ArticleError, EmptyArticle, TaggedArticle, Taxonomy, Topic, TopicModel
from service.active import active_model
from service.dialects.answers import AnalysisOut, ConceptsOut, OutcomeOut, StoredOut
from service.dialects.articles_sent import article_at, checked, correction, keep, misplaced, tagged, worked
from service.dialects.concepts import SCHEMES, missing_above
from service.dialects.requests import ConceptQuestion, NewConcept, StoryIn, json_request
from service.feedback import article_id, private, read_row
from service.openapi import problems

_NAMESPACE = uuid.UUID("6f1d8a52-2c1e-5d0b-9a53-5f6b4f0c7a11")  # of topics' ids; another would change all uuids
_RELATIONS = {"exact": "exactMatch", "close": "closeMatch", "narrower": "narrowMatch"}
_SOURCE = "tagdesk"
_BODY = {"pointer": "#/body"}
_FAULTS = (400, 413, 415, 422, 500, 503)
_STORY = {
    "uuid": "urn:newsml:localhost:2026-11-24:1",
    "pubStatus": False,
    "headline": "Storm cuts power to 40,000 homes",
    "body": ["Winds of up to 130 km/h brought down power lines."],
    "language": "en",
}

router = APIRouter(tags=["superdesk"])


def uuid_of(topic: str) -> str:
    """Return the uuid of the topic with this id: the same in every service and version."""
    return str(uuid.uuid5(_NAMESPACE, topic))


@router.post(
    "/integrations/imatrics/article/analysis",
    summary="Superdesk: tag a story",
    response_model=AnalysisOut,
    responses=problems(*_FAULTS),
    openapi_extra=json_request("Story", _STORY),
)
async def imatrics_analysis(request: Request) -> Response:
    """Return the story's topics as concepts, and those above them; of a story without text none."""
    model = active_model(request)
    article = _article(checked(StoryIn, await read_row(request)))
    found = await worked([article], partial(_analysis, model, article))
    return private(found)


@router.post(
    "/integrations/imatrics/article/store",
    summary="Superdesk: keep a published story",
    response_model=StoredOut,
    responses=problems(*_FAULTS),
    openapi_extra=json_request("Story", {**_STORY, "pubStatus": True, "concepts": []}),
)
@router.post(
    "/integrations/imatrics/article/concept",
    summary="Superdesk 2: keep a published story",
    response_model=StoredOut,
    responses=problems(*_FAULTS),
    openapi_extra=json_request("Story", {**_STORY, "pubStatus": True, "concepts": []}),
)
async def imatrics_store(request: Request) -> Response:
    """Keep a published story with its concepts as a correction; the answer comes when it is on the disk.

    Concepts that are no topics (people, places) are passed over. What is not published, says nothing of its concepts,
    or has no text is not kept.
    """
    model = active_model(request)
    story = checked(StoryIn, await read_row(request))
    article = _article(story)
    if story.pubStatus and story.concepts is not None and await worked([article], partial(_has_text, article)):
        topics = {uuid_of(topic.id): topic.id for topic in model.taxonomy.topics}
        right = [topics[one.uuid] for one in story.concepts if one.uuid in topics]
        await keep(request, [correction(request, model, article, right)])
    return private({"uuid": story.uuid or article_id(article)})


@router.post(
    "/integrations/imatrics/concept/get",
    summary="Superdesk: look for concepts",
    response_model=ConceptsOut,
    responses=problems(*_FAULTS),
    openapi_extra=json_request("ConceptQuestion", {"title": "weather", "type": "all", "draft": False, "size": 10}),
)
async def imatrics_get(
    request: Request,
    operation: Annotated[
        Literal["title_type", "id"], Query(description="Look for a part of the name, or for one uuid.")
    ] = "title_type",
) -> Response:
    """Return the topics whose name has the title in it, those that begin with it first; or the one of a uuid."""
    taxonomy = active_model(request).taxonomy
    asked = checked(ConceptQuestion, await read_row(request))
    found = _of_uuid(taxonomy, asked.uuid) if operation == "id" else _of_title(taxonomy, asked)
    return private({"result": [_concept(topic) for topic in found], **_outcome("Request successful.", error=False)})


@router.post(
    "/integrations/imatrics/concept/create",
    summary="Superdesk: make a concept",
    response_model=OutcomeOut,
    responses=problems(*_FAULTS),
    openapi_extra=json_request("NewConcept", {"title": "Weather", "type": "topic"}),
)
async def imatrics_create(request: Request) -> Response:
    """Say why no concept is made: a topic comes with a model that has learnt it."""
    taxonomy = active_model(request).taxonomy
    name = checked(NewConcept, await read_row(request)).title.strip().casefold()
    for topic in taxonomy.topics:
        if topic.name.casefold() == name:
            return private(_outcome(f"There is a concept {topic.name} already, with uuid {uuid_of(topic.id)}."))
    return private(_outcome("Topics cannot be made here: a new one comes with a model that has learnt it."))


@router.delete(
    "/integrations/imatrics/concept/delete",
    summary="Superdesk: delete a concept",
    response_model=OutcomeOut,
    responses=problems(503),
)
async def imatrics_delete(request: Request, uuid: Annotated[str, Query(description="The concept's.")] = "") -> Response:
    """Say that a topic stays; what is no topic is gone already."""
    if found := _of_uuid(active_model(request).taxonomy, uuid):
        return private(_outcome(f"The topic {found[0].name} is the model's, and stays."))
    return private(_outcome("There is no such concept.", error=False))


def _article(story: StoryIn) -> Article:
    body = story.body if isinstance(story.body, str) else "\n".join(story.body or ())
    return article_at(_BODY, body, id=story.uuid, title=story.headline, language=story.language)


def _analysis(model: TopicModel, article: Article) -> dict[str, Any]:
    try:
        found = tagged(model, article)
    except EmptyArticle:
        found = TaggedArticle(article.id, (), ())
    except ArticleError as error:
        raise misplaced(error, _BODY) from None
    given = [(one.topic, one.confidence) for one in found.topics]
    return {
        "concepts": [_weighed(*one) for one in given],
        "broader": [_weighed(*one) for one in missing_above(model.taxonomy, given)],
    }


def _has_text(article: Article) -> bool:
    try:
        article.text()
    except EmptyArticle:
        return False
    except ArticleError as error:
        raise misplaced(error, _BODY) from None
    return True


def _weighed(topic: Topic, confidence: float) -> dict[str, Any]:
    return _concept(topic) | {"weight": round(confidence, 6)}


def _concept(topic: Topic) -> dict[str, Any]:
    return {
        "uuid": uuid_of(topic.id),
        "title": topic.name,
        "type": _type(topic),
        "shortDescription": topic.description,
        "aliases": [],
        "source": _SOURCE,
        "author": _SOURCE,
        "broader": uuid_of(topic.parent) if topic.parent else "",
        "links": _links(topic),
    }


def _type(topic: Topic) -> str:
    """Superdesk puts a `category` under the scheme `mediatopic`, and a `topic` under one of iMatrics' own."""
    return "category" if any(link["relationType"] == "exactMatch" for link in _links(topic)) else "topic"


def _links(topic: Topic) -> list[dict[str, str]]:
    return [
        {
            "source": "iptc",
            "relationType": _RELATIONS[code.match],
            "id": code.qcode,
            "uri": SCHEMES["medtop"] + code.qcode.removeprefix("medtop:"),
        }
        for code in topic.codes
        if code.qcode.startswith("medtop:")
    ]


def _of_uuid(taxonomy: Taxonomy, wanted: str | None) -> list[Topic]:
    return [topic for topic in taxonomy.topics if uuid_of(topic.id) == wanted]


def _of_title(taxonomy: Taxonomy, asked: ConceptQuestion) -> Sequence[Topic]:
    part = (asked.title or "").strip().casefold()
    found = [
        topic
        for topic in taxonomy.topics
        if part in topic.name.casefold() and asked.type in (None, "", "all", _type(topic))
    ]
    found.sort(key=lambda topic: not topic.name.casefold().startswith(part))
    return found[: asked.size]


def _outcome(response: str, *, error: bool = True) -> dict[str, Any]:
    return {"error": error, "response": response}
