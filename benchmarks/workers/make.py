"""Make what a peer loads. Runs in the peer's own environment: `python make.py KIND SOURCE TARGET [--quick]`."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

_VOCABULARY = "http://example.org/topics/"
_PUNKT = ("collocations.tab", "sent_starters.txt", "abbrev_types.txt", "ortho_context.tab")
_ANNIF = {"svc": "", "tfidf": "", "omikuji": "min_df=2\n"}


def main() -> None:
    """Run the maker that the command line names."""
    kind, source, target = sys.argv[1:4]
    quick = "--quick" in sys.argv
    makers = {
        "onnx": onnx,
        "fasttext": fasttext,
        "fasttext-small": partial(fasttext, buckets=200_000),
        "vowpalwabbit": vowpalwabbit,
        "annif": annif,
    }
    makers[kind](Path(source), Path(target), quick)


def rows(source: Path) -> Iterator[dict[str, Any]]:
    """Read the training articles: `text` and `topics`."""
    with source.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def words(text: str) -> str:
    """Return a text as fastText and Vowpal Wabbit read it: lower case, words and spaces on one line."""
    return " ".join("".join(char if char.isalnum() else " " for char in text.lower()).split())


def onnx(source: Path, target: Path, quick: bool) -> None:
    """Convert the pipeline."""
    import joblib
    import numpy as np
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import StringTensorType

    pipeline = joblib.load(source)
    tfidf, topics = pipeline[0], pipeline[-1]
    # Topics by number: its converter cannot say several labels by name.
    topics.classes_ = topics.label_binarizer_.classes_ = np.arange(len(topics.classes_))
    # The default asks for a locale that a container lacks, and for tokens of one character.
    options = {
        id(pipeline): {"zipmap": False},
        id(tfidf): {"locale": "C.UTF-8", "tokenexp": r"[\pL\pN\pM_][\pL\pN\pM_]+"},
    }
    converted = to_onnx(pipeline, initial_types=[("text", StringTensorType([None, 1]))], options=options)
    target.write_bytes(converted.SerializeToString())


def fasttext(source: Path, target: Path, quick: bool, buckets: int = 2_000_000) -> None:
    """Train 1- and 2-grams, dim 100, one-vs-all; 2 million buckets of 2-grams are its default."""
    import fasttext as peer

    lines = target.with_suffix(".txt")
    with lines.open("w", encoding="utf-8") as file:
        for row in rows(source):
            labels = " ".join(f"__label__{topic}" for topic in row["topics"])
            file.write(f"{labels} {words(row['text'])}\n")
    model = peer.train_supervised(
        str(lines),
        wordNgrams=2,
        dim=100,
        loss="ova",
        lr=0.5,
        minCount=3,
        bucket=buckets,
        epoch=2 if quick else 15,
        thread=2,
        verbose=0,
    )
    model.save_model(str(target))


def vowpalwabbit(source: Path, target: Path, quick: bool) -> None:
    """Train one logistic learner a topic, all in one process."""
    import vowpalwabbit as peer

    articles = list(rows(source))
    topics = sorted({topic for row in articles for topic in row["topics"]})
    workspace = peer.Workspace(
        f"--multilabel_oaa {len(topics)} --loss_function logistic --ngram 2 -b 20 --quiet -f {target}"
    )
    random.seed(0)
    for _ in range(1 if quick else 3):
        random.shuffle(articles)
        for row in articles:
            workspace.learn(f"{','.join(str(topics.index(topic)) for topic in row['topics'])} | {words(row['text'])}")
    workspace.finish()


def annif(source: Path, target: Path, quick: bool) -> None:
    """Load the vocabulary and train the three backends."""
    articles = list(rows(source))
    target.mkdir(parents=True, exist_ok=True)
    topics = sorted({topic for row in articles for topic in row["topics"]})
    vocabulary, corpus, projects = target / "vocabulary.tsv", target / "corpus.tsv", target / "projects.cfg"
    vocabulary.write_text("".join(f"<{_VOCABULARY}{topic}>\t{topic}\n" for topic in topics), encoding="utf-8")
    with corpus.open("w", encoding="utf-8") as file:
        for row in articles:
            subjects = " ".join(f"<{_VOCABULARY}{topic}>" for topic in row["topics"])
            file.write(f"{' '.join(row['text'].split())}\t{subjects}\n")
    projects.write_text("".join(map(_annif_project, _ANNIF)), encoding="utf-8")
    _tokenizer_data(target)
    program = Path(sys.executable).with_name("annif")
    for arguments in (
        ["load-vocab", "--language", "en", "news", str(vocabulary.resolve())],
        *(["train", project, str(corpus.resolve())] for project in _ANNIF),
    ):
        subprocess.run([str(program), *arguments], cwd=target, env=annif_environment(target), check=True)


def annif_environment(target: Path) -> dict[str, str]:
    """Return the environment in which Annif finds its tokenizer's data."""
    import os

    return os.environ | {"NLTK_DATA": str(target.resolve() / "nltk")}


def _annif_project(name: str) -> str:
    common = (
        f"[{name}]\nname={name}\nlanguage=en\nbackend={name}\nanalyzer=snowball(english)\nvocab=news(en)\nlimit=10\n"
    )
    return common + _ANNIF[name] + "\n"


def _tokenizer_data(target: Path) -> None:
    """Fetch NLTK's punkt_tab; where it cannot be had, an empty parameter set is enough to tokenize, and is said."""
    import nltk

    home = target / "nltk"
    if nltk.download("punkt_tab", download_dir=str(home), quiet=True):
        return
    empty = home / "tokenizers" / "punkt_tab" / "english"
    empty.mkdir(parents=True, exist_ok=True)
    for name in _PUNKT:
        (empty / name).touch()
    (target / "EMPTY-PUNKT").touch()


if __name__ == "__main__":
    main()
