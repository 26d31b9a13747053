"""Topics from a corpus' own labels: labels made into topics, and topics looked up by id, code or name."""

import hashlib
import logging
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tagdesk.formats.cells import FEWEST, is_number, label_key
from tagdesk.models.taxonomy import Code, Taxonomy, Topic
from tagdesk.progress import counted
from tagdesk.training.corpora.account import name_list
from tagdesk.training.corpora.corpus import Corpus, LabelledArticle
from tagdesk.training.errors import LabelMapError, TrainingError

log = logging.getLogger(__name__)

ENOUGH = 40
"""Articles that a topic should have: 90 % precision takes 29 right answers and no wrong one to prove."""

_CODE = re.compile(r"[^\s:]+:\S+")
_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "ng", "ə": "e"}
)


def slug(label: str) -> str:
    """Return a topic's id made from a label: `arts-culture` for `Arts & Culture`, the last part for a URI.

    Latin letters lose their accents, those of other scripts stay; `C#` and `C++` are `c-sharp` and `c-plus-plus`. A
    label without a letter or a digit becomes `topic-` and its hash.
    """
    last = re.split(r"[/#]", label.rstrip("/#"))[-1] if "://" in label else label
    named = re.sub(r"(?<=[\w+])\+", " plus ", re.sub(r"(?<=\w)#", " sharp ", last))
    text = unicodedata.normalize("NFC", named.casefold()).translate(_LETTERS)
    words = re.sub(r"-+", "-", "".join(map(_in_id, text))).strip("-")[:64].strip("-")
    return words or f"topic-{hashlib.blake2b(label.encode(), digest_size=4).hexdigest()}"


def _in_id(char: str) -> str:
    """Return what a character is in an id: itself, the Latin letter without its accent, or a hyphen."""
    plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    if re.fullmatch("[a-z0-9]+", plain):
        return plain
    # An accent by itself stands on the Latin letter before it.
    if "COMBINING" in unicodedata.name(char, ""):
        return ""
    return char if unicodedata.category(char)[0] in "LM" or char.isdecimal() else "-"


def ids_by_label(topics: Sequence[Topic]) -> dict[str, str]:
    """Return the ids of topics by their names, codes and ids; a name precedes a code, a code precedes an id."""
    ids = {topic.id: topic.id for topic in topics}
    ids |= {code: topic.id for topic in topics for code in topic.qcodes}
    return ids | {topic.name: topic.id for topic in topics}


class TopicFinder:
    """Topics by their names, codes and ids, however these are spelled; see `label_key`."""

    def __init__(self, topics: Sequence[Topic]) -> None:
        self._exact = ids_by_label(topics)
        self._by_key = {label_key(label): topic for label, topic in self._exact.items()}

    def find(self, label: str, name: str = "") -> str | None:
        """Return the id of the topic that a label or, where there is none, its name stands for."""
        spellings = (label, name) if name and name != label else (label,)
        for spelling in spellings:
            if topic := self._exact.get(spelling) or self._by_key.get(label_key(spelling)):
                return topic
        return None


def labels_of(article: LabelledArticle) -> tuple[str, ...]:
    """Return the labels that the corpus gives an article, or its topics where it has no labels."""
    return article.labels or article.topics or ()


def as_labels(corpus: Corpus, known: Iterable[str]) -> Corpus:
    """Return the corpus with labels and topics alike as labels, spelled as they are known.

    A code becomes its name where only that is known.
    """
    spellings = {label_key(label): label for label in known}

    def known_form(label: str) -> str:
        name = corpus.names.get(label, label)
        return spellings.get(label_key(label)) or spellings.get(label_key(name)) or label

    return replace(
        corpus,
        articles=tuple(
            replace(article, labels=tuple(dict.fromkeys(map(known_form, labels_of(article)))), topics=None)
            for article in corpus.articles
        ),
    )


def as_topics(corpus: Corpus, taxonomy: Taxonomy) -> tuple[Corpus, Counter[str]]:
    """Return the corpus with labels and topics alike as topics, and how often each label occurs that is none.

    The topics decide every article in full. A label stands for the topic above it, too, where its own implies that one.
    """
    finder = TopicFinder(taxonomy.topics)
    above = {topic.id: topic.parent for topic in taxonomy.topics if topic.implies_parent}
    topic_of: dict[str, str | None] = {}
    unknown = Counter[str]()
    articles = []
    for article in corpus.articles:
        labels = labels_of(article)
        topic_of |= {
            label: finder.find(label, corpus.names.get(label, "")) for label in labels if label not in topic_of
        }
        unknown.update(corpus.names.get(label, label) for label in labels if topic_of[label] is None)
        topics = tuple(dict.fromkeys(topic for label in labels if (topic := topic_of[label])))
        if article.topics is None:
            topics = tuple(dict.fromkeys(topic for some in topics for topic in _chain(some, above)))
        articles.append(replace(article, labels=(), topics=topics))
    return replace(corpus, articles=tuple(articles)), unknown


def _chain(topic: str, above: Mapping[str, str | None]) -> Iterator[str]:
    """Yield a topic and those that it implies."""
    link: str | None = topic
    while link is not None:
        yield link
        link = above.get(link)


@dataclass(frozen=True, slots=True)
class _Census:
    """The labels of corpora, by what all their spellings have in common.

    Attributes:
        articles: how many articles there are.
        counts: how many of them have a label.
        spellings: how often it is spelled how.
        names: its name, where it is a code or URI.
        parents: the label above it.
    """

    articles: int
    counts: Counter[str]
    spellings: Mapping[str, Counter[str]]
    names: Mapping[str, str]
    parents: Mapping[str, str]

    def label(self, key: str) -> str:
        """Return the commonest spelling, of several rather one that is not all capitals or all small."""
        return min(
            self.spellings[key].items(), key=lambda item: (-item[1], item[0].isupper(), item[0].islower(), item[0])
        )[0]

    def name(self, key: str) -> str:
        """Return the name for people."""
        return self.names.get(key) or self.label(key)


def _census(corpora: Sequence[Corpus]) -> _Census:
    named = [(label, name) for corpus in corpora for label, name in corpus.names.items()]
    codes = {label_key(name): label_key(label) for label, name in named}  # some rows have the name only
    key_of: dict[str, str] = {}
    counts, spellings = Counter[str](), dict[str, Counter[str]]()
    for corpus in corpora:
        for article in corpus.articles:
            labels = labels_of(article)
            for label in labels:
                if label not in key_of:
                    key = label_key(label)
                    key_of[label] = codes.get(key, key)
            keys = {key_of[label]: label for label in labels}
            counts.update(keys.keys())
            for key, label in keys.items():
                spellings.setdefault(key, Counter())[label] += 1
    parents: dict[str, set[str]] = {}
    for corpus in corpora:
        for label, above in corpus.parents.items():
            parents.setdefault(label_key(label), set()).add(label_key(above))
    return _Census(
        sum(len(corpus.articles) for corpus in corpora),
        counts,
        spellings,
        {label_key(label): name for label, name in named},
        {key: next(iter(above)) for key, above in parents.items() if len(above) == 1},
    )


def label_topics(corpora: Sequence[Corpus], existing: Sequence[Topic]) -> tuple[tuple[Topic, ...], tuple[str, ...]]:
    """Make a topic of each label that has enough articles and is no name, code or id of an existing topic.

    Spellings that differ in capitals, spaces, entities or Unicode's forms are one label, named as most often. Labels
    that all articles have, or all but a few, are left out: there is nothing to tell them from.

    Returns:
        The new topics, sorted by id, and sentences on the labels that are left out.

    Raises:
        TrainingError: no label can become a topic, and there are no existing ones.
    """
    census, finder = _census(corpora), TopicFinder(existing)
    new = [key for key, _ in _by_count(census.counts) if finder.find(census.label(key), census.name(key)) is None]
    common = [key for key in new if census.counts[key] >= FEWEST]
    everywhere = [key for key in common if census.counts[key] > census.articles - FEWEST]
    labels = [key for key in common if key not in everywhere]
    rare = [shortage(census.name(key), census.counts[key]) for key in new[len(common) :]]
    if not labels and not existing:
        counted = [f"{census.name(key)} ({census.counts[key]:,})" for key in new[len(common) :]]
        raise TrainingError(_no_topics(everywhere, counted, census))
    _log_labels(labels, census)
    left_out = tuple(_left_out(everywhere, rare, census))
    for sentence in left_out:
        log.warning("%s", sentence)
    topics = new_topics(((_code(key, census), census.name(key)) for key in labels), existing)
    ids = {key: topic.id for key, topic in zip(labels, topics, strict=True)}
    topics = [
        replace(topic, parent=ids[above], implies_parent=True)
        if (above := _above(key, census.parents)) in ids
        else topic
        for key, topic in zip(labels, topics, strict=True)
    ]
    return tuple(sorted(topics, key=lambda topic: topic.id)), left_out


def _code(key: str, census: _Census) -> str:
    """Return the spelling of a code of a label that has one, else its name."""
    if key not in census.names:
        return census.name(key)
    return next((label for label in census.spellings[key] if label_key(label) == key), census.name(key))


def _above(key: str, parents: Mapping[str, str]) -> str | None:
    """Return the label above a label, unless those above it go round in a circle."""
    chain = [key]
    while (above := parents.get(chain[-1])) is not None:
        if above in chain:
            return None
        chain.append(above)
    return parents.get(key)


def _no_topics(everywhere: Sequence[str], rare: Sequence[str], census: _Census) -> str:
    if everywhere:
        names = ", ".join(map(repr, map(census.name, everywhere)))
        return (
            f"nearly every article has the label {names}, and there is no other with {FEWEST} articles: there is "
            "nothing to tell it from; add articles of other topics"
        )
    return (
        f"no label has the {FEWEST} articles that a topic needs at least: are these the topics? {name_list(rare)}. "
        'If another column has them, --columns "topics=…" names it'
    )


def _log_labels(labels: Sequence[str], census: _Census) -> None:
    several = [census.spellings[key] for key in labels if len(census.spellings[key]) > 1 and key not in census.names]
    if several:
        spelled = [" = ".join(f"{name} ({n:,})" for name, n in spellings.most_common(5)) for spellings in several]
        log.info("labels read as one, though spelled in several ways: %s", name_list(spelled))
    if labels and all(is_number(census.name(key)) for key in labels):
        log.warning(
            "all labels are numbers or dates: a column with their names, --columns, or a --taxonomy would tell more"
        )


def _left_out(everywhere: Sequence[str], rare: Sequence[str], census: _Census) -> Iterator[str]:
    """Yield a sentence on each reason why labels do not become topics."""
    for key in everywhere:
        count, name = census.counts[key], census.name(key)
        how_many = "every article" if count == census.articles else f"all but {census.articles - count} articles"
        yield f"{name}: {how_many} has this label, so there is nothing to tell it from; it does not become a topic"
    if rare:
        yield f"{counted(len(rare), 'label')} with too few articles (under {FEWEST}) left out: {name_list(rare)}"


def new_topics(labels: Iterable[tuple[str, str]], existing: Sequence[Topic] = ()) -> list[Topic]:
    """Make a topic of each label and its name, in this order, with ids that no existing topic has."""
    ids = {topic.id: topic.name for topic in existing}
    topics = []
    for label, name in labels:
        topic = _free_id(name, ids)
        ids[topic] = name
        topics.append(Topic(topic, name, codes=_codes(label, has_name=label != name)))
    return topics


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return labels and counts, the most common first, then alphabetically: the rows' order does not matter."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _free_id(name: str, ids: Mapping[str, str]) -> str:
    """Return the slug of a name, with a number where another name has it already."""
    wanted = free = slug(name)
    number = 1
    while free in ids:
        number += 1
        free = f"{wanted[:58]}-{number}"
    if number > 1:
        log.warning(
            "%r gets the id %s, because %s is %r; if they are one topic, spell them alike or use a label map",
            name,
            free,
            wanted,
            ids[wanted],
        )
    return free


def _codes(label: str, *, has_name: bool) -> tuple[Code, ...]:
    return (Code(label, "exact"),) if _CODE.fullmatch(label) and (has_name or "://" in label) else ()


def mapped_topics(path: Path, existing: Sequence[Topic]) -> tuple[Topic, ...]:
    """Return a topic for every id in a label map that no existing topic has; `load_label_map` checks the rest.

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
    named = {topic for topics in lists if isinstance(topics, list) for topic in topics if isinstance(topic, str)}
    new = sorted(named - {topic.id for topic in existing})
    if not new and not existing:
        raise LabelMapError(f"label map {path}: it names no topic; write under [labels] what each label asserts")
    return tuple(Topic(topic, topic.replace("-", " ").capitalize()) for topic in new)


def shortage(name: str, count: int) -> str:
    """Return a topic's name with its number of articles and how many more would help, in tens, up to `ENOUGH`."""
    return f"{name} ({counted(count, 'article')}; label about {-(-(ENOUGH - count) // 10) * 10} more)"
