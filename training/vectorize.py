"""Texts to a sparse TF-IDF matrix, by the same kernel that tags, on every core."""

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from models import kernel
from models.features import Features, FeatureSettings
from training import counting
from training.chunks import Chunk, Text, chunks_of, on_every_core, shares
from training.errors import TrainingError


class NgramVectorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn articles' texts into a TF-IDF matrix of word n-grams.

    The n-grams that most texts have are kept. idf is ln((1 + n) / (1 + df)) + 1 and rows have L2 norm 1, as in
    `sklearn.feature_extraction.text.TfidfVectorizer`; an n-gram never crosses from title into body.

    N-grams are told apart by 64-bit hashes. Were two to share one, they would be one feature; that any two of ten
    million do has a chance of 3 in a million (n² / 2⁶⁵).

    Parameters:
        shortest, longest, title_weight, sublinear_tf: see `models.features.FeatureSettings`.
        min_df: keep n-grams that at least this many texts have.
        max_features: keep at most this many n-grams; None for all.

    Attributes:
        features_: `models.features.Features`, rows in the alphabetical order of the n-grams.
        ngrams_: list of str, the n-grams in row order.
    """

    def __init__(
        self,
        *,
        shortest: int = 1,
        longest: int = 2,
        title_weight: float = 1.0,
        sublinear_tf: bool = True,
        min_df: int = 1,
        max_features: int | None = None,
    ) -> None:
        self.shortest = shortest
        self.longest = longest
        self.title_weight = title_weight
        self.sublinear_tf = sublinear_tf
        self.min_df = min_df
        self.max_features = max_features

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
            ValueError: a parameter is out of range, or one string is given in place of a sequence of them.
            TrainingError: no n-gram is left to learn.
        """
        self._fit(list(chunks_of(texts)), len(texts))
        return self

    def transform(self, texts: Sequence[Text]) -> sp.csr_matrix:
        """Return the TF-IDF matrix: float64, shape (texts, n-grams), column indices sorted.

        Raises:
            NotFittedError: `fit` comes first.
            ValueError: one string is given in place of a sequence of them.
        """
        check_is_fitted(self)
        return self._transform(chunks_of(texts), len(texts))

    def fit_transform(self, texts: Sequence[Text], y: object = None) -> sp.csr_matrix:
        """Do what `fit` and `transform` do, and put the texts together only once."""
        chunks = list(chunks_of(texts))
        self._fit(chunks, len(texts))
        return self._transform(chunks, len(texts))

    def _fit(self, chunks: Sequence[Chunk], count: int) -> None:
        settings = FeatureSettings(self.shortest, self.longest, self.title_weight, self.sublinear_tf)
        hashes, df = _document_frequencies(chunks, settings)
        kept = np.flatnonzero(df >= self.min_df)
        kept = kept[np.lexsort((hashes[kept], -df[kept]))][: self.max_features]
        if not len(kept):
            raise TrainingError(f"no n-gram stands in {self.min_df} of {count} texts: lower min_df")
        place = {ngram: i for i, ngram in enumerate(_spell(chunks, settings, hashes[kept]))}
        self.ngrams_ = sorted(place)
        order = np.fromiter(map(place.__getitem__, self.ngrams_), np.int64, len(kept))
        idf = np.log((1 + count) / (1 + df[kept])) + 1
        self.features_ = Features(settings, hashes[kept][order], idf[order].astype(np.float32))

    def _transform(self, chunks: Iterable[Chunk], count: int) -> sp.csr_matrix:
        features = self.features_
        settings = features.settings

        def weigh(chunk: Chunk) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
            return counting.weigh(
                chunk.codes,
                chunk.bounds,
                kernel.word_table(),
                settings.shortest,
                settings.longest,
                features.slots,
                features.hashes,
                settings.title_weight,
                features.idf,
                settings.sublinear_tf,
            )

        parts = on_every_core(weigh, chunks)
        shape = (count, len(self.ngrams_))
        if not parts:
            return sp.csr_matrix(shape)
        indices, values, lengths = (np.concatenate(column) for column in zip(*parts, strict=True))
        return sp.csr_matrix((values, indices, np.concatenate(([0], np.cumsum(lengths)))), shape=shape)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the n-grams in column order."""
        check_is_fitted(self)
        return np.array(self.ngrams_, dtype=object)


class _Counter:
    """In how many texts each n-gram stands, by hash; one a thread."""

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings
        self.table = np.zeros((1 << 16, 2), np.uint64)
        self.filled = 0

    def add(self, chunk: Chunk) -> None:
        """Count the n-grams of a chunk."""
        codes = chunk.codes
        lengths = self.settings.longest - self.settings.shortest + 1
        self._make_room((len(codes) // 2 + len(chunk.bounds)) * lengths)
        self.filled += counting.count(
            codes,
            chunk.bounds,
            kernel.word_table(),
            self.settings.shortest,
            self.settings.longest,
            self.table,
            chunk.first_text + 1,
        )

    def merge(self, table: NDArray[np.uint64], filled: int) -> None:
        """Add what another table counted in other texts, or before this one was there."""
        self._make_room(filled)
        self.filled += counting.merge(self.table, table)

    def _make_room(self, more: int) -> None:
        slots = len(self.table)
        while 3 * (self.filled + more) > 2 * slots:
            slots *= 2
        if slots > len(self.table):
            old, self.table = self.table, np.zeros((slots, 2), np.uint64)
            counting.merge(self.table, old)


def _document_frequencies(
    chunks: Sequence[Chunk], settings: FeatureSettings
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return every n-gram's hash, in no order, and in how many texts it stands."""

    def count(some: Sequence[Chunk]) -> _Counter:
        counter = _Counter(settings)
        for chunk in some:
            counter.add(chunk)
        return counter

    first, *others = on_every_core(count, shares(chunks))
    for other in others:
        first.merge(other.table, other.filled)
    taken = first.table[first.table[:, 0] != 0]
    return taken[:, 0], (taken[:, 1] >> np.uint64(32)).astype(np.int64)


def _spell(chunks: Sequence[Chunk], settings: FeatureSettings, hashes: NDArray[np.uint64]) -> list[str]:
    """Return the words behind each hash."""
    slots = kernel.build_slots(hashes)

    def spell(some: Sequence[Chunk]) -> NDArray[np.object_]:
        ngrams, spelled = np.full(len(hashes), None, object), np.zeros(len(hashes), np.bool_)
        for chunk in some:
            rows, spelling = counting.spell(
                chunk.codes,
                chunk.bounds,
                kernel.word_table(),
                settings.shortest,
                settings.longest,
                slots,
                hashes,
                spelled,
            )
            ngrams[rows] = spelling.tobytes().decode("utf-32-le").split("\n")[:-1]
        return ngrams

    first, *others = on_every_core(spell, shares(chunks))
    for other in others:
        first = np.where(first == None, other, first)  # noqa: E711 - element by element
    ngrams: list[str] = first.tolist()
    return ngrams
