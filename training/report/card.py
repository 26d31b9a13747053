"""The model card: what a model is for, what it learned from, how good it is, and what not to use it for."""

from collections.abc import Sequence
from typing import Any

from tagdesk.models.topic_model import TopicModel
from tagdesk.training.corpora.account import name_list
from tagdesk.training.promise import LEVELS, WORST

WEAK_F1 = 0.65

MOST_LISTED = 200
"""If there are more topics, only this many, those with most articles, are listed; the manifest has all."""

_NOT_FOR = """\
- **Decisions about people.** It tells what a text is about, not whether it is true, fair or legal.
- **Other languages or other kinds of text.** It learned from news in one language; chat, e-mail and law are not news.
- **Filtering or blocking.** A missing topic is no proof that an article is not about it.
- **Fine distinctions.** It knows {topics} topics and nothing finer.
"""


def card(model: TopicModel, ngrams: Sequence[str], labellers: str = "", earlier: Sequence[str] = ()) -> str:
    """Write the card of a model, Markdown.

    Args:
        model: the model, with its manifest.
        ngrams: its n-grams.
        labellers: who gave the labels and what readers should know about them, a paragraph.
        earlier: one line per earlier version, oldest first.
    """
    manifest = model.manifest
    metrics, data = manifest["metrics"], manifest["data"]
    weak = [topic for topic, row in metrics["topics"].items() if row["f1"] < WEAK_F1]
    calibrated = zip(model.taxonomy.ids, model.calibrations, strict=True)
    no_auto = [topic for topic, calibration in calibrated if calibration.auto is None]
    parts = [
        f"# {model.ref}",
        f"A linear topic model over {len(ngrams):,} word n-grams (TF-IDF), {len(model.taxonomy)} topics, "
        f"language `{manifest['language']}`, trained {manifest['trained']}.",
        left_out(model),
        "## What it learned from",
        _data(data),
        "\n".join(f"- {line}" for line in data.get("licences", ())),
        labellers,
        "## How good it is",
        _overall("Out of fold", metrics["out_of_fold"]),
        _overall("Held out, never seen in training", metrics["held_out"]) if "held_out" in metrics else "",
        "The cut-offs were chosen on the out-of-fold scores, so the out-of-fold figures flatter a little.",
        f"Weighted back to a fair sample, the confidences are off by {metrics['out_of_fold']['calibration_error']:.3f} "
        f"on average (expected calibration error), the Brier score is {metrics['out_of_fold']['brier']:.3f}.",
        _table(model, metrics["topics"]),
        f"Weak topics (F1 under {WEAK_F1}): {name_list(weak) or 'none'}.",
        _promises(model),
        f"Without an `auto` band (the precision cannot be promised): {name_list(no_auto) or 'none'}.",
        _doubts(manifest["doubts"]) if "doubts" in manifest else "",
        "## Earlier versions" if earlier else "",
        "\n".join(f"- {line}" for line in earlier),
        "## Not for",
        _NOT_FOR.format(topics=len(model.taxonomy)).rstrip(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def left_out(model: TopicModel) -> str:
    """Say what of the data is not in the model, and why; nothing of models that do not tell."""
    sentences = model.manifest.get("data", {}).get("left_out")
    return f"Not in it: {'; '.join(sentences)}." if sentences else ""


def _data(data: dict[str, Any]) -> str:
    if "corpora" not in data:
        return f"{data['articles']:,} articles, passed in by a program; where they came from is not recorded."
    sources = "; ".join(
        f"{corpus['name']} ({corpus['articles']:,} articles{_dated(corpus['source'])})" for corpus in data["corpora"]
    )
    return (
        f"{data['articles']:,} articles, {data['fully_labelled']:,} of them with every topic decided, "
        f"{data['held_out']:,} kept out of training for the test{_newest(data)}. Sources: {sources}."
    )


def _newest(data: dict[str, Any]) -> str:
    return f", the newest, as is all from {data['test_from']} on" if data.get("test_from") else ""


def _doubts(own: dict[str, Any]) -> str:
    """Say which texts are doubted; measured on those that it learned from."""
    known = f"of fewer than {own['least_tokens']} words, or with fewer than {100 * own['least_known']:.0f} % known"
    if own.get("languages"):
        known += f", or that py3langid finds in another language than {', '.join(own['languages'])}"
    return f"No topic is `auto` in a text {known}: what it learned from is not like that."


def _promises(model: TopicModel) -> str:
    """Say what `auto` promises, with every topic that has a target of its own, and what was measured."""
    targets, usual = model.manifest["precision_targets"], model.manifest["fit"]["precision_target"]
    own = [f"{targets[topic]} for {topic}" for topic in model.taxonomy.ids if topic in targets]
    alone = f" Promised to a topic on its own: {', '.join(own)}." if own else ""
    return (
        f"The promise: of all topics that `auto` gives, a share of {usual} is right, at the one-sided 95 % lower bound "
        "on articles drawn at random, out of fold; a topic whose record on all articles shows more than "
        f"{WORST:g} times the errors that this allows is held back, and none is given at a confidence under "
        f"{LEVELS[0]:.2f}."
        f"{alone}{kept(model.manifest['metrics'].get('auto'))}"
    )


def kept(record: dict[str, Any] | None) -> str:
    """Say how the promise was kept, from the manifest's `auto_record`; nothing where there is none."""
    if not record or not record["given"]:
        return ""
    weakest = f"; of {record['weakest']}, the weakest, {record['weakest_precision']:.2f}" if record["weakest"] else ""
    return (
        f" On {record['articles']:,} such articles {record['right']:,} of {record['given']:,} were right "
        f"({record['precision']:.3f}, lower bound {record['bound']:.3f}{weakest}), "
        f"which is {record['share']:.2f} of all topics that they have."
    )


def _dated(source: dict[str, Any]) -> str:
    return f", {source['date']}" if source.get("date") else ""


def _overall(title: str, row: dict[str, Any]) -> str:
    return (
        f"{title} ({row['articles']:,} articles): micro-F1 {_figure(row['micro_f1'])}, "
        f"macro-F1 {_figure(row['macro_f1'])}, most likely topic right {_figure(row['top1'])}, "
        f"`auto` precision {_figure(row['auto_precision'])} covering {_figure(row['auto_share'])} of the topics."
    )


def _table(model: TopicModel, topics: dict[str, Any]) -> str:
    commonest = sorted(model.taxonomy.ids, key=lambda topic: -topics[topic]["support"])
    shown = set(commonest[:MOST_LISTED])
    which = f"Of the {MOST_LISTED} topics that most articles have" if len(commonest) > MOST_LISTED else "Per topic"
    lines = [
        "| topic | F1 | precision | recall | articles | suggest from | auto from |",
        "|---|---|---|---|---|---|---|",
    ]
    for topic, calibration in zip(model.taxonomy.ids, model.calibrations, strict=True):
        row = topics[topic]
        if topic not in shown:
            continue
        lines.append(
            f"| {topic} | {_figure(row['f1'])} | {_figure(row['precision'])} | {_figure(row['recall'])} "
            f"| {row['support']:,} | {calibration.suggest:.2f} | {_figure(calibration.auto)} |"
        )
    return "\n".join([f"{which}, out of fold:", "", *lines])


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
