"""The routes of signing in at the desk, and out."""

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response

from service.keys import KeyRing
from service.openapi import problems
from service.schemas import SessionOut
from service.security import credentials
from service.session import COOKIE, SECONDS, Sessions

router = APIRouter(tags=["desk"])


@router.get("/desk/session", summary="Who is signed in?", response_model=SessionOut, responses=problems(401, 403))
async def whoami(request: Request) -> Response:
    """Return the name of the key; null where no key is asked for."""
    return _answer(request.scope.get("state", {}).get("key"))


@router.post("/desk/session", summary="Sign in", response_model=SessionOut, responses=problems(401, 403))
async def sign_in(request: Request) -> Response:
    """Answer a key, sent as to every other route, with a cookie that stands for it for twelve hours."""
    ring: KeyRing | None = request.app.state.ring
    sessions: Sessions = request.app.state.sessions
    response = await whoami(request)
    _, token = credentials(request.scope["headers"])
    if ring is not None and (key := ring.find(token)):
        _set(request, response, sessions.begin(key), SECONDS)
    return response


@router.delete("/desk/session", summary="Sign out", response_model=SessionOut, responses=problems(401, 403))
async def sign_out(request: Request) -> Response:
    """Take the cookie back."""
    response = _answer(None)
    _set(request, response, "", 0)
    return response


def _answer(editor: str | None) -> Response:
    return Response(to_json({"editor": editor}), media_type="application/json", headers={"Cache-Control": "no-store"})


def _set(request: Request, response: Response, value: str, seconds: int) -> None:
    # What ends TLS in front of the service says so by this header; a client that lies harms itself alone.
    https = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
    response.set_cookie(COOKIE, value, max_age=seconds, path="/", secure=https, httponly=True, samesite="strict")
