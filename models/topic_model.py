"""The topic model: an article in, its topics with confidence, band and evidence out. Immutable."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.article import Article, ArticleText, Field
from models.calibration import Band, Calibration
from models.doubts import doubts
from models.errors import ArticleError
from models.features import Bag, Features, origins
from models.language import primary
from models.taxonomy import Taxonomy, Topic

_FEW = 32
"""Articles that are scored in one call."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One n-gram where it stands, and what it added to the score.

    Attributes:
        field: the field of the article as it was sent.
        start: where it starts there, in Unicode code points.
        end: where it ends, exclusive; markup between its words is inside.
        text: its words, as read.
        weight: what this occurrence adds to the topic's raw score (negative: speaks against).
    """

    field: Field
    start: int
    end: int
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class TopicResult:
    """One topic of one article.

    Attributes:
        topic: the topic.
        score: raw score; slope · score + offset of its calibration is log-odds.
        confidence: calibrated probability, 0 to 1; at most that of its parent where the topic implies it.
        band: `auto`, `suggest`, or None below every cut-off; never `auto` where the article gives reason to doubt.
        bias: the score of an article without a known word; only where the score is to be explained.
        evidence: strongest first; the weights and the bias add up to the score. None when not asked for.
    """

    topic: Topic
    score: float
    confidence: float
    band: Band | None
    bias: float | None = None
    evidence: tuple[Evidence, ...] | None = None


@dataclass(frozen=True, slots=True)
class TaggedArticle:
    """The answer to one article: its topics by confidence, most likely first, and warnings.

    The warnings `short-text`, `unknown-words` and `language: <its primary language>` are doubts: no topic is `auto`.
    """

    id: str | None
    topics: tuple[TopicResult, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TopicModel:
    """A trained model.

    Args:
        name: e.g. `news-en`.
        version: e.g. `2026.11.23-1a2b3c4d`.
        taxonomy: the topics, in the order of the columns of `weights`.
        features: what the model reads of a text.
        weights: float32, shape (features, topics), a feature's row contiguous.
        bias: float32, shape (topics,).
        calibrations: one a topic, in the same order.
        manifest: what is known of how it was made, JSON values; `language` is the BCP 47 tag of what it learned from.

    Raises:
        ValueError: the parts do not fit together.
    """

    name: str
    version: str
    taxonomy: Taxonomy
    features: Features
    weights: NDArray[np.float32] = field(repr=False)
    bias: NDArray[np.float32] = field(repr=False)
    calibrations: tuple[Calibration, ...] = field(repr=False)
    manifest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _lines: NDArray[np.float64] = field(init=False, repr=False)
    _suggest: tuple[float, ...] = field(init=False, repr=False)
    _implied: tuple[tuple[int, int], ...] = field(init=False, repr=False)
    _language: str | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        wanted = (len(self.features.idf), len(self.taxonomy))
        if self.weights.shape != wanted or self.bias.shape != wanted[1:]:
            raise ValueError(
                f"weights {self.weights.shape} and bias {self.bias.shape} do not fit {wanted[0]} features "
                f"and {wanted[1]} topics"
            )
        if len(self.calibrations) != len(self.taxonomy):
            raise ValueError(f"{len(self.calibrations)} calibrations for {len(self.taxonomy)} topics")
        slopes, offsets = [one.slope for one in self.calibrations], [one.offset for one in self.calibrations]
        object.__setattr__(self, "_lines", np.array([self.bias, slopes, offsets], np.float64))
        object.__setattr__(self, "_suggest", tuple(one.suggest for one in self.calibrations))
        object.__setattr__(self, "_implied", self.taxonomy.implied)
        object.__setattr__(self, "_language", primary(self.manifest.get("language")))

    @property
    def ref(self) -> str:
        """Name and version in one word, `news-en@2026.11.23-1a2b3c4d`."""
        return f"{self.name}@{self.version}"

    def tag(self, article: Article, *, explain: bool = False) -> TaggedArticle:
        """Return the article's topics: those that reach a band.

        Args:
            article: what to tag.
            explain: add the evidence of every topic returned.

        Raises:
            EmptyArticle: there is nothing to read.
            ArticleTooLong: a field is over its cap.
        """
        return self._tag([(article, article.text())], explain=explain)[0]

    def tag_many(self, articles: Iterable[Article]) -> Iterator[TaggedArticle]:
        """Tag articles as `tag` does, a few at a time, which is faster.

        Raises:
            EmptyArticle, ArticleTooLong: at the article's turn, after the answers to those before it.
        """
        few: list[tuple[Article, ArticleText]] = []
        try:
            for article in articles:
                few.append((article, article.text()))
                if len(few) == _FEW:
                    yield from self._tag(few)
                    few = []
        except ArticleError:
            yield from self._tag(few)
            raise
        yield from self._tag(few)

    def explain(self, article: Article, topic: str) -> TopicResult:
        """Return one topic of an article with its evidence, whether or not it reaches a band.

        Raises:
            TaxonomyError: the model has no such topic.
            EmptyArticle: there is nothing to read.
            ArticleTooLong: a field is over its cap.
        """
        column = self.taxonomy.column(topic)
        text = article.text()
        (scores,), (confidences,), ((tokens, known),) = self._rows([text])
        doubted = bool(doubts(article, text, tokens, known, self._language))
        return self._with_evidence([self._result(column, scores, confidences, doubted=doubted)], text)[0]

    def below(self, article: Article) -> tuple[TopicResult, ...]:
        """Return the topics that `tag` does not return, most likely first, with bias and without evidence.

        Raises:
            EmptyArticle: there is nothing to read.
            ArticleTooLong: a field is over its cap.
        """
        (scores,), (confidences,), _ = self._rows([article.text()])
        columns = [column for column, lowest in enumerate(self._suggest) if confidences[column] < lowest]
        columns.sort(key=confidences.__getitem__, reverse=True)
        results = [self._result(column, scores, confidences, doubted=False) for column in columns]
        return tuple(
            replace(result, bias=float(self.bias[column])) for column, result in zip(columns, results, strict=True)
        )

    def scores(self, texts: Sequence[ArticleText]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return raw score and confidence of every topic, float64, shape (texts, topics)."""
        scores, confidences, _ = self._score(texts)
        self._cap(confidences)
        return scores, confidences

    def confidences(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the confidences of raw scores, float64, shape (articles, topics)."""
        _, slopes, offsets = self._lines
        found: NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * (slopes * scores + offsets)))
        self._cap(found)
        return found

    def _score(
        self, texts: Sequence[ArticleText]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        return self.features.score(texts, self.weights, self._lines)

    def _rows(self, texts: Sequence[ArticleText]) -> tuple[list[list[float]], list[list[float]], list[list[int]]]:
        """Return raw scores, confidences, and the counts that `kernel.score` returns: a row for each text."""
        scores, confidences, counts = self._score(texts)
        rows = confidences.tolist()
        self._cap(rows)  # in lists: for one text numpy takes 4 µs
        return scores.tolist(), rows, counts.tolist()

    def _cap(self, confidences: NDArray[np.float64] | list[list[float]]) -> None:
        """Make no topic likelier than the parent that it implies."""
        for child, parent in self._implied:
            for row in confidences:
                row[child] = min(row[child], row[parent])

    def _tag(self, few: Sequence[tuple[Article, ArticleText]], *, explain: bool = False) -> list[TaggedArticle]:
        rows = self._rows([text for _, text in few])
        tagged = []
        for (article, text), scores, confidences, (tokens, known) in zip(few, *rows, strict=True):
            doubtful = doubts(article, text, tokens, known, self._language)
            returned = [column for column, lowest in enumerate(self._suggest) if confidences[column] >= lowest]
            returned.sort(key=confidences.__getitem__, reverse=True)
            results = [self._result(column, scores, confidences, doubted=bool(doubtful)) for column in returned]
            if explain:
                results = self._with_evidence(results, text)
            tagged.append(TaggedArticle(article.id, tuple(results), text.warnings + doubtful))
        return tagged

    def _result(self, column: int, scores: list[float], confidences: list[float], *, doubted: bool) -> TopicResult:
        confidence = confidences[column]
        band = self.calibrations[column].band(confidence)
        if doubted and band == "auto":
            band = "suggest"
        return TopicResult(self.taxonomy.topics[column], scores[column], confidence, band)

    def _with_evidence(self, results: list[TopicResult], text: ArticleText) -> list[TopicResult]:
        bag = self.features.bag(text)
        shares = _shares(bag, *self.features.vector(bag))
        places = _places(bag, text)
        explained = []
        for result in results:
            column = self.taxonomy.column(result.topic.id)
            adds = shares * self.weights[bag.rows, column]
            order = np.argsort(-np.abs(adds), kind="stable")
            strongest = zip(order.tolist(), adds[order].tolist(), strict=True)
            evidence = tuple(Evidence(*(places[i] + (weight,))) for i, weight in strongest if weight)
            explained.append(replace(result, bias=float(self.bias[column]), evidence=evidence))
        return explained


def _shares(bag: Bag, rows: NDArray[np.int32], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide each feature's value among its occurrences by what each counts: float64, shape (occurrences,)."""
    order = np.argsort(rows)
    feature = order[np.searchsorted(rows, bag.rows, sorter=order)]
    totals = np.bincount(feature, weights=bag.amounts, minlength=len(rows))
    return values[feature] * bag.amounts / totals[feature]


def _places(bag: Bag, text: ArticleText) -> list[tuple[Field, int, int, str]]:
    """Return field, start and end (as the article was sent) and the words of every occurrence."""
    title, body = slice(0, bag.in_title), slice(bag.in_title, None)
    starts, ends = np.empty_like(bag.starts), np.empty_like(bag.ends)
    starts[title], ends[title] = _as_sent(text.title, bag.starts[title], bag.ends[title])
    starts[body], ends[body] = _as_sent(text.body, bag.starts[body], bag.ends[body])
    words = [text.title[s:e] for s, e in zip(starts[title].tolist(), ends[title].tolist(), strict=True)]
    words += [text.body[s:e] for s, e in zip(starts[body].tolist(), ends[body].tolist(), strict=True)]
    starts[body], ends[body] = text.sent_spans(starts[body], ends[body])
    fields: list[Field] = ["title" for _ in range(bag.in_title)]
    fields += [text.body_field for _ in range(len(words) - bag.in_title)]
    return list(zip(fields, starts.tolist(), ends.tolist(), words, strict=True))


def _as_sent(
    text: str, starts: NDArray[np.int32], ends: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    origin = origins(text)
    if origin is None or not len(starts):
        return starts, ends
    return origin[starts], origin[ends - 1] + 1
