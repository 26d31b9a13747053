"""What the soak sends: articles, batches, topics, each with the answer that each model must give; bad requests."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import from_json, to_json

from benchmarks.articles import Sent, articles
from benchmarks.exchange import Answer, message, post_json
from benchmarks.open_loop import PATIENCE, Asked, Fault, Hostile
from tagdesk.models import Article, TopicModel
from tagdesk.models.answer import answer
from tests.attacks.catalogue import ATTACKS

MANY = 60
"""Requests of each kind, over and over."""

_BATCH = 10
_SHARES = {
    "short article": 0.12,
    "article": 0.34,
    "long article": 0.04,
    "article as HTML": 0.08,
    "article, explained": 0.08,
    "article, into the queue": 0.03,
    "batch, JSON": 0.04,
    "batch, JSON Lines": 0.04,
    "topics, If-None-Match": 0.08,
    "correction": 0.05,
    "correction, again": 0.01,
    "queue": 0.02,
    "queue, next": 0.03,
    "counts": 0.01,
    "careless": 0.03,
}


@dataclass(frozen=True, slots=True)
class Checked:
    """A request whose answer is known to the byte.

    Attributes:
        kind: what it asks for.
        sent: the bytes.
        expected: status and body that must be answered, by name and version of the model that does.
    """

    kind: str
    sent: bytes
    expected: Mapping[str, tuple[int, bytes]]
    patience: float = PATIENCE

    def fault(self, answer: Answer, serving: frozenset[str]) -> Fault | None:
        """Return what is wrong with an answer: it is no model's, or that of a model which does not serve."""
        by = [ref for ref, expected in self.expected.items() if (answer.status, answer.body) == expected]
        if serving.intersection(by):
            return None
        if by:
            return Fault("mixed", f"{by[0]} answered, {' or '.join(sorted(serving))} serves")
        if answer.status >= 400:
            return Fault("failed", f"answered {answer.status}")
        return Fault("wrong", "no model answers this")


class Mix:
    """What is asked next, for ever, in an order that looks random and is the same in every run.

    Args:
        good: what makes a request, by its kind.
        hostile: the attacks.
        share: of attacks.

    Attributes:
        share: may be changed at any time.
    """

    def __init__(self, good: Mapping[str, Callable[[], Asked | Hostile]], hostile: Sequence[Hostile]) -> None:
        self.share = 0.0
        self._good, self._hostile = good, hostile
        self._order = random.Random(0)

    def __iter__(self) -> Iterator[Asked | Hostile]:
        while True:
            for kind in self._order.choices(list(_SHARES), list(_SHARES.values()), k=100):
                attacked = self._order.random() < self.share
                yield self._order.choice(self._hostile) if attacked else self._good[kind]()


def mixture() -> str:
    """Say what is sent, and how much of it."""
    return ", ".join(f"{100 * share:.3g} % {kind}" for kind, share in _SHARES.items())


class Tagging:
    """Requests to tag, and for topics.

    Args:
        models: those that may answer; what they must answer is worked out here.
        topics: `ETag` and body of `/v1/topics`, by model.
        who: header lines of the client.
    """

    def __init__(self, models: Sequence[TopicModel], topics: Mapping[str, tuple[str, bytes]], who: str) -> None:
        self._models, self._topics, self._who = models, topics, who

    def requests(self) -> dict[str, list[Checked]]:
        """Return some requests of each kind."""
        rows = rows_of(2500)
        as_html = [{"id": row["id"], "title": row["title"], "body_html": _html(row["body"])} for row in rows]
        return {
            "short article": self.articles("short article", rows_of(500)),
            "article": self.articles("article", rows),
            "long article": self.articles("long article", rows_of(25_000)),
            "article as HTML": self.articles("article as HTML", as_html),
            "article, explained": self.articles("article, explained", rows, "?explain=true"),
            "article, into the queue": self.articles("article, into the queue", rows_of(2500, "queue"), "?queue=true"),
            "batch, JSON": self._batches("batch, JSON", "application/json", to_json, rows),
            "batch, JSON Lines": self._batches("batch, JSON Lines", "application/x-ndjson", _lines, rows),
            "topics, If-None-Match": [self._topics_unless(ref) for ref in self._topics],
        }

    def articles(self, kind: str, rows: Sequence[Sent], query: str = "") -> list[Checked]:
        """Return a request to tag each article."""
        return [
            Checked(
                kind, post_json(self._who, f"/v1/tag{query}", to_json(row)), self._expected([row], b"", "expl" in query)
            )
            for row in rows
        ]

    def _batches(
        self, kind: str, media_type: str, body: Callable[[list[Sent]], bytes], rows: list[Sent]
    ) -> list[Checked]:
        parts = [rows[at : at + _BATCH] for at in range(0, len(rows), _BATCH)]
        return [
            Checked(
                kind,
                message(self._who, "POST", "/v1/tag/batch", body(part), media_type),
                self._expected(part, b"\n", explain=False),
            )
            for part in parts
        ]

    def _expected(self, rows: Sequence[Sent], end: bytes, explain: bool) -> dict[str, tuple[int, bytes]]:
        """Return what each model must answer, worked out without the service."""

        def line(model: TopicModel, row: Sent) -> bytes:
            return to_json(answer(model.tag(Article(**row), explain=explain), model.ref)) + end

        return {model.ref: (200, b"".join(line(model, row) for row in rows)) for model in self._models}

    def _topics_unless(self, known: str) -> Checked:
        """Ask for the topics as a client that has those of one model."""
        expected = {ref: (304, b"") if ref == known else (200, body) for ref, (_, body) in self._topics.items()}
        etag = f"If-None-Match: {self._topics[known][0]}"
        return Checked("topics, If-None-Match", message(self._who, "GET", "/v1/topics", more=etag), expected)


def rows_of(size: int, prefix: str = "") -> list[Sent]:
    """Return articles of about `size` characters, their ids beginning with the prefix."""
    return [{"id": f"{prefix or size}-{number}", **row} for number, row in enumerate(articles(size, MANY))]


def _html(text: str) -> str:
    return "".join(f"<p>{part}</p>" for part in text.replace("&", "&amp;").replace("<", "&lt;").split("\n"))


def _lines(rows: Sequence[Sent]) -> bytes:
    return b"".join(to_json(row) + b"\n" for row in rows)


def checked_topics(model: TopicModel, body: bytes) -> bytes:
    """Return the answer of `/v1/topics`.

    Raises:
        RuntimeError: it is not this model's.
    """
    listed = from_json(body)
    cut_offs = [{"suggest": cut.suggest, "auto": cut.auto} for cut in model.calibrations]
    answered = [
        listed["model"],
        [row["id"] for row in listed["topics"]],
        [row["cutoffs"] for row in listed["topics"]],
    ]
    if answered != [model.ref, list(model.taxonomy.ids), cut_offs]:
        raise RuntimeError(f"/v1/topics is not that of {model.ref}")
    return body


def attacks(who: str, groups: Sequence[str]) -> list[Hostile]:
    """Return the attacks, with a key that may do everything, so that they get past the door.

    Those that are slow on purpose are left out: they hold a connection for seconds, and nothing else.

    Args:
        who: header line of the key.
        groups: which attacks; empty takes all.
    """
    return [
        Hostile(
            "attack",
            f"{attack.group}: {attack.name}",
            b"".join(attack.send()).replace(b"\r\n", f"\r\n{who}\r\n".encode(), 1),
            attack.statuses,
        )
        for attack in ATTACKS
        if attack.group != "slow-loris" and (not groups or attack.group in groups)
    ]


def careless(who: str, model: TopicModel) -> list[Hostile]:
    """Return what a client sends that was written in haste: wrong, and no other client's business."""
    row: dict[str, Any] = {**rows_of(500, "careless")[0]}
    topic, other = model.taxonomy.ids[:2]
    right = {"id": "careless", "article": row, "model": model.ref}

    def tag(name: str, article_id: str) -> Hostile:
        sent = post_json(who, "/v1/tag?queue=true", to_json(row | {"id": article_id}))
        return Hostile("careless", name, sent, (200, 422))

    def correct(name: str, value: Any, status: int = 422) -> Hostile:
        body = json.dumps(value).encode()
        # What is too large is refused before it has arrived, and the connection may be gone then.
        return Hostile(
            "careless", name, post_json(who, "/v1/feedback", body), (status, 0) if status == 413 else (status,)
        )

    article_of_4_mb = row | {"body": "War. " * 850_000}
    return [
        tag("into the queue with a blank id", " "),
        tag("into the queue with an empty id", ""),
        tag("into the queue with U+0000 in its id", "a\0b"),
        tag("into the queue with an id that is too long", "i" * 300),
        correct("corrected to a topic that no model has", right | {"topics": ["no-such-topic"]}),
        correct("a topic accepted and rejected", right | {"accepted": [topic], "rejected": [topic]}),
        correct("topics without what was added", right | {"topics": [topic], "added": [other]}),
        correct("topics that are no list", right | {"topics": topic}),
        correct("corrected with U+0000 in the article's id", right | {"article": row | {"id": "a\0b"}, "topics": []}),
        correct("corrected without an article", {"id": "careless", "model": model.ref, "topics": [topic]}),
        replace(correct("not JSON", None, 400), sent=post_json(who, "/v1/feedback", b'{"topics": [')),
        correct("a correction of 4.2 MB", right | {"article": article_of_4_mb, "topics": [topic]}, 413),
    ]
