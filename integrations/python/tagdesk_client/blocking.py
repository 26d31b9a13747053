"""The client for code without `async`: the other one, in an event loop in a thread of its own.

A time limit that holds whatever the network does (a name that is not resolved, a server that drips bytes) is easy there
and hard in a thread that blocks: a socket's timeout begins anew with every byte.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from tagdesk_client.answers import Answer, Article, Progress, Receipt, Refusal, Taxonomy
from tagdesk_client.asking import Tally, batches
from tagdesk_client.asynchronous import AsyncTagdesk, out_of_time
from tagdesk_client.retries import Retries

T = TypeVar("T")


class Tagdesk:
    """A client of a Tagdesk service; may be shared by threads, and kept over a fork.

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
        def make() -> AsyncTagdesk:
            return AsyncTagdesk(url, key, time_limit=time_limit, timeout=timeout, retries=retries)

        self._make = make
        self._client: AsyncTagdesk | None = make()
        self._loop: _Loop | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and end the thread; the next call begins anew."""
        with self._lock:
            loop, client = self._loop, self._client
            self._loop = self._client = None
        if loop and client and loop.here():
            loop.run(client.aclose(), None)
            loop.close()

    def tag(self, article: Article, *, explain: bool | str = False, time_limit: float | None = None) -> Answer:
        """Return the article's topics.

        Args:
            article: the article.
            explain: True for score, bias and evidence of each topic; `all` for the topics that are not given too; a
                topic's id for the evidence of that one.
            time_limit: another one than the client's, for this call.

        Raises:
            TagdeskError: there is no answer; its subclass says why.
        """
        return self._run(lambda client: client.tag(article, explain=explain, time_limit=time_limit), time_limit)

    def tag_many(self, articles: Iterable[Article], *, explain: bool = False) -> list[Answer | Refusal]:
        """Return the topics of many articles in their order; see `stream`."""
        return list(self.stream(articles, explain=explain))

    def stream(
        self,
        articles: Iterable[Article],
        *,
        explain: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Iterator[Answer | Refusal]:
        """Yield the topics of as many articles as come, in their order, in constant memory.

        Args:
            articles: the articles; taken as they are needed, in the caller's thread.
            explain: whether to add score, bias and evidence.
            progress: called after each request of some hundred articles.

        Raises:
            TagdeskError: there is no answer for the articles that follow those answered.
        """
        tally = Tally()
        for batch in batches(articles):
            found = self._run(partial(AsyncTagdesk.tag_batch, batch=batch, explain=explain))
            yield from found
            tally.add(found)
            if progress:
                progress(tally.progress())

    def feedback(
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
        return self._run(
            lambda client: client.feedback(
                article,
                model=model,
                accepted=accepted,
                rejected=rejected,
                added=added,
                missing=missing,
                topics=topics,
                editor=editor,
                id=id,
                time_limit=time_limit,
            ),
            time_limit,
        )

    def topics(self, *, time_limit: float | None = None) -> Taxonomy:
        """Return the topics that the model knows.

        Args:
            time_limit: another one than the client's, for this call.

        Raises:
            TagdeskError: there is no answer; its subclass says why.
        """
        return self._run(lambda client: client.topics(time_limit=time_limit), time_limit)

    def _run(self, call: Callable[[AsyncTagdesk], Coroutine[Any, Any, T]], time_limit: float | None = None) -> T:
        loop, client = self._begun()
        seconds = client.time_limit if time_limit is None else time_limit
        try:
            return loop.run(call(client), seconds)
        except TimeoutError:
            raise out_of_time(client.url, seconds) from None

    def _begun(self) -> "tuple[_Loop, AsyncTagdesk]":
        """Return this process's loop and the client in it."""
        with self._lock:
            if self._loop and not self._loop.here():
                self._loop = self._client = None
            self._loop = self._loop or _Loop()
            self._client = self._client or self._make()
            return self._loop, self._client


class _Loop:
    """An event loop in a thread of its own, which ends with the process."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tagdesk-client", daemon=True)
        self._thread.start()

    def here(self) -> bool:
        """Tell whether this is the process that it runs in: a fork copies the object without the thread."""
        return self._process == os.getpid()

    def run(self, call: Coroutine[Any, Any, T], seconds: float | None) -> T:
        """Return what the call returns.

        Raises:
            TimeoutError: it has not returned in so many seconds.
        """
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result(seconds)
        finally:
            future.cancel()

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
