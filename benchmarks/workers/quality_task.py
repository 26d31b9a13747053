"""What the workers of the quality benchmark share: the task, folds, cut-offs, what counts as good. Needs numpy alone.

A worker is run as `python WORKER METHOD FOLDER TARGET`. The folder holds `train.jsonl`, `test.jsonl` without its
topics, and `task.json`; the answers go to the target as JSON.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDS = 3
FLOOR = 0.2
LEAN = 0.04
Scores = NDArray[np.float64]
Truth = NDArray[np.bool_]


@dataclass(frozen=True)
class Task:
    """A set of articles to learn from, and one to answer.

    Attributes:
        train: articles, each `title`, `body` and `topics`.
        test: articles without topics.
        topics: the names, in order.
        multi: an article has any number of topics; else exactly one.
        language: ISO 639-1.
        budget: seconds that a search without an end of its own may take.
        earlier: the settings that a relative of this method chose on the same articles, where it has run.
    """

    train: Sequence[Mapping[str, Any]]
    test: Sequence[Mapping[str, Any]]
    topics: Sequence[str]
    multi: bool
    language: str
    budget: float
    earlier: Mapping[str, Any] | None = None

    @property
    def texts(self) -> list[str]:
        """The texts to learn from."""
        return list(map(text_of, self.train))

    @property
    def test_texts(self) -> list[str]:
        """The texts to answer."""
        return list(map(text_of, self.test))

    @property
    def truth(self) -> Truth:
        """Which topics the articles to learn from have: bool, shape (articles, topics)."""
        number = {topic: i for i, topic in enumerate(self.topics)}
        truth = np.zeros((len(self.train), len(self.topics)), np.bool_)
        for i, row in enumerate(self.train):
            truth[i, [number[topic] for topic in row["topics"]]] = True
        return truth


@dataclass(frozen=True)
class Answer:
    """What a worker hands back.

    Attributes:
        answers: the topics of each test article.
        settings: what was chosen on the training articles.
        search_seconds: processor time until it was chosen.
        fit_seconds: processor time of the final fit, from texts to a model with its cut-offs.
    """

    answers: Sequence[Sequence[str]]
    settings: Mapping[str, Any]
    search_seconds: float
    fit_seconds: float
    notes: Sequence[str] = field(default=())


Method = Callable[[Task], Answer]


def main(methods: Mapping[str, Method]) -> None:
    """Run the method that the command line names."""
    name, folder, target = sys.argv[1:4]
    answer = methods[name](read_task(Path(folder)))
    Path(target).write_text(json.dumps(asdict(answer)), encoding="utf-8")


def read_task(folder: Path) -> Task:
    """Read a task."""
    train, test = (_read_rows(folder / f"{part}.jsonl") for part in ("train", "test"))
    return Task(train, test, **json.loads((folder / "task.json").read_text(encoding="utf-8")))


def _read_rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return list(map(json.loads, lines))


def text_of(row: Mapping[str, Any]) -> str:
    """Return an article as one text, for those that know no titles."""
    return f"{row['title']}\n{row['body']}"


def deal(truth: Truth, count: int = FOLDS) -> NDArray[np.int64]:
    """Deal articles into folds, those with the same rarest topic evenly: int64, shape (articles,)."""
    rarest = np.where(truth, truth.sum(0), len(truth) + 1).argmin(1)
    order = np.random.default_rng(0).permutation(len(truth))
    order = order[np.argsort(rarest[order], kind="stable")]
    fold = np.empty(len(truth), np.int64)
    fold[order] = np.arange(len(truth)) % count
    return fold


def out_of_fold(truth: Truth, fit: Callable[[NDArray[np.int64], NDArray[np.int64]], Scores]) -> Scores:
    """Score every article by a model that did not see it; `fit` takes the rows to learn from and those to score."""
    fold, scores = deal(truth), np.zeros(truth.shape)
    for left_out in range(FOLDS):
        scores[fold == left_out] = fit(np.flatnonzero(fold != left_out), np.flatnonzero(fold == left_out))
    return scores


def cut_offs(scores: Scores, truth: Truth) -> NDArray[np.float64]:
    """Return the score from which each topic's F1 is best: shape (topics,).

    The F1 of a topic with few articles is jagged. Of cut-offs that are nearly as good the one near the best for all
    topics together is taken: each standard deviation of the scores between the two costs `LEAN`. Where F1 is under
    `FLOOR`, the cut-off is no lower than that for all: a single article ranked low would let in thousands. Compare
    SCutFBR, Yang, "A study on thresholding strategies for text categorization" (2001). Both numbers were chosen on
    R90's training articles: out of fold, micro- and macro-F1 0.904 and 0.626, with 0.3 and 0 0.901 and 0.615.
    """
    together, _ = _best_cut_off(scores.ravel(), truth.ravel())
    best = [_best_cut_off(*column, together, LEAN / scores.std()) for column in zip(scores.T, truth.T, strict=True)]
    return np.array([cut if reached >= FLOOR else max(cut, together) for cut, reached in best])


def _best_cut_off(scores: Scores, right: Truth, near: float = 0.0, cost: float = 0.0) -> tuple[float, float]:
    """Return the score from which F1 is best, half way to the next one below, and that F1.

    F1 counts less by `cost` for each point between the score and `near`.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    reached = 2 * np.cumsum(right[order]) / (np.arange(1, len(ranked) + 1) + right.sum())
    best = int(np.argmax(reached - cost * np.abs(ranked - near)))
    return (ranked[best] + ranked[min(best + 1, len(ranked) - 1)]) / 2, float(reached[best])


def decide(scores: Scores, cut: NDArray[np.float64] | None) -> Truth:
    """Return the topics above their cut-offs; without cut-offs, of each article the one with the highest score."""
    if cut is not None:
        return scores > cut
    decided = np.zeros(scores.shape, np.bool_)
    decided[np.arange(len(scores)), scores.argmax(1)] = True
    return decided


def f1(decided: Truth, truth: Truth) -> tuple[float, float]:
    """Return micro- and macro-F1; a topic that nobody has and nobody was given counts 0."""
    hits, sizes = (decided & truth).sum(0), decided.sum(0) + truth.sum(0)
    return float(2 * hits.sum() / max(sizes.sum(), 1)), float(np.mean(2 * hits / np.maximum(sizes, 1)))


def goodness(scores: Scores, truth: Truth, *, multi: bool) -> float:
    """Return what a search maximizes: accuracy, or the mean of micro- and macro-F1 at the best cut-offs."""
    if multi:
        return float(np.mean(f1(decide(scores, cut_offs(scores, truth)), truth)))
    return float((decide(scores, None) & truth).sum() / len(truth))


def answer(task: Task, scores: Scores, out: Scores | None, settings: Mapping[str, Any], clock: "Clock") -> Answer:
    """Decide by scores of the test articles; cut-offs come from scores out of fold."""
    decided = decide(scores, cut_offs(out, task.truth) if task.multi and out is not None else None)
    named = [[task.topics[i] for i in np.flatnonzero(row).tolist()] for row in decided]
    return Answer(named, settings, clock.search_seconds, clock.fit_seconds)


class Clock:
    """Processor time of the search and of the final fit; it starts when it is made."""

    def __init__(self) -> None:
        self.search_seconds = self.fit_seconds = 0.0
        self._start = process_time()

    def searched(self) -> None:
        """End the search."""
        self.search_seconds = process_time() - self._start
        self._start = process_time()

    def fitted(self) -> None:
        """End the final fit."""
        self.fit_seconds = process_time() - self._start
