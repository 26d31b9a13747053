"""A topic classifier for scikit-learn's users: from texts and their topics to calibrated confidences."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import f1_score
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from tagdesk.models.bundle import bundle_folder, write_bundle
from tagdesk.models.errors import ArticleError, BundleError
from tagdesk.models.features import FeatureSettings
from tagdesk.models.reading.article import Article, ArticleText
from tagdesk.models.reading.normal_form import LATEST
from tagdesk.models.taxonomy import Taxonomy
from tagdesk.models.topic_model import TopicModel
from tagdesk.progress import counted
from tagdesk.training.config import FitSettings
from tagdesk.training.corpora.account import name_list
from tagdesk.training.corpora.labels import OPEN, YES
from tagdesk.training.errors import TooFewArticles
from tagdesk.training.fits.fits import Fits
from tagdesk.training.judge.cross_validate import quality
from tagdesk.training.judge.evaluate import auto_record, out_of_fold_metrics
from tagdesk.training.learn.calibrate import calibrate, fair_weight, prove
from tagdesk.training.learn.duplicates import duplicate_groups
from tagdesk.training.learn.fit import FEWEST_ARTICLES, Fitted, fit_topics, learnable
from tagdesk.training.learn.own_texts import measure_own_texts
from tagdesk.training.learn.prepare import Prepared, prepare
from tagdesk.training.learn.split import stratified_folds
from tagdesk.training.learn.targets import decisions_of, read_matrix, read_targets
from tagdesk.training.promise import proven, proving
from tagdesk.training.publish import with_version
from tagdesk.training.report.card import card
from tagdesk.training.sparse_table import SparseTable, Table, where_is

log = logging.getLogger(__name__)

NO_SCORE = -1.0
"""Raw score of a topic that had too few articles to learn from: that of a linear SVM that saw only articles without."""

PARTS = (3, 5)
"""The lengths of the parts of words that are tried, in code points; each end of a word counts as one."""

LIKELY = 0.75
"""Parts of words are kept if the scores are better with them in this share of the draws: they seldom do harm."""

AnyText = str | Article | ArticleText


class TopicClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A linear support vector machine per topic over TF-IDF of word n-grams, with calibrated confidences and cut-offs.

    `make train` fits this classifier. An article may have any number of topics. Every article of the training data is
    scored by models that have not seen it; confidences and cut-offs are derived from these scores.

    Parameters:
        topics: the topics, in the order of the columns: their names, or a `models.Taxonomy` that knows their ids,
            parents and codes too. None for those that `y` names, in alphabetical order, or for its columns' numbers.
        shortest, longest, title_weight, sublinear_tf, reading, shortest_part, longest_part: see
            `tagdesk.models.features.FeatureSettings`.
        max_features, min_df, C, count_ratio, label_scale, choose_parts, folds, precision_target,
            most_weights, most_negatives: see `tagdesk.training.config.FitSettings`.
        precision_targets: the precision that the `auto` band of a topic promises, by the topic as in `classes_`, where
            that is not `precision_target`.
        random_state: of every random choice, a whole number.

    Attributes:
        classes_: the topics, in the order of the columns: ids of the taxonomy, names, or numbers.
        learned_: which of them had enough articles to learn from, bool, shape (topics,). No article is given another.
        left_out_: sentences on the topics and n-grams that were left out.
        model_: the `models.TopicModel` of the topics learned; it tags, and explains its answers.
        suggest_, auto_: the cut-offs, see there.
        metrics_: how good the classifier is out of fold, as in the manifest of a bundle.
        doubts_: what the articles are like, so that others are doubted: see `tagdesk.training.learn.own_texts`.
        vectorizer_: the fitted `tagdesk.training.learn.vectorize.NgramVectorizer`.
        hints_: what the labels of other articles know, or None.
        fold_: the fold of each article, int64, shape (articles,).
        out_of_fold_scores_: raw scores by models that did not see the article, float64, (articles, topics learned).
        weight_: what each article counted in the calibration, float64, shape (articles,); 0 where it did not.
    """

    def __init__(
        self,
        topics: Sequence[str] | Taxonomy | None = None,
        *,
        shortest: int = 1,
        longest: int = 2,
        title_weight: float = 1.0,
        sublinear_tf: bool = True,
        reading: int = LATEST,
        shortest_part: int = 0,
        longest_part: int = 0,
        max_features: int = 90_000,
        min_df: int = 3,
        C: float = 1.0,
        count_ratio: float = 0.4,
        label_scale: float = 0.08,
        choose_parts: bool = False,
        folds: int = 3,
        precision_target: float = 0.9,
        precision_targets: Mapping[str, float] | None = None,
        most_weights: int = 0,
        most_negatives: int = 0,
        random_state: int = 0,
    ) -> None:
        self.topics = topics
        self.shortest = shortest
        self.longest = longest
        self.title_weight = title_weight
        self.sublinear_tf = sublinear_tf
        self.reading = reading
        self.shortest_part = shortest_part
        self.longest_part = longest_part
        self.max_features = max_features
        self.min_df = min_df
        self.C = C
        self.count_ratio = count_ratio
        self.label_scale = label_scale
        self.choose_parts = choose_parts
        self.folds = folds
        self.precision_target = precision_target
        self.precision_targets = precision_targets
        self.most_weights = most_weights
        self.most_negatives = most_negatives
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that the input is text, and that an article has any number of topics."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.target_tags.two_d_labels = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        return tags

    def fit(
        self,
        X: Sequence[AnyText],
        y: Any,
        *,
        groups: Sequence[Any] | NDArray[Any] | None = None,
        sample_weight: Sequence[float] | NDArray[np.float64] | None = None,
        fair: NDArray[np.bool_] | None = None,
        sample: NDArray[np.bool_] | None = None,
        label_X: Sequence[AnyText] = (),
        label_y: NDArray[np.int8] | None = None,
        fits: Fits | None = None,
    ) -> Self:
        """Learn the topics.

        Args:
            X: articles: strings, `tagdesk.Article` or what these read as. A string is read as an article's body.
            y: the topics of each: a list of lists of topics, or a matrix of 1, 0 and -1 (not known), one column a
                topic. What is not known is left out of that topic's fit.
            groups: articles of a group share a fold. None: near duplicates do.
            sample_weight: how much an article counts in the fit, shape (articles,); not in the calibration.
            fair: which articles were drawn at random rather than picked for what they are about, bool, (articles,); the
                calibration weighs the others back to these. None for all.
            sample: which articles show what the classifier does, bool, shape (articles,). Of the others only errors are
                known, say: they teach, and neither calibrate nor measure. None for all.
            label_X: other articles, of which only the labels in `label_y` are known. What classifiers of those labels
                learn becomes a feature of the topics' classifiers.
            label_y: their labels, a matrix as `y`; a label is seldom a topic.
            fits: where the single fits are done and kept; None: on this machine, in a temporary folder.

        Raises:
            ValueError: articles or topics are not as described; the message says where.
            TrainingError: a parameter is out of range, there is nothing to learn, or the fits cannot be done.
        """
        settings = self._settings()
        texts, others = _texts(X, self.reading), _texts(label_X, self.reading)
        targets = read_targets(y, self.topics)
        decisions = targets.decisions
        check_consistent_length(texts, decisions, groups, sample_weight, fair, sample)
        names = map(str, duplicate_groups(texts) if groups is None else groups)
        self.classes_ = targets.classes
        self.fold_ = stratified_folds([*names], where_is(decisions, YES), settings.folds, settings.seed)
        self.learned_ = learnable(decisions, self.fold_, settings.folds)
        taxonomy = _learned_topics(targets.taxonomy, self.learned_)
        self.left_out_ = _too_few(targets.taxonomy, self.learned_)
        decisions = decisions[:, self.learned_]
        promises = self._promises()
        labels = None if label_y is None else decisions_of(read_matrix(label_y))
        weight = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        shown = _that_calibrate(decisions, sample)
        is_fair = np.ones(len(texts), np.bool_) if fair is None else fair

        def fitted_to(features: FeatureSettings) -> tuple[Prepared, Fitted]:
            ready = prepare(texts, others, labels, features, settings, fits)
            return ready, fit_topics(ready.X, decisions, self.fold_, settings, ready.hints, weight, fits)

        features = FeatureSettings(**{name: getattr(self, name) for name in FeatureSettings.__slots__})
        ready, fitted = fitted_to(features)
        if settings.choose_parts and not features.longest_part:
            with_parts = fitted_to(replace(features, shortest_part=PARTS[0], longest_part=PARTS[1]))
            words, parts = (np.asarray(one.out_of_fold[shown]) for one in (fitted, with_parts[1]))
            if _parts_help(
                words, parts, np.asarray(decisions[shown]), self.fold_[shown], is_fair[shown], settings.seed
            ):
                ready, fitted = with_parts
        self.left_out_ += ready.vectorizer.left_out_
        self.vectorizer_, self.hints_ = ready.vectorizer, ready.hints
        self.doubts_ = measure_own_texts(ready.vectorizer, texts)
        self.out_of_fold_scores_ = fitted.out_of_fold
        if isinstance(fitted.out_of_fold, np.ndarray):
            decisions = np.asarray(decisions)
        unseen, decided = fitted.out_of_fold[shown], decisions[shown]
        counts = fair_weight(unseen, is_fair[shown])
        self.weight_ = np.zeros(len(texts))
        self.weight_[shown] = counts
        proof = None
        if isinstance(unseen, SparseTable):
            proof = prove(unseen, decided, counts, promises, is_fair[shown], self.fold_[shown])
        self.model_ = TopicModel(
            name="topics",
            version="draft",
            taxonomy=taxonomy,
            features=ready.vectorizer.features_,
            weights=fitted.weights,
            bias=fitted.bias,
            calibrations=calibrate(unseen, decided, counts, promises, is_fair[shown], proof),
            manifest={"doubts": self.doubts_},
        )
        drawn = proving(is_fair[shown])
        at_cut_offs = None if proof is None else proven(proof, np.array(promises))
        self.metrics_ = out_of_fold_metrics(self.model_, decided, unseen, counts)
        auto = self.metrics_["auto"] = auto_record(self.model_, decided[drawn], unseen[drawn], at_cut_offs)
        if proof is not None:  # what the articles show that chose the cut-offs is too good
            self.metrics_["out_of_fold"] |= {"auto_precision": auto["precision"], "auto_share": auto["share"]}
        return self

    def predict(self, X: Sequence[AnyText]) -> NDArray[np.int64]:
        """Return which topics reach their `suggest` cut-off, 1 or 0, int64, shape (articles, topics)."""
        return (self.predict_proba(X) >= self.suggest_).astype(np.int64)

    def predict_proba(self, X: Sequence[AnyText]) -> NDArray[np.float64]:
        """Return the calibrated confidences, float64, shape (articles, topics); 0 for topics not learned."""
        check_is_fitted(self)
        return self._in_columns(self.model_.scores(_texts(X, self.reading))[1], missing=0.0)

    def decision_function(self, X: Sequence[AnyText]) -> NDArray[np.float64]:
        """Return the raw scores, float64, shape (articles, topics); -1 for topics not learned."""
        check_is_fitted(self)
        return self._in_columns(self.model_.scores(_texts(X, self.reading))[0], missing=NO_SCORE)

    def score(self, X: Sequence[AnyText], y: Any, sample_weight: Sequence[float] | None = None) -> float:
        """Return micro-F1 at the `suggest` cut-offs, over all pairs of article and topic that are known in `y`."""
        predicted = self.predict(X)
        topics = self.classes_.tolist() if self.topics is None else self.topics
        decisions = np.asarray(read_targets(y, topics).decisions)
        known = decisions != OPEN
        weight = None if sample_weight is None else np.broadcast_to(np.c_[sample_weight], known.shape)[known]
        return float(f1_score(decisions[known] == YES, predicted[known], sample_weight=weight, zero_division=0.0))

    @property
    def suggest_(self) -> NDArray[np.float64]:
        """The confidence from which a topic is predicted, shape (topics,); NaN for topics not learned."""
        cut_offs = np.array([calibration.suggest for calibration in self.model_.calibrations])
        return self._in_columns(cut_offs, missing=np.nan)

    @property
    def auto_(self) -> NDArray[np.float64]:
        """The confidence from which precision is as promised, shape (topics,); NaN where no cut-off achieves that."""
        cut_offs = np.array([calibration.auto for calibration in self.model_.calibrations], np.float64)
        return self._in_columns(cut_offs, missing=np.nan)

    def save(self, folder: str | Path, *, name: str = "", language: str = "und") -> Path:
        """Write a bundle, which the service serves and `tagdesk.models.load` reads.

        Args:
            folder: a new folder, or an empty one.
            name: the model's name; the folder's when empty.
            language: BCP 47 tag of the articles.

        Raises:
            BundleNotFound: the name is not a plain file name.
            BundleError: the folder exists and is not empty, or cannot be written.
        """
        check_is_fitted(self)
        target = Path(folder)
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise BundleError(f"{target} is there already: choose another folder, or remove it first")
        name = name or target.resolve().name
        bundle_folder(target.parent, name, "draft")  # raises if the name is not valid
        settings, own = self._settings(), self.precision_targets or {}
        learned = zip(self.classes_[self.learned_].tolist(), self.model_.taxonomy.ids, strict=True)
        manifest = {
            "language": language,
            "doubts": self.doubts_,
            "data": {"articles": len(self.fold_)},
            "fit": {setting: getattr(settings, setting) for setting in settings.__slots__},
            "precision_targets": {topic: own[as_given] for as_given, topic in learned if as_given in own},
            "metrics": self.metrics_,
        }
        model, ngrams = with_version(replace(self.model_, name=name), self.vectorizer_.ngrams_, manifest)
        write_bundle(model, ngrams, card(model, ngrams), target)
        return target

    def _settings(self) -> FitSettings:
        return FitSettings(
            max_features=self.max_features,
            min_df=self.min_df,
            C=self.C,
            count_ratio=self.count_ratio,
            label_scale=self.label_scale,
            choose_parts=self.choose_parts,
            folds=self.folds,
            precision_target=self.precision_target,
            most_weights=self.most_weights,
            most_negatives=self.most_negatives,
            seed=self.random_state,
        )

    def _promises(self) -> list[float]:
        own = self.precision_targets or {}
        unknown = own.keys() - self.classes_.tolist()
        if unknown:
            raise ValueError(f"precision_targets names unknown topics: {', '.join(map(str, unknown))}")
        return [own.get(topic, self.precision_target) for topic in self.classes_[self.learned_].tolist()]

    def _in_columns(self, values: NDArray[np.float64], *, missing: float) -> NDArray[np.float64]:
        """Return values of the topics learned, in the last axis, among those of all topics."""
        columns = np.full((*values.shape[:-1], len(self.classes_)), missing)
        columns[..., self.learned_] = values
        return columns


def _texts(X: Sequence[AnyText], version: int) -> list[ArticleText]:
    """Read articles as the service reads them with a model of a version of the reading.

    Raises:
        ValueError: something is not an article, or is empty.
    """
    if isinstance(X, str):
        raise ValueError("X must be a sequence of articles, not one string: put it in a list")  # noqa: TRY004
    texts = []
    for row, article in enumerate(X):
        try:
            texts.append(_text(article, version))
        except (ArticleError, TypeError) as error:
            raise ValueError(f"X[{row}]: {error}") from error
    return texts


def _text(article: AnyText, version: int) -> ArticleText:
    if isinstance(article, ArticleText):
        return article
    if isinstance(article, Article):
        return article.text(version)
    if isinstance(article, str):
        return Article(body=article).text(version)
    raise TypeError(f"an article is a string or a tagdesk.Article, not {type(article).__name__}")


def _parts_help(
    words: NDArray[np.float64],
    parts: NDArray[np.float64],
    decisions: NDArray[np.int8],
    fold: NDArray[np.int64],
    fair: NDArray[np.bool_],
    seed: int,
) -> bool:
    """Tell whether parts of words help, by the scores out of fold without them and with them; say so in the log."""
    weight = fair_weight(words, fair)
    without, beside = (quality(scores, decisions, fold, weight, seed) for scores in (words, parts))
    chance = beside.better_than(without)
    log.info(
        "parts of words beside the words: micro-F1 %.3f, without them %.3f; better in %.0f %% of random samples: %s",
        beside.micro_f1,
        without.micro_f1,
        100 * chance,
        "kept" if chance >= LIKELY else "left out",
    )
    return chance >= LIKELY


def _that_calibrate(decisions: Table, sample: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Return the articles of the sample; all where it leaves a topic without an article that has it, or has it not."""
    if sample is not None and not sample.all():
        some = decisions[sample]
        counts = [np.asarray(where_is(some, one).sum(axis=0)).ravel() for one in (YES, OPEN)]
        if counts[0].all() and (counts[0] + counts[1] < sample.sum()).all():
            return sample
    return np.ones(len(decisions), np.bool_)


def _learned_topics(taxonomy: Taxonomy, learned: NDArray[np.bool_]) -> Taxonomy:
    """Return the topics that had enough articles to learn from.

    Raises:
        TooFewArticles: none did.
    """
    if not learned.any():
        raise TooFewArticles("no topic has enough articles to learn from: label at least a few dozen each")
    ids = {topic for topic, enough in zip(taxonomy.ids, learned.tolist(), strict=True) if enough}
    topics = tuple(
        topic if topic.parent in ids else replace(topic, parent=None, implies_parent=False)
        for topic in taxonomy.topics
        if topic.id in ids
    )
    return Taxonomy(taxonomy.name, topics)


def _too_few(taxonomy: Taxonomy, learned: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return a sentence on the topics that had too few articles to learn from, if there are any, and log it."""
    rare = [topic.name for topic, enough in zip(taxonomy.topics, learned.tolist(), strict=True) if not enough]
    if not rare:
        return ()
    sentence = (
        f"{counted(len(rare), 'topic')} with too few articles (under {FEWEST_ARTICLES} to learn from) left out: "
        f"{name_list(rare)}"
    )
    log.warning("%s; label more of them", sentence)
    return (sentence,)
