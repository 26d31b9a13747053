"""fastText, tuned by its own autotune on a tenth of the training articles, then trained on all of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import fasttext
import numpy as np
from make import words
from quality_task import Answer, Clock, Task, answer, deal, goodness, main, out_of_fold

USUAL = {"epoch": 25, "lr": 0.5, "dim": 50, "wordNgrams": 2, "minCount": 1, "minn": 0, "maxn": 0, "bucket": 200_000}
"""What is tried beside what autotune finds: on few articles its first guesses are far off, and it may fail."""


def learn(task: Task) -> Answer:
    """Tune, then train on everything; cut-offs out of fold where an article has many topics."""
    with TemporaryDirectory() as folder:
        return _learn(_Learner(task, Path(folder)))


class _Learner:
    def __init__(self, task: Task, folder: Path) -> None:
        self.task, self.folder = task, folder
        self.clock, began = Clock(), (perf_counter(), process_time())
        self.texts, self.truth = list(map(words, task.texts)), task.truth
        # Autotune counts seconds by the clock: where others are at work, it gets as many more.
        self.slowness = (perf_counter() - began[0]) / (process_time() - began[1])
        self.loss = "ova" if task.multi else "softmax"

    def write(self, rows: Iterable[int], name: str = "train.txt") -> str:
        path = self.folder / name
        with path.open("w", encoding="utf-8") as file:
            for i in rows:
                labels = " ".join(f"__label__{topic}" for topic in np.flatnonzero(self.truth[i]))
                file.write(f"{labels} {self.texts[i]}\n")
        return str(path)

    def fit(self, rows: Iterable[int], settings: dict[str, Any]) -> Any:
        return fasttext.train_supervised(self.write(rows), loss=self.loss, thread=1, verbose=0, **settings)

    def score(self, model: Any, texts: Sequence[str]) -> Any:
        scores = np.full((len(texts), len(self.task.topics)), -1.0)
        for row, (names, shares) in enumerate(zip(*model.predict(list(texts), k=-1), strict=True)):
            scores[row, [int(name.removeprefix("__label__")) for name in names]] = shares
        return scores

    def tune(self) -> dict[str, Any]:
        """Return the better of what autotune finds and what is usual."""
        part, truth = deal(self.truth, 10), self.truth
        seen, unseen = np.flatnonzero(part), np.flatnonzero(part == 0)
        tried = []
        for settings in filter(None, (USUAL, self._autotuned(seen, unseen))):
            scores = self.score(self.fit(seen, settings), [self.texts[i] for i in unseen])
            tried.append((goodness(scores, truth[unseen], multi=self.task.multi), settings))
        return max(tried, key=lambda pair: pair[0])[1]

    def _autotuned(self, seen: Iterable[int], unseen: Iterable[int]) -> dict[str, Any] | None:
        try:
            tuned = fasttext.train_supervised(
                self.write(seen, "seen.txt"),
                autotuneValidationFile=self.write(unseen, "unseen.txt"),
                autotuneDuration=max(1, round(self.task.budget * self.slowness)),
                loss=self.loss,
                thread=1,
                verbose=0,
            )
        except RuntimeError:  # "Encountered NaN"
            return None
        arguments = tuned.f.getArgs()
        return {name: getattr(arguments, name) for name in USUAL}


def _learn(learner: _Learner) -> Answer:
    task, texts = learner.task, learner.texts
    settings = learner.tune()
    learner.clock.searched()
    out = None
    if task.multi:
        out = out_of_fold(
            learner.truth, lambda rows, left: learner.score(learner.fit(rows, settings), [texts[i] for i in left])
        )
    model = learner.fit(range(len(texts)), settings)
    learner.clock.fitted()
    scores = learner.score(model, list(map(words, task.test_texts)))
    return answer(task, scores, out, settings, learner.clock)


if __name__ == "__main__":
    main({"fasttext": learn})
