"""Annif's REST API (1.4): the model as a project, its topics as subjects, what is learnt in the ledger.

https://github.com/NatLibFi/Annif/blob/main/annif/openapi/annif.yaml
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from pydantic_core import to_json
from starlette.responses import Response

from models import Article, ArticleError, EmptyArticle, TopicModel, TopicResult
from models.language import likely, primary
from service import reading
from service.active import active_model
from service.dialects.answers import (
    ApiInfoOut,
    DocumentSuggestionsOut,
    LanguagesOut,
    ProjectOut,
    ProjectsOut,
    SuggestionsOut,
)
from service.dialects.articles_sent import article_at, checked, correction, keep, misplaced, tagged, worked
from service.dialects.concepts import Vocabulary, concept_of, uri_of
from service.dialects.forms import FORM, MOST, read_form, wanted_of, wrong_parameter
from service.dialects.requests import (
    AnnifDocuments,
    IndexedDocument,
    IndexedDocuments,
    LanguageQuestion,
    json_request,
)
from service.feedback import private
from service.openapi import problems
from service.problems import Problem, pointer
from service.settings import Settings
from service.topics import also_head

_LIMIT = 10
_FAULTS = (400, 404, 413, 415, 422, 500, 503)
_TEXT = "Storm cuts power to 40,000 homes along the west coast."

Limit = Annotated[int, Query(ge=0, le=MOST, description="Most subjects to give.")]
Threshold = Annotated[
    float | None,
    Query(ge=0, le=1, description="Least score, in place of the topics' own cut-offs."),
]
LabelLanguage = Annotated[str | None, Query(description="Of the labels: the project's own.")]

router = APIRouter(tags=["annif"])


@router.get("/v1/", summary="Annif: which API is this?", response_model=ApiInfoOut)
async def annif_info(request: Request) -> Response:
    """Return the API's name and version."""
    return _json({"title": "Tagdesk, as Annif REST API", "version": request.app.version})


@router.get("/v1/projects", summary="Annif: list projects", response_model=ProjectsOut, responses=problems(503))
async def annif_projects(request: Request) -> Response:
    """Return the model that answers, as the one project there is."""
    return _json({"projects": [_project(active_model(request))]})


@router.get(
    "/v1/projects/{project_id}",
    summary="Annif: show a project",
    response_model=ProjectOut,
    responses=problems(404, 503),
)
async def annif_project(request: Request, project_id: str) -> Response:
    """Return the model of this name as a project."""
    return _json(_project(_model(request, project_id)))


@router.post(
    "/v1/detect-language",
    summary="Annif: which language is it?",
    response_model=LanguagesOut,
    responses=problems(400, 413, 415, 422, 500),
    openapi_extra=json_request("LanguageQuestion", {"text": _TEXT, "languages": ["en", "fi"]}),
)
async def annif_detect_language(request: Request) -> Response:
    """Return how likely each of the languages is, and, as null, any other.

    Where py3langid is not installed no language is known.
    """
    settings: Settings = request.app.state.settings
    sent = checked(LanguageQuestion, await _read(request, settings.max_body))
    found = await to_thread.run_sync(likely, sent.text)
    unknown = [place for place, name in enumerate(sent.languages) if found and name not in found]
    if unknown:
        faults = [{"pointer": pointer("languages", place), "detail": "is not known here"} for place in unknown]
        raise Problem("invalid-article", f"The languages known here are {', '.join(sorted(found))}.", faults)
    scores = {name: round(found.get(name, 0.0), 6) for name in sent.languages}
    rows: list[dict[str, Any]] = [{"language": name, "score": score} for name, score in scores.items()]
    rows.append({"language": None, "score": round(max(0.0, 1.0 - sum(scores.values())), 6)})
    return private({"results": sorted(rows, key=lambda row: -row["score"])})


@router.post(
    "/v1/projects/{project_id}/suggest",
    summary="Annif: suggest subjects",
    response_model=SuggestionsOut,
    responses=problems(*_FAULTS),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                FORM: {
                    "schema": {
                        "type": "object",
                        "required": ["text"],
                        "properties": {
                            "text": {"type": "string"},
                            "limit": {"type": "integer", "minimum": 0, "maximum": MOST, "default": _LIMIT},
                            "threshold": {"type": "number", "minimum": 0, "maximum": 1},
                            "language": {"type": "string"},
                            "metadata_title": {"type": "string"},
                        },
                    },
                    "example": {"text": _TEXT, "limit": 5},
                }
            },
        }
    },
)
async def annif_suggest(request: Request, project_id: str) -> Response:
    """Return the topics of a text, most likely first: those that reach a band, or the `threshold`."""
    model = _model(request, project_id)
    form = await read_form(request)
    wanted = _Wanted(model, str(request.base_url), **wanted_of(form))
    if "text" not in form:
        raise wrong_parameter("text", "must be there")
    article = article_at({"parameter": "text"}, form["text"], title=form.get("metadata_title"))
    found = await worked([article], partial(wanted.results, article, {"parameter": "text"}))
    return private({"results": found})


@router.post(
    "/v1/projects/{project_id}/suggest-batch",
    summary="Annif: suggest subjects of many",
    response_model=list[DocumentSuggestionsOut],
    responses=problems(*_FAULTS),
    openapi_extra=json_request("AnnifDocuments", {"documents": [{"text": _TEXT, "document_id": "a-1"}]}),
)
async def annif_suggest_batch(
    request: Request,
    project_id: str,
    limit: Limit = _LIMIT,
    threshold: Threshold = None,
    language: LabelLanguage = None,
) -> Response:
    """Return the topics of each document, in the order sent; of one without text none."""
    settings: Settings = request.app.state.settings
    model = _model(request, project_id)
    wanted = _Wanted(model, str(request.base_url), limit, threshold, language)
    documents = checked(AnnifDocuments, await _read(request, settings.max_batch_body)).documents
    _check_number(documents, settings.max_batch)
    articles = [
        article_at(_place("documents", number), one.text, title=_title(one.metadata))
        for number, one in enumerate(documents)
    ]

    def work() -> bytes:
        rows = (wanted.results(one, _place("documents", number)) for number, one in enumerate(articles))
        return to_json(
            [{"results": row, "document_id": one.document_id} for row, one in zip(rows, documents, strict=True)]
        )

    return Response(await worked(articles, work), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.post(
    "/v1/projects/{project_id}/learn",
    status_code=204,
    summary="Annif: learn from documents",
    response_class=Response,
    responses=problems(*_FAULTS),
    openapi_extra=json_request(
        "IndexedDocuments", [{"text": _TEXT, "subjects": [{"uri": "http://cv.iptc.org/newscodes/mediatopic/17000000"}]}]
    ),
)
async def annif_learn(request: Request, project_id: str) -> Response:
    """Keep each document and its subjects as a correction; the answer comes when all are on the disk.

    A subject that the model does not have is refused, and nothing is kept then.
    """
    settings: Settings = request.app.state.settings
    model = _model(request, project_id)
    documents = checked(IndexedDocuments, await _read(request, settings.max_batch_body)).root
    _check_number(documents, settings.max_batch)
    topics = _topics(model, documents)
    articles = [
        article_at(_place(number), one.text, title=_title(one.metadata), id=one.document_id)
        for number, one in enumerate(documents)
    ]
    await worked(articles, partial(_check_texts, articles))
    rows = zip(articles, topics, strict=True)
    await keep(request, [correction(request, model, article, right) for article, right in rows])
    return Response(status_code=204)


class _Wanted:
    """What a client wants of the topics of a text.

    Raises:
        Problem: its labels are to be in a language that there are none in.
    """

    def __init__(
        self,
        model: TopicModel,
        base: str,
        limit: int = _LIMIT,
        threshold: float | None = None,
        language: str | None = None,
    ) -> None:
        if language and primary(language) != primary(_language(model)):
            raise wrong_parameter("language", f"labels are in {_language(model)} alone: leave it out")
        self._model = model
        self._base = base
        self._limit = limit
        self._threshold = threshold

    def results(self, article: Article, place: dict[str, str]) -> list[dict[str, Any]]:
        """Return the subjects of one article; `place` is where it stands in the request.

        Raises:
            Problem: its HTML is over a cap.
        """
        try:
            found: Sequence[TopicResult] = tagged(self._model, article).topics
            if self._threshold is not None:
                found = sorted([*found, *self._model.below(article)], key=lambda one: -one.confidence)
        except EmptyArticle:
            return []
        except ArticleError as error:
            raise misplaced(error, place) from None
        subjects = [self._subject(one) for one in found]
        least = self._threshold or 0.0
        return [one for one in subjects if one["score"] >= least][: self._limit]

    def _subject(self, result: TopicResult) -> dict[str, Any]:
        concept = concept_of(result.topic)
        return {
            "uri": uri_of(result.topic, self._base),
            "label": result.topic.name,
            "notation": concept.qcode if concept else None,
            "score": round(result.confidence, 6),
        }


def _project(model: TopicModel) -> dict[str, Any]:
    language = _language(model)
    trained = model.manifest.get("trained")
    return {
        "project_id": model.name,
        "name": model.ref,
        "language": language,
        "backend": {"backend_id": "tagdesk"},
        "vocab": {
            "vocab_id": model.taxonomy.name,
            "languages": [language],
            "size": len(model.taxonomy),
            "loaded": True,
        },
        "vocab_language": language,
        "is_trained": True,
        "modification_time": trained if isinstance(trained, str) else None,
    }


def _language(model: TopicModel) -> str:
    return str(model.manifest.get("language") or "und")


def _model(request: Request, project: str) -> TopicModel:
    model = active_model(request)
    if project != model.name:
        raise Problem("not-found", f"There is no such project; there is {model.name}.")
    return model


async def _read(request: Request, limit: int) -> Any:
    sent = reading.media_type(request)
    if not reading.is_json(sent):
        raise reading.wrong_media_type(sent, "application/json")
    return reading.read_json(await reading.read_body(request, limit))


def _place(*path: str | int) -> dict[str, str]:
    return {"pointer": pointer(*path, "text")}


def _title(metadata: dict[str, Any] | None) -> str | None:
    title = (metadata or {}).get("title")
    return title if isinstance(title, str) else None


def _check_number(documents: Sequence[object], most: int) -> None:
    if len(documents) > most:
        raise Problem("too-many-articles", f"There are more than {most:,} documents: send several requests.")


def _check_texts(articles: Sequence[Article]) -> None:
    for number, article in enumerate(articles):
        try:
            article.text()
        except ArticleError as error:
            raise misplaced(error, _place(number)) from None


def _topics(model: TopicModel, documents: Sequence[IndexedDocument]) -> list[list[str]]:
    """Return the topics of each document.

    Raises:
        Problem: a subject is none of the model's.
    """
    vocabulary = Vocabulary(model.taxonomy)
    found = [[vocabulary.topic(subject.uri) for subject in one.subjects] for one in documents]
    faults = [
        {"pointer": pointer(number, "subjects", place, "uri"), "detail": "must be the URI of a topic of the model"}
        for number, topics in enumerate(found)
        for place, topic in enumerate(topics)
        if topic is None
    ]
    if faults:
        raise Problem("unknown-topic", "The model has no such topic; suggest and /v1/topics name them.", faults[:100])
    return [[topic for topic in topics if topic is not None] for topics in found]


def _json(value: Any) -> Response:
    return Response(to_json(value), media_type="application/json")


also_head(router)
