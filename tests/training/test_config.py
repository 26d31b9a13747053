"""How a model is to be made: checked before anything is read."""

from pathlib import Path

import pytest

from tagdesk.models.features import FeatureSettings
from tagdesk.training.config import DEFAULT_CONFIG, Config, FitSettings, load_config
from tagdesk.training.corpora.labels import LABELS
from tagdesk.training.errors import TrainingError

LEAST = 'name = "mine"\nlanguage = "en"\ncorpora = ["news.jsonl"]\n'


def written(folder: Path, text: str) -> Path:
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    return folder / "mine.toml"


def test_default_config_names_corpora_maps_and_full_labels_that_are_there() -> None:
    config = load_config(DEFAULT_CONFIG)
    assert (config.name, config.language) == ("news-en", "en")
    for name in config.corpora:
        assert (LABELS / f"{name.partition('.')[0]}.toml").exists()
    for name in config.full_labels:
        assert (LABELS / name).exists()
    assert "language model" in config.labellers
    assert any("Wikinews" in line and "CC BY 2.5" in line for line in config.licences)
    assert any("Wikipedia" in line and "CC BY-SA 4.0" in line for line in config.licences)


def test_what_is_not_said_is_the_default(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, LEAST)) == Config("mine", "en", ("news.jsonl",))
    found = load_config(written(tmp_path, LEAST + "[features]\nlongest = 3\n[fit]\nfolds = 5\n"))
    assert (found.features, found.fit) == (FeatureSettings(longest=3), FitSettings(folds=5))


def test_every_setting_out_of_range_is_named_at_once() -> None:
    with pytest.raises(TrainingError) as refused:
        FitSettings(max_features=0, min_df=0, C=0, count_ratio=-1, label_scale=-1, folds=1, precision_target=1)
    for said in (
        "max_features = 0",
        "min_df = 0",
        "C = 0",
        "count_ratio = -1",
        "label_scale = -1",
        "folds = 1",
        "precision_target = 1",
    ):
        assert said in str(refused.value)


def test_whole_number_is_a_number_and_nothing_else_is_taken_for_another_kind(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, LEAST + "[fit]\nC = 1\n")).fit.C == 1
    for line, said in (("folds = true", "a whole number"), ("C = true", "a number"), ('seed = "0"', "a whole number")):
        with pytest.raises(TrainingError, match=rf"in \[fit\] must be {said}"):
            load_config(written(tmp_path, f"{LEAST}[fit]\n{line}\n"))


@pytest.mark.parametrize(
    "setting", ["C = inf", "label_scale = inf", "count_ratio = nan", "seed = -1", "share = 0", "share = 1.5"]
)
def test_number_that_scikit_learn_refuses_is_out_of_range(tmp_path: Path, setting: str) -> None:
    with pytest.raises(TrainingError, match=f"out of range: {setting}"):
        load_config(written(tmp_path, f"{LEAST}[fit]\n{setting}\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LEAST + "epochs = 3\n", "unknown epochs; known are name, language"),
        (LEAST + "[fit]\nc = 1\n", r"unknown c in \[fit\]; known are max_features"),
        (LEAST + "[features]\nchars = 1\n", r"unknown chars in \[features\]; known are shortest"),
        (LEAST + "[features]\nlongest = 9\n", "n-grams of 1 to 9 words"),
        (LEAST + "[fit]\nfolds = 1\n", "folds = 1"),
        (LEAST + '[fit]\nfolds = "3"\n', "folds"),
        (LEAST + "[fit]\nfolds = 2.5\n", "folds"),
        (LEAST + "fit = 3\n", "fit"),
        (LEAST + '[fit]\ntest = "newest"\n', "out of range: test = 'newest'"),
        (LEAST + "[precision_targets]\ncrime = 1.0\n", "out of range: crime = 1.0 in .precision_targets"),
        (LEAST + "[precision_targets]\ncrime = true\n", "must be a table of numbers"),
        (LEAST + "precision_targets = 0.9\n", "must be a table of numbers"),
        (LEAST + "name =", "Cannot overwrite|Invalid"),
        ('language = "en"\ncorpora = ["a.jsonl"]\n', "name"),
        ('name = "a"\ncorpora = ["a.jsonl"]\n', "language"),
        ('name = "a"\nlanguage = "en"\n', "corpora"),
        ('name = "a"\nlanguage = "en"\ncorpora = []\n', "corpora"),
        ('name = "a"\nlanguage = "en"\ncorpora = "news.jsonl"\n', "corpora"),
        ('name = "../a"\nlanguage = "en"\ncorpora = ["news.jsonl"]\n', "name"),
        ('name = 3\nlanguage = "en"\ncorpora = ["news.jsonl"]\n', "name"),
    ],
)
def test_wrong_config_is_one_sentence_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TrainingError, match=rf"training config .*mine\.toml: .*({said})") as refused:
        load_config(written(tmp_path, text))
    assert "__init__" not in str(refused.value)


def test_topic_may_have_a_promise_of_its_own(tmp_path: Path) -> None:
    found = load_config(written(tmp_path, LEAST + "[precision_targets]\ncrime = 0.97\n"))
    assert (found.promise("crime"), found.promise("sport")) == (0.97, 0.9)
    found.check_topics(["crime", "sport"])
    with pytest.raises(TrainingError, match=r"\[precision_targets\].*no topic has the id crime"):
        found.check_topics(["sport"])


def test_missing_config_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"none\.toml"):
        load_config(tmp_path / "none.toml")
