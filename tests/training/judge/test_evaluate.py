"""Counts of right and wrong topics: the figures are those of scikit-learn and of our data's own script."""

import json
import subprocess
import sys
from collections.abc import Iterable, Set
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from tagdesk.models import Article, TaggedArticle, Topic, TopicModel, TopicResult
from tagdesk.models.answer import answer
from tagdesk.models.calibration import Band, Calibration
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.judge.evaluate import Scores, score_articles, score_confidences, table
from tests.training.conftest import SHARED

SCORE = SHARED.parent / "tools" / "score.py"
TOPICS = ("war", "law", "sport", "art")

topic_sets = st.sets(st.sampled_from(TOPICS))
answers = st.lists(st.tuples(st.lists(st.sampled_from(TOPICS), unique=True), topic_sets), min_size=1, max_size=30)


def answer_of(bands: Iterable[tuple[str, str]]) -> TaggedArticle:
    """Return the answer that has these topics in these bands, the most likely first."""
    results = (TopicResult(Topic(topic, topic), 0.0, 0.5, cast("Band", band)) for topic, band in bands)
    return TaggedArticle(None, tuple(results), ())


def scored(pairs: list[tuple[list[str], set[str]]], optional: Set[str] = frozenset()) -> Scores:
    answers = [answer_of((topic, "suggest") for topic in predicted) for predicted, _ in pairs]
    wanted = [topics for _, topics in pairs]
    return score_articles(answers, wanted, [optional - topics for topics in wanted], topics=TOPICS)


def columns(sets: list[Any]) -> Any:
    return np.array([[topic in topics for topic in TOPICS] for topics in sets])


@settings(deadline=None, max_examples=60, database=None)
@given(answers)
def test_figures_are_scikit_learns(pairs: list[tuple[list[str], set[str]]]) -> None:
    scores = scored(pairs)
    predicted, wanted = columns([topics for topics, _ in pairs]), columns([topics for _, topics in pairs])
    p, r, f, support = precision_recall_fscore_support(wanted, predicted, zero_division=np.nan)
    for i, figures in enumerate(scores.topics.values()):
        assert figures.precision == pytest.approx(p[i], nan_ok=True)
        assert figures.recall == pytest.approx(r[i], nan_ok=True)
        assert figures.f1 == pytest.approx(0 if np.isnan(f[i]) else f[i])
        assert figures.support == support[i]
    _, _, micro, _ = precision_recall_fscore_support(wanted, predicted, average="micro", zero_division=0)
    assert scores.whole.f1 == pytest.approx(micro)
    assert scores.macro_f1 == pytest.approx(np.mean(np.nan_to_num(f)[support > 0]) if support.any() else 0)


def test_figures_of_confidences_are_those_of_the_bands_they_reach() -> None:
    random = np.random.default_rng(0)
    decisions = random.choice([YES, NO, OPEN], (300, 4)).astype(np.int8)
    confidences = random.integers(0, 10, (300, 4)) / 10
    cut_offs = [
        Calibration(1, 0, 0.4, 0.8),
        Calibration(1, 0, 0.6),
        Calibration(1, 0, 0.5, 0.5),
        Calibration(1, 0, 0.9),
    ]
    answers, wanted, optional = [], [], []
    for row, decided in zip(confidences, decisions, strict=True):
        order = np.argsort(-row, kind="stable").tolist()
        answers.append(answer_of((TOPICS[i], band) for i in order if (band := cut_offs[i].band(row[i]))))
        wanted.append({TOPICS[i] for i in np.flatnonzero(decided == YES)})
        optional.append({TOPICS[i] for i in np.flatnonzero(decided == OPEN)})
    expected = score_articles(answers, wanted, optional, topics=TOPICS).to_json()
    assert score_confidences(decisions, confidences, cut_offs, topics=TOPICS).to_json() == expected


def test_optional_topic_counts_neither_for_nor_against() -> None:
    scores = scored([(["law", "war"], {"war"})], {"law", "art"})
    assert (scores.whole.hits, scores.whole.predicted, scores.whole.wanted) == (1, 1, 1)
    assert scores.top1_hits == 1
    assert scores.topics["law"].support == 0


def test_first_topic_is_the_one_that_top_1_looks_at() -> None:
    assert scored([(["law", "war"], {"war"}), (["war", "law"], {"war"}), ([], {"war"})]).to_json()["top1"] == 0.3333


def test_top_1_is_of_the_articles_that_have_a_topic() -> None:
    """A model that rightly gives none to the others is perfect."""
    row = scored([(["war"], {"war"}), ([], set()), ([], set())]).to_json()
    assert (row["top1"], row["micro_f1"], row["untagged"]) == (1.0, 1.0, 2)


def test_article_without_a_topic_is_counted_as_untagged() -> None:
    assert scored([([], {"war"}), (["war"], set())]).untagged == 1


def test_auto_band_has_figures_of_its_own() -> None:
    answer = answer_of([("war", "auto"), ("law", "suggest"), ("art", "auto")])
    row = score_articles([answer], [{"war", "law"}], topics=TOPICS).to_json()
    assert (row["auto_precision"], row["auto_share"]) == (0.5, 0.5)
    assert row["topics"]["war"]["auto_share"] == 1.0
    assert row["topics"]["law"]["auto_precision"] is None


def test_figures_of_nothing_are_none_or_nought() -> None:
    nothing = score_articles([], [], topics=())
    row = nothing.to_json()
    assert (row["micro_f1"], row["macro_f1"], row["top1"], row["auto_precision"]) == (0.0, 0.0, None, None)
    assert table(nothing, "nothing").startswith("nothing: 0 articles")


def test_topic_that_the_model_does_not_know_is_counted_as_missed(small_model: TopicModel) -> None:
    tagged = [small_model.tag(Article(body="Troops killed in the capital"))]
    scores = score_articles(tagged, [["chess"]], topics=small_model.taxonomy.ids)
    assert (scores.topics["chess"].wanted, scores.topics["chess"].hits) == (1, 0)


def test_table_lists_every_topic_best_first_and_the_whole_last() -> None:
    lines = table(scored([(["war", "law"], {"war"}), (["war"], {"war", "art"})]), "held out").splitlines()
    assert lines[0] == "held out: 2 articles"
    assert [line.split()[0] for line in lines[2:-1]] == ["war", "law", "sport", "art"]
    assert lines[2].split() == ["war", "1.000", "1.000", "1.000", "2", "-", "0.000"]
    assert lines[3].split() == ["law", "0.000", "-", "0.000", "0", "-", "-"]
    assert lines[-1].split("  ")[1:4] == ["micro-F1 0.667", "macro-F1 0.500", "top-1 1.000"]
    assert len({len(line) for line in lines[1:-1]}) == 1


@pytest.mark.skipif(not SCORE.exists(), reason="score.py is in ../shared only")
def test_figures_are_those_of_the_data_s_own_script(
    small_model: TopicModel, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Every fifth article is said to be of another topic, so that there is something to miss."""
    rows = [row | {"optional": ["crime"] if i % 3 == 0 and "crime" not in row["topics"] else []}
            for i, row in enumerate(rows)]  # fmt: skip
    for row in rows[::5]:
        row["topics"] = ["sport"]
        row["optional"] = ["economy"]
    tagged = list(small_model.tag_many(Article(id=r["id"], title=r["title"], body=r["body"][:150]) for r in rows))
    ours = score_articles(
        tagged, [row["topics"] for row in rows], [row["optional"] for row in rows], topics=small_model.taxonomy.ids
    ).to_json()
    for name, lines in (("answers", (answer(article, "m") for article in tagged)), ("gold", iter(rows))):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = subprocess.run(
        [sys.executable, str(SCORE), str(tmp_path / "answers.jsonl"), str(tmp_path / "gold.jsonl"), "--json"],
        capture_output=True, check=True,
    )  # fmt: skip
    theirs = json.loads(done.stdout)
    assert 0.5 < theirs["micro_f1"] < 0.95
    for name in ("articles", "micro_f1", "macro_f1", "top1", "untagged", "auto_precision", "auto_share"):
        assert ours[name] == pytest.approx(theirs[name], abs=5e-5), name
    for topic, row in theirs["per_topic"].items():
        assert ours["topics"][topic]["f1"] == pytest.approx(row["f1"], abs=5e-5)


def test_columns_of_the_table_are_in_line_whatever_the_length_of_a_topic() -> None:
    scores = score_articles([], [], topics=["war", "weather-and-natural-disasters"])
    head, *rows = table(scores, "held out").splitlines()[1:-1]
    assert [len(row) for row in rows] == [len(head)] * 2
    assert all(row[: head.index("support")].rstrip().endswith("0.000") for row in rows)
