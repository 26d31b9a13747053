"""`tagdesk retrain|publish|rollback|forget`: Monday's retraining from the command line."""

import argparse
import logging
import os
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

from tagdesk.formats import FORMATS
from tagdesk.formats.dates import ORDERS
from tagdesk.models.bundle import read_ngrams
from tagdesk.models.errors import BundleNotFound
from tagdesk.models.storage import current, store
from tagdesk.models.taxonomy import Taxonomy, load_taxonomy
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.config import BY_ID, Config, load_config
from tagdesk.training.corpora.corpus import Corpus
from tagdesk.training.corpora.own_data import OwnData, plan_again
from tagdesk.training.corpora.places import corpus_folder
from tagdesk.training.errors import CorpusError
from tagdesk.training.forget import forget
from tagdesk.training.judge.changes import CHANGES
from tagdesk.training.judge.editors import Standing
from tagdesk.training.learn.corrections import READ_TEXTS, Corrections, read_corrections
from tagdesk.training.promote import HELD_OR_REFUSED, Outcome, newest, promote, roll_back_and_log, served_model
from tagdesk.training.report.page import report, write_report
from tagdesk.training.retrain import Candidate, adapt_served, train_anew

log = logging.getLogger(__name__)

MOST_NAMED = 5
"""How many pairs of editors who contradict each other are named; `changes.json` has all."""

SERVED = "TAGDESK_MODEL"
"""The environment variable with the model that the service serves."""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What `add_subparsers` returns."""


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int | None], what: str, *, example: str
) -> argparse.ArgumentParser:
    """Add a command that calls `run` with its options; return its parser, to add the options to."""
    command = commands.add_parser(name, description=what, epilog=f"example: tagdesk {example}")
    command.set_defaults(run=run)
    return command


def add_reading(command: argparse.ArgumentParser) -> None:
    """Add the options that say how files are to be read."""
    command.add_argument("--format", default="", help=f"their format, where it is not recognized: {', '.join(FORMATS)}")
    command.add_argument("--columns", default="", help="which column is which: 'body=Texte topics=Rubrique'")
    command.add_argument("--ignore", default="", help="labels that are no topics, separated by commas")
    command.add_argument("--dates", default="", choices=ORDERS, help="what 01/02/2026 begins with, where it is open")


def add_commands(commands: Commands) -> None:
    """Add the four commands; the caller adds the option `--config` to each."""
    retrain = add_command(
        commands,
        "retrain",
        _retrain,
        "Learn from the ledger's corrections; the new version is saved in the store, and is not current yet.",
        example="retrain --publish",
    )
    publish = add_command(
        commands,
        "publish",
        _publish,
        "Make a version of the store current if it is better than the one that is served.",
        example="publish --model news-en",
    )
    rollback = add_command(
        commands,
        "rollback",
        _rollback,
        "Make the version current again that was current before.",
        example="rollback --model news-en",
    )
    forget = add_command(
        commands,
        "forget",
        _forget,
        "Remove from all versions in the store what is no longer in the ledger.",
        example="forget --model news-en",
    )
    for command in (retrain, publish, rollback, forget):
        command.add_argument(
            "--model", default="", metavar="NAME", help=f"the model (default: {SERVED}, else the config's)"
        )
    for command in (retrain, publish, forget):
        _add_source(command)
    for command in (retrain, publish):
        _add_choice_of_corrections(command)
        add_reading(command)
        command.add_argument(
            "--force", action="store_true", help="publish against the gate's verdict; this is recorded"
        )
    retrain.add_argument("--map", type=Path, help="TOML: what the labels of --data say of the topics")
    retrain.add_argument("--publish", action="store_true", help="ask the gate, and publish the version if it is better")
    publish.add_argument("version", nargs="?", default="", help="default: the newest")


def _add_source(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--corrections",
        default="",
        metavar="FROM",
        help="the ledger's export (a file, or its http address), or the ledger (an SQLite file, or postgresql://…); "
        "default: the ledger of the service's settings",
    )


def _add_choice_of_corrections(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=Path,
        nargs="+",
        default=(),
        metavar="FILE",
        help="articles: texts that the ledger does not keep are looked up in them by id; retrain learns from their "
        "labels, too",
    )
    command.add_argument(
        "--without",
        default="",
        metavar="NAMES",
        help="editors, or keys, whose corrections are left out, separated by commas",
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _name(options: argparse.Namespace) -> str:
    return _named(options) or load_config(options.config).name


def _named(options: argparse.Namespace) -> str:
    """Return the model that was named by option or environment, or ""."""
    return options.model or os.environ.get(SERVED, "").partition("@")[0]


def _retrain(options: argparse.Namespace) -> int:
    began = perf_counter()
    name = _name(options)
    served = served_model(name)
    if served is None:
        raise BundleNotFound(f"no model {name!r} is served: train one with `tagdesk train --publish`")
    corrections = _corrections(options, served)
    if not _named(options):
        _refuse_other_models(corrections, name)
    if not corrections.ids:
        raise CorpusError(f"nothing to learn from: {corrections.summary()}")
    plan = _plan_with_corpora(options, served)
    if plan is None:
        retrained = adapt_served(served, corrections, store())
    else:
        retrained = train_anew(served, corrections, *plan, store())
    candidate, took = retrained.candidate, perf_counter() - began
    for line in _contradictions(retrained.standings, corrections):
        _say(line)
    if retrained.way_back:
        _say(f"{served.ref} stays: {retrained.way_back}")
        return HELD_OR_REFUSED
    if candidate is None:
        _say(f"{served.ref} stays: the corrections do not change it ({took:.1f} s)")
        return 0
    _say(f"{candidate.model.ref} {'adapted' if plan is None else 'trained anew'} in {took:.1f} s, beside {served.ref}")
    _say(_gains_and_losses(candidate))
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
    _say(f"report, to open in a browser: {write_report(page, candidate.model)}")
    if not options.publish:
        _say(f"it is not served yet: tagdesk publish --model {name} {candidate.model.version}")
        return 0
    version = candidate.model.version
    outcome = promote(store(), name, version, lambda _: corrections, force=options.force, pairs=candidate.pairs)
    _say(_result(outcome))
    return 0 if outcome.is_current else HELD_OR_REFUSED


def _refuse_other_models(corrections: Corrections, name: str) -> None:
    """Check that most corrections were made under the model that learns, where the command does not name it.

    Raises:
        CorpusError: they were not.
    """
    others = Counter(corrections.other_models)
    articles = len(corrections.ids) + corrections.off_topic + corrections.without_text + corrections.unreadable
    if others.total() * 2 > articles:
        most = others.most_common(1)[0][0]
        raise CorpusError(
            f"most corrections were made under another model than {name}: {corrections.summary()}; "
            f"say which model is to learn: --model {most} or --model {name}"
        )


def _contradictions(standings: Sequence[Standing], corrections: Corrections) -> Iterator[str]:
    """Yield a line for each editor whose corrections the rest contradict, and for editors who contradict each other."""
    outliers = [standing for standing in standings if standing.stands_out]
    yield from (f"look at these: {standing.sentence()}" for standing in outliers)
    for (editor, by), articles in sorted(corrections.overruled.items(), key=lambda item: -item[1])[:MOST_NAMED]:
        yield f"{by or 'somebody'} overruled {editor or 'somebody'} on {articles:,} articles"
    if names := list(dict.fromkeys(standing.editor for standing in outliers if standing.editor)):
        yield f"to learn only from the others: tagdesk retrain --without {shlex.quote(','.join(names))}"


def _gains_and_losses(candidate: Candidate) -> str:
    topics = candidate.changes["topics"]
    gained, lost = (sum(row[side] for row in topics) for side in ("gained", "lost"))
    return (
        f"on {candidate.changes['articles']:,} {candidate.changes['source']}: {gained:,} topics gained, {lost:,} lost"
    )


def _corrections(options: argparse.Namespace, served: TopicModel) -> Corrections:
    without = frozenset(filter(None, map(str.strip, options.without.split(","))))
    return read_corrections(
        options.corrections,
        served.taxonomy,
        options.data,
        model=served.name,
        language=served.manifest.get("language"),
        without=without,
        read=_reader(options),
    )


def _plan_with_corpora(options: argparse.Namespace, served: TopicModel) -> tuple[Config, Taxonomy, Path] | None:
    """Return the settings, topics and folder to train a new model with; None to adapt the served one.

    A new model is trained where --data has labels, or CORPUS_DIR has the corpora that the model was trained on.

    Raises:
        CorpusError: CORPUS_DIR is set, and lacks a corpus that the model was trained on.
    """
    if labelled := [path for path in options.data if _has_labels(path, options)]:
        own = OwnData(
            tuple(labelled), options.map, None, options.format, options.columns, options.ignore, options.dates
        )
        return *plan_again(own, load_config(options.config), served), Path()
    config = load_config(options.config)
    if options.data or not os.environ.get("CORPUS_DIR") or config.name != served.name:
        return None
    folder = corpus_folder()
    missing = [name for name in config.corpora if not (folder / name).exists()]
    if missing:
        raise CorpusError(f"{', '.join(missing)} not found in CORPUS_DIR ({folder}): unset it to adapt without corpora")
    # Corrections are new: a test of the newest articles would hold out all of them.
    return replace(config, fit=replace(config.fit, test=BY_ID)), load_taxonomy(), folder


def _reader(options: argparse.Namespace) -> Callable[[Path], Corpus]:
    return partial(READ_TEXTS, format=options.format, columns=options.columns)


def _has_labels(path: Path, options: argparse.Namespace) -> bool:
    articles = _reader(options)(path).articles
    return any(article.labels or article.topics for article in articles)


def _publish(options: argparse.Namespace) -> int:
    name = _name(options)
    version = options.version or newest(store(), name)
    if version == current(store(), name):
        _say(f"{name}@{version} is already current in {store()}")
        return 0
    outcome = promote(store(), name, version, partial(_corrections, options), force=options.force)
    _say(_result(outcome))
    return 0 if outcome.is_current else HELD_OR_REFUSED


def _result(outcome: Outcome) -> str:
    """Return what became of a candidate, in lines for people."""
    name, _, version = outcome.candidate.partition("@")
    lines = [
        {
            "promoted": f"Promoted: {outcome.candidate} is current in {store()}.",
            "forced": f"Forced: {outcome.candidate} is current in {store()}.",
            "held": f"Held: {outcome.candidate} is not measurably better. {outcome.served} stays.",
            "refused": f"Refused: {outcome.candidate} is worse. {outcome.served} stays.",
        }[outcome.decision]
    ]
    lines += [f"  reason: {reason}" for reason in outcome.reasons]
    if verdict := outcome.verdict:
        articles, corrected = verdict.articles
        f1 = verdict.micro_f1
        lines.append(
            f"  micro-F1 {f1.served:.3f} before, {f1.candidate:.3f} now, on {articles:,} articles that neither has "
            f"learned from ({corrected:,} of them corrected by editors)"
        )
        won, lost = verdict.corrections
        if won or lost:
            lines.append(f"  articles that editors corrected, as if not learned from: {won:,} better, {lost:,} worse")
        lines += [f"  note: {note}" for note in verdict.notes]
        for word, sign in (("better", 1), ("worse", -1)):
            moved = sorted(
                (topic for topic in verdict.topics if sign * topic.f1.change > 0),
                key=lambda topic: -sign * topic.f1.change,
            )
            if moved:
                names = ", ".join(f"{topic.topic} {topic.f1.change:+.3f}" for topic in moved[:5])
                lines.append(f"  {word}: {names}")
    if not outcome.is_current:
        lines += [
            "  Where a desk disagrees with the corpora on purpose, this is the usual result: most articles of the test",
            "  have the corpora's topics. Look at what changes (the desk's page Changes, or changes.json), and publish",
            f"  the candidate all the same if that is what you want: tagdesk publish --model {name} {version} --force",
        ]
    return "\n".join(lines)


def _rollback(options: argparse.Namespace) -> int:
    name = _name(options)
    before, now = roll_back_and_log(store(), name)
    _say(f"{name}@{now} is current again in {store()}, in place of {before}")
    return 0


def _forget(options: argparse.Namespace) -> int:
    name = _name(options)
    lines = forget(store(), name, options.corrections)
    for line in lines:
        _say(line)
    if not lines:
        _say(f"no version of {name} in {store()} has anything that is not in the ledger")
    return 0
