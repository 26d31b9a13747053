"""Annif's REST API (1.4): a model is a project, its topics are subjects, and what it learns goes to the ledger.

https://github.com/NatLibFi/Annif/blob/main/annif/openapi/annif.yaml
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Query, Request
from starlette.responses import Response

from tagdesk.models import Article, ArticleError, EmptyArticle, TopicModel, TopicResult
from tagdesk.models.language import language_probabilities, primary_language
from tagdesk.service.dialects.answers import (
    ApiInfoOut,
    DocumentSuggestionsOut,
    LanguagesOut,
    ProjectOut,
    ProjectsOut,
    SuggestionsOut,
    VocabulariesOut,
)
from tagdesk.service.dialects.articles_sent import article_at, correction, problem_at, work_on
from tagdesk.service.dialects.forms import FORM, MOST, read_form, wanted_of
from tagdesk.service.dialects.requests import AnnifDocuments, IndexedDocument, IndexedDocuments, LanguageQuestion
from tagdesk.service.edge.problems import MOST_FAULTS, Problem, pointer, wrong_parameter
from tagdesk.service.formats.concepts import Vocabulary, concept_of, uri_of
from tagdesk.service.http.replies import reply
from tagdesk.service.http.router import Router
from tagdesk.service.languages import Languages
from tagdesk.service.parts import languages_of, parts_of
from tagdesk.service.routes.feedback import keep
from tagdesk.service.routes.tagging import Tagger

_LIMIT = 10
_FAULTS = (404, 500, 503)
_TEXT = "Storm cuts power to 40,000 homes along the west coast."

Limit = Annotated[int, Query(ge=0, le=MOST, description="Maximum number of subjects.")]
Threshold = Annotated[
    float | None,
    Query(ge=0, le=1, description="Minimum score, in place of the topics' own cut-offs."),
]
LabelLanguage = Annotated[str | None, Query(description="The labels' language: the project's own.")]

router = Router(tags=["annif"])
_on = partial(router.on, annif=True)


@_on("GET", "/v1/", scope="tag", summary="Annif: which API is this?", response_model=ApiInfoOut)
async def annif_info(request: Request) -> Response:
    """Return the API's name and version."""
    return reply({"title": "Tagdesk, as Annif REST API", "version": request.app.version})


@_on("GET", "/v1/projects", scope="tag", faults=(503,), summary="Annif: list projects", response_model=ProjectsOut)
async def annif_projects(request: Request) -> Response:
    """Return the models that answer, each as a project."""
    return reply({"projects": [_project(model) for model in languages_of(request).models.values()]})


@_on(
    "GET", "/v1/vocabs", scope="tag", faults=(503,), summary="Annif: list vocabularies", response_model=VocabulariesOut
)
async def annif_vocabs(request: Request) -> Response:
    """Return the vocabularies of the models that answer."""
    found = {model.taxonomy.name: _vocabulary(model) for model in languages_of(request).models.values()}
    return reply({"vocabs": list(found.values())})


@_on(
    "GET",
    "/v1/projects/{project_id}",
    scope="tag",
    faults=(404, 503),
    summary="Annif: show a project",
    response_model=ProjectOut,
)
async def annif_project(request: Request, project_id: str) -> Response:
    """Return the model of this name as a project."""
    return reply(_project(_model(request, project_id)))


@_on(
    "POST",
    "/v1/detect-language",
    scope="tag",
    faults=(500,),
    summary="Annif: which language is it?",
    response_model=LanguagesOut,
)
async def annif_detect_language(question: LanguageQuestion) -> Response:
    """Return how likely each of the languages is, and, as null, any other language.

    If py3langid is not installed, no language is known.
    """
    known = await to_thread.run_sync(language_probabilities, question.text)
    unknown = [place for place, name in enumerate(question.languages) if known and name not in known]
    if unknown:
        faults = [{"pointer": pointer("languages", place), "detail": "is not known here"} for place in unknown]
        raise Problem("invalid-article", f"The languages known here are {', '.join(sorted(known))}.", faults)
    scores = {name: round(known.get(name, 0.0), 6) for name in question.languages}
    rows: list[dict[str, Any]] = [{"language": name, "score": score} for name, score in scores.items()]
    rows.append({"language": None, "score": round(max(0.0, 1.0 - sum(scores.values())), 6)})
    return reply({"results": sorted(rows, key=lambda row: -row["score"])})


@_on(
    "POST",
    "/v1/projects/{project_id}/suggest",
    scope="tag",
    faults=_FAULTS,
    summary="Annif: suggest subjects",
    response_model=SuggestionsOut,
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
    tagger = _tagger(request, project_id)
    form = await read_form(request)
    wanted = _Wanted(tagger, **wanted_of(form))
    if "text" not in form:
        raise wrong_parameter("text", "must be there")
    place = {"parameter": "text"}
    article = article_at(place, form["text"], title=form.get("metadata_title"))
    return reply({"results": await work_on([article], partial(wanted.results, article, place))})


@_on(
    "POST",
    "/v1/projects/{project_id}/suggest-batch",
    scope="tag",
    batch=True,
    faults=_FAULTS,
    summary="Annif: suggest subjects for many documents",
    response_model=list[DocumentSuggestionsOut],
)
async def annif_suggest_batch(
    request: Request,
    project_id: str,
    sent: AnnifDocuments,
    limit: Limit = _LIMIT,
    threshold: Threshold = None,
    language: LabelLanguage = None,
) -> Response:
    """Return the topics of each document, in the order sent; a document without text has none."""
    wanted = _Wanted(_tagger(request, project_id), limit, threshold, language)
    documents = sent.documents
    _check_number(request, documents)
    articles = [
        article_at(_place("documents", number), document.text, title=_title(document.metadata))
        for number, document in enumerate(documents)
    ]

    def suggest() -> list[dict[str, Any]]:
        rows = (wanted.results(article, _place("documents", number)) for number, article in enumerate(articles))
        return [
            {"results": row, "document_id": document.document_id} for row, document in zip(rows, documents, strict=True)
        ]

    return reply(await work_on(articles, suggest))


@_on(
    "POST",
    "/v1/projects/{project_id}/learn",
    scope="feedback",
    batch=True,
    faults=_FAULTS,
    status_code=204,
    summary="Annif: learn from documents",
    response_class=Response,
)
async def annif_learn(request: Request, project_id: str, sent: IndexedDocuments) -> Response:
    """Store each document and its subjects as a correction; the answer comes when all are on disk.

    If the model does not have one of the subjects, the request is refused and nothing is stored.
    """
    model = _model(request, project_id)
    documents = sent.root
    _check_number(request, documents)
    topics = _topics(model, documents)
    articles = [
        article_at(_place(number), document.text, title=_title(document.metadata), id=document.document_id)
        for number, document in enumerate(documents)
    ]
    await work_on(articles, partial(_check_texts, articles))
    rows = zip(articles, topics, strict=True)
    await keep(request, [correction(request, model, article, topics=right) for article, right in rows])
    return Response(status_code=204, media_type="application/json")  # Annif's specification has it so


class _Wanted:
    """Which topics of a text a client wants.

    Raises:
        Problem: it wants labels in a language that the model has none in.
    """

    def __init__(
        self,
        tagger: Tagger,
        limit: int = _LIMIT,
        threshold: float | None = None,
        language: str | None = None,
    ) -> None:
        self._model = tagger.languages.default
        own = _language(self._model)
        if language and primary_language(language) != primary_language(own):
            raise wrong_parameter("language", f"labels are in {own} only: leave it out")
        self._tagger = tagger
        self._limit = limit
        self._threshold = threshold

    def results(self, article: Article, place: dict[str, str]) -> list[dict[str, Any]]:
        """Return the subjects of an article; `place` is its place in the request.

        Raises:
            Problem: its HTML is over a cap.
        """
        try:
            tagged = self._model.tag(article)
            self._tagger.note(self._model, article, tagged)
            results: Sequence[TopicResult] = tagged.topics
            if self._threshold is not None:
                results = sorted([*results, *self._model.below(article)], key=lambda result: -result.confidence)
        except EmptyArticle:
            return []
        except ArticleError as error:
            raise problem_at(place, error) from None
        least = self._threshold or 0.0
        subjects = (_subject(result) for result in results)
        return [subject for subject in subjects if subject["score"] >= least][: self._limit]


def _subject(result: TopicResult) -> dict[str, Any]:
    concept = concept_of(result.topic)
    return {
        "uri": uri_of(result.topic),
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
        "vocab": _vocabulary(model),
        "vocab_language": language,
        "is_trained": True,
        "modification_time": trained if isinstance(trained, str) else None,
    }


def _vocabulary(model: TopicModel) -> dict[str, Any]:
    return {
        "vocab_id": model.taxonomy.name,
        "languages": [_language(model)],
        "size": len(model.taxonomy),
        "loaded": True,
    }


def _language(model: TopicModel) -> str:
    return str(model.manifest.get("language") or "und")


def _model(request: Request, project: str) -> TopicModel:
    models = languages_of(request).models
    if project not in models:
        raise Problem("not-found", f"There is no such project; /v1/projects lists them: {', '.join(models)}.")
    return models[project]


def _tagger(request: Request, project: str) -> Tagger:
    """Return a tagger that tags every text with the project's model, whatever its language."""
    return replace(Tagger.of(request), languages=Languages(_model(request, project), {}))


def _place(*path: str | int) -> dict[str, str]:
    return {"pointer": pointer(*path, "text")}


def _title(metadata: dict[str, Any] | None) -> str | None:
    title = (metadata or {}).get("title")
    return title if isinstance(title, str) else None


def _check_number(request: Request, documents: Sequence[object]) -> None:
    most = parts_of(request).settings.max_batch
    if len(documents) > most:
        detail = f"There are more than {most:,} documents: send several requests."
        raise Problem("too-many-articles", detail)


def _check_texts(articles: Sequence[Article]) -> None:
    for number, article in enumerate(articles):
        try:
            article.text()
        except ArticleError as error:
            raise problem_at(_place(number), error) from None


def _topics(model: TopicModel, documents: Sequence[IndexedDocument]) -> list[list[str]]:
    """Return the topics of each document.

    Raises:
        Problem: the model does not have one of the subjects.
    """
    vocabulary = Vocabulary(model.taxonomy)
    named = [[vocabulary.topic(subject.uri) for subject in document.subjects] for document in documents]
    faults = [
        {"pointer": pointer(number, "subjects", place, "uri"), "detail": "must be the URI of a topic of the model"}
        for number, topics in enumerate(named)
        for place, topic in enumerate(topics)
        if topic is None
    ]
    if faults:
        raise Problem(
            "unknown-topic", "The model has no such topic; suggest and /v1/topics name them.", faults[:MOST_FAULTS]
        )
    return [[topic for topic in topics if topic is not None] for topics in named]
