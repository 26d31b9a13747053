"""Topics as concepts of IPTC's vocabularies: the URI of a topic, the topics above it, and the way back."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tagdesk.models import Taxonomy, Topic
from tagdesk.models.taxonomy import Code

SCHEMES = {
    "medtop": "http://cv.iptc.org/newscodes/mediatopic/",
    "subj": "http://cv.iptc.org/newscodes/subjectcode/",
}
"""The vocabularies whose URIs are known, by the prefix of their codes."""

_STRENGTH = ("narrower", "close", "exact")
OWN = "urn:tagdesk:topic:"
"""Followed by a topic's id, the URI of a topic that has no concept."""

_OWN_NAME = re.compile(rf"(?:{OWN}|.*/v1/topics#)?([^#/:\s]+)")  # with an address, as it was until 2026-11


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept of one of the vocabularies.

    Attributes:
        qcode: scheme and code as IPTC writes them, `medtop:16000000`.
        scheme: the vocabulary's URI.
        code: the code within it.
    """

    qcode: str
    scheme: str
    code: str

    @property
    def uri(self) -> str:
        """The concept's own URI."""
        return self.scheme + self.code


def concept_of(topic: Topic) -> Concept | None:
    """Return the concept that stands for a topic: one that matches exactly, else closely.

    A narrower concept is only a part of the topic, and would say more about an article than is known.
    """
    for match in ("exact", "close"):
        for code in topic.codes:
            if code.match == match and (concept := _concept(code)):
                return concept
    return None


def _concept(code: Code) -> Concept | None:
    prefix, _, name = code.qcode.partition(":")
    scheme = SCHEMES.get(prefix)
    return Concept(code.qcode, scheme, name) if scheme else None


def uri_of(topic: Topic) -> str:
    """Return the URI of a topic: its concept's, else a name of our own, the same whatever address was asked for."""
    concept = concept_of(topic)
    return concept.uri if concept else OWN + topic.id


def above(taxonomy: Taxonomy, topic: Topic) -> Iterator[Topic]:
    """Yield a topic's parent, its parent's parent, and so on."""
    while topic.parent is not None:
        topic = taxonomy.topics[taxonomy.column(topic.parent)]
        yield topic


def missing_above(taxonomy: Taxonomy, topics: Iterable[tuple[Topic, float]]) -> list[tuple[Topic, float]]:
    """Return the topics that stand above these and are not among them.

    In IPTC's vocabularies, as in most trees of topics, what is about a concept is also about the concepts above it.

    Args:
        taxonomy: the tree.
        topics: each with its confidence.

    Returns:
        Each with the highest confidence of the topics below it, most likely first.
    """
    topics = list(topics)
    present = {topic.id for topic, _ in topics}
    missing: dict[str, tuple[Topic, float]] = {}
    for topic, confidence in topics:
        for upper in above(taxonomy, topic):
            if upper.id not in present and confidence > missing.get(upper.id, (upper, -1.0))[1]:
                missing[upper.id] = (upper, confidence)
    return sorted(missing.values(), key=lambda row: -row[1])


class Vocabulary:
    """The way back, from the name of a concept to the topic.

    Args:
        taxonomy: the topics.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self._topics: dict[str, str] = {}
        codes = [(code, topic.id) for topic in taxonomy.topics for code in topic.codes]
        # Two topics may share a code: the topic written last, which matches best, gets it.
        for code, topic in sorted(codes, key=lambda row: _STRENGTH.index(row[0].match)):
            self._topics[code.qcode] = topic
            if concept := _concept(code):
                self._topics[concept.uri] = topic

    def topic(self, name: str) -> str | None:
        """Return the id of the topic that a URI, a code or an id names; None where there is none."""
        topic = self._topics.get(name.replace("https://cv.iptc.org/", "http://cv.iptc.org/", 1))
        if topic is None and (match := _OWN_NAME.fullmatch(name)) and match[1] in self._taxonomy:
            return match[1]
        return topic
