"""HTML that cannot be broken into: whatever is not an element made here is escaped."""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_EMPTY = {"circle", "col", "line", "path", "rect"}


class Html(str):
    """Markup made by `el` and `join`, which goes into other elements as it is."""

    __slots__ = ()


def escape(text: str) -> Html:
    """Return text as HTML; control characters and halves of surrogate pairs become replacement characters."""
    readable = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return Html(html.escape(_CONTROLS.sub("�", readable)))


def join(*children: str) -> Html:
    """Put elements and texts one after the other."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def el(name: str, *children: str, **attributes: str | float | None) -> Html:
    """Make an element of HTML or SVG.

    Args:
        name: what it is called.
        children: elements, and texts, which are escaped.
        attributes: a trailing underscore is dropped and others become hyphens (`class_`, `stroke_width`); those that
            are None are left out, numbers are rounded to a tenth.
    """
    said = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Html(f"<{name}{said}/>")
    return Html(f"<{name}{said}>{join(*children)}</{name}>")


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{round(value, 1):.10g}"


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page: what links call it, its heading, and the whole of it."""

    name: str
    heading: str
    html: Html


def section(name: str, heading: str, lead: str, *content: str) -> Section:
    """Make a section of the page; `lead` says what is to be seen."""
    title = el("h2", heading, id=f"{name}-heading")
    inside = (title, el("p", lead, class_="lead"), *content)
    return Section(name, heading, el("section", *inside, id=name, aria_labelledby=f"{name}-heading"))


def table(caption: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], **attributes: str) -> Html:
    """Make a table that scrolls sideways where it is too wide.

    Args:
        caption: what it shows.
        columns: heading and class of each column; `num` is for numbers.
        rows: cells, the first of each being the row's heading.
        attributes: of the table.
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
    inside = el("table", el("caption", el("span", caption)), el("thead", head), el("tbody", *body), **attributes)
    return el("div", inside, class_="wide", tabindex="0", role="region", aria_label=caption)


def figure(caption: str, *content: str, **attributes: str) -> Html:
    """Make a figure with its caption above."""
    return el("figure", el("figcaption", caption), *content, **attributes)


def details(summary: str, *content: str) -> Html:
    """Make a part of the page that opens on a click; in print it is open."""
    return el("details", el("summary", summary), *content)


def number(value: float | None, digits: int = 2) -> str:
    """Write a figure, and a dash for one that is not known."""
    return "–" if value is None or isnan(value) else f"{value:.{digits}f}"


def signed(value: float, digits: int = 3) -> str:
    """Write a difference with its sign."""
    return "–" if isnan(value) else f"{value:+.{digits}f}".replace("-", "−")


def listed(words: Sequence[str], most: int = 30) -> str:
    """Write a list in words: `a, b and c`; of a long one the first and how many more there are."""
    if len(words) > most:
        words = [*words[:most], f"{len(words) - most:,} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
