"""GET /metrics: what was asked and answered is counted, over all workers, and no client can make a time series."""

import gzip
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import Tagdesk, create_app
from tagdesk.service.settings import Settings
from tests.processes import SERVE, environment, workers_of
from tests.waiting import PATIENCE, eventually

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

PAGE = (Path(__file__).parents[3] / "docs" / "operating.md").read_text(encoding="utf-8")
TAG = 'method="POST",route="/v1/tag",status="200"'


@pytest.fixture
def own(tiny_settings: Settings) -> Tagdesk:
    """Return an app whose metrics only this test moves."""
    return create_app(tiny_settings)


@pytest.fixture
def at(own: Tagdesk, serve: Serve) -> Iterator[httpx.Client]:
    """Return a client of that app."""
    with serve(own) as address, httpx.Client(base_url=address) as client:
        yield client


def read(client: httpx.Client) -> dict[str, float]:
    """Return every time series of the service, by name and labels as they are written; any worker may answer."""
    text = httpx.get(client.base_url.join("/metrics")).raise_for_status().text
    rows = [line.rpartition(" ") for line in text.splitlines() if line.startswith("tagdesk_")]
    return {series: float(value) for series, _, value in rows}


@contextmanager
def running(store: Path, *options: str, **variables: str) -> Iterator[tuple[httpx.Client, "subprocess.Popen[bytes]"]]:
    """Run `tagdesk serve` on the tiny model; yield a client and the process."""
    command = [*SERVE, "--port", "0", "--model", "tiny", *options]
    variables = {"TAGDESK_STORE": str(store), "TAGDESK_DATABASE_URL": str(store / "ledger.sqlite")} | variables
    with subprocess.Popen(command, env=environment(**variables), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            found = None
            while found is None:
                line = process.stdout.readline()
                assert line, "the service did not start"
                found = re.search(rb"serves tiny at (\S+)", line)
            with httpx.Client(base_url=found[1].decode()) as client:
                yield client, process
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


def test_counts_requests_and_what_they_took(at: httpx.Client) -> None:
    """A request counts by method, route and status, and its time is in the histogram."""
    for _ in range(3):
        at.post("/v1/tag", json={"body": "war"})
    found = read(at)
    assert found[f"tagdesk_request_seconds_count{{{TAG}}}"] == 3
    assert found[f'tagdesk_request_seconds_bucket{{le="+Inf",{TAG}}}'] == 3
    assert 0 < found[f"tagdesk_request_seconds_sum{{{TAG}}}"] < 30
    assert found["tagdesk_requests_in_flight"] == 1


def test_counts_articles_and_their_topics(at: httpx.Client) -> None:
    """An article counts with its model, its topics by band, its length and its warnings, alone or in a batch."""
    text = "The ceasefire is a war of troops in the conflict, and the war is the conflict. "
    at.post("/v1/tag", json={"title": "War and the troops", "body": text})
    at.post("/v1/tag/batch", json=[{"body": "storm"}, {"body": "nothing of it is known, not one of all the words"}])
    found = read(at)
    assert found['tagdesk_articles_total{model="tiny@1"}'] == 3
    assert found['tagdesk_topics_total{band="auto",topic="conflict"}'] == 1
    assert found['tagdesk_topics_total{band="suggest",topic="weather"}'] == 1
    assert found["tagdesk_articles_without_topics_total"] == 1
    assert found["tagdesk_topic_confidence_count"] >= 2
    assert found['tagdesk_article_characters_bucket{le="100.0"}'] == 3
    assert found["tagdesk_article_characters_sum"] == len(text) + 18 + 5 + 48
    assert found['tagdesk_warnings_total{warning="short-text"}'] == 1


def test_counts_unknown_words(at: httpx.Client) -> None:
    """The share of words that the model does not know is counted of some articles."""
    at.post("/v1/tag/batch", json=[{"body": "war qqxv wqzz vkkp"}] * 20)
    at.post("/v1/tag/batch", json=[{"body": "war qqxv wqzz vkkp"}] * 20)
    found = read(at)
    assert found["tagdesk_unknown_words_ratio_count"] >= 1
    assert found["tagdesk_unknown_words_ratio_sum"] / found["tagdesk_unknown_words_ratio_count"] == 0.75


def test_counts_what_was_rejected_and_why(at: httpx.Client) -> None:
    """A problem counts by its kind, of a request and of an article in a batch."""
    at.post("/v1/tag", json={"title": "no body"})
    at.post("/v1/tag", content=b"{", headers={"Content-Type": "application/json"})
    at.get("/nowhere")
    at.put("/v1/tag")
    at.post("/v1/tag/batch", json=[{"body": "war"}, {"body": ""}])
    found = read(at)
    for reason in ("invalid-article", "invalid-json", "not-found", "method-not-allowed"):
        assert found[f'tagdesk_rejected_requests_total{{reason="{reason}"}}'] == 1
    assert found['tagdesk_refused_articles_total{reason="empty-article"}'] == 1
    assert found['tagdesk_request_seconds_count{method="PUT",route="/v1/tag",status="405"}'] == 1


def test_names_the_model_that_is_served(at: httpx.Client) -> None:
    """The model is named, and that it was loaded."""
    found = read(at)
    assert found['tagdesk_model_info{model="tiny@1"}'] == 1
    assert found['tagdesk_model_reloads_total{outcome="ok"}'] == 1
    assert found['tagdesk_model_reloads_total{outcome="failed"}'] == 0


def test_no_client_can_make_a_time_series(at: httpx.Client) -> None:
    """Whatever path, method, name, language or id a client invents, the second one makes no new series."""

    def invent(word: str) -> None:
        at.get(f"/{word}")
        at.get(f"/problems/{word}")
        at.get(f"/desk/{word}")
        at.request("REPORT", f"/{word}")
        at.request("PURGE", "/v1/tag")
        at.request("PURGE", f"/v1/models/{word}/activate")
        article = {"body": "war " * 20, "language": word[:2], word: 1, "id": word, "url": f"https://{word}.org/"}
        at.post("/v1/tag", json=article, params={word: word, "explain": word})
        at.post("/v1/tag", json=article, headers={"X-Request-ID": word, "User-Agent": word, word: word})
        at.post("/v1/tag/batch", json=[article, {word: word}])

    invent("aaaa")
    read(at)
    before = read(at).keys()
    for word in ("bbbb", "quux-17", "fr"):
        invent(word)
    assert read(at).keys() == before
    assert not [series for series in before if re.search("aaaa|REPORT|PURGE", series)]


def test_page_lists_every_metric_with_its_labels(at: httpx.Client) -> None:
    """The table has a row for each metric, and no other."""
    lines = at.get("/metrics").text.splitlines()
    names = {line.split()[2] for line in lines if line.startswith("# TYPE tagdesk_")}
    rows = re.findall(r"^\| `(tagdesk_\w+)` \|([^|]*)\|", PAGE, flags=re.MULTILINE)
    assert sorted(names) == sorted(name for name, _ in rows)
    labels = {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in rows}
    for series in read(at):
        name = re.sub(r"_(bucket|sum|count)$", "", series.partition("{")[0])
        assert set(re.findall(r'(\w+)="', series)) - {"le"} == labels[name]


def test_adds_up_all_workers(tiny_store: Path) -> None:
    """Every worker answers with the sum; a killed one's counts stay in, and it is no longer said to serve."""
    requests = f"tagdesk_request_seconds_count{{{TAG}}}"
    served = 'tagdesk_model_info{model="tiny@1"}'
    with running(tiny_store, "--workers", "2", "--access-log", "false") as (client, process):
        for _ in range(30):
            httpx.post(client.base_url.join("/v1/tag"), json={"body": "war"})
        eventually(lambda: read(client).get(requests) == 30)
        assert [read(client)[requests] for _ in range(6)] == [30] * 6
        eventually(lambda: read(client)[served] == 2)
        before = workers_of(process.pid)
        os.kill(min(before), signal.SIGKILL)
        eventually(lambda: workers_of(process.pid) - before != set())
        eventually(lambda: read(client)[served] == 2)  # with the dead one's it would be 3
        assert read(client)[requests] == 30


def test_counts_from_zero_with_one_worker(tiny_store: Path, tmp_path: Path) -> None:
    """What another run left where `PROMETHEUS_MULTIPROC_DIR` says is not counted again, and nothing is added to it."""
    requests = f"tagdesk_request_seconds_count{{{TAG}}}"
    for _ in range(2):
        with running(tiny_store, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as (client, _process):
            client.post("/v1/tag", json={"body": "war"}).raise_for_status()
            assert read(client)[requests] == 1
    assert list(tmp_path.iterdir()) == []


def test_keeps_the_counts_of_workers_that_stopped(tiny_store: Path) -> None:
    """After SIGHUP the new workers answer with the sum of all there were, and the old ones serve no model."""
    requests = f"tagdesk_request_seconds_count{{{TAG}}}"
    with running(tiny_store, "--workers", "2", "--access-log", "false") as (client, process):
        for _ in range(10):
            httpx.post(client.base_url.join("/v1/tag"), json={"body": "war"}).raise_for_status()
        before = workers_of(process.pid)
        process.send_signal(signal.SIGHUP)
        eventually(lambda: len(workers_of(process.pid) - before) == 2, 120)
        eventually(lambda: len(workers_of(process.pid)) == 2)
        assert read(client)[requests] == 10
        eventually(lambda: read(client)['tagdesk_model_info{model="tiny@1"}'] == 2)  # told twice a second


def test_says_whether_the_ledger_is_up(own: Tagdesk, at: httpx.Client) -> None:
    """It counts as up until an attempt fails."""
    assert read(at)["tagdesk_ledger_up"] == 1
    own.parts.metrics.ledger(False)
    assert read(at)["tagdesk_ledger_up"] == 0


class _Collector(BaseHTTPRequestHandler):
    """What an OpenTelemetry collector is to the service: it takes spans."""

    received: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_sends_a_span_for_each_request_where_told(tiny_store: Path) -> None:
    """With telemetry on, a collector gets a request's span, in the trace of its sender, without the article."""
    pytest.importorskip("opentelemetry.sdk")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with HTTPServer(("127.0.0.1", 0), _Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{collector.server_port}"
        with running(tiny_store, "--telemetry", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as (client, _):
            headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
            assert client.post("/v1/tag", json={"body": "war"}, headers=headers).status_code == 200
            assert client.get("/livez").status_code == 200
        collector.shutdown()
    spans = b"".join(_Collector.received)
    assert b"POST /v1/tag" in spans
    assert bytes.fromhex(trace) in spans
    assert b"/livez" not in spans
    assert b"war" not in spans
