"""Parts of words: found within words alone, weighed among themselves, shown as the words they stand in."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import load_bundle, read_ngrams, save_bundle
from tagdesk.models.calibration import Calibration
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.reading.normal_form import words
from tagdesk.models.taxonomy import Taxonomy, Topic
from tagdesk.training.learn.vectorize import NgramVectorizer
from tests.models.test_kernel import any_text, articles

LEAST, MOST = 3, 5


def text(body: str, title: str = "") -> ArticleText:
    return ArticleText(title, body, "body", None, ())


def parts(body: str) -> list[str]:
    """Return the parts of the words of a text as they are spelled, written slowly."""
    found = []
    for word in words(body):
        ended = f"\1{word}\1"
        for at in range(len(ended)):
            for end in range(at + LEAST, min(at + MOST, len(ended)) + 1):
                part = ended[at:end]
                if part != ended:
                    found.append("*" * (part[0] != "\1") + part.strip("\1") + "*" * (part[-1] != "\1"))
    return found


def model_of(texts: list[ArticleText]) -> tuple[TopicModel, list[str]]:
    """Return a model of random weights over the n-grams and parts of texts, and their names."""
    vectorizer = NgramVectorizer(shortest_part=LEAST, longest_part=MOST, title_weight=3).fit(texts)
    taxonomy = Taxonomy("random", (Topic("one", "One"), Topic("two", "Two")))
    weights = np.random.default_rng(0).normal(size=(len(vectorizer.ngrams_), 2)).astype(np.float32)
    calibrations = (Calibration(1.0, 0.0, suggest=0.0),) * 2
    bias = np.array([0.5, -0.25], np.float32)
    model = TopicModel("random", "1", taxonomy, vectorizer.features_, weights, bias, calibrations)
    return model, vectorizer.ngrams_


@settings(deadline=None, max_examples=60, database=None)
@given(st.lists(any_text, min_size=1, max_size=5))
def test_parts_and_their_values_are_those_of_the_definition(texts: list[str]) -> None:
    """Beside the n-grams, whose values stay as they were."""
    texts.append("storm surge")
    ours = NgramVectorizer(shortest_part=LEAST, longest_part=MOST)
    X = ours.fit_transform([*map(text, texts)])
    theirs = TfidfVectorizer(analyzer=parts, sublinear_tf=True)
    Y, names = theirs.fit_transform(texts), theirs.get_feature_names_out().tolist()
    row = {name: i for i, name in enumerate(ours.ngrams_)}
    assert abs(X[:, [row[name] for name in names]] - Y).max() < 1e-6
    without = NgramVectorizer()
    Z = without.fit_transform([*map(text, texts)])
    assert len(row) == len(names) + len(without.ngrams_)
    assert abs(X[:, [row[name] for name in without.ngrams_]] - Z).max() < 1e-6


def test_a_whole_word_is_no_part_of_itself() -> None:
    assert NgramVectorizer(shortest_part=3, longest_part=5).fit([text("sun")]).ngrams_ == [
        *("*sun", "*sun*", "*un", "su*", "sun", "sun*")
    ]


def test_evidence_names_words_and_adds_up_to_the_score() -> None:
    bodies = articles()[:30]
    model, _ = model_of([text(body[:300], body[:40]) for body in bodies])
    for body in bodies:
        article = Article(title=body[:40], body=body[:600])
        for found in model.tag(article, explain=True).topics:
            assert found.evidence is not None
            assert found.bias is not None
            assert found.bias + sum(one.weight for one in found.evidence) == pytest.approx(found.score, abs=1e-6)
            places = [(one.field, one.start, one.end) for one in found.evidence]
            assert len(set(places)) == len(places)
            assert all(1 <= len(words(one.text)) <= 2 for one in found.evidence)
            assert all(one.text[0].isalnum() and one.text[-1].isalnum() for one in found.evidence)


def test_an_unknown_word_speaks_by_its_parts() -> None:
    model, _ = model_of([text("thunderstorm"), text("stormy")])
    (found, _) = model.tag(Article(body="Storms."), explain=True).topics
    assert [(one.start, one.end, one.text) for one in found.evidence or ()] == [(0, 6, "Storms")]


def test_a_bundle_keeps_parts_and_an_older_one_has_none(tmp_path: Path, small_bundle: Path) -> None:
    texts = [text(body) for body in articles()[:20]]
    model, ngrams = model_of(texts)
    folder = save_bundle(model, ngrams, "# random\n", tmp_path)
    again = load_bundle(folder)
    assert again.features.settings == model.features.settings
    assert read_ngrams(folder) == ngrams
    np.testing.assert_array_equal(again.scores(texts)[0], model.scores(texts)[0])
    assert load_bundle(small_bundle).features.settings.longest_part == 0


def test_scores_with_parts_are_those_of_the_vector() -> None:
    texts = [text(body, body[:30]) for body in articles()[:40]]
    model, _ = model_of(texts[:20])
    scores, _ = model.scores(texts)
    for article, its_scores in zip(texts, scores, strict=True):
        rows, values = model.features.vector(model.features.bag(article))
        assert its_scores == pytest.approx(values @ model.weights[rows] + model.bias)
    none = replace(model.features, settings=replace(model.features.settings, shortest_part=0, longest_part=0))
    assert not none.bag(texts[0]).is_part.any()
