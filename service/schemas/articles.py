"""An article as a client sends it; its fields are checked here."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from tagdesk.models.reading.article import MAX_BODY, MAX_TITLE
from tagdesk.models.reading.html import MAX_HTML
from tagdesk.service.formats.articles import translated

MAX_ID = 256

MOST_LISTED = 1000
"""Most items of a list in a request; with `fail_fast`, the list of faults does not grow with the request."""


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text_schema(limit: int, *, words: bool) -> WithJsonSchema:
    """Document the caps that `tagdesk.Article` enforces, in code points."""
    schema: dict[str, Any] = {"type": "string", "maxLength": limit} | ({"pattern": r"\S"} if words else {})
    return WithJsonSchema({"anyOf": [schema, {"type": "null"}]})


Id = Annotated[
    Annotated[str, Field(max_length=MAX_ID)] | None,
    BeforeValidator(_as_text),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": MAX_ID}, {"type": "integer"}, {"type": "null"}]}),
]


class ArticleIn(BaseModel):
    """An article: exactly one of `body` and `body_html`, and no other field is required. null counts as absent."""

    # That it is exactly one stands in words alone: of a schema that says it, generators make types without fields.
    model_config = ConfigDict(strict=True, hide_input_in_errors=True, title="Article")

    id: Id = Field(
        default=None, description="The sender's id for it, echoed as a string; a whole number is read as a string."
    )
    title: Annotated[str | None, _text_schema(MAX_TITLE, words=False)] = Field(default=None, description="Plain text.")
    body: Annotated[str | None, _text_schema(MAX_BODY, words=True)] = Field(
        default=None,
        description="Plain text; one that is clearly HTML is read as HTML, with the warning `html-in-body`.",
    )
    body_html: Annotated[str | None, _text_schema(MAX_HTML, words=True)] = Field(default=None, description="HTML.")
    language: str | None = Field(
        default=None,
        description="BCP 47 tag or ISO 639 code, if the sender knows it; one other than the model's gets a warning.",
    )
    url: str | None = Field(default=None, description="The address at which it is published; never fetched.")


ARTICLE_FIELDS = frozenset(ArticleIn.model_fields)
"""The names of an article's fields."""


def _ours(value: Any) -> Any:
    """Return an article in our fields, whatever system wrote it."""
    if not isinstance(value, dict):
        raise PydanticCustomError("article_type", "must be an object with title and body")
    return value if ARTICLE_FIELDS.issuperset(value) else translated(value) or value


SentArticle = Annotated[ArticleIn, BeforeValidator(_ours)]
"""An article in a request: in our fields, or as another system writes it."""

_NAME = r"^[^\u0000]+$"
Name = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=_NAME)]
