"""What is small to send is cheap to refuse: lists have an end, and errors are cut before they are collected."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.problems import check

MANY = 100_000
STORY = {"headline": "Storm", "body": ["Heavy rain."]}
WRONG_ITEMS: dict[str, tuple[str, Any, str]] = {
    "documents": ("/v1/projects/tiny/suggest-batch", {"documents": [0] * MANY}, "#/documents/0"),
    "learn": ("/v1/projects/tiny/learn", [0] * MANY, "#/0"),
    "subjects": ("/v1/projects/tiny/learn", [{"text": "war", "subjects": [0] * MANY}], "#/0/subjects/0"),
    "paragraphs": ("/integrations/imatrics/article/analysis", STORY | {"body": [0] * MANY}, "#/body/list[str]/0"),
    "concepts": ("/integrations/imatrics/article/analysis", STORY | {"concepts": [0] * MANY}, "#/concepts/0"),
    "languages": ("/v1/detect-language", {"text": "war", "languages": [0] * MANY}, "#/languages/0"),
    "topics": ("/v1/feedback", {"article": {"body": "war"}, "model": "m", "topics": [0] * MANY}, "#/topics/0"),
}
TOO_LONG: dict[str, tuple[str, Any]] = {
    "documents": ("/v1/projects/tiny/suggest-batch", {"documents": [{"text": ""}] * 1001}),
    "learn": ("/v1/projects/tiny/learn", [{"text": "", "subjects": []}] * 1001),
    "subjects": ("/v1/projects/tiny/learn", [{"text": "war", "subjects": [{"uri": "a"}] * 1001}]),
    "paragraphs": ("/integrations/imatrics/article/analysis", STORY | {"body": ["war"] * 10_001}),
    "concepts": ("/integrations/imatrics/article/analysis", STORY | {"concepts": [{"uuid": "a"}] * 1001}),
    "topics": ("/v1/feedback", {"article": {"body": "war"}, "model": "m", "topics": ["a"] * 1001}),
}


OF_ANNIF = {"documents", "learn", "subjects", "languages"}  # whose specification knows 400 alone


@pytest.mark.parametrize("name", WRONG_ITEMS)
def test_of_a_list_of_wrong_items_the_first_is_named(client: httpx.Client, name: str) -> None:
    path, sent, pointer = WRONG_ITEMS[name]
    answer = client.post(path, json=sent)
    assert answer.status_code == (400 if name in OF_ANNIF else 422)
    errors = answer.json()["errors"]
    assert errors[0]["pointer"] == pointer
    assert len(errors) <= 2  # paragraphs may also be one text


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_list_has_an_end(client: httpx.Client, name: str) -> None:
    path, sent = TOO_LONG[name]
    assert client.post(path, json=sent).status_code in ({400} if name in OF_ANNIF else {413, 422})


def test_unknown_fields_are_named_up_to_ten(client: httpx.Client) -> None:
    sent = {"article": {"body": "war"}, "model": "m", "topics": [], **{f"f{number}": 0 for number in range(MANY)}}
    problem = client.post("/v1/feedback", json=sent).json()
    assert problem["type"] == "/problems/invalid-feedback"
    assert len(problem["errors"]) == 10


@pytest.mark.parametrize("path", ["/v1/tag", "/v1/feedback", "/v1/queue", "/v1/projects/tiny/learn"])
@pytest.mark.parametrize("item", [b"[]", b"{}", b"0", b'{"a":0}'])
def test_json_has_no_more_values_than_are_worth_reading(client: httpx.Client, path: str, item: bytes) -> None:
    body = b'{"body": "war", "a": [' + b",".join([item] * 251_000) + b"]}"
    assert len(body) < 4_000_000
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    check(answer, 413, "request-too-large")


def test_commas_and_brackets_of_a_text_are_no_values(client: httpx.Client) -> None:
    body = 'Troops, [tanks], {planes} and ships left the "town", said envoys. ' * 14_000
    assert client.post("/v1/tag", json={"body": body}).status_code == 200


def test_an_article_with_html_is_ours_whatever_stands_beside_it(client: httpx.Client) -> None:
    """A home-made CMS sends `meta` too: its text is not dropped for a page of Wagtail's."""
    article = {"title": "Talks", "body_html": "<p>Ministers signed a ceasefire; the war is over.</p>"}
    plain = client.post("/v1/tag", json=article).json()
    for meta in ({"type": "article"}, {"type": "article", "html_url": "https://cms.example/1"}):
        answer = client.post("/v1/tag", json={"id": None, **article, "meta": meta}).json()
        assert answer["topics"] == plain["topics"]
        assert answer["warnings"] == [*plain["warnings"], "unknown-field: meta"]
    text = {"title": "Talks", "body": "Ministers signed a ceasefire; the war is over."}
    assert (
        "unknown-field: meta" in client.post("/v1/tag", json={**text, "meta": {"type": "article"}}).json()["warnings"]
    )


def test_a_page_of_blocks_can_be_corrected_as_it_was_tagged(client: httpx.Client) -> None:
    page = {
        "id": 7,
        "meta": {"type": "news.Page", "html_url": "https://cms.example/7"},
        "title": "Talks",
        "body": [{"type": "paragraph", "value": "<p>Ministers signed a ceasefire.</p>"}],
    }
    model = client.post("/v1/tag", json=page).json()["model"]
    sent = {"article": page, "topics": ["conflict"], "model": model}
    assert client.post("/v1/feedback", json=sent).json()["article"] == "7"
    assert client.post("/v1/queue", json=page).json()["id"] == "7"


ODD_ARRAYS = [
    b"[1}",
    b"[{]}",
    b"[",
    b"[[",
    b"[]]",
    b"[] 1",
    b"[1",
    b'["a',
    b"{}",
    b'"a"',
    b"[{},{}",
    b"[}",
    b"]",
]


@pytest.mark.parametrize("body", ODD_ARRAYS)
def test_what_is_no_array_is_no_batch(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/v1/tag/batch", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}


@given(
    st.lists(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8), max_size=8)
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=50, deadline=None
)
def test_an_array_is_cut_into_the_items_it_has(client: httpx.Client, items: list[Any]) -> None:
    """Each item, whatever it is, has its line, and the answer that it has alone."""
    for separators in ((",", ":"), (" ,\n ", " : ")):
        body = json.dumps(items, separators=separators).encode()
        answer = client.post("/v1/tag/batch", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200
        assert len(answer.text.splitlines()) == len(items)


def test_an_array_in_an_array_is_no_way_round_the_limit(client: httpx.Client) -> None:
    """Its values count before it is cut."""
    answer = client.post("/v1/tag/batch", content=b"[" * 290_000, headers={"Content-Type": "application/json"})
    check(answer, 413, "request-too-large")
