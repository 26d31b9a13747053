"""The API's description: true, complete, and what a property-based tester finds of it in the running service."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tagdesk.service.app import Tagdesk
from tagdesk.service.edge.problems import MEDIA_TYPE
from tagdesk.service.openapi import EXAMPLE_ARTICLE, EXAMPLE_HTML
from tests.service.versions import save_versions, serving
from tests.waiting import PATIENCE

ROUTES = {
    ("post", "/v1/tag"),
    ("post", "/v1/tag/batch"),
    ("post", "/v1/feedback"),
    ("get", "/v1/feedback/counts"),
    ("get", "/v1/feedback/export"),
    ("post", "/v1/queue"),
    ("get", "/v1/queue"),
    ("get", "/v1/queue/next"),
    ("get", "/v1/drift"),
    ("get", "/v1/changes"),
    ("get", "/v1/models/{version}/changes"),
    ("get", "/desk/session"),
    ("post", "/desk/session"),
    ("delete", "/desk/session"),
    ("get", "/v1/languages"),
    ("get", "/v1/topics"),
    ("get", "/v1/model"),
    ("get", "/v1/models"),
    ("get", "/v1/models/shadow"),
    ("post", "/v1/models/rollback"),
    ("post", "/v1/models/{version}/activate"),
    ("get", "/livez"),
    ("get", "/readyz"),
    ("get", "/problems/{name}"),
    ("get", "/v1/"),
    ("get", "/v1/vocabs"),
    ("get", "/v1/projects"),
    ("get", "/v1/projects/{project_id}"),
    ("post", "/v1/projects/{project_id}/suggest"),
    ("post", "/v1/projects/{project_id}/suggest-batch"),
    ("post", "/v1/projects/{project_id}/learn"),
    ("post", "/v1/detect-language"),
    ("get", "/integrations/label-studio/health"),
    ("post", "/integrations/label-studio/setup"),
    ("post", "/integrations/label-studio/predict"),
    ("post", "/integrations/label-studio/webhook"),
    ("post", "/integrations/imatrics/article/analysis"),
    ("post", "/integrations/imatrics/article/store"),
    ("post", "/integrations/imatrics/article/concept"),
    ("post", "/integrations/imatrics/concept/get"),
    ("post", "/integrations/imatrics/concept/create"),
    ("delete", "/integrations/imatrics/concept/delete"),
}

# A body can have characters and yet no text (`<br>`), which no schema can say; the service then answers 422, and on
# Annif's routes 400. Nor can one say whether there is a version to go back to (409).
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "404", "409", "422"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "406", "413", "415", "422", "428", "5xx"]
"""

FEW = settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def description(address: str) -> dict[str, Any]:
    """Return /openapi.json."""
    found: dict[str, Any] = httpx.get(f"{address}/openapi.json").raise_for_status().json()
    return found


@pytest.fixture(scope="session")
def api(address: str) -> OpenApiSchema:
    """Return the running service as schemathesis sees it, told what no schema should say.

    Which projects there are, as the tester would find none; that any value may stand in an article's place in a batch,
    where a bad one gets an error in its place; and the other formats, with which a generated client's answer would be
    one of several types.
    """
    known: dict[str, Any] = httpx.get(f"{address}/openapi.json").raise_for_status().json()
    for methods in known["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in ("project_id", "model"):
                    parameter["schema"]["enum"] = [parameter["example"]]
    known["paths"]["/v1/tag/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]["items"] = {}
    answers = known["paths"]["/v1/tag"]["post"]["responses"]["200"]["content"]
    answers["application/vnd.iptc.ninjs+json"] = {"schema": {"type": "object", "required": ["uri"]}}
    answers["application/ld+json"] = {"schema": {"type": "object", "required": ["@context", "@type", "about"]}}
    config = SchemathesisConfig.from_str(f'base-url = "{address}"\nrequest-timeout = {PATIENCE}\n{CONFIG}')
    return schemathesis.openapi.from_dict(known, config=config)


@schemathesis.serializer("application/x-ndjson", "application/jsonl", "application/json-lines")
def _lines(_: schemathesis.SerializationContext, value: Any) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else json.dumps(value).encode()


def test_describes_every_route(app: Tagdesk, description: dict[str, Any]) -> None:
    """Every route is described, and nothing else is."""
    described = {(method, path) for path, methods in description["paths"].items() for method in methods}
    assert described == ROUTES
    hidden = {"/openapi.json", "/docs", "/", "/desk/{path:path}", "/metrics"}
    assert {path for _, path in ROUTES} | hidden >= {getattr(route, "path", "") for route in app.routes} - {""}


def test_is_valid(api: OpenApiSchema, description: dict[str, Any]) -> None:
    """The description is valid OpenAPI, and its schemas are valid JSON Schema."""
    api.validate()
    for schema in description["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_operations_have_names_that_a_person_would_choose(description: dict[str, Any]) -> None:
    """Generated clients call their methods so: verbs in place of paths, and each once."""
    names = [one["operationId"] for methods in description["paths"].values() for one in methods.values()]
    assert len(set(names)) == len(names)
    assert {"tag", "tag_batch", "send_feedback", "list_topics", "activate_model", "roll_back"} < set(names)
    assert [name for name in names if "v1" in name or name.endswith("_post")] == []


def test_an_article_is_one_schema_wherever_it_is_sent(description: dict[str, Any]) -> None:
    """Tagged, in a batch, corrected, queued: the same fields, without alternatives that generators cannot read."""
    article = {"$ref": "#/components/schemas/Article"}
    bodies = {
        path: description["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        for path in ("/v1/tag", "/v1/tag/batch", "/v1/queue")
    }
    assert bodies["/v1/tag"] == bodies["/v1/queue"] == bodies["/v1/tag/batch"]["items"] == article
    schemas = description["components"]["schemas"]
    assert schemas["Feedback"]["properties"]["article"]["$ref"] == article["$ref"]
    assert set(schemas["Article"]["properties"]) == {"id", "title", "body", "body_html", "language", "url"}
    assert "oneOf" not in json.dumps(description)
    assert '"default": null' not in json.dumps(description)


def test_schemas_are_called_by_their_titles(description: dict[str, Any]) -> None:
    """No name of a class or a module of ours is left."""
    schemas = description["components"]["schemas"]
    assert {name: schema["title"] for name, schema in schemas.items()} == {name: name for name in schemas}


def test_describes_keys_even_where_none_is_asked_for(description: dict[str, Any]) -> None:
    """A client that is generated on a machine without keys can send one later; routes for all ask for none."""
    assert set(description["components"]["securitySchemes"]) == {"bearer", "header", "basic"}
    ways = description["paths"]["/v1/tag"]["post"]["security"]
    assert ways == [{"bearer": ["tag"]}, {"header": ["tag"]}, {"basic": ["tag"]}, {}]
    assert "security" not in description["paths"]["/livez"]["get"]


def test_moments_are_described_as_such(client: httpx.Client, description: dict[str, Any]) -> None:
    """Generated clients read them as dates and times."""
    assert description["components"]["schemas"]["Receipt"]["properties"]["received"]["format"] == "date-time"
    since = client.get("/v1/feedback/counts").json()["since"]
    assert datetime.fromisoformat(since).tzinfo is not None


def test_describes_every_error_as_a_problem(description: dict[str, Any]) -> None:
    """No 4xx or 5xx is described as anything but a problem, and every route that tags lists its own."""
    for methods in description["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                assert status in ("200", "202", "204", "304") or list(response["content"]) == [MEDIA_TYPE]
    for path in ("/v1/tag", "/v1/tag/batch"):
        found = set(description["paths"][path]["post"]["responses"])
        assert found == {"200", "400", "401", "403", "408", "413", "415", "422", "429", "500", "503"}


def test_refers_to_nothing_outside_itself(description: dict[str, Any]) -> None:
    """Every reference leads to a schema that is there."""
    text = json.dumps(description)
    for name in {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}:
        assert name in description["components"]["schemas"]


def test_shows_the_models_real_answers(client: httpx.Client, description: dict[str, Any]) -> None:
    """The examples are real: posting the request's gives the answer's."""
    tag = description["paths"]["/v1/tag"]["post"]
    examples = tag["requestBody"]["content"]["application/json"]["examples"]
    assert [one["value"] for one in examples.values()] == [EXAMPLE_ARTICLE, EXAMPLE_HTML]
    answer = tag["responses"]["200"]["content"]["application/json"]["example"]
    assert client.post("/v1/tag", json=EXAMPLE_ARTICLE).json() == answer
    batch = description["paths"]["/v1/tag/batch"]["post"]
    lines = batch["responses"]["200"]["content"]["application/x-ndjson"]["example"]
    for name, content in batch["requestBody"]["content"].items():
        example = content["example"]
        sent = example if isinstance(example, str) else json.dumps(example)
        assert client.post("/v1/tag/batch", content=sent, headers={"Content-Type": name}).text == lines


LINKS: dict[tuple[str, str], dict[str, tuple[str, dict[str, str]]]] = {
    ("get", "/v1/models"): {
        "activate-first": ("activate_model", {"version": "$response.body#/versions/0/version"}),
        "activate-last": ("activate_model", {"version": "$response.body#/versions/2/version"}),
        "rollback": ("roll_back", {}),
    },
    ("post", "/v1/models/{version}/activate"): {"rollback": ("roll_back", {}), "topics": ("list_topics", {})},
    ("post", "/v1/models/rollback"): {"manifest": ("get_model", {}), "models": ("list_models", {})},
}
"""What follows from what, for the tester: which route, and with which parameters."""


def test_holds_for_one_request_after_another(description: dict[str, Any], tmp_path: Path) -> None:
    """Versions listed, activated and rolled back in any order: the service keeps to its description."""
    save_versions(tmp_path)
    for (method, path), links in LINKS.items():
        described = {
            name: {"operationId": follower, "parameters": parameters} for name, (follower, parameters) in links.items()
        }
        description["paths"][path][method]["responses"]["200"]["links"] = described
    with serving(tmp_path) as address:
        config = SchemathesisConfig.from_str(f'base-url = "{address}"\nrequest-timeout = {PATIENCE}\n{CONFIG}')
        machine = schemathesis.openapi.from_dict(description, config=config).as_state_machine()
        machine.run(settings=settings(FEW, stateful_step_count=4))


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        *((method, path, GenerationMode.POSITIVE) for method, path in sorted(ROUTES)),
        ("post", "/v1/tag", GenerationMode.NEGATIVE),
        ("post", "/v1/tag/batch", GenerationMode.NEGATIVE),
    ],
)
def test_holds_for_generated_requests(api: OpenApiSchema, method: str, path: str, mode: GenerationMode) -> None:
    """Whatever schemathesis makes of the description, right or wrong, the service keeps to it."""

    @FEW
    @given(api[path][method].as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        # Any text is JSON Lines: a line that is not JSON is answered in its place.
        assume(mode is GenerationMode.POSITIVE or case.media_type == "application/json")
        case.call_and_validate()

    check()
