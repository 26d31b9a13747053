"""What `auto` promises: one cut-off that all topics share, with floors, beside one bound a topic, on repeated splits.

The out-of-fold scores of a model are dealt into two halves 200 times: one calibrates and chooses the cut-offs, the
other is asked whether they keep the promise. The rule that lost is here and nowhere else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.made import bundle
from benchmarks.quality_data import SETS, DataSet
from benchmarks.table import VAR, check_variants, markdown, say, write
from tagdesk.models import Article
from tagdesk.models.bundle import load_bundle
from tagdesk.models.calibration import Calibration
from tagdesk.training import TopicClassifier
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.judge.confidences import expected_calibration_error
from tagdesk.training.learn.calibrate import calibrate, fair_weight
from tagdesk.training.learn.evidence import read_evidence
from tagdesk.training.promise import LEAST_GIVEN, LEVELS, WORST, precision_bound, proving

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

TARGET = 0.9
SPLITS = 200
PUBLIC = ("r90", "bbc", "fra")


@dataclass(frozen=True, slots=True)
class Scored:
    """Articles scored by models that have not learned from them.

    Attributes:
        name: on the command line.
        title: in the table.
        topics: names.
        scores: raw, float64, shape (articles, topics).
        decisions: yes, no or open, int8, the same shape.
        fair: drawn at random, bool, shape (articles,).
    """

    name: str
    title: str
    topics: Sequence[str]
    scores: Floats
    decisions: NDArray[np.int8]
    fair: Flags


@dataclass(frozen=True, slots=True)
class Half:
    """The half that chooses: as `Scored`, with what weighs its articles back to a fair sample and its calibrations."""

    confidences: Floats
    decisions: NDArray[np.int8]
    weight: Floats
    calibrations: Sequence[Calibration]


def shared(half: Half) -> Floats:
    """Return training's cut-offs."""
    return np.array([np.inf if own.auto is None else own.auto for own in half.calibrations])


def bound_a_topic(half: Half) -> Floats:
    """Return each topic's lowest confidence from which its own precision, at its lower bound, meets the target.

    Articles with weights w count as (Σw)² / Σw² (Kish, "Survey sampling", 1965).
    """
    cut_offs = np.full(len(half.calibrations), np.inf)
    for topic, calibration in enumerate(half.calibrations):
        rows = np.flatnonzero(half.decisions[:, topic] != OPEN)
        rows = rows[np.argsort(-half.confidences[rows, topic], kind="stable")]
        weight, right = half.weight[rows], half.decisions[rows, topic] == YES
        given, hits, squares = (np.cumsum(counted) for counted in (weight, weight * right, weight * weight))
        worth = given * given / squares
        likely = np.flatnonzero((worth >= LEAST_GIVEN) & (hits >= TARGET * given))
        proven = likely[precision_bound(worth[likely] * hits[likely] / given[likely], worth[likely]) >= TARGET]
        if len(proven):
            cut_offs[topic] = max(half.confidences[rows[proven[-1]], topic], calibration.suggest)
    return cut_offs


_ERROR = "Expected calibration error of all articles drawn at random, out of fold:"

RULES: dict[str, Callable[[Half], Floats]] = {"one bound a topic": bound_a_topic, "shared, with floors": shared}


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Measure, and write `promise.md`."""
    sets: dict[str, Callable[[], Scored]] = {"news": _news}
    sets |= {name: _public(SETS[name], quick=quick) for name in PUBLIC if SETS[name].there()}
    check_variants(only, sets)
    rows = []
    errors = []
    for name in only or sets:
        say(name)
        scored = sets[name]()
        rows += _rows(scored, 5 if quick else SPLITS)
        errors.append(_calibration(scored))
    head = ("", "precision", "coverage", "splits that keep it", "weakest topic", "topics in `auto`", "begins at")
    about = (
        f"`auto` at a target of {TARGET}, the mean of {5 if quick else SPLITS} random halves, measured on the other "
        "half: on its articles that were drawn at random, each counting once. A split keeps it where so much of what "
        "the other half was given was right; chance in that half counts too, and the promise is about all articles. "
        "Coverage: of the topics that the articles have. Weakest topic: its precision, of those given "
        f"{LEAST_GIVEN} times a split or more, and how often it is given. Begins at: the lowest cut-off of any topic. "
        "*One bound a topic*: each topic meets the target on its own. *Shared, with floors*: all meet it together, "
        f"none is wrong more than {WORST:g} times as often as it allows, and none is given below {LEVELS[0]:.2f}; see "
        "`training/promise.py`."
    )
    report = [markdown(head, rows), about, f"{_ERROR} {', '.join(errors)}."]
    write("promise", "What `auto` promises", report, quick=quick)


def _news() -> Scored:
    """Return the evidence of the shipped model."""
    folder = bundle()
    model = load_bundle(folder)
    evidence = read_evidence(folder, model)
    if evidence is None:
        raise FileNotFoundError(f"{folder} has no evidence: train the model again")
    learned = evidence.rows(~evidence.test)
    title = f"`{model.ref}`, {len(learned):,} articles, {learned.fair.sum():,} of them drawn at random"
    return Scored("news", title, model.taxonomy.ids, learned.scores, learned.decisions, learned.fair)


def _public(data_set: DataSet, *, quick: bool) -> Callable[[], Scored]:
    """Return what scores the training part of a public set, as `make train DATA=` does but without parts of words."""

    def scored() -> Scored:
        rows = data_set.rows("train", quick=quick)
        path = VAR / ("promise-quick" if quick else "promise") / f"{data_set.name}.npz"
        if not path.exists():
            texts = [Article(title=row["title"], body=row["body"]) for row in rows]
            fitted = TopicClassifier(min_df=2).fit(texts, [row["topics"] for row in rows])
            path.parent.mkdir(parents=True, exist_ok=True)
            topics = fitted.classes_[fitted.learned_]
            np.savez(path, scores=fitted.out_of_fold_scores_, topics=topics.astype(np.str_))
        with np.load(path) as arrays:
            scores, topics = arrays["scores"], arrays["topics"].tolist()
        decisions = np.array([[YES if topic in row["topics"] else NO for topic in topics] for row in rows], np.int8)
        title = f"{data_set.title}, {len(rows):,} training articles"
        return Scored(data_set.name, title, topics, scores, decisions, np.ones(len(rows), np.bool_))

    return scored


def _rows(scored: Scored, splits: int) -> list[tuple[object, ...]]:
    """Return the set's rows of the table."""
    random = np.random.default_rng(0)
    counts: dict[str, list[Floats]] = {name: [] for name in RULES}
    for _ in range(splits):
        chooses = random.permutation(len(scored.fair)) % 2 == 0
        for name, counted in _split(scored, chooses).items():
            counts[name].append(counted)
    topics = len(scored.topics)
    rows: list[tuple[object, ...]] = [(f"**{scored.title}, {topics} topics**", *[""] * 6)]
    return rows + [(name, *_figures(np.stack(counted), scored.topics)) for name, counted in counts.items()]


def _split(scored: Scored, chooses: Flags) -> dict[str, Floats]:
    """Return hits, given, wanted and cut-offs of each topic on the other half, float64, shape (4, topics), by rule."""
    scores, decisions, fair = scored.scores[chooses], scored.decisions[chooses], scored.fair[chooses]
    known = np.flatnonzero((decisions == YES).any(axis=0) & (decisions == NO).any(axis=0))
    weight = fair_weight(scores, fair)
    calibrations = calibrate(scores[:, known], decisions[:, known], weight, TARGET, fair)
    slope, offset = np.array([(own.slope, own.offset) for own in calibrations]).T
    half = Half(expit(slope * scores[:, known] + offset), decisions[:, known], weight, calibrations)
    asked = ~chooses & proving(scored.fair)
    confidences, told = expit(slope * scored.scores[np.ix_(asked, known)] + offset), scored.decisions[asked]
    counts = {}
    for name, rule in RULES.items():
        cut_offs = np.full(len(scored.topics), np.inf)
        cut_offs[known] = rule(half)
        given = np.zeros(told.shape, np.bool_)
        given[:, known] = (confidences >= cut_offs[known]) & (told[:, known] != OPEN)
        right = given & (told == YES)
        counts[name] = np.stack([right.sum(axis=0), given.sum(axis=0), (told == YES).sum(axis=0), cut_offs])
    return counts


def _figures(counts: Floats, topics: Sequence[str]) -> tuple[str, ...]:
    """Return a row's figures from the counts of every split, float64, shape (splits, 4, topics)."""
    hits, given, wanted = counts[:, :3].sum(axis=2).T
    some = given > 0
    precision = hits[some] / given[some]
    by_topic = counts[:, :2].mean(axis=0)
    enough = np.flatnonzero(by_topic[1] >= LEAST_GIVEN)
    weakest = "–"
    if len(enough):
        worst = enough[np.argmin(by_topic[0, enough] / by_topic[1, enough])]
        weakest = f"{by_topic[0, worst] / by_topic[1, worst]:.2f} ({topics[worst]}, {by_topic[1, worst]:.0f})"
    cut_offs = counts[some, 3]
    return (
        f"{precision.mean():.3f}",
        f"{(hits / wanted).mean():.3f}",
        f"{100 * (len(counts) - some.sum() + (precision >= TARGET).sum()) / len(counts):.0f} %",
        weakest,
        f"{np.isfinite(counts[:, 3]).sum(axis=1).mean():.1f}",
        f"{cut_offs.min(axis=1).mean():.2f}",
    )


def _calibration(scored: Scored) -> str:
    """Say how far confidences are off on the articles that were drawn at random, each counting once."""
    weight = fair_weight(scored.scores, scored.fair)
    calibrations = calibrate(scored.scores, scored.decisions, weight, TARGET, scored.fair)
    slope, offset = np.array([(own.slope, own.offset) for own in calibrations]).T
    drawn = proving(scored.fair)
    confidences = expit(slope * scored.scores[drawn] + offset)
    error = expected_calibration_error(scored.decisions[drawn], confidences, np.ones(int(drawn.sum())))
    return f"{scored.name} {error:.3f}"
