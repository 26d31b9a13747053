"""A word that was posted everywhere, in every kind of error, is found in no log line, metric or error."""

import base64
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.models import TopicModel
from tagdesk.service.app import Tagdesk, create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.edge.problems import KINDS
from tagdesk.service.settings import Settings
from tests.service.edge.test_logs import logging_as
from tests.tiny import save_tiny_model

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

CANARY = "Zq9Kwanariqux"
LONG = f"{CANARY} war " * 100_000
KEY = f"td_{CANARY}"
EMAIL = f"{CANARY}@example.org"

JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}

ARTICLES: dict[str, Any] = {
    "every field": {"title": CANARY, "body": CANARY, "url": f"https://{CANARY}/", "language": CANARY, "author": EMAIL},
    "HTML": {"title": CANARY, "body_html": f"<p class='{CANARY}'>{CANARY}</p><script>{CANARY}</script>"},
    "known words": {"title": f"War {CANARY}", "body": f"war ceasefire {CANARY} " * 20},
    "an id": {"id": CANARY, "body": CANARY},
    "an unknown field": {CANARY: CANARY, "body": "war"},
    "both bodies": {"body": CANARY, "body_html": CANARY},
    "no body": {"title": CANARY},
    "wrong kinds": {"id": [CANARY], "title": {CANARY: CANARY}, "body": [CANARY], "language": {CANARY: 1}, "url": 1},
    "a long title": {"title": LONG, "body": "war"},
    "a long body": {"body": LONG},
    "long HTML": {"body_html": LONG},
    "a long tag": {"body_html": f"<p title='{CANARY * 3000}'>war</p>"},
    "a long id": {"id": CANARY * 100, "body": "war"},
    "no text": {"body_html": f"<p><img alt='{CANARY}'></p>"},
    "no object": [CANARY],
    "a string": CANARY,
}

DOCUMENTS = {
    "broken off": f'{{"body": "{CANARY}'.encode(),
    "no JSON": CANARY.encode(),
    "a surrogate": f'{{"{CANARY}": "\\ud800{CANARY}"}}'.encode(),
    "not UTF-8": b'{"body": "\xff' + CANARY.encode(),
    "NaN": f'{{"{CANARY}": NaN}}'.encode(),
    "deep": b"[" * 2000 + CANARY.encode(),
    "two of a name": f'{{"body": "{CANARY}", "body": {CANARY}}}'.encode(),
}


@pytest.fixture
def watched(tmp_path: Path, tiny_settings: Settings) -> tuple[Tagdesk, Settings]:
    """Return an app that asks for keys, as far as there are any, on a model of its own."""
    settings = replace(tiny_settings, model=str(save_tiny_model(tmp_path)))
    return create_app(settings), settings


@contextmanager
def client_of(app: Tagdesk, settings: Settings, serve: Serve) -> Iterator[httpx.Client]:
    """Serve the app with its own logging, everything down to DEBUG; yield a client that has the canary everywhere."""
    headers = {
        "User-Agent": CANARY,
        "Authorization": f"Bearer {KEY}",
        "X-API-Key": KEY,
        "Cookie": f"session={CANARY}",
        "Referer": f"https://{CANARY}/",
        "X-Request-ID": EMAIL,
        "traceparent": f"00-{CANARY}-00f067aa0ba902b7-01",
        "tracestate": f"a={CANARY}",
        "X-Forwarded-For": CANARY,
        f"X-{CANARY}": CANARY,
    }
    with logging_as(settings), serve(app) as address:
        levels = {"tagdesk": logging.DEBUG, "uvicorn": logging.DEBUG, "fastapi": logging.DEBUG}
        levels |= {"httpx": logging.CRITICAL, "httpcore": logging.CRITICAL}  # the test's own client
        before = {name: logging.getLogger(name).level for name in levels}
        _set(levels)
        try:
            with httpx.Client(base_url=address, headers=headers) as client:
                yield client
        finally:
            _set(before)


def _set(levels: dict[str, int]) -> None:
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def everything(client: httpx.Client) -> Iterator[httpx.Response]:
    """Send the canary by every route, in every way that is known to be wrong."""
    for name in (CANARY, f"v1/{CANARY}", f"problems/{CANARY}", f"desk/{CANARY}", f"v1/models/{CANARY}/activate"):
        for method in ("GET", "POST", "DELETE", "REPORT"):
            yield client.request(method, f"/{name}", params={CANARY: CANARY}, content=CANARY)
    paths = client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method in [*methods, "patch"]:
            url = re.sub(r"\{\w+\}", CANARY, path)
            yield client.request(method, url, params={"explain": CANARY, "since": CANARY, CANARY: CANARY})
            yield client.request(method, url, json={CANARY: CANARY, "id": [CANARY]})
            yield client.request(method, url, content=CANARY, headers={"Content-Type": CANARY})
    for path in ("/v1/tag", "/v1/tag/batch"):
        for document in DOCUMENTS.values():
            yield client.post(path, content=document, headers=JSON)
            yield client.post(path, content=document, headers=LINES)
    for article in ARTICLES.values():
        yield client.post("/v1/tag", json=article)
        yield client.post("/v1/tag", json=article, params={"explain": "true"})
        yield client.post("/v1/tag/batch", json=[article])
        yield client.post("/v1/tag/batch", content=json.dumps(article).encode(), headers=LINES)
        for topics in ([], [CANARY]):
            sent = {"article": article, "topics": topics, "model": CANARY, "editor": EMAIL, "id": CANARY}
            yield client.post("/v1/feedback", json=sent)
        yield client.post("/v1/queue", json=article)
    yield client.post("/v1/tag/batch", json=[{"body": CANARY}] * 21)
    yield client.post("/v1/tag", content=b"x" * 5_000_000, headers=JSON)
    yield client.head("/", params={CANARY: CANARY})
    yield client.get("/metrics", params={"name[]": CANARY}, headers={"Accept": CANARY})


def errors(response: httpx.Response) -> Iterator[str]:
    """Yield what an answer says of errors: a problem, and of a batch those of its lines.

    Pointers are left out: the documents say that they name the client's fields.
    """
    if not response.headers.get("content-type", "").startswith(("application/problem", "application/x-ndjson")):
        if response.status_code >= 400:
            yield response.text
        return
    for line in map(json.loads, response.text.splitlines()):
        problem = line if response.status_code >= 400 else line.get("error", {})
        for one in problem.get("errors", ()):
            one.pop("pointer", None)
        yield json.dumps(problem)


def test_canary_is_in_no_log_metric_or_error(
    watched: tuple[Tagdesk, Settings], serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    """Wherever it was put, only the answer to a good article has it, as id and as the name of an unknown field."""
    with client_of(*watched, serve) as client:
        answers = list(everything(client))
        metrics = client.get("/metrics").text
    said = capfd.readouterr()
    assert said.out.count('"event":"request"') >= len(answers)
    assert CANARY.lower() not in (said.out + said.err).lower()
    assert CANARY.lower() not in metrics.lower()
    assert "tagdesk_rejected_requests_total" in metrics
    for answer in answers:
        assert not [error for error in errors(answer) if CANARY.lower() in error.lower()], answer.request.url
        assert CANARY.lower() not in str(answer.headers).lower()
    types = {json.loads(answer.text)["type"] for answer in answers if _is_problem(answer)}
    seen = {name.removeprefix("/problems/").removeprefix("urn:tagdesk:problem:") for name in types}
    assert seen <= KINDS.keys()
    assert len(seen) >= 9, seen


def test_canary_is_in_no_answer_to_a_key(
    watched: tuple[Tagdesk, Settings], serve: Serve, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No key is in a log, a metric or an error: a known one by its name, an unknown one by nothing."""
    key, token = new_key("newsdesk", ["tag"], "2026-11-24")
    admin, secret = new_key("prometheus", ["admin"], "2026-11-24")
    file = tmp_path / "keys.json"
    file.write_bytes(keys_json([key, admin]))
    file.chmod(0o600)
    settings = replace(watched[1], keys_file=str(file))
    with client_of(create_app(settings), settings, serve) as client:
        answers = []
        for sent in (KEY, token, secret, token[:-1], f"{token}{CANARY}"):
            for name, value in _headers(sent):
                client.headers.pop("X-API-Key", None)
                client.headers.pop("Authorization", None)
                client.headers[name] = value
                answers += [
                    client.post(path, json={"body": CANARY}) for path in ("/v1/tag", "/v1/models", f"/{CANARY}")
                ]
        metrics = client.get("/metrics", headers={"X-API-Key": secret}).raise_for_status().text
    said = capfd.readouterr()
    statuses = {answer.status_code for answer in answers}
    assert {200, 401, 403} <= statuses
    assert '"key":"newsdesk"' in said.out
    written = said.out + said.err + metrics + "".join(answer.text + str(answer.headers) for answer in answers)
    for word in (CANARY, KEY, token, secret, token[:-1]):
        assert word.lower() not in written.lower()


def _headers(key: str) -> list[tuple[str, str]]:
    basic = base64.b64encode(f"{CANARY}:{key}".encode()).decode()
    return [("X-API-Key", key), ("Authorization", f"Bearer {key}"), ("Authorization", f"Basic {basic}")]


def _is_problem(answer: httpx.Response) -> bool:
    return answer.headers.get("content-type") == "application/problem+json" and bool(answer.content)


def test_canary_is_in_no_log_of_a_fault_of_ours(
    watched: tuple[Tagdesk, Settings],
    serve: Serve,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An exception that quotes the article leaves its type and its place in the log, and nothing in the answer."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"cannot read {CANARY}")

    with client_of(*watched, serve) as client:
        monkeypatch.setattr(TopicModel, "_tag", fail)
        answers = [client.post(path, json=sent) for path, sent in (("/v1/tag", {"body": CANARY}),)]
        answers.append(client.post("/v1/tag/batch", json=[{"body": CANARY}] * 3))
        metrics = client.get("/metrics").text
    said = capfd.readouterr()
    assert "RuntimeError" in said.out
    assert CANARY not in said.out + said.err + metrics + "".join(answer.text for answer in answers)


def test_the_answer_alone_has_the_id_and_the_name_of_an_unknown_field(
    watched: tuple[Tagdesk, Settings], serve: Serve
) -> None:
    """What the documents say comes back does come back, so that the test above looks for the right word."""
    with client_of(*watched, serve) as client:
        answer = client.post("/v1/tag", json={"id": CANARY, CANARY: 1, "body": "war"}).json()
    assert answer["id"] == CANARY
    assert f"unknown-field: {CANARY}" in answer["warnings"]
