"""The benchmarks run, as far as they need nothing from elsewhere."""

import asyncio
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from benchmarks import noise, serving, soak, soak_report, soaked_service, table, vectorize
from benchmarks.corrections import Correction, Corrections
from benchmarks.exchange import Answer
from benchmarks.made import bundle
from benchmarks.mixed_traffic import Checked
from benchmarks.open_loop import Client, Fault
from benchmarks.operations import Change, untrue_answers
from benchmarks.serving import Serving
from benchmarks.workers.quality_task import cut_offs, deal, decide, f1
from tagdesk.models import load
from tests.tiny import tiny_model

ROOT = Path(__file__).parent.parent


def test_in_process_compares_ours_with_the_pipeline(tmp_path: Path) -> None:
    """Without Wikinews the invented articles stand in; the two have the same weights, so the same confidences."""
    command = [sys.executable, "-m", "benchmarks", "in-process", "--quick", "--only", "ours,pipeline"]
    environment = {"PATH": "", "CORPUS_DIR": str(tmp_path), "TAGDESK_BENCH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    rows = re.findall(
        r"^\| (Tagdesk|scikit-learn)[^|]*\| *([\d.,]+) \|.*\| *(\S+) \|$", done.stdout, flags=re.MULTILINE
    )
    assert [name for name, _, _ in rows] == ["Tagdesk", "scikit-learn"]
    assert float(rows[1][2]) < 1e-5
    assert "invented articles" in done.stdout
    assert (tmp_path / "results" / "in-process.md").read_text(encoding="utf-8") == done.stdout


def test_noise_that_a_reader_does_not_see_changes_no_answer() -> None:
    """On the articles written for the tests; only misread letters may."""
    rows = noise.table(tiny_model(), noise.articles(ROOT / "tests" / "data" / "articles.jsonl")).splitlines()[2:]
    changed = {cells[1].strip(): int(cells[5]) for cells in (row.split("|") for row in rows)}
    assert len(changed) == len(noise.TWINS)
    assert {name for name, count in changed.items() if count} <= {name for name in changed if "misread" in name}


def test_readme_of_the_benchmarks_names_every_command() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    shown = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    commands = re.findall(r"^    ([a-z-]+) ", shown, flags=re.MULTILINE)
    assert commands
    assert [name for name in commands if f"`{name}`" not in text] == []


def test_quality_measures_from_answers_that_never_saw_the_topics(tmp_path: Path) -> None:
    """Two competitors on one set of invented articles; earlier results stay in the table, the rest is named."""
    rows = [json.loads(line) for line in (ROOT / "tests" / "data" / "articles.jsonl").read_text("utf-8").splitlines()]
    rows = [{"title": row["title"], "body": row["body"], "labels": row["topics"][:1]} for row in rows if row["topics"]]
    folder = tmp_path / "data" / "bbc-news"
    folder.mkdir(parents=True)
    for part, some in (("train", rows[::2]), ("test", rows[1::2])):
        with gzip.open(folder / f"{part}.jsonl.gz", "wt", encoding="utf-8") as lines:
            lines.writelines(f"{json.dumps(row)}\n" for row in some)
    environment = {"PATH": "", "BENCH_DATA": str(tmp_path / "data"), "TAGDESK_BENCH": str(tmp_path)}
    for name in ("ours", "linearsvc"):
        command = [sys.executable, "-m", "benchmarks", "quality", "--quick", "--only", name]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    figures = re.findall(r"^\| (Tagdesk|scikit-learn, LinearSVC) \| \**([\d.]+)\** · ", done.stdout, flags=re.MULTILINE)
    assert [name for name, _ in figures] == ["Tagdesk", "scikit-learn, LinearSVC"]
    assert all(float(points) > 40 for _, points in figures)
    assert "| **" in done.stdout
    assert "R52, its articles are not at hand" in done.stdout
    assert "Not measured yet: BBC, scikit-learn, LogisticRegression; fastText" in done.stdout
    assert "topics" not in json.loads(
        (tmp_path / "quality-quick" / "bbc" / "test.jsonl").read_text("utf-8").split("\n")[0]
    )


def test_quality_says_where_its_articles_are_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "quality", "--quick"]
    environment = {"PATH": "", "BENCH_DATA": str(tmp_path), "TAGDESK_BENCH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "BENCH_DATA" in done.stderr


def test_growth_ends_a_run_that_takes_too_long_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table, "VAR", tmp_path)
    monkeypatch.setattr(vectorize, "_LIMIT", 0.1)
    monkeypatch.setattr(vectorize, "_plot", lambda folder: f"{folder.name}, not drawn")
    vectorize.run(quick=True, only=("growth",))
    said = capsys.readouterr().out
    assert said.count("| unknown | > 0.1 s | > 0.1 s | – | – |") == 4
    assert "takes over 0.1 s" in said
    assert (tmp_path / "results" / "growth.csv").read_text(encoding="utf-8").count("\n") == 1


def test_ablation_compares_variants_with_the_shipped_settings(tmp_path: Path) -> None:
    """Equal weights change nothing; the shipped settings are measured unasked, and earlier results stay."""
    environment = {"PATH": "", "CORPUS_DIR": str(tmp_path), "TAGDESK_BENCH": str(tmp_path)}
    for names in ("duplicates", "cleaned,self-training"):
        command = [sys.executable, "-m", "benchmarks", "ablation", "--quick", "--only", names]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    rows = re.findall(
        r"^\|[^|]*\(`([a-z-]+)`\) \| ([\d.]+ \| [\d.]+) \|.*?\| (\d+ %|–) \| [\d.]+ \|", done.stdout, flags=re.MULTILINE
    )
    assert [name for name, _, _ in rows] == ["shipped", "duplicates", "cleaned", "self-training"]
    assert rows[0][1] == rows[1][1]
    assert rows[1][2] == "50 %"


def test_function_words_left_out_are_no_evidence(tmp_path: Path) -> None:
    """Pairs with one still light it; without these pairs nothing does."""
    environment = {"PATH": "", "CORPUS_DIR": str(tmp_path), "TAGDESK_BENCH": str(tmp_path)}
    command = [sys.executable, "-m", "benchmarks", "function-words", "--quick"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    rows = re.findall(r"\(`([a-z]+)`\) \| ([\d.]+) % \| [\d.]+ % \| [\d.]+ % \| ([\d.]+) % ", done.stdout)
    alone, lit = ({name: float(row[at]) for name, *row in rows} for at in (0, 1))
    assert list(alone) == ["shipped", "single", "only", "any"]
    assert alone["shipped"] > alone["single"] > alone["only"] == 0
    assert lit["only"] > lit["any"] == 0


def test_cut_off_is_where_f1_is_best() -> None:
    """Half way between the last article that should have the topic and the next."""
    scores = np.array([[0.9], [0.5], [0.1], [-0.3]])
    truth = np.array([[True], [True], [False], [False]])
    cut = cut_offs(scores, truth)
    assert cut == pytest.approx([0.3])
    assert f1(decide(scores, cut), truth) == (1.0, 1.0)


def test_of_equally_good_cut_offs_the_one_near_that_of_all_topics_is_taken() -> None:
    """The first topic's F1 is 2/3 from 0.9 and from 0.1; all topics together are decided best at the lower one."""
    scores = np.array([[0.9, 0.08], [0.5, 0.08], [0.3, 0.08], [0.1, 0.08], [-0.9, -0.9]])
    truth = np.array([[True, True], [False, True], [False, True], [True, True], [False, False]])
    assert cut_offs(scores, truth) == pytest.approx([-0.4, -0.41])


def test_folds_have_every_topic_evenly() -> None:
    truth = np.eye(3, dtype=bool)[np.repeat([0, 1, 2], [9, 6, 3])]
    fold = deal(truth, 3)
    assert [[int((truth[fold == k, topic]).sum()) for k in range(3)] for topic in range(3)] == [
        [3] * 3,
        [2] * 3,
        [1] * 3,
    ]


ANSWERS = {
    b"right": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nnew",
    b"replaced": b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nold\r\n0\r\n\r\n",
    b"mixed": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nnld",
    b"broken": b"HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    b"busy": b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n",
    b"reset": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\ncut",
}


async def _asked_each(killed: bool) -> dict[str, int]:
    """Ask a server for each kind of answer; busy and reset are right the second time."""
    seen: set[bytes] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        what = (await reader.readuntil(b"\r\n\r\n"))[:-4]
        if killed and what == b"reset":
            client.outcomes.killed[writer.get_extra_info("peername")[1]] = float("inf")
        writer.write(ANSWERS[b"right" if what in seen else what])
        seen.add(what)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        client = Client(server.sockets[0].getsockname()[1], Serving("b"))
        expected = {"a": (200, b"old"), "b": (200, b"new")}
        for what in ANSWERS:
            await client.ask(Checked("article", what + b"\r\n\r\n", expected), perf_counter())
        client.close()
    return dict(client.outcomes.counts)


@pytest.mark.parametrize("killed", [False, True])
def test_soak_notices_what_goes_wrong(killed: bool) -> None:
    """An answer of a model that was replaced is wrong too; only what a killed worker breaks off is not a failure."""
    counts = asyncio.run(_asked_each(killed))
    known = {"requests": 6, "mixed": 1, "wrong": 1, "503": 1, "503: article": 1, "503, then answered": 1}
    broken = {"failed": 1, "with its worker": 1, "with its worker, then answered": 1} if killed else {"failed": 2}
    assert counts == known | broken


def test_soak_lets_the_model_before_answer_only_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until all workers are said to serve the new one, and what was asked before that is answered."""
    now = 100.0
    monkeypatch.setattr(serving, "perf_counter", lambda: now)
    models = Serving("old")
    models.see("new")
    assert models.since(now) == {"old", "new"}
    models.settle("new")
    assert models.since(now + serving.SETTLING + 0.1) == {"new"}
    assert models.was_current("old", now)
    assert not models.was_current("old", now + 1)


V1, V2, V3 = "m@1", "m@2", "m@3"


@pytest.mark.parametrize(
    ("changes", "after", "number"),
    [
        ([Change("", 200, V2), Change("", 409)], V2, 0),
        ([Change("", 200, V2), Change("", 200, V1)], V1, 0),
        ([Change("", 200, V2), Change("", 0)], V1, 0),
        ([Change("", 200, V2), Change("", 200, V2)], V1, 2),  # a rollback too many, and both hide it
        ([Change("", 200, V1)], V1, 1),  # V2 was current before
        ([Change(V1, 200, V1), Change(V2, 409)], V1, 0),
        ([Change(V1, 200, V1), Change(V2, 409)], V2, 1),
        ([Change(V1, 200, V2)], V2, 1),
        ([Change(V1, 200, V1, true=False)], V1, 1),
        ([Change(V1, 409)], V1, 1),  # refused, and done
    ],
)
def test_soak_notices_answers_to_activations_and_rollbacks_that_are_not_true(
    changes: list[Change], after: str, number: int
) -> None:
    """Each is asked for while V3 is current, and V2 was before."""
    assert len(untrue_answers(changes, V3, V2, after)) == number


@pytest.fixture
def corrections() -> Corrections:
    """Return corrections of one article to the shipped model."""
    row = {"id": "7", "title": "War", "body": "Troops took the town."}
    return Corrections(load(bundle()), [row], Serving("m@1"))


def _answer(correction: Correction, status: int = 202, **other: str) -> Fault | None:
    receipt = {"id": correction.id, "article": "7", "received": "2026-11-24", **other}
    return correction.fault(Answer(status, b"", json.dumps(receipt).encode()), frozenset())


@pytest.mark.parametrize(
    ("rows", "whats"),
    [
        (lambda row: [row], []),
        (lambda row: [], ["lost"]),
        (lambda row: [row, row], ["twice"]),
        (lambda row: [row | {"body": "Troops left."}], ["changed"]),
        (lambda row: [row | {"editor": "ben"}], ["changed"]),
    ],
)
def test_soak_notices_corrections_that_are_lost_twice_or_changed(
    corrections: Corrections, rows: Callable[[dict[str, Any]], list[dict[str, Any]]], whats: list[str]
) -> None:
    """Of those acknowledged; what was never acknowledged may be there or not."""
    correction = corrections.new("X-API-Key: k", "anna")
    corrections.new("X-API-Key: k", "anna")
    assert _answer(correction) is None
    exported = rows({**correction.expected, "feedback": correction.id})
    faults = corrections.faults([json.dumps(row).encode() for row in exported], perf_counter())
    assert [fault.what for fault in faults] == whats


def test_soak_notices_what_a_correction_must_not_be_answered(corrections: Corrections) -> None:
    """A valid one is not refused, and gets the same receipt each time."""
    correction = corrections.new("X-API-Key: k", "anna")
    answers = [_answer(correction, 422), _answer(correction, 500), _answer(correction), _answer(correction)]
    answers += [_answer(correction, received="2026-11-25"), _answer(correction, id="another")]
    assert [fault.what if fault else "" for fault in answers] == ["refused", "failed", "", "", "wrong", "wrong"]


@pytest.mark.skipif(
    "REQUIRE_SOAK" not in os.environ, reason="kills workers for half a minute; set REQUIRE_SOAK=1 to run it"
)
def test_soak_of_a_few_seconds_finds_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two workers, one killed, versions activated and rolled back, editors at the desk, attacks."""
    monkeypatch.setattr(table, "VAR", tmp_path)
    monkeypatch.setattr(soaked_service, "VAR", tmp_path)
    monkeypatch.setattr(soak, "QUICK", soak.plan(1, 1, calm=4, full=2, every=(1.5, 4, 3)))
    monkeypatch.setattr(soak_report, "_plot", lambda folder: f"{folder.name}, not drawn")
    soak.run(quick=True, only=("sqlite",))
    report = capsys.readouterr().out
    assert "| acknowledged corrections **lost** | 0 |" in report
    assert re.search(r"\| corrections acknowledged \| [1-9]", report)


def test_reading_tells_seconds_and_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "reading", "--quick"]
    environment = {"PATH": "", "TAGDESK_BENCH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert re.search(r"^\| 2 MB \| [\d,]+ \| [\d.]+ s \| \d+ MiB \|$", done.stdout, flags=re.MULTILINE)


def test_doors_lists_what_a_request_passes(tmp_path: Path) -> None:
    """From FastAPI's app to the route, one within the other."""
    command = [sys.executable, "-m", "benchmarks", "doors", "--quick"]
    environment = {"PATH": "", "TAGDESK_BENCH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "| `fastapi.applications.FastAPI.__call__` | door |" in done.stdout
