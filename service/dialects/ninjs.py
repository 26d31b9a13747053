"""The answer to one article as ninjs (IPTC's News in JSON): the item's subjects, to be merged into it by its `uri`.

https://www.iptc.org/std/ninjs/ninjs-schema_3.1.json and ninjs-schema_1.6.json
"""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from models import Article, TaggedArticle, Topic, TopicModel
from service.dialects.concepts import concept_of, missing_above
from service.feedback import article_id

ABOUT = "about"
"""The relation to a subject of the band `auto`."""

SUGGESTED = "suggest"
"""The relation to a subject of the band `suggest`."""

ANCESTOR = "ancestor"
"""The relation to a subject that stands above another one."""

_SCHEMA = "http://www.iptc.org/std/ninjs/ninjs-schema_{version}.json#"
_is_uri = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:[!#$%&'()*+,/:;=?@\[\]~A-Za-z0-9._-]+").fullmatch


def ninjs_3(model: TopicModel, article: Article, found: TaggedArticle) -> dict[str, Any]:
    """Return the answer as ninjs 3.1."""
    item: dict[str, Any] = {
        "uri": item_uri(article),
        "type": "text",
        "representationType": "partial",
        "standard": _standard("3.1"),
        "subjects": [_subject_3(*one) for one in _subjects(model, found)],
    }
    if article.title:
        item["headlines"] = [{"role": "main", "value": article.title}]
    if article.language:
        item["language"] = article.language
    return item


def ninjs_1(model: TopicModel, article: Article, found: TaggedArticle) -> dict[str, Any]:
    """Return the answer as ninjs 1.6."""
    item: dict[str, Any] = {
        "uri": item_uri(article),
        "type": "text",
        "representationtype": "incomplete",
        "$standard": _standard("1.6"),
        "subject": [_subject_1(*one) for one in _subjects(model, found)],
    }
    if article.title:
        item["headline"] = article.title
    if article.language:
        item["language"] = article.language
    return item


def item_uri(article: Article) -> str:
    """Return the article's id where it is a URI, else its address, else a URN of its id or its text."""
    for given in (article.id, article.url):
        if given and _is_uri(given):
            return given
    name = article.id or article_id(replace(article, id=None))
    return f"urn:tagdesk:article:{quote(name, safe='')}"


def _standard(version: str) -> dict[str, str]:
    return {"name": "ninjs", "version": version, "schema": _SCHEMA.format(version=version)}


def _subjects(model: TopicModel, found: TaggedArticle) -> list[tuple[Topic, dict[str, Any]]]:
    """Return the topics, and what both versions say of each in the same words."""
    strongest = max((one.confidence for one in found.topics), default=1.0)
    given = [(one.topic, ABOUT if one.band == "auto" else SUGGESTED, one.confidence) for one in found.topics]
    upper = missing_above(model.taxonomy, [(topic, confidence) for topic, _, confidence in given])
    rows = [*given, *((topic, ANCESTOR, confidence) for topic, confidence in upper)]
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


def _subject_3(topic: Topic, said: dict[str, Any]) -> dict[str, Any]:
    concept = concept_of(topic)
    return said | ({"uri": concept.uri} if concept else {"literal": topic.id})


def _subject_1(topic: Topic, said: dict[str, Any]) -> dict[str, Any]:
    concept = concept_of(topic)
    return said | ({"scheme": concept.scheme, "code": concept.code} if concept else {"code": topic.id})
