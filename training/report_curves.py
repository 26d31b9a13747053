"""The report's curves: calibration, precision against recall, and what more labels would bring."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from models.topic_model import TopicModel
from training.learning_curve import WORTH_IT, LearningCurve, Verdict
from training.measure import (
    LEAST_CONFIDENCE,
    Bin,
    Examined,
    Floats,
    Measured,
    Pairs,
    brier_score,
    calibration_error_of,
    decided_pairs,
    precision_recall,
    reliability,
)
from training.plots import LARGE, change_plot, growth_plot, precision_recall_plot, reliability_plot
from training.report_html import Html, Section, details, el, figure, listed, number, section, signed, table
from training.report_sections import MOST_ROWS, shown

_VERDICTS: dict[Verdict, str] = {"likely": "▲ likely", "little": "– hardly", "unclear": "? unclear"}


def calibration_section(model: TopicModel, examined: Examined, measured: Measured) -> Section:
    """Show whether a confidence of 0.8 is right in eight of ten cases."""
    names = [topic.name for topic in model.taxonomy.topics]
    everything = list(range(len(names)))
    bins = reliability(_believable(examined, examined.confidences, everything))
    error = number(calibration_error_of(bins), 3)
    columns = [
        ("Topic", ""),
        *((f"{what} {when}", "num") for what in ("Error", "Brier") for when in ("before", "after")),
    ]
    small = []
    for i in shown(measured):
        its = reliability(_believable(examined, examined.confidences[:, [i]], [i]))
        off = number(calibration_error_of(its), 3)
        small.append(_panel(names[i], off, reliability_plot(its, f"{names[i]}: calibration error {off}")))
    return section(
        "calibration",
        "Can a confidence be believed?",
        f"Where confidences are honest, the dots lie on the diagonal. On average they are {error} off: the expected "
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
        el("div", *small, class_="panels"),
        details(
            "Calibration per topic in figures",
            table("Before and after", columns, [_errors(names[i], examined, [i]) for i in shown(measured, MOST_ROWS)]),
        ),
    )


def _believable(examined: Examined, confidences: Floats, columns: list[int]) -> Pairs:
    """Return the pairs of some topics that calibration is measured on, with other confidences in the same places."""
    considered = examined.confidences[:, columns] >= LEAST_CONFIDENCE
    return decided_pairs(examined.decisions[:, columns], confidences, examined.weight, considered)


def _errors(name: str, examined: Examined, columns: list[int]) -> list[str]:
    decisions = examined.decisions[:, columns]
    raw: Floats = expit(examined.scores[:, columns])
    both = (raw, examined.confidences[:, columns])
    errors = [calibration_error_of(reliability(_believable(examined, one, columns))) for one in both]
    briers = [brier_score(decisions, one, examined.weight) for one in both]
    return [name, *(number(one, 3) for one in errors), *(number(one, 4) for one in briers)]


def _bins(bins: Sequence[Bin]) -> Html:
    columns = [("Confidence", ""), *((name, "num") for name in ("Right", "From", "To", "Pairs"))]
    rows = [[*map(number, (one.confidence, one.right, one.low, one.high)), f"{one.pairs:,}"] for one in bins]
    return table("All topics", columns, rows)


def precision_recall_section(model: TopicModel, examined: Examined, measured: Measured) -> Section:
    """Show what other cut-offs would give."""
    small = []
    for i in shown(measured):
        name, one = model.taxonomy.topics[i].name, measured.topics[i]
        average = number(one.average_precision)
        plot = precision_recall_plot(
            precision_recall(decided_pairs(examined.decisions[:, [i]], examined.confidences[:, [i]], examined.weight)),
            f"{name}: average precision {average}",
            suggest=(one.recall, one.precision),
            auto=None if model.calibrations[i].auto is None else (one.auto_share, one.auto_precision),
        )
        small.append(_panel(name, average, plot))
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
        "Every point of a curve is a cut-off: precision up, recall to the right. The ring is where topics are "
        "suggested, the square where they are applied unseen.",
        el(
            "div",
            figure("All topics together; the curve takes one cut-off for all, the marks each topic's own", pooled),
            table("Where the cut-offs lie", [("", ""), ("Precision", "num"), ("Recall", "num")], marks),
            class_="beside",
        ),
        el("h3", "Per topic, with its average precision"),
        el("div", *small, class_="panels"),
    )


def _panel(name: str, value: str, plot: Html) -> Html:
    return el("figure", el("figcaption", el("b", name), el("span", value)), plot)


def learning_curve_section(model: TopicModel, curve: LearningCurve) -> Section:
    """Tell whether more labels would help, and for which topics."""
    names = [topic.name for topic in model.taxonomy.topics]
    precisions, gain = curve.average_precision, curve.gain
    order = np.argsort(-gain, kind="stable").tolist()  # what is not known comes last
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
    for verdict, said in _VERDICTS.items():
        those = [names[i] for i in order if curve.verdict(i) == verdict]
        verdicts += [el("dt", said), el("dd", listed(those) or "no topic")]
    means = ", ".join(f"{number(y, 3)} with {n:,}" for y, n in zip(curve.macro.tolist(), curve.articles, strict=True))
    return section(
        "learning-curve",
        "Would more labels help?",
        f"Average precision on {curve.measured_on:,} articles after learning from a quarter, a half and all of the "
        "other labelled articles.",
        el(
            "div",
            figure(
                "Average precision (up) by labelled articles learned from; thin: each topic, thick: their mean",
                growth_plot(curve.articles, precisions.T.tolist(), curve.macro.tolist(), f"Mean: {means}"),
            ),
            el(
                "div",
                el("dl", *verdicts, class_="verdict"),
                el(
                    "p",
                    f"Likely: the last doubling brought at least {WORTH_IT:g}, and surely something. Hardly: surely "
                    f"less than {2 * WORTH_IT:g}. A curve flattens: the next doubling will bring less than the last.",
                    class_="hint",
                ),
            ),
            class_="beside",
        ),
        table("Average precision by labelled articles, and what the last doubling brought", columns, rows),
    )
