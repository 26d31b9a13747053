"""The small model that the tests of training train, and real articles to tag."""

import json

import pytest

from tagdesk.models import Article
from tests.training.conftest import DATA, small_bundle, small_model

__all__ = ["articles", "small_bundle", "small_model"]  # the small model is that of the training tests


@pytest.fixture(scope="session")
def articles() -> list[Article]:
    """Return the articles of tests/data."""
    rows = map(json.loads, (DATA / "articles.jsonl").read_text(encoding="utf-8").splitlines())
    return [Article(id=row["id"], title=row["title"], body=row["body"]) for row in rows]
