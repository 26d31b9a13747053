"""Answers that can be relied on: the same bytes from every worker, and an ETag that changes with the model."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tests.service.versions import save_versions, serving
from tests.training.conftest import DATA

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

PATHS = ["/v1/topics", "/v1/model"]


@pytest.fixture(scope="module")
def articles() -> list[dict[str, str]]:
    """Return real articles, as text and as HTML, each with its place as id."""
    rows = [json.loads(line) for line in (DATA / "articles.jsonl").read_text(encoding="utf-8").splitlines()]
    sent = [{"title": row["title"], "body": row["body"]} for row in rows]
    pages = ("web-article.html", "wordpress.html")
    sent += [{"body_html": (DATA / name).read_text(encoding="utf-8")} for name in pages]
    return [{"id": str(number)} | row for number, row in enumerate(sent)]


def answers(address: str, articles: list[dict[str, str]]) -> set[tuple[bytes, ...]]:
    """Return what a service answers, article by article and in batches of both kinds, as sets of bytes."""
    lines = "".join(json.dumps(article) + "\n" for article in articles)
    with httpx.Client(base_url=address) as client:
        single = [client.post("/v1/tag", json=article).content for article in articles]
        as_array = client.post("/v1/tag/batch", json=articles)
        as_lines = client.post("/v1/tag/batch", content=lines, headers={"Content-Type": "application/x-ndjson"})
    return {tuple(single), *(tuple(batch.content.splitlines()) for batch in (as_array, as_lines))}


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Keep a worker from answering, for the other one to answer everything."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_same_article_has_the_same_answer_to_the_byte(
    tmp_path: Path, serve: Serve, articles: list[dict[str, str]]
) -> None:
    """In each of two workers, single or batch, and in a service that is started later."""
    found = set()
    with serving(tmp_path, "--workers=2", "--model=news-en") as address:
        workers = httpx.get(f"{address}/v1/models").json()["workers"]
        assert len(workers) == 2
        for worker in workers:
            with stopped(worker["pid"]):
                found |= answers(address, articles)
    with serve(create_app(Settings(model="news-en", database_url="none"))) as address:
        found |= answers(address, articles)
    assert len(found) == 1
    assert len(found.pop()) == len(articles)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("sent", ["{}", "W/{}", '"other", {}', '"other",W/{}', "*"])
def test_says_that_nothing_changed(client: httpx.Client, path: str, sent: str) -> None:
    """Whoever has it already is told so, without a body."""
    entity_tag = client.get(path).headers["etag"]
    response = client.get(path, headers={"If-None-Match": sent.format(entity_tag)})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == entity_tag
    assert response.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("sent", ['"other"', "", 'W/"other"', "nonsense", '"'])
def test_answers_whoever_has_something_else(client: httpx.Client, path: str, sent: str) -> None:
    """Any other ETag gets the whole answer."""
    response = client.get(path, headers={"If-None-Match": sent})
    assert response.status_code == 200
    assert response.json()


@pytest.mark.parametrize("path", [*PATHS, "/livez", "/readyz", "/v1/models"])
def test_answers_head_as_get(client: httpx.Client, path: str) -> None:
    """HEAD has GET's status and headers, and no body."""
    got, asked = client.get(path), client.head(path)
    assert (asked.status_code, asked.content) == (200, b"")
    for name in ("etag", "content-type", "content-length", "cache-control"):
        assert asked.headers.get(name) == got.headers.get(name)


@pytest.fixture
def swapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve) -> Iterator[httpx.Client]:
    """Return a client of a service with several versions."""
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path))
    save_versions(tmp_path)
    with (
        serve(create_app(Settings(model="tiny", database_url="none"))) as address,
        httpx.Client(base_url=address) as one,
    ):
        yield one


@pytest.mark.parametrize("path", PATHS)
def test_etag_is_the_contents_own(swapping: httpx.Client, path: str) -> None:
    """Another version has another ETag, and the first one's comes back with it."""
    found = []
    for version in ("calm", "busy", "calm"):
        swapping.post(f"/v1/models/{version}/activate").raise_for_status()
        found.append(swapping.get(path).headers["etag"])
    assert found[0] == found[2] != found[1]
