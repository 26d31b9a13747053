"""fastText, tuned by its own autotune on a tenth of the training articles, then trained on all of them."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fasttext
import numpy as np
from make import words
from quality_task import Answer, Clock, Task, answer, deal, main, out_of_fold

_TUNED = ("epoch", "lr", "dim", "wordNgrams", "minCount", "minn", "maxn", "bucket")


def learn(task: Task) -> Answer:
    """Tune for as long as the task's budget, train on everything; cut-offs out of fold where topics are many."""
    with TemporaryDirectory() as folder:
        return _learn(task, Path(folder))


def _learn(task: Task, folder: Path) -> Answer:
    clock, texts = Clock(), list(map(words, task.texts))
    labels = [" ".join(f"__label__{i}" for i in np.flatnonzero(row)) for row in task.truth]
    lines = [f"{label} {text}\n" for label, text in zip(labels, texts, strict=True)]
    settings = _tune(task, lines, folder)
    clock.searched()

    def fit(rows: Any) -> Any:
        path = folder / "train.txt"
        path.write_text("".join(lines[i] for i in rows), encoding="utf-8")
        return fasttext.train_supervised(str(path), loss=_loss(task), thread=1, verbose=0, **settings)

    def score(model: Any, texts: list[str]) -> Any:
        found = np.full((len(texts), len(task.topics)), -1.0)
        for row, (names, shares) in enumerate(zip(*model.predict(texts, k=-1), strict=True)):
            found[row, [int(name.removeprefix("__label__")) for name in names]] = shares
        return found

    out = None
    if task.multi:
        out = out_of_fold(task.truth, lambda rows, left: score(fit(rows), [texts[i] for i in left]))
    model = fit(range(len(lines)))
    clock.fitted()
    return answer(task, score(model, list(map(words, task.test_texts))), out, settings | {"loss": _loss(task)}, clock)


def _tune(task: Task, lines: list[str], folder: Path) -> dict[str, Any]:
    kept_out = deal(task.truth, 10) == 0
    for name, rows in (("seen", ~kept_out), ("unseen", kept_out)):
        (folder / name).write_text("".join(lines[i] for i in np.flatnonzero(rows)), encoding="utf-8")
    tuned = fasttext.train_supervised(
        str(folder / "seen"),
        autotuneValidationFile=str(folder / "unseen"),
        autotuneDuration=max(1, round(task.budget)),
        loss=_loss(task),
        thread=1,
        verbose=0,
    )
    arguments = tuned.f.getArgs()
    return {name: getattr(arguments, name) for name in _TUNED}


def _loss(task: Task) -> str:
    return "ova" if task.multi else "softmax"


if __name__ == "__main__":
    main({"fasttext": learn})
