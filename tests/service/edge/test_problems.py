"""Every way to send it wrong: a 4xx that says what to do, as RFC 9457 has it, without the article's text."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.models import TopicModel
from tagdesk.models.reading.article import MAX_BODY, MAX_TITLE
from tagdesk.models.reading.html import MAX_READ
from tagdesk.service.app import create_app
from tagdesk.service.edge.problems import KINDS
from tagdesk.service.settings import Settings
from tests.service.problems import CANARY, check

JSON = {"Content-Type": "application/json"}


ARTICLES = {
    "no body": ({"title": CANARY}, "invalid-article", ["#"]),
    "no field": ({}, "invalid-article", ["#"]),
    "null body": ({"body": None}, "invalid-article", ["#"]),
    "text in another field": ({"headline": CANARY, "content": CANARY}, "invalid-article", ["#/headline", "#/content"]),
    "both bodies": ({"body": CANARY, "body_html": CANARY}, "invalid-article", ["#"]),
    "empty body": ({"body": ""}, "empty-article", ["#/body"]),
    "blank": ({"title": " ", "body": " \n\t "}, "empty-article", ["#/body"]),
    "empty HTML": ({"body_html": f"<p><img alt='{CANARY}'></p>"}, "empty-article", ["#/body_html"]),
    "long title": ({"title": CANARY * MAX_TITLE, "body": "x"}, "article-too-long", ["#/title"]),
    "long body": ({"body": (CANARY + " ") * (MAX_BODY // 10)}, "article-too-long", ["#/body"]),
    "long HTML": ({"body_html": f"<p>{CANARY}</p>" * (MAX_READ // 10)}, "article-too-long", ["#/body_html"]),
    "number for title": ({"title": 7, "body": CANARY}, "invalid-article", ["#/title"]),
    "list for body": ({"body": [CANARY]}, "invalid-article", ["#/body"]),
    "object for HTML": ({"body_html": {"rendered": CANARY}}, "invalid-article", ["#/body_html"]),
    "many wrong": (
        {"id": 1.5, "title": True, "body": CANARY, "language": 1, "url": {CANARY: CANARY}},
        "invalid-article",
        ["#/id", "#/title", "#/language", "#/url"],
    ),
    "true for id": ({"id": True, "body": CANARY}, "invalid-article", ["#/id"]),
    "long id": ({"id": CANARY * 100, "body": "x"}, "invalid-article", ["#/id"]),
    "array": ([{"body": CANARY}], "invalid-article", ["#"]),
    "string": (CANARY, "invalid-article", ["#"]),
    "null": (None, "invalid-article", ["#"]),
    "number": (3, "invalid-article", ["#"]),
}


@pytest.mark.parametrize(("sent", "kind", "pointers"), ARTICLES.values(), ids=list(ARTICLES))
def test_refuses_a_bad_article(client: httpx.Client, sent: Any, kind: str, pointers: list[str]) -> None:
    """An article that cannot be read is 422, each fault with its pointer."""
    response = (
        client.post("/v1/tag", json=sent) if sent is not None else client.post("/v1/tag", content="null", headers=JSON)
    )
    check(response, 422, kind, *pointers)


DOCUMENTS: dict[str, tuple[bytes, list[str], str]] = {
    "cut short": (b'{"body": "%s' % CANARY.encode(), [], "line 1 column 22"),
    "second line": (b'{"body": "war",\n "title": %s}' % CANARY.encode(), [], "line 2 column 11"),
    "comma at the end": (b'{"body": "war",}', [], "line 1 column 16"),
    "two documents": (b'{"body": "war"} {}', [], "column 17"),
    "single quotes": (b"{'body': 'war'}", [], "line 1 column 2"),
    "raw line break in a string": (b'{"body": "war\n"}', [], "control character"),
    "not UTF-8": (b'{"body": "caf\xe9"}', [], "byte 14 is not UTF-8"),
    "UTF-16": ('{"body": "war"}'.encode("utf-16"), [], "not UTF-8"),
    "lone surrogate": (b'{"title": "a", "body": "war \\ud83d"}', ["#/body"], "surrogate"),
    "lone low surrogate": (b'{"body": "\\ude00"}', ["#/body"], "surrogate"),
    "surrogate in a name": (b'{"a/b": [{"\\ud83d": 1}], "body": "x"}', ["#/a~1b/0"], "surrogate"),
    "surrogate in a huge document": (
        b'{"body": "war \\ud83d", "a": "' + b"0," * 600_000 + b'"}',
        [],
        "line 1 column",
    ),
    "NaN": (b'{"body": "war", "score": [1, NaN]}', ["#/score/1"], "NaN"),
    "Infinity": (b'{"body": "war", "id": -Infinity}', ["#/id"], "-Infinity"),
    "deeply nested": (b'{"body": "war", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", [], "nested too deep"),
    "huge number": (b'{"body": "war", "id": ' + b"9" * 10_000 + b"}", [], "out of range"),
}


@pytest.mark.parametrize(("sent", "pointers", "where"), DOCUMENTS.values(), ids=list(DOCUMENTS))
def test_refuses_what_is_not_json(client: httpx.Client, sent: bytes, pointers: list[str], where: str) -> None:
    """What is not JSON is 400, and the detail says where."""
    problem = check(client.post("/v1/tag", content=sent, headers=JSON), 400, "invalid-json", *pointers)
    assert where in problem["detail"]


@pytest.mark.parametrize("path", ["/v1/tag", "/v1/tag/batch"])
@pytest.mark.parametrize("sent", [b"", b" \r\n", b"\xef\xbb\xbf"], ids=["none", "blank", "byte order mark"])
def test_refuses_an_empty_request(client: httpx.Client, path: str, sent: bytes) -> None:
    """A request without a body is 400."""
    check(client.post(path, content=sent, headers=JSON), 400, "empty-request")


@pytest.mark.parametrize("path", ["/v1/tag", "/v1/tag/batch"])
@pytest.mark.parametrize("name", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "json", ""])
def test_refuses_another_content_type(client: httpx.Client, path: str, name: str) -> None:
    """What curl sends without -H is 415, and the detail says which header to set."""
    response = client.post(path, content=b'{"body": "war"}', headers={"Content-Type": name} if name else {})
    problem = check(response, 415, "unsupported-media-type")
    assert "Content-Type: application/json" in problem["detail"]
    assert response.headers["accept"].startswith("application/json")


def test_refuses_json_lines_for_one_article(client: httpx.Client) -> None:
    """JSON Lines go to the batch."""
    headers = {"Content-Type": "application/x-ndjson"}
    check(client.post("/v1/tag", content=b'{"body":"war"}\n', headers=headers), 415, "unsupported-media-type")


def _pieces(size: int) -> Iterator[bytes]:
    yield b'{"body": "'
    yield from (b"x" * 65_536 for _ in range(size // 65_536 + 1))
    yield b'"}'


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_refuses_a_request_over_the_limit(client: httpx.Client, tiny_settings: Settings, declared: bool) -> None:
    """A request over the limit is 413, whether or not it says how long it is."""
    pieces = _pieces(tiny_settings.max_body)
    response = client.post("/v1/tag", content=b"".join(pieces) if declared else pieces, headers=JSON)
    check(response, 413, "request-too-large")
    pieces = _pieces(tiny_settings.max_batch_body)
    response = client.post("/v1/tag/batch", content=b"".join(pieces) if declared else pieces, headers=JSON)
    check(response, 413, "request-too-large")


@pytest.mark.parametrize("value", ["maybe", "", "2", "null"])
def test_refuses_a_parameter_it_cannot_read(client: httpx.Client, value: str) -> None:
    """A query parameter that is no boolean is named."""
    check(client.post("/v1/tag", params={"explain": value}, json={"body": CANARY}), 422, "invalid-parameter", "explain")


@pytest.mark.parametrize("path", ["/v1", "/v1/tag/", "/docs/", "/redoc", f"/{CANARY}", "/problems/none", "/%ff%00"])
def test_answers_404_as_a_problem(client: httpx.Client, path: str) -> None:
    """A path that no route has is a problem too, and is not echoed."""
    check(client.get(path), 404, "not-found")


@pytest.mark.parametrize(("method", "path", "allowed"), [("GET", "/v1/tag", "POST"), ("PUT", "/v1/topics", "GET")])
def test_answers_405_as_a_problem(client: httpx.Client, method: str, path: str, allowed: str) -> None:
    """The wrong method is a problem that names the right one."""
    response = client.request(method, path)
    assert allowed in check(response, 405, "method-not-allowed")["detail"]
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("name", KINDS)
def test_explains_every_kind_of_problem(client: httpx.Client, name: str) -> None:
    """A problem's type is a path that answers what to do."""
    found = client.get(f"/problems/{name}").json()
    assert found["status"] == KINDS[name].status
    assert found["remedy"]


def test_says_503_before_the_model_is_loaded(
    tiny_settings: Settings, serve: Callable[[ASGIApp], AbstractContextManager[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a model everything that needs one is 503, and the process is alive all the same."""
    app = create_app(tiny_settings)
    monkeypatch.setattr(app.parts.active, "load", lambda: None)
    with serve(app) as address, httpx.Client(base_url=address) as client:
        for response in (client.get("/readyz"), client.get("/v1/topics"), client.post("/v1/tag", json={"body": "war"})):
            check(response, 503, "not-ready")
            assert response.headers["retry-after"] == "2"
        assert client.get("/livez").json() == {"status": "ok"}


def test_says_nothing_of_an_unexpected_error(
    in_process: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours is a bare 500; neither it nor the log quotes the article."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"cannot read {CANARY}")

    monkeypatch.setattr(TopicModel, "_tag", fail)
    with caplog.at_level(logging.DEBUG), httpx.Client(base_url=in_process) as client:
        problem = check(client.post("/v1/tag", json={"body": CANARY}), 500, "internal-error")
        batch = client.post("/v1/tag/batch", json=[{"id": 1, "body": CANARY}, {"id": 2, "body": CANARY}])
    assert problem["errors"] == []
    assert [line["id"] for line in map(_load, batch.text.splitlines())] == ["1", "2"]
    assert CANARY not in batch.text + caplog.text
    assert "RuntimeError" in caplog.text
    assert "topics" not in batch.text


def _load(line: str) -> Any:
    return httpx.Response(200, text=line).json()


def test_never_quotes_the_article(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    """However an article is wrong, no answer and no log line has a word of it."""
    sent: list[Any] = [row for row, *_ in ARTICLES.values() if isinstance(row, dict) and "body" in row]
    with caplog.at_level(logging.DEBUG, logger="tagdesk"):
        for row in sent:
            spoiled = {"title": CANARY, **row, "body": [row["body"]]}
            assert CANARY not in client.post("/v1/tag", json=spoiled).text
            assert CANARY not in client.post("/v1/tag/batch", json=[spoiled]).text.replace(str(row.get("id")), "")
        for document, *_ in DOCUMENTS.values():
            document = document.replace(b"war", CANARY.encode())
            assert CANARY not in client.post("/v1/tag", content=document, headers=JSON).text
    assert CANARY not in caplog.text
