"""What another site's page can make a browser do: nothing."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagdesk.service.edge.cross_site import is_cross_site
from tests.service.problems import check

CHANGING = (
    ("POST", "/v1/models/1/activate"),
    ("POST", "/v1/models/rollback"),
    ("POST", "/v1/feedback"),
    ("POST", "/v1/queue"),
    ("POST", "/desk/session"),
    ("DELETE", "/desk/session"),
    ("DELETE", "/integrations/imatrics/concept/delete"),
)
"""What changes something, by its method."""
ELSEWHERE = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"},
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
)


@pytest.mark.parametrize("headers", ELSEWHERE)
@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_another_sites_page_changes_nothing(
    client: httpx.Client, method: str, path: str, headers: dict[str, str]
) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}
    check(client.request(method, path, headers={**headers, **form}), 403, "cross-site")


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_desks_own_page_may(client: httpx.Client, site: str) -> None:
    answer = client.post("/v1/tag", json={"body": "The war went on."}, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 200


def test_origin_counts_where_a_browser_does_not_say_more(client: httpx.Client, address: str) -> None:
    """Over plain HTTP a browser sends no Sec-Fetch-Site."""
    assert client.post("/v1/tag", json={"body": "The war went on."}, headers={"Origin": address}).status_code == 200


def test_a_client_that_is_no_browser_may(client: httpx.Client) -> None:
    assert client.post("/v1/tag", json={"body": "The war went on."}).status_code == 200


def test_a_link_from_elsewhere_may_be_followed(client: httpx.Client) -> None:
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@given(origin=st.binary(), host=st.binary())
def test_any_origin_can_be_judged(origin: bytes, host: bytes) -> None:
    assert is_cross_site({b"origin": origin, b"host": host}) in {True, False}


@pytest.mark.parametrize("end", ["%0A", "%0D%0A", "%20", "/"])
def test_no_spelling_of_a_path_goes_round_the_guard(client: httpx.Client, end: str) -> None:
    """What a router takes for the path of a route is judged as that route, or answers nobody."""
    for method, path in (*CHANGING, ("GET", "/v1/queue/next")):
        answer = client.request(method, f"{path}{end}", headers={"Sec-Fetch-Site": "cross-site"})
        kinds = {"cross-site": 403, "not-found": 404, "method-not-allowed": 405}
        assert (answer.json().get("type"), answer.status_code) in {(f"/problems/{k}", v) for k, v in kinds.items()}, (
            path
        )
    assert client.get(f"/v1/topics{end}").status_code == 404
