"""A small real model, trained once a session on our own articles, and corpora to write."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from models import TopicModel
from models.bundle import load_bundle
from models.storage import make_current
from models.taxonomy import load_taxonomy
from training.config import Config
from training.train import train

DATA = Path(__file__).parent.parent / "data"
SHARED = Path(__file__).parents[3] / "shared" / "data"
SMALL = Config(name="small", language="en", corpora=("articles.jsonl",), licences=("Our own articles: MIT",))

WriteCorpus = Callable[..., Path]


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
