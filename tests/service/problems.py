"""What every problem must be, wherever it comes from."""

from typing import Any

import httpx

from tagdesk.service.edge.problems import KINDS

CANARY = "Zanzibarquux"
"""A word that no answer may repeat."""


def check(response: httpx.Response, status: int, kind: str, *pointers: str) -> dict[str, Any]:
    """Check that an answer is a problem of this kind, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert set(problem) == {"type", "title", "status", "detail", "errors"}
    assert problem["type"] in {f"/problems/{kind}", f"urn:tagdesk:problem:{kind}"}  # the latter for Annif's clients
    assert problem["title"] == KINDS[kind].title
    assert problem["status"] == status
    assert [error.get("pointer", error.get("parameter")) for error in problem["errors"]] == list(pointers)
    assert problem["detail"]
    assert CANARY not in response.text
    return problem
