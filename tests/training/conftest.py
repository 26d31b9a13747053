"""A small real model, trained once a session on our own articles, and corpora to write."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tagdesk.command import main
from tagdesk.models import TopicModel
from tagdesk.models.bundle import load_bundle
from tagdesk.models.storage import make_current
from tagdesk.models.taxonomy import load_taxonomy
from tagdesk.training.config import Config
from tagdesk.training.train import train

DATA = Path(__file__).parent.parent / "data"
SHARED = Path(__file__).parents[3] / "shared" / "data"
SMALL = Config(name="small", language="en", corpora=("articles.jsonl",), licences=("Our own articles: MIT",))

CONFIG = 'name = "small"\nlanguage = "en"\ncorpora = ["articles.jsonl"]\nlicences = ["Our own articles: MIT"]\n'

WriteCorpus = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]


@cache
def trained_once(session_folder: Path) -> Path:
    """Train the small model in a store of this session, make it current, and return the bundle's folder."""
    store = session_folder / "small-store"
    folder = train(SMALL, load_taxonomy(), DATA, store).bundle
    make_current(store, SMALL.name, folder.name)
    return folder


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the small model's bundle; not to be written to."""
    return trained_once(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def small_model(small_bundle: Path) -> TopicModel:
    """Return the small model, as loaded from its bundle."""
    return load_bundle(small_bundle)


@pytest.fixture(scope="session")
def rows() -> list[dict[str, Any]]:
    """Return the articles of tests/data as they stand in the file."""
    return [json.loads(line) for line in (DATA / "articles.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def write_corpus(tmp_path: Path) -> WriteCorpus:
    """Return what writes rows to a JSON Lines corpus and returns its path."""

    def write(rows: Sequence[object], name: str = "corpus.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def store(small_bundle: Path, tmp_path: Path) -> Path:
    """Return the store of the test, with a copy of the small model in it, current."""
    shutil.copytree(small_bundle.parents[1], tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def run(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a command on the test's store, in an empty folder without corpora or ledger."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in [name for name in os.environ if name.startswith("TAGDESK_") or name == "CORPUS_DIR"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TAGDESK_STORE", str(store))
    (tmp_path / "small.toml").write_text(CONFIG, encoding="utf-8")

    def command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([arguments[0], "--config", str(tmp_path / "small.toml"), *arguments[1:]])
        written = capsys.readouterr()
        return code, written.out, written.err

    return command


def decided(row: dict[str, Any]) -> dict[str, Any]:
    """Return the correction of a desk that calls crime politics."""
    topics = ["politics" if topic == "crime" else topic for topic in row["topics"]]
    return {"id": f"desk-{row['id']}", "title": row["title"], "body": row["body"], "topics": topics, "editor": "anna"}
