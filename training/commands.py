"""The commands that make a model: `tagdesk train`, `search`, `evaluate`, `retrain`, `publish` and the like."""

import argparse
import logging
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import joblib
from tqdm import tqdm

from tagdesk.models.bundle import CARD, load_bundle, read_ngrams
from tagdesk.models.errors import BundleNotFound
from tagdesk.models.files import replacing
from tagdesk.models.reading.looks import write_looks
from tagdesk.models.storage import SHIPPED, current, locate, make_current, store
from tagdesk.models.taxonomy import Taxonomy, load_taxonomy
from tagdesk.models.topic_model import TopicModel
from tagdesk.progress import counted
from tagdesk.training.config import BY_ID, DEFAULT_CONFIG, LATEST, Config, load_config
from tagdesk.training.corpora.corpus import file_sha256, read_corpus
from tagdesk.training.corpora.current_events import fetch_current_events
from tagdesk.training.corpora.fetch import FetchReport
from tagdesk.training.corpora.labels import LABELS, load_label_map
from tagdesk.training.corpora.own_data import OwnData, plan
from tagdesk.training.corpora.places import SHARED, corpus_folder, need_corpora
from tagdesk.training.corpora.wikinews import fetch_wikinews
from tagdesk.training.errors import CorpusError, TrainingError
from tagdesk.training.exchange.from_pipeline import fold, imported_card, load_pipeline, sample_texts
from tagdesk.training.exchange.to_pipeline import to_pipeline
from tagdesk.training.furniture.learning import learn
from tagdesk.training.judge.changes import CHANGES
from tagdesk.training.judge.evaluate import table
from tagdesk.training.judge.score_file import Reading, score_file, score_rows, score_texts
from tagdesk.training.judge.verdict import verdict
from tagdesk.training.learn.evidence import EVIDENCE, Evidence, read_evidence, write_evidence
from tagdesk.training.promote import served_model
from tagdesk.training.publish import publish
from tagdesk.training.report.card import left_out
from tagdesk.training.report.page import report, write_report
from tagdesk.training.retrain_commands import Commands, add_command, add_commands, add_reading
from tagdesk.training.search import SEARCHES, search
from tagdesk.training.train import train

_NO_GOLD = """\
The texts of the gold articles may not be handed on, so no clone has them, and figures on them cannot be reproduced; \
those on held-out articles can."""

_INTERRUPTED = 130

_MODEL = "name, name@version or path (default: the config's)"


def run(arguments: Sequence[str]) -> int:
    """Run the command that the first argument names.

    Returns:
        The exit code: 0, 3 where the gate holds or refuses a candidate, or 130 after Ctrl-C.

    Raises:
        TagdeskError, OSError: the command fails.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    options = _parser().parse_args(arguments)
    try:
        code: int | None = options.run(options)
    except KeyboardInterrupt:
        print("tagdesk: interrupted", file=sys.stderr)
        return _INTERRUPTED
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tagdesk")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_making(commands)
    _add_judging(commands)
    _add_exchange(commands)
    add_commands(commands)
    for command in commands.choices.values():
        command.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="training config (TOML)")
    return parser


def _add_making(commands: Commands) -> None:
    add_command(
        commands, "data", _data, "Fetch the open corpora into var/corpora, unless they are at hand.", example="data"
    )
    train = add_command(
        commands,
        "train",
        _train,
        "Train a model, of the config's corpora or of your own data, and save it in the store.",
        example="train --data desk.csv --language en",
    )
    train.add_argument("--publish", action="store_true", help="make the new version current")
    train.add_argument(
        "--cluster",
        default="",
        metavar="tcp://…",
        help="a Dask scheduler (extra `dask`) whose workers do the fits; they must see the store",
    )
    _add_data(train, "train on these files; the model becomes current")
    search = add_command(
        commands,
        "search",
        _search,
        "Search for better training settings until the time is up or Ctrl-C; keep the best.",
        example="search --budget 30m --data desk.csv",
    )
    search.add_argument("--budget", type=_seconds, default="30m", help="e.g. 90s, 30m, 1h30m (default: 30m)")
    _add_data(search, "search for the settings that suit these files")
    for command in (train, search):
        command.add_argument(
            "--taxonomy", type=Path, help="TOML: the topics' names, parents and codes; media-topics: the IPTC's"
        )
        command.add_argument("--name", default="", help="the model's name (default: the first file's)")
        command.add_argument("--language", default="", help="the articles' language, BCP 47, e.g. en")
        command.add_argument("--precision-target", type=float, help="what the `auto` band promises, e.g. 0.95")
        command.add_argument("--test", choices=(BY_ID, LATEST), help="which tenth is held out for the test")
    furniture = add_command(
        commands,
        "furniture",
        _furniture,
        "Learn what site furniture looks like from those of its corpora that are at hand.",
        example="furniture --to models/reading/furniture.tsv",
    )
    furniture.add_argument("--to", type=Path, required=True, metavar="FILE", help="write the weights there")
    furniture.add_argument("--folder", type=Path, default=SHARED, help=f"has corpora/ in it (default: {SHARED})")


def _add_judging(commands: Commands) -> None:
    evaluate = add_command(
        commands,
        "evaluate",
        _evaluate,
        "Print a model's figures on held-out and gold articles, or on a labelled file.",
        example="evaluate --model desk --data new.csv",
    )
    _add_data(evaluate, "measure on these labelled files")
    evaluate.add_argument("--model", default=None, help=_MODEL)


def _add_exchange(commands: Commands) -> None:
    export = add_command(
        commands,
        "export",
        _export,
        "Write a model as a scikit-learn Pipeline, in joblib's format.",
        example="export --model desk pipeline.joblib",
    )
    export.add_argument("--model", default=None, help=_MODEL)
    export.add_argument("pipeline", type=Path, nargs="?", default=Path("pipeline.joblib"))
    import_ = add_command(
        commands,
        "import",
        _import,
        "Fold a scikit-learn TF-IDF linear Pipeline into a bundle; this RUNS CODE from the file.",
        example="import pipeline.joblib --name our-desk",
    )
    import_.add_argument("pipeline", type=Path, help="a file written by joblib.dump; import only what you trust")
    import_.add_argument("--name", required=True, help="the model's name, e.g. our-desk")
    import_.add_argument("--texts", type=Path, help="a corpus to compare on; a hashing pipeline gets its n-grams")
    add_command(
        commands,
        "ship",
        _ship,
        "Copy the store's current model to models/store, the one that a clone serves.",
        example="ship",
    )


def _add_data(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("--data", type=Path, nargs="+", metavar="FILE", default=(), help=what)
    command.add_argument(
        "--map", type=Path, help="TOML: what their labels say of the topics (default: they are topics)"
    )
    add_reading(command)


def _seconds(budget: str) -> int:
    """Return the seconds in a time such as `1h30m`."""
    match = re.fullmatch(r"(?=.)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", budget)
    if not match:
        raise argparse.ArgumentTypeError(f"{budget!r} is not a time: write it as 90s, 30m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds


def _data(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    folder = corpus_folder()
    missing = [name for name in config.corpora if not (folder / name).exists()]
    if not missing:
        print(f"the corpora are at hand in {folder}: {', '.join(config.corpora)}")
        return
    fetchers: dict[str, Callable[[Path], FetchReport]] = {
        "wikinews.jsonl.gz": _fetch_wikinews,
        "current-events.jsonl.gz": fetch_current_events,
    }
    own = [name for name in missing if name not in fetchers]
    if own:
        raise CorpusError(f"{', '.join(own)} cannot be fetched and is not in {folder}: put it there")
    for name in missing:
        print(fetchers[name](folder))


def _fetch_wikinews(folder: Path) -> FetchReport:
    return fetch_wikinews(folder, load_label_map(LABELS / "wikinews.toml", load_taxonomy()).labels)


def _train(options: argparse.Namespace) -> None:
    config, taxonomy, folder = _plan(options)
    served = served_model(config.name)
    trained = train(config, taxonomy, folder, store(), cluster=options.cluster)
    bundle = trained.bundle
    model = load_bundle(bundle)
    current = options.publish or bool(options.data)
    if current:
        make_current(store(), model.name, model.version)
    figures = model.manifest["metrics"]["held_out"]
    print(f"{model.ref}: {verdict(model)}")
    kept = counted(figures["articles"], "article")
    print(f"on {kept} kept out of training: micro-F1 {figures['micro_f1']:.3f}, macro-F1 {figures['macro_f1']:.3f}")
    made_current = " and made current" if current else ""
    same = ", that of the shipped model" if _is_shipped(model) else ""
    print(f"saved in {bundle}{made_current}, content hash {model.manifest['content_hash']}{same}")
    page = report(
        model,
        read_ngrams(bundle),
        trained.examined,
        held_out=trained.held_out,
        duplicates=trained.duplicates,
        learning_curve=trained.learning_curve(),
        served=served,
    )
    print(f"report, to open in a browser: {write_report(page, model)}")
    if options.data:
        print(f"{len(model.taxonomy)} topics; what it learned and how well: {bundle / CARD}")
        print(f"serve it: tagdesk serve --model {model.name}")
        if sentences := left_out(model):
            print(sentences)


def _is_shipped(model: TopicModel) -> bool:
    """Return whether the shipped model of the same name has the same content."""
    version = current(SHIPPED, model.name)
    if version is None:
        return False
    return bool(load_bundle(SHIPPED / model.name / version).manifest["content_hash"] == model.manifest["content_hash"])


def _search(options: argparse.Namespace) -> None:
    config, taxonomy, folder = _plan(options)
    best = search(config, taxonomy, folder, budget=options.budget, say=_say)
    path = SEARCHES / config.name
    again = f"tagdesk train --config {path}.toml"
    if options.data:
        again += f" --data {shlex.join(map(str, options.data))}{_own_options(options)}"
    else:
        again += " --publish"
    quality = best.quality
    print(f"best so far: micro-F1 {quality.micro_f1:.3f}, macro-F1 {quality.macro_f1:.3f}; changed: {best.changed}")
    print(f"saved in {path}.toml, and all that were tried in {path}.md; train with it: {again}")


def _own_options(options: argparse.Namespace) -> str:
    """Return the options for own data as they are written on the command line."""
    names = ("map", "taxonomy", "format", "columns", "ignore", "dates", "name", "language", "test", "precision_target")
    values = {name.replace("_", "-"): str(vars(options)[name]) for name in names if vars(options)[name]}
    return "".join(f" --{name} {shlex.quote(value)}" for name, value in values.items())


def _say(line: str) -> None:
    with tqdm.external_write_mode():  # a bar makes room
        print(line, flush=True)


def _plan(options: argparse.Namespace) -> tuple[Config, Taxonomy, Path]:
    """Return the settings and topics of the model to train, and the folder of the corpora."""
    config = load_config(options.config)
    settings = {name: vars(options).get(name) for name in ("precision_target", "test")}
    fit = replace(config.fit, **{name: value for name, value in settings.items() if value is not None})
    config = replace(config, fit=fit)
    if options.data:
        own = OwnData(
            tuple(options.data),
            options.map,
            options.taxonomy,
            options.format,
            options.columns,
            options.ignore,
            options.dates,
        )
        return *plan(own, config, options.name, options.language), Path()
    names = ("map", "taxonomy", "format", "columns", "ignore", "dates", "name", "language")
    misplaced = [name for name in names if getattr(options, name)]
    if misplaced:
        raise TrainingError(f"--{', --'.join(misplaced)}: for your own data only; name its files with --data")
    folder = corpus_folder()
    need_corpora(config, folder)
    return config, load_taxonomy(), folder


def _evaluate(options: argparse.Namespace) -> None:
    ref = options.model or load_config(options.config).name
    folder = locate(ref)
    model = load_bundle(folder)
    print(f"{model.ref}\n")
    for path in options.data:
        reading = Reading(options.map, options.format, options.columns, options.ignore, options.dates)
        print(table(score_file(model, folder, path, reading), path.name))
    if options.data:
        return
    config = load_config(options.config)
    evidence = read_evidence(folder, model)
    if evidence is None:
        print(f"no {EVIDENCE} in {folder}: how the model does on held-out articles is not known; train it again")
    else:
        _print_held_out(model, evidence.rows(evidence.test), config)
    gold = SHARED / "gold" / "dev.jsonl.gz"
    if model.name != load_config().name:
        return
    if gold.exists():
        print(table(score_file(model, folder, gold), "\ngold/dev"))
    else:
        print(f"\ngold/dev: not measured. {_NO_GOLD}")


def _print_held_out(model: TopicModel, held_out: Evidence, config: Config) -> None:
    """Score the articles that a model kept for its test, by their n-grams and, if at hand, their texts."""
    print(table(score_rows(model, held_out), "held out"))
    print(f"  scored now, from their n-grams in {EVIDENCE} beside the model")
    if held_out.fair.any() and not held_out.fair.all():
        print(table(score_rows(model, held_out.rows(held_out.fair)), "\nheld out, those drawn at random"))
    if model.name != config.name:
        return
    folder = corpus_folder()
    if missing := [name for name in config.corpora if not (folder / name).exists()]:
        print(f"\nheld out, texts read anew: not measured. {', '.join(missing)} not in {folder}: run `tagdesk data`")
    else:
        paths = [folder / name for name in config.corpora]
        print(table(score_texts(model, held_out, paths), "\nheld out, texts read anew"))


def _export(options: argparse.Namespace) -> None:
    folder = locate(options.model or load_config(options.config).name)
    model = load_bundle(folder)
    pipeline = to_pipeline(model, read_ngrams(folder))
    with replacing(options.pipeline) as file:
        joblib.dump(pipeline, file, compress=3)
    print(f"wrote {model.ref} to {options.pipeline}; joblib.load runs code: share it with people who trust you")


def _import(options: argparse.Namespace) -> None:
    print(f"unpickling {options.pipeline}: this runs whatever code is in it", file=sys.stderr)
    pipeline = load_pipeline(options.pipeline)
    articles = read_corpus(options.texts, for_training=False).articles if options.texts else ()
    texts = [article.body for article in articles]
    folded = fold(pipeline, options.name, texts or sample_texts(pipeline))
    source = {"imported": {"file": options.pipeline.name, "sha256": file_sha256(options.pipeline)}}
    bundle = publish(folded.model, folded.ngrams, source, lambda model: imported_card(model, folded), store())
    make_current(store(), options.name, bundle.name)
    print(f"scores differ by {folded.difference:.1e} at most on the sample texts")
    for note in folded.notes:
        print(f"note: {note}")
    print(f"{options.name}@{bundle.name} saved in {bundle} and made current")


def _furniture(options: argparse.Namespace) -> None:
    about = (
        "Weights of models/reading/looks.py, learned by `tagdesk furniture`: of the looks for each hidden unit and for "
        "notices, then of words for furniture and for notices."
    )
    write_looks(learn(options.folder), options.to, about)
    print(f"wrote {options.to}")


def _ship(options: argparse.Namespace) -> None:
    name = load_config(options.config).name
    version = current(store(), name)
    if version is None:
        raise BundleNotFound(f"no current {name} in {store()}: run `tagdesk train --publish`")
    old = current(SHIPPED, name)
    target = SHIPPED / name / version
    if not target.exists():
        _copy_without_editors(store() / name / version, target)
    load_bundle(target)
    make_current(SHIPPED, name, version, remember=False)
    if old and old != version:
        shutil.rmtree(SHIPPED / name / old)
    print(f"{name}@{version} is shipped")


def _copy_without_editors(source: Path, target: Path) -> None:
    """Copy a bundle without what editors decided and of which articles, and without drafts of killed writers."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*", CHANGES, EVIDENCE))
    model = load_bundle(source)
    if evidence := read_evidence(source, model):
        write_evidence(target, model, evidence.rows(~evidence.editor))
