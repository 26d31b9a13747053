"""Ghost's side of the bridge: an Admin API that checks the signed token, and webhooks as Ghost 6.65 sent one."""

import base64
import hashlib
import hmac
import itertools
import json
import re
import time
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY_ID, KEY_SECRET = "6b0465d73308b417e0fe8650", "5f" * 32
ADMIN_KEY = f"{KEY_ID}:{KEY_SECRET}"
WEBHOOK_SECRET = "s3cret"


class Ghost:
    """What stands in for Ghost: it keeps posts, and refuses what Ghost refuses."""

    def __init__(self) -> None:
        self.posts: dict[str, dict[str, Any]] = {}
        self.site_tags: dict[str, dict[str, Any]] = {}
        self.writes: list[dict[str, Any]] = []
        self.collisions = 0
        self._ids = itertools.count(1)
        routes = [
            Route("/ghost/api/admin/posts/", self._browse),
            Route("/ghost/api/admin/tags/", self._browse_tags),
            Route("/ghost/api/admin/posts/{id}/", self._read, methods=["GET"]),
            Route("/ghost/api/admin/posts/{id}/", self._edit, methods=["PUT"]),
        ]
        self.app = Starlette(routes=routes)

    def publish(self, post_id: str, title: str, html: str, *tags: str, plaintext: str = "") -> None:
        """Keep a published post."""
        self.posts[post_id] = {
            "id": post_id,
            "title": title,
            "html": html,
            "plaintext": plaintext,
            "status": "published",
            "url": f"http://127.0.0.1:2368/{post_id}/",
            "updated_at": "2026-11-23T16:12:07.000Z",
            "tags": [self._tag(name) for name in tags],
        }

    def tags(self, post_id: str) -> list[str]:
        """Return the names of a post's tags, in its order."""
        return [tag["name"] for tag in self.posts[post_id]["tags"]]

    def save_tags(self, post_id: str, *names: str) -> None:
        """Give a post these tags and no others, as an editor does; `updated_at` stays, as in Ghost."""
        self.posts[post_id]["tags"] = [self._tag(name) for name in names]

    def rename_tag(self, before: str, name: str, slug: str | None = None) -> None:
        """Rename a tag of the site; its slug stays where no other is named, as in Ghost."""
        tag = self._tag(before)
        tag |= {"name": name, "slug": slug or tag["slug"]}

    def delete_tag(self, name: str) -> None:
        """Delete a tag from the site and all its posts."""
        tag = self._tag(name)
        del self.site_tags[tag["id"]]
        for post in self.posts.values():
            post["tags"] = [kept for kept in post["tags"] if kept is not tag]

    def _tag(self, name: str) -> dict[str, Any]:
        """Return the tag of this very name, made where there is none: Ghost takes `SPORT` and `Sport` for two."""
        for tag in self.site_tags.values():
            if tag["name"] == name:
                return tag
        slug = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
        taken = {tag["slug"] for tag in self.site_tags.values()}
        slugs = (f"{slug}-{number}" if number > 1 else slug for number in itertools.count(1))
        tag = {
            "id": f"{next(self._ids):024x}",
            "name": name,
            "slug": next(candidate for candidate in slugs if candidate not in taken),
            "visibility": "public",
        }
        self.site_tags[tag["id"]] = tag
        return tag

    async def _browse_tags(self, request: Request) -> Response:
        if not is_token(request.headers.get("authorization", "")):
            return _refusal()
        clauses = re.findall(r"(\w+):\[(.*?)\]", request.query_params["filter"])
        wanted = [(field, re.findall("'([^']*)'", values)) for field, values in clauses]
        tags = [tag for tag in self.site_tags.values() if any(tag[field] in values for field, values in wanted)]
        return JSONResponse({"tags": tags})

    async def _browse(self, request: Request) -> Response:
        if not is_token(request.headers.get("authorization", "")):
            return _refusal()
        query = request.query_params
        assert query["filter"].startswith("status:published+published_at:>=")
        page, limit = int(query["page"]), int(query["limit"])
        posts = [{"id": post["id"], "tags": post["tags"]} for post in self.posts.values()]
        shown = posts[(page - 1) * limit : page * limit]
        following = page + 1 if page * limit < len(posts) else None
        return JSONResponse({"posts": shown, "meta": {"pagination": {"page": page, "next": following}}})

    async def _read(self, request: Request) -> Response:
        if not is_token(request.headers.get("authorization", "")):
            return _refusal()
        post = self.posts.get(request.path_params["id"])
        if post is None:
            return JSONResponse({"errors": [{"type": "NotFoundError", "message": "Post not found."}]}, 404)
        formats = request.query_params.get("formats", "").split(",")
        return JSONResponse({"posts": [{k: v for k, v in post.items() if k not in {"html", "plaintext"} - {*formats}}]})

    async def _edit(self, request: Request) -> Response:
        if not is_token(request.headers.get("authorization", "")):
            return _refusal()
        post, (sent,) = self.posts[request.path_params["id"]], (await request.json())["posts"]
        if self.collisions:
            self.collisions -= 1
            post["updated_at"] = f"2026-11-23T16:13:0{self.collisions}.000Z"
        if sent.get("updated_at") != post["updated_at"]:
            return JSONResponse({"errors": [{"type": "UpdateCollisionError", "message": "Saving failed!"}]}, 409)
        self.writes.append(sent)
        post["tags"] = [self.site_tags[tag["id"]] if "id" in tag else self._tag(tag["name"]) for tag in sent["tags"]]
        return JSONResponse({"posts": [post]})


def _refusal() -> Response:
    return JSONResponse({"errors": [{"type": "UnauthorizedError", "message": "Invalid token"}]}, 401)


def is_token(header: str) -> bool:
    """Tell whether Ghost would accept a token: `Ghost <JWT>`, HS256, its key's id, five minutes at most."""
    scheme, _, token = header.partition(" ")
    if scheme != "Ghost" or token.count(".") != 2:
        return False
    head, claims, signature = token.split(".")
    expected = hmac.new(bytes.fromhex(KEY_SECRET), f"{head}.{claims}".encode(), hashlib.sha256).digest()
    told, said = json.loads(_decoded(head)), json.loads(_decoded(claims))
    return (
        hmac.compare_digest(_decoded(signature), expected)
        and told == {"alg": "HS256", "typ": "JWT", "kid": KEY_ID}
        and said["aud"] == "/admin/"
        and said["iat"] <= time.time() + 1
        and time.time() < said["exp"] <= said["iat"] + 300
    )


def _decoded(text: str) -> bytes:
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def webhook(body: bytes, *, secret: str = WEBHOOK_SECRET, moment: float | None = None) -> httpx.Request:
    """Return a webhook without its address, signed as Ghost signs."""
    stamp = str(int((time.time() if moment is None else moment) * 1000))
    signature = hmac.new(secret.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "Content-Version": "v6.65",
        "User-Agent": "Ghost/6.65 (https://github.com/TryGhost/Ghost)",
        "X-Ghost-Signature": f"sha256={signature}, t={stamp}",
    }
    return httpx.Request("POST", "http://bridge/webhook", content=body, headers=headers)
