"""From text to TF-IDF features."""

import numpy as np
import pytest

from tagdesk.models import Article, kernel
from tagdesk.models.features import Features, FeatureSettings
from tagdesk.models.reading import normal_form
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.weights import for_kernel


def features(*ngrams: str, settings: FeatureSettings | None = None) -> Features:
    hashes = [
        kernel.ngrams(kernel.code_points(one), normal_form.word_table(), len(one.split()), len(one.split()))[0][0]
        for one in ngrams
    ]
    idf = np.arange(1, len(ngrams) + 1, dtype=np.float32)
    return Features(settings or FeatureSettings(), np.array(hashes, np.uint64), idf)


def text(title: str, body: str) -> ArticleText:
    return Article(title=title, body=body).text()


def test_settings_name_every_fault_at_once() -> None:
    with pytest.raises(ValueError, match=r"n-grams of 3 to 2 words.*title_weight 0\.5"):
        FeatureSettings(shortest=3, longest=2, title_weight=0.5)


def test_two_ngrams_with_one_hash_are_refused() -> None:
    with pytest.raises(ValueError, match="two n-grams share"):
        Features(FeatureSettings(), np.array([7, 7], np.uint64), np.ones(2, np.float32))


def test_bag_holds_every_occurrence_the_titles_first() -> None:
    bag = features("storm", "heavy rain").bag(text("Storm", "After the STORM, heavy rain."))
    assert bag.rows.tolist() == [0, 0, 1]
    assert bag.starts.tolist() == [0, 10, 17]
    assert bag.ends.tolist() == [5, 15, 27]
    assert bag.in_title == 1


def test_ngram_never_crosses_from_title_into_body() -> None:
    assert features("heavy rain").bag(text("Heavy", "rain")).rows.tolist() == []
    assert features("heavy rain").bag(text("", "Heavy rain")).rows.tolist() == [0]


def test_bag_counts_tokens_known_or_not() -> None:
    bag = features("storm", "heavy rain").bag(text("A storm", "heavy rain fell"))
    assert (bag.tokens, bag.known) == (4, 1)


def test_title_word_counts_as_many_as_its_weight() -> None:
    heavy = features("storm", "rain", settings=FeatureSettings(title_weight=3))
    bag = heavy.bag(text("Storm", "storm, rain"))
    assert bag.amounts.tolist() == [3, 1, 1]
    rows, values = heavy.vector(bag)
    assert dict(zip(rows.tolist(), values.tolist(), strict=True)) == pytest.approx(
        {0: (1 + np.log(4)) / np.hypot(1 + np.log(4), 2), 1: 2 / np.hypot(1 + np.log(4), 2)}
    )


def test_vector_has_length_one() -> None:
    known = features("storm", "rain", "heavy rain")
    _, values = known.vector(known.bag(text("Rain", "heavy rain and storm and rain")))
    assert float(np.linalg.norm(values)) == pytest.approx(1)


def test_score_is_that_of_the_vector() -> None:
    known = features("storm", "rain", "heavy rain", settings=FeatureSettings(title_weight=2))
    weights, bias = np.array([[1, 2], [-3, 0.5], [0.25, 4]], np.float32), np.array([0.5, -1], np.float32)
    lines = np.array([bias, [1.5, 3.0], [-0.5, 0.0], [0.5, 0.5], [0.0, 0.0]])
    read = [text("Storm!", "The storm and heavy rain"), text(".", ""), text("Rain", "Rainbows")]
    table = known.score(read, for_kernel(weights), lines, np.full(2, -1, np.int32), every=True).reshape(3, -1)
    counts, scores, confidences = table[:, :2], table[:, 4::3], table[:, 5::3]
    for article, its_scores in zip(read, scores, strict=True):
        rows, values = known.vector(known.bag(article))
        assert its_scores.tolist() == pytest.approx((values @ weights[rows] + bias).tolist())
    assert confidences == pytest.approx(1 / (1 + np.exp(-(lines[1] * scores + lines[2]))))
    assert counts.tolist() == [[6, 3], [0, 0], [2, 1]]


def test_bag_is_in_reading_order() -> None:
    """By the end of an occurrence, the longer one first; the title's before the body's, and places are the field's."""
    known = features("storm", "rain", "heavy rain")
    bag = known.bag(text("Rain, storm", "A storm, heavy rain and rain"))
    assert bag.rows.tolist() == [1, 0, 0, 2, 1, 1]
    assert bag.starts.tolist() == [0, 6, 2, 9, 15, 24]
    assert bag.in_title == 2
