"""An archive that is interrupted, or tagged once more: what is done is not done again."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tagdesk.archive.places import Place
from tagdesk.archive.records import Counts
from tagdesk.archive.run import alone
from tagdesk.archive.sample import lines_of
from tagdesk.models.bundle import save_bundle
from tests.archive.conftest import Archive, answers, articles, ids, write_lines, write_parquet
from tests.processes import children_of
from tests.tiny import REF, WEIGHTS, tiny_model

PARTS, ROWS = 24, 2_000
PATIENCE = 300


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder of parts."""
    for n in range(PARTS):
        write_parquet(tmp_path / "in" / f"{n:02}.parquet", articles(ROWS, ROWS * n))
    return tmp_path / "in"


def started(source: Path, out: Path, model: str) -> "subprocess.Popen[bytes]":
    """Start the command, with two workers."""
    arguments = ["archive", str(source), str(out), "--model", model, "--workers", "2"]
    return subprocess.Popen([sys.executable, "-m", "tagdesk", *arguments], stderr=subprocess.DEVNULL)


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.01)


def done(out: Path) -> list[Path]:
    """Return the parts that are written down as done."""
    return sorted((out / "_tagdesk").glob("*.json"))


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_workers_that_are_killed_are_replaced(source: Path, tmp_path: Path, model: str) -> None:
    """Before they have begun, and amid the work: every id is answered once."""
    out = tmp_path / "out"
    with started(source, out, model) as process:
        for parts in (0, 1, 3):
            wait_for(lambda: len(children_of(process.pid)) == 2 and len(done(out)) >= parts)  # noqa: B023 - called at once
            os.kill(children_of(process.pid)[0], signal.SIGKILL)
        assert process.wait(PATIENCE) == 0
    assert ids(out) == sorted(row["id"] for row in articles(PARTS * ROWS))
    assert not list(out.glob(".*"))


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_killed_command_goes_on_where_it_was(source: Path, tmp_path: Path, model: str, archive: Archive) -> None:
    """Its workers end with it, its drafts are cleared away, and parts that are done are left as they are."""
    out = tmp_path / "out"
    with started(source, out, model) as process:
        wait_for(lambda: len(done(out)) >= 2)
        workers = children_of(process.pid)
        process.kill()
    wait_for(lambda: not any(Path(f"/proc/{worker}/cmdline").exists() for worker in workers))
    before = {path: path.stat().st_mtime_ns for path in done(out)}
    assert 2 <= len(before) < PARTS
    (out / ".07.parquet.0123abcd").write_bytes(b"what a killed writer leaves")
    (out / ".of-others").write_bytes(b"")
    ran = archive(source, out)
    assert ran.code == 0
    assert f"{len(before)} parts done before, {PARTS - len(before)} to do" in ran.err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [path.name for path in out.glob(".*")] == [".of-others"]
    assert ids(out) == sorted(row["id"] for row in articles(PARTS * ROWS))


def test_second_run_into_a_folder_is_refused_while_the_first_is_at_work(archive: Archive, tmp_path: Path) -> None:
    source, out = write_lines(tmp_path / "in.jsonl", articles(3)), tmp_path / "out"
    with alone(Place.of(str(out))):
        ran = archive(source, out)
    assert ran.code == 2
    assert f"another `tagdesk archive`, process {os.getpid()}, is writing into {out}: wait until it ends" in ran.err
    assert [path.name for path in out.rglob("*")] == ["_tagdesk", "lock"]
    assert archive(source, out).code == 0


def test_file_system_without_locks_locks_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with alone(Place.of(str(tmp_path / "out"))), alone(Place.of(str(tmp_path / "out"))):
        assert (tmp_path / "out" / "_tagdesk" / "lock").read_text(encoding="utf-8") == f"{os.getpid()}\n"


def test_what_is_done_is_not_done_again(archive: Archive, tmp_path: Path) -> None:
    """The report is that of all; a part whose source has changed, or whose answers are gone, is done again."""
    data, out = tmp_path / "in", tmp_path / "out"
    for n in range(3):
        write_lines(data / f"{n}.jsonl", articles(10, 10 * n))
    first = archive(data, out)
    again = archive(data, out)
    assert "3 parts done before, 0 to do" in again.err
    assert again.out.splitlines()[1:] == first.out.splitlines()[1:]
    write_lines(data / "1.jsonl", articles(11, 10))
    (out / "2.jsonl.parquet").unlink()
    assert "1 part done before, 2 to do" in archive(data, out).err
    assert len(answers(out / "1.jsonl.parquet")) == 11


def test_report_does_not_depend_on_which_part_is_done_first() -> None:
    parts = []
    for n in range(3):
        part = Counts(articles=2, errors=1, examples=[[f"a-{n}", "no text"]])
        part.bands.update(auto=1)
        part.auto[("sport", "weather", "conflict")[n]] = part.warnings[("short", "long", "odd")[n]] = 1
        parts.append(part)
    reports = set()
    for order in permutations(parts):
        counts = Counts()
        for part in order:
            counts.update(part)
        reports.add(tuple(lines_of(counts)))
    assert len(reports) == 1


def test_other_columns_are_other_answers(archive: Archive, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"id": "1", "body": "war", "summary": "rain"}])
    archive(source, tmp_path / "out")
    archive(source, tmp_path / "out", "--columns", "body=summary")
    assert answers(tmp_path / "out" / "in.jsonl.parquet")[0]["topics"][0]["id"] == "weather"


@pytest.mark.parametrize("to", ["parquet", "jsonl"])
def test_file_that_is_cut_otherwise_keeps_no_answers_of_earlier_parts(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    """Written anew with other row groups, grown, or no longer large enough to be cut; other files are left alone."""
    monkeypatch.setattr("tagdesk.archive.parts._ENOUGH", 1)
    source, out = tmp_path / "in" / "a.parquet", tmp_path / "out"
    other = write_lines(out / "a.parquet.parts" / "part-of-others.jsonl", [])
    for large, groups, parts in ((1 << 20, 60, 1), (1, 20, 3), (1, 15, 4), (1, 30, 2), (1 << 20, 30, 1)):
        monkeypatch.setattr("tagdesk.archive.parts._LARGE", large)
        write_parquet(source, articles(60), row_group_size=groups)
        assert archive(source.parent, out, "--to", to).code == 0
        written = [path for path in out.rglob(f"*.{to}") if path != other and "_tagdesk" not in path.parts]
        assert len(written) == parts
        assert len(list((out / "_tagdesk").rglob("*.json"))) == parts
        assert sorted(row["id"] for path in written for row in answers(path)) == sorted(
            row["id"] for row in articles(60)
        )
    assert other.exists()


def test_earlier_parts_are_kept_until_all_new_ones_are_done(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = write_parquet(tmp_path / "in" / "a.parquet", articles(60)), tmp_path / "out"
    write_parquet(tmp_path / "in" / "b.parquet", articles(60))
    archive(source.parent, out)
    monkeypatch.setattr("tagdesk.archive.parts._LARGE", 1)
    monkeypatch.setattr("tagdesk.archive.parts._ENOUGH", 1)
    write_parquet(source, articles(60), row_group_size=30, compression="none")
    whole = source.read_bytes()
    damaged = pq.read_metadata(source).row_group(1).column(0).dictionary_page_offset
    source.write_bytes(whole[:damaged] + b"x" * 300 + whole[damaged + 300 :])
    assert archive(source.parent, out).code == 1
    assert (out / "a.parquet.parts" / "part-00000.parquet").exists()
    assert (out / "a.parquet").exists()


@pytest.fixture
def other(tmp_path: Path) -> Callable[[str], str]:
    """Return what makes another version of the tiny model, which never gives weather, and returns its path."""

    def make(version: str) -> str:
        tiny = tiny_model()
        never = replace(tiny.calibrations[2], suggest=1.0)
        model = replace(tiny, version=version, calibrations=(*tiny.calibrations[:2], never))
        save_bundle(model, list(WEIGHTS), "# tiny\n", tmp_path / "store")
        return str(tmp_path / "store" / "tiny" / version)

    return make


@pytest.mark.parametrize("to", ["parquet", "jsonl"])
def test_damaged_answers_are_written_anew_by_another_model(
    archive: Archive, other: Callable[[str], str], tmp_path: Path, to: str
) -> None:
    """What cannot be read is not compared."""
    for name in "ab":
        write_lines(tmp_path / "in" / f"{name}.jsonl", articles(30))
    out = tmp_path / "out"
    archive(tmp_path / "in", out, "--to", to)
    damaged = next(out.glob("a.*"))
    half = damaged.stat().st_size // 2
    damaged.write_bytes(damaged.read_bytes()[:half])
    ran = archive(tmp_path / "in", out, "--to", to, model=other("2"))
    assert ran.code == 0, ran.err
    for path in out.glob("[ab].*"):
        assert [row["model"] for row in answers(path)] == ["tiny@2"] * 30
    changed = out / "_tagdesk" / "changes" / f"{next(out.glob('b.*')).name}.ndjson"
    assert len(answers(changed)) == 10


def test_report_of_changes_is_that_of_all_runs_and_by_earlier_model(
    archive: Archive, other: Callable[[str], str], tmp_path: Path
) -> None:
    """Of the articles that were compared: a part that is new, or was changed, counts for nothing."""
    data, out = tmp_path / "in", tmp_path / "out"
    write_lines(data / "0.jsonl", articles(30))
    archive(data, out)
    write_lines(data / "1.jsonl", articles(30, 30))
    archive(data / "1.jsonl", out, model=other("2"))
    write_lines(data / "2.jsonl", articles(30, 60))
    newest = other("3")
    ran = archive(data, out, model=newest)
    said = [line for line in ran.out.splitlines() if "have other topics" in line]
    assert said == [
        f"10 of 30 articles (33.3 %) have other topics than by {REF}",
        "0 of 30 articles (0.0 %) have other topics than by tiny@2",
    ]
    again = archive(data, out, model=newest)
    assert [line for line in again.out.splitlines() if "have other topics" in line] == said
    assert {path.name for path in (out / "_tagdesk" / "changes").iterdir()} == {
        "0.jsonl.parquet.ndjson",
        "1.jsonl.parquet.ndjson",
    }
    write_lines(data / "0.jsonl", articles(29))
    archive(data, out, model=newest)
    assert [path.name for path in (out / "_tagdesk" / "changes").iterdir()] == ["1.jsonl.parquet.ndjson"]


@pytest.mark.parametrize("to", ["parquet", "jsonl"])
def test_another_model_tags_anew_and_says_what_changed(archive: Archive, tmp_path: Path, to: str) -> None:
    tiny = tiny_model()
    lower = replace(tiny.calibrations[0], auto=0.999)  # less is sure of conflict, and weather is never given
    never = replace(tiny.calibrations[2], suggest=1.0)
    other = replace(tiny, version="2", calibrations=(lower, tiny.calibrations[1], never))
    save_bundle(other, list(WEIGHTS), "# tiny\n", tmp_path / "store")
    source, out = write_lines(tmp_path / "in.jsonl", articles(30)), tmp_path / "out"
    archive(source, out, "--to", to)
    before = answers(next(out.glob("in.*")))
    ran = archive(source, out, "--to", to, model=str(tmp_path / "store" / "tiny" / "2"))
    assert ran.code == 0
    assert "0 parts done before, 1 to do, of them 1 anew, by tiny@2" in ran.err
    after = answers(next(out.glob("in.*")))
    assert {row["model"] for row in after} == {"tiny@2"}
    (changes,) = (out / "_tagdesk" / "changes").iterdir()
    said = {row["id"]: row for row in map(json.loads, changes.read_text().splitlines())}
    for old, new in zip(before, after, strict=True):
        were, are = ({topic["id"]: topic["band"] for topic in row["topics"]} for row in (old, new))
        change = said.pop(old["id"], {"gained": [], "lost": [], "band": {}})
        assert change["lost"] == sorted(were.keys() - are.keys())
        assert change["gained"] == sorted(are.keys() - were.keys())
        moved = {name: [were[name], are[name]] for name in were if name in are and were[name] != are[name]}
        assert change["band"] == moved
    assert not said
    assert f"have other topics than by {REF}" in ran.out
    weather = next(line for line in ran.out.splitlines() if line.split()[:2] == ["weather", "+0"])
    assert weather.split() == ["weather", "+0", "-10"]
