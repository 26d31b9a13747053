"""What a model learns from and is tested on: the corpora's articles, their texts, and the topics decided of them."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.errors import ArticleError
from tagdesk.models.reading.article import Article, ArticleText
from tagdesk.models.taxonomy import Taxonomy
from tagdesk.progress import counted, progress
from tagdesk.training.config import BY_CORPUS, LATEST, Config
from tagdesk.training.corpora.corpus import Corpus, read_corpus
from tagdesk.training.corpora.labelling import ignored_labels, parse_ignored
from tagdesk.training.corpora.labels import (
    LABELS,
    OPEN,
    YES,
    FullLabels,
    LabelMap,
    decide_topics,
    judged_over,
    load_label_map,
    read_full_labels,
)
from tagdesk.training.corpora.own_topics import as_labels, as_topics, ids_by_label
from tagdesk.training.errors import TrainingError
from tagdesk.training.learn.corrections import Corrections
from tagdesk.training.learn.duplicates import duplicate_groups
from tagdesk.training.learn.label_models import label_decisions
from tagdesk.training.learn.split import first_days, first_test_day, held_out
from tagdesk.training.sparse_table import SparseTable, Table, as_sparse_table, stacked, where_is

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Everything a model learns from and is tested on, in one order.

    Attributes:
        corpora: the corpora that the articles come from.
        ids: the articles' ids.
        articles: the articles.
        texts: the text that is read of each.
        decisions: yes, no or open, int8, shape (articles, topics).
        own_labels: the corpora's own labels: yes, no or open, int8, shape (articles, labels).
        fully_labelled: whether every topic was decided, or an editor corrected the article, bool, shape (articles,).
        corrected: whether an editor corrected the article, bool, shape (articles,).
        fair: whether it was drawn at random rather than picked for its topic, bool, shape (articles,).
        group: the number of the first near duplicate of each article, its own where it has none, int64, (articles,).
        test: whether it is held out for the test, bool, shape (articles,).
        later: whether it is left out because it may be as new as the test or newer, bool, shape (articles,); false for
            all where the test is not of the newest.
        test_from: the first ISO day whose articles are held out, or None.
    """

    corpora: tuple[Corpus, ...]
    ids: tuple[str, ...]
    articles: tuple[Article, ...]
    texts: tuple[ArticleText, ...]
    decisions: Table
    own_labels: NDArray[np.int8]
    fully_labelled: NDArray[np.bool_]
    corrected: NDArray[np.bool_]
    fair: NDArray[np.bool_]
    group: NDArray[np.int64]
    test: NDArray[np.bool_]
    later: NDArray[np.bool_]
    test_from: str | None

    def labels(self, articles: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return what the corpora say of articles: the topics that they decide, and their own labels.

        Yes, no or open, int8, shape (articles, topics + labels).
        """
        return np.hstack([np.asarray(self.decisions[articles]), self.own_labels[articles]])

    @property
    def learn(self) -> NDArray[np.int64]:
        """Numbers of the articles that topics are learned from: those decided in full, or all if no corpus has any.

        Left out are those of the test, those that are as new, and near duplicates of both.
        """
        return np.flatnonzero(self._decided & ~self._near(self.test | self.later))

    @property
    def others(self) -> NDArray[np.int64]:
        """Numbers of the articles that only labels are learned from; near duplicates of all the others are left out."""
        return np.flatnonzero(~self._near(self._decided | self.test | self.later))

    @property
    def _decided(self) -> NDArray[np.bool_]:
        return _decides_topics(self.fully_labelled, self.corrected)

    def _near(self, articles: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which articles are among these or near duplicates of them."""
        return np.isin(self.group, self.group[articles])


def read_training_set(
    config: Config, taxonomy: Taxonomy, corpus_folder: Path, corrections: Corrections | None = None
) -> TrainingSet:
    """Read the corpora, decide every article's topics and read its text.

    What editors decided of an article replaces what the corpora say of it; what they did not judge stays. Corrected
    articles have no date.

    Raises:
        CorpusError: a corpus or the full labels cannot be read, or have bad rows.
        LabelMapError: a map is wrong, or a corpus has a label that no map knows.
        TrainingError: nothing is decided, or the newest articles are to be the test and have no dates.
    """
    full_labels: dict[str, FullLabels] = {}
    for name in config.full_labels:
        full_labels |= read_full_labels(LABELS / name, taxonomy)
    corpora, rows = _read_corpora(config, taxonomy, corpus_folder, full_labels)
    if corrections is not None:
        rows = rows.with_corrections(corrections, taxonomy)
    rows, texts = _read_texts(rows, config.features.reading)
    log.info("looking for near duplicates")
    group = duplicate_groups(texts)
    sides = _sides(config, rows, group, [corpus.account.dates for corpus in corpora if corpus.account.dates])
    is_fair = [article not in full_labels or full_labels[article].fair for article in rows.ids]
    return TrainingSet(
        corpora=corpora,
        ids=rows.ids,
        articles=rows.articles,
        texts=texts,
        decisions=rows.decisions,
        own_labels=rows.own_labels,
        fully_labelled=rows.fully_labelled,
        corrected=rows.corrected,
        fair=np.array(is_fair) & ~rows.corrected,
        group=group,
        test=sides.test | rows.for_gate,
        later=sides.later,
        test_from=sides.test_from,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Articles and what was decided of them.

    `dates` are ISO days or None; `for_gate` are the corrections that the gate's test relies on, whatever they are near
    duplicates of, bool, shape (articles,). All others are attributes of `TrainingSet`.
    """

    articles: tuple[Article, ...]
    dates: tuple[str | None, ...]
    decisions: Table
    own_labels: NDArray[np.int8]
    fully_labelled: NDArray[np.bool_]
    corrected: NDArray[np.bool_]
    for_gate: NDArray[np.bool_]

    @property
    def ids(self) -> tuple[str, ...]:
        """The articles' ids."""
        return tuple(str(article.id) for article in self.articles)

    def at(self, places: NDArray[np.int64]) -> "_Rows":
        """Return the articles at these places."""
        return _Rows(
            articles=tuple(self.articles[i] for i in places.tolist()),
            dates=tuple(self.dates[i] for i in places.tolist()),
            decisions=self.decisions[places],
            own_labels=self.own_labels[places],
            fully_labelled=self.fully_labelled[places],
            corrected=self.corrected[places],
            for_gate=self.for_gate[places],
        )

    def with_corrections(self, corrections: Corrections, taxonomy: Taxonomy) -> "_Rows":
        """Return these articles without those that an editor corrected, and after them the corrected ones."""
        count = len(corrections.ids)
        judged: Table = self._judged(corrections, taxonomy)
        if isinstance(self.decisions, SparseTable):
            judged = as_sparse_table(judged, self.decisions.default)
        kept = self.at(np.flatnonzero(~np.isin(self.ids, corrections.ids)))
        return _Rows(
            articles=kept.articles + corrections.articles,
            dates=kept.dates + (None,) * count,
            decisions=stacked([kept.decisions, judged]),
            own_labels=np.vstack([kept.own_labels, np.full((count, self.own_labels.shape[1]), OPEN, np.int8)]),
            fully_labelled=np.append(kept.fully_labelled, np.ones(count, np.bool_)),
            corrected=np.append(kept.corrected, np.ones(count, np.bool_)),
            for_gate=np.append(kept.for_gate, corrections.test()),
        )

    def _judged(self, corrections: Corrections, taxonomy: Taxonomy) -> NDArray[np.int8]:
        """Return what editors decided, and what the corpora say where they judged nothing.

        Int8, shape (corrected articles, topics).
        """
        place = {article: row for row, article in reversed([*enumerate(self.ids)])}
        decisions = corrections.decisions_for(taxonomy)
        in_corpora = np.array([article in place for article in corrections.ids], np.bool_)
        rows = [place[article] for article in corrections.ids if article in place]
        decisions[in_corpora] = judged_over(decisions[in_corpora], np.asarray(self.decisions[rows]))
        return decisions


def _read_corpora(
    config: Config, taxonomy: Taxonomy, corpus_folder: Path, full_labels: Mapping[str, FullLabels]
) -> tuple[tuple[Corpus, ...], _Rows]:
    """Read the config's corpora, and decide the topics of their articles."""
    corpora, decisions, fully_labelled = [], [], []
    for name in config.corpora:
        log.info("reading %s", Path(name).name)
        corpus, decided, is_full = _decide(corpus_folder / name, config, taxonomy, full_labels)
        corpora.append(corpus)
        decisions.append(decided)
        fully_labelled.append(is_full)
    labelled = [article for corpus in corpora for article in corpus.articles]
    return tuple(corpora), _Rows(
        articles=tuple(article.article() for article in labelled),
        dates=tuple(article.date for article in labelled),
        decisions=stacked(decisions),
        own_labels=label_decisions(corpora),
        fully_labelled=np.concatenate(fully_labelled),
        corrected=np.zeros(len(labelled), np.bool_),
        for_gate=np.zeros(len(labelled), np.bool_),
    )


def _read_texts(rows: _Rows, version: int) -> tuple[_Rows, tuple[ArticleText, ...]]:
    """Return the articles of which any topic is decided and that can be read, and their texts.

    Args:
        rows: the articles.
        version: of the reading.

    Raises:
        TrainingError: there are none.
    """
    decided = np.flatnonzero(_are_decided(rows.decisions))
    texts: dict[int, ArticleText] = {}
    unreadable: list[str] = []
    for i in progress(decided.tolist(), total=len(decided), what="reading texts", unit="article"):
        try:
            texts[i] = rows.articles[i].text(version)
        except ArticleError as error:
            unreadable.append(f"{rows.articles[i].id}: {error}")
    if unreadable:
        log.warning("left out %s articles that cannot be read, the first %s", f"{len(unreadable):,}", unreadable[0])
    if not texts:
        raise TrainingError("no topic is decided of any article: check the label maps and the topics column")
    return rows.at(np.array(list(texts))), tuple(texts.values())


def _are_decided(decisions: Table) -> NDArray[np.bool_]:
    """Return of which articles any topic is decided, bool, shape (articles,)."""
    left_open = np.asarray(where_is(decisions, OPEN).sum(axis=1)).ravel()
    decided: NDArray[np.bool_] = left_open < decisions.shape[1]
    return decided


def _decides_topics(fully_labelled: NDArray[np.bool_], corrected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return from which articles topics are learned: all, where the corpora have none that was decided in full."""
    return fully_labelled if (fully_labelled & ~corrected).any() else np.ones(len(fully_labelled), np.bool_)


class _Sides(NamedTuple):
    """Which articles are held out, and which left out; see `TrainingSet`."""

    test: NDArray[np.bool_]
    later: NDArray[np.bool_]
    test_from: str | None


def _sides(config: Config, rows: _Rows, group: NDArray[np.int64], notes: Sequence[str]) -> _Sides:
    """Return which articles are the test, by their ids or the newest, as the config says; `notes`: on unread dates."""
    may_test = _decides_topics(rows.fully_labelled, rows.corrected)
    if config.fit.test == LATEST:
        return _newest(rows.dates, group, may_test, notes)
    ids = rows.ids
    return _Sides(held_out(ids[first] for first in group.tolist()) & may_test, np.zeros_like(may_test), None)


def _newest(
    dates: Sequence[str | None], group: NDArray[np.int64], may_test: NDArray[np.bool_], notes: Sequence[str]
) -> _Sides:
    days = first_days(dates, group)
    try:
        start = first_test_day(days[may_test])
    except TrainingError as error:
        raise TrainingError("; ".join([str(error), *notes])) from error
    undated = np.isnat(days)
    if undated.any():
        log.warning("left out %s articles without a date: they may be newer than the test", f"{undated.sum():,}")
    return _Sides((days >= start) & may_test, ~(days < start), str(start))


def _decide(
    path: Path, config: Config, taxonomy: Taxonomy, full_labels: Mapping[str, FullLabels]
) -> tuple[Corpus, Table, NDArray[np.bool_]]:
    """Return a corpus and what `decide_topics` does, by the config's `label_map`."""
    if config.label_map == BY_CORPUS:
        corpus = _read(path, config, parse_ignored(config.ignore), taxonomy.ids)
        if lost := corpus.account.without_text + corpus.account.damaged:
            log.warning("%s: left out %s without a text that can be read", path.name, counted(lost, "row"))
        return corpus, *decide_topics(corpus, taxonomy, _map_of(corpus, taxonomy), full_labels)
    label_map = load_label_map(LABELS / config.label_map, taxonomy) if config.label_map else None
    ignored = ignored_labels(config.ignore, label_map.labels if label_map else ids_by_label(taxonomy.topics))
    corpus = _read(path, config, ignored)
    corpus = as_labels(corpus, label_map.labels) if label_map else as_topics(corpus, taxonomy)[0]
    decisions, fully_labelled = decide_topics(corpus, taxonomy, label_map, full_labels)
    counts = dict(zip(taxonomy.ids, np.asarray(where_is(decisions, YES).sum(axis=0)).ravel().tolist(), strict=True))
    source = {**corpus.source, "format": corpus.account.columns, "topics": counts}
    return replace(corpus, source=source), decisions, fully_labelled


def _read(path: Path, config: Config, ignored: Collection[str], topics: Iterable[str] | None = None) -> Corpus:
    """Return a corpus, read as the config says."""
    return read_corpus(
        path,
        topics=topics,
        format=config.format,
        columns=config.columns,
        dates=config.dates,
        ignored=ignored,
        share=config.fit.share,
    )


def _map_of(corpus: Corpus, taxonomy: Taxonomy) -> LabelMap | None:
    path = LABELS / f"{corpus.name}.toml"
    return load_label_map(path, taxonomy) if path.exists() else None
