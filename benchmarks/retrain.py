"""What Monday's retraining achieves, after a scripted editor has corrected 200 articles of a shifted stream.

The stream is MasakhaNEWS (English, its training part), where every article has one of seven subjects. The editor
leaves the model's other topics as they are; of these seven, only the article's own is right.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

import httpx
import numpy as np
from numpy.typing import NDArray

from benchmarks.made import bundle
from benchmarks.quality_data import SETS, Row
from benchmarks.table import ROOT, markdown, number, say, write
from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import load_bundle, read_ngrams, save_bundle
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.storage import current, make_current
from tagdesk.models.taxonomy import load_taxonomy
from tagdesk.training.config import load_config
from tagdesk.training.corpora.corpus import read_corpus
from tagdesk.training.corpora.labels import YES
from tagdesk.training.corpora.places import SHARED, corpus_folder
from tagdesk.training.judge.measure import measure
from tagdesk.training.judge.score_file import score_file
from tagdesk.training.learn.evidence import read_evidence, write_evidence
from tagdesk.training.learn.fit import fit_topics
from tagdesk.training.learn.split import stratified_folds
from tagdesk.training.learn.training_set import read_training_set
from tagdesk.training.learn.vectorize import tf_idf
from tagdesk.training.promote import HELD_OR_REFUSED
from tests.service.posting import service

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
"""The model's topics for the stream's subjects."""

_CORRECTED, _OTHERS = 200, 1_000
_SHUFFLED = "sport"


@dataclass(frozen=True, slots=True)
class Automation:
    """The number of topics with an `auto` band, its precision, and the share of the topics that it finds."""

    bands: int
    precision: float
    share: float

    def __str__(self) -> str:
        return f"{self.bands} bands, {self.precision:.3f}, {self.share:.3f}"


@dataclass(frozen=True, slots=True)
class Monday:
    """One draw of articles to correct, and the rest of the stream.

    Attributes:
        before, after: how many of the seven topics are wrong or missing in an article of the rest, on average, by the
            served model and by the adapted one.
        gold: micro-F1 of both on gold/dev; None where the gold is not at hand.
        automation: the `auto` bands of both on the corpora's held-out articles.
        seconds: how long `retrain` takes.
        decision: the gate's verdict.
    """

    before: float
    after: float
    gold: tuple[float, float] | None
    automation: tuple[Automation, Automation]
    seconds: float
    decision: str

    @property
    def error_drop(self) -> float:
        """The share by which the error falls."""
        return 1 - self.after / self.before


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Correct, retrain, ask the gate, and write `retrain.md`; `only` is ignored.

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
        say(f"draw {seed + 1}: the error fell by {100 * mondays[-1].error_drop:.0f} %; {mondays[-1].decision}")
    agreements = [_agreement(count, seed) for count in (25, 60) for seed in range(1 if quick else 5)]
    write("retrain", "Monday's retraining", _parts(mondays, agreements, _worse_candidate()), quick=quick)


def _monday(corrected: Sequence[Row], others: Sequence[Row]) -> Monday:
    with TemporaryDirectory() as folder:
        store, ledger = _store(Path(folder)), Path(folder) / "ledger.sqlite"
        served = load_bundle(store / NAME / str(current(store, NAME)))
        with service(store, str(ledger), model=NAME) as (address, _):
            _correct(corrected, address, served)
        environment = os.environ | {"TAGDESK_STORE": str(store), "TAGDESK_DATABASE_URL": str(ledger)}
        environment.pop("CORPUS_DIR", None)
        began = perf_counter()
        decision = _command(environment, folder, "retrain", "--publish")
        seconds = perf_counter() - began
        (version,) = {path.name for path in (store / NAME).iterdir() if path.is_dir()} - {served.version}
        adapted = load_bundle(store / NAME / version)
        texts = [Article(title=row["title"], body=row["body"]).text() for row in others]
        right = np.array([[TOPICS[row["topics"][0]] == topic for topic in _stream_topics()] for row in others])
        return Monday(
            before=_error(served, texts, right),
            after=_error(adapted, texts, right),
            gold=_on_gold(store, served, adapted),
            automation=(_automation(served, store), _automation(adapted, store)),
            seconds=seconds,
            decision=decision,
        )


def _store(folder: Path) -> Path:
    """Return a store in the folder, with only the shipped model."""
    store = folder / "store"
    shutil.copytree(bundle(), store / NAME / bundle().name)
    make_current(store, NAME, bundle().name)
    return store


def _correct(rows: Sequence[Row], address: str, served: TopicModel) -> None:
    """Send the editor's decision on each article over HTTP."""
    stream_topics = set(_stream_topics())
    with httpx.Client(base_url=address, timeout=30) as client:
        for place, row in enumerate(rows):
            article = {"id": f"stream-{place}", "title": row["title"], "body": row["body"]}
            predicted = [
                topic["id"] for topic in client.post("/v1/tag", json=article).raise_for_status().json()["topics"]
            ]
            topics = [topic for topic in predicted if topic not in stream_topics] + [TOPICS[row["topics"][0]]]
            sent = {"article": article, "topics": topics, "model": served.ref, "editor": "scripted"}
            client.post("/v1/feedback", json=sent).raise_for_status()


def _command(environment: dict[str, str], folder: str, *arguments: str) -> str:
    """Run a training command in a folder for its reports; return the gate's decision, and the reasons."""
    command = [sys.executable, "-m", "tagdesk", *arguments]
    environment = environment | {"PYTHONPATH": str(ROOT)}
    process = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if process.returncode not in {0, HELD_OR_REFUSED}:
        raise ValueError(process.stderr)
    lines = [line.strip() for line in process.stdout.splitlines()]
    verdicts = [line.partition(":")[0].lower() for line in lines if line.startswith(("Promoted", "Held", "Refused"))]
    reasons = [line.removeprefix("reason: ") for line in lines if line.startswith("reason: ")]
    return ": ".join(filter(None, (*verdicts, "; ".join(reasons)))) or "no other model"


def _stream_topics() -> list[str]:
    return list(TOPICS.values())


def _error(model: TopicModel, texts: Sequence[ArticleText], right: NDArray[np.bool_]) -> float:
    columns = [model.taxonomy.column(topic) for topic in _stream_topics()]
    cut_offs = np.array([model.calibrations[column].suggest for column in columns])
    predicted = model.scores(texts)[1][:, columns] >= cut_offs
    return float((predicted != right).sum() / len(right))


def _on_gold(store: Path, served: TopicModel, adapted: TopicModel) -> tuple[float, float] | None:
    gold = SHARED / "gold" / "dev.jsonl.gz"
    if not gold.exists():
        return None
    before, after = (score_file(model, store / NAME / model.version, gold).whole.f1 for model in (served, adapted))
    return before, after


def _automation(model: TopicModel, store: Path) -> Automation:
    evidence = read_evidence(store / NAME / model.version, model)
    if evidence is None:
        raise ValueError(f"{model.ref} has no evidence")
    test = evidence.rows(evidence.test & ~evidence.editor)
    measured = measure(test.decisions, model.confidences(test.scores), test.weight, model.calibrations).whole
    bands = sum(calibration.auto is not None for calibration in model.calibrations)
    return Automation(bands, measured.auto_precision, measured.auto_share)


class Agreement(NamedTuple):
    """A desk that agrees with the shipped model's guidelines; `seed` drew the corrected articles."""

    corrections: int
    seed: int
    decision: str
    before: Automation
    after: Automation


def _agreement(count: int, seed: int) -> Agreement:
    """Teach the shipped model some articles of gold/dev, whose labels follow its own guidelines."""
    gold = SHARED / "gold" / "dev.jsonl.gz"
    with TemporaryDirectory() as folder:
        store = _store(Path(folder))
        served = load_bundle(store / NAME / bundle().name)
        articles = read_corpus(gold, for_training=False).articles
        drawn = [articles[i] for i in np.random.default_rng(seed).permutation(len(articles))[:count]]
        lines = [
            {"id": f"agreed-{number}", "title": article.title, "body": article.body, "topics": article.topics or ()}
            for number, article in enumerate(drawn)
        ]
        export = Path(folder) / "export.jsonl"
        export.write_text("".join(f"{json.dumps(line | {'complete': True})}\n" for line in lines), encoding="utf-8")
        environment = os.environ | {"TAGDESK_STORE": str(store)}
        environment.pop("CORPUS_DIR", None)
        decision = _command(environment, folder, "retrain", "--publish", "--corrections", str(export))
        versions = {path.name for path in (store / NAME).iterdir() if path.is_dir()} - {served.version}
        candidate = load_bundle(store / NAME / versions.pop()) if versions else served
        return Agreement(count, seed, decision, _automation(served, store), _automation(candidate, store))


def _worse_candidate() -> str:
    """Fit one topic of the shipped model again on shuffled labels, and return the gate's verdict."""
    config, taxonomy = load_config(), load_taxonomy()
    data = read_training_set(config, taxonomy, corpus_folder())
    with TemporaryDirectory() as folder:
        store = _store(Path(folder))
        served = load_bundle(store / NAME / bundle().name)
        column = served.taxonomy.column(_SHUFFLED)
        decisions = data.decisions[data.learn][:, [taxonomy.column(_SHUFFLED)]]
        decisions = np.random.default_rng(0).permutation(decisions)
        fold = stratified_folds([data.ids[i] for i in data.learn], decisions == YES, config.fit.folds, config.fit.seed)
        X = tf_idf(served.features, [data.texts[i] for i in data.learn])
        fitted = fit_topics(X, decisions, fold, config.fit)
        weights, bias = served.dense.copy(), served.bias.copy()
        weights[:, column], bias[column] = fitted.weights[:, 0], fitted.bias[0]
        worse = replace(served, version="worse", weights=weights, bias=bias)
        made = save_bundle(worse, read_ngrams(bundle()), "# worse\n", store)
        evidence = read_evidence(bundle(), served)
        if evidence is None:
            raise ValueError("the shipped model has no evidence")
        write_evidence(made, worse, evidence.moved(served, worse))
        empty = Path(folder) / "none.jsonl"
        empty.write_text("", encoding="utf-8")
        environment = os.environ | {"TAGDESK_STORE": str(store)}
        return _command(environment, folder, "publish", "worse", "--corrections", str(empty))


def _parts(mondays: Sequence[Monday], agreements: Sequence[Agreement], worse: str) -> Iterator[str]:
    yield (
        f"A scripted editor corrects {_CORRECTED} articles of MasakhaNEWS, English, its training part, which the "
        "shipped model has never seen, through a real service's `/v1/feedback`: of seven topics an article has only "
        "its own; the others stay as the model gave them. `tagdesk retrain --publish` adapts the model from nothing "
        "but its bundle and the ledger, and asks the gate. The error is how many of the seven topics are wrong or "
        f"missing in an article, on up to {_OTHERS:,} other articles of the stream; each row is a random draw. How "
        "firmly anchors hold, and how far a word's weight may change, was chosen on twelve other draws."
    )
    rows = [
        (
            str(place + 1),
            f"{monday.before:.3f}",
            f"{monday.after:.3f}",
            f"−{100 * monday.error_drop:.0f} %",
            "–" if monday.gold is None else f"{monday.gold[0]:.3f} → {monday.gold[1]:.3f}",
            f"{monday.automation[0]} → {monday.automation[1]}",
            number(monday.seconds),
            monday.decision,
        )
        for place, monday in enumerate(mondays)
    ]
    heads = (
        "draw",
        "error before",
        "after",
        "",
        "gold/dev, micro-F1",
        "auto: bands, precision, share",
        "s",
        "the gate",
    )
    yield markdown(heads, rows)
    yield f"On average the error falls by **{100 * np.mean([monday.error_drop for monday in mondays]):.0f} %**."
    yield (
        "The shipped model is taught articles of gold/dev, whose labels follow its own guidelines: the `auto` bands on "
        "the corpora's held-out articles."
    )
    yield markdown(
        ("corrections", "draw", "before: bands, precision, share", "after", "the gate"),
        [
            (str(corrections), str(seed + 1), str(before), str(after), decision)
            for corrections, seed, decision, before, after in agreements
        ],
    )
    yield f"A candidate that is worse on purpose, its weights of {_SHUFFLED} learned from shuffled labels: {worse}."
