"""Evidence is the model's own sum: take an n-gram away, and the score falls by what was shown for it.

A score is bias + Σ x·w over the article's n-grams, x their TF-IDF values divided by the length of their vector. An
n-gram's shown weight is its x·w, so what is checked is its removal before renormalisation: the sum without its term,
every other x as it was. Whoever deletes it from the text also makes the vector shorter: what is left of the score, bias
aside, then grows by one and the same factor for every topic, the old length over the new. The second test checks that
this factor is all that length normalisation adds.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from heapq import nlargest
from itertools import islice
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tagdesk.models import Article, TopicModel, kernel, load
from tagdesk.models.reading import normal_form
from tagdesk.models.storage import SHIPPED, current

SHARED = Path(__file__).parents[3] / "shared" / "data"
ROOT = Path(__file__).parents[2]
REAL = ("gold/dev.jsonl.gz", "bench/bbc-news/test.jsonl.gz")
ARTICLES = 200
TOP = 5

Case = tuple[Article, str, dict[str, float]]


@pytest.fixture(scope="module")
def model() -> TopicModel:
    return load(SHIPPED / "news-en" / str(current(SHIPPED, "news-en")))


@pytest.fixture(scope="module")
def cases(model: TopicModel) -> list[Case]:
    """Return for each article its likeliest topic and the five n-grams that speak for it most, with their weights."""
    found = []
    for article in islice(_articles(), ARTICLES):
        _, (confidences,) = model.scores([article.text()])
        topic = model.taxonomy.ids[int(np.argmax(confidences))]
        sums: dict[str, float] = defaultdict(float)
        for one in model.explain(article, topic).evidence or ():
            sums[" ".join(normal_form.words(one.text, model.features.settings.reading))] += one.weight
        found.append((article, topic, dict(nlargest(TOP, sums.items(), key=itemgetter(1)))))
    return found


def _articles() -> Iterator[Article]:
    """Yield real articles where they lie beside the repository, then those that we wrote for the tests."""
    paths = [path for path in map(SHARED.joinpath, REAL) if path.is_file()]
    rows = [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]
    rows += (ROOT / "tests" / "data" / "articles.jsonl").read_bytes().splitlines()
    for row in map(json.loads, rows):
        yield Article(id=row["id"], title=row["title"], body=row["body"])


def _rows(model: TopicModel, ngrams: Sequence[str]) -> NDArray[np.intp]:
    """Return the features that these n-grams are."""
    version = model.features.settings.reading
    hashes = [
        kernel.ngrams(kernel.code_points(normal_form.read(one, version)), normal_form.word_table(version), n, n)[0]
        for one in ngrams
        for n in [len(one.split())]
    ]
    return np.flatnonzero(np.isin(model.features.hashes, np.concatenate(hashes)))


def test_removing_the_strongest_ngrams_lowers_the_score_by_what_is_shown(model: TopicModel, cases: list[Case]) -> None:
    """Scored anew with their weights at zero, 200 articles lose exactly the weights that were shown."""
    assert len(cases) == ARTICLES
    weights = np.array(model.weights)
    silenced = replace(model, weights=weights)
    for article, topic, shown in cases:
        column, text, rows = model.taxonomy.column(topic), article.text(), _rows(model, list(shown))
        assert len(rows) == len(shown)
        weights[rows] = 0
        before, after = (one.scores([text])[0][0, column] for one in (model, silenced))
        weights[rows] = model.weights[rows]
        assert before - after == pytest.approx(sum(shown.values()), abs=1e-6), article.id


def test_length_normalisation_then_scales_what_is_left(model: TopicModel, cases: list[Case]) -> None:
    """Without the n-grams as features, all topics' scores, bias aside, grow by one factor and nothing else."""
    weights, idf = np.array(model.weights), np.array(model.features.idf)
    silenced = replace(model, weights=weights)
    removed = replace(model, features=replace(model.features, idf=idf))
    for article, _, shown in cases:
        text, rows = article.text(), _rows(model, list(shown))
        weights[rows] = idf[rows] = 0
        kept, renormed = (one.scores([text])[0][0] - model.bias for one in (silenced, removed))
        weights[rows], idf[rows] = model.weights[rows], model.features.idf[rows]
        present, values = model.features.vector(model.features.bag(text))
        left = float(np.linalg.norm(values[~np.isin(present, rows)]))
        np.testing.assert_allclose(renormed, kept / left, atol=1e-5)
