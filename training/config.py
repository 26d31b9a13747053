"""How a model is to be made: one TOML file, checked before anything is read."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from models.features import FeatureSettings
from training.errors import TrainingError

DEFAULT_CONFIG = Path(__file__).with_name("news-en.toml")


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How the classifiers are fitted.

    Args:
        max_features: keep the n-grams that most articles have, at most this many.
        min_df: keep n-grams that at least this many articles have.
        C: inverse strength of the L2 penalty of `sklearn.svm.LinearSVC`.
        hand_weight: weight of an article whose topics a person decided; one that a label map decided weighs 1.
        folds: parts of the cross-validation that scores every decided article out of fold.
        precision_target: precision that the `auto` band promises, 0 to 1.
        seed: of every random choice.

    Raises:
        TrainingError: naming every fault at once.
    """

    max_features: int = 90_000
    min_df: int = 3
    C: float = 0.05
    hand_weight: float = 50.0
    folds: int = 3
    precision_target: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        limits = {
            "max_features": self.max_features >= 1,
            "min_df": self.min_df >= 1,
            "C": self.C > 0,
            "hand_weight": self.hand_weight > 0,
            "folds": 2 <= self.folds <= 20,
            "precision_target": 0.5 <= self.precision_target < 1,
        }
        faults = [f"{name} = {getattr(self, name)!r}" for name, fits in limits.items() if not fits]
        if faults:
            raise TrainingError(f"out of range: {', '.join(faults)}")


@dataclass(frozen=True, slots=True)
class Config:
    """A model's name, what it learns from, and how.

    Attributes:
        name: the model's name.
        language: BCP 47 tag of its articles.
        corpora: file names in the corpus folder; a label map of the same stem in `training/labels/` explains each.
        hand_labels: file names in `training/labels/`.
        licences: one line a source, for the card.
        features: how text becomes features.
        fit: how the classifiers are fitted.
    """

    name: str
    language: str
    corpora: tuple[str, ...]
    hand_labels: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    features: FeatureSettings = field(default_factory=FeatureSettings)
    fit: FitSettings = field(default_factory=FitSettings)


def load_config(path: Path = DEFAULT_CONFIG) -> Config:
    """Read a training config.

    Raises:
        TrainingError: the file cannot be read, or is wrong; the sentence says where.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        data["features"] = _part(FeatureSettings, data.get("features", {}), "features")
        data["fit"] = _part(FitSettings, data.get("fit", {}), "fit")
        for name in ("corpora", "hand_labels", "licences"):
            data[name] = tuple(data.get(name, ()))
        config: Config = _part(Config, data, "")
    except (OSError, UnicodeDecodeError, ValueError, TypeError, TrainingError) as error:
        raise TrainingError(f"training config {path}: {error}") from error
    return config


def _part(kind: type[Any], given: Mapping[str, Any], table: str) -> Any:
    known = [one.name for one in fields(kind)]
    unknown = [name for name in given if name not in known]
    if unknown:
        where = f" in [{table}]" if table else ""
        raise TrainingError(f"unknown {', '.join(unknown)}{where}; known are {', '.join(known)}")
    return kind(**given)
