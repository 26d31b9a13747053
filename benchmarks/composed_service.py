"""Tagdesk with some of its parts taken out, as `parts.py` names them: what does each cost?

python -m benchmarks.composed_service PORT PART,PART…
"""

import os
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.made import bundle
from service import logs
from service.app import Tagdesk, create_app
from service.limits import Limits
from service.metrics import Metrics, Tagged
from service.observe import Observed
from service.security import RequireKey, SecurityHeaders
from service.settings import Settings


class _NoMetrics(Metrics):
    """Metrics that note nothing of a request."""

    def request(self, labels: tuple[str, str, int], seconds: float, problem: str | None) -> None:
        """Note nothing."""

    def tagged(self, article: Tagged) -> None:
        """Note nothing."""


def composed(parts: set[str], settings: Settings) -> ASGIApp:
    """Return the app with these parts, and none of the others that `parts.py` names."""
    app = create_app(settings)
    left_out: set[object] = set()
    if "keys" not in parts:
        left_out |= {RequireKey, Limits}
    if "headers" not in parts:
        left_out.add(SecurityHeaders)
    if not parts & {"metrics", "logs"}:
        left_out.add(Observed)
    app.user_middleware = [one for one in app.user_middleware if one.cls not in left_out]
    if "metrics" not in parts:
        for one in app.user_middleware:
            if "metrics" in one.kwargs:
                one.kwargs["metrics"] = _NoMetrics()
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
        http="service.protocol:GuardedProtocol" if "protocol" in parts else "httptools",
        ws="none",
        log_config=logs.configuration(settings),
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
