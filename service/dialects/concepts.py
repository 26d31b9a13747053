"""Topics as concepts of IPTC's vocabularies: the URI of a topic, the topics above it, and the way back."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from models import Taxonomy, Topic
from models.taxonomy import Code

SCHEMES = {
    "medtop": "http://cv.iptc.org/newscodes/mediatopic/",
    "subj": "http://cv.iptc.org/newscodes/subjectcode/",
}
"""The vocabularies whose URIs are known, by the prefix of their codes."""

_STRENGTH = ("narrower", "close", "exact")
_OWN = re.compile(r"(?:.*/v1/topics#)?([^#/:\s]+)")


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

    A narrower one is a part of the topic, and would say more of an article than is known.
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


def uri_of(topic: Topic, base: str) -> str:
    """Return the URI of a topic: its concept's, else one of our own.

    Args:
        topic: the topic.
        base: the address of the service, with the slash at its end.
    """
    concept = concept_of(topic)
    return concept.uri if concept else f"{base}v1/topics#{topic.id}"


def above(taxonomy: Taxonomy, topic: Topic) -> Iterator[Topic]:
    """Yield a topic's parent, its parent's parent, and so on."""
    while topic.parent is not None:
        topic = taxonomy.topics[taxonomy.column(topic.parent)]
        yield topic


def missing_above(taxonomy: Taxonomy, given: Iterable[tuple[Topic, float]]) -> list[tuple[Topic, float]]:
    """Return the topics that stand above those given and are not given themselves.

    What is about a concept is about what stands above it too, in IPTC's vocabularies as in most trees of topics.

    Args:
        taxonomy: the tree.
        given: topics and their confidence.

    Returns:
        Each with the highest confidence of what is given below it, most likely first.
    """
    given = list(given)
    present = {topic.id for topic, _ in given}
    found: dict[str, tuple[Topic, float]] = {}
    for topic, confidence in given:
        for upper in above(taxonomy, topic):
            if upper.id not in present and confidence > found.get(upper.id, (upper, -1.0))[1]:
                found[upper.id] = (upper, confidence)
    return sorted(found.values(), key=lambda one: -one[1])


class Vocabulary:
    """The way back, from what names a concept to the topic.

    Args:
        taxonomy: whose topics there are.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self._topics: dict[str, str] = {}
        codes = [(code, topic.id) for topic in taxonomy.topics for code in topic.codes]
        # Two topics may share a code: the last that is written, the one that matches best, has it.
        for code, topic in sorted(codes, key=lambda one: _STRENGTH.index(one[0].match)):
            self._topics[code.qcode] = topic
            if concept := _concept(code):
                self._topics[concept.uri] = topic

    def topic(self, name: str) -> str | None:
        """Return the id of the topic that a URI, a code or an id names; None where there is none."""
        found = self._topics.get(name.replace("https://cv.iptc.org/", "http://cv.iptc.org/", 1))
        if found is None and (own := _OWN.fullmatch(name)) and own[1] in self._taxonomy:
            return own[1]
        return found
