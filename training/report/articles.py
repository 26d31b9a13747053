"""The report's articles: the worst errors, labels that may be wrong, near-duplicates; all of it untrusted text."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

import numpy as np

from tagdesk.models.errors import ArticleError
from tagdesk.models.reading.article import Article, ArticleText
from tagdesk.models.reading.characters import classes
from tagdesk.models.topic_model import Evidence, TopicModel
from tagdesk.training.corpora.labels import NO, YES
from tagdesk.training.judge.measure import Examined, Measured
from tagdesk.training.judge.mistakes import label_losses, most_wrong, suspected_label_errors
from tagdesk.training.report.html import Html, Section, el, enumeration, join, number, section

MOST_ARTICLES = 15
MOST_SUSPECTS = 30
MOST_GROUPS = 20

_LONG, _SHORT = 420, 200


def most_wrong_section(model: TopicModel, examined: Examined, measured: Measured) -> Section:
    """Show the articles that the model gets most wrong, with the words that misled it."""
    losses = label_losses(examined.decisions, examined.confidences)
    ranked = most_wrong(examined.decisions, examined.confidences, measured.predicted)
    cards = []
    for i in ranked[:MOST_ARTICLES]:
        decisions, predicted = examined.decisions[i], measured.predicted[i]
        wrong = ((decisions == YES) & ~predicted) | ((decisions == NO) & predicted)
        worst = int(np.argmax(np.where(wrong, losses[i], -1.0)))
        cards.append(_card(model, examined, i, worst, _verdicts(model, examined, measured, i), _LONG))
    return section(
        "most-wrong",
        "The worst errors",
        f"{len(ranked):,} of {len(examined.ids):,} articles have a topic too many or too few. These {len(cards)} are "
        "the worst by log-loss: either the model was sure and wrong, or the label is wrong.",
        _legend(examined),
        el("ol", *cards, class_="articles") if cards else el("p", "There are none."),
    )


def label_errors_section(model: TopicModel, examined: Examined) -> Section:
    """List the labels that confidences contradict."""
    suspects = suspected_label_errors(examined.decisions, examined.confidences)
    cards = []
    for suspect in suspects[:MOST_SUSPECTS]:
        name = model.taxonomy.topics[suspect.topic].name
        label = "has it" if suspect.labelled else "does not have it"
        confidence = _rounded_confidence(suspect.confidence)
        verdict = join(el("b", name), f": confidence {confidence}, but by its label the article {label}")
        kind = "missed" if suspect.labelled else "extra"
        verdicts = el("ul", el("li", verdict, class_=kind), class_="verdicts")
        cards.append(_card(model, examined, suspect.article, suspect.topic, verdicts, _SHORT))
    shown = f" The first {len(cards)} are shown." if len(suspects) > len(cards) else ""
    return section(
        "label-errors",
        "Labels to look at again",
        f"{len(suspects):,} labels are contradicted by a model that has not learned from them; the clearest cases come "
        f"first. In each, either the model or the label is wrong.{shown}",
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
        f"{len(duplicates):,} groups of articles have nearly the same text; in {differ:,} of them the labels differ."
        f"{shown}",
        el("ol", *groups, class_="articles compact"),
    )


def _group(model: TopicModel, examined: Examined, group: Sequence[int]) -> Html:
    differing = _differing(examined, group)
    lines = [el("li", _title(examined.texts[i]), " ", el("code", examined.ids[i]), dir="auto") for i in group[:6]]
    if len(group) > 6:
        lines.append(el("li", f"and {len(group) - 6:,} more"))
    yes = (np.asarray(examined.decisions[list(group)]) == YES).sum(axis=0)
    counts = [f"{model.taxonomy.topics[i].name} ({yes[i]} of {len(group)})" for i in differing]
    verdict = [el("p", f"Labels differ: {enumeration(counts)}", class_="differ")] if counts else []
    return el("li", el("h3", f"{len(group)} articles"), *verdict, el("ul", *lines, class_="titles"))


def _differing(examined: Examined, group: Sequence[int]) -> list[int]:
    """Return the columns of the topics that some articles of the group have and others do not."""
    decisions = np.asarray(examined.decisions[list(group)])
    return [int(i) for i in np.flatnonzero((decisions == YES).any(axis=0) & (decisions == NO).any(axis=0))]


def _legend(examined: Examined) -> Html:
    learned = (
        " The weights are those of the finished model, which has learned from the article; the one that erred had not."
        if examined.how == "out of fold"
        else ""
    )
    return el(
        "p",
        "Marked words speak ",
        el("mark", "for", class_="for s3"),
        " and ",
        el("mark", "against", class_="against s3"),
        f" the topic in question; the darker, the stronger.{learned}",
        class_="hint",
    )


def _verdicts(model: TopicModel, examined: Examined, measured: Measured, article: int) -> Html:
    """List the topics wrongly predicted, then those missed, then the right ones, with their confidence."""
    lines: list[tuple[int, float, Html]] = []
    for i, (topic, calibration) in enumerate(zip(model.taxonomy.topics, model.calibrations, strict=True)):
        confidence = float(examined.confidences[article, i])
        decision, predicted = examined.decisions[article, i], bool(measured.predicted[article, i])
        name, figure = el("b", topic.name), f" {_rounded_confidence(confidence)}"
        if decision == NO and predicted:
            wrong = el("li", "wrongly given ", name, f"{figure} ({calibration.band(confidence)})", class_="extra")
            lines.append((0, -confidence, wrong))
        elif decision == YES and not predicted:
            cut_off = f"{figure} (suggested from {number(calibration.suggest)})"
            lines.append((1, confidence, el("li", "missed ", name, cut_off, class_="missed")))
        elif predicted:
            lines.append((2, -confidence, el("li", "right " if decision == YES else "open ", name, figure)))
    return el("ul", *(line for *_, line in sorted(lines, key=lambda ranked: ranked[:2])), class_="verdicts")


def _card(model: TopicModel, examined: Examined, article: int, topic: int, verdicts: Html, length: int) -> Html:
    text, name = examined.texts[article], model.taxonomy.topics[topic].name
    evidence = _evidence(model, text, topic)
    title = [span for span in evidence if span.field == "title"]
    body = [span for span in evidence if span.field == "body"]
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


def _rounded_confidence(confidence: float) -> str:
    return "> 0.99" if confidence > 0.99 else "< 0.01" if confidence < 0.01 else number(confidence)


def _title(text: ArticleText) -> str:
    return text.title.strip() or f"{text.body.strip()[:80]} …"


def _evidence(model: TopicModel, text: ArticleText, topic: int) -> list[Evidence]:
    """Explain one topic; `text` is tagged as plain text, so the spans are its own."""
    try:
        result = model.explain(Article(title=text.title, body=text.body), model.taxonomy.ids[topic])
    except ArticleError:  # extracted text may look like HTML again, and then hold no words
        return []
    return list(result.evidence or ())


@lru_cache(maxsize=1)
def _word() -> re.Pattern[str]:
    """Return what finds the words of a text, and of scripts without spaces each unit."""
    marks, _, _, pieces = classes()
    return re.compile(rf"[{pieces}][{marks}]*|(?:(?![{pieces}])[\w{marks}])+")


def marked(text: str, evidence: Sequence[Evidence], strongest: float, start: int = 0, end: int | None = None) -> Html:
    """Mark the words of `text[start:end]` by what they add to the score, relative to the strongest word.

    The words of an n-gram share its weight equally. Neighbouring marks of the same kind are joined.
    """
    end = len(text) if end is None else end
    weights = _word_weights(text, evidence)
    pieces: list[tuple[str | None, int, int]] = []
    at = start
    for word, weight in zip(_word().finditer(text), weights, strict=True):
        if word.start() < start or word.end() > end:
            continue
        kind = _kind(weight / strongest if strongest else 0.0, weight)
        joins = pieces and pieces[-1][0] == kind
        pieces += [(kind if joins else None, at, word.start()), (kind, word.start(), word.end())]
        at = word.end()
    pieces.append((None, at, end))
    runs = [(kind, list(run)) for kind, run in groupby(pieces, key=lambda piece: piece[0])]
    stretches = [(kind, text[run[0][1] : run[-1][2]]) for kind, run in runs]
    return join(*(el("mark", words, class_=kind) if kind else words for kind, words in stretches))


def _kind(share: float, weight: float) -> str | None:
    strength = next((level for level, least in ((3, 0.7), (2, 0.4), (1, 0.2)) if abs(share) >= least), 0)
    return f"{'for' if weight > 0 else 'against'} s{strength}" if strength else None


def _word_weights(text: str, evidence: Sequence[Evidence]) -> list[float]:
    """Return what each word of a text adds to the score."""
    starts = [word.start() for word in _word().finditer(text)]
    weights = [0.0] * len(starts)
    for span in evidence:
        first, last = bisect_left(starts, span.start), bisect_left(starts, span.end)
        for i in range(first, last):
            weights[i] += span.weight / (last - first)
    return weights


def _window(text: str, evidence: Sequence[Evidence], length: int) -> tuple[int, int]:
    """Return start and end of the stretch with most evidence, in whole words; the beginning if there is none."""
    if len(text) <= length:
        return 0, len(text)
    spans = sorted((span.start, abs(span.weight)) for span in evidence)
    starts = [start for start, _ in spans]
    sums = np.concatenate(([0.0], np.cumsum([weight for _, weight in spans])))
    best, best_sum = 0, -1.0
    for first in [0, *(max(0, start - length // 8) for start in starts)]:
        weight = sums[bisect_left(starts, first + length)] - sums[bisect_left(starts, first)]
        if weight > best_sum + 1e-12:
            best, best_sum = first, float(weight)
    start = 0 if best == 0 else text.find(" ", best - 1) + 1
    end = min(len(text), start + length)
    cut = text.rfind(" ", start, end)
    return start, end if end == len(text) or cut <= start else cut
