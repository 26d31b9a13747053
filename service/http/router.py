"""A router whose routes say what they demand of a request, and how their bodies are read."""

from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tagdesk.service.edge.rules import Rules
from tagdesk.service.http.bodies import read_json_body
from tagdesk.service.openapi import problems

Endpoint = TypeVar("Endpoint", bound=Callable[..., Coroutine[Any, Any, Response]])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Route(APIRoute):
    """A route; FastAPI gets its JSON body as `bodies` has read it, which refuses more and says where.

    Attributes:
        rules: what it demands of a request.
        batch: whether its body may be as large as a batch.
    """

    rules: Rules
    batch = False

    def get_route_handler(self) -> Handler:
        """Return what answers a request."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def read_and_handle(request: Request) -> Response:
            return await handle(_ReadRequest(request, await read_json_body(request, batch=self.batch)))

        return read_and_handle


class _ReadRequest(Request):
    """A request whose body has been read."""

    def __init__(self, request: Request, value: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._value = value

    async def body(self) -> bytes:
        """Return anything but nothing, so that FastAPI asks for `json`."""
        return b"read"

    async def json(self) -> Any:
        """Return the JSON value."""
        return self._value


def _operation_id(route: APIRoute) -> str:
    """Return what generated clients call the route: the function's name, or that which the route was given."""
    return route.name


def _direct(endpoint: Handler) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return answer


class Router(APIRouter):
    """A router whose routes each declare the scope that they need."""

    def on(
        self,
        method: str,
        path: str,
        *,
        scope: str | None,
        faults: Iterable[int] = (),
        responses: dict[int | str, dict[str, Any]] | None = None,
        changes: bool = False,
        invalid: str = "invalid-article",
        annif: bool = False,
        direct: bool = False,
        batch: bool = False,
        **described: Any,
    ) -> Callable[[Endpoint], Endpoint]:
        """Let a function answer a method of a path; a route that answers GET answers HEAD too.

        Args:
            method: in capitals.
            path: with its parameters' names.
            scope: the scope that the key must have; None where no key is required.
            faults: statuses of its problems, beside those that any body may cause.
            responses: further answers, as FastAPI takes them.
            changes: whether even a GET changes something.
            invalid: the kind of problem for an invalid body.
            annif: whether its problems are as Annif's specification has them.
            direct: whether the function reads the request itself, and FastAPI only its query (for the hot routes).
            batch: whether its body may be as large as a batch.
            described: further arguments for FastAPI.
        """

        def register(endpoint: Endpoint) -> Endpoint:
            rules = Rules(path, scope, changes, invalid, annif, _direct(endpoint) if direct else None)
            described_as = problems(*faults) | (responses or {})
            add = partial(self._add, path, endpoint, rules, batch=batch)
            add(methods=[method], responses=described_as, **described)
            if method == "GET":
                add(methods=["HEAD"], include_in_schema=False)
            return endpoint

        return register

    def _add(self, path: str, endpoint: Callable[..., Any], rules: Rules, *, batch: bool, **settings: Any) -> None:
        self.add_api_route(
            path, endpoint, route_class_override=Route, generate_unique_id_function=_operation_id, **settings
        )
        route = self.routes[-1]
        assert isinstance(route, Route)
        route.rules, route.batch = rules, batch
