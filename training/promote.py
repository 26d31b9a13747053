"""Publish a candidate if the gate finds it better; roll back; log both."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tagdesk.models.bundle import load_bundle, read_ngrams
from tagdesk.models.errors import BundleError, BundleNotFound
from tagdesk.models.storage import SHIPPED, load, locate, make_current, roll_back, versions
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.errors import TrainingError
from tagdesk.training.judge.changes import changes, read_changes, write_changes
from tagdesk.training.judge.gate import Verdict, compare
from tagdesk.training.judge.pairs import Pairs, pair
from tagdesk.training.learn.corrections import Corrections
from tagdesk.training.retrain import promise

log = logging.getLogger(__name__)

PUBLISHED = "PUBLISHED.jsonl"
"""The log of what was promoted, held, refused, forced and rolled back, beside `CURRENT` in the store."""

HELD_OR_REFUSED = 3
"""Exit code of a command that leaves the served model in place."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a candidate.

    Attributes:
        decision: `promoted`, `held`, `refused` or `forced`.
        candidate: its name and version.
        served: those of the model that was served before, or None.
        reasons: what speaks against it.
        verdict: the gate's verdict; None where it was not asked because there was no other model or no article to
            compare.
    """

    decision: str
    candidate: str
    served: str | None
    reasons: tuple[str, ...] = ()
    verdict: Verdict | None = None

    @property
    def is_current(self) -> bool:
        """Whether `CURRENT` names the candidate now."""
        return self.decision in {"promoted", "forced"}


def promote(
    place: Path,
    name: str,
    version: str,
    read: Callable[[TopicModel], Corrections],
    *,
    force: bool,
    pairs: Pairs | None = None,
) -> Outcome:
    """Ask the gate whether a candidate is better than the served model, and make it current if so.

    The gate is not asked where no model is served, or the served one has the same content.

    Args:
        place: the store.
        name: the model's name.
        version: the candidate's version.
        read: reads the corrections, by the served model's topics; they are part of the test.
        force: promote what is held or refused, and record that in the log and in `changes.json`.
        pairs: the articles that the candidate's `changes.json` was made from, if they are at hand.

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
        outcome = _compared(served, candidate, folder, read(served), pairs, force=force)
    if outcome.is_current:
        make_current(place, name, version)
    _log_decision(place, name, outcome.decision, version, before, outcome.reasons)
    return outcome


def _folder(place: Path, name: str, version: str) -> Path:
    try:
        return locate(f"{name}@{version}")
    except BundleNotFound as error:
        raise BundleNotFound(f"no version {version!r} of {name!r} in {place}") from error


def _compared(
    served: TopicModel,
    candidate: TopicModel,
    folder: Path,
    corrections: Corrections,
    pairs: Pairs | None,
    *,
    force: bool,
) -> Outcome:
    """Ask the gate, and record the outcome in the candidate's `changes.json`; `folder` is that of its bundle."""
    recorded = read_changes(folder) or {}
    if pairs is None or recorded.get("served") != served.ref:  # another model was published since
        pairs = pair(served, locate(served.ref), candidate, folder, corrections)
    try:
        verdict = compare(served, candidate, pairs, promise(candidate))
    except TrainingError as error:
        if not force:
            raise
        _record(served, candidate, folder, pairs, corrections, {"decision": "forced", "reasons": [str(error)]})
        return Outcome("forced", candidate.ref, served.ref, (str(error),))
    decision = {"promote": "promoted", "hold": "held", "refuse": "refused"}[verdict.decision]
    if force and verdict.decision != "promote":
        decision = "forced"
    _record(served, candidate, folder, pairs, corrections, {"decision": decision, **verdict.to_json()})
    return Outcome(decision, candidate.ref, served.ref, verdict.reasons, verdict)


def _record(
    served: TopicModel,
    candidate: TopicModel,
    folder: Path,
    pairs: Pairs,
    corrections: Corrections,
    gate: Mapping[str, Any],
) -> None:
    """Write the gate's record into the candidate's changes, computed anew where they compare it with another model."""
    if folder.is_relative_to(SHIPPED):  # which is read-only
        return
    recorded = read_changes(folder) or {}
    if recorded.get("served") != served.ref:
        ngrams = read_ngrams(locate(served.ref)), read_ngrams(folder)
        contradicted = recorded.get("contradicted", [])
        recorded = changes(served, candidate, pairs, ngrams, corrections) | {"contradicted": contradicted}
    write_changes(folder, recorded | {"gate": dict(gate)})


def roll_back_and_log(place: Path, name: str) -> tuple[str | None, str]:
    """Make the version current that was so before; return the version that was current, and the one that is now.

    Raises:
        BundleNotFound: no earlier version is known that still exists.
    """
    served = served_model(name)
    before = served.version if served else None
    version = roll_back(place, name)
    _log_decision(place, name, "rolled back", version, before)
    return before, version


def served_model(name: str) -> TopicModel | None:
    """Return the model of this name that is served now; None where there is none that can be loaded."""
    try:
        return load(name)
    except BundleError:
        return None


def newest(place: Path, name: str) -> str:
    """Return the newest version of a model in the store.

    Raises:
        BundleNotFound: there is none.
    """
    trained = {}
    for version in versions(place, name):
        try:
            trained[version] = str(load_bundle(place / name / version).manifest.get("trained", ""))
        except BundleError as error:
            log.warning("skipped %s: %s", version, error)
    if not trained:
        raise BundleNotFound(f"no version of {name!r} in {place}: make one with `tagdesk retrain`")
    return max(trained, key=lambda version: (trained[version], version))


def _log_decision(
    place: Path, name: str, decision: str, version: str, before: str | None, reasons: tuple[str, ...] = ()
) -> None:
    """Add a line to the store's log.

    Raises:
        TrainingError: it cannot be written.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"at": at, "decision": decision, "version": version, "served": before, "reasons": list(reasons)})
    path = place / name / PUBLISHED
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror or error}") from error
