"""Articles as other systems write them, read as ours.

ninjs     items.py
Ghost     https://ghost.org/docs/webhooks/ (post.published and its kin)
Wagtail   https://docs.wagtail.org/en/stable/advanced_topics/api/v2/usage.html (a page)
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from tagdesk.service.formats.items import is_item, read_item

Row = Mapping[str, Any]


def translated(row: Row) -> dict[str, Any] | None:
    """Return another system's article in our own fields; None if its format is not known.

    A value of the wrong type is handed on as it is, to be refused as a field of ours.
    """
    for key in ("post", "page"):
        if isinstance(row.get(key), dict) and isinstance(row[key].get("current"), dict):
            return _ghost(row[key]["current"])
    meta = row.get("meta")
    if isinstance(meta, dict) and _is_wagtail(row, meta):
        return _wagtail(row, meta)
    return read_item(row) if is_item(row) else None


def _is_wagtail(row: Row, meta: Row) -> bool:
    """Tell whether a row is a page as Wagtail's API returns it, and not just any object with a type."""
    has_address = "detail_url" in meta or "html_url" in meta
    return "type" in meta and has_address and {"id", "title"} <= row.keys() and "body_html" not in row


def _ghost(post: Row) -> dict[str, Any]:
    article = {name: post.get(name) for name in ("id", "title", "url")}
    if post.get("html"):
        return article | {"body_html": post["html"]}
    return article | {"body": post.get("plaintext") or ""}


def _wagtail(page: Row, meta: Row) -> dict[str, Any]:
    body = page.get("body")
    article = {"id": page["id"], "title": page["title"], "url": meta.get("html_url"), "language": meta.get("locale")}
    if isinstance(body, list):
        return article | {"body_html": "\n".join(_of_blocks(body))}
    return article | {"body": "" if body is None else body}


def _of_blocks(value: Any) -> Iterator[str]:
    """Yield the texts of a stream field as HTML, whatever its blocks are called."""
    if isinstance(value, str):
        yield value if "<" in value else f"<p>{escape(value)}</p>"
    elif isinstance(value, list):
        for block in value:
            yield from _of_blocks(block["value"] if isinstance(block, dict) and "value" in block else block)
    elif isinstance(value, dict):
        for block in value.values():
            yield from _of_blocks(block)
