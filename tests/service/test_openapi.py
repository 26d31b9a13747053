"""The API's description: true, complete, and what a property-based tester finds of it in the running service."""

import json
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

from service.app import Tagdesk
from service.openapi import EXAMPLE_ARTICLE, EXAMPLE_HTML
from service.problems import MEDIA_TYPE
from tests.service.versions import save_versions, serving

ROUTES = {
    ("post", "/v1/tag"),
    ("post", "/v1/tag/batch"),
    ("post", "/v1/feedback"),
    ("get", "/v1/feedback/counts"),
    ("get", "/v1/feedback/export"),
    ("post", "/v1/queue"),
    ("get", "/v1/queue/next"),
    ("get", "/v1/drift"),
    ("get", "/v1/models/{version}/changes"),
    ("get", "/desk/session"),
    ("post", "/desk/session"),
    ("delete", "/desk/session"),
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
    ("get", "/v1/projects"),
    ("get", "/v1/projects/{project_id}"),
    ("post", "/v1/projects/{project_id}/suggest"),
    ("post", "/v1/projects/{project_id}/suggest-batch"),
    ("post", "/v1/projects/{project_id}/learn"),
    ("post", "/v1/detect-language"),
    ("post", "/integrations/imatrics/article/analysis"),
    ("post", "/integrations/imatrics/article/store"),
    ("post", "/integrations/imatrics/article/concept"),
    ("post", "/integrations/imatrics/concept/get"),
    ("post", "/integrations/imatrics/concept/create"),
    ("delete", "/integrations/imatrics/concept/delete"),
}

# A body can have characters and yet no text (`<br>`), which no schema can say; the service then answers 422. Nor can
# one say whether there is a version to go back to (409).
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "404", "409", "422"]
"""

FEW = settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def description(address: str) -> dict[str, Any]:
    """Return /openapi.json."""
    found: dict[str, Any] = httpx.get(f"{address}/openapi.json").raise_for_status().json()
    return found


@pytest.fixture(scope="session")
def api(address: str) -> OpenApiSchema:
    """Return the running service as schemathesis sees it."""
    return schemathesis.openapi.from_url(f"{address}/openapi.json", config=SchemathesisConfig.from_str(CONFIG))


@schemathesis.serializer("application/x-ndjson", "application/jsonl", "application/json-lines")
def _lines(_: schemathesis.SerializationContext, value: Any) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else json.dumps(value).encode()


def test_describes_every_route(app: Tagdesk, description: dict[str, Any]) -> None:
    """Every route is described, and nothing else is."""
    described = {(method, path) for path, methods in description["paths"].items() for method in methods}
    assert described == ROUTES
    hidden = {"/openapi.json", "/", "/desk", "/metrics"}
    assert {path for _, path in ROUTES} | hidden >= {getattr(route, "path", "") for route in app.routes} - {""}


def test_is_valid(api: OpenApiSchema, description: dict[str, Any]) -> None:
    """The description is valid OpenAPI, and its schemas are valid JSON Schema."""
    api.validate()
    for schema in description["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_describes_every_error_as_a_problem(description: dict[str, Any]) -> None:
    """No 4xx or 5xx is described as anything but a problem, and every route that tags lists its own."""
    for methods in description["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                assert status in ("200", "202", "204", "304") or list(response["content"]) == [MEDIA_TYPE]
    for path in ("/v1/tag", "/v1/tag/batch"):
        found = set(description["paths"][path]["post"]["responses"])
        assert found == {"200", "400", "408", "413", "415", "422", "500", "503"}


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
        "activate-first": ("activate", {"version": "$response.body#/versions/0/version"}),
        "activate-last": ("activate", {"version": "$response.body#/versions/2/version"}),
        "rollback": ("rollback", {}),
    },
    ("post", "/v1/models/{version}/activate"): {"rollback": ("rollback", {}), "topics": ("topics", {})},
    ("post", "/v1/models/rollback"): {"manifest": ("manifest", {}), "models": ("models", {})},
}
"""What follows from what, for the tester: which route, and with which parameters."""


def test_holds_for_one_request_after_another(description: dict[str, Any], tmp_path: Path) -> None:
    """Versions listed, activated and rolled back in any order: the service keeps to its description."""
    save_versions(tmp_path)
    for (method, path), links in LINKS.items():
        described = {
            name: {"operationId": _operation(description, follower), "parameters": parameters}
            for name, (follower, parameters) in links.items()
        }
        description["paths"][path][method]["responses"]["200"]["links"] = described
    with serving(tmp_path) as address:
        config = SchemathesisConfig.from_str(f'base-url = "{address}"\n{CONFIG}')
        machine = schemathesis.openapi.from_dict(description, config=config).as_state_machine()
        machine.run(settings=settings(FEW, stateful_step_count=4))


def _operation(description: dict[str, Any], name: str) -> str:
    """Return the id of the operation whose function has this name."""
    ids = [one["operationId"] for methods in description["paths"].values() for one in methods.values()]
    (found,) = (one for one in ids if one.startswith(f"{name}_v1"))
    return str(found)


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
