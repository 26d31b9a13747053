"""What a model is good for, in the words of the person who has to decide whether it goes live."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tagdesk.models.topic_model import TopicModel
from tagdesk.training.corpora.own_topics import ENOUGH

_NAMED = 5


def verdict(model: TopicModel) -> str:
    """Return two or three sentences: how many topics can be applied unseen, what share of all that is, what lacks.

    The figures are those of the manifest, measured on articles that the model has not learned from.
    """
    metrics: Mapping[str, Any] = model.manifest.get("metrics", {})
    calibrated = list(zip(model.taxonomy.topics, model.calibrations, strict=True))
    suggested = [topic for topic, calibration in calibrated if calibration.auto is None]
    sentences = [_applied(len(calibrated) - len(suggested), len(calibrated), metrics.get("out_of_fold", {}))]
    counts = _counts(model.manifest) if metrics else Counter[str]()
    few = [topic for topic in suggested if topic.id in counts and counts[topic.id] < ENOUGH]
    hard = [topic for topic in suggested if topic not in few]
    if few:
        lacking = sorted({_tens(ENOUGH - counts[topic.id]) for topic in few})
        groups = {more: [topic.name for topic in few if _tens(ENOUGH - counts[topic.id]) == more] for more in lacking}
        sentences += [
            f"{_listed(names)}: about {more} more articles{_each(names)} are needed." for more, names in groups.items()
        ]
    if hard:
        names = _listed([topic.name for topic in hard])
        sentences.append(f"{names}: enough articles, but too often wrong to be applied unseen.")
    return " ".join(sentences)


def _counts(manifest: Mapping[str, Any]) -> Counter[str]:
    """Return how many articles of the corpora have each topic, or at least of those that it is measured on."""
    counts = Counter[str]()
    for corpus in manifest.get("data", {}).get("corpora", ()):
        counts.update(corpus.get("source", {}).get("topics", {}))
    if not counts:
        counts.update({topic: row.get("support", 0) for topic, row in manifest["metrics"].get("topics", {}).items()})
    return counts


def _applied(auto: int, topics: int, figures: Mapping[str, Any]) -> str:
    if not auto:
        which = f"None of the {topics} topics can" if topics > 1 else "The topic cannot"
        return f"{which} be applied unseen yet: what the model gives is a suggestion for an editor."
    share = figures.get("auto_share")
    recall = f"; that gives {100 * share:.0f} % of all topics that the articles have" if share is not None else ""
    right = figures.get("auto_precision")
    precision = f", and {100 * right:.0f} % of those given are right" if recall and right is not None else ""
    which = f"{auto} of {topics} topics" if topics > 1 else "The topic"
    return f"{which} can be applied unseen{recall}{precision}."


def _each(names: list[str]) -> str:
    return " each" if len(names) > 1 else ""


def _tens(count: int) -> int:
    return -(-count // 10) * 10


def _listed(names: list[str]) -> str:
    more = [f"{len(names) - _NAMED:,} more"] if len(names) > _NAMED else []
    *first, last = [*names[:_NAMED], *more]
    return f"{', '.join(first)} and {last}" if first else last
