"""Train a model from start to finish: read, decide, fit and calibrate, measure, save."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tagdesk.models.bundle import load_bundle
from tagdesk.models.taxonomy import Taxonomy
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.classifier import TopicClassifier
from tagdesk.training.config import Config, FitSettings
from tagdesk.training.corpora.corpus import file_sha256
from tagdesk.training.corpora.labels import LABELS
from tagdesk.training.fits.fits import FOLDER, Fits
from tagdesk.training.judge.evaluate import Scores, confidences_of, score_decided
from tagdesk.training.judge.learning_curve import LearningCurve, learning_curve
from tagdesk.training.judge.measure import MOST_PAIRS, Examined
from tagdesk.training.learn.calibrate import fair_weight
from tagdesk.training.learn.corrections import Corrections
from tagdesk.training.learn.evidence import article_keys, evidence_of, is_sample, sampled_places, write_evidence
from tagdesk.training.learn.own_texts import languages
from tagdesk.training.learn.targets import targets_of
from tagdesk.training.learn.training_set import TrainingSet, read_training_set
from tagdesk.training.publish import publish
from tagdesk.training.report.card import card

_CODE_FOLDERS = ("models", "training")


@dataclass(frozen=True, slots=True)
class Trained:
    """A new model, and the material for its report.

    Attributes:
        bundle: the folder of its bundle.
        examined: the articles of the cross-validation, scored out of fold.
        held_out: the articles of the test.
        duplicates: groups of near duplicates in `examined`, by row.
        learning_curve: fits again on fewer labels, to see what more of them would gain.
    """

    bundle: Path
    examined: Examined
    held_out: Examined
    duplicates: tuple[tuple[int, ...], ...]
    learning_curve: Callable[[], LearningCurve]


def train(
    config: Config,
    taxonomy: Taxonomy,
    corpus_folder: Path,
    store: Path,
    corrections: Corrections | None = None,
    cluster: str = "",
) -> Trained:
    """Train a model and save its bundle, with its evidence.

    Its fits are kept in the store until then: a training that was interrupted does the rest when it is run again.

    Args:
        config: the settings.
        taxonomy: the topics.
        corpus_folder: the folder of the config's corpora.
        store: the folder of models.
        corrections: the decisions of editors; they are added to the corpora, and weigh more.
        cluster: the address of a Dask scheduler whose workers do the fits, and see the store; empty for this machine.

    Raises:
        CorpusError, LabelMapError: something is wrong with the data; nothing is written.
        TrainingError: or with the config; or the fits cannot be done.
        EngineError: the cluster cannot be used.
    """
    config.check_topics(taxonomy.ids)
    with Fits(store / FOLDER, cluster) as fits:
        return _train(config, taxonomy, corpus_folder, store, corrections, fits)


def _train(
    config: Config,
    taxonomy: Taxonomy,
    corpus_folder: Path,
    store: Path,
    corrections: Corrections | None,
    fits: Fits,
) -> Trained:
    data = read_training_set(config, taxonomy, corpus_folder, corrections)
    learn, others = data.learn.tolist(), data.others.tolist()
    texts, names = [data.texts[i] for i in learn], [data.ids[data.group[i]] for i in learn]
    classifier = _classifier(config, taxonomy).fit(
        texts,
        targets_of(data.decisions[learn]),
        groups=names,
        sample_weight=np.where(data.corrected[learn], config.fit.correction_weight, 1.0) if corrections else None,
        fair=data.fair[learn],
        sample=is_sample(data.corrected[learn], data.decisions[learn]),
        label_X=[data.texts[i] for i in others],
        label_y=targets_of(data.labels(data.others)) if others else None,
        fits=fits,
    )
    decisions = data.decisions[:, classifier.learned_]
    if isinstance(classifier.out_of_fold_scores_, np.ndarray):
        decisions = np.asarray(decisions)  # of many topics most had too few articles
    data = replace(data, decisions=decisions)
    about = {"language": config.language, "doubts": classifier.doubts_ | {"languages": languages(texts)}}
    model = replace(classifier.model_, name=config.name, manifest=about)
    examined = Examined(
        ids=[data.ids[i] for i in learn],
        texts=texts,
        decisions=data.decisions[learn],
        scores=classifier.out_of_fold_scores_,
        confidences=confidences_of(model, classifier.out_of_fold_scores_),
        weight=classifier.weight_,
    )
    manifest = {
        **about,
        "data": _data_json(config, data) | {"left_out": [*config.left_out, *classifier.left_out_]},
        "fit": {name: getattr(config.fit, name) for name in config.fit.__slots__},
        "precision_targets": dict(config.precision_targets),
        "metrics": classifier.metrics_ | {"held_out": held_out_scores(model, data).to_json()},
        "code": code_fingerprint(),
    }
    ngrams = classifier.vectorizer_.ngrams_
    bundle = publish(model, ngrams, manifest, lambda made: card(made, ngrams, config.labellers, config.earlier), store)
    held_out = examine_held_out(model, data)
    _write_evidence(bundle, data, examined)
    curve = partial(_learning_curve, classifier, examined, config.fit)
    return Trained(bundle, examined, held_out, _duplicates(names), curve)


def _classifier(config: Config, taxonomy: Taxonomy) -> TopicClassifier:
    features, fit = config.features, config.fit
    return TopicClassifier(
        taxonomy,
        **{name: getattr(features, name) for name in features.__slots__},
        max_features=fit.max_features,
        min_df=fit.min_df,
        C=fit.C,
        count_ratio=fit.count_ratio,
        label_scale=fit.label_scale,
        choose_parts=fit.choose_parts,
        most_weights=fit.most_weights,
        most_negatives=fit.most_negatives,
        folds=fit.folds,
        precision_target=fit.precision_target,
        precision_targets=config.precision_targets,
        random_state=fit.seed,
    )


def _learning_curve(classifier: TopicClassifier, examined: Examined, settings: FitSettings) -> LearningCurve:
    X = classifier.vectorizer_.transform(examined.texts)
    decisions, scores, weight = examined.decisions, examined.scores, examined.weight
    return learning_curve(X, decisions, classifier.fold_, settings, classifier.hints_, scores, weight)


def _write_evidence(bundle: Path, data: TrainingSet, examined: Examined) -> None:
    model, places = load_bundle(bundle), np.append(data.learn, np.flatnonzero(data.test))
    keys = article_keys(data.ids[i] for i in places.tolist())
    sampled = sampled_places(keys, data.corrected[places], data.test[places], len(model.taxonomy))
    learned = sampled[: len(data.learn)]
    texts = [data.texts[i] for i in places[sampled].tolist()]
    evidence = evidence_of(
        model,
        [data.ids[i] for i in places[sampled].tolist()],
        texts,
        np.asarray(data.decisions[places[sampled]]),
        np.concatenate((np.asarray(examined.scores[learned]), model.scores(texts[int(learned.sum()) :])[0])),
        fair=data.fair[places[sampled]],
        editor=data.corrected[places[sampled]],
        test=data.test[places[sampled]],
    )
    write_evidence(bundle, model, evidence)


def _duplicates(names: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Return the rows of every group with several articles, by the name of each article's group."""
    groups: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        groups.setdefault(name, []).append(row)
    return tuple(tuple(rows) for rows in groups.values() if len(rows) > 1)


def examine_held_out(model: TopicModel, data: TrainingSet) -> Examined:
    """Score the articles that were held out of a model's training, for its report; with many topics a share of them."""
    test = np.flatnonzero(data.test)
    test = test[:: -(-len(test) * len(model.taxonomy) // MOST_PAIRS) or 1]
    texts = [data.texts[i] for i in test]
    scores, confidences = model.scores(texts)
    weight, decisions = fair_weight(scores, data.fair[test]), np.asarray(data.decisions[test])
    return Examined([data.ids[i] for i in test], texts, decisions, scores, confidences, weight, "held out")


def held_out_scores(model: TopicModel, data: TrainingSet) -> Scores:
    """Measure a model on the articles that were held out of its training."""
    test = np.flatnonzero(data.test)
    return score_decided(model, [data.articles[i] for i in test], data.decisions[test])


def _data_json(config: Config, data: TrainingSet) -> dict[str, Any]:
    return {
        "corpora": [
            {
                "name": corpus.name,
                "sha256": corpus.sha256,
                "articles": len(corpus.articles),
                "never_train": corpus.account.never_train,
                "source": dict(corpus.source),
            }
            for corpus in data.corpora
        ],
        "full_labels": {name: file_sha256(LABELS / name) for name in config.full_labels},
        "articles": len(data.ids),
        "fully_labelled": int(data.fully_labelled.sum()),
        "corrected": int(data.corrected.sum()),
        "held_out": int(data.test.sum()),
        "test_from": data.test_from,
        "licences": list(config.licences),
    }


def code_fingerprint() -> str:
    """Return the SHA-256 of the code and the settings that make and read a model."""
    digest = hashlib.sha256()
    root = Path(__file__).parent.parent
    for folder in _CODE_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".py", ".toml"}:
                digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
