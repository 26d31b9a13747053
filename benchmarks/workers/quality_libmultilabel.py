"""LibMultiLabel's linear methods over its TF-IDF; n-grams and C by cross-validation of its one-versus-rest."""

import inspect
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from libmultilabel import linear
from libmultilabel.linear import linear as module
from quality_task import Answer, Clock, Task, answer, decide, goodness, main, out_of_fold
from sklearn.feature_extraction.text import TfidfVectorizer

# The one-line fix: 0.10.0 asks a matrix for its sum along a third axis, which scipy refuses.
exec(inspect.getsource(module.train_thresholding).replace("np.sum(y, 2)", "np.asarray(y.sum(0)).ravel()"), vars(module))

METHODS = {
    "libmultilabel-1vsrest": module.train_1vsrest,
    "libmultilabel-multiclass": module.train_binary_and_multiclass,
    "libmultilabel-thresholding": module.train_thresholding,
    "libmultilabel-cost-micro": module.train_cost_sensitive_micro,
}
TFIDF: tuple[dict[str, Any], ...] = ({}, {"sublinear_tf": True, "ngram_range": (1, 2)})
GRID = (0.3, 1.0, 3.0)


def learn(name: str, task: Task) -> Answer:
    """Take what one-versus-rest chose, or choose; fit; decide by the method's own thresholds."""
    np.random.seed(0)
    clock, y = Clock(), sp.csr_matrix(task.truth.astype(float))
    settings = dict(task.earlier) if task.earlier else _search(task, y)
    clock.searched()
    vectorizer = TfidfVectorizer(**TFIDF[settings["tfidf"]])
    X = vectorizer.fit_transform(task.texts)
    model = METHODS[name](y, X, options=_options(settings["C"], name), verbose=False)
    clock.fitted()
    scores = linear.predict_values(model, vectorizer.transform(task.test_texts))
    decided = answer(task, scores, None, settings, clock)
    if not task.multi:
        return decided
    named = [[task.topics[i] for i in np.flatnonzero(row)] for row in decide(scores, np.zeros(len(task.topics)))]
    return Answer(named, settings, clock.search_seconds, clock.fit_seconds)


def _search(task: Task, y: Any) -> dict[str, Any]:
    """Choose the TF-IDF at C = 1, then C."""
    matrices = [TfidfVectorizer(**settings).fit_transform(task.texts) for settings in TFIDF]

    def good(tfidf: int, C: float) -> float:
        X = matrices[tfidf]
        found = out_of_fold(task.truth, lambda rows, left: linear.predict_values(_fit(y[rows], X[rows], C), X[left]))
        return goodness(found, task.truth, multi=task.multi)

    tfidf = max(range(len(TFIDF)), key=lambda tfidf: good(tfidf, 1.0))
    return {"tfidf": tfidf, "C": max(GRID, key=partial(good, tfidf))}


def _fit(y: Any, X: Any, C: float) -> Any:
    return linear.train_1vsrest(y, X, options=_options(C), verbose=False)


def _options(C: float, name: str = "") -> str:
    """Return LIBLINEAR's options: L2-loss SVM in the dual; Crammer and Singer's where it is multiclass; a bias."""
    return f"-s {4 if name == 'libmultilabel-multiclass' else 1} -c {C} -B 1 -m 1"


if __name__ == "__main__":
    main({name: partial(learn, name) for name in METHODS})
