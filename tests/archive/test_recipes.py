"""The recipes of archive/README.md, run as they stand: each gives the answers of `tagdesk tag`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tagdesk.archive import ANSWERS
from tagdesk.models import Article, load
from tagdesk.models.storage import SHIPPED, current
from tests.archive.conftest import articles, write_parquet

README = (Path(__file__).parents[2] / "archive" / "README.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^### ([\w ]+)\n\n```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL))


def test_every_recipe_has_fewer_than_fifteen_lines() -> None:
    assert set(RECIPES) == {"Polars", "DuckDB", "Spark", "Ray Data"}
    assert max(len(recipe.splitlines()) for recipe in RECIPES.values()) < 15


@pytest.mark.parametrize(
    "name",
    ["Polars", "DuckDB", *(pytest.param(name, marks=pytest.mark.engines) for name in ("Spark", "Ray Data"))],
)
def test_recipe_gives_the_answers_of_tag(name: str, tmp_path: Path) -> None:
    for package in {"Spark": ["pyspark"], "Ray Data": ["ray"]}.get(name, []):
        pytest.importorskip(package, reason="`make test-engines` installs it")
    rows = articles(60)
    rows[7]["body"] = rows[7]["title"] = ""
    for n in range(3):
        write_parquet(tmp_path / "articles" / f"{n}.parquet", rows[20 * n : 20 * n + 20])
    (tmp_path / "recipe.py").write_text(RECIPES[name], encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TAGDESK_")}
    subprocess.run([sys.executable, "recipe.py"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    found = {row["id"]: row for row in pq.read_table(tmp_path / "tagged.parquet").to_pylist()}
    model = load(SHIPPED / "news-en" / str(current(SHIPPED, "news-en")))
    assert sorted(found) == sorted(row["id"] for row in rows)
    for row in rows:
        answer = found[row["id"]]
        assert list(answer) == ANSWERS.names
        if not row["body"]:
            assert "no text to read" in answer["error"]
            continue
        tagged = model.tag(Article(row["title"], row["body"]))
        confidences = {topic["id"]: topic["confidence"] for topic in answer["topics"]}
        assert confidences == {one.topic.id: pytest.approx(one.confidence, abs=1e-6) for one in tagged.topics}
        assert [topic["band"] for topic in answer["topics"]] == [one.band for one in tagged.topics]
