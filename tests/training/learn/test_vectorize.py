"""The kernel's TF-IDF is scikit-learn's."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.utils import estimator_checks

from tagdesk.models import Article
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.reading.normal_form import VERSIONS
from tagdesk.training.errors import TrainingError
from tagdesk.training.exchange.to_pipeline import OWN_WORDS
from tagdesk.training.learn import chunks, vectorize
from tagdesk.training.learn.vectorize import NgramVectorizer
from tests.models.test_kernel import any_text, articles, lengths


def text(body: str, title: str = "") -> ArticleText:
    return ArticleText(title, body, "body", None, ())


def difference(left: sp.csr_matrix, right: sp.csr_matrix) -> float:
    assert left.shape == right.shape
    return float(abs(left - right).max())


@settings(deadline=None, max_examples=60, database=None)
@given(st.lists(any_text, min_size=1, max_size=6), lengths, st.booleans(), st.sampled_from(VERSIONS))
def test_matrix_of_any_texts_is_scikit_learns(
    texts: list[str], length: tuple[int, int], sublinear: bool, version: int
) -> None:
    """Of the first version of reading with its own words, of others with those that an exported pipeline finds."""
    theirs = TfidfVectorizer(ngram_range=length, sublinear_tf=sublinear, **({} if version == 1 else OWN_WORDS))
    analyze = theirs.build_analyzer()
    assume(any(analyze(one) for one in texts))
    ours = NgramVectorizer(shortest=length[0], longest=length[1], sublinear_tf=sublinear, reading=version)
    X, Y = ours.fit_transform([text(one) for one in texts]), theirs.fit_transform(texts)
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())
    assert difference(X, Y) < 1e-6


@pytest.mark.parametrize("min_df", [1, 3])
def test_matrix_of_real_articles_is_scikit_learns(min_df: int) -> None:
    bodies = articles()
    theirs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=min_df)
    ours = NgramVectorizer(min_df=min_df)
    X, Y = ours.fit_transform([text(one) for one in bodies]), theirs.fit_transform(bodies)
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())
    assert difference(X, Y) < 1e-6


def test_many_texts_are_counted_as_a_few_are() -> None:
    """So many that every core works in several chunks."""
    bodies = [one for one in articles() for _ in range(14)]
    theirs = TfidfVectorizer(sublinear_tf=True, min_df=2)
    ours = NgramVectorizer(longest=1, min_df=2)
    X, Y = ours.fit_transform([text(one) for one in bodies]), theirs.fit_transform(bodies)
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())
    assert difference(X, Y) < 1e-6


@pytest.mark.parametrize("parts", [0, 4])
def test_counts_of_a_long_corpus_are_those_of_a_short_one(parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its n-grams are counted in several goes."""
    monkeypatch.setattr(chunks, "_CHUNK", 5_000)
    texts = [text(one) for one in articles()[:100]]
    at_once, in_goes = (
        NgramVectorizer(min_df=2, max_features=500, shortest_part=parts and 2, longest_part=parts) for _ in range(2)
    )
    X = at_once.fit_transform(texts)
    monkeypatch.setattr(vectorize, "_COUNTED_AT_ONCE", sum(len(one.body) for one in texts) // 7)
    Y = in_goes.fit_transform(texts)
    assert at_once.ngrams_ == in_goes.ngrams_
    assert at_once.left_out_ == in_goes.left_out_
    assert difference(X, Y) == 0


@pytest.mark.parametrize("least", [1, 3])
def test_matrix_in_files_is_that_in_memory_and_leaves_none(
    least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several parts are written, one after the other."""
    monkeypatch.setattr(chunks, "_CHUNK", 5_000)
    monkeypatch.setattr(vectorize, "_WEIGHED_AT_ONCE", 3)
    texts = [text(one) for one in [*articles()[:100], "?"]]
    X, Y = (NgramVectorizer(min_df=least).fit_transform(texts, folder=folder) for folder in (None, tmp_path))
    assert not any(tmp_path.iterdir())
    assert difference(X, Y) == 0
    assert [array.dtype for array in (X.data, X.indices)] == [array.dtype for array in (Y.data, Y.indices)]
    assert X.data.flags.writeable
    assert not Y.data.flags.writeable


def test_matrix_of_new_articles_is_scikit_learns() -> None:
    bodies = articles()
    theirs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(bodies[:200])
    ours = NgramVectorizer().fit([text(one) for one in bodies[:200]])
    assert difference(ours.transform([text(one) for one in bodies[200:]]), theirs.transform(bodies[200:])) < 1e-6


@pytest.mark.parametrize("sublinear", [True, False])
def test_title_counts_its_weight_and_does_not_run_into_the_body(sublinear: bool) -> None:
    """The same as counting title and body apart and adding the title three times."""
    titles, bodies = zip(*(one.split("\n", 1) for one in articles()[:80]), strict=True)
    ours = NgramVectorizer(title_weight=3, sublinear_tf=sublinear)
    X = ours.fit_transform([text(body, title) for title, body in zip(titles, bodies, strict=True)])
    counter = CountVectorizer(ngram_range=(1, 2), vocabulary=list(ours.get_feature_names_out()))
    counts = 3 * counter.transform(titles) + counter.transform(bodies)
    assert difference(X, TfidfTransformer(sublinear_tf=sublinear).fit_transform(counts)) < 1e-6


def test_most_common_ngrams_are_kept() -> None:
    texts = [text("storm rain wind"), text("storm rain"), text("storm hail")]
    ours = NgramVectorizer(longest=1, max_features=2).fit(texts)
    assert ours.ngrams_ == ["rain", "storm"]
    assert ours.features_.idf.tolist() == pytest.approx([np.log(4 / 3) + 1, 1.0])


def test_what_is_kept_does_not_depend_on_the_order_of_the_texts() -> None:
    texts = [text(one) for one in articles()]
    one, other = (NgramVectorizer(max_features=500).fit(some) for some in (texts, texts[::-1]))
    assert one.ngrams_ == other.ngrams_
    assert one.features_.hashes.tolist() == other.features_.hashes.tolist()
    assert one.features_.idf.tolist() == other.features_.idf.tolist()


def test_ngram_spelled_in_capitals_is_listed_in_lower_case() -> None:
    texts = "STORM — İzmir", "ΟΔΟΣ"
    assert NgramVectorizer(reading=1).fit([*map(text, texts)]).ngrams_ == sorted(
        CountVectorizer(ngram_range=(1, 2)).fit(texts).get_feature_names_out()
    )
    assert NgramVectorizer().fit([*map(text, texts)]).ngrams_ == ["izmir", "storm", "storm izmir", "οδοσ"]


@pytest.mark.parametrize("texts", [[], ["a", "!"], ["storm", "rain"]])
def test_nothing_to_learn_is_an_error(texts: list[str]) -> None:
    with pytest.raises(TrainingError, match=r"no n-gram is in 2 of \d texts: lower min_df"):
        NgramVectorizer(min_df=2).fit([text(one) for one in texts])


def test_rows_are_sorted_and_have_length_one() -> None:
    X = NgramVectorizer().fit_transform([text(one) for one in articles()[:20]])
    assert X.has_sorted_indices
    assert X.dtype == np.float64
    assert np.sqrt(X.multiply(X).sum(axis=1)) == pytest.approx(np.ones((20, 1)))


def test_text_without_known_words_is_an_empty_row() -> None:
    ours = NgramVectorizer().fit([text("storm rain")])
    assert ours.transform([text("!"), text("storm")]).getnnz(axis=1).tolist() == [0, 1]
    assert ours.transform([]).shape == (0, 3)


def test_furniture_and_markup_are_not_learned() -> None:
    page = Article(body_html="<p>Storm</p><nav>Home</nav>").text()
    plain = Article(body="Storm again tonight.\nRead also: Goal in Rome").text()
    assert NgramVectorizer(longest=1).fit([page, plain]).ngrams_ == ["again", "storm", "tonight"]


def test_vectorizer_is_a_scikit_learn_estimator() -> None:
    estimator_checks.check_parameters_default_constructible("NgramVectorizer", NgramVectorizer())
    fitted = NgramVectorizer(title_weight=2.0).fit([text("storm")])
    assert not hasattr(clone(fitted), "features_")
    assert clone(fitted).get_params() == fitted.get_params()


# check_estimator runs the one check that takes no X on text transformers, scikit-learn's own among them; these are the
# others that need no matrix as input.
APPLY_TO_TEXT = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_no_attributes_set_in_init",
    "check_set_params",
    "check_valid_tag_types",
]


@pytest.mark.parametrize("name", APPLY_TO_TEXT)
def test_passes_scikit_learns_checks_that_apply_to_text_transformers(name: str) -> None:
    getattr(estimator_checks, name)("NgramVectorizer", NgramVectorizer())


def test_pickled_vectorizer_gives_the_same_matrix() -> None:
    ours = NgramVectorizer().fit(articles()[:30])
    assert difference(pickle.loads(pickle.dumps(ours)).transform(articles()), ours.transform(articles())) == 0


def test_plain_strings_are_texts_without_a_title() -> None:
    ours = NgramVectorizer()
    assert difference(ours.fit_transform(articles()), ours.fit_transform([text(one) for one in articles()])) == 0


def test_one_string_in_place_of_many_is_refused() -> None:
    with pytest.raises(ValueError, match="put it in a list"):
        NgramVectorizer().fit("one text")
