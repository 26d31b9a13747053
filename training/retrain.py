"""Make a candidate from what editors decided: adapt the served model, or train a new one on the corpora at hand."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tagdesk.models.bundle import CARD, content_hash, load_bundle, read_ngrams
from tagdesk.models.calibration import Calibration
from tagdesk.models.errors import BundleNotFound
from tagdesk.models.storage import locate
from tagdesk.models.taxonomy import Taxonomy
from tagdesk.models.topic_model import TopicModel
from tagdesk.models.weights import SparseWeights
from tagdesk.training.config import Config, FitSettings
from tagdesk.training.corpora.labels import NO, YES, judged_over
from tagdesk.training.errors import TrainingError
from tagdesk.training.judge.changes import changes, write_changes
from tagdesk.training.judge.editors import Standing, standings
from tagdesk.training.judge.evaluate import auto_record, out_of_fold_metrics, score_confidences
from tagdesk.training.judge.learning_curve import LearningCurve
from tagdesk.training.judge.measure import Examined
from tagdesk.training.judge.pairs import Pairs, pair
from tagdesk.training.learn.adapt import MOST, Adapted, adapt
from tagdesk.training.learn.calibrate import calibrate
from tagdesk.training.learn.corrections import Corrections
from tagdesk.training.learn.evidence import Evidence, article_keys, read_evidence, write_evidence
from tagdesk.training.learn.vectorize import raw_scores, tf_idf
from tagdesk.training.promise import proving
from tagdesk.training.publish import publish
from tagdesk.training.report.card import kept
from tagdesk.training.train import code_fingerprint, train

log = logging.getLogger(__name__)

ADAPTED = "adapted"
"""The manifest's entry on how a model was adapted; a trained model has none."""

ANCHORS = 1_000
"""How many of the articles that a model learned from hold an adapted one; twice as many hold it no better."""

_INHERITED = ("language", "doubts", "data", "fit", "precision_targets")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A new model that has learned from corrections and is not served yet.

    Attributes:
        bundle: the folder of its bundle, with its evidence and `changes.json`.
        model: the model.
        examined: articles scored as if it had not learned from them, for the report.
        held_out: articles that it has not learned from at all, if there are any.
        changes: what it changes against the served model.
        pairs: the articles that `changes` was made from.
        learning_curve: fits again on fewer labels, to see what more of them would gain; None for an adapted model.
    """

    bundle: Path
    model: TopicModel
    examined: Examined
    held_out: Examined | None
    changes: dict[str, Any]
    pairs: Pairs
    learning_curve: Callable[[], LearningCurve] | None = None


@dataclass(frozen=True, slots=True)
class Retrained:
    """The result of retraining.

    Attributes:
        candidate: the new model; None where it would equal the served one.
        standings: how each editor's corrections compare with the rest.
        way_back: where an adapted model is served, and the corrections that are left change nothing in its base: a
            sentence on how to serve the base; else empty.
    """

    candidate: Candidate | None
    standings: tuple[Standing, ...]
    way_back: str = ""


def adapt_served(served: TopicModel, corrections: Corrections, store: Path) -> Retrained:
    """Adapt the served model, and write the candidate's bundle if it differs from the served model.

    A model that was adapted is not adapted again: the model that it was made from is, to all corrections that this one
    was not trained on. So none counts twice, and no confidence rests on an article that was learned before.

    Args:
        served: the model that is served.
        corrections: what editors decided, by its topics.
        store: the folder of models.

    Raises:
        TrainingError: there are too few corrections, or the model that the served one was made from is gone.
    """
    if isinstance(served.weights, SparseWeights):
        raise TrainingError(
            f"{served.ref} has {len(served.taxonomy)} topics, each with its strongest weights only, which cannot be "
            "adapted: train it again with the corrections and the articles that it was made of, --data"
        )
    base = _Base.of(served, corrections)
    learn = np.flatnonzero(~base.test & ~base.was_learned)[-MOST:]
    log.info("adapting %s to %s corrected articles", base.model.ref, f"{len(learn):,}")
    names, decisions = corrections.group_names, corrections.decisions[learn]
    editors = [corrections.editors[i] for i in learn.tolist()]
    anchors = _anchors(base.evidence)
    adapted = adapt(base.model, [names[i] for i in learn.tolist()], base.X[learn], decisions, anchors, editors)
    compared = _standings(base, adapted, corrections, learn)
    if adapted.model is base.model:
        return Retrained(None, compared, _way_back(base.model, served))
    evidence = _evidence(base, adapted, corrections, learn)
    calibrations = _recalibrated(base.model, evidence if base.evidence is not None else None)
    model = replace(adapted.model, calibrations=calibrations)
    if content_hash(model, read_ngrams(base.folder)) == served.manifest.get("content_hash"):
        return Retrained(None, compared)
    bundle = _publish_adapted(
        base, model, evidence, _adaptation_json(base.model, adapted, corrections, len(learn)), store
    )
    model = load_bundle(bundle)
    examined = Examined(
        ids=[corrections.ids[i] for i in learn.tolist()],
        texts=[corrections.texts[i] for i in learn.tolist()],
        decisions=decisions,
        scores=adapted.scores,
        confidences=model.confidences(adapted.scores),
        weight=np.ones(len(learn)),
    )
    content, pairs = _write_changes(served, bundle, model, corrections, compared)
    return Retrained(Candidate(bundle, model, examined, None, content, pairs), compared)


@dataclass(frozen=True, slots=True, eq=False)
class _Base:
    """The model to adapt, and what it makes of the corrected articles.

    Attributes:
        folder: the folder of its bundle.
        model: the model.
        evidence: its evidence, if it has any.
        keys: hashes of the articles' ids, uint64, shape (articles,).
        X: the articles' TF-IDF over its n-grams, shape (articles, n-grams).
        places: their rows in the evidence, -1 where they have none, int64, shape (articles,).
        test: which articles are held out, bool, shape (articles,).
        was_learned: which articles it was trained on with the decisions of now, bool, shape (articles,).
        unseen_shift: see `_unseen_shift`.
    """

    folder: Path
    model: TopicModel
    evidence: Evidence | None
    keys: NDArray[np.uint64]
    X: sp.csr_matrix
    places: NDArray[np.int64]
    test: NDArray[np.bool_]
    was_learned: NDArray[np.bool_]
    unseen_shift: NDArray[np.float64]

    @classmethod
    def of(cls, served: TopicModel, corrections: Corrections) -> "_Base":
        """Return the served model as the base, or the one that it was adapted from.

        Raises:
            TrainingError: that one is gone.
        """
        folder, model = _base_model(served)
        evidence, keys = read_evidence(folder, model), article_keys(corrections.ids)
        X = tf_idf(model.features, corrections.texts_for(model))
        places = _places(evidence, keys, X)
        return cls(
            folder=folder,
            model=model,
            evidence=evidence,
            keys=keys,
            X=X,
            places=places,
            test=corrections.test(),
            was_learned=_was_learned(evidence, places, corrections.decisions),
            unseen_shift=_unseen_shift(model, evidence, X, places),
        )


def _standings_by_base(served: TopicModel, corrections: Corrections) -> tuple[Standing, ...]:
    """Return how editors compare with the model before it was adapted, or with the served one if that is gone."""
    try:
        folder, base = _base_model(served)
    except TrainingError as error:
        log.warning("%s; editors are compared with the served model, which may have learned from them", error)
        folder, base = locate(served.ref), served
    evidence = read_evidence(folder, base)
    X = tf_idf(base.features, corrections.texts_for(base))
    places = _places(evidence, article_keys(corrections.ids), X)
    unseen = raw_scores(base, X) + _unseen_shift(base, evidence, X, places)
    decisions = corrections.decisions_for(base.taxonomy)
    return standings(base, corrections.editors, decisions, (unseen, unseen), evidence)


def _standings(
    base: _Base, adapted: Adapted, corrections: Corrections, learn: NDArray[np.int64]
) -> tuple[Standing, ...]:
    """Return how the editors of the latest corrections compare with the rest; the arguments are as in `_evidence`."""
    latest = learn[len(learn) - len(adapted.by_others) :]
    before = raw_scores(base.model, base.X[latest]) + base.unseen_shift[latest]
    by_others = adapted.by_others + base.unseen_shift[latest]
    editors = [corrections.editors[i] for i in latest.tolist()]
    return standings(base.model, editors, corrections.decisions[latest], (before, by_others), base.evidence)


def _publish_adapted(
    base: _Base, model: TopicModel, evidence: Evidence, adaptation: dict[str, Any], store: Path
) -> Path:
    """Save an adapted model with its evidence; return its bundle. `adaptation` is the manifest's entry."""
    manifest = {name: base.model.manifest[name] for name in _INHERITED if name in base.model.manifest} | {
        ADAPTED: adaptation,
        "metrics": _metrics(model, evidence),
        "code": code_fingerprint(),
    }
    base_card = (base.folder / CARD).read_text(encoding="utf-8")
    bundle = publish(model, read_ngrams(base.folder), manifest, lambda made: adapted_card(made, base_card), store)
    write_evidence(bundle, load_bundle(bundle), evidence)
    return bundle


def _evidence(base: _Base, adapted: Adapted, corrections: Corrections, learn: NDArray[np.int64]) -> Evidence:
    """Return the adapted model's evidence: that of its base, moved with the weights, and the corrections.

    Args:
        base: the model that was adapted.
        adapted: the new model.
        corrections: what editors decided.
        learn: the rows of the corrected articles that were learned from.
    """
    old = base.evidence
    scores = raw_scores(adapted.model, base.X)
    scores[learn] = adapted.scores
    scores += base.unseen_shift
    rows = np.sort(np.append(learn, np.flatnonzero(base.test)))
    decisions = corrections.decisions if old is None else old.judged(base.places, corrections.decisions)
    evidence = Evidence(
        keys=base.keys[rows],
        X=base.X[rows],
        decisions=decisions[rows],
        fair=np.zeros(len(rows), np.bool_),
        editor=np.ones(len(rows), np.bool_),
        test=base.test[rows],
        scores=scores[rows],
    )
    return evidence if old is None else old.moved(base.model, adapted.model).joined(evidence)


def train_anew(
    served: TopicModel,
    corrections: Corrections,
    config: Config,
    taxonomy: Taxonomy,
    corpus_folder: Path,
    store: Path,
) -> Retrained:
    """Train a model on the corpora and the corrections, which weigh more, and write the candidate's bundle.

    Args:
        served: the model that is served.
        corrections: what editors decided.
        config: the settings.
        taxonomy: the topics.
        corpus_folder: the folder of the config's corpora.
        store: the folder of models.

    Raises:
        CorpusError, LabelMapError, TrainingError: something is wrong with the data or the config; nothing is written.
    """
    trained = train(config, taxonomy, corpus_folder, store, corrections)
    model = load_bundle(trained.bundle)
    compared = _standings_by_base(served, corrections)
    content, pairs = _write_changes(served, trained.bundle, model, corrections, compared)
    candidate = Candidate(
        bundle=trained.bundle,
        model=model,
        examined=trained.examined,
        held_out=trained.held_out,
        changes=content,
        pairs=pairs,
        learning_curve=trained.learning_curve,
    )
    return Retrained(candidate, compared)


def _places(evidence: Evidence | None, keys: NDArray[np.uint64], X: sp.csr_matrix) -> NDArray[np.int64]:
    """Return the row of each article in the evidence, int64, shape (articles,); -1 where it has none."""
    return np.full(len(keys), -1) if evidence is None else evidence.places(keys, X)


def _unseen_shift(
    model: TopicModel, evidence: Evidence | None, X: sp.csr_matrix, places: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return what, added to a model's scores, makes them those of unseen articles: float64, shape (articles, topics).

    It is 0 but for the articles in the evidence, which the model may have learned from.

    Args:
        model: the model.
        evidence: its evidence, if it has any.
        X: the articles' TF-IDF, shape (articles, n-grams).
        places: their rows in the evidence, -1 where they have none, int64, shape (articles,).
    """
    shift = np.zeros((X.shape[0], len(model.taxonomy)))
    if evidence is not None:
        rows = np.flatnonzero(places >= 0)
        shift[rows] = evidence.scores[places[rows]] - raw_scores(model, X[rows])
    return shift


def _was_learned(
    evidence: Evidence | None, places: NDArray[np.int64], decisions: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """Return which corrections a model was trained on as they are now, bool, shape (articles,).

    Args:
        evidence: the model's evidence, if it has any.
        places: the articles' rows in it, -1 where they have none, int64, shape (articles,).
        decisions: the corrections of now, int8, shape (articles, topics).
    """
    was_learned = places >= 0
    if evidence is not None:
        rows = places[was_learned]
        old = evidence.decisions[rows]
        is_same = (judged_over(decisions[was_learned], old) == old).all(axis=1)
        was_learned[was_learned] = evidence.editor[rows] & ~evidence.test[rows] & is_same
    return was_learned


def _way_back(base: TopicModel, served: TopicModel) -> str:
    """Return how to serve the base again; an empty text if it is the served model."""
    if base.version == served.version:
        return ""
    return (
        f"the corrections that are left change nothing in {base.ref}, from which {served.ref} was adapted; to go back "
        f"to it: tagdesk publish --model {base.name} {base.version} --force"
    )


def _write_changes(
    served: TopicModel, bundle: Path, model: TopicModel, corrections: Corrections, compared: tuple[Standing, ...]
) -> tuple[dict[str, Any], Pairs]:
    """Write what a candidate changes into its bundle; return that, and the articles that it was made from."""
    folder = locate(served.ref)
    pairs = pair(served, folder, model, bundle, corrections)
    content = changes(served, model, pairs, (read_ngrams(folder), read_ngrams(bundle)), corrections, compared)
    write_changes(bundle, content)
    return content, pairs


def _anchors(evidence: Evidence | None) -> sp.csr_matrix | None:
    """Return the TF-IDF of the articles that hold an adapted model: a sample of those that its base learned from."""
    if evidence is None:
        log.warning("the model has no evidence.safetensors.gz: nothing holds it where editors decided nothing")
        return None
    return evidence.X[evidence.drawn(~evidence.test & ~evidence.editor, ANCHORS)]


def _recalibrated(base: TopicModel, evidence: Evidence | None) -> tuple[Calibration, ...]:
    """Return confidences and cut-offs fitted to all evidence of what was learned, as in training.

    A topic keeps its old ones where no article is known to have it, or none not to; all do without evidence of what
    the model was trained on.
    """
    if evidence is None:
        return base.calibrations
    learned = evidence.rows(~evidence.test & evidence.is_sample)
    right, wrong = ((learned.decisions == decision).any(axis=0) for decision in (YES, NO))
    fitted = np.flatnonzero(right & wrong)
    promises = np.array(_promises(base))[fitted].tolist()
    calibrations = list(base.calibrations)
    scores, decisions = learned.scores[:, fitted], learned.decisions[:, fitted]
    new = calibrate(scores, decisions, learned.weight, promises, learned.fair)
    for topic, calibration in zip(fitted.tolist(), new, strict=True):
        calibrations[topic] = calibration
    return tuple(calibrations)


def _base_model(served: TopicModel) -> tuple[Path, TopicModel]:
    """Return the folder and the model to adapt: the served one, or the one that it was adapted from."""
    version = served.manifest.get(ADAPTED, {}).get("from", served.version)
    ref = f"{served.name}@{version}"
    try:
        folder = locate(ref)
        return folder, load_bundle(folder)
    except BundleNotFound as error:
        raise TrainingError(
            f"{served.ref} was adapted from {ref}, which is no longer there: put it back into the store, or publish "
            "a model that was trained, and retrain that"
        ) from error


def _promises(model: TopicModel) -> list[float]:
    """Return the precision that the `auto` band of each topic promises."""
    own = model.manifest.get("precision_targets", {})
    return [own.get(topic, promise(model)) for topic in model.taxonomy.ids]


def promise(model: TopicModel) -> float:
    """Return the precision that a model's `auto` band promises for topics without a promise of their own."""
    return float(model.manifest.get("fit", {}).get("precision_target", FitSettings().precision_target))


def _adaptation_json(base: TopicModel, adapted: Adapted, corrections: Corrections, learned: int) -> dict[str, Any]:
    return {
        "from": base.version,
        "corrections": corrections.rows,
        "articles": learned,
        "held_out": int(corrections.test().sum()),
        "strength": adapted.strength if np.isfinite(adapted.strength) else None,
        "noise": adapted.noise if np.isfinite(adapted.noise) else None,
    }


def _metrics(model: TopicModel, evidence: Evidence) -> dict[str, Any]:
    """Measure on the corrections, out of fold, and on the held-out articles of the corpora; per topic on both."""
    corrected = evidence.rows(evidence.editor & ~evidence.test)
    held_out = evidence.rows(~evidence.editor & evidence.test)
    metrics = out_of_fold_metrics(model, corrected.decisions, corrected.scores, np.ones(len(corrected)))
    if len(held_out):
        metrics["held_out"] = _metrics_on(model, held_out)
    learned = evidence.rows(~evidence.test & evidence.is_sample)
    proof = learned.rows(proving(learned.fair))
    metrics["auto"] = auto_record(model, proof.decisions, proof.scores)
    return metrics | {"topics": _metrics_on(model, held_out.joined(corrected))["topics"]}


def _metrics_on(model: TopicModel, evidence: Evidence) -> dict[str, Any]:
    confidences = model.confidences(evidence.scores)
    return score_confidences(evidence.decisions, confidences, model.calibrations, topics=model.taxonomy.ids).to_json()


def adapted_card(model: TopicModel, base_card: str) -> str:
    """Return the card of an adapted model, Markdown: how it was adapted, and the card of its base."""
    adaptation, metrics = model.manifest[ADAPTED], model.manifest["metrics"]
    figures = [("Corrected articles, out of fold", metrics["out_of_fold"])]
    if "held_out" in metrics:
        figures.append(("Held-out articles", metrics["held_out"]))
    parts = [
        f"# {model.ref}",
        f"{model.name}@{adaptation['from']}, adapted {model.manifest['trained']} to what editors decided of "
        f"{adaptation['articles']:,} articles; {adaptation['held_out']:,} more are held out.",
        *(
            f"{name} ({row['articles']:,} articles): micro-F1 {row['micro_f1']:.2f}, macro-F1 {row['macro_f1']:.2f}."
            for name, row in figures
        ),
        f"The promise of `auto`, measured again out of fold on articles drawn at random:{kept(metrics['auto'])}",
        "## What it was adapted from",
        "\n".join(_demoted(base_card.splitlines())),
    ]
    return "\n\n".join(parts).rstrip() + "\n"


def _demoted(lines: Sequence[str]) -> list[str]:
    return [f"#{line}" if line.startswith("##") else f"**{line[2:]}**" if line[:2] == "# " else line for line in lines]
