"""The report's figures: over all, per topic, which topic is mistaken for which, and the words that decide."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.topic_model import TopicModel
from tagdesk.training.judge.measure import Examined, Measured
from tagdesk.training.judge.mistakes import confusions
from tagdesk.training.judge.verdict import verdict
from tagdesk.training.report.card import left_out
from tagdesk.training.report.html import Html, Section, details, el, enumeration, join, number, section, table
from tagdesk.training.report.plots import bar, strip_plot

MOST_PANELS = 60
"""If there are more topics, only this many, those with most articles, get plots and n-grams of their own."""

MOST_ROWS = 200
"""If there are more topics, only this many are listed in a table."""

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
        others: its figures on other articles, each with the way in which those were kept from it.
        articles: how many articles there are; `examined` may be a share of them.
    """
    figures: list[tuple[str, str, Callable[[Measured], float]]] = [
        ("micro-F1", "all topics together", lambda m: m.whole.f1),
        ("macro-F1", "mean over topics", lambda m: m.macro_f1),
        ("first topic right", "the most likely one", lambda m: m.top1),
        ("auto precision", "applied unseen", lambda m: m.whole.auto_precision),
        ("auto share", "of topics wanted", lambda m: m.whole.auto_share),
        ("calibration error", "of confidences", lambda m: m.calibration_error),
    ]
    boxes = [
        el(
            "div",
            el("dt", name, el("small", explanation)),
            el("dd", number(value(measured), 3)),
            *(el("dd", f"{number(value(other), 3)} {how}", class_="other") for how, other in others),
        )
        for name, explanation, value in figures
    ]
    return el(
        "header",
        el("p", "Tagdesk · model report", class_="eyebrow"),
        el("h1", model.name, el("span", f"@{model.version}")),
        el("p", verdict(model), class_="lead"),
        el("p", _how_made(model), class_="lead"),
        el("p", left_out(model), class_="lead") if left_out(model) else "",
        el("dl", *boxes, class_="headline"),
        el("p", _in_words(model, measured), class_="lead"),
        el("p", _measured_on(examined, measured, articles), class_="hint"),
    )


def _how_made(model: TopicModel) -> str:
    manifest: Mapping[str, Any] = model.manifest
    data = manifest.get("data", {})
    corpora = [f"{corpus['name']} ({corpus['articles']:,})" for corpus in data.get("corpora", ())]
    parts = [f"A linear model of {len(model.taxonomy)} topics over {len(model.features.idf):,} word n-grams"]
    if "trained" in manifest:
        parts.append(f", trained {manifest['trained'][:10]}")
    if "articles" in data:
        parts.append(f" on {data['articles']:,} articles")
        full = data.get("fully_labelled", data.get("by_hand", 0))  # the key of the first models
        parts.append(f", {full:,} of them with every topic decided" if full else "")
    if corpora:
        parts.append(f", from {enumeration(corpora)}")
    return "".join([*parts, "."])


def _in_words(model: TopicModel, measured: Measured) -> str:
    ranked = [
        (model.taxonomy.topics[i].name, measured.topics[i].f1) for i in by_f1(measured) if measured.topics[i].support
    ]
    calibrated = zip(model.taxonomy.topics, model.calibrations, strict=True)
    no_auto = [topic.name for topic, calibration in calibrated if calibration.auto is None]
    best = enumeration([f"{name} ({number(f1)})" for name, f1 in ranked[:3]])
    worst = enumeration([f"{name} ({number(f1)})" for name, f1 in ranked[3:][-3:][::-1]])
    return " ".join(
        part
        for part in (
            f"Best by F1: {best}." if best else "",
            f"Weakest: {worst}." if worst else "",
            f"Without an auto band: {enumeration(no_auto)}." if no_auto else "",
            _record(model),
        )
        if part
    )


def _record(model: TopicModel) -> str:
    """Say what the `auto` band gave on the articles that prove its promise; nothing of models that do not tell."""
    record = model.manifest.get("metrics", {}).get("auto")
    if not record or not record["given"]:
        return ""
    return (
        f"Of what auto gave to {record['articles']:,} articles drawn at random, out of fold, {record['right']:,} of "
        f"{record['given']:,} were right: {number(record['precision'], 3)}, and with 95 % confidence at least "
        f"{number(record['bound'], 3)}."
    )


def _measured_on(examined: Examined, measured: Measured, articles: int) -> str:
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


def columns_shown(measured: Measured, most: int = MOST_PANELS) -> list[int]:
    """Return the columns of the topics to show, in the taxonomy's order: at most so many, those with most articles."""
    return sorted(sorted(range(len(measured.topics)), key=lambda i: -measured.topics[i].support)[:most])


def topics_section(model: TopicModel, measured: Measured) -> Section:
    """List every topic's figures and cut-offs."""
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
    columns_of_table = set(columns_shown(measured, MOST_ROWS))
    for i in (column for column in by_f1(measured) if column in columns_of_table):
        topic, figures, calibration = model.taxonomy.topics[i], measured.topics[i], model.calibrations[i]
        strip = strip_plot(
            f"{topic.name}: precision {number(figures.precision)}, recall {number(figures.recall)}",
            low=min(figures.precision, figures.recall),
            high=max(figures.precision, figures.recall),
            marks=[("dot", figures.recall), ("ring", figures.precision)],
        )
        rows.append(
            [
                topic.name,
                number(figures.f1 if figures.support else None),
                strip,
                number(figures.precision),
                number(figures.recall),
                number(figures.average_precision),
                f"{figures.support:,}",
                number(figures.auto_precision),
                number(figures.auto_share),
                number(calibration.suggest),
                number(calibration.auto),
            ]
        )
    return section(
        "topics",
        "Topic by topic",
        "How often a predicted topic is right (precision), what share of the right ones is predicted (recall), "
        "and from which confidence a topic is suggested or applied unseen. A dash means that there is no such band, or "
        "nothing to count.",
        table(f"{_how_many(rows, measured)}, the best F1 first", columns, rows),
    )


def _how_many(rows: Sequence[object], measured: Measured) -> str:
    topics = len(measured.topics)
    return "Topics" if len(rows) == topics else f"The {len(rows)} of {topics:,} topics that most articles have"


def confusions_section(model: TopicModel, examined: Examined, measured: Measured) -> Section:
    """Show which wrong topic is predicted where which right one is missed."""
    shown = columns_shown(measured, MOST_ROWS)
    among = "" if len(shown) == len(measured.topics) else f", among the {MOST_ROWS} topics that most articles have"
    counts = confusions(examined.decisions[:, shown], measured.predicted[:, shown])
    names = [model.taxonomy.topics[i].name for i in shown]
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
        "Which topic is mistaken for which",
        f"Articles in which one topic is missed and another wrongly given{among}. In articles that miss nothing "
        f"{counts[-1, :-1].sum():,} topics are wrongly given; {counts[:-1, -1].sum():,} are missed where nothing is "
        "wrongly given.",
        table("The most frequent confusions", columns, rows) if rows else el("p", "There are none."),
        details("All confusions", _heat_map(counts, names)),
    )


def _heat_map(counts: NDArray[np.int64], names: Sequence[str]) -> Html:
    often = counts[:-1].sum(axis=1) + counts[:, :-1].sum(axis=0)
    topics = sorted(np.argsort(-often, kind="stable")[:MOST_PANELS].tolist())
    most = max(1, int(counts[np.ix_(topics, topics)].max()))
    columns = [*topics, len(names)]
    heads = [*(names[i] for i in topics), "nothing wrong"]
    head = el("tr", el("td"), *(el("th", el("span", name), scope="col") for name in heads))
    body = []
    for i in columns:
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
    content = el("table", el("caption", el("span", caption)), el("thead", head), el("tbody", *body), class_="heat")
    return el("div", content, class_="wide", tabindex="0", role="region", aria_label="All confusions")


def _shade(row: int, column: int, counts: NDArray[np.int64], most: int) -> str | None:
    topics = len(counts) - 1
    if topics in (row, column):
        return "margin"
    share = counts[row, column] / most
    return f"h{min(4, 1 + int(4 * share))}" if share else None


def ngrams_section(model: TopicModel, ngrams: Sequence[str], measured: Measured) -> Section:
    """List the n-grams that weigh most for and against each topic."""
    cards = []
    for i in columns_shown(measured):
        column = model.weights[:, i]
        order = np.argsort(column, kind="stable")
        in_favour = [ngrams[row] for row in order[::-1][:_NGRAMS] if column[row] > 0]
        against = [ngrams[row] for row in order[:_NGRAMS] if column[row] < 0]
        cards.append(
            el(
                "div",
                el("h3", model.taxonomy.topics[i].name),
                el("dl", el("dt", "for"), _words(in_favour), el("dt", "against"), _words(against)),
                class_="words",
            )
        )
    return section(
        "ngrams",
        "The words that decide",
        "The n-grams with the largest weights for and against each topic, the strongest first. Names of places and "
        "days among them may say more about the corpus than about the topic.",
        el("div", *cards, class_="cards"),
    )


def _words(words: Sequence[str]) -> Html:
    return el("dd", *(join(el("span", word, dir="auto"), " ") for word in words))
