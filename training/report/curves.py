"""The report's curves: calibration, precision against recall, and what more labels would gain."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from tagdesk.models.topic_model import TopicModel
from tagdesk.training.config import MANY_TOPICS
from tagdesk.training.judge.confidences import (
    LEAST_CONFIDENCE,
    Bin,
    DecidedPairs,
    Floats,
    brier_score,
    calibration_error_of,
    decided_pairs,
    precision_recall,
    reliability,
)
from tagdesk.training.judge.learning_curve import WORTH_IT, LearningCurve, Verdict
from tagdesk.training.judge.measure import Examined, Measured
from tagdesk.training.report.html import Html, Section, details, el, enumeration, figure, number, section, signed, table
from tagdesk.training.report.plots import LARGE, change_plot, growth_plot, precision_recall_plot, reliability_plot
from tagdesk.training.report.sections import MOST_ROWS, columns_shown

_VERDICTS: dict[Verdict, str] = {"likely": "▲ likely", "little": "– hardly", "unclear": "? unclear"}


def calibration_section(model: TopicModel, examined: Examined, measured: Measured) -> Section:
    """Show whether a confidence of 0.8 is right in eight of ten cases."""
    names = [topic.name for topic in model.taxonomy.topics]
    everything = list(range(len(names)))
    bins = reliability(_calibration_pairs(examined, examined.confidences, everything))
    error = number(calibration_error_of(bins), 3)
    columns = [
        ("Topic", ""),
        *((f"{what} {when}", "num") for what in ("Error", "Brier") for when in ("before", "after")),
    ]
    panels = []
    for i in columns_shown(measured):
        of_topic = reliability(_calibration_pairs(examined, examined.confidences[:, [i]], [i]))
        topic_error = number(calibration_error_of(of_topic), 3)
        plot = reliability_plot(of_topic, f"{names[i]}: calibration error {topic_error}")
        panels.append(_panel(names[i], topic_error, plot))
    return section(
        "calibration",
        "Can a confidence be believed?",
        f"If confidences are honest, the dots lie on the diagonal. On average they are off by {error}: the expected "
        f"calibration error, over all pairs of article and topic of confidence {LEAST_CONFIDENCE:g} and more.",
        el(
            "div",
            figure(
                "All topics: share of right ones (up) by confidence (right); bins of equal weight, 95 % intervals",
                reliability_plot(bins, f"All topics: expected calibration error {error}", LARGE),
            ),
            el(
                "div",
                table("Before and after calibration", columns, [_errors("All topics", examined, everything)]),
                el(
                    "p",
                    "Before: the raw score read as log-odds, on the same pairs. Brier: mean squared distance of "
                    "confidence and label over all pairs. Lower is better.",
                    class_="hint",
                ),
                details("The bins in figures", _bins(bins)),
            ),
            class_="beside",
        ),
        el("h3", "Per topic, with its calibration error; the fewer articles, the more of it is chance"),
        el("div", *panels, class_="panels"),
        details(
            "Calibration per topic in figures",
            table(
                "Before and after",
                columns,
                [_errors(names[i], examined, [i]) for i in columns_shown(measured, MOST_ROWS)],
            ),
        ),
    )


def _calibration_pairs(examined: Examined, confidences: Floats, columns: list[int]) -> DecidedPairs:
    """Return the pairs on which calibration is measured.

    Args:
        examined: its confidences choose the pairs, so that other confidences can be compared on the same ones.
        confidences: those to measure, float64, shape (articles, columns).
        columns: of the topics.
    """
    considered = examined.confidences[:, columns] >= LEAST_CONFIDENCE
    return decided_pairs(examined.decisions[:, columns], confidences, examined.weight, considered)


def _errors(name: str, examined: Examined, columns: list[int]) -> list[str]:
    decisions = examined.decisions[:, columns]
    raw: Floats = expit(examined.scores[:, columns])
    both = (raw, examined.confidences[:, columns])
    errors = [calibration_error_of(reliability(_calibration_pairs(examined, conf, columns))) for conf in both]
    briers = [brier_score(decisions, conf, examined.weight) for conf in both]
    return [name, *(number(error, 3) for error in errors), *(number(brier, 4) for brier in briers)]


def _bins(bins: Sequence[Bin]) -> Html:
    columns = [("Confidence", ""), *((name, "num") for name in ("Right", "From", "To", "Pairs"))]
    figures = ((part.confidence, part.right, part.low, part.high) for part in bins)
    rows = [[*map(number, row), f"{part.pairs:,}"] for row, part in zip(figures, bins, strict=True)]
    return table("All topics", columns, rows)


def precision_recall_section(model: TopicModel, examined: Examined, measured: Measured) -> Section:
    """Show precision and recall at every cut-off."""
    panels = []
    for i in columns_shown(measured):
        name, figures = model.taxonomy.topics[i].name, measured.topics[i]
        average = number(figures.average_precision)
        plot = precision_recall_plot(
            precision_recall(decided_pairs(examined.decisions[:, [i]], examined.confidences[:, [i]], examined.weight)),
            f"{name}: average precision {average}",
            suggest=(figures.recall, figures.precision),
            auto=None if model.calibrations[i].auto is None else (figures.auto_share, figures.auto_precision),
        )
        panels.append(_panel(name, average, plot))
    whole = measured.whole
    pooled = precision_recall_plot(
        precision_recall(decided_pairs(examined.decisions, examined.confidences, examined.weight)),
        f"All topics: average precision {number(whole.average_precision)}",
        suggest=(whole.recall, whole.precision),
        auto=(whole.auto_share, whole.auto_precision),
        size=LARGE,
    )
    marks = [
        ["○ suggest and auto", number(whole.precision, 3), number(whole.recall, 3)],
        ["■ auto alone", number(whole.auto_precision, 3), number(whole.auto_share, 3)],
    ]
    return section(
        "precision-recall",
        "Precision against recall",
        "Every point of a curve is a cut-off: precision up, recall to the right. The ring marks the cut-off from which "
        "topics are suggested, the square the one from which they are applied unseen.",
        el(
            "div",
            figure("All topics together; the curve takes one cut-off for all, the marks each topic's own", pooled),
            table("Where the cut-offs lie", [("", ""), ("Precision", "num"), ("Recall", "num")], marks),
            class_="beside",
        ),
        el("h3", "Per topic, with its average precision"),
        el("div", *panels, class_="panels"),
    )


def _panel(name: str, value: str, plot: Html) -> Html:
    return el("figure", el("figcaption", el("b", name), el("span", value)), plot)


def learning_curve_section(model: TopicModel, curve: LearningCurve) -> Section:
    """Tell whether more labels would help, and for which topics."""
    names = [topic.name for topic in model.taxonomy.topics]
    precisions, gain = curve.average_precision, curve.gain
    order = np.argsort(-gain, kind="stable").tolist()  # unknown gains come last
    of_which = ""
    if len(names) > MANY_TOPICS:
        order = [i for i in order if not np.isnan(precisions[2, i])]
        of_which = f" Only the {MANY_TOPICS} topics that most articles have were learned again."
    reach = float(np.nanmax([0.05, *1.25 * np.abs(gain)]))
    rows = [
        [
            names[i],
            *map(number, precisions[:, i].tolist()),
            signed(gain[i]),
            change_plot(names[i], gain[i], curve.low[i], curve.high[i], reach),
            _VERDICTS[curve.verdict(i)],
        ]
        for i in order[:MOST_ROWS]
    ]
    columns = [
        ("Topic", ""),
        *((f"{count:,}", "num") for count in curve.articles),
        ("Gain", "num strong"),
        (f"−{reach:.2f} · with 90 % interval · +{reach:.2f}", "strip"),
        ("Would more help?", "word"),
    ]
    verdicts: list[Html] = []
    for verdict, words in _VERDICTS.items():
        topics = [names[i] for i in order if curve.verdict(i) == verdict]
        verdicts += [el("dt", words), el("dd", enumeration(topics) or "no topic")]
    means = ", ".join(f"{number(y, 3)} with {n:,}" for y, n in zip(curve.macro.tolist(), curve.articles, strict=True))
    return section(
        "learning-curve",
        "Would more labels help?",
        f"Average precision on {curve.measured_on:,} articles after learning from a quarter, a half and all of the "
        f"other labelled articles.{of_which}",
        el(
            "div",
            figure(
                "Average precision (up) by labelled articles learned from; thin: each topic, thick: their mean",
                growth_plot(
                    curve.articles, precisions.T[sorted(order)].tolist(), curve.macro.tolist(), f"Mean: {means}"
                ),
            ),
            el(
                "div",
                el("dl", *verdicts, class_="verdict"),
                el(
                    "p",
                    f"Likely: the last doubling gained at least {WORTH_IT:g}, and surely something. Hardly: surely "
                    f"less than {2 * WORTH_IT:g}. Curves flatten: the next doubling will gain less than the last.",
                    class_="hint",
                ),
            ),
            class_="beside",
        ),
        table("Average precision by labelled articles, and what the last doubling gained", columns, rows),
    )
