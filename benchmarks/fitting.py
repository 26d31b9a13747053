"""One measured run of vectorizing or training: `python -m benchmarks.fitting KIND WHO ARTICLES TOPICS`; JSON out.

A process of its own each, so that nobody finds the caches or the memory of another.
"""

import json
import random
import re
import sys
import zlib
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from benchmarks.articles import INVENTED, WIKINEWS
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.taxonomy import load_taxonomy
from tagdesk.training.config import load_config
from tagdesk.training.corpora.corpus import read_corpus
from tagdesk.training.corpora.labels import NO, YES
from tagdesk.training.corpora.places import corpus_folder
from tagdesk.training.exchange.to_pipeline import pipeline_text
from tagdesk.training.learn.calibrate import calibrate
from tagdesk.training.learn.fit import fit_topics, learnable
from tagdesk.training.learn.split import stratified_folds
from tagdesk.training.learn.training_set import read_training_set
from tagdesk.training.learn.vectorize import NgramVectorizer

Figures = dict[str, float]

_PROPER = re.compile(r"[a-z,] ([A-Z][a-z]{3,})")


def main() -> None:
    """Run what the command line names, print its figures."""
    kind, who = sys.argv[1:3]
    count, topics = map(int, sys.argv[3:5])
    run = {"vectorize": vectorize, "compare": compare, "train": train, "default": train_default}[kind]
    print(json.dumps(run(who, count, topics)))


def bodies(count: int) -> list[tuple[str, str]]:
    """Return the first label and the body of so many articles of Wikinews and Current events, mixed; 0 for all."""
    folder = corpus_folder()
    paths = [folder / name for name in (WIKINEWS, "current-events.jsonl.gz") if (folder / name).exists()]
    rows = [article for path in paths or [INVENTED] for article in read_corpus(path).articles]
    random.Random(0).shuffle(rows)
    articles = [(article.labels[0] if article.labels else "", article.body) for article in rows]
    return [articles[i % len(articles)] for i in range(count or len(articles))]


def _as_texts(texts: list[str]) -> list[ArticleText]:
    return [ArticleText("", text, "body", None, ()) for text in texts]


def _compile() -> None:
    """Let numba compile or load the kernel before the clock starts; `make train` pays for it once a machine."""
    NgramVectorizer().fit_transform(_as_texts(["warm up the kernel", "warm up again"]))


def _vectorizers(who: str, **settings: Any) -> Any:
    if who == "ours":
        return NgramVectorizer(**settings)
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, **settings)


def vectorize(who: str, count: int, _: int) -> Figures:
    """Time `fit_transform`: 1- and 2-grams that 3 articles have, sublinear, all of them kept."""
    texts: Any = [body for _, body in bodies(count)]
    if who == "ours":
        _compile()
        texts = _as_texts(texts)
    start = perf_counter()
    X = _vectorizers(who, min_df=3).fit_transform(texts)
    return {"seconds": perf_counter() - start, "features": X.shape[1], "values": X.nnz, "articles": len(texts)}


def compare(_: str, count: int, __: int) -> Figures:
    """Tell whether both vectorizers find the same n-grams and the same values."""
    texts = [body for _, body in bodies(count)]
    tagdesk, sklearn = _vectorizers("ours", min_df=3), _vectorizers("sklearn", min_df=3)
    X, Y = tagdesk.fit_transform(_as_texts(texts)), sklearn.fit_transform(texts)
    same = list(tagdesk.get_feature_names_out()) == list(sklearn.get_feature_names_out())
    difference = float(abs(X - Y).max()) if X.shape == Y.shape else float("inf")
    return {"same": same, "difference": difference, "articles": len(texts), "features": X.shape[1]}


def train(who: str, count: int, topics: int) -> Figures:
    """Time the parts of training on synthetic topics: what an article's labels and names hash to."""
    rows = bodies(count)
    decisions = synthetic([f"{label} {body}" for label, body in rows], topics)
    return _train(who, _as_texts([body for _, body in rows]), decisions)


def train_default(who: str, count: int, _: int) -> Figures:
    """Time the parts of training on the default model's corpora, all topics as their label maps decide them."""
    if (corpus_folder() / WIKINEWS).exists():
        data = read_training_set(load_config(), load_taxonomy(), corpus_folder())
        learn = np.flatnonzero(~data.test)[: count or None]
        return _train(who, [data.texts[i] for i in learn], data.decisions[learn])
    return train(who, count or 280, 22)


def synthetic(texts: list[str], topics: int) -> NDArray[np.int8]:
    """Give each article up to three of `topics` topics, by hashing the first names in it: int8, yes or no."""
    decisions = np.full((len(texts), topics), NO, np.int8)
    for row, text in enumerate(texts):
        for name in _PROPER.findall(text)[:3] or [text[:20]]:
            decisions[row, zlib.crc32(name.encode()) % topics] = YES
    return decisions


def _train(who: str, texts: list[ArticleText], decisions: NDArray[np.int8]) -> Figures:
    count = load_config().fit.folds
    fold = stratified_folds([str(i) for i in range(len(texts))], decisions == YES, count, load_config().fit.seed)
    decisions = decisions[:, learnable(decisions, fold, count)]
    figures = _ours(texts, decisions, fold) if who == "ours" else _sklearn(texts, decisions)
    return figures | {"articles": len(texts), "topics": decisions.shape[1], "seconds": sum(figures.values())}


def _ours(texts: list[ArticleText], decisions: NDArray[np.int8], fold: NDArray[np.int64]) -> Figures:
    """Do what `tagdesk.training.train` does between reading and writing."""
    config = load_config()
    _compile()
    start = perf_counter()
    X = NgramVectorizer(
        title_weight=config.features.title_weight, min_df=config.fit.min_df, max_features=config.fit.max_features
    ).fit_transform(texts)
    vectorized = perf_counter()
    fitted = fit_topics(X, decisions, fold, config.fit)
    fit = perf_counter()
    calibrate(fitted.out_of_fold, decisions, np.ones(len(decisions)), config.fit.precision_target)
    return {"vectorize": vectorized - start, "fit": fit - vectorized, "calibrate": perf_counter() - fit}


def _sklearn(texts: list[ArticleText], decisions: NDArray[np.int8]) -> Figures:
    """Do the same with scikit-learn's own classes; they know no open topics (a no here)."""
    config = load_config()
    plain = [pipeline_text(text, config.features) if text.title else text.body for text in texts]
    Y = (decisions == YES).astype(np.int8)
    start = perf_counter()
    X = _vectorizers("sklearn", min_df=config.fit.min_df, max_features=config.fit.max_features).fit_transform(plain)
    vectorized = perf_counter()
    svm = partial(LinearSVC, C=config.fit.C, dual=True, random_state=config.fit.seed, max_iter=2000)
    classifier = OneVsRestClassifier(svm(), n_jobs=2)
    scores = cross_val_predict(classifier, X, Y, cv=config.fit.folds, method="decision_function")
    classifier.fit(X, Y)
    fit = perf_counter()
    calibrate(scores, np.where(Y, YES, NO).astype(np.int8), np.ones(len(Y)), config.fit.precision_target)
    return {"vectorize": vectorized - start, "fit": fit - vectorized, "calibrate": perf_counter() - fit}


if __name__ == "__main__":
    main()
