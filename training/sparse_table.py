"""Tables of articles and topics of which nearly all cells are the same, as with thousands of topics they are."""

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

_BLOCK = 4_000_000
"""Cells that are made an array at once."""


class SparseTable:
    """A table, shape (articles, topics), with one value in each column's cells, except for those that are stored.

    It is read as an array is: `table[rows]` and `table[:, columns]` are tables of some rows or columns,
    `np.asarray(table)` is the array. `blocks` tells how many columns to make an array at once.

    Attributes:
        cells: the stored cells, zeros among them too, CSC with sorted rows, shape (articles, topics).
        default: the value of all other cells of each column, shape (topics,), of the same dtype.
    """

    def __init__(self, cells: sp.csc_matrix, default: NDArray[Any]) -> None:
        self.cells = cells
        self.default = default

    @classmethod
    def of(
        cls, rows: NDArray[Any], columns: NDArray[Any], values: NDArray[Any], default: NDArray[Any], articles: int
    ) -> Self:
        """Return the table with these stored cells, no two of them the same."""
        order = np.lexsort((rows, columns))
        starts = np.concatenate(([0], np.cumsum(np.bincount(columns, minlength=len(default)))))
        parts = values[order], rows[order].astype(np.int32), starts.astype(np.int64)
        return cls(sp.csc_matrix(parts, shape=(articles, len(default))), default)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of articles and of topics."""
        articles, topics = self.cells.shape
        return articles, topics

    @property
    def size(self) -> int:
        """The number of cells, stored or not."""
        articles, topics = self.shape
        return articles * topics

    @property
    def columns(self) -> NDArray[np.int64]:
        """The column of each stored cell, in their order."""
        return np.repeat(np.arange(self.shape[1]), np.diff(self.cells.indptr))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> "SparseTable":
        if isinstance(key, tuple):
            rows, columns = key
            if isinstance(rows, slice) and rows == slice(None):
                return SparseTable(self.cells[:, columns], self.default[columns])
            raise IndexError("of a table that is mostly the same, [rows] and [:, columns] can be read")
        some = self.cells.tocsr()[key].tocsc()
        some.sort_indices()
        return SparseTable(some, self.default)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        array = np.empty(self.shape, self.default.dtype)
        array[:] = self.default
        array[self.cells.indices, self.columns] = self.cells.data
        return array if dtype is None else array.astype(dtype)

    def column(self, topic: int) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Return the rows of a column's stored cells, int32, and their values."""
        some = slice(self.cells.indptr[topic], self.cells.indptr[topic + 1])
        return self.cells.indices[some], self.cells.data[some]

    def mapped(self, change: Callable[[NDArray[Any], NDArray[np.int64]], NDArray[Any]]) -> "SparseTable":
        """Return the table of the changed values; `change` takes values and the column of each."""
        cells = self.cells.copy()
        cells.data = change(cells.data, self.columns)
        return SparseTable(cells, change(self.default, np.arange(len(self.default))))

    def at(self, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
        """Return the values of some cells."""
        articles = self.shape[0]
        stored = self.columns * articles + self.cells.indices
        wanted = np.asarray(columns, np.int64) * articles + rows
        values = self.default[columns].copy()
        if len(stored):
            place = np.minimum(np.searchsorted(stored, wanted), len(stored) - 1)
            found = stored[place] == wanted
            values[found] = self.cells.data[place[found]]
        return np.asarray(values)


Table = Any
"""An array of few topics, or `SparseTable` of many; code for one of the two would have to tell them apart."""


def blocks(table: Table) -> Iterator[slice]:
    """Yield slices of the columns: all of an array's at once, of another table's those of which an array is made."""
    articles, topics = table.shape
    step = topics if isinstance(table, np.ndarray) else max(1, _BLOCK // max(1, articles))
    for first in range(0, topics, max(1, step)):
        yield slice(first, min(first + step, topics))


def cells_at(table: Table, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
    """Return the values of some cells of a table."""
    return table.at(rows, columns) if isinstance(table, SparseTable) else table[rows, columns]


def cells_from(table: Table, least: NDArray[Any] | float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of the cells that are no lower than `least`, of all or of each column."""
    if isinstance(table, SparseTable):
        lowest = np.broadcast_to(least, table.default.shape)
        some = table.cells.data >= lowest[table.columns]
        parts = [(table.cells.indices[some].astype(np.int64), table.columns[some])]
        for column in np.flatnonzero(table.default >= lowest).tolist():
            others = np.setdiff1d(np.arange(len(table)), table.column(column)[0])
            parts.append((others, np.full(len(others), column)))
        rows, columns = map(np.concatenate, zip(*parts, strict=True))
        return rows, columns
    rows, columns = np.nonzero(table >= least)
    return rows, columns


def as_sparse_table(array: NDArray[Any], default: NDArray[Any]) -> SparseTable:
    """Return an array as a table of which the cells are stored that differ from `default`, shape (topics,)."""
    rows, columns = np.nonzero(array != default)
    return SparseTable.of(rows, columns, array[rows, columns], default, len(array))


def where_is(table: Table, value: int) -> Any:
    """Return which cells have a value: bool, of the shape; of a table that is mostly another a sparse matrix.

    Raises:
        ValueError: the table is mostly this value.
    """
    if isinstance(table, SparseTable):
        if (table.default == value).any():
            raise ValueError(f"most cells are {value}: a sparse matrix of them would take more memory than the array")
        cells = table.cells.copy()
        cells.data = cells.data == value
        cells.eliminate_zeros()
        return cells.tocsr()
    return table == value


def stacked(tables: list[Table]) -> Table:
    """Return the rows of all tables, which are of one kind and have the same topics."""
    if all(isinstance(table, np.ndarray) for table in tables):
        return np.concatenate([np.asarray(table) for table in tables])
    sparse = [table for table in tables if isinstance(table, SparseTable)]
    cells = sp.vstack([table.cells.tocsr() for table in sparse]).tocsc()
    cells.sort_indices()
    return SparseTable(cells, sparse[0].default)
