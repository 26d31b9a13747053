"""Make a model from the command line: `python -m training data|train|search|evaluate|retrain|publish|…`."""

import argparse
import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import joblib
from tqdm import tqdm

from models.bundle import CARD, load_bundle, read_ngrams
from models.errors import BundleError, BundleNotFound, TagdeskError
from models.storage import SHIPPED, current, load, locate, make_current, store
from models.taxonomy import Taxonomy, load_taxonomy
from models.topic_model import TopicModel
from training.changes import CHANGES
from training.config import BY_ID, DEFAULT_CONFIG, LATEST, Config, load_config
from training.corpus import file_sha256, read_corpus
from training.current_events import fetch_current_events
from training.errors import CorpusError, TrainingError
from training.evaluate import table
from training.export_pipeline import to_pipeline
from training.fetch import FetchReport
from training.formats import FORMATS
from training.import_pipeline import fold, imported_card, load_pipeline, sample_texts
from training.labels import LABELS, load_label_map
from training.own_data import OwnData, plan
from training.publish import publish
from training.report import REPORTS, report, write_report
from training.retrain_commands import add_commands
from training.score_file import score_file
from training.search import SEARCHES, search
from training.train import examine_held_out, held_out_scores, train
from training.training_set import read_training_set
from training.unseen import UNSEEN
from training.wikinews import fetch_wikinews

SHARED = Path("../shared/data")
FETCHED = Path("var/corpora")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code: 0, 1 where the gate refuses, 2 where nothing could be done."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    options = _parser().parse_args(arguments)
    try:
        code: int | None = options.run(options)
    except (TagdeskError, OSError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 2
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Make and measure topic models.")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="training config (TOML)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, what in (
        ("data", _data, "fetch the open corpora into var/corpora, unless they are at hand"),
        ("train", _train, "train a model, of the config's corpora or of your own data, and save it in the store"),
        ("search", _search, "search for better training settings until the time is over or Ctrl-C; keep the best"),
        ("evaluate", _evaluate, "print a model's figures on held-out and gold articles, or on a labelled file"),
        ("export", _export, "write a model as a scikit-learn Pipeline, joblib's format"),
        ("import", _import, "fold a scikit-learn TF-IDF linear Pipeline into a bundle; this RUNS CODE from the file"),
        ("ship", _ship, "copy the store's current model to models/store, the one that a clone serves"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.set_defaults(run=run)
        if name == "train":
            command.add_argument("--publish", action="store_true", help="let CURRENT name the new version")
            _add_data(command, "train on these files; the model becomes current")
        if name == "search":
            command.add_argument("--budget", type=_seconds, default="30m", help="e.g. 90s, 30m, 1h30m (default: 30m)")
            _add_data(command, "search for what suits these files")
        if name in {"train", "search"}:
            command.add_argument("--taxonomy", type=Path, help="TOML: the topics' names, parents and codes")
            command.add_argument("--name", default="", help="the model's name (default: the first file's)")
            command.add_argument("--language", default="", help="the articles' language, BCP 47, e.g. en")
            command.add_argument("--precision-target", type=float, help="what the `auto` band promises, e.g. 0.95")
            command.add_argument("--test", choices=(BY_ID, LATEST), help="which tenth is kept for the test")
        if name == "evaluate":
            _add_data(command, "measure on these labelled files")
        if name in {"evaluate", "export"}:
            command.add_argument("--model", default=None, help="name, name@version or path (default: the config's)")
        if name == "export":
            command.add_argument("pipeline", type=Path, nargs="?", default=Path("pipeline.joblib"))
        if name == "import":
            command.add_argument(
                "pipeline", type=Path, help="a file that joblib.dump wrote; import only what you trust"
            )
            command.add_argument("--name", required=True, help="the model's name, e.g. our-desk")
            command.add_argument("--texts", type=Path, help="a corpus to compare on; its n-grams are a hashing model's")
    add_commands(commands)
    return parser


def _add_data(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("--data", type=Path, nargs="+", metavar="FILE", default=(), help=what)
    command.add_argument("--map", type=Path, help="TOML: what their labels say of the topics (default: they are them)")
    command.add_argument("--format", default="", help=f"their format, where it is not told: {', '.join(FORMATS)}")


def _seconds(budget: str) -> int:
    """Return how long `1h30m` or the like is."""
    found = re.fullmatch(r"(?=.)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", budget)
    if not found:
        raise argparse.ArgumentTypeError(f"{budget!r} is not a time: write it as 90s, 30m or 1h30m")
    hours, minutes, seconds = (int(one or 0) for one in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def corpus_folder() -> Path:
    """Return where the corpora lie: `CORPUS_DIR`, or `../shared/data/corpora` where present, or `var/corpora`."""
    given = os.environ.get("CORPUS_DIR")
    if given:
        return Path(given)
    shared = SHARED / "corpora"
    return shared if shared.is_dir() else FETCHED


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
        raise CorpusError(f"{', '.join(own)} not at hand, and cannot be fetched: put it in {folder}")
    for name in missing:
        print(fetchers[name](folder))


def _fetch_wikinews(folder: Path) -> FetchReport:
    return fetch_wikinews(folder, load_label_map(LABELS / "wikinews.toml", load_taxonomy()).labels)


def _train(options: argparse.Namespace) -> None:
    config, taxonomy, folder = _plan(options)
    served = _served(config.name)
    trained = train(config, taxonomy, folder, store())
    bundle = trained.bundle
    model = load_bundle(bundle)
    current = options.publish or bool(options.data)
    if current:
        make_current(store(), model.name, model.version)
    figures = model.manifest["metrics"]["held_out"]
    print(f"{model.ref}  content hash {model.manifest['content_hash']}")
    print(f"held out: micro-F1 {figures['micro_f1']:.3f}, macro-F1 {figures['macro_f1']:.3f}")
    print(f"saved in {bundle}{' and made current' if current else ''}")
    page = report(
        model,
        read_ngrams(bundle),
        trained.examined,
        held_out=trained.held_out,
        duplicates=trained.duplicates,
        learning_curve=trained.learning_curve(),
        served=served,
    )
    print(f"report, to be looked at in a browser: {write_report(page, model)}")
    if options.data:
        print(f"{len(model.taxonomy)} topics; what it learned and how well: {bundle / CARD}")
        print(f"serve it: make run MODEL={model.name}")


def _search(options: argparse.Namespace) -> None:
    config, taxonomy, folder = _plan(options)
    best = search(config, taxonomy, folder, budget=options.budget, say=_say)
    path = SEARCHES / config.name
    again = f"make train CONFIG={path}.toml"
    if options.data:
        more = any((options.map, options.taxonomy, options.format, options.name))
        again += f' DATA="{" ".join(map(str, options.data))}"' + " …" * more
    found = best.quality
    print(f"best so far: micro-F1 {found.micro_f1:.3f}, macro-F1 {found.macro_f1:.3f}; changed: {best.changed}")
    print(f"saved in {path}.toml, all that were tried in {path}.md; train with it: {again}")


def _say(line: str) -> None:
    with tqdm.external_write_mode():  # a bar makes room
        print(line, flush=True)


def _served(name: str) -> TopicModel | None:
    """Return the model of this name that is served now, if there is one."""
    try:
        return load(name)
    except BundleError:
        return None


def _plan(options: argparse.Namespace) -> tuple[Config, Taxonomy, Path]:
    """Return what to train, and where the corpora lie."""
    config = load_config(options.config)
    given = {name: vars(options).get(name) for name in ("precision_target", "test")}
    fit = replace(config.fit, **{name: value for name, value in given.items() if value is not None})
    config = replace(config, fit=fit)
    if options.data:
        own = OwnData(tuple(options.data), options.map, options.taxonomy, options.format)
        return *plan(own, config, options.name, options.language), Path()
    strays = [name for name in ("map", "taxonomy", "format", "name", "language") if getattr(options, name)]
    if strays:
        raise TrainingError(f"--{', --'.join(strays)}: for your own data; say with --data which files it is in")
    folder = corpus_folder()
    _need_corpora(config, folder)
    return config, load_taxonomy(), folder


def _need_corpora(config: Config, folder: Path) -> None:
    missing = [name for name in config.corpora if not (folder / name).exists()]
    if missing:
        raise CorpusError(
            f"{', '.join(missing)} not found in {folder}: run `make data`, or set CORPUS_DIR to the folder they are in"
        )


def _evaluate(options: argparse.Namespace) -> None:
    config, folder = load_config(options.config), corpus_folder()
    ref = options.model or config.name
    model = load(ref)
    print(f"{model.ref}\n")
    for path in options.data:
        print(table(score_file(model, path, label_map=options.map, format=options.format), path.name))
    if options.data:
        return
    if all((folder / name).exists() for name in config.corpora):
        # Read with all topics, as in training, where the model may have had to leave some out.
        taxonomy = load_taxonomy()
        config = replace(config, fit=replace(config.fit, test=model.manifest.get("fit", {}).get("test", BY_ID)))
        data = read_training_set(config, taxonomy, folder)
        columns = [taxonomy.column(topic) for topic in model.taxonomy.ids]
        data = replace(data, decisions=data.decisions[:, columns])
        print(table(held_out_scores(model, data), "held out"))
        page = report(model, read_ngrams(locate(ref)), examine_held_out(model, data))
        print(f"report: {write_report(page, model, REPORTS / 'evaluate')}")
    else:
        print(f"no corpora in {folder}: their held-out part is not measured (`make data` fetches them)")
    gold = SHARED / "gold" / "dev.jsonl.gz"
    if gold.exists():
        print()
        print(table(score_file(model, gold), "gold/dev"))


def _export(options: argparse.Namespace) -> None:
    folder = locate(options.model or load_config(options.config).name)
    model = load_bundle(folder)
    joblib.dump(to_pipeline(model, read_ngrams(folder)), options.pipeline, compress=3)
    print(f"{model.ref} is written to {options.pipeline}; joblib.load runs code, so share it with people who trust you")


def _import(options: argparse.Namespace) -> None:
    print(f"unpickling {options.pipeline}: this runs whatever code is in it", file=sys.stderr)
    pipeline = load_pipeline(options.pipeline)
    texts = [one.body for one in read_corpus(options.texts, for_training=False).articles] if options.texts else []
    folded = fold(pipeline, options.name, texts or sample_texts(pipeline))
    source = {"imported": {"file": options.pipeline.name, "sha256": file_sha256(options.pipeline)}}
    bundle = publish(folded.model, folded.ngrams, source, lambda model: imported_card(model, folded), store())
    make_current(store(), options.name, bundle.name)
    print(f"scores differ by {folded.difference:.1e} at most on the sample texts")
    for note in folded.notes:
        print(f"note: {note}")
    print(f"{options.name}@{bundle.name} is saved in {bundle} and made current")


def _ship(options: argparse.Namespace) -> None:
    name = load_config(options.config).name
    version = current(store(), name)
    if version is None:
        raise BundleNotFound(f"no current {name} in {store()}: run `make train`")
    old = current(SHIPPED, name)
    target = SHIPPED / name / version
    if not target.exists():
        shutil.copytree(store() / name / version, target, ignore=shutil.ignore_patterns(CHANGES, UNSEEN))  # of editors
    load_bundle(target)
    make_current(SHIPPED, name, version, remember=False)
    if old and old != version:
        shutil.rmtree(SHIPPED / name / old)
    print(f"{name}@{version} is shipped")


if __name__ == "__main__":
    sys.exit(main())
