"""Columns to labels: the column that labels most articles is read, its cells are parted, no topics are left out."""

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tagdesk.formats import names
from tagdesk.formats.cells import (
    FEWEST,
    LONGEST,
    Label,
    Separators,
    is_number,
    label_key,
    separators_of,
    structured,
    tidy,
)
from tagdesk.formats.columns import OURS, Columns
from tagdesk.formats.names import plain

_NEARLY = 0.98
"""Of columns that label nearly as many articles, the likeliest by its name is read."""

PLACEHOLDERS = frozenset(map(label_key, names.PLACEHOLDERS))
"""Keys of what content systems write where there is no topic, and of where an article stands rather than what of."""


def parse_ignored(text: str) -> frozenset[str]:
    """Return the keys of labels that people want left out, see `ignored_names`; the whole text may be one of them."""
    return frozenset(filter(None, map(label_key, (text, *ignored_names(text)))))


def ignored_names(text: str) -> tuple[str, ...]:
    """Return the labels that people want left out: `Press releases, Featured`, or in quotes, or as a list in JSON."""
    names = structured(text)
    if isinstance(names, tuple):
        return tuple(label.label for label in names)
    return tuple(filter(None, map(tidy, text.replace(";", ",").split(","))))


def ignored_labels(ignore: str, known: Iterable[str]) -> frozenset[str]:
    """Return the keys of labels to leave out: those that people want, and placeholders that no topic or map knows."""
    return parse_ignored(ignore) | (PLACEHOLDERS - {label_key(name) for name in known})


@dataclass(frozen=True, slots=True)
class Labelling:
    """The labels of one cell or two, as far as they say something.

    Attributes:
        topics: those of our column `topics`, which decide all topics; None where it is not there or empty.
        labels: those of any other column.
        ignored: those that say nothing of the topics.
        says_none: whether our column `labels` has an empty list.
    """

    topics: tuple[Label, ...] | None
    labels: tuple[Label, ...]
    ignored: tuple[str, ...] = ()
    says_none: bool = False

    @property
    def says_nothing(self) -> bool:
        """Whether no topic is stated, nor that there is none."""
        return self.topics is None and not self.labels and not self.says_none


@dataclass(slots=True)
class LabelColumns:
    """The columns that may hold the topics, all their cells looked at before one column is chosen.

    Attributes:
        names: the columns, the likeliest by its name first.
        ignored: keys of labels that say nothing.
    """

    names: Sequence[str]
    ignored: Collection[str]
    _cells: dict[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)
    _texts: dict[str, Counter[str]] = field(default_factory=dict)
    _labels: dict[str, Counter[tuple[Label, ...]]] = field(default_factory=dict)

    def read(self, cells: Mapping[str, Any]) -> tuple[Any, ...] | str:
        """Return the cells of a row, for `Chosen.labelling`; or why they cannot be used."""
        parts = []
        for name in self.names:
            cell = structured(cells.get(name))
            if cell is None:
                return f"{name}: {str(cells[name])[:40]!r} holds no labels: write Sport;Politics, or a list of texts"
            if isinstance(cell, str):
                cell = sys.intern(cell)
                self._texts.setdefault(name, Counter())[cell] += 1
            elif cell:
                self._labels.setdefault(name, Counter())[cell] += 1
            # In our own columns an empty list says that there is no topic.
            empty = cell == () and not (plain(name) in OURS and isinstance(cells.get(name), list))
            parts.append(None if empty else cell)
        cells_read = tuple(parts)
        return self._cells.setdefault(cells_read, cells_read)  # equal cells are kept once

    def choose(self) -> "Chosen":
        """Choose the column by which most articles get a label that may become a topic; `topics` and `labels` are one.

        Of columns that do so nearly alike one of words is read rather than one of numbers.
        """
        separators = {name: separators_of(self._texts.get(name, {})) for name in self.names}
        ours = tuple(name for name in self.names if plain(name) in OURS)
        candidates = [ours] * bool(ours) + [(name,) for name in self.names if name not in ours]
        if not candidates:
            return Chosen((), self.names, {}, self.ignored)
        reach = {names: self._reach(names, separators) for names in candidates}
        best = max(reach.values())
        good = [names for names in candidates if reach[names] >= _NEARLY * best]
        names = next((names for names in good if not self._is_numbers(names)), good[0])
        return Chosen(names, self.names, separators, self.ignored)

    def _is_numbers(self, names: Sequence[str]) -> bool:
        texts = [text for name in names for text in self._texts.get(name, ())]
        return bool(texts) and all(map(is_number, texts))

    def _reach(self, names: Sequence[str], separators: Mapping[str, Separators]) -> int:
        """Return how many rows have a label that may become a topic, in one of these columns."""
        most = 0
        for name in names:
            cells = [*self._labels.get(name, {}).items()]
            cells += [(separators[name].labels(text), count) for text, count in self._texts.get(name, {}).items()]
            keys = [
                ({label_key(label.label) for label in labels} - set(self.ignored), count) for labels, count in cells
            ]
            counts = Counter[str]()
            for some, count in keys:
                counts.update(dict.fromkeys(some, count))
            most = max(most, sum(count for some, count in keys if any(counts[key] >= FEWEST for key in some)))
        return most


@dataclass(frozen=True, slots=True)
class Chosen:
    """The columns that are read for the topics, and how.

    Attributes:
        names: of one column, or of our two.
        all: all columns that may hold the topics.
        separators: how each is parted.
        ignored: keys of labels that say nothing.
    """

    names: tuple[str, ...]
    all: Sequence[str]
    separators: Mapping[str, Separators]
    ignored: Collection[str]
    _known: dict[tuple[Any, ...], Labelling] = field(default_factory=dict)

    def spoken(self, columns: Columns) -> str:
        """Return which columns are read, for people."""
        unread = [name for name in self.all if name not in self.names]
        more = f' ({", ".join(unread)}: not read; --columns "topics={unread[0]}" would)' if unread else ""
        return f"topics from {' and '.join(map(columns.spoken, self.names))}{more}"

    @property
    def parting(self) -> str:
        """How the cells are parted, for people; empty where each has one label or says itself."""
        return "; ".join(dict.fromkeys(filter(None, (str(self.separators[name]) for name in self.names))))

    def labelling(self, cells: tuple[Any, ...]) -> Labelling:
        """Return the labels of a row's cells, as `LabelColumns.read` returned them; of equal ones the same object."""
        if cells not in self._known:
            self._known[cells] = self._labelling(cells)
        return self._known[cells]

    def _labelling(self, cells: Sequence[Any]) -> Labelling:
        topics: tuple[Label, ...] | None = None
        labels: tuple[Label, ...] = ()
        ignored: list[str] = []
        says_none = False
        for name, cell in zip(self.all, cells, strict=True):
            if name not in self.names or cell is None:
                continue
            all_labels = self.separators[name].labels(cell) if isinstance(cell, str) else cell
            some = tuple(filter(self._says_something, all_labels))
            ignored += [label.name for label in all_labels if not self._says_something(label)]
            if plain(name) != "topics":
                labels, says_none = some, cell == ()
            elif some or cell == ():
                topics = some
        return Labelling(topics, labels, tuple(ignored), says_none)

    def _says_something(self, label: Label) -> bool:
        return len(label.name) <= LONGEST and label_key(label.name) not in self.ignored


def below(labellings: Iterable[Labelling]) -> dict[tuple[str, tuple[str, ...]], str]:
    """Return the label of each name below others, by the name and those above it.

    It is the name alone; where the same name stands below several others, the one above it is added.
    """
    above: dict[str, set[str]] = {}
    paths = set()
    for labelling in labellings:
        for label in (*(labelling.topics or ()), *labelling.labels):
            if label.above:
                paths.add((label.name, label.above))
                above.setdefault(label_key(label.name), set()).add(label_key(label.above[-1]))
    return {
        (name, names): f"{names[-1]} > {name}" if len(above[label_key(name)]) > 1 else name for name, names in paths
    }
