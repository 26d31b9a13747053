"""Near duplicates are found, and nothing else is."""

import json
from pathlib import Path

from tagdesk.models.reading.article import ArticleText
from tagdesk.training.learn.chunks import Text
from tagdesk.training.learn.duplicates import duplicate_groups

DATA = Path(__file__).parents[2] / "data"


def bodies() -> list[str]:
    lines = (DATA / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["body"] for line in lines]


def test_a_rewritten_copy_belongs_to_the_first() -> None:
    texts = bodies()
    rewritten = texts[7].replace("said", "told us", 1) + " More follows."
    found = duplicate_groups([*texts, rewritten, texts[3].upper()])
    assert found[-2] == 7
    assert found[-1] == 3


def test_different_articles_stand_alone() -> None:
    texts = bodies()
    assert duplicate_groups(texts).tolist() == list(range(len(texts)))


def test_a_story_carried_on_is_one_group() -> None:
    steps = [" ".join([f"old{i}" for i in range(n)] + [f"new{i}" for i in range(n, 30)]) for n in (30, 26, 22)]
    assert duplicate_groups(steps).tolist() == [0, 0, 0]


def test_a_headline_copied_into_the_body_is_the_same_article() -> None:
    texts: list[Text] = [
        ArticleText("Floods close the coast road", "", "body", None, ()),
        "Floods close the coast road",
    ]
    assert duplicate_groups(texts).tolist() == [0, 0]


def test_short_texts_are_compared_by_their_words() -> None:
    assert duplicate_groups(["Rain", "rain!", "Snow", "", " . "]).tolist() == [0, 0, 2, 3, 4]


def test_no_texts_have_no_groups() -> None:
    assert duplicate_groups([]).tolist() == []
