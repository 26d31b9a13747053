"""The API reference."""

from fastapi import Request
from starlette.responses import HTMLResponse, Response

from tagdesk.service.http.router import Router
from tagdesk.service.reference import page
from tagdesk.service.routes.desk import HEADERS

router = Router()


@router.on("GET", "/docs", scope=None, include_in_schema=False)
async def reference(request: Request) -> Response:
    """Return the API's description as a page for people."""
    return HTMLResponse(page(request.app.openapi()), headers=HEADERS)
