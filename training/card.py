"""The model card: what a model is for, what it learned from, how good it is, and what not to use it for."""

from collections.abc import Sequence
from typing import Any

from models.topic_model import TopicModel
from training.config import Config

WEAK_F1 = 0.65

_NOT_FOR = """\
- **Decisions about people.** It tells what a text is about, not whether it is true, fair or legal.
- **Other languages or other kinds of text.** It learned from news in one language; chat, e-mail and law are not news.
- **Filtering or blocking.** A missing topic is no proof that an article is not about it.
- **Fine distinctions.** It knows {topics} topics and nothing finer.
"""


def card(model: TopicModel, config: Config, ngrams: Sequence[str]) -> str:
    """Write the card of a model, Markdown."""
    manifest = model.manifest
    metrics, data = manifest["metrics"], manifest["data"]
    weak = [topic for topic, row in metrics["topics"].items() if row["f1"] < WEAK_F1]
    no_auto = [one.id for one, cal in zip(model.taxonomy.topics, model.calibrations, strict=True) if cal.auto is None]
    parts = [
        f"# {model.ref}",
        f"A linear topic model over {len(ngrams):,} word n-grams (TF-IDF), {len(model.taxonomy)} topics, "
        f"language `{config.language}`, trained {manifest['trained']}.",
        "## What it learned from",
        _data(data),
        "\n".join(f"- {line}" for line in data["licences"]),
        config.labellers,
        "## How good it is",
        _overall("Out of fold", metrics["out_of_fold"]),
        _overall("Held out, never seen in training", metrics["held_out"]),
        "The cut-offs were chosen on the out-of-fold scores, so the out-of-fold figures flatter a little.",
        f"Weighted back to a fair sample, the confidences are off by {metrics['out_of_fold']['calibration_error']:.3f} "
        f"on average (expected calibration error), the Brier score is {metrics['out_of_fold']['brier']:.3f}.",
        _table(model, metrics["topics"]),
        f"Weak topics (F1 under {WEAK_F1}): {', '.join(weak) or 'none'}.",
        _promises(config, model.taxonomy.ids),
        f"Without an `auto` band (the precision cannot be promised): {', '.join(no_auto) or 'none'}.",
        "## Not for",
        _NOT_FOR.format(topics=len(model.taxonomy)).rstrip(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _data(data: dict[str, Any]) -> str:
    sources = "; ".join(
        f"{one['name']} ({one['articles']:,} articles{_dated(one['source'])})" for one in data["corpora"]
    )
    return (
        f"{data['articles']:,} articles, {data['by_hand']:,} of them with every topic decided, "
        f"{data['held_out']:,} kept out of training for the test{_newest(data)}. Sources: {sources}."
    )


def _newest(data: dict[str, Any]) -> str:
    return f", the newest, as is all from {data['test_from']} on" if data.get("test_from") else ""


def _promises(config: Config, topics: Sequence[str]) -> str:
    """Say what `auto` promises, of topics with a target of their own one by one."""
    own = [f"{config.promise(topic)} for {topic}" for topic in topics if topic in config.precision_targets]
    most = f"a precision of {config.fit.precision_target}{', but ' if own else ''}{', '.join(own)}"
    return f"The `auto` band promises {most}: its one-sided 95 % lower bound, out of fold, is no less."


def _dated(source: dict[str, Any]) -> str:
    return f", {source['date']}" if source.get("date") else ""


def _overall(title: str, row: dict[str, Any]) -> str:
    return (
        f"{title} ({row['articles']:,} articles): micro-F1 {_figure(row['micro_f1'])}, "
        f"macro-F1 {_figure(row['macro_f1'])}, most likely topic right {_figure(row['top1'])}, "
        f"`auto` precision {_figure(row['auto_precision'])} covering {_figure(row['auto_share'])} of the topics."
    )


def _table(model: TopicModel, topics: dict[str, Any]) -> str:
    lines = [
        "| topic | F1 | precision | recall | articles | suggest from | auto from |",
        "|---|---|---|---|---|---|---|",
    ]
    for topic, calibration in zip(model.taxonomy.ids, model.calibrations, strict=True):
        row = topics[topic]
        lines.append(
            f"| {topic} | {_figure(row['f1'])} | {_figure(row['precision'])} | {_figure(row['recall'])} "
            f"| {row['support']:,} | {calibration.suggest:.2f} | {_figure(calibration.auto)} |"
        )
    return "\n".join(["Per topic, out of fold:", "", *lines])


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
