"""Monday's loop from a shell: `tagdesk retrain`, `publish`, `rollback`."""

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagdesk.models import Article, TopicModel, load
from tagdesk.models.bundle import load_bundle, read_ngrams, save_bundle
from tagdesk.models.storage import current, make_current
from tagdesk.training.config import FitSettings
from tagdesk.training.corpora.labels import YES
from tagdesk.training.errors import CorpusError
from tagdesk.training.fits.fits import FOLDER
from tagdesk.training.judge.changes import CHANGES
from tagdesk.training.judge.pairs import pair
from tagdesk.training.learn.corrections import read_corrections
from tagdesk.training.learn.evidence import EVIDENCE, Evidence, article_keys, read_evidence, write_evidence
from tagdesk.training.promote import HELD_OR_REFUSED, PUBLISHED
from tests.training.conftest import DATA, Run, WriteCorpus, decided

Rows = list[dict[str, Any]]


@pytest.fixture
def taught(rows: Rows, write_corpus: WriteCorpus) -> str:
    """Return the export of a ledger: a desk that calls crime politics, from half of the articles in a ragged style."""
    return str(write_corpus([decided(row) for row in rows[1::2]], "export.jsonl"))


def errors(model: TopicModel, rows: Rows) -> float:
    """Return how many topics of an article are wrong or missed by the desk's rule."""
    wrong = 0
    for row in rows:
        predicted = {result.topic.id for result in model.tag(Article(title=row["title"], body=row["body"])).topics}
        wrong += len(predicted ^ (set(decided(row)["topics"]) & set(model.taxonomy.ids)))
    return wrong / len(rows)


def newest(store: Path, served: str) -> str:
    """Return the version in the store that is not the served one."""
    (version,) = [path.name for path in (store / "small").iterdir() if path.is_dir() and path.name != served]
    return version


def test_retrain_learns_from_the_ledger_alone(
    run: Run, store: Path, taught: str, rows: Rows, small_model: TopicModel
) -> None:
    """The candidate is better on articles that nobody corrected; it is in the store, and not served yet."""
    code, out, _ = run("retrain", "--corrections", taught)
    assert code == 0
    version = newest(store, small_model.version)
    assert f"small@{version} adapted in " in out
    assert f"it is not served yet: tagdesk publish --model small {version}" in out
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


def test_a_few_dozen_corrections_take_no_auto_band_away(
    run: Run, store: Path, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """Confidences and cut-offs rest on all evidence, and not on the corrections alone."""
    run("retrain", "--corrections", str(write_corpus([decided(row) for row in rows[1:80:2]])))
    candidate = load(f"small@{newest(store, small_model.version)}")
    bands = [
        {
            topic
            for topic, calibration in zip(model.taxonomy.ids, model.calibrations, strict=True)
            if calibration.auto is not None
        }
        for model in (small_model, candidate)
    ]
    assert len(bands[0]) >= 5
    assert bands[0] - {"crime", "politics"} <= bands[1]


def left_behind(path: Path) -> Path:
    """Write the draft that a killed writer of a file leaves beside it."""
    draft = path.with_name(f".{path.name}.ab12cd34")
    draft.write_bytes(b"what editors decided")
    return draft


def test_what_is_shipped_has_nothing_of_editors(
    run: Run, store: Path, taught: str, small_model: TopicModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither rows of the evidence nor what a candidate changed, nor a draft of either."""
    run("retrain", "--corrections", taught)
    version = newest(store, small_model.version)
    drafts = [left_behind(store / "small" / version / name) for name in (CHANGES, EVIDENCE)]
    make_current(store, "small", version)
    monkeypatch.setattr("tagdesk.training.commands.SHIPPED", tmp_path / "shipped")
    assert run("ship")[0] == 0
    shipped = tmp_path / "shipped" / "small" / version
    corrected = article_keys(read_corrections(taught, small_model.taxonomy).ids)
    assert np.isin(corrected, evidence_of(store / "small" / version).keys).all()
    assert not np.isin(corrected, evidence_of(shipped).keys).any()
    assert len(evidence_of(shipped))
    assert not (shipped / CHANGES).exists()
    assert {path.name for path in shipped.iterdir()}.isdisjoint(draft.name for draft in drafts)


def evidence_of(folder: Path) -> Evidence:
    evidence = read_evidence(folder, load_bundle(folder))
    assert evidence is not None
    return evidence


def test_evidence_moves_with_the_weights_and_takes_the_corrections_in(
    run: Run, store: Path, taught: str, small_model: TopicModel
) -> None:
    """Of the corpora's articles the scores, of the corrections what models said that had not seen them."""
    run("retrain", "--corrections", taught)
    folder = store / "small" / newest(store, small_model.version)
    candidate, corrections = load_bundle(folder), read_corrections(taught, small_model.taxonomy)
    before, after = evidence_of(store / "small" / small_model.version), evidence_of(folder)
    moved = before.moved(small_model, candidate)
    corpus = after.rows(~after.editor)
    np.testing.assert_allclose(corpus.scores, moved.scores[moved.places(corpus.keys)], atol=1e-4)
    corrected = after.rows(after.places(article_keys(corrections.ids)))
    assert (corrected.test == corrections.test()).all()
    assert not corrected.fair.any()
    seen = candidate.scores(corrections.texts)[0]
    of_corpus = moved.scores[moved.places(article_keys(name.removeprefix("desk-") for name in corrections.ids))]
    np.testing.assert_allclose(corrected.scores[corrected.test], of_corpus[corrected.test], atol=1e-2)
    right = corrected.decisions == YES
    apart = [
        np.abs(candidate.confidences(scores)[~corrected.test] - right[~corrected.test]).sum()
        for scores in (corrected.scores, seen)
    ]
    assert apart[0] > apart[1]


def test_a_text_of_the_corpora_that_an_editor_corrects_under_another_id_is_the_editors(
    run: Run, store: Path, taught: str, small_model: TopicModel
) -> None:
    """Its row in the corpora goes, or it would be evidence for and against what the editor decided."""
    run("retrain", "--corrections", taught)
    after = evidence_of(store / "small" / newest(store, small_model.version))
    names = read_corrections(taught, small_model.taxonomy).ids
    assert (after.places(article_keys(name.removeprefix("desk-") for name in names)) == -1).all()
    assert after.editor[after.places(article_keys(names))].all()
    assert (~after.editor).sum() == 140


def test_the_gate_asks_every_article_as_if_it_were_not_learned(
    run: Run, store: Path, taught: str, small_model: TopicModel
) -> None:
    """On the second Monday, too, when the served model has learned from the same corrections."""
    run("retrain", "--corrections", taught)
    served_folder, folder = (
        store / "small" / name for name in (small_model.version, newest(store, small_model.version))
    )
    candidate, corrections = load_bundle(folder), read_corrections(taught, small_model.taxonomy)
    first = pair(small_model, served_folder, candidate, folder, corrections)
    served = evidence_of(served_folder)
    corrected_too = np.isin(served.keys, article_keys(name.removeprefix("desk-") for name in corrections.ids))
    assert (len(first), first.editor.sum()) == ((served.test & ~corrected_too).sum() + 140, 140)
    second = pair(candidate, folder, candidate, folder, corrections)
    assert (second.served == second.candidate).all()
    order = np.argsort(first.keys)
    np.testing.assert_allclose(first.candidate[order], second.candidate[np.argsort(second.keys)], atol=1e-6)


def test_what_each_editor_achieved_is_not_lost_on_the_second_monday(
    run: Run, store: Path, taught: str, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """Both models are asked as if unseen: with one correction more, nobody is told to have made it worse."""
    run("retrain", "--corrections", taught)
    first = newest(store, small_model.version)
    mondays = [json.loads((store / "small" / first / CHANGES).read_text(encoding="utf-8"))["editors"]]
    make_current(store, "small", first)
    lines = [json.loads(line) for line in Path(taught).read_text(encoding="utf-8").splitlines()]
    run("retrain", "--corrections", str(write_corpus([*lines, decided(rows[0])], "more.jsonl")))
    (second,) = {path.name for path in (store / "small").iterdir() if path.is_dir()} - {first, small_model.version}
    mondays.append(json.loads((store / "small" / second / CHANGES).read_text(encoding="utf-8"))["editors"])
    before = [sum(row["errors_before"] for row in editors) for editors in mondays]
    after = [sum(row["errors_after"] for row in editors) for editors in mondays]
    assert after[0] < 0.8 * before[0]
    assert after[1] <= before[1] + 3


def test_a_retraining_that_changes_nothing_writes_nothing(
    run: Run, store: Path, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """The served bundle stays as it was, and the same corrections can be learned from another day."""
    agreed = []
    for row in rows[:60]:
        given = small_model.tag(Article(title=row["title"], body=row["body"])).topics
        agreed.append(decided(row) | {"topics": [result.topic.id for result in given]})
    export = str(write_corpus(agreed, "agreed.jsonl"))
    folder = store / "small" / small_model.version
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code, out, _ = run("retrain", "--publish", "--corrections", export)
    assert code == 0
    assert f"small@{small_model.version} stays: the corrections do not change it" in out
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in (store / "small").iterdir() if path.is_dir()] == [small_model.version]
    assert not (store / "small" / PUBLISHED).exists()


def test_an_editor_left_out_is_not_left_in_what_is_served(
    run: Run, store: Path, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """Where what is left changes nothing, the way back to what the served model was adapted from is said.

    After what is said of the editors, by which others may be chosen.
    """
    agreed = [
        decided(row) | {"topics": ["weather" if "sport" in row["topics"] else "sport"], "editor": "cleo"}
        for row in rows[:5]
    ]
    for row in rows[:60]:
        given = small_model.tag(Article(title=row["title"], body=row["body"])).topics
        agreed.append(decided(row) | {"topics": [result.topic.id for result in given], "editor": "ben"})
    export = str(write_corpus([*agreed, *(decided(row) for row in rows[61::2])], "both.jsonl"))
    run("retrain", "--corrections", export)
    make_current(store, "small", newest(store, small_model.version))
    code, out, _ = run("retrain", "--publish", "--corrections", export, "--without", "anna")
    assert code == HELD_OR_REFUSED
    assert "ben overruled cleo on 5 articles\n" in out
    assert out.endswith(f"to go back to it: tagdesk publish --model small {small_model.version} --force\n")
    assert run("publish", "--model", "small", small_model.version, "--force", "--corrections", export)[0] == 0
    assert current(store, "small") == small_model.version


def test_what_the_base_knew_already_is_scored_as_if_unseen(
    run: Run, store: Path, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """An article of the corpora that an editor corrects keeps its score out of fold, moved by the change alone."""
    lines = [decided(row) | {"id": row["id"]} for row in rows]
    run("retrain", "--corrections", str(write_corpus(lines, "same.jsonl")))
    folder = store / "small" / newest(store, small_model.version)
    before, after = evidence_of(store / "small" / small_model.version), evidence_of(folder)
    assert after.editor.all()
    sport = small_model.taxonomy.column("sport")  # which no editor corrected: its weights stay
    np.testing.assert_allclose(after.scores[after.places(before.keys), sport], before.scores[:, sport], atol=1e-3)


def test_what_an_editor_did_not_judge_of_an_article_of_the_corpora_is_still_known(
    run: Run, store: Path, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """A correction that tells only changes leaves it a sample of what the model does."""
    lines = []
    for row in rows:
        crime = "crime" in row["topics"]
        judged = {"topics": None, "accepted": [], "added": ["politics"] * crime, "rejected": ["crime"] * crime}
        lines.append({**decided(row), "id": row["id"], "complete": False, **judged})
    run("retrain", "--corrections", str(write_corpus(lines, "changes.jsonl")))
    before = evidence_of(store / "small" / small_model.version)
    after = evidence_of(store / "small" / newest(store, small_model.version))
    both = np.intersect1d(before.keys, after.keys[after.editor])
    before, after = before.rows(before.places(both)), after.rows(after.places(both))
    changed = [small_model.taxonomy.column(topic) for topic in ("crime", "politics")]
    assert len(both) > 20
    assert after.is_sample.all()
    assert (np.delete(after.decisions, changed, axis=1) == np.delete(before.decisions, changed, axis=1)).all()


def test_corrections_that_a_model_was_trained_on_are_not_learned_again(
    run: Run, store: Path, taught: str, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """An adaptation of it learns from the others alone, and they tell how it does unseen all the same."""
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
    base, adapted = (load_bundle(store / "small" / name) for name in (first, version))
    corrections = read_corrections(str(more), base.taxonomy)
    before = np.isin(corrections.ids, read_corrections(taught, base.taxonomy).ids)
    assert adapted.manifest["adapted"]["articles"] == (~before & ~corrections.test()).sum()
    assert np.isin(article_keys(corrections.ids), evidence_of(store / "small" / version).keys).all()


def test_without_evidence_corrections_alone_are_compared(
    run: Run, store: Path, taught: str, small_model: TopicModel
) -> None:
    """And that is said; the model learns, but its cut-offs stay."""
    (store / "small" / small_model.version / EVIDENCE).unlink()
    run("retrain", "--corrections", taught)
    version = newest(store, small_model.version)
    assert load(f"small@{version}").calibrations == small_model.calibrations
    _, out, _ = run("publish", version, "--corrections", taught)
    assert "nothing tells whether the model keeps the rest of what it knew" in out


def test_damaged_evidence_is_said(run: Run, store: Path, taught: str, small_model: TopicModel) -> None:
    run("retrain", "--corrections", taught)
    version = newest(store, small_model.version)
    (store / "small" / version / EVIDENCE).write_bytes(b"nothing")
    code, _, err = run("publish", version, "--corrections", taught)
    assert code == 2
    assert f"{EVIDENCE} cannot be used" in err
    assert current(store, "small") == small_model.version


def test_what_is_erased_is_forgotten_beside_the_models(
    run: Run, store: Path, taught: str, write_corpus: WriteCorpus, small_model: TopicModel, capsys: Any
) -> None:
    """The command says where it was, and finds nothing the second time."""
    run("retrain", "--corrections", taught)
    folder = store / "small" / newest(store, small_model.version)
    lines = [json.loads(line) for line in Path(taught).read_text(encoding="utf-8").splitlines()]
    left = str(write_corpus(lines[:100], "left.jsonl"))
    (report,) = Path("var/reports").iterdir()
    drafts = [left_behind(path) for path in (folder / CHANGES, folder / EVIDENCE, report)]
    (interrupted := store / FOLDER / "0123").mkdir(parents=True)
    code, out, _ = run("forget", "--corrections", left)
    assert code == 0
    assert f"{interrupted}: the fits of a training that was interrupted" in out
    assert not interrupted.exists()
    assert f"{folder / EVIDENCE}: 40 articles" in out
    assert f"{report}: the whole report" in out
    assert not report.exists()
    assert all(f"{draft}: the whole draft" in out for draft in drafts)
    assert not any(draft.exists() for draft in drafts)
    gone = article_keys([line["id"] for line in lines[100:]])
    assert not np.isin(gone, evidence_of(folder).keys).any()
    content = json.loads((folder / CHANGES).read_text(encoding="utf-8"))
    assert {row["id"] for row in content["strongest"]} <= {line["id"] for line in lines[:100]}
    assert "has anything that is not in the ledger" in run("forget", "--corrections", left)[1]


def test_another_models_corrections_say_nothing_of_what_they_do_not_name(
    run: Run,
    store: Path,
    rows: Rows,
    write_corpus: WriteCorpus,
    small_model: TopicModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One ledger, two models: of another's corrections the topics that are ours count, and their silence does not.

    Where most are another's the model to teach must be named, by option or as the one that is served.
    """
    other = [decided(row) | {"model": "desk@1", "topics": ["sport", "chess"]} for row in rows[:30]]
    strange = [decided(row) | {"model": "desk@1", "topics": ["chess"]} for row in rows[30:60]]
    export = str(write_corpus([*other, *strange], "two.jsonl"))
    corrections = read_corrections(export, small_model.taxonomy, model="small")
    assert len(corrections.ids) == 30
    assert corrections.off_topic == 30
    sport = small_model.taxonomy.column("sport")
    assert (corrections.decisions[:, sport] == YES).all()
    assert (np.delete(corrections.decisions, sport, axis=1) == 0).all()
    code, _, err = run("retrain", "--corrections", export)
    assert code == 2
    assert "most corrections were made under another model than small" in err
    assert "say which model is to learn: --model desk or --model small" in err
    assert current(store, "small") == small_model.version
    monkeypatch.setenv("TAGDESK_MODEL", "small")
    assert run("retrain", "--corrections", export)[0] == 0


def test_an_editor_can_be_left_out(rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel) -> None:
    """By the editor's name, or that of the key that sent it."""
    lines = [decided(row) | {"editor": name} for name, row in zip(("anna", "ben", None), rows, strict=False)]
    lines[2]["sender"] = "cms"
    export = str(write_corpus(lines, "three.jsonl"))
    for without, left in (({"ben"}, ("anna", "cms")), ({"cms"}, ("anna", "ben"))):
        corrections = read_corrections(export, small_model.taxonomy, without=without)
        assert (corrections.editors, corrections.left_out) == (left, 1)
    with pytest.raises(CorpusError, match="no correction is by nobody: nobody is left out"):
        read_corrections(export, small_model.taxonomy, without={"nobody"})


def test_published_model_is_adapted_from_what_it_was_made_of(run: Run, store: Path, taught: str, rows: Rows) -> None:
    """So no correction counts twice: retrained on the same ledger, it is the same model."""
    run("retrain", "--corrections", taught)
    first = newest(store, str(current(store, "small")))
    assert run("publish", first, "--corrections", taught, "--force")[0] == 0
    code, out, _ = run("retrain", "--corrections", taught)
    assert code == 0
    assert f"small@{first} stays: " in out
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
    for source, message in (
        (str(write_corpus([], "none.jsonl")), "nothing to learn from: 0 corrections"),
        (str(write_corpus([decided(row) for row in rows[:10]], "few.jsonl")), "from 20 on a model can be adapted"),
        ("", "there is no ledger at "),
    ):
        code, _, err = run("retrain", *(("--corrections", source) if source else ()))
        assert code == 2
        assert message in err
        assert "Traceback" not in err


def test_corrections_join_labelled_articles_and_count_more(
    run: Run, store: Path, taught: str, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """With --data the model is trained anew; a correction stands in place of what the data says of its article."""
    names = {"id": "nr", "title": "aa", "body": "bb", "topics": "my desk"}
    data = [{**row, "id": f"desk-{row['id']}"} for row in rows]
    path = write_corpus([{own: row[name] for name, own in names.items()} for row in data], "desk.jsonl")
    columns = " ".join(f"{name}={own}" for name, own in names.items())
    code, out, _ = run("retrain", "--corrections", taught, "--data", str(path), "--columns", columns)
    assert code == 0
    version = newest(store, small_model.version)
    assert f"small@{version} trained anew in " in out
    model = load(f"small@{version}")
    assert model.manifest["data"]["corrected"] == 140
    assert model.manifest["data"]["articles"] == 280
    assert model.manifest["fit"]["correction_weight"] == FitSettings().correction_weight
    evidence = evidence_of(store / "small" / version)
    assert evidence.editor.sum() == 140
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


def test_a_correction_that_decides_nothing_is_left_out_of_training_anew(
    run: Run,
    store: Path,
    rows: Rows,
    write_corpus: WriteCorpus,
    small_model: TopicModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It names only a topic that the model lacks; one in ten of the others is kept for the test all the same."""
    nothing = {"topics": None, "accepted": [], "rejected": [], "added": ["chess"], "complete": False}
    lines = [decided(rows[0]) | nothing, *(decided(row) for row in rows[1::2])]
    export = str(write_corpus(lines, "open.jsonl"))
    monkeypatch.setenv("CORPUS_DIR", str(DATA))
    code, out, _ = run("retrain", "--corrections", export)
    assert code == 0, out
    evidence = evidence_of(store / "small" / newest(store, small_model.version))
    corrections = read_corrections(export, small_model.taxonomy)
    learned = np.flatnonzero(corrections.decisions.any(axis=1))
    assert (len(corrections.ids), len(learned)) == (141, 140)
    places = evidence.places(article_keys([corrections.ids[i] for i in learned]))
    assert evidence.test[places[corrections.test()[learned]]].all()


def test_data_without_labels_gives_texts_only(run: Run, rows: Rows, write_corpus: WriteCorpus) -> None:
    """The ledger has kept no text: articles are found by their ids, and the model is adapted."""
    lines = [decided(row) | {"title": None, "body": None} for row in rows[1::2]]
    texts = [{"id": f"desk-{row['id']}", "title": row["title"], "body": row["body"], "labels": []} for row in rows]
    export, archive = write_corpus(lines, "export.jsonl"), write_corpus(texts[:200], "archive.jsonl")
    code, out, _ = run("retrain", "--corrections", str(export), "--data", str(archive))
    assert code == 0
    assert " adapted in " in out


def worse(store: Path, model: TopicModel, topic: str) -> str:
    """Write a version whose weights of one topic are in disorder, with its evidence; return it."""
    folder = store / model.name / model.version
    weights = model.dense.copy()
    column = model.taxonomy.column(topic)
    weights[:, column] = np.random.default_rng(0).permutation(weights[:, column])
    manifest = {**model.manifest, "trained": "2099-01-01T00:00:00+00:00"}
    bad = replace(model, version="worse", weights=weights, manifest=manifest)
    bundle = save_bundle(bad, read_ngrams(folder), "# small@worse\n", store)
    write_evidence(bundle, bad, evidence_of(folder).moved(model, bad))
    return bundle.name


@pytest.fixture
def none(write_corpus: WriteCorpus) -> str:
    """Return the export of an empty ledger."""
    return str(write_corpus([], "none.jsonl"))


def test_a_candidate_that_does_not_pass_leaves_the_served_model(
    run: Run, store: Path, small_model: TopicModel, none: str
) -> None:
    """An exit code of its own; the record is beside the candidate and in the store's log; words say what to do."""
    bad = worse(store, load_bundle(store / "small" / small_model.version), "disaster")
    code, out, _ = run("publish", bad, "--corrections", none)
    assert (code, current(store, "small")) == (HELD_OR_REFUSED, small_model.version)
    assert f"small@{small_model.version} stays." in out
    assert "Where a desk disagrees with the corpora on purpose, this is the usual result" in out
    assert f"tagdesk publish --model small {bad} --force" in out
    gate = json.loads((store / "small" / bad / CHANGES).read_text(encoding="utf-8"))["gate"]
    assert gate["decision"] in {"held", "refused"}
    assert gate["reasons"]
    (line,) = (store / "small" / PUBLISHED).read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["decision"] == gate["decision"]


def test_force_is_recorded_and_rollback_takes_it_back(
    run: Run, store: Path, small_model: TopicModel, none: str
) -> None:
    """Without a version the newest is published."""
    bad = worse(store, load_bundle(store / "small" / small_model.version), "disaster")
    code, out, _ = run("publish", "--force", "--corrections", none)
    assert (code, current(store, "small")) == (0, bad)
    assert f"Forced: small@{bad} is current in " in out
    assert json.loads((store / "small" / bad / CHANGES).read_text(encoding="utf-8"))["gate"]["decision"] == "forced"
    code, out, _ = run("publish", "--corrections", none)
    assert (code, out) == (0, f"small@{bad} is already current in {store}\n")
    code, out, _ = run("rollback")
    assert (code, current(store, "small")) == (0, small_model.version)
    assert f"small@{small_model.version} is current again" in out
    lines = [json.loads(line) for line in (store / "small" / PUBLISHED).read_text(encoding="utf-8").splitlines()]
    assert [line["decision"] for line in lines] == ["forced", "rolled back"]
    assert lines[1]["served"] == bad
    assert run("rollback")[0] == 2


def test_a_retrained_model_that_is_better_is_promoted(
    run: Run, store: Path, taught: str, small_model: TopicModel
) -> None:
    """One command learns, asks the gate and publishes; the desk that decides otherwise gets its way."""
    code, out, _ = run("retrain", "--publish", "--corrections", taught)
    version = newest(store, small_model.version)
    assert (code, current(store, "small")) == (0, version), out
    assert f"Promoted: small@{version} is current in {store}." in out
    assert "better: " in out
    content = json.loads((store / "small" / version / CHANGES).read_text(encoding="utf-8"))
    assert (content["gate"]["decision"], content["gate"]["verdict"]) == ("promoted", "promote")


def test_without_anything_to_compare_on_nothing_is_published(
    run: Run, store: Path, small_model: TopicModel, none: str
) -> None:
    bad = worse(store, load_bundle(store / "small" / small_model.version), "disaster")
    (store / "small" / bad / EVIDENCE).unlink()
    code, _, err = run("publish", bad, "--corrections", none)
    assert code == 2
    assert "nothing to compare the two models on" in err
    assert current(store, "small") == small_model.version
    code, _, _ = run("publish", bad, "--corrections", none, "--force")
    assert (code, current(store, "small")) == (0, bad)


def test_says_how_far_it_has_come(run: Run, taught: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        _, _, err = run("retrain", "--corrections", taught)
    assert "140 corrections of 140 articles" in caplog.text
    assert "adapting small@" in caplog.text
    assert "trying priors: " in err
