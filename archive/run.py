"""An archive: which of its parts are to be tagged, and what came of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tagdesk.archive.parts import ARTICLES, Names, Part, cut, find_names
from tagdesk.archive.places import InUse, Place, find
from tagdesk.archive.records import STATE, Changes, Counts, Record, clear_drafts, clear_stale, read_records
from tagdesk.archive.tagging import Failure, Task, tag_part
from tagdesk.engines import TRIES, Lost, on_cluster, on_cores
from tagdesk.models.errors import CannotRead, TagdeskError
from tagdesk.models.files import CannotWrite
from tagdesk.models.topic_model import TopicModel
from tagdesk.progress import Progress

_TRIED = 20
"""Parts that are looked at, as the first may be empty or damaged."""


class Stopped(TagdeskError):
    """The rest is not tagged, as it would go wrong too."""


def find_parts(sources: Sequence[str], suffix: str, out: Place) -> list[Part]:
    """Return the parts of an archive, by the names of their answers.

    Args:
        sources: files, folders, patterns, URIs.
        suffix: of files of answers, `.parquet` or `.jsonl`.
        out: the folder of the results.

    Raises:
        CannotRead: one of them is not there, would be overwritten, or the answers of two files would have one name.
    """
    parts: dict[str, Part] = {}
    for source in sources:
        for file in find(source, ARTICLES, out):
            for part in cut(file, suffix):
                other = parts.setdefault(part.target, part)
                if other.source.place != file.place:
                    raise CannotRead(
                        f"{other.source.place.shown} and {file.place.shown} would both be answered in {part.target}: "
                        "name the folder that holds both, or tag them into two folders"
                    )
    articles = {part.source.place.real: part.source.place.shown for part in parts.values()}
    for target in parts:
        if overwritten := articles.get(out.below(target).real):
            raise CannotRead(f"{overwritten} would be overwritten by its own answers: name another folder for OUT")
    return [parts[target] for target in sorted(parts)]


def find_columns(parts: Sequence[Part], wanted: str) -> tuple[Names, str]:
    """Find out which column of an archive holds what, by the first part that tells.

    Raises:
        CannotRead: none of the first parts can be read, or they have no column of texts.
    """
    reasons = []
    for part in parts[:_TRIED]:
        try:
            return find_names(part, wanted)
        except CannotRead as error:
            reasons.append(error)
    raise reasons[0]


@contextmanager
def alone(out: Place) -> Iterator[None]:
    """Let nobody else tag into this folder while the block runs.

    Raises:
        InUse: somebody does.
        CannotWrite: the folder cannot be written.
    """
    try:
        with out.below(f"{STATE}/lock").held():
            yield
    except InUse as error:
        raise InUse(
            f"another `tagdesk archive`, process {str(error) or 'unknown'}, is writing into {out.shown}: "
            "wait until it ends, or name another folder for OUT"
        ) from None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        parts: all parts of the archive.
        out: the folder of the results.
        tasks: those that are to be tagged.
        done: the records of the others, by the names of their answers.
        again: how many of the tasks have answers of another model.
    """

    parts: Sequence[Part]
    out: Place
    tasks: Sequence[Task]
    done: dict[str, Record]
    again: int


def plan(parts: Sequence[Part], names: Names, out: Place, model: TopicModel, ref: str) -> Plan:
    """Find out what is left to do.

    Args:
        parts: all parts.
        names: which of their columns holds what.
        out: the folder of the results.
        model: the model.
        ref: what others load it by.

    Raises:
        CannotRead: the folder of the results cannot be looked at.
    """
    known = read_records(out, [part.target for part in parts])
    same = {part.target for part in parts if part.target in known and known[part.target].is_of(part, names)}
    done = {target: known[target] for target in same if known[target].model == model.ref}
    tasks = [
        Task(part, names, out, ref, model.ref, again=part.target in same) for part in parts if part.target not in done
    ]
    return Plan(parts, out, tasks, done, sum(task.again for task in tasks))


@dataclass(slots=True)
class Outcome:
    """What came of it.

    Attributes:
        counts: the answers of all parts that are done, in this run or before.
        changes: what the model answers otherwise than those before, by their names.
        failures: the parts that were not tagged.
        tagged: how many articles were tagged in this run.
        errors: how many of them, and of the failures, went wrong.
    """

    counts: Counts = field(default_factory=Counts)
    changes: dict[str, Changes] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    tagged: int = 0
    errors: int = 0

    def add(self, result: Record | Failure) -> None:
        """Add what came of a part."""
        if isinstance(result, Failure):
            self.failures.append(result)
            self.errors += 1
            return
        self.tagged += result.counts.articles
        self.errors += result.counts.errors
        self.include(result)

    def include(self, record: Record) -> None:
        """Add what is known of a part that is done, in this run or before."""
        self.counts.update(record.counts)
        if changes := record.changes:
            self.changes.setdefault(changes.model, Changes(changes.model)).update(changes)


def carry_out(
    work: Plan, outcome: Outcome, *, workers: int, cluster: str, most_errors: int | None
) -> Iterator[Failure]:
    """Tag what is to be tagged, count it in `outcome`, and yield the parts that could not be, at once.

    Args:
        work: the plan.
        outcome: where what came of it is added.
        workers: how many processes of this machine.
        cluster: the address of a Dask scheduler instead; empty for none.
        most_errors: with more errors than this the rest is not tagged; None for any number.

    Raises:
        Stopped: there were more errors, or the results cannot be written.
        EngineError: the cluster cannot be used.
    """
    for record in work.done.values():
        outcome.include(record)
    results = on_cluster(tag_part, work.tasks, cluster) if cluster else on_cores(tag_part, work.tasks, workers)
    clear_drafts(work.out, [task.part.target for task in work.tasks])
    with Progress(total=sum(task.part.size for task in work.tasks), what="Tagging", unit="B") as bar:
        for task, result in results:
            if isinstance(result, Lost):
                result = Failure(
                    task, f"{task.part.shown}: its workers were killed, {TRIES} of them: is there too little memory?"
                )
            outcome.add(result)
            bar.update(task.part.size)
            if isinstance(result, Failure):
                if result.fatal:
                    raise Stopped(result.reason)
                yield result
            if most_errors is not None and outcome.errors > most_errors:
                raise Stopped(f"{outcome.errors:,} errors, more than the {most_errors:,} of --errors-at-most")
    clear_drafts(work.out, [task.part.target for task in work.tasks])
    try:
        clear_stale(work.out, work.parts, [failure.task.part for failure in outcome.failures])
    except CannotWrite as error:
        raise Stopped(str(error)) from error
