"""The desk's files, with headers that keep everything else out of the page."""

from pathlib import Path

from fastapi import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from tagdesk.service.http.router import Router

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        # No script here can turn text into markup, by mistake or otherwise.
        "require-trusted-types-for 'script'; trusted-types tagdesk-inert"
    ),
    "Cache-Control": "no-cache",
}


def desk_router(folder: Path) -> Router:
    """Return the routes of `folder/index.html` at `/` and the folder's files under `/desk/`."""
    router = Router()
    files = StaticFiles(directory=folder)

    @router.on("GET", "/", scope=None, include_in_schema=False)
    async def index() -> Response:
        return FileResponse(folder / "index.html", headers=HEADERS)

    @router.on("GET", "/desk/{path:path}", scope=None, include_in_schema=False)
    async def desk_file(request: Request, path: str) -> Response:
        response = await files.get_response(path, request.scope)
        response.headers.update(HEADERS)
        return response

    return router
