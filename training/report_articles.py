"""The report's articles: those most wrong, labels that may be wrong, near-duplicates; all of it untrusted text."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from models.article import Article, ArticleText
from models.errors import ArticleError
from models.topic_model import Evidence, TopicModel
from training.labels import NO, YES
from training.measure import Examined, Measured, label_losses, most_wrong, suspected_label_errors
from training.report_html import Html, Section, el, join, listed, number, section

MOST_ARTICLES = 15
MOST_SUSPECTS = 30
MOST_GROUPS = 20

_LONG, _SHORT = 420, 200
_WORD = re.compile(r"\w+")


def most_wrong_section(model: TopicModel, examined: Examined, measured: Measured) -> Section:
    """Show the articles that the model is most wrong about, with the words that led it there."""
    losses = label_losses(examined.decisions, examined.confidences)
    ranked = most_wrong(examined.decisions, examined.confidences, measured.given)
    cards = []
    for i in ranked[:MOST_ARTICLES]:
        decisions, given = examined.decisions[i], measured.given[i]
        wrong = ((decisions == YES) & ~given) | ((decisions == NO) & given)
        worst = int(np.argmax(np.where(wrong, losses[i], -1.0)))
        cards.append(_card(model, examined, i, worst, _verdicts(model, examined, measured, i), _LONG))
    return section(
        "most-wrong",
        "The articles most wrong",
        f"{len(ranked):,} of {len(examined.ids):,} articles have a topic too many or too few. These {len(cards)} are "
        "the worst by log-loss: the model was sure, and wrong, or the label is.",
        _legend(examined),
        el("ol", *cards, class_="articles") if cards else el("p", "There are none."),
    )


def label_errors_section(model: TopicModel, examined: Examined) -> Section:
    """List the labels that confidences contradict."""
    suspects = suspected_label_errors(examined.decisions, examined.confidences)
    cards = []
    for one in suspects[:MOST_SUSPECTS]:
        name = model.taxonomy.topics[one.topic].name
        said = "has it" if one.labelled else "does not have it"
        verdict = join(el("b", name), f": confidence {_sure(one.confidence)}, but by its label the article {said}")
        kind = "missed" if one.labelled else "extra"
        verdicts = el("ul", el("li", verdict, class_=kind), class_="verdicts")
        cards.append(_card(model, examined, one.article, one.topic, verdicts, _SHORT))
    shown = f" The first {len(cards)} are shown." if len(suspects) > len(cards) else ""
    return section(
        "label-errors",
        "Labels to look at again",
        f"{len(suspects):,} labels are contradicted by a model that has not learned from them, the surest first: each "
        f"is either a mistake of the model or one of the label.{shown}",
        _legend(examined),
        el("ol", *cards, class_="articles compact") if cards else el("p", "There are none."),
    )


def duplicates_section(model: TopicModel, examined: Examined, duplicates: Sequence[Sequence[int]]) -> Section:
    """List groups of near-duplicates; those whose labels differ first."""
    ranked = sorted(duplicates, key=lambda group: (not _differing(examined, group), -len(group)))
    differ = sum(bool(_differing(examined, group)) for group in duplicates)
    groups = [_group(model, examined, group) for group in ranked[:MOST_GROUPS]]
    shown = f" The first {len(groups)} are shown." if len(duplicates) > len(groups) else ""
    return section(
        "duplicates",
        "Near-duplicates",
        f"{len(duplicates):,} groups of articles say nearly the same; in {differ:,} of them the labels differ.{shown}",
        el("ol", *groups, class_="articles compact"),
    )


def _group(model: TopicModel, examined: Examined, group: Sequence[int]) -> Html:
    differing = _differing(examined, group)
    lines = [el("li", _title(examined.texts[i]), " ", el("code", examined.ids[i]), dir="auto") for i in group[:6]]
    if len(group) > 6:
        lines.append(el("li", f"and {len(group) - 6:,} more"))
    yes = (examined.decisions[list(group)] == YES).sum(axis=0)
    counts = [f"{model.taxonomy.topics[i].name} ({yes[i]} of {len(group)})" for i in differing]
    verdict = [el("p", f"Labels differ: {listed(counts)}", class_="differ")] if counts else []
    return el("li", el("h3", f"{len(group)} articles"), *verdict, el("ul", *lines, class_="titles"))


def _differing(examined: Examined, group: Sequence[int]) -> list[int]:
    """Return the columns of the topics that some of the group have and others not."""
    decisions = examined.decisions[list(group)]
    return [int(i) for i in np.flatnonzero((decisions == YES).any(axis=0) & (decisions == NO).any(axis=0))]


def _legend(examined: Examined) -> Html:
    learned = (
        " They are weighed by the finished model, which has learned from the article; the one that was wrong had not."
        if examined.how == "out of fold"
        else ""
    )
    return el(
        "p",
        "Marked are the words that speak ",
        el("mark", "for", class_="for s3"),
        " and ",
        el("mark", "against", class_="against s3"),
        f" the topic in question, the stronger the darker.{learned}",
        class_="hint",
    )


def _verdicts(model: TopicModel, examined: Examined, measured: Measured, article: int) -> Html:
    """Say which topics were missed, which wrongly given, and which are right, with their confidence."""
    lines: list[tuple[int, float, Html]] = []
    for i, (topic, calibration) in enumerate(zip(model.taxonomy.topics, model.calibrations, strict=True)):
        confidence = float(examined.confidences[article, i])
        decision, given = examined.decisions[article, i], bool(measured.given[article, i])
        doubted = examined.doubted is not None and bool(examined.doubted[article])
        band = "suggest" if doubted else calibration.band(confidence)
        said = f" {_sure(confidence)}"
        if decision == NO and given:
            lines.append(
                (0, -confidence, el("li", "wrongly given ", el("b", topic.name), f"{said} ({band})", class_="extra"))
            )
        elif decision == YES and not given:
            least = f"{said} (suggested from {number(calibration.suggest)})"
            lines.append((1, confidence, el("li", "missed ", el("b", topic.name), least, class_="missed")))
        elif given:
            what = "right " if decision == YES else "open "
            lines.append((2, -confidence, el("li", what, el("b", topic.name), said)))
    return el("ul", *(line for *_, line in sorted(lines, key=lambda one: one[:2])), class_="verdicts")


def _card(model: TopicModel, examined: Examined, article: int, topic: int, verdicts: Html, length: int) -> Html:
    text, name = examined.texts[article], model.taxonomy.topics[topic].name
    evidence = _evidence(model, text, topic)
    title = [one for one in evidence if one.field == "title"]
    body = [one for one in evidence if one.field == "body"]
    strongest = max(_word_weights(text.title, title) + _word_weights(text.body, body), key=abs, default=0.0)
    start, end = _window(text.body, body, length)
    return el(
        "li",
        verdicts,
        el("h3", marked(text.title, title, strongest), dir="auto") if text.title.strip() else "",
        el(
            "p",
            "… " if start else "",
            marked(text.body, body, strongest, start, end),
            " …" if end < len(text.body) else "",
            dir="auto",
            lang=model.manifest.get("language"),
            class_="excerpt",
        ),
        el("p", el("code", examined.ids[article]), f" · marked for {name}", class_="hint"),
    )


def _sure(confidence: float) -> str:
    return "> 0.99" if confidence > 0.99 else "< 0.01" if confidence < 0.01 else number(confidence)


def _title(text: ArticleText) -> str:
    return text.title.strip() or f"{text.body.strip()[:80]} …"


def _evidence(model: TopicModel, text: ArticleText, topic: int) -> list[Evidence]:
    """Explain one topic; the spans are those of `text`, which goes in as plain text."""
    try:
        result = model.explain(Article(title=text.title, body=text.body), model.taxonomy.ids[topic])
    except ArticleError:  # extracted text that looks like HTML once more, and has no words then
        return []
    return list(result.evidence or ())


def marked(text: str, evidence: Sequence[Evidence], strongest: float, start: int = 0, end: int | None = None) -> Html:
    """Mark the words of `text[start:end]` by what they add to the score, relative to the strongest word.

    An n-gram's weight is shared by its words. Marks of the same kind next to each other are joined.
    """
    end = len(text) if end is None else end
    weights = _word_weights(text, evidence)
    pieces: list[tuple[str | None, int, int]] = []
    at = start
    for word, weight in zip(_WORD.finditer(text), weights, strict=True):
        if word.start() < start or word.end() > end:
            continue
        kind = _kind(weight / strongest if strongest else 0.0, weight)
        joins = pieces and pieces[-1][0] == kind
        pieces += [(kind if joins else None, at, word.start()), (kind, word.start(), word.end())]
        at = word.end()
    pieces.append((None, at, end))
    runs = [(kind, list(run)) for kind, run in groupby(pieces, key=lambda piece: piece[0])]
    said = [(kind, text[run[0][1] : run[-1][2]]) for kind, run in runs]
    return join(*(el("mark", words, class_=kind) if kind else words for kind, words in said))


def _kind(share: float, weight: float) -> str | None:
    strength = next((level for level, least in ((3, 0.7), (2, 0.4), (1, 0.2)) if abs(share) >= least), 0)
    return f"{'for' if weight > 0 else 'against'} s{strength}" if strength else None


def _word_weights(text: str, evidence: Sequence[Evidence]) -> list[float]:
    """Return what each word of a text adds to the score."""
    starts = [word.start() for word in _WORD.finditer(text)]
    weights = [0.0] * len(starts)
    for one in evidence:
        first, last = bisect_left(starts, one.start), bisect_left(starts, one.end)
        for i in range(first, last):
            weights[i] += one.weight / (last - first)
    return weights


def _window(text: str, evidence: Sequence[Evidence], length: int) -> tuple[int, int]:
    """Return the stretch of a text with most evidence in it, whole words, or its beginning."""
    if len(text) <= length:
        return 0, len(text)
    spans = sorted((one.start, abs(one.weight)) for one in evidence)
    places = [start for start, _ in spans]
    sums = np.concatenate(([0.0], np.cumsum([weight for _, weight in spans])))
    best, best_sum = 0, -1.0
    for place in [0, *(max(0, place - length // 8) for place in places)]:
        held = sums[bisect_left(places, place + length)] - sums[bisect_left(places, place)]
        if held > best_sum + 1e-12:
            best, best_sum = place, float(held)
    start = 0 if best == 0 else text.find(" ", best - 1) + 1
    end = min(len(text), start + length)
    cut = text.rfind(" ", start, end)
    return start, end if end == len(text) or cut <= start else cut
