"""What is read of editors' corrections: from a file, over HTTP, from the ledger itself."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.types import ASGIApp

from tagdesk.models.taxonomy import Taxonomy, Topic
from tagdesk.service.app import create_app
from tagdesk.service.edge.keys import keys_json, new_key
from tagdesk.service.settings import Settings
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.corpora.ledger_export import LEDGER
from tagdesk.training.corpora.never_train import never_train_ids
from tagdesk.training.errors import CorpusError
from tagdesk.training.learn.corrections import Corrections, read_corrections
from tests.tiny import REF, TAXONOMY
from tests.training.conftest import WriteCorpus

Serve = Callable[[ASGIApp], AbstractContextManager[str]]

STORY = "The envoy met ministers at the summit to talk about a ceasefire between the two sides."


def row(name: str = "a-1", **changes: Any) -> dict[str, Any]:
    """Return a line of the ledger's export, but for the changes."""
    return {
        "id": name,
        "title": f"Title of {name}",
        "body": f"{STORY} This one is called {name}, {name} and again {name}.",
        "topics": ["conflict"],
        "date": "2026-11-24",
        "editor": "anna",
        "accepted": None,
        "rejected": None,
        "added": None,
        "complete": True,
    } | changes


def topics_of(corrections: Corrections) -> dict[str, set[str]]:
    """Return the topics that are right, by article."""
    return {
        name: {corrections.topics[i] for i in np.flatnonzero(line > 0)}
        for name, line in zip(corrections.ids, corrections.decisions, strict=True)
    }


def test_of_an_article_the_last_correction_counts(write_corpus: WriteCorpus) -> None:
    path = write_corpus([row("a"), row("b"), row("a", topics=["weather"], editor="ben")])
    corrections = read_corrections(str(path), TAXONOMY)
    assert topics_of(corrections) == {"a": {"weather"}, "b": {"conflict"}}
    assert (corrections.ids, corrections.editors) == (("b", "a"), ("anna", "ben"))  # in the order of these
    assert corrections.rows == 3


def decisions_of(corrections: Corrections) -> list[dict[str, int]]:
    """Return the decisions that are not open, by topic."""
    return [
        {topic: decision for topic, decision in zip(corrections.topics, line.tolist(), strict=True) if decision != OPEN}
        for line in corrections.decisions
    ]


def test_a_complete_correction_decides_every_topic(write_corpus: WriteCorpus) -> None:
    """What it does not name is wrong; `[]` denies every one."""
    corrections = read_corrections(str(write_corpus([row("a", topics=[]), row("b", topics=["weather"])])), TAXONOMY)
    none, weather = decisions_of(corrections)
    assert none == dict.fromkeys(TAXONOMY.ids, NO)
    assert weather == none | {"weather": YES}


def test_what_nobody_judged_is_open(write_corpus: WriteCorpus) -> None:
    """Accepted and added are right, rejected is wrong, and nothing is known of the others."""
    taxonomy = Taxonomy("more", (*TAXONOMY.topics, Topic("sport", "Sport")))
    judged = row(
        complete=False, topics=["weather", "sport"], accepted=["weather"], rejected=["conflict"], added=["sport"]
    )
    corrections = read_corrections(str(write_corpus([judged])), taxonomy)
    assert decisions_of(corrections) == [{"weather": YES, "sport": YES, "conflict": NO}]


def test_an_article_of_which_nothing_was_judged_is_left_out(write_corpus: WriteCorpus) -> None:
    rows = [row("a", complete=False, topics=[], accepted=[], rejected=[], added=[], missing=["Fishing"]), row("b")]
    corrections = read_corrections(str(write_corpus(rows)), TAXONOMY)
    assert corrections.ids == ("b",)
    assert "skipped 1 of which no topic was judged" in corrections.summary()
    assert "topics that editors miss: Fishing" in corrections.summary()


def test_verdicts_of_before_the_third_state_are_open(write_corpus: WriteCorpus) -> None:
    """As the ledger keeps them, and as an earlier version exported them; added topics and topics alone count."""
    verdicts: dict[str, Any] = {"accepted": ["weather"], "rejected": ["conflict"], "added": ["diplomacy"]}
    unconfirmed = {"accepted": ["weather"], "rejected": ["conflict"]}
    stored = row("a", complete=False, topics=["diplomacy"], added=["diplomacy"], unconfirmed=unconfirmed)
    exported = row("b", topics=["weather", "diplomacy"], **verdicts)
    alone = row("c")
    del exported["complete"], alone["complete"]
    corrections = read_corrections(str(write_corpus([stored, exported, alone])), TAXONOMY)
    complete = dict.fromkeys(TAXONOMY.ids, NO) | {"conflict": YES}
    assert decisions_of(corrections) == [{"diplomacy": YES}, {"diplomacy": YES}, complete]
    assert "left open 4 verdicts from before" in corrections.summary()


def test_a_topic_that_is_right_though_its_implied_parent_is_wrong_is_open(write_corpus: WriteCorpus) -> None:
    """Who says so contradicts the taxonomy; neither is learned."""
    taxonomy = Taxonomy("two", (Topic("politics", "Politics"), Topic("vote", "Vote", "", "politics", (), True)))
    line = row(complete=False, topics=["vote"], accepted=["vote"], rejected=["politics"], added=[])
    assert decisions_of(read_corrections(str(write_corpus([line])), taxonomy)) == [{}]


def test_a_row_of_nothing_but_missing_topics_judges_none(write_corpus: WriteCorpus) -> None:
    line = row(missing=["Chess"])
    for name in ("topics", "complete"):
        del line[name]
    corrections = read_corrections(str(write_corpus([line])), TAXONOMY)
    assert (corrections.ids, corrections.not_judged) == ((), 1)


def test_implied_parent_is_right_with_its_topic(write_corpus: WriteCorpus) -> None:
    taxonomy = Taxonomy("two", (Topic("politics", "Politics"), Topic("vote", "Vote", "", "politics", (), True)))
    corrections = read_corrections(str(write_corpus([row(topics=["vote"])])), taxonomy)
    assert topics_of(corrections) == {"a-1": {"politics", "vote"}}


def test_a_topic_is_wrong_with_its_implied_parent(write_corpus: WriteCorpus) -> None:
    taxonomy = Taxonomy("two", (Topic("politics", "Politics"), Topic("vote", "Vote", "", "politics", (), True)))
    rejected = row(complete=False, topics=[], accepted=[], rejected=["politics"], added=[])
    corrections = read_corrections(str(write_corpus([rejected])), taxonomy)
    assert decisions_of(corrections) == [{"politics": NO, "vote": NO}]


def test_text_that_the_ledger_has_not_kept_is_found_by_id(write_corpus: WriteCorpus, tmp_path: Path) -> None:
    """In the data at hand; articles that are nowhere are skipped and counted."""
    rows = [row("a", title=None, body=None), row("b", title=None, body=None), row("c")]
    archive = write_corpus([{"id": "a", "title": "Kept", "body": STORY, "labels": []}], "archive.jsonl")
    corrections = read_corrections(str(write_corpus(rows)), TAXONOMY, [archive])
    assert corrections.ids == ("a", "c")
    assert corrections.articles[0].title == "Kept"
    assert corrections.without_text == 1
    assert "skipped 1 without text" in corrections.summary()


def test_what_no_model_may_learn_from_is_left_out(write_corpus: WriteCorpus) -> None:
    """The gold, and events after the last day of training; an event's day is its own, not that of its correction."""
    gold = next(article for article in sorted(never_train_ids()) if not article.startswith("wpce-"))
    rows = [row(gold), row("wpce-2026-01-02-3"), row("wpce-2025-03-04-1"), row("own-1")]
    corrections = read_corrections(str(write_corpus(rows)), TAXONOMY)
    assert corrections.ids == ("wpce-2025-03-04-1", "own-1")
    assert corrections.never_train == 2


def test_topics_that_the_model_has_not_are_said(write_corpus: WriteCorpus) -> None:
    corrections = read_corrections(str(write_corpus([row(topics=["weather", "chess"])])), TAXONOMY)
    assert topics_of(corrections) == {"a-1": {"weather"}}
    assert "topics that the model does not have: chess" in corrections.summary()


def test_near_duplicates_are_on_one_side_of_the_test(write_corpus: WriteCorpus) -> None:
    """A tenth is kept; an agency's story that was corrected twice is not learned from and tested on."""
    story = " ".join(f"word{n} of a long agency story that many papers print" for n in range(30))
    rows = [row(f"copy-{n}", title="", body=f"{story} {n}") for n in range(40)]
    rows += [row(f"own-{n}", title="", body=" ".join(f"word{n}of{k}" for k in range(20))) for n in range(300)]
    corrections = read_corrections(str(write_corpus(rows)), TAXONOMY)
    assert len(set(corrections.test()[:40].tolist())) == 1
    assert 10 < corrections.test()[40:].sum() < 60


def test_bad_lines_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    lines = [json.dumps(row("")), "{", json.dumps({"id": "x"}), json.dumps(row(topics="sport"))]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        read_corrections(str(path), TAXONOMY)
    message = str(caught.value)
    assert "4 bad rows" in message
    for part in (":1: id: must be", ":2: is not JSON", ":3: topics: missing", ":4: topics: must be a list"):
        assert part in message


def test_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"cannot read corrections from .*none\.jsonl: No such file"):
        read_corrections(str(tmp_path / "none.jsonl"), TAXONOMY)


@pytest.fixture
def ledger(tiny_settings: Settings, tmp_path: Path, serve: Serve) -> Path:
    """Return a service's ledger with a correction in it."""
    path = tmp_path / "ledger.sqlite"
    with serve(create_app(replace(tiny_settings, database_url=str(path)))) as address:
        sent = {"article": {"id": "a-1", "body": STORY}, "topics": ["weather"], "model": REF, "editor": "anna"}
        httpx.post(f"{address}/v1/feedback", json=sent).raise_for_status()
    return path


def test_reads_the_ledger_itself(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, or as the service's settings have it."""
    assert topics_of(read_corrections(str(ledger), TAXONOMY)) == {"a-1": {"weather"}}
    monkeypatch.setenv(LEDGER, str(ledger))
    assert topics_of(read_corrections("", TAXONOMY)) == {"a-1": {"weather"}}


def test_ledger_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(CorpusError, match="cannot read the ledger: "):
        read_corrections(str(path), TAXONOMY)


def test_reads_a_service_with_its_key(
    tiny_settings: Settings, tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key without the scope, or none, is refused; the sentence says where a key goes."""
    key, token = new_key("monday", ["admin", "feedback"], "2026-11-24")
    (tmp_path / "keys.json").write_bytes(keys_json([key]))
    settings = replace(
        tiny_settings, database_url=str(tmp_path / "ledger.sqlite"), keys_file=str(tmp_path / "keys.json")
    )
    with serve(create_app(settings)) as address:
        sent = {"article": {"id": "a-1", "body": STORY}, "topics": ["weather"], "model": REF}
        httpx.post(f"{address}/v1/feedback", json=sent, headers={"Authorization": f"Bearer {token}"}).raise_for_status()
        source = f"{address}/v1/feedback/export"
        with pytest.raises(CorpusError, match="the service answers 401; a key goes in TAGDESK_KEY"):
            read_corrections(source, TAXONOMY)
        monkeypatch.setenv("TAGDESK_KEY", token)
        corrections = read_corrections(source, TAXONOMY)
    assert topics_of(corrections) == {"a-1": {"weather"}}
    assert corrections.editors == ("monday",)
