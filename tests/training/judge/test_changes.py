"""What a candidate changes: the file beside its bundle, and the report's section."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tagdesk.models import TopicModel
from tagdesk.models.bundle import save_bundle
from tagdesk.models.weights import SparseWeights
from tagdesk.training.errors import TrainingError
from tagdesk.training.judge.changes import CHANGES, changes, read_changes, write_changes
from tagdesk.training.judge.pairs import pair
from tagdesk.training.learn.corrections import Corrections, read_corrections
from tagdesk.training.report.changes import changes_section
from tests.tiny import TAXONOMY, WEIGHTS, tiny_model
from tests.training.conftest import WriteCorpus

NGRAMS = list(WEIGHTS)


@pytest.fixture
def corrections(write_corpus: WriteCorpus) -> Corrections:
    """Return four corrections by two editors: three of storms that stopped a war, one of a summit."""
    lines: list[dict[str, Any]] = [
        {"id": f"s-{n}", "title": f"Storm {n}", "body": "Storm and war.", "topics": ["weather"], "editor": "anna"}
        for n in range(2)
    ]
    judged: dict[str, Any] = {"accepted": ["weather"], "rejected": ["conflict"], "complete": False}
    lines.append({"id": "s-2", "title": "", "body": "Rain and war.", **judged})
    lines.append({"id": "d-1", "title": "Summit", "body": "The envoy.", "topics": ["diplomacy"], "editor": "anna"})
    return read_corrections(str(write_corpus(lines)), TAXONOMY)


def peaceful() -> TopicModel:
    """Return the tiny model where `war` no longer means conflict."""
    model = tiny_model()
    weights = model.dense.copy()
    weights[NGRAMS.index("war"), TAXONOMY.column("conflict")] = 0.5
    return replace(model, version="2", weights=weights)


def changes_to_peace(corrections: Corrections) -> dict[str, Any]:
    nowhere = Path("none")  # no bundle: neither model has any evidence but the corrections
    served, candidate = tiny_model(), peaceful()
    pairs = pair(served, nowhere, candidate, nowhere, corrections)
    return changes(served, candidate, pairs, (NGRAMS, NGRAMS), corrections)


def test_tells_what_every_topic_gains_and_loses(corrections: Corrections) -> None:
    content = changes_to_peace(corrections)
    assert (content["candidate"], content["served"]) == ("tiny@2", "tiny@1")
    assert (content["source"], content["articles"]) == ("corrected articles", 4)
    assert content["topics"] == [
        {"topic": "conflict", "gained": 0, "lost": 3},
        {"topic": "diplomacy", "gained": 0, "lost": 0},
        {"topic": "weather", "gained": 0, "lost": 0},
    ]
    assert content["gate"] is None


def test_tells_the_articles_that_matter(corrections: Corrections) -> None:
    """Those whose confidence moves most come first; one without a title says so."""
    strongest = changes_to_peace(corrections)["strongest"]
    assert {row["id"]: row["title"] for row in strongest} == {"s-0": "Storm 0", "s-1": "Storm 1", "s-2": None}
    assert all((row["topic"], row["change"]) == ("conflict", "lost") for row in strongest)
    moved = [row["served"] - row["candidate"] for row in strongest]
    assert moved == sorted(moved, reverse=True)


def test_tells_the_words_that_moved(corrections: Corrections) -> None:
    assert changes_to_peace(corrections)["words"] == [
        {"topic": "conflict", "up": [], "down": [{"ngram": "war", "served": 6.0, "candidate": 0.5}]}
    ]


def test_words_that_only_one_model_has_weigh_nothing_in_the_other(corrections: Corrections) -> None:
    served = tiny_model()
    names = ["truce" if name == "troops" else name for name in NGRAMS]
    pairs = pair(served, Path("none"), served, Path("none"), corrections)
    content = changes(served, replace(served, version="2"), pairs, (NGRAMS, names), corrections)
    (conflict,) = [row for row in content["words"] if row["topic"] == "conflict"]
    assert conflict["up"] == [{"ngram": "truce", "served": 0.0, "candidate": 5.0}]
    assert conflict["down"] == [{"ngram": "troops", "served": 5.0, "candidate": 0.0}]


def test_words_of_a_model_of_many_topics_are_those_of_the_same_weights(corrections: Corrections) -> None:
    """The weights that are not 0 are told as all are."""

    def thin(model: TopicModel) -> TopicModel:
        csr = sp.csr_matrix(model.dense)
        starts, topics = csr.indptr.astype(np.int64), csr.indices.astype(np.uint32)
        return replace(model, weights=SparseWeights(starts, topics, csr.data, len(model.taxonomy)))

    served, candidate = tiny_model(), peaceful()
    thin_served, thin_candidate = thin(served), thin(candidate)
    pairs = pair(thin_served, Path("none"), thin_candidate, Path("none"), corrections)
    names = ["truce" if name == "troops" else name for name in NGRAMS]
    words = changes(thin_served, thin_candidate, pairs, (NGRAMS, names), corrections)["words"]
    assert words == changes(served, candidate, pairs, (NGRAMS, names), corrections)["words"]
    assert words[0]["down"][0] == {"ngram": "war", "served": 6.0, "candidate": 0.5}


def test_tells_what_each_editor_achieved(corrections: Corrections) -> None:
    """What the editor took away and added where that was sent, else where the served model says otherwise."""
    assert changes_to_peace(corrections)["editors"] == [
        {"editor": "anna", "topic": "conflict", "corrections": 2, "errors_before": 2, "errors_after": 0},
        {"editor": None, "topic": "conflict", "corrections": 1, "errors_before": 1, "errors_after": 0},
    ]


def test_file_lies_beside_the_bundle_and_is_replaced_as_a_whole(corrections: Corrections, tmp_path: Path) -> None:
    bundle = save_bundle(tiny_model(), NGRAMS, "# tiny\n", tmp_path)
    assert read_changes(bundle) is None
    content = changes_to_peace(corrections)
    path = write_changes(bundle, content)
    assert path == bundle / CHANGES
    assert json.loads(path.read_text(encoding="utf-8")) == content == read_changes(bundle)
    path.write_text("[", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"cannot read .*; remove it"):
        read_changes(bundle)


def test_report_tells_the_same(corrections: Corrections) -> None:
    """Escaped: a title may have markup."""
    content = changes_to_peace(corrections)
    content["strongest"][0]["title"] = "<script>alert(1)</script>"
    html = changes_section(peaceful(), content).html
    assert "Against tiny@1, on 4 corrected articles: 0 topics gained and 3 lost." in html
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    for part in ("Storm 1", "anna", "war (−5.50)"):
        assert part in html


def test_report_says_that_nothing_changes(corrections: Corrections) -> None:
    served = tiny_model()
    pairs = pair(served, Path("none"), served, Path("none"), corrections)
    content = changes(served, served, pairs, (NGRAMS, NGRAMS), corrections)
    assert "every article keeps its topics." in changes_section(served, content).html
    assert content["strongest"] == content["words"] == []
    assert all(row["errors_before"] == row["errors_after"] for row in content["editors"])
    assert content["articles"] == 4
