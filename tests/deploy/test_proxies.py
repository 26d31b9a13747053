"""Real proxies with the configurations of deploy/, over TLS, in front of a real service."""

import json
import re
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tagdesk.service.settings import Settings
from tests.conftest import serving
from tests.deploy.conftest import Need
from tests.deploy.proxies import Certificate, Proxy, caddy, made_certificate, nginx
from tests.waiting import PATIENCE, eventually

LINE = json.dumps({"body": "Ministers signed a ceasefire after troops left the town. " * 50}).encode() + b"\n"
JSON_LINES = {"Content-Type": "application/x-ndjson"}
HOST = "127.0.0.1"
RUN = {"nginx": nginx, "caddy": caddy}


@pytest.fixture(scope="module")
def service(tiny_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a service with the settings that it has when nobody sets any."""
    ledger = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    with serving(Settings(model=str(tiny_store / "tiny" / "1"), database_url=str(ledger))) as address:
        yield address


@pytest.fixture(scope="module")
def certificate(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made_certificate(need("openssl"), tmp_path_factory.mktemp("certificate"))


@contextmanager
def behind(proxy: Proxy, certificate: Certificate) -> Iterator[httpx.Client]:
    trusted = ssl.create_default_context(cafile=str(certificate.path))
    with httpx.Client(base_url=proxy.address, verify=trusted) as client:
        yield client


@pytest.fixture(scope="module", params=RUN)
def client(
    request: pytest.FixtureRequest,
    need: Need,
    service: str,
    certificate: Certificate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[httpx.Client]:
    """Return a client of the service behind each proxy in turn."""
    folder = tmp_path_factory.mktemp("proxy")
    with (
        RUN[request.param](need(request.param), service, certificate, folder) as proxy,
        behind(proxy, certificate) as one,
    ):
        yield one


@pytest.fixture
def own_nginx(need: Need, service: str, certificate: Certificate, tmp_path: Path) -> Iterator[Proxy]:
    """Return an nginx that no other test has sent requests to, as it counts them."""
    with nginx(need("nginx"), service, certificate, tmp_path) as proxy:
        yield proxy


def test_tags_and_corrects_over_tls(client: httpx.Client) -> None:
    tagged = client.post("/v1/tag", json={"id": "a-1", "body": "war"})
    assert tagged.json()["id"] == "a-1"
    correction = {"article": {"id": "a-1", "body": "war"}, "model": tagged.json()["model"], "topics": []}
    assert client.post("/v1/feedback", json=correction).status_code == 202
    assert "Strict-Transport-Security" in tagged.headers


def test_batch_of_unknown_length_comes_back_whole(client: httpx.Client) -> None:
    """Its first lines are answered while the last are sent: no proxy may lose what comes after the first answer."""
    with client.stream("POST", "/v1/tag/batch", content=iter([LINE] * 3000), headers=JSON_LINES) as answer:
        assert sum("topics" in json.loads(line) for line in answer.iter_lines()) == 3000


def test_article_that_is_too_large_is_refused_in_our_words(client: httpx.Client) -> None:
    """With and without a length; nginx closes a connection of which it has not read all, without a word of that."""
    large = b'{"body": "' + b"x" * 5_000_000 + b'"}'
    headers = {"Content-Type": "application/json", "Connection": "close"}
    for content in (large, iter([large])):
        refused = client.post("/v1/tag", content=content, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (413, "/problems/request-too-large")


def test_metrics_are_not_for_the_world(client: httpx.Client) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/readyz").status_code == 200


def test_caddy_answers_a_batch_while_it_is_sent(
    need: Need, service: str, certificate: Certificate, tmp_path: Path
) -> None:
    """However long it is, and over HTTP/1.1: the last line is sent when the first is answered."""
    head = f"POST /v1/tag/batch HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n"
    chunk = b"%x\r\n%b\r\n" % (len(LINE), LINE)
    trusted = ssl.create_default_context(cafile=str(certificate.path))
    with (
        caddy(need("caddy"), service, certificate, tmp_path) as proxy,
        socket.create_connection((HOST, urlsplit(proxy.address).port or 0), timeout=PATIENCE) as connection,
        trusted.wrap_socket(connection, server_hostname=HOST) as secure,
        secure.makefile("rb") as answer,
    ):
        secure.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 30)
        assert b"200" in answer.readline()
        first = next(line for line in answer if b'"topics"' in line)
        secure.sendall(chunk + b"0\r\n\r\n")
        assert sum(b'"topics"' in line for line in (first, *answer)) == 31


def test_nginx_refuses_a_batch_that_it_would_cut_off(own_nginx: Proxy, certificate: Certificate) -> None:
    """More than the service reads before it answers; the refusal is a problem as all others are."""
    with behind(own_nginx, certificate) as client:
        refused = client.post("/v1/tag/batch", content=LINE * (33 * 1024 * 1024 // len(LINE)), headers=JSON_LINES)
    assert refused.status_code == 413
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["type"] == "/problems/request-too-large"


def test_nginx_limits_the_requests_of_an_address(own_nginx: Proxy, certificate: Certificate) -> None:
    """A rush is let through, a flood is not; whoever is refused is told when to come again."""
    answers: list[bytes] = []

    def some_are_refused() -> bool:  # a busy machine may be slower than the limit at first
        with ThreadPoolExecutor(8) as threads:
            answers.extend(threads.map(lambda _: flood(own_nginx, certificate), range(8)))
        return any(b" 429 " in answer for answer in answers)

    eventually(some_are_refused)
    statuses = Counter(re.findall(rb"HTTP/1\.1 (\d{3}) ", b"".join(answers)))
    assert statuses[b"200"] > 100
    assert set(statuses) == {b"200", b"429"}
    refused = b"".join(answers).partition(b"HTTP/1.1 429 ")[2].partition(b"HTTP/1.1 ")[0]
    head, _, body = refused.partition(b"\r\n\r\n")
    assert b"Retry-After: 1" in head.split(b"\r\n")
    assert json.loads(body)["type"] == "/problems/too-many-requests"


def flood(proxy: Proxy, certificate: Certificate, requests: int = 200) -> bytes:
    """Return the answers to requests that are sent all at once, over one connection."""
    request = f"GET /livez HTTP/1.1\r\nHost: {HOST}\r\n"
    trusted = ssl.create_default_context(cafile=str(certificate.path))
    with (
        socket.create_connection((HOST, urlsplit(proxy.address).port or 0), timeout=PATIENCE) as connection,
        trusted.wrap_socket(connection, server_hostname=HOST) as secure,
        secure.makefile("rb") as answers,
    ):
        secure.sendall(f"{request}\r\n".encode() * (requests - 1) + f"{request}Connection: close\r\n\r\n".encode())
        return answers.read()


def test_nginx_leads_from_http_to_https(own_nginx: Proxy) -> None:
    moved = httpx.get(f"{own_nginx.plain}/desk/?article=a-1")
    assert (moved.status_code, moved.headers["Location"].partition(":")[0]) == (301, "https")
    assert moved.headers["Location"].endswith("/desk/?article=a-1")
