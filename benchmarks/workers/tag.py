"""Tag articles with one competitor and time it in here: lines of JSON in, lines of JSON out, no pipe in the figures.

`python tag.py COMPETITOR MODEL ARTICLES.jsonl`. It runs in the competitor's own environment and first says
`{"ready": …}`. `{"one": n}` answers the seconds of each of n articles, after n others to warm up; `{"batch": n}` those
of one batch.
"""

import json
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

# One core for everyone.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

Rows = list[dict[str, str]]


class Ours:
    """Title and body as sent: cleaning the text and building the answer's objects are in the time."""

    def __init__(self, model: Path, rows: Rows) -> None:
        from tagdesk.models import Article, load

        self.article, self.model = Article, load(model)
        self.items: list[Any] = [(row["title"], row["body"]) for row in rows]

    def one(self, item: tuple[str, str]) -> object:
        """Tag an article."""
        return self.model.tag(self.article(title=item[0], body=item[1]))

    def batch(self, items: list[tuple[str, str]]) -> object:
        """Tag many."""
        return list(self.model.tag_many(self.article(title=title, body=body) for title, body in items))

    def confidences(self, item: tuple[str, str]) -> list[float]:
        """Return the confidence of every topic."""
        article = self.article(title=item[0], body=item[1])
        return [self.model.explain(article, topic).confidence for topic in self.model.taxonomy.ids]


class Scores(Ours):
    """What the peers are asked for: cleaned text in, the confidences of every topic out."""

    def __init__(self, model: Path, rows: Rows) -> None:
        super().__init__(model, rows)
        self.items = [self.article(title=row["title"], body=row["body"]).text() for row in rows]

    def one(self, item: Any) -> Any:
        """Tag an article."""
        return self.model.scores([item])[1]

    def batch(self, items: list[Any]) -> object:
        """Tag many."""
        return self.model.scores(items)[1]

    def confidences(self, item: Any) -> list[float]:
        """Return the confidence of every topic."""
        confidences: list[float] = self.one(item)[0].tolist()
        return confidences


class Pipeline:
    """The same weights as scikit-learn's classes; the text comes cleaned."""

    def __init__(self, model: Path, rows: Rows) -> None:
        import joblib

        self.pipeline = joblib.load(model)
        self.items: list[Any] = [row["text"] for row in rows]

    def one(self, item: str) -> object:
        """Tag an article."""
        return self.pipeline.predict_proba([item])

    def batch(self, items: list[str]) -> object:
        """Tag many."""
        return self.pipeline.predict_proba(items)

    def confidences(self, item: str) -> list[float]:
        """Return the confidence of every topic."""
        confidences: list[float] = self.pipeline.predict_proba([item])[0].tolist()
        return confidences


class Onnx:
    """The same pipeline in ONNX Runtime, one thread; the text comes cleaned."""

    def __init__(self, model: Path, rows: Rows) -> None:
        import numpy as np
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(model), options)
        self.array = lambda items: np.array(items, object)[:, None]
        self.items: list[Any] = [row["text"] for row in rows]

    def one(self, item: str) -> object:
        """Tag an article."""
        return self.batch([item])

    def batch(self, items: list[str]) -> Any:
        """Tag many."""
        return self.session.run(["probabilities"], {"text": self.array(items)})[0]

    def confidences(self, item: str) -> list[float]:
        """Return the confidence of every topic."""
        confidences: list[float] = self.batch([item])[0].tolist()
        return confidences


class FastText:
    """Its own model of the same labels; words cut before the clock starts."""

    def __init__(self, model: Path, rows: Rows) -> None:
        import fasttext
        from make import words

        self.model = fasttext.load_model(str(model))
        self.items: list[Any] = [words(row["text"]) for row in rows]

    def one(self, item: str) -> object:
        """Tag an article."""
        return self.model.predict(item, k=-1, threshold=0.5)

    def batch(self, items: list[str]) -> object:
        """Tag many."""
        return self.model.predict(items, k=-1, threshold=0.5)


class VowpalWabbit:
    """Its own model of the same labels, a logistic learner a topic; words cut before the clock starts."""

    def __init__(self, model: Path, rows: Rows) -> None:
        import vowpalwabbit
        from make import words

        self.workspace = vowpalwabbit.Workspace(f"-i {model} -t --quiet")
        self.items: list[Any] = [f"| {words(row['text'])}" for row in rows]

    def one(self, item: str) -> object:
        """Tag an article."""
        return self.workspace.predict(item)

    def batch(self, items: list[str]) -> object:
        """Tag many."""
        return list(map(self.workspace.predict, items))


COMPETITORS: dict[str, Any] = {
    "ours": Ours,
    "scores": Scores,
    "pipeline": Pipeline,
    "onnx": Onnx,
    "fasttext": FastText,
    "fasttext-small": FastText,
    "vowpalwabbit": VowpalWabbit,
}


def main() -> None:
    """Load, warm up, then answer every line."""
    name, model, articles = sys.argv[1:4]
    with Path(articles).open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    competitor = COMPETITORS[name](Path(model), rows)
    for item in competitor.items[:20]:
        competitor.one(item)
    shown = getattr(competitor, "confidences", None)
    _say({"ready": name, "confidences": [shown(item) for item in competitor.items[:20]] if shown else None})
    for line in sys.stdin:
        wanted = json.loads(line)
        if "one" in wanted:
            # Half of them unheard: the processor's caches have been other competitors' since the last round.
            seconds = [_seconds(competitor.one, item) for item in competitor.items[: 2 * wanted["one"]]]
            _say({"seconds": seconds[wanted["one"] :]})
        else:
            _say({"seconds": _seconds(competitor.batch, competitor.items[: wanted["batch"]])})


def _seconds(function: Any, argument: Any) -> float:
    start = perf_counter()
    function(argument)
    return perf_counter() - start


def _say(answer: object) -> None:
    print(json.dumps(answer), file=_ANSWERS, flush=True)


if __name__ == "__main__":
    # A peer's own chatter goes to standard error.
    _ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    main()
