"""The application: settings in, an ASGI app out."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from service import changes, drift, feedback, metrics, model_routes, queue, session_routes, tagging, topics
from service.active import ActiveModel
from service.dialects import annif, imatrics
from service.drift import Drift
from service.keys import KeyRing
from service.ledger.database import open_database
from service.ledger.ledger import Ledger
from service.limits import Limits
from service.metrics import Metrics
from service.observe import Observed, telemetry
from service.openapi import complete, require_keys
from service.problems import UnexpectedErrors, handlers
from service.security import RequireKey, SecurityHeaders
from service.session import Sessions
from service.settings import Settings
from service.shadow import Shadow
from service.static import add_desk
from service.stopping import Stopping, UnreadyWhenStopping
from service.workers import Workers

DESK = Path(__file__).with_name("desk")

_DESCRIPTION = (
    "Post an article, get its topics back, each with a calibrated confidence and, on request, the words that speak "
    "for it. Errors are problems (RFC 9457) and never quote the article."
)


class Tagdesk(FastAPI):
    """The service as an ASGI app."""

    def openapi(self) -> dict[str, Any]:
        """Return the API's description."""
        if self.openapi_schema is None:
            active: ActiveModel = self.state.active
            settings: Settings = self.state.settings
            self.openapi_schema = complete(super().openapi(), settings.max_batch, active.example)
            if settings.keys_file:
                require_keys(self.openapi_schema)
        return self.openapi_schema

    def forget_description(self) -> None:
        """Let the next reader have examples of the model that answers then."""
        self.openapi_schema = None


def create_app(settings: Settings) -> Tagdesk:
    """Build the service; its model is loaded when the app starts."""
    # Swagger UI and ReDoc load their scripts from elsewhere, which this house does not do.
    app = Tagdesk(
        title="Tagdesk",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        exception_handlers=handlers(),
        telemetry=telemetry(on=settings.telemetry),
    )
    app.state.settings = settings
    app.state.metrics = Metrics()
    app.state.workers = Workers.from_environment()
    app.state.shadow = Shadow(settings.shadow) if settings.shadow else None
    app.state.active = ActiveModel(settings.model, app.state.workers, app.state.shadow)
    app.state.active.listeners.append(lambda *_: app.forget_description())
    app.state.active.listeners.append(app.state.metrics.loaded)
    if app.state.shadow:
        app.state.shadow.listeners.append(app.state.metrics.disagreed)
    app.state.ledger = Ledger(
        open_database(settings.database_url), keep_text=settings.keep_text, retention_days=settings.retention_days
    )
    app.state.drift = Drift()
    app.state.stopping = Stopping(settings.stop_delay)
    # Not `include_router`, which would match every request twice.
    for part in (
        tagging,
        feedback,
        queue,
        drift,
        changes,
        session_routes,
        topics,
        model_routes,
        metrics,
        annif,
        imatrics,
    ):
        app.router.routes += part.router.routes
    add_desk(app, DESK)
    # The last that is added is the outermost.
    app.add_middleware(UnreadyWhenStopping, stopping=app.state.stopping)
    app.add_middleware(
        Limits,
        rate=settings.rate_limit / settings.workers,  # each worker counts for itself
        concurrent=settings.max_concurrent,
        body_seconds=settings.body_timeout,
    )
    app.state.ring = KeyRing(Path(settings.keys_file)) if settings.keys_file else None
    app.state.sessions = Sessions.from_environment()
    app.add_middleware(RequireKey, ring=app.state.ring, sessions=app.state.sessions)
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Observed, settings=settings, metrics=app.state.metrics, routes=app.router.routes)
    return app


def app_from_environment() -> Tagdesk:
    """Build the service of a worker process, whose settings travel in its environment."""
    # While a long article is tagged in a thread the event loop gets its turn after 1 ms, not 5 (measured).
    sys.setswitchinterval(0.0005)
    return create_app(Settings.from_environment())


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    active: ActiveModel = app.state.active
    stopping: Stopping = app.state.stopping
    settings: Settings = app.state.settings
    ledger: Ledger = app.state.ledger
    async with active.following(), ledger.running():
        with stopping.watched():
            yield {"head_timeout": settings.head_timeout}  # for `protocol.py`
