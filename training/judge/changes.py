"""What a candidate changes against the served model, as `changes.json` in its bundle and in the report.

The service serves the file, and the desk shows it. It names articles, their titles and editors: it is not shipped, and
`tagdesk forget` takes out of it what was erased from the ledger.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.bundle import MANIFEST
from tagdesk.models.files import write_file
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.corpora.labels import OPEN, YES
from tagdesk.training.errors import TrainingError
from tagdesk.training.judge.confidences import Flags
from tagdesk.training.judge.editors import Standing
from tagdesk.training.judge.measure import in_bands
from tagdesk.training.judge.pairs import Pairs
from tagdesk.training.learn.corrections import Corrections
from tagdesk.training.learn.evidence import article_keys

CHANGES = "changes.json"

STRONGEST = 10
WORDS = 8
LEAST_MOVED = 0.01
"""A change of a word's weight that is smaller is not reported."""

_Json = dict[str, Any]


def changes(
    served: TopicModel,
    candidate: TopicModel,
    pairs: Pairs,
    ngrams: tuple[Sequence[str], Sequence[str]],
    corrections: Corrections,
    standings: Sequence[Standing] = (),
) -> _Json:
    """Return what a candidate changes, JSON values; `gate` is null until the gate is asked.

    Args:
        served: the model that is served.
        candidate: the model that may replace it.
        pairs: articles with the confidences of both, as if unseen.
        ngrams: those of the served model and of the candidate, in row order.
        corrections: what editors decided, by the served model's topics.
        standings: how each editor's corrections compare with the rest.
    """
    source = "corrected articles" if pairs.editor.any() else "articles of the test"
    shown = pairs.rows(pairs.editor) if pairs.editor.any() else pairs
    before, after = (
        in_bands(confidences, [model.calibrations[model.taxonomy.column(topic)] for topic in pairs.topics])[0]
        for model, confidences in ((served, shown.served), (candidate, shown.candidate))
    )
    return {
        "candidate": candidate.ref,
        "served": served.ref,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": source,
        "articles": len(shown),
        "topics": [
            {"topic": topic, "gained": int((after & ~before)[:, i].sum()), "lost": int((before & ~after)[:, i].sum())}
            for i, topic in enumerate(pairs.topics)
        ],
        "strongest": _strongest(shown, corrections, before, after),
        "words": _words(served, candidate, pairs.topics, ngrams),
        "editors": _editors(shown, corrections, before, after),
        "contradicted": [standing.to_json() for standing in standings],
        "overruled": [
            {"editor": editor or None, "by": by or None, "articles": articles}
            for (editor, by), articles in sorted(corrections.overruled.items(), key=lambda item: -item[1])
        ],
        "gate": None,
    }


def write_changes(bundle: Path, content: Mapping[str, Any]) -> Path:
    """Write a bundle's `changes.json`, completely or not at all, and return the file.

    Raises:
        TrainingError: it cannot be written.
    """
    if not (bundle / MANIFEST).exists():
        raise TrainingError(f"no bundle at {bundle}")
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return write_file(bundle / CHANGES, f"{text}\n".encode("utf-8", "replace"), TrainingError)


def read_changes(bundle: Path) -> _Json | None:
    """Return the content of a bundle's `changes.json`, or None where it has none.

    Raises:
        TrainingError: it cannot be read.
    """
    path = bundle / CHANGES
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"cannot read {path}: {error}; remove it") from error
    if not isinstance(content, dict):
        raise TrainingError(f"cannot read {path}: it is not a JSON object; remove it")
    return content


def _strongest(pairs: Pairs, corrections: Corrections, before: Flags, after: Flags) -> list[_Json]:
    """Return the corrected articles that gain or lose a topic, those whose confidence changes most first.

    Args:
        pairs: the articles.
        corrections: what editors decided.
        before: the topics that the served model predicts, bool, shape (articles, topics).
        after: those that the candidate predicts.
    """
    place = {key: row for row, key in enumerate(article_keys(corrections.ids).tolist())}
    change = np.where(before == after, 0.0, np.abs(pairs.candidate - pairs.served))
    topics, most = change.argmax(axis=1), change.max(axis=1, initial=0.0)
    strongest = []
    for row in np.argsort(-most, kind="stable")[:STRONGEST].tolist():
        correction, topic = place.get(int(pairs.keys[row])), int(topics[row])
        if most[row] > 0 and correction is not None:
            strongest.append(
                {
                    "id": corrections.ids[correction],
                    "title": corrections.articles[correction].title or None,
                    "topic": pairs.topics[topic],
                    "change": "gained" if after[row, topic] else "lost",
                    "served": round(float(pairs.served[row, topic]), 4),
                    "candidate": round(float(pairs.candidate[row, topic]), 4),
                }
            )
    return strongest


def _words(
    served: TopicModel, candidate: TopicModel, topics: Sequence[str], ngrams: tuple[Sequence[str], Sequence[str]]
) -> list[_Json]:
    """Return, for each topic, the n-grams whose weight rises most and falls most."""
    names = list(dict.fromkeys([*ngrams[0], *ngrams[1]]))
    weights = [
        _weights_by_name(model, topics, own, names) for model, own in ((served, ngrams[0]), (candidate, ngrams[1]))
    ]
    moved = []
    for topic, before, after in zip(topics, *weights, strict=True):
        change = after - before
        rows = np.flatnonzero(np.abs(change) >= LEAST_MOVED)
        order = rows[np.argsort(-change[rows], kind="stable")]
        up, down = (
            [
                {"ngram": names[row], "served": round(float(before[row]), 3), "candidate": round(float(after[row]), 3)}
                for row in strongest[:WORDS].tolist()
                if (change[row] > 0) == rises
            ]
            for strongest, rises in ((order, True), (order[::-1], False))
        )
        if up or down:
            moved.append({"topic": topic, "up": up, "down": down})
    return moved


def _weights_by_name(
    model: TopicModel, topics: Sequence[str], ngrams: Sequence[str], names: Sequence[str]
) -> Iterator[NDArray[np.float32]]:
    """Yield a model's weights of each of these topics, shape (names,); 0 for names that are none of its n-grams."""
    place = {name: row for row, name in enumerate(names)}
    rows = np.array([place[ngram] for ngram in ngrams])
    for topic in topics:
        by_name = np.zeros(len(names), np.float32)
        by_name[rows] = model.weights[:, model.taxonomy.column(topic)]
        yield by_name


def _editors(pairs: Pairs, corrections: Corrections, before: Flags, after: Flags) -> list[_Json]:
    """Return, for each editor and topic, how many articles were corrected, and of these how many each model has wrong.

    Both models are asked as if they had not learned from the article. It is corrected in a topic that the editor took
    away or added; where that was not sent, in one about which the served model disagrees. The editor who removed most
    errors comes first.

    Args:
        pairs: the articles.
        corrections: what editors decided.
        before: the topics that the served model predicts, bool, shape (articles, topics).
        after: those that the candidate predicts.
    """
    place = {key: row for row, key in enumerate(pairs.keys.tolist())}
    keys = article_keys(corrections.ids).tolist()
    compared = [row for row, key in enumerate(keys) if key in place]
    if not compared:
        return []
    rows = [place[keys[row]] for row in compared]
    columns = [corrections.topics.index(topic) for topic in pairs.topics]
    decided, right = pairs.decisions[rows] != OPEN, pairs.decisions[rows] == YES
    wrong_before, wrong_after = ((predicted[rows] != right) & decided for predicted in (before, after))
    changed, has_changes = corrections.changed[np.ix_(compared, columns)], corrections.has_changes[compared]
    corrected = np.where(has_changes[:, None], changed, wrong_before) & decided
    editors = [corrections.editors[row] for row in compared]
    figures = []
    for editor in dict.fromkeys(editors):
        own = np.array([name == editor for name in editors])[:, None] & corrected
        counts = [flags.sum(axis=0).tolist() for flags in (own, own & wrong_before, own & wrong_after)]
        figures += [
            {
                "editor": editor or None,
                "topic": topic,
                "corrections": corrected_articles,
                "errors_before": errors_before,
                "errors_after": errors_after,
            }
            for topic, corrected_articles, errors_before, errors_after in zip(pairs.topics, *counts, strict=True)
            if corrected_articles
        ]
    return sorted(figures, key=lambda row: (row["errors_after"] - row["errors_before"], -row["corrections"]))
