"""What a model learns from and is tested on: the corpora's articles, read, with the topics that were decided."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.article import Article, ArticleText
from models.errors import ArticleError
from models.taxonomy import Taxonomy
from training.config import Config
from training.corpus import Corpus, read_corpus
from training.errors import TrainingError
from training.labels import LABELS, HandLabel, decide_topics, load_label_map, read_hand_labels
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
        test: kept out of training for the test, bool, shape (articles,).
    """

    corpora: tuple[Corpus, ...]
    ids: tuple[str, ...]
    articles: tuple[Article, ...]
    texts: tuple[ArticleText, ...]
    decisions: NDArray[np.int8]
    by_hand: NDArray[np.bool_]
    test: NDArray[np.bool_]


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
        log.info("reading %s", name)
        corpus = read_corpus(corpus_folder / name, topics=taxonomy.ids)
        corpora.append(corpus)
        path = LABELS / f"{corpus.name}.toml"
        label_map = load_label_map(path, taxonomy) if path.exists() else None
        decided, hand = decide_topics(corpus, taxonomy, label_map, hand_labels)
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
    return TrainingSet(
        corpora=tuple(corpora),
        ids=ids,
        articles=tuple(articles[i] for i in read),
        texts=tuple(texts.values()),
        decisions=said[read],
        by_hand=hand[read],
        test=held_out(ids) & may_test,
    )
