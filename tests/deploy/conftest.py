"""What the tests of deploy/ need of the system."""

import os
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

REQUIRED = "REQUIRE_DEPLOY"
"""The environment variable that lets a test fail, not skip, where what it needs is not installed."""

Need = Callable[[str], str]
"""Returns the path of a program or, of a module of Python, its name; skips the test if it is not installed."""

_FROM = {"caddy": "make test-deploy", "check_jsonschema": "make test-deploy", "kubernetes_validate": "make test-deploy"}


@pytest.fixture(scope="session")
def need() -> Need:
    """Return what finds a program or a module, or skips the test."""

    def find(name: str) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
        if name in _FROM:  # of the version that the samples are written for
            path = str(Path(sys.executable).parent)
        found = shutil.which(name, path=path) or (name if name.isidentifier() and find_spec(name) else None)
        if found is None:
            why = f"{name} is not installed: {_FROM.get(name, f'apt-get install {name}')}"
            (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(why)
        return found

    return find
