"""Let a candidate go live if the gate finds it better; take it back; remember both."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from models.bundle import load_bundle, read_ngrams
from models.errors import BundleError, BundleNotFound
from models.storage import load, locate, make_current, roll_back, versions
from models.topic_model import TopicModel
from training.changes import changes, gate_json, on_reference, on_traffic, read_changes, write_changes
from training.corrections import Corrections
from training.errors import TrainingError
from training.frozen_test import frozen_test
from training.gate import Verdict, compare
from training.reference import read_reference
from training.retrain import promise

log = logging.getLogger(__name__)

PUBLISHED = "PUBLISHED.jsonl"
"""The store's log of what was promoted, refused, forced and rolled back, beside `CURRENT`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a candidate.

    Attributes:
        decision: `promoted`, `refused` or `forced`.
        candidate: its name and version.
        served: those of the model that was served before, or None.
        reasons: what speaks against it.
        verdict: what the gate said; None where it was not asked, for there was nothing to compare with, or on.
    """

    decision: str
    candidate: str
    served: str | None
    reasons: tuple[str, ...] = ()
    verdict: Verdict | None = None


def promote(place: Path, name: str, version: str, read: Callable[[TopicModel], Corrections], *, force: bool) -> Outcome:
    """Ask the gate whether a candidate is better than the served model, and let `CURRENT` name it if so.

    A candidate is promoted unasked where no model is served, or the served one has the same content.

    Args:
        place: the store.
        name: the model's name.
        version: the candidate's.
        read: reads what editors decided, by the served model's topics; they are part of the test.
        force: promote what is refused, and say so in the log and in `changes.json`.

    Raises:
        BundleNotFound, BundleError: there is no such candidate, or it is damaged.
        TrainingError: there is nothing to compare the two on.
    """
    folder = _folder(place, name, version)
    candidate, served = load_bundle(folder), served_model(name)
    before = served.version if served else None
    if served is None or served.manifest["content_hash"] == candidate.manifest["content_hash"]:
        outcome = Outcome("promoted", f"{name}@{version}", served.ref if served else None)
    else:
        corrections = read(served)
        outcome = _asked(served, candidate, folder, corrections, force=force)
        if outcome.verdict is not None and folder.is_relative_to(place):  # the shipped ones are read-only
            _note(served, candidate, folder, corrections, gate_json(outcome.decision, outcome.verdict))
    if outcome.decision != "refused":
        make_current(place, name, version)
    remember(place, name, outcome.decision, version, before, outcome.reasons)
    return outcome


def _folder(place: Path, name: str, version: str) -> Path:
    try:
        return locate(f"{name}@{version}")
    except BundleNotFound as error:
        raise BundleNotFound(f"no version {version!r} of {name!r} in {place}") from error


def _asked(
    served: TopicModel, candidate: TopicModel, folder: Path, corrections: Corrections, *, force: bool
) -> Outcome:
    try:
        sets = frozen_test(served, locate(served.ref), candidate, folder, corrections)
        verdict = compare(served, candidate, sets, corrections.texts, promise(candidate))
    except TrainingError as error:
        if not force:
            raise
        return Outcome("forced", candidate.ref, served.ref, (str(error),))
    decision = "promoted" if verdict.passed else "forced" if force else "refused"
    return Outcome(decision, candidate.ref, served.ref, verdict.reasons, verdict)


def _note(
    served: TopicModel,
    candidate: TopicModel,
    folder: Path,
    corrections: Corrections,
    gate: Mapping[str, Any],
) -> None:
    """Write what the gate said into the candidate's changes, which are made here where they tell of another model."""
    found = read_changes(folder)
    if found is None or found.get("served") != served.ref:
        reference = read_reference(folder, candidate)
        if corrections.ids:
            diff = on_traffic(served, candidate, corrections)
        elif reference is not None and np.array_equal(served.features.hashes, candidate.features.hashes):
            diff = on_reference(served, candidate, reference)
        else:
            return
        found = changes(served, candidate, diff, (read_ngrams(locate(served.ref)), read_ngrams(folder)))
    write_changes(folder, found | {"gate": gate})


def take_back(place: Path, name: str) -> tuple[str | None, str]:
    """Let `CURRENT` name the version that was current before, and return the two: what was current, and what is now.

    Raises:
        BundleNotFound: no version is remembered that is still there.
    """
    served = served_model(name)
    before = served.version if served else None
    version = roll_back(place, name)
    remember(place, name, "rolled back", version, before)
    return before, version


def served_model(name: str) -> TopicModel | None:
    """Return the model of this name that is served now, if there is one that can be."""
    try:
        return load(name)
    except BundleError:
        return None


def newest(place: Path, name: str) -> str:
    """Return the version of a store that was made last.

    Raises:
        BundleNotFound: there is none.
    """
    made = {}
    for version in versions(place, name):
        try:
            made[version] = str(load_bundle(place / name / version).manifest.get("trained", ""))
        except BundleError as error:
            log.warning("passed over %s: %s", version, error)
    if not made:
        raise BundleNotFound(f"no version of {name!r} in {place}: make one with `python -m training retrain`")
    return max(made, key=lambda version: (made[version], version))


def remember(
    place: Path, name: str, what: str, version: str, before: str | None, reasons: tuple[str, ...] = ()
) -> None:
    """Add a line to the store's log of what was published.

    Raises:
        TrainingError: it cannot be written.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"at": at, "decision": what, "version": version, "served": before, "reasons": list(reasons)})
    path = place / name / PUBLISHED
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror or error}") from error
