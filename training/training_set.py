"""What a model learns from and is tested on: the corpora's articles, read, with the topics that were decided."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.article import Article, ArticleText
from models.errors import ArticleError
from models.taxonomy import Taxonomy
from training.config import BY_CORPUS, Config
from training.corpus import Corpus, read_corpus
from training.duplicates import duplicate_groups
from training.errors import TrainingError
from training.labels import LABELS, YES, HandLabel, LabelMap, decide_topics, load_label_map, read_hand_labels
from training.own_topics import as_labels, as_topics
from training.progress import progress
from training.split import held_out

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
        by_hand: a person decided all topics, bool, shape (articles,).
        fair: drawn at random, not picked for what it is about, bool, shape (articles,).
        group: the number of the first near duplicate of each article, its own where it has none, int64, (articles,).
        test: kept out of training for the test, bool, shape (articles,).
    """

    corpora: tuple[Corpus, ...]
    ids: tuple[str, ...]
    articles: tuple[Article, ...]
    texts: tuple[ArticleText, ...]
    decisions: NDArray[np.int8]
    by_hand: NDArray[np.bool_]
    fair: NDArray[np.bool_]
    group: NDArray[np.int64]
    test: NDArray[np.bool_]

    @property
    def calibrated(self) -> NDArray[np.bool_]:
        """The articles that confidences and cut-offs are measured on: those decided by hand, or all."""
        return self.by_hand if self.by_hand.any() else np.ones(len(self.ids), np.bool_)

    @property
    def learn(self) -> NDArray[np.int64]:
        """Numbers of the articles to learn from.

        Neither those of the test nor near duplicates of them, nor others' near duplicates of those decided by hand.
        """
        tested = np.isin(self.group, self.group[self.test])
        beside = np.isin(self.group, self.group[self.calibrated]) & ~self.calibrated
        return np.flatnonzero(~tested & ~beside)


def read_training_set(config: Config, taxonomy: Taxonomy, corpus_folder: Path) -> TrainingSet:
    """Read the corpora, decide every article's topics and read its text.

    Raises:
        CorpusError: a corpus or the hand labels cannot be read, or have bad rows.
        LabelMapError: a map is wrong, or a corpus has a label that no map knows.
        TrainingError: nothing is decided.
    """
    hand_labels: dict[str, HandLabel] = {}
    for name in config.hand_labels:
        hand_labels |= read_hand_labels(LABELS / name, taxonomy)
    corpora, decisions, by_hand, articles = [], [], [], []
    for name in config.corpora:
        log.info("reading %s", Path(name).name)
        corpus, decided, hand = _decide(corpus_folder / name, config, taxonomy, hand_labels)
        corpora.append(corpus)
        decisions.append(decided)
        by_hand.append(hand)
        articles += [Article(title=one.title, body=one.body, id=one.id) for one in corpus.articles]
    said, hand = np.concatenate(decisions), np.concatenate(by_hand)
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
    may_test = hand[read] if hand.any() else np.ones(len(read), np.bool_)
    log.info("looking for near duplicates")
    group = duplicate_groups(tuple(texts.values()))
    return TrainingSet(
        corpora=tuple(corpora),
        ids=ids,
        articles=tuple(articles[i] for i in read),
        texts=tuple(texts.values()),
        decisions=said[read],
        by_hand=hand[read],
        fair=np.array([one not in hand_labels or hand_labels[one].fair for one in ids]),
        group=group,
        test=held_out([ids[first] for first in group]) & may_test,
    )


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
