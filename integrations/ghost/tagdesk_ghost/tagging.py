"""One post: read from Ghost, asked about at Tagdesk, given its tags, and what its editors made of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tagdesk_ghost.asking import Failed, Ghost, Refused, Tag, Tagdesk, article_of, tags_of
from tagdesk_ghost.settings import Settings
from tagdesk_ghost.state import Record, State
from tagdesk_ghost.tags import SiteTags

LIMIT = 30.0
"""Seconds for one post, all its requests together."""


class Tagger:
    """Gives posts their tags, and learns what editors make of them.

    Args:
        settings: where Ghost and Tagdesk are, and what becomes a tag.
        client: what both are asked with.
        state: what is remembered.
    """

    def __init__(self, settings: Settings, client: httpx.AsyncClient, state: State) -> None:
        self._settings = settings
        self._ghost = Ghost(settings, client)
        self._tagdesk = Tagdesk(settings, client)
        self._state = state

    async def tag(self, post_id: str) -> int:
        """Give a published post the tags of its topics beside those it has; return how many are new.

        A topic whose tag an editor took away is not put there again.

        Raises:
            Failed: try again later; the text says why, without a word of the post.
            Refused: another try is no use.
        """
        async with _asking():
            post, site, record, present = await self._seen(post_id, self._state.record(post_id) or Record())
            record.model, bands = await self._tagdesk.tag(article_of(post, self._settings.url))
            record.given = list(bands)
            new = [
                topic
                for topic, band in bands.items()
                if band in self._settings.bands and topic not in present and topic not in record.removed
            ]
            if new:
                present += await self._put(post, site, record, new)
            self._keep(post, site, record, present)
            return len(new)

    async def look(self, post_id: str) -> None:
        """Take in what editors made of the tags of a post that was tagged.

        Raises:
            Failed: try again later.
            Refused: another try is no use.
        """
        record = self._state.record(post_id)
        if record is None:
            return
        async with _asking():
            post, site, record, present = await self._seen(post_id, record)
            self._keep(post, site, record, present)

    async def send(self, post_id: str) -> None:
        """Send the correction of a post that waits.

        Raises:
            Failed: try again later.
            Refused: Tagdesk will never keep it; it is parked.
        """
        correction = self._state.correction(post_id)
        if correction is None:
            return
        async with _asking():
            try:
                await self._tagdesk.correct(correction)
            except Refused as error:
                self._state.park(post_id, correction["id"], str(error))
                raise
        self._state.sent(post_id, correction["id"])

    async def untagged(self, since: str) -> AsyncIterator[str]:
        """Yield the ids of the posts published since a day that were never tagged, and have no tag of any topic.

        Raises:
            Failed: Ghost or Tagdesk did not answer.
        """
        site = SiteTags(self._ghost, self._state, await self._tagdesk.topics())
        async for post_id, tags in self._ghost.published(since):
            if self._state.record(post_id) is None and not site.topics_of(tags):
                yield post_id

    async def _seen(self, post_id: str, record: Record) -> tuple[dict[str, Any], SiteTags, Record, list[str]]:
        """Return a post, the site's tags, the record with what editors did since, and the topics on the post."""
        post = await self._ghost.post(post_id)
        site = SiteTags(self._ghost, self._state, await self._tagdesk.topics())
        present = site.topics_of(tags_of(post))
        site.remember(present, tags_of(post))
        gone = await site.gone(topic for topic in record.before() if topic not in present)
        record.settle(present, gone)
        return post, site, record, present

    async def _put(self, post: dict[str, Any], site: SiteTags, record: Record, topics: Sequence[str]) -> list[str]:
        """Put the tags of topics on a post beside its own."""
        tags: list[Tag] = [*tags_of(post), *await site.tags_for(topics)]
        record.putting = list(topics)
        self._state.keep(post["id"], record)
        site.remember(topics, await self._ghost.put_tags(post, tags))
        record.put, record.putting = [*record.put, *topics], []
        return list(topics)

    def _keep(self, post: dict[str, Any], site: SiteTags, record: Record, present: Sequence[str]) -> None:
        """Remember a post, with a correction where the verdicts are others than before."""
        verdicts = record.verdicts(present, site.topics)
        changed = any(verdicts[name] != record.sent.get(name, []) for name in verdicts)
        record.sent = verdicts
        correction = {"article": article_of(post, self._settings.url), "model": record.model, **verdicts}
        self._state.keep(post["id"], record, correction if changed else None)


@asynccontextmanager
async def _asking() -> AsyncIterator[None]:
    """Say in a sentence that no answer came.

    Raises:
        Failed: none came in time.
    """
    try:
        async with asyncio.timeout(LIMIT):
            yield
    except TimeoutError:
        raise Failed(f"no answer within {LIMIT:g} seconds") from None
    except httpx.HTTPError as error:
        raise Failed(f"no answer: {type(error).__name__}") from None
