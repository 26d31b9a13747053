"""The names that people give to columns, in many languages, and to what is no topic: `names.toml`."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_NAMES: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))

# What content systems put around the name of a column.
_BEFORE = re.compile(r"^(?:article|post|node|field|story|item|news|wp|cms|content|data)_(?=.)")
_AFTER = re.compile(r"(?<=.)_(?:html|text|plain|raw|article|name|names|title|list|rendered|value)$")
_NUMBER = re.compile(r" \[\d+\]$")
_STROKES = str.maketrans("łøđıŁØĐ", "lodiLOD")


def plain(name: str) -> str:
    """Return a name without capitals, accents and signs: `date_de_publication`."""
    letters = unicodedata.normalize("NFKD", name.translate(_STROKES).casefold())
    return re.sub(r"[\W_]+", "_", "".join(char for char in letters if not unicodedata.combining(char))).strip("_")


def forms(name: str) -> tuple[str, ...]:
    """Return the forms under which the name of a column is looked up, the fullest first: `post_title`, `title`."""
    whole = plain(_NUMBER.sub("", name))
    bare = _BEFORE.sub("", whole)
    return tuple(dict.fromkeys((whole, bare, _AFTER.sub("", bare))))


def _all(languages: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in languages.values() for name in names))


SYNONYMS = {ours: tuple(dict.fromkeys(map(plain, _all(names)))) for ours, names in _NAMES["columns"].items()}
"""For each of our columns the names by which it is found, the likeliest first."""

KNOWN = frozenset(name for names in SYNONYMS.values() for name in names)
"""All of those names."""

NO_TOPICS = frozenset(map(plain, _all(_NAMES["no_topics"])))
"""Columns whose few values look like topics, and are none."""

PLACEHOLDERS = _all(_NAMES["placeholders"])
"""Labels that are no topics."""

MONTHS = {
    plain(name): number
    for months in _NAMES["months"].values()
    for number, names in enumerate(months, start=1)
    for name in names.split()
}
"""The number of a month, by its name or how it is shortened."""
