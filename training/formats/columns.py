"""What people call the columns of an article, and how they write several labels in one value."""

import ast
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

NAMES = {
    "id": ("id", "article_id", "document_id", "doc_id", "guid", "uuid"),
    "title": ("title", "headline"),
    "body": ("body", "text", "content", "body_text", "body_html", "article"),
    "labels": ("label", "topic", "category", "categories", "tags", "section", "subject", "subjects", "subject_uris"),
}
"""Our columns, and the names under which they are looked for, in this order."""

_OURS = ("topics", "labels")
_COMMAS = {"topics", "categories", "tags"}
"""Columns of several names, where a comma parts them too."""

_AS_THEY_ARE = ("topics", "label_prob", "optional")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a file has what.

    Attributes:
        found: for each of our columns, what the file calls it; `labels` is not there where the file has ours.
        ours: the file has `topics` or `labels` as we name them.
        unread: columns that could be the topics as well, and are not read.
        every: all columns.
    """

    found: Mapping[str, str]
    ours: tuple[str, ...]
    unread: tuple[str, ...]
    every: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"{name} from {theirs}" for name, theirs in self.found.items() if name != "labels"]
        parts.append(f"topics from {', '.join(self.ours) or self.found.get('labels', 'nowhere')}")
        also = f" ({', '.join(self.unread)}: not read; call the one you want topics)" if self.unread else ""
        return ", ".join(parts) + also

    def missing(self) -> str:
        """Say which columns nothing can be done without, or nothing."""
        lacking = []
        if "body" not in self.found:
            lacking.append(f"a column of texts, called {' or '.join(NAMES['body'])}")
        if not self.ours and "labels" not in self.found:
            lacking.append(f"a column of topics, called {' or '.join((*_OURS, *NAMES['labels']))}")
        shown = ", ".join(map(repr, self.every[:20]))
        return f"there must be {' and '.join(lacking)}; it has {shown}" if lacking else ""

    def take(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with its values in our columns; what is called as we call it stays as it is."""
        taken = {name: row.get(theirs) for name, theirs in self.found.items() if name != "labels"}
        taken |= {name: row[name] for name in (*_AS_THEY_ARE, *self.ours) if name in row}
        taken |= {"language": row.get("language"), "date": row.get("date")}
        if all(name == theirs for name, theirs in self.found.items()):
            return taken
        if iso_day(taken["date"]) is False:
            taken["date"] = None  # of no use but for our own corpora, and everybody writes it in another way
        if "labels" in self.found:
            theirs = self.found["labels"]
            taken |= labelled(row.get(theirs), commas=theirs.lower() in _COMMAS)
        return taken


def find_columns(names: Iterable[str]) -> Columns:
    """Find our columns among the names of a file's; capitals and spaces do not matter."""
    every = tuple(dict.fromkeys(name for name in names if name))
    plain = {name.strip().lower().replace(" ", "_"): name for name in reversed(every)}
    found = {
        ours: next(plain[name] for name in theirs if name in plain)
        for ours, theirs in NAMES.items()
        if not plain.keys().isdisjoint(theirs)
    }
    ours = tuple(name for name in _OURS if name in every)
    unread = tuple(plain[name] for name in NAMES["labels"] if name in plain and plain[name] != found["labels"])
    if ours:
        found.pop("labels", None)
    return Columns(found, ours, () if ours else unread, every)


def labelled(value: Any, *, commas: bool = False) -> dict[str, Any]:
    """Return `labels` and the `names` of those that are codes, from however a label or several are written.

    A text (several parted by `;` or `|`), a number, an object with a code or URI and a name, or a list of those;
    what is none of them is returned as it is, for the checks to refuse.
    """
    if isinstance(value, str):
        value = [name for name in split_names(value, commas=commas) if name] or None
    some = value if isinstance(value, list | tuple) else [value]
    labels: list[str] = []
    names: dict[str, str] = {}
    for one in some:
        label = _label(one)
        if label is None:
            return {"labels": value}
        labels.append(label[0])
        if label[0] != label[1]:
            names[label[0]] = label[1]
    return {"labels": labels, "names": names}


def _label(one: Any) -> tuple[str, str] | None:
    """Return what tells a label from others (its code or URI where it has one) and its name."""
    if isinstance(one, str):
        return one.strip(), one.strip()
    if isinstance(one, int) and not isinstance(one, bool):
        return str(one), str(one)
    if not isinstance(one, dict):
        return None
    codes = [one.get("qcode"), one.get("uri"), one.get("code")]
    names = [one.get("name"), one.get("label"), one.get("literal"), one.get("slug")]
    name = next((name.strip() for name in names if isinstance(name, str) and name.strip()), "")
    code = next((code.strip() for code in codes if isinstance(code, str) and (":" in code or not name)), "")
    return (code or name, name or code) if code or name else None


def split_names(text: str, *, commas: bool = False) -> list[str]:
    """Split a value that holds several names: by `;` or `|`, or a list as JSON or Python (and pandas) write it."""
    if text.lstrip().startswith("["):
        listed = _literal(text.strip())
        if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
            return listed
    for separator in "|," if commas else "|":
        text = text.replace(separator, ";")
    return [part.strip() for part in text.split(";")]


def _literal(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def iso_day(value: Any) -> str | bool | None:
    """Return the ISO day of a date, None where there is none, False where it is no date."""
    if value is None or value == "":
        return None
    if isinstance(value, date):
        return value.isoformat()[:10]
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        return False
