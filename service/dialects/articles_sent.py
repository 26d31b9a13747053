"""What the dialects do with articles: read them, report faults at their place in the request, and make corrections."""

import uuid
from collections.abc import Callable, Sequence
from typing import TypeVar

from fastapi import Request

from tagdesk.models import Article, ArticleError, TopicModel
from tagdesk.service.edge.call import call_of
from tagdesk.service.edge.problems import Problem, from_domain
from tagdesk.service.http.articles import article_id
from tagdesk.service.ledger import corrections
from tagdesk.service.ledger.corrections import Correction
from tagdesk.service.threads import in_thread_if_long, length

T = TypeVar("T")


def article_at(place: dict[str, str], text: str, **fields: str | None) -> Article:
    """Return the article of a text.

    Args:
        place: the text's place in the request, as a fault names it.
        text: its body.
        fields: its other fields.

    Raises:
        Problem: it is too long.
    """
    try:
        return Article(body=text, **{name: value for name, value in fields.items() if value})
    except ArticleError as error:
        raise problem_at(place, error) from None


def problem_at(place: dict[str, str], error: ArticleError) -> Problem:
    """Return the problem of an article, with its place in the request."""
    problem = from_domain(error)
    return Problem(problem.kind.name, problem.detail, [{**place, "detail": problem.detail}])


async def work_on(articles: Sequence[Article], work: Callable[[], T]) -> T:
    """Do some work on these articles, in a thread if it takes long, and return its result."""
    return await in_thread_if_long(sum(map(length, articles)), work)


def correction(
    request: Request,
    model: TopicModel,
    article: Article,
    *,
    topics: Sequence[str] | None = None,
    accepted: Sequence[str] | None = None,
    rejected: Sequence[str] | None = None,
    added: Sequence[str] | None = None,
) -> Correction:
    """Return what is known about an article's topics, as a correction by the key that sends it.

    Args:
        request: the request.
        model: what answers now.
        article: the article.
        topics: all correct topics, if the article was judged as a whole.
        accepted: otherwise those of the model's topics that are correct; a topic in no list is not judged.
        rejected: those of them that are not.
        added: and the correct topics that the model did not give.
    """
    editor = call_of(request).editor
    right = [*(accepted or ()), *(added or ())] if topics is None else list(dict.fromkeys(topics))
    return Correction(
        id=str(uuid.uuid4()),
        article_id=article_id(article),
        article=corrections.article_fields(article),
        topics=right,
        accepted=accepted,
        rejected=rejected,
        added=added,
        editor=editor,
        model=model.ref,
        complete=topics is not None,
        sender=editor,
    )
