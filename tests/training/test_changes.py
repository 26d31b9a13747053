"""What a candidate changes: the file beside its bundle, and the report's section."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models import TopicModel
from models.bundle import save_bundle
from tests.tiny import TAXONOMY, WEIGHTS, tiny_model
from tests.training.conftest import WriteCorpus
from training.changes import CHANGES, changes, on_traffic, read_changes, write_changes
from training.corrections import Corrections, read_corrections
from training.errors import TrainingError
from training.report_changes import changes_section

NGRAMS = list(WEIGHTS)


@pytest.fixture
def corrections(write_corpus: WriteCorpus) -> Corrections:
    """Return four corrections by two editors: three of storms that stopped a war, one of a summit."""
    lines: list[dict[str, Any]] = [
        {"id": f"s-{n}", "title": f"Storm {n}", "body": "Storm and war.", "topics": ["weather"], "editor": "anna"}
        for n in range(2)
    ]
    lines.append({"id": "s-2", "title": "", "body": "Rain and war.", "accepted": ["weather"], "rejected": ["conflict"]})
    lines.append({"id": "d-1", "title": "Summit", "body": "The envoy.", "topics": ["diplomacy"], "editor": "anna"})
    return read_corrections(str(write_corpus(lines)), TAXONOMY)


def peaceful() -> TopicModel:
    """Return the tiny model where `war` no longer means conflict."""
    model = tiny_model()
    weights = model.weights.copy()
    weights[NGRAMS.index("war"), TAXONOMY.column("conflict")] = 0.5
    return replace(model, version="2", weights=weights)


def found(corrections: Corrections) -> dict[str, Any]:
    served, candidate = tiny_model(), peaceful()
    unseen = candidate.scores(corrections.texts)[1]
    diff = on_traffic(served, candidate, corrections)
    return changes(served, candidate, diff, (NGRAMS, NGRAMS), corrections, unseen)


def test_tells_what_every_topic_gains_and_loses(corrections: Corrections) -> None:
    told = found(corrections)
    assert (told["candidate"], told["served"]) == ("tiny@2", "tiny@1")
    assert (told["source"], told["articles"]) == ("recent traffic", 4)
    assert told["topics"] == [
        {"topic": "conflict", "gained": 0, "lost": 3},
        {"topic": "diplomacy", "gained": 0, "lost": 0},
        {"topic": "weather", "gained": 0, "lost": 0},
    ]
    assert told["gate"] is None


def test_tells_the_articles_that_matter(corrections: Corrections) -> None:
    """Those whose confidence moves most come first; one without a title says so."""
    strongest = found(corrections)["strongest"]
    assert {one["id"]: one["title"] for one in strongest} == {"s-0": "Storm 0", "s-1": "Storm 1", "s-2": None}
    assert all((one["topic"], one["change"]) == ("conflict", "lost") for one in strongest)
    moved = [one["served"] - one["candidate"] for one in strongest]
    assert moved == sorted(moved, reverse=True)


def test_tells_the_words_that_moved(corrections: Corrections) -> None:
    assert found(corrections)["words"] == [
        {"topic": "conflict", "up": [], "down": [{"ngram": "war", "served": 6.0, "candidate": 0.5}]}
    ]


def test_words_that_only_one_model_has_weigh_nothing_in_the_other(corrections: Corrections) -> None:
    served = tiny_model()
    names = ["truce" if name == "troops" else name for name in NGRAMS]
    told = changes(served, replace(served, version="2"), on_traffic(served, served, corrections), (NGRAMS, names))
    (conflict,) = [row for row in told["words"] if row["topic"] == "conflict"]
    assert conflict["up"] == [{"ngram": "truce", "served": 0.0, "candidate": 5.0}]
    assert conflict["down"] == [{"ngram": "troops", "served": 5.0, "candidate": 0.0}]


def test_tells_what_each_editor_achieved(corrections: Corrections) -> None:
    """What the editor took away and added where that was sent, else where the served model says otherwise."""
    assert found(corrections)["editors"] == [
        {"editor": "anna", "topic": "conflict", "corrections": 2, "errors_before": 2, "errors_after": 0},
        {"editor": None, "topic": "conflict", "corrections": 1, "errors_before": 1, "errors_after": 0},
    ]


def test_file_lies_beside_the_bundle_and_is_replaced_as_a_whole(corrections: Corrections, tmp_path: Path) -> None:
    bundle = save_bundle(tiny_model(), NGRAMS, "# tiny\n", tmp_path)
    assert read_changes(bundle) is None
    told = found(corrections)
    path = write_changes(bundle, told)
    assert path == bundle / CHANGES
    assert json.loads(path.read_text(encoding="utf-8")) == told == read_changes(bundle)
    path.write_text("[", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"cannot read .*; remove it"):
        read_changes(bundle)


def test_report_tells_the_same(corrections: Corrections) -> None:
    """Escaped: a title may have markup."""
    told = found(corrections)
    told["strongest"][0]["title"] = "<script>alert(1)</script>"
    html = changes_section(peaceful(), told).html
    assert "Against tiny@1, on 4 articles of recent traffic: 0 topics gained and 3 lost." in html
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    for part in ("Storm 1", "anna", "war (−5.50)"):
        assert part in html


def test_report_says_that_nothing_changes(corrections: Corrections) -> None:
    served = tiny_model()
    told = changes(served, served, on_traffic(served, served, corrections), (NGRAMS, NGRAMS))
    assert "every article keeps its topics." in changes_section(served, told).html
    assert told["strongest"] == told["words"] == told["editors"] == []
    assert told["articles"] == 4
