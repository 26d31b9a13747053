"""From what a corpus says (labels) to what we predict (topics): yes, no, or left open."""

import csv
import hashlib
import logging
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.taxonomy import Taxonomy
from training.corpus import BadRows, Corpus, LabelledArticle
from training.errors import CorpusError, LabelMapError

log = logging.getLogger(__name__)

YES, NO, OPEN = 1, -1, 0

LABELS = Path(__file__).with_name("labels")

_KEYS = {"decides", "least_label_prob", "silent", "labels"}
_LABEL_KEYS = {"asserts", "open"}


@dataclass(frozen=True, slots=True)
class LabelMap:
    """What a corpus' labels say of the topics; its file is called as the corpus is.

    A topic that one of an article's labels asserts is a yes; one that a label leaves open is open; of the rest the
    corpus denies those that it decides, and the others are open.

    Attributes:
        decides: topics that the corpus denies where no label asserts or opens them.
        asserts: per label, the topics it asserts.
        opens: per label, the topics it leaves open.
        least_label_prob: labels less likely than this leave every topic open.
    """

    decides: frozenset[str]
    asserts: Mapping[str, frozenset[str]]
    opens: Mapping[str, frozenset[str]]
    least_label_prob: float = 0.0

    @property
    def labels(self) -> frozenset[str]:
        """Every label that the map knows."""
        return frozenset(self.asserts)

    def decide(self, article: LabelledArticle, taxonomy: Taxonomy) -> NDArray[np.int8]:
        """Return yes, no or open for every topic: int8, shape (topics,)."""
        if article.label_prob < self.least_label_prob:
            return np.zeros(len(taxonomy), np.int8)
        yes = frozenset[str]().union(*(self.asserts[label] for label in article.labels))
        maybe = frozenset[str]().union(*(self.opens[label] for label in article.labels))
        said = (
            YES if topic in yes else NO if topic in self.decides and topic not in maybe else OPEN
            for topic in taxonomy.ids
        )
        return np.fromiter(said, np.int8, len(taxonomy))


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
            yield f"label {label!r}: stands under silent too"


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
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


@dataclass(frozen=True, slots=True)
class HandLabel:
    """What a person says of one article.

    Attributes:
        topics: all its topics.
        text: `fingerprint` of the body that was read, or "" where the id alone is sure.
        fair: the article was drawn at random, and not picked for what it is about.
    """

    topics: tuple[str, ...]
    text: str = ""
    fair: bool = True

    def speaks_of(self, article: LabelledArticle) -> bool:
        """Say whether the article is still the text that was read."""
        return not self.text or self.text == fingerprint(article.body)


def fingerprint(body: str) -> str:
    """Return eight hexadecimal digits that tell a text by its first 40 letters and digits.

    Wiki pages are edited: an event's number on its day's page may come to mean another event.
    """
    letters = "".join(char for char in body[:400].lower() if char.isalnum())[:40]
    return hashlib.blake2b(letters.encode(), digest_size=4).hexdigest()


def read_hand_labels(path: Path, taxonomy: Taxonomy) -> dict[str, HandLabel]:
    """Read hand labels: a TSV with columns id, topics (comma-separated) and, optionally, text and sampled.

    `text` is the body's `fingerprint`; `sampled` says how the article was drawn: `random`, or what it was picked for.

    Raises:
        CorpusError: listing every bad line.
    """
    found: dict[str, HandLabel] = {}
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
                elif row["id"] in found:
                    bad.add(rows.line_num, f"id: {row['id']!r} stands twice")
                else:
                    found[row["id"]] = HandLabel(
                        topics, row.get("text") or "", fair=(row.get("sampled") or "random") == "random"
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"cannot read the hand labels {path}: {error}") from error
    bad.refuse()
    return found


def decide_topics(
    corpus: Corpus,
    taxonomy: Taxonomy,
    label_map: LabelMap | None,
    hand_labels: Mapping[str, HandLabel],
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Say for every article and topic whether it is a yes, a no or open.

    Returns:
        int8, shape (articles, topics), and bool, shape (articles,): whether a person's word decides all topics.

    Raises:
        LabelMapError: labels that must decide an article have no map, or are not in it.
    """
    decisions = np.zeros((len(corpus.articles), len(taxonomy)), np.int8)
    by_hand = np.zeros(len(corpus.articles), np.bool_)
    strayed = 0
    for i, article in enumerate(corpus.articles):
        label = hand_labels.get(article.id)
        topics = article.topics
        if label is not None and label.speaks_of(article):
            topics = label.topics
        elif label is not None:
            strayed += 1
        if topics is not None:
            decisions[i] = NO
            decisions[i, [taxonomy.column(topic) for topic in topics]] = YES
            by_hand[i] = True
    left = np.flatnonzero(~by_hand).tolist()
    _check_labels(corpus.name, [corpus.articles[i] for i in left], label_map)
    if label_map is not None:
        for i in left:
            decisions[i] = label_map.decide(corpus.articles[i], taxonomy)
    if strayed:
        log.warning("%s: %d hand labels were given to another text and are not used", corpus.name, strayed)
    return decisions, by_hand


def _check_labels(corpus: str, articles: Sequence[LabelledArticle], label_map: LabelMap | None) -> None:
    known = label_map.labels if label_map else frozenset()
    unknown = Counter(label for article in articles for label in article.labels if label not in known)
    if unknown:
        shown = ", ".join(f"{label!r} ({count:,})" for label, count in unknown.most_common(20))
        what = "its label map does not know" if label_map else "no label map explains"
        raise LabelMapError(
            f"corpus {corpus}: {len(unknown)} labels {what}: {shown}; "
            "say in the label map what each asserts and leaves open, or list it under silent"
        )
