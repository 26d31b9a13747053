"""What the answers to an archive, or to a few of its articles, look like."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tagdesk.archive.batch import tag_batch
from tagdesk.archive.parts import Names, Part, batches, spread
from tagdesk.archive.records import Changes, Counts
from tagdesk.models.errors import CannotRead
from tagdesk.models.topic_model import TopicModel
from tagdesk.progress import counted

_PARTS = 20
_LISTED = 30


def sample(parts: Sequence[Part], names: Names, model: TopicModel, count: int) -> tuple[Counts, list[str]]:
    """Tag a few articles: the first rows of parts that lie all over the archive.

    Args:
        parts: all parts.
        names: which of their columns holds what.
        model: the model.
        count: how many articles, at most.

    Returns:
        The answers counted, and what is wrong with parts that cannot be read.
    """
    chosen = spread(parts, _PARTS)
    counts, faults = Counts(), []
    for place, part in enumerate(chosen):
        left = -(-(count - counts.articles) // (len(chosen) - place))
        try:
            for articles in batches(part, names):
                answers = tag_batch(articles.slice(0, left), model)
                counts.add(answers)
                left -= len(answers)
                if left <= 0:
                    break
        except CannotRead as error:
            faults.append(str(error))
    return counts, faults


def lines_of(counts: Counts) -> Iterator[str]:
    """Yield lines for people: how many articles have which topics, warnings and errors."""
    bands, answered = counts.bands, counts.articles - counts.errors
    articles, errors = counted(counts.articles, "article"), counted(counts.errors, "error")
    yield (
        f"{articles}: {bands['auto']:,}{_share(bands['auto'], answered)} with a sure topic (auto), "
        f"{bands['suggest']:,} with likely ones only (suggest), {bands['none']:,} with none, {errors}"
    )
    topics = counts.auto + counts.suggest
    if topics:
        width = max(map(len, topics))
        yield f"  {'topic':<{width}} {'auto':>11} {'suggest':>11}"
        for topic in _commonest(topics)[:_LISTED]:
            yield f"  {topic:<{width}} {counts.auto[topic]:>11,} {counts.suggest[topic]:>11,}"
        if len(topics) > _LISTED:
            yield f"  … and {len(topics) - _LISTED:,} more topics"
    if counts.warnings:
        yield "  warnings: " + ", ".join(f"{name} {counts.warnings[name]:,}" for name in _commonest(counts.warnings))
    for identity, error in counts.examples:
        yield f"  error, for example: {identity}: {error}"


def changes_of(changes: Changes) -> Iterator[str]:
    """Yield lines for people: what another model changed."""
    compared, share = counted(changes.compared, "article"), _share(changes.articles, changes.compared)
    yield f"{changes.articles:,} of {compared}{share} have other topics than by {changes.model}"
    topics = changes.gained + changes.lost
    width = max(map(len, topics), default=0)
    for topic in _commonest(topics)[:_LISTED]:
        yield f"  {topic:<{width}} {changes.gained[topic]:>+11,} {-changes.lost[topic]:>+11,}"


def _commonest(counts: Counter[str]) -> list[str]:
    """Return the names, the commonest first, in the same order whichever part was counted first."""
    return sorted(counts, key=lambda name: (-counts[name], name))


def _share(some: int, whole: int) -> str:
    return f" ({100 * some / whole:.1f} %)" if whole else ""
