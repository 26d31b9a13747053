"""service/README.md names everything there is."""

from dataclasses import fields
from pathlib import Path

import pytest

import service
from service.problems import KINDS
from service.settings import Settings, option, shown, variable
from tests.service.test_openapi import ROUTES

README = Path(service.__file__).with_name("README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("one", fields(Settings), ids=lambda one: str(one.name))
def test_lists_every_setting(one: object) -> None:
    """Each setting's variable, option and default stand in one row."""
    name, default = getattr(one, "name", ""), getattr(one, "default", None)
    assert f"| `{variable(name)}` | `{option(name)}` | {_shown(default)} |" in README


def _shown(default: object) -> str:
    return f"{default:,}" if isinstance(default, int) and default > 9999 else shown(default)


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_lists_every_route(method: str, path: str) -> None:
    """Each route stands in the table."""
    assert f"| `{method.upper()} {path}` |" in README


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_lists_every_problem(kind: object) -> None:
    """Each kind of problem stands in the table with its status."""
    assert f"| {getattr(kind, 'status', 0)} | `{getattr(kind, 'type', '')}` |" in README
