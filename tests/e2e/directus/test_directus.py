"""The Flows of integrations/directus in a real Directus: topics for an article, and what an editor makes of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tagdesk.service.settings import Settings
from tests.e2e.conftest import running_with_a_key
from tests.e2e.directus.site import PLACE, Operation, Site, directus
from tests.waiting import eventually

SCRIPTS = Path(__file__).parents[3] / "integrations" / "directus"
WAR = {
    "title": 'Envoy "flies" to <Geneva>',
    "body": "<p>Troops, war, conflict, ceasefire:\nthe troops & the conflict, the ceasefire. The envoy.</p>",
}


def script(key: str) -> Operation:
    """Return a *Run Script* of ours."""
    return key, "exec", {"code": (SCRIPTS / f"{key}.js").read_text(encoding="utf-8")}


def request(key: str, url: str, token: str, body: str) -> Operation:
    """Return a *Webhook / Request URL*."""
    fields = {"Content-Type": "application/json", "X-API-Key": token}
    headers = [{"header": name, "value": value} for name, value in fields.items()]
    return key, "request", {"method": "POST", "url": url, "headers": headers, "body": body}


@pytest.fixture(scope="module")
def newsroom(tiny_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, httpx.Client]]:
    """Return a Directus with both Flows, as the README makes them, and a client of the service."""
    if not (PLACE / "node_modules" / "directus").exists():
        pytest.skip("Directus is not installed: make test-directus")
    folder = tmp_path_factory.mktemp("directus")
    with (
        running_with_a_key(tiny_settings, folder, "directus") as (url, token),
        httpx.Client(base_url=url, headers={"X-API-Key": token}) as service,
        directus(folder) as site,
    ):
        write = {"topics": "{{topics}}", "tagdesk": "{{answer.data}}"}
        where = {"collection": "articles", "permissions": "$full"}
        site.make_flow(
            "items.create",
            script("article"),
            request("answer", f"{url}/v1/tag", token, "{{article}}"),
            script("topics"),
            ("write", "item-update", {**where, "key": ["{{$trigger.key}}"], "payload": write, "emitEvents": False}),
        )
        changed = {"$trigger": {"payload": {"topics": {"_nnull": True}}}}
        site.make_flow(
            "items.update",
            ("changed", "condition", {"filter": changed}),
            ("saved", "item-read", {**where, "key": ["{{$trigger.keys[0]}}"]}),
            script("correction"),
            request("send", f"{url}/v1/feedback", token, "{{correction}}"),
        )
        yield site, service


def tagged(site: Site) -> int:
    """Create an article, and wait for its topics; return its id."""
    made = int(site.ask("POST", "items/articles", **WAR)["id"])
    eventually(lambda: site.ask("GET", f"items/articles/{made}")["topics"] is not None)
    return made


def kept(service: httpx.Client, article: int) -> list[dict[str, Any]]:
    """Return the corrections of an article that are in the ledger."""
    rows = map(json.loads, service.get("/v1/feedback/export").raise_for_status().text.splitlines())
    return [row for row in rows if row["id"] == f"articles/{article}"]


def test_created_article_gets_its_sure_topics(newsroom: tuple[Site, httpx.Client]) -> None:
    """Whatever stands in its title and text; that is no correction."""
    site, service = newsroom
    article = tagged(site)
    assert site.ask("GET", f"items/articles/{article}")["topics"] == ["Conflict"]
    assert kept(service, article) == []


def test_topic_that_an_editor_takes_away_is_rejected(newsroom: tuple[Site, httpx.Client]) -> None:
    """A save of the title alone judges nothing."""
    site, service = newsroom
    article = tagged(site)
    site.ask("PATCH", f"items/articles/{article}", title="Envoy in Geneva")
    site.ask("PATCH", f"items/articles/{article}", topics=["Geneva"])
    eventually(lambda: kept(service, article))
    (row,) = kept(service, article)
    assert (row["accepted"], row["rejected"], row["title"]) == ([], ["conflict"], "Envoy in Geneva")
