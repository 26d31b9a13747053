"""Which articles are held out for the test, and which fold each of the others is in.

Pass the id of the first of its near duplicates for each article, in place of its own, and duplicates share a side.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tagdesk.training.errors import TrainingError

TEST_SHARE = 0.1

NO_DAY = np.datetime64("NaT")


def held_out(ids: Iterable[str]) -> NDArray[np.bool_]:
    """Return which articles are held out for the test: bool, shape (articles,), about one in ten.

    An article stays on its side when the corpus grows.
    """
    return _hash_fractions(ids, "held out") < TEST_SHARE


def first_days(dates: Sequence[str | None], group: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Return the day on which the first of each article's near duplicates was published; NaT where none has a date.

    Args:
        dates: ISO days, or None.
        group: a number for each article, the same for near duplicates, 0 to articles - 1, int64, shape (articles,).
    """
    first = np.full(len(group), NO_DAY, "datetime64[D]")
    np.fmin.at(first, group, np.array(dates, "datetime64[D]"))
    days: NDArray[np.datetime64] = first[group]
    return days


def first_test_day(days: NDArray[np.datetime64]) -> np.datetime64:
    """Return the first day whose articles are held out for the test: about the newest tenth, in whole days.

    Raises:
        TrainingError: more than a tenth of the articles have no date, or most are of one day.
    """
    undated = np.isnat(days)
    if undated.mean() > TEST_SHARE:
        raise TrainingError(
            f"{undated.sum():,} of {len(days):,} articles have no date that can be read, so the newest cannot be "
            "held out for the test: add a column `date` (2026-11-23), or hold any tenth out, --test by-id"
        )
    ordered = np.sort(days[~undated])[::-1]
    day: np.datetime64 = ordered[math.ceil(len(ordered) * TEST_SHARE) - 1]
    if (ordered >= day).mean() > 0.5:
        raise TrainingError(
            f"most articles are of {day} or later, so the newest tenth cannot be held out for the test: check the "
            "column `date`, or hold any tenth out, --test by-id"
        )
    return day


def stratified_folds(
    ids: Sequence[str], has: NDArray[np.bool_] | sp.csr_matrix, count: int, seed: int
) -> NDArray[np.int64]:
    """Deal articles into folds so that each topic is spread evenly, the rarest topic first.

    Source: Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label data" (2011), except that groups are
    dealt whole.

    Args:
        ids: the id of each article's group; articles of one group share a fold.
        has: which article has which topic, bool, shape (articles, topics); of many topics a sparse matrix.
        count: number of folds.
        seed: of the order in which groups are dealt.

    Returns:
        int64, shape (articles,), 0 to count - 1.
    """
    names, group = np.unique(np.array(ids, dtype=object), return_inverse=True)
    member = sp.csr_matrix((np.ones(len(group)), (group, np.arange(len(group)))), (len(names), len(group)))
    groups = _Groups((member @ sp.csr_matrix(has, dtype=np.float64)).tocsr(), np.asarray(member.sum(axis=1)).ravel())
    order = np.argsort(_hash_fractions(names.tolist(), f"fold {seed}"), kind="stable")
    topics = np.asarray(groups.counts.sum(axis=0)).ravel()
    deal = _Deal(
        wanted=np.tile(topics / count, (count, 1)),
        room=np.full(count, groups.sizes.sum() / count),
        fold=np.full(len(names), -1, np.int64),
    )
    by_topic = groups.counts[order].tocsc()
    for topic in np.argsort(topics, kind="stable"):
        rows = by_topic.indices[by_topic.indptr[topic] : by_topic.indptr[topic + 1]]
        deal.give(order[np.sort(rows)], groups, int(topic))
    deal.give(order, groups, None)
    return deal.fold[group]


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Groups of articles that are dealt whole.

    Attributes:
        counts: how many articles of each group have each topic, float64, shape (groups, topics).
        sizes: how many articles each group has, float64, shape (groups,).
    """

    counts: sp.csr_matrix
    sizes: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Deal:
    """The state of the deal; the arrays change with every group that is given to a fold.

    Attributes:
        wanted: how many more articles of each topic each fold wants, float64, shape (folds, topics).
        room: how many more articles each fold wants, float64, shape (folds,).
        fold: the fold of each group, int64, shape (groups,); -1 while it has none.
    """

    wanted: NDArray[np.float64]
    room: NDArray[np.float64]
    fold: NDArray[np.int64]

    def give(self, places: NDArray[np.int64], groups: _Groups, topic: int | None) -> None:
        """Give each of these groups that has no fold to the one that wants the topic most.

        Of folds that want it equally, or where `topic` is None, the one with most room gets the group.
        """
        for group in places.tolist():
            if self.fold[group] >= 0:
                continue
            need = np.zeros(len(self.room)) if topic is None else self.wanted[:, topic]
            fold = int(np.lexsort((self.room, need))[-1])
            self.fold[group] = fold
            self.room[fold] -= groups.sizes[group]
            cells = slice(groups.counts.indptr[group], groups.counts.indptr[group + 1])
            self.wanted[fold, groups.counts.indices[cells]] -= groups.counts.data[cells]


def _hash_fractions(ids: Iterable[str], salt: str) -> NDArray[np.float64]:
    """Return a number from 0 to 1 for each id, by its hash: float64, shape (ids,)."""
    hashes = (hashlib.blake2b(f"{salt}\n{article}".encode(), digest_size=8).digest() for article in ids)
    return np.array([int.from_bytes(digest) for digest in hashes], np.float64) / 2.0**64
