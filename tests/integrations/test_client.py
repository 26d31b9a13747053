"""The Python client against a real service, in blocking and in async code."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp
from tagdesk_client import (
    MAX_BODY,
    MAX_HTML,
    MAX_TITLE,
    Answer,
    Article,
    AsyncTagdesk,
    Evidence,
    Fault,
    Problem,
    Progress,
    Refusal,
    Tagdesk,
)

from tagdesk.models.reading import article, html
from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tests.integrations.faults import answer, misbehaving, read_request
from tests.tiny import REF
from tests.waiting import PATIENCE

Serve = Callable[[ASGIApp], AbstractContextManager[str]]
Ask = Callable[..., Any]

ARTICLE = Article(id="a-1", title="Envoy flies out", body="Ministers signed a ceasefire.")


@pytest.fixture
def tagdesk(address: str) -> Iterator[Tagdesk]:
    """Return a client of the running service."""
    with Tagdesk(address) as client:
        yield client


@pytest.fixture(params=["blocking", "async"])
def ask(request: pytest.FixtureRequest, address: str) -> Ask:
    """Return what asks the running service by either client: `ask("tag", ARTICLE)`."""

    async def asynchronously(name: str, *arguments: Any, **options: Any) -> Any:
        async with AsyncTagdesk(address) as client:
            return await getattr(client, name)(*arguments, **options)

    def blocking(name: str, *arguments: Any, **options: Any) -> Any:
        with Tagdesk(address) as client:
            return getattr(client, name)(*arguments, **options)

    if request.param == "async":
        return lambda *arguments, **options: asyncio.run(asynchronously(*arguments, **options))
    return blocking


def test_tags_an_article(ask: Ask, client: httpx.Client) -> None:
    """The answer has what the service sent, but for the evidence that was not asked for."""
    found: Answer = ask("tag", ARTICLE)
    (sent,) = [client.post("/v1/tag", json=ARTICLE.as_json()).json()]
    assert (found.id, found.model, list(found.warnings)) == ("a-1", REF, sent["warnings"])
    assert [
        {"id": t.id, "name": t.name, "qcodes": [*t.qcodes], "parent": t.parent, "confidence": t.confidence}
        for t in found.topics
    ] == [{name: value for name, value in topic.items() if name != "band"} for topic in sent["topics"]]
    assert [topic.band for topic in found.topics] == [topic["band"] for topic in sent["topics"]]
    assert all(topic.score is None and topic.evidence == () for topic in found.topics)


def test_explains(ask: Ask) -> None:
    """Evidence, score and bias come when asked for; the topics that are not given, too; or one topic alone."""
    found: Answer = ask("tag", ARTICLE, explain=True)
    conflict = next(topic for topic in found.topics if topic.id == "conflict")
    assert conflict.evidence[0] == Evidence("body", 19, 28, "ceasefire", conflict.evidence[0].weight)
    assert conflict.score == pytest.approx((conflict.bias or 0) + sum(one.weight for one in conflict.evidence))
    assert found.below == ()
    assert [topic.id for topic in ask("tag", ARTICLE, explain="all").below] == ["weather"]
    assert [bool(topic.evidence) for topic in ask("tag", ARTICLE, explain="weather").topics] == [False, False]


def test_tags_many_in_order(ask: Ask) -> None:
    """A bad article is refused in its place, and costs the others nothing."""
    articles = [ARTICLE, Article(id=2), Article(id=3, body="Heavy rain."), Article(body="war \ud83d")]
    good, empty, rain, broken = ask("tag_many", articles, explain=True)
    assert (good.id, rain.id, rain.topics[0].id) == ("a-1", "3", "weather")
    assert rain.topics[0].evidence
    assert isinstance(empty, Refusal)
    assert (empty.id, empty.problem.kind, empty.problem.status) == ("2", "invalid-article", 422)
    assert isinstance(broken, Refusal)
    assert (broken.id, broken.problem.kind) == (None, "invalid-json")
    assert ask("tag_many", []) == []


def test_streams_in_constant_memory(ask: Ask, tagdesk: Tagdesk) -> None:
    """Articles are taken some hundreds ahead of their answers, however many there are, and the progress is told."""
    taken, ahead, told = 0, 0, list[Progress]()

    def articles() -> Iterator[Article]:
        nonlocal taken
        for number in range(3000):
            taken += 1
            yield Article(id=number, body="war " * 20 if number % 1000 else "")

    for number, found in enumerate(tagdesk.stream(articles(), progress=told.append)):
        assert found.id == str(number)
        ahead = max(ahead, taken - number)
    assert number == 2999
    assert ahead <= 257
    assert [told[-1].articles, told[-1].refused] == [3000, 3]
    assert [one.articles for one in told] == sorted({one.articles for one in told})
    assert told[0].articles == 256


def test_streams_articles_that_come_asynchronously(address: str) -> None:
    """The async client takes an async iterable, and long articles."""
    told: list[int] = []

    async def articles() -> Any:
        for number in range(4):
            yield Article(id=number, body="war " * 50_000)

    async def ids() -> list[str | None]:
        async with AsyncTagdesk(address) as client:
            answers = client.stream(articles(), progress=lambda one: told.append(one.articles))
            return [found.id async for found in answers]

    assert asyncio.run(ids()) == ["0", "1", "2", "3"]
    assert told == [1, 2, 3, 4]


def test_sends_corrections(ask: Ask, client: httpx.Client) -> None:
    """A correction is in the ledger, once; its id is the caller's or made."""
    options = {"model": REF, "accepted": ["conflict"], "rejected": ["weather"], "added": ["diplomacy"]}
    name = f"f-{id(ask)}"
    receipts = [ask("feedback", ARTICLE, **options, editor="anna", id=name) for _ in range(2)]
    assert receipts[0] == receipts[1]
    made = ask("feedback", ARTICLE, model=REF, topics=[])
    rows = [json.loads(line) for line in client.get("/v1/feedback/export").text.splitlines()]
    (row,) = [row for row in rows if row["feedback"] == name]
    assert (row["topics"], row["editor"], row["rejected"]) == (["conflict", "diplomacy"], "anna", ["weather"])
    assert [row["topics"] for row in rows if row["feedback"] == made.id] == [[]]


def test_what_is_in_no_list_is_not_judged(ask: Ask, client: httpx.Client) -> None:
    """Verdicts on some topics say nothing of the others; where nothing was judged, that is kept too."""
    some = ask("feedback", ARTICLE, model=REF, accepted=["conflict"])
    none = ask("feedback", ARTICLE, model=REF, accepted=[], rejected=[], added=[])
    rows = {row["feedback"]: row for row in map(json.loads, client.get("/v1/feedback/export").text.splitlines())}
    assert [rows[some.id][name] or [] for name in ("accepted", "rejected", "added")] == [["conflict"], [], []]
    assert [rows[none.id][name] for name in ("accepted", "rejected", "added")] == [[], [], []]


def test_sends_the_topics_that_an_editor_misses() -> None:
    """Names of topics that the taxonomy does not have go along, and what is not given is left out."""
    sent: list[bytes] = []

    def keep(connection: socket.socket, _: threading.Event) -> None:
        sent.append(read_request(connection))
        connection.sendall(answer(b'{"id": "f-1", "article": "a-1", "received": "2026-11-29T12:00:00Z"}'))

    with misbehaving(keep) as at, Tagdesk(at) as client:
        client.feedback(ARTICLE, model=REF, accepted=["conflict"], missing=["Chess"], id="f-1")
    assert json.loads(sent[0].partition(b"\r\n\r\n")[2]) == {
        "article": ARTICLE.as_json(),
        "model": REF,
        "accepted": ["conflict"],
        "missing": ["Chess"],
        "id": "f-1",
    }


def test_knows_the_caps_of_the_service() -> None:
    assert (MAX_TITLE, MAX_BODY, MAX_HTML) == (article.MAX_TITLE, article.MAX_BODY, html.MAX_READ)


def test_lists_the_topics(ask: Ask) -> None:
    """The taxonomy has names, parents, codes and cut-offs."""
    taxonomy = ask("topics")
    assert taxonomy.model == REF
    conflict, diplomacy, weather = taxonomy.topics
    assert (conflict.name, diplomacy.parent, weather.auto) == ("Conflict", "conflict", None)
    assert conflict.codes[0].qcode == "medtop:16000000"
    assert (conflict.suggest, conflict.auto) == (0.5, 0.9)


def test_problems_are_exceptions(ask: Ask) -> None:
    """What the service says is in the exception, and its text is for people."""
    with pytest.raises(Problem, match=r"^422 ") as caught:
        ask("tag", Article(title="x"))
    problem = caught.value
    assert (problem.type, problem.kind, problem.status) == ("/problems/invalid-article", "invalid-article", 422)
    assert problem.errors
    assert all(isinstance(fault, Fault) for fault in problem.errors)
    with pytest.raises(Problem, match=r"no such topic: peace") as caught:
        ask("feedback", ARTICLE, model=REF, topics=["peace"])
    assert caught.value.errors == (Fault("must be the id of a topic of the model", "#/topics/0"),)


@pytest.fixture
def keyed(tiny_settings: Settings, tmp_path: Path) -> tuple[Settings, str]:
    """Return the settings of a service that lets a key ask once a second, and the key."""
    key, token = new_key("cms", ["tag"], "2026-11-24")
    path = tmp_path / "keys.json"
    path.write_bytes(keys_json([key]))
    return replace(tiny_settings, keys_file=str(path), rate_limit=1), token


def test_sends_its_key(keyed: tuple[Settings, str], serve: Serve) -> None:
    """Without a key, and for what the key may not do, there is a problem."""
    settings, token = keyed
    with serve(create_app(settings)) as address, Tagdesk(address, token) as client, Tagdesk(address) as nobody:
        assert client.topics().model == REF
        with pytest.raises(Problem, match="401"):
            nobody.topics()
        with pytest.raises(Problem, match="403"):
            client.feedback(ARTICLE, model=REF, topics=[])


def test_waits_as_long_as_the_service_asks(keyed: tuple[Settings, str], serve: Serve) -> None:
    """A key that asks too often gets its answers later; where the time does not suffice, the problem at once."""
    settings, token = keyed
    with serve(create_app(settings)) as address, Tagdesk(address, token) as client:
        assert [client.tag(ARTICLE).id for _ in range(2)] == ["a-1", "a-1"]
    one_of_many = replace(settings, workers=256)  # each of them lets one through in so many seconds
    with serve(create_app(one_of_many)) as address, Tagdesk(address, token, time_limit=PATIENCE) as hasty:
        hasty.tag(ARTICLE)
        with pytest.raises(Problem) as caught:
            hasty.tag(ARTICLE)
    assert caught.value.kind == "too-many-requests"
    assert PATIENCE < (caught.value.retry_after or 0) <= 256


def test_is_shared_by_threads(tagdesk: Tagdesk) -> None:
    """Threads get their own answers from one client."""
    found: dict[int, str | None] = {}

    def tag(number: int) -> None:
        found[number] = tagdesk.tag(replace(ARTICLE, id=number)).id

    threads = [threading.Thread(target=tag, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: str(number) for number in range(20)}


def test_works_in_a_fork(address: str) -> None:
    """A process that is forked after the first call asks by a connection of its own."""
    code = f"""
import os
from tagdesk_client import Article, Tagdesk
client = Tagdesk({address!r}, time_limit={PATIENCE})
client.tag(Article(body="war"))
child = os.fork()
print(client.tag(Article(id=os.getpid(), body="war")).id == str(os.getpid()), flush=True)
if child:
    assert os.waitpid(child, 0)[1] == 0
else:
    os._exit(0)
"""
    folder = Path(__file__).parents[2] / "integrations" / "python"
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.split() == ["True", "True"]


@pytest.mark.parametrize(
    "url", ["", "tagdesk:8080", "ftp://tagdesk", "http://", "http://tagdesk/?x=1", "http://tagdesk:port"]
)
def test_refuses_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="no address of a service"):
        Tagdesk(url)


def test_refuses_a_key_that_is_none() -> None:
    """What would break the request's head is refused, without being quoted."""
    with pytest.raises(ValueError, match="characters that no key has") as caught:
        Tagdesk("http://tagdesk", "secret\r\nX: y")
    assert "secret" not in str(caught.value)
