"""Pages of other origins that may ask for topics, where a setting names them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.service.problems import check

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

PAGE = "https://cms.example.org"
ARTICLE = {"body": "The war went on."}
FROM_PAGE = {"Origin": PAGE, "Sec-Fetch-Site": "cross-site"}
ASKS = {**FROM_PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def test_nobody_may_where_nobody_is_named(client: httpx.Client) -> None:
    """Without the setting no answer has a CORS header, and a page's request is refused."""
    answers = [client.get("/v1/topics", headers=FROM_PAGE), client.post("/v1/tag", json=ARTICLE, headers=FROM_PAGE)]
    answers.append(client.options("/v1/tag", headers=ASKS))
    assert [answer.status_code for answer in answers] == [200, 403, 405]
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(("origins", "told"), [(f"https://other.test, {PAGE}/", PAGE), ("*", "*")])
def test_named_page_may_ask_for_topics(tiny_settings: Settings, serve: Serve, origins: str, told: str) -> None:
    """Our own API's and Annif's; the browser asks first, and is told what the page may send and see."""
    with (
        serve(create_app(replace(tiny_settings, origins=origins))) as address,
        httpx.Client(base_url=address) as client,
    ):
        first = client.options("/v1/tag", headers=ASKS)
        assert (first.status_code, first.content) == (204, b"")
        assert first.headers["access-control-allow-origin"] == told
        assert first.headers["access-control-allow-methods"] == "GET, POST"
        assert "Authorization" in first.headers["access-control-allow-headers"]
        for answer in (
            client.post("/v1/tag", json=ARTICLE, headers=FROM_PAGE),
            client.post("/v1/projects/tiny/suggest", data={"text": ARTICLE["body"]}, headers=FROM_PAGE),
            client.get("/v1/topics", headers=FROM_PAGE),
        ):
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == told
            assert "access-control-allow-credentials" not in answer.headers
            assert answer.headers.get("vary") == (None if told == "*" else "Origin")
        fault = client.post("/v1/tag", json={}, headers=FROM_PAGE)
        check(fault, 422, "invalid-article", "#")
        assert fault.headers["access-control-allow-origin"] == told


def test_named_page_may_change_nothing(tiny_settings: Settings, serve: Serve) -> None:
    """Corrections, the queue, by whichever way, and which model answers are not a page's."""
    with serve(create_app(replace(tiny_settings, origins="*"))) as address, httpx.Client(base_url=address) as client:
        for method, path in (
            ("POST", "/v1/feedback"),
            ("POST", "/v1/queue"),
            ("POST", "/v1/tag?queue=true"),
            ("POST", "/v1/projects/tiny/learn"),
            ("POST", "/v1/models/rollback"),
            ("DELETE", "/desk/session"),
        ):
            answer = client.request(method, path, json=ARTICLE, headers=FROM_PAGE)
            assert answer.status_code == 403
            assert answer.json()["title"] == "Sent by another site"
        assert "access-control-allow-origin" not in client.options("/v1/feedback", headers=ASKS).headers


@pytest.mark.parametrize("told", [{"Sec-Fetch-Site": "same-origin"}, {}])
def test_own_pages_are_not_another_sites(tiny_settings: Settings, serve: Serve, told: dict[str, str]) -> None:
    """Whatever the setting says, and whether the browser says more than the origin: they may fill the queue."""
    with serve(create_app(replace(tiny_settings, origins="*"))) as address, httpx.Client(base_url=address) as client:
        answer = client.post("/v1/tag?queue=true", json=ARTICLE, headers={"Origin": address, **told})
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers


def test_another_page_may_not(tiny_settings: Settings, serve: Serve) -> None:
    """An origin is the whole of it: neither a part of a name nor another port is enough."""
    with serve(create_app(replace(tiny_settings, origins=PAGE))) as address, httpx.Client(base_url=address) as client:
        for origin in ("https://example.org", f"{PAGE}.evil.test", f"{PAGE}:8443", "http://cms.example.org", "null"):
            answer = client.post("/v1/tag", json=ARTICLE, headers=FROM_PAGE | {"Origin": origin})
            check(answer, 403, "cross-site")
            assert "access-control-allow-origin" not in answer.headers


def test_page_needs_a_key_like_everybody(tiny_settings: Settings, serve: Serve, tmp_path: Path) -> None:
    """The browser's question has none; the request has one, and a missing one is told to the page."""
    key, token = new_key("page", ["tag"], "2026-11-30")
    (tmp_path / "keys.json").write_bytes(keys_json([key]))
    settings = replace(tiny_settings, origins=PAGE, keys_file=f"{tmp_path}/keys.json")
    with serve(create_app(settings)) as address, httpx.Client(base_url=address) as client:
        assert client.options("/v1/tag", headers=ASKS).status_code == 204
        with_key = FROM_PAGE | {"Authorization": f"Bearer {token}"}
        assert client.post("/v1/tag", json=ARTICLE, headers=with_key).status_code == 200
        without = client.post("/v1/tag", json=ARTICLE, headers=FROM_PAGE)
        check(without, 401, "unknown-key")
        assert without.headers["access-control-allow-origin"] == PAGE
