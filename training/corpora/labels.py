"""From a corpus' labels to the topics that we predict: yes, no, or left open."""

import csv
import hashlib
import logging
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.taxonomy import Taxonomy
from tagdesk.training.config import MANY_TOPICS
from tagdesk.training.corpora.corpus import BadRows, Corpus, LabelledArticle
from tagdesk.training.errors import CorpusError, LabelMapError
from tagdesk.training.sparse_table import SparseTable, Table

log = logging.getLogger(__name__)

YES, NO, OPEN = 1, -1, 0

LABELS = Path(__file__).with_name("labels")

FAIR = ("", "random", "random-2")
"""How full labels' articles were drawn at random: from all, or, `random-2`, from those that had no label yet.

The second leaves out texts under 300 or over 6,000 characters (events: under 80): one of a hundred Wikinews articles
and one of thirteen events, which the first has. Together they are as good as a fair sample.
"""

_KEYS = {"decides", "least_label_prob", "silent", "labels"}
_LABEL_KEYS = {"asserts", "open"}


def judged_over(judged: NDArray[np.int8], corpus: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return what editors decided, and where they judged nothing what the corpus says: int8, the shape of both."""
    return np.where(judged == OPEN, corpus, judged).astype(np.int8)


@dataclass(frozen=True, slots=True)
class LabelMap:
    """What a corpus' labels mean for the topics; its file has the name of the corpus.

    A topic that one of an article's labels asserts is a yes; one that a label leaves open is open. Of the rest, those
    that the corpus decides are a no, and the others are open.

    Attributes:
        decides: topics that the corpus denies where no label asserts them or leaves them open.
        asserts: the topics that each label asserts.
        opens: the topics that each label leaves open.
        least_label_prob: labels with a lower probability leave every topic open.
    """

    decides: frozenset[str]
    asserts: Mapping[str, frozenset[str]]
    opens: Mapping[str, frozenset[str]]
    least_label_prob: float = 0.0

    @property
    def labels(self) -> frozenset[str]:
        """All labels in the map."""
        return frozenset(self.asserts)

    def decide(self, article: LabelledArticle, taxonomy: Taxonomy) -> NDArray[np.int8]:
        """Return yes, no or open for every topic: int8, shape (topics,)."""
        if article.label_prob < self.least_label_prob:
            return np.zeros(len(taxonomy), np.int8)
        yes = frozenset[str]().union(*(self.asserts[label] for label in article.labels))
        maybe = frozenset[str]().union(*(self.opens[label] for label in article.labels))
        decisions = (
            YES if topic in yes else NO if topic in self.decides and topic not in maybe else OPEN
            for topic in taxonomy.ids
        )
        return np.fromiter(decisions, np.int8, len(taxonomy))


def load_label_map(path: Path, taxonomy: Taxonomy) -> LabelMap:
    """Read a label map from TOML.

    Raises:
        LabelMapError: naming the file and every fault at once.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LabelMapError(f"cannot read the label map {path}: {error}") from error
    faults = list(_map_faults(data, taxonomy))
    if faults:
        raise LabelMapError(f"label map {path}: {'; '.join(faults)}")
    rows: dict[str, Any] = {label: {} for label in data.get("silent", [])} | data.get("labels", {})
    decides = data.get("decides", [])
    return LabelMap(
        decides=frozenset(taxonomy.ids if decides == "all" else decides),
        asserts={label: frozenset(row.get("asserts", ())) for label, row in rows.items()},
        opens={label: frozenset(row.get("open", ())) for label, row in rows.items()},
        least_label_prob=float(data.get("least_label_prob", 0.0)),
    )


def _map_faults(data: Mapping[str, Any], taxonomy: Taxonomy) -> Iterator[str]:
    yield from (f"unknown key {key!r}; known are {', '.join(sorted(_KEYS))}" for key in sorted(set(data) - _KEYS))
    if data.get("decides") != "all":
        yield from (f"decides: {fault}" for fault in _topic_faults(data.get("decides", []), taxonomy))
    least = data.get("least_label_prob", 0.0)
    if type(least) not in (int, float) or not 0 <= least <= 1:
        yield f"least_label_prob: {least!r} is not a number from 0 to 1"
    silent, rows = data.get("silent", []), data.get("labels", {})
    if not _is_texts(silent):
        yield f"silent: {silent!r} is not a list of labels"
    if not isinstance(rows, dict):
        yield f"labels: {rows!r} is not a table, [labels]"
        return
    for label, row in rows.items():
        yield from (f"label {label!r}: {fault}" for fault in _label_faults(row, taxonomy))
        if _is_texts(silent) and label in silent:
            yield f"label {label!r}: is listed under silent too"


def _label_faults(row: Any, taxonomy: Taxonomy) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"{row!r} is not a table such as {{ asserts = [], open = [] }}"
        return
    yield from (f"unknown key {key!r}" for key in sorted(set(row) - _LABEL_KEYS))
    asserts, opens = row.get("asserts", []), row.get("open", [])
    faults = [*_topic_faults(asserts, taxonomy), *_topic_faults(opens, taxonomy)]
    yield from faults
    if not faults:
        yield from (f"both asserts and opens {topic!r}" for topic in asserts if topic in opens)


def _topic_faults(names: Any, taxonomy: Taxonomy) -> Iterator[str]:
    if _is_texts(names):
        yield from (f"unknown topic {name!r}" for name in names if name not in taxonomy)
    else:
        yield f"{names!r} is not a list of topics"


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


@dataclass(frozen=True, slots=True)
class FullLabels:
    """The topics of an article for which every topic was decided; ours are a language model's, under our guidelines.

    Attributes:
        topics: all its topics.
        text: `fingerprint` of the body that was labelled, or "" where the id alone is enough.
        fair: whether the article was drawn at random rather than picked for its topic.
    """

    topics: tuple[str, ...]
    text: str = ""
    fair: bool = True

    def belongs_to(self, article: LabelledArticle) -> bool:
        """Return whether the article still has the text that was labelled."""
        return not self.text or self.text == fingerprint(article.body)


def fingerprint(body: str) -> str:
    """Return eight hexadecimal digits that identify a text by its first 40 letters and digits.

    Wiki pages are edited, so that an event's number on its day's page may later belong to another event.
    """
    letters = "".join(char for char in body[:400].lower() if char.isalnum())[:40]
    return hashlib.blake2b(letters.encode(), digest_size=4).hexdigest()


def read_full_labels(path: Path, taxonomy: Taxonomy) -> dict[str, FullLabels]:
    """Read full labels: a TSV with columns id, topics (comma-separated) and, optionally, text and sampled.

    `text` is the body's `fingerprint`; `sampled` is how the article was drawn: one of `FAIR`, or why it was picked.

    Raises:
        CorpusError: listing every bad line.
    """
    labels: dict[str, FullLabels] = {}
    bad = BadRows(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t")
            for row in rows:
                topics = tuple(filter(None, (row.get("topics") or "").split(",")))
                unknown = [topic for topic in topics if topic not in taxonomy]
                if not row.get("id") or not topics:
                    bad.add(rows.line_num, "id or topics is missing")
                elif unknown:
                    bad.add(rows.line_num, f"topics: unknown topic {', '.join(map(repr, unknown))}")
                elif row["id"] in labels:
                    bad.add(rows.line_num, f"id: {row['id']!r} appears twice")
                else:
                    fair = (row.get("sampled") or "") in FAIR
                    labels[row["id"]] = FullLabels(topics, row.get("text") or "", fair)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"cannot read the full labels {path}: {error}") from error
    bad.refuse()
    return labels


def decide_topics(
    corpus: Corpus,
    taxonomy: Taxonomy,
    label_map: LabelMap | None,
    full_labels: Mapping[str, FullLabels],
) -> tuple[Table, NDArray[np.bool_]]:
    """Decide for every article and topic: yes, no or open.

    Full labels come first, then topics that the corpus states itself, then the label map.

    Returns:
        int8, shape (articles, topics), and bool, shape (articles,): whether every topic of the article was decided, by
        full labels or by the corpus itself, and no map was needed.

    Raises:
        LabelMapError: an article needs a label map, and there is none or it lacks a label.
    """
    given: list[tuple[str, ...] | None] = []
    outdated = 0
    for article in corpus.articles:
        full = full_labels.get(article.id)
        is_meant = full is not None and full.belongs_to(article)
        outdated += full is not None and not is_meant
        given.append(full.topics if full is not None and is_meant else article.topics)
    fully_labelled = np.array([topics is not None for topics in given], np.bool_)
    _check_labels(corpus.name, [corpus.articles[i] for i in np.flatnonzero(~fully_labelled).tolist()], label_map)
    if outdated:
        log.warning("%s: %d full labels belong to another text and are not used", corpus.name, outdated)
    return _table(_decisions(corpus, taxonomy, label_map, given), len(given), len(taxonomy)), fully_labelled


def _decisions(
    corpus: Corpus, taxonomy: Taxonomy, label_map: LabelMap | None, given: Sequence[tuple[str, ...] | None]
) -> Iterator[NDArray[np.int8]]:
    """Yield each article's decisions, int8, shape (topics,), by the topics that it was given, else by the label map."""
    for article, topics in zip(corpus.articles, given, strict=True):
        if topics is not None:
            row = np.full(len(taxonomy), NO, np.int8)
            row[[taxonomy.column(topic) for topic in topics]] = YES
            yield row
        else:
            yield np.zeros(len(taxonomy), np.int8) if label_map is None else label_map.decide(article, taxonomy)


def _table(rows: Iterable[NDArray[np.int8]], articles: int, topics: int) -> Table:
    """Return the rows of decisions as a table, which of many topics keeps what is not `NO`."""
    if topics <= MANY_TOPICS:
        decisions = np.empty((articles, topics), np.int8)
        for place, row in enumerate(rows):
            decisions[place] = row
        return decisions
    columns, values = [np.empty(0, np.int32)], [np.empty(0, np.int8)]
    for row in rows:
        columns.append(np.flatnonzero(row != NO).astype(np.int32))
        values.append(row[columns[-1]])
    places = np.repeat(np.arange(articles), [len(some) for some in columns[1:]])
    return SparseTable.of(
        places, np.concatenate(columns), np.concatenate(values), np.full(topics, NO, np.int8), articles
    )


def _check_labels(corpus: str, articles: Sequence[LabelledArticle], label_map: LabelMap | None) -> None:
    known = label_map.labels if label_map else frozenset()
    unknown = Counter(label for article in articles for label in article.labels if label not in known)
    if unknown:
        examples = ", ".join(f"{label!r} ({count:,})" for label, count in unknown.most_common(20))
        fault = "are not in its label map" if label_map else "have no label map"
        raise LabelMapError(
            f"corpus {corpus}: {len(unknown)} labels {fault}: {examples}; "
            "write into the label map what each asserts and leaves open, or list it under silent"
        )
