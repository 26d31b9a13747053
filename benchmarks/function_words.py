"""What leaving function words out of the default model's features costs, and what it changes in the evidence.

Every variant is fitted as training fits the default model, in the same folds, with as many n-grams as the shipped
model has: the next commonest take the place of those left out.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.ablation import SHIPPED
from benchmarks.closed_class import FUNCTION_WORDS, all_function_words, any_function_word
from benchmarks.function_word_fits import VARIANTS, Experiment, Flags, Floats
from benchmarks.lit_words import listed, lit, words_of
from benchmarks.table import check_variants, markdown, say, write
from tagdesk.models.reading.article import Article
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.corpora.places import SHARED
from tagdesk.training.judge.confidences import average_precisions
from tagdesk.training.judge.measure import in_bands, macro_f1, tally
from tagdesk.training.judge.resample import f1_changes
from tagdesk.training.learn.calibrate import fair_weight
from tagdesk.training.learn.fit import Fitted

Decisions = NDArray[np.int8]

_GOLD = SHARED / "gold" / "dev.jsonl.gz"
_STRONGEST = 5
_DRAWS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What was answered to some articles.

    Attributes:
        decisions: yes, no or open, int8, shape (articles, topics).
        weight: what each article counts, float64, shape (articles,).
        sureness: scores or confidences, float64, shape (articles, topics).
        predicted, auto: which topics reach a band, and which the `auto` band, bool, shape (articles, topics).
    """

    decisions: Decisions
    weight: Floats
    sureness: Floats
    predicted: Flags
    auto: Flags

    def figures(self) -> list[float]:
        """Return micro-F1, macro-F1, mAP, share of the topics that are `auto`, and the share of these that is right."""
        topics, whole = tally(self.decisions, self.predicted, self.auto, self.weight)
        precisions = average_precisions(self.decisions, self.sureness, self.weight)[self._topics]
        return [whole.f1, macro_f1(topics), float(precisions.mean()), whole.auto_share, whole.auto_precision]

    def changes(self, before: "Answers") -> list[str]:
        """Return by how much micro-F1 and macro-F1 changed, and in which share of the draws their sum is greater."""
        drawn, change = f1_changes(self.decisions, self.predicted, before.predicted, self.weight, draws=_DRAWS)
        micro, macro = drawn[:, -1], drawn[:, self._topics].mean(axis=1)
        return [
            _interval(micro, change[-1]),
            _interval(macro, change[self._topics].mean()),
            f"{100 * (micro + macro > 0).mean():.0f} %",
        ]

    @property
    def _topics(self) -> NDArray[np.int64]:
        """The topics that at least one article has."""
        return np.flatnonzero((self.decisions == YES).any(axis=0))


def _interval(drawn: Floats, change: float) -> str:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{_points(change)} ({_points(low)} to {_points(high)})"


def _points(change: float) -> str:
    text = f"{100 * change:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def run(*, quick: bool, only: tuple[str, ...]) -> None:
    """Fit what `only` names anew, and the others where they have not been fitted yet; write `function-words.md`.

    Raises:
        ValueError: a name in `only` is no variant.
    """
    check_variants(only, VARIANTS)
    experiment = Experiment(quick=quick)
    fits: dict[str, Fitted] = {}
    for name in VARIANTS:
        fits[name] = experiment.fitted(name, anew=name in only)
        say(f"{name}: fitted")
    data = experiment.study.data
    weight = fair_weight(fits[SHIPPED].out_of_fold, data.fair[data.learn])
    out_of_fold = {name: _out_of_fold(experiment, fitted.out_of_fold, weight) for name, fitted in fits.items()}
    models = {name: experiment.model(name, fitted, weight) for name, fitted in fits.items()}
    held_out = [data.articles[i] for i in np.flatnonzero(data.test)]
    parts = [
        f"Out of fold, {experiment.study.count:,} articles:",
        _quality(out_of_fold),
        "In the features:",
        _features(experiment),
        f"In the evidence, {len(held_out):,} articles held out:",
        _evidence(models, held_out),
    ]
    if not quick and _GOLD.exists():
        gold, decisions = _gold(experiment.taxonomy.ids)
        parts += [
            f"On gold/dev, {len(gold)} articles:",
            _quality(_answered(models, gold, decisions)),
            "In the evidence there:",
            _evidence(models, gold),
        ]
    write("function-words", "Function words", [*parts, _ABOUT, *([] if quick else [_FINDINGS])], quick=quick)


def _out_of_fold(experiment: Experiment, scores: Floats, weight: Floats) -> Answers:
    """Predict topics at cut-offs chosen on the other folds."""
    study = experiment.study
    predicted, auto = np.zeros(scores.shape, np.bool_), np.zeros(scores.shape, np.bool_)
    for part in range(study.config.fit.folds):
        in_fold = study.fold == part
        calibrations = experiment.calibrations(scores, weight, ~in_fold)
        slope, offset = np.array([(calibration.slope, calibration.offset) for calibration in calibrations]).T
        confidences = expit(slope * scores[in_fold] + offset)
        predicted[in_fold], auto[in_fold] = in_bands(confidences, calibrations)
    return Answers(study.decisions, weight, scores, predicted, auto)


def _gold(topics: Sequence[str]) -> tuple[list[Article], Decisions]:
    """Return the gold articles and their decisions, int8, shape (articles, topics)."""
    with gzip.open(_GOLD, "rt", encoding="utf-8") as lines:
        rows = list(map(json.loads, lines))
    decisions = np.full((len(rows), len(topics)), NO, np.int8)
    for i, row in enumerate(rows):
        decisions[i, np.isin(topics, row["optional"])] = OPEN
        decisions[i, np.isin(topics, row["topics"])] = YES
    return [Article(title=row["title"], body=row["body"]) for row in rows], decisions


def _answered(models: dict[str, TopicModel], articles: Sequence[Article], decisions: Decisions) -> dict[str, Answers]:
    """Tag articles with every variant's model, as the service does."""
    answered = {}
    for name, model in models.items():
        _, confidences = model.scores([article.text() for article in articles])
        predicted, auto = np.zeros(decisions.shape, np.bool_), np.zeros(decisions.shape, np.bool_)
        for i, tagged in enumerate(model.tag_many(articles)):
            for result in tagged.topics:
                column = model.taxonomy.column(result.topic.id)
                predicted[i, column], auto[i, column] = True, result.band == "auto"
        answered[name] = Answers(decisions, np.ones(len(articles)), confidences, predicted, auto)
    return answered


def _quality(answers: dict[str, Answers]) -> str:
    head = (
        "",
        "micro-F1",
        "macro-F1",
        "mAP",
        "`auto`",
        "right there",
        "micro-F1 changes by",
        "macro-F1 changes by",
        "better in",
    )
    shipped = answers[SHIPPED]
    return markdown(
        head,
        [
            (
                _named(name),
                *(f"{100 * figure:.1f}" for figure in variant.figures()),
                *(("–", "–", "–") if name == SHIPPED else variant.changes(shipped)),
            )
            for name, variant in answers.items()
        ],
    )


def _features(experiment: Experiment) -> str:
    shipped = experiment.columns(SHIPPED)
    rows = []
    for name in VARIANTS:
        columns = experiment.columns(name)
        left_out = np.setdiff1d(shipped, columns)
        single = sum(len(experiment.words[i]) == 1 for i in left_out)
        rows.append((_named(name), *(f"{count:,}" for count in (len(columns), single, len(left_out) - single))))
    return markdown(("", "n-grams", "of the shipped ones left out: words", "pairs"), rows)


def _evidence(models: dict[str, TopicModel], articles: Sequence[Article]) -> str:
    head = (
        "",
        "weight of n-grams of function words only",
        "with any",
        f"articles with one of function words only among the {_STRONGEST} strongest n-grams",
        f"with a function word among the {_STRONGEST} words lit most",
        "with a function word lit at all",
        "function words, of all words lit",
    )
    rows = [(_named(name), *(f"{100 * share:.1f} %" for share in _shown(models[name], articles))) for name in models]
    return markdown(head, rows)


def _shown(model: TopicModel, articles: Sequence[Article]) -> list[float]:
    """Return the shares of `_evidence`, for the most likely topic of each article that has any."""
    explained = [tagged.topics[0] for article in articles if (tagged := model.tag(article, explain=True)).topics]
    weights = np.zeros(3)
    counts = np.zeros(5)
    for result in explained:
        ngrams, lights = listed(result), list(lit(result))
        strongest = list(ngrams)[:_STRONGEST]
        for ngram, weight in ngrams.items():
            words = words_of(ngram)
            weights += abs(weight) * np.array([all_function_words(words), any_function_word(words), True])
        counts += (
            any(all_function_words(words_of(ngram)) for ngram in strongest),
            any_function_word(lights[:_STRONGEST]),
            any_function_word(lights),
            len(FUNCTION_WORDS.intersection(lights)),
            len(lights),
        )
    of_weight, of_articles = weights[:2] / weights[2], counts[:3] / len(explained)
    return [*of_weight.tolist(), *of_articles.tolist(), float(counts[3] / counts[4])]


def _named(name: str) -> str:
    return f"{VARIANTS[name][0]} (`{name}`)"


_ABOUT = f"""\
In percent. The list has {len(FUNCTION_WORDS)} English function words (`benchmarks/closed_class.py`). N-grams of them
are left out before anything is fitted, the hints from the corpora's labels included, and the next commonest take their
place, up to the size of the shipped model; everything else, folds and seed included, is as shipped.
Out of fold, cut-offs are those of the other folds, and articles are weighed back to a fair sample as with the shipped
settings; the gold articles are tagged as the service does it. mAP is the mean over topics of the average precision.
`auto`: the share of the right topics that are given in that band; "right there": the share of the topics in it that are
right. Changes are in points against the shipped settings, with 95 % intervals of {_DRAWS:,} paired bootstrap draws of
the articles; "better in": the share of these in which micro-F1 + macro-F1 is above that of the shipped settings (in
[ablation](ablation.md) up to 5 % counts as worse, from 95 % on as better). Evidence is that of the likeliest topic
given; its weight is that of the n-grams' contributions without their signs. A word counts as lit as strongly as the
desk lights it where it is strongest, for or against."""

_FINDINGS = """\
N-grams of function words only are a tenth of the evidence's weight. Leaving just these out (`single`, `only`) changes
little of what an editor sees, as most function words are lit as half of a pair ("in court"). `any` alone ends that: no
function word is lit, the model is as large, and quality shows no sure difference, out of fold or on gold/dev. That
`only` comes out worse on gold/dev and `any` better is no proof, of 163 articles and three comparisons.

So, where function words are not to be lit, `any` is how to train: the desk then need not hide anything that counts. The
shipped model is not trained so yet. Two things to mind: function words are two fifths of an article's words, so single
ones must stay in the table with an idf of 0, as here, or ordinary articles would have unknown words; and the list is
English, another language needs its own."""
