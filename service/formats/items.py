"""ninjs items (IPTC's News in JSON), read as articles: texts, pictures, audio, video and events.

https://iptc.org/standards/ninjs/ in versions 1 to 3, and as Superdesk writes it, with a `guid` in place of the `uri`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Row = Mapping[str, Any]

_MARKUP = ("html", "xml", "nitf", "richtext")
_CREDITS = frozenset({"byline", "copyright", "credit", "creditline", "source", "writer"})
"""Roles of descriptions that name people, and say nothing of what the item is about."""


def is_item(row: Row) -> bool:
    """Tell whether a JSON object is a ninjs item with words, and not an article of ours with further fields."""
    if "id" in row or row.keys().isdisjoint(("uri", "guid")):
        return False
    if not row.keys().isdisjoint(("headline", "headlines", "bodies")):
        return True
    return "body" not in row and any(
        name in ("title", "descriptions") or name.startswith(("body_", "headline_", "description_")) for name in row
    )


def read_item(row: Row) -> dict[str, Any]:
    """Return an item in our own fields.

    The body is the item's body, else its description: the caption of a picture, what an event is about. A value of
    the wrong type is handed on as it is, to be refused as a field of ours.
    """
    field, text = _best(_texts(row, "body", "bodies")) or _best(_described(row)) or ("body", "")
    article = {
        "id": row["uri"] if "uri" in row else row["guid"],
        "title": _headline(row),
        field: text,
        "language": row.get("language"),
    }
    return {name: value for name, value in article.items() if value is not None}


def _headline(row: Row) -> Any:
    best = min(_texts(row, "headline", "headlines"), key=lambda text: text[0] != "main", default=None)
    return row.get("headline") or (best[2] if best else None) or row.get("title")


def _described(row: Row) -> Iterator[tuple[str, str, Any]]:
    return (text for text in _texts(row, "description", "descriptions") if text[0] not in _CREDITS)


def _texts(row: Row, one: str, several: str) -> Iterator[tuple[str, str, Any]]:
    """Yield role, content type and value of each text of a kind: of `body_html` in ninjs 1, of `bodies` in 2 and 3."""
    for name, value in row.items():
        if (name == one or name.startswith(f"{one}_")) and value:
            kind = name.removeprefix(one).lstrip("_")
            yield kind, kind, value
    parts = row.get(several)
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and part.get("value"):
            role = str(part.get("role") or "")
            kind = part.get("contentType") or part.get("contenttype") or role
            yield role, str(kind), part["value"]


def _best(texts: Iterable[tuple[str, str, Any]]) -> tuple[str, Any] | None:
    """Return the text to read and the field that it is read as; of several, the main one, and HTML before plain text.

    A format that is neither, such as NITF, is read, as markup, only if there is nothing else.
    """
    rows = sorted(texts, key=lambda text: (_is_foreign(text[1]), text[0] != "main", not _is_markup(text[1])))
    return ("body_html" if _is_markup(rows[0][1]) else "body", rows[0][2]) if rows else None


def _is_markup(kind: str) -> bool:
    return any(name in kind.lower() for name in _MARKUP)


def _is_foreign(kind: str) -> bool:
    return "nitf" in kind.lower()
