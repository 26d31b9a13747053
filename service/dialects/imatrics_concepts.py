"""Topics as iMatrics' concepts, and the ways back: from a uuid, and from a part of the name."""

import uuid
from collections.abc import Iterable
from typing import Any

from tagdesk.models import Taxonomy, Topic
from tagdesk.service.dialects.requests import ConceptQuestion
from tagdesk.service.formats.concepts import SCHEMES

_NAMESPACE = uuid.UUID("6f1d8a52-2c1e-5d0b-9a53-5f6b4f0c7a11")  # of topics' ids; another would change all uuids
_RELATIONS = {"exact": "exactMatch", "close": "closeMatch", "narrower": "narrowMatch"}
_SOURCE = "tagdesk"


def uuid_of(topic: str) -> str:
    """Return the uuid of the topic with this id: the same in every service and version."""
    return str(uuid.uuid5(_NAMESPACE, topic))


def weighed(topic: Topic, confidence: float) -> dict[str, Any]:
    """Return a topic as a concept of an analysis."""
    return concept(topic) | {"weight": round(confidence, 6)}


def concept(topic: Topic) -> dict[str, Any]:
    """Return a topic as a concept."""
    return {
        "uuid": uuid_of(topic.id),
        "title": topic.name,
        "type": _type(topic),
        "shortDescription": topic.description,
        "aliases": [],
        "source": _SOURCE,
        "author": _SOURCE,
        "broader": "",  # given a tree, Superdesk adds the parents as tags, and removes a parent's children with it
        "links": _links(topic),
    }


def _type(topic: Topic) -> str:
    """Superdesk puts a `category` under the scheme `mediatopic`, and a `topic` under iMatrics' own scheme."""
    return "category" if any(link["relationType"] == "exactMatch" for link in _links(topic)) else "topic"


def _links(topic: Topic) -> list[dict[str, str]]:
    return [
        {
            "source": "iptc",
            "relationType": _RELATIONS[code.match],
            "id": code.qcode,
            "uri": SCHEMES["medtop"] + code.qcode.removeprefix("medtop:"),
        }
        for code in topic.codes
        if code.qcode.startswith("medtop:")
    ]


def of_uuid(topics: Iterable[Topic], wanted: str | None) -> list[Topic]:
    """Return the topic of a uuid, or none."""
    return [topic for topic in topics if uuid_of(topic.id) == wanted]


def of_title(every: Iterable[Topic], question: ConceptQuestion) -> list[Topic]:
    """Return the topics whose names contain a text, those that begin with it first."""
    part = (question.title or "").strip().casefold()
    topics = [
        topic for topic in every if part in topic.name.casefold() and question.type in (None, "", "all", _type(topic))
    ]
    topics.sort(key=lambda topic: not topic.name.casefold().startswith(part))
    return topics[: question.size]


def topics_of(taxonomy: Taxonomy, uuids: Iterable[str]) -> list[str]:
    """Return the ids of the topics that have one of these uuids, each once."""
    topics = {uuid_of(topic.id): topic.id for topic in taxonomy.topics}
    return list(dict.fromkeys(topics[name] for name in uuids if name in topics))
