"""The API's description as a whole: what FastAPI makes of the routes, completed, and put as generators want it."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel
from starlette.routing import BaseRoute

from tagdesk.service.edge.problems import OF_ANNIF
from tagdesk.service.edge.rules import RuleBook
from tagdesk.service.languages import ActiveModels
from tagdesk.service.openapi import REF, json_lines, problems
from tagdesk.service.schemas.articles import MOST_LISTED, ArticleIn
from tagdesk.service.schemas.status import ProblemOut
from tagdesk.service.settings import Settings

TAGS = [
    {"name": "tagging", "description": "Articles in, topics out."},
    {"name": "feedback", "description": "Editors' verdicts, the articles that wait for them, and what comes of them."},
    {"name": "model", "description": "What the models know."},
    {"name": "operation", "description": "Which version of a model answers."},
    {"name": "desk", "description": "Who is signed in at the desk."},
    {"name": "health", "description": "Is it alive, and can it tag?"},
    {"name": "problems", "description": "What each kind of problem means."},
    {"name": "annif", "description": "Annif's REST API, for its clients."},
    {"name": "label-studio", "description": "Label Studio's ML backend API, and its webhook."},
    {"name": "superdesk", "description": "iMatrics' API, as Superdesk calls it."},
]
"""The groups of routes, in the order in which they are read."""

_OF_BODIES = (400, 408, 413, 415, 422)
_OF_SCOPES = (401, 403, 429, 503)
_WAYS: dict[str, dict[str, str]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer KEY"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "basic": {"type": "http", "scheme": "basic", "description": "the key's name, and the key as the password"},
}


def complete(
    schema: dict[str, Any], routes: Iterable[BaseRoute], settings: Settings, active: ActiveModels
) -> dict[str, Any]:
    """Add what no route's signature says: the problems' schema, limits, keys, and an answer as the example.

    Args:
        schema: FastAPI's description, changed in place.
        routes: their rules say which scope each needs.
        settings: for the size of a batch, and whether keys are required.
        active: the models that answer, for the example.

    Returns:
        The description; its schemas have the names that stand in their titles.
    """
    _drop_fastapi_errors(schema)
    book = RuleBook(routes)
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                _add_problems(operation, *_OF_BODIES)
            if book.of(method.upper(), path).annif:
                _describe_as_annif(operation["responses"])
    for model in (ArticleIn, ProblemOut):
        _add_schema(schema, model)
    tag, batch = (schema["paths"][path]["post"] for path in ("/v1/tag", "/v1/tag/batch"))
    batch["requestBody"]["content"]["application/json"]["schema"]["maxItems"] = settings.max_batch
    schemas = schema["components"]["schemas"]
    for documents in (schemas["AnnifDocuments"]["properties"]["documents"], schemas["IndexedDocuments"]):
        documents["maxItems"] = min(settings.max_batch, MOST_LISTED)
    for parameter in _parameters(schema):
        # A query has no null: what may be left out is not required.
        kinds = [kind for kind in parameter["schema"].pop("anyOf", ()) if kind != {"type": "null"}]
        parameter["schema"] |= kinds[0] if kinds else {}
    if (example := active.example) is not None:
        _name_a_model(schema, next(iter(active.languages.models)))
        tag["responses"]["200"]["content"]["application/json"]["example"] = example
        rows = [example, example | {"id": "17"}]
        batch["responses"]["200"]["content"]["application/x-ndjson"]["example"] = json_lines(rows)
    _describe_keys(schema, book, required=bool(settings.keys_file))
    for methods in schema["paths"].values():
        for operation in methods.values():
            operation["responses"] = dict(sorted(operation["responses"].items()))
    titles = {REF.format(model=name): REF.format(model=model["title"]) for name, model in schemas.items()}
    schema["components"]["schemas"] = {model["title"]: model for model in schemas.values()}
    plain: dict[str, Any] = _plain(schema, titles)
    return plain


def _name_a_model(schema: dict[str, Any], name: str) -> None:
    """Name a model, each of which is a project in Annif's sense, as the example of each parameter that is one."""
    for parameter in _parameters(schema):
        if parameter["name"] in ("project_id", "model"):
            parameter["example"] = name


def _parameters(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in schema["paths"].values():
        for operation in methods.values():
            yield from operation.get("parameters", ())


def _describe_keys(schema: dict[str, Any], book: RuleBook, *, required: bool) -> None:
    """Say how a key is sent, and which scope each route needs; a client made without keys can send one later."""
    schema["components"]["securitySchemes"] = _WAYS
    without: list[dict[str, list[str]]] = [] if required else [{}]
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if needed := book.of(method.upper(), path).scope:
                operation["security"] = [*({way: [needed]} for way in _WAYS), *without]
                _add_problems(operation, *_OF_SCOPES)


def _describe_as_annif(responses: dict[str, Any]) -> None:
    """Describe as 400 what Annif's specification has as 400."""
    for status in map(str, OF_ANNIF):
        if (described := responses.pop(status, None)) and "400" in responses:
            responses["400"]["description"] += f"; or: {described['description']}"


def _add_problems(operation: dict[str, Any], *statuses: int) -> None:
    operation["responses"] |= {str(code): each for code, each in problems(*statuses).items()}


def _drop_fastapi_errors(schema: dict[str, Any]) -> None:
    """Drop the 422 that FastAPI adds to every route with a parameter: ours are problems, and described as such."""
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    for methods in schema["paths"].values():
        for operation in methods.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]


def _add_schema(schema: dict[str, Any], model: type[BaseModel]) -> None:
    described = model.model_json_schema(ref_template=REF)
    parts = described.pop("$defs", {})
    schema["components"]["schemas"].update({**parts, model.__name__: described})


def _plain(value: Any, names: dict[str, str]) -> Any:
    """Return a part of the description with its references renamed, and without defaults that are null.

    A field that may be left out is described by that; some generators refuse null as the default of a string.
    """
    if isinstance(value, list):
        return [_plain(item, names) for item in value]
    if not isinstance(value, dict):
        return names.get(value, value) if isinstance(value, str) else value
    dropped = {"default"} if value.get("default", ...) is None else set()
    return {name: _plain(item, names) for name, item in value.items() if name not in dropped}
