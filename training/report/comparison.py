"""The report's comparison with the model now served, on the same articles."""

from collections.abc import Sequence

import numpy as np

from tagdesk.models.topic_model import TopicModel
from tagdesk.training.corpora.labels import NO, YES
from tagdesk.training.judge.confidences import Decisions, Flags
from tagdesk.training.judge.measure import Examined, Measured, measure
from tagdesk.training.judge.resample import Change, f1_change
from tagdesk.training.report.html import Section, el, enumeration, number, section, signed, table
from tagdesk.training.report.plots import change_plot
from tagdesk.training.report.sections import MOST_ROWS


def comparison_section(model: TopicModel, served: TopicModel, examined: Examined, measured: Measured) -> Section:
    """Tell what would change if the model were served: its topics, their F1, and the topics it predicts.

    Args:
        model: the new model.
        served: the model now served.
        examined: articles; ideally neither model has learned from them.
        measured: the new model's figures on them.
    """
    common = [topic for topic in model.taxonomy.ids if topic in served.taxonomy]
    gained = [topic.name for topic in model.taxonomy.topics if topic.id not in served.taxonomy]
    lost = [topic.name for topic in served.taxonomy.topics if topic.id not in model.taxonomy]
    heading = "Compared with the model now served"
    lead = [
        f"That is {served.ref}.",
        f"Topics gained: {enumeration(gained) or 'none'}; lost: {enumeration(lost) or 'none'}.",
    ]
    if not common or not len(examined.ids):
        return section("comparison", heading, " ".join([*lead, "There is nothing to compare."]))
    new_columns = [model.taxonomy.column(topic) for topic in common]
    old_columns = [served.taxonomy.column(topic) for topic in common]
    _, confidences = served.scores(examined.texts)
    decisions, calibrations = examined.decisions[:, new_columns], [served.calibrations[i] for i in old_columns]
    before = measure(decisions, confidences[:, old_columns], examined.weight, calibrations)
    predicted = measured.predicted[:, new_columns]
    if (predicted == before.predicted).all():
        lead.append(f"Both give the same topics to all {len(predicted):,} articles.")
        return section("comparison", heading, " ".join(lead))
    change = f1_change(decisions, predicted, before.predicted, examined.weight)
    lead.insert(1, _verdict(change, before.whole.f1))
    names = [model.taxonomy.topics[i].name for i in new_columns]
    f1_before = [*(figures.f1 for figures in before.topics), before.whole.f1]
    return section(
        "comparison",
        heading,
        " ".join(lead),
        table(
            f"F1 on the same {len(examined.ids):,} articles {examined.how}, before and now",
            [
                ("Topic", ""),
                ("Served", "num"),
                ("This", "num"),
                ("Change", "num strong"),
                (f"−{_reach(change):.2f} · with 95 % interval · +{_reach(change):.2f}", "strip"),
                ("Right: gained, lost", "num"),
                ("Wrong: gained, lost", "num"),
            ],
            _rows(names, change, f1_before, decisions, predicted, before.predicted),
        ),
        el("p", _caveat(examined), class_="hint"),
    )


def _verdict(change: Change, before: float) -> str:
    low, high = change.low[-1], change.high[-1]
    sure = "surely better" if low > 0 else "surely worse" if high < 0 else "about as good"
    moved = change.change[-1]
    return (
        f"Over the topics that both have, this model is {sure}: micro-F1 {number(before, 3)} before, "
        f"{number(before + moved, 3)} now ({signed(moved)}, 95 % interval {signed(low)} to {signed(high)})."
    )


def _rows(
    names: Sequence[str],
    change: Change,
    f1_before: Sequence[float],
    decisions: Decisions,
    predicted: Flags,
    predicted_before: Flags,
) -> list[list[str]]:
    """Return the rows of the table: all topics together, then topic by topic, the largest gain first."""
    largest = np.argsort(-np.abs(change.change[:-1]), kind="stable")[:MOST_ROWS].tolist()
    order = [len(names), *sorted(largest, key=lambda i: -change.change[i])]
    reach = _reach(change)
    rows = []
    for i in order:
        name = names[i] if i < len(names) else "All topics"
        column = slice(None) if i == len(names) else i
        moved, low, high = (float(values[i]) for values in (change.change, change.low, change.high))
        sure = " ▲" if low > 0 else " ▼" if high < 0 else ""
        strip = change_plot(name, moved, low, high, reach)
        new, old = predicted[:, column], predicted_before[:, column]
        moves = [_moves(decisions[:, column] == decision, new, old) for decision in (YES, NO)]
        rows.append([name, number(f1_before[i]), number(f1_before[i] + moved), signed(moved) + sure, strip, *moves])
    return rows


def _moves(where: Flags, new: Flags, old: Flags) -> str:
    gained, lost = int((where & new & ~old).sum()), int((where & old & ~new).sum())
    return f"+{gained:,} −{lost:,}"


def _reach(change: Change) -> float:
    """Return the change at the end of the strips: somewhat above the largest; wider intervals are cut at the edge."""
    return max(0.05, 1.25 * float(np.abs(change.change).max()))


def _caveat(examined: Examined) -> str:
    arrows = (
        "▲ and ▼ mark changes whose 95 % interval (paired bootstrap over articles) does not include zero; with no real "
        "change, about one interval in twenty would not include it either. "
    )
    if examined.how == "held out":
        return arrows + (
            "Held-out articles are chosen by their ids: no model made from the same corpora has learned from them."
        )
    return arrows + "The served model may have learned from some of these articles, which flatters it."
