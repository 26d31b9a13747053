"""A newsroom's own articles and topics: which topics a model of them has, and how it is made."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from models.taxonomy import Taxonomy, load_taxonomy
from training.config import Config
from training.corpus import Corpus, read_corpus
from training.labels import load_label_map
from training.own_topics import ENOUGH, called, label_topics, listed, mapped_topics, said, slug, thin

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnData:
    """What a newsroom gives to train on.

    Attributes:
        files: corpora.
        label_map: what their labels say of the topics; without it every label is a topic.
        taxonomy: the topics with their names, parents and codes; without it they are called as the labels are.
        format: one of `training.formats.FORMATS`; empty to tell by the content.
    """

    files: tuple[Path, ...]
    label_map: Path | None = None
    taxonomy: Path | None = None
    format: str = ""


def plan(data: OwnData, base: Config, name: str = "", language: str = "") -> tuple[Config, Taxonomy]:
    """Read the files once, check every row, and decide what is to be learned from them and how.

    Args:
        data: what there is.
        base: the features and how they are fitted, adapted to the size of the data.
        name: of the model; the first file's when empty.
        language: BCP 47 tag; what most articles say of themselves when empty, `und` where they say nothing.

    Returns:
        The config and the taxonomy for `training.train.train`.

    Raises:
        CorpusError: a file cannot be read, or has bad rows.
        LabelMapError, TaxonomyError: the map or the taxonomy is wrong.
        TrainingError: no label has enough articles.
    """
    corpora = [_read(path, data.format) for path in data.files]
    name = name or slug(corpora[0].name)
    given = load_taxonomy(data.taxonomy).topics if data.taxonomy else ()
    if data.label_map:
        taxonomy = Taxonomy(name, (*given, *mapped_topics(data.label_map, given)))
        counts = _count(corpora, load_label_map(data.label_map, taxonomy).asserts)
    else:
        taxonomy = Taxonomy(name, (*given, *label_topics(corpora, given)))
        counts = _count(corpora, {label: {topic} for label, topic in called(taxonomy.topics).items()})
    config = replace(
        base,
        name=name,
        language=language or _language(corpora),
        corpora=tuple(str(path.resolve()) for path in data.files),
        format=data.format,
        label_map=str(data.label_map.resolve()) if data.label_map else "",
        hand_labels=(),
        labellers=_said_of_few(taxonomy, counts),
        licences=(),
        fit=base.fit.fitted_to(
            sum(len(corpus.articles) for corpus in corpora),
            len(taxonomy),
            sum(corpus.characters for corpus in corpora),
        ),
    )
    _say(config, taxonomy)
    return config, taxonomy


def _read(path: Path, format: str) -> Corpus:
    corpus = read_corpus(path, format=format, texts=False)
    notes = [
        f"{count:,} {what}"
        for count, what in (
            (corpus.bodiless, "of them have a title only"),
            (corpus.joined, "rows repeat a text and are joined with it"),
            (corpus.unlabelled, "rows without labels left out"),
            (corpus.left_out, "articles that may never be trained on left out"),
        )
        if count
    ]
    log.info("%s: %s; %s", path.name, corpus.format, "; ".join([f"{len(corpus.articles):,} articles", *notes]))
    return corpus


def _count(corpora: Iterable[Corpus], asserted: Mapping[str, Iterable[str]]) -> Counter[str]:
    """Return how many articles have each topic."""
    counts = Counter[str]()
    for corpus in corpora:
        for article in corpus.articles:
            labels = (one if one in asserted else corpus.names.get(one, one) for one in said(article))
            counts.update({topic for label in labels for topic in asserted.get(label, ())})
    return counts


def _language(corpora: Iterable[Corpus]) -> str:
    known = Counter(article.language for corpus in corpora for article in corpus.articles if article.language)
    return next((language for language, _ in known.most_common(1) if language), "und")


def _said_of_few(taxonomy: Taxonomy, counts: Mapping[str, int]) -> str:
    few = sorted((counts.get(topic.id, 0), topic.name) for topic in taxonomy.topics if counts.get(topic.id, 0) < ENOUGH)
    return f"More articles would help these topics: {listed([thin(name, n) for n, name in few])}." if few else ""


def _say(config: Config, taxonomy: Taxonomy) -> None:
    """Log how the model will be made, and what is thin."""
    log.info(
        "%s: %s topics; n-grams of %d articles or more, at most %s of them",
        config.name,
        f"{len(taxonomy):,}",
        config.fit.min_df,
        f"{config.fit.max_features:,}",
    )
    if config.language == "und":
        log.info("the language is not known: --language en would say it in the model's card")
    if config.fit.share < 1:
        log.warning(
            "learning from %.1f %% of the articles, chosen by their ids: all would need too much memory",
            100 * config.fit.share,
        )
    if config.labellers:
        log.warning("%s", config.labellers)
