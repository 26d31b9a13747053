"""The desk's files, with headers that keep everything but themselves out of the page."""

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        # No script here can turn text into markup, by mistake or otherwise.
        "require-trusted-types-for 'script'; trusted-types tagdesk-inert"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class DeskFiles(StaticFiles):
    """Static files with the desk's headers."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, or raise the router's 404 or 405."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def add_desk(app: FastAPI, folder: Path) -> None:
    """Serve `folder/index.html` at `/` and the folder's files under `/desk/`; nothing where there is no such file."""
    index = folder / "index.html"
    if not index.is_file():
        return

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def desk() -> Response:
        return FileResponse(index, headers=HEADERS)

    app.mount("/desk", DeskFiles(directory=folder), name="desk")
