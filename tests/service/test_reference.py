"""The reference in docs/ names everything there is."""

import re
from dataclasses import fields
from pathlib import Path

from tagdesk.service.edge.problems import KINDS
from tagdesk.service.settings import Settings, option, shown, variable
from tests.service.test_openapi import ROUTES

DOCS = Path(__file__).parents[2] / "docs"
API, SETTINGS = ((DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("api", "settings"))


def test_lists_every_setting_and_no_other() -> None:
    """A row for each, with its variable, option and default."""
    rows = [(variable(field.name), option(field.name), _shown(field.default)) for field in fields(Settings)]
    listed = re.findall(r"^\| `(TAGDESK_\w+)` \| `(--[\w-]+)` \| (.*?) \|", SETTINGS, re.MULTILINE)
    assert sorted(listed) == sorted(rows)


def _shown(default: object) -> str:
    return f"{default:,}" if isinstance(default, int) and default > 9999 else shown(default)


def test_lists_every_route_and_no_other() -> None:
    """A row for each; `/metrics` alone is not in the OpenAPI document."""
    routes = {f"{method.upper()} {path}" for method, path in ROUTES}
    assert set(re.findall(r"^\| `([A-Z]+ /\S*)` \|", API, re.MULTILINE)) - {"GET /metrics"} == routes


def test_lists_every_problem_and_no_other() -> None:
    """A row for each kind, with its status."""
    kinds = {(str(kind.status), kind.type) for kind in KINDS.values()}
    assert set(re.findall(r"^\| (\d{3}) \| `([^`]+)` \|", API, re.MULTILINE)) == kinds
