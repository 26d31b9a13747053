"""Train a model from end to end: read, decide, vectorize, fit, calibrate, measure, save."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import load_bundle
from models.taxonomy import Taxonomy
from models.topic_model import TopicModel
from training.calibrate import calibrate, fair_weight
from training.card import card
from training.config import Config
from training.corpus import file_sha256
from training.corrections import Corrections
from training.errors import TrainingError
from training.evaluate import Scores, score_articles, score_confidences
from training.fit import fit_topics, learnable
from training.labels import LABELS, YES
from training.learning_curve import LearningCurve, learning_curve
from training.measure import Examined, brier_score, expected_calibration_error
from training.prepare import prepare
from training.publish import publish
from training.reference import write_reference
from training.split import stratified_folds
from training.training_set import TrainingSet, read_training_set

log = logging.getLogger(__name__)

_CODE_FOLDERS = ("models", "training")


@dataclass(frozen=True, slots=True)
class Trained:
    """A new model, and what was found on the way.

    Attributes:
        bundle: the folder of its bundle.
        examined: the articles of the cross-validation, scored out of fold.
        held_out: the articles of the test.
        duplicates: groups of near duplicates among them.
        learning_curve: fits again, to see what more labels would bring.
    """

    bundle: Path
    examined: Examined
    held_out: Examined
    duplicates: tuple[tuple[int, ...], ...]
    learning_curve: Callable[[], LearningCurve]


def train(
    config: Config, taxonomy: Taxonomy, corpus_folder: Path, store: Path, corrections: Corrections | None = None
) -> Trained:
    """Train a model and save its bundle, with its reference set.

    Args:
        config: how it is made.
        taxonomy: the topics.
        corpus_folder: where the config's corpora lie.
        store: the folder of models.
        corrections: what editors decided; joins what the corpora say, and counts more.

    Raises:
        CorpusError, LabelMapError, TrainingError: what is wrong with the data or the config; nothing is written.
    """
    config.check_topics(taxonomy.ids)
    data = read_training_set(config, taxonomy, corpus_folder, corrections)
    learn = data.learn.tolist()
    decisions = data.decisions[learn]
    names = [data.ids[data.group[i]] for i in learn]
    fold = stratified_folds(names, decisions == YES, config.fit.folds, config.fit.seed)
    taxonomy, decisions, data = _leave_out_the_unlearnable(taxonomy, decisions, fold, config, data)

    ready = prepare(data, config.features, config.fit)
    weight = np.where(data.corrected[learn], config.fit.correction_weight, 1.0) if corrections else None
    fitted = fit_topics(ready.X, decisions, fold, config.fit, ready.hints, weight)
    fair = fair_weight(fitted.out_of_fold, data.fair[learn])
    model = TopicModel(
        name=config.name,
        version="draft",
        taxonomy=taxonomy,
        features=ready.vectorizer.features_,
        weights=fitted.weights,
        bias=fitted.bias,
        calibrations=calibrate(fitted.out_of_fold, decisions, fair, [config.promise(topic) for topic in taxonomy.ids]),
    )
    examined = Examined(
        ids=[data.ids[i] for i in learn],
        texts=[data.texts[i] for i in learn],
        decisions=decisions,
        scores=fitted.out_of_fold,
        confidences=model.confidences(fitted.out_of_fold),
        weight=fair,
    )
    manifest = {
        "language": config.language,
        "data": _data_json(config, data),
        "fit": {name: getattr(config.fit, name) for name in config.fit.__slots__},
        "precision_targets": dict(config.precision_targets),
        "metrics": _metrics(model, examined, data),
        "code": code_fingerprint(),
    }
    ngrams = ready.vectorizer.ngrams_
    bundle = publish(model, ngrams, manifest, lambda made: card(made, config, ngrams), store)
    curve = partial(learning_curve, ready.X, decisions, fold, config.fit, ready.hints, fitted.out_of_fold, fair)
    held_out = examine_held_out(model, data)
    may_anchor = np.flatnonzero(~data.corrected[learn]).tolist()  # no editor's article lies in a bundle
    ids, texts = [examined.ids[i] for i in may_anchor], [examined.texts[i] for i in may_anchor]
    write_reference(bundle, load_bundle(bundle), held_out, ids, texts)
    return Trained(bundle, examined, held_out, _duplicates(names), curve)


def _duplicates(names: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Return the places of articles whose groups have the same name, where those are several."""
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        groups.setdefault(name, []).append(place)
    return tuple(tuple(places) for places in groups.values() if len(places) > 1)


def _leave_out_the_unlearnable(
    taxonomy: Taxonomy,
    decisions: NDArray[np.int8],
    fold: NDArray[np.int64],
    config: Config,
    data: TrainingSet,
) -> tuple[Taxonomy, NDArray[np.int8], TrainingSet]:
    enough = learnable(decisions, fold, config.fit.folds)
    for topic in np.array(taxonomy.ids)[~enough]:
        log.warning("topic %s has too few articles to learn from: left out; label more of them", topic)
    if not enough.any():
        raise TrainingError("no topic has enough articles to learn from: label at least a few dozen each")
    kept = {topic for topic, has in zip(taxonomy.ids, enough, strict=True) if has}
    topics = tuple(
        topic if topic.parent in kept else replace(topic, parent=None, implies_parent=False)
        for topic in taxonomy.topics
        if topic.id in kept
    )
    columns = np.flatnonzero(enough)
    return (
        Taxonomy(taxonomy.name, topics),
        decisions[:, columns],
        replace(data, decisions=data.decisions[:, columns]),
    )


def _metrics(model: TopicModel, examined: Examined, data: TrainingSet) -> dict[str, Any]:
    """Measure out of fold (per topic: more articles) and on the held-out articles (over all: never seen)."""
    metrics = score_confidences(
        examined.decisions, examined.confidences, model.calibrations, topics=model.taxonomy.ids
    ).to_json()
    topics = metrics.pop("topics")
    sure = (examined.decisions, examined.confidences, examined.weight)
    fair = {"calibration_error": expected_calibration_error(*sure), "brier": brier_score(*sure)}
    return {
        "topics": topics,
        "out_of_fold": metrics | {name: round(value, 4) for name, value in fair.items()},
        "held_out": held_out_scores(model, data).to_json(),
    }


def examine_held_out(model: TopicModel, data: TrainingSet) -> Examined:
    """Score the articles that were kept out of a model's training, to be looked at in a report."""
    test = np.flatnonzero(data.test)
    texts = [data.texts[i] for i in test]
    scores, confidences = model.scores(texts)
    weight = fair_weight(scores, data.fair[test])
    return Examined([data.ids[i] for i in test], texts, data.decisions[test], scores, confidences, weight, "held out")


def held_out_scores(model: TopicModel, data: TrainingSet) -> Scores:
    """Score a model on the articles that were kept out of its training."""
    ids = model.taxonomy.ids
    test = np.flatnonzero(data.test)
    wanted = [[ids[i] for i in np.flatnonzero(row > 0)] for row in data.decisions[test]]
    left_open = [[ids[i] for i in np.flatnonzero(row == 0)] for row in data.decisions[test]]
    tagged = list(model.tag_many(data.articles[i] for i in test))
    return score_articles(tagged, wanted, left_open, topics=ids)


def _data_json(config: Config, data: TrainingSet) -> dict[str, Any]:
    return {
        "corpora": [
            {
                "name": corpus.name,
                "sha256": corpus.sha256,
                "articles": len(corpus.articles),
                "never_train": corpus.left_out,
                "source": dict(corpus.source),
            }
            for corpus in data.corpora
        ],
        "hand_labels": {name: file_sha256(LABELS / name) for name in config.hand_labels},
        "articles": len(data.ids),
        "by_hand": int(data.by_hand.sum()),
        "corrected": int(data.corrected.sum()),
        "held_out": int(data.test.sum()),
        "test_from": data.test_from,
        "licences": list(config.licences),
    }


def code_fingerprint() -> str:
    """Return SHA-256 of the code and the settings that make and read a model."""
    digest = hashlib.sha256()
    root = Path(__file__).parent.parent
    for folder in _CODE_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".py", ".toml"}:
                digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
