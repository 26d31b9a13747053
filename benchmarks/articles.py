"""The articles that every competitor gets: real ones of one length, as the CMS would send them."""

import gzip
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.table import ROOT
from tagdesk.training.corpora.places import corpus_folder

WIKINEWS = "wikinews.jsonl.gz"
INVENTED = ROOT / "tests" / "data" / "articles.jsonl"

_AROUND = 0.08
"""How far from the length asked for an article may be: 2.5 kB is 2,300 to 2,700 characters."""

Sent = dict[str, str]


def articles(size: int, count: int) -> list[Sent]:
    """Return `count` articles, each `title` and a `body` of about `size` characters.

    They are Wikinews articles of that length. Where there are too few, as at 25 kB, consecutive articles are joined;
    where there is no Wikinews, the invented articles of the tests are, over and over.
    """
    rows = _rows()
    fitting = [row for row in rows if abs(len(row["body"]) - size) <= _AROUND * size]
    if len(fitting) < min(count, 500):
        fitting = list(_joined(rows, size, count))
    return [fitting[i % len(fitting)] for i in range(count)]


def source() -> str:
    """Say where the articles come from."""
    if _path().exists():
        return "Wikinews articles"
    return "the tests' invented articles, joined (no Wikinews corpus at hand: `make data`)"


def write_articles(path: Path, rows: list[Sent]) -> Path:
    """Write articles as JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def _path() -> Path:
    return corpus_folder() / WIKINEWS


@cache
def _rows() -> list[Sent]:
    path = _path()
    with gzip.open(path, "rb") if path.exists() else INVENTED.open("rb") as lines:
        rows: list[Mapping[str, Any]] = list(map(json.loads, lines))
    return [{"title": row["title"], "body": row["body"]} for row in rows]


def _joined(rows: list[Sent], size: int, count: int) -> Iterator[Sent]:
    """Join articles until they are long enough, from the first again after the last."""
    made = at = 0
    while made < count:
        first, bodies, length = rows[at % len(rows)], [], 0
        while length < size:
            bodies.append(rows[at % len(rows)]["body"])
            length += len(bodies[-1]) + 2
            at += 1
        yield {"title": first["title"], "body": "\n\n".join(bodies)[:size]}
        made += 1
