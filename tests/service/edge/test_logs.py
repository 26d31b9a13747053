"""What stands on standard output: one JSON line a request, with an id that is in the answer too."""

import json
import logging
import logging.config
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.models import TopicModel
from tagdesk.service.app import create_app
from tagdesk.service.edge import logs
from tagdesk.service.settings import Settings
from tests.service.edge.test_metrics import read, running
from tests.waiting import eventually

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Lines:
    """Reads the JSON lines that are written; a request's comes after its answer."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self._found: list[dict[str, Any]] = []

    def __call__(self, count: int) -> list[dict[str, Any]]:
        """Return the lines once there are so many."""
        eventually(lambda: len(self._read()) >= count)
        return self._found

    def of(self, response: httpx.Response) -> dict[str, Any]:
        """Return the one line of a request."""
        name = response.headers["x-request-id"]
        eventually(lambda: any(line.get("request") == name for line in self._read()))
        (line,) = (line for line in self._found if line.get("request") == name)
        return line

    def _read(self) -> list[dict[str, Any]]:
        out = self._capfd.readouterr().out
        self._found += [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        return self._found


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Lines:
    """Return what reads the lines."""
    return Lines(capfd)


@contextmanager
def logging_as(settings: Settings) -> Iterator[None]:
    """Log as the service does, until the end of the block."""
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    logging.config.dictConfig(logs.configuration(settings))
    logging.getLogger("uvicorn.access").disabled = True  # as `tagdesk serve` has it
    try:
        yield
    finally:
        root.level, root.handlers[:] = before
        logging.getLogger("uvicorn.access").disabled = False
        logging.getLogger("tagdesk").setLevel(logging.NOTSET)


@pytest.fixture
def client(in_process: str) -> Iterator[httpx.Client]:
    """Return a client of a service whose log can be read."""
    with httpx.Client(base_url=in_process) as connected:
        yield connected


def test_writes_one_line_for_each_request(client: httpx.Client, lines: Lines) -> None:
    """A line says when, what, how it went and how long it took."""
    response = client.post("/v1/tag", json={"body": "war and ceasefire"}, headers={"X-Request-ID": "cms-17"})
    line = lines.of(response)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert 0 < line.pop("seconds") < 30
    assert line == {
        "level": "info",
        "event": "request",
        "method": "POST",
        "route": "/v1/tag",
        "status": 200,
        "bytes": len(response.content),
        "request": "cms-17",
        "trace": None,
        "key": None,
        "model": "tiny@1",
        "topics": len(response.json()["topics"]),
        "problem": None,
    }


def test_counts_the_topics_of_a_batch(client: httpx.Client, lines: Lines) -> None:
    """A batch is one line, with the topics of all its articles."""
    answer = client.post("/v1/tag/batch", json=[{"body": "war"}, {"body": "storm"}, {}])
    line = lines.of(answer)
    assert line["route"] == "/v1/tag/batch"
    assert line["topics"] == sum(len(json.loads(row).get("topics", [])) for row in answer.text.splitlines())
    assert line["bytes"] == len(answer.content)


@pytest.mark.parametrize(
    ("method", "path", "route", "status", "problem", "level"),
    [
        ("GET", "/problems/not-found", "/problems/{name}", 200, None, "info"),
        ("GET", "/problems/none", "/problems/{name}", 404, "not-found", "warning"),
        ("GET", "/none", "unknown", 404, "not-found", "warning"),
        ("PUT", "/v1/tag", "/v1/tag", 405, "method-not-allowed", "warning"),
        ("POST", "/v1/tag", "/v1/tag", 415, "unsupported-media-type", "warning"),
        ("REPORT", "/none", "unknown", 404, "not-found", "warning"),
    ],
)
def test_names_the_route_not_the_path(
    client: httpx.Client,
    lines: Lines,
    method: str,
    path: str,
    route: str,
    status: int,
    problem: str | None,
    level: str,
) -> None:
    """The template of the route stands for the path, and the kind of problem for what was wrong."""
    response = client.request(method, path)
    line = lines.of(response)
    assert (line["route"], line["status"], line["problem"], line["level"]) == (route, status, problem, level)
    assert line["method"] == (method if method != "REPORT" else "other")
    assert response.headers["x-request-id"] == line["request"]


def test_gives_every_answer_an_id(client: httpx.Client, lines: Lines) -> None:
    """Two requests have two ids, wherever they end."""
    paths = ["/livez", "/readyz", "/v1/topics", "/openapi.json", "/", "/desk/none", "/none", "/metrics", "/v1/tag"]
    answers = [client.get(path) for path in paths]
    ids = [lines.of(answer)["request"] for answer in answers]
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("given", ["cms-17", "a" * 128, "2026-11-24T02:22:43+01:00/7", "A.b_c~d="])
def test_keeps_the_id_it_is_given(client: httpx.Client, lines: Lines, given: str) -> None:
    """An id of plain characters comes back, and is in the line."""
    response = client.get("/livez", headers={"X-Request-ID": given})
    assert response.headers.get_list("x-request-id") == [given]
    assert lines.of(response)["request"] == given


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", 'a"b', "a\\b", "a\tb", "jane@example.org", "é", "{}", "-a"])
def test_takes_no_other_id(client: httpx.Client, lines: Lines, given: str) -> None:
    """Any other is replaced, as it would stand in the log."""
    response = client.get("/livez", headers={b"X-Request-ID": given.encode()})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])
    assert lines.of(response)["request"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("given", "trace"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f"cc-{TRACE}-00f067aa0ba902b7-01-later", TRACE),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", None),
        ("00-none", None),
    ],
)
def test_logs_the_trace(client: httpx.Client, lines: Lines, given: str, trace: str | None) -> None:
    """The trace of a valid traceparent is in the line."""
    response = client.get("/livez", headers={"traceparent": given})
    assert lines.of(response)["trace"] == trace


def test_says_where_a_fault_of_ours_is(
    tiny_settings: Settings,
    serve: Serve,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fault of ours has two lines, both JSON: where it was, by the logger, and that of the request."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("quotes the article")

    with logging_as(tiny_settings), serve(create_app(tiny_settings)) as address:
        monkeypatch.setattr(TopicModel, "_tag", fail)
        httpx.post(f"{address}/v1/tag", json={"body": "war"})
        found = lines(2)
    assert "quotes" not in json.dumps(found)
    fault, request = found
    assert (fault["logger"], fault["level"]) == ("tagdesk", "error")
    assert fault["message"].startswith("unexpected RuntimeError at ")
    assert (request["level"], request["status"], request["problem"]) == ("error", 500, "internal-error")


def test_writes_loggers_as_json_without_what_an_exception_says(tiny_settings: Settings, lines: Lines) -> None:
    """Lines of uvicorn and of our own are JSON too; an exception is its type and place."""
    with logging_as(tiny_settings):
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
        logging.getLogger("uvicorn.error").info("not said")
        logging.getLogger("tagdesk").info('loaded "%s"\n', "tiny@1")
        logging.getLogger("asyncio").error("a task failed", exc_info=ValueError("quotes the article"))
    first, second, third = lines(3)
    assert (first["logger"], first["level"], first["event"]) == ("uvicorn.error", "warning", "log")
    assert first["message"] == "Invalid HTTP request received."
    assert second["message"] == 'loaded "tiny@1"\n'
    assert third["error"] == "ValueError"
    assert "quotes" not in json.dumps(third)


def test_spells_every_line_the_same_way(
    tiny_settings: Settings, serve: Serve, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines of requests and of loggers have no blank between a name and its value: one `grep` finds all errors."""
    with logging_as(tiny_settings), serve(create_app(tiny_settings)) as address:
        monkeypatch.setattr(TopicModel, "_tag", lambda *_, **__: 1 / 0)
        httpx.post(f"{address}/v1/tag", json={"body": "war"})
    lines = [line for line in capfd.readouterr().out.splitlines() if json.loads(line)["level"] == "error"]
    assert len(lines) == 2
    for line in lines:
        spelled = re.sub(r'("seconds":\d+\.\d*?)0+,', r"\1,", line)  # it has six digits, zeros at the end too
        assert spelled == json.dumps(json.loads(line), separators=(",", ":"))


def test_writes_for_a_terminal(tiny_settings: Settings, serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    """By a setting a line is text."""
    settings = replace(tiny_settings, log_json=False)
    with logging_as(settings), serve(create_app(settings)) as address:
        httpx.post(f"{address}/v1/tag", json={"body": "war"}, headers={"X-Request-ID": "cms-17"})
        logging.getLogger("tagdesk").warning("look out")
    second, first = sorted(capfd.readouterr().out.splitlines(), key=lambda line: "POST" in line)
    assert re.fullmatch(r"\S+Z 200 POST /v1/tag  \d+\.\d ms  \d+ B  tiny@1  1 topics  cms-17", first)
    assert re.fullmatch(r"\S+Z warning tagdesk  look out", second)


def test_is_silent_where_told(tiny_settings: Settings, serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    """By a setting requests are not logged; their ids are given all the same."""
    with serve(create_app(replace(tiny_settings, access_log=False))) as address:
        assert httpx.get(f"{address}/livez").headers["x-request-id"]
    assert capfd.readouterr().out == ""


def test_answers_while_nobody_reads_the_log(tiny_store: Path) -> None:
    """While standard output is blocked requests are answered, and the lines that are lost are counted."""
    with running(tiny_store) as (client, process):
        for _ in range(400):
            assert client.get("/livez").status_code == 200
        eventually(lambda: read(client)["tagdesk_log_lines_lost_total"] > 0)
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        first = json.loads((process.stdout.read() or b"").splitlines()[0])
        assert first["route"] == "/livez"
        client.get("/livez", headers={"X-Request-ID": "after"})
        eventually(lambda: b'"after"' in (_rest(process) or b""))


def _rest(process: "subprocess.Popen[bytes]") -> bytes | None:
    assert process.stdout is not None
    return process.stdout.read()
