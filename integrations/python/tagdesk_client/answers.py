"""What is sent and what comes back, as plain frozen records."""

from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from tagdesk_client.errors import Problem

MAX_TITLE: Final = 10_000
"""Longest title that the service reads, in code points."""

MAX_BODY: Final = 1_000_000
"""Longest plain text that the service reads, in code points."""

MAX_HTML: Final = 262_144
"""Longest HTML that the service reads, in code points: send the text of what is longer."""

Band = Literal["auto", "suggest"]


@dataclass(frozen=True, slots=True)
class Article:
    """An article, with exactly one of `body` and `body_html`.

    Attributes:
        id: the sender's name for it; comes back as a string.
        title: plain text, at most `MAX_TITLE` code points.
        body: plain text, at most `MAX_BODY` code points.
        body_html: HTML, at most `MAX_HTML` code points.
        language: a BCP 47 tag, as the sender believes.
        url: where it is published; never fetched.
    """

    id: str | int | None = None
    title: str | None = None
    body: str | None = None
    body_html: str | None = None
    language: str | None = None
    url: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the fields that are given."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One n-gram where it stands, and what it added to the topic's score.

    Attributes:
        field: `title`, `body` or `body_html`.
        start: Unicode code points of that field as it was sent.
        end: exclusive.
        text: the n-gram.
        weight: log-odds; below 0 it speaks against the topic.
    """

    field: str
    start: int
    end: int
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of an article.

    Attributes:
        id: the topic.
        name: for people.
        qcodes: IPTC Media Topic codes.
        parent: the id of the topic above, or None.
        confidence: calibrated probability, 0 to 1.
        band: `auto` or `suggest`; None in `Answer.below` alone.
        score: log-odds; only where it was explained.
        bias: the part of the score that no word has; only where it was explained.
        evidence: strongest first; empty unless it was explained.
    """

    id: str
    name: str
    qcodes: tuple[str, ...]
    parent: str | None
    confidence: float
    band: Band | None
    score: float | None = None
    bias: float | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The topics of an article, most likely first.

    Attributes:
        id: the article's.
        model: what answered, `name@version`.
        topics: the topics given.
        warnings: doubts about the text, and how the request was read.
        below: topics that are not given; only where `explain` asked for them.
    """

    id: str | None
    model: str
    topics: tuple[Topic, ...]
    warnings: tuple[str, ...]
    below: tuple[Topic, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An article of many that got no topics.

    Attributes:
        id: the article's; None where it could not be read.
        problem: why.
    """

    id: str | None
    problem: Problem


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stream is.

    Attributes:
        articles: answered until now, those refused among them.
        refused: how many of them got no topics.
        seconds: since the start.
    """

    articles: int
    refused: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a correction is kept.

    Attributes:
        id: the correction's.
        article: the article's.
        received: when it came first, UTC.
    """

    id: str
    article: str
    received: str


@dataclass(frozen=True, slots=True)
class Code:
    """A concept of another vocabulary; `match` is `exact`, `close` or `narrower`."""

    qcode: str
    match: str


@dataclass(frozen=True, slots=True)
class TaxonomyTopic:
    """One topic that the model knows.

    Attributes:
        id: the topic.
        name: for people.
        description: what belongs to it.
        parent: the id of the topic above, or None.
        codes: IPTC Media Topic codes.
        suggest: the confidence from which it is given.
        auto: the confidence from which it may be applied unseen; None where there is none.
    """

    id: str
    name: str
    description: str
    parent: str | None
    codes: tuple[Code, ...]
    suggest: float
    auto: float | None


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The topics that the model knows.

    Attributes:
        model: `name@version`.
        taxonomy: the name of the topics' file.
        topics: in its order.
    """

    model: str
    taxonomy: str
    topics: tuple[TaxonomyTopic, ...]
