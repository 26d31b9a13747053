"""The answer to one article as ninjs (IPTC's News in JSON): the item's subjects, to be merged into it by its `uri`.

https://www.iptc.org/std/ninjs/ninjs-schema_3.1.json, and 2.2 and 1.6
"""

from typing import Any

from tagdesk.models import Article, TaggedArticle, Topic, TopicModel
from tagdesk.service.formats.concepts import concept_of, missing_above
from tagdesk.service.formats.identity import item_uri

ABOUT = "about"
"""The relation to a subject of the band `auto`."""

SUGGESTED = "suggest"
"""The relation to a subject of the band `suggest`."""

ANCESTOR = "ancestor"
"""The relation to a subject that stands above another one."""

_SCHEMA = "http://www.iptc.org/std/ninjs/ninjs-schema_{version}.json#"


def ninjs_3(model: TopicModel, article: Article, tagged: TaggedArticle) -> dict[str, Any]:
    """Return the answer as ninjs 3.1."""
    return {"representationType": "partial", **_plural("3.1", model, article, tagged)}


def ninjs_2(model: TopicModel, article: Article, tagged: TaggedArticle) -> dict[str, Any]:
    """Return the answer as ninjs 2.2."""
    return {"representationtype": "partial", **_plural("2.2", model, article, tagged)}


def _plural(version: str, model: TopicModel, article: Article, tagged: TaggedArticle) -> dict[str, Any]:
    """Return what the versions with `subjects` and `headlines` share."""
    item: dict[str, Any] = {
        "uri": item_uri(article),
        "type": "text",
        "standard": _standard(version),
        "subjects": [_subject(*subject) for subject in _subjects(model, tagged)],
    }
    if article.title:
        item["headlines"] = [{"role": "main", "value": article.title}]
    if article.language:
        item["language"] = article.language
    return item


def ninjs_1(model: TopicModel, article: Article, tagged: TaggedArticle) -> dict[str, Any]:
    """Return the answer as ninjs 1.6."""
    item: dict[str, Any] = {
        "uri": item_uri(article),
        "type": "text",
        "representationtype": "incomplete",
        "$standard": _standard("1.6"),
        "subject": [_subject_1(*subject) for subject in _subjects(model, tagged)],
    }
    if article.title:
        item["headline"] = article.title
    if article.language:
        item["language"] = article.language
    return item


def _standard(version: str) -> dict[str, str]:
    return {"name": "ninjs", "version": version, "schema": _SCHEMA.format(version=version)}


def _subjects(model: TopicModel, tagged: TaggedArticle) -> list[tuple[Topic, dict[str, Any]]]:
    """Return the topics, each with the fields that both versions share."""
    strongest = max((result.confidence for result in tagged.topics), default=1.0)
    rows = [
        (result.topic, ABOUT if result.band == "auto" else SUGGESTED, result.confidence) for result in tagged.topics
    ]
    upper = missing_above(model.taxonomy, [(topic, confidence) for topic, _, confidence in rows])
    rows += [(topic, ANCESTOR, confidence) for topic, confidence in upper]
    creator = f"Tagdesk {model.ref}"
    return [
        (
            topic,
            {
                "name": topic.name,
                "rel": rel,
                "creator": creator,
                "relevance": round(100 * confidence / strongest),
                "confidence": round(100 * confidence),
            },
        )
        for topic, rel, confidence in rows
    ]


def _subject(topic: Topic, shared: dict[str, Any]) -> dict[str, Any]:
    concept = concept_of(topic)
    return shared | ({"uri": concept.uri} if concept else {"literal": topic.id})


def _subject_1(topic: Topic, shared: dict[str, Any]) -> dict[str, Any]:
    concept = concept_of(topic)
    return shared | ({"scheme": concept.scheme, "code": concept.code} if concept else {"code": topic.id})
