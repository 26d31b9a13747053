"""Tagdesk in the quality benchmark: the training code of this repository, settings by cross-validation.

Run as the other workers are: `python -m benchmarks.quality_ours ours FOLDER TARGET`.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmarks.workers.quality_task import FOLDS, Answer, Clock, Task, cut_offs, deal, decide, goodness, main
from models.article import ArticleText
from training.config import FitSettings
from training.fit import Fitted, fit_topics
from training.labels import NO, YES
from training.vectorize import NgramVectorizer


@dataclass(frozen=True, slots=True)
class Setting:
    """What is chosen.

    Attributes:
        longest: words in the longest n-gram.
        min_df: articles that an n-gram needs.
        title_weight: how often a word of the title counts.
        count_ratio: power of the log-count ratio that n-grams are multiplied by.
        C: inverse strength of the penalty.
    """

    longest: int = 2
    min_df: int = 2
    title_weight: float = 1.0
    count_ratio: float = 0.4
    C: float = 1.0


FEATURES = (
    Setting(longest=1, min_df=1),
    Setting(longest=1, min_df=1, title_weight=2.0),
    Setting(),
    Setting(title_weight=2.0),
)
"""Tried first, the rest as above."""
MOVES = {"count_ratio": (0.0, 1.0), "C": (0.3, 3.0)}
"""Tried next, one after the other, with the best so far."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """The test articles, tagged.

    Attributes:
        topics: names, in the order of the columns.
        scores: float64, shape (articles, topics).
        decided: bool, the same shape.
        setting: what was chosen.
        clock: how long it took.
    """

    topics: tuple[str, ...]
    scores: NDArray[np.float64]
    decided: NDArray[np.bool_]
    setting: Setting
    clock: Clock


def tagdesk(
    train_texts: Sequence[ArticleText],
    train_topics: Sequence[Collection[str]],
    test_texts: Sequence[ArticleText],
    *,
    multi: bool,
) -> Tagged:
    """Learn topics from articles and tag others.

    Args:
        train_texts: what to learn from.
        train_topics: the topics of each.
        test_texts: what to tag.
        multi: an article has any number of topics: those above their F1-best cut-offs out of fold. Else it has one, the
            highest score.
    """
    clock = Clock()
    topics = tuple(sorted(set().union(*train_topics)))
    decisions = np.array([[YES if topic in mine else NO for topic in topics] for mine in train_topics], np.int8)
    setting = _search(train_texts, decisions, multi=multi)
    clock.searched()
    vectorizer = _vectorizer(setting)
    fitted = _fit(vectorizer.fit_transform(train_texts), decisions, setting)
    cuts = cut_offs(fitted.out_of_fold, (decisions == YES)[_folds(decisions == YES) >= 0])
    clock.fitted()
    scores = np.asarray(vectorizer.transform(test_texts) @ fitted.weights + fitted.bias)
    return Tagged(topics, scores, decide(scores, cuts if multi else None), setting, clock)


def _search(texts: Sequence[ArticleText], decisions: NDArray[np.int8], *, multi: bool) -> Setting:
    """Choose the features, then the log-count ratio's power, then the penalty, by scores out of fold."""
    truth = decisions == YES

    def good(setting: Setting, X: sp.csr_matrix) -> float:
        return goodness(_fit(X, decisions, setting).out_of_fold, truth[_folds(truth) >= 0], multi=multi)

    tried: dict[Setting, float] = {}
    for setting in FEATURES:
        tried[setting] = good(setting, _vectorizer(setting).fit_transform(texts))
    X = _vectorizer(max(tried, key=tried.__getitem__)).fit_transform(texts)
    for name, values in MOVES.items():
        best = max(tried, key=tried.__getitem__)
        for value in values:
            setting = Setting(**asdict(best) | {name: value})
            tried[setting] = good(setting, X)
    return max(tried, key=tried.__getitem__)


def _vectorizer(setting: Setting) -> NgramVectorizer:
    return NgramVectorizer(longest=setting.longest, min_df=setting.min_df, title_weight=setting.title_weight)


def _fit(X: sp.csr_matrix, decisions: NDArray[np.int8], setting: Setting) -> Fitted:
    settings = FitSettings(C=setting.C, count_ratio=setting.count_ratio, folds=FOLDS)
    return fit_topics(X, decisions, _folds(decisions == YES), settings)


def _folds(truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Deal the articles; where all of a topic would be left out together, they are in every fit."""
    fold = deal(truth)
    for mine in truth.T:
        if len(set(fold[mine])) == 1:
            fold[mine] = -1
    return fold


def learn(task: Task) -> Answer:
    """Answer a task of the benchmark."""
    train, test = (
        [ArticleText(row["title"], row["body"], "body", None, ()) for row in rows] for rows in (task.train, task.test)
    )
    found = tagdesk(train, [row["topics"] for row in task.train], test, multi=task.multi)
    named = [[found.topics[i] for i in np.flatnonzero(row)] for row in found.decided]
    return Answer(named, asdict(found.setting), found.clock.search_seconds, found.clock.fit_seconds)


if __name__ == "__main__":
    main({"ours": learn})
