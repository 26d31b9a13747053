"""Which of the site's tags stand for which topics: by the ids that the bridge remembers, else by slug and name."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from tagdesk_ghost.asking import Ghost, Tag
from tagdesk_ghost.state import State

_is_no_letter = re.compile(r"[^a-z0-9]+")


class SiteTags:
    """The tags of the site that stand for topics.

    An id holds where the tag was renamed, its slug where only its name was, and neither cares for `SPORT` or `sport`.

    Args:
        ghost: the site.
        state: where ids are remembered.
        topics: the names of all topics by their ids.

    Attributes:
        topics: those names.
    """

    def __init__(self, ghost: Ghost, state: State, topics: Mapping[str, str]) -> None:
        self._ghost = ghost
        self._state = state
        self.topics = topics
        self._of_name = {folded(name): topic for topic, name in topics.items()}
        self._of_slug = {slug(name): topic for topic, name in topics.items()}

    def topics_of(self, tags: Iterable[Tag]) -> list[str]:
        """Return the topics that these tags stand for."""
        of_id = {tag: topic for topic, tag in self._state.tags().items() if topic in self.topics}
        topics = (of_id.get(tag["id"]) or self._by_words(tag) for tag in tags)
        return list(dict.fromkeys(topic for topic in topics if topic))

    async def gone(self, topics: Iterable[str]) -> list[str]:
        """Return those of the topics whose tag the site does not have any more."""
        missing = set(topics)
        wanted = {topic: tag for topic, tag in self._state.tags().items() if topic in missing}
        there = {tag["id"] for tag in await self._ghost.tags(id=wanted.values())}
        return [topic for topic, tag in wanted.items() if tag not in there]

    async def tags_for(self, topics: Sequence[str]) -> list[Tag]:
        """Return a tag for each topic: the site's where it has one, else one that is to be made."""
        ids = {tag: topic for topic, tag in self._state.tags().items() if topic in topics}
        tags = {ids[tag["id"]]: tag for tag in await self._ghost.tags(id=ids)}
        missing = [self.topics[topic] for topic in topics if topic not in tags]
        for tag in await self._ghost.tags(slug=[slug(name) for name in missing], name=missing):
            if topic := self._by_words(tag):
                tags.setdefault(topic, tag)
        return [tags.get(topic) or {"name": self.topics[topic]} for topic in topics]

    def remember(self, topics: Sequence[str], tags: Iterable[Tag]) -> None:
        """Remember the ids of a post's tags that stand for topics, unless the ones that are remembered are there."""
        known = self._state.tags()
        of_id = {tag: topic for topic, tag in known.items()}
        named = [(of_id.get(tag["id"]) or self._by_words(tag), tag["id"]) for tag in tags]
        there = {tag for _, tag in named}
        self._state.remember_tags(
            [
                (topic, tag)
                for topic, tag in named
                if topic is not None and topic in topics and known.get(topic) not in there
            ]
        )

    def _by_words(self, tag: Tag) -> str | None:
        return self._of_name.get(folded(tag["name"])) or self._of_slug.get(tag["slug"])


def folded(name: str) -> str:
    """Return a name as it is compared: an editor's `conflict` is the topic `Conflict`."""
    return name.strip().casefold()


def slug(name: str) -> str:
    """Return the slug that Ghost makes of a name, nearly."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _is_no_letter.sub("-", plain.lower()).strip("-")
