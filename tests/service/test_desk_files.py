"""The desk's files, where there is a desk."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from service.problems import handlers
from service.static import HEADERS, add_desk

Serve = Callable[[ASGIApp], AbstractContextManager[str]]


@pytest.fixture
def desk(tmp_path: Path, serve: Serve) -> Iterator[httpx.Client]:
    """Return a client of a service with a desk of two files."""
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>Desk</title>")
    (folder / "app.js").write_text("'use strict';")
    (tmp_path / "secret.txt").write_text("secret")
    app = FastAPI(exception_handlers=handlers())
    add_desk(app, folder)
    with serve(app) as address, httpx.Client(base_url=address) as client:
        yield client


@pytest.mark.parametrize(("path", "kind"), [("/", "text/html"), ("/desk/app.js", "text/javascript")])
def test_serves_the_desk_with_strict_headers(desk: httpx.Client, path: str, kind: str) -> None:
    """The page and its files come with a policy that lets nothing else in."""
    response = desk.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(kind)
    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert desk.head(path).status_code == 200


@pytest.mark.parametrize("path", ["/desk/none.js", "/desk/", "/desk/..%2fsecret.txt", "/desk/%2e%2e/secret.txt"])
def test_serves_nothing_else(desk: httpx.Client, path: str) -> None:
    """What is not a file of the desk is a 404 problem."""
    response = desk.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_does_without_a_desk(tmp_path: Path, serve: Serve) -> None:
    """Without the folder there is no page, and the service runs."""
    app = FastAPI(exception_handlers=handlers())
    add_desk(app, tmp_path)
    with serve(app) as address:
        assert httpx.get(f"{address}/").status_code == 404
