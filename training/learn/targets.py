"""The topics of articles, as scikit-learn's users write them and as the decisions that a fit learns from.

Users pass a matrix of 1 (has the topic), 0 (has it not) and -1 (not known, as in `sklearn.semi_supervised`), or a list
of each article's topics, which decides all of them. `tagdesk.training.corpora.labels` calls the three YES, NO and OPEN.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils import check_array

from tagdesk.models.taxonomy import Taxonomy
from tagdesk.training.config import MANY_TOPICS
from tagdesk.training.corpora.labels import NO, OPEN, YES
from tagdesk.training.corpora.own_topics import ids_by_label, new_topics
from tagdesk.training.sparse_table import SparseTable, Table

UNKNOWN = -1
"""In a matrix of targets: it is not known whether the article has the topic."""


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Topics, and which articles have them.

    Attributes:
        classes: the topics as the user names them: ids of a taxonomy, names, or column numbers.
        taxonomy: the same topics, in the same order.
        decisions: yes, no or open, int8, shape (articles, topics).
    """

    classes: NDArray[Any]
    taxonomy: Taxonomy
    decisions: Table


def read_targets(y: Any, topics: Sequence[Any] | Taxonomy | None) -> Targets:
    """Read the topics of articles.

    Args:
        y: a list of lists of topics, a matrix of 1, 0 and -1, or decisions of many topics.
        topics: the topics in the order of the columns. None: those that `y` names, in alphabetical order, or one for
            each column of `y`, named by its number.

    Raises:
        ValueError: `y` is neither of these, or has topics that are not among them.
    """
    lists = _topic_lists(y)
    decisions: Table | None = y if isinstance(y, SparseTable) else None
    if decisions is None and lists is None:
        decisions = decisions_of(read_matrix(y))
    if isinstance(topics, Taxonomy):
        classes, taxonomy = np.array(topics.ids), topics
    else:
        if topics is not None:
            names = [str(topic) for topic in topics]
        elif decisions is not None:
            names = [str(column) for column in range(decisions.shape[1])]
        else:
            names = sorted({topic for row in lists or () for topic in row})
        if not names:
            raise ValueError("there are no topics: y names none")
        classes = np.array(names) if topics is not None or decisions is None else np.arange(len(names))
        taxonomy = Taxonomy("topics", tuple(new_topics((name, name) for name in names)))
    if decisions is None:
        decisions = _decided(lists or [], taxonomy)
    if decisions.shape[1] != len(taxonomy):
        raise ValueError(f"y has {decisions.shape[1]} columns for {len(taxonomy)} topics")
    return Targets(classes, taxonomy, decisions)


def read_matrix(y: Any) -> NDArray[np.int8]:
    """Return a matrix of 1, 0 and -1 as int8.

    Raises:
        ValueError: it has another shape, or other values.
    """
    matrix = check_array(y.toarray() if sp.issparse(y) else y, dtype=None, input_name="y")
    others = [value for value in np.unique(matrix).tolist() if value not in (1, 0, UNKNOWN)]
    if others:
        raise ValueError(f"Unknown label type: y has the value {others[0]!r}; known are 1, 0 and {UNKNOWN} (not known)")
    read: NDArray[np.int8] = matrix.astype(np.int8)
    return read


def targets_of(decisions: Table) -> Table:
    """Return decisions as `TopicClassifier` takes them: a matrix of 1, 0 and -1, int8; those of many topics as is."""
    if isinstance(decisions, SparseTable):
        return decisions
    return np.select([decisions == YES, decisions == NO], [np.int8(1), np.int8(0)], np.int8(UNKNOWN))


def decisions_of(matrix: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return a matrix of 1, 0 and -1 as decisions, int8."""
    return np.select([matrix == 1, matrix == 0], [np.int8(YES), np.int8(NO)], np.int8(OPEN))


def _topic_lists(y: Any) -> list[Collection[str]] | None:
    """Return each article's topics, or None where `y` is a matrix.

    Raises:
        ValueError: it is neither a list of lists nor a matrix.
    """
    if y is None:
        raise ValueError("TopicClassifier requires y to be passed, but the target y is None")
    if isinstance(y, SparseTable):
        return None
    rows = y if sp.issparse(y) or not hasattr(y, "__array__") else np.asarray(y)
    if len(getattr(rows, "shape", ())) == 2:
        return None
    rows = list(rows)
    if any(isinstance(row, str) or not isinstance(row, Iterable) for row in rows):
        raise ValueError(
            "y must be a list of topics for each article, such as [['sport'], ['sport', 'health'], []], or a matrix "
            "with a column for each topic"
        )
    lists: list[Collection[str]] = [list(row) for row in rows]
    return lists if all(isinstance(topic, str) for row in lists for topic in row) else None


def _decided(lists: Sequence[Collection[str]], taxonomy: Taxonomy) -> Table:
    columns = {name: taxonomy.column(topic) for name, topic in ids_by_label(taxonomy.topics).items()}
    unknown = sorted({topic for row in lists for topic in row} - columns.keys())
    if unknown:
        raise ValueError(f"y has topics that are not among the classifier's: {', '.join(unknown)}")
    has = [sorted({columns[topic] for topic in row}) for row in lists]
    rows = np.repeat(np.arange(len(lists)), [len(row) for row in has])
    yes = np.array([column for row in has for column in row], np.int64)
    rest = np.full(len(taxonomy), NO, np.int8)
    decisions = SparseTable.of(rows, yes, np.full(len(yes), YES, np.int8), rest, len(lists))
    return decisions if len(taxonomy) > MANY_TOPICS else np.asarray(decisions)
