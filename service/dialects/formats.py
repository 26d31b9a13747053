"""Which format the client wants the answer in: our own, unless `?format=` or `Accept` names another."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from models import Article, TaggedArticle, TopicModel
from service.dialects import ninjs, schema_org

Name = Literal["tagdesk", "ninjs", "ninjs-3.1", "ninjs-1", "ninjs-1.6", "schema.org"]
"""What `?format=` may say."""

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of the answer to one article.

    Attributes:
        media_type: as its answers have it.
        render: makes the answer as JSON values.
    """

    media_type: str
    render: Callable[[TopicModel, Article, TaggedArticle], dict[str, Any]]


_NINJS = Format("application/vnd.iptc.ninjs+json; version=3.1", ninjs.ninjs_3)
_NINJS_1 = Format("application/vnd.iptc.ninjs+json; version=1.6", ninjs.ninjs_1)
_SCHEMA_ORG = Format("application/ld+json", schema_org.news_article)

FORMATS: dict[str, Format | None] = {
    "tagdesk": None,
    "ninjs": _NINJS,
    "ninjs-3.1": _NINJS,
    "ninjs-1": _NINJS_1,
    "ninjs-1.6": _NINJS_1,
    "schema.org": _SCHEMA_ORG,
}
"""The formats by name; None is our own."""

_OURS = frozenset({"application/json", "application/*", "*/*"})


def wanted(headers: Headers, name: str | None = None) -> Format | None:
    """Return the format that a request asks for, None for our own.

    `Accept` changes something only where it names one of the others: whatever else it has, the answer is ours.

    Args:
        headers: the request's, as ASGI has them.
        name: what `?format=` says; it goes before `Accept`.
    """
    if name is not None:
        return FORMATS[name]
    for header, value in headers:
        if header == b"accept" and (b"ninjs" in value or b"ld+json" in value):
            return _preferred(value.decode("latin-1").lower())
    return None


def _preferred(accept: str) -> Format | None:
    """Return the format of the range that weighs most, the first of those that weigh the same."""
    best: tuple[float, Format | None] = (0.0, None)
    for one in accept.split(","):
        kind, *parameters = (part.strip() for part in one.split(";"))
        given = dict(part.partition("=")[::2] for part in parameters)
        weight = _weight(given.get("q", "1"))
        if weight <= best[0]:
            continue
        if kind == "application/vnd.iptc.ninjs+json":
            best = weight, _NINJS_1 if given.get("version", "").strip('"').startswith("1") else _NINJS
        elif kind == "application/ld+json":
            best = weight, _SCHEMA_ORG
        elif kind in _OURS:
            best = weight, None
    return best[1]


def _weight(quality: str) -> float:
    try:
        return float(quality)
    except ValueError:
        return 0.0
