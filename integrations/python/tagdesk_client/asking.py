"""What the service is asked, as bytes to send; articles of a stream cut into requests of a bounded size."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tagdesk_client.answers import Answer, Article, Progress, Refusal

MAX_ARTICLES = 256
MAX_BYTES = 256 * 1024
"""Most articles and bytes of one request of a stream; an article that is longer goes alone.

httpx sends all of a request before it reads the answer, so a stream is many requests, each of which the service reads
whole before it answers; and each may be sent again.
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    media_type: str = ""


def ask_tag(article: Article, explain: bool | str) -> Ask:
    """Ask for the topics of one article."""
    return Ask("POST", "/v1/tag", _explain(explain), to_json(article.as_json()), "application/json")


def ask_batch(lines: bytes, *, explain: bool) -> Ask:
    """Ask for the topics of the articles in these lines."""
    return Ask("POST", "/v1/tag/batch", _explain(explain), lines, "application/x-ndjson")


def ask_topics() -> Ask:
    """Ask for the topics that there are."""
    return Ask("GET", "/v1/topics")


def ask_feedback(article: Article, values: Mapping[str, object]) -> Ask:
    """Send a correction; what is None in it is left out."""
    given = {
        name: list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
        for name, value in values.items()
        if value is not None
    }
    return Ask("POST", "/v1/feedback", {}, to_json({"article": article.as_json(), **given}), "application/json")


def _explain(explain: bool | str) -> dict[str, str]:
    if isinstance(explain, str):
        return {"explain": explain}
    return {"explain": "true"} if explain else {}


def to_json(value: Any) -> bytes:
    """Return JSON in UTF-8; half of a surrogate pair is left for the service to refuse."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")


class Batch:
    """Lines of articles, as many as go into one request."""

    def __init__(self) -> None:
        self.lines = bytearray()
        self.articles = 0

    def takes(self, line: bytes) -> bool:
        """Tell whether the line still goes into this request."""
        return not self.articles or (self.articles < MAX_ARTICLES and len(self.lines) + len(line) <= MAX_BYTES)

    def add(self, line: bytes) -> None:
        """Add the line of one article."""
        self.lines += line
        self.articles += 1


def line_of(article: Article) -> bytes:
    """Return the article as a line."""
    return to_json(article.as_json()) + b"\n"


def batches(articles: Iterable[Article]) -> Iterator[Batch]:
    """Cut articles into requests; no more than one request's worth is kept."""
    batch = Batch()
    for article in articles:
        line = line_of(article)
        if not batch.takes(line):
            yield batch
            batch = Batch()
        batch.add(line)
    if batch.articles:
        yield batch


class Tally:
    """Counts what a stream has got until now."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._articles = 0
        self._refused = 0

    def add(self, found: Sequence[Answer | Refusal]) -> None:
        """Count the answers to one request."""
        self._articles += len(found)
        self._refused += sum(isinstance(one, Refusal) for one in found)

    def progress(self) -> Progress:
        """Return how far it is."""
        return Progress(self._articles, self._refused, time.monotonic() - self._began)
