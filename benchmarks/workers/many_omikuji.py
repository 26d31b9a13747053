"""omikuji itself on scikit-learn's n-grams, all of it sparse; Annif's arrays of articles and topics would be too large.

The answers go to the target with what else the table of `topics.py` needs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
from omikuji import Model
from quality_task import Answer, Clock, Task, main, text_of
from sklearn.datasets import dump_svmlight_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import MultiLabelBinarizer

CORES = 2

Row = Mapping[str, Any]
Scored = list[tuple[str, float]]


@dataclass(frozen=True, kw_only=True)
class Measured(Answer):
    """An answer, and what it took.

    Attributes:
        n_grams: how many the model knows.
        megabytes: omikuji's model on disk, without the vectorizer.
        microseconds: processor time to answer an article, text in, topics out.
    """

    n_grams: int
    megabytes: float
    microseconds: float


def learn(task: Task) -> Measured:
    """Train on nine tenths, choose the cut-off on the last, train on all."""
    clock = Clock()
    part = np.random.default_rng(0).permutation(len(task.train)) % 10
    seen = [row for row, number in zip(task.train, part, strict=True) if number]
    unseen = [row for row, number in zip(task.train, part, strict=True) if not number]
    cut = _best_cut_off(_Tagger(seen, task.topics).scored(map(text_of, unseen)), unseen)
    clock.searched()
    tagger = _Tagger(task.train, task.topics)
    clock.fitted()
    texts = task.test_texts
    began = process_time()
    answers = [[topic for topic, score in scored if score >= cut] for scored in tagger.scored(texts)]
    seconds = process_time() - began
    return Measured(
        answers,
        {"cut-off": cut},
        clock.search_seconds,
        clock.fit_seconds,
        n_grams=len(tagger.vectorizer.vocabulary_),
        megabytes=tagger.megabytes(),
        microseconds=1e6 * seconds / len(texts),
    )


class _Tagger:
    """A vectorizer, and omikuji's default model."""

    def __init__(self, rows: Sequence[Row], topics: Sequence[str]) -> None:
        self.topics = topics
        self.vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=3, dtype=np.float32)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "articles.txt"
            self._write(path, rows)
            self.model = Model.train_on_data(str(path), Model.default_hyper_param(), CORES)

    def _write(self, path: Path, rows: Sequence[Row]) -> None:
        """Fit the vectorizer, and write the articles as the Extreme Classification Repository does."""
        n_grams = self.vectorizer.fit_transform(map(text_of, rows))
        topics = MultiLabelBinarizer(classes=self.topics, sparse_output=True)
        with path.open("wb") as file:
            file.write(f"{len(rows)} {n_grams.shape[1]} {len(self.topics)}\n".encode())
            dump_svmlight_file(n_grams, topics.fit_transform(row["topics"] for row in rows), file, multilabel=True)

    def scored(self, texts: Iterable[str]) -> Iterator[Scored]:
        """Yield the ten best topics of each text."""
        matrix = self.vectorizer.transform(texts)
        for first, last in pairwise(matrix.indptr):
            n_grams = zip(matrix.indices[first:last].tolist(), matrix.data[first:last].tolist(), strict=True)
            yield [(self.topics[i], score) for i, score in self.model.predict(n_grams, top_k=10)]

    def megabytes(self) -> float:
        with TemporaryDirectory() as folder:
            self.model.save(folder)
            return sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6


def _best_cut_off(answers: Iterable[Scored], rows: Sequence[Row]) -> float:
    """Return the score from which micro-F1 is best, one for all topics."""
    ranked = sorted(
        ((score, topic in row["topics"]) for row, scored in zip(rows, answers, strict=True) for topic, score in scored),
        reverse=True,
    )
    hits = np.cumsum([right for _, right in ranked])
    wanted = sum(len(row["topics"]) for row in rows)
    return ranked[int(np.argmax(2 * hits / (np.arange(1, len(ranked) + 1) + wanted)))][0]


if __name__ == "__main__":
    main({"omikuji": learn})
