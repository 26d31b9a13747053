"""A real service with keys, behind what makes it misbehave."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

FAULT_SECONDS = 12.0
"""How long an answer of a slow service takes, and of one that drips; a hung one never ends, and a held one waits
for the next mode.

Whoever was done in half of that did not wait for it, however busy the machine is.
"""
_OTHER = b'{"model": "m", "topics": [{"id": "x", "name": ["<b>"]}]}'


class Faults:
    """A service that can be told to misbehave.

    Args:
        app: the real one.
    """

    mode = "well"

    def __init__(self, app: ASGIApp) -> None:
        self.asked: list[str] = []
        """The paths of the requests that came."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the mode says."""
        if scope["type"] == "http":
            self.asked.append(scope["path"])
        if scope["type"] != "http" or self.mode == "well":
            await self._app(scope, receive, send)
        elif self.mode == "slow":
            await asyncio.sleep(FAULT_SECONDS)
            await self._app(scope, receive, send)
        elif self.mode == "held":
            while self.mode == "held":
                await asyncio.sleep(0.05)
            await self._app(scope, receive, send)
        elif self.mode == "hung":
            while (await receive())["type"] != "http.disconnect":
                pass
        else:
            await self._nonsense(send)

    async def _nonsense(self, send: Send) -> None:
        pages = {"page": b"<html><script>alert(1)</script></html>", "error": b"no", "drip": b"{"}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 500 if self.mode == "error" else 200, "headers": headers})
        await send({"type": "http.response.body", "body": pages.get(self.mode, _OTHER), "more_body": True})
        for _ in range(100 if self.mode == "drip" else 0):
            await asyncio.sleep(FAULT_SECONDS / 100)
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@dataclass(frozen=True)
class Tagdesk:
    """The service.

    Args:
        url: its address.
        key: the CMS's, to tag and to correct.
        admin: a key to export with.
        faults: what makes it misbehave.
    """

    url: str
    key: str
    admin: str
    faults: Faults

    def corrections(self, *posts: int) -> list[dict[str, Any]]:
        """Return what the ledger has of posts, in the order in which it came."""
        export = httpx.get(f"{self.url}/v1/feedback/export", headers={"X-API-Key": self.admin})
        rows = [json.loads(line) for line in export.text.splitlines()]
        return [row for row in rows if row["id"].endswith(tuple(f"/?p={post}" for post in posts))]

    def verdicts(self, post: int) -> list[tuple[list[str], list[str], list[str]]]:
        """Return what was accepted, rejected and added in each correction of a post."""
        return [(row["accepted"], row["rejected"], row["added"]) for row in self.corrections(post)]
