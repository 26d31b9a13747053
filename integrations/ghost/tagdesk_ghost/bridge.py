"""The ASGI app that Ghost's webhooks call: it checks, queues and answers at once; the work is done afterwards."""

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tagdesk_ghost.settings import Settings
from tagdesk_ghost.signing import is_from_ghost
from tagdesk_ghost.state import State, Work
from tagdesk_ghost.tagging import Tagger
from tagdesk_ghost.waiting import Waiting

MAX_BODY = 20_000_000
"""Bytes of a webhook: Ghost sends all revisions of a post."""

_READING = 1.5  # seconds: Ghost hangs up after 2
_log = logging.getLogger("tagdesk_ghost")
_PUBLISHED, _EDITED = "post.published", "post.published.edited"
_WORK: dict[str, Work] = {_PUBLISHED: "tag", _EDITED: "look"}
_is_id = re.compile(r"[0-9a-f]{24}").fullmatch


def create_app(settings: Settings, state: State) -> Starlette:
    """Return the app; its one route is `POST /webhook`.

    Args:
        settings: what the bridge is told.
        state: what it remembers; closed at the end.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            app.state.waiting = Waiting(Tagger(settings, client, state), state, settings)
            task = asyncio.create_task(app.state.waiting.work())
            yield
            task.cancel()
            await asyncio.wait([task])
        state.close()

    async def webhook(request: Request) -> Response:
        try:
            async with asyncio.timeout(_READING):
                body = await _body(request)
        except (TimeoutError, ClientDisconnect):
            return PlainTextResponse("The body did not arrive in time.", 408)
        if body is None:
            return PlainTextResponse(f"At most {MAX_BODY} bytes.", 413)
        if not is_from_ghost(request.headers.get("x-ghost-signature", ""), body, settings.webhook_secret, time.time()):
            return PlainTextResponse("The signature is missing, wrong, or too old.", 401)
        news = news_of(body)
        if news is None:
            return PlainTextResponse("Nothing to do: send the events post.published and post.published.edited.")
        waiting: Waiting = request.app.state.waiting
        if not waiting.add(*news):
            _log.error("post %s: not looked at: too many wait; run catch-up later", news[0])
            return PlainTextResponse("Too many posts wait.", 503)
        return PlainTextResponse("It will be done.", 202)

    async def alive(_: Request) -> Response:
        return PlainTextResponse("ok")

    routes = [Route("/webhook", webhook, methods=["POST"]), Route("/livez", alive)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _body(request: Request) -> bytes | None:
    if int(request.headers.get("content-length", 0)) > MAX_BODY:  # without reading it, which takes its time
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def news_of(body: bytes) -> tuple[str, Work] | None:
    """Return the id of the post that a webhook is about, and what is to be done; None where that is nothing.

    A post that is published now is tagged. One that was published and is edited is looked at, and given no tags: our
    own are an edit too, and would be for ever.
    """
    try:
        event = json.loads(body)
        post, previous = event["post"]["current"], event["post"].get("previous") or {}
        if post["status"] not in {"published", "sent"} or not _is_id(post["id"]):
            return None
        was_published = previous.get("status") == "published" or (previous and "status" not in previous)
        return post["id"], _WORK[event.get("event") or (_EDITED if was_published else _PUBLISHED)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
