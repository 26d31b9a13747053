"""How a model is to be made: one TOML file, checked before anything is read."""

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self, get_type_hints

from models.bundle import bundle_folder
from models.errors import BundleNotFound
from models.features import FeatureSettings
from training.errors import TrainingError

DEFAULT_CONFIG = Path(__file__).with_name("news-en.toml")

BY_CORPUS = "{corpus}.toml"
"""Each corpus has a label map of its own; see `Config.label_map`."""

BY_ID = "by-id"
LATEST = "latest"
"""Which articles are kept for the test; see `FitSettings.test`."""

_FEW_ARTICLES = 500
_MOST_WEIGHTS = 50_000_000
_FEWEST_FEATURES = 10_000
_MOST_CHARACTERS = 400_000_000
_MOST_DECISIONS = 50_000_000

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
        max_features: keep the n-grams that most articles have, at most this many.
        min_df: keep n-grams that at least this many articles have.
        C: inverse strength of the L2 penalty of `sklearn.svm.LinearSVC`.
        count_ratio: power of the log-count ratio that a topic's n-grams are multiplied by; 0 leaves them as they are,
            1 is NB-SVM.
        label_scale: weight of what the corpora's own labels know, where other articles are decided by hand; 0 for none.
        folds: parts of the cross-validation that scores every decided article out of fold.
        precision_target: precision that the `auto` band promises, 0 to 1.
        seed: of every random choice.
        share: learn from this share of the articles, chosen by their ids; 1 is all.
        test: which tenth of the articles is kept for the test: `by-id` any, `latest` the newest.
        correction_weight: how many other articles an article that an editor corrected counts as.

    Raises:
        TrainingError: naming every fault at once.
    """

    max_features: int = 90_000
    min_df: int = 3
    C: float = 1.0
    count_ratio: float = 0.4
    label_scale: float = 0.08
    folds: int = 3
    precision_target: float = 0.9
    seed: int = 0
    share: float = 1.0
    test: str = BY_ID
    correction_weight: float = 3.0

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
        }
        faults = [f"{name} = {getattr(self, name)!r}" for name, fits in limits.items() if not fits]
        if faults:
            raise TrainingError(f"out of range: {', '.join(faults)}")

    def fitted_to(self, articles: int, topics: int, characters: int) -> Self:
        """Return the settings for a corpus of another size than the one they were chosen on.

        - Under 500 articles: n-grams of two articles are kept. Never those of one: they lengthen its own vector and
          none to come, and so misplace the cut-offs.
        - Many topics: features × topics is at most 50 million weights (200 MB), but no fewer than 10,000 features.
        - Many articles: a share of them that has at most 400 million characters and 50 million decisions (articles
          × topics), so that memory is bounded. An even share, so that the confidences hold.
        """
        return replace(
            self,
            min_df=min(self.min_df, 2) if articles < _FEW_ARTICLES else self.min_df,
            max_features=min(self.max_features, max(_FEWEST_FEATURES, _MOST_WEIGHTS // max(1, topics))),
            share=min(
                self.share,
                _MOST_CHARACTERS / max(1, characters),
                _MOST_DECISIONS / max(1, articles * topics),
            ),
        )


@dataclass(frozen=True, slots=True)
class Config:
    """A model's name, what it learns from, and how.

    Attributes:
        name: the model's name.
        language: BCP 47 tag of its articles.
        corpora: file names in the corpus folder, or paths.
        format: the format of the corpora, one of `training.formats.FORMATS`; empty to tell by their content.
        label_map: `{corpus}.toml`: each corpus' `topics` are ids of topics, and a file of its name in
            `training/labels/` explains its `labels`. A path: this map explains all that the corpora say. Empty: all
            that they say are topics, called by their name, id or code.
        hand_labels: file names in `training/labels/`.
        labellers: who gave the labels and what to know of them, a paragraph for the card.
        licences: one line a source, for the card.
        features: how text becomes features.
        fit: how the classifiers are fitted.
        precision_targets: what the `auto` band of a topic promises, by its id, where that is not
            `fit.precision_target`.

    Raises:
        TrainingError: naming every fault at once.
    """

    name: str
    language: str
    corpora: tuple[str, ...]
    format: str = ""
    label_map: str = BY_CORPUS
    hand_labels: tuple[str, ...] = ()
    labellers: str = ""
    licences: tuple[str, ...] = ()
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
        """Return the precision that the `auto` band of a topic promises."""
        return self.precision_targets.get(topic, self.fit.precision_target)

    def check_topics(self, topics: Iterable[str]) -> None:
        """Check that these topics are all that the config names.

        Raises:
            TrainingError: it names others.
        """
        unknown = sorted(self.precision_targets.keys() - set(topics))
        if unknown:
            raise TrainingError(f"[precision_targets] of the training config: no topic has the id {', '.join(unknown)}")


def load_config(path: Path = DEFAULT_CONFIG) -> Config:
    """Read a training config.

    Raises:
        TrainingError: the file cannot be read, or is wrong; the sentence says where.
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


def _part(kind: type[Any], given: Any, table: str = "") -> Any:
    where = f" in [{table}]" if table else ""
    if not isinstance(given, dict):
        raise TrainingError(f"{table} = {given!r} must be a table, [{table}]")
    kinds = get_type_hints(kind)
    unknown = [name for name in given if name not in kinds]
    if unknown:
        raise TrainingError(f"unknown {', '.join(unknown)}{where}; known are {', '.join(kinds)}")
    faults = [
        f"{name} = {value!r}{where} must be {_WORDS[kinds[name]]}"
        for name, value in given.items()
        if not _fits(value, kinds[name])
    ]
    faults += [f"{one.name} is missing{where}" for one in fields(kind) if _is_needed(one) and one.name not in given]
    if faults:
        raise TrainingError("; ".join(faults))
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def _can_be_promised(precision: float) -> bool:
    return 0.5 <= precision < 1


def _fits(value: Any, kind: Any) -> bool:
    if kind == tuple[str, ...]:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if kind == Mapping[str, float]:
        return isinstance(value, dict) and all(type(one) in (int, float) for one in value.values())
    return type(value) is kind or (kind is float and type(value) is int)


def _is_needed(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING
