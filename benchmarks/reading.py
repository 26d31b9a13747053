"""What reading a large file takes: seconds and memory of a CSV of 200 MB, read as `make train DATA=` reads it first."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.table import ROOT, VAR, markdown, write

_SIZES = (20, 200)
_QUICK = (2,)
_MB = 1_000_000

_READ = """
import json, resource, sys, time
from pathlib import Path
from tagdesk.training.corpora.corpus import read_corpus

began = time.process_time()
corpus = read_corpus(Path(sys.argv[1]), texts=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"articles": len(corpus.articles), "seconds": time.process_time() - began, "peak": peak}))
"""


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Write the files, read each in a process of its own, and write the table."""
    VAR.mkdir(parents=True, exist_ok=True)
    rows = []
    with TemporaryDirectory(dir=VAR) as folder:
        for megabytes in _QUICK if quick else _SIZES:
            path = _written(Path(folder) / f"{megabytes}.csv", megabytes * _MB)
            found = json.loads(subprocess.check_output([sys.executable, "-c", _READ, str(path)], cwd=ROOT, text=True))
            rows.append(
                [f"{megabytes} MB", f"{found['articles']:,}", f"{found['seconds']:.1f} s", f"{found['peak']:.0f} MiB"]
            )
            path.unlink()
    what = (
        "The first reading of `make train DATA=`: every row is checked, columns, separators and labels are found, no "
        "text is kept. Our invented articles, over and over, each with an id of its own."
    )
    table = markdown(["CSV", "articles", "CPU", "peak memory (RSS)"], rows)
    write("reading", "Reading a large file", [what, table], quick=quick)


def _written(path: Path, size: int) -> Path:
    """Write a CSV of this many bytes."""
    lines = (ROOT / "tests" / "data" / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    articles = [json.loads(line) for line in lines]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", "text", "category", "date"])
        number = 0
        while file.tell() < size:
            for article in articles:
                number += 1
                body = "\n".join([article["body"]] * 4) + f" Story {number}."
                writer.writerow([f"a{number}", article["title"], body, "; ".join(article["topics"]), article["date"]])
    return path
