"""What a candidate changes against the served model, as `changes.json` beside its bundle and in the report.

The service hands the file out, the desk shows it. It names articles, their titles and editors: it is no part of what is
shipped, and whoever erases an article or an editor deletes it, too.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import MANIFEST
from models.topic_model import TopicModel
from training.corrections import Corrections
from training.errors import TrainingError
from training.frozen_test import common_columns, common_topics
from training.gate import Moved, Verdict
from training.labels import YES
from training.reference import Reference
from training.written import write_whole

CHANGES = "changes.json"

STRONGEST = 10
WORDS = 8
LEAST_MOVED = 0.01
"""Of a word's weight; less is no news."""

Decision = str
"""`promoted`, `refused` or `forced`."""

_Bools = NDArray[np.bool_]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Diff:
    """Two models' confidences of the same articles, of the topics that both have; shape (articles, topics).

    Attributes:
        source: `recent traffic` or `reference set`.
        ids: the articles' ids; none where they are not known.
        titles: their titles.
        served, candidate: confidences.
    """

    source: str
    ids: Sequence[str]
    titles: Sequence[str]
    served: _Floats
    candidate: _Floats


def on_traffic(served: TopicModel, candidate: TopicModel, corrections: Corrections) -> Diff:
    """Return what both models are confident of in the corrected articles."""
    before, after = common_columns(served, candidate)
    return Diff(
        "recent traffic",
        corrections.ids,
        [article.title for article in corrections.articles],
        served.scores(corrections.texts)[1][:, before],
        candidate.scores(corrections.texts)[1][:, after],
    )


def on_reference(served: TopicModel, candidate: TopicModel, reference: Reference) -> Diff:
    """Return what both models, of the same n-grams, are confident of in a reference set, whose ids are not known."""
    before, after = common_columns(served, candidate)
    found = [reference.confidences(model) for model in (served, candidate)]
    return Diff("reference set", (), (), found[0][:, before], found[1][:, after])


def changes(
    served: TopicModel,
    candidate: TopicModel,
    diff: Diff,
    ngrams: tuple[Sequence[str], Sequence[str]],
    corrections: Corrections | None = None,
    unseen: _Floats | None = None,
) -> dict[str, Any]:
    """Return what a candidate changes, JSON values; `gate` is null until it is asked.

    Args:
        served: the model that is served.
        candidate: the one that may take its place.
        diff: what both say of the same articles.
        ngrams: of the served model and of the candidate, in row order.
        corrections: what editors decided, by the served model's topics.
        unseen: what the candidate would be confident of in each corrected article had it not learned from it, float64,
            shape (articles, the candidate's topics).
    """
    topics = common_topics(served, candidate)
    before, after = (_given(model, confident, topics) for model, confident in _sides(served, candidate, diff))
    editors = []
    if corrections is not None and unseen is not None:
        editors = _editors(served, candidate, topics, corrections, unseen)
    return {
        "candidate": candidate.ref,
        "served": served.ref,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": diff.source,
        "articles": len(diff.served),
        "topics": [
            {"topic": topic, "gained": int((after & ~before)[:, i].sum()), "lost": int((before & ~after)[:, i].sum())}
            for i, topic in enumerate(topics)
        ],
        "strongest": _strongest(diff, topics, before, after),
        "words": _words(served, candidate, topics, ngrams),
        "editors": editors,
        "gate": None,
    }


def gate_json(decision: Decision, verdict: Verdict) -> dict[str, Any]:
    """Return what the gate said and what became of it, JSON values."""
    return {
        "decision": decision,
        "reasons": list(verdict.reasons),
        "articles": verdict.articles,
        "micro_f1": {**_moved(verdict.micro_f1), "difference": round(verdict.micro_f1.change, 4)},
        "topics": [{"topic": topic, **_moved(moved)} for topic, moved in verdict.topics.items()],
        "sets": dict(verdict.figures),
    }


def write_changes(bundle: Path, found: Mapping[str, Any]) -> Path:
    """Write a bundle's changes, whole or not at all, and return the file.

    Raises:
        TrainingError: it cannot be written.
    """
    if not (bundle / MANIFEST).exists():
        raise TrainingError(f"no bundle at {bundle}")
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    return write_whole(bundle / CHANGES, f"{text}\n".encode("utf-8", "replace"))


def read_changes(bundle: Path) -> dict[str, Any] | None:
    """Return a bundle's changes, or None where it has none.

    Raises:
        TrainingError: they cannot be read.
    """
    path = bundle / CHANGES
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"cannot read {path}: {error}; remove it") from error
    if not isinstance(found, dict):
        raise TrainingError(f"cannot read {path}: it holds no object; remove it")
    return found


def _moved(moved: Moved) -> dict[str, float]:
    return {name: round(getattr(moved, name), 4) for name in ("served", "candidate", "low", "high")}


def _sides(served: TopicModel, candidate: TopicModel, diff: Diff) -> tuple[tuple[TopicModel, _Floats], ...]:
    return (served, diff.served), (candidate, diff.candidate)


def _given(model: TopicModel, confident: _Floats, topics: Sequence[str]) -> _Bools:
    """Return which topics reach a band, bool; the columns of `confident` are those of `topics`."""
    found: _Bools = confident >= [model.calibrations[model.taxonomy.column(topic)].suggest for topic in topics]
    return found


def _strongest(diff: Diff, topics: Sequence[str], before: _Bools, after: _Bools) -> list[dict[str, Any]]:
    """Return the articles whose confidence moved most in a topic that they gained or lost, each once."""
    if not diff.ids:
        return []
    moved = np.abs(diff.candidate - diff.served) * (before != after)
    most = moved.argmax(axis=1)
    far = moved.max(axis=1)
    order = np.argsort(-far, kind="stable")[:STRONGEST]
    return [
        {
            "id": diff.ids[row],
            "title": diff.titles[row] or None,
            "topic": topics[most[row]],
            "change": "gained" if after[row, most[row]] else "lost",
            "served": round(float(diff.served[row, most[row]]), 4),
            "candidate": round(float(diff.candidate[row, most[row]]), 4),
        }
        for row in order.tolist()
        if far[row] > 0
    ]


def _words(
    served: TopicModel, candidate: TopicModel, topics: Sequence[str], ngrams: tuple[Sequence[str], Sequence[str]]
) -> list[dict[str, Any]]:
    """Return, of each topic, the n-grams whose weight moved most, up and down; one that a model has not weighs 0."""
    theirs, ours = ngrams
    names = list(dict.fromkeys([*theirs, *ours]))
    place = {name: row for row, name in enumerate(names)}
    before, after = common_columns(served, candidate)
    weights = []
    for model, listed, columns in ((served, theirs, before), (candidate, ours, after)):
        one = np.zeros((len(names), len(topics)), np.float32)
        one[[place[name] for name in listed]] = model.weights[:, columns]
        weights.append(one)
    then, now = weights
    found = []
    for column, topic in enumerate(topics):
        change = now[:, column] - then[:, column]
        order = np.argsort(-change, kind="stable")
        up = [row for row in order[:WORDS].tolist() if change[row] >= LEAST_MOVED]
        down = [row for row in order[::-1][:WORDS].tolist() if change[row] <= -LEAST_MOVED]
        sides = {
            name: [
                {
                    "ngram": names[row],
                    "served": round(float(then[row, column]), 3),
                    "candidate": round(float(now[row, column]), 3),
                }
                for row in rows
            ]
            for name, rows in (("up", up), ("down", down))
        }
        found.append({"topic": topic, **sides})
    return [one for one in found if one["up"] or one["down"]]


def _editors(
    served: TopicModel, candidate: TopicModel, topics: Sequence[str], corrections: Corrections, unseen: _Floats
) -> list[dict[str, Any]]:
    """Return, of each editor and topic, how many articles were corrected and how many of them each model has wrong.

    An article is corrected in a topic where the editor took it away or added it; where that was not sent, where it is
    not what the served model says. Most errors removed first.
    """
    before, after = common_columns(served, candidate)
    right = corrections.decisions[:, before] == YES
    wrong = _given(served, served.scores(corrections.texts)[1][:, before], topics) != right
    still = _given(candidate, unseen[:, after], topics) != right
    corrected = np.where(corrections.told[:, None], corrections.touched[:, before], wrong)
    rows = []
    for editor in dict.fromkeys(corrections.editors):
        own = np.array([one == editor for one in corrections.editors])[:, None] & corrected
        rows += [
            {
                "editor": editor or None,
                "topic": topic,
                "corrections": int(own[:, i].sum()),
                "errors_before": int((own & wrong)[:, i].sum()),
                "errors_after": int((own & still)[:, i].sum()),
            }
            for i, topic in enumerate(topics)
            if own[:, i].any()
        ]
    return sorted(rows, key=lambda row: (row["errors_after"] - row["errors_before"], -row["corrections"]))
