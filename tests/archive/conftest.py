"""Archives of made-up articles, and the command that tags them with the tiny model."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagdesk.command import main
from tests.tiny import NAME, VERSION

Row = dict[str, Any]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engines: needs Spark, with Java, or Ray: `make test-engines`")


_BODIES = (
    "war troops conflict ceasefire the war the troops the conflict",
    "the envoy met ministers the summit the envoy the ministers met ministers",
    "heavy rain the storm the winds heavy rain the storm the winds",
)


class Ran(NamedTuple):
    """What a run of the command returned and said."""

    code: int
    out: str
    err: str


Archive = Callable[..., Ran]


def articles(count: int, first: int = 0) -> list[Row]:
    """Return articles with ids, titles and bodies."""
    return [{"id": f"a-{n}", "title": "News", "body": _BODIES[n % 3]} for n in range(first, first + count)]


def write_lines(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_parquet(path: Path, rows: Sequence[Row], **options: Any) -> Path:
    """Write rows as Parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path, **options)
    return path


def answers(path: Path) -> list[Row]:
    """Return the answers in a file."""
    if path.suffix == ".parquet":
        rows: list[Row] = pq.read_table(path).to_pylist()
        return rows
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ids(out: Path) -> list[str]:
    """Return the ids of all answers in a folder, sorted."""
    files = [path for path in out.rglob("*.parquet") if "_tagdesk" not in path.parts]
    return sorted(row["id"] for path in files for row in answers(path))


@pytest.fixture(scope="session")
def model(tiny_store: Path) -> str:
    """Return the path of the tiny model's bundle."""
    return str(tiny_store / NAME / VERSION)


@pytest.fixture
def archive(model: str, capsys: pytest.CaptureFixture[str]) -> Archive:
    """Return what runs `tagdesk archive` with the tiny model, in one process if nothing else is said."""

    def run(*arguments: object, model: str = model) -> Ran:
        given = [str(argument) for argument in arguments]
        where = [] if {"--workers", "--cluster"} & set(given) else ["--workers", "1"]
        code = main(["archive", *given, "--model", model, *where])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run
