"""Whatever is sent, the answer is the documented one, soon, and the next request is answered as ever."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tagdesk.service.edge.problems import KINDS
from tests.attacks.catalogue import ATTACKS, WAR, Attack
from tests.attacks.raw import Answered, ask, post, request
from tests.attacks.under_attack import Attacked
from tests.processes import cpu_seconds

CPU_SECONDS = 3.0
"""How much processor time an answer may take; how soon it comes is what `python -m benchmarks attacks` measures."""


def problem_of(answered: Answered) -> str:
    """Return the name of the problem that an answer is, checked against the documented ones."""
    assert answered.headers["content-type"] == "application/problem+json"
    problem = json.loads(answered.body)
    kind = KINDS[problem["type"].removeprefix("/problems/")]
    assert (problem["status"], problem["title"]) == (answered.status, kind.title)
    return kind.name


def test_every_attack_has_a_name_of_its_own() -> None:
    """The list of outcomes has a row for each."""
    names = Counter((attack.group, attack.name) for attack in ATTACKS)
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.group}: {attack.name}"[:80])
def test_is_answered_as_documented_and_the_next_request_as_ever(attacked: Attacked, attack: Attack) -> None:
    """A 4xx that is a documented problem, or a harmless 200; it costs little, and the service is well."""
    before = cpu_seconds(attacked.pid)
    answered = ask(attacked.port, attack.send(), attack.pause)
    assert answered.status in attack.statuses, answered
    assert cpu_seconds(attacked.pid) - before < CPU_SECONDS
    if answered.status >= 400:
        problem_of(answered)
    after = ask(attacked.port, [post(json.dumps(WAR).encode())])
    assert after.status == 200
    assert [topic["id"] for topic in json.loads(after.body)["topics"]] == ["conflict"]
    assert ask(attacked.port, [request("GET", "/readyz")]).status == 200


@pytest.mark.parametrize("path", ["/", "/v1/topics", "/v1/model", "/openapi.json", "/problems/not-found", "/livez"])
def test_no_answer_is_for_another_site_to_read(attacked: Attacked, path: str) -> None:
    """No answer, right or wrong, has a header that lets another site's page read it."""
    for method in ("GET", "POST", "OPTIONS"):
        sent = request(method, path, "Origin: https://evil.test", "Access-Control-Request-Method: POST")
        headers = ask(attacked.port, [sent]).headers
        assert [name for name in headers if name.startswith("access-control-")] == []
        assert "set-cookie" not in headers


@pytest.mark.parametrize("path", ["/", "/v1/topics", "/openapi.json", "/v1/none", "/v1/tag/", "/desk", "/problems/x"])
def test_no_answer_depends_on_the_host_it_was_asked_by(attacked: Attacked, path: str) -> None:
    """Host and its forwarded kin change no byte of an answer, so that no cache can be poisoned by them."""
    forwarded = ("X-Forwarded-Host: evil.test", "X-Forwarded-Proto: evil", "Forwarded: host=evil.test;proto=evil")
    usual = ask(attacked.port, [request("GET", path)])
    other = ask(attacked.port, [request("GET", path, *forwarded, "X-Original-URL: /evil", host="evil.test")])
    if other.status == 421:  # another name for this machine, where no key is asked for
        assert problem_of(other) == "unknown-host"
        other = ask(attacked.port, [request("GET", path, *forwarded, "X-Original-URL: /evil", host="127.0.0.1")])
    assert (other.status, other.body) == (usual.status, usual.body)
    assert "evil" not in str(other.headers) + other.body.decode()
    assert "location" not in other.headers


def test_second_request_is_not_read_from_the_body_of_the_first(attacked: Attacked) -> None:
    """A request hidden in a body is that body, and is not answered."""
    hidden = b"GET /v1/model HTTP/1.1\r\nHost: a\r\n\r\n"
    answered = ask(attacked.port, [post(hidden)])
    assert problem_of(answered) == "invalid-json"
    assert b"manifest" not in answered.body


def test_service_takes_no_more_memory_for_a_head_that_never_ends(attacked: Attacked) -> None:
    """64 MB of a head on each of four connections are not kept."""
    before = _memory(attacked.pid)
    for _ in range(4):
        ask(attacked.port, [b"GET / HTTP/1.1\r\nX: ", *[b"a" * 1_000_000] * 64])
    assert _memory(attacked.pid) < before + 32_000


def _memory(pid: int) -> int:
    """Return the resident memory of a process, in kB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
