"""Superdesk core's side of the iMatrics protocol: what it sends, and what it makes of the answer.

Written from what superdesk-core's `superdesk/text_checkers/ai/imatrics.py` sends and reads; not its code.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import httpx

Tags = dict[str, list[dict[str, Any]]]

_KINDS = {"category": "subject", "topic": "subject", "person": "person", "place": "place"}
_SCHEMES = {"category": "mediatopic", "topic": "imatrics_topic"}
_FIELDS = "uuid,title,type,shortDescription,aliases,source,author,weight,broader,links"


class ProxyError(Exception):
    """What an editor sees where the provider does not answer 200."""


class Superdesk:
    """Superdesk with the settings of its iMatrics provider.

    Args:
        base_url: `IMATRICS_BASE_URL`.
        user: `IMATRICS_USER`.
        key: `IMATRICS_KEY`.
        vocabulary: the names of the vocabulary `IMATRICS_SUBJECT_SCHEME`, by code.
    """

    def __init__(self, base_url: str, user: str, key: str, vocabulary: Mapping[str, str]) -> None:
        self._base_url = base_url
        self._vocabulary = vocabulary
        self._http = httpx.Client(auth=(user, key), timeout=httpx.Timeout(30, connect=5))

    def __enter__(self) -> "Superdesk":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def analyse(self, item: Mapping[str, Any]) -> Tags:
        """Return the tags that are suggested of an item."""
        answer = self._ask("article/analysis", _story(item, published=False), conceptFields=_FIELDS)
        tags: Tags = {}
        for concept in sorted([*answer["concepts"], *answer["broader"]], key=lambda one: -one.get("weight", 0)):
            kind, tag = self._tag(concept)
            tags.setdefault(kind, []).append(tag)
        return tags

    def publish(self, item: Mapping[str, Any], tags: Tags, service: str = "article/store") -> dict[str, Any]:
        """Tell the provider which tags an editor saved in the widget."""
        story = _story(item, published=True) | {"concepts": _sent(tags)}
        return self._ask(service, story)

    def transmit(self, item: Mapping[str, Any], tags: Tags) -> dict[str, Any]:
        """Tell the provider what an item was published with, as the transmitter does."""
        story = _story(item, published=True) | {
            "createdTimestamp": "2026-11-24T04:00:00+00:00",
            "authors": [],
            "concepts": _sent(tags),
            "preamble": "\n".join(item.get("abstract", ())),
            "dateline": "",
            "body": item["paragraphs"],
        }
        return self._ask("article/store", story)

    def search(self, term: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the tags that a term finds, and those above them."""
        asked = {"title": term, "type": "all", "draft": False, "size": 10}
        found = self._ask("concept/get", asked, operation="title_type", conceptFields=_FIELDS)["result"]
        return [self._tag(one)[1] for one in found], [self._tag(up)[1] for one in found for up in self._above(one)]

    def _above(self, concept: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        while concept.get("broader"):
            asked = {"uuid": concept["broader"]}
            concept = self._ask("concept/get", asked, operation="id", conceptFields=_FIELDS)["result"][0]
            yield dict(concept)

    def create(self, title: str) -> None:
        """Have a tag made."""
        answer = self._ask("concept/create", {"title": title, "type": "topic"})
        if answer["error"]:
            raise ProxyError(answer.get("response", ""))

    def delete(self, uuid: str) -> dict[str, Any]:
        """Have a tag deleted."""
        return self._ask("concept/delete", None, "DELETE", uuid=uuid)

    def _ask(self, service: str, data: Any, method: str = "POST", **parameters: str) -> dict[str, Any]:
        response = self._http.request(method, urljoin(self._base_url, service), json=data, params=parameters)
        if response.status_code != 200:
            raise ProxyError(f"Unexpected return code ({response.status_code}): {response.text}")
        assert response.headers["content-type"] == "application/json"
        found: dict[str, Any] = response.json()
        return found

    def _tag(self, concept: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        tag: dict[str, Any] = {
            "name": concept["title"],
            "qcode": concept["uuid"],
            "parent": concept.get("broader") or None,
            "source": "imatrics",
            "aliases": concept.get("aliases", []),
            "original_source": concept.get("author") or concept.get("source"),
            "altids": {"imatrics": concept["uuid"]},
        }
        for link in concept.get("links", []):
            if link["source"].lower() == "iptc" and link["relationType"] == "exactMatch":
                code = link["id"].removeprefix("medtop:")
                tag["altids"]["medtop"] = code
                if code in self._vocabulary:
                    tag |= {"name": self._vocabulary[code], "qcode": code, "scheme": "topics"}
        tag.setdefault("scheme", _SCHEMES[concept["type"]])
        return _KINDS[concept["type"]], tag


def _story(item: Mapping[str, Any], *, published: bool) -> dict[str, Any]:
    return {
        "uuid": item["guid"],
        "pubStatus": published,
        "headline": item.get("headline", ""),
        "body": [*item["paragraphs"], *item.get("abstract", ())],
        "language": item["language"],
    }


def _sent(tags: Tags) -> list[dict[str, str]]:
    return [
        {"title": tag["name"], "type": _sent_type(kind, tag), "uuid": tag["altids"]["imatrics"]}
        for kind, some in tags.items()
        for tag in some
        if tag.get("altids", {}).get("imatrics")
    ]


def _sent_type(kind: str, tag: Mapping[str, Any]) -> str:
    if kind != "subject":
        return kind
    return "topic" if tag.get("scheme") == "imatrics_topic" else "category"
