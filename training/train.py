"""Train a model from end to end: read, decide, vectorize, fit, calibrate, measure, save."""

import hashlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.taxonomy import Taxonomy
from models.topic_model import TopicModel
from training.calibrate import calibrate
from training.card import card
from training.config import Config
from training.corpus import file_sha256
from training.errors import TrainingError
from training.evaluate import Counts, Scores, score_articles
from training.fit import Fitted, fit_topics, learnable
from training.labels import LABELS
from training.publish import publish
from training.split import folds
from training.training_set import TrainingSet, read_training_set
from training.vectorize import NgramVectorizer

log = logging.getLogger(__name__)

_CODE_FOLDERS = ("models", "training")


def train(config: Config, taxonomy: Taxonomy, corpus_folder: Path, store: Path) -> Path:
    """Train a model and save its bundle.

    Returns:
        The bundle's folder.

    Raises:
        CorpusError, LabelMapError, TrainingError: what is wrong with the data or the config; nothing is written.
    """
    data = read_training_set(config, taxonomy, corpus_folder)
    learn = np.flatnonzero(~data.test)
    decisions = data.decisions[learn]
    calibration = data.by_hand[learn] if data.by_hand.any() else np.ones(len(learn), np.bool_)
    fold = folds([data.ids[i] for i in learn], config.fit.folds, config.fit.seed)
    fold[~calibration] = -1
    taxonomy, decisions, data = _leave_out_the_unlearnable(taxonomy, decisions, fold, config, data)

    log.info("vectorizing %s articles", f"{len(learn):,}")
    vectorizer = NgramVectorizer(
        shortest=config.features.shortest,
        longest=config.features.longest,
        title_weight=config.features.title_weight,
        sublinear_tf=config.features.sublinear_tf,
        min_df=config.fit.min_df,
        max_features=config.fit.max_features,
    )
    X = vectorizer.fit_transform([data.texts[i] for i in learn])
    weight = np.where(data.by_hand[learn], config.fit.hand_weight, 1.0)
    fitted = fit_topics(X, decisions, weight, fold, config.fit)

    decided = decisions[fold >= 0]
    calibrations = tuple(
        calibrate(fitted.out_of_fold[:, column], decided[:, column], config.fit.precision_target)
        for column in range(len(taxonomy))
    )
    model = TopicModel(
        name=config.name,
        version="draft",
        taxonomy=taxonomy,
        features=vectorizer.features_,
        weights=fitted.weights,
        bias=fitted.bias,
        calibrations=calibrations,
    )
    manifest = {
        "language": config.language,
        "data": _data_json(config, data),
        "fit": {name: getattr(config.fit, name) for name in config.fit.__slots__},
        "metrics": _metrics(model, fitted, decided, data),
        "code": _code_fingerprint(),
    }
    return publish(model, vectorizer.ngrams_, manifest, lambda made: card(made, config, vectorizer.ngrams_), store)


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


def _metrics(model: TopicModel, fitted: Fitted, decided: NDArray[np.int8], data: TrainingSet) -> dict[str, Any]:
    """Measure out of fold (per topic: more articles) and on the held-out articles (over all: never seen)."""
    ids = model.taxonomy.ids
    out_of_fold = Scores({topic: Counts() for topic in ids})
    for scores, row in zip(fitted.out_of_fold.tolist(), decided, strict=True):
        confidences = [one.confidence(score) for one, score in zip(model.calibrations, scores, strict=True)]
        order = sorted(range(len(ids)), key=lambda column: -confidences[column])
        bands = ((ids[i], model.calibrations[i].band(confidences[i])) for i in order)
        given = [(topic, band) for topic, band in bands if band]
        wanted = {ids[i] for i in np.flatnonzero(row > 0)}
        out_of_fold.add(given, wanted, {ids[i] for i in np.flatnonzero(row == 0)})
    metrics = out_of_fold.to_json()
    return {
        "topics": metrics.pop("topics"),
        "out_of_fold": metrics,
        "held_out": held_out_scores(model, data).to_json(),
    }


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
        "held_out": int(data.test.sum()),
        "licences": list(config.licences),
    }


def _code_fingerprint() -> str:
    """Return SHA-256 of the code and the settings that make and read a model."""
    digest = hashlib.sha256()
    root = Path(__file__).parent.parent
    for folder in _CODE_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".py", ".toml"}:
                digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
