"""What editors decided of articles, read from the ledger's export; the last correction of an article counts."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.bundle import MANIFEST
from tagdesk.models.errors import ArticleError, BundleNotFound
from tagdesk.models.language import primary_language
from tagdesk.models.reading.article import Article, ArticleText
from tagdesk.models.storage import locate
from tagdesk.models.taxonomy import Taxonomy
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.corpora.account import name_list
from tagdesk.training.corpora.corpus import Corpus, read_corpus
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.corpora.ledger_export import VERDICTS, read_rows
from tagdesk.training.corpora.never_train import may_train
from tagdesk.training.errors import CorpusError
from tagdesk.training.learn.duplicates import duplicate_groups
from tagdesk.training.learn.split import held_out

log = logging.getLogger(__name__)

_Row = Mapping[str, Any]

READ_TEXTS = partial(read_corpus, for_training=False)
"""Reads a corpus of which the texts are wanted."""


@dataclass(frozen=True, slots=True, eq=False)
class Corrections:
    """What editors decided of articles, one row an article.

    Attributes:
        ids: the articles' ids.
        articles: the articles, as they were sent or as they stand in the data.
        texts: the text that is read of each.
        topics: the topics' ids, in the order of the columns.
        decisions: yes, no, or open where nobody judged, int8, shape (articles, topics).
        editors: the editor who decided, else the key that sent the correction, else "".
        changed: topics that the editor took away or added, where that was sent: bool, shape (articles, topics).
        has_changes: whether that was sent, bool, shape (articles,).
        group: the row of the first near duplicate of each article, its own where it has none, int64, (articles,).
        rows: the number of corrections, repeated ones included.
        without_text: the number of articles without a text, both in the ledger and in the data at hand.
        unreadable: the number of articles whose text cannot be read.
        never_train: the number of articles that no model may learn from.
        not_judged: the number of articles of which no topic was judged.
        unknown_topics: the number of articles by topic, for topics that the model does not have.
        missing_topics: the number of articles by name, for topics that editors miss.
        other_models: the number of articles by model, for those that were corrected under a model of another name.
        off_topic: the number of those of which no topic of this model was judged, or under a model of another language.
        left_out: the number of corrections that were left out for their editor or key.
        overruled: the number of articles by two editors, where the second decided some topic otherwise than the first.
        unconfirmed: the number of verdicts from before topics could be left unjudged; they are left open.
    """

    ids: tuple[str, ...]
    articles: tuple[Article, ...]
    texts: tuple[ArticleText, ...]
    topics: tuple[str, ...]
    decisions: NDArray[np.int8]
    editors: tuple[str, ...]
    changed: NDArray[np.bool_]
    has_changes: NDArray[np.bool_]
    group: NDArray[np.int64]
    rows: int
    without_text: int
    unreadable: int
    never_train: int
    not_judged: int
    unknown_topics: Mapping[str, int]
    missing_topics: Mapping[str, int]
    other_models: Mapping[str, int]
    off_topic: int
    left_out: int
    overruled: Mapping[tuple[str, str], int]
    unconfirmed: int

    @property
    def group_names(self) -> list[str]:
        """The id of the first near duplicate of each article; articles with the same one share a side and a fold."""
        return [self.ids[first] for first in self.group.tolist()]

    def decisions_for(self, taxonomy: Taxonomy) -> NDArray[np.int8]:
        """Return the decisions on another taxonomy's topics, int8, shape (articles, topics); the new ones are open."""
        decisions = np.full((len(self.ids), len(taxonomy)), OPEN, np.int8)
        for column, topic in enumerate(self.topics):
            if topic in taxonomy:
                decisions[:, taxonomy.column(topic)] = self.decisions[:, column]
        return decisions

    def texts_for(self, model: TopicModel) -> list[ArticleText]:
        """Return the texts as a model reads them, which may be of an earlier version of the reading."""
        return [model.read(article) for article in self.articles]

    def test(self) -> NDArray[np.bool_]:
        """Return which articles are held out for the gate, bool, shape (articles,): about one in ten, by their ids."""
        return held_out(self.group_names)

    def summary(self) -> str:
        """Return a sentence on what was read, and on what was skipped and why."""
        articles = len(self.ids) + self.without_text + self.unreadable + self.not_judged + self.off_topic
        parts = [f"{self.rows:,} corrections of {articles:,} articles"]
        for count, why in (
            (self.without_text, "without text (name the files that have it with --data)"),
            (self.unreadable, "that cannot be read"),
            (self.never_train, "that no model may learn from"),
            (self.not_judged, "of which no topic was judged"),
            (self.off_topic, "that judge none of this model's topics, or were made under a model of another language"),
        ):
            if count:
                parts.append(f"skipped {count:,} {why}")
        if self.unknown_topics:
            parts.append(f"topics that the model does not have: {name_list(sorted(self.unknown_topics))}")
        if self.missing_topics:
            parts.append(f"topics that editors miss: {name_list(sorted(self.missing_topics))}")
        if self.left_out:
            parts.append(f"left out {self.left_out:,} corrections")
        if self.other_models:
            models = ", ".join(f"{count:,} under {name}" for name, count in self.other_models.items())
            parts.append(f"made under other models, so that only the topics that they name count: {models}")
        if self.unconfirmed:
            parts.append(f"left open {self.unconfirmed:,} verdicts from before topics could be left unjudged")
        return "; ".join(parts)


def read_corrections(
    source: str,
    taxonomy: Taxonomy,
    data: Sequence[Path] = (),
    *,
    model: str = "",
    language: str | None = None,
    without: Collection[str] = (),
    read: Callable[[Path], Corpus] = READ_TEXTS,
) -> Corrections:
    """Read corrections; of an article the last one counts, in its place among the others.

    A correction that was made under a model of another name decides only the topics that it names: that model may not
    have had the others. So does a correction under an earlier version, for topics that this version did not have yet.
    One under a model of another language decides nothing.

    Args:
        source: see `tagdesk.training.corpora.ledger_export.read_rows`.
        taxonomy: the topics that they may name; others are counted.
        data: corpora with the texts of articles whose text the ledger does not keep, found by their ids.
        model: the name of the model that learns; empty where all corrections were made under it.
        language: the tag of its language (BCP 47), if it is known.
        without: editors, or keys, whose corrections are left out.
        read: reads one of the corpora.

    Raises:
        CorpusError: the source cannot be read, or has bad rows; a name in `without` occurs nowhere in it.
    """
    all_rows = read_rows(source)
    rows = _without(all_rows, without)
    latest = _latest(rows)
    models = _CorrectedModels(taxonomy, model, primary_language(language))
    # `date` is the day of the correction: an event's own is in its id.
    allowed = {article: row for article, row in latest.items() if may_train(article, None)}
    judged = {article: row for article, row in allowed.items() if _is_judged(row)}
    on_topic = {article: row for article, row in judged.items() if models.is_on_topic(row)}
    readable = _read_articles(on_topic, data, read)
    used = [on_topic[article] for article in readable.articles]
    texts = tuple(article.text() for article in readable.articles.values())
    corrections = Corrections(
        ids=tuple(readable.articles),
        articles=tuple(readable.articles.values()),
        texts=texts,
        topics=taxonomy.ids,
        decisions=_decisions(used, taxonomy, models),
        editors=tuple(map(_editor, used)),
        changed=_topic_flags([[*_rejected_topics(row), *(row.get("added") or ())] for row in used], taxonomy),
        has_changes=np.array([_has_changes(row) for row in used], np.bool_),
        group=duplicate_groups(texts) if texts else np.empty(0, np.int64),
        rows=len(all_rows),
        without_text=readable.without_text,
        unreadable=readable.unreadable,
        never_train=len(latest) - len(allowed),
        not_judged=len(allowed) - len(judged),
        unknown_topics=Counter(
            topic for row in used for topic in dict.fromkeys(_right_topics(row)) if topic not in taxonomy
        ),
        missing_topics=Counter(name for row in latest.values() for name in dict.fromkeys(row.get("missing") or ())),
        other_models=Counter(name for row in judged.values() if (name := models.other_model(row))),
        off_topic=len(judged) - len(on_topic),
        left_out=len(all_rows) - len(rows),
        overruled=_overruled(rows, taxonomy),
        unconfirmed=sum(len(_unconfirmed_topics(row)) for row in used),
    )
    log.info(corrections.summary())
    return corrections


def articles_and_editors(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the ids of all articles that were corrected, and the names of their editors.

    Raises:
        CorpusError: the source cannot be read, or has bad rows.
    """
    rows = read_rows(source)
    return frozenset(str(row["id"]) for row in rows), frozenset(map(_editor, rows))


def _without(rows: Sequence[_Row], names: Collection[str]) -> list[_Row]:
    """Return the corrections by none of these editors or keys.

    Raises:
        CorpusError: one of them made no correction.
    """
    strangers = set(names) - {row.get(field) for row in rows for field in ("editor", "sender")}
    if strangers:
        raise CorpusError(f"no correction is by {', '.join(sorted(strangers))}: nobody is left out")
    return [row for row in rows if {row.get("editor"), row.get("sender")}.isdisjoint(names)]


def _latest(rows: Iterable[_Row]) -> dict[str, _Row]:
    """Return the last correction of each article, in the order of these."""
    latest: dict[str, _Row] = {}
    for row in rows:
        latest.pop(str(row["id"]), None)
        latest[str(row["id"])] = row
    return latest


class _Readable(NamedTuple):
    """The articles that can be read, by their ids, and the numbers of those without a text and of unreadable ones."""

    articles: dict[str, Article]
    without_text: int
    unreadable: int


def _read_articles(rows: Mapping[str, _Row], data: Sequence[Path], read: Callable[[Path], Corpus]) -> _Readable:
    """Read the articles as they were sent, or as they stand in the data where the ledger has no text."""
    stored = _stored_articles(data, {article for article, row in rows.items() if not _has_text(row)}, read)
    articles: dict[str, Article] = {}
    without_text = unreadable = 0
    for name, row in rows.items():
        article = _sent_article(name, row) if _has_text(row) else stored.get(name)
        if article is None or not (article.title or article.body):
            without_text += 1
            continue
        try:
            article.text()
        except ArticleError:
            unreadable += 1
        else:
            articles[name] = article
    return _Readable(articles, without_text, unreadable)


def _has_text(row: _Row) -> bool:
    return bool((row.get("title") or "").strip() or (row.get("body") or "").strip())


def _sent_article(name: str, row: _Row) -> Article:
    return Article(title=row.get("title") or "", body=row.get("body") or "", id=name)


def _stored_articles(data: Sequence[Path], wanted: set[str], read: Callable[[Path], Corpus]) -> dict[str, Article]:
    """Return the articles with these ids, of those that are in the data."""
    if not wanted:
        return {}
    articles = (article for path in data for article in read(path).articles)
    return {article.id: article.article() for article in articles if article.id in wanted}


def _right_topics(row: _Row) -> list[str]:
    """Return the topics that an editor said yes to."""
    topics: list[str] | None = row.get("topics")
    if _is_of_two_states(row):
        return row.get("added") or []
    return [*(row.get("accepted") or ()), *(row.get("added") or ())] if topics is None else topics


def _is_of_two_states(row: _Row) -> bool:
    """Return whether a row is of an export with verdicts from before topics could be left unjudged."""
    return "complete" not in row and any(row.get(name) is not None for name in VERDICTS)


def _is_complete(row: _Row) -> bool:
    """Return whether every topic was judged; where nothing else says so, a list of topics without verdicts does."""
    complete: bool = row.get("complete", row.get("topics") is not None and not _is_of_two_states(row))
    return complete


def _is_judged(row: _Row) -> bool:
    return _is_complete(row) or bool(_right_topics(row) or _rejected_topics(row))


def _rejected_topics(row: _Row) -> Sequence[str]:
    """Return the topics that an editor said no to."""
    return (row.get("rejected") or ()) if "complete" in row else ()


def _has_changes(row: _Row) -> bool:
    """Return whether a correction tells what the editor took away and added."""
    return row.get("rejected") is not None or row.get("added") is not None


def _editor(row: _Row) -> str:
    return str(row.get("editor") or row.get("sender") or "")


def _overruled(rows: Sequence[_Row], taxonomy: Taxonomy) -> Counter[tuple[str, str]]:
    """Count, by both editors, the corrections that the next one of the same article contradicts."""
    latest: dict[str, _Row] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        earlier = latest.get(str(row["id"]))
        latest[str(row["id"])] = row
        if earlier is not None and _editor(earlier) != _editor(row) and _contradict(earlier, row, taxonomy):
            counts[_editor(earlier), _editor(row)] += 1
    return counts


def _contradict(earlier: _Row, later: _Row, taxonomy: Taxonomy) -> bool:
    """Return whether there is a topic that one correction calls right and the other wrong."""
    return any(
        topic in _rejected_topics(other) or (_is_complete(other) and topic not in _right_topics(other))
        for row, other in ((earlier, later), (later, earlier))
        for topic in _right_topics(row)
        if topic in taxonomy
    )


def _unconfirmed_topics(row: _Row) -> Sequence[str]:
    """Return the topics called accepted or rejected before topics could be left unjudged."""
    verdicts = row if _is_of_two_states(row) else row.get("unconfirmed") or {}
    return [*(verdicts.get("accepted") or ()), *(verdicts.get("rejected") or ())]


class _CorrectedModels:
    """The models under which corrections were made, and the topics that they had.

    Args:
        taxonomy: that of the model that learns.
        model: its name; empty where all corrections were made under it.
        language: its primary language, if it is known.
    """

    def __init__(self, taxonomy: Taxonomy, model: str, language: str | None) -> None:
        self._taxonomy, self._model, self._language = taxonomy, model, language
        self._by_ref: dict[str, Collection[str]] = {}
        self._languages: dict[str, str | None] = {}

    def other_model(self, row: _Row) -> str:
        """Return the name of the model that a correction was made under; "" where it is the one that learns."""
        name = str(row.get("model") or "").partition("@")[0]
        return name if self._model and name and name != self._model else ""

    def topics(self, row: _Row) -> Collection[str]:
        """Return the topics that a complete correction denies where it does not name them: those its model had."""
        if self.other_model(row):
            return ()
        ref = str(row.get("model") or "")
        if ref not in self._by_ref:
            self._by_ref[ref] = _topics_of(ref) if self._model and "@" in ref else self._taxonomy.ids
        return self._by_ref[ref] or self._taxonomy.ids

    def is_on_topic(self, row: _Row) -> bool:
        """Return whether a correction decides any topic of the model that learns."""
        if not self.other_model(row):
            return True
        named = {*_right_topics(row), *_rejected_topics(row)}
        return not named.isdisjoint(self._taxonomy.ids) and not self._is_of_another_language(str(row["model"]))

    def _is_of_another_language(self, ref: str) -> bool:
        if ref not in self._languages:
            self._languages[ref] = primary_language(_manifest_of(ref).get("language"))
        return None not in (self._language, self._languages[ref]) and self._language != self._languages[ref]


def _topics_of(ref: str) -> Collection[str]:
    """Return the topics of a version; none where it is gone."""
    try:
        return frozenset(str(topic["id"]) for topic in _manifest_of(ref)["topics"])
    except (KeyError, TypeError):
        return ()


def _manifest_of(ref: str) -> Mapping[str, Any]:
    """Return the manifest of a version; an empty one where it is gone."""
    try:
        manifest: Mapping[str, Any] = json.loads((locate(ref) / MANIFEST).read_bytes())
    except (BundleNotFound, OSError, ValueError):
        return {}
    return manifest


def _decisions(rows: Sequence[_Row], taxonomy: Taxonomy, models: _CorrectedModels) -> NDArray[np.int8]:
    """Return yes, no or open for every topic, int8, shape (articles, topics).

    A topic's implied parent is right with it, and a topic is wrong with its implied parent. Where an editor says that a
    topic is right and its implied parent wrong, both are open.
    """
    right = _topic_flags([_right_topics(row) for row in rows], taxonomy)
    wrong = _topic_flags([_rejected_topics(row) for row in rows], taxonomy)
    for child, parent in reversed(taxonomy.implied):
        right[:, parent] |= right[:, child]
    for child, parent in taxonomy.implied:
        wrong[:, child] |= wrong[:, parent]
    denied = _topic_flags([models.topics(row) if _is_complete(row) else () for row in rows], taxonomy)
    decisions = np.where(right, YES, np.where(wrong | denied, NO, OPEN))
    return np.where(right & wrong, OPEN, decisions).astype(np.int8)


def _topic_flags(topics: Sequence[Iterable[str]], taxonomy: Taxonomy) -> NDArray[np.bool_]:
    """Return which topics are named for each article, bool, shape (articles, topics); unknown ones are ignored."""
    flags = np.zeros((len(topics), len(taxonomy)), np.bool_)
    for row, names in enumerate(topics):
        flags[row, [taxonomy.column(name) for name in names if name in taxonomy]] = True
    return flags
