"""What is written down of each part: by it a second run knows what is left, and what another model changed."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.parquet import ParquetFile

from tagdesk.archive.parts import Names, Part, reading, uncut
from tagdesk.archive.places import Place
from tagdesk.models.errors import CannotRead

STATE = "_tagdesk"
"""The folder, in that of the results, for what is known of them; an underscore says that it holds no data."""

_KNOWN = re.compile(rf"{STATE}/(?:changes/(.+)\.ndjson|(.+)\.json)")
"""The names of what is known of a part."""

_EXAMPLES = 5


@dataclass(slots=True)
class Counts:
    """What answers there were.

    Attributes:
        articles: how many, with those that could not be tagged.
        errors: how many of them could not.
        bands: how many have a topic in `auto`, else in `suggest`, else none.
        auto: how many have each topic in this band.
        suggest: the same.
        warnings: how many have each.
        examples: id and error of a few that could not be tagged.
    """

    articles: int = 0
    errors: int = 0
    bands: Counter[str] = field(default_factory=Counter)
    auto: Counter[str] = field(default_factory=Counter)
    suggest: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    examples: list[list[str]] = field(default_factory=list)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return counts from their JSON values."""
        counters = {name: Counter(values[name]) for name in ("bands", "auto", "suggest", "warnings")}
        return cls(values["articles"], values["errors"], **counters, examples=list(values["examples"]))

    def add(self, answers: pa.RecordBatch) -> None:
        """Count the answers of a batch."""
        topics, errors = answers.column("topics"), answers.column("error")
        each = topics.flatten()
        names, bands, article = each.field("id"), each.field("band"), pc.list_parent_indices(topics)
        sure = pc.equal(bands, "auto")
        given, certain = pc.count_distinct(article).as_py(), pc.count_distinct(article.filter(sure)).as_py()
        failed = len(errors) - errors.null_count
        self.articles += len(answers)
        self.errors += failed
        self.bands.update(auto=certain, suggest=given - certain, none=len(answers) - failed - given)
        self.auto.update(names.filter(sure).to_pylist())
        self.suggest.update(names.filter(pc.invert(sure)).to_pylist())
        self.warnings.update(text.partition(":")[0] for text in answers.column("warnings").flatten().to_pylist())
        if failed and len(self.examples) < _EXAMPLES:
            bad = answers.select(["id", "error"]).filter(errors.is_valid()).slice(0, _EXAMPLES - len(self.examples))
            self.examples += [[row["id"] or "", row["error"]] for row in bad.to_pylist()]

    def update(self, other: "Counts") -> None:
        """Add the counts of another part."""
        self.articles += other.articles
        self.errors += other.errors
        for name in ("bands", "auto", "suggest", "warnings"):
            getattr(self, name).update(getattr(other, name))
        self.examples = sorted(self.examples + other.examples)[:_EXAMPLES]  # whichever part is done first


@dataclass(slots=True)
class Changes:
    """What another model answers otherwise.

    Attributes:
        model: the one before.
        compared: how many articles have answers of both.
        articles: how many of them have other topics, or one of them in another band.
        gained: how many have each topic now, and had not.
        lost: how many had it, and have it no more.
    """

    model: str
    compared: int = 0
    articles: int = 0
    gained: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return changes from their JSON values."""
        gained, lost = Counter(values["gained"]), Counter(values["lost"])
        return cls(values["model"], values["compared"], values["articles"], gained, lost)

    def update(self, other: "Changes") -> None:
        """Add the changes of another part."""
        self.compared += other.compared
        self.articles += other.articles
        self.gained.update(other.gained)
        self.lost.update(other.lost)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares the answers of a part with those before.

    Attributes:
        changes: what they were found to have changed.
        before: each article's topics before, with their bands.
        file: where the articles are written whose topics differ, a line of JSON each.
    """

    changes: Changes
    before: Iterator[dict[str, str]]
    file: IO[bytes]

    def add(self, answers: pa.RecordBatch) -> None:
        """Compare the answers of a batch, as far as there are some from before."""
        changes = self.changes
        for were, new in zip(self.before, answers.select(["id", "topics"]).to_pylist(), strict=False):
            bands = _bands(new)
            changes.compared += 1
            if bands == were:
                continue
            gained, lost = sorted(bands.keys() - were.keys()), sorted(were.keys() - bands.keys())
            moved = {name: [were[name], bands[name]] for name in bands if name in were and were[name] != bands[name]}
            changes.articles += 1
            changes.gained.update(gained)
            changes.lost.update(lost)
            line = {"id": new["id"], "gained": gained, "lost": lost, "band": moved}
            self.file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def _bands(answer: Mapping[str, Any]) -> dict[str, str]:
    return {topic["id"]: topic["band"] for topic in answer["topics"] or ()}


@dataclass(frozen=True, slots=True)
class Record:
    """What was done of a part.

    Attributes:
        model: name and version of the model.
        size: bytes of the source.
        modified: when it was changed, nanoseconds since 1970.
        names: which of its columns was read as what.
        counts: the answers.
        changes: what changed with this model; None where there was no other before.
    """

    model: str
    size: int
    modified: int
    names: Names
    counts: Counts
    changes: Changes | None = None

    def is_of(self, part: Part, names: Names) -> bool:
        """Say whether it is of this part, as it is now and read in this way."""
        source = part.source
        return (self.size, self.modified, dict(self.names)) == (source.size, source.modified, dict(names))

    def write(self, out: Place, target: str) -> None:
        """Write it down, in the folder of the results.

        Raises:
            OSError: it cannot be written.
        """
        with out.below(_name(target)).replacing() as file:
            file.write(json.dumps(self, default=_members, ensure_ascii=False, indent=1).encode())

    @classmethod
    def read(cls, out: Place, target: str) -> "Record | None":
        """Return what is written down of a part; None where that is nothing that can be used."""
        try:
            values = json.loads(out.below(_name(target)).read())
            values["counts"] = Counts.of(values["counts"])
            values["changes"] = values["changes"] and Changes.of(values["changes"])
            return cls(**values)
        except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
            return None


def _members(value: Any) -> dict[str, Any]:
    return {member.name: getattr(value, member.name) for member in fields(value)}


def _name(target: str) -> str:
    return f"{STATE}/{target}.json"


def changes_name(target: str) -> str:
    """Return the name of the file that says, article by article, what another model changed."""
    return f"{STATE}/changes/{target}.ndjson"


def clear_drafts(out: Place, targets: Collection[str]) -> None:
    """Remove what workers that were killed have left of the answers of these parts, and of what is known of them.

    Raises:
        CannotRead: the folder of the results cannot be looked at.
    """
    every = set(targets)
    out.clear_drafts(lambda name: name in every or name.startswith(f"{STATE}/"))


def read_records(out: Place, targets: Sequence[str]) -> dict[str, Record]:
    """Return the records of those parts that are done: both answers and record are there.

    Args:
        out: the folder of the results.
        targets: the names of the parts' answers.

    Raises:
        CannotRead: the folder cannot be looked at.
    """
    there = out.files()
    done = [target for target in targets if target in there and _name(target) in there]
    with ThreadPoolExecutor(16) as threads:  # an object store takes its time for each
        records = threads.map(lambda target: Record.read(out, target), done)
        return {target: record for target, record in zip(done, records, strict=True) if record is not None}


def answers_before(out: Place, target: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the model and the bands by topic of the answers that a part has so far, up to the first that is damaged."""
    with suppress(CannotRead, ValueError, KeyError, TypeError):
        for answer in _answers(out.below(target)):
            yield str(answer["model"]), _bands(answer)


def _answers(place: Place) -> Iterator[Mapping[str, Any]]:
    with reading(place.shown):
        if place.name.endswith(".parquet"):
            with ParquetFile(place.filesystem.open_input_file(place.path)) as file:
                for batch in file.iter_batches(1_000, columns=["topics", "model"], use_threads=False):
                    yield from batch.to_pylist()
        else:
            with place.copied() as path, path.open("rb") as lines:
                yield from map(json.loads, lines)


def clear_stale(out: Place, parts: Sequence[Part], failed: Sequence[Part]) -> None:
    """Remove the answers of files that used to be cut otherwise, or not at all, where all their parts are done.

    Args:
        out: the folder of the results.
        parts: all parts of the archive.
        failed: those that are not done.

    Raises:
        CannotRead: the folder cannot be looked at.
        CannotWrite: a file cannot be removed.
    """
    targets = {part.target for part in parts}
    complete = {uncut(target) for target in targets} - {uncut(part.target) for part in failed}
    for name in sorted(out.files(), key=lambda name: name.startswith(f"{STATE}/")):  # the answers before their records
        target = _KNOWN.sub(r"\1\2", name)
        if target not in targets and uncut(target) in complete:
            out.below(name).remove()
