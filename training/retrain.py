"""Make a candidate from what editors decided: adapt the served model, or train anew with the corpora at hand."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import CARD, load_bundle, read_ngrams
from models.errors import BundleNotFound
from models.storage import locate
from models.taxonomy import Taxonomy
from models.topic_model import TopicModel
from training.adapt import MOST, Adapted, adapt
from training.changes import changes, on_traffic, write_changes
from training.config import Config, FitSettings
from training.corrections import Corrections
from training.errors import TrainingError
from training.evaluate import Scores, score_confidences
from training.learning_curve import LearningCurve
from training.measure import Examined, brier_score, expected_calibration_error
from training.publish import publish
from training.reference import Reference, copy_reference, keys, read_reference
from training.train import code_fingerprint, train
from training.unseen import ADAPTED, learned_keys, unseen_confidences, write_unseen

log = logging.getLogger(__name__)

_KEPT = ("language", "data", "fit", "precision_targets")

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A new model that has learned from corrections and is not served yet.

    Attributes:
        bundle: the folder of its bundle, with `changes.json` in it.
        model: the model.
        examined: articles scored as if it had not learned from them, for the report.
        held_out: others that it has not learned from at all, where there are any.
        changes: what it changes against the served model.
        learning_curve: fits again to see what more labels would bring; None for an adapted model.
    """

    bundle: Path
    model: TopicModel
    examined: Examined
    held_out: Examined | None
    changes: dict[str, Any]
    learning_curve: Callable[[], LearningCurve] | None = None


def adapt_served(served: TopicModel, corrections: Corrections, store: Path) -> Candidate:
    """Adapt the served model, and write the candidate's bundle.

    One that was adapted itself is not adapted again: what it was made of is, to all corrections that this one was not
    trained on. So none counts twice, and no confidence rests on an article that was learned before.

    Args:
        served: the model that is served.
        corrections: what editors decided, by its topics.
        store: the folder of models.

    Raises:
        TrainingError: there are too few corrections, or the model it was made of is gone.
    """
    folder, base = _base(served)
    seen = learned_keys(folder)
    learn = np.flatnonzero(~corrections.test() & ~np.isin(keys(corrections.ids), seen))[-MOST:]
    names, texts = corrections.names, [corrections.texts[i] for i in learn.tolist()]
    decisions = corrections.decisions[learn]
    log.info("adapting %s to %s corrected articles", base.ref, f"{len(learn):,}")
    ngrams, reference = read_ngrams(folder), read_reference(folder, base)
    if reference is None:
        log.warning("%s has no anchors to hold it: write them with `python -m training reference`", base.ref)
    anchors = None if reference is None else reference.anchors
    adapted = adapt(base, [names[i] for i in learn.tolist()], texts, decisions, _promises(base), anchors)
    model = adapted.model
    examined = Examined(
        ids=[corrections.ids[i] for i in learn.tolist()],
        texts=texts,
        decisions=decisions,
        scores=adapted.scores,
        confidences=model.confidences(adapted.scores),
        weight=np.ones(len(learn)),
    )
    manifest = {name: base.manifest[name] for name in _KEPT if name in base.manifest} | {
        ADAPTED: _how(base, adapted, corrections, len(learn)),
        "metrics": _metrics(model, examined, reference),
        "code": code_fingerprint(),
    }
    base_card = (folder / CARD).read_text(encoding="utf-8")
    bundle = publish(model, ngrams, manifest, lambda made: adapted_card(made, base_card), store)
    copy_reference(folder, bundle)
    return _with_changes(served, bundle, corrections, examined, None, seen)


def train_anew(
    served: TopicModel | None,
    corrections: Corrections,
    config: Config,
    taxonomy: Taxonomy,
    corpus_folder: Path,
    store: Path,
) -> Candidate:
    """Train a model on the corpora and the corrections, which count more, and write the candidate's bundle.

    Args:
        served: the model that is served, if there is one.
        corrections: what editors decided.
        config: how it is made.
        taxonomy: the topics.
        corpus_folder: where the config's corpora lie.
        store: the folder of models.

    Raises:
        CorpusError, LabelMapError, TrainingError: what is wrong with the data or the config; nothing is written.
    """
    trained = train(config, taxonomy, corpus_folder, store, corrections)
    nothing = np.empty(0, np.uint64)
    found = _with_changes(served, trained.bundle, corrections, trained.examined, trained.held_out, nothing)
    return replace(found, learning_curve=trained.learning_curve)


def _with_changes(
    served: TopicModel | None,
    bundle: Path,
    corrections: Corrections,
    examined: Examined,
    held_out: Examined | None,
    seen: NDArray[np.uint64],
) -> Candidate:
    model = load_bundle(bundle)
    write_unseen(bundle, corrections, examined, seen)
    found = {}
    if served is not None:
        ngrams = read_ngrams(locate(served.ref)), read_ngrams(bundle)
        unseen, _ = unseen_confidences(bundle, model, corrections)
        found = changes(served, model, on_traffic(served, model, corrections), ngrams, corrections, unseen)
        write_changes(bundle, found)
    return Candidate(bundle, model, examined, held_out, found)


def _base(served: TopicModel) -> tuple[Path, TopicModel]:
    """Return the model to adapt, and its folder: the served one, or what that was adapted from."""
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
    own = model.manifest.get("precision_targets", {})
    return [own.get(topic, promise(model)) for topic in model.taxonomy.ids]


def promise(model: TopicModel) -> float:
    """Return the precision that a model's `auto` band promises of topics without a promise of their own."""
    return float(model.manifest.get("fit", {}).get("precision_target", FitSettings().precision_target))


def _how(base: TopicModel, adapted: Adapted, corrections: Corrections, learned: int) -> dict[str, Any]:
    return {
        "from": base.version,
        "corrections": corrections.rows,
        "articles": learned,
        "held_out": int(corrections.test().sum()),
        "strength": adapted.strength if np.isfinite(adapted.strength) else None,
        "noise": adapted.noise if np.isfinite(adapted.noise) else None,
    }


def _metrics(model: TopicModel, examined: Examined, reference: Reference | None) -> dict[str, Any]:
    """Measure on the corrections, out of fold, and on the reference set; per topic on both together."""
    of_corrections = _scores(model, examined.decisions, examined.confidences).to_json()
    del of_corrections["topics"]
    sure = (examined.decisions, examined.confidences, examined.weight)
    fair = {"calibration_error": expected_calibration_error(*sure), "brier": brier_score(*sure)}
    metrics = {"out_of_fold": of_corrections | {name: round(value, 4) for name, value in fair.items()}}
    decisions, confidences = examined.decisions, examined.confidences
    if reference is not None:
        found = reference.confidences(model)
        metrics["held_out"] = _scores(model, reference.decisions, found).to_json()
        decisions, confidences = np.vstack((reference.decisions, decisions)), np.vstack((found, confidences))
    return metrics | {"topics": _scores(model, decisions, confidences).to_json()["topics"]}


def _scores(model: TopicModel, decisions: NDArray[np.int8], confidences: _Floats) -> Scores:
    return score_confidences(decisions, confidences, model.calibrations, topics=model.taxonomy.ids)


def adapted_card(model: TopicModel, base_card: str) -> str:
    """Write the card of an adapted model, Markdown: how it was adapted, and the card of what it was made of."""
    how, metrics = model.manifest[ADAPTED], model.manifest["metrics"]
    figures = [("Corrected articles, out of fold", metrics["out_of_fold"])]
    if "held_out" in metrics:
        figures.append(("Reference set, never learned from", metrics["held_out"]))
    parts = [
        f"# {model.ref}",
        f"{model.name}@{how['from']}, adapted {model.manifest['trained']} to what editors decided of "
        f"{how['articles']:,} articles; {how['held_out']:,} more are kept for the test.",
        *(
            f"{name} ({row['articles']:,} articles): micro-F1 {row['micro_f1']:.2f}, macro-F1 {row['macro_f1']:.2f}."
            for name, row in figures
        ),
        "## What it was adapted from",
        "\n".join(_demoted(base_card.splitlines())),
    ]
    return "\n\n".join(parts).rstrip() + "\n"


def _demoted(lines: Sequence[str]) -> list[str]:
    return [f"#{line}" if line.startswith("##") else f"**{line[2:]}**" if line[:2] == "# " else line for line in lines]
