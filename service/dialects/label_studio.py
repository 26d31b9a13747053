"""Label Studio's ML backend API: topics as predictions for its annotators, and their annotations as corrections.

https://labelstud.io/guide/ml_create and https://labelstud.io/guide/webhook_reference
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import Request
from pydantic import ValidationError
from starlette.responses import Response

from tagdesk.models import Article, ArticleError, EmptyArticle, TaggedArticle, TopicModel, TopicResult
from tagdesk.service.dialects.answers import BackendHealthOut, PredictionsOut, SetupOut
from tagdesk.service.dialects.articles_sent import correction, problem_at, work_on
from tagdesk.service.dialects.labelling import Interface, InterfaceError, Question
from tagdesk.service.dialects.requests import (
    AnnotationEvent,
    AnnotationMade,
    AnnotationsMade,
    LabelAnnotation,
    LabelTask,
    PredictionTasks,
    ProjectSetup,
)
from tagdesk.service.edge.call import call_of
from tagdesk.service.edge.problems import Problem, invalid_body, pointer
from tagdesk.service.http.replies import reply
from tagdesk.service.http.router import Router
from tagdesk.service.parts import languages_of, parts_of
from tagdesk.service.routes.feedback import keep
from tagdesk.service.routes.tagging import Tagger

_PATH = "/integrations/label-studio"
_SEVERAL = "ANNOTATIONS_CREATED"
_ANNOTATED = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", _SEVERAL)

router = Router(tags=["label-studio"])


@router.on(
    "GET",
    f"{_PATH}/health",
    scope="tag",
    faults=(503,),
    summary="Label Studio: is it there?",
    response_model=BackendHealthOut,
)
async def label_studio_health(request: Request) -> Response:
    """Say that it answers, and with which model."""
    return reply({"status": "UP", "model_class": languages_of(request).default.ref})


@router.on(
    "POST",
    f"{_PATH}/setup",
    scope="tag",
    faults=(500, 503),
    summary="Label Studio: a project begins",
    response_model=SetupOut,
)
async def label_studio_setup(request: Request, project: ProjectSetup) -> Response:
    """Return the model's version; refuse a labelling interface that cannot be read, or never will have a prediction."""
    model = languages_of(request).default
    if project.schema_:
        interface = _interface(request, project.schema_, "schema")
        if interface.choices:  # else there is time yet
            _readable(request, interface.questions(model.taxonomy), "schema")
    return reply({"model_version": model.ref})


@router.on(
    "POST",
    f"{_PATH}/predict",
    scope="tag",
    batch=True,
    faults=(500, 503),
    summary="Label Studio: tag tasks",
    response_model=PredictionsOut,
)
async def label_studio_predict(request: Request, sent: PredictionTasks) -> Response:
    """Return the topics of each task, in the order sent, as choices of the labelling interface."""
    tagger = Tagger.of(request)
    interface = _interface(request, sent.label_config, "label_config")
    questions = _readable(request, interface.questions(tagger.languages.default.taxonomy), "label_config")
    _check_size(request, len(sent.tasks), len(questions))
    if sent.tasks and not any(question.variable in task.data for task in sent.tasks for question in questions):
        raise _wrong(request, "must have the field that the interface shows as the text: one has it at least", "tasks")
    rows = [
        {question.text: _article(question, task.data, "tasks", place) for question in questions}
        for place, task in enumerate(sent.tasks)
    ]
    articles = [article for row in rows for article in row.values()]
    return reply({"results": await work_on(articles, partial(_predictions, tagger, questions, rows))})


@router.on(
    "POST",
    f"{_PATH}/webhook",
    scope="feedback",
    invalid="invalid-feedback",
    faults=(500, 503),
    summary="Label Studio: an annotation was made",
    response_model=BackendHealthOut,
)
async def label_studio_webhook(request: Request, event: AnnotationEvent) -> Response:
    """Store an annotation as a correction; the answer comes when it is on disk. Other events are answered alone.

    Of several groups of choices the one with the most topics counts. Where it has all of them, and several may be
    chosen, the annotation is the whole truth about the article.
    """
    model = languages_of(request).default
    if event.action in _ANNOTATED:
        await _keep(request, model, event)
    return reply({"status": "UP", "model_class": model.ref})


async def _keep(request: Request, model: TopicModel, event: AnnotationEvent) -> None:
    """Store what an event says of annotations.

    Raises:
        Problem: something is missing, without which they cannot be stored.
    """
    kind = AnnotationsMade if event.action == _SEVERAL else AnnotationMade
    try:
        made = kind.model_validate(event.model_dump(exclude_unset=True))
    except ValidationError as error:
        raise invalid_body(call_of(request).rules.invalid, error.errors()) from None
    questions = _interface(request, made.project.label_config, "project", "label_config").questions(model.taxonomy)
    if not questions:  # another project of the same Label Studio
        return
    question = max(_readable(request, questions, "project", "label_config"), key=lambda one: len(one.values))
    pairs: list[tuple[LabelAnnotation, LabelTask, tuple[str | int, ...]]]
    if isinstance(made, AnnotationMade):
        pairs = [(made.annotation, made.task, ("task",))]
    elif len(made.annotation) != len(made.task):
        raise _wrong(request, "must have one task for each annotation", "task")
    else:
        places = (("task", place) for place in range(len(made.task)))
        pairs = list(zip(made.annotation, made.task, places, strict=True))
    judged = []
    for annotation, task, at in pairs:
        if annotation.result is None or annotation.was_cancelled:
            continue
        if question.variable not in task.data:
            raise _wrong(request, "must have the field that the interface shows as the text", *at, "data")
        judged.append((question.chosen(annotation.result), _article(question, task.data, *at), at))
    articles = [article for _, article, _ in judged]
    tagged = await work_on(articles, lambda: [_tagged(model, article, *at, "data") for _, article, at in judged])
    rows = [
        correction(request, model, article, **_verdicts(question, chosen, model, found))
        for (chosen, article, _), found in zip(judged, tagged, strict=True)
        if found is not None
    ]
    if rows:
        await keep(request, rows)


def _wrong(request: Request, detail: str, *at: str | int) -> Problem:
    """Return the problem of a request in which something is wrong at a place."""
    return invalid_body(call_of(request).rules.invalid, [{"loc": at, "msg": detail}])


def _interface(request: Request, config: str, *at: str) -> Interface:
    try:
        return Interface(config)
    except InterfaceError as error:
        raise _wrong(request, str(error), *at) from None


def _readable(request: Request, questions: Sequence[Question], *at: str) -> list[Question]:
    """Return the questions that are about a text.

    Raises:
        Problem: there is none.
    """
    if not questions:
        detail = "None of the choices of this labelling interface is a topic; GET /v1/topics lists their names and ids."
        raise Problem("unknown-topic", detail, [{"pointer": pointer(*at), "detail": "must have a topic as a choice"}])
    readable = [question for question in questions if question.variable is not None]
    if not readable:
        detail = 'must have a Text or HyperText with a value such as "$text", no URL, that toName of the Choices names'
        raise _wrong(request, detail, *at)
    return readable


def _check_size(request: Request, tasks: int, questions: int) -> None:
    """Refuse more predictions than a batch may have articles."""
    most = parts_of(request).settings.max_batch
    if tasks * questions > most:
        raise Problem(
            "too-many-articles",
            f"{tasks:,} tasks with {questions:,} groups of topics are {tasks * questions:,} predictions, and at most "
            f"{most:,} are made at a time: send fewer tasks, or take groups out of the labelling interface.",
        )


def _article(question: Question, data: dict[str, Any], *at: str | int) -> Article:
    try:
        return Article(**{name: value for name, value in question.article(data).items() if value is not None})
    except ArticleError as error:
        raise problem_at({"pointer": pointer(*at, "data")}, error) from None


def _tagged(model: TopicModel, article: Article, *at: str | int) -> TaggedArticle | None:
    """Return a tagged article; None if it has no text."""
    try:
        return model.tag(article)
    except EmptyArticle:
        return None
    except ArticleError as error:
        raise problem_at({"pointer": pointer(*at)}, error) from None


def _predictions(
    tagger: Tagger, questions: Sequence[Question], rows: Sequence[Mapping[tuple[str, str | None], Article]]
) -> list[dict[str, Any]]:
    """Return the predictions for each row of articles, which has one for each text that the questions are about."""
    model = tagger.languages.default
    predictions = []
    for place, row in enumerate(rows):
        topics: dict[tuple[str, str | None], Sequence[TopicResult]] = {}
        for text, article in row.items():
            tagged = _tagged(model, article, "tasks", place, "data")
            if tagged is not None:
                tagger.note(model, article, tagged)
                topics[text] = tagged.topics
        result, score = [], 0.0
        for question in questions:
            given = [one for one in topics.get(question.text, ()) if one.topic.id in question.values]
            if given:
                result.append(_result(question, [one.topic.id for one in given]))
                score = max(score, given[0].confidence)
        predictions.append({"result": result, "score": round(score, 6), "model_version": model.ref})
    return predictions


def _result(question: Question, topics: Sequence[str]) -> dict[str, Any]:
    chosen = [question.values[topic] for topic in topics]
    value = {"choices": chosen[:1] if question.single else chosen}
    return {"from_name": question.name, "to_name": question.about, "type": "choices", "value": value}


def _verdicts(
    question: Question, chosen: Sequence[str], model: TopicModel, tagged: TaggedArticle
) -> dict[str, list[str]]:
    """Return what an annotation says of the topics, as arguments of `correction`.

    Of a question with one answer the others are not judged: the article may be about them, too.
    """
    given = [result.topic.id for result in tagged.topics]
    if not question.single and len(question.values) == len(model.taxonomy):
        return {"topics": list(chosen)}
    verdicts = {
        "accepted": [topic for topic in chosen if topic in given],
        "added": [topic for topic in chosen if topic not in given],
    }
    if not question.single:
        verdicts["rejected"] = [topic for topic in given if topic in question.values and topic not in chosen]
    return verdicts
