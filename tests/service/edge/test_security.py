"""Keys over HTTP: who may ask for what, what a refusal says, and the headers that every answer has."""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from tagdesk.service.app import Tagdesk, create_app
from tagdesk.service.edge.keys import SCOPES, keys_json, new_key
from tagdesk.service.edge.rules import UNKNOWN, RuleBook
from tagdesk.service.settings import Settings
from tests.service.problems import check
from tests.waiting import eventually

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

FREE = ("/livez", "/readyz", "/openapi.json", "/docs", "/problems/not-found", "/", "/desk/app.js")
NEEDS = {
    "/v1/tag": "tag",
    "/v1/tag/batch": "tag",
    "/v1/topics": "tag",
    "/v1/model": "tag",
    "/v1/feedback": "feedback",
    "/v1/queue": "feedback",
    "/v1/models": "admin",
    "/v1/models/1/activate": "admin",
    "/v1/": "tag",
    "/v1/projects": "tag",
    "/v1/projects/tiny": "tag",
    "/v1/projects/tiny/suggest": "tag",
    "/v1/projects/tiny/learn": "feedback",
    "/v1/projects/learn": "tag",
    "/integrations/imatrics/article/analysis": "tag",
    "/integrations/imatrics/article/store": "feedback",
    "/metrics": "admin",
}


@pytest.fixture(scope="module")
def tokens() -> dict[str, str]:
    """Return a place for the keys by their scopes."""
    return {}


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory, tokens: dict[str, str]) -> Path:
    """Return a file with a key for each scope, and write the keys into `tokens`."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    kept = []
    for scope in SCOPES:
        key, tokens[scope] = new_key(f"{scope}-key", [scope], "2026-11-24")
        kept.append(key)
    path.write_bytes(keys_json(kept))
    return path


@pytest.fixture(scope="module")
def locked(tiny_settings: Settings, keys_file: Path, serve: Serve) -> Iterator[httpx.Client]:
    """Return a client, without a key, of a service that asks for keys."""
    app = create_app(replace(tiny_settings, keys_file=str(keys_file)))
    with serve(app) as address, httpx.Client(base_url=address) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    """Return the header of a key."""
    return {"Authorization": f"Bearer {token}"}


def basic(name: str, token: str) -> dict[str, str]:
    """Return the header of a name and a key."""
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{token}'.encode()).decode()}"}


@pytest.mark.parametrize("path", FREE)
def test_asks_for_no_key_where_nothing_is_told(locked: httpx.Client, path: str) -> None:
    """Health, problems, the API's description and the desk's files are free."""
    assert locked.get(path).status_code == 200


@pytest.mark.parametrize("path", [*NEEDS, "/v1", "/v1/none", "/v1/tagger", "/none", "//v1/tag"])
def test_asks_for_a_key_elsewhere(locked: httpx.Client, path: str) -> None:
    """Without a key everything else is 401, whether it is there or not; no browser is made to ask for a key."""
    response = locked.get(path, headers={"Accept-Language": "de"})
    problem = check(response, 401, "unknown-key")
    assert "Authorization: Bearer KEY" in problem["detail"]
    assert response.headers["www-authenticate"] == 'Bearer realm="Tagdesk"'


def test_every_route_says_what_it_needs(app: Tagdesk) -> None:
    """No route is left to the rule for paths that are not known."""
    book = RuleBook(app.routes)
    rules = [book.of("GET", str(getattr(route, "path", ""))) for route in app.routes]
    assert len(rules) > 8
    assert UNKNOWN not in rules
    assert {rule.scope for rule in rules} == {None, "tag", "feedback", "admin"}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("path", NEEDS)
def test_holds_a_key_to_its_scopes(locked: httpx.Client, tokens: dict[str, str], path: str, scope: str) -> None:
    """A key gets through where it has the scope or is an admin's; else 403 names the scope that is missing."""
    response = locked.get(path, headers=bearer(tokens[scope]))
    if scope in (NEEDS[path], "admin"):
        assert response.status_code in {200, 404, 405}
        return
    problem = check(response, 403, "missing-scope")
    assert f"the scope {NEEDS[path]}:" in problem["detail"]
    assert f'error="insufficient_scope", scope="{NEEDS[path]}"' in response.headers["www-authenticate"]


def test_only_an_operator_learns_that_a_path_is_unknown(locked: httpx.Client, tokens: dict[str, str]) -> None:
    """A route that someone forgot to describe would be closed, not open."""
    check(locked.get("/v1/none", headers=bearer(tokens["feedback"])), 403, "missing-scope")
    check(locked.get("/v1/none", headers=bearer(tokens["admin"])), 404, "not-found")


def test_takes_a_key_in_three_ways(locked: httpx.Client, tokens: dict[str, str]) -> None:
    """A key comes as Bearer, as X-API-Key, or as the password of HTTP basic; the scheme's case does not count."""
    token = tokens["tag"]
    for headers in (
        bearer(token),
        {"Authorization": f"bearer  {token}"},
        {"X-API-Key": token},
        {"X-API-Key": token, "Authorization": "Bearer of another house"},
        basic("tag-key", token),
        basic("", token),
    ):
        response = locked.post("/v1/tag", json={"body": "war"}, headers=headers)
        assert response.status_code == 200, headers


def test_refuses_what_is_no_key(locked: httpx.Client, tokens: dict[str, str]) -> None:
    """A wrong key, another's name, a strange scheme or encoding is 401, and neither answer nor log repeats it."""
    token = tokens["tag"]
    wrong = token[:-4] + "AAAA"
    for headers in (
        bearer(wrong),
        {"X-API-Key": wrong},
        {"X-API-Key": wrong, **bearer(token)},
        basic("tag-key", wrong),
        basic("admin-key", token),
        {"Authorization": token},
        {"Authorization": f"Digest {token}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + "A" * 10_000},
        {"Authorization": "Bearer ÿþ"},
    ):
        response = locked.get("/v1/model", headers=httpx.Headers(headers, encoding="latin-1"))
        check(response, 401, "unknown-key")
        assert token[8:] not in response.text
        assert wrong[8:] not in response.text


def test_takes_no_key_from_the_address(locked: httpx.Client, tokens: dict[str, str]) -> None:
    """A key in the query would end in logs and histories."""
    for name in ("key", "api_key", "api-key", "access_token"):
        check(locked.get("/v1/model", params={name: tokens["admin"]}), 401, "unknown-key")


def test_notices_new_and_revoked_keys(tiny_settings: Settings, tmp_path: Path, serve: Serve) -> None:
    """A running service knows a new key and forgets a revoked one, without being told."""
    path = tmp_path / "keys.json"
    (old, old_token), (new, new_token) = (new_key(name, ["tag"], "2026-11-24") for name in ("old", "new"))
    path.write_bytes(keys_json([old]))
    app = create_app(replace(tiny_settings, keys_file=str(path)))
    with serve(app) as address, httpx.Client(base_url=address) as client:
        assert client.get("/v1/model", headers=bearer(old_token)).status_code == 200
        path.write_bytes(keys_json([new]))
        eventually(lambda: client.get("/v1/model", headers=bearer(old_token)).status_code == 401)
        assert client.get("/v1/model", headers=bearer(new_token)).status_code == 200


def test_is_not_ready_without_its_file(
    tiny_settings: Settings, tmp_path: Path, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the file could never be read nobody is let in, and nobody is told that the key is wrong."""
    with (
        caplog.at_level(logging.WARNING),
        serve(create_app(replace(tiny_settings, keys_file=str(tmp_path / "none.json")))) as address,
    ):
        response = httpx.get(f"{address}/v1/model", headers=bearer("x"))
        check(response, 503, "not-ready")
        assert int(response.headers["retry-after"]) > 0
        assert httpx.get(f"{address}/livez").status_code == 200


def test_describes_its_keys(locked: httpx.Client, client: httpx.Client) -> None:
    """The API's description names the ways to send a key and each route's scope; without keys, that none is needed."""
    described = locked.get("/openapi.json").json()
    assert set(described["components"]["securitySchemes"]) == {"bearer", "header", "basic"}
    tag, live = described["paths"]["/v1/tag"]["post"], described["paths"]["/livez"]["get"]
    assert tag["security"] == [{"bearer": ["tag"]}, {"header": ["tag"]}, {"basic": ["tag"]}]
    assert {"401", "403", "429"} <= set(tag["responses"])
    assert "security" not in live
    assert "401" not in live["responses"]
    open_to_all = client.get("/openapi.json").json()["paths"]["/v1/tag"]["post"]["security"]
    assert open_to_all == [*tag["security"], {}]


@pytest.mark.parametrize(
    "path", ["/livez", "/v1/model", "/v1/none", "/openapi.json", "/", "/desk/app.js", "/desk/none"]
)
def test_sends_security_headers_with_every_answer(locked: httpx.Client, client: httpx.Client, path: str) -> None:
    """No answer is sniffed, framed or run as a page, none tells where its reader was, no other site is let in."""
    for response in (client.get(path), locked.get(path), client.delete(path)):
        for name, value in (("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")):
            assert response.headers.get_list(name) == [value]
        assert response.headers.get_list("x-frame-options") == ["DENY"]
        (policy,) = response.headers.get_list("content-security-policy")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not [name for name in response.headers if name.startswith("access-control-")]


def test_lets_no_answer_be_stored(client: httpx.Client, locked: httpx.Client) -> None:
    """What was tagged, and every error, is no cache's business."""
    for response in (
        client.post("/v1/tag", json={"body": "war"}),
        client.post("/v1/tag/batch", json=[{"body": "war"}]),
        client.get("/v1/none"),
        locked.get("/v1/model"),
    ):
        assert response.headers.get_list("cache-control") == ["no-store"]


def test_lets_no_other_site_ask(client: httpx.Client) -> None:
    """A browser's question whether another site may send articles is answered with no."""
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = client.options("/v1/tag", headers=asked)
    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control-")]


HOSTS = ("evil.test", "evil.test:8080", "127.0.0.1.evil.test", "localhost.evil.test", "a b", "")


@pytest.mark.parametrize("host", HOSTS)
def test_another_name_for_this_machine_reads_nothing_where_no_key_is_asked_for(client: httpx.Client, host: str) -> None:
    """A page whose name was made to point here (DNS rebinding) gets neither articles nor corrections."""
    for method, path in (("GET", "/v1/feedback/export"), ("POST", "/v1/feedback"), ("POST", "/v1/models/rollback")):
        problem = check(client.request(method, path, headers={"Host": host}), 421, "unknown-host")
        assert "evil" not in str(problem)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "10.1.2.3:8080", "[::1]:8080", "[::1]"])
def test_addresses_and_localhost_are_this_service(client: httpx.Client, host: str) -> None:
    assert client.get("/v1/topics", headers={"Host": host}).status_code == 200


def test_a_name_that_is_listed_is_this_service(tiny_settings: Settings, serve: Serve) -> None:
    with serve(create_app(replace(tiny_settings, hosts="tagdesk, Tags.example"))) as address:
        for host in ("tagdesk:8080", "tags.example", "TAGS.example."):
            assert httpx.get(f"{address}/v1/topics", headers={"Host": host}).status_code == 200
        check(httpx.get(f"{address}/v1/topics", headers={"Host": "example"}), 421, "unknown-host")


def test_a_key_may_ask_by_any_name(locked: httpx.Client, tokens: dict[str, str]) -> None:
    headers = {"Host": "tags.example", **bearer(tokens["tag"])}
    assert locked.get("/v1/topics", headers=headers).status_code == 200


def test_queueing_while_tagging_needs_what_queueing_needs(locked: httpx.Client, tokens: dict[str, str]) -> None:
    """A key that may only tag puts nothing before editors."""
    answer = locked.post("/v1/tag?queue=true", json={"id": "a", "body": "war"}, headers=bearer(tokens["tag"]))
    check(answer, 403, "missing-scope")


def test_an_editor_is_named_by_the_key_unless_it_may_speak_for_others(
    tiny_settings: Settings, tmp_path: Path, serve: Serve
) -> None:
    made = {
        name: new_key(name, scopes, "2026-11-24")
        for name, scopes in (("anna", ["feedback"]), ("cms", ["feedback", "editors"]), ("boss", ["admin"]))
    }
    (tmp_path / "keys.json").write_bytes(keys_json(key for key, _ in made.values()))
    settings = replace(
        tiny_settings, keys_file=str(tmp_path / "keys.json"), database_url=str(tmp_path / "ledger.sqlite")
    )
    with serve(create_app(settings)) as address, httpx.Client(base_url=address) as client:

        def correct(name: str, **editor: str) -> httpx.Response:
            sent = {"article": {"body": "war"}, "topics": [], "model": "m", **editor}
            return client.post("/v1/feedback", json=sent, headers=bearer(made[name][1]))

        check(correct("anna", editor="chief-editor"), 403, "missing-scope")
        assert correct("anna", editor="anna").status_code == 202
        assert correct("anna").status_code == 202
        assert correct("cms", editor="wordpress:ben").status_code == 202
        export = client.get("/v1/feedback/export", headers=bearer(made["boss"][1])).text
    rows = [json.loads(line) for line in export.splitlines()]
    assert [(row["editor"], row["sender"]) for row in rows] == [
        ("anna", "anna"),
        ("anna", "anna"),
        ("wordpress:ben", "cms"),
    ]
