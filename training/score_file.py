"""Measure any model on any labelled file."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.article import Article, ArticleText
from models.errors import ArticleError
from models.taxonomy import Taxonomy
from models.topic_model import TopicModel
from training.corpus import Corpus, file_sha256, read_corpus
from training.duplicates import duplicate_groups
from training.errors import TrainingError
from training.evaluate import Scores, score_articles
from training.labels import OPEN, YES, decide_topics, load_label_map
from training.own_topics import as_labels, as_topics, listed, mapped_topics
from training.split import first_days, held_out

log = logging.getLogger(__name__)


def score_file(model: TopicModel, path: Path, *, label_map: Path | None = None, format: str = "") -> Scores:
    """Score a model on a labelled file; of one that it has learned from, on the articles that it kept out.

    Args:
        model: any model.
        path: a corpus; its labels are the model's topics, called by their name, id or code.
        label_map: what the labels say of the topics, where they are not called so.
        format: one of `training.formats.FORMATS`; empty to tell by the content.

    Raises:
        CorpusError: the file cannot be read, or has bad rows.
        LabelMapError: the map is wrong, or does not know a label.
        TrainingError: there is nothing to measure.
    """
    learned = _learned(model, path)
    share = model.manifest["fit"].get("share", 1.0) if learned else 1.0
    corpus = read_corpus(path, for_training=learned, format=format, share=share)
    log.info("%s: %s; %s articles", path.name, corpus.format, f"{len(corpus.articles):,}")
    corpus, decisions = _decide(model, corpus, label_map)
    articles = [Article(title=one.title, body=one.body, id=one.id) for one in corpus.articles]
    texts = {i: text for i, article in enumerate(articles) if (text := _text(article))}
    rows = list(texts)
    if learned:
        log.info("%s has learned from %s: measured on the articles that it kept out", model.ref, path.name)
        test_from = model.manifest["data"].get("test_from")
        rows = [i for i, out in zip(rows, _kept_out(corpus, texts, test_from), strict=True) if out]
    if not rows:
        raise TrainingError(f"{path} has no article that {model.ref} can be measured on")
    ids = model.taxonomy.ids
    wanted = [[ids[column] for column in np.flatnonzero(decisions[i] == YES)] for i in rows]
    left_open = [[ids[column] for column in np.flatnonzero(decisions[i] == OPEN)] for i in rows]
    optional = [[*corpus.articles[i].optional, *some] for i, some in zip(rows, left_open, strict=True)]
    return score_articles(list(model.tag_many(articles[i] for i in rows)), wanted, optional, topics=ids)


def _decide(model: TopicModel, corpus: Corpus, label_map: Path | None) -> tuple[Corpus, NDArray[np.int8]]:
    """Return the corpus and what it says of the model's topics: int8, shape (articles, topics)."""
    taxonomy, known = model.taxonomy, None
    if label_map:
        # With the map's topics that the model has not learned, for a map must know its topics.
        taxonomy = Taxonomy(model.name, (*taxonomy.topics, *mapped_topics(label_map, taxonomy.topics)))
        known = load_label_map(label_map, taxonomy)
        corpus = as_labels(corpus, known.labels)
    else:
        corpus, strange = as_topics(corpus, taxonomy)
        if strange:
            log.warning("%s labels are no topics of %s: %s", f"{len(strange):,}", model.ref, listed(list(strange)))
        if not any(article.topics for article in corpus.articles):
            raise TrainingError(
                f"no label of {corpus.name} is a topic of {model.ref}: say with --map which it stands for"
            )
    decisions, _ = decide_topics(corpus, taxonomy, known, {})
    return corpus, decisions[:, : len(model.taxonomy)]


def _learned(model: TopicModel, path: Path) -> bool:
    """Say whether a model has learned from a file, in which labels decide every article."""
    data = model.manifest.get("data", {})
    known = {one["sha256"] for one in data.get("corpora", ())}
    if not path.is_file() or file_sha256(path) not in known:
        return False
    if data["hand_labels"]:
        log.warning("%s has learned from %s: the figures flatter", model.ref, path.name)
        return False
    return True


def _kept_out(corpus: Corpus, texts: Mapping[int, ArticleText], test_from: str | None) -> NDArray[np.bool_]:
    """Say which of the articles `training.training_set` kept for the test: from a day on, or by their ids."""
    groups = duplicate_groups(tuple(texts.values()))
    if test_from is not None:
        return first_days([corpus.articles[i].date for i in texts], groups) >= np.datetime64(test_from)
    ids = [corpus.articles[i].id for i in texts]
    return held_out([ids[first] for first in groups])


def _text(article: Article) -> ArticleText | None:
    try:
        return article.text()
    except ArticleError:
        return None
