"""What the dialects do with what they are sent: check it, tag it, keep what is right of it."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from anyio import to_thread
from fastapi import Request
from pydantic import BaseModel, ValidationError

from models import Article, ArticleError, TaggedArticle, TopicModel
from service.feedback import article_id, ledger_of
from service.ledger import corrections
from service.ledger.corrections import Correction
from service.ledger.database import Run
from service.metrics import Metrics
from service.observe import note_tagged
from service.problems import Problem, from_domain, pointer

Sent = TypeVar("Sent", bound=BaseModel)
T = TypeVar("T")

_LONG = 50_000  # characters of all articles from which they are worth a thread


def checked(schema: type[Sent], row: Any) -> Sent:
    """Return a JSON value as what it must be.

    Raises:
        Problem: it is not; the errors say where.
    """
    try:
        return schema.model_validate(row)
    except ValidationError as error:
        faults = [
            {"pointer": pointer(*one["loc"]), "detail": one["msg"]}
            for one in error.errors(include_input=False, include_context=False, include_url=False)
        ]
        raise Problem("invalid-article", "Correct what errors names.", faults[:100]) from None


def article_at(place: dict[str, str], text: str, **fields: str | None) -> Article:
    """Return an article of a text.

    Args:
        place: where the text stands in the request, as an error names it.
        text: its body.
        fields: its other fields.

    Raises:
        Problem: it is too long.
    """
    try:
        return Article(body=text, **{name: value for name, value in fields.items() if value})
    except ArticleError as error:
        raise misplaced(error, place) from None


def misplaced(error: ArticleError, place: dict[str, str]) -> Problem:
    """Return an article's fault where it stands in the request."""
    problem = from_domain(error)
    return Problem(problem.kind.name, problem.detail, [{**place, "detail": problem.detail}])


async def worked(articles: Sequence[Article], work: Callable[[], T]) -> T:
    """Return what the work on these articles returns: done in a thread where it takes long enough."""
    size = sum(len(one.body or "") for one in articles)
    return await to_thread.run_sync(work) if size > _LONG else work()


def tagged(model: TopicModel, article: Article) -> TaggedArticle:
    """Tag an article, and have it noted.

    Raises:
        ArticleError: it has no text, or its HTML is over a cap.
    """
    found = model.tag(article)
    note_tagged(model, article, found, [])
    return found


def correction(request: Request, model: TopicModel, article: Article, topics: Sequence[str]) -> Correction:
    """Return what is right of an article as a correction by the key that sends it."""
    return Correction(
        id=str(uuid.uuid4()),
        article_id=article_id(article),
        article=corrections.article_fields(article),
        topics=list(dict.fromkeys(topics)),
        accepted=None,
        rejected=None,
        added=None,
        editor=request.scope.get("state", {}).get("key"),
        model=model.ref,
    )


async def keep(request: Request, kept: Sequence[Correction]) -> None:
    """Keep corrections, all or none; they are on the disk when this returns.

    Raises:
        LedgerError: they cannot be kept.
    """
    ledger = ledger_of(request)

    def append(run: Run) -> None:
        for one in kept:
            corrections.append(run, correction=one, keep_text=ledger.keep_text)

    await ledger.do(append)
    metrics: Metrics = request.app.state.metrics
    for _ in kept:
        metrics.corrected((), (), ())
