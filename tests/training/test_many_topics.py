"""Hundreds of topics from the command line: a sparse model that answers, explains itself and says what is not in it."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import httpx
import numpy as np
import pytest

from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import load_bundle
from tagdesk.models.weights import SparseWeights
from tagdesk.service.app import create_app
from tagdesk.service.settings import Settings
from tagdesk.training.config import MANY_TOPICS, MOST_NGRAMS
from tagdesk.training.errors import TrainingError
from tagdesk.training.learn.corrections import Corrections
from tagdesk.training.retrain import adapt_served
from tests.conftest import running

TOPICS = MANY_TOPICS + 1
EACH = 8
SMALL = 8
"""So many of the topics have five articles, too few for some without those held out: fewer than 201 are learned."""

ROOT = Path(__file__).parents[2]


def telling(topic: int) -> str:
    """Return a word that only articles of a topic have."""
    return "".join("bcdfghklmn"[int(digit)] + "aeiou"[int(digit) % 5] for digit in f"{topic:03d}")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Train on 201 topics, most with eight articles, and a label with three; return what was said, and where."""
    folder = tmp_path_factory.mktemp("many")
    random = np.random.default_rng(0)
    common = [telling(number) for number in range(500, 800)]
    with (folder / "desk.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "title", "body", "labels"])
        topics = [topic for each in range(EACH) for topic in range(TOPICS) if each < 5 or topic < TOPICS - SMALL]
        for number, topic in enumerate([*topics, *[TOPICS] * 3]):
            words = [*random.choice(common, 25), telling(topic), telling(topic)]
            label = f"Topic {topic}" if topic < TOPICS else "Curling"
            table.writerow([f"a{number}", "", " ".join(random.permutation(words)), label])
    return tagdesk(folder, "train", "--data", "desk.csv", "--language", "en"), folder


def tagdesk(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder with a store of its own."""
    environment = os.environ | {"TAGDESK_STORE": str(folder / "store"), "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "tagdesk", *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)


@pytest.fixture(scope="module")
def bundle(done: tuple[subprocess.CompletedProcess[str], Path]) -> Path:
    (manifest,) = (done[1] / "store" / "desk").glob("*/manifest.json")
    return manifest.parent


@pytest.fixture(scope="module")
def model(bundle: Path) -> TopicModel:
    return load_bundle(bundle)


def test_topics_are_all_learned_with_a_few_weights_each(model: TopicModel) -> None:
    assert isinstance(model.weights, SparseWeights)
    assert TOPICS - 20 < model.weights.shape[1] <= MANY_TOPICS
    assert model.manifest["fit"]["max_features"] == MOST_NGRAMS
    assert len(model.weights.values) <= 1_000 * TOPICS


def test_article_gets_its_topic(model: TopicModel) -> None:
    right = 0
    for topic in model.taxonomy.topics:
        word = telling(int(topic.name.split()[1]))
        found = model.tag(Article(body=f"{telling(501)} {telling(502)} {word} {telling(503)} {word}"))
        right += [one.topic.id for one in found.topics] == [topic.id]
    assert right > 0.9 * len(model.taxonomy)


def test_evidence_is_the_word_that_tells_and_adds_up(model: TopicModel) -> None:
    topic = model.taxonomy.topics[0]
    word = telling(int(topic.name.split()[1]))
    found = model.explain(Article(body=f"{telling(501)} {word} {telling(503)}"), topic.id)
    assert found.evidence is not None
    assert found.evidence[0].text == word
    assert sum(one.weight for one in found.evidence) + (found.bias or 0) == pytest.approx(found.score)


def test_what_is_left_out_is_said_in_the_log_the_card_and_the_report(
    done: tuple[subprocess.CompletedProcess[str], Path], bundle: Path
) -> None:
    said, folder = done
    sentence = "1 label with too few articles (under 5) left out: Curling (3 articles; label about 40 more)"
    assert sentence in said.stdout.splitlines()[-1]
    assert sentence in "\n".join((bundle / "card.md").read_text(encoding="utf-8").splitlines()[:10])
    (page,) = (folder / "var" / "reports").glob("*.html")
    assert sentence in page.read_text(encoding="utf-8")


def test_model_is_trained_again_rather_than_adapted(model: TopicModel, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="train it again with the corrections"):
        adapt_served(model, cast("Corrections", None), tmp_path)


def test_service_lists_the_likeliest_hundred_of_the_topics_not_given(bundle: Path, tmp_path: Path) -> None:
    word = telling(7)
    app = create_app(Settings(model=str(bundle), database_url=str(tmp_path / "ledger.sqlite")))
    with running(app) as at:
        asked = httpx.post(f"{at}/v1/tag?explain=all", json={"body": f"{telling(501)} {word} {telling(503)} {word}"})
    answer = asked.raise_for_status().json()
    assert [topic["name"] for topic in answer["topics"]] == ["Topic 7"]
    confidences = [topic["confidence"] for topic in answer["below"]]
    assert len(confidences) == 100
    assert confidences == sorted(confidences, reverse=True)


def test_figures_are_of_all_topics(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["format"] == 2
    assert len(manifest["metrics"]["topics"]) == len(manifest["topics"])
    assert manifest["metrics"]["out_of_fold"]["micro_f1"] > 0.8
    assert manifest["metrics"]["held_out"]["micro_f1"] > 0.8


def test_model_is_retrained_on_its_articles_and_compared_with_the_served_one(
    done: tuple[subprocess.CompletedProcess[str], Path], model: TopicModel
) -> None:
    folder = done[1]
    topic = model.taxonomy.topics[3]
    word = telling(int(topic.name.split()[1]))
    with (folder / "corrections.jsonl").open("w", encoding="utf-8") as file:
        for number in range(6):
            body = f"{telling(501 + number)} {word} {telling(601 + number)} {word}"
            row = {"id": f"new-{number}", "title": "", "body": body, "topics": [topic.id]}
            file.write(json.dumps(row) + "\n")
    options = ["retrain", "--model", "desk", "--data", "desk.csv", "--corrections", "corrections.jsonl"]
    said = tagdesk(folder, *options)
    assert "trained anew in" in said.stdout
    (written,) = (folder / "store" / "desk").glob("*/changes.json")
    changes = json.loads(written.read_text(encoding="utf-8"))
    assert (changes["served"], changes["articles"]) == (model.ref, 6)
    assert len(changes["words"]) > 0
