"""Measure any model on any labelled file, and on the articles of its evidence table."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.errors import ArticleError
from tagdesk.models.reading.article import Article, ArticleText
from tagdesk.models.taxonomy import Taxonomy
from tagdesk.models.topic_model import TaggedArticle, TopicModel
from tagdesk.progress import counted
from tagdesk.training.corpora.account import name_list
from tagdesk.training.corpora.corpus import Corpus, file_sha256, read_corpus
from tagdesk.training.corpora.labelling import ignored_labels
from tagdesk.training.corpora.labels import OPEN, YES, LabelMap, decide_topics, load_label_map
from tagdesk.training.corpora.own_topics import as_labels, as_topics, ids_by_label, mapped_topics
from tagdesk.training.errors import TrainingError
from tagdesk.training.judge.evaluate import Scores, score_articles, score_confidences, score_decided
from tagdesk.training.learn.evidence import Evidence, article_keys, read_evidence
from tagdesk.training.learn.vectorize import raw_scores, tf_idf

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a labelled file is to be read.

    Attributes:
        label_map: from labels to topics, where the labels are not those.
        format: one of `tagdesk.formats.FORMATS`; empty to recognise it by the content.
        columns: which column is which, `body=Texte topics=Rubrique`; empty to find them.
        ignore: labels that are no topics, separated by commas.
        dates: how to read dates that can be read either way, one of `tagdesk.formats.dates.ORDERS`.
    """

    label_map: Path | None = None
    format: str = ""
    columns: str = ""
    ignore: str = ""
    dates: str = ""


def score_file(model: TopicModel, folder: Path, path: Path, reading: Reading | None = None) -> Scores:
    """Score a model on a labelled file, on the articles of it that the model has not learned from.

    Labels are found as in training, whatever their spelling. Where the file has labels that are no topics of the model,
    or names less than half of its topics, only the topics that both have are measured, and that is said.

    Args:
        model: any model.
        folder: its bundle.
        path: a corpus whose labels are names, ids or codes of the model's topics.
        reading: how the file is to be read.

    Raises:
        CorpusError: the file cannot be read, or has bad rows.
        LabelMapError: the map is wrong, or lacks a label.
        TrainingError: there is nothing to measure.
    """
    reading = reading or Reading()
    learned = _learned(model, path)
    known = _map_of(model, reading.label_map)
    corpus = read_corpus(
        path,
        for_training=learned,
        format=reading.format,
        columns=reading.columns,
        dates=reading.dates,
        ignored=ignored_labels(reading.ignore, known[1].labels if known else ids_by_label(model.taxonomy.topics)),
    )
    rows = f"{counted(len(corpus.articles), 'article')} of {counted(corpus.account.rows, 'row')}"
    log.info("%s", "\n  ".join([f"{path.name}: {rows}", *corpus.account.lines()]))
    corpus, decisions, measured = _decide(model, corpus, known)
    articles = [labelled.article() for labelled in corpus.articles]
    texts = [_text(article) for article in articles]
    readable = np.flatnonzero([text is not None for text in texts])
    ids = [corpus.articles[i].id for i in readable]
    unseen = _unseen(model, folder, path, ids, [text for text in texts if text is not None], learned)
    places = readable[unseen].tolist()
    if not places:
        raise TrainingError(
            f"{path} has no article that {model.ref} can be measured on: it has learned from all of them"
        )
    columns = np.flatnonzero(measured)
    names = model.taxonomy.ids
    decided = decisions[:, columns]
    wanted = [[names[column] for column in columns[decided[i] == YES]] for i in places]
    optional = [
        [*corpus.articles[i].optional, *(names[column] for column in columns[decided[i] == OPEN])] for i in places
    ]
    topics = [names[column] for column in columns]
    answers = [_only(answer, frozenset(topics)) for answer in model.tag_many(articles[i] for i in places)]
    return score_articles(answers, wanted, optional, topics=topics)


def score_rows(model: TopicModel, rows: Evidence) -> Scores:
    """Score a model on articles of its evidence table, by their n-grams in it."""
    scores = raw_scores(model, rows.X)
    return score_confidences(rows.decisions, model.confidences(scores), model.calibrations, topics=model.taxonomy.ids)


def score_texts(model: TopicModel, rows: Evidence, paths: Iterable[Path]) -> Scores:
    """Score a model on those articles of its evidence table that these corpora hold, their texts read anew.

    Raises:
        CorpusError: a corpus cannot be read, or has bad rows.
    """
    found = [labelled.article() for path in paths for labelled in read_corpus(path, ignored=frozenset()).articles]
    places = rows.places(article_keys(str(article.id) for article in found))
    measured = [i for i in np.flatnonzero(places >= 0) if _text(found[i]) is not None]
    return score_decided(model, [found[i] for i in measured], rows.decisions[places[measured]])


def _only(answer: TaggedArticle, topics: frozenset[str]) -> TaggedArticle:
    return replace(answer, topics=tuple(result for result in answer.topics if result.topic.id in topics))


def _map_of(model: TopicModel, path: Path | None) -> tuple[Taxonomy, LabelMap] | None:
    """Return a label map, and the topics that it is checked against: the model's, and those that it has not learned."""
    if path is None:
        return None
    taxonomy = Taxonomy(model.name, (*model.taxonomy.topics, *mapped_topics(path, model.taxonomy.topics)))
    return taxonomy, load_label_map(path, taxonomy)


def _decide(
    model: TopicModel, corpus: Corpus, known: tuple[Taxonomy, LabelMap] | None
) -> tuple[Corpus, NDArray[np.int8], NDArray[np.bool_]]:
    """Return the corpus, its decisions on the model's topics, int8, (articles, topics), and which topics to measure."""
    everything = np.ones(len(model.taxonomy), np.bool_)
    if known:
        taxonomy, label_map = known
        corpus = as_labels(corpus, label_map.labels)
        decisions, _ = decide_topics(corpus, taxonomy, label_map, {})
        return corpus, np.asarray(decisions)[:, : len(model.taxonomy)], everything
    in_full = any(article.topics is not None for article in corpus.articles)
    corpus, unknown = as_topics(corpus, model.taxonomy)
    decisions = np.asarray(decide_topics(corpus, model.taxonomy, None, {})[0])
    named = (decisions == YES).any(axis=0)
    if not named.any():
        topics = name_list([topic.name for topic in model.taxonomy.topics])
        raise TrainingError(
            f"no label of {corpus.name} is a topic of {model.ref}: its labels are {name_list(list(unknown))}; the "
            f"topics are {topics}. Name another model, --model, or say with --map what each label means"
        )
    if not unknown and (in_full or named.sum() * 2 >= len(named)):
        return corpus, decisions, everything
    log.warning("%s", _narrowed(model, named, unknown))
    return corpus, decisions, named


def _narrowed(model: TopicModel, named: NDArray[np.bool_], unknown: Counter[str]) -> str:
    names = [topic.name for topic, is_named in zip(model.taxonomy.topics, named.tolist(), strict=True) if is_named]
    others = f"; labels of the file that are no topics of the model: {name_list(list(unknown))}" if unknown else ""
    if len(names) == len(named):
        return f"all topics of {model.ref} are measured{others}"
    return (
        f"measured on the topics that model and file both have, {len(names)} of the {len(named)} of {model.ref}: "
        f"{name_list(names)}; other topics that the model gives count neither for nor against it{others}"
    )


def _learned(model: TopicModel, path: Path) -> bool:
    """Return whether a model has learned from this very file, as its manifest says."""
    data = model.manifest.get("data", {})
    known = {corpus["sha256"] for corpus in data.get("corpora", ())}
    return path.is_file() and file_sha256(path) in known


def _unseen(
    model: TopicModel, folder: Path, path: Path, ids: Sequence[str], texts: Sequence[ArticleText], learned: bool
) -> NDArray[np.bool_]:
    """Return which articles of a file a model has not learned from, according to its evidence table.

    Of the file that it learned from those that it kept for its test; of another all but those that it learned from. All
    of them where the table does not say, with a warning where the model has learned from the file.
    """
    everything = np.ones(len(ids), np.bool_)
    evidence = read_evidence(folder, model)
    if evidence is None:
        if learned:
            log.warning(
                "%s has learned from %s, and does not record what was held out: the figures flatter",
                model.ref,
                path.name,
            )
        return everything
    test = np.isin(article_keys(ids), evidence.keys[evidence.test])
    if learned and test.any():
        log.info("%s has learned from %s: measured on the articles that were held out", model.ref, path.name)
        return test
    seen = evidence.learned_from(ids, tf_idf(model.features, texts))
    if seen.any():
        log.warning(
            "%s has learned from %s of the file: left out%s",
            model.ref,
            counted(int(seen.sum()), "article"),
            "; its table has a sample only, so that there may be more" * _is_sampled(model, len(evidence)),
        )
    return ~seen


def _is_sampled(model: TopicModel, rows: int) -> bool:
    return rows < int(model.manifest.get("data", {}).get("fully_labelled", 0))


def _text(article: Article) -> ArticleText | None:
    try:
        return article.text()
    except ArticleError:
        return None
