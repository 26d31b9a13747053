"""What the soak sends: articles, batches and topics, each with the answer that each model must give, and attacks."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from benchmarks.articles import Sent, articles
from models import Article, TopicModel
from models.answer import answer
from tests.attacks.catalogue import ATTACKS

Expected = tuple[int, bytes]
"""Status and body."""

HOSTILE = 0.05

_MANY = 60  # requests of each kind, over and over
_BATCH = 10
_SHARES = {
    "short article": 0.15,
    "article": 0.40,
    "long article": 0.05,
    "article as HTML": 0.10,
    "article, explained": 0.10,
    "batch, JSON": 0.05,
    "batch, JSON Lines": 0.05,
    "topics, If-None-Match": 0.10,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        kind: what it asks for; `attack` where it is hostile.
        sent: the bytes.
        expected: what must be answered, by name and version of the model that does; nothing where it is hostile.
        statuses: the documented ones where it is hostile; 0 is a connection closed without an answer.
        name: of the attack.
    """

    kind: str
    sent: bytes
    expected: Mapping[str, Expected]
    statuses: tuple[int, ...] = (200,)
    name: str = ""


def mixture() -> str:
    """Say what is sent, and how much of it."""
    parts = [f"{100 * (1 - HOSTILE) * share:.3g} % {kind}" for kind, share in _SHARES.items()]
    return ", ".join([*parts, f"{100 * HOSTILE:.0f} % attacks"])


def traffic(
    models: Sequence[TopicModel], topics: Mapping[str, tuple[str, bytes]], keys: tuple[str, str], groups: Sequence[str]
) -> Iterator[Asked]:
    """Yield requests for ever, in an order that looks random and is the same in every run.

    Args:
        models: those that may answer; what they must answer is found out here.
        topics: `ETag` and body of `/v1/topics`, by model.
        keys: for what is asked in good faith, and for attacks.
        groups: of attacks; empty takes all.
    """
    good, hostile = _good(models, topics, keys[0]), _attacks(keys[1], groups)
    order = random.Random(0)
    while True:
        kinds = order.choices(list(_SHARES), list(_SHARES.values()), k=1000)
        for kind in kinds:
            yield order.choice(hostile if order.random() < HOSTILE else good[kind])


def message(key: str, method: str, target: str, body: bytes = b"", *headers: str) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: tagdesk.test", f"X-API-Key: {key}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def _good(models: Sequence[TopicModel], topics: Mapping[str, tuple[str, bytes]], key: str) -> dict[str, list[Asked]]:
    def tag(kind: str, rows: list[dict[str, Any]], *, explain: bool = False) -> list[Asked]:
        target = "/v1/tag?explain=true" if explain else "/v1/tag"
        return [
            Asked(kind, _post(key, target, "application/json", to_json(row)), _answers(models, [row], b"", explain))
            for row in rows
        ]

    def batch(kind: str, media_type: str, body: Callable[[list[dict[str, Any]]], bytes]) -> list[Asked]:
        parts = [rows[at : at + _BATCH] for at in range(0, len(rows), _BATCH)]
        return [
            Asked(kind, _post(key, "/v1/tag/batch", media_type, body(part)), _answers(models, part, b"\n", False))
            for part in parts
        ]

    rows = _rows(2500)
    as_html = [{"id": row["id"], "title": row["title"], "body_html": _html(row["body"])} for row in rows]
    return {
        "short article": tag("short article", _rows(500)),
        "article": tag("article", rows),
        "long article": tag("long article", _rows(25_000)),
        "article as HTML": tag("article as HTML", as_html),
        "article, explained": tag("article, explained", rows, explain=True),
        "batch, JSON": batch("batch, JSON", "application/json", to_json),
        "batch, JSON Lines": batch("batch, JSON Lines", "application/x-ndjson", _lines),
        "topics, If-None-Match": [_topics(key, known, topics) for known in topics],
    }


def _rows(size: int) -> list[dict[str, Any]]:
    found: list[Sent] = articles(size, _MANY)
    return [{"id": f"{size}-{n}", **row} for n, row in enumerate(found)]


def _html(text: str) -> str:
    return "".join(f"<p>{part}</p>" for part in text.replace("&", "&amp;").replace("<", "&lt;").split("\n"))


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(to_json(row) + b"\n" for row in rows)


def _post(key: str, target: str, media_type: str, body: bytes) -> bytes:
    return message(key, "POST", target, body, f"Content-Type: {media_type}")


def _answers(
    models: Sequence[TopicModel], rows: list[dict[str, Any]], end: bytes, explain: bool
) -> dict[str, Expected]:
    """Return what each model must answer, found out without the service."""

    def line(model: TopicModel, row: dict[str, Any]) -> bytes:
        return to_json(answer(model.tag(Article(**row), explain=explain), model.ref)) + end

    return {model.ref: (200, b"".join(line(model, row) for row in rows)) for model in models}


def _topics(key: str, known: str, topics: Mapping[str, tuple[str, bytes]]) -> Asked:
    """Ask for the topics as one who knows those of one model."""
    expected = {ref: (304, b"") if ref == known else (200, body) for ref, (_, body) in topics.items()}
    sent = message(key, "GET", "/v1/topics", b"", f"If-None-Match: {topics[known][0]}")
    return Asked("topics, If-None-Match", sent, expected)


def checked_topics(model: TopicModel, body: bytes) -> bytes:
    """Return the answer of `/v1/topics`.

    Raises:
        RuntimeError: it is not this model's.
    """
    found = json.loads(body)
    cut_offs = [{"suggest": one.suggest, "auto": one.auto} for one in model.calibrations]
    said = [found["model"], [row["id"] for row in found["topics"]], [row["cutoffs"] for row in found["topics"]]]
    if said != [model.ref, list(model.taxonomy.ids), cut_offs]:
        raise RuntimeError(f"/v1/topics is not that of {model.ref}")
    return body


def _attacks(key: str, groups: Sequence[str]) -> list[Asked]:
    """Return the attacks with a key that may do everything, so that they get past the door.

    Those that are slow on purpose are left out: they hold a connection for seconds, and nothing else.
    """
    found = []
    for attack in ATTACKS:
        if attack.group != "slow-loris" and (not groups or attack.group in groups):
            sent = b"".join(attack.send()).replace(b"\r\n", f"\r\nX-API-Key: {key}\r\n".encode(), 1)
            found.append(Asked("attack", sent, {}, attack.statuses, f"{attack.group}: {attack.name}"))
    return found
