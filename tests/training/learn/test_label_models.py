"""What the corpora's own labels know reaches the topics' classifiers."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tagdesk.models import Article
from tagdesk.models.taxonomy import load_taxonomy
from tagdesk.training.config import FitSettings
from tagdesk.training.corpora.corpus import Corpus, read_corpus
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.fit_one import Hints
from tagdesk.training.learn.fit import fit_topics
from tagdesk.training.learn.label_models import LEAST_ARTICLES, label_decisions, label_hints
from tagdesk.training.learn.prepare import prepare
from tagdesk.training.learn.training_set import read_training_set
from tagdesk.training.learn.vectorize import NgramVectorizer
from tests.training.conftest import WriteCorpus
from tests.training.test_train import config, pair

SETTINGS = FitSettings(folds=2)


def corpus(write_corpus: WriteCorpus, name: str, *labels: tuple[str, ...], prob: float = 1.0) -> Corpus:
    rows = [
        {"id": f"{name}-{i}", "title": "", "body": "A match.", "labels": one, "label_prob": prob}
        for i, one in enumerate(labels)
    ]
    return read_corpus(write_corpus(rows, f"{name}.jsonl"))


def test_labels_are_yes_or_no_in_their_own_corpus_and_open_in_another(write_corpus: WriteCorpus) -> None:
    one = corpus(write_corpus, "one", *[("Wars",)] * LEAST_ARTICLES, ("Art",))
    other = corpus(write_corpus, "other", *[("Wars",)] * LEAST_ARTICLES)
    found = label_decisions([one, other])
    assert found.shape == (2 * LEAST_ARTICLES + 1, 2)  # Art is too rare
    assert set(found[:LEAST_ARTICLES, 0]) == {YES}
    assert found[LEAST_ARTICLES].tolist() == [NO, OPEN]
    assert (found[LEAST_ARTICLES + 1 :] == [OPEN, YES]).all()


def test_labels_that_are_not_likely_are_open(write_corpus: WriteCorpus) -> None:
    unsure = corpus(write_corpus, "unsure", *[("Wars",)] * LEAST_ARTICLES, prob=0.9)
    assert (label_decisions([unsure]) == OPEN).all()


def test_words_that_only_labelled_articles_have_speak_for_a_topic() -> None:
    """`goalkeeper` stands in no decided article, but with the label beside `striker`, which does."""
    labelled = ["the striker and the goalkeeper", "parliament heard the minister"] * LEAST_ARTICLES
    decided = ["a striker was tired", "a minister was tired"] * 10
    X = NgramVectorizer(longest=1).fit(labelled + decided)
    labels = np.array([[YES], [NO]] * LEAST_ARTICLES, np.int8)
    decisions = np.array([[YES], [NO]] * 10, np.int8)
    hints = label_hints(X.transform(labelled), labels, SETTINGS)
    fold = np.arange(20) // 2 % 2
    alone = fit_topics(X.transform(decided), decisions, fold, SETTINGS)
    helped = fit_topics(X.transform(decided), decisions, fold, SETTINGS, hints)
    place = X.ngrams_.index("goalkeeper")
    assert alone.weights[place, 0] == 0
    assert helped.weights[place, 0] > 0


def test_labels_with_too_few_articles_are_no_hint() -> None:
    X = NgramVectorizer(longest=1).fit_transform(["a striker", "a minister"] * LEAST_ARTICLES)
    labels = np.full((2 * LEAST_ARTICLES, 1), NO, np.int8)
    labels[0] = YES
    assert label_hints(X, labels, SETTINGS).weights.shape == (X.shape[1], 0)


@pytest.mark.parametrize("scale", [0.0, 0.1])
def test_labels_help_where_other_articles_are_decided_in_full(
    rows: list[dict[str, Any]], write_corpus: WriteCorpus, tmp_path: Any, scale: float
) -> None:
    """Labels are learned from the other articles only; at scale 0 they are not learned."""
    some = [{**row, "labels": ["Sports"], "topics": None} for row in pair(rows)]
    path = write_corpus(some, "current-events.jsonl")
    full = tmp_path / "full.tsv"
    full.write_text("id\ttopics\n" + "".join(f"{row['id']}\thealth\n" for row in some[:40]), encoding="utf-8")
    settings = config(path.name, full_labels=(str(full),))
    data = read_training_set(settings, load_taxonomy(), path.parent)
    assert data.fully_labelled[data.learn].all()
    assert not data.fully_labelled[data.others].any()
    assert {data.ids[i] for i in data.others} <= {row["id"] for row in some[40:]}
    texts, others = ([data.texts[i] for i in some] for some in (data.learn, data.others))
    labels = data.labels(data.others)
    ready = prepare(texts, others, labels, settings.features, FitSettings(label_scale=scale, min_df=1))
    assert (ready.hints is None) == (scale == 0)
    assert ready.X.shape == (len(data.learn), len(ready.vectorizer.ngrams_))


def test_hints_are_the_same_on_any_number_of_cores() -> None:
    """So is the model's hash; 20,000 n-grams are enough for BLAS to share a sum among cores."""
    random = np.random.default_rng(0)
    X = sp.random_array((60, 20_000), density=0.05, format="csr", rng=random)
    labels = np.where(np.arange(60) % 2, YES, NO).astype(np.int8)[:, None]
    one, two = (_hints_on(cores, X, labels) for cores in (1, 2))
    assert one.weights.tobytes() == two.weights.tobytes()
    assert one.bias.tobytes() == two.bias.tobytes()


def _hints_on(cores: int, X: sp.csr_matrix, labels: NDArray[np.int8]) -> Hints:
    with threadpool_limits(cores, "blas"):
        return label_hints(X, labels, SETTINGS)


def test_hints_are_centred(rows: list[dict[str, Any]]) -> None:
    X = NgramVectorizer().fit_transform([Article(title=row["title"], body=row["body"]).text() for row in rows])
    labels = np.array([[YES if "sport" in row["topics"] else NO] for row in rows], np.int8)
    hints = label_hints(X, labels, SETTINGS)
    assert (X @ hints.weights + hints.bias).mean(axis=0) == pytest.approx([0], abs=1e-6)
