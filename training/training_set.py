"""What a model learns from and is tested on: the corpora's articles, read, with the topics that were decided."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.article import Article, ArticleText
from models.errors import ArticleError
from models.taxonomy import Taxonomy
from training.config import BY_CORPUS, LATEST, Config
from training.corpus import Corpus, read_corpus
from training.corrections import Corrections
from training.duplicates import duplicate_groups
from training.errors import TrainingError
from training.label_models import label_decisions
from training.labels import LABELS, OPEN, YES, HandLabel, LabelMap, decide_topics, load_label_map, read_hand_labels
from training.own_topics import as_labels, as_topics
from training.progress import progress
from training.split import first_days, first_test_day, held_out

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Everything a model learns from and is tested on, in one order.

    Attributes:
        corpora: where the articles come from.
        ids: the articles' ids.
        articles: the articles.
        texts: what is read of them.
        decisions: yes, no or open, int8, shape (articles, topics).
        labels: the same of their corpora's own labels, int8, shape (articles, labels).
        by_hand: a person decided all topics, bool, shape (articles,).
        corrected: an editor did so, bool, shape (articles,).
        fair: drawn at random, not picked for what it is about, bool, shape (articles,).
        group: the number of the first near duplicate of each article, its own where it has none, int64, (articles,).
        test: kept out of training for the test, bool, shape (articles,).
        later: kept out of training, for they may be as new as those of the test or newer, bool, shape (articles,); none
            where the test is not of the newest.
        test_from: the ISO day from which on articles are kept out, or None.
    """

    corpora: tuple[Corpus, ...]
    ids: tuple[str, ...]
    articles: tuple[Article, ...]
    texts: tuple[ArticleText, ...]
    decisions: NDArray[np.int8]
    labels: NDArray[np.int8]
    by_hand: NDArray[np.bool_]
    corrected: NDArray[np.bool_]
    fair: NDArray[np.bool_]
    group: NDArray[np.int64]
    test: NDArray[np.bool_]
    later: NDArray[np.bool_]
    test_from: str | None

    @property
    def learn(self) -> NDArray[np.int64]:
        """Numbers of the articles that topics are learned from: those decided by hand, or all if no corpus has any.

        Neither those of the test nor near duplicates of them, nor what came out as late.
        """
        return np.flatnonzero(self._decided & ~self._near(self.test | self.later))

    @property
    def others(self) -> NDArray[np.int64]:
        """Numbers of the articles that only labels are learned from, near duplicates of the decided ones left out."""
        return np.flatnonzero(~self._near(self._decided | self.test | self.later))

    @property
    def _decided(self) -> NDArray[np.bool_]:
        return _deciding(self.by_hand, self.corrected)

    def _near(self, articles: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.isin(self.group, self.group[articles])


def read_training_set(
    config: Config, taxonomy: Taxonomy, corpus_folder: Path, corrections: Corrections | None = None
) -> TrainingSet:
    """Read the corpora, decide every article's topics and read its text.

    What editors decided of an article stands in place of what the corpora say of it. Corrected articles have no date.

    Raises:
        CorpusError: a corpus or the hand labels cannot be read, or have bad rows.
        LabelMapError: a map is wrong, or a corpus has a label that no map knows.
        TrainingError: nothing is decided, or the newest articles are to be the test and have no dates.
    """
    hand_labels: dict[str, HandLabel] = {}
    for name in config.hand_labels:
        hand_labels |= read_hand_labels(LABELS / name, taxonomy)
    corpora, decisions, by_hand, articles, dates = [], [], [], [], []
    for name in config.corpora:
        log.info("reading %s", Path(name).name)
        corpus, decided, hand = _decide(corpus_folder / name, config, taxonomy, hand_labels)
        corpora.append(corpus)
        decisions.append(decided)
        by_hand.append(hand)
        articles += [Article(title=one.title, body=one.body, id=one.id) for one in corpus.articles]
        dates += [one.date for one in corpus.articles]
    said, hand = np.concatenate(decisions), np.concatenate(by_hand)
    labels, corrected = np.hstack([said, label_decisions(corpora)]), np.zeros(len(said), np.bool_)
    if corrections is not None:
        said[np.isin([str(one.id) for one in articles], corrections.ids)] = OPEN
        count = len(corrections.ids)
        said = np.vstack([said, corrections.of(taxonomy)])
        labels = np.vstack([labels, np.full((count, labels.shape[1]), OPEN, np.int8)])
        hand, corrected = (np.append(flags, np.ones(count, np.bool_)) for flags in (hand, corrected))
        articles += corrections.articles
        dates += [None] * count
    kept = np.flatnonzero((said != 0).any(axis=1))
    texts: dict[int, ArticleText] = {}
    unread: list[str] = []
    for i in progress(kept.tolist(), total=len(kept), what="reading texts", unit="article"):
        try:
            texts[i] = articles[i].text()
        except ArticleError as error:
            unread.append(f"{articles[i].id}: {error}")
    if unread:
        log.warning("left out %s articles that cannot be read, the first %s", f"{len(unread):,}", unread[0])
    if not texts:
        raise TrainingError("no article says anything of any topic: check the label maps and the topics column")
    read = np.array(list(texts))
    ids = tuple(str(articles[i].id) for i in read)
    corrected = corrected[read]
    may_test = _deciding(hand[read], corrected)
    log.info("looking for near duplicates")
    group = duplicate_groups(tuple(texts.values()))
    if config.fit.test == LATEST:
        test, later, test_from = _newest([dates[i] for i in read], group, may_test)
    else:
        test, later, test_from = held_out([ids[first] for first in group]) & may_test, np.zeros_like(may_test), None
    if corrections is not None:
        test[corrected] |= corrections.test()  # which the gate counts on, whatever they are near duplicates of
    return TrainingSet(
        corpora=tuple(corpora),
        ids=ids,
        articles=tuple(articles[i] for i in read),
        texts=tuple(texts.values()),
        decisions=said[read],
        labels=labels[read],
        by_hand=hand[read],
        corrected=corrected,
        fair=np.array([one not in hand_labels or hand_labels[one].fair for one in ids]),
        group=group,
        test=test,
        later=later,
        test_from=test_from,
    )


def _deciding(by_hand: NDArray[np.bool_], corrected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which articles decide topics: all, where the corpora have none that were decided by hand."""
    return by_hand if (by_hand & ~corrected).any() else np.ones(len(by_hand), np.bool_)


def _newest(
    dates: Sequence[str | None], group: NDArray[np.int64], may_test: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], str]:
    """Return which articles are the test, which came out as late, and from which day on."""
    days = first_days(dates, group)
    start = first_test_day(days[may_test])
    undated = np.isnat(days)
    if undated.any():
        log.warning("left out %s articles without a date: they may be newer than the test", f"{undated.sum():,}")
    return (days >= start) & may_test, ~(days < start), str(start)


def _decide(
    path: Path, config: Config, taxonomy: Taxonomy, hand_labels: Mapping[str, HandLabel]
) -> tuple[Corpus, NDArray[np.int8], NDArray[np.bool_]]:
    """Read a corpus and decide its topics, as the config's `label_map` says."""
    if config.label_map == BY_CORPUS:
        corpus = read_corpus(path, topics=taxonomy.ids, format=config.format, share=config.fit.share)
        return corpus, *decide_topics(corpus, taxonomy, _map_of(corpus, taxonomy), hand_labels)
    corpus = read_corpus(path, format=config.format, share=config.fit.share)
    label_map = None
    if config.label_map:
        label_map = load_label_map(LABELS / config.label_map, taxonomy)
        corpus = as_labels(corpus, label_map.labels)
    else:
        corpus, _ = as_topics(corpus, taxonomy)
    decisions, by_hand = decide_topics(corpus, taxonomy, label_map, hand_labels)
    counts = dict(zip(taxonomy.ids, (decisions == YES).sum(axis=0).tolist(), strict=True))
    return replace(corpus, source={**corpus.source, "format": corpus.format, "topics": counts}), decisions, by_hand


def _map_of(corpus: Corpus, taxonomy: Taxonomy) -> LabelMap | None:
    path = LABELS / f"{corpus.name}.toml"
    return load_label_map(path, taxonomy) if path.exists() else None
