"""The benchmarks run, as far as they need nothing from elsewhere."""

import asyncio
import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import table, vectorize
from benchmarks.mixed_traffic import Asked
from benchmarks.open_loop import Client, Serving
from benchmarks.workers.quality_task import cut_offs, deal, decide, f1

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


def test_readme_of_the_benchmarks_names_every_command() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    shown = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    commands = re.findall(r"^    ([a-z-]+) ", shown, flags=re.MULTILINE)
    assert commands
    assert [name for name in commands if f"`{name}`" not in text] == []


def test_quality_measures_from_answers_that_never_saw_the_topics(tmp_path: Path) -> None:
    """Two competitors on one set of invented articles; results of an earlier run stay in the table."""
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
    figures = re.findall(r"^\| (Tagdesk|scikit-learn, LinearSVC) \| ([\d.]+) · ", done.stdout, flags=re.MULTILINE)
    assert [name for name, _ in figures] == ["Tagdesk", "scikit-learn, LinearSVC"]
    assert all(float(points) > 40 for _, points in figures)
    assert "R52, its articles are not at hand" in done.stdout
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


def test_cut_off_is_where_f1_is_best() -> None:
    """Half way between the last article that should have the topic and the next."""
    scores = np.array([[0.9], [0.5], [0.1], [-0.3]])
    truth = np.array([[True], [True], [False], [False]])
    cut = cut_offs(scores, truth)
    assert cut == pytest.approx([0.3])
    assert f1(decide(scores, cut), truth) == (1.0, 1.0)


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


async def _asked_once_each(killed: bool) -> dict[str, int]:
    """Ask a server for each kind of answer; busy and reset are right the second time."""
    seen: set[bytes] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        what = (await reader.readuntil(b"\r\n\r\n"))[:-4]
        if killed and what == b"reset":
            client.found.killed[writer.get_extra_info("peername")[1]] = float("inf")
        writer.write(ANSWERS[b"right" if what in seen else what])
        seen.add(what)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        client = Client(server.sockets[0].getsockname()[1], Serving(frozenset({"b"})))
        expected = {"a": (200, b"old"), "b": (200, b"new")}
        for what in ANSWERS:
            await client.ask(Asked("article", what + b"\r\n\r\n", expected), 0.0)
        client.close()
    return dict(client.found.counts)


@pytest.mark.parametrize("killed", [False, True])
def test_soak_notices_what_goes_wrong(killed: bool) -> None:
    """An answer of a model that was replaced is wrong too; only what a killed worker breaks off is not a failure."""
    counts = asyncio.run(_asked_once_each(killed))
    known = {"requests": 6, "wrong": 2, "503": 1, "503, then answered": 1}
    broken = {"failed": 1, "lost": 1, "lost, then answered": 1} if killed else {"failed": 2}
    assert counts == known | broken
