"""The topic model: an article in, its topics with confidence, band and evidence out. Immutable."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagdesk.models import kernel
from tagdesk.models.calibration import Band, Calibration
from tagdesk.models.doubts import OwnTexts, doubts
from tagdesk.models.features import Bag, Features
from tagdesk.models.reading.article import Article, ArticleText, Field, Spans
from tagdesk.models.reading.normal_form import places
from tagdesk.models.taxonomy import Taxonomy, Topic
from tagdesk.models.weights import AnyWeights, SparseWeights, for_kernel

_FEW = 32
"""Articles that are scored in one call."""

_Scored = tuple[float, float, float]
"""The column of a topic, its raw score and its confidence; numbers as the kernel returns them, all in one array."""

_by_confidence = itemgetter(2)


@dataclass(slots=True, unsafe_hash=True)
class Evidence:
    """One n-gram where it stands, and what it, with the parts of its word, added to the score.

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


@dataclass(slots=True, unsafe_hash=True)
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


@dataclass(slots=True, unsafe_hash=True)
class TaggedArticle:
    """The answer to one article: its topics by confidence, most likely first, and warnings.

    The warnings `short-text`, `no-article`, `unknown-words` and `language: <its primary language>` are doubts: no topic
    is `auto`.
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
        weights: float32, shape (features, topics), a feature's row contiguous; of many topics `SparseWeights`.
        bias: float32, shape (topics,).
        calibrations: one per topic, in the same order.
        manifest: what is known of how it was made, JSON values; `language` is the BCP 47 tag of what it learned from,
            `doubts` what these texts are like.

    Raises:
        ValueError: the parts do not fit together.
    """

    name: str
    version: str
    taxonomy: Taxonomy
    features: Features
    weights: AnyWeights = field(repr=False)
    bias: NDArray[np.float32] = field(repr=False)
    calibrations: tuple[Calibration, ...] = field(repr=False)
    manifest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _lines: NDArray[np.float64] = field(init=False, repr=False)
    _weights: kernel.Weights = field(init=False, repr=False)
    _above: NDArray[np.int32] = field(init=False, repr=False)
    _own: OwnTexts = field(init=False, repr=False)

    def __post_init__(self) -> None:
        wanted = (len(self.features.idf), len(self.taxonomy))
        if self.weights.shape != wanted or self.bias.shape != wanted[1:]:
            raise ValueError(
                f"weights {self.weights.shape} and bias {self.bias.shape} do not fit {wanted[0]} features "
                f"and {wanted[1]} topics"
            )
        if len(self.calibrations) != len(self.taxonomy):
            raise ValueError(f"{len(self.calibrations)} calibrations for {len(self.taxonomy)} topics")
        above = np.full(len(self.taxonomy), -1, np.int32)
        for child, parent in self.taxonomy.implied:
            above[child] = parent
        object.__setattr__(self, "_lines", _lines(self.bias, self.calibrations))
        object.__setattr__(self, "_weights", for_kernel(self.weights))
        object.__setattr__(self, "_above", above)
        object.__setattr__(self, "_own", OwnTexts.of(self.manifest, self.features.settings.shortest))

    @property
    def dense(self) -> NDArray[np.float32]:
        """The weights of a model of few topics, float32, shape (features, topics).

        Raises:
            ValueError: they are sparse.
        """
        if isinstance(self.weights, SparseWeights):
            raise ValueError(f"{self.ref} has many topics, and sparse weights: they do not make an array")  # noqa: TRY004
        return self.weights

    @property
    def ref(self) -> str:
        """Name and version in one word, `news-en@2026.11.23-1a2b3c4d`."""
        return f"{self.name}@{self.version}"

    def read(self, article: Article) -> ArticleText:
        """Return the text of an article, as the version of the reading that the model learned from reads it.

        Raises:
            EmptyArticle: there is nothing to read.
            ArticleTooLong: a field is over its cap.
        """
        return article.text(self.features.settings.reading, with_codes=True)

    def tag(self, article: Article, *, explain: bool = False) -> TaggedArticle:
        """Return the article's topics: those that reach a band.

        Args:
            article: what to tag.
            explain: add the evidence of every topic returned.

        Raises:
            EmptyArticle: there is nothing to read.
            ArticleTooLong: a field is over its cap.
        """
        return self._tag([(article, self.read(article))], explain=explain)[0]

    def tag_each(
        self, articles: Iterable[Article | Exception], *, explain: bool = False
    ) -> Iterator[TaggedArticle | Exception]:
        """Tag articles as `tag` does, a few dozen at a time, and yield an answer or an error for each, in order.

        One article never costs the others their answers.

        Args:
            articles: what to tag, each read when its turn comes; in place of an article that could not even be made,
                the reason why, which is handed through.
            explain: add the evidence of every topic returned.

        Yields:
            The article's topics; else an `ArticleError` where it cannot be read, or whatever else went wrong with it.
        """
        few: list[Article | Exception] = []
        try:
            for article in articles:
                few.append(article)
                if len(few) == _FEW:
                    yield from self._each(few, explain=explain)
                    few = []
        except Exception:  # of whoever makes the articles: those before it are answered
            yield from self._each(few, explain=explain)
            raise
        yield from self._each(few, explain=explain)

    def tag_many(self, articles: Iterable[Article]) -> Iterator[TaggedArticle]:
        """Tag articles as `tag_each` does, up to the first that cannot be tagged.

        Raises:
            EmptyArticle, ArticleTooLong: at the article's turn, after the answers to those before it.
        """
        for outcome in self.tag_each(articles):
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome

    def explain(self, article: Article, topic: str) -> TopicResult:
        """Return one topic of an article with its evidence, whether or not it reaches a band.

        Raises:
            TaxonomyError: the model has no such topic.
            EmptyArticle: there is nothing to read.
            ArticleTooLong: a field is over its cap.
        """
        column = self.taxonomy.column(topic)
        text = self.read(article)
        ((tokens, known, rows),) = self._scored([text], every=True)
        doubted = bool(doubts(article, text, tokens, known, self._own))
        return self._with_evidence([self._result(*rows[column], doubted=doubted)], text)[0]

    def below(self, article: Article, most: int | None = None) -> tuple[TopicResult, ...]:
        """Return the topics that `tag` does not return, most likely first, with bias and without evidence.

        Args:
            article: the article.
            most: how many at most; None for all.

        Raises:
            EmptyArticle: there is nothing to read.
            ArticleTooLong: a field is over its cap.
        """
        ((_, _, rows),) = self._scored([self.read(article)], every=True)
        lowest = self._lines[3].tolist()
        below = sorted((row for row in rows if row[2] < lowest[int(row[0])]), key=_by_confidence, reverse=True)
        results = ((self._result(*row, doubted=False), self.bias[int(row[0])]) for row in below[:most])
        return tuple(replace(result, bias=float(bias)) for result, bias in results)

    def scores(self, texts: Sequence[ArticleText]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return raw score and confidence of every topic, float64, shape (texts, topics)."""
        table = self._score(texts, every=True).reshape(len(texts), 3 + 3 * len(self.taxonomy))
        return np.ascontiguousarray(table[:, 4::3]), np.ascontiguousarray(table[:, 5::3])

    def knows(self, texts: Sequence[ArticleText]) -> list[bool]:
        """Return whether the model knows as many words of each text as of nearly all texts that it learned from."""
        return [known >= self._own.usual_known * tokens for tokens, known, _ in self._scored(texts)]

    def confidences(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the confidences of raw scores, float64, shape (articles, topics)."""
        _, slopes, offsets, *_ = self._lines
        confidences: NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * (slopes * scores + offsets)))
        for child, parent in self.taxonomy.implied:
            confidences[:, child] = np.minimum(confidences[:, child], confidences[:, parent])
        return confidences

    def _score(self, texts: Sequence[ArticleText], *, every: bool = False) -> NDArray[np.float64]:
        return self.features.score(texts, self._weights, self._lines, self._above, every=every)

    def _scored(
        self, texts: Sequence[ArticleText], *, every: bool = False
    ) -> Iterator[tuple[float, float, list[_Scored]]]:
        """Yield for each text the counts that `kernel.score` returns, and column, raw score and confidence of topics.

        These are the topics that reach their cut-off, or every one.
        """
        flat, place = self._score(texts, every=every).tolist(), 0
        for _ in texts:
            tokens, known, count = flat[place : place + 3]
            first, place = place + 3, place + 3 + 3 * int(count)
            values = iter(flat[first:place])
            yield tokens, known, [*zip(values, values, values, strict=True)]

    def _tag(self, few: Sequence[tuple[Article, ArticleText]], *, explain: bool = False) -> list[TaggedArticle]:
        tagged = []
        scored = self._scored([text for _, text in few])
        for (article, text), (tokens, known, rows) in zip(few, scored, strict=True):
            doubtful = doubts(article, text, tokens, known, self._own)
            rows.sort(key=_by_confidence, reverse=True)
            results = [self._result(*row, doubted=bool(doubtful)) for row in rows]
            if explain:
                results = self._with_evidence(results, text)
            tagged.append(TaggedArticle(article.id, tuple(results), text.warnings + doubtful))
        return tagged

    def _each(self, few: Sequence[Article | Exception], *, explain: bool) -> Iterator[TaggedArticle | Exception]:
        """Tag a few articles together, and one by one where that fails, which shows whose fault it is."""
        reads = [self._read(article) for article in few]
        good = [read for read in reads if not isinstance(read, Exception)]
        try:
            tagged: Iterator[TaggedArticle | Exception] = iter(self._tag(good, explain=explain))
        except Exception:  # noqa: BLE001 - one article must not cost the others their answers
            tagged = iter([self._alone(read, explain=explain) for read in good])
        return (read if isinstance(read, Exception) else next(tagged) for read in reads)

    def _read(self, article: Article | Exception) -> tuple[Article, ArticleText] | Exception:
        try:
            return article if isinstance(article, Exception) else (article, self.read(article))
        except Exception as error:  # noqa: BLE001 - as above
            return error

    def _alone(self, read: tuple[Article, ArticleText], *, explain: bool) -> TaggedArticle | Exception:
        try:
            return self._tag([read], explain=explain)[0]
        except Exception as error:  # noqa: BLE001 - as above
            return error

    def _result(self, number: float, score: float, confidence: float, *, doubted: bool) -> TopicResult:
        column = int(number)
        band = self.calibrations[column].band(confidence)
        if doubted and band == "auto":
            band = "suggest"
        return TopicResult(self.taxonomy.topics[column], score, confidence, band)

    def _with_evidence(self, results: list[TopicResult], text: ArticleText) -> list[TopicResult]:
        bag = self.features.bag(text)
        shares = _shares(bag, *self.features.vector(bag))
        words = _words(bag)
        spans = _places(bag, text, self.features.settings.reading)
        explained = []
        for result in results:
            column = self.taxonomy.column(result.topic.id)
            adds = shares * kernel.weights_of(bag.rows, column, self._weights)
            if len(words):
                adds = np.bincount(words, adds, len(adds)).astype(np.float64)
            order = np.argsort(-np.abs(adds), kind="stable")
            strongest = zip(order.tolist(), adds[order].tolist(), strict=True)
            evidence = tuple(Evidence(*(spans[i] + (weight,))) for i, weight in strongest if weight)
            explained.append(replace(result, bias=float(self.bias[column]), evidence=evidence))
        return explained


def _lines(bias: NDArray[np.float32], calibrations: Sequence[Calibration]) -> NDArray[np.float64]:
    """Return what `kernel.score` takes as lines: float64, shape (5, topics).

    The last is a raw score a little under the one whose confidence is `suggest`; below it nothing can reach that.
    """
    slopes, offsets, suggest = np.array(
        [(calibration.slope, calibration.offset, calibration.suggest) for calibration in calibrations], np.float64
    ).T
    lowest = np.minimum(suggest, 1 - 1e-6)
    odds = np.log(np.maximum(lowest, 1e-6) / (1 - lowest))
    odds = np.where(lowest > 1e-6, odds - 1e-6 * (1 + np.abs(odds)), -np.inf)
    return np.array([bias, slopes, offsets, suggest, (odds - offsets) / slopes - 1e-9], np.float64)


def _shares(bag: Bag, rows: NDArray[np.int32], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide each feature's value among its occurrences by what each counts: float64, shape (occurrences,)."""
    order = np.argsort(rows)
    feature = order[np.searchsorted(rows, bag.rows, sorter=order)]
    totals = np.bincount(feature, weights=bag.amounts, minlength=len(rows))
    return values[feature] * bag.amounts / totals[feature]


def _words(bag: Bag) -> NDArray[np.intp]:
    """Return for each occurrence the first at its place, where evidence is added up; nothing if there are no parts."""
    if not bag.is_part.any():
        return np.empty(0, np.intp)
    in_body = np.arange(len(bag.rows)) >= bag.in_title
    _, first, group = np.unique(
        np.stack((in_body, bag.starts, bag.ends)), axis=1, return_index=True, return_inverse=True
    )
    return first[group]


def _places(bag: Bag, text: ArticleText, version: int) -> list[tuple[Field, int, int, str]]:
    """Return field, start and end (as the article was sent) and the words of every occurrence."""
    title, body = slice(0, bag.in_title), slice(bag.in_title, None)
    starts, ends = np.empty_like(bag.starts), np.empty_like(bag.ends)
    starts[title], ends[title] = _as_sent(text.title, bag.starts[title], bag.ends[title], version)
    starts[body], ends[body] = _as_sent(text.body, bag.starts[body], bag.ends[body], version)
    words = [text.title[s:e] for s, e in zip(starts[title].tolist(), ends[title].tolist(), strict=True)]
    words += [text.body[s:e] for s, e in zip(starts[body].tolist(), ends[body].tolist(), strict=True)]
    starts[body], ends[body] = text.sent_spans(starts[body], ends[body])
    fields: list[Field] = ["title" for _ in range(bag.in_title)]
    fields += [text.body_field for _ in range(len(words) - bag.in_title)]
    return list(zip(fields, starts.tolist(), ends.tolist(), words, strict=True))


def _as_sent(text: str, starts: NDArray[np.int32], ends: NDArray[np.int32], version: int) -> Spans:
    sent = places(text, version)
    if sent is None or not len(starts):
        return starts, ends
    return sent[0][starts], sent[1][ends - 1]
