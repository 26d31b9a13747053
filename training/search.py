"""Search for better settings until time runs out or somebody interrupts; the best so far are kept in a file.

The config's own settings are measured first. Then one setting at a time is moved a step up or down from the best so
far, beginning with the one that helped last; when no single step is left, two settings at once are moved anywhere.

Settings replace the best so far if their micro-F1 + macro-F1 out of fold is greater in `SURE` of the draws of a paired
bootstrap over the articles. By the mean alone, every second change would be adopted even if it made no difference.
"""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path
from types import FrameType

import numpy as np
from numpy.typing import NDArray

from tagdesk.models.files import write_file
from tagdesk.models.taxonomy import Taxonomy
from tagdesk.progress import Progress
from tagdesk.training.config import BY_CORPUS, Config
from tagdesk.training.config_file import as_toml
from tagdesk.training.errors import TrainingError
from tagdesk.training.judge.cross_validate import CrossValidation, Quality, TimeIsOver, quality
from tagdesk.training.learn.calibrate import fair_weight

SEARCHES = Path("var/search")

Value = float | int | bool
Ladders = Mapping[str, tuple[Value, ...]]

LADDERS: Ladders = {
    "fit.C": (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0),
    "fit.count_ratio": (0.0, 0.2, 0.4, 0.6, 1.0),
    "fit.label_scale": (0.0, 0.02, 0.05, 0.1),
    "features.title_weight": (1.0, 2.0, 3.0, 5.0, 8.0),
    "fit.min_df": (2, 3, 5, 10),
    "features.sublinear_tf": (False, True),
    "features.longest": (1, 2),
}
"""The search space: settings of the config, each with the values that it is moved along, the smallest first."""

SURE = 0.9
HOPELESS = 0.95
"""Settings that are worse in a greater share of the draws are dropped after the first `_EARLY` folds."""

_EARLY = 2


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Settings that were tried.

    Attributes:
        config: the config with these settings.
        changed: the settings that differ from the first config's, for people.
        quality: out of fold; only on the first folds if the trial was dropped after them.
        early: on the first folds.
        seconds: duration of the trial.
        adopted: whether these settings became the best so far.
        verdict: the result, for people.
    """

    config: Config
    changed: str
    quality: Quality
    early: Quality
    seconds: float
    adopted: bool
    verdict: str

    def cells(self) -> tuple[str, ...]:
        """Return the cells of a row of the table."""
        figures = (self.quality.micro_f1, self.quality.macro_f1, self.quality.average_precision)
        return self.changed, *(f"{figure:.4f}" for figure in figures), f"{self.seconds:.0f}", self.verdict


def search(
    config: Config,
    taxonomy: Taxonomy,
    corpus_folder: Path,
    *,
    budget: float,
    say: Callable[[str], None],
    folder: Path = SEARCHES,
) -> Trial:
    """Search for better settings than the config's own.

    `folder` gets two files, replaced as a whole after every trial: `<name>.toml`, the config with the best settings so
    far, and `<name>.md`, a table of all trials. SIGINT and SIGTERM end the search early.

    Args:
        config: the corpora to learn from, and the settings to begin with.
        taxonomy: the topics.
        corpus_folder: the folder of the corpora.
        budget: seconds from now, including the time to read the corpora.
        say: called with a line on each trial.
        folder: for the two files.

    Returns:
        The best trial.

    Raises:
        CorpusError, LabelMapError: something is wrong with the data.
        TrainingError: the same, or the search ended before the config's own settings were measured.
    """
    end = time.monotonic() + budget
    run: _Search | None = None
    try:
        articles = CrossValidation(config, taxonomy, corpus_folder)
        left = max(0, round(end - time.monotonic()))
        with _interrupts() as interrupted, Progress(total=left, what="searching", unit="s") as bar:
            run = _Search(articles, config, folder, say, _Clock(end, interrupted, bar))
            run.run()
    except (TimeIsOver, KeyboardInterrupt):
        pass
    if run is None or not run.trials:
        raise TrainingError("the search ended before the config's own settings were measured: give it more time")
    run.write()  # again: an interrupt may have come between a trial and its files
    return run.best


@dataclass(frozen=True, slots=True)
class _Clock:
    """Shows how much time is left, and tells when there is none."""

    end: float
    interrupted: list[int]
    bar: Progress

    def is_over(self) -> bool:
        """Return whether the budget is used up, or somebody interrupted."""
        now = time.monotonic()
        total = self.bar.total or 0
        self.bar.update(max(0, min(total, total - round(self.end - now)) - self.bar.done))
        return bool(self.interrupted) or now >= self.end


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM, so that the search can end between two fits; a second signal ends it at once."""
    received: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    handlers = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


class _Search:
    """The trials so far, and the choice of the next."""

    def __init__(
        self, articles: CrossValidation, config: Config, folder: Path, say: Callable[[str], None], clock: _Clock
    ) -> None:
        self.articles = articles
        self.start = config
        self.folder = folder
        self.say = say
        self.clock = clock
        self.ladders = _ladders(articles, config)
        self.trials: list[Trial] = []
        self.best: Trial
        self._weight = np.ones(len(articles.fold))
        self._early = np.flatnonzero(articles.fold < _EARLY)
        self._tried: set[tuple[Value, ...]] = set()
        self._helped = ""
        self._random = np.random.default_rng(config.fit.seed)

    def run(self) -> None:
        """Try settings until none are left."""
        config: Config | None = self.start
        while config is not None and not self.clock.is_over():
            self._tried.add(self._place(config))
            trial = self._try(config)
            if trial.adopted:
                self._helped = next((name for name in self.ladders if self._moved(config, name)), "")
                self.best = trial
            self.trials.append(trial)
            self.write()
            self.say(_line(len(self.trials), trial))
            config = self._next()
        if config is None:
            self.say("all settings are tried")

    def _try(self, config: Config) -> Trial:
        """Measure settings, and compare them with the best so far."""
        began = time.monotonic()
        parts = range(config.fit.folds)
        scores = np.zeros(self.articles.decisions.shape)
        self.articles.score(config, parts[:_EARLY], scores, self.clock.is_over)
        if self.trials:
            early = self._quality(scores, self._early)
            worse = self.best.early.better_than(early)
            if worse > HOPELESS:
                verdict = f"dropped after {_EARLY} of {len(parts)} folds, worse in {worse:.0%} of the draws"
                return Trial(config, self._changed(config), early, early, time.monotonic() - began, False, verdict)
        self.articles.score(config, parts[_EARLY:], scores, self.clock.is_over)
        if not self.trials:
            # For all later trials too: settings are compared on the same articles, with the same weights.
            self._weight = fair_weight(scores, self.articles.fair)
        whole, early = self._quality(scores, np.arange(len(scores))), self._quality(scores, self._early)
        adopted, verdict = self._verdict(whole)
        return Trial(config, self._changed(config), whole, early, time.monotonic() - began, adopted, verdict)

    def _verdict(self, whole: Quality) -> tuple[bool, str]:
        if not self.trials:
            return True, "the config's own"
        chance = whole.better_than(self.best.quality)
        word = "adopted" if chance >= SURE else "not surely better"
        return chance >= SURE, f"{word}, better in {chance:.0%} of the draws"

    def _moved(self, config: Config, name: str) -> bool:
        return bool(self.trials) and _get(config, name) != _get(self.best.config, name)

    def _quality(self, scores: NDArray[np.float64], rows: NDArray[np.int64]) -> Quality:
        articles = self.articles
        return quality(
            scores[rows], articles.decisions[rows], articles.fold[rows], self._weight[rows], self.start.fit.seed
        )

    def _next(self) -> Config | None:
        """Return the settings to try next, or None if all have been tried."""
        best = self.best.config
        for name in sorted(self.ladders, key=lambda setting: setting != self._helped):
            now = _get(best, name)
            ladder = self.ladders[name]
            lower, higher = [value for value in ladder if value < now], [value for value in ladder if value > now]
            for value in (*lower[-1:], *higher[:1]):
                if self._is_new(config := _with(best, {name: value})):
                    return config
        leaps = [config for config in self._leaps(best) if self._is_new(config)]
        return leaps[self._random.integers(len(leaps))] if leaps else None

    def _leaps(self, best: Config) -> Iterator[Config]:
        """Yield the best settings with one or two of them changed to any value."""
        for names in combinations(self.ladders, min(2, len(self.ladders))):
            for values in product(*(self.ladders[name] for name in names)):
                yield _with(best, dict(zip(names, values, strict=True)))

    def _is_new(self, config: Config) -> bool:
        return self._place(config) not in self._tried

    def _place(self, config: Config) -> tuple[Value, ...]:
        return tuple(_get(config, name) for name in self.ladders)

    def _changed(self, config: Config) -> str:
        values = {name: _get(config, name) for name in self.ladders}
        changed = (f"{name} {value}" for name, value in values.items() if value != _get(self.start, name))
        return ", ".join(changed) or "nothing"

    def write(self) -> None:
        """Write the best settings, and the table of all trials."""
        name = self.start.name
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = as_toml(self.best.config, f"Found by `tagdesk search`; changed: {self.best.changed}.")
        write_file(self.folder / f"{name}.toml", settings.encode())
        write_file(self.folder / f"{name}.md", self._table().encode())

    def _table(self) -> str:
        rows = [
            ("", "changed", "micro-F1", "macro-F1", "mean average precision", "seconds", ""),
            ("--:", ":--", "--:", "--:", "--:", "--:", ":--"),
            *((str(number), *trial.cells()) for number, trial in enumerate(self.trials, start=1)),
        ]
        return f"# Settings tried for {self.start.name}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _ladders(articles: CrossValidation, config: Config) -> Ladders:
    """Return `LADDERS` without what makes no difference here, or what training would override."""
    ladders = dict(LADDERS)
    if not articles.labelled:
        del ladders["fit.label_scale"]
    if not articles.titled:
        del ladders["features.title_weight"]
    longest = ladders["features.longest"]
    ladders["features.longest"] = tuple(value for value in longest if value >= config.features.shortest)
    if config.label_map != BY_CORPUS:  # own data, whose size limits the settings
        topics = articles.decisions.shape[1]
        ladders["fit.min_df"] = tuple(
            value
            for value in ladders["fit.min_df"]
            if replace(config.fit, min_df=int(value)).fitted_to(len(articles.fold), topics, 0).min_df == value
        )
    return ladders


def _get(config: Config, name: str) -> Value:
    table, _, setting = name.partition(".")
    value: Value = getattr(getattr(config, table), setting)
    return value


def _with(config: Config, values: Mapping[str, Value]) -> Config:
    for name, value in values.items():
        table, _, setting = name.partition(".")
        config = replace(config, **{table: replace(getattr(config, table), **{setting: value})})
    return config


def _line(number: int, trial: Trial) -> str:
    changed, micro, macro, precision, seconds, verdict = trial.cells()
    return f"{number:3d}  micro-F1 {micro}  macro-F1 {macro}  mAP {precision}  {seconds:>4s} s  {changed}: {verdict}"
