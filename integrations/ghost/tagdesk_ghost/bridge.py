"""The ASGI app that Ghost's webhook calls: it checks, queues and answers at once; the work is done afterwards."""

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
from tagdesk_ghost.tagging import Failed, Refused, Tagger

MAX_BODY = 20_000_000
"""Bytes of a webhook: Ghost sends all revisions of a post."""

MOST_TRIES = 16
"""Tries for one post: the last comes nearly four hours after the first."""

_LONGEST_DELAY = 1800.0
_READING = 1.5  # seconds: Ghost hangs up after 2
_WORKERS = 4
_log = logging.getLogger("tagdesk_ghost")
_is_id = re.compile(r"[0-9a-f]{24}").fullmatch


class Waiting:
    """The posts that wait to be tagged, each once.

    Args:
        tagger: what tags one.
        settings: how many may wait, and for how long a try that failed.
    """

    def __init__(self, tagger: Tagger, settings: Settings) -> None:
        self._tagger = tagger
        self._settings = settings
        self._tries: dict[str, int] = {}
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    def add(self, post: str) -> bool:
        """Let a post wait; return False where too many do."""
        if post in self._tries:
            return True
        if len(self._tries) >= self._settings.most_waiting:
            return False
        self._tries[post] = 0
        self._queue.put_nowait(post)
        return True

    async def work(self) -> None:
        """Tag one post after the other, for ever."""
        while True:
            await self._tag(await self._queue.get())

    async def _tag(self, post: str) -> None:
        self._tries[post] += 1
        try:
            new = await self._tagger.tag(post)
            _log.info("post %s: %d tags added", post, len(new))
        except Failed as error:
            if self._tries[post] < MOST_TRIES:
                self._try_later(post, error)
                return
            _log.error("post %s: given up after %d tries: %s", post, MOST_TRIES, error)
        except Refused as error:
            _log.warning("post %s: not tagged: %s", post, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the work; its text may quote a post
            _log.error("post %s: not tagged: %s", post, type(error).__name__)
        del self._tries[post]

    def _try_later(self, post: str, error: Failed) -> None:
        delay = min(self._settings.first_delay * 2 ** (self._tries[post] - 1), _LONGEST_DELAY)
        _log.warning("post %s: again in %g seconds: %s", post, delay, error)
        asyncio.get_running_loop().call_later(delay, self._queue.put_nowait, post)


def create_app(settings: Settings) -> Starlette:
    """Return the app; its one route is `POST /webhook`."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            app.state.waiting = Waiting(Tagger(settings, client), settings)
            tasks = [asyncio.create_task(app.state.waiting.work()) for _ in range(_WORKERS)]
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

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
        post = published(body)
        if post is None:
            return PlainTextResponse("Nothing to do: send the event post.published.")
        waiting: Waiting = request.app.state.waiting
        if not waiting.add(post):
            _log.error("post %s: not tagged: too many wait; run catch-up later", post)
            return PlainTextResponse("Too many posts wait.", 503)
        return PlainTextResponse("It will be tagged.", 202)

    async def alive(_: Request) -> Response:
        return PlainTextResponse("ok")

    routes = [Route("/webhook", webhook, methods=["POST"]), Route("/livez", alive)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def published(body: bytes) -> str | None:
    """Return the id of the post that a webhook says was published now, None where it says something else.

    That a post was edited is passed over: our own tags are an edit too, and would be for ever.
    """
    try:
        told = json.loads(body)
        post, previous = told["post"]["current"], told["post"].get("previous") or {}
        was_published = previous.get("status") == "published" or (previous and "status" not in previous)
        is_event = told["event"] == "post.published" if "event" in told else not was_published
        is_now = post["status"] in {"published", "sent"}
        return str(post["id"]) if is_event and is_now and _is_id(post["id"]) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
