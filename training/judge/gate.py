"""Is a candidate better than the served model? One paired comparison with three possible decisions.

- **promote**: micro-F1 rises by a margin, and by more than chance gives to equally good models in nine cases of ten; or
  it falls by less than the margin, and the candidate surely wins more of what editors decided than it loses.
- **hold**: as far as can be told, it is as good as the served model: nothing speaks against it, but too little for it.
- **refuse**: something got worse: micro-F1, a topic, or what the `auto` band promises.

The bootstrap has a fixed seed, so that the same models and articles make the same record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import binom

from tagdesk.models.calibration import Calibration
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.corpora.labels import OPEN, YES
from tagdesk.training.errors import TrainingError
from tagdesk.training.judge.confidences import Flags, Floats
from tagdesk.training.judge.measure import Measured, in_bands, measure
from tagdesk.training.judge.pairs import Pairs
from tagdesk.training.judge.resample import f1_changes, resamples
from tagdesk.training.promise import precision_bound

DRAWS = 4_000
"""Samples drawn by the paired bootstrap."""

CHANCE = 0.1
"""How often a candidate is promoted that is only as good as the served model."""

MARGIN = 0.001
"""A smaller rise of micro-F1 is not worth a new model."""

SURE = 0.05
"""How often something is called worse that is not; for topics, over all of them together."""

VERDICTS = 0.01
"""How often a model that is no better wins so much more of what editors decided than it loses."""

FEWEST = 30
"""Fewer articles are too few for a comparison."""

COLLAPSED = 5
"""A topic is lost that the served model finds in so many articles, and the candidate in none of them."""

MOST_SHARE_LOST = 0.05
"""How far the share of the topics that the `auto` band finds may fall, where it surely falls."""

MOST_MISCALIBRATED = 0.03
"""How much the expected calibration error may grow."""

FEWEST_CALIBRATED = 100
"""With fewer articles the calibration error is chance."""

NO_EVIDENCE = (
    "the two bundles have no articles of the corpora in common (evidence.safetensors.gz): only articles that editors "
    "corrected are compared, and nothing tells whether the model keeps the rest of what it knew"
)

Decision = Literal["promote", "hold", "refuse"]


@dataclass(frozen=True, slots=True)
class Shift:
    """A figure of both models, and the 95 % interval of its change."""

    served: float
    candidate: float
    low: float
    high: float

    @classmethod
    def of(cls, served: float, candidate: float, changes: Floats) -> "Shift":
        """Return a figure of both models with the interval of the changes that a bootstrap drew, shape (draws,)."""
        low, high = np.quantile(changes, (0.025, 0.975))
        return cls(served, candidate, float(low), float(high))

    @property
    def change(self) -> float:
        """The candidate's figure minus that of the served model."""
        return self.candidate - self.served

    @property
    def interval(self) -> str:
        """The interval in words."""
        return f"95 % interval {self.low:+.3f} to {self.high:+.3f}"

    def to_json(self) -> dict[str, float | None]:
        """Return the figures as JSON values."""
        figures = {"served": self.served, "candidate": self.candidate, "low": self.low, "high": self.high}
        return {name: _rounded(value) for name, value in figures.items()}


@dataclass(frozen=True, slots=True)
class TopicChange:
    """How one topic changed.

    Attributes:
        topic: its id.
        articles: how many articles have it.
        f1: of both models, with the 95 % interval of its change; for people, as the interval is too wide on few
            articles.
        lost, won: articles for which only the served model is right about the topic, and only the candidate.
        p_value: how likely so many are lost of those that differ if both models are equally good; exact.
        fell: whether the topic is surely worse, the number of topics taken into account, or lost: see `COLLAPSED`.
    """

    topic: str
    articles: int
    f1: Shift
    lost: int
    won: int
    p_value: float
    fell: bool

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "topic": self.topic,
            "articles": self.articles,
            **self.f1.to_json(),
            "lost": self.lost,
            "won": self.won,
            "p_value": round(self.p_value, 6),
            "fell": self.fell,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's verdict.

    Attributes:
        decision: promote, hold or refuse.
        reasons: why the candidate is not promoted, a sentence each; none where it is.
        notes: what else the reader should know.
        articles: how many articles both were measured on, and how many of them editors corrected.
        corrections: of the articles that editors corrected, how many the candidate does better on, and how many worse.
        micro_f1: of both models.
        rises: one-sided lower bound of the change of micro-F1, at `CHANCE`.
        auto_precision, auto_share: of both models; a precision is NaN where a model puts no topic in its `auto` band.
        auto_bound: one-sided 95 % lower bounds of both `auto` precisions.
        calibration_error: of both models.
        topics: how each topic changed.
    """

    decision: Decision
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    articles: tuple[int, int]
    corrections: tuple[int, int]
    micro_f1: Shift
    rises: float
    auto_precision: Shift
    auto_share: Shift
    auto_bound: tuple[float | None, float | None]
    calibration_error: tuple[float | None, float | None]
    topics: tuple[TopicChange, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the record, JSON values."""
        articles, corrected = self.articles
        return {
            "verdict": self.decision,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            "articles": articles,
            "corrected": corrected,
            "verdicts": dict(zip(("won", "lost"), self.corrections, strict=True)),
            "micro_f1": self.micro_f1.to_json() | {"difference": round(self.micro_f1.change, 4)},
            "rises": round(self.rises, 4),
            "auto_precision": self.auto_precision.to_json(),
            "auto_precision_bound": list(self.auto_bound),
            "auto_share": self.auto_share.to_json(),
            "calibration_error": list(self.calibration_error),
            "topics": [topic.to_json() for topic in self.topics],
        }


def compare(served: TopicModel, candidate: TopicModel, pairs: Pairs, promise: float, *, draws: int = DRAWS) -> Verdict:
    """Compare a candidate with the served model.

    Args:
        served: the model that is served.
        candidate: the model that may replace it.
        pairs: articles with the confidences of both, as if unseen.
        promise: the precision that the `auto` band promises.
        draws: samples drawn by the paired bootstrap.

    Raises:
        TrainingError: there is no article to compare on.
    """
    sample = pairs.rows(pairs.is_sample)
    if not len(sample):
        raise TrainingError(
            "nothing to compare the two models on: no correction that judges an article as a whole, and no "
            "evidence.safetensors.gz of the same articles in both bundles; train the model again, or publish it with "
            "--force"
        )
    old_cut_offs, new_cut_offs = (
        [model.calibrations[model.taxonomy.column(topic)] for topic in pairs.topics] for model in (served, candidate)
    )
    before = measure(sample.decisions, sample.served, sample.weight, old_cut_offs)
    after = measure(sample.decisions, sample.candidate, sample.weight, new_cut_offs)
    f1_draws, _ = f1_changes(sample.decisions, after.predicted, before.predicted, sample.weight, draws=draws)
    micro_f1 = Shift.of(before.whole.f1, after.whole.f1, f1_draws[:, -1])
    rises = float(np.quantile(f1_draws[:, -1], CHANCE))
    autos = in_bands(sample.served, old_cut_offs)[1], in_bands(sample.candidate, new_cut_offs)[1]
    precision_draws, share_draws = _auto_changes(sample, *autos, draws)
    auto_precision = Shift.of(before.whole.auto_precision, after.whole.auto_precision, precision_draws)
    auto_share = Shift.of(before.whole.auto_share, after.whole.auto_share, share_draws)
    topics = _topic_changes(sample, before, after, f1_draws)
    faults = [f"{topic} is no longer a topic" for topic in served.taxonomy.ids if topic not in candidate.taxonomy]
    faults += _faults(micro_f1, auto_precision, auto_share, topics, promise)
    if len(sample) >= FEWEST_CALIBRATED:
        faults += _calibration_faults(before, after)
    won, lost = _won_and_lost(pairs.rows(pairs.editor), old_cut_offs, new_cut_offs)
    surely_won = binom.sf(won - 1, won + lost, 0.5) <= VERDICTS
    is_wanted = surely_won and len(sample) >= FEWEST and micro_f1.change > -MARGIN
    doubts = [] if is_wanted else _doubts(len(sample), micro_f1, rises)
    return Verdict(
        decision="refuse" if faults else "hold" if doubts else "promote",
        reasons=tuple(faults or doubts),
        notes=() if sample.has_corpus else (NO_EVIDENCE,),
        articles=(len(sample), int(sample.editor.sum())),
        corrections=(won, lost),
        micro_f1=micro_f1,
        rises=rises,
        auto_precision=auto_precision,
        auto_share=auto_share,
        auto_bound=(auto_bound(sample, before), auto_bound(sample, after)),
        calibration_error=(_rounded(before.calibration_error), _rounded(after.calibration_error)),
        topics=topics,
    )


def _won_and_lost(pairs: Pairs, served: Sequence[Calibration], candidate: Sequence[Calibration]) -> tuple[int, int]:
    """Return for how many articles the candidate has more topics right than the served model, and for how many fewer.

    Args:
        pairs: the articles.
        served: the served model's calibrations, one a topic.
        candidate: the candidate's.
    """
    yes, decided = pairs.decisions == YES, pairs.decisions != OPEN
    before = (in_bands(pairs.served, served)[0] == yes) & decided
    after = (in_bands(pairs.candidate, candidate)[0] == yes) & decided
    gain = after.sum(axis=1) - before.sum(axis=1)
    return int((gain > 0).sum()), int((gain < 0).sum())


def _faults(
    micro_f1: Shift, auto_precision: Shift, auto_share: Shift, topics: Sequence[TopicChange], promise: float
) -> list[str]:
    """Return a sentence for everything that surely got worse."""
    faults = []
    if micro_f1.high < 0:
        faults.append(f"micro-F1 falls by {-micro_f1.change:.3f}, {micro_f1.interval}")
    faults += [
        f"{topic.topic} falls from {topic.f1.served:.3f} to {topic.f1.candidate:.3f} F1: "
        f"{topic.lost:,} articles lost and {topic.won:,} won, of {topic.articles:,} that have it"
        for topic in topics
        if topic.fell
    ]
    if auto_precision.high < 0 and auto_precision.candidate < promise:
        faults.append(
            f"`auto` promises {promise}, and its precision falls from {auto_precision.served:.3f} to "
            f"{auto_precision.candidate:.3f}, {auto_precision.interval}"
        )
    if auto_share.high < 0 and auto_share.change < -MOST_SHARE_LOST:
        faults.append(
            f"`auto` covers {auto_share.candidate:.3f} of the topics instead of {auto_share.served:.3f}, "
            f"{auto_share.interval}"
        )
    return faults


def _calibration_faults(before: Measured, after: Measured) -> list[str]:
    if after.calibration_error > before.calibration_error + MOST_MISCALIBRATED:
        return [f"the calibration error grows from {before.calibration_error:.3f} to {after.calibration_error:.3f}"]
    return []


def _doubts(articles: int, micro_f1: Shift, rises: float) -> list[str]:
    """Return a sentence on why a candidate that is no worse is not surely better."""
    if articles < FEWEST:
        return [f"{articles:,} articles are too few to compare two models on: it takes at least {FEWEST}"]
    if micro_f1.change < MARGIN:
        return [f"micro-F1 changes by {micro_f1.change:+.4f}: less than {MARGIN} is not worth a new model"]
    if rises <= 0:
        return [f"micro-F1 rises by {micro_f1.change:.4f}, which may be chance: {micro_f1.interval}"]
    return []


def _auto_changes(pairs: Pairs, before: Flags, after: Flags, draws: int) -> tuple[Floats, Floats]:
    """Return the changes of the `auto` band's precision and share in every draw of `resamples`: shape (draws,) each.

    An empty band has the precision 1.

    Args:
        pairs: the articles.
        before: topics in the served model's `auto` band, bool, shape (articles, topics).
        after: those in the candidate's.
        draws: samples to draw.
    """
    yes, decided = pairs.decisions == YES, pairs.decisions != OPEN
    flags = [yes, before & decided, before & yes, after & decided, after & yes]
    counts = np.stack([flag.sum(axis=1) for flag in flags], axis=1) * pairs.weight[:, None]
    sums = np.stack([times @ counts for times in resamples(len(pairs), draws, 0)])
    wanted, predicted_before, hits_before, predicted, hits = sums.T
    precision_before, precision = (
        np.where(total > 0, right / np.maximum(total, 1e-12), 1.0)
        for total, right in ((predicted_before, hits_before), (predicted, hits))
    )
    return precision - precision_before, (hits - hits_before) / np.maximum(wanted, 1e-12)


def _topic_changes(pairs: Pairs, before: Measured, after: Measured, f1_draws: Floats) -> tuple[TopicChange, ...]:
    """Compare topic by topic.

    A topic fell where the exact one-sided test of McNemar ("Note on the sampling error of the difference between
    correlated proportions", 1947) says so of the articles about which only one model is right. The tests go by Holm's
    procedure, without the topics of which so few articles differ that none could ever be sure (Tarone, "A modified
    Bonferroni method for discrete data", 1990).

    Args:
        pairs: the articles.
        before: the served model's figures.
        after: the candidate's.
        f1_draws: changes of F1 in every draw, float64, shape (draws, topics + 1).
    """
    yes, decided = pairs.decisions == YES, pairs.decisions != OPEN
    right_before, right = ((measured.predicted == yes) & decided for measured in (before, after))
    lost, won = (right_before & ~right).sum(axis=0), (right & ~right_before).sum(axis=0)
    p_values = binom.sf(lost - 1, lost + won, 0.5)
    sure = _sure_tests(p_values, 0.5 ** (lost + won))
    hits_before, hits = ((measured.predicted & yes).sum(axis=0) for measured in (before, after))
    collapsed = (hits_before >= COLLAPSED) & (hits == 0)
    return tuple(
        TopicChange(
            topic=topic,
            articles=int(yes[:, i].sum()),
            f1=Shift.of(before.topics[i].f1, after.topics[i].f1, f1_draws[:, i]),
            lost=int(lost[i]),
            won=int(won[i]),
            p_value=float(p_values[i]),
            fell=bool(sure[i] or collapsed[i]),
        )
        for i, topic in enumerate(pairs.topics)
    )


def _sure_tests(p_values: Floats, least: Floats) -> Flags:
    """Return which of several tests are sure, at `SURE` for all together: bool, shape (tests,).

    Args:
        p_values: of the tests, float64, shape (tests,).
        least: the least p-value that each test could have, float64, shape (tests,).
    """
    tests = next(count for count in range(1, len(p_values) + 2) if (least <= SURE / count).sum() <= count)
    able = np.flatnonzero(least <= SURE / tests)
    sure = np.zeros(len(p_values), np.bool_)
    for rank, test in enumerate(able[np.argsort(p_values[able], kind="stable")].tolist()):
        if p_values[test] > SURE / (len(able) - rank):
            break
        sure[test] = True
    return sure


def auto_bound(pairs: Pairs, measured: Measured) -> float | None:
    """Return the `precision_bound` of all topics in the `auto` band together; None where it is empty."""
    predicted, hits = measured.whole.auto_predicted, measured.whole.auto_hits
    if not predicted > 0:
        return None
    worth = pairs.weight.sum() / (pairs.weight @ pairs.weight)  # as many articles as the weighted ones are (Kish, 1965)
    return _rounded(float(precision_bound(hits * worth, predicted * worth)))


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
