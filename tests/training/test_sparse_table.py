"""A table that is mostly the same is read as the array is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagdesk.training.sparse_table import SparseTable, as_sparse_table, blocks, cells_at, cells_from, stacked, where_is

quick = settings(deadline=None, max_examples=60, database=None)
seeds = st.integers(0, 2**32 - 1)


def some_table(seed: int) -> tuple[NDArray[np.int8], SparseTable]:
    random = np.random.default_rng(seed)
    array = random.choice(np.array([-1, -1, -1, 0, 1], np.int8), (random.integers(1, 30), random.integers(1, 9)))
    return array, as_sparse_table(array, np.full(array.shape[1], -1, np.int8))


@quick
@given(seeds)
def test_rows_and_columns_are_those_of_the_array(seed: int) -> None:
    array, table = some_table(seed)
    random = np.random.default_rng(seed)
    rows = random.integers(0, len(array), 5)
    columns = random.random(array.shape[1]) < 0.5
    assert np.array_equal(np.asarray(table), array)
    assert np.array_equal(np.asarray(table[rows]), array[rows])
    assert np.array_equal(np.asarray(table[::2]), array[::2])
    assert np.array_equal(np.asarray(table[:, columns]), array[:, columns])
    assert np.array_equal(np.hstack([np.asarray(table[:, some]) for some in blocks(table)]), array)
    assert np.array_equal(np.asarray(stacked([table, table[rows]])), np.vstack([array, array[rows]]))


@quick
@given(seeds)
def test_cells_are_those_of_the_array(seed: int) -> None:
    array, table = some_table(seed)
    rows, columns = np.indices(array.shape).reshape(2, -1)
    assert np.array_equal(cells_at(table, rows, columns), array[rows, columns])
    of_each = np.random.default_rng(seed).integers(-1, 3, array.shape[1]).astype(np.float64)
    bounds: list[NDArray[np.float64] | float] = [-1.0, 0.0, of_each]
    for least in bounds:
        found, expected = cells_from(table, least), cells_from(array, least)
        assert sorted(zip(*found, strict=True)) == sorted(zip(*expected, strict=True))
    for value in (0, 1):
        assert np.array_equal(where_is(table, value).toarray(), array == value)


def test_cells_of_the_value_that_most_have_are_not_listed() -> None:
    with pytest.raises(ValueError, match="most cells are -1"):
        where_is(some_table(0)[1], -1)


def test_nothing_else_can_be_read() -> None:
    with pytest.raises(IndexError):
        some_table(0)[1][0, 0]
