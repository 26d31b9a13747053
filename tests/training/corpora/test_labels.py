"""From what a corpus says to yes, no or open, and full labels above all."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tagdesk.models import Taxonomy, Topic
from tagdesk.models.taxonomy import load_taxonomy
from tagdesk.training.config import MANY_TOPICS
from tagdesk.training.corpora.corpus import Corpus, LabelledArticle, read_corpus
from tagdesk.training.corpora.labels import (
    LABELS,
    NO,
    OPEN,
    YES,
    FullLabels,
    LabelMap,
    decide_topics,
    fingerprint,
    load_label_map,
    read_full_labels,
)
from tagdesk.training.errors import CorpusError, LabelMapError
from tagdesk.training.sparse_table import SparseTable
from tests.training.conftest import SHARED

TAXONOMY = Taxonomy("t", tuple(Topic(one, one.title()) for one in ("war", "law", "sport", "art")))
MAP = """
decides = ["war", "law", "sport"]
least_label_prob = 0.9
silent = ["Stubs"]
[labels]
"Wars" = { asserts = ["war"], open = ["law"] }
"Courts" = { asserts = ["law"], open = ["war", "sport"] }
"Arts" = { asserts = ["art"] }
"""


def written(folder: Path, text: str, name: str = "news.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.fixture
def label_map(tmp_path: Path) -> LabelMap:
    return load_label_map(written(tmp_path, MAP), TAXONOMY)


def article(
    *labels: str, id: str = "1", topics: Sequence[str] | None = None, label_prob: float = 1.0
) -> LabelledArticle:
    return LabelledArticle(id, "", "text", labels, None if topics is None else tuple(topics), label_prob=label_prob)


def corpus(*articles: LabelledArticle) -> Corpus:
    return Corpus("news", articles, "")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("Wars",), (YES, OPEN, NO, OPEN)),
        (("Courts",), (OPEN, YES, OPEN, OPEN)),
        (("Wars", "Courts"), (YES, YES, OPEN, OPEN)),
        (("Arts",), (NO, NO, NO, YES)),
        (("Stubs",), (NO, NO, NO, OPEN)),
        ((), (NO, NO, NO, OPEN)),
    ],
)
def test_label_asserts_opens_and_the_corpus_denies_the_rest_it_decides(
    label_map: LabelMap, labels: tuple[str, ...], said: tuple[int, ...]
) -> None:
    """A topic that the corpus does not decide stays undecided, an assertion is above an opening."""
    assert tuple(label_map.decide(article(*labels), TAXONOMY)) == said


def test_labels_that_are_too_unlikely_decide_nothing(label_map: LabelMap) -> None:
    assert tuple(label_map.decide(article("Wars", label_prob=0.89), TAXONOMY)) == (OPEN,) * 4
    assert tuple(label_map.decide(article("Wars", label_prob=0.9), TAXONOMY)) == (YES, OPEN, NO, OPEN)


def test_map_that_decides_all_denies_every_topic_not_named(tmp_path: Path) -> None:
    found = load_label_map(written(tmp_path, 'decides = "all"\n[labels]\n"Arts" = { asserts = ["art"] }'), TAXONOMY)
    assert tuple(found.decide(article("Arts"), TAXONOMY)) == (NO, NO, NO, YES)


def test_topics_that_a_corpus_names_decide_all_topics() -> None:
    decisions, fully_labelled = decide_topics(
        corpus(article(topics=["war", "art"]), article(topics=())), TAXONOMY, None, {}
    )
    assert decisions.tolist() == [[YES, NO, NO, YES], [NO, NO, NO, NO]]
    assert decisions.dtype == np.int8
    assert fully_labelled.all()


def test_many_topics_are_decided_as_few_are(label_map: LabelMap) -> None:
    """Only what is not denied is stored; no article at all is a table of none."""
    more = tuple(Topic(f"topic-{i}", f"Topic {i}") for i in range(MANY_TOPICS))
    many = Taxonomy("many", (*TAXONOMY.topics, *more))
    articles = article("Wars"), article(topics=["art", "war"]), article(topics=())
    found, fully_labelled = decide_topics(corpus(*articles), many, label_map, {})
    decided, _ = decide_topics(corpus(*articles), TAXONOMY, label_map, {})
    assert isinstance(found, SparseTable)
    assert np.asarray(found)[:, : len(TAXONOMY)].tolist() == decided.tolist()
    assert (np.asarray(found)[:, len(TAXONOMY) :] == [[OPEN], [NO], [NO]]).all()
    assert fully_labelled.tolist() == [False, True, True]
    assert decide_topics(corpus(), many, label_map, {})[0].shape == (0, len(many))


def test_full_labels_win_over_the_map_and_over_the_corpus_topics(label_map: LabelMap) -> None:
    articles = [article("Wars"), article("Wars", id="2"), article(id="3", topics=["war"])]
    full = {"1": FullLabels(("sport",)), "3": FullLabels(("law", "art"))}
    decisions, fully_labelled = decide_topics(corpus(*articles), TAXONOMY, label_map, full)
    assert decisions.tolist() == [[NO, NO, YES, NO], [YES, OPEN, NO, OPEN], [NO, YES, NO, YES]]
    assert fully_labelled.tolist() == [True, False, True]


def test_full_labels_of_another_text_are_not_used_and_that_is_said(
    label_map: LabelMap, caplog: pytest.LogCaptureFixture
) -> None:
    full = {"1": FullLabels(("sport",), fingerprint("another text")), "2": FullLabels(("sport",), fingerprint("text"))}
    with caplog.at_level(logging.WARNING):
        decisions, fully_labelled = decide_topics(
            corpus(article("Wars"), article("Wars", id="2")), TAXONOMY, label_map, full
        )
    assert decisions.tolist() == [[YES, OPEN, NO, OPEN], [NO, NO, YES, NO]]
    assert fully_labelled.tolist() == [False, True]
    assert "news: 1 full labels belong to another text" in caplog.text


def test_fingerprint_is_of_the_first_letters_and_digits() -> None:
    text = "At least 12 people—all of them miners—die in Łódź, officials say, after an explosion."
    assert fingerprint(text) == fingerprint(text.upper().replace(" ", "  ").replace("—", "-"))
    assert fingerprint(text) == fingerprint(text + " More.")
    assert fingerprint(text) != fingerprint(text.replace("12", "13"))
    assert len(fingerprint("")) == 8


def test_unknown_labels_are_listed_with_their_counts(label_map: LabelMap) -> None:
    articles = [article("Wars", "Chess", id=str(i)) for i in range(3)] + [article("Tennis", id="9")]
    with pytest.raises(LabelMapError, match=r"corpus news: 2 labels .*'Chess' \(3\), 'Tennis' \(1\); write into"):
        decide_topics(corpus(*articles), TAXONOMY, label_map, {})


def test_label_that_decides_nothing_needs_no_map(label_map: LabelMap) -> None:
    """Topics of the corpus or full labels decide the article, whatever its labels are."""
    articles = [article("Chess", topics=["sport"]), article("Chess", id="2")]
    for known in (label_map, None):
        decisions, fully_labelled = decide_topics(corpus(*articles), TAXONOMY, known, {"2": FullLabels(("art",))})
        assert decisions.tolist() == [[NO, NO, YES, NO], [NO, NO, NO, YES]]
        assert fully_labelled.all()


def test_labels_without_a_map_are_an_error() -> None:
    with pytest.raises(LabelMapError, match=r"1 labels have no label map: 'Wars' \(1\)"):
        decide_topics(corpus(article("Wars")), TAXONOMY, None, {})


def test_article_that_nothing_speaks_of_stays_open() -> None:
    decisions, fully_labelled = decide_topics(corpus(article()), TAXONOMY, None, {})
    assert not decisions.any()
    assert not fully_labelled.any()


def test_all_faults_of_a_map_are_named_at_once(tmp_path: Path) -> None:
    text = (
        'decide = "all"\ndecides = ["war", "chess"]\n'
        '[labels]\n"A" = { asserts = ["tennis"], open = ["golf"] }\n"B" = { assert = ["war"] }\n'
    )
    with pytest.raises(LabelMapError) as refused:
        load_label_map(written(tmp_path, text), TAXONOMY)
    for said in (
        "news.toml",
        "unknown key 'decide'",
        "decides: unknown topic 'chess'",
        "label 'A': unknown topic 'tennis'",
        "label 'A': unknown topic 'golf'",
        "label 'B': unknown key 'assert'",
    ):
        assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "decides = [",
        '[labels]\n"A" = ["war"]',
        '[labels]\n"A" = "war"',
        '[labels]\n"A" = { asserts = "war" }',
        '[labels]\n"A" = { asserts = [1] }',
        '[labels]\n"A" = { asserts = 1 }',
        'labels = ["A"]',
        "silent = 3",
        'silent = "Stubs"',
        'decides = "everything"',
        "decides = 3",
        'least_label_prob = "high"',
        "least_label_prob = 2.0",
        "least_label_prob = true",
        'silent = ["A"]\nlabels = 3',
    ],
)
def test_map_of_the_wrong_shape_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(LabelMapError, match=r"news\.toml"):
        load_label_map(written(tmp_path, text), TAXONOMY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('silent = ["A"]\n[labels]\n"A" = { asserts = ["war"] }', "label 'A': is listed under silent too"),
        ('[labels]\n"A" = { asserts = ["war"], open = ["law", "war"] }', "label 'A': both asserts and opens 'war'"),
    ],
)
def test_map_that_contradicts_itself_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(LabelMapError, match=said):
        load_label_map(written(tmp_path, text), TAXONOMY)


def test_map_that_is_missing_or_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'corpus = "caf\xe9"')
    for name in ("none.toml", "latin.toml"):
        with pytest.raises(LabelMapError, match=f"cannot read the label map .*{name}"):
            load_label_map(tmp_path / name, TAXONOMY)


def test_full_labels_are_read_with_their_fingerprints(tmp_path: Path) -> None:
    text = 'id\ttopics\tsampled\ttext\n1\twar,law\trandom\tabcd0123\nwn-"A"_b\tart\tx\t\n'
    found = read_full_labels(written(tmp_path, text), TAXONOMY)
    assert found == {"1": FullLabels(("war", "law"), "abcd0123"), 'wn-"A"_b': FullLabels(("art",), fair=False)}


@pytest.mark.parametrize(("drawn", "fair"), [("random", True), ("random-2", True), ("uncertain-2", False), ("", True)])
def test_full_labels_are_a_fair_sample_where_they_were_drawn_at_random(tmp_path: Path, drawn: str, fair: bool) -> None:
    path = written(tmp_path, f"id\ttopics\tsampled\n1\twar\t{drawn}\n")
    assert read_full_labels(path, TAXONOMY)["1"].fair is fair


def test_bad_full_labels_are_listed_by_line(tmp_path: Path) -> None:
    text = "id\ttopics\n1\twar\n2\twar,chess\n\tlaw\n3\t\n1\tlaw\n"
    with pytest.raises(CorpusError) as refused:
        read_full_labels(written(tmp_path, text, "full.tsv"), TAXONOMY)
    for said in (
        "has 4 bad rows",
        "full.tsv:3: topics: unknown topic 'chess'",
        "full.tsv:4: id or topics is missing",
        "full.tsv:5: id or topics is missing",
        "full.tsv:6: id: '1' appears twice",
    ):
        assert said in str(refused.value)


def test_full_labels_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.tsv").write_bytes(b"id\ttopics\ncaf\xe9\twar\n")
    for name in ("latin.tsv", "none.tsv"):
        with pytest.raises(CorpusError, match=f"cannot read the full labels .*{name}"):
            read_full_labels(tmp_path / name, TAXONOMY)


MAPS = sorted(LABELS.glob("*.toml"))


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_our_own_map_is_right(path: Path) -> None:
    assert load_label_map(path, load_taxonomy()).labels


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
@pytest.mark.skipif(not SHARED.is_dir(), reason="the corpora are in ../shared only")
def test_our_own_map_knows_every_label_of_its_corpus(path: Path) -> None:
    found = load_label_map(path, load_taxonomy())
    whole = read_corpus(SHARED / "corpora" / f"{path.stem}.jsonl.gz")
    assert {label for one in whole.articles for label in one.labels} <= found.labels


def test_politics_and_conflicts_leaves_its_four_topics_open() -> None:
    taxonomy = load_taxonomy()
    found = load_label_map(LABELS / "wikinews.toml", taxonomy)
    said = found.decide(article("Politics and conflicts"), taxonomy)
    assert {said[taxonomy.column(one)] for one in ("conflict", "politics", "diplomacy", "elections")} == {OPEN}
    assert said[taxonomy.column("sport")] == NO


def test_our_own_full_labels_name_known_topics_and_decide_17000_articles() -> None:
    """And more: some Wikinews articles stand under two ids."""
    found = {path.stem: read_full_labels(path, load_taxonomy()) for path in sorted(LABELS.glob("*.tsv"))}
    assert len(found["current-events-topics"]) == 6900
    assert len(found["wikinews-topics"]) >= 10100
    assert all(label.text for label in found["current-events-topics"].values())
