"""HTML that text cannot break out of: whatever is not an element made here is escaped.

markupsafe would replace the class `Html` and little else: control characters and lone surrogates, which articles may
hold and HTML may not, would still be cleaned here.
"""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_EMPTY = {"circle", "col", "line", "path", "rect"}


class Html(str):
    """Markup made by `el` and `join`, which is put into other elements unescaped."""

    __slots__ = ()


def escape(text: str) -> Html:
    """Return text as HTML; control characters and lone surrogates become replacement characters."""
    readable = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return Html(html.escape(_CONTROLS.sub("�", readable)))


def join(*children: str) -> Html:
    """Put elements and texts one after the other."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def el(name: str, *children: str, **attributes: str | float | None) -> Html:
    """Make an element of HTML or SVG.

    Args:
        name: of the element.
        children: elements, and texts, which are escaped.
        attributes: a trailing underscore in a name is dropped, other underscores become hyphens (`class_`,
            `stroke_width`). Attributes that are None are left out, numbers are rounded to a tenth.
    """
    attributes_html = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Html(f"<{name}{attributes_html}/>")
    return Html(f"<{name}{attributes_html}>{join(*children)}</{name}>")


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{round(value, 1):.10g}"


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page: its id, for links, its heading, and all of its HTML."""

    name: str
    heading: str
    html: Html


def section(name: str, heading: str, lead: str, *content: str) -> Section:
    """Make a section of the page; `lead` says what it shows."""
    title = el("h2", heading, id=f"{name}-heading")
    children = (title, el("p", lead, class_="lead"), *content)
    return Section(name, heading, el("section", *children, id=name, aria_labelledby=f"{name}-heading"))


def table(caption: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], **attributes: str) -> Html:
    """Make a table that scrolls sideways when it is too wide.

    Args:
        caption: what it shows.
        columns: heading and class of each column; the class `num` is for numbers.
        rows: their cells; the first is the row's heading.
        attributes: of the table element.
    """
    head = el("tr", *(el("th", label, scope="col", class_=kind or None) for label, kind in columns))
    body = [
        el(
            "tr",
            el("th", row[0], scope="row"),
            *(el("td", cell, class_=kind or None) for cell, (_, kind) in zip(row[1:], columns[1:], strict=True)),
        )
        for row in rows
    ]
    content = el("table", el("caption", el("span", caption)), el("thead", head), el("tbody", *body), **attributes)
    return el("div", content, class_="wide", tabindex="0", role="region", aria_label=caption)


def figure(caption: str, *content: str, **attributes: str) -> Html:
    """Make a figure with its caption above."""
    return el("figure", el("figcaption", caption), *content, **attributes)


def details(summary: str, *content: str) -> Html:
    """Make a part of the page that opens on a click, and is open in print."""
    return el("details", el("summary", summary), *content)


def number(value: float | None, digits: int = 2) -> str:
    """Format a figure; a dash where it is unknown."""
    return "–" if value is None or isnan(value) else f"{value:.{digits}f}"


def signed(value: float, digits: int = 3) -> str:
    """Format a difference with its sign; a dash where it is unknown."""
    return "–" if isnan(value) else f"{value:+.{digits}f}".replace("-", "−")


def enumeration(words: Sequence[str], most: int = 30) -> str:
    """Write a list in words: `a, b and c`; of a long list the first, and how many more there are."""
    if len(words) > most:
        words = [*words[:most], f"{len(words) - most:,} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
