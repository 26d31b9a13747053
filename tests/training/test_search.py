"""`tagdesk search`: better settings within a budget, the best so far kept whatever happens."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tagdesk.command import main
from tagdesk.models.features import FeatureSettings
from tagdesk.models.taxonomy import load_taxonomy
from tagdesk.training.config import MANY_TOPICS, Config, FitSettings, load_config
from tagdesk.training.config_file import as_toml
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.judge.cross_validate import quality
from tagdesk.training.search import search
from tests.training.conftest import DATA, SMALL, WriteCorpus
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]

POOR = replace(SMALL, fit=FitSettings(min_df=10))
"""On our few articles n-grams of ten or more are too few: the search is sure to find better ones."""


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, str, Path]:
    """Run the real command until it has found something better, press Ctrl-C; return code, out, err and its folder."""
    folder = tmp_path_factory.mktemp("search")
    (folder / "poor.toml").write_text(as_toml(POOR, "poor"), encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "tagdesk", "search", "--config", "poor.toml", "--budget", "10m"],
        cwd=folder,
        env=os.environ | {"CORPUS_DIR": str(DATA), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        seen = "".join(until_adopted(process.stdout))
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers, too
        out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, seen + out, err, folder


def until_adopted(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if "adopted" in line:
            return


def test_interrupt_ends_it_with_the_best_so_far(interrupted: tuple[int, str, str, Path]) -> None:
    code, out, err, _ = interrupted
    assert code == 0
    assert "Traceback" not in err
    assert "Warning" not in err
    *_, best, saved = out.splitlines()
    assert best.startswith("best so far: micro-F1 0.")
    assert "train with it: tagdesk train --config var/search/small.toml --publish" in saved


def test_more_than_two_hundred_topics_are_refused(
    write_corpus: WriteCorpus, capsys: pytest.CaptureFixture[str]
) -> None:
    """Search keeps the scores of every article and topic."""
    random = np.random.default_rng(0)
    labels = [f"Topic {i}" for i in range(MANY_TOPICS + 20)]
    own = [[label for label in labels if random.random() < 0.5] for _ in range(60)]
    path = write_corpus([{"text": f"Article {i} of {labels[i]}.", "labels": some} for i, some in enumerate(own)])
    assert main(["search", "--data", str(path), "--budget", "1m"]) != 0
    assert "search is for models of up to 200 topics, and these articles have 2" in capsys.readouterr().err


def test_best_is_a_training_config_that_differs_in_what_was_searched(interrupted: tuple[int, str, str, Path]) -> None:
    *_, folder = interrupted
    found = load_config(folder / "var" / "search" / "small.toml")
    assert found.fit.min_df != POOR.fit.min_df
    fit = replace(POOR.fit, C=found.fit.C, min_df=found.fit.min_df)
    assert found == replace(POOR, fit=fit, features=found.features)


def test_table_has_a_row_for_each_of_the_lines_printed(interrupted: tuple[int, str, str, Path]) -> None:
    _, out, _, folder = interrupted
    table = (folder / "var" / "search" / "small.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) == out.count("  micro-F1 ") == table.count(" of the draws") + 1
    assert "the config's own" in rows[0]
    assert any("adopted, better in" in row for row in rows)


def test_nothing_is_left_half_written(interrupted: tuple[int, str, str, Path]) -> None:
    *_, folder = interrupted
    assert sorted(path.name for path in (folder / "var" / "search").iterdir()) == ["small.md", "small.toml"]


def test_sigterm_ends_it_with_its_own_settings_where_nothing_else_was_tried(tmp_path: Path) -> None:
    said: list[str] = []

    def stop(line: str) -> None:
        said.append(line)
        os.kill(os.getpid(), signal.SIGTERM)

    best = search(SMALL, load_taxonomy(), DATA, budget=600, say=stop, folder=tmp_path)
    assert len(said) == 1
    assert (best.changed, load_config(tmp_path / "small.toml")) == ("nothing", SMALL)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_budget_that_is_too_small_is_said_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{topic} text {i},{topic}\n" for topic in ("sport", "crime") for i in range(20))
    (tmp_path / "desk.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    assert main(["search", "--budget", "0s", "--data", "desk.csv"]) == 2
    assert "give it more time" in capsys.readouterr().err
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("budget", ["", "30", "m", "1.5h", "5m1h"])
def test_budget_that_is_no_time_is_refused(budget: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(["search", "--budget", budget])
    assert exited.value.code == 2
    assert "write it as 90s, 30m or 1h30m" in capsys.readouterr().err


def test_config_is_written_so_that_it_reads_the_same(tmp_path: Path) -> None:
    config = Config(
        name="desk",
        language="fr",
        corpora=('/été/a "b"\\c.csv', "d.jsonl"),
        labellers="Two\nlines – and 😀, \x7f and \t.",
        features=FeatureSettings(1, 3, 2.5, sublinear_tf=False),
        fit=FitSettings(C=1e-7, max_features=10**6),
        precision_targets={"sport": 0.8, "crime & courts": 0.95},
    )
    path = tmp_path / "desk.toml"
    path.write_text(as_toml(config, "nothing changed"), encoding="utf-8")
    assert load_config(path) == config


def test_cut_offs_are_chosen_by_the_other_folds() -> None:
    """Each fold's own best cut-off would be perfect; the other's gives everything, or nothing."""
    right = np.tile([YES, NO, NO, NO], 25)
    fold = np.repeat([0, 1], 50)
    scores = np.where(right[:100] == YES, 1.0, -1.0) + np.where(fold == 0, 0.0, 10.0)
    found = quality(scores[:, None], right[:100, None].astype(np.int8), fold, np.ones(100), 0)
    assert found.micro_f1 == pytest.approx(2 * 12.5 / (50 + 25), abs=0.03)


def test_better_scores_are_better_in_every_draw_and_equal_ones_in_none() -> None:
    random = np.random.default_rng(0)
    decisions = np.where(random.random((300, 3)) < 0.3, YES, NO).astype(np.int8)
    decisions[:20] = OPEN
    fold = np.arange(300) % 3
    good, poor = (
        quality(decisions + noise * random.normal(size=(300, 3)), decisions, fold, np.ones(300), 0)
        for noise in (0.1, 2)
    )
    assert (good.micro_f1, good.macro_f1) == (1.0, 1.0)
    assert good.average_precision == pytest.approx(1.0)
    assert (good.better_than(poor), poor.better_than(good), good.better_than(good)) == (1.0, 0.0, 0.0)
