"""The application: settings in, an ASGI app out."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.telemetry import TelemetryConfig

from tagdesk.service.description import TAGS, complete
from tagdesk.service.dialects import annif, imatrics, label_studio
from tagdesk.service.edge.access import Access
from tagdesk.service.edge.keys import KeyRing
from tagdesk.service.edge.limits import Limits
from tagdesk.service.edge.logs import as_json, as_text
from tagdesk.service.edge.metrics import Metrics
from tagdesk.service.edge.middleware import Edge
from tagdesk.service.edge.origins import Origins
from tagdesk.service.edge.rules import RuleBook
from tagdesk.service.edge.sessions import Sessions
from tagdesk.service.languages import ActiveModels
from tagdesk.service.ledger.drift import Drift
from tagdesk.service.ledger.engines import open_database
from tagdesk.service.ledger.ledger import Ledger
from tagdesk.service.parts import Parts
from tagdesk.service.routes import changes, drift, feedback, health, models, queue, reference, session, tag, topics
from tagdesk.service.routes.desk import desk_router
from tagdesk.service.settings import Settings
from tagdesk.service.shadow import Shadow
from tagdesk.service.stopping import Stopping
from tagdesk.service.workers import Workers

DESK = Path(__file__).with_name("desk")

_PARTS = (
    tag,
    feedback,
    queue,
    drift,
    changes,
    session,
    topics,
    models,
    health,
    reference,
    annif,
    imatrics,
    label_studio,
)
_NOT_TRACED = frozenset({"/livez", "/readyz", "/metrics"})
_DESCRIPTION = (
    "Post an article, get its topics back, each with a calibrated confidence and, on request, the words that speak "
    "for it. Errors are problems (RFC 9457) and never quote the article."
)


class Tagdesk(FastAPI):
    """The service as an ASGI app: FastAPI's routes behind one middleware of our own, in place of Starlette's five.

    Args:
        settings: the service's settings.
        described: arguments for FastAPI.

    Attributes:
        parts: what the routes and the edge work with.
    """

    def __init__(self, settings: Settings, **described: Any) -> None:
        super().__init__(**described)
        self.parts = _parts(settings, self.forget_description)

    def build_middleware_stack(self) -> Edge:
        """Return the door that every request passes."""
        parts, settings = self.parts, self.parts.settings
        return Edge(
            AsyncExitStackMiddleware(self.router),
            rules=RuleBook(self.router.routes),
            origins=Origins(settings.allowed_origins),
            access=Access(parts.ring, parts.sessions, settings.names),
            limits=parts.limits,
            metrics=parts.metrics,
            as_line=(as_json if settings.log_json else as_text) if settings.access_log else None,
            traced=settings.telemetry,
        )

    @property
    def edge(self) -> Edge:
        """The door around the app."""
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        assert isinstance(self.middleware_stack, Edge)
        return self.middleware_stack

    def openapi(self) -> dict[str, Any]:
        """Return the API's description, with examples from the model that answers now."""
        schema = self.openapi_schema
        if schema is None:
            made = super().openapi()
            schema = complete(made, self.router.routes, self.parts.settings, self.parts.active)
            self.openapi_schema = schema
        return schema

    def forget_description(self) -> None:
        """Forget the description, whose examples are those of another model."""
        self.openapi_schema = None


def create_app(settings: Settings) -> Tagdesk:
    """Build the service; its model is loaded when the app starts."""
    app = Tagdesk(
        settings,
        title="Tagdesk",
        version="1",
        description=_DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=None,  # `routes.health` answers it
        docs_url=None,  # `routes.reference` does: Swagger UI and ReDoc load their scripts from other sites
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        telemetry=_telemetry(on=settings.telemetry),
    )
    # Not `include_router`, which would match every request twice.
    for part in _PARTS:
        app.router.routes += part.router.routes
    app.router.routes += desk_router(DESK).routes
    return app


def _parts(settings: Settings, forget_description: Callable[[], None]) -> Parts:
    """Make the parts that the routes and the edge work with, and connect those that listen to others."""
    metrics, workers = Metrics(), Workers.from_environment()
    shadow = Shadow(settings.shadow) if settings.shadow else None
    active = ActiveModels(settings.by_language, workers, shadow)
    active.listen(lambda *_: forget_description())
    active.listen(metrics.loaded)
    if shadow:
        shadow.listeners.append(metrics.disagreed)
    ledger = Ledger(
        open_database(settings.database_url), keep_text=settings.keep_text, retention_days=settings.retention_days
    )
    ledger.listeners.append(metrics.ledger)
    return Parts(
        settings=settings,
        metrics=metrics,
        workers=workers,
        shadow=shadow,
        active=active,
        ledger=ledger,
        drift=Drift(),
        stopping=Stopping(settings.stop_delay),
        ring=KeyRing(Path(settings.keys_file)) if settings.keys_file else None,
        sessions=Sessions(ledger),
        limits=Limits(
            rate=settings.rate_limit / settings.workers,  # each worker counts for itself
            places=settings.max_concurrent,
            most_held=settings.max_held,
            body_seconds=settings.body_timeout,
        ),
    )


def _telemetry(*, on: bool) -> TelemetryConfig:
    """Return FastAPI's configuration of OpenTelemetry: one span per request, or nothing.

    Without its log records, which quote exceptions, and its metrics, which we have already.
    """
    return {
        "auto_configure": on,
        "tracing": on,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "exclude": lambda scope: scope["path"] in _NOT_TRACED,
    }


def app_from_environment() -> Tagdesk:
    """Build the service of a worker process from the settings in its environment."""
    # While a long article is tagged in a thread the event loop gets its turn after 0.5 ms, not 5 (measured).
    sys.setswitchinterval(0.0005)
    return create_app(Settings.from_environment())


@asynccontextmanager
async def _lifespan(app: Tagdesk) -> AsyncIterator[dict[str, Any]]:
    parts = app.parts
    async with parts.metrics.written(), parts.active.following(), parts.ledger.running():
        with parts.stopping.watched():
            yield {"head_timeout": parts.settings.head_timeout, "refuse": app.edge.refuse}  # for `server.protocol`
