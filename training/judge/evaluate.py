"""How good a model is: per topic and over all, on articles it has not learned from."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tagdesk.models.calibration import Calibration
from tagdesk.models.reading.article import Article
from tagdesk.models.topic_model import TaggedArticle, TopicModel
from tagdesk.progress import counted
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.judge.confidences import (
    LEAST_CONFIDENCE,
    DecidedPairs,
    Flags,
    Floats,
    brier_score,
    calibration_error_of,
    expected_calibration_error,
    reliability,
)
from tagdesk.training.judge.measure import Figures, cut_offs, macro_f1
from tagdesk.training.promise import LEAST_GIVEN, Record, precision_bound
from tagdesk.training.sparse_table import SparseTable, Table, cells_at, cells_from, where_is


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts per topic and over all, every article counting once.

    Attributes:
        topics: figures by the topic's id.
        whole: figures of all topics together.
        articles: how many there are.
        with_topics: how many of them have a topic.
        top1_hits: in how many of those the most likely topic is right, or open.
        untagged: how many have no topic.
    """

    topics: Mapping[str, Figures]
    whole: Figures
    articles: int
    with_topics: int
    top1_hits: int
    untagged: int

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the topics that at least one article has; 0 where there is none."""
        mean = macro_f1(self.topics.values())
        return 0.0 if math.isnan(mean) else mean

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        whole = _figures_json(self.whole)
        return {
            "articles": self.articles,
            "micro_precision": whole["precision"],
            "micro_recall": whole["recall"],
            "micro_f1": whole["f1"],
            "macro_f1": _rounded(self.macro_f1),
            "top1": _rounded(self.top1_hits / self.with_topics) if self.with_topics else None,
            "untagged": self.untagged,
            "auto_precision": whole["auto_precision"],
            "auto_share": whole["auto_share"],
            "topics": {topic: _figures_json(figures) for topic, figures in self.topics.items()},
        }


def score_articles(
    tagged: Sequence[TaggedArticle],
    wanted: Sequence[Iterable[str]],
    optional: Sequence[Iterable[str]] | None = None,
    *,
    topics: Iterable[str],
) -> Scores:
    """Compare answers with the topics that are right.

    Args:
        tagged: the answers.
        wanted: the right topics of each article; those that the model does not know are missed.
        optional: topics of each article that are neither right nor wrong.
        topics: the ids of the model's topics.
    """
    ids = list(topics)
    ids += sorted({topic for some in wanted for topic in some} - set(ids))
    column = {topic: place for place, topic in enumerate(ids)}
    decisions = np.full((len(tagged), len(ids)), NO, np.int8)
    for row in range(len(tagged)):
        decisions[row, [column[topic] for topic in (optional[row] if optional else ()) if topic in column]] = OPEN
        decisions[row, [column[topic] for topic in wanted[row]]] = YES
    return _scores(ids, decisions, _assigned(tagged, column))


def score_confidences(
    decisions: Table,
    confidences: Table,
    calibrations: Sequence[Calibration],
    *,
    topics: Sequence[str],
) -> Scores:
    """Compare confidences with decisions: as `score_articles`, for articles that give no reason for doubt.

    Args:
        decisions: yes, no or open, int8, shape (articles, topics).
        confidences: float64, the same shape.
        calibrations: one per topic, with its cut-offs.
        topics: their ids.
    """
    suggest, auto = cut_offs(calibrations)
    rows, columns = cells_from(confidences, suggest)
    sure = cells_at(confidences, rows, columns)
    order = np.lexsort((columns, -sure, rows))
    rows, columns, sure = rows[order], columns[order], sure[order]
    return _scores(topics, decisions, _Assigned(rows, columns, sure >= auto[columns]))


class _Assigned(NamedTuple):
    """The topics that articles are given, of each the most likely first.

    Attributes:
        rows: of the articles, int64, shape (assigned,).
        columns: of the topics, int64, shape (assigned,).
        auto: whether it is in the `auto` band, bool, shape (assigned,).
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    auto: Flags


def _assigned(tagged: Sequence[TaggedArticle], column: Mapping[str, int]) -> _Assigned:
    flat = [(row, column[one.topic.id], one.band) for row, answer in enumerate(tagged) for one in answer.topics]
    rows, columns, bands = zip(*flat, strict=True) if flat else ((), (), ())
    return _Assigned(
        np.array(rows, np.int64),
        np.array(columns, np.int64),
        np.array([band == "auto" for band in bands], np.bool_),
    )


def _scores(topics: Sequence[str], decisions: Table, assigned: _Assigned) -> Scores:
    count, articles = len(topics), len(decisions)
    decided = cells_at(decisions, assigned.rows, assigned.columns)
    yes = where_is(decisions, YES)
    wanted = np.asarray(yes.sum(axis=0)).ravel()
    some = decided != OPEN, decided == YES, assigned.auto & (decided != OPEN), assigned.auto & (decided == YES)
    sums = np.stack([wanted, *(np.bincount(assigned.columns[flags], minlength=count) for flags in some)]).astype(
        np.float64
    )
    of_topics = [Figures(int(column[0]), *column) for column in sums.T.tolist()]
    whole = Figures(int(wanted.sum()), *sums.sum(axis=1).tolist())
    tagged, first = np.unique(assigned.rows, return_index=True)
    first_right = np.zeros(articles, np.bool_)
    first_right[tagged] = decided[first] != NO
    has_topics = np.asarray(yes.sum(axis=1)).ravel() > 0
    return Scores(
        topics=dict(zip(topics, of_topics, strict=True)),
        whole=whole,
        articles=articles,
        with_topics=int(has_topics.sum()),
        top1_hits=int((first_right & has_topics).sum()),
        untagged=articles - len(tagged),
    )


def score_decided(model: TopicModel, articles: Sequence[Article], decisions: Table) -> Scores:
    """Tag articles and score the answers; `decisions` is yes, no or open, int8, shape (articles, topics)."""
    ids = model.taxonomy.ids
    return _scores(ids, decisions, _assigned(list(model.tag_many(articles)), {topic: i for i, topic in enumerate(ids)}))


def confidences_of(model: TopicModel, scores: Table) -> Table:
    """Return the confidences of raw scores, float64, shape (articles, topics)."""
    if not isinstance(scores, SparseTable):
        return model.confidences(scores)
    slopes, offsets = np.array([(one.slope, one.offset) for one in model.calibrations]).T
    confidences = scores.mapped(lambda values, columns: expit(slopes[columns] * values + offsets[columns]))
    for child, parent in model.taxonomy.implied:
        rows, values = confidences.column(child)
        values[:] = np.minimum(values, cells_at(confidences[:, [parent]], rows, np.zeros(len(rows), np.int64)))
    return confidences


def out_of_fold_metrics(
    model: TopicModel, decisions: Table, scores: Table, weight: NDArray[np.float64]
) -> dict[str, Any]:
    """Return the figures of a fit for the manifest: per topic, and over all.

    Args:
        model: the fitted model.
        decisions: yes, no or open, int8, shape (articles, topics).
        scores: raw scores of models that did not see the article, float64, the same shape.
        weight: weighs each article back to a fair sample, float64, shape (articles,).
    """
    confidences = confidences_of(model, scores)
    metrics = score_confidences(decisions, confidences, model.calibrations, topics=model.taxonomy.ids).to_json()
    topics = metrics.pop("topics")
    if isinstance(confidences, SparseTable):
        error, brier = _calibration_figures(decisions, confidences, weight)
    else:
        error = expected_calibration_error(np.asarray(decisions), confidences, weight)
        brier = brier_score(np.asarray(decisions), confidences, weight)
    return {"topics": topics, "out_of_fold": metrics | {"calibration_error": round(error, 4), "brier": round(brier, 4)}}


def _calibration_figures(decisions: Table, confidences: SparseTable, weight: Floats) -> tuple[float, float]:
    """Return calibration error and Brier score of many topics; the pairs that are not stored count as a sure no."""
    rows, columns = confidences.cells.indices, confidences.columns
    values = cells_at(decisions, rows, columns)
    decided = values != OPEN
    pairs = DecidedPairs(confidences.cells.data[decided], values[decided] == YES, weight[rows[decided]])
    left_open = np.asarray(where_is(decisions, OPEN).sum(axis=1)).ravel()
    total = float(weight @ (decisions.shape[1] - left_open))
    likely = pairs.confidence >= LEAST_CONFIDENCE
    bins = reliability(DecidedPairs(pairs.confidence[likely], pairs.right[likely], pairs.weight[likely]))
    return calibration_error_of(bins), float(pairs.weight @ (pairs.confidence - pairs.right) ** 2) / total


def auto_record(model: TopicModel, decisions: Table, scores: Table, proof: Record | None = None) -> dict[str, Any]:
    """Return what the `auto` band gave, for the manifest: of all topics together, and of the weakest.

    Args:
        model: the calibrated model.
        decisions: yes, no or open, int8, of articles drawn at random, shape (articles, topics).
        scores: raw scores of models that did not see the article, float64, the same shape.
        proof: what each topic was given by cut-offs that other articles chose, as `promise.proven` returns it. None:
            these articles' own cut-offs.
    """
    measured = score_confidences(
        decisions, confidences_of(model, scores), model.calibrations, topics=model.taxonomy.ids
    )
    whole, topics = measured.whole, measured.topics
    if proof is not None:
        whole = replace(whole, auto_predicted=float(proof.given.sum()), auto_hits=float(proof.hits.sum()))
        counts = zip(topics.items(), *(values.tolist() for values in proof), strict=True)
        topics = {topic: replace(row, auto_predicted=given, auto_hits=hits) for (topic, row), hits, given in counts}
    banded = [calibration.auto is not None for calibration in model.calibrations]
    some = {
        topic: row
        for (topic, row), has_band in zip(topics.items(), banded, strict=True)
        if has_band and row.auto_predicted >= LEAST_GIVEN
    }
    weakest = min(some, key=lambda topic: some[topic].auto_precision, default=None)
    return {
        "articles": len(decisions),
        "given": int(whole.auto_predicted),
        "right": int(whole.auto_hits),
        "precision": _rounded(whole.auto_precision),
        "bound": round(float(precision_bound(whole.auto_hits, whole.auto_predicted)), 4),
        "share": _rounded(whole.auto_share),
        "weakest": weakest,
        "weakest_precision": None if weakest is None else _rounded(some[weakest].auto_precision),
    }


def table(scores: Scores, title: str) -> str:
    """Lay the figures out as text."""
    width = max(map(len, ("topic", *scores.topics)))
    lines = [
        f"{title}: {counted(scores.articles, 'article')}",
        f"  {'topic':{width}s} precision  recall      F1  support   auto precision  share",
    ]
    for topic, figures in sorted(scores.topics.items(), key=lambda item: -item[1].f1):
        row = _figures_json(figures)
        lines.append(
            f"  {topic:{width}s} {_cell(row['precision'], 9)} {_cell(row['recall'], 7)} {_cell(row['f1'], 7)}"
            f" {figures.support:8d} {_cell(row['auto_precision'], 16)} {_cell(row['auto_share'], 6)}"
        )
    row = scores.to_json()
    lines.append(
        f"  micro-F1 {row['micro_f1']:.3f}  macro-F1 {row['macro_f1']:.3f}  top-1 {_cell(row['top1'], 0)}  "
        f"untagged {scores.untagged}  auto precision {_cell(row['auto_precision'], 0)} "
        f"covering {_cell(row['auto_share'], 0)} of the topics"
    )
    return "\n".join(lines)


def _figures_json(figures: Figures) -> dict[str, Any]:
    return {
        "precision": _rounded(figures.precision),
        "recall": _rounded(figures.recall),
        "f1": _rounded(figures.f1),
        "support": figures.support,
        "auto_precision": _rounded(figures.auto_precision),
        "auto_share": _rounded(figures.auto_share),
    }


def _cell(value: float | None, width: int) -> str:
    return f"{'-' if value is None else f'{value:.3f}':>{width}s}"


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
