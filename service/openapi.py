"""What the API's description says of a route beside its signature: requests read by hand, problems, examples."""

from typing import Any

from pydantic_core import to_json

from tagdesk.service.edge.problems import KINDS, MEDIA_TYPE
from tagdesk.service.example import EXAMPLE

REF = "#/components/schemas/{model}"
"""Where the description has the schema of a model."""

_ARTICLE = {"$ref": REF.format(model="ArticleIn")}

EXAMPLE_ARTICLE: dict[str, Any] = {
    "id": EXAMPLE.id,
    "title": EXAMPLE.title,
    "body": EXAMPLE.body,
    "language": EXAMPLE.language,
}
EXAMPLE_HTML: dict[str, Any] = {"id": 17, "title": EXAMPLE.title, "body_html": f"<p>{EXAMPLE.body}</p>"}

_EXAMPLES: dict[str, Any] = {
    "examples": {
        "text": {"summary": "Plain text", "value": EXAMPLE_ARTICLE},
        "html": {"summary": "HTML", "value": EXAMPLE_HTML},
    }
}

FEEDBACK_EXAMPLE: dict[str, Any] = {
    "requestBody": {
        "content": {
            "application/json": {
                "example": {
                    "id": "7c0f7a52-8e8b-4c55-9c39-3f4b1b6f0e1d",
                    "article": EXAMPLE_ARTICLE,
                    "model": "news-en@1",
                    "topics": [],
                }
            }
        }
    }
}
"""An example of feedback, for the API's description."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems with these statuses, for a route's `responses`."""
    return {status: _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    kinds = [kind for kind in KINDS.values() if kind.status == status]
    schema = {"$ref": REF.format(model="ProblemOut")}
    return {
        "description": "; or: ".join(f"{kind.title} (`{kind.type}`)" for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }


def article_request() -> dict[str, Any]:
    """Describe the request of `/v1/tag`, which FastAPI does not read."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _ARTICLE, **_EXAMPLES}}}}


def article_examples() -> dict[str, Any]:
    """Add articles as examples to a request that FastAPI describes."""
    return {"requestBody": {"content": {"application/json": dict(_EXAMPLES)}}}


def batch_request(lines: tuple[str, ...]) -> dict[str, Any]:
    """Describe the request of `/v1/tag/batch`."""
    articles = {"type": "array", "items": _ARTICLE}
    rows = [EXAMPLE_ARTICLE, EXAMPLE_HTML]
    content: dict[str, Any] = {"application/json": {"schema": articles, "example": rows}}
    for name in lines:
        content[name] = {"schema": {"type": "string", "pattern": r"\S"}, "example": json_lines(rows)}
    return {"requestBody": {"required": True, "content": content}}


def batch_response(lines: str) -> dict[int | str, dict[str, Any]]:
    """Describe the answer of `/v1/tag/batch`."""
    return {200: {"content": {lines: {"schema": {"type": "string"}}}}}


def json_lines(rows: list[dict[str, Any]]) -> str:
    """Return rows as JSON Lines."""
    return "".join(to_json(row).decode() + "\n" for row in rows)
