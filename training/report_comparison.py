"""The report's comparison with the model now served, on the same articles."""

from collections.abc import Sequence

import numpy as np

from models.topic_model import TopicModel
from training.labels import NO, YES
from training.measure import Change, Decisions, Examined, Flags, Measured, f1_change, measure
from training.plots import change_plot
from training.report_html import Section, el, listed, number, section, signed, table
from training.report_sections import MOST_ROWS


def comparison_section(model: TopicModel, served: TopicModel, examined: Examined, measured: Measured) -> Section:
    """Tell what would change if the model were served: topics, F1, and the topics given.

    Args:
        model: the new model.
        served: the model now served.
        examined: articles that best neither has learned from.
        measured: the new model's figures on them.
    """
    common = [topic for topic in model.taxonomy.ids if topic in served.taxonomy]
    gained = [topic.name for topic in model.taxonomy.topics if topic.id not in served.taxonomy]
    lost = [topic.name for topic in served.taxonomy.topics if topic.id not in model.taxonomy]
    heading = "Compared with the model now served"
    said = [f"That is {served.ref}.", f"Topics gained: {listed(gained) or 'none'}; lost: {listed(lost) or 'none'}."]
    if not common or not len(examined.ids):
        return section("comparison", heading, " ".join([*said, "There is nothing to compare."]))
    ours = [model.taxonomy.column(topic) for topic in common]
    theirs = [served.taxonomy.column(topic) for topic in common]
    _, confidences = served.scores(examined.texts)
    decisions = examined.decisions[:, ours]
    before = measure(decisions, confidences[:, theirs], examined.weight, [served.calibrations[i] for i in theirs])
    given = measured.given[:, ours]
    if (given == before.given).all():
        return section(
            "comparison", heading, " ".join([*said, f"Both give the same topics to all {len(given):,} articles."])
        )
    change = f1_change(decisions, given, before.given, examined.weight)
    said.insert(1, _verdict(change, before.whole.f1))
    names = [model.taxonomy.topics[i].name for i in ours]
    return section(
        "comparison",
        heading,
        " ".join(said),
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
            _rows(names, change, [*(one.f1 for one in before.topics), before.whole.f1], decisions, given, before.given),
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
    names: Sequence[str], change: Change, before: Sequence[float], decisions: Decisions, now: Flags, then: Flags
) -> list[list[str]]:
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
        moves = [_moves((decisions[:, column] == said), now[:, column], then[:, column]) for said in (YES, NO)]
        rows.append([name, number(before[i]), number(before[i] + moved), signed(moved) + sure, strip, *moves])
    return rows


def _moves(where: Flags, now: Flags, then: Flags) -> str:
    gained, lost = int((where & now & ~then).sum()), int((where & then & ~now).sum())
    return f"+{gained:,} −{lost:,}"


def _reach(change: Change) -> float:
    """Return how far the strips reach: somewhat beyond the largest change; wider intervals end at the edge."""
    return max(0.05, 1.25 * float(np.abs(change.change).max()))


def _caveat(examined: Examined) -> str:
    arrows = (
        "▲ and ▼ mark changes whose 95 % interval (paired bootstrap over articles) leaves out zero; of twenty such "
    )
    arrows += "intervals one does so by chance. "
    if examined.how == "held out":
        return arrows + (
            "Held-out articles are chosen by their ids: no model made from the same corpora has learned from them."
        )
    return arrows + "The served model may have learned from some of these articles, which flatters it."
