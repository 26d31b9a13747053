"""The scripts for Directus and Strapi, run by node beside what stands in for those, with a real service."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tests.conftest import running

NODE = shutil.which("node")
INTEGRATIONS = Path(__file__).parents[2] / "integrations"
WAR = {"title": 'He said: "War\\peace"', "body": "<p>Troops, war, conflict,\nceasefire: the troops, the conflict.</p>"}

pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed: apt-get install nodejs")


@pytest.fixture
def service(tiny_settings: Settings, tmp_path: Path) -> Iterator[httpx.Client]:
    """Return a client of a service with a ledger of its own."""
    app = create_app(replace(tiny_settings, database_url=f"{tmp_path}/ledger.sqlite", access_log=False))
    with running(app) as address, httpx.Client(base_url=address) as client:
        yield client


def node(program: str, *arguments: Any) -> Any:
    """Return what a program prints last, as JSON; it is given arguments as JSON."""
    command = [str(NODE), "-e", program, "--", *map(json.dumps, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def operation(name: str, data: dict[str, Any]) -> Any:
    """Return what a script of Directus' "Run Script" makes of the data of its Flow."""
    script = json.dumps(str(INTEGRATIONS / "directus" / name))
    program = f"require({script})(JSON.parse(process.argv[1])).then((made) => console.log(JSON.stringify(made)))"
    return node(program, data)


def test_directus_flow_tags_an_article(service: httpx.Client) -> None:
    """Whatever stands in the title: the script makes the body, and no template does."""
    trigger = {"event": "articles.items.create", "collection": "articles", "key": 7, "payload": WAR}
    article = operation("article.js", {"$trigger": trigger})
    answer = service.post("/v1/tag", json=article)
    assert answer.json()["id"] == "articles/7"
    assert answer.json()["warnings"] == []
    assert operation("topics.js", {"answer": {"status": 200, "data": answer.json()}}) == ["Conflict"]


def test_directus_flow_corrects(service: httpx.Client) -> None:
    """What is there still is accepted, what is not is rejected."""
    given = service.post("/v1/tag", json={"title": WAR["title"], "body_html": WAR["body"]}).json()
    for topics, verdict in ((["conflict", "Geneva"], "accepted"), (None, "rejected")):
        saved = {**WAR, "language": None, "topics": topics, "tagdesk": given}
        trigger = {"collection": "articles", "keys": [7]}
        correction = operation("correction.js", {"$trigger": trigger, "saved": saved})
        assert service.post("/v1/feedback", json=correction).status_code == 202
        row = json.loads(service.get("/v1/feedback/export").text.splitlines()[-1])
        assert (row["id"], row[verdict]) == ("articles/7", ["conflict"])


STRAPI = """
const [path, action, entry, url] = process.argv.slice(1).map((text) => JSON.parse(text));
const said = [];
const written = [];
const uid = "api::article.article";
let around;
const strapi = {
  log: { warn: (line) => said.push(line) },
  documents: { use: (middleware) => (around = middleware) },
  db: { query: (of) => ({ update: async (change) => written.push([of, change]) }) },
};
require(path)(strapi, { uid, url, seconds: 30 });
const done = { publish: { entries: [entry] }, update: entry, elsewhere: { entries: [entry] } };
const context = { action, uid, params: {} };
if (action === "elsewhere") Object.assign(context, { action: "publish", uid: "api::page.page" });
around(context, async () => done[action]).then(async (result) => {
  if (result !== done[action]) throw new Error("publishing was changed");
  if (action === "publish") while (!written.length && !said.length) await new Promise((later) => setTimeout(later, 20));
  console.log(JSON.stringify({ written, said }));
});
"""


def strapi(action: str, url: str, **entry: Any) -> Any:
    """Return what is written and logged when a Strapi with the file does something to an article."""
    path = str(INTEGRATIONS / "strapi" / "tagdesk.js")
    return node(STRAPI, path, action, {"id": 4, "documentId": "a1b2", "locale": "en", **entry}, url)


def test_strapi_tags_what_is_published_and_nothing_else(service: httpx.Client) -> None:
    """Beside the topics that stood there; neither a draft that is saved nor another content type."""
    url = str(service.base_url).rstrip("/")
    found = strapi("publish", url, **WAR, topics=["Geneva"])
    change = {"where": {"id": 4}, "data": {"topics": ["Geneva", "Conflict"]}}
    assert found == {"written": [["api::article.article", change]], "said": []}
    for action in ("update", "elsewhere"):
        assert strapi(action, url, **WAR) == {"written": [], "said": []}


def test_strapi_says_what_went_wrong_and_publishes(service: httpx.Client) -> None:
    """A service that refuses, or is not there; no word of the article is logged."""
    url = str(service.base_url).rstrip("/")
    refused = strapi("publish", url, title="", body=" ")
    assert refused["written"] == []
    assert refused["said"][0].startswith("tagdesk: a1b2: ")
    assert strapi("publish", "http://127.0.0.1:9", **WAR)["said"]
