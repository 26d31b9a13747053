"""Articles as other systems write them, read as ours.

ninjs     https://iptc.org/standards/ninjs/ (1.x, 2.x, 3.x)
Ghost     https://ghost.org/docs/webhooks/ (post.published and its kin)
Wagtail   https://docs.wagtail.org/en/stable/advanced_topics/api/v2/usage.html (a page)
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

Row = Mapping[str, Any]

_TEXTS = ("body_text", "body_html", "body_xhtml")


def translated(row: Row) -> dict[str, Any] | None:
    """Return another system's article in the fields of ours; None where it is not one that is known.

    What is not of the right kind is handed on as it is, to be refused as a field of ours.
    """
    for key in ("post", "page"):
        if isinstance(row.get(key), dict) and isinstance(row[key].get("current"), dict):
            return _ghost(row[key]["current"])
    meta = row.get("meta")
    if isinstance(meta, dict) and "type" in meta and "title" in row:
        return _wagtail(row, meta)
    if "uri" in row and "id" not in row and _is_ninjs(row):
        return _ninjs(row)
    return None


def _is_ninjs(row: Row) -> bool:
    if "bodies" in row or "headlines" in row or "headline" in row:
        return True
    return "body" not in row and any(name.startswith("body_") for name in row)


def _ninjs(row: Row) -> dict[str, Any]:
    headline = row.get("headline") or _main(row.get("headlines"))[0] or row.get("title")
    body, kind = _main(row.get("bodies"))
    names = [name for name in row if name == "body" or name.startswith("body_")]
    names.sort(key=lambda name: _TEXTS.index(name) if name in _TEXTS else len(_TEXTS))
    if body is None and names:
        body, kind = row[names[0]], names[0]
    field = "body_html" if isinstance(kind, str) and "html" in kind.lower() else "body"
    found = {"id": row["uri"], "title": headline, field: "" if body is None else body, "language": row.get("language")}
    return {name: value for name, value in found.items() if value is not None}


def _main(some: Any) -> tuple[Any, Any]:
    """Return value and content type of the headline or body that is called the main one, or of the first."""
    rows = [one for one in some if isinstance(one, dict)] if isinstance(some, list) else []
    rows.sort(key=lambda one: one.get("role") != "main")
    return (rows[0].get("value"), rows[0].get("contentType", rows[0].get("contenttype"))) if rows else (None, None)


def _ghost(post: Row) -> dict[str, Any]:
    found = {name: post.get(name) for name in ("id", "title", "url")}
    if post.get("html"):
        found["body_html"] = post["html"]
    else:
        found["body"] = post.get("plaintext") or ""
    return found


def _wagtail(page: Row, meta: Row) -> dict[str, Any]:
    body = page.get("body")
    found = {"id": page.get("id"), "title": page["title"], "url": meta.get("html_url"), "language": meta.get("locale")}
    if isinstance(body, list):
        return found | {"body_html": "\n".join(_of_blocks(body))}
    return found | {"body": "" if body is None else body}


def _of_blocks(value: Any) -> Iterator[str]:
    """Yield the texts of a stream field as HTML: what a block is made of counts, not what it is called."""
    if isinstance(value, str):
        yield value if "<" in value else f"<p>{escape(value)}</p>"
    elif isinstance(value, list):
        for one in value:
            yield from _of_blocks(one["value"] if isinstance(one, dict) and "value" in one else one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _of_blocks(one)
