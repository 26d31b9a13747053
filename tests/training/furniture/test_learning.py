"""What site furniture looks like is learned from texts that we make."""

import json
from pathlib import Path

import numpy as np
import pytest

from tagdesk.command import main
from tagdesk.models.reading.looks import WEIGHTS, read_looks, write_looks
from tagdesk.training.furniture.examples import PROSE, Kinds, examples, others_of
from tagdesk.training.furniture.learning import fit, learn, measured

ROWS = (Path(__file__).parent.parent.parent / "data" / "articles.jsonl").read_text(encoding="utf-8").splitlines()
ARTICLES = [(row["title"], row["body"]) for row in map(json.loads, ROWS)]
KINDS = Kinds()


@pytest.mark.parametrize("name", KINDS.names)
def test_every_variant_of_a_kind_is_filled_in(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        made = KINDS.make(name, others_of(ARTICLES), "Bridge opens", rng)
        assert made
        assert not [
            line for line in made if "{first}" in line or "{paper}" in line or "*2-" in line or not line.strip()
        ]


def test_weights_of_made_up_texts_tell_furniture_from_prose(tmp_path: Path) -> None:
    """And they are the same when they were written and read; plain lines need words that so few texts do not teach."""
    made = examples(ARTICLES, 400, KINDS, range(len(KINDS.names)), seed=1)
    model = fit(measured(made), KINDS)
    write_looks(model, tmp_path / "furniture.tsv", "about")
    model = read_looks(tmp_path / "furniture.tsv")
    right = total = 0
    for title, lines in examples(ARTICLES, 40, KINDS, range(len(KINDS.names)), seed=2):
        text = "\n\n".join(line.text for line in lines)
        roles = np.concatenate([np.full(len(line.text) + 2, line.roles, np.uint8) for line in lines])[:-2]
        verdict = model.judge(text, title, roles)
        blanked = {text[start:end] for start, end in verdict.furniture.tolist()}
        told = [line for line in lines if line.roles or line.kind == PROSE]
        right += sum((line.text in blanked) == (line.kind != PROSE) for line in told)
        total += len(told)
    assert right > 0.9 * total


def test_learning_without_a_corpus_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="tagdesk data"):
        learn(tmp_path)


def test_weights_are_written_only_where_the_command_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Never over those of the package by itself: what is at hand on a machine makes others."""
    shipped = WEIGHTS.read_bytes()
    with pytest.raises(SystemExit) as refused:
        main(["furniture", "--folder", str(tmp_path)])
    assert (refused.value.code, WEIGHTS.read_bytes()) == (2, shipped)
    assert "--to" in capsys.readouterr().err
