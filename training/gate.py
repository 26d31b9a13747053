"""Is a candidate better than the model that is served? What is asked before it goes live, on the frozen test set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from models.article import ArticleText
from models.topic_model import TopicModel
from training.errors import TrainingError
from training.frozen_test import Unseen, common_topics, together
from training.labels import YES
from training.measure import Measured, f1_changes, measure

DRAWS = 4_000
"""Of the paired bootstrap: enough for the interval of each topic, at 95 % over all topics together."""

FEWEST_OF_TOPIC = 5
"""Of a topic with fewer articles in a set nothing is said."""

MOST_LOST = 0.01
"""Of micro-F1 over all articles: a candidate that loses no more, and not surely, may pass."""

MOST_MISCALIBRATED = 0.03
"""How much the expected calibration error may grow."""

FEWEST_CALIBRATED = 100
"""Of a set with fewer articles the calibration error and the precision of `auto` are chance."""

MOST_SLOWER = 1.5
"""How much longer tagging may take."""

MOST_BROKEN = 0.02
"""How far the lower bound of `auto` precision may fall, where it is under what is promised."""

_TIMED = 32
_ROUNDS = 7

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moved:
    """An F1 of both models, and the interval of its change."""

    served: float
    candidate: float
    low: float
    high: float

    @property
    def change(self) -> float:
        """How much more the candidate's is."""
        return self.candidate - self.served


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says.

    Attributes:
        reasons: why the candidate is refused, a sentence each; none where it passes.
        fallen: topics that surely fell, and by how much F1 (negative).
        articles: how many both were measured on.
        micro_f1: of all articles together.
        topics: of those of which enough articles are there, in all articles together.
        figures: of each set and of both models (served, candidate), JSON values.
    """

    reasons: tuple[str, ...]
    fallen: Mapping[str, float]
    articles: int
    micro_f1: Moved
    topics: Mapping[str, Moved]
    figures: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether the candidate may go live."""
        return not self.reasons


def compare(
    served: TopicModel,
    candidate: TopicModel,
    sets: Sequence[Unseen],
    texts: Sequence[ArticleText],
    promise: float,
) -> Verdict:
    """Compare a candidate with the served model.

    It is refused where it gains nothing on any set; lacks a topic that the served model has; loses more than
    `MOST_LOST` of micro-F1 over all; or where on a set micro-F1 surely falls, a topic surely falls, the calibration
    error grows by more than `MOST_MISCALIBRATED`, or `auto` keeps its promise worse than before; or is slow.

    Args:
        served: the model that is served.
        candidate: the one that may take its place.
        sets: articles that neither has learned from, or each as if it had not, of the topics that both have.
        texts: what tagging is timed on; of none it is not.
        promise: the precision that the `auto` band promises.

    Raises:
        TrainingError: there is nothing to compare on.
    """
    if not sets:
        raise TrainingError(
            "nothing to compare the two models on: no corrections, and no reference.safetensors.gz of the same "
            "articles in both bundles; write them with `python -m training reference`, or publish with --force"
        )
    topics = common_topics(served, candidate)
    gone = [topic for topic in served.taxonomy.ids if topic not in candidate.taxonomy]
    reasons = [f"{topic} is no longer a topic" for topic in gone]
    found = [_Compared.on(one, served, candidate, topics) for one in sets]
    whole = found[0] if len(found) == 1 else _Compared.on(together(sets), served, candidate, topics)
    if all(one.micro_f1.change <= 0 for one in found):
        reasons.append(f"micro-F1 does not rise on {' or '.join(one.where for one in found)}")
    if whole.micro_f1.change < -MOST_LOST and whole.micro_f1.high >= 0:
        reasons.append(f"micro-F1 falls by {-whole.micro_f1.change:.3f} on {whole.where}")
    fallen: dict[str, float] = {}
    for one in found:
        reasons += one.faults(promise)
        for topic, moved in one.down.items():
            fallen[topic] = min(moved.change, fallen.get(topic, 0.0))
    slower = _slower(served, candidate, texts) if texts else None
    if slower is not None and slower > MOST_SLOWER:
        reasons.append(f"tagging takes {slower:.1f} times as long")
    figures = {one.of.name: one.figures() for one in found} | {"time": slower and round(slower, 2)}
    return Verdict(tuple(reasons), fallen, len(whole.of), whole.micro_f1, whole.topics, figures)


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Both models on one set."""

    of: Unseen
    before: Measured
    after: Measured
    micro_f1: Moved
    topics: Mapping[str, Moved]

    @classmethod
    def on(cls, of: Unseen, served: TopicModel, candidate: TopicModel, topics: Sequence[str]) -> "_Compared":
        before, after = (
            measure(of.decisions, confident, of.weight, [model.calibrations[model.taxonomy.column(t)] for t in topics])
            for model, confident in ((served, of.served), (candidate, of.candidate))
        )
        drawn, _ = f1_changes(of.decisions, after.given, before.given, of.weight, draws=DRAWS)
        tail = 0.025 / len(topics)  # of all topics together, Bonferroni's way
        moved = {
            topic: _moved(before.topics[i].f1, after.topics[i].f1, drawn[:, i], tail)
            for i, topic in enumerate(topics)
            if (of.decisions[:, i] == YES).sum() >= FEWEST_OF_TOPIC
        }
        return cls(of, before, after, _moved(before.whole.f1, after.whole.f1, drawn[:, -1], 0.025), moved)

    @property
    def where(self) -> str:
        return f"{self.of.name} ({len(self.of):,} articles)"

    @property
    def down(self) -> dict[str, Moved]:
        """The topics that surely fell, the deepest first."""
        fell = {topic: moved for topic, moved in self.topics.items() if moved.high < 0}
        return dict(sorted(fell.items(), key=lambda item: item[1].change))

    def faults(self, promise: float) -> list[str]:
        whole, reasons = self.micro_f1, []
        if whole.high < 0:
            reasons.append(
                f"micro-F1 falls by {-whole.change:.3f} on {self.where}, surely: {-whole.high:.3f} to {-whole.low:.3f}"
            )
        reasons += [
            f"{topic} falls by {-moved.change:.3f} F1, from {moved.served:.3f} to {moved.candidate:.3f}, "
            f"on {self.where}, surely: {-moved.high:.3f} to {-moved.low:.3f}"
            for topic, moved in self.down.items()
        ]
        if len(self.of) < FEWEST_CALIBRATED:
            return reasons
        was, now = self.before.calibration_error, self.after.calibration_error
        if now > was + MOST_MISCALIBRATED:
            reasons.append(f"the calibration error grows from {was:.3f} to {now:.3f} on {self.where}")
        least, bound = auto_bound(self.of, self.before), auto_bound(self.of, self.after)
        if least is not None and bound is not None and bound < promise and bound < least - MOST_BROKEN:
            reasons.append(
                f"`auto` promises {promise}, and its precision's lower bound falls from {least:.3f} to {bound:.3f} "
                f"on {self.where}"
            )
        return reasons

    def figures(self) -> dict[str, Any]:
        both = self.before, self.after
        return {
            "articles": len(self.of),
            "micro_f1": [_rounded(one.whole.f1) for one in both],
            "calibration_error": [_rounded(one.calibration_error) for one in both],
            "auto_precision": [_rounded(one.whole.auto_precision) for one in both],
            "auto_precision_bound": [auto_bound(self.of, one) for one in both],
            "auto_share": [_rounded(one.whole.auto_share) for one in both],
        }


def _moved(served: float, candidate: float, drawn: _Floats, tail: float) -> Moved:
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return Moved(served, candidate, float(low), float(high))


def auto_bound(of: Unseen, measured: Measured) -> float | None:
    """Return the one-sided 95 % Clopper-Pearson lower bound of the precision of all `auto` topics; None without any."""
    given, hits = measured.whole.auto_given, measured.whole.auto_hits
    if not given > 0:
        return None
    worth = of.weight.sum() / (of.weight @ of.weight)  # as many articles as the weighted ones are worth (Kish, 1965)
    return _rounded(float(beta.ppf(0.05, max(hits * worth, 1e-9), (given - hits) * worth + 1)))


def _slower(served: TopicModel, candidate: TopicModel, texts: Sequence[ArticleText]) -> float:
    """Return how many times as long the candidate takes for some texts, at best; the two take turns."""
    best: dict[str, float] = {}
    for _ in range(_ROUNDS):
        for name, model in (("served", served), ("candidate", candidate)):
            start = perf_counter()
            model.scores(texts[:_TIMED])
            best[name] = min(perf_counter() - start, best.get(name, inf))
    return best["candidate"] / best["served"]


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
