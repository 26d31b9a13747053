"""Tagdesk in the quality benchmark: the training code of this repository, settings by cross-validation.

Run as the other workers are: `python -m benchmarks.quality_ours ours FOLDER TARGET`.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmarks.workers.quality_task import FOLDS, Answer, Clock, Task, cut_offs, deal, decide, goodness, main
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.reading.normal_form import LATEST
from tagdesk.training.classifier import PARTS
from tagdesk.training.config import FitSettings
from tagdesk.training.corpora.labels import NO, YES
from tagdesk.training.learn.fit import Fitted, fit_topics
from tagdesk.training.learn.vectorize import NgramVectorizer


@dataclass(frozen=True, slots=True)
class Setting:
    """What is chosen.

    Attributes:
        longest: words in the longest n-gram.
        min_df: articles that an n-gram needs.
        title_weight: how often a word of the title counts.
        parts: whether there are parts of words beside the words.
        reading: which version of `tagdesk.models.reading.normal_form`; in version 1 addresses are words.
        count_ratio: power of the log-count ratio that n-grams are multiplied by.
        C: inverse strength of the penalty.
    """

    longest: int = 2
    min_df: int = 2
    title_weight: float = 1.0
    parts: bool = False
    reading: int = LATEST
    count_ratio: float = 0.4
    C: float = 1.0


FEATURES = (
    Setting(longest=1, min_df=1),
    Setting(longest=1, min_df=1, title_weight=2.0),
    Setting(),
    Setting(title_weight=2.0),
)
"""Tried first, the rest as above."""
MOVES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("C", (0.3, 3.0)),
    ("parts", (True,)),
    ("reading", (1,)),
    ("count_ratio", (0.0, 0.7, 1.0)),
)
"""Tried next, one after the other, with the best so far; parts of words where `make train` tries them. Last half and
twice the best C, which parts and the log-count ratio move.
"""


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
    decisions = np.array([[YES if topic in own else NO for topic in topics] for own in train_topics], np.int8)
    setting = _search(train_texts, decisions, multi=multi)
    clock.searched()
    vectorizer = _vectorizer(setting)
    fitted = _fit(vectorizer.fit_transform(train_texts), decisions, setting)
    cuts = cut_offs(fitted.out_of_fold, (decisions == YES)[_folds(decisions == YES) >= 0])
    clock.fitted()
    scores = np.asarray(vectorizer.transform(test_texts) @ fitted.weights + fitted.bias)
    return Tagged(topics, scores, decide(scores, cuts if multi else None), setting, clock)


def _search(texts: Sequence[ArticleText], decisions: NDArray[np.int8], *, multi: bool) -> Setting:
    """Choose the features, then one setting after the other, by scores out of fold."""
    truth = decisions == YES
    size = sum(len(text.title) + len(text.body) for text in texts)
    tries_parts = FitSettings().fitted_to(len(texts), truth.shape[1], size).choose_parts

    @lru_cache(maxsize=1)
    def matrix(features: Setting) -> sp.csr_matrix:
        return _vectorizer(features).fit_transform(texts)

    def good(setting: Setting) -> float:
        X = matrix(replace(setting, count_ratio=0.0, C=1.0))  # the same for all powers and penalties
        return goodness(_fit(X, decisions, setting).out_of_fold, truth[_folds(truth) >= 0], multi=multi)

    tried = {setting: good(setting) for setting in FEATURES}

    def best() -> Setting:
        return max(tried, key=tried.__getitem__)

    for name, values in MOVES:
        if name != "parts" or tries_parts:
            tried |= {setting: good(setting) for setting in [replace(best(), **{name: value}) for value in values]}
    tried |= {setting: good(setting) for setting in [replace(best(), C=factor * best().C) for factor in (0.5, 2.0)]}
    return best()


def _vectorizer(setting: Setting) -> NgramVectorizer:
    shortest_part, longest_part = PARTS if setting.parts else (0, 0)
    return NgramVectorizer(
        longest=setting.longest,
        min_df=setting.min_df,
        title_weight=setting.title_weight,
        reading=setting.reading,
        shortest_part=shortest_part,
        longest_part=longest_part,
    )


def _fit(X: sp.csr_matrix, decisions: NDArray[np.int8], setting: Setting) -> Fitted:
    settings = FitSettings(C=setting.C, count_ratio=setting.count_ratio, folds=FOLDS)
    return fit_topics(X, decisions, _folds(decisions == YES), settings)


def _folds(truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Deal the articles; where all of a topic would be left out together, they are in every fit."""
    fold = deal(truth)
    for articles in truth.T:
        if len(set(fold[articles])) == 1:
            fold[articles] = -1
    return fold


def learn(task: Task) -> Answer:
    """Answer a task of the benchmark."""
    train, test = (
        [ArticleText(row["title"], row["body"], "body", None, ()) for row in rows] for rows in (task.train, task.test)
    )
    tagged = tagdesk(train, [row["topics"] for row in task.train], test, multi=task.multi)
    named = [[tagged.topics[i] for i in np.flatnonzero(row)] for row in tagged.decided]
    return Answer(named, asdict(tagged.setting), tagged.clock.search_seconds, tagged.clock.fit_seconds)


if __name__ == "__main__":
    main({"ours": learn})
