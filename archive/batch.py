"""A batch of articles in, a batch of answers out, both Arrow's: the one function that every engine needs."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate
from math import isnan
from typing import Any
from uuid import UUID

import pyarrow as pa

from tagdesk.formats.columns import text_in
from tagdesk.models.errors import ArticleError
from tagdesk.models.reading.article import Article, is_unicode
from tagdesk.models.storage import load
from tagdesk.models.topic_model import TaggedArticle, TopicModel

FIELDS = ("title", "body", "body_html", "language")
"""Columns of a batch of articles, all of them texts, besides `id`; those that are missing count as empty."""

_TOPIC = pa.struct([("id", pa.string()), ("confidence", pa.float64()), ("band", pa.string())])

ANSWERS = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("topics", pa.list_(_TOPIC)),
        pa.field("warnings", pa.list_(pa.string())),
        pa.field("error", pa.string()),
        pa.field("model", pa.string()),
    ]
)
"""The columns of a batch of answers. `topics`, the likeliest first, is null where there is an `error`."""

_NO_TEXT = b"\xff"
"""What stands for a text that is not UTF-8, inside of something else."""

loaded = lru_cache(maxsize=4)(load)
"""Loads a model, once for each process."""


def tag_batch(articles: pa.RecordBatch, model: str | TopicModel = "news-en") -> pa.RecordBatch:
    """Tag a batch of articles, and return an answer or an error for each of them, in order.

    Args:
        articles: columns `id`, `title`, `body` or `body_html`, `language`, by these names; all others are ignored. A
            row has a `body` or, where that is null, a `body_html`. A row with an `error` is not tagged and keeps it.
        model: name, name@version or a bundle's path, which is loaded once for each process; or a model.

    Returns:
        A batch with the columns of `ANSWERS`. Confidences are rounded to six decimals.

    Raises:
        BundleError: there is no such model, or it is damaged.
    """
    tagger = model if isinstance(model, TopicModel) else loaded(model)
    cells = {name: _cells(articles, name) for name in ("id", "error", *FIELDS)}
    ids: list[str | None] = []
    for row, value in enumerate(cells["id"]):
        try:
            ids.append(id_text(value))
        except ArticleError as fault:
            ids.append(None)
            cells["error"][row] = cells["error"][row] or str(fault)
    rows = zip(cells["error"], *(cells[name] for name in FIELDS), strict=True)
    outcomes = list(tagger.tag_each(_article(*row) for row in rows))
    return _answers(ids, outcomes, tagger.ref)


def _cells(articles: pa.RecordBatch, name: str) -> list[Any]:
    place = articles.schema.get_field_index(name)
    return [None] * articles.num_rows if place < 0 else values(articles.column(place))


def values(cells: pa.Array) -> list[Any]:
    """Return the values of an array; of a text that is not UTF-8, its bytes."""
    try:
        return list(cells.to_pylist())
    except UnicodeDecodeError:
        return [_value(cell) for cell in cells]


def _value(cell: pa.Scalar) -> Any:
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        cell = cell.value if isinstance(cell, pa.DictionaryScalar) else cell
        return cell.as_buffer().to_pybytes() if hasattr(cell, "as_buffer") else _NO_TEXT


def _article(error: str | None, title: Any, body: Any, body_html: Any, language: Any) -> Article | Exception:
    if error is not None:
        return ArticleError(error)
    try:
        title, body, body_html = text_of("title", title), text_of("body", body), text_of("body_html", body_html)
        if body is None and body_html is None:
            body = ""
        language = language if isinstance(language, str) else None
        return Article(title or "", body, body_html if body is None else None, language=language)
    except ArticleError as fault:
        return fault


def text_of(name: str, value: Any) -> str | None:
    """Return the text of a cell, None where it is empty.

    Raises:
        ArticleError: it holds something else.
    """
    value = text_in(value)
    if isinstance(value, float):  # as pandas leaves a column of whole numbers in which some are missing
        value = None if isnan(value) else int(value) if value.is_integer() else value
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):  # as some writers of Parquet leave their texts
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise ArticleError(f"{name} is not UTF-8", name) from None
    if isinstance(value, int | float | Decimal | UUID) and not isinstance(value, bool):
        return str(value)  # a title may be `2026`
    raise ArticleError(f"{name} must be text, not {type(value).__name__}", name)


def id_text(value: Any) -> str | None:
    """Return an id as text; None where there is none.

    Raises:
        ArticleError: it is no text and no number.
    """
    text = text_of("id", value.decode("utf-8", "replace") if isinstance(value, bytes) else value)
    return text if text is None or is_unicode(text) else text.encode("utf-8", "replace").decode()


def _answers(ids: list[str | None], outcomes: Sequence[TaggedArticle | Exception], model: str) -> pa.RecordBatch:
    tagged = [outcome if isinstance(outcome, TaggedArticle) else None for outcome in outcomes]
    results = [result for article in tagged if article for result in article.topics]
    topics = pa.StructArray.from_arrays(
        [
            pa.array([result.topic.id for result in results], pa.string()),
            pa.array([round(result.confidence, 6) for result in results], pa.float64()),
            pa.array([result.band for result in results], pa.string()),
        ],
        fields=list(_TOPIC),
    )
    lengths = [len(article.topics) if article else 0 for article in tagged]
    errors = [None if article else _why(outcome) for article, outcome in zip(tagged, outcomes, strict=True)]
    failed = pa.array([article is None for article in tagged], pa.bool_())
    offsets = pa.array(accumulate(lengths, initial=0), pa.int32())
    return pa.RecordBatch.from_arrays(
        [
            pa.array(ids, pa.string()),
            pa.ListArray.from_arrays(offsets, topics, mask=failed),
            pa.array([list(article.warnings) if article else [] for article in tagged], pa.list_(pa.string())),
            pa.array(errors, pa.string()),
            pa.array([model] * len(tagged), pa.string()),
        ],
        schema=ANSWERS,
    )


def _why(error: Any) -> str:
    """Return a sentence on an error, with nothing of the article in it."""
    return str(error) if isinstance(error, ArticleError) else f"the model failed with {type(error).__name__}: report it"
