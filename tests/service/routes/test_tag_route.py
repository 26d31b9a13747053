"""POST /v1/tag, as a CMS uses it."""

import dataclasses
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.models import Article, load
from tagdesk.models.answer import answer
from tagdesk.models.bundle import save_bundle
from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tests.tiny import WEIGHTS, tiny_model

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

PAYLOADS = Path(__file__).resolve().parents[4] / "shared" / "data" / "cms-payloads"
TEXT = {"title": "Envoy flies to Geneva", "body": "The envoy met ministers to end the conflict."}


def test_answers_what_the_model_says(client: httpx.Client, tiny_store: Path) -> None:
    """The answer is the model's own, in the same JSON as the command line's."""
    model = load(tiny_store / "tiny" / "1")
    response = client.post("/v1/tag", json={"id": "a", **TEXT})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == answer(model.tag(Article(id="a", **TEXT)), model.ref)
    assert [topic["id"] for topic in response.json()["topics"]] == ["diplomacy", "conflict"]


def test_explains_with_evidence_that_adds_up(client: httpx.Client) -> None:
    """With explain=true each topic's weights and bias add up to its score, and the offsets are of the field sent."""
    article = {"title": "Envoy 😀 flies", "body_html": "<p>The <b>envoy</b> met ministers &amp; troops.</p>"}
    topics = client.post("/v1/tag", params={"explain": "true"}, json=article).json()["topics"]
    assert topics
    for topic in topics:
        weights = sum(one["weight"] for one in topic["evidence"])
        assert weights + topic["bias"] == pytest.approx(topic["score"], abs=1e-4)
        for one in topic["evidence"]:
            piece = article[one["field"]][one["start"] : one["end"]]
            assert piece.replace("</b>", "") == one["text"]


def test_explains_only_when_asked(client: httpx.Client) -> None:
    """Without explain there is no score and no evidence."""
    assert {"score", "bias", "evidence"}.isdisjoint(client.post("/v1/tag", json=TEXT).json()["topics"][0])


def test_reads_html(client: httpx.Client) -> None:
    """The body may come as HTML."""
    topics = client.post("/v1/tag", json={"body_html": "<p>Heavy <i>rain</i> and winds</p>"}).json()["topics"]
    assert [topic["id"] for topic in topics] == ["weather"]


def test_warns_of_html_in_the_plain_body(client: httpx.Client) -> None:
    """A body that is clearly HTML is read as HTML, with a warning."""
    response = client.post("/v1/tag", json={"body": "<p>Heavy rain in the north</p><p>and winds in the south</p>"})
    assert response.json()["warnings"] == ["html-in-body"]


def test_warns_of_a_short_text_and_applies_nothing_of_it(client: httpx.Client) -> None:
    """What is too short to rely on has no topic in the band `auto`, in a batch as alone and with evidence."""
    short, longer = {"body": "War and troops."}, {"body": "War and troops. " * 3}
    assert _bands_and_warnings(client.post("/v1/tag", json=longer)) == [(["auto"], [])]
    for response in (
        client.post("/v1/tag", json=short),
        client.post("/v1/tag", params={"explain": "true"}, json=short),
        client.post("/v1/tag/batch", json=[short]),
    ):
        assert _bands_and_warnings(response) == [(["suggest"], ["short-text"])]


def _bands_and_warnings(response: httpx.Response) -> list[tuple[list[str], list[str]]]:
    answers = [json.loads(line) for line in response.text.splitlines()]
    return [([topic["band"] for topic in one["topics"]], one["warnings"]) for one in answers]


def test_warns_of_a_language_that_is_not_the_models(serve: Serve, tmp_path: Path) -> None:
    """The sender's word that it is in another language is enough; unknown words are told too."""
    model = dataclasses.replace(tiny_model(), manifest={"language": "en"})
    folder = save_bundle(model, list(WEIGHTS), "# tiny\n", tmp_path)
    with serve(create_app(Settings(model=str(folder), database_url="none"))) as address:
        article = {"body": "War and troops, la guerre et les troupes. ", "language": "fr-FR"}
        found = httpx.post(f"{address}/v1/tag", json=article).json()
    assert found["warnings"] == ["short-text", "unknown-words", "language: fr"]
    assert [topic["band"] for topic in found["topics"]] == ["suggest"]


@pytest.mark.parametrize("name", ["wordpress", "wagtail"])
def test_takes_what_a_cms_sends(client: httpx.Client, name: str) -> None:
    """Requests recorded from WordPress and Wagtail are answered as they came."""
    path = PAYLOADS / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no recorded request at {path}")
    sent = json.loads(path.read_text())
    headers = {name: value for name, value in sent["headers"].items() if name.lower() == "content-type"}
    response = client.post(sent["path"], content=sent["body"], headers=headers)
    assert response.status_code == 200, response.text
    assert response.json()["id"] == "4"
    assert response.json()["warnings"][0] == "html-in-body"


def test_warns_of_fields_it_does_not_know(client: httpx.Client) -> None:
    """Unknown fields are ignored; the model's own warnings come first."""
    response = client.post("/v1/tag", json={"body": "<p>Heavy rain</p><p>winds</p>", "author": {"email": "x"}})
    assert response.json()["warnings"] == ["html-in-body", "short-text", "unknown-field: author"]


def test_names_at_most_ten_unknown_fields(client: httpx.Client) -> None:
    """A flood of unknown fields, or one with an endless name, cannot flood the answer."""
    many = {f"{number:03}" + "x" * 1000: 1 for number in range(50)}
    warnings = client.post("/v1/tag", json={"body": "war and so on " * 9, **many}).json()["warnings"]
    assert len(warnings) == 10
    assert warnings[0] == "unknown-field: 000" + "x" * 61


def test_takes_null_for_absent(client: httpx.Client) -> None:
    """Fields that are null count as not sent."""
    sent = {"id": None, "title": None, "body": None, "body_html": "<p>war</p>", "language": None, "url": None}
    response = client.post("/v1/tag", json=sent)
    assert response.status_code == 200
    assert response.json()["id"] is None


@pytest.mark.parametrize(("sent", "echoed"), [("17", "17"), (17, "17"), (-3, "-3"), ("", ""), (10**60, "1" + "0" * 60)])
def test_echoes_the_id_as_a_string(client: httpx.Client, sent: Any, echoed: str) -> None:
    """A whole number is a fine id, and comes back as a string."""
    assert client.post("/v1/tag", json={"id": sent, "body": "war"}).json()["id"] == echoed


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"body": "war"}',
        b'{"body": "rain", "body": "war"}',
        b'  {"body":"war"}\r\n',
        b'{"body":"war\\u0000"}',
    ],
    ids=["byte order mark", "twice the same field", "white space", "NUL"],
)
def test_reads_odd_but_valid_json(client: httpx.Client, body: bytes) -> None:
    """What RFC 8259 allows, and a byte order mark, is read; of two fields of one name the last counts."""
    response = client.post("/v1/tag", content=body, headers={"Content-Type": "application/json"})
    assert [topic["id"] for topic in response.json()["topics"]] == ["conflict"]


@pytest.mark.parametrize("name", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/ld+json"])
def test_reads_json_under_its_other_names(client: httpx.Client, name: str) -> None:
    """Parameters, capitals and +json types are JSON too."""
    assert client.post("/v1/tag", content=b'{"body":"war"}', headers={"Content-Type": name}).status_code == 200


def test_tags_a_long_article(client: httpx.Client) -> None:
    """An article long enough for a thread gets the same answer as a short one."""
    response = client.post("/v1/tag", json={"id": "long", "body": "War and troops. " * 20_000})
    assert [topic["id"] for topic in response.json()["topics"]] == ["conflict"]


def test_answers_many_at_once(client: httpx.Client) -> None:
    """Answers do not get mixed up between requests at the same time."""

    def ask(number: int) -> bool:
        long = " and so on" * (10_000 if number % 5 == 0 else 1)
        return bool(client.post("/v1/tag", json={"id": number, "body": f"war{long}"}).json()["id"] == str(number))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(60)))
