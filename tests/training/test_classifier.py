"""A classifier to be fitted in a notebook: what scikit-learn's users expect, and that it is the one that serves."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.svm import LinearSVC
from sklearn.utils import Tags
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.validation import check_is_fitted, validate_data

from tagdesk.models import Article, BundleError, Topic, TopicModel, load
from tagdesk.models.bundle import CARD
from tagdesk.models.taxonomy import load_taxonomy
from tagdesk.service.settings import Settings
from tagdesk.training import TopicClassifier
from tagdesk.training.errors import TrainingError
from tagdesk.training.learn.targets import targets_of
from tagdesk.training.learn.training_set import read_training_set
from tests.conftest import serving
from tests.training.conftest import DATA, SMALL

ROOT = Path(__file__).parents[2]

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def articles(rows: Rows) -> list[Article]:
    return [Article(title=row["title"], body=row["body"]) for row in rows]


@pytest.fixture(scope="module")
def topics(rows: Rows) -> list[list[str]]:
    return [row["topics"] for row in rows]


@pytest.fixture(scope="module")
def fitted(articles: list[Article], topics: list[list[str]]) -> TopicClassifier:
    """Return a classifier fitted on our articles; not to be fitted again."""
    return TopicClassifier().fit(articles, topics)


class WordsOfNumbers(TopicClassifier):
    """Takes what scikit-learn's checks make, which it skips for text: of targets, of state, of what is returned.

    A number becomes words, one for each level below it. A row stands for five articles, as no topic is learned from
    fewer, and the greater of two labels is a yes.
    """

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags

    def fit(self, X: Any, y: Any, **more: Any) -> Self:
        words = 5 * _words(validate_data(self, X))
        targets = np.asarray(y)
        if targets.ndim == 2:
            y = np.tile(np.where(targets == targets.max(), 1, 0), (5, 1))
        return super().fit(words, y, groups=np.arange(len(words)), **more)  # near duplicates would share a fold

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        return super().predict_proba(_words(validate_data(self, X, reset=False)))

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        return super().decision_function(_words(validate_data(self, X, reset=False)))


def _words(X: NDArray[np.floating]) -> list[str]:
    levels = np.clip(np.floor(2 * X), -8, 8).astype(int) + 8
    return [
        " ".join(["row", *(f"n{column}x{level}" for column, top in enumerate(row) for level in range(top + 1))])
        for row in levels.tolist()
    ]


_MANY_TOPICS = (
    "an article has any number of topics: y is a matrix or a list of lists, and this check gives one label each"
)

EXPECTED_TO_FAIL = {
    "check_classifier_multioutput": "predict asks for the cut-off of each topic, not for a score above 0",
    "check_classifier_not_supporting_multiclass": _MANY_TOPICS,
    "check_classifiers_classes": _MANY_TOPICS,
    "check_classifiers_one_label": _MANY_TOPICS,
    "check_classifiers_one_label_sample_weights": _MANY_TOPICS,
    "check_classifiers_regression_target": _MANY_TOPICS,
    "check_classifiers_train": _MANY_TOPICS,
    "check_decision_proba_consistency": _MANY_TOPICS,
    "check_fit2d_1sample": "a topic needs articles for and against it: that is said, not that one sample is too few",
}


CHECKS = list(
    estimator_checks_generator(WordsOfNumbers(min_df=1), expected_failed_checks=EXPECTED_TO_FAIL, mark="xfail")
)


@pytest.mark.parametrize(
    ("estimator", "check"), CHECKS, ids=lambda value: value.func.__name__ if isinstance(value, partial) else "words"
)
def test_keeps_the_rules_of_scikit_learn(estimator: TopicClassifier, check: Callable[[TopicClassifier], None]) -> None:
    check(estimator)


def test_train_makes_the_model_that_the_classifier_is(small_model: TopicModel) -> None:
    """Its topics, weights, calibration and cut-offs."""
    taxonomy = load_taxonomy()
    data = read_training_set(SMALL, taxonomy, DATA)
    learn = data.learn.tolist()
    classifier = TopicClassifier(taxonomy)
    classifier.fit(
        [data.texts[i] for i in learn],
        targets_of(data.decisions[learn]),
        groups=[data.ids[data.group[i]] for i in learn],
        fair=data.fair[learn],
    )
    model = classifier.model_
    assert model.taxonomy.topics == small_model.taxonomy.topics
    assert model.calibrations == small_model.calibrations
    ours, theirs = np.argsort(model.features.hashes), np.argsort(small_model.features.hashes)
    assert model.weights[ours].tobytes() == small_model.weights[theirs].tobytes()


def test_service_serves_what_was_saved(
    fitted: TopicClassifier, articles: list[Article], rows: Rows, tmp_path: Path
) -> None:
    """It returns the topics that `predict` gives, with the confidences of `predict_proba`."""
    some = articles[:10]
    folder = fitted.save(tmp_path / "desk", language="en")
    with serving(Settings(model=str(folder), database_url=str(tmp_path / "ledger.sqlite"))) as address:
        answers = [
            httpx.post(f"{address}/v1/tag", json={"title": row["title"], "body": row["body"]}).json()
            for row in rows[:10]
        ]
    for answer, given, confidences in zip(answers, fitted.predict(some), fitted.predict_proba(some), strict=True):
        assert answer["model"].startswith("desk@")
        expected = dict(zip(fitted.classes_[given == 1].tolist(), confidences[given == 1].tolist(), strict=True))
        assert {topic["id"]: topic["confidence"] for topic in answer["topics"]} == pytest.approx(expected, abs=1e-6)


def test_card_and_manifest_of_a_saved_classifier_tell_how_good_it_is(fitted: TopicClassifier, tmp_path: Path) -> None:
    folder = fitted.save(tmp_path / "desk", name="our-desk", language="en")
    model = load(folder)
    assert model.manifest["metrics"] == fitted.metrics_
    assert model.manifest["fit"]["C"] == fitted.C
    text = (folder / CARD).read_text(encoding="utf-8")
    assert text.startswith(f"# {model.ref}\n")
    assert "280 articles, passed in by a program" in text
    assert "Out of fold (280 articles): micro-F1" in text


def test_a_folder_with_something_in_it_is_left_alone(fitted: TopicClassifier, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(BundleError, match="is there already"):
        fitted.save(tmp_path, name="desk")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_topics_may_be_lists_or_a_matrix(
    fitted: TopicClassifier, articles: list[Article], topics: list[list[str]]
) -> None:
    binarizer = MultiLabelBinarizer()
    matrix = binarizer.fit_transform(topics)
    of_matrix = TopicClassifier(binarizer.classes_).fit(articles, matrix)
    assert of_matrix.classes_.tolist() == fitted.classes_.tolist() == sorted({name for row in topics for name in row})
    assert (of_matrix.predict_proba(articles) == fitted.predict_proba(articles)).all()


def test_strings_are_read_as_the_service_reads_a_body(fitted: TopicClassifier, articles: list[Article]) -> None:
    """With markup and furniture, and so no word counts here that does not count there."""
    page = f"<p>{articles[0].body}</p><nav>Home Sport Politics</nav>"
    expected = fitted.decision_function([Article(body_html=page)])
    assert (fitted.decision_function([page]) == expected).all()


def test_article_is_left_out_of_the_fit_of_a_topic_that_is_not_known_of_it(
    articles: list[Article], topics: list[list[str]]
) -> None:
    matrix = np.array([["sport" in row] for row in topics], np.int8)
    known = np.arange(len(articles)) % 5 > 0
    matrix[~known] = -1
    classifier = TopicClassifier(["sport"], count_ratio=0.0).fit(articles, matrix)
    X = classifier.vectorizer_.transform([article.text() for article in articles])
    svm = LinearSVC(random_state=0, max_iter=2000).fit(X[known], matrix[known, 0])
    assert classifier.model_.weights[:, 0] == pytest.approx(svm.coef_[0], abs=1e-5)


def test_topic_with_too_few_articles_keeps_its_column_and_is_never_given(
    articles: list[Article], topics: list[list[str]]
) -> None:
    """So a rare topic does not break a cross-validation."""
    rare = [[*row, "chess"] if number < 3 else row for number, row in enumerate(topics)]
    classifier = TopicClassifier().fit(articles, rare)
    column = classifier.classes_.tolist().index("chess")
    assert classifier.classes_[~classifier.learned_].tolist() == ["chess"]
    for values, missing in (
        (classifier.predict(articles), 0),
        (classifier.predict_proba(articles), 0),
        (classifier.decision_function(articles), -1),
    ):
        assert values.shape == (len(articles), len(classifier.classes_))
        assert (values[:, column] == missing).all()


def test_cut_offs_are_those_of_the_bands(fitted: TopicClassifier, articles: list[Article]) -> None:
    assert (fitted.predict(articles) == (fitted.predict_proba(articles) >= fitted.suggest_)).all()
    automatic = fitted.predict_proba(articles) >= fitted.auto_
    tagged = fitted.model_.tag_many(articles)
    for article, row in zip(tagged, automatic, strict=True):
        sure = {result.topic.name for result in article.topics if result.band == "auto"}
        assert sure == set(fitted.classes_[row].tolist()) or "short-text" in article.warnings


def test_topics_of_a_saved_classifier_have_ids_and_names(articles: list[Article], topics: list[list[str]]) -> None:
    named = [["Arts & Sport"] if "sport" in row else ["News"] for row in topics]
    classifier = TopicClassifier().fit(articles, named)
    assert classifier.model_.taxonomy.topics == (Topic("arts-sport", "Arts & Sport"), Topic("news", "News"))


def test_scikit_learn_searches_and_cross_validates_it(articles: list[Article], topics: list[list[str]]) -> None:
    matrix = MultiLabelBinarizer().fit_transform(topics)
    search = GridSearchCV(TopicClassifier(), {"C": [0.01, 1.0]}, cv=2).fit(articles, matrix)
    assert search.best_params_ == {"C": 1.0}
    confidences = cross_val_predict(TopicClassifier(), articles, matrix, cv=2, method="predict_proba")
    assert average_precision_score(matrix, confidences, average="micro") > 0.7


def test_score_is_micro_f1_of_what_is_known(
    fitted: TopicClassifier, articles: list[Article], topics: list[list[str]]
) -> None:
    predicted = fitted.predict(articles)
    matrix = MultiLabelBinarizer().fit_transform(topics)
    assert fitted.score(articles, topics) == f1_score(matrix, predicted, average="micro")
    assert fitted.score(articles, np.where(matrix == predicted, matrix, -1)) == 1


@pytest.mark.parametrize(
    ("X", "y", "says"),
    [
        ("one text", [["a"]], "not one string"),
        ([1.0], [["a"]], r"X\[0\]: an article is a string or a tagdesk.Article, not float"),
        (["A match.", ""], [["a"], ["a"]], r"X\[1\]: the article has no text to read"),
        (["A match."], ["sport"], "y must be a list of topics for each article"),
        (["A match."], [[2]], "Unknown label type: y has the value 2"),
        (["A match."], [[]], "there are no topics"),
        (["A match."], [["a"], ["a"]], "inconsistent numbers of samples"),
        (["A match."], [["a"]], "no topic has enough articles"),
    ],
)
def test_what_is_wrong_with_the_data_is_said(X: Any, y: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TopicClassifier().fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"topics": ["health"]}, "not among the classifier's: sport"),
        ({"precision_targets": {"chess": 0.95}}, "precision_targets names unknown topics: chess"),
    ],
)
def test_topics_that_are_not_there_are_named(
    articles: list[Article], topics: list[list[str]], parameters: dict[str, Any], says: str
) -> None:
    sport = [["sport"] if "sport" in row else [] for row in topics]
    with pytest.raises(ValueError, match=says):
        TopicClassifier(**parameters).fit(articles, sport)


def test_topic_may_promise_another_precision(articles: list[Article], topics: list[list[str]]) -> None:
    """In `auto` fewer articles are given it, and the card says so."""
    usual, careful = (
        TopicClassifier(precision_target=0.6, precision_targets=own).fit(articles, topics)
        for own in (None, {"sport": 0.99})
    )
    sport = usual.classes_.tolist().index("sport")
    assert not careful.auto_[sport] <= usual.auto_[sport]


def test_parameter_out_of_range_is_said_when_it_is_fitted(articles: list[Article], topics: list[list[str]]) -> None:
    with pytest.raises(TrainingError, match="out of range: C = -1"):
        TopicClassifier(C=-1).fit(articles, topics)


def test_import_of_training_does_not_import_scikit_learn() -> None:
    code = "import sys, training; sys.exit('sklearn' in sys.modules or 'numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_what_is_no_sample_teaches_and_does_not_calibrate(articles: list[Article], topics: list[list[str]]) -> None:
    """Unless the others leave a topic without an article that has it: then all calibrate."""
    shown = np.arange(len(articles)) % 4 > 0
    found = TopicClassifier().fit(articles, topics, sample=shown)
    assert (found.weight_ > 0).tolist() == shown.tolist()
    assert found.metrics_["out_of_fold"]["articles"] == shown.sum()
    no_sport = np.array(["sport" not in named for named in topics])
    assert (TopicClassifier().fit(articles, topics, sample=no_sport).weight_ > 0).all()
