"""Texts to a sparse TF-IDF matrix, by the same kernel that tags."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from models import kernel
from models.article import ArticleText
from models.features import Features, FeatureSettings
from training.errors import TrainingError


class NgramVectorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn articles' texts into a TF-IDF matrix of word n-grams.

    The n-grams that most texts have are kept. idf is ln((1 + n) / (1 + df)) + 1 and rows have L2 norm 1, as in
    `sklearn.feature_extraction.text.TfidfVectorizer`; an n-gram never crosses from title into body.

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

    def fit(self, texts: Sequence[ArticleText], y: Any = None) -> Self:
        """Learn the n-grams and their idf.

        Raises:
            TrainingError: no n-gram is left to learn.
        """
        settings = FeatureSettings(self.shortest, self.longest, self.title_weight, self.sublinear_tf)
        per_text = [np.unique(np.concatenate(list(_hashes(text, settings)))) for text in texts]
        hashes, df = np.unique(np.concatenate(per_text or [np.empty(0, np.uint64)]), return_counts=True)
        kept = np.flatnonzero(df >= self.min_df)
        kept = kept[np.argsort(-df[kept], kind="stable")][: self.max_features]
        if not len(kept):
            raise TrainingError(f"no n-gram stands in {self.min_df} of {len(per_text)} texts: lower min_df")
        ngrams = _spell(texts, settings, hashes[kept])
        order = np.argsort(np.array(ngrams))
        idf = np.log((1 + len(per_text)) / (1 + df[kept])) + 1
        self.ngrams_ = [ngrams[i] for i in order]
        self.features_ = Features(settings, hashes[kept][order], idf[order].astype(np.float32))
        return self

    def transform(self, texts: Iterable[ArticleText]) -> sp.csr_matrix:
        """Return the TF-IDF matrix: float64, shape (texts, n-grams)."""
        check_is_fitted(self)
        rows, values, ends = [], [], [0]
        for text in texts:
            row, value = self.features_.vector(self.features_.bag(text))
            order = np.argsort(row)
            rows.append(row[order])
            values.append(value[order])
            ends.append(ends[-1] + len(row))
        shape = (len(ends) - 1, len(self.ngrams_))
        return sp.csr_matrix((np.concatenate(values), np.concatenate(rows), np.array(ends)), shape=shape)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the n-grams in column order."""
        check_is_fitted(self)
        return np.array(self.ngrams_, dtype=object)


def _hashes(text: ArticleText, settings: FeatureSettings) -> Iterator[NDArray[np.uint64]]:
    for part in (text.title, text.body):
        codes = kernel.code_points(part.lower())
        yield kernel.ngrams(codes, kernel.word_table(), settings.shortest, settings.longest)[0]


def _spell(texts: Iterable[ArticleText], settings: FeatureSettings, hashes: NDArray[np.uint64]) -> list[str]:
    """Find the words behind each hash.

    Raises:
        TrainingError: two n-grams share a hash.
    """
    slots = kernel.build_slots(hashes)
    spelled: list[str] = [""] * len(hashes)
    missing = np.ones(len(hashes), np.bool_)
    for text in texts:
        for part in (text.title, text.body):
            lowered = part.lower()
            codes, words = kernel.code_points(lowered), kernel.word_table()
            rows, starts, ends, _, _ = kernel.occurrences(
                codes, words, settings.shortest, settings.longest, slots, hashes
            )
            for i in np.flatnonzero(missing[rows]):
                spelled[rows[i]] = " ".join(kernel.WORD.findall(lowered[starts[i] : ends[i]]))
                missing[rows[i]] = False
    if len(set(spelled)) < len(spelled):
        raise TrainingError("one n-gram has two 64-bit hashes: report this as a bug")
    return spelled
