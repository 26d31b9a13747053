"""The report's account of what a candidate changes: topics gained and lost, the articles, the words, the editors."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.topic_model import TopicModel
from training.report_html import Html, Section, details, el, join, number, section, signed, table
from training.report_sections import MOST_ROWS


def changes_section(model: TopicModel, changes: Mapping[str, Any]) -> Section:
    """Tell what `changes.json` has.

    Args:
        model: the candidate.
        changes: as `training.changes.changes` makes them.
    """
    names = {topic.id: topic.name for topic in model.taxonomy.topics}
    moved = [row for row in changes["topics"] if row["gained"] or row["lost"]]
    where = f"{changes['articles']:,} articles of {_called(changes['source'])}"
    lead = f"Against {changes['served']}, on {where}: " + (
        f"{sum(row['gained'] for row in moved):,} topics gained and {sum(row['lost'] for row in moved):,} lost."
        if moved
        else "every article keeps its topics."
    )
    parts: list[Html] = []
    if moved:
        parts.append(
            table(
                f"Articles that gain or lose a topic, of {changes['articles']:,}",
                [("Topic", ""), ("Gained", "num"), ("Lost", "num")],
                [[names[row["topic"]], f"{row['gained']:,}", f"{row['lost']:,}"] for row in _most(moved)],
            )
        )
    parts += _strongest(changes["strongest"], names)
    parts += _editors(changes["editors"], names)
    parts += [_words(row, names) for row in changes["words"][:MOST_ROWS]]
    return section("changes", "What changes", lead, *parts)


def _called(source: str) -> str:
    return f"the {source}" if source == "reference set" else source


def _most(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
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
    hint = "After: what the new model would say of the article had it not learned from it."
    return [table("What editors' corrections achieved", columns, cells), el("p", hint, class_="hint")]


def _words(row: Mapping[str, Any], names: Mapping[str, str]) -> Html:
    sides = [
        el(
            "p",
            el("b", f"{what}: "),
            join(", ".join(f"{one['ngram']} ({signed(one['candidate'] - one['served'], 2)})" for one in row[side])),
        )
        for side, what in (("up", "Weigh more"), ("down", "Weigh less"))
        if row[side]
    ]
    return details(f"{names[row['topic']]}: words whose weight moves most", *sides)
