"""Where a model errs, and where the label may be the mistake: pure functions of decisions and confidences.

Arrays have the shape (articles, topics); decisions are the YES, NO and OPEN of `tagdesk.training.corpora.labels`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.judge.confidences import Decisions, Flags, Floats


def confusions(decisions: Decisions, predicted: Flags) -> NDArray[np.int64]:
    """Count the articles in which a right topic is missed (row) and a wrong one predicted (column).

    Returns:
        int64, shape (topics + 1, topics + 1). The last row stands for nothing missed, the last column for nothing
        wrongly predicted; an article with several of each counts once for every pair.
    """
    missed = _or_none((decisions == YES) & ~predicted)
    wrong = _or_none((decisions == NO) & predicted)
    counts: NDArray[np.int64] = (missed.T.astype(np.float64) @ wrong.astype(np.float64)).astype(np.int64)
    return counts


def _or_none(flags: Flags) -> Flags:
    return np.column_stack((flags, ~flags.any(axis=1)))


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that may be wrong.

    Attributes:
        article: the article's row.
        topic: the topic's column.
        labelled: whether the label says yes.
        confidence: the model's.
    """

    article: int
    topic: int
    labelled: bool
    confidence: float


def suspected_label_errors(decisions: Decisions, confidences: Floats) -> list[Suspect]:
    """Rank the labels that confidences contradict; the farthest from its label comes first.

    A "no" is suspected where the topic's confidence reaches its mean over the topic's articles; a "yes" where the
    confidence in "no" reaches its mean over the others. A label is contradicted by what is likelier than the label
    only: of a topic that cannot be learned, the mean is near 0. Confidences must be out of fold. Source: Northcutt,
    Jiang and Chuang, "Confident learning" (2021), one topic at a time.
    """
    yes, no = decisions == YES, decisions == NO
    usual_yes = _mean_or_infinity(confidences, yes)
    usual_no = _mean_or_infinity(1 - confidences, no)
    likely = confidences > 0.5
    suspected = (no & likely & (confidences >= usual_yes)) | (yes & ~likely & (1 - confidences >= usual_no))
    articles, topics = np.nonzero(suspected)
    contradicting = confidences[articles, topics]
    distance = np.where(yes[articles, topics], 1 - contradicting, contradicting)
    order = np.argsort(-distance, kind="stable")
    columns = (values[order].tolist() for values in (articles, topics, yes[articles, topics], contradicting))
    return list(map(Suspect, *columns))


def _mean_or_infinity(values: Floats, where: Flags) -> Floats:
    """Return the mean of each column over the rows marked there; infinity where none is."""
    count = where.sum(axis=0)
    return np.where(count > 0, (values * where).sum(axis=0) / np.maximum(count, 1), np.inf)


def most_wrong(decisions: Decisions, confidences: Floats, predicted: Flags) -> list[int]:
    """Rank the articles with a wrong or a missed topic by log-loss, -Σ ln(confidence in the label), the worst first."""
    yes, no = decisions == YES, decisions == NO
    wrong = ((yes & ~predicted) | (no & predicted)).any(axis=1)
    loss = label_losses(decisions, confidences).sum(axis=1)
    order = np.argsort(-loss, kind="stable")
    return [int(i) for i in order if wrong[i]]


def label_losses(decisions: Decisions, confidences: Floats) -> Floats:
    """Return -ln(confidence in the label), 0 where it is open: float64, shape (articles, topics)."""
    agreed = np.where(decisions == YES, confidences, 1 - confidences)
    return np.where(decisions == OPEN, 0.0, -np.log(np.maximum(agreed, 1e-9)))
