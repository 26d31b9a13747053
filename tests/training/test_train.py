"""From a corpus to a bundle: what is learned, left out, warned of and written down."""

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagdesk.models import Article, Taxonomy, Topic, TopicModel
from tagdesk.models.bundle import CARD, load_bundle
from tagdesk.models.calibration import Calibration
from tagdesk.models.taxonomy import load_taxonomy
from tagdesk.training.config import Config, FitSettings
from tagdesk.training.corpora.labels import NO, YES
from tagdesk.training.corpora.never_train import never_train_ids
from tagdesk.training.errors import CorpusError, LabelMapError, TrainingError
from tagdesk.training.learn.corrections import read_corrections
from tagdesk.training.learn.training_set import read_training_set
from tagdesk.training.report.card import card
from tagdesk.training.train import train
from tests.training.conftest import DATA, SMALL, WriteCorpus

OURS = {"conflict", "crime", "diplomacy", "disaster", "economy", "health", "politics", "sport"}
PAIR = Taxonomy(
    "pair",
    (
        Topic("world", "World"),
        Topic("body", "Body"),
        Topic("sport", "Sport", parent="world"),
        Topic("health", "Health", parent="body"),
    ),
)
QUICK = FitSettings(min_df=2, folds=2)


def config(*corpora: str, **more: Any) -> Config:
    return Config(name="pair", language="en", corpora=corpora, fit=QUICK, **more)


def pair(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the articles that are about sport or health and nothing else that PAIR lacks."""
    return [row for row in rows if set(row["topics"]) <= {"sport", "health"}]


def empty(store: Path) -> bool:
    return not [path for path in store.rglob("*") if path.is_file()]


def test_topics_without_articles_are_left_out(small_model: TopicModel) -> None:
    """In the order of the taxonomy, with their codes and the parents that are left."""
    default = load_taxonomy()
    assert small_model.taxonomy.topics == tuple(topic for topic in default.topics if topic.id in OURS)


def test_topic_left_out_is_warned_of_and_its_child_loses_its_parent(
    rows: list[dict[str, Any]], write_corpus: WriteCorpus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`body` has four articles, too few; `world` has none."""
    some = pair(rows)
    for row in some[:4]:
        some.append(row | {"id": f"{row['id']}-b", "topics": ["body"]})
    path = write_corpus(some)
    with caplog.at_level(logging.WARNING):
        model = load_bundle(train(config(path.name), PAIR, path.parent, tmp_path / "store").bundle)
    assert [(topic.id, topic.parent) for topic in model.taxonomy.topics] == [("sport", None), ("health", None)]
    sentence = "2 topics with too few articles (under 5 to learn from) left out: World, Body"
    assert sentence in caplog.text
    assert model.manifest["data"]["left_out"] == [sentence]


def test_training_makes_no_topic_of_the_held_out_articles(small_model: TopicModel, rows: list[dict[str, Any]]) -> None:
    """A word that only held-out articles have is not learned."""
    data = read_training_set(SMALL, load_taxonomy(), DATA)
    assert 15 < data.test.sum() < 45
    assert data.ids == tuple(row["id"] for row in rows)
    figures = small_model.manifest["metrics"]
    assert figures["held_out"]["articles"] == data.test.sum() == small_model.manifest["data"]["held_out"]
    assert figures["out_of_fold"]["articles"] == 280 - data.test.sum()


def test_model_tells_the_held_out_articles(small_model: TopicModel) -> None:
    """The articles come four to a scenario, so this says that the parts fit together and nothing about real news."""
    figures = small_model.manifest["metrics"]
    assert figures["held_out"]["micro_f1"] > 0.7
    assert figures["out_of_fold"]["micro_f1"] > 0.7
    assert set(figures["topics"]) == OURS


def test_figures_of_the_manifest_are_those_of_tagging(small_model: TopicModel) -> None:
    data = read_training_set(SMALL, load_taxonomy(), DATA)
    test = [article for article, kept in zip(data.articles, data.test, strict=True) if kept]
    tagged = list(small_model.tag_many(test))
    assert sum(not one.topics for one in tagged) == small_model.manifest["metrics"]["held_out"]["untagged"]


def test_manifest_says_where_the_model_comes_from(small_model: TopicModel) -> None:
    manifest = small_model.manifest
    (corpus,) = manifest["data"]["corpora"]
    assert corpus["name"] == "articles"
    assert corpus["sha256"] == hashlib.sha256((DATA / "articles.jsonl").read_bytes()).hexdigest()
    assert (corpus["articles"], corpus["never_train"]) == (280, 0)
    assert manifest["data"]["licences"] == ["Our own articles: MIT"]
    assert manifest["fit"]["seed"] == 0
    assert {"python", "numpy", "scikit-learn", "numba"} <= set(manifest["libraries"])
    assert len(manifest["code"]) == 64
    assert json.loads(json.dumps(manifest)) == manifest


def test_card_tells_data_licences_figures_and_limits(small_bundle: Path, small_model: TopicModel) -> None:
    text = (small_bundle / CARD).read_text(encoding="utf-8")
    assert text.startswith(f"# {small_model.ref}\n")
    for said in (
        "280 articles",
        "- Our own articles: MIT",
        "Weak topics (F1 under 0.65): none",
        "## Not for",
        "8 topics and nothing finer",
    ):
        assert said in text
    for topic in OURS:
        assert f"\n| {topic} | " in text


def test_card_names_weak_topics_and_those_without_an_auto_band(small_model: TopicModel) -> None:
    manifest = json.loads(json.dumps(small_model.manifest))
    manifest["metrics"]["topics"]["sport"]["f1"] = 0.64
    manifest["metrics"]["topics"]["crime"]["f1"] = 0.2
    bare = tuple(Calibration(one.slope, one.offset, one.suggest) for one in small_model.calibrations)
    text = card(replace(small_model, manifest=manifest, calibrations=bare), ["a"])
    assert "Weak topics (F1 under 0.65): crime, sport." in text
    assert f"promised): {', '.join(small_model.taxonomy.ids)}." in text


def test_card_says_what_auto_promises_and_how_it_was_kept(small_model: TopicModel) -> None:
    record = small_model.manifest["metrics"]["auto"]
    text = card(small_model, ["a"])
    assert "The promise: of all topics that `auto` gives, a share of " in text
    assert f"On {record['articles']:,} such articles {record['right']:,} of {record['given']:,} were right (" in text
    assert f"lower bound {record['bound']:.3f}" in text
    assert record["bound"] >= small_model.manifest["fit"]["precision_target"]


def test_card_says_who_gave_the_full_labels_where_the_config_does(small_model: TopicModel) -> None:
    assert "\n\nTwo editors gave the full labels.\n\n" in card(small_model, ["a"], "Two editors gave the full labels.")
    assert "full labels" not in card(small_model, ["a"])


def test_card_lists_the_earlier_versions_of_the_config(small_model: TopicModel) -> None:
    text = card(small_model, ["a"], earlier=["2026-11-23, 1a2b3c4d: the first", "2026-11-24, 5e6f7a8b: the second"])
    assert (
        "\n\n## Earlier versions\n\n- 2026-11-23, 1a2b3c4d: the first\n- 2026-11-24, 5e6f7a8b: the second\n\n" in text
    )
    assert "## Earlier versions" not in card(small_model, ["a"])


def test_training_set_leaves_out_what_may_never_be_trained_on(
    rows: list[dict[str, Any]], write_corpus: WriteCorpus
) -> None:
    """Whatever the file is called and whoever labelled it."""
    forbidden = ["wpce-2025-09-14-01", *sorted(never_train_ids())[:2]]
    some = pair(rows)[:20] + [row | {"id": one} for row, one in zip(rows, forbidden, strict=False)]
    path = write_corpus(some, "mine.jsonl")
    taxonomy = load_taxonomy()
    data = read_training_set(config(path.name), taxonomy, path.parent)
    assert not set(forbidden) & set(data.ids)
    assert data.corpora[0].account.never_train == 3


def test_labels_of_a_corpus_go_through_its_map_and_open_articles_are_left_out(write_corpus: WriteCorpus) -> None:
    """The map of the corpus' name: an article that it leaves open everywhere is not in the training set."""
    articles = [
        {"id": "a", "title": "", "body": "A match.", "labels": ["Sports"], "label_prob": 1.0},
        {"id": "b", "title": "", "body": "A match.", "labels": ["Sports"], "label_prob": 0.5},
    ]
    path = write_corpus(articles, "current-events.jsonl")
    taxonomy = load_taxonomy()
    data = read_training_set(config(path.name), taxonomy, path.parent)
    assert data.ids == ("a",)
    assert data.decisions[0, taxonomy.column("sport")] == 1
    assert not data.fully_labelled.any()


def test_full_labels_decide_and_only_they_are_tested_on(
    rows: list[dict[str, Any]], write_corpus: WriteCorpus, tmp_path: Path
) -> None:
    some = [{**row, "labels": ["Sports"], "topics": None} for row in pair(rows)]
    path = write_corpus(some, "current-events.jsonl")
    full = tmp_path / "full.tsv"
    full.write_text("id\ttopics\n" + "".join(f"{row['id']}\thealth\n" for row in some[:40]), encoding="utf-8")
    taxonomy = load_taxonomy()
    data = read_training_set(config(path.name, full_labels=(str(full),)), taxonomy, path.parent)
    assert data.fully_labelled.sum() == 40
    assert data.test.sum() > 0
    assert not (data.test & ~data.fully_labelled).any()
    column = taxonomy.column("health")
    assert (data.decisions[data.fully_labelled, column] == 1).all()
    assert (data.decisions[~data.fully_labelled, column] == 0).all()


def test_nothing_as_new_as_the_test_is_learned_from(
    rows: list[dict[str, Any]], write_corpus: WriteCorpus, tmp_path: Path
) -> None:
    """Nor what has no date; whoever labelled it. Only fully labelled articles are tested on."""
    some = [
        {**row, "labels": ["Sports"], "topics": None, "date": f"2024-01-{1 + i // 3:02d}" if i else None}
        for i, row in enumerate(pair(rows)[:60])
    ]
    path = write_corpus(some, "current-events.jsonl")
    full = tmp_path / "full.tsv"
    full.write_text("id\ttopics\n" + "".join(f"{row['id']}\thealth\n" for row in some[:40]), encoding="utf-8")
    settings = config(path.name, full_labels=(str(full),))
    data = read_training_set(replace(settings, fit=replace(QUICK, test="latest")), load_taxonomy(), path.parent)
    days = {row["id"]: row["date"] for row in some}
    tested = {data.ids[i] for i in data.test.nonzero()[0]}
    assert data.test_from is not None
    assert tested == {row["id"] for row in some[1:40] if row["date"] >= data.test_from}
    learned = [days[data.ids[i]] for i in data.learn]
    assert len(learned) > 30
    assert all(day and day < data.test_from for day in learned)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"topics": ["chess"]}, CorpusError),
        ({"title": 5}, CorpusError),
        ({"topics": None, "labels": ["Nonsense"]}, LabelMapError),
        ({"label_prob": 3}, CorpusError),
    ],
)
def test_nothing_is_written_when_a_corpus_is_bad(
    rows: list[dict[str, Any]],
    write_corpus: WriteCorpus,
    tmp_path: Path,
    change: dict[str, Any],
    error: type[Exception],
) -> None:
    path = write_corpus([*pair(rows), {"id": "bad", "title": "", "body": "text", "topics": []} | change])
    with pytest.raises(error):
        train(config(path.name), PAIR, path.parent, tmp_path / "store")
    assert empty(tmp_path / "store")


def test_corpus_that_says_nothing_is_an_error(write_corpus: WriteCorpus, tmp_path: Path) -> None:
    path = write_corpus([{"id": "1", "body": "text", "labels": []}])
    with pytest.raises(TrainingError, match="no topic is decided of any article"):
        train(config(path.name), PAIR, path.parent, tmp_path / "store")


def test_corpus_with_too_few_articles_of_every_topic_is_an_error(
    rows: list[dict[str, Any]], write_corpus: WriteCorpus, tmp_path: Path
) -> None:
    path = write_corpus(pair(rows)[:6])
    with pytest.raises(TrainingError, match="no topic has enough articles to learn from"):
        train(config(path.name), PAIR, path.parent, tmp_path / "store")
    assert empty(tmp_path / "store")


def test_articles_with_nothing_to_read_are_left_out_and_said_once(
    write_corpus: WriteCorpus, caplog: pytest.LogCaptureFixture
) -> None:
    """A body of furniture only is no reason to refuse the corpus."""
    furniture = {"id": "1", "body": "Share on Facebook\nRead also\nStorm cuts power", "topics": ["sport"]}
    article = {"id": "2", "body": "A match was played.", "topics": ["sport"]}
    path = write_corpus([furniture, article, furniture | {"id": "3"}])
    with caplog.at_level(logging.WARNING):
        assert read_training_set(config(path.name), PAIR, path.parent).ids == ("2",)
    assert caplog.messages == [f"{path.name}: left out 2 rows without a text that can be read"]


def test_html_in_a_corpus_is_read_as_html(write_corpus: WriteCorpus) -> None:
    path = write_corpus([{"id": "1", "body": "<p>A <b>match</b> &amp; a goal.</p>", "topics": ["sport"]}])
    data = read_training_set(config(path.name), PAIR, path.parent)
    assert data.texts[0].body == "A match & a goal."
    assert data.articles[0] == Article(id="1", title="", body="<p>A <b>match</b> &amp; a goal.</p>")


def test_what_an_editor_did_not_judge_stays_as_the_corpus_says(
    rows: list[dict[str, Any]], write_corpus: WriteCorpus
) -> None:
    """In the training set and in the evidence alike; an article that no corpus has is open there."""
    taxonomy = load_taxonomy()
    crime, sport = taxonomy.column("crime"), taxonomy.column("sport")
    place = next(i for i, row in enumerate(rows) if row["topics"] == ["crime"])
    judged = {"accepted": [], "rejected": ["crime"], "added": [], "complete": False}
    lines = [{**rows[place], "topics": [], **judged}, {**rows[place], "id": "elsewhere", "topics": [], **judged}]
    corrections = read_corrections(str(write_corpus(lines)), taxonomy)
    data, plain = (read_training_set(SMALL, taxonomy, DATA, made) for made in (corrections, None))
    (row,) = (i for i, name in enumerate(data.ids) if name == rows[place]["id"])
    of_corpus = plain.decisions[plain.ids.index(rows[place]["id"])]
    assert (of_corpus[crime], of_corpus[sport]) == (YES, NO)
    assert data.corrected[row]
    assert not data.fair[data.corrected].any()  # they were opened because a model was wrong
    assert data.decisions[row].tolist() == np.where(np.arange(len(taxonomy)) == crime, NO, of_corpus).tolist()
    elsewhere = data.decisions[data.ids.index("elsewhere")]
    assert (elsewhere[crime], np.abs(elsewhere).sum()) == (NO, 1)


def test_columns_and_labels_to_ignore_of_a_config_count_with_a_map_for_each_corpus(
    rows: list[dict[str, Any]], write_corpus: WriteCorpus
) -> None:
    """As `label_map` is by default."""
    ours = [
        row | {"topics": [*row["topics"], "Featured"], "copy": row["body"], "body": "Read on."} for row in pair(rows)
    ]
    path = write_corpus(ours)
    data = read_training_set(config(path.name, columns="body=copy", ignore="Featured"), PAIR, path.parent)
    assert [article.body for article in data.articles] == [row["copy"] for row in ours]
