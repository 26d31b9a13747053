"""The evidence table: every article that a model learned from or is tested on, scored as if unseen.

A row is an article: its n-grams, its decisions, and the raw scores of a model that has not learned from it (out of
fold where the model itself has). Training writes the table; adaptation moves its scores and adds the corrections;
calibration, the gate, the account of changes and `evaluate` read it.

`evidence.safetensors.gz` is in the bundle's folder beside the files for serving, and serving never reads it. It holds
no text and no id, but hashes of ids and the n-grams of each article: leave the file out when you give a bundle away,
if that is too much. `tagdesk ship` leaves out what editors sent.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tagdesk.models.files import write_file
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.topic_model import TopicModel
from tagdesk.training.corpora.labels import OPEN, judged_over
from tagdesk.training.errors import TrainingError
from tagdesk.training.learn.calibrate import fair_weight
from tagdesk.training.learn.duplicates import LIKENESS
from tagdesk.training.learn.vectorize import tf_idf
from tagdesk.training.sparse_table import Table, where_is

EVIDENCE = "evidence.safetensors.gz"

MOST_ROWS, MOST_CELLS = 10_000, 5_000_000
"""With more articles of the corpora, or more pairs of article and topic, a sample of each side is kept."""

_Floats = NDArray[np.float64]
_Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Articles, one row each.

    Attributes:
        keys: hashes of their ids, uint64, shape (articles,).
        X: TF-IDF over the model's n-grams, shape (articles, n-grams).
        decisions: yes, no or open, int8, shape (articles, topics).
        fair: whether drawn at random, bool, shape (articles,); what editors corrected is not.
        editor: whether decided by an editor rather than a corpus, bool, shape (articles,).
        test: whether held out, and so never learned from, bool, shape (articles,).
        scores: raw scores of a model that has not seen the article, float64, shape (articles, topics).
    """

    keys: NDArray[np.uint64]
    X: sp.csr_matrix
    decisions: NDArray[np.int8]
    fair: _Flags
    editor: _Flags
    test: _Flags
    scores: _Floats

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def weight(self) -> _Floats:
        """What weighs each article back to a fair sample, float64, shape (articles,), 1 on average."""
        return fair_weight(self.scores, self.fair)

    @property
    def is_sample(self) -> _Flags:
        """Which articles show what the model does, bool, shape (articles,): see the function `is_sample`."""
        return is_sample(self.editor, self.decisions)

    def rows(self, where: NDArray[Any]) -> "Evidence":
        """Return some of the articles; `where` is bool, shape (articles,), or holds their places."""
        return Evidence(*(getattr(self, field.name)[where] for field in fields(self)))

    def moved(self, before: TopicModel, after: TopicModel) -> "Evidence":
        """Return the table of a model with the same n-grams and topics and other weights.

        The scores remain those of unseen articles, as long as the change was not learned from them.
        """
        change = np.asarray(after.dense, np.float64) - before.dense
        return replace(self, scores=self.scores + self.X @ change + (after.bias - before.bias))

    def joined(self, more: "Evidence") -> "Evidence":
        """Return the rows of both tables; where both have an article, or one text of two ids, the row of `more`.

        The n-grams of both are those of one model.
        """
        old = self.rows(more.places(self.keys, self.X) < 0)
        parts = {
            field.name: np.concatenate((getattr(old, field.name), getattr(more, field.name)))
            for field in fields(self)
            if field.name != "X"
        }
        return Evidence(X=sp.vstack((old.X, more.X)).tocsr(), **parts)

    def places(self, keys: NDArray[np.uint64], X: sp.csr_matrix | None = None) -> NDArray[np.int64]:
        """Return the row of each article, int64, shape (articles,); -1 where it has none.

        Args:
            keys: of the articles, uint64, shape (articles,).
            X: their TF-IDF over the model's n-grams, shape (articles, n-grams). With it, an article without a row
                of its own has that of the same text under another id: a content system gives it one, a corpus another.
        """
        row = {key: place for place, key in enumerate(self.keys.tolist())}
        places = np.array([row.get(key, -1) for key in keys.tolist()], np.int64)
        if X is not None and (places < 0).any():
            with_text = {ngrams.tobytes(): place for place, ngrams in enumerate(_ngrams(self.X)) if len(ngrams)}
            unknown = np.flatnonzero(places < 0)
            places[unknown] = [with_text.get(ngrams.tobytes(), -1) for ngrams in _ngrams(X[unknown])]
        return places

    def judged(self, places: NDArray[np.int64], decisions: NDArray[np.int8]) -> NDArray[np.int8]:
        """Return what editors decided of some articles, and where they judged nothing what stands in the table.

        Args:
            places: of the articles, as the method `places` returns them.
            decisions: of the editors, int8, shape (articles, topics).
        """
        found = decisions.copy()
        known = places >= 0
        found[known] = judged_over(decisions[known], self.decisions[places[known]])
        return found

    def learned_from(self, ids: Sequence[str], X: sp.csr_matrix) -> _Flags:
        """Return which articles the model has learned from, bool, shape (articles,), whatever file they are in.

        An article is known by its n-grams; one that was revised since, by its id and a share of the n-grams. Ids alone
        do not tell: files count their rows from the same number. Nothing was learned from a text without n-grams.

        Args:
            ids: of the articles.
            X: their TF-IDF over the model's n-grams, shape (articles, n-grams).
        """
        learned = self.rows(~self.test)
        old, new = _ngrams(learned.X), _ngrams(X)
        known = {ngrams.tobytes() for ngrams in old if len(ngrams)}
        places = learned.places(article_keys(ids)).tolist()
        pairs = zip(new, places, strict=True)
        return np.array([ngrams.tobytes() in known or (i >= 0 and _alike(ngrams, old[i])) for ngrams, i in pairs], bool)

    def drawn(self, where: _Flags, most: int) -> NDArray[np.int64]:
        """Return the places of at most `most` of the articles marked in `where` (bool), chosen by their keys."""
        return _drawn(self.keys, where, most)


def _drawn(keys: NDArray[np.uint64], where: _Flags, most: int) -> NDArray[np.int64]:
    places = np.flatnonzero(where)
    return places[np.argsort(keys[places], kind="stable")[:most]]


def evidence_of(
    model: TopicModel,
    ids: Iterable[str],
    texts: Sequence[ArticleText],
    decisions: NDArray[np.int8],
    scores: _Floats,
    *,
    fair: _Flags,
    editor: _Flags,
    test: _Flags,
) -> Evidence:
    """Return the rows of articles; `scores` are raw, of models that have not seen them."""
    return Evidence(article_keys(ids), tf_idf(model.features, texts), decisions, fair, editor, test, scores)


def _ngrams(X: sp.csr_matrix) -> list[NDArray[np.int32]]:
    """Return the columns of each text's n-grams, int32, in order."""
    return [np.sort(X.indices[start:end]).astype(np.int32) for start, end in pairwise(X.indptr.tolist())]


def _alike(some: NDArray[np.int32], others: NDArray[np.int32]) -> bool:
    """Whether two texts share so many of their n-grams that one is a revision of the other."""
    both = len(np.intersect1d(some, others, assume_unique=True))
    return both > LIKENESS * (len(some) + len(others) - both)


def is_sample(editor: _Flags, decisions: Table) -> _Flags:
    """Return which articles show what a model does, bool, shape (articles,).

    Of a correction that tells only what was changed the errors alone are known: it teaches, and is no sample.
    """
    judged: _Flags = ~editor | (np.asarray(where_is(decisions, OPEN).sum(axis=1)).ravel() == 0)
    return judged


def article_keys(ids: Iterable[str]) -> NDArray[np.uint64]:
    """Return the keys of articles, hashes of their ids: uint64, shape (articles,)."""
    digests = (hashlib.blake2b(article.encode(), digest_size=8).digest() for article in ids)
    return np.fromiter((int.from_bytes(digest) for digest in digests), np.uint64)


def sampled_places(keys: NDArray[np.uint64], editor: _Flags, test: _Flags, topics: int) -> _Flags:
    """Return which articles a stored table has, bool, shape (articles,); the arguments are as in `Evidence`.

    They are at most `MOST_ROWS` of each side, chosen by their keys, and all that editors decided.
    """
    most = min(MOST_ROWS, max(1, MOST_CELLS // max(1, topics)))
    sampled = editor.copy()
    for side in (test, ~test):
        sampled[_drawn(keys, side & ~editor, most)] = True
    return sampled


def write_evidence(folder: Path, model: TopicModel, evidence: Evidence) -> Path:
    """Write a bundle's table, completely or not at all, and return the file.

    Raises:
        TrainingError: it cannot be written.
    """
    X = evidence.X
    arrays = {
        "indptr": X.indptr.astype(np.int64),
        "indices": X.indices.astype(np.int32),
        "values": X.data.astype(np.float16),
        "scores": evidence.scores.astype(np.float32),
        "hashes": _some_hashes(model),
        **{name: np.ascontiguousarray(getattr(evidence, name)) for name in _PLAIN},
    }
    return write_file(folder / EVIDENCE, gzip.compress(save(arrays), mtime=0), TrainingError)


def read_evidence(folder: Path, model: TopicModel) -> Evidence | None:
    """Return a bundle's table, or None where it has none.

    Raises:
        TrainingError: it is damaged, or belongs to another model.
    """
    path = folder / EVIDENCE
    try:
        arrays = load(gzip.decompress(path.read_bytes()))
        return _evidence(arrays, model)
    except FileNotFoundError:
        return None
    except (OSError, EOFError, zlib.error, TypeError, ValueError, KeyError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be used: {error}; remove it, or train the model again") from error


_PLAIN = ("keys", "decisions", "fair", "editor", "test")


def _evidence(arrays: Mapping[str, NDArray[Any]], model: TopicModel) -> Evidence:
    """Return the table stored in the arrays of a file.

    Raises:
        KeyError, ValueError: they are not a table of this model.
    """
    articles, topics = len(arrays["keys"]), len(model.taxonomy)
    parts = arrays["values"].astype(np.float64), arrays["indices"], arrays["indptr"]
    X = sp.csr_matrix(parts, shape=(articles, len(model.features.hashes)))
    X.check_format()
    shapes = [arrays[name].shape for name in ("decisions", "scores")]
    flags = [arrays[name].shape for name in ("fair", "editor", "test")]
    fits = shapes == [(articles, topics)] * 2 and flags == [(articles,)] * 3
    if not fits or not np.array_equal(arrays["hashes"], _some_hashes(model)):
        raise ValueError("it belongs to another model")
    return Evidence(X=X, scores=arrays["scores"].astype(np.float64), **{name: arrays[name] for name in _PLAIN})


def _some_hashes(model: TopicModel) -> NDArray[np.uint64]:
    """Return some of the hashes of a model's n-grams, which distinguish one list of n-grams from another."""
    hashes = model.features.hashes
    return np.ascontiguousarray(hashes[:: max(1, len(hashes) // 64)])
