"""Topics: their names, what they cover, their parents, and their IPTC Media Topic codes."""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Literal, get_args

from tagdesk.models.errors import TaxonomyError

Match = Literal["exact", "close", "narrower"]

DEFAULT_TAXONOMY = Path(__file__).with_name("taxonomy.toml")

MEDIA_TOPICS = Path("media-topics")
"""In place of a file: the Media Topics of the IPTC, which are shipped."""

_LONGEST_ID = 64
_QCODE = re.compile(r"[^\s:]+:\S+")
_KEYS = {"id", "name", "description", "parent", "implies_parent", "codes"}


@dataclass(frozen=True, slots=True)
class Code:
    """A concept of another vocabulary, and how well it matches the topic."""

    qcode: str
    match: Match


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of a taxonomy.

    Attributes:
        id: 1-64 small letters of any script, digits, `.`, `_` and `-`, in Unicode's form NFC.
        name: for people.
        description: what it covers.
        parent: the id of the topic above it, for display and codes.
        codes: concepts of other vocabularies.
        implies_parent: whether every article of this topic is also one of its parent, so that its confidence is at
            most the parent's.
    """

    id: str
    name: str
    description: str = ""
    parent: str | None = None
    codes: tuple[Code, ...] = ()
    implies_parent: bool = False

    @property
    def qcodes(self) -> list[str]:
        """The codes without their match."""
        return [code.qcode for code in self.codes]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Topics in a fixed order, which is the order of a model's columns.

    Raises:
        TaxonomyError: naming every fault at once.
    """

    name: str
    topics: tuple[Topic, ...]
    _column: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        faults = list(_faults(self.topics))
        if faults:
            raise TaxonomyError(f"taxonomy {self.name!r}: {'; '.join(faults)}")
        object.__setattr__(self, "_column", {topic.id: i for i, topic in enumerate(self.topics)})

    @property
    def ids(self) -> tuple[str, ...]:
        """The topics' ids in order."""
        return tuple(topic.id for topic in self.topics)

    @property
    def implied(self) -> tuple[tuple[int, int], ...]:
        """Columns of every topic that implies its parent and of the parent, parents before the topics below them."""
        above = {topic.id: topic.parent for topic in self.topics if topic.parent is not None and topic.implies_parent}
        order = TopologicalSorter({child: [parent] for child, parent in above.items()}).static_order()
        return tuple((self._column[topic], self._column[above[topic]]) for topic in order if topic in above)

    def column(self, topic: str) -> int:
        """Return the column of a topic.

        Raises:
            TaxonomyError: no such topic.
        """
        try:
            return self._column[topic]
        except KeyError:
            raise TaxonomyError(f"no topic {topic!r} in {self.name!r}; it has {', '.join(self.ids)}") from None

    def __len__(self) -> int:
        return len(self.topics)

    def __contains__(self, topic: object) -> bool:
        return topic in self._column

    def to_json(self) -> dict[str, Any]:
        """Return the taxonomy as JSON values; `from_json` reads them."""
        return {"name": self.name, "topics": [_topic_json(topic) for topic in self.topics]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Taxonomy":
        """Build a taxonomy from `to_json`'s values or from a parsed TOML file (`topic` for `topics`)."""
        rows = data.get("topics", data.get("topic"))
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TaxonomyError("a taxonomy needs a list of topics: [[topic]] tables with id and name")
        return cls(str(data.get("name", "")), tuple(_topic(row, i) for i, row in enumerate(rows, start=1)))


def load_taxonomy(path: Path = DEFAULT_TAXONOMY) -> Taxonomy:
    """Read a taxonomy from a TOML file; `MEDIA_TOPICS` is the one that is shipped, unless there is such a file.

    Raises:
        TaxonomyError: the file is missing, is not TOML, or is wrong.
    """
    if path == MEDIA_TOPICS and not path.exists():
        path = Path(__file__).with_name("media-topics.toml")
    try:
        return Taxonomy.from_json(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TaxonomyError(f"cannot read the taxonomy {path}: {error}") from error


def _topic(row: Mapping[str, Any], number: int) -> Topic:
    unknown = sorted(set(row) - _KEYS)
    if unknown:
        raise TaxonomyError(f"topic {number}: unknown {', '.join(unknown)}; known are {', '.join(sorted(_KEYS))}")
    parent = row.get("parent")
    if not isinstance(parent, str | None):
        raise TaxonomyError(f"topic {number}: parent must be the id of a topic, not {parent!r}")
    implies_parent = row.get("implies_parent", False)
    if not isinstance(implies_parent, bool):
        raise TaxonomyError(f"topic {number}: implies_parent must be true or false, not {implies_parent!r}")
    try:
        codes = tuple(Code(str(code["qcode"]), code["match"]) for code in row.get("codes", ()))
        return Topic(
            id=str(row["id"]),
            name=str(row["name"]),
            description=str(row.get("description", "")),
            parent=parent,
            codes=codes,
            implies_parent=implies_parent,
        )
    except (KeyError, TypeError) as error:
        raise TaxonomyError(f"topic {number}: {error} is missing or of the wrong kind") from error


def _topic_json(topic: Topic) -> dict[str, Any]:
    row: dict[str, Any] = {"id": topic.id, "name": topic.name, "description": topic.description}
    if topic.parent is not None:
        row["parent"] = topic.parent
    if topic.implies_parent:  # only then: the content hash of a bundle is made of this
        row["implies_parent"] = True
    row["codes"] = [{"qcode": code.qcode, "match": code.match} for code in topic.codes]
    return row


def _faults(topics: tuple[Topic, ...]) -> Iterator[str]:
    counts = Counter(topic.id for topic in topics)
    parents = {topic.id: topic.parent for topic in topics}
    endless = _without_a_top(parents)
    if not topics:
        yield "it has no topics"
    for topic in topics:
        if not _is_id(topic.id):
            yield f"id {topic.id!r} must be 1-64 small letters, digits, '.', '_' and '-'"
        if counts[topic.id] > 1:
            yield f"id {topic.id!r} appears twice"
        if topic.parent is not None and topic.parent not in parents:
            yield f"{topic.id}: no topic {topic.parent!r} to be its parent"
        elif topic.id in endless:
            yield f"{topic.id}: its parents form a circle"
        if topic.implies_parent and topic.parent is None:
            yield f"{topic.id}: implies_parent without a parent: name one, or leave implies_parent out"
        for code in topic.codes:
            if not _QCODE.fullmatch(code.qcode):
                yield f"{topic.id}: code {code.qcode!r} must have the form scheme:code, e.g. medtop:16000000"
            if code.match not in get_args(Match):
                yield f"{topic.id}: match {code.match!r} must be one of {', '.join(get_args(Match))}"


def _is_id(text: str) -> bool:
    kinds = [unicodedata.category(char)[0] for char in text]
    return (
        0 < len(text) <= _LONGEST_ID
        and all(kind in "LMN" or char in "._-" for kind, char in zip(kinds, text, strict=True))
        and kinds[0] in "LN"
        and kinds[-1] in "LMN"
        and text == text.lower()
        and unicodedata.is_normalized("NFC", text)
    )


def _without_a_top(parents: Mapping[str, str | None]) -> set[str]:
    """Return the topics whose parents form a circle; each topic is visited once."""
    has_top: dict[str, bool] = {}
    for topic in parents:
        chain: list[str] = []
        above: str | None = topic
        while above is not None and above in parents and above not in has_top:
            has_top[above] = False  # so that a circle ends where it began
            chain.append(above)
            above = parents[above]
        has_top |= dict.fromkeys(chain, above is None or has_top.get(above, True))
    return {topic for topic, ends in has_top.items() if not ends}
