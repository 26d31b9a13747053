"""The small model that the tests of training train, and real articles to tag."""

import json
from pathlib import Path

import pytest

from models import Article, TopicModel
from models.bundle import load_bundle
from tests.training.conftest import DATA, trained_once


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small real bundle; not to be written to."""
    return trained_once(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def small_model(small_bundle: Path) -> TopicModel:
    """Return the small model, as loaded from its bundle."""
    return load_bundle(small_bundle)


@pytest.fixture(scope="session")
def articles() -> list[Article]:
    """Return the articles of tests/data."""
    rows = map(json.loads, (DATA / "articles.jsonl").read_text(encoding="utf-8").splitlines())
    return [Article(id=row["id"], title=row["title"], body=row["body"]) for row in rows]
