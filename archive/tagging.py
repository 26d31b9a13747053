"""One part of an archive tagged: the task that a core of this machine does, or one of a cluster."""

import json
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any, Protocol

import pyarrow as pa
from pyarrow.fs import FileType
from pyarrow.parquet import ParquetWriter

from tagdesk.archive.batch import ANSWERS, loaded, tag_batch
from tagdesk.archive.parts import Names, Part, batches
from tagdesk.archive.places import Place
from tagdesk.archive.records import Changes, Comparison, Counts, Record, answers_before, changes_name
from tagdesk.models.errors import CannotRead, TagdeskError


@dataclass(frozen=True, slots=True)
class Task:
    """A part to be tagged.

    Attributes:
        part: the part.
        names: which of its columns holds what.
        out: the folder of the results.
        model: what `tagdesk.load` takes.
        ref: name and version that this must be.
        again: whether it has answers of another model, to be compared with.
    """

    part: Part
    names: Names
    out: Place
    model: str
    ref: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A part that was not tagged, of which nothing was written.

    Attributes:
        task: what was to be done.
        reason: a sentence that says which file it is about.
        fatal: whether the others would fail, too: the results cannot be written, or there is no such model.
    """

    task: Task
    reason: str
    fatal: bool = False


def tag_part(task: Task) -> Record | Failure:
    """Tag a part: write its answers, whole, and then the record that it is done."""
    try:
        model = loaded(task.model)
        if model.ref != task.ref:
            return Failure(task, f"the model is {model.ref} here, but {task.ref} where this was started", fatal=True)
        record = _tagged(task, model)
        record.write(task.out, task.part.target)
    except CannotRead as error:
        return Failure(task, str(error))
    except (OSError, TagdeskError) as error:
        return Failure(task, str(error), fatal=True)
    except Exception as error:  # noqa: BLE001 - one part must not cost the others their answers; its text is not shown
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Failure(
            task, f"{task.part.shown}: {type(error).__name__} in {place.name}, line {place.lineno}: report it"
        )
    return record


def _tagged(task: Task, model: Any) -> Record:
    part, counts = task.part, Counts()
    with ExitStack() as stack:
        writer = stack.enter_context(_writing(task.out.below(part.target)))
        comparison = _comparing(task, model.ref, stack) if task.again else None
        for articles in batches(part, task.names):
            answers = tag_batch(articles, model)
            writer.write_batch(answers)
            counts.add(answers)
            if comparison:
                comparison.add(answers)
    if comparison is None:
        _remove_changes(task)
    changes = comparison.changes if comparison else None
    return Record(model.ref, part.source.size, part.source.modified, task.names, counts, changes)


def _comparing(task: Task, ref: str, stack: ExitStack) -> Comparison | None:
    """Return what compares with the answers before; None where they are damaged, or of this model, by a killed run."""
    answers = answers_before(task.out, task.part.target)
    model, first = next(answers, (ref, {}))
    if model == ref:
        return None
    file = stack.enter_context(task.out.below(changes_name(task.part.target)).replacing())
    return Comparison(Changes(model), chain([first], (bands for _, bands in answers)), file)


def _remove_changes(task: Task) -> None:
    """Remove what is written down of an earlier comparison, which is not one with these answers."""
    place = task.out.below(changes_name(task.part.target))
    if place.info().type is FileType.File:
        place.remove()


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch) -> None: ...


class _Lines:
    """Writes answers as lines of JSON."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write_batch(self, batch: pa.RecordBatch) -> None:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist()]
        self._file.write("".join(lines).encode())


@contextmanager
def _writing(place: Place) -> Iterator[_Writer]:
    with place.replacing() as file:
        if place.name.endswith(".jsonl"):
            yield _Lines(file)
        else:
            with ParquetWriter(file, ANSWERS) as writer:
                yield writer
