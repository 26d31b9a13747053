"""Errors as RFC 9457 problems: one table of kinds, one of which domain error is which kind, and the handlers.

No problem ever carries what the client sent: an article may be secret until it is published.
"""

import logging
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import ArticleError, ArticleTooLong, EmptyArticle, TagdeskError
from service.ledger.database import FeedbackConflict, LedgerError

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]

MEDIA_TYPE = "application/problem+json"
KIND = "tagdesk.problem"
"""Where in the scope the kind of problem is that a request was answered by."""

logger = logging.getLogger("tagdesk")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: the last part of its `type`, its status, its title, and what a client can do."""

    name: str
    status: int
    title: str
    remedy: str

    @property
    def type(self) -> str:
        """The problem's `type`, a reference that this service answers."""
        return f"/problems/{self.name}"


KINDS = {
    kind.name: kind
    for kind in (
        Kind("invalid-json", 400, "The request is not JSON", "Correct the JSON at the place named; send UTF-8."),
        Kind("invalid-http", 400, "The request is not HTTP", "Send HTTP/1.1 with one Host, by an HTTP library."),
        Kind("empty-request", 400, "The request has no body", "Send an article as a JSON object."),
        Kind("unknown-key", 401, "A key is needed", "Send a key of this service as Authorization: Bearer KEY."),
        Kind("missing-scope", 403, "The key may not do this", "Ask for a key with the scope that the detail names."),
        Kind("not-from-desk", 403, "The request is not the desk's", "Send the key: the cookie is for the desk alone."),
        Kind("not-found", 404, "Nothing is here", "See /openapi.json for the routes."),
        Kind("method-not-allowed", 405, "Wrong method", "Use a method that the Allow header names."),
        Kind("request-timeout", 408, "The request did not arrive", "Send it again, without a pause."),
        Kind("model-not-changed", 409, "The model stays as it is", "Do what the detail says; GET /v1/models has more."),
        Kind("feedback-conflict", 409, "This id is taken", "Send it under another id; the same id is for the same."),
        Kind("text-not-kept", 409, "No text is kept here", "Ask who runs the service for TAGDESK_KEEP_TEXT=true."),
        Kind("request-too-large", 413, "The request is too large", "Send less at once: fewer articles, no page."),
        Kind("too-many-articles", 413, "The batch has too many articles", "Send the articles in several batches."),
        Kind("unsupported-media-type", 415, "Wrong content type", "Set the Content-Type that the detail names."),
        Kind("invalid-article", 422, "The article is not as it must be", "Correct the fields that errors names."),
        Kind("empty-article", 422, "The article has no text", "Send a title and a body with words."),
        Kind("article-too-long", 422, "The article is too long", "Shorten the field that errors names."),
        Kind("invalid-feedback", 422, "The feedback is not as it must be", "Correct the fields that errors names."),
        Kind("unknown-topic", 422, "The model has no such topic", "Send ids of topics; GET /v1/topics lists them."),
        Kind("invalid-parameter", 422, "A parameter is wrong", "Correct the parameters that errors names."),
        Kind("too-many-requests", 429, "The key asks too often", "Wait as long as Retry-After says; send batches."),
        Kind("head-too-large", 431, "The request's head is too large", "Send fewer headers, or shorter ones."),
        Kind("internal-error", 500, "The service failed", "Try again; if it stays, tell who runs the service."),
        Kind("too-busy", 503, "Too much at once", "Send it again after Retry-After; another worker may be free."),
        Kind("ledger-unavailable", 503, "The ledger cannot be used", "Send it again, with its id, after Retry-After."),
        Kind("not-ready", 503, "No model is loaded yet", "Try again when /readyz answers 200."),
    )
}

_OF_DOMAIN: dict[type[BaseException], str] = {
    ArticleTooLong: "article-too-long",
    EmptyArticle: "empty-article",
    ArticleError: "invalid-article",
    FeedbackConflict: "feedback-conflict",
    LedgerError: "ledger-unavailable",
}
_OF_STATUS = {404: "not-found", 405: "method-not-allowed"}


class Problem(Exception):
    """A request that cannot be answered, and what to tell the client.

    Args:
        kind: a name in `KINDS`.
        detail: what is wrong here and what to do, without a word of the article.
        errors: the faults, each with a `pointer` (RFC 6901, as a URI fragment) or a `parameter`, and a `detail`.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = KINDS[kind]
        self.detail = detail
        self.errors = errors
        self.headers = headers


def pointer(*path: str | int) -> str:
    """Return the JSON pointer of a place in a document, as a URI fragment: `#/0/body`."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "#" + "".join(f"/{step}" for step in steps)


def from_domain(error: TagdeskError) -> Problem:
    """Return the problem of a domain error; of one that is no fault of the client's, an internal error."""
    name = next((_OF_DOMAIN[cls] for cls in type(error).__mro__ if cls in _OF_DOMAIN), "internal-error")
    if isinstance(error, LedgerError):
        wait = None if isinstance(error, FeedbackConflict) else {"Retry-After": "5"}
        return Problem(name, f"{str(error)[0].upper()}{str(error)[1:]}.", headers=wait)
    if not isinstance(error, ArticleError):
        return internal_error(error)
    place = pointer(error.field) if error.field else pointer()
    return Problem(name, str(error), [{"pointer": place, "detail": str(error)}])


def internal_error(error: BaseException) -> Problem:
    """Log where an unexpected error came from, and return a problem that says nothing of it.

    Its message is not logged: it may quote the article.
    """
    places = [f"{at.filename}:{at.lineno} in {at.name}" for at in traceback.extract_tb(error.__traceback__)]
    logger.error("unexpected %s at %s", type(error).__name__, " < ".join(reversed(places)))
    return Problem("internal-error", "The service failed to answer; its log says where.")


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return the problem's members."""
    kind = problem.kind
    return {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "errors": list(problem.errors),
    }


class ProblemResponse(Response):
    """A problem as an answer; the name of its kind is left in the scope, for whoever observes requests."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(to_json(problem_json(problem)), problem.kind.status, problem.headers, media_type=MEDIA_TYPE)
        self._kind = problem.kind.name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        scope[KIND] = self._kind
        await super().__call__(scope, receive, send)


def problem_response(problem: Problem) -> Response:
    """Return the problem as an answer."""
    return ProblemResponse(problem)


async def _answer_problem(_: Request, problem: Problem) -> Response:
    return problem_response(problem)


async def _answer_domain(_: Request, error: TagdeskError) -> Response:
    return problem_response(from_domain(error))


async def _answer_http(request: Request, error: HTTPException) -> Response:
    """Answer what the router refuses."""
    name = _OF_STATUS.get(error.status_code)
    if name is None:
        members = {
            "type": "about:blank",
            "title": HTTPStatus(error.status_code).phrase,
            "status": error.status_code,
            "detail": f"The request cannot be answered: {HTTPStatus(error.status_code).description}.",
            "errors": [],
        }
        return Response(to_json(members), error.status_code, error.headers, media_type=MEDIA_TYPE)
    detail = (
        "No route has this path; /openapi.json lists them."
        if name == "not-found"
        else f"{request.method} does not work here; use {(error.headers or {}).get('Allow', 'another method')}."
    )
    return problem_response(Problem(name, detail, headers=error.headers))


async def _answer_parameters(_: Request, error: RequestValidationError) -> Response:
    faults = [{"parameter": str(one["loc"][-1]), "detail": str(one["msg"])} for one in error.errors()]
    names = ", ".join(fault["parameter"] for fault in faults)
    return problem_response(Problem("invalid-parameter", f"Correct the parameter {names}.", faults))


def handlers() -> dict[int | type[Exception], Handler]:
    """Return the exception handlers of the app."""
    return {
        Problem: _answer_problem,
        TagdeskError: _answer_domain,
        HTTPException: _answer_http,
        RequestValidationError: _answer_parameters,
    }


class UnexpectedErrors:
    """Middleware that answers an unexpected exception with a bare problem, and keeps its message out of the log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception as error:  # noqa: BLE001
            problem = internal_error(error)
            if not started:
                await problem_response(problem)(scope, receive, send)
                return
        else:
            return
        # Only a broken connection tells a client that the rest of a started answer is missing.
        raise ConnectionAbortedError("an answer broke off; the line before this one says where")
