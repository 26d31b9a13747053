"""Monday's loop from a shell: `python -m training retrain`, `publish`, `rollback`."""

import json
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import Article, TopicModel, load
from models.bundle import load_bundle, read_ngrams, save_bundle
from models.storage import current, make_current
from tests.training.conftest import DATA, WriteCorpus
from training.__main__ import main
from training.changes import CHANGES
from training.config import FitSettings
from training.corrections import read_corrections
from training.frozen_test import frozen_test
from training.labels import YES
from training.promote import PUBLISHED
from training.reference import REFERENCE, read_reference
from training.unseen import UNSEEN, unseen_confidences

CONFIG = 'name = "small"\nlanguage = "en"\ncorpora = ["articles.jsonl"]\nlicences = ["Our own articles: MIT"]\n'

Run = Callable[..., tuple[int, str, str]]
Rows = list[dict[str, Any]]


@pytest.fixture
def store(small_bundle: Path, tmp_path: Path) -> Path:
    """Return the store of the test, with a copy of the small model in it, current."""
    shutil.copytree(small_bundle.parents[1], tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def run(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a command on the test's store, in an empty folder without corpora or ledger."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in [name for name in os.environ if name.startswith("TAGDESK_") or name == "CORPUS_DIR"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TAGDESK_STORE", str(store))
    (tmp_path / "small.toml").write_text(CONFIG, encoding="utf-8")

    def command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["--config", str(tmp_path / "small.toml"), *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def taught(rows: Rows, write_corpus: WriteCorpus) -> str:
    """Return the export of a ledger: a desk that calls crime politics, from half of the articles in a ragged style."""
    return str(write_corpus([decided(row) for row in rows[1::2]], "export.jsonl"))


def decided(row: dict[str, Any]) -> dict[str, Any]:
    topics = ["politics" if topic == "crime" else topic for topic in row["topics"]]
    return {"id": f"desk-{row['id']}", "title": row["title"], "body": row["body"], "topics": topics, "editor": "anna"}


def errors(model: TopicModel, rows: Rows) -> float:
    """Return how many topics of an article are wrong or missed by the desk's rule."""
    wrong = 0
    for row in rows:
        given = {one.topic.id for one in model.tag(Article(title=row["title"], body=row["body"])).topics}
        wrong += len(given ^ (set(decided(row)["topics"]) & set(model.taxonomy.ids)))
    return wrong / len(rows)


def newest(store: Path, served: str) -> str:
    """Return the version in the store that is not the served one."""
    (found,) = [path.name for path in (store / "small").iterdir() if path.is_dir() and path.name != served]
    return found


def test_retrain_learns_from_the_ledger_alone(
    run: Run, store: Path, taught: str, rows: Rows, small_model: TopicModel
) -> None:
    """The candidate is better on articles that nobody corrected; it is in the store, and not served yet."""
    code, out, _ = run("retrain", "--corrections", taught)
    assert code == 0
    version = newest(store, small_model.version)
    assert f"small@{version} adapted in " in out
    assert f"it is not served yet: python -m training publish {version}" in out
    assert current(store, "small") == small_model.version
    candidate = load(f"small@{version}")
    assert errors(candidate, rows[::2]) < 0.75 * errors(small_model, rows[::2])
    how = candidate.manifest["adapted"]
    assert how["from"] == small_model.version
    assert how["articles"] + how["held_out"] == 140
    card = (store / "small" / version / "card.md").read_text(encoding="utf-8")
    assert card.startswith(f"# small@{version}\n")
    assert f"small@{small_model.version}, adapted " in card
    assert list(Path("var/reports").glob(f"*{version}.html"))


def test_gate_asks_corrections_as_if_they_were_not_learned(
    run: Run, store: Path, taught: str, small_model: TopicModel
) -> None:
    """Of each what models said that had not seen it, beside those held out; and so of the next candidate, too."""
    run("retrain", "--corrections", taught)
    folder = store / "small" / newest(store, small_model.version)
    candidate = load_bundle(folder)
    corrections = read_corrections(taught, small_model.taxonomy)
    test = corrections.test()
    unseen, clean = unseen_confidences(folder, candidate, corrections)
    seen = candidate.scores(corrections.texts)[1]
    assert clean.all()
    assert (unseen[test] == seen[test]).all()
    right = corrections.decisions[~test] == YES
    assert np.abs(unseen[~test] - right).sum() > np.abs(seen[~test] - right).sum()
    sets = frozen_test(small_model, store / "small" / small_model.version, candidate, folder, corrections)
    assert {one.name: len(one) for one in sets} == {
        "the reference set": 25,
        "held-out corrections": test.sum(),
        "corrections out of fold": (~test).sum(),
    }
    _, _, again = frozen_test(candidate, folder, candidate, folder, corrections)
    assert (again.served == again.candidate).all()


def test_corrections_that_a_model_was_trained_on_are_not_learned_again(
    run: Run, store: Path, taught: str, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """Nor do they tell how a model adapted from it does; and no editor's article is an anchor of it."""
    data = [{name: row[name] for name in ("id", "title", "body", "topics")} for row in rows]
    data = [{**row, "id": f"desk-{row['id']}"} for row in data]
    run("retrain", "--corrections", taught, "--data", str(write_corpus(data, "desk.jsonl")))
    first = newest(store, small_model.version)
    make_current(store, "small", first)
    more = write_corpus([decided(row) for row in [*rows[1::2], *rows[::4]]], "more.jsonl")
    code, out, _ = run("retrain", "--corrections", str(more))
    assert code == 0
    assert " adapted in " in out
    (version,) = {path.name for path in (store / "small").iterdir() if path.is_dir()} - {first, small_model.version}
    folders = store / "small" / first, store / "small" / version
    base, adapted = map(load_bundle, folders)
    corrections = read_corrections(str(more), base.taxonomy)
    before = np.isin(corrections.ids, read_corrections(taught, base.taxonomy).ids)
    test = corrections.test()
    assert adapted.manifest["adapted"]["articles"] == (~before & ~test).sum()
    assert (unseen_confidences(folders[1], adapted, corrections)[1] == (~before | test)).all()
    sets = {one.name: len(one) for one in frozen_test(base, folders[0], adapted, folders[1], corrections)}
    assert sets["corrections out of fold"] == (~before & ~test).sum()
    reference = read_reference(folders[0], base)
    assert reference is not None
    assert 100 < reference.anchors.shape[0] <= 140


def test_without_its_file_what_a_model_learned_tells_nothing(
    run: Run, store: Path, taught: str, small_model: TopicModel
) -> None:
    run("retrain", "--corrections", taught)
    folder = store / "small" / newest(store, small_model.version)
    (folder / UNSEEN).unlink()
    corrections = read_corrections(taught, small_model.taxonomy)
    sets = frozen_test(small_model, store / "small" / small_model.version, load_bundle(folder), folder, corrections)
    assert [one.name for one in sets] == ["the reference set", "held-out corrections"]


def test_damaged_unseen_confidences_are_said(run: Run, store: Path, taught: str, small_model: TopicModel) -> None:
    run("retrain", "--corrections", taught)
    version = newest(store, small_model.version)
    (store / "small" / version / UNSEEN).write_bytes(b"nothing")
    code, _, err = run("publish", version, "--corrections", taught)
    assert code == 2
    assert f"{UNSEEN} cannot be used" in err
    assert current(store, "small") == small_model.version


def test_published_model_is_adapted_from_what_it_was_made_of(run: Run, store: Path, taught: str, rows: Rows) -> None:
    """So no correction counts twice: retrained on the same ledger, it is the same model."""
    run("retrain", "--corrections", taught)
    first = newest(store, str(current(store, "small")))
    assert run("publish", first, "--corrections", taught, "--force")[0] == 0
    code, out, _ = run("retrain", "--corrections", taught)
    assert code == 0
    assert f"small@{first} adapted in " in out
    assert len([path for path in (store / "small").iterdir() if path.is_dir()]) == 2


def test_what_it_was_made_of_is_gone(run: Run, store: Path, taught: str, small_model: TopicModel) -> None:
    run("retrain", "--corrections", taught)
    first = newest(store, small_model.version)
    run("publish", first, "--corrections", taught, "--force")
    shutil.rmtree(store / "small" / small_model.version)
    code, _, err = run("retrain", "--corrections", taught)
    assert code == 2
    assert f"was adapted from small@{small_model.version}, which is no longer there" in err


def test_nothing_to_learn_from_is_one_sentence(run: Run, write_corpus: WriteCorpus, rows: Rows) -> None:
    """No corrections, too few, or a service that has no ledger yet."""
    for source, said in (
        (str(write_corpus([], "none.jsonl")), "nothing to learn from: 0 corrections"),
        (str(write_corpus([decided(row) for row in rows[:10]], "few.jsonl")), "from 20 on a model can be adapted"),
        ("", "there is no ledger at "),
    ):
        code, _, err = run("retrain", *(("--corrections", source) if source else ()))
        assert code == 2
        assert said in err
        assert "Traceback" not in err


def test_corrections_join_labelled_articles_and_count_more(
    run: Run, store: Path, taught: str, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """With --data the model is trained anew; a correction stands in place of what the data says of its article."""
    data = [{**row, "id": f"desk-{row['id']}"} for row in rows]
    path = write_corpus([{name: row[name] for name in ("id", "title", "body", "topics")} for row in data], "desk.jsonl")
    code, out, _ = run("retrain", "--corrections", taught, "--data", str(path))
    assert code == 0
    version = newest(store, small_model.version)
    assert f"small@{version} trained anew in " in out
    model = load(f"small@{version}")
    assert model.manifest["data"]["corrected"] == 140
    assert model.manifest["data"]["articles"] == 280
    assert model.manifest["fit"]["correction_weight"] == FitSettings().correction_weight
    assert (store / "small" / version / REFERENCE).exists()
    assert (store / "small" / version / CHANGES).exists()


def test_corpus_dir_is_trained_on_anew(
    run: Run, store: Path, taught: str, small_model: TopicModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the config's corpora are not in it, it says so."""
    monkeypatch.setenv("CORPUS_DIR", str(DATA))
    code, out, _ = run("retrain", "--corrections", taught)
    assert code == 0
    assert " trained anew in " in out
    monkeypatch.setenv("CORPUS_DIR", str(store))
    code, _, err = run("retrain", "--corrections", taught)
    assert code == 2
    assert "articles.jsonl not found in CORPUS_DIR" in err


def test_data_without_labels_gives_texts_only(run: Run, rows: Rows, write_corpus: WriteCorpus) -> None:
    """The ledger has kept no text: articles are found by their ids, and the model is adapted."""
    lines = [decided(row) | {"title": None, "body": None} for row in rows[1::2]]
    texts = [{"id": f"desk-{row['id']}", "title": row["title"], "body": row["body"], "labels": []} for row in rows]
    export, archive = write_corpus(lines, "export.jsonl"), write_corpus(texts[:200], "archive.jsonl")
    code, out, _ = run("retrain", "--corrections", str(export), "--data", str(archive))
    assert code == 0
    assert " adapted in " in out


def worse(store: Path, model: TopicModel, topic: str) -> str:
    """Write a version whose weights of one topic are in disorder, with the reference set; return it."""
    folder = store / model.name / model.version
    weights = model.weights.copy()
    column = model.taxonomy.column(topic)
    weights[:, column] = np.random.default_rng(0).permutation(weights[:, column])
    manifest = {**model.manifest, "trained": "2099-01-01T00:00:00+00:00"}
    bad = replace(model, version="worse", weights=weights, manifest=manifest)
    bundle = save_bundle(bad, read_ngrams(folder), "# small@worse\n", store)
    shutil.copy(folder / REFERENCE, bundle / REFERENCE)
    return bundle.name


@pytest.fixture
def none(write_corpus: WriteCorpus) -> str:
    """Return the export of an empty ledger."""
    return str(write_corpus([], "none.jsonl"))


def test_worse_candidate_is_refused(run: Run, store: Path, small_model: TopicModel, none: str) -> None:
    """Exit code 1; `CURRENT` stays; the reasons are beside the candidate and in the store's log."""
    bad = worse(store, load_bundle(store / "small" / small_model.version), "disaster")
    code, out, _ = run("publish", bad, "--corrections", none)
    assert (code, current(store, "small")) == (1, small_model.version)
    assert "against it: micro-F1 does not rise on the reference set (25 articles)" in out
    assert f"small@{bad} is refused, small@{small_model.version} goes on" in out
    gate = json.loads((store / "small" / bad / CHANGES).read_text(encoding="utf-8"))["gate"]
    assert gate["decision"] == "refused"
    assert any(reason.startswith("micro-F1 does not rise ") for reason in gate["reasons"])
    (line,) = (store / "small" / PUBLISHED).read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["decision"] == "refused"


def test_force_is_recorded_and_rollback_takes_it_back(
    run: Run, store: Path, small_model: TopicModel, none: str
) -> None:
    """Without a version the newest is published."""
    bad = worse(store, load_bundle(store / "small" / small_model.version), "disaster")
    code, out, _ = run("publish", "--force", "--corrections", none)
    assert (code, current(store, "small")) == (0, bad)
    assert "is current in " in out
    assert "by --force" in out
    assert json.loads((store / "small" / bad / CHANGES).read_text(encoding="utf-8"))["gate"]["decision"] == "forced"
    code, out, _ = run("publish", "--corrections", none)
    assert (code, out) == (0, f"small@{bad} is current already in {store}\n")
    code, out, _ = run("rollback")
    assert (code, current(store, "small")) == (0, small_model.version)
    assert f"small@{small_model.version} is current again" in out
    lines = [json.loads(line) for line in (store / "small" / PUBLISHED).read_text(encoding="utf-8").splitlines()]
    assert [line["decision"] for line in lines] == ["forced", "rolled back"]
    assert lines[1]["served"] == bad
    assert run("rollback")[0] == 2


def test_better_candidate_is_promoted(run: Run, store: Path, small_model: TopicModel, none: str) -> None:
    """The good model, where the worse one is served."""
    bad = worse(store, load_bundle(store / "small" / small_model.version), "disaster")
    make_current(store, "small", bad)
    code, out, _ = run("publish", small_model.version, "--corrections", none)
    assert (code, current(store, "small")) == (0, small_model.version)
    assert "micro-F1 " in out
    found = json.loads((store / "small" / small_model.version / CHANGES).read_text(encoding="utf-8"))
    assert found["gate"]["decision"] == "promoted"
    assert found["source"] == "reference set"


def test_without_a_reference_set_nothing_is_promoted_unseen(
    run: Run, store: Path, small_model: TopicModel, none: str
) -> None:
    bad = worse(store, load_bundle(store / "small" / small_model.version), "disaster")
    (store / "small" / bad / REFERENCE).unlink()
    code, _, err = run("publish", bad, "--corrections", none)
    assert code == 2
    assert "nothing to compare the two models on" in err
    assert current(store, "small") == small_model.version
    code, _, _ = run("publish", bad, "--corrections", none, "--force")
    assert (code, current(store, "small")) == (0, bad)


def test_reference_set_is_written_anew_from_the_corpora(
    run: Run, store: Path, small_model: TopicModel, small_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a bundle that has none; it is what training itself writes, and the bundle is as sound as before."""
    path = store / "small" / small_model.version / REFERENCE
    path.unlink()
    monkeypatch.setenv("CORPUS_DIR", str(DATA))
    code, out, _ = run("reference")
    assert code == 0
    assert f"{small_model.manifest['data']['held_out']} held-out articles and the anchors are in {path}" in out
    assert path.read_bytes() == (small_bundle / REFERENCE).read_bytes()
    assert load_bundle(path.parent).manifest["content_hash"] == small_model.manifest["content_hash"]


def test_says_how_far_it_has_come(run: Run, taught: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        _, _, err = run("retrain", "--corrections", taught)
    assert "140 corrections of 140 articles" in caplog.text
    assert "adapting small@" in caplog.text
    assert "trying priors: " in err
