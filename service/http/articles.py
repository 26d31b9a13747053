"""Articles out of JSON values; a fault is reported at its place in the request."""

from typing import Any

from pydantic import ValidationError

from tagdesk.models import Article, ArticleError
from tagdesk.service.edge.problems import Problem, from_domain, invalid_body, pointer
from tagdesk.service.formats.articles import translated
from tagdesk.service.formats.identity import text_id
from tagdesk.service.schemas.articles import ARTICLE_FIELDS, ArticleIn
from tagdesk.service.threads import in_thread_if_long, length

_MAX_WARNINGS = 10
_MAX_NAME = 64


def read_article(row: Any) -> tuple[Article, list[str]]:
    """Read an article from a JSON value: in the fields of `ArticleIn`, or as another system writes it.

    Returns:
        The article, and a warning for each of the first unknown fields.

    Raises:
        Problem: it is not an object, a field has the wrong type, or it has no body but fields that are not read.
        ArticleError: it has no body or two, or a field over its cap.
    """
    if not isinstance(row, dict):
        raise Problem(
            "invalid-article",
            f"An article is a JSON object with title and body, not {_kind(row)}.",
            [{"pointer": pointer(), "detail": "must be an object"}],
        )
    unknown = [name for name in row if name not in ARTICLE_FIELDS]
    if unknown and (translation := translated(row)) is not None:
        row, unknown = translation, []
    try:
        sent = ArticleIn.model_validate(row)
    except ValidationError as error:
        raise invalid_body("invalid-article", error.errors(include_url=False, include_input=False)) from None
    names = [name[:_MAX_NAME] for name in unknown[:_MAX_WARNINGS]]
    if names and sent.body is None and sent.body_html is None:
        raise _no_body(names)
    return to_article(sent), [f"unknown-field: {name}" for name in names]


def to_article(sent: ArticleIn) -> Article:
    """Return the article that was sent.

    Raises:
        ArticleError: it has no body or two, or a field over its cap.
    """
    return Article(
        title=sent.title or "",
        body=sent.body,
        body_html=sent.body_html,
        id=sent.id,
        language=sent.language,
        url=sent.url,
    )


async def readable(sent: ArticleIn, *at: str | int) -> Article:
    """Return the article that was sent, once it is known to have a text.

    Args:
        sent: the article's fields.
        at: its place in the request.

    Raises:
        Problem: it has no text, or is over a cap.
    """
    try:
        article = to_article(sent)
        await in_thread_if_long(length(article), article.text)
    except ArticleError as error:
        raise from_domain(error, *at) from None
    return article


def article_id(article: Article, *at: str | int) -> str:
    """Return the article's id, or if it is missing or blank, an id made of its text.

    Args:
        article: the article.
        at: its place in the request.

    Raises:
        Problem: the id has a character that no database can store.
    """
    if article.id is None or not article.id.strip():
        return text_id(article)
    if "\0" in article.id:
        fault = {"pointer": pointer(*at, "id"), "detail": "must not have U+0000"}
        raise Problem("invalid-feedback", "Correct the article's id, or leave it out.", [fault])
    return article.id


def read_id(row: Any) -> str | None:
    """Return the id of a bad article, if it can be read."""
    value = row.get("id") if isinstance(row, dict) else None
    try:
        return ArticleIn(id=value).id
    except ValidationError:
        return None


def _no_body(names: list[str]) -> Problem:
    """Return the problem of an article without a body, but with other fields, in one of which it may be."""
    faults = [{"pointer": pointer(name), "detail": "is not read"} for name in names if len(name) < _MAX_NAME]
    detail = (
        "The article has no body: send its text as body (plain text) or body_html. The fields in errors are not read."
    )
    return Problem("invalid-article", detail, faults)


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "an array: send several articles to /v1/tag/batch"
    return "null" if value is None else {str: "a string", bool: "true or false"}.get(type(value), "a number")
