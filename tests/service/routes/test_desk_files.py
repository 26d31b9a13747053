"""The desk's files."""

import httpx
import pytest

from tagdesk.service.routes.desk import HEADERS


@pytest.mark.parametrize(("path", "kind"), [("/", "text/html"), ("/desk/app.js", "text/javascript")])
def test_serves_the_desk_with_strict_headers(client: httpx.Client, path: str, kind: str) -> None:
    """The page and its files come with a policy that lets nothing else in."""
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(kind)
    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert client.head(path).status_code == 200


@pytest.mark.parametrize("path", ["/desk/none.js", "/desk/", "/desk/..%2fapp.py", "/desk/%2e%2e/app.py"])
def test_serves_nothing_else(client: httpx.Client, path: str) -> None:
    """What is not a file of the desk is a 404 problem."""
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
