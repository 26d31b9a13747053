"""What Ghost's Admin API and Tagdesk are asked, and what is wrong with an answer."""

import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from tagdesk_ghost.settings import Settings
from tagdesk_ghost.signing import admin_token

_MAX_HTML = 262_144
_MAX_TITLE = 10_000
_MAX_BODY = 1_000_000
_REFUSED = frozenset({400, 413, 422})
_TAG = ("id", "name", "slug")

Tag = dict[str, str]
"""A tag of Ghost's: id, name and slug; one that is to be made has a name alone."""


class Failed(Exception):
    """It did not work this time."""


class Refused(Exception):
    """It will not work another time either."""


class Ghost:
    """Ghost's Admin API.

    Args:
        settings: where it is, and the key.
        client: what it is asked with.
    """

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._settings = settings
        self._client = client

    async def post(self, post_id: str) -> dict[str, Any]:
        """Return a published post with its text and tags.

        Raises:
            Refused: there is none.
        """
        query = {"formats": "html,plaintext", "include": "tags"}
        post = _rows(await self._ask("GET", f"posts/{post_id}/", params=query), "posts", "updated_at")[0]
        if post.get("status") not in {"published", "sent"}:
            raise Refused("it is not published any more")
        return post

    async def published(self, since: str) -> AsyncIterator[tuple[str, list[Tag]]]:
        """Yield the id and the tags of each post published since a day, newest first."""
        page: int | None = 1
        while page:
            query = {"filter": f"status:published+published_at:>={since}", "include": "tags", "fields": "id"}
            answer = await self._ask("GET", "posts/", params=query | {"limit": "50", "page": str(page)})
            for post in _rows(answer, "posts", "id"):
                yield post["id"], tags_of(post)
            page = answer.get("meta", {}).get("pagination", {}).get("next")

    async def tags(self, **fields: Collection[str]) -> list[Tag]:
        """Return the site's tags that have one of these values in one of these fields."""
        clauses = [f"{name}:[{','.join(map(_quoted, values))}]" for name, values in fields.items() if values]
        if not clauses:
            return []
        answer = await self._ask("GET", "tags/", params={"filter": ",".join(clauses), "limit": "100"})
        return [{name: tag[name] for name in _TAG} for tag in _rows(answer, "tags", *_TAG)]

    async def put_tags(self, post: Mapping[str, Any], tags: Sequence[Tag]) -> list[Tag]:
        """Give a post these tags, and return them as they are then."""
        # updated_at makes Ghost refuse to write over a text that somebody saved meanwhile.
        changed = {"updated_at": post["updated_at"], "tags": tags}
        answer = await self._ask("PUT", f"posts/{post['id']}/", params={"include": "tags"}, json={"posts": [changed]})
        return tags_of(_rows(answer, "posts", "id")[0])

    async def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        token = admin_token(self._settings.admin_key, time.time())
        headers = {"Authorization": f"Ghost {token}", "Accept-Version": "v5.0"}
        url = f"{self._settings.url}/ghost/api/admin/{path}"
        response = await self._client.request(method, url, headers=headers, **options)
        if response.status_code == 404:
            raise Refused("Ghost has no such post")
        return _answer(response, "Ghost", 200)


class Tagdesk:
    """The service.

    Args:
        settings: where it is, and the key.
        client: what it is asked with.
    """

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._settings = settings
        self._client = client

    async def topics(self) -> dict[str, str]:
        """Return the names of all topics by their ids."""
        rows = _rows(await self._ask("GET", "/v1/topics"), "topics", "id", "name")
        return {topic["id"]: topic["name"] for topic in rows}

    async def tag(self, article: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """Return the model that answers, and the band of each topic of an article.

        Raises:
            Refused: the article cannot be tagged.
        """
        answer = await self._ask("POST", "/v1/tag", json=article)
        bands = {topic["id"]: topic["band"] for topic in _rows(answer, "topics", "id", "band")}
        return str(answer.get("model")), bands

    async def correct(self, correction: Mapping[str, Any]) -> None:
        """Have a correction kept.

        Raises:
            Refused: it never will be.
        """
        await self._ask("POST", "/v1/feedback", expected=202, json=correction)

    async def _ask(self, method: str, path: str, *, expected: int = 200, **options: Any) -> dict[str, Any]:
        key = self._settings.tagdesk_key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        response = await self._client.request(method, self._settings.tagdesk_url + path, headers=headers, **options)
        if response.status_code in _REFUSED and response.headers.get("content-type") == "application/problem+json":
            kind = str(response.json().get("type", "")).rpartition("/")[2]
            raise Refused(f"Tagdesk answered {response.status_code} {kind}")
        return _answer(response, "Tagdesk", expected)


def tags_of(post: Mapping[str, Any]) -> list[Tag]:
    """Return the tags of a post."""
    return [{name: tag[name] for name in _TAG} for tag in _rows(post, "tags", *_TAG)]


def article_of(post: Mapping[str, Any], site: str) -> dict[str, Any]:
    """Return a post as an article; one with more HTML than Tagdesk reads as its plain text.

    Args:
        post: the post.
        site: Ghost's address.
    """
    html, text = post.get("html") or "", post.get("plaintext") or ""
    return {
        "id": f"{urlsplit(site).netloc}/{post['id']}",
        "title": str(post.get("title") or "")[:_MAX_TITLE],
        "url": post.get("url"),
        **({"body_html": html} if html and len(html) <= _MAX_HTML else {"body": text[:_MAX_BODY]}),
    }


def _quoted(value: str) -> str:
    """Return a value as Ghost's filters have it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _answer(response: httpx.Response, who: str, expected: int) -> dict[str, Any]:
    if response.status_code != expected:
        raise Failed(f"{who} answered {response.status_code}")
    try:
        answer = response.json()
    except ValueError:
        raise Failed(f"{who} answered without JSON: is this its address?") from None
    if not isinstance(answer, dict):
        raise Failed(f"{who} answered what is no answer of it: is this its address?")
    return answer


def _rows(answer: Mapping[str, Any], name: str, *fields: str) -> list[dict[str, Any]]:
    """Return the objects of an answer's list, each with text in these fields."""
    rows = answer.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Failed(f"an answer has no {name}: is this the right address?")
    if not _are_texts(rows, fields):
        raise Failed(f"an answer has {name} of another kind: is this the right address?")
    return rows


def _are_texts(rows: Iterable[Mapping[str, Any]], fields: Sequence[str]) -> bool:
    return all(isinstance(row.get(field), str) for row in rows for field in fields)
