"""The routes for signing in at the desk, and out."""

from fastapi import Request
from starlette.responses import Response

from tagdesk.service.edge.access import credentials
from tagdesk.service.edge.call import call_of
from tagdesk.service.edge.sessions import session_tokens, set_cookie
from tagdesk.service.http.replies import reply
from tagdesk.service.http.router import Router
from tagdesk.service.parts import parts_of
from tagdesk.service.schemas.status import SessionOut

router = Router(tags=["desk"])


@router.on("GET", "/desk/session", scope="feedback", summary="Who is signed in?", response_model=SessionOut)
async def get_session(request: Request) -> Response:
    """Return the name of the key and its scopes; null if no key is required."""
    return _reply(request)


@router.on("POST", "/desk/session", scope="feedback", summary="Sign in", faults=(503,), response_model=SessionOut)
async def sign_in(request: Request) -> Response:
    """Exchange a key, sent as to every other route, for a cookie that stands for it for twelve hours.

    The desk tags and corrects, so the key needs both scopes.
    """
    call = call_of(request)
    call.require("tag")
    response = _reply(request)
    _, token = credentials(call.headers)
    if call.key is not None and token:
        sessions = parts_of(request).sessions
        set_cookie(response, await sessions.begin(call.key), tls=_asks_over_tls(request))
    return response


@router.on("DELETE", "/desk/session", scope="feedback", summary="Sign out", faults=(503,), response_model=SessionOut)
async def sign_out(request: Request) -> Response:
    """End the session in all workers, and remove the cookie."""
    sessions = parts_of(request).sessions
    for token in session_tokens(call_of(request).headers):
        await sessions.end(token)
    response = reply({"editor": None, "scopes": []})
    set_cookie(response, "", tls=_asks_over_tls(request))
    return response


def _reply(request: Request) -> Response:
    call = call_of(request)
    return reply({"editor": call.editor, "scopes": call.key.scopes if call.key else []})


def _asks_over_tls(request: Request) -> bool:
    """Tell whether the browser uses TLS: its page's origin says so, whatever proxies are in between.

    A client that lies harms only itself.
    """
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
