"""How good the topics of Tagdesk and its peers are on public sets of articles, with the same split for everyone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.peers import PeerMissing, last_line, python_of, versions
from benchmarks.quality_data import SETS, DataSet, score, task_folder, write_task
from benchmarks.table import ROOT, markdown, number, say, write

NAMES = {
    "ours": "Tagdesk",
    "linearsvc": "scikit-learn, LinearSVC",
    "logistic": "scikit-learn, LogisticRegression",
    "fasttext": "fastText, autotuned",
    "libmultilabel-1vsrest": "LibMultiLabel, one-versus-rest",
    "libmultilabel-multiclass": "LibMultiLabel, multiclass",
    "libmultilabel-thresholding": "LibMultiLabel, thresholding",
    "libmultilabel-cost-micro": "LibMultiLabel, cost-sensitive, micro",
    "annif-svc": "Annif, svc",
    "annif-omikuji": "Annif, omikuji",
    "annif-tfidf": "Annif, tfidf",
}

QUOTED = (
    ("MAGNET (BiLSTM, BERT embeddings), Pal et al. 2020", {"r90": "89.9 / –"}),
    ("Text GCN, Yao et al. 2019", {"r52": "93.6", "20ng": "86.3"}),
    ("fastText, Yao et al. 2019", {"r52": "92.8", "20ng": "79.4"}),
    ("TF-IDF + LR, Yao et al. 2019", {"r52": "87.0", "20ng": "83.2"}),
    ("fastText, all 120,000 articles, Joulin et al. 2017", {"ag": "92.5"}),
    ("GPT-4o, zero-shot, AfroBench", {"eng": "82.4", "fra": "79.4"}),
    ("aya-101, zero-shot, AfroBench", {"eng": "87.3", "fra": "82.7"}),
)
"""Published figures, not measured here."""

_HERE = ("linearsvc", "logistic")
_WORKERS = Path(__file__).parent / "workers"
_BUDGETS = 60.0, 180.0
"""The least and the most seconds that fastText may search."""
_QUICK_BUDGET = 1.0


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure what `only` names, or all that has not been measured yet; write `quality.md` from all that has been.

    Raises:
        ValueError: a name in `only` is neither a set nor a competitor.
        OSError: no set is at hand.
    """
    unknown = [name for name in only if name not in SETS and name not in NAMES]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; sets are {', '.join(SETS)}, competitors {', '.join(NAMES)}")
    there = [data_set for data_set in SETS.values() if data_set.there()]
    if not there:
        raise OSError("no set of articles at hand: BENCH_DATA names the folder that has them")
    _keep_to_one_core()
    commands, missing = _commands([name for name in NAMES if name in only] or tuple(NAMES))
    for data_set in [data_set for data_set in there if data_set.name in only] or there:
        for name, command in commands.items():
            if _applies(name, data_set) and (only or quick or _read(name, data_set, quick=quick) is None):
                try:
                    _measure(name, command, data_set, quick=quick)
                except PeerMissing as error:
                    say(str(error))
                    missing.append(str(error))
    _write(there, missing, quick=quick)


def _commands(names: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return how the competitors' workers are started, after installing them if need be, and which are missing."""
    commands, missing = {}, []
    for name in names:
        try:
            commands[name] = command_of(name)
        except PeerMissing as error:
            say(str(error))
            missing.append(str(error))
    return commands, missing


def _applies(name: str, data_set: DataSet) -> bool:
    """Return whether a method applies to the set: some are for one topic per article, some for many."""
    if name == "libmultilabel-multiclass":
        return not data_set.multi
    return data_set.multi or name not in ("libmultilabel-thresholding", "libmultilabel-cost-micro")


def _keep_to_one_core() -> None:
    """Use one core only, as do the processes started from here."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def _measure(name: str, command: tuple[str, ...], data_set: DataSet, *, quick: bool) -> None:
    """Let a competitor learn and answer a set, and keep its result.

    Raises:
        PeerMissing: it fails.
    """
    began = perf_counter()
    target = _result(name, data_set, quick=quick)
    draft = target.with_suffix(".draft")
    folder = write_task(
        data_set, quick=quick, budget=_budget(data_set, quick=quick), earlier=_earlier(name, data_set, quick=quick)
    )
    result = asked(name, command, folder, draft, data_set.title) | {"versions": _versions(name)}
    target.write_text(json.dumps(result | {"score": score(data_set, result["answers"], quick=quick)}), encoding="utf-8")
    draft.unlink()
    say(
        f"{data_set.title}, {NAMES[name]}: {_figure(name, data_set, quick=quick)}, "
        f"{number(perf_counter() - began)} s in all"
    )


def asked(name: str, command: Sequence[str], folder: Path, target: Path, title: str) -> Any:
    """Return what a competitor's worker answers to the task in a folder, as in `workers/quality_task.py`.

    Args:
        name: of the competitor.
        command: as `command_of` returns it.
        folder: the task's.
        target: where the worker writes its answer.
        title: of the set, for the message.

    Raises:
        PeerMissing: it fails.
    """
    arguments = (*command, name, str(folder), str(target))
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeerMissing(f"{name} on {title}: {last_line(done.stderr)}")
    return json.loads(target.read_text(encoding="utf-8"))


def command_of(name: str) -> tuple[str, ...]:
    """Return how the competitor's worker is started, after installing it if need be.

    Raises:
        PeerMissing: it will not install.
    """
    if name == "ours":
        return sys.executable, "-m", "benchmarks.quality_ours"
    if name in _HERE:
        return sys.executable, str(_WORKERS / "quality_sklearn.py")
    peer = name.partition("-")[0]
    return str(python_of(peer)), str(_WORKERS / f"quality_{peer}.py")


def _budget(data_set: DataSet, *, quick: bool) -> float:
    """Return how long fastText may search: as long as Tagdesk took to search and fit, between one and three minutes."""
    ours = _read("ours", data_set, quick=quick)
    if quick:
        return _QUICK_BUDGET
    least, most = _BUDGETS
    return min(most, max(least, ours["search_seconds"] + ours["fit_seconds"] if ours else 0.0))


def _earlier(name: str, data_set: DataSet, *, quick: bool) -> Any:
    """Return what LibMultiLabel's one-versus-rest chose, for its other methods."""
    result = _read("libmultilabel-1vsrest", data_set, quick=quick) if name.startswith("libmultilabel") else None
    return result["settings"] if result and name != "libmultilabel-1vsrest" else None


def _versions(name: str) -> str:
    return "" if name in ("ours", *_HERE) else versions(name.partition("-")[0])


def _result(name: str, data_set: DataSet, *, quick: bool) -> Path:
    return task_folder(data_set, quick=quick) / f"{name}.json"


def _read(name: str, data_set: DataSet, *, quick: bool) -> Any:
    path = _result(name, data_set, quick=quick)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _figure(name: str, data_set: DataSet, *, quick: bool) -> str:
    """Return a cell: what it reached, bold where no one measured reached more, and the seconds it took."""
    result = _read(name, data_set, quick=quick)
    if result is None:
        return _hole(name, data_set)
    everyone = [other["score"] for other in (_read(other, data_set, quick=quick) for other in NAMES) if other]
    points = (
        f"**{100 * value:.1f}**" if value == max(values) else f"{100 * value:.1f}"
        for value, values in zip(result["score"], zip(*everyone, strict=True), strict=True)
    )
    return f"{' / '.join(points)} · {number(result['search_seconds'] + result['fit_seconds'])} s"


def _hole(name: str, data_set: DataSet) -> str:
    return "–" if _applies(name, data_set) else "n/a"


def _write(there: Sequence[DataSet], missing: Sequence[str], *, quick: bool) -> None:
    measured = [name for name in NAMES if any(_read(name, data_set, quick=quick) for data_set in there)]
    head = ("", *(f"{data_set.title}{', micro / macro' if data_set.multi else ''}" for data_set in there))
    rows = [(NAMES[name], *(_figure(name, data_set, quick=quick) for data_set in there)) for name in measured]
    quoted = [
        (f"{name} (quoted)", *(figures.get(data_set.name, "–") for data_set in there)) for name, figures in QUOTED
    ]
    chosen = [(NAMES[name], *(_chosen(name, data_set, quick=quick) for data_set in there)) for name in measured]
    parts = [
        markdown(head, rows + quoted),
        *_absent(there, missing, quick=quick),
        _ABOUT,
        _sets(there, quick=quick),
        "What was chosen, and the seconds of the final fit alone:",
        markdown(head, chosen),
        f"Peers: {'; '.join(_installed(there, quick=quick)) or 'none but scikit-learn'}.",
    ]
    write("quality", "Quality", parts, quick=quick)


_ABOUT = """\
Accuracy in percent, for R90 micro- and macro-F1 over its 90 topics; beside it the processor seconds on one core
from texts to the finished model, search included. Everyone has the same split and the same text, title and body;
ours alone is told where the title ends. Nothing was chosen on a test set: the workers get the test articles without
their topics. Bold: nobody measured reached more. Lines that say "quoted" are others' figures, not measured here; – is
not measured; n/a: the method is for sets of another kind, with one topic an article or with several. model2vec with
logistic regression is not measured: it loads its vectors from a hub, and no package that we know has them.

- **Tagdesk** is `benchmarks/quality_ours.py`: the repository's own vectorizer and fit; words or 1- and 2-grams,
  weight of the title, parts of words (where `make train` tries them), whether addresses are words, power of the
  log-count ratio, and C by 3-fold cross-validation among 13 settings.
- **scikit-learn**: `TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))`, C by 3-fold cross-validation among
  four (`LogisticRegression`: three; with one topic an article multinomial, of n-grams in two articles or more).
- **fastText** tunes itself on a tenth of the training articles for as long as Tagdesk took, but at least one and at
  most three minutes of the processor, then learns from all of them; for R90 one-versus-all.
- **R90** is decided, for these three, by each topic's F1-best cut-off of the scores out of fold, drawn a little
  towards the best one for all topics together, and no lower than that where the F1 is under 0.2; for the others by
  what they bring along.
- **LibMultiLabel**: its TF-IDF with words, or with 1- and 2-grams and sublinear, and C, by 3-fold cross-validation
  of one-versus-rest, which decides at 0; multiclass is Crammer and Singer's. `train_thresholding` of 0.10.0 needs
  one line mended to run with a current scipy.
- **Annif**: the stemmer of the language; n-grams (`svc`, `omikuji`) and, for R90, limit and threshold as `annif
  optimize` finds them, chosen on a tenth of the training articles. `svc` learns one topic an article. NLTK's
  `punkt_tab` is left empty where it cannot be had, which is enough to tokenize."""


def _absent(there: Sequence[DataSet], missing: Sequence[str], *, quick: bool) -> Iterable[str]:
    for data_set in SETS.values():
        if data_set not in there:
            yield f"Not measured: {data_set.title}, its articles are not at hand."
    for data_set in there:
        fitting = [name for name in NAMES if _applies(name, data_set)]
        left = [NAMES[name] for name in fitting if _read(name, data_set, quick=quick) is None]
        if left:
            yield f"Not measured yet: {data_set.title}, {'all' if len(left) == len(fitting) else '; '.join(left)}."
    for why in missing:
        yield f"Not measured: {why}"


def _sets(there: Sequence[DataSet], *, quick: bool) -> str:
    return "\n".join(
        f"- {data_set.title}: {data_set.about}; {len(data_set.rows('train', quick=quick)):,} to learn from, "
        f"{len(data_set.rows('test', quick=quick)):,} to be judged on."
        for data_set in there
    )


def _chosen(name: str, data_set: DataSet, *, quick: bool) -> str:
    result = _read(name, data_set, quick=quick)
    if result is None:
        return _hole(name, data_set)
    settings = ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in result["settings"].items()
    )
    return f"{settings} · {number(result['fit_seconds'])} s"


def _installed(there: Sequence[DataSet], *, quick: bool) -> list[str]:
    results = [_read(name, data_set, quick=quick) for name in NAMES for data_set in there]
    return sorted({result["versions"] for result in results if result and result["versions"]})
