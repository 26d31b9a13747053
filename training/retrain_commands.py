"""`python -m training retrain|publish|rollback|reference`: Monday's loop, from the command line."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

from models.bundle import load_bundle, read_ngrams
from models.errors import BundleNotFound
from models.storage import current, locate, store
from models.taxonomy import Taxonomy, load_taxonomy
from models.topic_model import TopicModel
from training.changes import CHANGES
from training.config import BY_ID, Config, load_config
from training.corpus import read_corpus
from training.corrections import Corrections, read_corrections
from training.errors import CorpusError
from training.own_data import OwnData, plan
from training.promote import Outcome, newest, promote, served_model, take_back
from training.reference import write_reference
from training.report import report, write_report
from training.retrain import Candidate, adapt_served, train_anew
from training.train import examine_held_out
from training.training_set import read_training_set

Run = Callable[[argparse.Namespace], int]

REFUSED = 1
"""The exit code of `publish` where the gate refuses."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to a command line whose options have `config`."""
    for name, run, what in (
        ("retrain", _retrain, "learn from the ledger's corrections; the new version is in the store, and not current"),
        ("publish", _publish, "let CURRENT name a version of the store if it is better than the one that is served"),
        ("rollback", _rollback, "let CURRENT name the version that it named before"),
        ("reference", _reference, "write a bundle's reference set for the gate, from the corpora it was trained on"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.set_defaults(run=run)
        command.add_argument("--model", default="", metavar="NAME", help="the model (default: the config's)")
        if name in {"retrain", "publish"}:
            command.add_argument(
                "--corrections",
                default="",
                metavar="FROM",
                help="the ledger's export (a file, or its http address), or the ledger (an SQLite file, or "
                "postgresql://…); default: the ledger of the service's settings",
            )
            command.add_argument(
                "--data",
                type=Path,
                nargs="+",
                default=(),
                metavar="FILE",
                help="articles: texts that the ledger has not kept are found in them by id; retrain learns from their "
                "labels, too",
            )
        if name == "retrain":
            command.add_argument("--map", type=Path, help="TOML: what the labels of --data say of the topics")
            command.add_argument("--format", default="", help="the format of --data, where it is not told")
        if name == "publish":
            command.add_argument("version", nargs="?", default="", help="default: the one that was made last")
            command.add_argument("--force", action="store_true", help="publish what the gate refuses, and record it")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _name(options: argparse.Namespace) -> str:
    return options.model or load_config(options.config).name


def _retrain(options: argparse.Namespace) -> int:
    began = perf_counter()
    name = _name(options)
    served = served_model(name)
    if served is None:
        raise BundleNotFound(f"no model {name!r} is served: train one with `make train`")
    corrections = _corrections(options, served)
    if not corrections.ids:
        raise CorpusError(f"nothing to learn from: {corrections.summary()}")
    anew = _corpora(options, served)
    if anew is None:
        candidate = adapt_served(served, corrections, store())
    else:
        candidate = train_anew(served, corrections, *anew, store())
    took = perf_counter() - began
    _say(f"{candidate.model.ref} {'adapted' if anew is None else 'trained anew'} in {took:.1f} s, beside {served.ref}")
    _say(_in_short(candidate))
    _say(f"what changes: {candidate.bundle / CHANGES}")
    page = report(
        candidate.model,
        read_ngrams(candidate.bundle),
        candidate.examined,
        held_out=candidate.held_out,
        learning_curve=candidate.learning_curve and candidate.learning_curve(),
        served=served,
        changes=candidate.changes,
    )
    _say(f"report, to be looked at in a browser: {write_report(page, candidate.model)}")
    _say(f"it is not served yet: python -m training publish {candidate.model.version}")
    return 0


def _in_short(candidate: Candidate) -> str:
    topics = candidate.changes["topics"]
    gained, lost = (sum(row[side] for row in topics) for side in ("gained", "lost"))
    return f"of {candidate.changes['articles']:,} corrected articles: {gained:,} topics gained, {lost:,} lost"


def _corrections(options: argparse.Namespace, served: TopicModel) -> Corrections:
    return read_corrections(options.corrections, served.taxonomy, options.data)


def _corpora(options: argparse.Namespace, served: TopicModel) -> tuple[Config, Taxonomy, Path] | None:
    """Return what to train anew on, or None where there is nothing: neither labels in --data nor CORPUS_DIR."""
    config = load_config(options.config)
    # Corrections are new, and a test of the newest articles would have them all.
    config = replace(config, name=served.name, fit=replace(config.fit, test=BY_ID))
    if options.data:
        labelled = [path for path in options.data if _has_labels(path, options.format)]
        if not labelled:
            return None
        own = OwnData(tuple(labelled), options.map, None, options.format)
        return *plan(own, config, served.name, str(served.manifest.get("language", ""))), Path()
    folder = Path(os.environ.get("CORPUS_DIR") or "")
    if not os.environ.get("CORPUS_DIR"):
        return None
    missing = [one for one in config.corpora if not (folder / one).exists()]
    if missing:
        raise CorpusError(f"{', '.join(missing)} not found in CORPUS_DIR ({folder}): unset it to adapt without corpora")
    return config, load_taxonomy(), folder


def _has_labels(path: Path, format: str) -> bool:
    articles = read_corpus(path, format=format, texts=False, for_training=False).articles
    return any(one.labels or one.topics for one in articles)


def _publish(options: argparse.Namespace) -> int:
    name = _name(options)
    version = options.version or newest(store(), name)
    if version == current(store(), name):
        _say(f"{name}@{version} is current already in {store()}")
        return 0
    outcome = promote(store(), name, version, partial(_corrections, options), force=options.force)
    _say(_told(outcome))
    return REFUSED if outcome.decision == "refused" else 0


def _told(outcome: Outcome) -> str:
    lines = []
    if verdict := outcome.verdict:
        f1 = verdict.micro_f1
        lines.append(
            f"on {verdict.articles:,} articles, each as if neither had learned from it: "
            f"micro-F1 {f1.served:.3f} before, {f1.candidate:.3f} now "
            f"({f1.change:+.3f}, 95 % interval {f1.low:+.3f} to {f1.high:+.3f})"
        )
    lines += [f"against it: {reason}" for reason in outcome.reasons]
    said = {
        "promoted": f"{outcome.candidate} is current in {store()}",
        "forced": f"{outcome.candidate} is current in {store()}, by --force",
        "refused": f"{outcome.candidate} is refused, {outcome.served} goes on; --force publishes it all the same",
    }
    return "\n".join([*lines, said[outcome.decision]])


def _rollback(options: argparse.Namespace) -> int:
    name = _name(options)
    before, now = take_back(store(), name)
    _say(f"{name}@{now} is current again in {store()}, in place of {before}")
    return 0


def _reference(options: argparse.Namespace) -> int:
    folder = locate(_name(options))
    model = load_bundle(folder)
    config = load_config(options.config)
    corpora = Path(os.environ.get("CORPUS_DIR") or "../shared/data/corpora")
    taxonomy = load_taxonomy()
    config = replace(config, fit=replace(config.fit, test=model.manifest.get("fit", {}).get("test", BY_ID)))
    data = read_training_set(config, taxonomy, corpora)
    columns = [taxonomy.column(topic) for topic in model.taxonomy.ids]
    held_out = examine_held_out(model, replace(data, decisions=data.decisions[:, columns]))
    learned = data.learn.tolist()
    path = write_reference(folder, model, held_out, [data.ids[i] for i in learned], [data.texts[i] for i in learned])
    _say(f"{len(held_out.ids):,} held-out articles and the anchors are in {path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0
