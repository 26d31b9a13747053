"""`?explain=` of a topic or of all: also the topics that are not given."""

import httpx
import pytest

from tests.service.problems import check

ARTICLE = {"id": "a", "title": "War", "body": "Troops signed a ceasefire in the rain."}


def tagged(client: httpx.Client, explain: str) -> dict[str, list[dict[str, object]]]:
    response = client.post("/v1/tag", params={"explain": explain}, json=ARTICLE)
    assert response.status_code == 200, response.text
    answer: dict[str, list[dict[str, object]]] = response.json()
    return answer


def test_all_adds_the_topics_that_are_not_given(client: httpx.Client) -> None:
    """`below` has every other topic, most likely first, with score and bias and without evidence."""
    answer, explained = tagged(client, "all"), tagged(client, "true")
    below = answer.pop("below")
    assert answer == explained
    assert {topic["id"] for topic in [*answer["topics"], *below]} == {"conflict", "diplomacy", "weather"}
    assert below
    confidences = [float(str(topic["confidence"])) for topic in below]
    assert confidences == sorted(confidences, reverse=True)
    for topic in below:
        assert topic["band"] is None
        assert {"score", "bias"} <= set(topic)
        assert "evidence" not in topic


@pytest.mark.parametrize("topic", ["conflict", "diplomacy", "weather"])
def test_a_topic_is_explained_whether_or_not_it_is_given(client: httpx.Client, topic: str) -> None:
    """Its weights and its bias add up to its score; the other topics have no evidence."""
    answer = tagged(client, topic)
    (one,) = [one for one in [*answer["topics"], *answer["below"]] if "evidence" in one]
    assert one["id"] == topic
    evidence = one["evidence"]
    assert isinstance(evidence, list)
    total = sum(piece["weight"] for piece in evidence) + float(str(one["bias"]))
    assert total == pytest.approx(one["score"], abs=1e-6)
    given = tagged(client, "false")["topics"]
    assert [{key: value for key, value in row.items() if key in given[0]} for row in answer["topics"]] == given


def test_what_is_neither_is_refused(client: httpx.Client) -> None:
    """An unknown topic is a wrong parameter, named."""
    response = client.post("/v1/tag", params={"explain": "sport"}, json=ARTICLE)
    check(response, 422, "invalid-parameter", "explain")


def test_one_topic_of_a_very_long_article_is_not_explained(client: httpx.Client) -> None:
    response = client.post("/v1/tag", params={"explain": "weather"}, json={"body": "rain " * 10_001})
    check(response, 422, "article-too-long", "#/body")
