"""What a corpus calls its topics: labels made into topics, and topics found by whatever they are called."""

import hashlib
import logging
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from models.taxonomy import Code, Taxonomy, Topic
from training.corpus import Corpus, LabelledArticle
from training.errors import LabelMapError, TrainingError

log = logging.getLogger(__name__)

FEWEST = 5
"""A label of fewer articles becomes no topic: no fit could have five articles for it."""

ENOUGH = 40
"""Articles that a topic should have: an `auto` band of 90 % precision rests on 29 right answers without a wrong one."""

MOST_TOPICS = 5_000

_SHOWN = 20
_CODE = re.compile(r"[^\s:]+:\S+")


def slug(label: str) -> str:
    """Return a topic's id made of a label: `Arts & Culture` is `arts-culture`, of a URI the last part.

    Letters lose their accents; a label without a Latin letter or a digit gets a number made of it.
    """
    last = re.split(r"[/#]", label.rstrip("/#"))[-1] if "://" in label else label
    plain = unicodedata.normalize("NFKD", last.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")
    return words or f"topic-{hashlib.blake2b(label.encode(), digest_size=4).hexdigest()}"


def called(topics: Sequence[Topic]) -> dict[str, str]:
    """Return the id of each topic by whatever it is called: its id, its codes, its name; the name goes first."""
    found = {topic.id: topic.id for topic in topics}
    found |= {code: topic.id for topic in topics for code in topic.qcodes}
    return found | {topic.name: topic.id for topic in topics}


def said(article: LabelledArticle) -> tuple[str, ...]:
    """Return what a corpus says of an article in its own words: its labels, or its topics where it has no labels."""
    return article.labels or article.topics or ()


def as_labels(corpus: Corpus, known: Iterable[str]) -> Corpus:
    """Return the corpus with all that it says as labels, codes by their names where only those are known."""
    known = frozenset(known)

    def label(one: str) -> str:
        name = corpus.names.get(one, one)
        return name if one not in known and name in known else one

    return replace(
        corpus,
        articles=tuple(
            replace(article, labels=tuple(map(label, said(article))), topics=None) for article in corpus.articles
        ),
    )


def as_topics(corpus: Corpus, taxonomy: Taxonomy) -> tuple[Corpus, Counter[str]]:
    """Return the corpus with all that it says as topics, which decide them all, and how often which labels are none."""
    ids = called(taxonomy.topics)
    strange = Counter[str]()
    articles = []
    for article in corpus.articles:
        found = {label: ids.get(label) or ids.get(corpus.names.get(label, "")) for label in said(article)}
        strange.update(corpus.names.get(label, label) for label, topic in found.items() if topic is None)
        topics = tuple(dict.fromkeys(topic for topic in found.values() if topic))
        articles.append(replace(article, labels=(), topics=topics))
    return replace(corpus, articles=tuple(articles)), strange


def label_topics(corpora: Sequence[Corpus], given: Sequence[Topic]) -> tuple[Topic, ...]:
    """Make a topic of each label that enough articles have and that no given topic is called by, by their ids.

    Raises:
        TrainingError: no label has enough articles, and there are no given topics.
    """
    names = {label: name for corpus in corpora for label, name in corpus.names.items()}
    codes = {name: label for label, name in names.items()}  # some rows may say the code, others the name only
    counts = Counter(
        label
        for corpus in corpora
        for article in corpus.articles
        for label in {codes.get(label, label) for label in said(article)}
    )
    taken = called(given)
    fresh = [(label, n) for label, n in _by_count(counts) if label not in taken and names.get(label) not in taken]
    kept = [label for label, n in fresh[:MOST_TOPICS] if n >= FEWEST]
    lost = [thin(names.get(label, label), n) for label, n in fresh[len(kept) :]]
    if not kept and not given:
        raise TrainingError(
            f"no label has the {FEWEST} articles that a topic needs at least: are these the topics? {listed(lost)}"
        )
    if lost:
        log.warning("%s labels have too few articles to learn from and are no topics: %s", len(lost), listed(lost))
    ids: dict[str, str] = {topic.id: topic.name for topic in given}
    topics = []
    for label in kept:
        name = names.get(label, label)
        topic = _free_id(name, ids)
        ids[topic] = name
        topics.append(Topic(topic, name, codes=_codes(label, has_name=label in names)))
    return tuple(sorted(topics, key=lambda topic: topic.id))


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return labels and counts, the most common first, in an order that only they decide."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _free_id(name: str, ids: Mapping[str, str]) -> str:
    """Return the slug of a name, numbered where another name has it."""
    wanted = found = slug(name)
    number = 1
    while found in ids:
        number += 1
        found = f"{wanted[:58]}-{number}"
    if number > 1:
        log.warning(
            "%r gets the id %s, for %s is %r; if they are one topic, write them alike or say so in a label map",
            name,
            found,
            wanted,
            ids[wanted],
        )
    return found


def _codes(label: str, *, has_name: bool) -> tuple[Code, ...]:
    return (Code(label, "exact"),) if _CODE.fullmatch(label) and (has_name or "://" in label) else ()


def mapped_topics(path: Path, given: Sequence[Topic]) -> tuple[Topic, ...]:
    """Return plain topics for those of a label map that are not given; `load_label_map` checks the rest of it.

    Raises:
        LabelMapError: the map cannot be read, or there is no topic at all.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LabelMapError(f"cannot read the label map {path}: {error}") from error
    rows = data.get("labels")
    lists = [data.get("decides")]
    for row in rows.values() if isinstance(rows, dict) else ():
        lists += [row.get("asserts"), row.get("open")] if isinstance(row, dict) else []
    named = {one for some in lists if isinstance(some, list) for one in some if isinstance(one, str)}
    fresh = sorted(named - {topic.id for topic in given})
    if not fresh and not given:
        raise LabelMapError(f"label map {path}: it names no topic; say under [labels] what each label asserts")
    return tuple(Topic(one, one.replace("-", " ").capitalize()) for one in fresh)


def thin(name: str, count: int) -> str:
    """Say how many articles a topic has, and how many more would help: tens, up to `ENOUGH`."""
    return f"{name} ({count:,} articles; label about {-(-(ENOUGH - count) // 10) * 10} more)"


def listed(some: Sequence[str]) -> str:
    """Return the first twenty, and how many there are besides."""
    more = f" … and {len(some) - _SHOWN:,} more" if len(some) > _SHOWN else ""
    return ", ".join(some[:_SHOWN]) + more
