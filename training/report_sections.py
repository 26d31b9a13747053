"""The report's figures: over all, per topic, what is taken for what, and the words that decide."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.topic_model import TopicModel
from training.measure import Examined, Measured, confusions
from training.plots import bar, strip_plot
from training.report_html import Html, Section, details, el, join, listed, number, section, table

MOST_PANELS = 60
"""Of more topics than this only those that most articles have get plots and n-grams of their own."""

MOST_ROWS = 200
"""And of more than this only so many stand in a table."""

_NGRAMS = 14
_CONFUSIONS = 15


def masthead(
    model: TopicModel, examined: Examined, measured: Measured, others: Sequence[tuple[str, Measured]], articles: int
) -> Html:
    """Say what was measured, on what, and the figures that matter most.

    Args:
        model: the model.
        examined: what it was measured on.
        measured: its figures.
        others: how other articles were kept from it, and its figures on them.
        articles: how many articles there are, of which `examined` may be a share.
    """
    figures: list[tuple[str, str, Callable[[Measured], float]]] = [
        ("micro-F1", "all topics together", lambda one: one.whole.f1),
        ("macro-F1", "mean over topics", lambda one: one.macro_f1),
        ("first topic right", "the most likely one", lambda one: one.top1),
        ("auto precision", "applied unseen", lambda one: one.whole.auto_precision),
        ("auto share", "of topics wanted", lambda one: one.whole.auto_share),
        ("calibration error", "of confidences", lambda one: one.calibration_error),
    ]
    boxes = [
        el(
            "div",
            el("dt", name, el("small", what)),
            el("dd", number(value(measured), 3)),
            *(el("dd", f"{number(value(other), 3)} {how}", class_="other") for how, other in others),
        )
        for name, what, value in figures
    ]
    return el(
        "header",
        el("p", "Tagdesk · model report", class_="eyebrow"),
        el("h1", model.name, el("span", f"@{model.version}")),
        el("p", _how_made(model), class_="lead"),
        el("dl", *boxes, class_="headline"),
        el("p", _in_words(model, measured), class_="lead"),
        el("p", _what_it_is_measured_on(examined, measured, articles), class_="hint"),
    )


def _how_made(model: TopicModel) -> str:
    manifest: Mapping[str, Any] = model.manifest
    data = manifest.get("data", {})
    corpora = [f"{one['name']} ({one['articles']:,})" for one in data.get("corpora", ())]
    said = [f"A linear model of {len(model.taxonomy)} topics over {len(model.features.idf):,} word n-grams"]
    if "trained" in manifest:
        said.append(f", trained {manifest['trained'][:10]}")
    if "articles" in data:
        said.append(f" on {data['articles']:,} articles")
        said.append(f", {data['by_hand']:,} of them labelled by hand" if data["by_hand"] else "")
    if corpora:
        said.append(f", from {listed(corpora)}")
    return "".join([*said, "."])


def _in_words(model: TopicModel, measured: Measured) -> str:
    ranked = [
        (model.taxonomy.topics[i].name, measured.topics[i].f1) for i in by_f1(measured) if measured.topics[i].support
    ]
    unsafe = [t.name for t, one in zip(model.taxonomy.topics, model.calibrations, strict=True) if one.auto is None]
    best = listed([f"{name} ({number(f1)})" for name, f1 in ranked[:3]])
    worst = listed([f"{name} ({number(f1)})" for name, f1 in ranked[3:][-3:][::-1]])
    return " ".join(
        part
        for part in (
            f"Best by F1: {best}." if best else "",
            f"Weakest: {worst}." if worst else "",
            f"Without an auto band: {listed(unsafe)}." if unsafe else "",
        )
        if part
    )


def _what_it_is_measured_on(examined: Examined, measured: Measured, articles: int) -> str:
    share = f", an even share of {articles:,}" if articles > len(examined.ids) else ""
    weighed = ", each weighed back to a fair sample" if len(np.unique(examined.weight)) > 1 else ""
    flatters = (
        " The cut-offs were chosen on these scores, which flatters a little." if examined.how != "held out" else ""
    )
    untagged = number(100 * measured.untagged, 1)
    return (
        f"Measured on {len(examined.ids):,} articles {examined.how}{share}{weighed}; {untagged} % of them get no "
        f"topic.{flatters}"
    )


def by_f1(measured: Measured) -> list[int]:
    """Return the topics' columns, the best F1 first."""
    return sorted(range(len(measured.topics)), key=lambda i: (not measured.topics[i].support, -measured.topics[i].f1))


def shown(measured: Measured, most: int = MOST_PANELS) -> list[int]:
    """Return the columns of the topics that are shown, in the taxonomy's order: those that most articles have."""
    return sorted(sorted(range(len(measured.topics)), key=lambda i: -measured.topics[i].support)[:most])


def topics_section(model: TopicModel, measured: Measured) -> Section:
    """Tell every topic's figures and cut-offs."""
    columns = [
        ("Topic", ""),
        ("F1", "num strong"),
        ("0 · precision ○ ● recall · 1", "strip"),
        ("Precision", "num"),
        ("Recall", "num"),
        ("Average precision", "num"),
        ("Articles", "num"),
        ("Auto precision", "num"),
        ("Auto share", "num"),
        ("Suggest from", "num"),
        ("Auto from", "num"),
    ]
    rows = []
    kept = set(shown(measured, MOST_ROWS))
    for i in (column for column in by_f1(measured) if column in kept):
        topic, one, calibration = model.taxonomy.topics[i], measured.topics[i], model.calibrations[i]
        strip = strip_plot(
            f"{topic.name}: precision {number(one.precision)}, recall {number(one.recall)}",
            low=min(one.precision, one.recall),
            high=max(one.precision, one.recall),
            marks=[("dot", one.recall), ("ring", one.precision)],
        )
        rows.append(
            [
                topic.name,
                number(one.f1 if one.support else None),
                strip,
                number(one.precision),
                number(one.recall),
                number(one.average_precision),
                f"{one.support:,}",
                number(one.auto_precision),
                number(one.auto_share),
                number(calibration.suggest),
                number(calibration.auto),
            ]
        )
    return section(
        "topics",
        "Topic by topic",
        "How often a topic given is right (precision), how many of those wanted are given (recall), and from which "
        "confidence a topic is suggested or applied unseen. A dash: there is no such band, or nothing to count.",
        table(f"{_how_many(rows, measured)}, the best F1 first", columns, rows),
    )


def _how_many(rows: Sequence[object], measured: Measured) -> str:
    topics = len(measured.topics)
    return "Topics" if len(rows) == topics else f"The {len(rows)} of {topics:,} topics that most articles have"


def confusions_section(model: TopicModel, examined: Examined, measured: Measured) -> Section:
    """Tell which wrong topic is given where which right one is missed."""
    counts = confusions(examined.decisions, measured.given)
    names = [topic.name for topic in model.taxonomy.topics]
    between = counts[:-1, :-1]
    order = np.argsort(-between, axis=None, kind="stable")[:_CONFUSIONS]
    ranked = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, between.shape), strict=True) if between[i, j]]
    most = max((int(between[i, j]) for i, j in ranked), default=1)
    rows = [
        [names[i], names[j], f"{between[i, j]:,}", bar(between[i, j] / most, f"{between[i, j]:,} articles")]
        for i, j in ranked
    ]
    columns = [("Right, but missed", ""), ("Wrong, but given", ""), ("Articles", "num"), ("", "strip")]
    return section(
        "confusions",
        "What is taken for what",
        "Articles in which one topic is missed and another is wrongly given. "
        f"{counts[-1, :-1].sum():,} topics were added where nothing was missed, and {counts[:-1, -1].sum():,} missed "
        "where nothing wrong was given.",
        table("The most frequent confusions", columns, rows) if rows else el("p", "There are none."),
        details("All confusions", _heat_map(counts, names)),
    )


def _heat_map(counts: NDArray[np.int64], names: Sequence[str]) -> Html:
    often = counts[:-1].sum(axis=1) + counts[:, :-1].sum(axis=0)
    kept = sorted(np.argsort(-often, kind="stable")[:MOST_PANELS].tolist())
    most = max(1, int(counts[np.ix_(kept, kept)].max()))
    columns = [*kept, len(names)]
    heads = [*(names[i] for i in kept), "nothing wrong"]
    head = el("tr", el("td"), *(el("th", el("span", name), scope="col") for name in heads))
    body = []
    for i in [*kept, len(names)]:
        cells = [
            el(
                "td",
                f"{counts[i, j]:,}" if counts[i, j] and i + j < 2 * len(names) else "",
                class_=_shade(i, j, counts, most),
            )
            for j in columns
        ]
        body.append(el("tr", el("th", names[i] if i < len(names) else "nothing missed", scope="row"), *cells))
    caption = "Rows: the right topic that is missed. Columns: the wrong one that is given. Numbers: articles."
    inside = el("table", el("caption", el("span", caption)), el("thead", head), el("tbody", *body), class_="heat")
    return el("div", inside, class_="wide", tabindex="0", role="region", aria_label="All confusions")


def _shade(row: int, column: int, counts: NDArray[np.int64], most: int) -> str | None:
    topics = len(counts) - 1
    if topics in (row, column):
        return "margin"
    share = counts[row, column] / most
    return f"h{min(4, 1 + int(4 * share))}" if share else None


def ngrams_section(model: TopicModel, ngrams: Sequence[str], measured: Measured) -> Section:
    """List the n-grams that weigh most for and against each topic."""
    cards = []
    for i in shown(measured):
        column = model.weights[:, i]
        order = np.argsort(column, kind="stable")
        for_it = [ngrams[row] for row in order[::-1][:_NGRAMS] if column[row] > 0]
        against = [ngrams[row] for row in order[:_NGRAMS] if column[row] < 0]
        cards.append(
            el(
                "div",
                el("h3", model.taxonomy.topics[i].name),
                el("dl", el("dt", "for"), _words(for_it), el("dt", "against"), _words(against)),
                class_="words",
            )
        )
    return section(
        "ngrams",
        "The words it goes by",
        "The n-grams with the largest weights for and against each topic, the strongest first. Names of places and of "
        "days among them may say more of the corpus than of the topic.",
        el("div", *cards, class_="cards"),
    )


def _words(words: Sequence[str]) -> Html:
    return el("dd", *(join(el("span", word, dir="auto"), " ") for word in words))
