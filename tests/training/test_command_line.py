"""`tagdesk train` and its like: train, evaluate, publish, from a shell."""

import csv
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tagdesk.command import main
from tagdesk.models import TopicModel, load
from tagdesk.models.storage import current, locate
from tagdesk.training.corpora.places import corpus_folder
from tagdesk.training.learn.evidence import EVIDENCE
from tests.training.conftest import DATA, WriteCorpus

ROOT = Path(__file__).parents[2]
CONFIG = 'name = "small"\nlanguage = "en"\ncorpora = ["articles.jsonl"]\nlicences = ["Our own articles: MIT"]\n'

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a command with a config, our articles for corpora and a store of the test's own.

    It runs in an empty folder, where there is no ../shared.
    """
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("CORPUS_DIR", str(DATA))
    monkeypatch.setenv("TAGDESK_STORE", str(tmp_path / "store"))

    def command(*arguments: str, config: str = CONFIG) -> tuple[int, str, str]:
        (tmp_path / "small.toml").write_text(config, encoding="utf-8")
        capsys.readouterr()
        code = main([arguments[0], "--config", str(tmp_path / "small.toml"), *arguments[1:]])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def store(small_bundle: Path, tmp_path: Path) -> Path:
    """Return the store of the test, with a copy of the small model in it, current."""
    shutil.copytree(small_bundle.parents[1], tmp_path / "store")
    return tmp_path / "store"


def test_training_again_in_another_process_gives_the_same_content(small_model: TopicModel, tmp_path: Path) -> None:
    """`train --publish` from a shell: same data, same seed, same content hash, whatever the hash seed of Python."""
    (tmp_path / "small.toml").write_text(CONFIG)
    environment = os.environ | {
        "CORPUS_DIR": str(DATA),
        "TAGDESK_STORE": str(tmp_path / "store"),
        "PYTHONHASHSEED": "17",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tagdesk", "train", "--publish", "--config", str(tmp_path / "small.toml")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"content hash {small_model.manifest['content_hash']}" in done.stdout
    assert "and made current" in done.stdout
    (left_out,) = (line for line in done.stderr.splitlines() if "with too few articles" in line)
    assert "Weather" in left_out
    assert "fitting topics" in done.stderr
    version = current(tmp_path / "store", "small")
    assert version is not None
    assert version.endswith(small_model.manifest["content_hash"][:8])


def test_train_says_where_it_ends_at_the_shipped_model(
    run: Run, store: Path, small_model: TopicModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagdesk.training.commands.SHIPPED", tmp_path / "shipped")
    content = f"content hash {small_model.manifest['content_hash']}"
    _, out, _ = run("train")
    assert f"{content}\n" in out
    run("ship")
    _, out, _ = run("train")
    assert f"{content}, that of the shipped model\n" in out


def test_evaluate_prints_the_figures_of_the_held_out_articles(run: Run, store: Path, small_model: TopicModel) -> None:
    code, out, _ = run("evaluate")
    assert code == 0
    figures = small_model.manifest["metrics"]["held_out"]
    assert out.startswith(f"{small_model.ref}\n")
    assert f"held out: {figures['articles']} articles" in out
    assert f"micro-F1 {figures['micro_f1']:.3f}  macro-F1 {figures['macro_f1']:.3f}" in out
    assert all(f"\n  {topic} " in out for topic in small_model.taxonomy.ids)


def test_evaluate_measures_a_model_that_had_to_leave_a_topic_out(
    run: Run, store: Path, rows: list[dict[str, Any]], write_corpus: WriteCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The corpus names a topic that the model does not have."""
    more = [row | {"id": f"{row['id']}-w", "topics": ["weather"]} for row in rows[:3]]
    path = write_corpus([*rows, *more], "articles.jsonl")
    monkeypatch.setenv("CORPUS_DIR", str(path.parent))
    code, out, err = run("evaluate")
    assert (code, err.count("tagdesk: ")) == (0, 0)
    assert "held out: " in out


def test_evaluate_needs_no_corpora(run: Run, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures on held-out articles are in the evidence beside the bundle; where that is missing, it says so."""
    monkeypatch.setenv("CORPUS_DIR", str(tmp_path / "none"))
    code, out, _ = run("evaluate")
    assert code == 0
    assert "held out: 25 articles" in out
    assert "held out, texts read anew: not measured. articles.jsonl not in" in out
    (evidence,) = (store / "small").glob(f"*/{EVIDENCE}")
    evidence.unlink()
    code, out, _ = run("evaluate")
    assert code == 0
    assert f"no {EVIDENCE} in {evidence.parent}" in out


def test_evaluate_reads_the_held_out_articles_anew_where_the_corpora_are_at_hand(
    run: Run,
    store: Path,
    rows: list[dict[str, Any]],
    write_corpus: WriteCorpus,
    small_model: TopicModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it prints is what their texts give: with other texts other figures, beside those of the recorded n-grams."""
    figure = f"micro-F1 {small_model.manifest['metrics']['held_out']['micro_f1']:.3f}"
    _, out, _ = run("evaluate")
    assert "held out, texts read anew: 25 articles" in out
    assert out.count(figure) == 2
    changed = write_corpus([row | {"title": "", "body": "Nothing of the kind."} for row in rows], "articles.jsonl")
    monkeypatch.setenv("CORPUS_DIR", str(changed.parent))
    _, out, _ = run("evaluate")
    assert "held out, texts read anew: 25 articles" in out
    assert out.count(figure) == 1


def test_publish_lets_current_name_another_version(run: Run, store: Path, small_bundle: Path) -> None:
    shutil.copytree(small_bundle, store / "small" / "other")
    code, out, _ = run("publish", "other")
    assert (code, current(store, "small")) == (0, "other")
    assert "small@other is current" in out
    assert locate("small") == store / "small" / "other"


def test_publishing_a_version_that_is_not_there_changes_nothing(run: Run, store: Path, small_bundle: Path) -> None:
    code, _, err = run("publish", "nowhere")
    assert (code, current(store, "small")) == (2, small_bundle.name)
    assert err.splitlines()[-1].startswith("tagdesk: no version 'nowhere' of 'small'")


def test_missing_corpus_is_one_sentence_that_says_what_to_do(run: Run, tmp_path: Path) -> None:
    code, _, err = run("train", config=CONFIG.replace("articles.jsonl", "none.jsonl"))
    assert code == 2
    assert "none.jsonl not found" in err
    assert "run `tagdesk data`" in err
    assert not (tmp_path / "store").exists()


def test_bad_corpus_is_listed_and_nothing_is_written(
    run: Run, tmp_path: Path, write_corpus: WriteCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"id": "1", "body": "a", "title": 5}, {"id": "2", "body": "a", "topics": ["chess"]}]
    path = write_corpus(rows, "articles.jsonl")
    monkeypatch.setenv("CORPUS_DIR", str(path.parent))
    code, _, err = run("train")
    assert code == 2
    for said in (":1: title: must be text, not int", ":2: topics: unknown topic 'chess'"):
        assert f"articles.jsonl{said}" in err
    assert "Traceback" not in err
    assert not (tmp_path / "store").exists()


def test_wrong_config_is_one_sentence(run: Run) -> None:
    code, _, err = run("train", config=CONFIG + "epochs = 3\n")
    assert code == 2
    assert "unknown epochs" in err


def test_data_that_is_at_hand_is_not_fetched(run: Run) -> None:
    code, out, _ = run("data")
    assert (code, out) == (0, f"the corpora are at hand in {DATA}: articles.jsonl\n")


def test_data_that_nobody_can_fetch_is_said(run: Run) -> None:
    """A corpus of one's own has no fetcher."""
    code, _, err = run("data", config=CONFIG.replace("articles.jsonl", "mine.jsonl"))
    assert code == 2
    assert "mine.jsonl" in err


def test_corpora_are_looked_for_where_corpus_dir_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else beside the project, else in var/corpora."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("CORPUS_DIR", raising=False)
    assert corpus_folder() == Path("var/corpora")
    (tmp_path / "shared" / "data" / "corpora").mkdir(parents=True)
    assert corpus_folder() == Path("../shared/data/corpora")
    monkeypatch.setenv("CORPUS_DIR", "/elsewhere")
    assert corpus_folder() == Path("/elsewhere")


def as_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write articles as a newsroom may have them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Headline", "Text", "Category"])
        writer.writerows([row["title"], row["body"], row["topics"][0].title()] for row in rows)
    return path


def test_own_csv_becomes_the_current_model_of_its_name_and_is_measured(
    run: Run, rows: list[dict[str, Any]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One command from articles of one's own to a model that `load`, and so the service, finds by name."""
    path = as_csv(tmp_path / "my-desk.csv", [row for row in rows if row["topics"][0] in {"sport", "health", "crime"}])
    with caplog.at_level(logging.INFO):
        code, out, _ = run("train", "--data", str(path), "--language", "en")
    assert code == 0
    assert "articles of 1" in caplog.text
    assert "  columns: title from Headline, body from Text, topics from Category\n" in caplog.text
    assert "my-desk: 3 topics; learns from words and pairs of words in 2 articles or more" in caplog.text
    assert "serve it: tagdesk serve --model my-desk\n" in out
    model = load("my-desk")
    assert current(tmp_path / "store", "my-desk") == model.version
    assert [topic.name for topic in model.taxonomy.topics] == ["Crime", "Health", "Sport"]
    code, out, _ = run("evaluate", "--data", str(path), "--model", "my-desk")
    figures = model.manifest["metrics"]["held_out"]
    assert code == 0
    assert f"my-desk.csv: {figures['articles']} articles" in out
    assert f"micro-F1 {figures['micro_f1']:.3f}" in out


def test_own_data_may_have_a_map_a_taxonomy_and_a_name(run: Run, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    path = as_csv(tmp_path / "desk.csv", [row for row in rows if row["topics"][0] in {"sport", "health"}])
    (tmp_path / "map.toml").write_text(
        'decides = "all"\n[labels]\nSport = { asserts = ["sport"] }\nHealth = { asserts = ["wellbeing"] }\n'
    )
    taxonomy = tmp_path / "topics.toml"
    taxonomy.write_text('[[topic]]\nid = "sport"\nname = "Sports"\ncodes = [{ qcode = "x:1", match = "exact" }]\n')
    more = ("--map", str(tmp_path / "map.toml"), "--taxonomy", str(taxonomy), "--name", "ours", "--format", "columns")
    code, _, _ = run("train", "--data", str(path), *more)
    assert code == 0
    assert [(topic.id, topic.name, topic.qcodes) for topic in load("ours").taxonomy.topics] == [
        ("sport", "Sports", ["x:1"]),
        ("wellbeing", "Wellbeing", []),
    ]


def test_promise_and_newest_test_are_kept_and_said(run: Run, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    """The topic with a target of its own keeps it; `evaluate` measures on the same articles."""
    config = f"{CONFIG}[precision_targets]\nsport = 0.7\n"
    code, _, _ = run("train", "--publish", "--precision-target", "0.95", "--test", "latest", config=config)
    assert code == 0
    manifest = load("small").manifest
    assert (manifest["fit"]["precision_target"], manifest["precision_targets"]) == (0.95, {"sport": 0.7})
    day, held_out = manifest["data"]["test_from"], manifest["data"]["held_out"]
    assert held_out == sum(row["date"] >= day for row in rows)
    assert 28 <= held_out <= 40
    card = (locate("small") / "card.md").read_text(encoding="utf-8")
    assert "The promise: of all topics that `auto` gives, a share of 0.95 is right" in card
    assert "Promised to a topic on its own: 0.7 for sport." in card
    assert f"{held_out} kept out of training for the test, the newest, as is all from {day} on." in card
    code, out, _ = run("evaluate")
    assert f"held out: {held_out} articles" in out
    assert f"micro-F1 {manifest['metrics']['held_out']['micro_f1']:.3f}" in out


def test_promise_for_an_unknown_topic_is_refused_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    code, _, err = run("train", config=f"{CONFIG}[precision_targets]\nchess = 0.7\n")
    assert (code, "no topic has the id chess" in err) == (2, True)
    assert not (tmp_path / "store").exists()


def test_bad_rows_of_own_data_are_listed_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "desk.csv").write_text("text,category\nA match.,Sport\nA vote, a budget.,Politics\n")
    code, _, err = run("train", "--data", str(tmp_path / "desk.csv"))
    assert code == 2
    assert "desk.csv:3: 3 cells, but 2 columns have a name: does a cell with the separator lack its quotes?" in err
    assert not (tmp_path / "store").exists()


def test_what_is_meant_for_own_data_is_refused_without_it(run: Run) -> None:
    code, _, err = run("train", "--map", "map.toml", "--name", "mine")
    assert code == 2
    assert "--map, --name: for your own data only; name its files with --data" in err


def test_own_data_that_is_not_there_is_one_sentence(run: Run) -> None:
    code, _, err = run("train", "--data", "none.csv")
    assert code == 2
    assert err == "tagdesk: cannot read none.csv: No such file or directory\n"


def test_answers_of_the_published_model_are_scored_by_evaluate_on_its_own_articles(
    run: Run, store: Path, small_model: TopicModel
) -> None:
    """`--model` takes a name and version too."""
    code, out, _ = run("evaluate", "--model", small_model.ref)
    assert code == 0
    assert json.dumps(small_model.ref).strip('"') in out
