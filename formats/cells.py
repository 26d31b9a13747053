"""Cells to labels: how a column writes several labels in one cell is told by what it holds."""

import ast
import csv
import html
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

MOST_CHARACTERS = 20_000
"""A longer cell holds no labels."""

LONGEST = 200
"""A longer text is no label."""

_ALWAYS = ("\n", "|", ";", "；", "؛", "｜", "、")
_IF_PARTS_RECUR = ("#", ",", "，", "،", "\t", "•", "/")
_SPOKEN = {"\n": "line ends", ",": "commas", "\t": "tabs"}
_REMEMBERED = 10_000
"""Labels come again and again."""

_HALF = 0.5
_MORE = 1.2

FEWEST = 5
"""A label with fewer articles does not become a topic: no fit would have five articles for it."""

# No text may match in two ways: of n parts that are each read so, a cell that does not match would be read 2ⁿ times.
_STEP = re.compile(r"-?->|=>|::|[>»›→]")
_SLASHED = re.compile(r"[^/:\s][^/:]*(?:/[^/:]*[^/:\s])+")
_QUOTED = re.compile(r'"(?:[^"]|"")*+"\s*+(?:,\s*+(?:"(?:[^"]|"")*+"\s*+|[^",\s][^",]*+|))*+')
_HASHTAG = re.compile(r"#\w\S*")
_BETWEEN_HASHTAGS = re.compile(r"[\s,;|]+|(?=#\w)")
_ARRAY = re.compile(r'\{(?:[^{}":]|"(?:[^"\\]|\\.)*")*\}', re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d[\d.,:/ -]*(?:T[\d:.]+Z?)?")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))

_NULLS = {"", "null", "none", "nan", "n/a", "#n/a", "nil", "undefined", "\\n", "-", "--", "(none)", "<na>", "[]", "{}"}


@lru_cache(_REMEMBERED)
def label_key(label: str) -> str:
    """Return what all spellings of a label have in common.

    Entities are characters, all spaces alike, letters composed (NFC), capitals small and invisible characters gone. Of
    an address all letters count as they are.
    """
    label = tidy(label)
    return label if "://" in label else unicodedata.normalize("NFC", label.casefold())


@lru_cache(_REMEMBERED)
def tidy(label: str) -> str:
    """Return a label as it is shown: unescaped, composed, single spaces, nothing invisible."""
    return " ".join(unicodedata.normalize("NFC", _unescaped(label)).translate(_INVISIBLE).split())


def is_null(label: str) -> bool:
    """Say whether a label is a way to write that there is none."""
    return label_key(label) in _NULLS


def is_number(label: str) -> bool:
    """Say whether a label is a number or a date rather than a name."""
    return bool(_NUMBER.fullmatch(label.strip()))


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a cell: its code or URI, else its name; its name; and the names above it, where it is a path."""

    label: str
    name: str
    above: tuple[str, ...] = ()


def structured(cell: Any) -> tuple[Label, ...] | str | None:
    """Return the labels of a cell that says itself which they are, the text of one that does not, None of neither.

    Lists, objects with a code or a name, Label Studio's choices, and the same as JSON or Python writes them; lists of
    PostgreSQL; lists of names in quotes; numbers. No labels: an empty tuple.
    """
    if isinstance(cell, str):
        return _of_text(cell)
    items = cell if isinstance(cell, list | tuple) else [cell]
    labels: list[Label] = []
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("choices"), list):
            chosen = structured(item["choices"])
            labels += chosen if isinstance(chosen, tuple) else ()
        elif isinstance(item, str):
            labels += labels_of_path(item)
        elif item is not None and (label := _of_item(item)) is None:
            return None
        elif item is not None and label is not None and not is_null(label.label):
            labels.append(label)
    return tuple(dict.fromkeys(labels))


def labels_of_path(text: str) -> list[Label]:
    """Return a label, or those of a path such as `News>Politics`, each with the names above it."""
    names = [name for name in map(tidy, _steps(text)) if not is_null(name)]
    return [Label(name, name, tuple(names[:depth])) for depth, name in enumerate(names)]


def is_path(text: str) -> bool:
    """Say whether a text names a topic below another."""
    return len(_steps(text)) > 1


def _steps(text: str) -> list[str]:
    """Return the names in a path, from the top down; the text itself where it is none."""
    if "<" in text or "://" in text:
        return [text]
    names = _STEP.split(text)
    if text.lstrip().startswith("/") and "//" not in text:
        names = [part for name in names for part in name.split("/")]
    return [name for name in names if name.strip()] or [text]


def _of_text(cell: str) -> tuple[Label, ...] | str | None:
    text = cell.strip()
    if len(text) > MOST_CHARACTERS:
        return None
    if is_null(text):
        return ()
    if text.startswith(("[", "{")):
        parsed = _literal(text)
        if isinstance(parsed, list | dict) and (labels := structured(parsed)) is not None:
            return labels
        if _ARRAY.fullmatch(text):
            return _plain(_fields(text[1:-1], escapechar="\\"))
        if text.endswith("]") and not re.search(r"[\[\]]", text[1:-1]):  # as Java prints a list, `[Sport, Culture]`
            return _of_text(text[1:-1])
    hashtags = [tag for tag in _BETWEEN_HASHTAGS.split(text) if tag] if text.startswith("#") else []
    if hashtags and all(map(_HASHTAG.fullmatch, hashtags)):
        return _plain(tag[1:] for tag in hashtags)
    if _QUOTED.fullmatch(text):
        return _plain(_fields(text))
    return text


def _fields(text: str, escapechar: str | None = None) -> Iterator[str]:
    rows = csv.reader(text.splitlines(keepends=True), escapechar=escapechar, skipinitialspace=True)
    return chain.from_iterable(rows)


def _plain(names: Iterable[str]) -> tuple[Label, ...]:
    return tuple(Label(name, name) for name in map(tidy, names) if not is_null(name))


def _of_item(item: Any) -> Label | None:
    """Return a label from a number or an object; None where it is neither."""
    if isinstance(item, int | float) and not isinstance(item, bool):
        number = _written(item)
        return Label(number, number)
    if not isinstance(item, dict):
        return None
    codes = [item.get("qcode"), item.get("uri"), item.get("code")]
    names = [item.get(key) for key in ("name", "label", "literal", "title", "slug")]
    name = next((tidy(name) for name in names if isinstance(name, str) and name.strip()), "")
    code = next((code.strip() for code in codes if isinstance(code, str) and (":" in code or not name)), "")
    return Label(code or name, name or code) if code or name else None


def _written(number: float) -> str:
    """Return a number as a label; empty where it is none (NaN, infinite) or has an absurd length."""
    if isinstance(number, float) and not number.is_integer():
        return f"{number:g}" if math.isfinite(number) else ""
    return str(int(number)) if abs(number) < 10**LONGEST else ""


def _literal(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


@dataclass(frozen=True, slots=True)
class Separators:
    """How the cells of a column that do not say it themselves are parted into labels.

    Attributes:
        marks: what stands between two labels, in the order in which cells are parted.
        paths: whether a label may stand below another, `News>Politics`.
        slashes: whether a path may be written `news/politics`.
    """

    marks: tuple[str, ...] = ()
    paths: bool = False
    slashes: bool = False

    def __str__(self) -> str:
        parts = (
            [f"labels separated by {' and '.join(_SPOKEN.get(mark, mark) for mark in self.marks)}"]
            if self.marks
            else []
        )
        return ", ".join([*parts, *(["paths such as News>Politics as topics below others"] if self.paths else [])])

    def labels(self, text: str) -> tuple[Label, ...]:
        """Return the labels in a cell's text."""
        parts = (_slashed(part) if self.slashes else part for part in self._parts(text))
        return tuple(dict.fromkeys(label for part in parts for label in labels_of_path(part)))

    def _parts(self, text: str) -> list[str]:
        parts = [_unescaped(text)]  # first of all: a semicolon ends an entity
        for mark in self.marks:
            parts = [piece for part in parts for piece in _split(part, mark)]
        return parts


def separators_of(cells: Mapping[str, int]) -> Separators:
    """Tell how the cells of a column are parted.

    Line ends, `|`, `;` and `、`, of any script, always part labels. `#`, commas, `/` and the like are found in names,
    too (`C#`; `Arts, culture`). They part labels where the parts come again, on their own or beside others: more than
    half of the parts of half the cells with such a mark. Or where clearly more cells have a label that is frequent, as
    with many different tags.

    Args:
        cells: each text, and how often it occurs.
    """
    marks = tuple(mark for mark in _ALWAYS if any(mark in _unescaped(text) for text in cells))
    pieces = Counter[str]()
    for text, count in cells.items():
        pieces.update({piece: count for piece in Separators(marks)._parts(text) if piece.strip()})
    slashes = _are_paths(pieces)
    for mark in _IF_PARTS_RECUR[: -1 if slashes else None]:
        whole = {text: {label_key(text)} for text in pieces}
        parts = {text: {label_key(part): part for part in _split(text, mark) if part.strip()} for text in pieces}
        if _parts_recur(parts.values()) or _reach(parts, pieces) > _MORE * _reach(whole, pieces):
            marks = (*marks, mark)
            pieces = _counted((part, pieces[text]) for text, those in parts.items() for part in those.values())
    return Separators(marks, slashes or any(map(is_path, pieces)), slashes)


def _are_paths(texts: Iterable[str]) -> bool:
    """Say whether labels such as `news/politics` are paths: few roots, several names below each, and none is both."""
    split = [[label_key(part) for part in text.split("/")] for text in texts if _SLASHED.fullmatch(text.strip())]
    roots, leaves = Counter(parts[0] for parts in split), {parts[-1] for parts in split}
    branching = sum(count for count in roots.values() if count > 1)
    return bool(split) and not roots.keys() & leaves and branching >= _HALF * len(split) and len(roots) < len(leaves)


def _slashed(text: str) -> str:
    """Return a path with slashes as one that begins with a slash."""
    return f"/{text.strip()}" if _SLASHED.fullmatch(text.strip()) else text


def _unescaped(text: str) -> str:
    return html.unescape(html.unescape(text)) if "&" in text else text


def _split(text: str, mark: str) -> list[str]:
    if mark == "#":  # `C#` is a name
        return re.split(r"#(?=\S)", text)
    return [text] if mark == "/" and "://" in text else text.split(mark)


def _counted(items: Iterable[tuple[str, int]]) -> Counter[str]:
    counts = Counter[str]()
    for item, count in items:
        counts[item] += count
    return counts


def _parts_recur(cells: Iterable[Collection[str]]) -> bool:
    """Say whether more than half of the parts of at least half the cells with several occur in other cells as well."""
    parts = list(cells)
    occurrences = Counter(part for those in parts for part in those)
    compound = [those for those in parts if len(those) > 1]
    recurring = [sum(occurrences[part] > 1 for part in those) > _HALF * len(those) for those in compound]
    return bool(compound) and sum(recurring) >= _HALF * len(compound)


def _reach(parts: Mapping[str, Collection[str]], cells: Mapping[str, int]) -> int:
    """Return how many cells have a part that is frequent enough for a topic."""
    counts = _counted((part, cells[text]) for text, those in parts.items() for part in those)
    return sum(cells[text] for text, those in parts.items() if any(counts[part] >= FEWEST for part in those))
