"""What the competitors load, made once from the shipped model and its corpora, below `var/bench/`."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np

from benchmarks.articles import INVENTED, WIKINEWS, Sent
from benchmarks.peers import PeerMissing, last_line, python_of
from benchmarks.table import VAR, say
from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import load_bundle, read_ngrams
from tagdesk.models.storage import SHIPPED, current
from tagdesk.models.taxonomy import Taxonomy, load_taxonomy
from tagdesk.training.config import load_config
from tagdesk.training.corpora.places import corpus_folder
from tagdesk.training.exchange.to_pipeline import pipeline_text, to_pipeline
from tagdesk.training.learn.training_set import read_training_set

_WORKER = Path(__file__).parent / "workers" / "make.py"
_QUICK_ROWS = 2_000
_ANNIF_ROWS = 20_000


def bundle() -> Path:
    """Return the folder of the shipped model, the one that is measured."""
    return SHIPPED / "news-en" / str(current(SHIPPED, "news-en"))


def made(kind: str, *, quick: bool) -> Path:
    """Return what a competitor loads, making it if it is not there.

    Args:
        kind: `pipeline`, `stock`, `onnx`, `fasttext`, `fasttext-small`, `vowpalwabbit` or `annif`.
        quick: learn from few articles.

    Raises:
        PeerMissing: the peer is not there, or cannot make it.
    """
    folder = VAR / (bundle().name + ("-quick" if quick else ""))
    path = folder / {
        "pipeline": "pipeline.joblib",
        "stock": "stock.joblib",
        "onnx": "model.onnx",
        "annif": "annif",
    }.get(kind, f"{kind}.bin")
    finished = folder / f"{kind}.finished"
    if finished.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    if kind in ("pipeline", "stock"):
        _write_pipeline(path, stock=kind == "stock")
    else:
        learned_from = made("stock", quick=quick) if kind == "onnx" else _training_rows(folder, kind, quick=quick)
        python = python_of(peer_of(kind))
        say(f"making {path.name}")
        command = [str(python), str(_WORKER), kind, str(learned_from), str(path), *(["--quick"] if quick else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PeerMissing(f"{kind} cannot make its model: {last_line(done.stderr)}")
    finished.touch()
    return path


def peer_of(kind: str) -> str:
    """Return the peer that makes and reads what is called `kind`: `fasttext` for `fasttext-small`."""
    return kind.partition("-")[0]


def cleaned(model: TopicModel, rows: list[Sent]) -> list[Sent]:
    """Add to each article the `text` that the pipeline reads, so that a peer is not charged for the cleaning."""
    settings = model.features.settings
    return [row | {"text": pipeline_text(_article(row).text(), settings)} for row in rows]


def _article(row: Sent) -> Article:
    return Article(title=row["title"], body=row["body"])


def _write_pipeline(path: Path, *, stock: bool) -> None:
    """Export our model; `stock`: in scikit-learn's own classes alone, which know of no implied parents.

    These find the same words in what `cleaned` gives them.
    """
    say(f"making {path.name}")
    model = load_bundle(bundle())
    if stock:
        topics = tuple(replace(topic, implies_parent=False) for topic in model.taxonomy.topics)
        features = replace(model.features, settings=replace(model.features.settings, reading=1))
        model = replace(model, taxonomy=Taxonomy(model.taxonomy.name, topics), features=features)
    joblib.dump(to_pipeline(model, read_ngrams(bundle())), path)


def _training_rows(folder: Path, kind: str, *, quick: bool) -> Path:
    """Write what our own model learned from as JSON Lines, `text` and `topics`; articles without a topic are left out.

    Annif gets a sample: its analyzers take their time, and how fast it answers hardly depends on it.
    """
    path = folder / "training.jsonl"
    if not path.exists():
        rows = _labelled() if (corpus_folder() / WIKINEWS).exists() else _invented()
        order = np.random.default_rng(0).permutation(len(rows))[: _QUICK_ROWS if quick else None]
        text = "".join(json.dumps(rows[i], ensure_ascii=False) + "\n" for i in order.tolist())
        path.write_text(text, encoding="utf-8")
    if kind != "annif":
        return path
    few = folder / "training-annif.jsonl"
    with path.open(encoding="utf-8") as lines:
        few.write_text("".join(line for line, _ in zip(lines, range(_ANNIF_ROWS), strict=False)), encoding="utf-8")
    return few


def _labelled() -> list[dict[str, object]]:
    taxonomy = load_taxonomy()
    data = read_training_set(load_config(), taxonomy, corpus_folder())
    topics = [[taxonomy.ids[i] for i in np.flatnonzero(row > 0)] for row in data.decisions]
    return [
        {"text": f"{text.title}\n{text.body}", "topics": own}
        for text, own in zip(data.texts, topics, strict=True)
        if own
    ]


def _invented() -> list[dict[str, object]]:
    rows = [json.loads(line) for line in INVENTED.read_text(encoding="utf-8").splitlines()]
    return [{"text": f"{row['title']}\n{row['body']}", "topics": row["topics"]} for row in rows]
