"""A scripted editor corrects 200 articles of a shifted stream: what does Monday's retraining make of it?

The stream is MasakhaNEWS (English, its training part), where an article has one of seven subjects. The editor leaves
our topics as the model gave them, but of the seven takes the article's own alone.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx
import numpy as np
from numpy.typing import NDArray

from benchmarks.made import bundle
from benchmarks.quality_data import SETS, Row
from benchmarks.table import ROOT, markdown, number, say, write
from models import Article, TopicModel
from models.article import ArticleText
from models.bundle import load_bundle, read_ngrams, save_bundle
from models.storage import current, make_current
from models.taxonomy import load_taxonomy
from tests.service.posting import service
from training.__main__ import SHARED, corpus_folder
from training.adapt import tf_idf
from training.config import load_config
from training.fit import fit_topics
from training.labels import YES
from training.reference import REFERENCE
from training.score_file import score_file
from training.split import stratified_folds
from training.training_set import read_training_set

NAME = "news-en"
TOPICS = {
    "business": "economy",
    "entertainment": "culture",
    "health": "health",
    "politics": "politics",
    "religion": "religion",
    "sports": "sport",
    "technology": "technology",
}
"""Of the stream's subjects, our topics."""

_CORRECTED, _OTHERS = 200, 1_000
_SHUFFLED = "sport"


@dataclass(frozen=True, slots=True)
class Monday:
    """One draw of articles to correct, and the rest of the stream.

    Attributes:
        before, after: topics of the seven that are wrong or missing, in an article of the rest.
        gold: micro-F1 on gold/dev of the served model and of the adapted one; None where the gold is not at hand.
        seconds: of `retrain`, from start to end.
        decision: what the gate said.
    """

    before: float
    after: float
    gold: tuple[float, float] | None
    seconds: float
    decision: str

    @property
    def fell(self) -> float:
        """By which share the error fell."""
        return 1 - self.after / self.before


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Correct, retrain, ask the gate, and write `retrain.md`; `only` has no meaning here.

    Raises:
        ValueError: the stream or the corpora are not at hand.
    """
    stream = SETS["eng"]
    if not stream.there():
        raise ValueError("MasakhaNEWS is not at hand: name the folder with it in BENCH_DATA")
    rows = [row for row in stream.rows("train") if row["topics"][0] in TOPICS]
    mondays = []
    for seed in range(1 if quick else 5):
        order = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
        mondays.append(_monday(order[:_CORRECTED], order[_CORRECTED:][:_OTHERS]))
        say(f"draw {seed + 1}: the error fell by {100 * mondays[-1].fell:.0f} %; {mondays[-1].decision}")
    write("retrain", "Monday's retraining", _parts(mondays, _worse_candidate()), quick=quick)


def _monday(corrected: Sequence[Row], others: Sequence[Row]) -> Monday:
    with TemporaryDirectory() as folder:
        store, ledger = _store(Path(folder)), Path(folder) / "ledger.sqlite"
        served = load_bundle(store / NAME / str(current(store, NAME)))
        with service(store, str(ledger), model=NAME) as (address, _):
            _correct(corrected, address, served)
        environment = os.environ | {"TAGDESK_STORE": str(store), "TAGDESK_DATABASE_URL": str(ledger)}
        environment.pop("CORPUS_DIR", None)
        began = perf_counter()
        _command(environment, folder, "retrain")
        seconds = perf_counter() - began
        (version,) = {path.name for path in (store / NAME).iterdir() if path.is_dir()} - {served.version}
        adapted = load_bundle(store / NAME / version)
        said = _command(environment, folder, "publish", version)
        texts = [Article(title=row["title"], body=row["body"]).text() for row in others]
        right = np.array([[TOPICS[row["topics"][0]] == topic for topic in _seven()] for row in others])
        gold = SHARED / "gold" / "dev.jsonl.gz"
        return Monday(
            before=_wrong(served, texts, right),
            after=_wrong(adapted, texts, right),
            gold=(score_file(served, gold).total.f1, score_file(adapted, gold).total.f1) if gold.exists() else None,
            seconds=seconds,
            decision="promoted" if current(store, NAME) == version else f"refused: {said}",
        )


def _store(folder: Path) -> Path:
    """Return a store with the shipped model, and nothing else."""
    store = folder / "store"
    shutil.copytree(bundle(), store / NAME / bundle().name)
    make_current(store, NAME, bundle().name)
    return store


def _correct(rows: Sequence[Row], address: str, served: TopicModel) -> None:
    """Let the editor decide each article, over HTTP."""
    seven = set(_seven())
    with httpx.Client(base_url=address, timeout=30) as client:
        for place, row in enumerate(rows):
            article = {"id": f"stream-{place}", "title": row["title"], "body": row["body"]}
            given = [topic["id"] for topic in client.post("/v1/tag", json=article).raise_for_status().json()["topics"]]
            topics = [topic for topic in given if topic not in seven] + [TOPICS[row["topics"][0]]]
            sent = {"article": article, "topics": topics, "model": served.ref, "editor": "scripted"}
            client.post("/v1/feedback", json=sent).raise_for_status()


def _command(environment: dict[str, str], folder: str, *arguments: str) -> str:
    """Run a command of training in a folder for its reports; return the reasons that it gives."""
    command = [sys.executable, "-m", "training", *arguments]
    environment = environment | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise ValueError(done.stderr)
    return "; ".join(line.removeprefix("against it: ") for line in done.stdout.splitlines() if "against it" in line)


def _seven() -> list[str]:
    return list(TOPICS.values())


def _wrong(model: TopicModel, texts: Sequence[ArticleText], right: NDArray[np.bool_]) -> float:
    columns = [model.taxonomy.column(topic) for topic in _seven()]
    cut_offs = np.array([model.calibrations[column].suggest for column in columns])
    given = model.scores(texts)[1][:, columns] >= cut_offs
    return float((given != right).sum() / len(right))


def _worse_candidate() -> str:
    """Fit one topic of the shipped model anew on shuffled labels, and return what the gate says of it."""
    config, taxonomy = load_config(), load_taxonomy()
    data = read_training_set(config, taxonomy, corpus_folder())
    with TemporaryDirectory() as folder:
        store = _store(Path(folder))
        served = load_bundle(store / NAME / bundle().name)
        column = served.taxonomy.column(_SHUFFLED)
        said = data.decisions[data.learn][:, [taxonomy.column(_SHUFFLED)]]
        said = np.random.default_rng(0).permutation(said)
        fold = stratified_folds([data.ids[i] for i in data.learn], said == YES, config.fit.folds, config.fit.seed)
        X = tf_idf(served.features, [data.texts[i] for i in data.learn])
        fitted = fit_topics(X, said, fold, config.fit)
        weights, bias = served.weights.copy(), served.bias.copy()
        weights[:, column], bias[column] = fitted.weights[:, 0], fitted.bias[0]
        worse = replace(served, version="worse", weights=weights, bias=bias)
        made = save_bundle(worse, read_ngrams(bundle()), "# worse\n", store)
        shutil.copy(bundle() / REFERENCE, made / REFERENCE)
        empty = Path(folder) / "none.jsonl"
        empty.write_text("", encoding="utf-8")
        environment = os.environ | {"TAGDESK_STORE": str(store)}
        said_of_it = _command(environment, folder, "publish", "worse", "--corrections", str(empty))
        return f"refused: {said_of_it}" if current(store, NAME) == bundle().name else "**promoted**"


def _parts(mondays: Sequence[Monday], worse: str) -> Iterator[str]:
    yield (
        f"A scripted editor corrects {_CORRECTED} articles of MasakhaNEWS, English, its training part, which the "
        "shipped model has never seen, through a real service's `/v1/feedback`: of seven topics an article has its own "
        "alone, the others stay as the model gave them. `python -m training retrain` adapts the model with nothing but "
        "its bundle and the ledger; `publish` asks the gate. The error is how many of the seven topics an article has "
        f"wrong or missing, on up to {_OTHERS:,} other articles of the stream; one row a random draw. How firmly "
        "anchors hold and what a word's weight may change were chosen on twelve other draws."
    )
    rows = [
        (
            str(place + 1),
            f"{one.before:.3f}",
            f"{one.after:.3f}",
            f"−{100 * one.fell:.0f} %",
            "–" if one.gold is None else f"{one.gold[0]:.3f} → {one.gold[1]:.3f}",
            number(one.seconds),
            one.decision,
        )
        for place, one in enumerate(mondays)
    ]
    heads = ("draw", "error before", "after", "", "gold/dev, micro-F1", "retrain, s", "the gate")
    yield markdown(heads, rows)
    yield f"On average the error falls by **{100 * np.mean([one.fell for one in mondays]):.0f} %**."
    yield (f"A candidate that is worse on purpose, its weights of {_SHUFFLED} learned from shuffled labels: {worse}.")
