"""ninjs out, and ninjs, Ghost's webhook and Wagtail's API in."""

import gzip
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft7Validator, Draft202012Validator, Registry, validator_for
from starlette.types import ASGIApp

from tagdesk.models.bundle import save_bundle
from tagdesk.models.storage import SHIPPED, current
from tagdesk.models.taxonomy import Code
from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tests.service.problems import check
from tests.tiny import REF, TAXONOMY, WEIGHTS, tiny_model

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
OWN = Path(__file__).parents[2] / "data" / "articles.jsonl"
MEDIATOPIC = "http://cv.iptc.org/newscodes/mediatopic/"
TEXT = {"title": "Envoy flies to Geneva", "body": "The envoy met ministers of both sides to end the war at a summit."}
NINJS = "application/vnd.iptc.ninjs+json"
GEOJSON = "https://geojson.org/schema/GeoJSON.json"


def validator(version: str) -> Draft7Validator | Draft202012Validator:
    """Return a validator of IPTC's own schema; it refers to GeoJSON's by its address, for which anything goes here."""
    path = SHARED / "iptc" / f"ninjs-schema_{version}.json"
    if not path.exists():
        pytest.skip(f"no schema at {path}")
    schema = json.loads(path.read_text(encoding="utf-8"))
    found = validator_for(schema, registry=Registry([(GEOJSON, {})]), validate_formats=True)
    assert isinstance(found, Draft7Validator | Draft202012Validator)
    return found


def real_articles(number: int) -> list[dict[str, Any]]:
    """Return articles as they were published, where they are at hand; else the tests' own."""
    gold = SHARED / "gold" / "dev.jsonl.gz"
    text = gzip.decompress(gold.read_bytes()).decode() if gold.exists() else OWN.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()[:number]]
    return [{name: row[name] for name in ("id", "title", "body")} | {"language": "en"} for row in rows]


def in_format(client: httpx.Client, name: str, article: Any = TEXT) -> dict[str, Any]:
    """Return the answer in a format."""
    response = client.post("/v1/tag", params={"format": name}, json=article)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.parametrize(("name", "version"), [("ninjs", "3.1"), ("ninjs-2", "2.2"), ("ninjs-1", "1.6")])
def test_of_100_real_articles_is_valid(serve: Serve, name: str, version: str) -> None:
    """What the shipped model says of real articles is what IPTC's schema allows, alone and in a batch."""
    check_item = validator(version)
    articles = real_articles(100)
    shipped = current(SHIPPED, "news-en")
    app = create_app(Settings(model=str(SHIPPED / "news-en" / str(shipped)), database_url="none"))
    with serve(app) as address, httpx.Client(base_url=address) as client:
        alone = [in_format(client, name, article) for article in articles]
        response = client.post("/v1/tag/batch", params={"format": name}, json=articles)
    assert [json.loads(line) for line in response.text.splitlines()] == alone
    assert len(alone) == 100
    for item in alone:
        check_item.validate(item)
        assert item["uri"].partition(":")[2]
    key = "subject" if version == "1.6" else "subjects"
    assert sum(bool(item[key]) for item in alone) > 80


def test_has_what_v1_tag_says(client: httpx.Client) -> None:
    """Each topic is a subject with its Media Topic's URI and whole per cents; what stands above it is an ancestor."""
    topics = client.post("/v1/tag", json=TEXT).json()["topics"]
    item = in_format(client, "ninjs", TEXT | {"id": "a 1", "language": "en-GB"})
    subjects = item.pop("subjects")
    assert item == {
        "uri": "urn:tagdesk:article:a%201",
        "type": "text",
        "representationType": "partial",
        "standard": {
            "name": "ninjs",
            "version": "3.1",
            "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#",
        },
        "headlines": [{"role": "main", "value": "Envoy flies to Geneva"}],
        "language": "en-GB",
    }
    assert [topic["id"] for topic in topics] == ["diplomacy", "conflict"]
    assert subjects == [
        {
            "name": topic["name"],
            "rel": "about" if topic["band"] == "auto" else "suggest",
            "uri": MEDIATOPIC + topic["qcodes"][0].removeprefix("medtop:"),
            "creator": f"Tagdesk {REF}",
            "relevance": round(100 * topic["confidence"] / topics[0]["confidence"]),
            "confidence": round(100 * topic["confidence"]),
        }
        for topic in topics
    ]


def test_parents_are_ancestors(client: httpx.Client) -> None:
    """A parent that is not given itself comes with what is given below it."""
    subjects = in_format(client, "ninjs", {"body": "The envoy met ministers at the summit " * 3})["subjects"]
    assert [(one["name"], one["rel"], one["uri"][-8:]) for one in subjects] == [
        ("Diplomacy", "about", "20000638"),
        ("Conflict", "ancestor", "16000000"),
    ]
    assert subjects[0]["confidence"] == subjects[1]["confidence"]
    assert validator("3.1").is_valid({"uri": "urn:x:y", "subjects": subjects})


def test_topics_without_a_code_are_literals(tiny_settings: Settings, tmp_path: Path, serve: Serve) -> None:
    """A topic that no Media Topic is the same as has its id in place of a URI; a narrower one would say too much."""
    conflict, diplomacy, weather = TAXONOMY.topics
    topics = (conflict, replace(diplomacy, codes=()), replace(weather, codes=(Code("medtop:20000113", "narrower"),)))
    model = replace(tiny_model(), taxonomy=replace(TAXONOMY, topics=topics))
    folder = save_bundle(model, list(WEIGHTS), "# tiny\n", tmp_path)
    app = create_app(replace(tiny_settings, model=str(folder)))
    with serve(app) as address, httpx.Client(base_url=address) as client:
        rain = {"body": "Heavy rain and winds, the envoy met ministers."}
        new, old, page = (in_format(client, name, rain) for name in ("ninjs", "ninjs-1", "schema.org"))
    assert {one.get("literal") for one in new["subjects"]} == {"weather", "diplomacy", None}
    assert [one.get("uri") for one in new["subjects"] if one["name"] == "Conflict"] == [f"{MEDIATOPIC}16000000"]
    codes = {one["code"]: one.get("scheme") for one in old["subject"]}
    assert codes == {"weather": None, "diplomacy": None, "16000000": MEDIATOPIC}
    terms = {one["termCode"]: one["inDefinedTermSet"] for one in page["about"]}
    assert terms == {"weather": "tiny", "diplomacy": "tiny"}
    validator("3.1").validate(new)
    validator("1.6").validate(old)


@pytest.mark.parametrize(
    ("accept", "media_type", "key"),
    [
        (NINJS, f"{NINJS}; version=3.1", "subjects"),
        (f"{NINJS}; version=3.1", f"{NINJS}; version=3.1", "subjects"),
        (f"{NINJS}; version=2.1", f"{NINJS}; version=2.2", "subjects"),
        (f"{NINJS};version=1.6, application/json;q=0.5", f"{NINJS}; version=1.6", "subject"),
        (f"application/json;q=0.5, {NINJS};q=0.9", f"{NINJS}; version=3.1", "subjects"),
        (f"application/json, {NINJS};q=0.9", "application/json", "topics"),
        (f"{NINJS};q=0, */*", "application/json", "topics"),
        (f"{NINJS};q=much", "application/json", "topics"),
        ("application/ld+json", "application/ld+json", "about"),
        ("text/html", "application/json", "topics"),
        ("*/*", "application/json", "topics"),
    ],
)
def test_accept_names_the_format(client: httpx.Client, accept: str, media_type: str, key: str) -> None:
    """Of the formats that `Accept` names the one that weighs most; where it names none, our own."""
    response = client.post("/v1/tag", json=TEXT, headers={"Accept": accept})
    assert response.headers["content-type"] == media_type
    assert response.headers["cache-control"] == "no-store"
    assert key in response.json()


def test_parameter_goes_before_accept(client: httpx.Client) -> None:
    """`?format=` says it for good, and one that there is not is refused."""
    headers = {"Accept": NINJS}
    assert "topics" in client.post("/v1/tag?format=tagdesk", json=TEXT, headers=headers).json()
    check(client.post("/v1/tag?format=rss", json=TEXT), 422, "invalid-parameter", "format")


def test_batch_keeps_its_errors(client: httpx.Client) -> None:
    """In another format a bad article's line is the same error."""
    lines = client.post("/v1/tag/batch?format=ninjs&explain=true", json=[TEXT, {"id": "b", "body": " "}]).text
    good, bad = (json.loads(line) for line in lines.splitlines())
    assert good["subjects"]
    assert bad["error"]["type"] == "/problems/empty-article"


@pytest.mark.parametrize(
    ("article_id", "uri"),
    [
        ("\0", "urn:tagdesk:article:%00"),
        (" ", "urn:tagdesk:article:%20"),
        ("ü/1", "urn:tagdesk:article:%C3%BC%2F1"),
        (17, "urn:tagdesk:article:17"),
        ("urn:newsml:x:1", "urn:newsml:x:1"),
    ],
)
def test_any_id_makes_a_uri(client: httpx.Client, article_id: Any, uri: str) -> None:
    """An id that is no URI is quoted in one of ours, in a batch as alone."""
    assert in_format(client, "ninjs", TEXT | {"id": article_id})["uri"] == uri
    lines = client.post("/v1/tag/batch?format=ninjs-1", json=[TEXT | {"id": article_id}, TEXT]).text.splitlines()
    assert json.loads(lines[0])["uri"] == uri
    assert len(lines) == 2
    assert (
        in_format(client, "ninjs", TEXT | {"id": "", "url": "https://example.org/1"})["uri"] == "https://example.org/1"
    )


def test_long_articles_are_answered_too(client: httpx.Client) -> None:
    """What is worth a thread gets the same answer."""
    assert in_format(client, "ninjs", {"body": "War and troops. " * 20_000})["subjects"][0]["name"] == "Conflict"


URI = "http://example.org/news/1"

READ: dict[str, tuple[Any, dict[str, Any]]] = {
    "ninjs 3.1": (
        {
            "uri": URI,
            "type": "text",
            "language": "en",
            "headlines": [{"role": "short", "value": "Envoy"}, {"role": "main", "value": "Envoy in Geneva"}],
            "bodies": [
                {"role": "teaser", "contentType": "text/plain", "value": "Rain."},
                {"role": "main", "contentType": "text/html", "value": "<p>Ministers met the <b>envoy</b>.</p>"},
            ],
            "subjects": [{"name": "x", "uri": "http://example.org/x"}],
        },
        {
            "id": URI,
            "title": "Envoy in Geneva",
            "body_html": "<p>Ministers met the <b>envoy</b>.</p>",
            "language": "en",
        },
    ),
    "ninjs 3.1, plain": (
        {"uri": URI, "bodies": [{"value": "Ministers met."}]},
        {"id": URI, "body": "Ministers met."},
    ),
    "ninjs 1.6": (
        {"uri": URI, "headline": "Envoy", "body_text": "War", "body_html": "<p>War</p>", "versioncreated": "2026"},
        {"id": URI, "title": "Envoy", "body_html": "<p>War</p>"},
    ),
    "ninjs 1.6, HTML": (
        {"uri": URI, "headline": "Envoy", "body_html": "<p>War</p>", "description_text": "Rain"},
        {"id": URI, "title": "Envoy", "body_html": "<p>War</p>"},
    ),
    "ninjs with a title for editors": (
        {"uri": URI, "title": "envoy-2", "headlines": [{"value": "Envoy"}], "bodies": [{"value": "War"}]},
        {"id": URI, "title": "Envoy", "body": "War"},
    ),
    "almost ninjs": (
        {"uri": URI, "headline": "Envoy", "body": "<p>War</p>"},
        {"id": URI, "title": "Envoy", "body": "<p>War</p>"},
    ),
    "ninjs 1.0": ({"uri": URI, "body_xhtml": "<p>War</p>"}, {"id": URI, "body_html": "<p>War</p>"}),
    "ninjs without a body": (
        {"uri": URI, "headline": "War and troops"},
        {"id": URI, "title": "War and troops", "body": ""},
    ),
    "ninjs 1.6 with its parts named": (
        {"uri": URI, "headline_short": "E", "headline_main": "Envoy", "body_main": "War", "byline": "Ann Other"},
        {"id": URI, "title": "Envoy", "body": "War"},
    ),
    "ninjs 1.6 with rich text": (
        {"uri": URI, "headline": "Envoy", "body_text": "War", "body_richtext": "<p>War</p>"},
        {"id": URI, "title": "Envoy", "body_html": "<p>War</p>"},
    ),
    "a picture of ninjs 1": (
        {
            "uri": URI,
            "type": "picture",
            "headline": "Envoy",
            "description_text": "Troops in the rain.",
            "description_xhtml": "<p>Troops in the rain.</p>",
            "renditions": {"thumb": {"href": "http://example.org/1.jpg"}},
        },
        {"id": URI, "title": "Envoy", "body_html": "<p>Troops in the rain.</p>"},
    ),
    "a picture of ninjs 2": (
        {
            "uri": URI,
            "type": "picture",
            "headlines": [{"role": "main", "value": "Envoy"}],
            "descriptions": [
                {"role": "creditline", "value": "Associated Winds"},
                {"role": "caption", "value": "FILE - Troops in the rain."},
            ],
        },
        {"id": URI, "title": "Envoy", "body": "FILE - Troops in the rain."},
    ),
    "a picture of ninjs 3": (
        {
            "uri": URI,
            "type": "picture",
            "by": "Ann Other",
            "headlines": [{"role": "main", "value": "Envoy"}],
            "descriptions": [
                {"role": "writer", "value": "www.example.org"},
                {"role": "text", "contentType": "text/plain", "value": "Troops in the rain."},
                {"role": "richtext", "contentType": "description_xhtml", "value": "<p>Troops in the rain.</p>"},
            ],
        },
        {"id": URI, "title": "Envoy", "body_html": "<p>Troops in the rain.</p>"},
    ),
    "a text with its caption": (
        {
            "uri": URI,
            "headlines": [{"value": "Envoy"}],
            "descriptions": [{"role": "text", "value": "Rain."}],
            "bodies": [
                {"role": "text", "contenttype": "text/plain", "charcount": 3, "value": "War"},
                {
                    "role": "html5",
                    "contenttype": "text/html",
                    "value": "<html><body><h1>Envoy</h1><p>War</p></body></html>",
                },
            ],
        },
        {"id": URI, "title": "Envoy", "body_html": "<html><body><h1>Envoy</h1><p>War</p></body></html>"},
    ),
    "audio with a title for editors": (
        {
            "uri": URI,
            "type": "audio",
            "title": "envoy-2",
            "headlines": [{"role": "main", "value": "Envoy"}],
            "descriptions": [{"role": "caption", "value": "Ministers speak of war."}],
        },
        {"id": URI, "title": "Envoy", "body": "Ministers speak of war."},
    ),
    "an event": (
        {
            "uri": URI,
            "type": "event",
            "title": "Summit of ministers",
            "descriptions": [{"role": "text", "contentType": "text/plain", "value": "They meet to end the war."}],
            "eventDetails": {"dates": {"startDate": "2026-11-30T10:00:00+01:00"}, "organiser": {"name": "The envoy"}},
        },
        {"id": URI, "title": "Summit of ministers", "body": "They meet to end the war."},
    ),
    "an event with no more than a title": (
        {"uri": URI, "type": "event", "title": "Summit of ministers", "eventDetails": {"dates": {}}},
        {"id": URI, "title": "Summit of ministers", "body": ""},
    ),
    "an item with no more than a title": (
        {"uri": URI, "title": "War and troops"},
        {"id": URI, "title": "War and troops", "body": ""},
    ),
    "NITF beside plain text": (
        {
            "uri": URI,
            "headlines": [{"role": "main", "value": "Envoy"}],
            "descriptions": [{"role": "lead", "value": "Rain"}],
            "bodies": [
                {
                    "role": "nitf",
                    "contentType": "text/vnd.IPTC.NITF",
                    "value": "<nitf><head><title>Rain</title></head></nitf>",
                },
                {"role": "text", "contentType": "text/plain", "value": "War and troops."},
            ],
        },
        {"id": URI, "title": "Envoy", "body": "War and troops."},
    ),
    "NITF alone": (
        {
            "uri": URI,
            "bodies": [{"contentType": "text/vnd.IPTC.NITF", "value": "<nitf><body><p>War</p></body></nitf>"}],
        },
        {"id": URI, "body_html": "<nitf><body><p>War</p></body></nitf>"},
    ),
    "bodies without a word": (
        {"uri": URI, "headline": "Envoy", "body_html": "", "description_text": "War and troops."},
        {"id": URI, "title": "Envoy", "body": "War and troops."},
    ),
    "Superdesk": (
        {
            "guid": "urn:newsml:localhost:1",
            "version": "1",
            "type": "text",
            "pubstatus": "usable",
            "headline": "Envoy",
            "body_html": "<p>War</p>",
            "description_text": "Rain",
            "associations": {"featuremedia": {"guid": "urn:newsml:localhost:2", "headline": "Storm"}},
        },
        {"id": "urn:newsml:localhost:1", "title": "Envoy", "body_html": "<p>War</p>"},
    ),
    "Superdesk's picture": (
        {"guid": "urn:1", "type": "picture", "headline": "Envoy", "body_text": "War and troops."},
        {"id": "urn:1", "title": "Envoy", "body": "War and troops."},
    ),
    "Superdesk's headline": (
        {"guid": "urn:1", "version": "2", "type": "text", "headline": "War and troops", "language": "en"},
        {"id": "urn:1", "title": "War and troops", "body": "", "language": "en"},
    ),
    "Ghost": (
        {
            "event": "post.published",
            "post": {
                "current": {
                    "id": "6b04",
                    "title": "Envoy",
                    "html": "<p>War</p>",
                    "plaintext": "War",
                    "url": "http://example.org/envoy/",
                    "authors": [{"email": "editor@example.org"}],
                },
                "previous": {},
            },
        },
        {"id": "6b04", "title": "Envoy", "body_html": "<p>War</p>", "url": "http://example.org/envoy/"},
    ),
    "Ghost without HTML": (
        {"page": {"current": {"id": "6b04", "html": None, "plaintext": "War"}}},
        {"id": "6b04", "body": "War"},
    ),
    "Wagtail": (
        {
            "id": 7,
            "meta": {"type": "home.ArticlePage", "html_url": "http://example.org/7/", "locale": "en", "slug": "x"},
            "title": "Envoy",
            "body": "<p data-block-key='a'>War and troops</p><p>here</p>",
        },
        {
            "id": 7,
            "title": "Envoy",
            "body": "<p data-block-key='a'>War and troops</p><p>here</p>",
            "url": "http://example.org/7/",
            "language": "en",
        },
    ),
    "Wagtail's blocks": (
        {
            "id": 7,
            "meta": {"type": "home.ArticlePage", "detail_url": "http://example.org/api/v2/pages/7/"},
            "title": "Envoy",
            "body": [
                {"type": "heading", "value": "War & troops", "id": "1"},
                {"type": "paragraph", "value": "<p>Ministers</p>", "id": "2"},
                {"type": "quote", "value": {"text": "Rain", "by": "Ann"}, "id": "3"},
                {"type": "list", "value": [{"type": "item", "value": "Winds"}], "id": "4"},
                {"type": "image", "value": 4, "id": "5"},
            ],
        },
        {
            "id": 7,
            "title": "Envoy",
            "body_html": "<p>War &amp; troops</p>\n<p>Ministers</p>\n<p>Rain</p>\n<p>Ann</p>\n<p>Winds</p>",
        },
    ),
}


@pytest.mark.parametrize(("sent", "same"), READ.values(), ids=list(READ))
def test_reads_other_systems_articles(client: httpx.Client, sent: Any, same: Any) -> None:
    """An article as another system writes it is answered as the same in our fields, in a batch as alone."""
    response = client.post("/v1/tag", json=sent)
    assert response.status_code == 200, response.text
    assert response.content == client.post("/v1/tag", json=same).content
    assert client.post("/v1/tag/batch", json=[sent]).content == response.content + b"\n"
    assert "unknown-field" not in response.text


def test_reads_what_ghost_sent(client: httpx.Client) -> None:
    """The request recorded from Ghost is answered as it came."""
    path = SHARED / "cms-payloads" / "ghost.json"
    if not path.exists():
        pytest.skip(f"no recorded request at {path}")
    body = json.loads(path.read_text(encoding="utf-8"))["body"]
    response = client.post("/v1/tag", content=body, headers={"Content-Type": "application/json"})
    assert [topic["id"] for topic in response.json()["topics"]] == ["diplomacy", "conflict"]
    assert "example.org" not in response.text


def test_goes_in_and_out(client: httpx.Client) -> None:
    """The answer to ninjs is an item of the same `uri`, and what is read of one version is said in the other."""
    sent = {"uri": URI, "type": "text", "headline": "Envoy", "body_text": "The envoy met ministers at the summit."}
    assert in_format(client, "ninjs-1", sent)["uri"] == URI
    assert in_format(client, "ninjs", sent)["headlines"] == [{"role": "main", "value": "Envoy"}]
    check(client.post("/v1/tag", json=sent | {"language": 7}), 422, "invalid-article", "#/language")
    check(client.post("/v1/tag", json={"uri": URI, "headlines": 7}), 422, "empty-article", "#/body")


@pytest.mark.parametrize(
    "sent",
    [
        {"uri": URI, "body": "war"},
        {"uri": URI, "id": "a", "headline": "rain", "body": "war"},
        {"guid": URI, "body": "war", "description_text": "rain"},
        {"post": {"current": 7}, "body": "war"},
        {"meta": {"type": "x"}, "body": "war"},
        {"meta": 7, "title": "", "body": "war"},
    ],
)
def test_our_own_stays_our_own(client: httpx.Client, sent: Any) -> None:
    """An article in our fields is not mistaken for another system's because of a further one."""
    found = client.post("/v1/tag", json=sent).json()
    assert [topic["id"] for topic in found["topics"]] == ["conflict"]
    assert any(warning.startswith("unknown-field") for warning in found["warnings"])
