"""Annif's backends through its own project API; n-grams, limit and threshold by a tenth of the articles."""

import functools
import logging
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nltk
import numpy as np
from make import _tokenizer_data
from quality_task import Answer, Clock, Task, answer, deal, decide, f1, goodness, main

BACKENDS = {"svc": "", "tfidf": "", "omikuji": "min_df=2\n"}
NGRAMS = {"svc": (1, 2), "tfidf": (1,), "omikuji": (1, 2)}
LANGUAGES = {"en": "english", "fr": "french"}
LIMITS = range(1, 11)
THRESHOLDS = tuple(i / 20 for i in range(20))


def learn(backend: str, task: Task) -> Answer:
    """Train on nine tenths, choose on the last, train on all."""
    with TemporaryDirectory() as folder:
        _tokenizer_data(Path(folder))
        nltk.data.path.insert(0, str(Path(folder) / "nltk"))
        return _learn(backend, task, _project(backend, task, Path(folder)))


def _learn(backend: str, task: Task, project: Any) -> Answer:
    from annif.corpus import Document, DocumentList, SubjectSet

    clock, truth = Clock(), task.truth
    documents = [
        Document(text=" ".join(text.split()), subject_set=SubjectSet(np.flatnonzero(row).tolist()))
        for text, row in zip(task.texts, truth, strict=True)
    ]

    def fit(rows: Any, ngram: int) -> None:
        project.train(DocumentList([documents[i] for i in rows]), {backend: {"ngram": ngram}}, jobs=1)

    def score(documents: list[Any]) -> Any:
        batches = DocumentList(documents).doc_batches
        return np.concatenate([project.suggest(batch).array.toarray() for batch in batches]).astype(float)

    seen, unseen = np.flatnonzero(deal(truth, 10)), np.flatnonzero(deal(truth, 10) == 0)
    tried = {}
    for ngram in NGRAMS[backend]:
        fit(seen, ngram)
        tried[ngram] = score([documents[i] for i in unseen])
    ngram = max(tried, key=lambda ngram: goodness(tried[ngram], truth[unseen], multi=task.multi))
    settings: dict[str, Any] = {"ngram": ngram}
    if task.multi:
        settings |= _limit_and_threshold(tried[ngram], truth[unseen])
    clock.searched()
    fit(range(len(documents)), ngram)
    clock.fitted()
    found = score([Document(text=" ".join(text.split())) for text in task.test_texts])
    if not task.multi:
        return answer(task, found, None, settings, clock)
    decided = _limited(found, settings["limit"], settings["threshold"])
    named = [[task.topics[i] for i in np.flatnonzero(row)] for row in decided]
    return Answer(named, settings, clock.search_seconds, clock.fit_seconds)


def _limit_and_threshold(scores: Any, truth: Any) -> dict[str, float]:
    """Choose as `annif optimize` does, by the mean of micro- and macro-F1."""
    limit, threshold = max(
        product(LIMITS, THRESHOLDS), key=lambda pair: float(np.mean(f1(_limited(scores, *pair), truth)))
    )
    return {"limit": limit, "threshold": threshold}


def _limited(scores: Any, limit: int, threshold: float) -> Any:
    best = np.sort(scores, axis=1)[:, -limit][:, None] if limit < scores.shape[1] else 0
    return decide(scores, np.full(scores.shape[1], threshold)) & (scores >= best)


def _project(backend: str, task: Task, folder: Path) -> Any:
    """Return an untrained project over a vocabulary of the task's topics, by number."""
    import annif
    from annif.analyzer.analyzer import Analyzer
    from annif.registry import AnnifRegistry
    from annif.vocab import VocabFileTSV

    # A text's tokens are the same each time; without the cache it is cut again in every fit.
    Analyzer.tokenize_words = functools.cache(Analyzer.tokenize_words)
    annif.logger.setLevel(logging.ERROR)
    language, stemmer = task.language, LANGUAGES[task.language]
    (folder / "projects.cfg").write_text(
        f"[news]\nname=news\nlanguage={language}\nbackend={backend}\nanalyzer=snowball({stemmer})\n"
        f"vocab=news({language})\nlimit={len(task.topics)}\n{BACKENDS[backend]}",
        encoding="utf-8",
    )
    vocabulary = folder / "vocabulary.tsv"
    vocabulary.write_text(
        "".join(f"<http://example.org/topics/{i}>\ttopic {i}\n" for i in range(len(task.topics))), encoding="utf-8"
    )
    registry = AnnifRegistry(str(folder / "projects.cfg"), str(folder / "data"), False)
    project = registry.get_project("news")
    project.vocab.load_vocabulary(VocabFileTSV(str(vocabulary), language))
    return project


if __name__ == "__main__":
    main({f"annif-{backend}": functools.partial(learn, backend) for backend in BACKENDS})
