"""GET /docs, the API's description for people."""

import re
from typing import Any

import httpx
import pytest

from tests.service.test_openapi import ROUTES


@pytest.fixture
def page(client: httpx.Client) -> str:
    """Return the page."""
    response = client.get("/docs")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return response.text


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_has_every_route(page: str, method: str, path: str) -> None:
    """Each route has a section of its own."""
    assert f"<p class=route><code>{method.upper()} {path}</code>" in page


def test_has_every_schema(client: httpx.Client, page: str) -> None:
    """Each schema is there, with its fields."""
    schemas: dict[str, Any] = client.get("/openapi.json").json()["components"]["schemas"]
    for name, schema in schemas.items():
        section = page.partition(f"<section id=schema-{name}>")[2].partition("</section>")[0]
        assert all(f"<code>{field}</code>" in section for field in schema.get("properties", ()))


def test_links_lead_somewhere(client: httpx.Client, page: str) -> None:
    """To a place on the page, or to a file that is served."""
    places = set(re.findall(r" id=([\w-]+)", page))
    assert set(re.findall(r"href=#([\w-]+)", page)) <= places
    for address in set(re.findall(r'href="(/[^"]*)"', page)):
        assert client.get(address).status_code == 200, address


def test_needs_no_script_and_nobody_else(client: httpx.Client, page: str) -> None:
    """Nothing is loaded from elsewhere, and no script at all; the page's headers see to that."""
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="?(?:https?:)?//', page) == []
    policy = client.get("/docs").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'self'" in policy


def test_markup_in_an_example_is_shown_and_not_read(page: str) -> None:
    """The example with HTML in it is text on the page."""
    assert "&lt;p&gt;Winds" in page
    assert "<p>Winds" not in page
