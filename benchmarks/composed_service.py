"""Tagdesk with some of its parts taken out, as `parts.py` names them: what does each cost?

python -m benchmarks.composed_service PORT PART,PART…
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.made import bundle
from tagdesk.service.app import Tagdesk, create_app
from tagdesk.service.edge import logs
from tagdesk.service.edge.metrics import Metrics
from tagdesk.service.settings import Settings


class _NoMetrics(Metrics):
    """Metrics that count nothing of a request."""

    def began(self) -> None:
        """Count nothing."""

    def ended(self) -> None:
        """Count nothing."""

    def request(self, method: str, route: str, status: int, seconds: float, problem: str | None) -> None:
        """Count nothing."""

    def tagged(
        self,
        model: str,
        topics: Sequence[tuple[str, str, float]],
        warnings: Sequence[str],
        characters: int,
        unknown: float | None,
    ) -> None:
        """Count nothing."""


def composed(parts: set[str], settings: Settings) -> ASGIApp:
    """Return the app with these parts, and none of the others that `parts.py` names."""
    app = create_app(settings)
    if "metrics" not in parts:
        app.parts = replace(app.parts, metrics=_NoMetrics())
    return app if "telemetry" in parts else _without_telemetry(app)


def _without_telemetry(app: Tagdesk) -> ASGIApp:
    """Go round what FastAPI asks itself about telemetry at each request."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        await Starlette.__call__(app, scope, receive, send)

    return call


def main() -> None:
    """Serve."""
    port, parts = int(sys.argv[1]), set(sys.argv[2].split(","))
    settings = Settings(
        model=str(bundle()),
        shadow=str(bundle()) if "shadow" in parts else "",
        keys_file=os.environ["BENCH_KEYS"] if "keys" in parts else "",
        rate_limit=1_000_000,
        access_log="logs" in parts,
    )
    uvicorn.run(
        composed(parts, settings),
        port=port,
        http="tagdesk.service.server.protocol:GuardedProtocol" if "protocol" in parts else "httptools",
        ws="none",
        proxy_headers=False,
        log_config=logs.configuration(settings),
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
