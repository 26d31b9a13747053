"""How a route answers."""

from typing import Any

from pydantic_core import to_json
from starlette.responses import Response


def reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON value as an answer; `edge.call` adds the header that keeps it out of caches."""
    return Response(to_json(value), status, headers, media_type="application/json")
