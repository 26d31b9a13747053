"""The application: settings in, an ASGI app out."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from service import tagging, topics
from service.active import ActiveModel
from service.openapi import complete
from service.problems import UnexpectedErrors, handlers
from service.settings import Settings
from service.static import add_desk

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
        return self.openapi_schema


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
    )
    app.state.settings = settings
    app.state.active = ActiveModel(settings.model)
    app.add_middleware(UnexpectedErrors)
    # Not `include_router`, which would match every request twice.
    app.router.routes += [*tagging.router.routes, *topics.router.routes]
    add_desk(app, DESK)
    return app


def app_from_environment() -> Tagdesk:
    """Build the service of a worker process, whose settings travel in its environment."""
    return create_app(Settings.from_environment())


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    active: ActiveModel = app.state.active
    active.load()
    # All that lives as long as the process: the collector would walk it for a tenth of a second, amid a request.
    gc.collect()
    gc.freeze()
    yield
