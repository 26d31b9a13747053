"""Every request is seen here: it gets an id, its time is taken, the metrics and one log line say how it went."""

import asyncio
import itertools
import random
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from time import perf_counter

from fastapi.telemetry import TelemetryConfig
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models import Article, TaggedArticle, TopicModel
from service.logs import BROKEN_OFF, RequestLine, Stdout, as_json, as_text
from service.metrics import Metrics, Tagged
from service.problems import KIND
from service.settings import Settings

LEFT = 499
"""The status that is noted where the client left before an answer began; nginx's number."""

UNKNOWN = "unknown"
"""The route that is noted where no route has the path."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"

_NOT_TRACED = frozenset({"/livez", "/readyz", "/metrics"})

_COUNTED = 32  # the unknown words of every so-manieth article: to count them the article is read once more

_is_id = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._~:/+=-]{0,127}").fullmatch
# W3C Trace Context: version, trace, parent, flags; what a later version appends is not read.
_traceparent = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
).fullmatch
_bits = random.Random().getrandbits  # noqa: S311 - an id, not a secret


class _Seen:
    """What is known of one request, and the `send` that notes its answer."""

    __slots__ = ("_id", "_send", "id", "metrics", "model", "size", "status", "topics", "trace")

    def __init__(self, scope: Scope, send: Send, metrics: Metrics) -> None:
        self.metrics = metrics
        self.status = LEFT
        self.size = 0
        self.model: str | None = None
        self.topics: int | None = None
        self.trace: str | None = None
        self._send = send
        given = b""
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = value
            elif name == b"traceparent" and (found := _traceparent(value)):
                self.trace = found[1].decode()
        self._id = given if _is_id(given) else b"%032x" % _bits(128)
        self.id = self._id.decode()

    async def send(self, message: Message) -> None:
        """Pass a message on, the first with the request's id."""
        if message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        elif message["type"] == "http.response.start":
            self.status = message["status"]
            # Not in place: the list may be that of an answer which is given many times.
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self._id)]
        await self._send(message)


_seen: ContextVar[_Seen] = ContextVar("seen")
_turn = itertools.count()


class Observed:
    """Middleware around everything else.

    Args:
        app: what answers.
        settings: whether and how requests are logged.
        metrics: what is told of them.
        routes: all there are; a request is told apart by the template of its route, never by its path.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics, routes: Iterable[BaseRoute]) -> None:
        self.app = app
        self._metrics = metrics
        self._stdout = Stdout()
        as_line = as_json if settings.log_json else as_text
        self._as_line: Callable[[RequestLine], str] | None = as_line if settings.access_log else None
        templates = [(route, getattr(route, "path_format", UNKNOWN)) for route in routes]
        self._of_endpoint = {_endpoint(route): template for route, template in templates}
        self._of_path = {template: template for _, template in templates}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run as long as the app does."""
        if scope["type"] != "http":
            await self._run(scope, receive, send)
            return
        began = perf_counter()
        seen = _Seen(scope, send, self._metrics)
        _seen.set(seen)
        self._metrics.in_flight += 1
        try:
            await self.app(scope, receive, seen.send)
        except Exception:
            scope[KIND] = BROKEN_OFF
            raise
        finally:
            self._metrics.in_flight -= 1
            self._note(scope, seen, perf_counter() - began)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        publishing = asyncio.create_task(self._metrics.publish_forever())
        try:
            await self.app(scope, receive, send)
        finally:
            publishing.cancel()
            self._metrics.publish()

    def _note(self, scope: Scope, seen: _Seen, seconds: float) -> None:
        # Where the request was refused before it was routed, a path without parameters is its own template.
        route = self._of_endpoint.get(scope.get("endpoint")) or self._of_path.get(scope["path"], UNKNOWN)
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        problem = scope.get(KIND)
        self._metrics.request((method, route, seen.status), seconds, problem)
        if self._as_line is None:
            return
        key = scope.get("state", {}).get("key")
        line = RequestLine(
            method, route, seen.status, seconds, seen.size, seen.id, seen.trace, key, seen.model, seen.topics, problem
        )
        if not self._stdout.write(self._as_line(line)):
            self._metrics.lost_lines += 1


def _endpoint(route: BaseRoute) -> object:
    """Return what `scope["endpoint"]` is once this route was chosen."""
    return getattr(route, "endpoint", None) or getattr(route, "app", None)


def note_tagged(model: TopicModel, article: Article, found: TaggedArticle, warnings: list[str]) -> None:
    """Note an article that the request being answered has tagged.

    Args:
        model: what tagged it.
        article: what was tagged; its length is noted, and how much of it the model does not know.
        found: the answer.
        warnings: those that come with it besides `found.warnings`.
    """
    seen = _seen.get(None)
    if seen is None:
        return
    seen.model = model.ref
    seen.topics = (seen.topics or 0) + len(found.topics)
    length = len(article.title) + len(article.body or article.body_html or "")
    unknown = None if next(_turn) % _COUNTED else _unknown_share(model, article)
    topics = [(one.topic.id, one.band or "", one.confidence) for one in found.topics]
    seen.metrics.tagged(Tagged(seen.model, topics, [*found.warnings, *warnings], length, unknown))


def note_refused(kind: str) -> None:
    """Note an article of a batch that was answered by a problem of this kind."""
    seen = _seen.get(None)
    if seen is not None:
        seen.metrics.refused(kind)


def _unknown_share(model: TopicModel, article: Article) -> float:
    bag = model.features.bag(article.text())
    return 1.0 - bag.known / max(1, bag.tokens)


def telemetry(*, on: bool) -> TelemetryConfig:
    """Return what FastAPI is told of OpenTelemetry: a span a request, or nothing.

    Neither its log records, which quote exceptions, nor its metrics, which are here already.
    """
    return {
        "auto_configure": on,
        "tracing": on,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "exclude": lambda scope: scope["path"] in _NOT_TRACED,
    }
