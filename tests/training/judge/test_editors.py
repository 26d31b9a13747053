"""Whose corrections the rest contradict: the editor is named, in the record and in what `retrain` says."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tagdesk.models import Article, TopicModel
from tagdesk.models.storage import make_current
from tagdesk.training.judge.changes import CHANGES
from tagdesk.training.promote import HELD_OR_REFUSED
from tests.training.conftest import DATA, Run, WriteCorpus, decided

Rows = list[dict[str, Any]]


def right(row: dict[str, Any], editor: str) -> dict[str, Any]:
    """Return the correction of an editor who decides as the corpora say."""
    return decided(row) | {"topics": row["topics"], "editor": editor}


def wrong(row: dict[str, Any], model: TopicModel, editor: str) -> dict[str, Any]:
    """Return a correction that gives an article the one topic that least speaks for."""
    least = model.below(Article(title=row["title"], body=row["body"]))[-1]
    return decided(row) | {"topics": [least.topic.id], "editor": editor}


def again(lines: Sequence[dict[str, Any]], times: int) -> Rows:
    """Return the same corrections of so many articles of other ids each."""
    return [line | {"id": f"{line['id']}-{number}"} for line in lines for number in range(times)]


def record(store: Path, served: str) -> dict[str, Any]:
    """Return what was written of the candidate."""
    (folder,) = [path for path in (store / "small").iterdir() if path.is_dir() and path.name != served]
    content: dict[str, Any] = json.loads((folder / CHANGES).read_text(encoding="utf-8"))
    return content


def standing(out: str, editor: str) -> list[str]:
    """Return the lines that name an editor among those to look at."""
    return [line for line in out.splitlines() if line.startswith("look at these: ") and f" by {editor}" in line]


def test_ten_wrong_corrections_among_many_are_named(
    run: Run, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """Whatever is learned of the others; who decides as they do is not named."""
    lines = [decided(row) for row in rows[:200]] + [decided(row) | {"editor": "ben"} for row in rows[200:270]]
    lines += [wrong(row, small_model, "eve") for row in rows[270:280]]
    code, out, _ = run("retrain", "--corrections", str(write_corpus(lines)))
    assert code == 0
    assert standing(out, "eve")[0].endswith(" % is usual)")
    assert not standing(out, "anna")
    assert not standing(out, "ben")
    assert "to learn only from the others: tagdesk retrain --without eve\n" in out


def test_an_editor_who_is_wrong_always_is_named_however_many_the_corrections(
    run: Run, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """Five of six corrections are wrong: those of the others stay unnamed, for the corpora say the same."""
    lines = again([wrong(row, small_model, "eve") for row in rows[::2]], 3)
    lines += [right(row, ("anna", "ben")[number % 2]) for number, row in enumerate(rows[1::2][:80])]
    code, out, _ = run("retrain", "--publish", "--corrections", str(write_corpus(lines)))
    assert standing(out, "eve")
    assert not standing(out, "anna")
    assert not standing(out, "ben")
    assert code == HELD_OR_REFUSED


def test_an_editor_who_rejects_one_topic_always_is_named_with_the_topic(
    run: Run, store: Path, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """At the desk, that is, where topics are judged one by one."""
    lines = [right(row, "anna") for row in rows[:140]]
    for row in rows[140:]:
        predicted = [
            result.topic.id for result in small_model.tag(Article(title=row["title"], body=row["body"])).topics
        ]
        accepted = [topic for topic in predicted if topic != "sport"]
        judged = {"accepted": accepted, "rejected": ["sport"] * ("sport" in predicted), "added": [], "complete": False}
        lines.append(decided(row) | {"topics": accepted, **judged, "editor": "eve"})
    code, out, _ = run("retrain", "--corrections", str(write_corpus(lines)))
    assert code == 0
    (line,) = standing(out, "eve")
    assert " by eve on sport, " in line
    assert not standing(out, "anna")


def test_an_editor_whom_the_served_model_has_learned_from_is_still_named_when_training_anew(
    run: Run,
    store: Path,
    rows: Rows,
    write_corpus: WriteCorpus,
    small_model: TopicModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Editors are compared with what the served model was adapted from, which nobody had corrected yet."""
    export = str(write_corpus([decided(row) | {"editor": "eve"} for row in rows]))
    run("retrain", "--corrections", export)
    make_current(store, "small", _newest(store, small_model.version).parent.name)
    monkeypatch.setenv("CORPUS_DIR", str(DATA))
    code, out, _ = run("retrain", "--corrections", export)
    assert code == 0
    assert " trained anew in " in out
    assert any(" by eve on crime, " in line for line in standing(out, "eve"))


def test_two_who_contradict_each_other_are_named_together(
    run: Run, store: Path, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """In the record, too; the later correction counts."""
    lines = []
    for row in rows[::2]:
        lines += [right(row, "anna"), decided(row) | {"editor": "ben"}]
    lines += [decided(row) | {"editor": "cleo"} for row in rows[1::2]]
    code, out, _ = run("retrain", "--corrections", str(write_corpus(lines)))
    assert code == 0
    crimes = sum("crime" in row["topics"] for row in rows[::2])
    assert f"ben overruled anna on {crimes} articles" in out
    content = record(store, small_model.version)
    assert content["overruled"] == [{"editor": "anna", "by": "ben", "articles": crimes}]
    assert {row["editor"] for row in content["contradicted"]} == {"ben", "cleo"}  # all of anna's were decided anew


def test_what_the_others_taught_is_no_contradiction(
    run: Run, store: Path, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """Crime is politics at this desk: each editor is contradicted less than one who says so alone."""
    together = [decided(row) | {"editor": ("anna", "ben", "cleo")[number % 3]} for number, row in enumerate(rows)]
    run("retrain", "--corrections", str(write_corpus(together)))
    shares = [row["share"] for row in record(store, small_model.version)["contradicted"] if row["topic"] is None]
    assert len(shares) == 3
    run("retrain", "--corrections", str(write_corpus([decided(row) for row in rows])))
    alone = json.loads(_newest(store, small_model.version).read_text(encoding="utf-8"))["contradicted"][0]["share"]
    assert max(shares) < alone


def _newest(store: Path, served: str) -> Path:
    folders = [path for path in (store / "small").iterdir() if path.is_dir() and path.name != served]
    return max(folders, key=lambda path: (path / CHANGES).stat().st_mtime_ns) / CHANGES


def test_an_erased_editor_is_no_longer_named_in_the_record(
    run: Run, store: Path, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """Neither as one whom the rest contradict, nor as one who overruled another."""
    lines = _with_wrong_ones_by("eve", rows, small_model)
    run("retrain", "--corrections", str(write_corpus(lines)))
    before = record(store, small_model.version)
    assert {row["editor"] for row in before["contradicted"]} == {"anna", "eve"}
    assert any(row["by"] == "eve" for row in before["overruled"])
    run("forget", "--corrections", str(write_corpus(lines[:200], "left.jsonl")))
    after = record(store, small_model.version)
    assert {row["editor"] for row in after["contradicted"]} == {"anna"}
    assert all(row["by"] != "eve" for row in after["overruled"])


def test_an_erased_editor_without_a_name_stays_in_the_record(
    run: Run, store: Path, rows: Rows, write_corpus: WriteCorpus, small_model: TopicModel
) -> None:
    """Nobody is named by it."""
    lines = _with_wrong_ones_by("", rows, small_model)
    run("retrain", "--corrections", str(write_corpus(lines)))
    assert {row["editor"] for row in record(store, small_model.version)["contradicted"]} == {"anna", None}
    run("forget", "--corrections", str(write_corpus(lines[:200], "left.jsonl")))
    assert {row["editor"] for row in record(store, small_model.version)["contradicted"]} == {"anna", None}


def _with_wrong_ones_by(editor: str, rows: Rows, model: TopicModel) -> Rows:
    """Return 200 corrections of the desk, and others of an editor who is wrong and overrules it once."""
    lines = [decided(row) for row in rows[:200]] + [wrong(row, model, editor) for row in rows[200:]]
    crime = next(row for row in rows[:200] if "crime" in row["topics"])
    return [*lines, right(crime, editor)]
