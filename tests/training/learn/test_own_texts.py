"""What a model's own texts are like is measured at training, and texts unlike them are doubted."""

import dataclasses
import importlib.util
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagdesk.models import Article, Topic, TopicModel
from tagdesk.models.bundle import CARD, load_bundle
from tagdesk.models.features import FeatureSettings
from tagdesk.models.taxonomy import Taxonomy
from tagdesk.training import TopicClassifier
from tagdesk.training.config import Config
from tagdesk.training.learn.own_texts import DETECTED, languages, measure_own_texts
from tagdesk.training.learn.vectorize import NgramVectorizer
from tagdesk.training.train import train
from tests.models.test_doubts import FRENCH, GIBBERISH
from tests.training.conftest import SMALL, WriteCorpus

Rows = list[dict[str, Any]]

needs_py3langid = pytest.mark.skipif(importlib.util.find_spec("py3langid") is None, reason="py3langid is not installed")


def trained(rows: Rows, write_corpus: WriteCorpus, folder: Path, **settings: Any) -> TopicModel:
    """Return the model of a desk's own file."""
    path = write_corpus(rows, "desk.jsonl")
    topics = sorted({topic for row in rows for topic in row["topics"]})
    taxonomy = Taxonomy("desk", tuple(Topic(topic, topic.title()) for topic in topics))
    config = Config(name="desk", language="und", corpora=(path.name,), label_map="", **settings)
    return load_bundle(train(config, taxonomy, path.parent, folder / "store").bundle)


def warnings(model: TopicModel, **article: str) -> tuple[str, ...]:
    return model.tag(Article(**article)).warnings


def share_doubted(model: TopicModel, rows: Rows) -> float:
    return float(np.mean([bool(warnings(model, title=row["title"], body=row["body"])) for row in rows]))


@pytest.fixture(scope="module")
def of_no_language(rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> TopicModel:
    """Return a model of half of our articles, of which nobody said the language."""

    def write(lines: Any, name: str = "corpus.jsonl") -> Path:
        path = tmp_path_factory.mktemp("own") / name
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        return path

    return trained(rows[::2], write, tmp_path_factory.mktemp("own-store"))


def test_a_model_of_no_language_doubts_what_it_does_not_know(of_no_language: TopicModel, rows: Rows) -> None:
    """Gibberish and French; hardly one of the articles that it has not seen."""
    assert "unknown-words" in warnings(of_no_language, title="Zxqv wqzx", body=GIBBERISH)
    assert "unknown-words" in warnings(of_no_language, body=FRENCH)
    assert share_doubted(of_no_language, rows[1::2]) <= 0.03


@needs_py3langid
def test_the_language_of_the_own_texts_is_found(of_no_language: TopicModel) -> None:
    """So another is one, whoever says so."""
    assert of_no_language.manifest["doubts"]["languages"] == ["en"]
    assert "language: fr" in warnings(of_no_language, body=FRENCH)
    assert "language: sw" in warnings(of_no_language, body=FRENCH, language="sw")


def test_pairs_are_compared_with_pairs(rows: Rows, write_corpus: WriteCorpus, tmp_path: Path) -> None:
    """A model without single words knows few of the pairs, and doubts its own articles no more than another."""
    model = trained(rows[::2], write_corpus, tmp_path, features=FeatureSettings(2, 2))
    assert share_doubted(model, rows[1::2]) <= 0.05
    assert "unknown-words" in warnings(model, body=GIBBERISH)


def test_own_texts_count_as_if_they_had_not_been_learned_from(rows: Rows) -> None:
    """The limit lies where it would for articles that the model has not seen."""
    texts = [Article(title=row["title"], body=row["body"]).text() for row in rows]
    vectorizer = NgramVectorizer(min_df=3).fit(texts[::2])
    features = vectorizer.features_
    unseen = [bag.known / bag.tokens for bag in map(features.bag, texts[1::2])]
    learned = [bag.known / bag.tokens for bag in map(features.bag, texts[::2])]
    usual = measure_own_texts(vectorizer, texts[::2])["usual_known"]
    low, high = (float(np.quantile(shares, 0.05)) for shares in (unseen, learned))
    assert abs(usual - low) < 0.04
    assert usual < high


def test_own_texts_are_the_same_to_a_model_with_parts_of_words(rows: Rows) -> None:
    """Parts of words are no known words; they may be rarer, or commoner, than the n-grams."""
    texts = [Article(title=row["title"], body=row["body"]).text() for row in rows]
    words = NgramVectorizer(min_df=2, max_features=500)
    parts = NgramVectorizer(min_df=2, max_features=500, shortest_part=3, longest_part=5)
    assert measure_own_texts(parts.fit(texts), texts) == measure_own_texts(words.fit(texts), texts)


def test_a_desk_of_headlines_does_not_doubt_a_headline(rows: Rows, write_corpus: WriteCorpus, tmp_path: Path) -> None:
    """Its own texts have nothing else."""
    first = [row["body"].partition(". ")[0] for row in rows]
    lines = [row | {"title": f"{row['title']}: {body}", "body": ""} for row, body in zip(rows, first, strict=True)]
    model = trained(lines, write_corpus, tmp_path)
    assert model.manifest["doubts"]["title_alone"]
    assert "short-text" not in warnings(model, title=lines[0]["title"], body="")
    assert "short-text" in warnings(model, title="Vote", body="")


@needs_py3langid
def test_a_language_that_is_mistaken_for_another_is_not_doubted(small_model: TopicModel) -> None:
    """What the detector takes the own texts for tells nothing, a sender who says so does."""
    measured = small_model.manifest["doubts"]
    entry = {**measured, "languages": ["fr", "en"], "least_known": 0.0, "usual_known": 1.1}
    taken = dataclasses.replace(small_model, manifest={**small_model.manifest, "doubts": entry})
    assert warnings(taken, body=FRENCH) == ()
    assert warnings(taken, body=FRENCH, language="fr") == ("language: fr",)


@needs_py3langid
def test_the_fewest_languages_that_cover_the_own_texts_are_kept(rows: Rows) -> None:
    """A stray text of another language is none of them."""
    texts = [Article(body=row["body"]).text() for row in rows[:199]]
    assert languages([*texts, Article(body=FRENCH).text()]) == ["en"]
    assert languages([*texts[:3], Article(body=FRENCH).text()]) == ["en", "fr"]
    assert DETECTED < 199 / 200


def test_texts_in_no_sure_language_are_said(caplog: pytest.LogCaptureFixture) -> None:
    """As is a detector that is not installed, which everything for training has."""
    assert languages([Article(body="4711").text()]) == []
    assert "language not measured: " in caplog.text
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "py3langid>=0.4" in project["optional-dependencies"]["train"]


def test_bundles_of_before_keep_their_limits(small_model: TopicModel) -> None:
    """Of a model without single words nothing could be told."""
    plain = {name: part for name, part in small_model.manifest.items() if name != "doubts"}
    before = dataclasses.replace(small_model, manifest=plain)
    assert "unknown-words" in warnings(before, body=GIBBERISH)
    pairs = dataclasses.replace(before.features, settings=FeatureSettings(2, 2))
    assert warnings(dataclasses.replace(before, features=pairs), body=GIBBERISH) == ()


def test_a_classifier_in_a_notebook_measures_too(rows: Rows, tmp_path: Path) -> None:
    articles = [Article(title=row["title"], body=row["body"]) for row in rows]
    saved = TopicClassifier().fit(articles, [row["topics"] for row in rows]).save(tmp_path / "notebook")
    assert "unknown-words" in warnings(load_bundle(saved), body=GIBBERISH)


def test_the_card_says_what_is_doubted(small_bundle: Path, small_model: TopicModel) -> None:
    least = small_model.manifest["doubts"]["least_known"]
    card = (small_bundle / CARD).read_text(encoding="utf-8")
    assert f"No topic is `auto` in a text of fewer than 9 words, or with fewer than {100 * least:.0f} % known" in card
    assert SMALL.language == "en"
