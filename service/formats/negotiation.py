"""Which format the client wants for the answer: our own, unless `?format=` or `Accept` names another."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from tagdesk.models import Article, TaggedArticle, TopicModel
from tagdesk.service.formats import ninjs, schema_org

Name = Literal["tagdesk", "ninjs", "ninjs-3.1", "ninjs-2", "ninjs-2.2", "ninjs-1", "ninjs-1.6", "schema.org"]
"""The values of `?format=`."""

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of the answer to one article.

    Attributes:
        media_type: of its answers.
        render: makes the answer as JSON values.
    """

    media_type: str
    render: Callable[[TopicModel, Article, TaggedArticle], dict[str, Any]]


_NINJS = Format("application/vnd.iptc.ninjs+json; version=3.1", ninjs.ninjs_3)
_NINJS_2 = Format("application/vnd.iptc.ninjs+json; version=2.2", ninjs.ninjs_2)
_NINJS_1 = Format("application/vnd.iptc.ninjs+json; version=1.6", ninjs.ninjs_1)
_SCHEMA_ORG = Format("application/ld+json", schema_org.news_article)

FORMATS: dict[Name, Format | None] = {
    "tagdesk": None,
    "ninjs": _NINJS,
    "ninjs-3.1": _NINJS,
    "ninjs-2": _NINJS_2,
    "ninjs-2.2": _NINJS_2,
    "ninjs-1": _NINJS_1,
    "ninjs-1.6": _NINJS_1,
    "schema.org": _SCHEMA_ORG,
}
"""The formats by name; None is our own."""

_OF_VERSION = {"1": _NINJS_1, "2": _NINJS_2}
_OURS = frozenset({"application/json", "application/*", "*/*"})


def wanted(headers: Headers, name: Name | None = None) -> Format | None:
    """Return the format that a request asks for, None for our own.

    `Accept` matters only if it names one of the other formats: whatever else it says, the answer is in ours.

    Args:
        headers: the request's, as ASGI has them.
        name: the value of `?format=`, which takes precedence over `Accept`.
    """
    if name is not None:
        return FORMATS[name]
    for header, value in headers:
        if header == b"accept" and (b"ninjs" in value or b"ld+json" in value):
            return _preferred(value.decode("latin-1").lower())
    return None


def _preferred(accept: str) -> Format | None:
    """Return the format of the media range with the greatest weight, the first of equals."""
    best: tuple[float, Format | None] = (0.0, None)
    for media_range in accept.split(","):
        kind, *pairs = (part.strip() for part in media_range.split(";"))
        parameters = dict(pair.partition("=")[::2] for pair in pairs)
        weight = _weight(parameters.get("q", "1"))
        if weight <= best[0]:
            continue
        if kind == "application/vnd.iptc.ninjs+json":
            best = weight, _OF_VERSION.get(parameters.get("version", "").strip('"')[:1], _NINJS)
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
