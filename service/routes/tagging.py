"""From articles to the bytes of their answers: one at a time, or the lines of a batch."""

import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import anyio
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.requests import Request

from tagdesk.models import Article, ArticleTooLong, TaggedArticle, TopicModel
from tagdesk.models.answer import answer, topic_answer
from tagdesk.service.edge.call import Call, call_of
from tagdesk.service.edge.metrics import Metrics
from tagdesk.service.edge.problems import Problem, problem_json, problem_of
from tagdesk.service.formats.negotiation import Format
from tagdesk.service.http.articles import read_article, read_id
from tagdesk.service.http.streams import Row, batches
from tagdesk.service.languages import Languages
from tagdesk.service.parts import parts_of
from tagdesk.service.shadow import Shadow
from tagdesk.service.threads import LONG, in_thread_if_long, length

MAX_EXPLAINED = 50_000
"""Most characters of an article that is explained: evidence takes 25 bytes of the answer per character."""

MOST_BELOW = 100
"""How many of the topics that are not given are listed at most: a model may have thousands."""

ALL = "all"

_LONG_EXPLAINED = 1_000  # characters from which an article that is explained is worth a thread
_COUNTED = 32  # unknown words are counted in every 32nd article: for that it is read once more
_turn = itertools.count()
_FLAG: TypeAdapter[bool] = TypeAdapter(bool)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an answer explains.

    Attributes:
        below: whether the topics that are not given are listed too.
        topic: id of the topic whose evidence is wanted; None for the evidence of all topics that are given.
    """

    below: bool = False
    topic: str | None = None


def read_explanation(value: str) -> Explanation | None:
    """Return what `?explain=` asks for; None for no explanation."""
    with suppress(ValidationError):
        return Explanation() if _FLAG.validate_python(value) else None
    return Explanation(below=True) if value == ALL else Explanation(topic=value)


@dataclass(frozen=True, slots=True)
class Tagger:
    """Tags the articles of one request, each with the model of its language, and notes each of them.

    Attributes:
        languages: the models.
        call: the request.
        metrics: where articles are counted.
        shadow: the model to compare one of them with; None if there is none.
        explanation: what the answers explain; None if nothing.
        format: the answers' format; None for our own.
    """

    languages: Languages
    call: Call
    metrics: Metrics
    shadow: Shadow | None
    explanation: Explanation | None = None
    format: Format | None = None

    @classmethod
    def of(cls, request: Request) -> "Tagger":
        """Return a tagger for a request, which explains nothing and answers in our own format."""
        parts = parts_of(request)
        return cls(parts.active.languages, call_of(request), parts.metrics, parts.shadow)

    @property
    def long(self) -> int:
        """Characters from which an article is worth a thread."""
        return _LONG_EXPLAINED if self.explanation else LONG

    def answer(self, article: Article, warnings: list[str]) -> bytes:
        """Return the answer to an article; may be called from any thread.

        Args:
            article: the article.
            warnings: about how it was read.

        Raises:
            ArticleError: it cannot be tagged, or is too long to be explained.
            Problem: a topic is to be explained that its model does not have.
        """
        model = self.languages.model_for(article)
        if self.explanation:
            if self.explanation.topic is not None:
                return self._answer_topic(model, article, warnings, self.explanation.topic)
            self._check_length(article)
        tagged = model.tag(article, explain=self.explanation is not None)
        return self._render(model, article, tagged, warnings)

    async def answer_rows(self, parts: AsyncIterator[Iterable[Row]]) -> AsyncIterator[bytes]:
        """Yield the lines of a few rows at a time, and let other requests have their turn in between."""
        try:
            async for rows in parts:
                for batch in batches(rows, self.long):
                    size = sum(row.size for row in batch)
                    # To detect the languages of a few articles may take as long as to tag a long one.
                    long = 0 if self.languages.by_language else self.long
                    yield await in_thread_if_long(size, partial(self.answer_batch, batch), long)
                    await anyio.sleep(0)
        except Problem as problem:  # the rest of the request does not arrive: too late for another status
            yield self._error_line(None, None, problem) + b"\n"

    def answer_batch(self, rows: Sequence[Row]) -> bytes:
        """Return a line for each row: its answer, or its error."""
        reads = [self._read(row) for row in rows]
        articles = [read[0] for read in reads if isinstance(read, tuple)]
        models = self.languages.models_for(articles)
        outcomes = zip(models, self._tag_each(articles, models), strict=True)
        lines = []
        for row, read in zip(rows, reads, strict=True):
            if isinstance(read, bytes):
                lines.append(read)
                continue
            (article, warnings), (model, outcome) = read, next(outcomes)
            if isinstance(outcome, Exception):
                lines.append(self._error_line(article.id, row.line, outcome))
            else:
                lines.append(self._render(model, article, outcome, warnings))
        return b"".join(line + b"\n" for line in lines)

    def note(self, model: TopicModel, article: Article, tagged: TaggedArticle, warnings: Sequence[str] = ()) -> None:
        """Note an article that was tagged: in the call, in the metrics, and for the shadow.

        Args:
            model: the model that tagged it.
            article: the article.
            tagged: its topics.
            warnings: those in the answer besides `tagged.warnings`.
        """
        self.call.tagged(model.ref, len(tagged.topics))
        topics = [(result.topic.id, result.band or "", result.confidence) for result in tagged.topics]
        characters = len(article.title) + length(article)
        unknown = None if next(_turn) % _COUNTED else unknown_share(model, article)
        self.metrics.tagged(model.ref, topics, [*tagged.warnings, *warnings], characters, unknown)
        if self.shadow is not None:
            self.shadow.show(model, article, tagged)

    def _read(self, row: Row) -> tuple[Article, list[str]] | bytes:
        """Return the row's article and warnings, or the line of an error."""
        value = None
        try:
            value = row.value()
            return read_article(value)
        except Exception as error:  # noqa: BLE001 - one article must not cost the others their answers
            return self._error_line(read_id(value), row.line, error)

    def _tag_each(self, articles: Sequence[Article], models: Sequence[TopicModel]) -> list[TaggedArticle | Exception]:
        """Return each article with its topics, or its error; what one model tags, it tags together."""
        explain = self.explanation is not None
        of_model: dict[TopicModel, list[Article | Exception]] = {}
        for model, article in zip(models, articles, strict=True):
            of_model.setdefault(model, []).append(self._checked(article) if explain else article)
        tagged = {model: model.tag_each(few, explain=explain) for model, few in of_model.items()}
        return [next(tagged[model]) for model in models]

    def _checked(self, article: Article) -> Article | Exception:
        """Return an article that can be explained, or why it cannot."""
        try:
            self._check_length(article)
        except Exception as error:  # noqa: BLE001 - as above
            return error
        return article

    def _render(self, model: TopicModel, article: Article, tagged: TaggedArticle, warnings: list[str]) -> bytes:
        self.note(model, article, tagged, warnings)
        if self.format is not None:
            return to_json(self.format.render(model, article, tagged))
        members = answer(tagged, model.ref)
        members["warnings"] += warnings
        if self.explanation and self.explanation.below:
            members["below"] = [topic_answer(result) for result in model.below(article, MOST_BELOW)]
        return to_json(members)

    def _answer_topic(self, model: TopicModel, article: Article, warnings: list[str], topic: str) -> bytes:
        """Return the answer with the evidence of a single topic."""
        if topic not in model.taxonomy:
            detail = f"explain is true, false, all, or the id of a topic of {model.name}; /v1/topics lists them."
            raise Problem("invalid-parameter", detail, [{"parameter": "explain", "detail": detail}])
        self._check_length(article)
        tagged, explained = model.tag(article), model.explain(article, topic)
        self.note(model, article, tagged, warnings)
        topics = tuple(explained if result.topic.id == topic else result for result in tagged.topics)
        members = answer(replace(tagged, topics=topics), model.ref)
        members["warnings"] += warnings
        members["below"] = [] if explained in topics else [topic_answer(explained)]
        return to_json(members)

    def _error_line(self, article_id: str | None, line: int | None, error: Exception) -> bytes:
        problem = problem_of(error)
        self.metrics.refused(problem.kind.name)
        place = {} if line is None else {"line": line}
        return to_json({"id": article_id, **place, "error": problem_json(problem)})

    @staticmethod
    def _check_length(article: Article) -> None:
        """Refuse to explain an article that is too long; of HTML only the text counts."""
        if length(article) <= MAX_EXPLAINED:
            return
        text = article.text()
        if len(text.body) > MAX_EXPLAINED:
            raise ArticleTooLong(
                f"{text.body_field} has {len(text.body):,} characters of text; at most {MAX_EXPLAINED:,} are "
                "explained: shorten it, or ask without explain",
                text.body_field,
            )


def unknown_share(model: TopicModel, article: Article) -> float:
    """Return the share of an article's words that a model does not know.

    Raises:
        ArticleError: it cannot be read.
    """
    bag = model.features.bag(model.read(article))
    return 1.0 - bag.known / max(1, bag.tokens)
