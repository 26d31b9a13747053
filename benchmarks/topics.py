"""Thousands of topics: training through the command line, the model's size and speed, and how good it is.

`wikinews` are the categories that Wikinews' editors gave, those with five articles or more; a tenth of the articles, by
their ids, is never learned from. `synthetic` are articles of random words, where a rare word tells each topic, and 15 %
of the labels are lost; `million` are short ones of few topics. The peers learn Wikinews' categories, omikuji itself
those of `synthetic` too.
"""

import gzip
import hashlib
import json
import os
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from benchmarks.memory import Peak
from benchmarks.peers import PeerMissing, last_line, python_of
from benchmarks.quality import NAMES, asked, command_of
from benchmarks.quality_data import write_articles
from benchmarks.table import VAR, check_variants, markdown, number, say, write
from tagdesk.models import Article, TopicModel
from tagdesk.models.bundle import bundle_folder, load_bundle
from tagdesk.models.storage import current
from tagdesk.training.corpora.places import corpus_folder

_Rows = list[dict[str, Any]]

_LEAST = 5
_MILLION = "million"
_SYNTHETIC = {
    "synthetic-10000": (10_000, 100_000, 290),
    "synthetic-40000": (40_000, 100_000, 290),
    _MILLION: (20, 1_000_000, 60),
}
"""Topics, articles, and words of an article."""
_WIKINEWS, _TITLE = "wikinews", "Wikinews' categories"
_SETTINGS = {"libmultilabel-1vsrest": {"tfidf": 0, "C": 1.0}, "annif-omikuji": None, "fasttext": None}
"""The peers, and what they would else search for."""
_BUDGET = 180.0
"""The seconds that fastText may search."""
_WORKER = Path(__file__).parent / "workers" / "many_omikuji.py"

_OF_PEERS = (
    "The peers learn the same articles on one core; what they try is in their CPU minutes. LibMultiLabel tries "
    "nothing, as that would take hours with these topics: words, C = 1; with 2-grams too, its weights need more than "
    "20 GB. Annif chooses n-grams, limit and threshold on a tenth of the articles; fastText takes what its autotune "
    "finds in three minutes, and cut-offs out of fold."
)
_OF_OMIKUJI = (
    "omikuji is the library that Annif wraps: its default model of three trees, trained on both cores on "
    "scikit-learn's TF-IDF of the words and 2-grams that three articles or more have. It learns the topics with five "
    "articles or more. One cut-off for all topics is chosen on a tenth of the articles, from each one's ten best "
    "topics; then a model of all articles is trained. CPU minutes: both trainings, and writing their files. MB: its "
    "model without the vectorizer. µs: over the whole test, once."
)


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `topics.md`; `only` names sets of articles, peers on Wikinews, or omikuji on a set."""
    sizes = {"synthetic-300": (300, 3_000, 290)} if quick else _SYNTHETIC
    sets: dict[str, tuple[str, Callable[[], Iterable[dict[str, Any]]]]] = {
        _WIKINEWS: (_TITLE, partial(_wikinews, quick=quick)),
        **{name: (_title(name, size), partial(_made, *size)) for name, size in sizes.items()},
    }
    of_omikuji = {f"omikuji-{name.removeprefix('synthetic-')}": name for name in sets if name != _MILLION}
    known = [*sets, *_SETTINGS, *of_omikuji]
    check_variants(only, known)
    rows, missing = [], []
    for name in only or known:
        try:
            if name in _SETTINGS:
                rows.append(_measured_peer(name, _wikinews(quick=quick), quick=quick))
            elif name in sets:
                title, articles = sets[name]
                rows.append(_measured(title, articles()))
            else:
                title, articles = sets[of_omikuji[name]]
                folder = f"{name}-quick" if quick else name
                rows.append(_measured_omikuji(folder, f"omikuji, {title}", articles()))
        except PeerMissing as error:
            say(str(error))
            missing.append(f"Not measured: {error}")
    head = ["", "topics", "articles", "CPU min", "peak MiB", "bundle MB", "n-grams", "µs an article"]
    head += ["average precision", "micro-F1", "macro-F1", "`auto` out of fold", "`auto` held out", "`auto` on the test"]
    about = (
        "Training through `tagdesk train`, reading, learning curve and report included: CPU minutes, and the most that "
        "the process and its children took together (PSS). Average precision: mean of the test's topics that have "
        f"{_LEAST} articles or more to learn from, a topic not learned counting 0; F1 at the model's own cut-offs, "
        "macro over all topics that the articles of the test have. µs: CPU time of `tag_many`, text in, topics out. "
        "`auto`: how much of what it gave is right, and of the topics that the articles have how much it found: out of "
        "fold, each fold by what the others chose, and on the tenth that `tagdesk train` holds out itself, of topics "
        "that the model knows; on the test, of all."
    )
    of_peers = [_OF_PEERS] if _SETTINGS.keys() & (only or known) else []
    of_peers += [_OF_OMIKUJI] if of_omikuji.keys() & (only or known) else []
    write("topics", "Thousands of topics", [markdown(head, rows), about, *of_peers, *missing], quick=quick)


def _title(name: str, size: tuple[int, int, int]) -> str:
    return f"a million of {size[2]} words, made up" if name == _MILLION else f"{size[0]:,} topics, made up"


def _wikinews(*, quick: bool) -> _Rows:
    with gzip.open(corpus_folder() / "wikinews.jsonl.gz", "rt", encoding="utf-8") as file:
        found = [row for row in map(json.loads, file) if row["categories"]]
    found = found[:3_000] if quick else found
    counts = Counter(name for row in found for name in set(row["categories"]))
    return [
        {name: row[name] for name in ("id", "title", "body")}
        | {"labels": sorted(name for name in set(row["categories"]) if counts[name] >= _LEAST)}
        for row in found
    ]


def _made(topics: int, articles: int, length: int) -> Iterator[dict[str, Any]]:
    """Yield articles of so many words from a Zipf distribution; topics are Zipf-distributed too, up to five each."""
    random = np.random.default_rng(0)
    words = np.array([_word(rank) for rank in range(60_000)])
    of_words, of_topics = (
        np.cumsum(1 / np.arange(first, first + count)) for first, count in ((10, 60_000), (20, topics))
    )
    for place in range(articles):
        seed = [place, place // 7] if place < topics else _drawn(random, of_topics, 5)
        text = [*words[_drawn(random, of_words, length)], *(_word(100_000 + topic) for topic in seed)]
        kept = sorted({f"topic {topic}" for topic in seed if random.random() > 0.15 or topic == seed[0]})
        yield {"id": f"s{place}", "title": "", "body": " ".join(random.permutation(text)), "labels": kept}


def _drawn(random: np.random.Generator, sums: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Draw numbers by the running sums of their chances."""
    numbers: NDArray[np.int64] = np.searchsorted(sums, random.random(count) * sums[-1])
    return numbers


def _word(number: int) -> str:
    return "".join("bcdfghklmn"[int(digit)] + "aeiou"[int(digit) // 2] for digit in f"{number:04d}")


def _parted(rows: Iterable[dict[str, Any]]) -> tuple[_Rows, _Rows]:
    """Return the articles to learn from, and those of the test."""
    parts: tuple[_Rows, _Rows] = [], []
    for row in rows:
        parts[hashlib.sha256(row["id"].encode()).digest()[0] < 26].append(row)
    return parts


def _measured(name: str, rows: Iterable[dict[str, Any]]) -> Sequence[str]:
    folder = VAR / "topics"
    folder.mkdir(parents=True, exist_ok=True)
    learn, test = _parted(rows)
    data = folder / "learn.jsonl"
    with data.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in learn)
    seconds, mib, bundle = _trained(folder, data)
    size = sum(file.stat().st_size for file in bundle.iterdir() if not file.name.startswith("evidence"))
    model = load_bundle(bundle)
    precision, micro, macro, auto = _quality(model, learn, test)
    own = model.manifest["metrics"]
    figures = (
        f"{len(model.taxonomy):,}",
        f"{len(learn):,}",
        number(seconds / 60),
        number(mib),
        number(size / 1e6),
        f"{len(model.features.hashes):,}",
        number(_speed(model, test)),
        f"{precision:.3f}",
        f"{micro:.3f}",
        f"{macro:.3f}",
        _auto(own["auto"]["precision"], own["auto"]["share"]),
        _auto(own["held_out"]["auto_precision"], own["held_out"]["auto_share"]),
        auto,
    )
    say(f"{name}: {', '.join(figures)}")
    return [name, *figures]


def _trained(folder: Path, data: Path) -> tuple[float, float, Path]:
    """Return CPU seconds and peak memory of a training, and the folder of its bundle."""
    store = folder / "store"
    environment = os.environ | {"TAGDESK_STORE": str(store)}
    command = [sys.executable, "-m", "tagdesk", "train", "--data", str(data), "--name", "many", "--language", "en"]
    seconds, mib = _watched(command, folder / "train.log", cwd=folder, env=environment)
    return seconds, mib, bundle_folder(store, "many", str(current(store, "many")))


def _watched(command: Sequence[str], log: Path, **options: Any) -> tuple[float, float]:
    """Return CPU seconds and peak memory of a command.

    Raises:
        RuntimeError: it fails.
    """
    before = _children()
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(command, stdout=file, stderr=file, text=True, **options) as process,
    ):
        peak = Peak(process)
    if process.returncode:
        raise RuntimeError(f"{log.stem} failed: {last_line(log.read_text(encoding='utf-8'))}")
    return _children() - before, peak.mib


def _measured_peer(name: str, rows: _Rows, *, quick: bool) -> Sequence[str]:
    learn, test = _parted([row | {"topics": row["labels"]} for row in rows])
    folder = VAR / "topics" / ("task-quick" if quick else "task")
    write_articles(folder, learn, test, multi=True, language="en", budget=_BUDGET, earlier=_SETTINGS[name])
    command = command_of(name)
    before = _children()
    answers = asked(name, command, folder, folder / f"{name}.json", _TITLE)["answers"]
    seconds = _children() - before
    micro, macro = (f"{value:.3f}" for value in _f1s(test, answers))
    learned = {label for row in learn for label in row["labels"]}
    figures = (f"{len(learned):,}", f"{len(learn):,}", number(seconds / 60), *["–"] * 5, micro, macro, *["–"] * 3)
    say(f"{NAMES[name]}: {', '.join(figures)}")
    return [NAMES[name], *figures]


def _measured_omikuji(folder_name: str, title: str, rows: Iterable[dict[str, Any]]) -> Sequence[str]:
    learn, test = _parted(rows)
    counts = Counter(label for row in learn for label in row["labels"])
    learn = [row | {"topics": [label for label in row["labels"] if counts[label] >= _LEAST]} for row in learn]
    folder = VAR / "topics" / folder_name
    write_articles(folder, learn, test, multi=True, language="en", budget=_BUDGET)
    target = folder / "omikuji.json"
    command = [str(python_of("omikuji")), str(_WORKER), "omikuji", str(folder), str(target)]
    try:
        seconds, mib = _watched(command, folder / "omikuji.log")
    except RuntimeError as error:
        raise PeerMissing(f"{title}: {error}") from error
    answer = json.loads(target.read_text(encoding="utf-8"))
    micro, macro = _f1s(test, answer["answers"])
    figures = (
        f"{sum(count >= _LEAST for count in counts.values()):,}",
        f"{len(learn):,}",
        number(seconds / 60),
        number(mib),
        number(answer["megabytes"]),
        f"{answer['n_grams']:,}",
        number(answer["microseconds"]),
        "–",
        f"{micro:.3f}",
        f"{macro:.3f}",
        *["–"] * 3,
    )
    say(f"{title}: {', '.join(figures)}")
    return [title, *figures]


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _article(row: dict[str, Any]) -> Article:
    return Article(title=row["title"], body=row["body"])


def _auto(precision: float | None, coverage: float | None) -> str:
    return "–" if precision is None or coverage is None else f"{precision:.3f} of {coverage:.3f}"


def _quality(model: TopicModel, learn: _Rows, test: _Rows) -> tuple[float, float, float, str]:
    """Return the mean average precision, micro-F1, macro-F1 and what `auto` gave on the test."""
    column = {topic.name: i for i, topic in enumerate(model.taxonomy.topics)}
    in_test = {label for row in test for label in row["labels"]}
    learned = Counter(label for row in learn for label in row["labels"])
    names = sorted(name for name in in_test if learned[name] >= _LEAST and name in column)
    scores = np.zeros((len(test), len(names)), np.float32)
    columns = [column[name] for name in names]
    answers: list[set[str]] = []
    applied, applied_right = 0, 0
    for first in range(0, len(test), 64):
        some = test[first : first + 64]
        raw = model.scores([model.read(_article(row)) for row in some])[0]
        scores[first : first + 64] = raw[:, columns]
        for row, answer in zip(some, model.tag_many(map(_article, some)), strict=True):
            answers.append({result.topic.name for result in answer.topics})
            sure = {result.topic.name for result in answer.topics if result.band == "auto"}
            applied, applied_right = applied + len(sure), applied_right + len(sure & set(row["labels"]))
    articles_of = {name: np.zeros(len(test), np.bool_) for name in names}
    for i, row in enumerate(test):
        for name in articles_of.keys() & row["labels"]:
            articles_of[name][i] = True
    precisions = [average_precision_score(articles_of[name], scores[:, i]) for i, name in enumerate(names)]
    wanted = sum(learned[name] >= _LEAST for name in in_test)
    labels = sum(len(row["labels"]) for row in test)
    auto = _auto(applied_right / applied, applied_right / labels) if applied else _auto(None, None)
    return float(np.sum(precisions)) / wanted, *_f1s(test, answers), auto


def _f1s(test: _Rows, answers: Iterable[Iterable[str]]) -> tuple[float, float]:
    """Return micro-F1, and the mean of F1 over the topics of the test."""
    wanted, given, hits = Counter[str](), Counter[str](), Counter[str]()
    for row, answer in zip(test, answers, strict=True):
        wanted.update(row["labels"])
        given.update(answer)
        hits.update(set(answer) & set(row["labels"]))
    f1s = [2 * hits[name] / (given[name] + count) for name, count in wanted.items()]
    return 2 * hits.total() / (given.total() + wanted.total()), float(np.mean(f1s))


def _speed(model: TopicModel, test: _Rows) -> float:
    articles = [_article(row) for row in test[:2_000]]
    times = []
    for _ in range(4):  # the first maps and compiles
        began = process_time()
        for _ in model.tag_many(articles):
            pass
        times.append(process_time() - began)
    return 1e6 * min(times) / len(articles)
