"""POST /v1/tag/batch: many articles in, one line each out."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.models.storage import SHIPPED, current
from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

DATA = Path(__file__).parents[2] / "data"
LINES = {"Content-Type": "application/x-ndjson"}


def rows(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the lines of an answer."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.text.endswith("\n") or not response.text
    return [json.loads(line) for line in response.text.splitlines()]


def test_answers_an_array_in_order(client: httpx.Client) -> None:
    """An array's answers come one a line, in the order sent, each as /v1/tag gives it."""
    articles = [{"id": str(n), "body": ("war", "summit", "rain")[n % 3]} for n in range(20)]
    found = rows(client.post("/v1/tag/batch", json=articles))
    assert found == [client.post("/v1/tag", json=article).json() for article in articles]


def test_answers_to_the_byte_as_one_by_one(serve: Serve) -> None:
    """The shipped model's answer is the same to an article alone, in an array and in a line."""
    sent = [json.loads(line) for line in (DATA / "articles.jsonl").read_text(encoding="utf-8").splitlines()]
    articles = [{name: row[name] for name in ("id", "title", "body")} for row in sent]
    articles += [{"body_html": f"<p>{row['body']}</p>"} for row in articles[:5]]
    version = current(SHIPPED, "news-en")
    app = create_app(Settings(model=str(SHIPPED / "news-en" / str(version)), database_url="none"))
    with serve(app) as address, httpx.Client(base_url=address) as client:
        alone = [client.post("/v1/tag", json=article).content for article in articles]
        lines = "\n".join(map(json.dumps, articles))
        for answer in (
            client.post("/v1/tag/batch", json=articles),
            client.post("/v1/tag/batch", content=lines, headers=LINES),
            client.post("/v1/tag/batch", content=iter([lines.encode()]), headers=LINES),
        ):
            assert answer.content.splitlines() == alone


@pytest.mark.parametrize("name", ["application/x-ndjson", "application/jsonl", "application/json-lines; charset=utf-8"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n  \n"])
def test_answers_json_lines(client: httpx.Client, name: str, end: str) -> None:
    """JSON Lines are read under each of their names; blank lines do not count."""
    sent = end.join(json.dumps({"id": n, "body": "war"}) for n in range(5))
    found = rows(client.post("/v1/tag/batch", content=sent, headers={"Content-Type": name}))
    assert [row["id"] for row in found] == ["0", "1", "2", "3", "4"]
    assert {topic["id"] for row in found for topic in row["topics"]} == {"conflict"}


def test_puts_an_error_in_place_of_a_bad_article(client: httpx.Client) -> None:
    """A bad article gets its problem, with its id, and costs the others nothing."""
    articles = [
        {"id": 1, "body": "war"},
        {"id": 2},
        3,
        {"id": [4], "body": "war"},
        {"id": "5", "title": 1, "body": "war"},
    ]
    found = rows(client.post("/v1/tag/batch", json=[*articles, {"id": "6", "body": "rain"}]))
    assert [row["id"] for row in found] == ["1", "2", None, None, "5", "6"]
    assert ["error" in row for row in found] == [False, True, True, True, True, False]
    assert [row["error"]["status"] for row in found if "error" in row] == [422] * 4
    assert found[4]["error"]["errors"] == [{"pointer": "#/title", "detail": "Input should be a valid string"}]
    assert set(found[1]) == {"id", "error"}


def test_puts_an_error_in_place_of_a_bad_line(client: httpx.Client) -> None:
    """A line that is not JSON, or no article, gets its problem with the line's number, blank ones counted."""
    sent = (
        b'{"id": 1, "body": "war"}\n\n{"id": 2, "body": \n{"id": 3, "body": "\\ud83d"}\n\xff\n{"id": 6}\n'
        b'{"id": 7, "body": "war"}'
    )
    found = rows(client.post("/v1/tag/batch", content=sent, headers=LINES))
    assert [row["id"] for row in found] == ["1", None, None, None, "6", "7"]
    assert [row.get("line") for row in found] == [None, 3, 4, 5, 6, None]
    details = [row["error"]["detail"] for row in found if "error" in row]
    assert "line 3 column" in details[0]
    assert details[1].startswith("Line 4: half of a surrogate pair")
    assert details[2].startswith("Line 5: byte 1 is not UTF-8")
    assert found[2]["error"]["errors"][0]["pointer"] == "#/body"


def test_explains_a_batch(client: httpx.Client) -> None:
    """explain=true adds evidence in a batch too."""
    found = rows(client.post("/v1/tag/batch", params={"explain": "1"}, json=[{"body": "war"}]))
    assert found[0]["topics"][0]["evidence"][0]["text"] == "war"


def test_answers_an_empty_array_with_nothing(client: httpx.Client) -> None:
    """No articles, no lines."""
    assert rows(client.post("/v1/tag/batch", json=[])) == []


def test_refuses_too_many_articles(client: httpx.Client, tiny_settings: Settings) -> None:
    """An array over the limit is refused whole, before anything is answered; JSON Lines have no such limit."""
    articles = [{"body": "war"}] * (tiny_settings.max_batch + 1)
    response = client.post("/v1/tag/batch", json=articles)
    assert response.status_code == 413
    assert response.json()["type"] == "/problems/too-many-articles"
    assert rows(client.post("/v1/tag/batch", json=articles[1:]))
    lines = "\n".join(map(json.dumps, articles))
    assert len(rows(client.post("/v1/tag/batch", content=lines, headers=LINES))) == len(articles)


def test_refuses_one_article(client: httpx.Client) -> None:
    """A single object under application/json is told where to go; as a line it is a batch of one."""
    response = client.post("/v1/tag/batch", json={"body": "war"})
    assert response.status_code == 422
    assert "/v1/tag" in response.json()["detail"]
    assert len(rows(client.post("/v1/tag/batch", content=b'{"body": "war"}', headers=LINES))) == 1


def test_streams_long_articles(client: httpx.Client) -> None:
    """A batch of long articles is answered whole, in order."""
    articles = [{"id": n, "body": f"war {'and troops ' * 900}"} for n in range(20)]
    found = rows(client.post("/v1/tag/batch", params={"explain": True}, json=articles))
    assert [row["id"] for row in found] == [str(n) for n in range(20)]
    assert all(len(row["topics"][0]["evidence"]) > 900 for row in found)
