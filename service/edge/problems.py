"""Errors as RFC 9457 problems: one table of kinds, and one function from any error to its problem.

No problem ever carries what the client sent: an article may be secret until it is published.
"""

import errno
import logging
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tagdesk.models.errors import ArticleError, ArticleTooLong, EmptyArticle, TagdeskError
from tagdesk.service.active import ModelNotReady
from tagdesk.service.ledger.database import FeedbackConflict, LedgerError, QueueFull

MEDIA_TYPE = "application/problem+json"

OF_ANNIF = (415, 422)
"""Statuses in place of which Annif's specification has 400."""

MOST_FAULTS = 100
"""Most faults that a problem names."""

logger = logging.getLogger("tagdesk")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: the last part of its `type`, its status, its title, and what the client can do about it."""

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
        Kind(
            "invalid-http", 400, "The request is not HTTP", "Send HTTP/1.1 with one Host header; use an HTTP library."
        ),
        Kind("empty-request", 400, "The request has no body", "Send an article as a JSON object."),
        Kind("unknown-key", 401, "A key is needed", "Send a key of this service as Authorization: Bearer KEY."),
        Kind("missing-scope", 403, "The key may not do this", "Ask for a key with the scope that the detail names."),
        Kind(
            "cross-site",
            403,
            "Sent by another site",
            "Send it from the desk or a server, not from another site's page.",
        ),
        Kind("not-found", 404, "Not found", "See /openapi.json for the routes."),
        Kind("method-not-allowed", 405, "Method not allowed", "Use one of the methods that the Allow header lists."),
        Kind("request-timeout", 408, "The request did not arrive in time", "Send it again, without pauses."),
        Kind("model-not-changed", 409, "The model was not changed", "Read the detail, and see GET /v1/models."),
        Kind("feedback-conflict", 409, "This id is taken", "Send another correction under another id."),
        Kind("queue-full", 409, "The queue is full", "Send it again when editors have worked through some of it."),
        Kind(
            "text-not-kept", 409, "No text is kept here", "Ask whoever runs the service to set TAGDESK_KEEP_TEXT=true."
        ),
        Kind(
            "request-too-large",
            413,
            "The request is too large",
            "Send less at once: fewer articles, and not the page around them.",
        ),
        Kind("too-many-articles", 413, "The batch has too many articles", "Send the articles in several batches."),
        Kind("unsupported-media-type", 415, "Wrong content type", "Set the Content-Type that the detail names."),
        Kind("unknown-host", 421, "Unknown host name", "Use the service's address, or a name listed in TAGDESK_HOSTS."),
        Kind("invalid-article", 422, "The article is not valid", "Correct the fields listed in errors."),
        Kind("empty-article", 422, "The article has no text", "Send a title and a body with words."),
        Kind("article-too-long", 422, "The article is too long", "Shorten the field named in errors."),
        Kind("invalid-feedback", 422, "The feedback is not valid", "Correct the fields listed in errors."),
        Kind("unknown-topic", 422, "The model has no such topic", "Send the ids of topics; GET /v1/topics lists them."),
        Kind("invalid-parameter", 422, "A parameter is wrong", "Correct the parameters listed in errors."),
        Kind("too-many-requests", 429, "Too many requests", "Wait as long as Retry-After says, or send batches."),
        Kind("head-too-large", 431, "The request's headers are too large", "Send fewer headers, or shorter ones."),
        Kind(
            "internal-error",
            500,
            "The service failed",
            "Try again; if it keeps failing, tell whoever runs the service.",
        ),
        Kind(
            "too-busy", 503, "The service is too busy", "Send it again after Retry-After; another worker may be free."
        ),
        Kind("ledger-unavailable", 503, "The ledger cannot be used", "Send it again, with its id, after Retry-After."),
        Kind("not-ready", 503, "The service is not ready", "Try again when /readyz answers 200."),
    )
}

_OF_DOMAIN: dict[type[BaseException], str] = {
    ArticleTooLong: "article-too-long",
    EmptyArticle: "empty-article",
    ArticleError: "invalid-article",
    FeedbackConflict: "feedback-conflict",
    QueueFull: "queue-full",
    LedgerError: "ledger-unavailable",
    ModelNotReady: "not-ready",
}
_RETRY_AFTER: dict[type[BaseException], str] = {
    FeedbackConflict: "",
    QueueFull: "",
    LedgerError: "5",
    ModelNotReady: "2",
}
"""Seconds after which a request that failed for this reason may succeed; empty where it will not."""
_OF_STATUS = {404: "not-found", 405: "method-not-allowed"}
_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
_LOCATIONS = frozenset({"query", "path", "header"})


class Problem(Exception):
    """A request that cannot be answered, and what the client is told.

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


def problem_of(error: Exception, invalid: str = "invalid-article") -> Problem:
    """Return the problem that answers an error.

    Args:
        error: what was raised.
        invalid: the kind of problem for an invalid body.
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, TagdeskError):
        return from_domain(error)
    if isinstance(error, RequestValidationError):
        return _of_validation(error.errors(), invalid)
    if isinstance(error, HTTPException) and (name := _OF_STATUS.get(error.status_code)):
        return _of_router(name, error)
    if isinstance(error, OSError) and error.errno in _NO_DESCRIPTORS:
        detail = "The service has too many files and connections open: try again soon."
        return Problem("too-busy", detail, headers={"Retry-After": "1"})
    return internal_error(error)


def from_domain(error: TagdeskError, *at: str | int) -> Problem:
    """Return the problem of a domain error; an error that is not the client's fault becomes an internal error.

    Args:
        error: what was raised.
        at: the article's place in the request.
    """
    name = _of_class(_OF_DOMAIN, error, "internal-error")
    if isinstance(error, tuple(_RETRY_AFTER)):
        seconds = _of_class(_RETRY_AFTER, error, "")
        detail = f"{str(error)[0].upper()}{str(error)[1:]}."
        return Problem(name, detail, headers={"Retry-After": seconds} if seconds else None)
    if not isinstance(error, ArticleError):
        return internal_error(error)
    place = pointer(*at, error.field) if error.field else pointer(*at)
    return Problem(name, str(error), [{"pointer": place, "detail": str(error)}])


def _of_class(table: Mapping[type[BaseException], str], error: BaseException, default: str) -> str:
    """Return the table's entry for an error's class, or for its nearest base class."""
    return next((table[cls] for cls in type(error).__mro__ if cls in table), default)


def internal_error(error: BaseException) -> Problem:
    """Log where an unexpected error came from, and return a problem that says nothing of it.

    Its message is not logged: it may quote the article.
    """
    places = [f"{at.filename}:{at.lineno} in {at.name}" for at in traceback.extract_tb(error.__traceback__)]
    logger.error("unexpected %s at %s", type(error).__name__, " < ".join(reversed(places)))
    return Problem("internal-error", "The service failed to answer; its log says where.")


def wrong_parameter(name: str, detail: str) -> Problem:
    """Return the problem of a wrong parameter, or field of a form."""
    return Problem("invalid-parameter", f"Correct the parameter {name}.", [{"parameter": name, "detail": detail}])


def invalid_body(kind: str, errors: Iterable[Mapping[str, Any]]) -> Problem:
    """Return the problem of an invalid body.

    Args:
        kind: a name in `KINDS`.
        errors: as pydantic lists them, `loc` from the body on.
    """
    faults = [{"pointer": pointer(*error["loc"]), "detail": error["msg"]} for error in errors]
    # A pointer may contain a name that the client made up; the detail, which is shown and logged, must not.
    return Problem(kind, "Correct the fields listed in errors.", faults[:MOST_FAULTS])


def _of_validation(errors: Sequence[Any], invalid: str) -> Problem:
    """Return the problem of what FastAPI rejects: parameters, else the body."""
    parameters = [
        {"parameter": str(error["loc"][-1]), "detail": str(error["msg"])}
        for error in errors
        if error["loc"][0] in _LOCATIONS
    ]
    if parameters:
        names = ", ".join(fault["parameter"] for fault in parameters)
        return Problem("invalid-parameter", f"Correct the parameter {names}.", parameters)
    return invalid_body(invalid, ({"loc": error["loc"][1:], "msg": error["msg"]} for error in errors))


def _of_router(name: str, error: HTTPException) -> Problem:
    allowed = (error.headers or {}).get("Allow", "another method")
    detail = (
        "No route has this path; /openapi.json lists them."
        if name == "not-found"
        else f"This method is not allowed here; use {allowed}."
    )
    return Problem(name, detail, headers=error.headers)


def problem_json(problem: Problem, *, annif: bool = False) -> dict[str, Any]:
    """Return the problem's members.

    Args:
        problem: what is wrong.
        annif: whether they are as Annif's specification has them: a `type` that is a URI by itself, and 400 for all
            that is wrong with a request.
    """
    kind = problem.kind
    return {
        "type": f"urn:tagdesk:problem:{kind.name}" if annif else kind.type,
        "title": kind.title,
        "status": 400 if annif and kind.status in OF_ANNIF else kind.status,
        "detail": problem.detail,
        "errors": list(problem.errors),
    }


class ProblemResponse(Response):
    """A problem as an answer."""

    def __init__(self, problem: Problem, *, annif: bool = False) -> None:
        members = problem_json(problem, annif=annif)
        super().__init__(to_json(members), members["status"], problem.headers, media_type=MEDIA_TYPE)
