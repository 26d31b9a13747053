"""A newsroom's own articles and topics: which topics their model has, and how it is made."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tagdesk.formats.cells import label_key
from tagdesk.models.bundle import MOST_TOPICS
from tagdesk.models.taxonomy import Taxonomy, Topic, load_taxonomy
from tagdesk.models.topic_model import TopicModel
from tagdesk.progress import counted
from tagdesk.training.config import BY_ID, Config, FitSettings, needed_memory
from tagdesk.training.corpora.account import name_list
from tagdesk.training.corpora.corpus import Corpus, read_corpus
from tagdesk.training.corpora.labelling import ignored_labels, ignored_names
from tagdesk.training.corpora.labels import load_label_map
from tagdesk.training.corpora.own_topics import (
    ENOUGH,
    as_labels,
    as_topics,
    ids_by_label,
    label_topics,
    labels_of,
    mapped_topics,
    shortage,
    slug,
)
from tagdesk.training.errors import CorpusError, TrainingError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnData:
    """A newsroom's data to train on.

    Attributes:
        files: corpora.
        label_map: from their labels to topics; without it every label is a topic.
        taxonomy: the topics with their names, parents and codes; without it they have the names of the labels.
        format: one of `tagdesk.formats.FORMATS`; empty to recognise it by the content.
        columns: which column is which, `body=Texte topics=Rubrique`; empty to find them.
        ignore: labels that are no topics, separated by commas.
        dates: how to read dates that can be read either way, one of `tagdesk.formats.dates.ORDERS`.
    """

    files: tuple[Path, ...]
    label_map: Path | None = None
    taxonomy: Path | None = None
    format: str = ""
    columns: str = ""
    ignore: str = ""
    dates: str = ""


def plan(data: OwnData, base: Config, name: str = "", language: str = "") -> tuple[Config, Taxonomy]:
    """Read the files once, check every row, and decide what to learn from them and how.

    Args:
        data: the newsroom's files.
        base: the settings to start from; they are adapted to the size of the data.
        name: of the model; when empty, that of the first file.
        language: BCP 47 tag; when empty, the commonest language of the articles, or `und` where they have none.

    Returns:
        The config and the taxonomy for `tagdesk.training.train.train`.

    Raises:
        CorpusError: a file cannot be read, or has bad rows.
        LabelMapError, TaxonomyError: the map or the taxonomy is wrong.
        TrainingError: no label has enough articles, or there are too many topics.
    """
    return _plan(data, base, name, language, load_taxonomy(data.taxonomy).topics if data.taxonomy else ())


def _plan(data: OwnData, base: Config, name: str, language: str, topics: Sequence[Topic]) -> tuple[Config, Taxonomy]:
    left_out: tuple[str, ...] = ()
    if data.label_map:
        mapped = Taxonomy("map", (*topics, *mapped_topics(data.label_map, topics)))
        asserts = load_label_map(data.label_map, mapped).asserts
        corpora = _read(data, asserts)
        name = name or slug(corpora[0].name)
        taxonomy = Taxonomy(name, mapped.topics)
        counts = _count((as_labels(corpus, asserts) for corpus in corpora), asserts)
    else:
        corpora = _read(data, ids_by_label(topics))
        name = name or slug(corpora[0].name)
        new, left_out = label_topics(corpora, topics)
        taxonomy = Taxonomy(name, (*topics, *new))
        counts = _count(as_topics(corpus, taxonomy)[0] for corpus in corpora)
    articles, characters = (
        sum(sizes) for sizes in zip(*((len(corpus.articles), corpus.characters) for corpus in corpora), strict=True)
    )
    used = sum(counts[topic] > 0 for topic in taxonomy.ids)
    if used > MOST_TOPICS:
        raise TrainingError(
            f"the articles have {used:,} topics, and a model has {MOST_TOPICS:,} at most: leave out rare labels, or "
            "map several to one topic (--map)"
        )
    fit = base.fit.fitted_to(articles, used, characters)
    too_much = tuple(_too_much(base.fit, fit, articles, used, characters))
    for sentence in too_much:
        log.warning("%s", sentence)
    config = replace(
        base,
        name=name,
        language=language or _language(corpora),
        corpora=tuple(str(path.resolve()) for path in data.files),
        format=data.format,
        columns=data.columns,
        ignore=data.ignore,
        dates=data.dates,
        label_map=str(data.label_map.resolve()) if data.label_map else "",
        full_labels=(),
        labellers=_shortages(taxonomy, counts),
        licences=(),
        left_out=(*left_out, *too_much),
        fit=fit,
    )
    _log_plan(config, taxonomy)
    return config, taxonomy


def plan_again(data: OwnData, base: Config, served: TopicModel) -> tuple[Config, Taxonomy]:
    """Plan to train an existing model again: as `plan`, but with its topics, its settings and its promised precision.

    Labels that are none of its topics become further topics.

    Args:
        data: the newsroom's files; the taxonomy is the model's, whatever they name.
        base: the settings that the model's manifest does not have.
        served: the model.

    Raises:
        CorpusError, LabelMapError, TaxonomyError, TrainingError: as `plan`.
    """
    manifest = served.manifest
    known = {name: value for name, value in manifest.get("fit", {}).items() if name in FitSettings.__slots__}
    # Corrections are new: a test on the newest articles would hold them all out.
    fit = replace(base.fit, **known | {"test": BY_ID})
    config = replace(
        base,
        fit=fit,
        features=served.features.settings,
        precision_targets=dict(manifest.get("precision_targets", {})),
    )
    return _plan(data, config, served.name, str(manifest.get("language", "")), served.taxonomy.topics)


def _too_much(base: FitSettings, fit: FitSettings, articles: int, topics: int, characters: int) -> Iterator[str]:
    """Yield a sentence if not all articles fit into the memory that training may take."""
    if fit.share < base.share:
        needed = needed_memory(articles, topics, characters)
        yield (
            f"{100 * (1 - fit.share):.1f} % of the articles left out, an even share chosen by their texts: all would "
            f"need {needed:.1f} GB of memory, and {fit.memory:g} are allowed (memory in [fit] of the --config)"
        )


def _read(data: OwnData, known: Iterable[str]) -> list[Corpus]:
    """Read the files without their texts, and log how each was read.

    Raises:
        CorpusError: a file cannot be read or has bad rows, or a label to ignore is in none of them.
    """
    ignored = ignored_labels(data.ignore, known)
    corpora = [
        read_corpus(path, format=data.format, columns=data.columns, dates=data.dates, ignored=ignored, texts=False)
        for path in data.files
    ]
    for path, corpus in zip(data.files, corpora, strict=True):
        rows = f"{counted(len(corpus.articles), 'article')} of {counted(corpus.account.rows, 'row')}"
        log.info("%s", "\n  ".join([f"{path.name}: {rows}", *corpus.account.lines()]))
    left_out = {label_key(name) for corpus in corpora for name in corpus.account.ignored}
    strange = [name for name in ignored_names(data.ignore) if label_key(name) not in left_out]
    if strange and label_key(data.ignore) not in left_out:
        labels = ", ".join(map(repr, strange))
        raise CorpusError(f"--ignore: no article has the label {labels}: check how it is spelled")
    return corpora


def _count(corpora: Iterable[Corpus], asserted: Mapping[str, Iterable[str]] | None = None) -> Counter[str]:
    """Return how many articles have each topic; `asserted` are the topics of each label, where they differ."""
    counts = Counter[str]()
    for corpus in corpora:
        for article in corpus.articles:
            labels = labels_of(article)
            counts.update(labels if asserted is None else {topic for one in labels for topic in asserted.get(one, ())})
    return counts


def _language(corpora: Iterable[Corpus]) -> str:
    known = Counter(article.language for corpus in corpora for article in corpus.articles if article.language)
    return next((language for language, _ in known.most_common(1) if language), "und")


def _shortages(taxonomy: Taxonomy, counts: Mapping[str, int]) -> str:
    rare = sorted(
        (counts.get(topic.id, 0), topic.name) for topic in taxonomy.topics if counts.get(topic.id, 0) < ENOUGH
    )
    return (
        f"More articles would help these topics: {name_list([shortage(name, n) for n, name in rare])}." if rare else ""
    )


def _log_plan(config: Config, taxonomy: Taxonomy) -> None:
    """Log how the model will be made, and what is missing."""
    log.info(
        "%s: %s; learns from words and pairs of words in %d articles or more, at most %s of them",
        config.name,
        counted(len(taxonomy), "topic"),
        config.fit.min_df,
        f"{config.fit.max_features:,}",
    )
    if config.language == "und":
        log.info("the language of the articles is not known; --language en, say, puts it into the model's card")
    if config.labellers:
        log.warning("%s", config.labellers)
