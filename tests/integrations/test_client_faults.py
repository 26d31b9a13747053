"""The Python client in front of servers that misbehave: it ends in time, and says what is wrong."""

import asyncio
import gzip
import itertools
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tagdesk_client import (
    Article,
    AsyncTagdesk,
    OutOfTime,
    Problem,
    Retries,
    Tagdesk,
    TagdeskError,
    UnexpectedAnswer,
    Unreachable,
)

from tests.integrations.faults import OK, Behave, answer, dead, dripping, hang, late, misbehaving, read_request, saying
from tests.waiting import PATIENCE

ARTICLE = Article(id="a-1", body="war")
GOOD = json.dumps({"id": "a-1", "model": "m@1", "topics": [], "warnings": []}).encode()
PROBLEM = json.dumps(
    {"type": "/problems/too-busy", "title": "Too much", "status": 503, "detail": "Later.", "errors": []}
).encode()
BUSY = answer(PROBLEM, "503 Service Unavailable", ["Content-Type: application/problem+json"])
QUICK = Retries(first_wait=0.01, longest_wait=0.02)

Tag = Callable[..., Any]


@pytest.fixture(params=["blocking", "async"])
def tag(request: pytest.FixtureRequest) -> Tag:
    """Return what tags an article by either client: `tag(address, time_limit=…)`."""

    async def asynchronously(address: str, **options: Any) -> Any:
        async with AsyncTagdesk(address, **options) as client:
            return await client.tag(ARTICLE)

    def blocking(address: str, **options: Any) -> Any:
        with Tagdesk(address, **options) as client:
            return client.tag(ARTICLE)

    return (
        blocking
        if request.param == "blocking"
        else lambda *args, **kwargs: asyncio.run(asynchronously(*args, **kwargs))
    )


@pytest.mark.parametrize(
    "behave",
    [hang, dripping(b"HTTP/1.1 200 OK\r\nX: y"), dripping(OK % 9999 + b"{", 0.002), late(60, GOOD)],
    ids=["hung", "drips headers", "drips a body", "slow"],
)
def test_ends_in_time(tag: Tag, behave: Behave) -> None:
    """However slowly bytes come in, the call ends when its time is over."""
    with misbehaving(behave) as address, pytest.raises(OutOfTime, match=r"did not answer within 0\.4 seconds"):
        tag(address, time_limit=0.4)


def test_a_try_ends_before_the_call(tag: Tag) -> None:
    """Where one try hangs the next one may not."""
    seen: list[int] = []

    def hang_once(connection: socket.socket, stop: threading.Event) -> None:
        seen.append(1)
        (hang if len(seen) == 1 else saying(answer(GOOD)))(connection, stop)

    with misbehaving(hang_once) as address:
        assert tag(address, timeout=0.2, time_limit=PATIENCE, retries=replace(QUICK, tries=100)).id == "a-1"
    assert len(seen) >= 2  # on a busy machine the next tries may take too long as well


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Return the event at which names are resolved, and not before."""
    resolved = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: resolved.wait(PATIENCE) and [])
    return resolved


def test_ends_in_time_where_the_name_is_not_resolved(resolver: threading.Event) -> None:
    """A resolver that hangs, which no socket's timeout covers, does not hold the call."""
    with Tagdesk("http://tagdesk.example", time_limit=0.3) as client, pytest.raises(OutOfTime):
        client.tag(ARTICLE)
    assert not resolver.is_set()
    resolver.set()


def test_ends_in_time_where_the_name_is_not_resolved_asynchronously(resolver: threading.Event) -> None:
    """The same of the asynchronous client; `asyncio.run` itself waits for the resolver's thread."""

    async def tag() -> None:
        async with AsyncTagdesk("http://tagdesk.example", time_limit=0.3) as client:
            with pytest.raises(OutOfTime):
                await client.tag(ARTICLE)
        assert not resolver.is_set()
        resolver.set()

    asyncio.run(tag())


def test_nobody_there(tag: Tag) -> None:
    """A connection that is refused is tried again, and then said to be."""
    with dead() as address, pytest.raises(Unreachable, match="does Tagdesk run there"):
        tag(address, retries=QUICK)


@pytest.mark.parametrize(
    "data",
    [
        answer(b"<html>Welcome</html>"),
        answer(b"[]"),
        answer(b'{"id": NaN}'),
        answer(b"[" * 100_000),
        answer(GOOD.replace(b'"m@1"', b"7")),
        answer(GOOD.replace(b'"a-1"', b'"\\ud83d"')),
        answer(GOOD.replace(b"[]", b"[1]")),
        answer(GOOD, headers=["Content-Encoding: gzip"]),
        answer(b"", "204 No Content"),
        answer(b"", "302 Found", ["Location: /elsewhere"]),
        answer(b"<h1>Not here</h1>", "404 Not Found"),
        answer(b'{"type": 1}', "500 Internal Server Error"),
    ],
)
def test_knows_nonsense(tag: Tag, data: bytes) -> None:
    """What is no answer of Tagdesk's is said to be none, and not asked for again."""
    with misbehaving(saying(data, answer(GOOD))) as address, pytest.raises(UnexpectedAnswer, match="check the address"):
        tag(address)


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01\x02\x00" * 20, b"HTTP/1.1 200 OK\r\n" * 5])
def test_knows_what_is_no_http(tag: Tag, data: bytes) -> None:
    with misbehaving(saying(data)) as address, pytest.raises(TagdeskError):
        tag(address, retries=QUICK, time_limit=0.5)


def test_an_answer_without_end_is_left(tag: Tag) -> None:
    """A packed answer that unpacks to more than any answer has is not read to its end."""
    packed = gzip.compress(b" " * 70_000_000, 1)
    bomb = saying(answer(packed, headers=["Content-Encoding: gzip"]))
    with misbehaving(bomb) as address, pytest.raises(UnexpectedAnswer):
        tag(address, timeout=PATIENCE, time_limit=PATIENCE)


@pytest.mark.parametrize(
    "first", [BUSY, answer(b"<h1>Busy</h1>", "503 Service Unavailable"), BUSY.replace(b"503", b"429")]
)
def test_asks_again(tag: Tag, first: bytes) -> None:
    """503 and 429 are tried again, a proxy's too."""
    with misbehaving(saying(first, answer(GOOD))) as address:
        assert tag(address, retries=QUICK).id == "a-1"


def test_asks_again_where_the_connection_broke(tag: Tag) -> None:
    """A connection that is closed before the answer is there is opened once more."""
    seen: list[int] = []

    def break_once(connection: socket.socket, stop: threading.Event) -> None:
        seen.append(1)
        if len(seen) > 1:
            saying(answer(GOOD))(connection, stop)

    with misbehaving(break_once) as address:
        assert tag(address, retries=QUICK).id == "a-1"


def test_gives_up(tag: Tag) -> None:
    """After the last try the problem is raised as it came."""
    with misbehaving(saying(BUSY)) as address, pytest.raises(Problem, match="503 Too much: Later") as caught:
        tag(address, retries=QUICK)
    assert caught.value.kind == "too-busy"


@pytest.mark.parametrize("seconds", ["3600", "Wed, 21 Oct 2065 07:28:00 GMT"])
def test_does_not_wait_beyond_its_time(tag: Tag, seconds: str) -> None:
    """Where the service wants more time than there is, the problem is raised: waiting would end in `OutOfTime`."""
    busy = BUSY.replace(b"\r\n\r\n", f"\r\nRetry-After: {seconds}\r\n\r\n".encode())
    with misbehaving(saying(busy)) as address, pytest.raises(Problem) as caught:
        tag(address)
    assert (caught.value.retry_after or 0) >= 3600


def test_waits_are_spread() -> None:
    """Waits are drawn from 0 to a bound that doubles up to a longest one, after what the service asks."""
    retries = Retries(tries=20, first_wait=1, longest_wait=8)
    waits = [[retries.wait(tried, Unreachable("")) or 0 for _ in range(3000)] for tried in (1, 2, 3, 4, 9)]
    assert [round(max(some)) for some in waits] == [1, 2, 4, 8, 8]
    assert max(min(some) for some in waits) < 0.3
    asked = [retries.wait(1, Problem("", "", 503, "", retry_after=5)) or 0 for _ in range(3000)]
    assert 5 <= min(asked) < max(asked) <= 6
    assert retries.wait(20, Unreachable("")) is None
    assert retries.wait(1, Problem("", "", 422, "")) is None


def test_a_stream_cut_short_is_noticed() -> None:
    """Fewer lines than articles are no answer."""
    short = saying(answer(GOOD + b"\n"))
    with misbehaving(short) as address, Tagdesk(address) as client, pytest.raises(UnexpectedAnswer):
        client.tag_many([ARTICLE, ARTICLE])


def test_a_stream_survives_broken_connections(address: str) -> None:
    """A request of the stream that was lost is sent again, and the answers are those of one without a fault."""
    host, _, port = address.removeprefix("http://").partition(":")
    requests = itertools.count()

    def break_every_other_request(connection: socket.socket, _: threading.Event) -> None:
        with socket.create_connection((host, int(port))) as service:
            while (data := read_request(connection)) and next(requests) % 2:
                service.sendall(data)
                connection.sendall(_until_end(service))

    with misbehaving(break_every_other_request) as between, Tagdesk(between, retries=QUICK) as client:
        articles = [Article(id=number, body="war") for number in range(600)]
        assert [one.id for one in client.stream(articles)] == [str(number) for number in range(600)]
    assert next(requests) > 4


def _until_end(service: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        data += service.recv(65_536)
    return data
