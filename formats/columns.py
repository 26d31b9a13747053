"""Rows to columns: which column of a file holds what, by its name or by what its cells hold."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tagdesk.formats.names import NO_TOPICS, SYNONYMS, forms, plain
from tagdesk.models.errors import CannotRead
from tagdesk.models.reading.normal_form import words

OURS = ("topics", "labels")
"""Columns in which our own corpora state their topics and labels."""

_FIELDS = ("id", "title", "body", "date", "language", "label_prob")
_UNCHANGED = ("optional", "complete")
_HOLDERS = ("rendered", "processed", "html", "value", "text", "plain")
"""Under which of its names an object of a content system's interface has its text."""

_NEARLY = 0.9
"""Of several columns the likeliest by its name is read, if it has a value nearly as often as the fullest."""

_LABEL_STUDIO = {"annotation_id", "lead_time"}
"""Columns by which a table of Label Studio is known; its dates are those of the annotation."""

_WORDS = 5
"""Texts of fewer words, on average, are no bodies."""

_FEWEST_TITLES = 5
_TITLE_WORDS = (2, 25)
_TITLE_LENGTH = 200
_READ = 200
"""Characters of a text, and rows, that are enough to tell how many words it has."""

_FEWEST_FLAGS = 3
_YES, _NO = {"1", "1.0", "true"}, {"0", "0.0", "false"}
_NAMED = 20

_LABEL_LENGTH = 80
_NO_LABEL = re.compile(r"[\d\W]*|https?://.*|[^\s@]+@[^\s@]+|true|false|yes|no|[\d-]{8,10}[T ].*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a file hold what.

    Attributes:
        fields: the file's names of our columns `id`, `title`, `body`, `date`, `language`, `label_prob`.
        labels: columns that may hold the topics, the likeliest by its name first.
        guessed: those of them, and of `fields`, that were found by what they hold.
        all: all columns of the file.
        rivals: columns that look like topics as well as others do, so that none of them is taken.
        unread: columns of texts that are not read.
        flags: the topic of each column that says yes or no to one; then `labels` is a name for all of them.
    """

    fields: Mapping[str, str]
    labels: tuple[str, ...]
    guessed: frozenset[str] = frozenset()
    all: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_named(self) -> bool:
        """Whether a column of texts was found, and one of topics."""
        return bool(self.labels) and not self.fields.keys().isdisjoint(("title", "body"))

    def refuse(self, name: str, *, topics: bool = True) -> None:
        """Refuse a file in which columns are missing.

        Args:
            name: of the file.
            topics: whether a column of topics is needed as well as one of texts.

        Raises:
            CannotRead: saying which, and how to name them.
        """
        missing = {}
        if self.fields.keys().isdisjoint(("title", "body")):
            missing["body"] = "no column of texts is found"
        if topics and not self.labels:
            some = f" ({', '.join(map(repr, self.rivals))} could each be it)" if self.rivals else ""
            missing["topics"] = f"no column of topics is found{some}"
        if missing:
            columns = ", ".join(map(repr, self.all[:20])) or "no columns with a name"
            wanted = " ".join(f"{ours}=…" for ours in missing)
            raise CannotRead(
                f'{name}: {" and ".join(missing.values())}. It has {columns}. Say which is which: --columns "{wanted}"'
            )

    def __str__(self) -> str:
        order = ("title", "body", "date", "language", "id", "label_prob")
        return ", ".join(f"{ours} from {self.spoken(self.fields[ours])}" for ours in order if ours in self.fields)

    def spoken(self, column: str) -> str:
        """Return the name of a column that is read, for people, with what should be known of it."""
        name = re.sub(r" \[\d+\]$", "", column)
        again = sum(name == re.sub(r" \[\d+\]$", "", other) for other in self.all)
        notes = ["by what it holds"] if column in self.guessed else []
        notes += [f"the {'first' if column == name else 'fuller'} of {again} columns of this name"] if again > 1 else []
        return f"{name} ({'; '.join(notes)})" if notes else name

    def convert(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with its values under our names, and under `cells` what may be its topics, by column."""
        converted = {ours: text_in(row.get(column)) for ours, column in self.fields.items()}
        converted |= {name: row[name] for name in _UNCHANGED if name in row}
        if self.flags:
            yes = [topic for column, topic in self.flags.items() if str(row.get(column)).lower() in _YES]
            return converted | {"cells": dict.fromkeys(self.labels, yes)}
        return converted | {"cells": {column: row.get(column) for column in self.labels}}


def text_in(value: Any) -> Any:
    """Return the text of an object that holds one, as WordPress' `{"rendered": "…"}` does; else the value."""
    texts = [value.get(name) for name in _HOLDERS] if isinstance(value, dict) else []
    return next((text for text in texts if isinstance(text, str)), value)


def parse_columns(text: str) -> dict[str, str]:
    """Return the columns that people name, by ours, from `body=Texte topics=Rubrique`; names may have spaces.

    Raises:
        CannotRead: it names none, one twice, or a column that we do not know.
    """
    ours = (*_FIELDS, "topics")
    parts = re.split(rf"(?:^|\s+)({'|'.join(ours)})=", text.strip())
    if len(parts) < 3 or parts[0]:
        raise CannotRead(
            f'--columns "{text}": write --columns "body=Texte topics=Rubrique"; known are {", ".join(ours)}, '
            'each with "="'
        )
    if twice := [name for name in ours if parts[1::2].count(name) > 1]:
        raise CannotRead(f'--columns "{text}": {twice[0]} is named twice: name one column for it')
    return {name: column.strip().strip("'\"") for name, column in zip(parts[1::2], parts[2::2], strict=True)}


def find_columns(
    columns: Iterable[str], sample: Sequence[Mapping[str, Any]] = (), wanted: Mapping[str, str] | None = None
) -> Columns:
    """Find our columns among those of a file.

    Args:
        columns: their names.
        sample: the first rows.
        wanted: columns that were named, by ours; an empty name for a column that is not to be read.

    Raises:
        CannotRead: a column that was named is not there.
    """
    names = tuple(dict.fromkeys(column for column in columns if column))
    wanted = {ours: _existing(column, names, ours) for ours, column in (wanted or {}).items()}
    free = [column for column in names if column not in wanted.values()]
    if set(names) >= _LABEL_STUDIO:
        free = [column for column in free if column not in (*_LABEL_STUDIO, "annotator", "created_at", "updated_at")]
    fields = {ours: column for ours, column in wanted.items() if column and ours != "topics"}
    for ours in _FIELDS:
        if ours not in wanted and (column := _fullest(_named(ours, free), sample)):
            fields[ours] = column
            free.remove(column)
    topics = (wanted["topics"],) if wanted.get("topics") else tuple(_named("labels", free))
    stated = tuple(column for column in topics if plain(column) in OURS)
    if any(isinstance(row.get(column), list) for column in stated for row in sample):
        topics = stated  # lists under our names: a corpus of ours, whatever else it has
    free = [column for column in free if column not in topics]
    guessed = []
    if "body" not in fields and "body" not in wanted and (body := _longest(_texts(free, sample))):
        fields["body"] = body
        guessed.append(body)
    rivals: tuple[str, ...] = ()
    flags: Mapping[str, str] = {}
    if not any(_filled(column, sample) for column in topics) and sample:
        alike = _like_labels([column for column in free if column not in guessed], sample)
        flags = _flags(free, sample)
        if flags and not alike:
            topics = (f"{', '.join(list(flags)[:_NAMED])}{' …' * (len(flags) > _NAMED)} (a column for each topic)",)
        elif len(alike) == 1:
            topics = tuple(alike)
            guessed.append(alike[0])
        elif not topics:
            rivals = tuple(alike)
    texts = _texts([column for column in free if column not in guessed], sample)
    if "title" not in fields and "title" not in wanted and "body" in fields and fields["body"] in guessed:
        titles = [name for name, text in texts.items() if text.is_title and not NO_TOPICS.intersection(forms(name))]
        if len(titles) == 1 and len(sample) >= _FEWEST_TITLES:
            fields["title"] = titles[0]
            guessed += titles
    unread = tuple(column for column in texts if column not in guessed)
    return Columns(fields, topics, frozenset(guessed), names, rivals, unread, flags)


def _existing(column: str, names: Sequence[str], ours: str) -> str:
    same = [name for name in names if name == column] or [name for name in names if plain(name) == plain(column)]
    if column and not same:
        raise CannotRead(f"--columns: {ours}={column}: no such column; there are {', '.join(map(repr, names))}")
    return same[0] if same else ""


def _named(ours: str, columns: Sequence[str]) -> list[str]:
    """Return the columns that a name of ours fits, the likeliest first; `topics` as we write it before `Topics`."""
    place = {name: i for i, name in enumerate(SYNONYMS[ours])}
    ranks = {
        column: (form, place[name], name != column)
        for column in columns
        for form, name in reversed(list(enumerate(forms(column))))
        if name in place
    }
    return sorted(ranks, key=lambda column: ranks[column])


def _filled(column: str, sample: Sequence[Mapping[str, Any]]) -> int:
    return sum(row.get(column) not in (None, "", [], {}) for row in sample)


def _fullest(columns: Sequence[str], sample: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the first column that has a value nearly as often as any."""
    filled = {column: _filled(column, sample) for column in columns}
    most = max(filled.values(), default=0)
    return next((column for column in columns if filled[column] >= _NEARLY * most), None)


@dataclass(frozen=True, slots=True)
class _Text:
    """A column of texts that differ: how many words they have, at least, and how long they are, on average."""

    words: float
    length: float

    @property
    def is_title(self) -> bool:
        fewest, most = _TITLE_WORDS
        return fewest <= self.words <= most and self.length <= _TITLE_LENGTH


def _texts(columns: Iterable[str], sample: Sequence[Mapping[str, Any]]) -> dict[str, _Text]:
    """Return the columns of texts: of words, which differ from row to row."""
    texts = {}
    for column in columns:
        cells = [row[column] for row in sample if isinstance(row.get(column), str) and row[column].strip()]
        different = len(set(cells))
        if different * 2 <= len(cells) or all(map(_NO_LABEL.fullmatch, cells[:_READ])):
            continue
        counts = [len(words(cell[:_READ])) for cell in cells[:_READ]]
        text = _Text(sum(counts) / len(counts), sum(map(len, cells)) / len(cells))
        if text.words >= _TITLE_WORDS[0]:
            texts[column] = text
    return texts


def _longest(texts: Mapping[str, _Text]) -> str | None:
    """Return the column of the longest texts, where they are sentences."""
    sentences = [column for column, text in texts.items() if text.words >= _WORDS]
    return max(sentences, key=lambda column: texts[column].length, default=None)


def _like_labels(columns: Sequence[str], sample: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns whose cells look like topics: choices or lists, else a few short texts that come again."""
    listed, repeated = [], []
    for column in columns:
        cells = [row[column] for row in sample if row.get(column) not in (None, "", [], {})]
        texts = [cell for cell in cells if isinstance(cell, str)]
        if any(isinstance(cell, list) or _is_choice(cell) for cell in cells):
            listed.append(column)
        elif len(texts) == len(cells) and not NO_TOPICS.intersection(forms(column)) and _come_again(texts):
            repeated.append(column)
    return listed or repeated


def _flags(columns: Sequence[str], sample: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the columns that only say yes or no, each with its topic, where there are enough of them.

    The topic is the column's name without what all these names begin with: `category_`, `is_`.
    """
    flags = []
    for column in columns:
        values = {str(row.get(column)).lower() for row in sample}
        if values & _YES and values & _NO and values <= _YES | _NO and not NO_TOPICS.intersection(forms(column)):
            flags.append(column)
    if len(flags) < _FEWEST_FLAGS:
        return {}
    begins = re.match(r"[^_.: -]+[_.: -]", flags[0])
    same = begins[0] if begins and all(column.startswith(begins[0]) for column in flags) else ""
    return {column: column.removeprefix(same) for column in flags}


def _is_choice(cell: Any) -> bool:
    return "choices" in cell if isinstance(cell, dict) else isinstance(cell, str) and cell.startswith('{"choices"')


def _come_again(texts: Sequence[str]) -> bool:
    short = all(len(text) <= _LABEL_LENGTH and not _NO_LABEL.fullmatch(text) for text in texts)
    return short and 1 < len(set(texts)) <= len(texts) / 2
