"""The iMatrics API as Superdesk's core calls it, when its editors tag a story and when they publish it.

superdesk-core/superdesk/text_checkers/ai/imatrics.py; integrations/superdesk/README.md has the wire format.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from starlette.responses import Response

from tagdesk.models import Article, ArticleError, EmptyArticle, TaggedArticle, Taxonomy, Topic, TopicModel
from tagdesk.service.dialects.answers import AnalysisOut, ConceptsOut, OutcomeOut, StoredOut
from tagdesk.service.dialects.articles_sent import article_at, correction, problem_at, work_on
from tagdesk.service.dialects.imatrics_concepts import concept, of_title, of_uuid, topics_of, uuid_of, weighed
from tagdesk.service.dialects.requests import ConceptQuestion, NewConcept, StoryIn
from tagdesk.service.edge.problems import Problem
from tagdesk.service.formats.concepts import above
from tagdesk.service.http.articles import article_id
from tagdesk.service.http.replies import reply
from tagdesk.service.http.router import Router
from tagdesk.service.languages import Languages
from tagdesk.service.parts import languages_of
from tagdesk.service.routes.feedback import keep
from tagdesk.service.routes.tagging import Tagger

_BODY = {"pointer": "#/body"}
_DOUBTS = ("language: ", "unknown-words", "no-article")
"""Warnings with which a story gets no concepts. A short text does: an editor who asks early sees what comes of it."""

router = Router(tags=["superdesk"])


@router.on(
    "POST",
    "/integrations/imatrics/article/analysis",
    scope="tag",
    faults=(500, 503),
    summary="Superdesk: tag a story",
    response_model=AnalysisOut,
)
async def imatrics_analysis(request: Request, story: StoryIn) -> Response:
    """Return the story's topics as concepts: none if it has no text, or is in doubt."""
    article = _article(story)
    return reply(await work_on([article], partial(_analysis, Tagger.of(request), article)))


@router.on(
    "POST",
    "/integrations/imatrics/article/store",
    scope="feedback",
    faults=(500, 503),
    summary="Superdesk: store a published story",
    response_model=StoredOut,
)
@router.on(
    "POST",
    "/integrations/imatrics/article/concept",
    scope="feedback",
    faults=(500, 503),
    summary="Superdesk 2: store a published story",
    name="imatrics_store_2",
    response_model=StoredOut,
)
async def imatrics_store(request: Request, story: StoryIn) -> Response:
    """Store the verdicts in a published story's concepts as a correction; the answer comes when it is on disk.

    Concepts that are not topics (people, places) are ignored. A story that is not published, has no list of concepts,
    or has no text is not stored.
    """
    languages = languages_of(request)
    article = _article(story)
    if story.pubStatus and story.concepts is not None:
        model, tagged = await work_on([article], partial(_tagged, languages, article))
        if tagged is not None:
            topics = topics_of(model.taxonomy, (tag.uuid for tag in story.concepts))
            accepted, added = _verdicts(model.taxonomy, topics, tagged)
            await keep(request, [correction(request, model, article, accepted=accepted, added=added)])
    return reply({"uuid": story.uuid or article_id(article)})


@router.on(
    "POST",
    "/integrations/imatrics/concept/get",
    scope="tag",
    faults=(500, 503),
    summary="Superdesk: search concepts",
    response_model=ConceptsOut,
)
async def imatrics_get(
    request: Request,
    question: ConceptQuestion,
    operation: Annotated[
        Literal["title_type", "id"], Query(description="Search by a part of the name, or by uuid.")
    ] = "title_type",
) -> Response:
    """Return the topics whose names contain the title, those that begin with it first; or the topic of a uuid."""
    every = _topics(request)
    topics = of_uuid(every, question.uuid) if operation == "id" else of_title(every, question)
    return reply({"result": [concept(topic) for topic in topics], **_outcome("Request successful.", error=False)})


@router.on(
    "POST",
    "/integrations/imatrics/concept/create",
    scope="tag",
    faults=(500, 503),
    summary="Superdesk: create a concept",
    response_model=OutcomeOut,
)
async def imatrics_create(request: Request, wanted: NewConcept) -> Response:
    """Say why no concept is created: a topic comes with a model that has learned it."""
    name = wanted.title.strip().casefold()
    for topic in _topics(request):
        if topic.name.casefold() == name:
            return reply(_outcome(f"There is already a concept {topic.name}, with uuid {uuid_of(topic.id)}."))
    return reply(_outcome("Topics cannot be created here: a new one comes with a model that has learned it."))


@router.on(
    "DELETE",
    "/integrations/imatrics/concept/delete",
    scope="tag",
    faults=(409, 503),
    summary="Superdesk: delete a concept",
    response_model=OutcomeOut,
)
async def imatrics_delete(request: Request, uuid: Annotated[str, Query(description="The concept's.")] = "") -> Response:
    """Refuse to delete a topic; any other concept does not exist here.

    Superdesk reads nothing of the answer but its status: with 200 it would tell the editor that the topic is gone.
    """
    if topics := of_uuid(_topics(request), uuid):
        raise Problem("model-not-changed", f"The topic {topics[0].name} belongs to the model, and stays.")
    return reply(_outcome("There is no such concept.", error=False))


def _article(story: StoryIn) -> Article:
    body = [story.body] if isinstance(story.body, str) else list(story.body or ())
    # Analysis has the abstract's paragraphs at the end of the body, publication has them as the preamble.
    body += [line.strip() for line in (story.preamble or "").split("\n") if line.strip()]
    return article_at(_BODY, "\n".join(body), id=story.uuid, title=story.headline, language=story.language)


def _topics(request: Request) -> list[Topic]:
    """Return the topics of all models: one that several have is one concept, with the name that the first gives it."""
    models = reversed(languages_of(request).models.values())
    return list({topic.id: topic for model in models for topic in model.taxonomy.topics}.values())


def _analysis(tagger: Tagger, article: Article) -> dict[str, Any]:
    model, tagged = _tagged(tagger.languages, article)
    if tagged is None:
        return {"concepts": [], "broader": []}
    tagger.note(model, article, tagged)
    return {"concepts": [weighed(result.topic, result.confidence) for result in tagged.topics], "broader": []}


def _tagged(languages: Languages, article: Article) -> tuple[TopicModel, TaggedArticle | None]:
    """Return an article's model, and the article with the topics that Superdesk is shown; None if it has no text.

    It has no topics if the text is not like those that the model learned from: every concept becomes a tag, and
    Superdesk has no way to show a doubt.
    """
    model = languages.model_for(article)
    try:
        tagged = model.tag(article)
    except EmptyArticle:
        return model, None
    except ArticleError as error:
        raise problem_at(_BODY, error) from None
    doubted = any(warning.startswith(_DOUBTS) for warning in tagged.warnings)
    return model, replace(tagged, topics=()) if doubted else tagged


def _verdicts(taxonomy: Taxonomy, topics: Sequence[str], tagged: TaggedArticle) -> tuple[list[str], list[str]]:
    """Return which of a published story's topics were accepted, and which were added.

    A topic that the model did not give and that is above another topic of the story is not judged: perhaps nobody chose
    it. (Until 2026-11 Superdesk was sent parents too, and it never drops a story's tags.) A topic that the story does
    not have is not judged either: Superdesk does not say whether it was ever shown.
    """
    suggested = {result.topic.id for result in tagged.topics}
    parents = {upper.id for topic in topics for upper in above(taxonomy, taxonomy.topics[taxonomy.column(topic)])}
    accepted = [topic for topic in topics if topic in suggested]
    added = [topic for topic in topics if topic not in suggested and topic not in parents]
    return accepted, added


def _outcome(response: str, *, error: bool = True) -> dict[str, Any]:
    return {"error": error, "response": response}
