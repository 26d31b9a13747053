"""The editors: the queue and the counts, and sessions at the desk from signing in to a cookie that counts no more."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from pydantic_core import from_json, to_json

from benchmarks.articles import Sent
from benchmarks.corrections import PATIENCE, Corrections
from benchmarks.exchange import Answer, message, post_json, with_cookie, with_key
from benchmarks.mixed_traffic import Checked
from benchmarks.open_loop import Asked, Client, Fault

_STEPS = 8  # of a session
_PAUSE = 0.3  # seconds between two, on average
_LAST = 20  # sessions that are over, and tried again in the end


@dataclass(frozen=True, slots=True)
class Answered:
    """A request whose answer must be of one status, and pass a look at its JSON.

    Attributes:
        kind: what it asks for.
        sent: the bytes.
        status: what must be answered.
        look: returns what is wrong with the JSON, "" where nothing is.
        what: the kind of fault where the status is another one.
    """

    kind: str
    sent: bytes
    status: int
    look: Callable[[Any], str] = lambda _: ""
    what: str = "failed"
    patience: float = PATIENCE

    def fault(self, answer: Answer, serving: frozenset[str]) -> Fault | None:
        """Return what is wrong with an answer."""
        if answer.status != self.status:
            return Fault("failed" if answer.status >= 500 else self.what, f"answered {answer.status}")
        how = self.look(from_json(answer.body))
        return Fault("wrong", how) if how else None


class QueueTraffic:
    """Articles into the queue and out of it, and counts.

    Args:
        rows: the articles; each is put under its own id, and must come out as it went in.
        corrections: those that are counted.
        who: header lines of the client.
    """

    def __init__(self, rows: Sequence[Sent], corrections: Corrections, who: str) -> None:
        self._rows = rows
        self._by_id = {row["id"]: row for row in rows}
        self._corrections = corrections
        self._who = who
        self._random = random.Random(1)
        self._began = datetime.now(UTC).isoformat()

    def put(self) -> Answered:
        """Return a request that lets an article wait."""
        row = self._random.choice(self._rows)
        return Answered(
            "queue",
            post_json(self._who, "/v1/queue", to_json(row)),
            202,
            lambda queued: "" if queued["id"] == row["id"] else "another article waits",
        )

    def take(self, who: str = "") -> Answered:
        """Return a request for the next article."""
        return Answered("queue, next", message(who or self._who, "GET", "/v1/queue/next"), 200, self._not_as_put)

    def counts(self) -> Answered:
        """Return a request for counts, which must not be behind what was acknowledged."""
        least = self._corrections.acknowledged
        target = f"/v1/feedback/counts?{urlencode({'since': self._began})}"
        return Answered(
            "counts",
            message(self._who, "GET", target),
            200,
            lambda counts: "" if counts["all"]["corrections"] >= least else f"fewer than the {least} acknowledged",
        )

    def article(self, article_id: str) -> Sent | None:
        """Return the article that was put under an id, None where none was."""
        return self._by_id.get(article_id)

    def _not_as_put(self, taken: Mapping[str, Any]) -> str:
        article = taken["article"]
        put = self.article(article["id"]) if article else None
        same = put is None or all(article[name] == value for name, value in put.items())
        return "" if same else "an article came out of the queue otherwise than it went in"


@dataclass(frozen=True, slots=True)
class _Signed:
    """A request of somebody who is signed in: to be refused is a fault of the session."""

    asked: Asked

    @property
    def kind(self) -> str:
        return self.asked.kind

    @property
    def sent(self) -> bytes:
        return self.asked.sent

    @property
    def patience(self) -> float:
        return self.asked.patience

    def fault(self, answer: Answer, serving: frozenset[str]) -> Fault | None:
        if answer.status in (401, 403):
            return Fault("session", f"answered {answer.status} to a cookie that is valid")
        return self.asked.fault(answer, serving)


class DeskEditor:
    """One editor at the desk, who signs in, works for a while, and signs out, over and over.

    Args:
        name: of the key.
        key: with the scopes `tag` and `feedback`.
        client: what asks.
        corrections: where what is corrected is noted.
        queue: where the next article comes from.
        tagging: requests to tag, with a key.
        unsigned: the header line of that key.
    """

    def __init__(
        self,
        name: str,
        key: str,
        client: Client,
        corrections: Corrections,
        queue: QueueTraffic,
        tagging: Sequence[Checked],
        unsigned: str,
    ) -> None:
        self._name, self._key, self._client = name, key, client
        self._corrections, self._queue = corrections, queue
        self._tagging, self._unsigned = tagging, unsigned.encode()
        self._random = random.Random(name)
        self._ended: list[str] = []

    async def work(self) -> None:
        """Work, session after session."""
        while True:
            if who := await self._sign_in():
                for _ in range(_STEPS):
                    await asyncio.sleep(self._random.expovariate(1 / _PAUSE))
                    await self._random.choice((self._look_up, self._tag, self._correct))(who)
                await self._sign_out(who)
            await asyncio.sleep(self._random.expovariate(1 / _PAUSE))

    async def try_ended_sessions(self) -> None:
        """Look whether the cookies of the last sessions that are over still count anywhere."""
        for who in self._ended[-_LAST:]:
            await self._try_ended(who, "desk, long after signing out")

    async def _sign_in(self) -> str:
        """Return the header lines of a new session, "" where there is none."""
        sent = message(f"{with_key(self._key)}\r\nSec-Fetch-Site: same-origin", "POST", "/desk/session")
        answer = await self._ask(Answered("desk, sign in", sent, 200, self._is_me))
        cookie = answer.header(b"set-cookie") if answer and answer.status == 200 else None
        return with_cookie(cookie.partition(b";")[0].decode()) if cookie else ""

    async def _sign_out(self, who: str) -> None:
        answer = await self._ask(_SignOut(message(who, "DELETE", "/desk/session")))
        if answer is not None and answer.status in (200, 204, 401):
            self._ended.append(who)
            await self._try_ended(who, "desk, after signing out")

    async def _try_ended(self, who: str, kind: str) -> None:
        for sent in (message(who, "GET", "/desk/session"), self._signed(self._tagging[0].sent, who)):
            await self._ask(Answered(kind, sent, 401, what="session"))

    async def _look_up(self, who: str) -> None:
        sent = message(who, "GET", "/desk/session")
        await self._ask(_Signed(Answered("desk, who am I?", sent, 200, self._is_me)))

    async def _tag(self, who: str) -> None:
        checked = self._random.choice(self._tagging)
        await self._ask(_Signed(replace(checked, kind="desk, article", sent=self._signed(checked.sent, who))))

    async def _correct(self, who: str) -> None:
        """Correct the next article of the queue, or any where none waits."""
        answer = await self._ask(_Signed(self._queue.take(who)))
        taken = from_json(answer.body)["article"] if answer and answer.status == 200 else None
        row = self._queue.article(taken["id"]) if taken else None
        await self._ask(_Signed(self._corrections.new(who, self._name, row)))

    async def _ask(self, asked: Asked) -> Answer | None:
        return await self._client.ask(asked, perf_counter())

    def _signed(self, sent: bytes, who: str) -> bytes:
        return sent.replace(self._unsigned, who.encode(), 1)

    def _is_me(self, session: Mapping[str, Any]) -> str:
        return "" if session["editor"] == self._name else "signed in as somebody else"


@dataclass(frozen=True, slots=True)
class _SignOut:
    """A request to sign out; sent again after its worker was killed, it may find the session over already."""

    sent: bytes
    kind: str = "desk, sign out"
    patience: float = PATIENCE

    def fault(self, answer: Answer, serving: frozenset[str]) -> Fault | None:
        return None if answer.status in (200, 204, 401) else Fault("session", f"answered {answer.status}")
