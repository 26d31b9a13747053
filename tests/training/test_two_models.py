"""Two models and one ledger: try the first, correct, train your own, correct, and retrain either."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import load_bundle
from tagdesk.models.storage import current, make_current
from tagdesk.models.taxonomy import Code, Taxonomy, Topic
from tagdesk.training.config import Config
from tagdesk.training.corpora.labels import OPEN
from tagdesk.training.learn.corrections import read_corrections
from tagdesk.training.learn.evidence import EVIDENCE
from tagdesk.training.train import train
from tests.training.conftest import DATA, SMALL, Run, WriteCorpus

Rows = list[dict[str, Any]]

OWN = {"conflict": "war", "economy": "business"}
"""What the second model calls otherwise; the other topics have one name in both."""

PROMISE = 0.8
"""What `auto` promises at the second desk."""

FIRST, SECOND = 57, 62
"""Corrections made under each."""


def topics_of(row: dict[str, Any]) -> list[str]:
    """Return the topics of an article at the desk of the second model: a crime is politics there."""
    return sorted({OWN.get(topic, "politics" if topic == "crime" else topic) for topic in row["topics"]})


@pytest.fixture(scope="module")
def desk_bundle(rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the second model's bundle: trained with a crime still called a crime."""
    folder = tmp_path_factory.mktemp("desk")
    lines = [row | {"topics": [OWN.get(topic, topic) for topic in row["topics"]]} for row in rows]
    (folder / "desk.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    names = sorted({topic for line in lines for topic in line["topics"]})
    taxonomy = Taxonomy(
        "desk", tuple(Topic(name, f"Our {name}", codes=(Code(f"desk:{name}", "exact"),)) for name in names)
    )
    fit = replace(SMALL.fit, precision_target=PROMISE)
    config = Config(name="desk", language="en", corpora=("desk.jsonl",), label_map="", fit=fit)
    return train(config, taxonomy, folder, folder / "store").bundle


@pytest.fixture
def desk(desk_bundle: Path, store: Path) -> TopicModel:
    """Return the second model, which lies current in the test's store beside the first."""
    shutil.copytree(desk_bundle, store / "desk" / desk_bundle.name)
    make_current(store, "desk", desk_bundle.name)
    return load_bundle(store / "desk" / desk_bundle.name)


@pytest.fixture
def under_first(rows: Rows, small_model: TopicModel) -> Rows:
    """Return the corrections made under the first model, of articles that were judged as a whole.

    None is of a crime: of that the two desks think otherwise, and a topic that both models have is one topic.
    """
    return [line(row, row["topics"], small_model.ref) for row in rows if "crime" not in row["topics"]][:FIRST]


@pytest.fixture
def under_second(rows: Rows, desk: TopicModel) -> Rows:
    """Return the corrections made under the second."""
    return [line(row, topics_of(row), desk.ref) for row in rows[-2 * SECOND :: 2]]


def line(row: dict[str, Any], topics: list[str], ref: str) -> dict[str, Any]:
    """Return a line of the ledger's export."""
    sent = {"id": f"sent-{row['id']}", "title": row["title"], "body": row["body"]}
    return sent | {"topics": topics, "complete": True, "model": ref, "editor": "anna"}


def errors(model: TopicModel, rows: Rows) -> float:
    """Return how many of the second model's topics are wrong or missing in an article that nobody corrected."""
    wrong, others = 0, rows[-2 * SECOND + 1 :: 2]
    for row in others:
        given = {result.topic.id for result in model.tag(Article(title=row["title"], body=row["body"])).topics}
        wrong += len(given ^ (set(topics_of(row)) & set(model.taxonomy.ids)))
    return wrong / len(others)


def candidate(store: Path, served: TopicModel) -> TopicModel:
    """Return the one other version of a model in the store, or the served one where there is none."""
    others = [path for path in (store / served.name).iterdir() if path.is_dir() and path.name != served.version]
    return load_bundle(others[0]) if others else served


def test_nobody_named_a_model_and_most_corrections_are_of_another(
    run: Run, store: Path, desk: TopicModel, under_first: Rows, under_second: Rows, write_corpus: WriteCorpus
) -> None:
    """Neither learns."""
    code, _, err = run("retrain", "--publish", "--corrections", str(write_corpus([*under_first, *under_second])))
    assert code == 2
    assert "most corrections were made under another model than small" in err
    assert "--model desk or --model small" in err
    assert candidate(store, desk) is desk


def test_what_is_served_is_what_learns(
    run: Run,
    store: Path,
    desk: TopicModel,
    under_first: Rows,
    under_second: Rows,
    write_corpus: WriteCorpus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the service's own setting."""
    monkeypatch.setenv("TAGDESK_MODEL", "desk")
    code, out, _ = run("retrain", "--corrections", str(write_corpus([*under_first, *under_second])))
    assert code == 0
    assert "desk@" in out
    assert "small@" not in out
    assert candidate(store, desk) is not desk


def test_the_others_corrections_alone_say_nothing_of_ones_own_topics(
    run: Run, store: Path, desk: TopicModel, under_first: Rows, rows: Rows, write_corpus: WriteCorpus
) -> None:
    """Not that they are wrong, either: nobody was asked about them, and they stay as they are."""
    export = str(write_corpus(under_first))
    corrections = read_corrections(export, desk.taxonomy, model="desk")
    own = [desk.taxonomy.column(topic) for topic in OWN.values()]
    assert (corrections.decisions[:, own] == OPEN).all()
    assert (corrections.decisions >= OPEN).all()
    assert sum(corrections.other_models.values()) == FIRST
    assert run("retrain", "--publish", "--model", "desk", "--corrections", export)[0] in {0, 2, 3}
    new = candidate(store, desk)
    assert np.array_equal(new.weights[:, own], desk.weights[:, own])
    assert errors(new, rows) <= errors(desk, rows) + 0.02


def test_corrections_under_a_model_of_another_language_teach_nothing(
    store: Path,
    desk: TopicModel,
    under_first: Rows,
    under_second: Rows,
    write_corpus: WriteCorpus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Although both models have some topics in common."""
    monkeypatch.setenv("TAGDESK_STORE", str(store))
    export = str(write_corpus([*under_first, *under_second]))
    corrections = read_corrections(export, desk.taxonomy, model="desk", language="fr-CA")
    assert sum(corrections.other_models.values()) == FIRST
    assert corrections.off_topic == FIRST
    assert len(corrections.ids) == SECOND


def test_of_both_models_corrections_each_counts_for_its_own(
    run: Run,
    store: Path,
    desk: TopicModel,
    under_first: Rows,
    under_second: Rows,
    rows: Rows,
    write_corpus: WriteCorpus,
) -> None:
    """The error falls as with one's own alone."""
    assert run("retrain", "--model", "desk", "--corrections", str(write_corpus(under_second, "own.jsonl")))[0] == 0
    alone = candidate(store, desk)
    shutil.rmtree(store / "desk" / alone.version)
    both = str(write_corpus([*under_first, *under_second], "both.jsonl"))
    assert run("retrain", "--model", "desk", "--corrections", both)[0] == 0
    together = candidate(store, desk)
    assert errors(alone, rows) < errors(desk, rows)
    assert errors(together, rows) < errors(desk, rows)
    assert errors(together, rows) < errors(alone, rows) + 0.05


def test_trained_anew_it_keeps_its_topics_and_its_promise(
    run: Run,
    store: Path,
    desk: TopicModel,
    under_second: Rows,
    rows: Rows,
    write_corpus: WriteCorpus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ids, names and codes; the first model's corpora, wherever they are, are not its own."""
    monkeypatch.setenv("CORPUS_DIR", str(DATA))
    export = str(write_corpus(under_second, "second.jsonl"))
    assert " adapted in " in run("retrain", "--model", "desk", "--corrections", export)[1]
    shutil.rmtree(store / "desk" / candidate(store, desk).version)
    labelled = [
        {"id": f"more-{row['id']}", "title": row["title"], "body": row["body"], "topics": topics_of(row)}
        for row in rows
    ]
    data = str(write_corpus(labelled, "more.jsonl"))
    code, out, _ = run("retrain", "--model", "desk", "--corrections", export, "--data", data)
    assert code == 0
    assert " trained anew in " in out
    anew = candidate(store, desk)
    before = {topic.id: topic for topic in desk.taxonomy.topics}
    assert [before[topic.id] for topic in anew.taxonomy.topics] == list(anew.taxonomy.topics)
    assert "war" in anew.taxonomy
    assert anew.manifest["fit"]["precision_target"] == PROMISE


def test_a_bundle_of_before_there_was_evidence_is_compared_on_corrections_and_that_is_said(
    run: Run, store: Path, desk: TopicModel, under_second: Rows, write_corpus: WriteCorpus
) -> None:
    (store / "desk" / desk.version / EVIDENCE).unlink()
    export = str(write_corpus(under_second))
    _, out, _ = run("retrain", "--publish", "--model", "desk", "--corrections", export)
    assert "nothing tells whether the model keeps the rest of what it knew" in out
    assert current(store, "small") is not None
