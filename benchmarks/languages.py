"""MasakhaNEWS in its 16 languages, learned with the settings that `make train` takes for such files.

The topics of an article are one: accuracy is how often the most likely topic is the right one. An article that a file
lists twice by the same id is taken as it stands, which `make train` refuses.
"""

import gzip
import json
from collections.abc import Sequence
from statistics import mean
from time import perf_counter

from benchmarks.quality_data import data_folder
from benchmarks.table import check_variants, markdown, say, write
from tagdesk.models.reading.article import Article
from tagdesk.training.classifier import TopicClassifier
from tagdesk.training.config import load_config

LANGUAGES = (
    "amh",
    "eng",
    "fra",
    "hau",
    "ibo",
    "lin",
    "lug",
    "orm",
    "pcm",
    "run",
    "sna",
    "som",
    "swa",
    "tir",
    "xho",
    "yor",
)

AYA = {"eng": 87.3, "fra": 82.7, "hau": 81.6, "sna": 78.9, "yor": 94.2, "som": 74.5, "mean": 85.6}
GPT = {"eng": 82.4, "fra": 79.4, "hau": 82.9, "sna": 74.8, "yor": 92.7, "som": 81.0, "mean": 84.9}
"""Accuracy of aya-101 and GPT-4o without an example, as AfroBench has it (Ojo et al., 2025), where at hand."""

_QUICK = 150


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `languages.md`."""
    check_variants(only, LANGUAGES)
    rows: list[tuple[object, ...]] = []
    figures = []
    for language in only or LANGUAGES:
        learn = _read(language, "train", quick=quick) + _read(language, "dev", quick=quick)
        test = _read(language, "test", quick=quick)
        words, _, _ = _accuracy(learn, test, parts=False)
        tried, kept, seconds = _accuracy(learn, test, parts=True)
        figures.append((words, tried))
        say(f"{language}: words {words:.1f}, parts tried {tried:.1f}")
        row = language, f"{len(learn):,}", f"{words:.1f}", f"{tried:.1f}", "kept" if kept else "left out"
        rows.append((*row, AYA.get(language, "–"), GPT.get(language, "–"), f"{seconds:.0f}"))
    means = (f"{mean(column):.2f}" for column in zip(*figures, strict=True))
    rows.append(("mean", "", *means, "", AYA["mean"], GPT["mean"], ""))
    head = ("", "articles", "words", "with parts if better", "parts of words", "aya-101", "GPT-4o", "training, s")
    about = (
        "Accuracy on the test set, in percent. Learned from the training and the development set together, on which "
        "nothing was chosen; the training sets of amh, eng, fra, hau, swa and tir are partial. The settings are those "
        "that `make train DATA=` takes; parts of words are kept or left out by cross-validation. The two "
        "language models were given no example (AfroBench); their means are over all 16."
    )
    write("languages", "Sixteen languages", [markdown(head, rows), about], quick=quick)


def _read(language: str, part: str, *, quick: bool) -> list[tuple[Article, list[str]]]:
    with gzip.open(data_folder() / "masakhanews" / language / f"{part}.jsonl.gz") as lines:
        rows = [json.loads(line) for line in lines]
    found = [(Article(title=row["title"], body=row["body"]), row["labels"]) for row in rows]
    return found[: _QUICK if quick else None]


def fitted(learn: Sequence[tuple[Article, list[str]]], *, parts: bool = True) -> TopicClassifier:
    """Return a classifier trained with the settings that `make train` takes for such articles."""
    config = load_config()
    topics = {topic for _, labels in learn for topic in labels}
    size = sum(len(article.title) + len(article.body or "") for article, _ in learn)
    fit = config.fit.fitted_to(len(learn), len(topics), size)
    return TopicClassifier(
        **{name: getattr(config.features, name) for name in config.features.__slots__},
        **{name: getattr(fit, name) for name in ("max_features", "min_df", "C", "count_ratio", "folds")},
        choose_parts=parts and fit.choose_parts,
    ).fit([article for article, _ in learn], [labels for _, labels in learn])


def _accuracy(
    learn: Sequence[tuple[Article, list[str]]], test: Sequence[tuple[Article, list[str]]], *, parts: bool
) -> tuple[float, bool, float]:
    """Return the accuracy in percent, whether the model has parts of words, and the seconds of its training."""
    start = perf_counter()
    classifier = fitted(learn, parts=parts)
    seconds = perf_counter() - start
    likeliest = classifier.classes_[classifier.predict_proba([article for article, _ in test]).argmax(axis=1)]
    right = [topic in labels for topic, (_, labels) in zip(likeliest, test, strict=True)]
    has_parts = bool(classifier.model_.features.settings.longest_part)
    return 100 * sum(right) / len(right), has_parts, seconds
