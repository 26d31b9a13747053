"""The answer to one article as schema.org's NewsArticle (JSON-LD), to be embedded in its page.

https://schema.org/NewsArticle; schema.org has no word for a parent topic, so that is SKOS.
"""

from typing import Any

from tagdesk.models import Article, TaggedArticle, Taxonomy, Topic, TopicModel
from tagdesk.service.formats.concepts import above, concept_of
from tagdesk.service.formats.identity import item_uri

_CONTEXT = ["https://schema.org", {"skos": "http://www.w3.org/2004/02/skos/core#"}]


def news_article(model: TopicModel, article: Article, tagged: TaggedArticle) -> dict[str, Any]:
    """Return the answer as a NewsArticle: `about` has the topics, `keywords` their names, most likely first."""
    topics = [result.topic for result in tagged.topics]
    document: dict[str, Any] = {"@context": _CONTEXT, "@type": "NewsArticle", "@id": article.url or item_uri(article)}
    if article.title:
        document["headline"] = article.title
    if article.url:
        document["url"] = article.url
    if article.language:
        document["inLanguage"] = article.language
    sections = [_section(model.taxonomy, topic) for topic in topics]
    return document | {
        "about": [_term(model.taxonomy, topic) for topic in topics],
        "articleSection": list(dict.fromkeys(sections)),
        "keywords": [topic.name for topic in topics],
    }


def _section(taxonomy: Taxonomy, topic: Topic) -> str:
    """Return the name of the topmost topic above this one, or its own."""
    return [topic, *above(taxonomy, topic)][-1].name


def _term(taxonomy: Taxonomy, topic: Topic) -> dict[str, Any]:
    concept = concept_of(topic)
    term: dict[str, Any] = {"@type": "DefinedTerm", "name": topic.name}
    if concept:
        term |= {"@id": concept.uri, "termCode": concept.qcode, "inDefinedTermSet": concept.scheme}
    else:
        term |= {"termCode": topic.id, "inDefinedTermSet": taxonomy.name}
    if topic.parent:
        term["skos:broader"] = _upper(next(above(taxonomy, topic)))
    return term


def _upper(topic: Topic) -> dict[str, str]:
    concept = concept_of(topic)
    return {"skos:prefLabel": topic.name} | ({"@id": concept.uri} if concept else {"skos:notation": topic.id})
