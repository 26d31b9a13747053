"""The client for `async` code."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from types import TracebackType
from typing import Self, TypeVar

import httpx

from tagdesk_client.answers import Answer, Article, Progress, Receipt, Refusal, Taxonomy
from tagdesk_client.asking import Ask, Batch, Tally, ask_batch, ask_feedback, ask_tag, ask_topics, line_of
from tagdesk_client.errors import OutOfTime, TagdeskError, UnexpectedAnswer, Unreachable
from tagdesk_client.reading import Malformed, read_answer, read_lines, read_problem, read_receipt, read_taxonomy
from tagdesk_client.retries import Retries, retry_after

T = TypeVar("T")

_MOST_BYTES = 64 * 1024 * 1024


class AsyncTagdesk:
    """A client of a Tagdesk service, for use in one event loop of asyncio.

    Args:
        url: where the service is, `https://tagdesk.example.org`.
        key: a key of that service; empty where it asks for none.
        time_limit: seconds after which a call ends with `OutOfTime`, tries and waits and all, however slowly bytes
            come in; of a stream, each request.
        timeout: seconds of the same for one try.
        retries: when to ask again.

    Raises:
        ValueError: what is given cannot be used.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        time_limit: float = 30.0,
        timeout: float = 10.0,
        retries: Retries = Retries(),  # noqa: B008 - frozen
    ) -> None:
        if not (0 < time_limit < float("inf") and 0 < timeout < float("inf")):
            raise ValueError("time_limit and timeout are seconds: give numbers above 0")
        self.url = _checked_url(url)
        self.time_limit = time_limit
        self._timeout = timeout
        self._retries = retries
        headers = {"User-Agent": "tagdesk-client/0.1", **_authorization(key)}
        self._http = httpx.AsyncClient(headers=headers, timeout=None)  # noqa: S113 - asyncio.timeout counts the whole

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def tag(self, article: Article, *, explain: bool | str = False, time_limit: float | None = None) -> Answer:
        """Return the article's topics.

        Args:
            article: the article.
            explain: True for score, bias and evidence of each topic; `all` for the topics that are not given too; a
                topic's id for the evidence of that one.
            time_limit: another one than the client's, for this call.

        Raises:
            TagdeskError: there is no answer; its subclass says why.
        """
        return await self._ask(ask_tag(article, explain), read_answer, time_limit)

    async def tag_many(
        self, articles: Iterable[Article] | AsyncIterable[Article], *, explain: bool = False
    ) -> list[Answer | Refusal]:
        """Return the topics of many articles in their order; see `stream`."""
        return [found async for found in self.stream(articles, explain=explain)]

    async def stream(
        self,
        articles: Iterable[Article] | AsyncIterable[Article],
        *,
        explain: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> AsyncIterator[Answer | Refusal]:
        """Yield the topics of as many articles as come, in their order, in constant memory.

        Args:
            articles: the articles; taken as they are needed.
            explain: whether to add score, bias and evidence.
            progress: called after each request of some hundred articles.

        Raises:
            TagdeskError: there is no answer for the articles that follow those answered.
        """
        tally = Tally()
        async for batch in _batches(articles):
            found = await self.tag_batch(batch, explain=explain)
            for one in found:
                yield one
            tally.add(found)
            if progress:
                progress(tally.progress())

    async def tag_batch(self, batch: Batch, *, explain: bool) -> list[Answer | Refusal]:
        """Return the answers to one request of a stream."""
        ask = ask_batch(bytes(batch.lines), explain=explain)
        return await self._ask(ask, lambda data: read_lines(data, batch.articles))

    async def feedback(
        self,
        article: Article,
        *,
        model: str,
        accepted: Sequence[str] | None = None,
        rejected: Sequence[str] | None = None,
        added: Sequence[str] | None = None,
        missing: Sequence[str] | None = None,
        topics: Sequence[str] | None = None,
        editor: str | None = None,
        id: str | None = None,
        time_limit: float | None = None,
    ) -> Receipt:
        """Send what an editor judged of an article's topics; return when it is kept for good.

        A topic in none of the lists is *not judged*: it is neither learned nor counted. Send what an editor looked at
        and decided, nothing else; `accepted=[]` alone says that an article was seen and not judged. Of an article
        the newest correction counts, whole: send all verdicts that stand, not only the last change.

        Args:
            article: the article, as it was tagged.
            model: what answered, as `Answer.model` said.
            accepted: ids of the topics of the answer that an editor looked at and said yes to.
            rejected: ids of the topics of the answer that an editor looked at and said no to.
            added: ids of topics that the model did not give and an editor put there.
            missing: names of topics that an editor misses and the taxonomy does not have; at most 10, of at most 100
                characters.
            topics: only where an editor went over the article as a whole: the ids of all that are right, [] where none
                is. Every other topic is then wrong. None says nothing of the topics that are in no list.
            editor: who; the key's name where it is not given.
            id: the caller's own for this correction: sent again, it is kept once. One is made where it is not given.
            time_limit: another one than the client's, for this call.

        Raises:
            TagdeskError: it is not kept, or nobody knows; its subclass says why.
        """
        values = {
            "model": model,
            "accepted": accepted,
            "rejected": rejected,
            "added": added,
            "missing": missing,
            "topics": topics,
            "editor": editor,
            "id": id or str(uuid.uuid4()),
        }
        return await self._ask(ask_feedback(article, values), read_receipt, time_limit)

    async def topics(self, *, time_limit: float | None = None) -> Taxonomy:
        """Return the topics that the model knows.

        Args:
            time_limit: another one than the client's, for this call.

        Raises:
            TagdeskError: there is no answer; its subclass says why.
        """
        return await self._ask(ask_topics(), read_taxonomy, time_limit)

    async def _ask(self, ask: Ask, read: Callable[[bytes], T], time_limit: float | None = None) -> T:
        """Ask until there is an answer, no hope, or no time left."""
        seconds = self.time_limit if time_limit is None else time_limit
        end = time.monotonic() + seconds
        tried = 0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        return await self._try(ask, read)
                    except TagdeskError as error:
                        tried += 1
                        wait = self._retries.wait(tried, error)
                        if wait is None or time.monotonic() + wait >= end:
                            raise
                    await asyncio.sleep(wait)
        except TimeoutError:
            raise out_of_time(self.url, seconds) from None

    async def _try(self, ask: Ask, read: Callable[[bytes], T]) -> T:
        """Ask once."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchange(ask, read)
        except TimeoutError:
            raise out_of_time(self.url, self._timeout) from None
        except httpx.TransportError as error:
            raise Unreachable(f"{self.url} does not answer ({type(error).__name__}): does Tagdesk run there?") from None

    async def _exchange(self, ask: Ask, read: Callable[[bytes], T]) -> T:
        headers = {"Content-Type": ask.media_type} if ask.media_type else {}
        async with self._http.stream(
            ask.method, self.url + ask.path, params=ask.params, content=ask.content or None, headers=headers
        ) as response:
            try:
                data = await _body(response)
                if response.is_success:
                    return read(data)
                problem = read_problem(data, retry_after(response.headers))
            except (Malformed, httpx.DecodingError):
                raise self._unexpected(response) from None
        raise problem

    def _unexpected(self, response: httpx.Response) -> UnexpectedAnswer:
        message = f"{self.url} answered {response.status_code}, but not as Tagdesk does: check the address"
        return UnexpectedAnswer(message, response.status_code, retry_after(response.headers))


def out_of_time(url: str, seconds: float) -> OutOfTime:
    """Return the error of an answer that did not come in time."""
    return OutOfTime(f"{url} did not answer within {seconds:g} seconds")


async def _body(response: httpx.Response) -> bytes:
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > _MOST_BYTES:
            raise Malformed("too long")
    return bytes(data)


async def _batches(articles: Iterable[Article] | AsyncIterable[Article]) -> AsyncIterator[Batch]:
    batch = Batch()
    async for article in _each(articles):
        line = line_of(article)
        if not batch.takes(line):
            yield batch
            batch = Batch()
        batch.add(line)
    if batch.articles:
        yield batch


async def _each(articles: Iterable[Article] | AsyncIterable[Article]) -> AsyncIterator[Article]:
    if isinstance(articles, AsyncIterable):
        async for article in articles:
            yield article
    else:
        for article in articles:
            yield article


def _checked_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        parsed = httpx.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.query or parsed.fragment:
        raise ValueError("url is no address of a service: give one like https://tagdesk.example.org")
    return url.rstrip("/")


def _authorization(key: str) -> dict[str, str]:
    if not key:
        return {}
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("key is no key of Tagdesk: it has characters that no key has")
    return {"Authorization": f"Bearer {key}"}
