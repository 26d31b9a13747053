"""Which articles are kept for the test, and which fold each of the others is in.

Given what the first of an article's near duplicates is called, in place of its own id, duplicates share a side.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.errors import TrainingError

TEST_SHARE = 0.1

NO_DAY = np.datetime64("NaT")


def held_out(ids: Iterable[str]) -> NDArray[np.bool_]:
    """Say which articles are kept for the test: bool, shape (articles,), about one in ten.

    An article stays on its side when the corpus grows.
    """
    return _places(ids, "held out") < TEST_SHARE


def first_days(dates: Sequence[str | None], group: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Return the day on which the first of each article's near duplicates came out; NaT where none has a date.

    Args:
        dates: ISO days, or None.
        group: a number per article, the same for near duplicates and under the number of articles, int64.
    """
    first = np.full(len(group), NO_DAY, "datetime64[D]")
    np.fmin.at(first, group, np.array(dates, "datetime64[D]"))
    found: NDArray[np.datetime64] = first[group]
    return found


def first_test_day(days: NDArray[np.datetime64]) -> np.datetime64:
    """Return the day from which on articles are kept for the test: of these about the newest tenth, whole days.

    Raises:
        TrainingError: more than a tenth of the articles has no date, or most are of one day.
    """
    undated = np.isnat(days)
    if undated.mean() > TEST_SHARE:
        raise TrainingError(
            f"{undated.sum():,} of {len(days):,} articles have no date, so the newest cannot be kept for the test: "
            "add a column `date` (2026-11-23), or choose them by their ids, --test by-id"
        )
    ordered = np.sort(days[~undated])[::-1]
    day: np.datetime64 = ordered[math.ceil(len(ordered) * TEST_SHARE) - 1]
    if (ordered >= day).mean() > 0.5:
        raise TrainingError(
            f"most articles are of {day} or later, so the newest tenth cannot be kept for the test: check the column "
            "`date`, or choose them by their ids, --test by-id"
        )
    return day


def folds(ids: Iterable[str], count: int, seed: int) -> NDArray[np.int64]:
    """Deal articles into folds by their ids: int64, shape (articles,), 0 to count - 1."""
    return (_places(ids, f"fold {seed}") * count).astype(np.int64)


def stratified_folds(ids: Sequence[str], has: NDArray[np.bool_], count: int, seed: int) -> NDArray[np.int64]:
    """Deal articles into folds so that each topic is spread evenly, the rarest first.

    Source: Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label data" (2011), with groups dealt
    whole.

    Args:
        ids: what each article's group is called; those of a group share a fold.
        has: which article has which topic, bool, shape (articles, topics).
        count: number of folds.
        seed: decides among equals.

    Returns:
        int64, shape (articles,), 0 to count - 1.
    """
    names, group = np.unique(np.array(ids, dtype=object), return_inverse=True)
    member = sp.csr_matrix((np.ones(len(group)), (group, np.arange(len(group)))), (len(names), len(group)))
    yes = (member @ sp.csr_matrix(has, dtype=np.float64)).tocsr()  # of each group, articles with a topic
    size = np.asarray(member.sum(axis=1)).ravel()
    order = np.argsort(_places(names.tolist(), f"fold {seed}"), kind="stable")
    topics = np.asarray(yes.sum(axis=0)).ravel()
    wanted = np.tile(topics / count, (count, 1))
    room = np.full(count, size.sum() / count)
    by_topic = yes[order].tocsc()
    found = np.full(len(names), -1, np.int64)
    for topic in np.argsort(topics, kind="stable"):
        rows = by_topic.indices[by_topic.indptr[topic] : by_topic.indptr[topic + 1]]
        _deal(order[np.sort(rows)], yes, size, wanted, room, found, int(topic))
    _deal(order, yes, size, wanted, room, found, None)
    return found[group]


def _deal(
    groups: NDArray[np.int64],
    yes: sp.csr_matrix,
    size: NDArray[np.float64],
    wanted: NDArray[np.float64],
    room: NDArray[np.float64],
    found: NDArray[np.int64],
    topic: int | None,
) -> None:
    """Give each group that has no fold yet to the one that wants the topic most, of equals to that with most room."""
    for group in groups.tolist():
        if found[group] >= 0:
            continue
        need = np.zeros(len(room)) if topic is None else wanted[:, topic]
        fold = int(np.lexsort((room, need))[-1])
        found[group] = fold
        room[fold] -= size[group]
        mine = slice(yes.indptr[group], yes.indptr[group + 1])
        wanted[fold, yes.indices[mine]] -= yes.data[mine]


def _places(ids: Iterable[str], salt: str) -> NDArray[np.float64]:
    """Return a number from 0 to 1 per id, by its hash."""
    hashes = (hashlib.blake2b(f"{salt}\n{one}".encode(), digest_size=8).digest() for one in ids)
    return np.array([int.from_bytes(found) for found in hashes], np.float64) / 2.0**64
