"""Remove from the versions in a store what was erased from the ledger."""

from collections.abc import Iterator, Set
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from tagdesk.models.bundle import load_bundle
from tagdesk.models.errors import BundleError
from tagdesk.models.storage import versions
from tagdesk.training.errors import CorpusError
from tagdesk.training.fits.fits import FOLDER, clear
from tagdesk.training.judge.changes import CHANGES, read_changes, write_changes
from tagdesk.training.learn.corrections import articles_and_editors
from tagdesk.training.learn.evidence import EVIDENCE, article_keys, read_evidence, write_evidence
from tagdesk.training.report.page import report_path


def forget(place: Path, name: str, source: str) -> list[str]:
    """Remove articles and editors that are not in the ledger from the evidence and the changes of every version.

    Reports quote articles: that of a version from which something was removed, or whose bundle cannot be read, is
    deleted. So are the fits of trainings that were interrupted, of whatever model. The weights stay: what a model has
    learned cannot be taken apart. Retraining makes new ones.

    Args:
        place: the store.
        name: the model's name.
        source: see `tagdesk.training.corpora.ledger_export.read_rows`.

    Returns:
        A line for each file that something was removed from, or that could not be checked.

    Raises:
        CorpusError: the ledger cannot be read, or is empty.
        TrainingError: a file cannot be read or written.
    """
    articles, editors = articles_and_editors(source)
    if not articles:
        raise CorpusError("the ledger has no corrections: to forget all that was learned, delete the adapted versions")
    lines: list[str] = []
    for version in versions(place, name):
        removed = [*_forget_in(place / name / version, articles, editors)]
        path = report_path(name, version)
        if removed and path.exists():
            path.unlink()
            removed.append(f"{path}: the whole report")
        files = place / name / version / CHANGES, place / name / version / EVIDENCE, path
        lines += removed + [line for file in files for line in _without_drafts(file)]
    interrupted = clear(place / FOLDER, days=0)
    return lines + [f"{folder}: the fits of a training that was interrupted" for folder in interrupted]


def _without_drafts(path: Path) -> Iterator[str]:
    """Delete what killed writers of a file have left beside it (`tagdesk.models.files.replacing`)."""
    for draft in sorted(path.parent.glob(f".{escape(path.name)}.*")):
        draft.unlink()
        yield f"{draft}: the whole draft, which was never finished"


def _forget_in(folder: Path, articles: frozenset[str], editors: frozenset[str]) -> Iterator[str]:
    """Remove all but these articles and editors from a version; yield a line for each file."""
    try:
        model = load_bundle(folder)
    except BundleError as error:
        yield f"{folder / EVIDENCE} was not checked: {error}"
        model = None
    if model and (evidence := read_evidence(folder, model)):
        erased = evidence.editor & ~np.isin(evidence.keys, article_keys(sorted(articles)))
        if erased.any():
            path = write_evidence(folder, model, evidence.rows(~erased))
            yield f"{path}: {erased.sum():,} articles"
    if changes := read_changes(folder):
        reduced = _without_erased(changes, articles, editors)
        if reduced != changes:
            yield f"{write_changes(folder, reduced)}: articles or editors by name"


def _without_erased(changes: dict[str, Any], articles: frozenset[str], editors: frozenset[str]) -> dict[str, Any]:
    """Return the changes without the rows of other articles and of other editors; rows of nobody stay."""
    in_ledger: Set[str | None] = editors | {None}
    allowed: dict[str, dict[str, Set[str | None]]] = {
        "strongest": {"id": articles},
        "editors": {"editor": in_ledger},
        "contradicted": {"editor": in_ledger},
        "overruled": {"editor": in_ledger, "by": in_ledger},
    }
    return changes | {
        part: [row for row in changes[part] if all(row.get(field) in names for field, names in fields.items())]
        for part, fields in allowed.items()
        if part in changes
    }
