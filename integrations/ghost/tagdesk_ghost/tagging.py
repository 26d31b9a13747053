"""One post: read from Ghost, asked about at Tagdesk, and given its tags."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from typing import Any
from urllib.parse import urlsplit

import httpx

from tagdesk_ghost.settings import Settings
from tagdesk_ghost.signing import admin_token

LIMIT = 30.0
"""Seconds for one post, all its requests together."""

_MAX_HTML = 262_144
_MAX_TITLE = 10_000
_MAX_BODY = 1_000_000
_REFUSED = frozenset({400, 413, 422})


class Failed(Exception):
    """It did not work this time."""


class Refused(Exception):
    """It will not work another time either."""


class Tagger:
    """Gives posts their tags.

    Args:
        settings: where Ghost and Tagdesk are, and what becomes a tag.
        client: what both are asked with.
    """

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._settings = settings
        self._client = client

    async def tag(self, post_id: str) -> list[str]:
        """Give a published post the tags of its topics beside those it has; return the new ones.

        Raises:
            Failed: try again later; the text says why, without a word of the post.
            Refused: another try is no use.
        """
        try:
            async with asyncio.timeout(LIMIT):
                post = await self._post(post_id)
                wanted = await self._topics(post)
                return await self._add_tags(post, wanted)
        except TimeoutError:
            raise Failed(f"no answer within {LIMIT:g} seconds") from None
        except httpx.HTTPError as error:
            raise Failed(f"no answer: {type(error).__name__}") from None

    async def untagged(self, since: str) -> AsyncIterator[str]:
        """Yield the ids of the posts published since a day that have no tag of any topic, newest first.

        Raises:
            Failed: Ghost or Tagdesk did not answer.
        """
        answer = await self._ask_tagdesk("GET", "/v1/topics")
        names = {_folded(topic["name"]) for topic in _rows(answer, "topics", "name")}
        page: int | None = 1
        while page:
            query = {"filter": f"status:published+published_at:>={since}", "include": "tags", "fields": "id"}
            sent = await self._ask_ghost("GET", "posts/", params=query | {"limit": "50", "page": str(page)})
            for post in _rows(sent, "posts", "id"):
                if names.isdisjoint(_folded(tag["name"]) for tag in _rows(post, "tags", "name")):
                    yield post["id"]
            page = sent.get("meta", {}).get("pagination", {}).get("next")

    async def _post(self, post_id: str) -> dict[str, Any]:
        query = {"formats": "html,plaintext", "include": "tags"}
        post = _rows(await self._ask_ghost("GET", f"posts/{post_id}/", params=query), "posts", "updated_at")[0]
        if post.get("status") not in {"published", "sent"}:
            raise Refused("it is not published any more")
        return post

    async def _topics(self, post: dict[str, Any]) -> list[str]:
        """Return the names of the post's topics."""
        html, text = post.get("html") or "", post.get("plaintext") or ""
        body = {"body_html": html} if html and len(html) <= _MAX_HTML else {"body": text[:_MAX_BODY]}
        article = {
            "id": f"{urlsplit(self._settings.url).netloc}/{post['id']}",
            "title": str(post.get("title") or "")[:_MAX_TITLE],
            "url": post.get("url"),
            **body,
        }
        answer = await self._ask_tagdesk("POST", "/v1/tag", json=article)
        return [topic["name"] for topic in _rows(answer, "topics", "name") if topic.get("band") in self._settings.bands]

    async def _add_tags(self, post: dict[str, Any], wanted: Collection[str]) -> list[str]:
        kept = ("id", "name", "slug")
        there = [{name: tag[name] for name in kept} for tag in _rows(post, "tags", *kept)]
        new = [name for name in wanted if _folded(name) not in {_folded(tag["name"]) for tag in there}]
        if new:
            # updated_at makes Ghost refuse to write over what somebody saved meanwhile.
            changed = {"updated_at": post["updated_at"], "tags": [*there, *({"name": name} for name in new)]}
            await self._ask_ghost("PUT", f"posts/{post['id']}/", json={"posts": [changed]})
        return new

    async def _ask_ghost(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        token = admin_token(self._settings.admin_key, time.time())
        headers = {"Authorization": f"Ghost {token}", "Accept-Version": "v5.0"}
        url = f"{self._settings.url}/ghost/api/admin/{path}"
        response = await self._client.request(method, url, headers=headers, **options)
        if response.status_code == 404:
            raise Refused("Ghost has no such post")
        return _answer(response, "Ghost")

    async def _ask_tagdesk(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        key = self._settings.tagdesk_key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        response = await self._client.request(method, self._settings.tagdesk_url + path, headers=headers, **options)
        if response.status_code in _REFUSED and response.headers.get("content-type") == "application/problem+json":
            raise Refused(f"Tagdesk answered {response.status_code}")
        return _answer(response, "Tagdesk")


def _answer(response: httpx.Response, who: str) -> dict[str, Any]:
    if response.status_code != 200:
        raise Failed(f"{who} answered {response.status_code}")
    try:
        answer = response.json()
    except ValueError:
        raise Failed(f"{who} answered without JSON: is this its address?") from None
    if not isinstance(answer, dict):
        raise Failed(f"{who} answered what is no answer of it: is this its address?")
    return answer


def _rows(answer: dict[str, Any], name: str, *fields: str) -> list[dict[str, Any]]:
    """Return the objects of an answer's list, each with text in these fields."""
    rows = answer.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Failed(f"an answer has no {name}: is this the right address?")
    if not all(isinstance(row.get(field), str) for row in rows for field in fields):
        raise Failed(f"an answer has {name} of another kind: is this the right address?")
    return rows


def _folded(name: str) -> str:
    return name.strip().casefold()
