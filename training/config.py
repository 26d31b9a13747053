"""How to make a model: one TOML file, checked before any data is read."""

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self, get_type_hints

from tagdesk.models.bundle import bundle_folder
from tagdesk.models.errors import BundleNotFound
from tagdesk.models.features import FeatureSettings
from tagdesk.training.errors import TrainingError

DEFAULT_CONFIG = Path(__file__).with_name("news-en.toml")

BY_CORPUS = "{corpus}.toml"
"""Each corpus has a label map of its own; see `Config.label_map`."""

BY_ID = "by-id"
LATEST = "latest"
"""Which articles are held out for the test; see `FitSettings.test`."""

MANY_TOPICS = 200
"""With more topics, a topic keeps its `STRONGEST` weights and learns from `NEGATIVES`.

Up to 200 topics a model of all weights is as fast and small enough; `python -m benchmarks topics` says what more cost.
"""

STRONGEST, NEGATIVES = 1_000, 1_500
"""The weights that a topic keeps, and the articles without it that it learns from, where there are many topics."""

MOST_NGRAMS = 2_000_000
"""The n-grams of a model of many topics, 50 bytes each."""

_BYTES_AT_REST, _BYTES_AN_ARTICLE, _BYTES_A_CHARACTER = 500_000_000, 1_000, 10
_BYTES_A_PAIR, _BYTES_A_TOPIC = 30, 60_000
_FEW_ARTICLES = 500
_MOST_FOR_PARTS = 20_000_000

_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    tuple[str, ...]: "a list of texts",
    Mapping[str, float]: "a table of numbers",
}


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How the classifiers are fitted.

    Args:
        max_features: keep at most this many n-grams, those that most articles contain.
        min_df: keep n-grams that at least this many articles contain.
        C: inverse strength of the L2 penalty of `sklearn.svm.LinearSVC`.
        count_ratio: the power of the log-count ratio by which a topic's n-grams are multiplied: 0 changes nothing, 1 is
            NB-SVM.
        label_scale: weight of the hints from the corpora's own labels, where other articles are fully labelled; 0 for
            no hints.
        choose_parts: try parts of words beside the words, and keep them if the scores out of fold are better.
        folds: number of folds of the cross-validation that scores every decided article out of fold.
        precision_target: precision that the `auto` band promises, 0 to 1.
        seed: of every random choice.
        share: learn from this share of the articles, chosen by their texts; 1 is all.
        test: which tenth of the articles is held out for the test: `by-id` any, `latest` the newest.
        correction_weight: how many other articles an article corrected by an editor counts for.
        most_weights: keep this many weights of a topic, the strongest, and none that is faint beside them; 0: all with
            up to 200 topics, else 1,000.
        most_negatives: learn a topic from at most this many articles without it, the most similar and a sample of the
            others; 0: all with up to 200 topics, else 1,500.
        memory: gigabytes that training may take; articles that would take more are left out, as the card says. It is
            read for own data only, by `fitted_to`.

    Raises:
        TrainingError: naming every fault at once.
    """

    max_features: int = 90_000
    min_df: int = 3
    C: float = 1.0
    count_ratio: float = 0.4
    label_scale: float = 0.08
    choose_parts: bool = False
    folds: int = 3
    precision_target: float = 0.9
    seed: int = 0
    share: float = 1.0
    test: str = BY_ID
    correction_weight: float = 3.0
    most_weights: int = 0
    most_negatives: int = 0
    memory: float = 6.0

    def __post_init__(self) -> None:
        limits = {
            "max_features": self.max_features >= 1,
            "min_df": self.min_df >= 1,
            "C": 0 < self.C < math.inf,
            "count_ratio": 0 <= self.count_ratio <= 2,
            "label_scale": 0 <= self.label_scale < math.inf,
            "folds": 2 <= self.folds <= 20,
            "precision_target": _can_be_promised(self.precision_target),
            "seed": 0 <= self.seed < 2**32,
            "share": 0 < self.share <= 1,
            "test": self.test in (BY_ID, LATEST),
            "correction_weight": 0 < self.correction_weight < math.inf,
            "most_weights": self.most_weights >= 0,
            "most_negatives": self.most_negatives >= 0,
            "memory": 1 <= self.memory < math.inf,
        }
        faults = [f"{name} = {getattr(self, name)!r}" for name, fits in limits.items() if not fits]
        if faults:
            raise TrainingError(f"out of range: {', '.join(faults)}")

    def fitted_to(self, articles: int, topics: int, characters: int) -> Self:
        """Return the settings adapted to the size of another corpus than the one they were chosen on.

        `topics` counts those that have articles: of a thousand Media Topics a desk may use fifty.

        - Under 500 articles: n-grams of two articles are kept. Never those of one: they would lengthen the vector of
          this article and of no later one, and so misplace the cut-offs.
        - Up to 20 million characters and 200 topics: parts of words are tried. From more articles the words themselves
          are learned, and parts would take hours.
        - Over 200 topics: all n-grams are kept, as the words of small topics are rare ones. What `for_topics` says is
          decided here, however many of the topics can be learned in the end.
        - Where all articles would take more than `memory`: a share of them. The share is even, so that the confidences
          hold.

        Raises:
            TrainingError: the topics alone take more than `memory`.
        """
        return replace(
            self.for_topics(topics),
            min_df=min(self.min_df, 2) if articles < _FEW_ARTICLES else self.min_df,
            choose_parts=characters <= _MOST_FOR_PARTS and topics <= MANY_TOPICS,
            max_features=max(self.max_features, MOST_NGRAMS) if topics > MANY_TOPICS else self.max_features,
            share=min(self.share, _share_that_fits(self.memory, articles, topics, characters)),
        )

    def for_topics(self, topics: int) -> Self:
        """Return the settings with the numbers that `most_weights` and `most_negatives` stand for if they are 0."""
        if topics <= MANY_TOPICS:
            return self
        return replace(
            self,
            most_weights=self.most_weights or STRONGEST,
            most_negatives=self.most_negatives or NEGATIVES,
        )


def needed_memory(articles: int, topics: int, characters: int) -> float:
    """Return the gigabytes that training takes, by the sizes of what it is trained on.

    Texts and n-grams take `_BYTES_A_CHARACTER` and `_BYTES_AN_ARTICLE`; with few topics, decisions and scores
    `_BYTES_A_PAIR` for each pair of article and topic; with many `_BYTES_A_TOPIC`. 800,000 articles of 0.6 kB with 20
    topics take 6.8 GB on two cores, and are reckoned at that; 100,000 of 2.9 kB with 10,000 topics take 3.4 GB,
    and are reckoned at 4. Both were measured when the matrix of the n-grams did not lie in files yet.
    """
    of_topics = topics * _BYTES_A_TOPIC if topics > MANY_TOPICS else articles * topics * _BYTES_A_PAIR
    of_articles = articles * _BYTES_AN_ARTICLE + characters * _BYTES_A_CHARACTER
    return (_BYTES_AT_REST + of_articles + of_topics) / 1e9


def _share_that_fits(memory: float, articles: int, topics: int, characters: int) -> float:
    """Return the share of the articles, 0 to 1, with which training takes this memory at most; 1 where all fit."""
    least = needed_memory(0, topics, 0)
    if least >= memory:
        raise TrainingError(
            f"{topics:,} topics alone need {least:.1f} GB of memory, and {memory:g} are allowed: raise memory in [fit] "
            "of the --config, or leave out rare labels"
        )
    most = needed_memory(articles, topics, characters)
    return min(1.0, (memory - least) / max(1e-9, most - least))


@dataclass(frozen=True, slots=True)
class Config:
    """A model's name, its sources, and how it learns.

    Attributes:
        name: the model's name.
        language: BCP 47 tag of its articles.
        corpora: file names in the corpus folder, or paths.
        format: the format of the corpora, one of `tagdesk.formats.FORMATS`; empty to recognise it by
            their content.
        columns: which column of the corpora is which, `body=Texte topics=Rubrique`; empty to find them.
        ignore: labels of the corpora that are no topics, separated by commas.
        dates: how to read dates that can be read either way, `day-first` or `month-first`; empty where none is asked.
        label_map: `{corpus}.toml`: each corpus' `topics` are ids of topics, and the file of its name in
            `training/corpora/labels/` maps its `labels`. A path: this file maps the labels of all corpora. Empty: all
            labels are topics, given by name, id or code.
        full_labels: file names in `training/corpora/labels/`: labels of articles for which every topic was decided.
        labellers: who gave the labels and what readers should know about them, a paragraph for the card.
        licences: one line per source, for the card.
        earlier: one line per earlier version of the model, oldest first, what changed and its figures, for the card.
        left_out: one line per reason why labels or articles of the corpora are not learned from, for the card.
        features: how text becomes features.
        fit: how the classifiers are fitted.
        precision_targets: the precision that a topic's `auto` band promises, by the topic's id, where that differs from
            `fit.precision_target`.

    Raises:
        TrainingError: naming every fault at once.
    """

    name: str
    language: str
    corpora: tuple[str, ...]
    format: str = ""
    columns: str = ""
    ignore: str = ""
    dates: str = ""
    label_map: str = BY_CORPUS
    full_labels: tuple[str, ...] = ()
    labellers: str = ""
    licences: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    features: FeatureSettings = field(default_factory=FeatureSettings)
    fit: FitSettings = field(default_factory=FitSettings)
    precision_targets: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = []
        try:
            bundle_folder(Path(), self.name, "draft")
        except BundleNotFound as error:
            faults.append(f"name: {error}")
        if not self.language.strip():
            faults.append("language is empty: a BCP 47 tag, e.g. en")
        if not self.corpora:
            faults.append("corpora is empty: name at least one file of the corpus folder")
        faults += [
            f"out of range: {topic} = {target!r} in [precision_targets]"
            for topic, target in self.precision_targets.items()
            if not _can_be_promised(target)
        ]
        if faults:
            raise TrainingError("; ".join(faults))

    def promise(self, topic: str) -> float:
        """Return the precision that a topic's `auto` band promises."""
        return self.precision_targets.get(topic, self.fit.precision_target)

    def check_topics(self, topics: Iterable[str]) -> None:
        """Check that the config names no other topics than these.

        Raises:
            TrainingError: it does.
        """
        unknown = sorted(self.precision_targets.keys() - set(topics))
        if unknown:
            raise TrainingError(f"[precision_targets] of the training config: no topic has the id {', '.join(unknown)}")


def load_config(path: Path = DEFAULT_CONFIG) -> Config:
    """Read a training config.

    Raises:
        TrainingError: the file cannot be read, or is wrong; the message says where.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        for name, kind in (("features", FeatureSettings), ("fit", FitSettings)):
            data[name] = _part(kind, data.get(name, {}), name)
        config: Config = _part(Config, data)
    except OSError as error:
        raise TrainingError(f"training config {path}: {error.strerror}") from error
    except (ValueError, TrainingError) as error:
        raise TrainingError(f"training config {path}: {error}") from error
    return config


def _part(kind: type[Any], values: Any, table: str = "") -> Any:
    """Return an instance of a dataclass made from the values of a TOML table; `table` is its name in the file."""
    where = f" in [{table}]" if table else ""
    if not isinstance(values, dict):
        raise TrainingError(f"{table} = {values!r} must be a table, [{table}]")
    kinds = get_type_hints(kind)
    unknown = [name for name in values if name not in kinds]
    if unknown:
        raise TrainingError(f"unknown {', '.join(unknown)}{where}; known are {', '.join(kinds)}")
    faults = [
        f"{name} = {value!r}{where} must be {_WORDS[kinds[name]]}"
        for name, value in values.items()
        if not _fits(value, kinds[name])
    ]
    required = [setting.name for setting in fields(kind) if _is_required(setting)]
    faults += [f"{name} is missing{where}" for name in required if name not in values]
    if faults:
        raise TrainingError("; ".join(faults))
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def _can_be_promised(precision: float) -> bool:
    return 0.5 <= precision < 1


def _fits(value: Any, kind: Any) -> bool:
    if kind == tuple[str, ...]:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if kind == Mapping[str, float]:
        return isinstance(value, dict) and all(type(number) in (int, float) for number in value.values())
    return type(value) is kind or (kind is float and type(value) is int)


def _is_required(setting: Field[Any]) -> bool:
    return setting.default is MISSING and setting.default_factory is MISSING
