"""The API's description: requests that are read by hand, problems, and examples that the model itself answered."""

from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

from service.active import EXAMPLE
from service.dialects.requests import NAMED
from service.problems import KINDS, MEDIA_TYPE
from service.schemas import ArticleIn, FeedbackIn, ProblemOut
from service.security import scope_needed

_REF = "#/components/schemas/{model}"
_ARTICLE = {"$ref": _REF.format(model="Article")}

EXAMPLE_ARTICLE: dict[str, Any] = {
    "id": EXAMPLE.id,
    "title": EXAMPLE.title,
    "body": EXAMPLE.body,
    "language": EXAMPLE.language,
}
EXAMPLE_HTML: dict[str, Any] = {"id": 17, "title": EXAMPLE.title, "body_html": f"<p>{EXAMPLE.body}</p>"}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems with these statuses, for a route's `responses`."""
    return {status: _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    kinds = [kind for kind in KINDS.values() if kind.status == status]
    schema = {"$ref": _REF.format(model="Problem")}
    return {
        "description": "; or: ".join(f"{kind.title} (`{kind.type}`)" for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }


def article_request() -> dict[str, Any]:
    """Describe the request of `/v1/tag`."""
    examples = {
        "text": {"summary": "Plain text", "value": EXAMPLE_ARTICLE},
        "html": {"summary": "HTML", "value": EXAMPLE_HTML},
    }
    content = {"application/json": {"schema": _ARTICLE, "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}


def other_formats() -> dict[int | str, dict[str, Any]]:
    """Describe the answers of `/v1/tag` that are not in our own format."""
    ninjs: dict[str, Any] = {"type": "object", "required": ["uri"]}
    news_article: dict[str, Any] = {"type": "object", "required": ["@context", "@type", "about"]}
    content = {"application/vnd.iptc.ninjs+json": {"schema": ninjs}, "application/ld+json": {"schema": news_article}}
    return {200: {"content": content}}


def feedback_request() -> dict[str, Any]:
    """Describe the request of `/v1/feedback`."""
    schema = {"$ref": _REF.format(model="Feedback")}
    example = {
        "id": "7c0f7a52-8e8b-4c55-9c39-3f4b1b6f0e1d",
        "article": EXAMPLE_ARTICLE,
        "model": "news-en@1",
        "topics": [],
        "editor": "desk",
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


def batch_request(lines: tuple[str, ...]) -> dict[str, Any]:
    """Describe the request of `/v1/tag/batch`."""
    # Any value may stand in an article's place: a bad one is answered by an error in its place.
    articles = {"type": "array", "items": {"anyOf": [_ARTICLE, {}]}}
    rows = [EXAMPLE_ARTICLE, EXAMPLE_HTML]
    content: dict[str, Any] = {"application/json": {"schema": articles, "example": rows}}
    for name in lines:
        content[name] = {"schema": {"type": "string", "pattern": r"\S"}, "example": _lines(rows)}
    return {"requestBody": {"required": True, "content": content}}


def complete(schema: dict[str, Any], max_batch: int, example: dict[str, Any] | None) -> dict[str, Any]:
    """Add the schemas that no route's signature names, and the model's own answer as the example.

    Args:
        schema: FastAPI's description, changed in place.
        max_batch: most articles in a batch.
        example: the model's answer to `EXAMPLE`; None while there is none.
    """
    _drop_fastapi_errors(schema)
    for model, name in ((ArticleIn, "Article"), (FeedbackIn, "Feedback"), (ProblemOut, "Problem"), *NAMED):
        _add_schema(schema, model, name)
    for methods in schema["paths"].values():
        for operation in methods.values():
            if "requestBody" in operation:
                operation["responses"] |= {str(code): each for code, each in problems(408).items()}
    tag, batch = (schema["paths"][path]["post"] for path in ("/v1/tag", "/v1/tag/batch"))
    batch["requestBody"]["content"]["application/json"]["schema"]["maxItems"] = max_batch
    schemas = schema["components"]["schemas"]
    for documents in (schemas["AnnifDocuments"]["properties"]["documents"], schemas["IndexedDocuments"]):
        documents["maxItems"] = max_batch
    if example is not None:
        _name_project(schema, example["model"].partition("@")[0])
        tag["responses"]["200"]["content"]["application/json"]["example"] = example
        batch["responses"]["200"]["content"]["application/x-ndjson"]["example"] = _lines(
            [example, example | {"id": "17"}]
        )
    return schema


def _name_project(schema: dict[str, Any], name: str) -> None:
    """Say which project of Annif's there is."""
    for path, methods in schema["paths"].items():
        for operation in methods.values() if "{project_id}" in path else ():
            for parameter in operation["parameters"]:
                if parameter["name"] == "project_id":
                    parameter["schema"] = {"type": "string", "enum": [name]}


def require_keys(schema: dict[str, Any]) -> None:
    """Say how a key is sent, and which scope each route needs.

    Args:
        schema: the description, changed in place.
    """
    schema["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer KEY"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "basic": {"type": "http", "scheme": "basic", "description": "the key's name, and the key as the password"},
    }
    for path, methods in schema["paths"].items():
        if needed := scope_needed(path):
            for operation in methods.values():
                operation["security"] = [{way: [needed]} for way in schema["components"]["securitySchemes"]]
                operation["responses"] |= {str(code): each for code, each in problems(401, 403, 429).items()}


def _drop_fastapi_errors(schema: dict[str, Any]) -> None:
    """Drop the 422 that FastAPI adds to every route with a parameter: ours are problems, and described as such."""
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    for methods in schema["paths"].values():
        for operation in methods.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]


def _add_schema(schema: dict[str, Any], model: type[BaseModel], name: str) -> None:
    described = model.model_json_schema(ref_template=_REF)
    parts = described.pop("$defs", {})
    schema.setdefault("components", {}).setdefault("schemas", {}).update({**parts, name: described})


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(to_json(row).decode() + "\n" for row in rows)
