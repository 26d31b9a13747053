"""scikit-learn at its best known: sublinear TF-IDF of 1- and 2-grams, C by cross-validation, cut-offs out of fold.

Logistic regression leaves out n-grams of a single article and reckons in float32: its solver's time grows with both.
"""

import warnings
from functools import partial
from typing import Any

import numpy as np
from quality_task import Answer, Clock, Task, answer, goodness, main, out_of_fold
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

GRID = {"linearsvc": (0.3, 1.0, 3.0, 10.0), "logistic": (3.0, 30.0, 300.0)}


def learn(name: str, task: Task) -> Answer:
    """Choose C on the training articles, then fit on all of them.

    The idf is that of all training texts, also within the folds: it knows no topics.
    """
    warnings.simplefilter("ignore", ConvergenceWarning)
    clock, truth = Clock(), task.truth
    own = {"min_df": 2, "dtype": np.float32} if name == "logistic" and not task.multi else {}
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), **own)
    X = vectorizer.fit_transform(task.texts)
    tried = {}
    for C in GRID[name]:
        make = partial(classifier, name, C, multi=task.multi)
        tried[C] = out_of_fold(
            truth,
            lambda rows, left, make=make: scores(make().fit(X[rows], y(truth[rows], task)), X[left], len(task.topics)),
        )
    C = max(tried, key=lambda C: goodness(tried[C], truth, multi=task.multi))
    clock.searched()
    X = vectorizer.fit_transform(task.texts)
    model = classifier(name, C, multi=task.multi).fit(X, y(truth, task))
    clock.fitted()
    return answer(
        task, scores(model, vectorizer.transform(task.test_texts), len(task.topics)), tried[C], {"C": C}, clock
    )


def classifier(name: str, C: float, *, multi: bool) -> Any:
    """Return an unfitted classifier; with one topic an article, logistic regression is multinomial, its default."""
    if name == "linearsvc":
        classifier = LinearSVC(C=C, random_state=0)
    elif multi:
        classifier = LogisticRegression(C=C, solver="liblinear", dual=True, random_state=0)
    else:
        classifier = LogisticRegression(C=C, max_iter=200, tol=1e-3)
    return OneVsRestClassifier(classifier) if multi else classifier


def y(truth: Any, task: Task) -> Any:
    """Return the topics as scikit-learn wants them."""
    return truth.astype(int) if task.multi else truth.argmax(1)


def scores(model: Any, X: Any, topics: int) -> Any:
    """Return a score for every topic; the lowest where a fold had no article of it."""
    found = model.decision_function(X)
    if isinstance(model, OneVsRestClassifier):
        # A topic that a fold had no article of scores 0 for everything, more than most; a plain no is -1.
        found[:, [not hasattr(classifier, "coef_") for classifier in model.estimators_]] = -1
    if found.shape[1] == topics:
        return found
    every = np.full((X.shape[0], topics), -np.inf)
    every[:, model.classes_] = found
    return every


if __name__ == "__main__":
    main({name: partial(learn, name) for name in GRID})
