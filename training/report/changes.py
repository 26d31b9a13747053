"""The report's section on what a candidate changes: topics gained and lost, articles, words, editors."""

from collections.abc import Mapping, Sequence
from typing import Any

from tagdesk.models.topic_model import TopicModel
from tagdesk.training.report.html import Html, Section, details, el, join, number, section, signed, table
from tagdesk.training.report.sections import MOST_ROWS


def changes_section(model: TopicModel, changes: Mapping[str, Any]) -> Section:
    """Return the section with the content of `changes.json`.

    Args:
        model: the candidate.
        changes: what `tagdesk.training.judge.changes.changes` returns.
    """
    names = {topic.id: topic.name for topic in model.taxonomy.topics}
    changed = [row for row in changes["topics"] if row["gained"] or row["lost"]]
    where = f"{changes['articles']:,} {changes['source']}"
    lead = f"Against {changes['served']}, on {where}: " + (
        f"{sum(row['gained'] for row in changed):,} topics gained and {sum(row['lost'] for row in changed):,} lost."
        if changed
        else "every article keeps its topics."
    )
    parts: list[Html] = []
    if changed:
        parts.append(
            table(
                f"Articles that gain or lose a topic, of {changes['articles']:,}",
                [("Topic", ""), ("Gained", "num"), ("Lost", "num")],
                [[names[row["topic"]], f"{row['gained']:,}", f"{row['lost']:,}"] for row in _most_changed(changed)],
            )
        )
    parts += _strongest(changes["strongest"], names)
    parts += _editors(changes["editors"], names)
    parts += _contradicted(changes["contradicted"], names)
    parts += [_words(row, names) for row in changes["words"][:MOST_ROWS]]
    return section("changes", "What changes", lead, *parts)


def _most_changed(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: -row["gained"] - row["lost"])[:MOST_ROWS]


def _strongest(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[Html]:
    if not rows:
        return []
    cells = [
        [
            row["title"] or row["id"],
            names[row["topic"]],
            row["change"],
            number(row["served"]),
            number(row["candidate"]),
        ]
        for row in rows
    ]
    columns = [("Article", ""), ("Topic", ""), ("", ""), ("Confidence before", "num"), ("now", "num strong")]
    return [table("The articles that matter: those whose confidence moves most", columns, cells)]


def _editors(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[Html]:
    if not rows:
        return []
    cells = [
        [
            row["editor"] or "somebody",
            names[row["topic"]],
            f"{row['corrections']:,}",
            f"{row['errors_before']:,}",
            f"{row['errors_after']:,}",
        ]
        for row in rows[:MOST_ROWS]
    ]
    columns = [("Editor", ""), ("Topic", ""), ("Corrections", "num"), ("Errors before", "num"), ("after", "num strong")]
    hint = "Before and after: what each model says of the article as if it had not learned from it."
    return [table("What editors' corrections achieved", columns, cells), el("p", hint, class_="hint")]


def _contradicted(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[Html]:
    if not rows:
        return []
    cells = [
        [
            row["editor"] or "somebody",
            names.get(row["topic"], row["topic"]) if row["topic"] else "all",
            f"{row['verdicts']:,}",
            f"{row['contradicted']:,}",
            f"{100 * row['usual']:.0f} %",
            "look at these" if row["stands_out"] else "",
        ]
        for row in rows[:MOST_ROWS]
    ]
    columns = [
        ("Editor", ""),
        ("Topic", ""),
        ("Verdicts", "num"),
        ("The rest contradict", "num strong"),
        ("usual", "num"),
        ("", ""),
    ]
    hint = (
        "The rest are the model before any correction, and one that only the other editors taught; both decide "
        "otherwise. An editor who disagrees on purpose, or sends only changes, is contradicted more often."
    )
    return [table("Whose corrections the rest contradict", columns, cells), el("p", hint, class_="hint")]


def _words(row: Mapping[str, Any], names: Mapping[str, str]) -> Html:
    sides = [
        el(
            "p",
            el("b", f"{what}: "),
            join(", ".join(f"{word['ngram']} ({signed(word['candidate'] - word['served'], 2)})" for word in row[side])),
        )
        for side, what in (("up", "Weigh more"), ("down", "Weigh less"))
        if row[side]
    ]
    return details(f"{names[row['topic']]}: words whose weight moves most", *sides)
