"""A model goes out as a scikit-learn pipeline, and a pipeline comes in as a model, with the same answers."""

import dataclasses
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.svm import LinearSVC

from tagdesk.command import main
from tagdesk.models import Article, TopicModel, load
from tagdesk.models.bundle import read_ngrams
from tagdesk.models.calibration import Calibration
from tagdesk.models.features import Features, FeatureSettings
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.taxonomy import Taxonomy, Topic
from tagdesk.models.weights import SparseWeights
from tagdesk.training.classifier import TopicClassifier
from tagdesk.training.errors import TrainingError
from tagdesk.training.exchange.from_pipeline import ImportRefused, fold, load_pipeline
from tagdesk.training.exchange.to_pipeline import pipeline_text, to_pipeline
from tests.tiny import tiny_model

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def texts(rows: Rows) -> list[str]:
    return [f"{row['title']}\n{row['body']}" for row in rows]


@pytest.fixture(scope="module")
def main_topics(rows: Rows) -> list[str]:
    return [row["topics"][0] for row in rows]


@pytest.fixture(scope="module")
def all_topics(rows: Rows) -> Any:
    return MultiLabelBinarizer().fit_transform([row["topics"] for row in rows])


def plain(texts: list[str]) -> list[ArticleText]:
    return [ArticleText("", text, "body", None, ()) for text in texts]


def test_model_whose_pipeline_would_fill_the_memory_is_not_exported() -> None:
    """Two million n-grams that weigh nothing are a few bytes here, and a gigabyte and more there."""
    rows, ids = 2_000_000, [f"topic-{i}" for i in range(100)]
    features = Features(FeatureSettings(), np.arange(rows, dtype=np.uint64), np.ones(rows, np.float32))
    nothing = np.zeros(rows + 1, np.int64), np.empty(0, np.uint32), np.empty(0, np.float32)
    model = dataclasses.replace(
        tiny_model(),
        taxonomy=Taxonomy("many", tuple(Topic(topic, topic) for topic in ids)),
        features=features,
        weights=SparseWeights(*nothing, len(ids)),
        bias=np.zeros(len(ids), np.float32),
        calibrations=(Calibration(1.0, 0.0, suggest=0.5),) * len(ids),
    )
    with pytest.raises(TrainingError, match=r"tiny@1 .* 2,000,000 n-grams and 100 topics it would take 1\.6 GB"):
        to_pipeline(model, [])


def confidences(model: TopicModel, article: Article) -> list[float]:
    return [model.explain(article, topic).confidence for topic in model.taxonomy.ids]


def test_exported_pipeline_gives_the_models_confidences(
    small_bundle: Path, small_model: TopicModel, rows: Rows
) -> None:
    pipeline = to_pipeline(small_model, read_ngrams(small_bundle))
    articles = [Article(title=row["title"], body=row["body"]) for row in rows[:40]]
    settings = small_model.features.settings
    got = pipeline.predict_proba([pipeline_text(article.text(), settings) for article in articles])
    expected = [confidences(small_model, article) for article in articles]
    assert np.abs(got - np.array(expected)).max() < 1e-5
    assert tuple(pipeline.classes_) == small_model.taxonomy.ids


def test_exported_pipeline_is_made_of_stock_classes(small_bundle: Path, small_model: TopicModel) -> None:
    pipeline = to_pipeline(small_model, read_ngrams(small_bundle))
    assert [type(step).__module__.split(".")[0] for _, step in pipeline.steps] == ["sklearn", "sklearn"]


def test_exported_pipeline_names_the_topics_it_predicts(
    small_bundle: Path, small_model: TopicModel, rows: Rows
) -> None:
    pipeline = to_pipeline(small_model, read_ngrams(small_bundle))
    got = pipeline.predict([row["body"] for row in rows[:10]])
    assert got.shape == (10, len(small_model.taxonomy))


def test_a_title_that_weighs_a_fraction_takes_our_vectorizer(
    small_bundle: Path, small_model: TopicModel, rows: Rows
) -> None:
    from dataclasses import replace

    features = replace(small_model.features, settings=replace(small_model.features.settings, title_weight=1.5))
    model = replace(small_model, features=features)
    pipeline = to_pipeline(model, read_ngrams(small_bundle))
    article = Article(title=rows[0]["title"], body=rows[0]["body"])
    got = pipeline.predict_proba([article.text()])[0]
    assert np.abs(got - np.array(confidences(model, article))).max() < 1e-5


def test_a_model_that_knows_parts_of_words_takes_our_vectorizer(texts: list[str], main_topics: list[str]) -> None:
    classifier = TopicClassifier(shortest_part=3, longest_part=4, folds=2)
    model = classifier.fit(texts, [[topic] for topic in main_topics]).model_
    pipeline = to_pipeline(model, classifier.vectorizer_.ngrams_)
    got = pipeline.predict_proba(plain(texts[:20]))
    assert np.abs(got - model.scores(plain(texts[:20]))[1]).max() < 1e-5


def test_exported_pipeline_reads_any_form_of_a_text(small_bundle: Path, small_model: TopicModel, rows: Rows) -> None:
    """And comes back as the model that it was."""
    pipeline = to_pipeline(small_model, read_ngrams(small_bundle))
    sent = [row["body"].replace("ti", "t\u00adi") + " https://example.com/sport" for row in rows[:20]]
    expected = small_model.scores(plain([row["body"] for row in rows[:20]]))[1]
    assert np.abs(pipeline.predict_proba(sent) - expected).max() < 1e-5
    folded = fold(pipeline, "again", sent)
    assert folded.model.features.settings.reading == small_model.features.settings.reading
    assert np.abs(folded.model.scores(plain(sent))[1] - expected).max() < 1e-5


def test_export_command_writes_a_file_that_joblib_loads(
    small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pipeline.joblib"
    assert main(["export", "--model", str(small_bundle), str(path)]) == 0
    assert isinstance(joblib.load(path), Pipeline)
    assert "runs code" in capsys.readouterr().out


@pytest.mark.parametrize(
    "vectorizer",
    [
        TfidfVectorizer(),
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        TfidfVectorizer(stop_words="english"),
        TfidfVectorizer(ngram_range=(2, 3), use_idf=False),
        make_pipeline(CountVectorizer(ngram_range=(1, 2)), TfidfTransformer()),
    ],
    ids=lambda one: str(one)[:40],
)
@pytest.mark.parametrize(
    "classifier", [LinearSVC(), LogisticRegression(), SGDClassifier(random_state=0)], ids=lambda one: type(one).__name__
)
def test_imported_model_scores_as_the_pipeline_does(
    vectorizer: Any, classifier: Any, texts: list[str], main_topics: list[str]
) -> None:
    steps = [step for _, step in vectorizer.steps] if isinstance(vectorizer, Pipeline) else [vectorizer]
    pipeline = make_pipeline(*steps, classifier).fit(texts, main_topics)
    folded = fold(pipeline, "imported", texts)
    got = folded.model.scores(plain(texts[:50]))[0]
    assert np.abs(got - pipeline.decision_function(texts[:50])).max() < 1e-4
    assert [one.name for one in folded.model.taxonomy.topics] == pipeline.classes_.tolist()


@pytest.mark.parametrize("others", [[], [TfidfTransformer()]], ids=["alone", "with idf"])
def test_imported_hashing_model_knows_the_ngrams_of_the_texts_given(
    others: list[Any], texts: list[str], main_topics: list[str]
) -> None:
    """Words that share a bucket are told apart in the norm, so the scores are near and not equal."""
    vectorizer = HashingVectorizer(n_features=2**20, ngram_range=(1, 2))
    pipeline = make_pipeline(vectorizer, *others, SGDClassifier(random_state=0)).fit(texts, main_topics)
    folded = fold(pipeline, "imported", texts)
    got = folded.model.scores(plain(texts[:50]))[0]
    expected = pipeline.decision_function(texts[:50])
    assert np.abs(got - expected).max() < 0.01 * np.abs(expected).max()
    assert "n-grams of the texts given" in folded.notes[0]


def test_imported_one_vs_rest_of_logistic_regressions_has_equal_confidences(texts: list[str], all_topics: Any) -> None:
    pipeline = make_pipeline(TfidfVectorizer(), OneVsRestClassifier(LogisticRegression())).fit(texts, all_topics)
    model = fold(pipeline, "imported", texts).model
    got = model.scores(plain(texts[:50]))[1]
    assert np.abs(got - pipeline.predict_proba(texts[:50])).max() < 1e-5


def test_imported_calibrated_classifier_has_equal_confidences(texts: list[str], all_topics: Any) -> None:
    calibrated = CalibratedClassifierCV(LinearSVC(), ensemble=False)
    pipeline = make_pipeline(TfidfVectorizer(), OneVsRestClassifier(calibrated)).fit(texts, all_topics)
    model = fold(pipeline, "imported", texts).model
    got = model.scores(plain(texts[:50]))[1]
    assert np.abs(got - pipeline.predict_proba(texts[:50])).max() < 1e-5


def test_two_classes_become_two_topics(texts: list[str], main_topics: list[str]) -> None:
    said = ["sport" if topic == "sport" else "news" for topic in main_topics]
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, said)
    model = fold(pipeline, "imported", texts).model
    got = model.scores(plain(texts[:50]))[1]
    assert np.abs(got - pipeline.predict_proba(texts[:50])).max() < 1e-5


def test_export_into_a_folder_that_is_not_there_is_one_sentence(
    small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "none" / "pipeline.joblib"
    assert main(["export", "--model", str(small_bundle), str(path)]) == 2
    assert capsys.readouterr().err == f"tagdesk: cannot write {path}: No such file or directory\n"


def test_exported_pipeline_keeps_topics_below_the_parents_they_imply(
    small_bundle: Path, small_model: TopicModel, texts: list[str]
) -> None:
    first, second, *others = small_model.taxonomy.topics
    implying = dataclasses.replace(first, parent=second.id, implies_parent=True)
    capped = dataclasses.replace(small_model, taxonomy=Taxonomy("capped", (implying, second, *others)))
    pipeline = to_pipeline(capped, read_ngrams(small_bundle))
    expected = capped.scores(plain(texts[:50]))[1]
    assert np.abs(pipeline.predict_proba(texts[:50]) - expected).max() < 1e-5
    assert (expected[:, 0] < small_model.scores(plain(texts[:50]))[1][:, 0]).any()


def refused(pipeline: Pipeline, texts: list[str]) -> str:
    with pytest.raises(ImportRefused) as error:
        fold(pipeline, "imported", texts)
    return str(error.value)


@pytest.mark.parametrize(
    ("vectorizer", "said"),
    [
        (TfidfVectorizer(analyzer="char"), "analyzer='char'"),
        (TfidfVectorizer(lowercase=False), "lowercase=False"),
        (TfidfVectorizer(strip_accents="unicode"), "strip_accents='unicode'"),
        (TfidfVectorizer(token_pattern=r"\S+"), "token_pattern"),
        (TfidfVectorizer(norm="l1"), "norm='l2'"),
        (TfidfVectorizer(binary=True), "binary=True"),
        (TfidfVectorizer(ngram_range=(1, 2), stop_words="english"), "stop_words"),
        (CountVectorizer(), "TfidfTransformer"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_vectorizer_that_reads_otherwise_is_refused_with_the_reason(
    vectorizer: Any, said: str, texts: list[str], main_topics: list[str]
) -> None:
    assert said in refused(make_pipeline(vectorizer, LinearSVC()).fit(texts, main_topics), texts)


@pytest.mark.parametrize(
    ("classifier", "said"),
    [
        (RandomForestClassifier(n_estimators=2), "RandomForestClassifier"),
        (CalibratedClassifierCV(LinearSVC(), ensemble=True), "ensemble=False"),
        (CalibratedClassifierCV(LinearSVC(), method="isotonic", ensemble=False), "isotonic"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_classifier_that_is_not_linear_is_refused_with_the_reason(
    classifier: Any, said: str, texts: list[str], main_topics: list[str]
) -> None:
    assert said in refused(make_pipeline(TfidfVectorizer(), classifier).fit(texts, main_topics), texts)


def test_import_command_saves_a_model_that_tags(
    texts: list[str], main_topics: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path / "store"))
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100)).fit(texts, main_topics)
    joblib.dump(pipeline, tmp_path / "pipeline.joblib")
    assert main(["import", str(tmp_path / "pipeline.joblib"), "--name", "imported"]) == 0
    found = load("imported").tag(Article(body=texts[0]))
    assert found.topics[0].topic.id == pipeline.predict(texts[:1])[0]


def test_import_says_that_it_runs_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.joblib").write_bytes(b"no pickle")
    assert main(["import", str(tmp_path / "bad.joblib"), "--name", "x"]) == 2
    said = capsys.readouterr().err
    assert "runs whatever code is in it" in said
    assert "cannot unpickle" in said


def test_what_is_no_pipeline_is_refused(tmp_path: Path) -> None:
    joblib.dump({"not": "a pipeline"}, tmp_path / "dict.joblib")
    with pytest.raises(ImportRefused, match="dict, not a scikit-learn Pipeline"):
        load_pipeline(tmp_path / "dict.joblib")
