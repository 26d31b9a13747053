"""Texts to a sparse TF-IDF matrix, by the same kernel that tags, on every core."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from tagdesk.models import kernel
from tagdesk.models.features import Features, FeatureSettings
from tagdesk.models.reading import normal_form
from tagdesk.models.reading.article import ArticleText
from tagdesk.models.topic_model import TopicModel
from tagdesk.models.weights import AnyWeights, SparseWeights
from tagdesk.training.errors import TrainingError
from tagdesk.training.learn import counting
from tagdesk.training.learn.chunks import Chunk, Text, chunks_of, on_every_core, shares

PART = "*"
"""Every name of a part of a word contains it, and no n-gram: see `tagdesk.training.learn.counting.spell_parts`."""

_COUNTED_AT_ONCE = 200_000_000
"""Code points of texts whose n-grams are counted in one go."""

_WEIGHED_AT_ONCE = 64
"""Chunks whose rows are in memory before they are written."""

_Rows = tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]
"""The columns and the values of the cells of some rows, row by row, and how many each row has."""

_NO_ROWS: _Rows = np.empty(0, np.int32), np.empty(0), np.empty(0, np.int64)


class NgramVectorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn articles' texts into a TF-IDF matrix of word n-grams, and of parts of words where these are asked for.

    The n-grams that most texts contain are kept. idf is ln((1 + n) / (1 + df)) + 1 and rows have L2 norm 1, as in
    `sklearn.feature_extraction.text.TfidfVectorizer`; an n-gram never crosses from title into body. The parts of words
    of a text make a vector of their own, of L2 norm 1 too, in columns of their own.

    N-grams are distinguished by 64-bit hashes. Two with the same hash would be one feature; among ten million n-grams
    the probability that any two have the same is 3 in a million (n² / 2⁶⁵).

    Parameters:
        shortest, longest, title_weight, sublinear_tf, reading, shortest_part, longest_part: see
            `tagdesk.models.features.FeatureSettings`.
        min_df: keep n-grams that at least this many texts contain.
        max_features: keep at most this many n-grams, and as many parts of words; None for all.

    Attributes:
        features_: `tagdesk.models.features.Features`, rows in the alphabetical order of the n-grams.
        ngrams_: list of str, the n-grams in row order.
        left_out_: a sentence on the n-grams that `max_features` cut, if it did.
    """

    def __init__(
        self,
        *,
        shortest: int = 1,
        longest: int = 2,
        title_weight: float = 1.0,
        sublinear_tf: bool = True,
        reading: int = normal_form.LATEST,
        shortest_part: int = 0,
        longest_part: int = 0,
        min_df: int = 1,
        max_features: int | None = None,
    ) -> None:
        self.shortest = shortest
        self.longest = longest
        self.title_weight = title_weight
        self.sublinear_tf = sublinear_tf
        self.reading = reading
        self.shortest_part = shortest_part
        self.longest_part = longest_part
        self.min_df = min_df
        self.max_features = max_features

    @classmethod
    def of_features(cls, features: Features, ngrams: Sequence[str] = ()) -> Self:
        """Return a fitted vectorizer with a model's features and, for their names, its n-grams in row order."""
        settings = features.settings
        vectorizer = cls(**{name: getattr(settings, name) for name in settings.__slots__})
        vectorizer.features_, vectorizer.ngrams_ = features, list(ngrams)
        return vectorizer

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that the input is text."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    def fit(self, texts: Sequence[Text], y: object = None) -> Self:
        """Learn the n-grams and their idf.

        Args:
            texts: articles' texts, or plain strings, which have no title.
            y: not used.

        Raises:
            ValueError: a parameter is out of range, or `texts` is a single string.
            TrainingError: there is no n-gram to learn.
        """
        self._fit(list(chunks_of(texts, self.reading)), len(texts))
        return self

    def transform(self, texts: Sequence[Text]) -> sp.csr_matrix:
        """Return the TF-IDF matrix: float64, shape (texts, n-grams), column indices sorted.

        Raises:
            NotFittedError: `fit` has not been called.
            ValueError: `texts` is a single string.
        """
        check_is_fitted(self)
        return self._transform(chunks_of(texts, self.reading), len(texts))

    def fit_transform(self, texts: Sequence[Text], y: object = None, *, folder: Path | None = None) -> sp.csr_matrix:
        """Do what `fit` and `transform` do, but join the texts into chunks only once.

        Args:
            texts: as in `fit`.
            y: not used.
            folder: the matrix is kept in files there, which nobody else can open and which are gone with it, and mapped
                into memory, read-only; None: in memory.

        Raises:
            ValueError, TrainingError: as in `fit`.
            OSError: the files cannot be written.
        """
        chunks = list(chunks_of(texts, self.reading))
        self._fit(chunks, len(texts))
        return self._transform(chunks, len(texts), folder)

    def _fit(self, chunks: Sequence[Chunk], count: int) -> None:
        settings = FeatureSettings(**{name: getattr(self, name) for name in FeatureSettings.__slots__})
        self.left_out_: tuple[str, ...] = ()
        hashes, df = self._commonest(chunks, settings, parts=False)
        if not len(hashes):
            raise TrainingError(f"no n-gram is in {self.min_df} of {count} texts: lower min_df")
        ngrams = _spell(chunks, settings, hashes, parts=False)
        if settings.longest_part:
            part_hashes, part_df = self._commonest(chunks, settings, parts=True)
            ngrams += _spell(chunks, settings, part_hashes, parts=True)
            hashes, df = np.append(hashes, part_hashes), np.append(df, part_df)
        place = {ngram: i for i, ngram in enumerate(ngrams)}
        self.ngrams_ = sorted(place)
        order = np.fromiter(map(place.__getitem__, self.ngrams_), np.int64, len(hashes))
        idf = np.log((1 + count) / (1 + df)) + 1
        self.features_ = Features(settings, hashes[order], idf[order].astype(np.float32))

    def _commonest(
        self, chunks: Sequence[Chunk], settings: FeatureSettings, *, parts: bool
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return the hashes of the n-grams, or parts of words, to keep, and the number of texts that contain each."""
        hashes, df = _document_frequencies(chunks, settings, self.min_df, parts=parts)
        count, most = len(hashes), self.max_features
        if most is not None and count > most and not parts:
            self.left_out_ = (f"{count - most:,} of {count:,} words and word pairs left out, the rarest",)
        rows = np.lexsort((hashes, -df))[:most]
        return hashes[rows], df[rows]

    def _transform(self, chunks: Iterable[Chunk], count: int, folder: Path | None = None) -> sp.csr_matrix:
        features = self.features_
        settings = features.settings

        def weigh(chunk: Chunk) -> _Rows:
            return counting.weigh(
                chunk.codes,
                chunk.bounds,
                normal_form.word_table(settings.reading),
                settings.shortest,
                settings.longest,
                features.slots,
                features.hashes,
                settings.title_weight,
                features.idf,
                settings.sublinear_tf,
                settings.shortest_part,
                settings.longest_part,
            )

        if folder is None:
            indices, values, lengths = _joined([_NO_ROWS, *on_every_core(weigh, chunks)])
        else:
            indices, values, lengths = _in_files(weigh, list(chunks), folder)
        starts = np.concatenate(([0], np.cumsum(lengths)))
        return sp.csr_matrix((values, indices, starts), shape=(count, len(features.hashes)))

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the n-grams in column order."""
        check_is_fitted(self)
        return np.array(self.ngrams_, dtype=object)


def _joined(parts: Sequence[_Rows]) -> _Rows:
    indices, values, lengths = (np.concatenate(column) for column in zip(*parts, strict=True))
    return indices, values, lengths


def _in_files(weigh: Callable[[Chunk], _Rows], chunks: Sequence[Chunk], folder: Path) -> _Rows:
    """Weigh chunks into files of a folder, a few at a time: the cells are never in memory all at once."""
    all_lengths = []
    with TemporaryFile(dir=folder) as of_indices, TemporaryFile(dir=folder) as of_values:
        for first in range(0, len(chunks), _WEIGHED_AT_ONCE):
            indices, values, lengths = _joined(on_every_core(weigh, chunks[first : first + _WEIGHED_AT_ONCE]))
            of_indices.write(indices.data)
            of_values.write(values.data)
            all_lengths.append(lengths)
        for file in (of_indices, of_values):
            file.flush()
        columns, cells = np.memmap(of_indices, np.int32, "r"), np.memmap(of_values, np.float64, "r")
    return np.asarray(columns), np.asarray(cells), np.concatenate(all_lengths)


class _Counter:
    """Counts how many texts contain each n-gram, or each part of a word, by hash; one counter per thread.

    It counts those whose hashes are no lower and no higher than those of `span`.
    """

    def __init__(self, settings: FeatureSettings, span: tuple[np.uint64, np.uint64], *, parts: bool) -> None:
        self.settings = settings
        self.span = span
        self.parts = (settings.shortest_part, settings.longest_part) if parts else (0, 0)
        self.table = np.zeros((1 << 16, 2), np.uint64)
        self.filled = 0

    def add(self, chunk: Chunk) -> None:
        """Count the n-grams of a chunk."""
        codes = chunk.codes
        least, most = self.parts
        lengths = self.settings.longest - self.settings.shortest + 1
        of_one = 4 * (most - least + 1) if most else lengths  # as many at most as there are pairs of code points
        self._make_room((len(codes) // 2 + len(chunk.bounds)) * of_one)
        self.filled += counting.count(
            codes,
            chunk.bounds,
            normal_form.word_table(self.settings.reading),
            self.settings.shortest,
            self.settings.longest,
            least,
            most,
            *self.span,
            self.table,
            chunk.first_text + 1,
        )

    def merge(self, table: NDArray[np.uint64], filled: int) -> None:
        """Add the counts of another table, made from other texts."""
        self._make_room(filled)
        self.filled += counting.merge(self.table, table)

    def _make_room(self, more: int) -> None:
        slots = len(self.table)
        while 3 * (self.filled + more) > 2 * slots:
            slots *= 2
        if slots > len(self.table):
            old, self.table = self.table, np.zeros((slots, 2), np.uint64)
            counting.merge(self.table, old)


def tf_idf(features: Features, texts: Sequence[ArticleText]) -> sp.csr_matrix:
    """Return the TF-IDF matrix of texts over a model's own n-grams, float64, shape (texts, n-grams)."""
    return NgramVectorizer.of_features(features).transform(texts)


def product(X: sp.csr_matrix, weights: AnyWeights) -> NDArray[np.float64]:
    """Return Σ value · weight of articles by their TF-IDF, float64, shape (articles, topics)."""
    if isinstance(weights, SparseWeights):
        cells = weights.values.astype(np.float64), weights.topics.astype(np.int64), weights.starts
        of_many: NDArray[np.float64] = (X @ sp.csr_matrix(cells, shape=weights.shape)).toarray()
        return of_many
    sums: NDArray[np.float64] = X @ weights
    return sums


def raw_scores(model: TopicModel, X: sp.csr_matrix) -> NDArray[np.float64]:
    """Return a model's raw scores of articles by their TF-IDF, float64, shape (articles, topics)."""
    return product(X, model.weights) + model.bias


def _document_frequencies(
    chunks: Sequence[Chunk], settings: FeatureSettings, min_df: int, *, parts: bool
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hashes of the n-grams, or parts of words, that enough texts contain, in no order, and in how many.

    Most are rare, and these take the memory: of a long corpus the n-grams are counted, and the rare ones dropped, a
    share at a time.
    """
    times = -(-sum(len(chunk.text) for chunk in chunks) // _COUNTED_AT_ONCE) or 1
    edges = [2**64 * share // times for share in range(times + 1)]
    found = [
        _counted(chunks, settings, (np.uint64(lowest), np.uint64(end - 1)), min_df, parts=parts)
        for lowest, end in pairwise(edges)
    ]
    hashes, df = (np.concatenate(column) for column in zip(*found, strict=True))
    return hashes, df


def _counted(
    chunks: Sequence[Chunk], settings: FeatureSettings, span: tuple[np.uint64, np.uint64], min_df: int, *, parts: bool
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Do what `_document_frequencies` does for the hashes of a span."""

    def count(share: Sequence[Chunk]) -> _Counter:
        counter = _Counter(settings, span, parts=parts)
        for chunk in share:
            counter.add(chunk)
        return counter

    first, *others = on_every_core(count, shares(chunks))
    for other in others:
        first.merge(other.table, other.filled)
    taken = first.table[first.table[:, 1] >= np.uint64(max(1, min_df) << 32)]
    return taken[:, 0], (taken[:, 1] >> np.uint64(32)).astype(np.int64)


def _spell(chunks: Sequence[Chunk], settings: FeatureSettings, hashes: NDArray[np.uint64], *, parts: bool) -> list[str]:
    """Return the n-gram, or the part of a word, of each hash."""
    slots = kernel.build_slots(hashes)
    spell_chunk = counting.spell_parts if parts else counting.spell
    lengths = (settings.shortest_part, settings.longest_part) if parts else (settings.shortest, settings.longest)

    def spell(share: Sequence[Chunk]) -> NDArray[np.object_]:
        ngrams, spelled = np.full(len(hashes), None, object), np.zeros(len(hashes), np.bool_)
        for chunk in share:
            table = normal_form.word_table(settings.reading)
            rows, spelling = spell_chunk(chunk.codes, chunk.bounds, table, *lengths, slots, hashes, spelled)
            ngrams[rows] = spelling.tobytes().decode("utf-32-le").split("\n")[:-1]
        return ngrams

    first, *others = on_every_core(spell, shares(chunks))
    for other in others:
        first = np.where(first == None, other, first)  # noqa: E711 - element by element
    ngrams: list[str] = first.tolist()
    return ngrams
