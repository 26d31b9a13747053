"""`tagdesk archive` on a million articles: rate of a core, gain of the second, memory; what kills and faults cost."""

import gzip
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.articles import articles, source
from benchmarks.memory import memory, tree
from benchmarks.table import VAR, check_variants, markdown, number, results, say, write
from tagdesk.models import Article, TopicModel, load
from tagdesk.models.reading.article import ArticleText
from tests.processes import SERVE, cpu_seconds, environment
from tests.service.posting import address_line

_ARTICLES, _QUICK, _PARTS = int(os.environ.get("BENCH_ARTICLES", 1_000_000)), 6_000, 50
_KERNEL, _FEW = 20_000, 32
_BODIES = 200_000
_PARTS_BETWEEN_KILLS = 5  # some seconds of two quiet cores; on a busy machine no worker would outlive a clock
_DRIVER_KILLS = 2
_BAD, _CUT = 0.01, 25
_LENGTHS = (500, 1_000, 1_760, 3_000)
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_LINE = 400
_QUIET = ("--host", "127.0.0.1", "--no-dashboard")


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of the command took.

    Attributes:
        code: its exit code.
        cpu: seconds of all its processes.
        wall: seconds.
        memory: Pss in MiB of all its processes, one figure a look; of a worker the Rss.
        workers: the same, of the largest worker.
    """

    code: int
    cpu: float
    wall: float
    memory: list[float]
    workers: list[float]


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Make the archive, tag it in several ways, and write `archive.md`, where `only` renews some of the sections.

    Raises:
        RuntimeError: an id is missing, or comes twice.
    """
    check_variants(only, VARIANTS)
    wanted = only or VARIANTS
    count = _QUICK if quick else _ARTICLES
    folder = VAR / "archive"
    shutil.rmtree(folder, ignore_errors=True)
    part = count // (6 if quick else _PARTS)
    about = f"{count:,} articles in Parquet files of {part:,}: titles, and sentences drawn from {source()}."
    sections = _sections(results(quick=quick) / "archive.md") if only else {}
    try:
        made = _made(folder / "in", count, part)
        for name in wanted:
            sections[name] = VARIANTS[name](folder, made, count)
            there = [f"## {name}\n\n{sections[name]}" for name in VARIANTS if name in sections]
            write("archive", "Archives", [about, *there], quick=quick)  # an hour may pass before the next
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sections(path: Path) -> dict[str, str]:
    """Return the sections of a report by their headings; of the last, without what is said of the machine."""
    report = path.read_text(encoding="utf-8").rpartition("\n\n")[0] if path.exists() else ""
    parts = (part.partition("\n\n") for part in report.split("\n## ")[1:])
    return {heading: text.strip() for heading, _, text in parts}


def _made(folder: Path, count: int, part: int) -> list[Path]:
    """Write the archive; each article is of sentences of others, as long as those are."""
    folder.mkdir(parents=True)
    draw = random.Random(7)
    some = [article for length in _LENGTHS for article in articles(length, 2_000)]
    sentences = [sentence for article in some for sentence in _SENTENCES.split(article["body"])]
    lengths = [max(1, len(_SENTENCES.split(article["body"]))) for article in some]
    titles = [article["title"] for article in some]
    bodies = [" ".join(draw.choices(sentences, k=k)) for k in draw.choices(lengths, k=min(count, _BODIES))]
    paths = []
    for first in range(0, count, part):
        size = min(part, count - first)
        rows = {
            "id": [f"n-{n}" for n in range(first, first + size)],
            "title": draw.choices(titles, k=size),
            "body": draw.choices(bodies, k=size),
        }
        paths.append(folder / f"part-{first // part:05}.parquet")
        pq.write_table(pa.table(rows), paths[-1], row_group_size=5_000)
        say(f"made {first + size:,} of {count:,} articles")
    return paths


def _command(sources: list[Path], out: Path, *more: object) -> list[str]:
    return [sys.executable, "-m", "tagdesk", "archive", *map(str, sources), str(out), *map(str, more)]


def _tag(sources: list[Path], out: Path, *more: object) -> Run:
    """Run the command and watch it."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    total: list[float] = []
    workers: list[float] = []
    with subprocess.Popen(_command(sources, out, *more), stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            found = [memory(pid) for pid in tree(process.pid)]
            total.append(sum(one.get("Pss", 0.0) for one in found))
            workers.append(max((one.get("Rss", 0.0) for one in found[1:]), default=0.0))
            time.sleep(2)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    ran = Run(process.returncode, cpu, time.monotonic() - began, total, workers)
    say(f"{cpu:.1f} CPU seconds, {ran.wall:.0f} seconds, exit code {ran.code}")
    return ran


def _rate(folder: Path, made: list[Path], count: int) -> str:
    """Return a table of the command with one and two workers, and of what the model alone does in this process."""
    rows, characters = _in_process(made[0])
    one_article = folder / "one.parquet"
    pq.write_table(pq.read_table(made[0]).slice(0, 1), one_article)
    _tag([one_article], folder / "compiled")  # all is compiled after it
    start = _tag([one_article], folder / "start", "--workers", 1)
    one, two = _tag(made, folder / "one", "--workers", 1), _tag(made, folder / "two", "--workers", 2)
    for name in ("one", "two"):
        _check_ids(folder / name, count)
    rows.append(["the command, one article", "1", number(start.cpu), "", "", number(start.wall), *_memory(start)])
    for name, ran in (("the command, one worker", one), ("the command, two workers", two)):
        rate = count / ran.cpu
        rows.append(
            [name, f"{count:,}", *map(number, (ran.cpu, rate, rate * characters / 1e6, ran.wall)), *_memory(ran)]
        )
    head = [
        "",
        "articles",
        "CPU s",
        "articles a CPU-second",
        "million characters",
        "seconds",
        "MiB, early and late",
        "a worker's RSS, MiB",
    ]
    gain = (
        f"An article has {number(characters)} characters. The second core: {number(one.wall / two.wall)}× as fast by "
        f"the clock, on a machine that others used too; by the CPU seconds that the same work took, "
        f"{number(2 * one.cpu / two.cpu)}× where nobody else does."
    )
    return f"{markdown(head, rows)}\n\n{gain}"


def _in_process(path: Path) -> tuple[list[list[str]], float]:
    """Return rows of what the model does with articles that lie in memory, and their mean length in characters."""
    sent = [Article(row["title"], row["body"], id=row["id"]) for row in pq.read_table(path).to_pylist()[:_KERNEL]]
    model = load()
    texts = [model.read(article) for article in sent]
    characters = sum(len(text.title) + len(text.body) for text in texts) / len(texts)
    rows = []
    for name, work in (
        ("the kernel alone: texts in, confidences out", lambda: _scored(model, texts)),
        ("`tag_each`, no files", lambda: list(model.tag_each(sent))),
    ):
        work()
        began = time.process_time()
        work()
        rate = len(sent) / (time.process_time() - began)
        rows.append([name, f"{len(sent):,}", "", number(rate), number(rate * characters / 1e6), "", "", ""])
    return rows, characters


def _scored(model: TopicModel, texts: Sequence[ArticleText]) -> None:
    for first in range(0, len(texts), _FEW):
        model.scores(texts[first : first + _FEW])


def _memory(ran: Run) -> tuple[str, str]:
    """Return the memory in the second and the last quarter, and the most of a worker."""
    quarter = max(1, len(ran.memory) // 4)
    early, late = max(ran.memory[quarter : 2 * quarter] or ran.memory), max(ran.memory[-quarter - 1 : -1] or ran.memory)
    return f"{number(early)}, {number(late)}", number(max(ran.workers))


def _kills(folder: Path, made: list[Path], count: int) -> str:
    """Kill a worker after every few parts that are done, and the command itself some times; count the ids."""
    out, killed, drivers = folder / "killed", 0, 0
    while True:
        process = subprocess.Popen(_command([folder / "in"], out, "--workers", 2), stdout=subprocess.DEVNULL)
        while process.poll() is None:
            time.sleep(0.2)
            done = len(list((out / "_tagdesk").glob("*.json"))) if out.exists() else 0
            if drivers < _DRIVER_KILLS and done >= (drivers + 1) * len(made) // (_DRIVER_KILLS + 1):
                process.kill()
                drivers += 1
            elif done >= (killed + 1) * _PARTS_BETWEEN_KILLS and (workers := tree(process.pid)[1:]):
                os.kill(random.choice(workers), signal.SIGKILL)
                killed += 1
        if process.wait() >= 0:
            break
    _check_ids(out, count)
    drafts = len(list(out.glob(".*")))
    return (
        f"Killed with -9: {killed} workers, one after every {_PARTS_BETWEEN_KILLS} parts, and the command itself "
        f"{drivers} times, which was then started again. Exit code {process.returncode}; each of the {count:,} ids is "
        f"answered once; {drafts} drafts are left."
    )


def _check_ids(out: Path, count: int) -> None:
    ids = Counter[str]()
    for path in out.rglob("*.parquet"):
        ids.update(pq.read_table(path, columns=["id"])["id"].to_pylist())
    once = sum(n == 1 for n in ids.values())
    if not once == len(ids) == count:
        raise RuntimeError(f"{once:,} of {count:,} ids are answered once, {len(ids) - once:,} twice or more")


def _faults(folder: Path, made: list[Path], count: int) -> str:
    """Tag lines of which one in a hundred is bad, beside a file that is cut off."""
    draw, bad, lines = random.Random(8), 0, folder / "lines"
    lines.mkdir()
    rows = pq.read_table(made[0]).to_pylist()
    for n, some in enumerate(_chunks(rows, len(rows) // 4)):
        written = []
        for row in some:
            if draw.random() < _BAD:
                bad += 1
                row = draw.choice([row | {"body": ["no", "text"]}, row | {"title": "", "body": ""}, None])
            written.append('{"id": "broken' if row is None else json.dumps(row))
        (lines / f"{n}.jsonl").write_text("\n".join(written) + "\n", encoding="utf-8")
    whole = gzip.compress((lines / "0.jsonl").read_bytes())
    (lines / "cut.jsonl.gz").write_bytes(whole[:-_CUT])
    ran = _tag([lines], folder / "faults", "--workers", 2)
    found = [row for path in (folder / "faults").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    errors = sum(row["error"] is not None for row in found)
    cut = (folder / "faults" / "cut.jsonl.gz.parquet").exists()
    return (
        f"{len(rows):,} lines of JSON, {bad} of them bad (not JSON, no text, a list for a body), and a gzipped file "
        f"that is cut off: exit code {ran.code}, {len(found):,} answers, {errors} of them errors; of the file that is "
        f"cut off {'something' if cut else 'nothing'} is written."
    )


def _chunks(rows: list[Any], size: int) -> Iterator[list[Any]]:
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def _dask(folder: Path, made: list[Path], count: int) -> str:
    """Tag on a Dask cluster of one worker, of two, and of two of which one is killed."""
    rows = []
    for name, workers, kill in (("one worker", 1, False), ("two workers", 2, False), ("two, one killed", 2, True)):
        cpu, wall = _on_dask(made, folder / f"dask-{name}", workers, kill=kill)
        _check_ids(folder / f"dask-{name}", count)
        rows.append([name, f"{count:,}", number(cpu), number(count / cpu), number(wall)])
    head = ["Dask", "articles", "CPU s", "articles a CPU-second", "seconds"]
    return f"{markdown(head, rows)}\n\nEach id is answered once in all three."


def _on_dask(sources: list[Path], out: Path, workers: int, *, kill: bool) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ready = out.with_name(f"{out.name}.json")
    dask = [sys.executable, "-m"]
    scheduler = subprocess.Popen(
        [*dask, "distributed.cli.dask_scheduler", *_QUIET, "--port", "0", "--scheduler-file", str(ready)],
        stderr=subprocess.DEVNULL,
    )
    while not (ready.exists() and ready.read_text().rstrip().endswith("}")):
        time.sleep(0.1)
    address = json.loads(ready.read_text())["address"]
    running = [
        subprocess.Popen(
            [*dask, "distributed.cli.dask_worker", address, *_QUIET, "--nthreads", "1", "--no-nanny"],
            stderr=subprocess.DEVNULL,
        )
        for _ in range(workers)
    ]
    began = time.monotonic()
    process = subprocess.Popen(_command(sources, out, "--cluster", address), stdout=subprocess.DEVNULL)
    while process.poll() is None:
        time.sleep(0.2)
        if kill and len(list((out / "_tagdesk").glob("*.json"))) >= len(sources) // 3:
            running[0].kill()
            kill = False
    wall = time.monotonic() - began
    for one in (*running, scheduler):
        one.kill()
        one.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def _stream(folder: Path, made: list[Path], count: int) -> str:
    """Send the lines of one endless batch to the service, and look at its memory meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, texts = folder / "lines.jsonl", pq.read_table(made[0]).slice(0, 5_000).to_pylist()
    with lines.open("w", encoding="utf-8") as file:
        for n in range(count):
            row = texts[n % len(texts)]
            file.write(json.dumps({"id": str(n), "title": row["title"], "body": row["body"][:_LINE]}) + "\n")
    with subprocess.Popen(
        [*SERVE, "--port", "0"], env=environment(TAGDESK_DATABASE_URL="none"), stdout=subprocess.PIPE, text=True
    ) as one:
        assert one.stdout is not None
        address = address_line(one).split()[-1].rstrip("/")
        url = f"{address}/v1/tag/batch"
        curl = ["curl", "-sN", "-X", "POST", "-H", "Content-Type: application/x-ndjson", "-T", str(lines), url]
        with (folder / "answers.jsonl").open("wb") as answers, subprocess.Popen(curl, stdout=answers) as sending:
            looks = []
            while sending.poll() is None:
                looks.append(max(memory(pid).get("Rss", 0.0) for pid in tree(one.pid)))
                time.sleep(2)
        cpu = sum(map(cpu_seconds, tree(one.pid)))
        one.terminate()
    with (folder / "answers.jsonl").open("rb") as answered:
        ids = [json.loads(line)["id"] for line in answered]
    right = ids == [str(n) for n in range(count)]
    tenth = max(1, len(looks) // 10)
    return (
        f"`POST /v1/tag/batch`, {count:,} lines of at most {_LINE} characters in one request: {len(ids):,} answers, "
        f"{'each in its place' if right else 'NOT in their places'}; {number(count / cpu)} lines a CPU-second of the "
        f"service; its memory (RSS) {number(max(looks[: 2 * tenth]))} MiB in the first fifth of the time, "
        f"{number(max(looks))} MiB at most."
    )


VARIANTS = {"rate": _rate, "kills": _kills, "faults": _faults, "dask": _dask, "stream": _stream}
"""What can be measured by itself."""
