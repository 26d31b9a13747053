"""The report of a model, one HTML page that needs nothing else: figures, plots, errors, and labels to look at again."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tagdesk.models.files import write_file
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.errors import TrainingError
from tagdesk.training.judge.learning_curve import LearningCurve
from tagdesk.training.judge.measure import MOST_PAIRS, Examined, Measured, measure
from tagdesk.training.report.articles import duplicates_section, label_errors_section, most_wrong_section
from tagdesk.training.report.changes import changes_section
from tagdesk.training.report.comparison import comparison_section
from tagdesk.training.report.curves import calibration_section, learning_curve_section, precision_recall_section
from tagdesk.training.report.html import Html, Section, el, escape, join
from tagdesk.training.report.sections import confusions_section, masthead, ngrams_section, topics_section

__all__ = ["REPORTS", "Examined", "report", "report_path", "write_report"]

REPORTS = Path("var/reports")
"""Reports quote articles: they lie outside the store, so that no bundle that is shipped has one."""

_STYLE = Path(__file__).with_name("report.css")


def report(
    model: TopicModel,
    ngrams: Sequence[str],
    examined: Examined,
    *,
    held_out: Examined | None = None,
    duplicates: Sequence[Sequence[int]] = (),
    learning_curve: LearningCurve | None = None,
    served: TopicModel | None = None,
    changes: Mapping[str, Any] | None = None,
) -> str:
    """Write the report of a model.

    Args:
        model: the model, with its manifest.
        ngrams: its n-grams in row order.
        examined: articles that it has not learned from; the figures are measured on them.
        held_out: articles that were kept out of training altogether; their figures stand beside the others, and the
            comparison with the model now served is made on them.
        duplicates: groups of near-duplicates, as rows of `examined`.
        learning_curve: what fewer labels would have reached.
        served: the model now served.
        changes: what the model changes against it, as `changes.json` has it.

    Returns:
        HTML, under 1.5 MB. It runs no script and loads nothing, and all text in it is escaped.
    """
    everything, examined = examined, examined.share(MOST_PAIRS)
    measured = _measured(model, examined)
    others: list[tuple[Examined, Measured]] = []
    if held_out is not None:
        held_out = held_out.share(MOST_PAIRS)
        others.append((held_out, _measured(model, held_out)))
    sections: list[Section] = []
    if served is not None:
        sections.append(comparison_section(model, served, *[(examined, measured), *others][-1]))
    if changes:
        sections.append(changes_section(model, changes))
    sections += [
        topics_section(model, measured),
        calibration_section(model, examined, measured),
        precision_recall_section(model, examined, measured),
    ]
    if learning_curve is not None:
        sections.append(learning_curve_section(model, learning_curve))
    sections += [
        confusions_section(model, examined, measured),
        ngrams_section(model, ngrams, measured),
        most_wrong_section(model, examined, measured),
        label_errors_section(model, examined),
    ]
    if duplicates:
        sections.append(duplicates_section(model, everything, duplicates))
    beside = [(articles.how, figures) for articles, figures in others]
    header = masthead(model, examined, measured, beside, len(everything.ids))
    return _page(f"{model.ref}: report", header, _contents(sections), *(part.html for part in sections))


def report_path(name: str, version: str, folder: Path = REPORTS) -> Path:
    """Return where the report of a version lies, `<folder>/<name>-<version>.html`."""
    return folder / (re.sub(r"[^A-Za-z0-9._-]", "-", f"{name}-{version}") + ".html")


def write_report(page: str, model: TopicModel, folder: Path = REPORTS) -> Path:
    """Write a report to its place, whole or not at all, and return that.

    Raises:
        TrainingError: it cannot be written.
    """
    path = report_path(model.name, model.version, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return write_file(path, page.encode())
    except OSError as error:
        raise TrainingError(f"cannot write the report {path}: {error.strerror or error}") from error


def _measured(model: TopicModel, examined: Examined) -> Measured:
    return measure(examined.decisions, examined.confidences, examined.weight, model.calibrations)


def _contents(sections: Sequence[Section]) -> Html:
    links = (el("li", el("a", part.heading, href=f"#{part.name}")) for part in sections)
    return el("nav", el("ol", *links), aria_label="Contents")


def _page(title: str, header: Html, *parts: Html) -> str:
    style = _STYLE.read_text(encoding="utf-8")
    # The style sheet is allowed by its hash: not even a style attribute, let alone a script, would be obeyed.
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
{header}
{el("main", join(*parts))}
</body>
</html>
"""
